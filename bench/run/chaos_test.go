package run

import (
	"slices"
	"testing"
	"time"

	"raftzab/bench/fault"
	"raftzab/bench/random"
	"raftzab/protocols"
	"raftzab/results"
)

// unruly is the cell of 5 s of chaos, watched for 5 s more.
func unruly(system string, trials int) *Cell {
	c := failover(system, fault.Chaotic, trials)
	c.Settings.Faults[0] = Planned{At: random.Always(second), Kind: fault.Chaotic, For: 5000 * ms}
	c.Settings.Observe, c.Settings.Probe.Interval = 12_000*ms, 20*ms
	return c
}

// Every simulated system is struck, and serves again when all is mended; the same
// seed gives the same, whatever the number of jobs.
func TestChaosStrikesAndIsMended(t *testing.T) {
	for _, system := range []string{"raft", "zab", "etcd", "hashicorp"} {
		s, err := Lookup(system)
		if err != nil {
			t.Fatal(err)
		}
		cell := unruly(system, 12)
		rows, sum := measure(t, cell, 1)
		var down results.Number
		for _, r := range rows {
			if r.Outcome != results.OK || r.Settled != results.Stable {
				t.Errorf("%s, trial %d: %v, %s", system, r.Trial, r.Outcome, r.Settled)
			}
			down += r.DownMS
		}
		if len(rows) != 12 || down < 12*200 || down > 12*6000 {
			t.Errorf("%s: %d trials, down %v ms in all", system, len(rows), down)
		}
		if !s.Reproducible {
			continue
		}
		if _, again := measure(t, cell, 3); again.Checksum != sum.Checksum {
			t.Errorf("%s: another chaos from the same seed", system)
		}
		cell.Seed++
		if _, other := measure(t, cell, 1); other.Checksum == sum.Checksum {
			t.Errorf("%s: the same chaos from another seed", system)
		}
	}
}

// whole is a View of servers that run, and of which the first leads.
type whole struct{}

func (whole) Status(id NodeID) (protocols.Status, bool) {
	if id == 1 {
		return protocols.Status{Role: protocols.Leader, Active: true, Epoch: 1}, true
	}
	return protocols.Status{}, true
}

// When it strikes is drawn from seed and trial alone; it strikes from its beginning
// to before its end, and then mends, even where it is called late.
func TestASpellOfChaosHasABeginningAndAnEnd(t *testing.T) {
	cell := unruly("raft", 1)
	cell.chaos = fault.Options{Voters: 5, Datagram: true}
	cell.Settings.Network.Bandwidth = 1e6
	told := func(trial int, late Time) (at []Time, fs []fault.Fault) {
		a := newAgenda(cell, trial)
		for {
			now := a.Next()
			if now == 0 {
				return at, fs
			}
			for {
				f, ok := a.Due(now+late, 0, whole{})
				if !ok {
					break
				}
				at, fs = append(at, now), append(fs, f)
			}
		}
	}
	slowed, mended := 0, 0
	for trial := range 50 {
		at, fs := told(trial, 0)
		settled := slices.Index(at, 6*second)
		if at[0] != second || settled < 6 || settled > 26 || at[len(at)-1] != 6*second {
			t.Fatalf("trial %d: strikes at %v", trial, at)
		}
		for i, now := range at[1:settled] {
			if gap := time.Duration(now - at[i]); gap < 200*time.Millisecond || gap >= 900*time.Millisecond {
				t.Errorf("trial %d: a gap of %v", trial, gap)
			}
		}
		var broken wreck
		for i, f := range fs {
			if broken.take(f); f.Kind == fault.Link {
				if f.Back {
					mended++
				} else if slowed++; f.Bandwidth != 1e6 || i >= settled {
					t.Errorf("trial %d: %v", trial, f)
				}
			}
		}
		if len(broken.down)+len(broken.paused) > 0 {
			t.Errorf("trial %d leaves %+v", trial, broken)
		}
		if _, again := told(trial, 0); !slices.EqualFunc(fs, again, func(a, b fault.Fault) bool { return a.String() == b.String() }) {
			t.Errorf("trial %d: %v, then %v", trial, fs, again)
		}
		if _, late := told(trial, 10*second); len(late) != len(fs) || late[len(late)-1].String() != fs[len(fs)-1].String() {
			t.Errorf("trial %d, called late: %v, and in time %v", trial, late, fs)
		}
	}
	if slowed == 0 || mended < 50 {
		t.Errorf("links slowed %d times, and mended %d times", slowed, mended)
	}
}

