package fault

import (
	"encoding"
	"maps"
	"slices"
	"testing"

	"raftzab/bench/random"
	"raftzab/protocols"
)

type ids = []protocols.NodeID

// An ensemble is a View in short words: what each node says of itself, by id
// from 1; those that are not there do not answer.
type ensemble map[protocols.NodeID]protocols.Status

func (e ensemble) Status(id protocols.NodeID) (protocols.Status, bool) {
	s, ok := e[id]
	return s, ok
}

func leads(epoch uint64, active bool) protocols.Status {
	return protocols.Status{Role: protocols.Leader, Epoch: epoch, Active: active}
}

func follows(epoch, index uint64) protocols.Status {
	return protocols.Status{Last: protocols.EntryID{Epoch: epoch, Index: index}}
}

func TestKindsAndTargetsReadWhatTheyWrite(t *testing.T) {
	for k := range Chaotic + 1 {
		text, _ := k.MarshalText()
		back := Chaotic + 1
		if err := back.UnmarshalText(text); err != nil || back != k {
			t.Errorf("%s: %v, %v", text, back, err)
		}
	}
	for _, want := range []Target{{Fixed, 3}, {Fixed, 65535}, {Who: Leader}, {Who: Follower}, {Who: Best}, {Who: Random}, {Who: Minority}, {Who: Majority}, {Who: Observer}} {
		text, _ := want.MarshalText()
		var back Target
		if err := back.UnmarshalText(text); err != nil || back != want {
			t.Errorf("%s: %v, %v", text, back, err)
		}
	}
}

func TestErrorsSayWhatThereIs(t *testing.T) {
	for _, c := range []struct {
		into       encoding.TextUnmarshaler
		text, want string
	}{
		{new(Kind), "explode", `"explode" is no kind of fault; there are crash, power-off, restart, pause, resume, partition, isolate, cut, heal, link, disk, clock, transfer, chaos, start, flap`},
		{new(Kind), "", `"" is no kind of fault; there are crash, power-off, restart, pause, resume, partition, isolate, cut, heal, link, disk, clock, transfer, chaos, start, flap`},
		{new(Target), "node:0", `"node:0": "0" is no server; write for instance "node:3"`},
		{new(Target), "node:70000", `"node:70000": "70000" is no server; write for instance "node:3"`},
		{new(Target), "node:x", `"node:x": "x" is no server; write for instance "node:3"`},
		{new(Target), "", `"" is no target; there are leader, follower, best, random, minority, majority, observer, node:3`},
		{new(Target), "everyone", `"everyone" is no target; there are leader, follower, best, random, minority, majority, observer, node:3`},
	} {
		if err := c.into.UnmarshalText([]byte(c.text)); err == nil || err.Error() != c.want {
			t.Errorf("%q:\n%v, want\n%s", c.text, err, c.want)
		}
	}
}

func TestTargetsResolveToThoseWhoAnswer(t *testing.T) {
	five := ensemble{1: follows(2, 9), 2: leads(3, true), 3: follows(3, 1), 4: follows(3, 1), 5: follows(1, 50)}
	for _, c := range []struct {
		name string
		e    ensemble
		who  Who
		want []ids // each may come out, and each does
	}{
		{"the active leader", five, Leader, []ids{{2}}},
		{"of two the one of the greater epoch", ensemble{1: leads(4, true), 2: leads(3, true), 3: leads(5, false)}, Leader, []ids{{1}}},
		{"nobody, where none is active", ensemble{1: leads(4, false), 2: follows(1, 1)}, Leader, []ids{nil}},
		{"nobody, where none answers", ensemble{}, Leader, []ids{nil}},
		{"not a member that merely serves", ensemble{1: {Role: protocols.Follower, Active: true, Epoch: 9}}, Leader, []ids{nil}},
		{"any follower", five, Follower, []ids{{1}, {3}, {4}, {5}}},
		{"a follower that answers", ensemble{2: leads(3, true), 4: follows(1, 1)}, Follower, []ids{{4}}},
		{"no follower of nobody", ensemble{2: follows(3, 1), 4: follows(1, 1)}, Follower, []ids{nil}},
		{"the best by log, then by number", five, Best, []ids{{4}}},
		{"the best of those who answer", ensemble{1: follows(3, 2), 2: follows(3, 1)}, Best, []ids{{1}}},
		{"nobody is best", ensemble{}, Best, []ids{nil}},
		{"anybody", ensemble{1: follows(1, 1), 4: follows(1, 1)}, Random, []ids{{1}, {4}}},
		{"nobody at random", ensemble{}, Random, []ids{nil}},
		{"a minority has the leader in it", five, Minority, []ids{{1, 2}, {2, 3}, {2, 4}, {2, 5}}},
		{"a majority does not", ensemble{1: follows(1, 1), 2: leads(3, true), 3: follows(3, 1), 5: follows(1, 50)}, Majority, []ids{{1, 3, 5}}},
		{"a majority needs a leader to be against", ensemble{1: follows(1, 1), 3: follows(3, 1), 5: follows(1, 50)}, Majority, []ids{nil}},
	} {
		rng := random.Stream(1, 0, random.Schedule, 0)
		seen := make([]int, len(c.want))
		for range 200 {
			got := Target{Who: c.who}.Resolve(5, c.e, rng)
			i := slices.IndexFunc(c.want, func(w ids) bool { return slices.Equal(w, got) })
			if i < 0 {
				t.Fatalf("%s: %v, want one of %v", c.name, got, c.want)
			}
			seen[i]++
		}
		if slices.Min(seen) == 0 {
			t.Errorf("%s: of %v came %v", c.name, c.want, seen)
		}
	}
	if got := (Target{Fixed, 4}).Resolve(5, ensemble{}, nil); !slices.Equal(got, ids{4}) {
		t.Errorf("a named node, though down: %v", got)
	}
}

