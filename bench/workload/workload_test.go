package workload

import (
	"math"
	"slices"
	"testing"

	"raftzab/bench"
	"raftzab/bench/kv"
	"raftzab/protocols"
)

const ms = Time(1_000_000)

// A desk is a service that answers each request after a fixed time, in order, from
// one store; node 1 leads until told otherwise.
type desk struct {
	t        *testing.T
	p        *Population
	takes    Time
	silent   NodeID // answers nobody
	leader   NodeID
	strict   bool // only the leader answers, and others name it
	waiting  []arrived
	head     int
	versions [256]uint64
	values   map[uint64]bool
	ended    []Operation
	asked    []bench.Request
	askedOf  []NodeID
	cut      int // calls of Disconnect
	keep     bool
}

type arrived struct {
	at Time
	to NodeID
	r  bench.Request
}

func (d *desk) Submit(now Time, to NodeID, r bench.Request) {
	if d.head > 0 && len(d.waiting) == cap(d.waiting) {
		d.waiting, d.head = d.waiting[:copy(d.waiting, d.waiting[d.head:])], 0
	}
	d.waiting = append(d.waiting, arrived{now + d.takes, to, r})
	if d.keep {
		d.asked, d.askedOf = append(d.asked, r), append(d.askedOf, to)
	}
}

func (d *desk) Disconnect(uint32, NodeID) { d.cut++ }

func (d *desk) Status(id NodeID) (protocols.Status, bool) {
	s := protocols.Status{Leader: d.leader, Active: true, Epoch: 1}
	if id == d.leader {
		s.Role = protocols.Leader
	}
	return s, id != d.silent
}

func (d *desk) Record(o *Operation) {
	if d.keep {
		d.ended = append(d.ended, *o)
	}
}

// run has time pass.
func (d *desk) run(from, until Time) {
	wake := d.p.Wake(from)
	for now := from; now <= until; {
		next := until + 1
		if d.head < len(d.waiting) {
			next = d.waiting[d.head].at
		}
		if wake != 0 && wake <= next {
			if now = wake; now > until {
				return
			}
			if wake = d.p.Wake(now); wake != 0 && wake <= now {
				d.t.Fatalf("woken at %d, and wants to be at %d", now, wake)
			}
			continue
		}
		if now = next; now > until {
			return
		}
		a := d.waiting[d.head]
		d.head++
		reply := bench.Reply{ID: a.r.ID, Node: a.to, At: protocols.EntryID{Epoch: 1, Index: d.versions[a.r.Key]}}
		switch {
		case a.to == d.silent:
			continue
		case d.strict && a.to != d.leader:
			reply.Outcome, reply.Leader = bench.Refused, d.leader
		case a.r.Op == kv.Put:
			d.versions[a.r.Key]++
			if d.keep && d.values[a.r.Value] {
				d.t.Fatalf("value %x is written twice", a.r.Value)
			}
			if d.keep {
				d.values[a.r.Value] = true
			}
			fallthrough
		default:
			reply.Version = d.versions[a.r.Key]
		}
		d.p.Reply(now, reply)
	}
}

func newDesk(t *testing.T, change func(*Config)) *desk {
	cfg := Default()
	cfg.Rate, cfg.Reads, cfg.Others = 1000, 0.5, 3
	if change != nil {
		change(&cfg)
	}
	d := &desk{t: t, takes: ms, leader: 1, values: map[uint64]bool{}, keep: true}
	d.p = New(cfg, d, d)
	d.p.Reset(1, 0, 10*ms)
	return d
}

func (d *desk) count(want func(*Operation) bool) (n int) {
	for i := range d.ended {
		if want(&d.ended[i]) {
			n++
		}
	}
	return n
}

func TestAnOpenLoopKeepsItsRate(t *testing.T) {
	for _, poisson := range []bool{true, false} {
		d := newDesk(t, func(c *Config) { c.Poisson = poisson })
		d.p.End(10_010 * ms)
		d.run(0, 11_000*ms)
		n, reads := len(d.ended), d.count(func(o *Operation) bool { return o.Op == kv.Get })
		if s := math.Sqrt(10_000); math.Abs(float64(n-10_000)) > 4*s || !poisson && n != 10_000 {
			t.Errorf("poisson %t: %d operations in 10 s at 1000 a second", poisson, n)
		}
		if math.Abs(float64(reads)-float64(n)/2) > 200 {
			t.Errorf("%d of %d are reads, with a share of one half", reads, n)
		}
		if !d.p.Idle() {
			t.Error("something is under way after the end")
		}
	}
}

