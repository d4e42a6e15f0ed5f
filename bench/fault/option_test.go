package fault

import (
	"slices"
	"testing"

	"raftzab/bench/random"
	"raftzab/protocols"
)

var everything = Options{Drift: 0.1, Skew: 1000, Transfer: true, Datagram: true, FailDisk: true, Partial: true}

// hears tells whether a partition leaves a pair connected.
func hears(f Fault, a, b protocols.NodeID) bool {
	return slices.ContainsFunc(f.Groups, func(g []protocols.NodeID) bool { return slices.Contains(g, a) && slices.Contains(g, b) })
}

// With every option on, what is drawn can still happen, though disks end lives
// behind the generator's back; each option has its share, and keeps its bounds.
func TestOptionsDrawWhatCanHappen(t *testing.T) {
	for n := 1; n <= 7; n++ {
		for observers := range 3 {
			c := newCluster(t, n+observers)
			c.partial = true
			o := everything
			o.Voters, o.Observers = n, observers
			rng := random.Stream(uint64(n), 0, random.Swarm, 0)
			chaos := NewChaosOf(o, rng)
			var seen [Kinds]int
			died, struck := 0, 0
			for range 10_000 {
				c.leader = protocols.NodeID(1 + rng.IntN(n))
				if id := protocols.NodeID(1 + rng.IntN(c.n)); rng.IntN(3) == 0 {
					before := len(c.down)
					c.fsync(id)
					died += len(c.down) - before
				}
				f := chaos.Next(c)
				seen[f.Kind]++
				switch {
				case f.Drift < -o.Drift || f.Drift > o.Drift || f.Skew < 0 || f.Skew > o.Skew:
					t.Fatalf("%v is out of bounds", f)
				case f.Kind == Transfer && (len(f.Nodes) != 1 || int(f.Nodes[0]) > n):
					t.Fatalf("%v: not to a voter", f)
				}
				if f.Kind == Crash && int(f.Nodes[0]) > n {
					struck++
				}
				c.inject(f)
			}
			if chaos.Count != seen {
				t.Errorf("%d+%d: counts %v, drew %v", n, observers, chaos.Count, seen)
			}
			if (struck == 0) != (observers == 0) {
				t.Errorf("%d+%d: %d crashes of observers", n, observers, struck)
			}
			for v, times := range chaos.Variant {
				few := n+observers < 3 && Variant(v) <= Overlapping || n+observers < 2 && Variant(v) != Failing
				if (times == 0) != few {
					t.Errorf("%d+%d: %v %d times", n, observers, Variant(v), times)
				}
			}
			if died == 0 || seen[Clock] == 0 || seen[Transfer] == 0 {
				t.Errorf("%d+%d: %d died of their disks; %v", n, observers, died, seen)
			}
		}
	}
}

// Each option alone adds its own kinds, and no other.
func TestEachOptionAddsItsOwn(t *testing.T) {
	for name, c := range map[string]struct {
		o    Options
		adds func(Fault) bool
	}{
		"drift":     {Options{Drift: 0.1}, func(f Fault) bool { return f.Kind == Clock && f.Skew == 0 }},
		"skew":      {Options{Skew: 10}, func(f Fault) bool { return f.Kind == Clock && f.Drift == 0 }},
		"transfer":  {Options{Transfer: true}, func(f Fault) bool { return f.Kind == Transfer }},
		"datagram":  {Options{Datagram: true}, func(f Fault) bool { return f.Duplicate > 0 && f.Reorder > 0 }},
		"fail disk": {Options{FailDisk: true}, func(f Fault) bool { return f.Fail }},
		"partial":   {Options{Partial: true}, func(f Fault) bool { return f.Kind == Partition && overlaps(f) }},
	} {
		c.o.Voters = 5
		chaos := NewChaosOf(c.o, random.Stream(1, 0, random.Swarm, 0))
		quiet := ensemble{}
		for id := protocols.NodeID(1); id <= 5; id++ {
			quiet[id] = follows(1, 1)
		}
		added := 0
		for range 2000 {
			f := chaos.Next(quiet)
			plain := f.Kind != Clock && f.Kind != Transfer && f.Duplicate+f.Reorder == 0 && !f.Fail && !overlaps(f)
			if c.adds(f) {
				added++
			} else if !plain && !f.Back {
				t.Fatalf("%s: draws %v", name, f)
			}
		}
		if added == 0 {
			t.Errorf("%s: adds nothing", name)
		}
	}
}

