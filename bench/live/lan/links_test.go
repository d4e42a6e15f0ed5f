package lan

import (
	"fmt"
	"strings"
	"testing"

	"raftzab/bench/fault"
	"raftzab/bench/network"
	"raftzab/bench/random"
)

func four(edit func(*Config)) *links {
	cfg := Config{Network: network.Config{Nodes: 4, Default: network.Quality{Delay: random.Always(5 * ms), Loss: 0.1}}}
	if edit != nil {
		edit(&cfg)
	}
	return newLinks(cfg)
}

// cuts writes which directions are cut, as 12 for 1->2.
func (ls *links) cuts() string {
	var all []string
	for from := range ls.nodes + 1 {
		for to := range ls.nodes + 1 {
			if ls.link(NodeID(from), NodeID(to)).isCut() {
				all = append(all, fmt.Sprintf("%d%d", from, to))
			}
		}
	}
	return strings.Join(all, " ")
}

type ids = []NodeID

func TestFaultsCutWhatBenchFaultSays(t *testing.T) {
	partition := func(groups ...ids) fault.Fault { return fault.Fault{Kind: fault.Partition, Groups: groups} }
	isolate := func(nodes ...NodeID) fault.Fault { return fault.Fault{Kind: fault.Isolate, Nodes: nodes} }
	cut := func(from, to ids) fault.Fault { return fault.Fault{Kind: fault.Cut, From: from, To: to} }
	heal := func(from, to ids) fault.Fault { return fault.Fault{Kind: fault.Heal, From: from, To: to} }
	for _, c := range []struct {
		name   string
		faults []fault.Fault
		want   string
	}{
		{"a partition", []fault.Fault{partition(ids{1, 2}, ids{3, 4})}, "13 14 23 24 31 32 41 42"},
		{"a node in no group is alone", []fault.Fault{partition(ids{1, 2, 3})}, "14 24 34 41 42 43"},
		{"groups that overlap", []fault.Fault{partition(ids{1, 2}, ids{2, 3}, ids{2, 4})}, "13 14 31 34 41 43"},
		{"a partition takes the place of earlier cuts", []fault.Fault{cut(ids{1}, ids{2}), isolate(3), partition(ids{1, 2, 3}, ids{4})}, "14 24 34 41 42 43"},
		{"isolation", []fault.Fault{isolate(2)}, "12 21 23 24 32 42"},
		{"isolation of two", []fault.Fault{isolate(2, 3)}, "12 13 21 23 24 31 32 34 42 43"},
		{"isolation leaves earlier cuts", []fault.Fault{cut(ids{3}, ids{4}), isolate(1)}, "12 13 14 21 31 34 41"},
		{"one way", []fault.Fault{cut(ids{1}, ids{1, 2, 3})}, "12 13"},
		{"a heal", []fault.Fault{isolate(1), cut(ids{2}, ids{3}), heal(nil, nil)}, ""},
		{"a partial heal", []fault.Fault{isolate(1), heal(ids{1}, ids{2, 3})}, "14 21 31 41"},
	} {
		ls := four(nil)
		for _, f := range c.faults {
			if err := ls.inject(f); err != nil {
				t.Fatal(err)
			}
		}
		if got := ls.cuts(); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestALinkFaultChangesQualityAndBackRestoresIt(t *testing.T) {
	ls := four(nil)
	worse := network.Quality{Delay: random.Always(80 * ms), Loss: 0.3, Duplicate: 0.2, Reorder: 0.1}
	f := fault.Fault{Kind: fault.Link, From: ids{1}, To: ids{1, 2, 3}, Delay: worse.Delay, Loss: worse.Loss, Duplicate: worse.Duplicate, Reorder: worse.Reorder}
	for _, step := range []fault.Fault{{Kind: fault.Cut, From: ids{1}, To: ids{2}}, f} {
		if err := ls.inject(step); err != nil {
			t.Fatal(err)
		}
	}
	if ls.link(1, 2).quality() != worse || ls.link(1, 3).quality() != worse || !ls.link(1, 2).isCut() || ls.link(1, 3).isCut() {
		t.Error("the links of node 1 are not as asked, or a cut has ended")
	}
	if q := ls.link(2, 1).quality(); q.Loss != 0.1 {
		t.Errorf("the other way: %+v", q)
	}
	f.Back = true
	if err := ls.inject(f); err != nil || ls.link(1, 2).quality() != ls.link(2, 1).quality() || !ls.link(1, 2).isCut() {
		t.Errorf("back: %+v, %v", ls.link(1, 2).quality(), err)
	}
}

func TestClientsHaveADelayOfTheirOwnAndAreNeverCut(t *testing.T) {
	near := random.Always(1 * ms)
	ls := four(func(c *Config) { c.Network.Clients = &near })
	for id := NodeID(1); id <= 4; id++ {
		for _, l := range []*link{ls.link(Clients, id), ls.link(id, Clients)} {
			if l.quality() != (network.Quality{Delay: near}) {
				t.Errorf("node %d: %+v", id, l.quality())
			}
		}
	}
	if q := four(nil).link(Clients, 1).quality(); q.Loss != 0.1 {
		t.Errorf("clients as nodes: %+v", q)
	}
	if err := ls.inject(fault.Fault{Kind: fault.Cut, From: ids{Clients}, To: ids{1}}); err == nil {
		t.Error("clients can be cut off")
	}
}

func TestDirectionsMayDiffer(t *testing.T) {
	far := network.Quality{Delay: random.Always(40 * ms)}
	ls := four(func(c *Config) {
		c.Network.Override = []network.Override{{From: 1, To: 2, Quality: far}}
		c.Bandwidth = func(from, to NodeID) float64 { return float64(from) * 1e6 }
	})
	if ls.link(1, 2).quality() != far || ls.link(2, 1).quality() == far {
		t.Error("an override is of one direction")
	}
	if a, b := ls.link(3, 1).speed, ls.link(Clients, 1).speed; a != 3e6 || b != 0 {
		t.Errorf("bandwidths %v, %v", a, b)
	}
}

// A link that is slowed down goes as fast as before when the fault is taken back,
// and a cut leaves its speed alone.
func TestALinkFaultHasABandwidth(t *testing.T) {
	ls := four(func(c *Config) { c.Bandwidth = func(from, to NodeID) float64 { return 8e6 } })
	taken := func(now int64) int64 { // how long 1000 bytes are on the line
		at, copies := ls.link(1, 2).send(now, 1000)
		switch {
		case copies != 1:
			return -1
		case at[0] == atOnce:
			return 0
		}
		return at[0] - now
	}
	slow := fault.Fault{Kind: fault.Link, From: ids{1}, To: ids{2}, Bandwidth: 8e3}
	none := fault.Fault{Kind: fault.Link, From: ids{1}, To: ids{2}}
	back := fault.Fault{Kind: fault.Link, From: ids{1}, To: ids{2}, Back: true}
	cut := fault.Fault{Kind: fault.Cut, From: ids{1}, To: ids{2}}
	now := began
	for i, c := range []struct {
		f    fault.Fault
		want int64
	}{{slow, int64(1000 * ms)}, {cut, -1}, {fault.Fault{Kind: fault.Heal}, int64(1000 * ms)}, {none, 0}, {slow, int64(1000 * ms)}} {
		if err := ls.inject(c.f); err != nil {
			t.Fatal(err)
		}
		if got := taken(now); got != c.want {
			t.Errorf("%d: %v: %d ns, want %d", i, c.f, got, c.want)
		}
		now += int64(10_000 * ms)
		ls.link(1, 2).line.Store(0)
	}
	if err := ls.inject(back); err != nil {
		t.Fatal(err)
	}
	if r := ls.link(1, 2).rule.Load(); r.speed != 8e6 || r.Loss != 0.1 {
		t.Errorf("back: %+v", r)
	}
}

func TestWhatCannotBeIsAnError(t *testing.T) {
	ls := four(nil)
	for _, f := range []fault.Fault{
		{Kind: fault.Isolate, Nodes: ids{5}},
		{Kind: fault.Partition, Groups: []ids{{1}, {0}}},
		{Kind: fault.Crash, Nodes: ids{1}},
		{Kind: fault.PowerOff, Nodes: ids{1}}, // processes have to die with it: PowerOff
	} {
		if err := ls.inject(f); err == nil {
			t.Errorf("%v is taken", f)
		}
	}
	for _, c := range []Config{
		{},
		{Network: network.Config{Nodes: Most + 1}},
		{Network: network.Config{Nodes: 3, Override: []network.Override{{From: 1, To: 4}}}},
		{Network: network.Config{Nodes: 3}, Queue: -1},
	} {
		if err := c.Validate(); err == nil {
			t.Errorf("%+v is valid", c)
		}
	}
}