// What is due while nobody answers begins all the same, and what it waits for counts.
func TestLatencyCountsFromTheInstantThatWasMeant(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.Poisson = false })
	d.p.End(100 * ms)
	d.run(0, 20*ms)
	d.run(50*ms+1, 500*ms) // the clients' machine slept for 30 ms
	late := d.count(func(o *Operation) bool { return o.Start-o.Due > 10*ms })
	if late < 15 || late > 25 {
		t.Errorf("%d operations began over 10 ms late", late)
	}
	if n := d.count(func(o *Operation) bool { return o.Start >= 50*ms && o.End-o.Start > 2*ms }); n > 0 {
		t.Errorf("%d took longer than the service", n)
	}
}

func TestAClosedLoopHasOneOperationAClient(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.Rate, c.Clients = 0, 4 })
	d.p.End(1010 * ms)
	d.run(0, 2000*ms)
	if n := len(d.ended); n < 3990 || n > 4004 {
		t.Errorf("4 clients that are answered in 1 ms had %d operations in a second", n)
	}
	last := map[uint32]Time{}
	for _, o := range d.ended {
		if o.Start < last[o.Client] {
			t.Fatalf("client %d asks at %d, and was answered at %d", o.Client, o.Start, last[o.Client])
		}
		last[o.Client] = o.End
	}
}

func TestWhatIsNotAnsweredIsGivenUpAndTheSessionMoves(t *testing.T) {
	for _, rate := range []float64{1000, 0} {
		d := newDesk(t, func(c *Config) { c.Rate, c.Forwards, c.Timeout = rate, true, 100*ms })
		d.silent = 2
		d.p.End(1010 * ms)
		d.run(0, 2000*ms)
		lost := d.count(func(o *Operation) bool { return o.Outcome == bench.Unknown })
		after := d.count(func(o *Operation) bool { return o.Node == 2 && o.Start > 250*ms })
		if lost == 0 || d.cut == 0 || after > 0 {
			t.Errorf("rate %g: %d lost, %d connections given up, %d operations went to the silent node after 250 ms", rate, lost, d.cut, after)
		}
		if long := d.count(func(o *Operation) bool { return o.End-o.Start > 100*ms }); long > 0 || !d.p.Idle() {
			t.Errorf("rate %g: %d took longer than the time-out; idle %t", rate, long, d.p.Idle())
		}
	}
}

// A service that refuses all is not asked without end.
func TestAClosedLoopPausesAfterAFailure(t *testing.T) {
	d := newDesk(t, func(c *Config) { c.Rate, c.Clients, c.Forwards = 0, 4, true })
	d.strict, d.leader = true, protocols.None
	d.p.End(1010 * ms)
	d.run(0, 2000*ms)
	if n := len(d.ended); n < 200 || n > 400 {
		t.Errorf("4 clients were refused %d times in a second", n)
	}
}

func TestARedirectIsFollowed(t *testing.T) {
	d := newDesk(t, nil)
	d.strict = true
	d.p.Reset(1, 0, 10*ms)
	d.p.End(1010 * ms)
	d.run(0, 500*ms)
	d.leader = 3
	d.run(500*ms+1, 2000*ms)
	writes := d.count(func(o *Operation) bool { return o.Op == kv.Put })
	if ok := d.count(func(o *Operation) bool { return o.Op == kv.Put && o.Outcome == bench.OK }); ok < writes || writes < 400 {
		t.Errorf("%d of %d writes succeeded", ok, writes)
	}
	if n := d.count(func(o *Operation) bool { return o.Op == kv.Put && o.Node == 3 }); n < 200 {
		t.Errorf("%d writes went to the new leader", n)
	}
}

// A client that is not told who leads asks, goes where it is sent, and stays there, or
// begins where it is attached with each operation.
func TestAClientFindsTheLeader(t *testing.T) {
	for _, c := range []struct {
		finding Finding
		attach  Attach
		refused int // operations' first requests that went to others, of those of 4 clients
		most    int
	}{{Known, Any, 0, 0}, {Asked, Any, 1, 4}, {Each, Followers, 100, 1 << 20}} {
		d := newDesk(t, func(x *Config) { x.Clients, x.Reads, x.Finding, x.Attach = 4, 0, c.finding, c.attach })
		d.strict, d.leader = true, 2
		d.p.Reset(1, 0, 10*ms)
		d.p.End(1010 * ms)
		d.run(0, 2000*ms)
		first := map[uint64]NodeID{}
		for i, r := range d.asked {
			if _, seen := first[r.Value]; !seen {
				first[r.Value] = d.askedOf[i]
			}
		}
		n := 0
		for _, to := range first {
			if to != 2 {
				n++
			}
		}
		if n < c.refused || n > c.most || c.finding == Each && n != len(first) {
			t.Errorf("finding %d: %d of %d operations began elsewhere than at the leader", c.finding, n, len(first))
		}
		if ok := d.count(func(o *Operation) bool { return o.Outcome == bench.OK && o.Node == 2 }); ok != len(d.ended) || ok < 500 {
			t.Errorf("finding %d: %d of %d operations succeeded at the leader", c.finding, ok, len(d.ended))
		}
	}
}