// Observers stand behind the voters: only Random and Observer ever mean one.
func TestTargetsAmongObservers(t *testing.T) {
	watches := protocols.Status{Role: protocols.Observer, Last: protocols.EntryID{Epoch: 9, Index: 9}}
	e := ensemble{1: follows(2, 9), 2: leads(3, true), 3: follows(3, 1), 4: watches, 6: watches, 7: follows(3, 9), 8: watches}
	rng := random.Stream(1, 0, random.Schedule, 0)
	for who, want := range map[Who]ids{
		Random:   {1, 2, 3, 4, 6, 7}, // 5 does not answer, 8 is not of them
		Observer: {4, 6},             // 7 has no role yet
		Follower: {1, 3}, Leader: {2}, Best: {3}, Minority: {2}, Majority: {1, 3},
	} {
		seen := map[protocols.NodeID]bool{}
		for range 200 {
			for _, id := range (Target{Who: who}).Among(3, 4, e, rng) {
				seen[id] = true
			}
		}
		if got := slices.Sorted(maps.Keys(seen)); !slices.Equal(got, want) {
			t.Errorf("%v: %v, want %v", Target{Who: who}, got, want)
		}
	}
	if got := (Target{Who: Observer}).Resolve(3, e, rng); got != nil {
		t.Errorf("an observer where there is none: %v", got)
	}
}

// A minority leaves a majority, a majority leaves none, whatever the size.
func TestMinorityAndMajorityByEnsembleSize(t *testing.T) {
	rng := random.Stream(1, 0, random.Schedule, 0)
	for n := 2; n <= 9; n++ {
		e := ensemble{}
		for id := 1; id <= n; id++ {
			e[protocols.NodeID(id)] = follows(1, 1)
		}
		e[1] = leads(2, true)
		few := Target{Who: Minority}.Resolve(n, e, rng)
		if len(few) != max(1, (n-1)/2) || !slices.Contains(few, 1) {
			t.Errorf("minority of %d: %v", n, few)
		}
		many := Target{Who: Majority}.Resolve(n, e, rng)
		if len(many) != min(n/2+1, n-1) || slices.Contains(many, 1) || !slices.IsSorted(many) {
			t.Errorf("majority of %d: %v", n, many)
		}
	}
}

func TestFaultsAreWrittenForTraces(t *testing.T) {
	for _, c := range []struct {
		f    Fault
		want string
	}{
		{Fault{Kind: Crash, Nodes: ids{3}}, "crash [3]"},
		{Fault{Kind: PowerOff, Nodes: ids{1, 2}}, "power-off [1 2]"},
		{Fault{Kind: Partition, Groups: []ids{{1, 2}, {3}}}, "partition [[1 2] [3]]"},
		{Fault{Kind: Cut, From: ids{1}, To: ids{2, 3}}, "cut [1]->[2 3]"},
		{Fault{Kind: Heal}, "heal"},
		{Fault{Kind: Heal, From: ids{1}, To: ids{2}}, "heal [1]->[2]"},
		{Fault{Kind: Link, From: ids{1}, To: ids{2}, Delay: random.Always(5_000_000), Loss: 0.1}, "link [1]->[2] delay constant(5ms) loss 0.1"},
		{Fault{Kind: Link, From: ids{1}, To: ids{2}, Duplicate: 0.2, Reorder: 0.3}, "link [1]->[2] delay constant(0s) loss 0 duplicate 0.2 reorder 0.3"},
		{Fault{Kind: Disk, Nodes: ids{1}, Fsync: random.Always(5_000_000)}, "disk [1] fsync constant(5ms)"},
		{Fault{Kind: Disk, Nodes: ids{1}, Fail: true}, "disk [1] fails"},
		{Fault{Kind: Clock, Nodes: ids{1}, Skew: 5_000_000, Drift: -0.1}, "clock [1] skew 5ms drift -0.1"},
		{Fault{Kind: Clock, Nodes: ids{1, 2}, Back: true}, "clock [1 2] back"},
		{Fault{Kind: Transfer, Nodes: ids{2}}, "transfer to [2]"},
	} {
		if got := c.f.String(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
