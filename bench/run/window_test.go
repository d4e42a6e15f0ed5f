package run

import (
	"testing"

	"raftzab/bench"
	"raftzab/bench/fault"
	"raftzab/bench/random"
	"raftzab/protocols"
	"raftzab/results"
)

// A still is a system of which only epochs are asked.
type still struct {
	bench.System
	epochs []uint64 // by node, from 1; the others are down
}

func (s *still) Status(id NodeID) (protocols.Status, bool) {
	if int(id) > len(s.epochs) {
		return protocols.Status{}, false
	}
	return protocols.Status{Epoch: s.epochs[id-1]}, true
}

const second = Time(1_000_000_000)

// watch begins a window of 30 s at 100 s, in which a client writes every 100 ms.
func watch(sys *still) *window {
	w := new(window)
	w.reset(&Settings{Observe: Duration(30 * second), Probe: Probe{Interval: Duration(second / 10)}})
	w.observe(90*second, protocols.Event{Kind: protocols.Activated, Epoch: 3})
	w.begin(100*second, 3, sys)
	return w
}

// acks has writes acknowledged every 100 ms, from one time to another.
func (w *window) acks(from, to Time) {
	for t := from; t <= to; t += second / 10 {
		w.reply(t, bench.Reply{Outcome: bench.OK})
	}
}

func (w *window) row() (r results.Trial) {
	r = results.NewTrial()
	w.report(&r)
	return r
}

func TestTimesWithoutServiceAreTheGapsOfMoreThanTwoIntervals(t *testing.T) {
	sys := &still{epochs: []uint64{3, 3, 3}}
	w := watch(sys)
	w.acks(100*second+second/10, 105*second)
	w.acks(107*second, 120*second) // 2 s
	w.reply(120*second+second/5, bench.Reply{Outcome: bench.OK})
	w.reply(121*second, bench.Reply{Outcome: bench.Refused})
	w.acks(122*second, 129*second) // 1.8 s, and 1 s at the end
	w.look(130*second, 3, sys)
	if r := w.row(); r.DownMS != 4800 || r.Up != 1-results.Number(4.8)/30 || r.Settled != results.Stable || r.Terms != 0 || r.LeaderChanges != 0 {
		t.Errorf("%v ms, up %v, %s, %v terms, %v leaders", r.DownMS, r.Up, r.Settled, r.Terms, r.LeaderChanges)
	}
}

func TestTermsAndLeadersAreThoseOfTheWindow(t *testing.T) {
	sys := &still{epochs: []uint64{3, 7, 3}}
	w := watch(sys)
	for i, e := range []uint64{8, 9, 9, 5, 11} { // an epoch has one leader, and an older one is none
		w.observe(101*second+Time(i)*second, protocols.Event{Kind: protocols.Activated, Epoch: e})
	}
	sys.epochs = []uint64{11, 7, 20}
	w.look(130*second, 3, sys)
	w.observe(131*second, protocols.Event{Kind: protocols.Activated, Epoch: 30})
	if r := w.row(); r.Terms != 13 || r.LeaderChanges != 3 {
		t.Errorf("%v terms, %v leaders", r.Terms, r.LeaderChanges)
	}
}

// The rule that partial-partitions.toml states.
func TestHowThingsSettledIsSeenInTheLastThird(t *testing.T) {
	early, late := 105*second, 125*second
	leader := func(w *window, at Time, n int) {
		for range n {
			w.observe(at, protocols.Event{Kind: protocols.Activated, Epoch: w.reign + 1})
		}
	}
	rounds := func(w *window, at Time, n int) {
		for range n {
			w.observe(at, protocols.Event{Kind: protocols.RoundBegan})
		}
	}
	for _, c := range []struct {
		name, want string
		happens    func(w *window)
	}{
		{"served all the while", results.Stable, func(w *window) { w.acks(101*second, 129*second) }},
		{"served in the end", results.Stable, func(w *window) { leader(w, early, 9); w.acks(late, 129*second) }},
		{"one more leader", results.Stable, func(w *window) { leader(w, late, 1); w.acks(late, 129*second) }},
		{"two more leaders", results.Livelock, func(w *window) { leader(w, late, 2); w.acks(late, 129*second) }},
		{"votes beside a leader who serves", results.Stable, func(w *window) { rounds(w, late, 9); w.acks(late, 129*second) }},
		{"votes in vain", results.Livelock, func(w *window) { w.acks(101*second, early); rounds(w, late, 2) }},
		{"votes in vain before", results.Deadlock, func(w *window) { w.acks(101*second, early); rounds(w, early, 9); rounds(w, late, 1) }},
		{"nothing", results.Deadlock, func(*window) {}},
	} {
		sys := &still{}
		w := watch(sys)
		c.happens(w)
		w.look(130*second, 3, sys)
		if r := w.row(); r.Settled != c.want {
			t.Errorf("%s: %s, want %s", c.name, r.Settled, c.want)
		}
	}
}

func TestAWindowThatIsNotOverSaysNothing(t *testing.T) {
	w := watch(&still{})
	w.look(129*second, 3, &still{})
	if r := w.row(); r.Terms == r.Terms || r.Settled != "" {
		t.Errorf("%+v", r)
	}
}

// A trial lasts as long as it is to be watched, though the leader is replaced
// long before, and runs once.
func TestAnObservedTrialLastsToTheEndOfItsWindow(t *testing.T) {
	cell := failover("raft", fault.Crash, 3)
	cell.Settings.Observe = Duration(10 * second)
	rows, _ := measure(t, cell, 1)
	if len(rows) != 3 {
		t.Fatalf("%d rows", len(rows))
	}
	for _, r := range rows {
		if r.Outcome != results.OK || !r.Probed || r.LeaderChanges != 1 || r.Terms < 1 || r.Settled != results.Stable || !(r.DownMS > r.ElectMS) || r.DownMS > 2000 {
			t.Errorf("trial %d: %v, %v leaders in %v terms, %s; down %v ms, elected after %v", r.Trial, r.Outcome, r.LeaderChanges, r.Terms, r.Settled, r.DownMS, r.ElectMS)
		}
	}
}

// Numbers in the groups of a partition with a target are roles: 1 is the leader.
func TestAPartitionIsCastAroundItsTarget(t *testing.T) {
	s := &Settings{Cluster: Cluster{Voters: 5, Observers: 1}}
	for i := range 2 {
		s.Faults = append(s.Faults, Planned{At: random.Distribution{Shape: random.Constant, A: Time(i+1) * second}, Kind: fault.Partition,
			Target: fault.Target{Who: fault.Fixed, Node: NodeID(4 - i)}, Groups: [][]NodeID{{1, 2, 6}, {3, 4, 5}}})
	}
	drawn := map[NodeID]bool{}
	for trial := range 20 {
		a := newAgenda(&Cell{Seed: 1, Settings: *s}, trial)
		f, ok := a.Due(second, 0, &still{})
		again, ok2 := a.Due(2*second, 0, &still{})
		if !ok || !ok2 || len(f.Nodes) > 0 || f.Groups[0][0] != 4 || f.Groups[0][2] != 6 || again.String() != f.String() {
			t.Fatalf("trial %d: %v and %v", trial, f, again)
		}
		seen := map[NodeID]bool{}
		for _, g := range f.Groups {
			for _, id := range g {
				seen[id] = true
			}
		}
		if len(seen) != 6 {
			t.Errorf("trial %d: %v", trial, f)
		}
		drawn[f.Groups[0][1]] = true
	}
	if len(drawn) != 4 {
		t.Errorf("2 was only ever played by %v", drawn)
	}
}