// overlaps tells whether somebody hears two who do not hear each other.
func overlaps(f Fault) bool {
	if f.Kind != Partition {
		return false
	}
	in := map[protocols.NodeID]int{}
	for _, g := range f.Groups {
		for _, id := range g {
			in[id]++
		}
	}
	for _, times := range in {
		if times > 1 {
			return true
		}
	}
	return len(in) < 5 // somebody is alone
}

// The three partitions of Omni-Paxos, in a group of five whose leader is 4.
func TestPartialPartitionsAreThoseOfOmniPaxos(t *testing.T) {
	chaos := NewChaosOf(Options{Voters: 5, Observers: 2, Partial: true}, random.Stream(3, 0, random.Swarm, 0))
	v := ensemble{4: leads(2, true)}
	degrees := func(f Fault) (of []int, leaders int) {
		for a := protocols.NodeID(1); a <= 7; a++ {
			d := 0
			for b := protocols.NodeID(1); b <= 7; b++ {
				if a != b && hears(f, a, b) {
					d++
				}
			}
			if of = append(of, d); a == 4 {
				leaders = d
			}
			if d == 6 && a > 5 && chaos.Variant[QuorumLoss] > 0 {
				t.Errorf("observer %d is the hub: %v", a, f)
			}
		}
		slices.Sort(of)
		return of, leaders
	}
	want := map[Variant][]int{
		QuorumLoss:          {1, 1, 1, 1, 1, 1, 6},
		ConstrainedElection: {5, 5, 6, 6, 6, 6, 6},
		Chained:             {1, 1, 2, 2, 2, 2, 2},
	}
	leads := map[Variant]int{QuorumLoss: 1, ConstrainedElection: 5, Chained: 1}
	for range 200 {
		chaos.Variant = [Variants]int{}
		f, _ := chaos.partial(v)
		for kind, d := range want {
			if chaos.Variant[kind] == 0 {
				continue
			}
			if got, leader := degrees(f); !slices.Equal(got, d) || leader != leads[kind] {
				t.Errorf("%v: %v: links %v, the leader's %d", kind, f, got, leader)
			}
		}
		if chaos.Variant[ConstrainedElection] > 0 {
			then, _ := chaos.option(v)
			if got, leader := degrees(then); !slices.Equal(got, []int{0, 1, 1, 1, 1, 1, 5}) || leader != 0 {
				t.Errorf("then %v: links %v, the leader's %d", then, got, leader)
			}
			if hub := then.Groups[0][0]; hears(f, hub, 4) || hub > 5 {
				t.Errorf("the hub %d heard the leader in %v", hub, f)
			}
		}
	}
}

// Settle ends drift, disarms disks, starts those whom a disk has ended unseen, and
// drops what was still to come.
func TestSettleMendsWhatTheOptionsBroke(t *testing.T) {
	for seed := range uint64(300) {
		o := everything
		o.Voters, o.Observers = 1+int(seed%5), int(seed%3)
		c := newCluster(t, o.Voters+o.Observers)
		c.partial = true
		rng := random.Stream(seed, 0, random.Swarm, 0)
		chaos := NewChaosOf(o, rng)
		for range 10 + int(seed)%30 {
			c.inject(chaos.Next(c))
			c.fsync(protocols.NodeID(1 + rng.IntN(c.n)))
		}
		c.cut, c.settling = true, true
		for _, f := range chaos.Settle(random.Always(5)) {
			c.inject(f)
		}
		if len(c.down)+len(c.paused)+len(c.failing)+len(c.drifting) > 0 || c.cut {
			t.Fatalf("seed %d: down %v, paused %v, failing %v, drifting %v, cut %t", seed, c.down, c.paused, c.failing, c.drifting, c.cut)
		}
		c.slow, c.settling = true, false
		for range 10 { // and the generator knows
			if f := chaos.Next(c); f.Kind != Heal {
				c.inject(f)
			}
		}
	}
}