func TestSessionsAttachToWhomTheyMay(t *testing.T) {
	for _, c := range []struct {
		attach   Attach
		forwards bool
		reads    []NodeID
		writes   []NodeID
	}{
		{Any, false, []NodeID{1, 2, 3, 4, 5}, []NodeID{1}}, {Leader, false, []NodeID{1}, []NodeID{1}},
		{Followers, false, []NodeID{2, 3}, []NodeID{1}}, {Observers, false, []NodeID{4, 5}, []NodeID{1}},
		{Any, true, []NodeID{1, 2, 3, 4, 5}, []NodeID{1, 2, 3, 4, 5}}, {Leader, true, []NodeID{1}, []NodeID{1}},
		{Followers, true, []NodeID{2, 3}, []NodeID{2, 3}}, {Observers, true, []NodeID{4, 5}, []NodeID{4, 5}},
	} {
		d := newDesk(t, func(x *Config) { x.Observers, x.Attach, x.Forwards = 2, c.attach, c.forwards })
		d.p.End(200 * ms)
		d.run(0, 400*ms)
		var reads, writes []NodeID
		for _, o := range d.ended {
			if list := &writes; o.Op == kv.Get {
				reads = append(reads, o.Node)
			} else {
				*list = append(*list, o.Node)
			}
		}
		for _, got := range []struct{ is, want []NodeID }{{reads, c.reads}, {writes, c.writes}} {
			slices.Sort(got.is)
			if is := slices.Compact(got.is); !slices.Equal(is, got.want) {
				t.Errorf("attach %d, forwards %t: to %v, not to %v", c.attach, c.forwards, is, got.want)
			}
		}
	}
}

func TestOneSeedAsksForTheSame(t *testing.T) {
	ask := func(trial int, takes Time) []bench.Request {
		d := newDesk(t, nil)
		d.takes = takes
		d.p.Reset(1, trial, 10*ms)
		d.p.End(200 * ms)
		d.run(0, 400*ms)
		return d.asked
	}
	a, b := ask(0, ms), ask(0, 3*ms)
	if len(a) == 0 || !slices.Equal(a, b) {
		t.Error("what is asked depends on how fast it is answered")
	}
	if slices.Equal(a, ask(1, ms)) {
		t.Error("two trials ask for the same")
	}
}

func TestKeysAreChosenByTheirWeights(t *testing.T) {
	for _, skew := range []float64{0, 0.99, 2} {
		d := newDesk(t, func(c *Config) { c.Rate, c.Keys, c.Skew = 20_000, 10, skew })
		d.p.End(1010 * ms)
		d.run(0, 1100*ms)
		var sum, n float64
		for i := range 10 {
			sum += math.Pow(float64(i+1), -skew)
		}
		counts := map[uint32]float64{}
		for _, o := range d.ended {
			counts[o.Key]++
			n++
		}
		for i := range 10 {
			p := math.Pow(float64(i+1), -skew) / sum
			if got := counts[uint32(4+i)] / n; math.Abs(got-p) > 4*math.Sqrt(p*(1-p)/n) {
				t.Errorf("skew %g: a share of %.4f goes to key %d, not %.4f", skew, got, i, p)
			}
		}
		if len(counts) != 10 {
			t.Errorf("%d keys", len(counts))
		}
	}
}

func TestASteadyStateAllocatesNothing(t *testing.T) {
	for _, rate := range []float64{10_000, 0} {
		d := newDesk(t, func(c *Config) { c.Rate = rate })
		d.keep = false
		d.run(0, 2000*ms)
		from := 2000 * ms
		if n := testing.AllocsPerRun(5, func() {
			d.run(from+1, from+500*ms)
			from += 500 * ms
		}); n > 0 {
			t.Errorf("rate %g: %g allocations in half a second", rate, n)
		}
	}
}