// Chaos strikes with all that a system can have where it runs, and with nothing else.
func TestChaosDrawsWhatTheWorldHas(t *testing.T) {
	process := []fault.Kind{fault.Crash, fault.Restart, fault.Pause, fault.Resume}
	network := []fault.Kind{fault.PowerOff, fault.Partition, fault.Isolate, fault.Cut, fault.Heal, fault.Link}
	disk, clock, transfer := fault.Disk, fault.Clock, fault.Transfer
	sim, live, loop := World{Mode: Sim}, World{Mode: Live}, World{Mode: Live, Loopback: true}
	for _, c := range []struct {
		system string
		world  World
		want   []fault.Kind
		fails  bool // disks do
	}{
		{"raft", sim, slices.Concat(process, network, []fault.Kind{disk, clock, transfer}), true},
		{"etcd", sim, slices.Concat(process, network, []fault.Kind{disk, clock, transfer}), true},
		{"zab", sim, slices.Concat(process, network, []fault.Kind{disk, clock}), true},
		{"hashicorp", sim, slices.Concat(process[:2], network, []fault.Kind{disk, transfer}), false},
		{"raft", live, slices.Concat(process, network, []fault.Kind{disk, clock, transfer}), true},
		{"zab", live, slices.Concat(process, network, []fault.Kind{disk, clock}), true},
		{"hashicorp", live, slices.Concat(process, network, []fault.Kind{transfer}), false},
		{"zookeeper", live, slices.Concat(process, network), false},
		{"raft", loop, slices.Concat(process, []fault.Kind{disk, clock, transfer}), true},
		{"hashicorp", loop, slices.Concat(process, []fault.Kind{transfer}), false},
		{"zookeeper", loop, process, false},
	} {
		s, err := Lookup(c.system)
		if err != nil {
			t.Fatal(err)
		}
		cell := unruly(c.system, 1)
		cell.Mode, cell.Loopback = c.world.Mode, c.world.Loopback
		if !s.Supports(c.world, fault.Chaotic) {
			t.Errorf("%s %v has no chaos", c.system, c.world)
		}
		chaos := fault.NewChaosOf(s.unrest(cell), random.Stream(1, 0, random.Schedule, 0))
		for range 3000 {
			chaos.Next(whole{})
		}
		for _, f := range chaos.Settle(random.Distribution{}) {
			chaos.Count[f.Kind]++
		}
		for k := range fault.Kinds {
			if want := slices.Contains(c.want, k); want != (chaos.Count[k] > 0) {
				t.Errorf("%s %v: %v %d times", c.system, c.world, k, chaos.Count[k])
			}
		}
		if partial := slices.Contains(c.want, fault.Partition); partial != (chaos.Variant[fault.Chained] > 0) || c.fails != (chaos.Variant[fault.Failing] > 0) {
			t.Errorf("%s %v: %v", c.system, c.world, chaos.Variant)
		}
		if packets := c.world == live; packets != (chaos.Variant[fault.Unruly] > 0) {
			t.Errorf("%s %v: links are unruly %d times", c.system, c.world, chaos.Variant[fault.Unruly])
		}
	}
	cell := unruly("raft", 1)
	cell.Settings.Raft.ClockDrift, cell.Settings.Network.Channel = 0.01, datagram
	if o := Systems[0].unrest(cell); o.Drift != 0.01 || o.Skew != 0 || !o.Datagram {
		t.Errorf("with leases, on datagrams: %+v", o)
	}
}

// What a trial broke many times is mended once: orders to a process that is stopped
// have to wait, and only so many can.
func TestAWreckIsMendedOnce(t *testing.T) {
	var w wreck
	for i := range 100 {
		node := []NodeID{NodeID(1 + i%3)}
		w.take(fault.Fault{Kind: fault.Disk, Nodes: node, Fsync: random.Always(Time(i))})
		w.take(fault.Fault{Kind: fault.Clock, Nodes: node, Drift: 0.1, Skew: Time(i)})
		w.take(fault.Fault{Kind: fault.Link, From: node, To: []NodeID{1, 2, 3}, Loss: 0.1})
	}
	if got := w.undo(&Settings{}); len(got) != 9 {
		t.Errorf("%d faults: %v", len(got), got)
	}
}

func TestBandwidthsAreThoseOfTheSettings(t *testing.T) {
	x := &Settings{Network: Network{Bandwidth: 1e6}, Links: []Link{
		{From: []NodeID{1, 2}, To: []NodeID{2, 3}, Bandwidth: new(5e6)},
		{From: []NodeID{2}, To: []NodeID{3}, Loss: new(0.1)},
		{From: []NodeID{3}, To: []NodeID{1}, Bandwidth: new(0.0)}}}
	speed := x.bandwidth()
	for _, c := range []struct {
		from, to NodeID
		want     float64
	}{{1, 2, 5e6}, {1, 3, 5e6}, {2, 1, 1e6}, {2, 3, 1e6}, {3, 1, 0}, {protocols.None, 1, 1e6}, {1, protocols.None, 1e6}} {
		if got := speed(c.from, c.to); got != c.want {
			t.Errorf("%d->%d: %g, want %g", c.from, c.to, got, c.want)
		}
	}
	if x.Clients.Delay = new(random.Always(1)); speed(protocols.None, 1) != 0 || speed(1, protocols.None) != 0 {
		t.Error("clients that have a delay of their own have no bandwidth")
	}
	if x.Network.Bandwidth, x.Links = 0, x.Links[1:2]; x.bandwidth() != nil {
		t.Error("a bandwidth where none is said")
	}
}
