package fault

import (
	"slices"
	"testing"

	"raftzab/bench/random"
	"raftzab/protocols"
)

// A cluster believes what a Chaos does to it, and says where that is impossible.
type cluster struct {
	t            *testing.T
	n            int
	down, paused map[protocols.NodeID]bool
	failing      map[protocols.NodeID]bool // their next fsync ends them
	drifting     map[protocols.NodeID]bool
	cut, slow    bool
	partial      bool // groups may overlap
	settling     bool // restarts may be for nothing
	leader       protocols.NodeID
}

func newCluster(t *testing.T, n int) *cluster {
	set := func() map[protocols.NodeID]bool { return map[protocols.NodeID]bool{} }
	return &cluster{t: t, n: n, down: set(), paused: set(), failing: set(), drifting: set()}
}

// fsync has a node reach for its disk.
func (c *cluster) fsync(id protocols.NodeID) {
	if c.failing[id] && !c.down[id] && !c.paused[id] {
		c.down[id] = true
		delete(c.failing, id)
	}
}

func (c *cluster) Status(id protocols.NodeID) (protocols.Status, bool) {
	if c.down[id] || c.paused[id] {
		return protocols.Status{}, false
	}
	if id == c.leader {
		return leads(1, true), true
	}
	return follows(1, 1), true
}

func (c *cluster) inject(f Fault) {
	bad := func(why string) { c.t.Fatalf("%v: %s; down %v, paused %v", f, why, c.down, c.paused) }
	for _, list := range append([]ids{f.Nodes, f.From, f.To}, f.Groups...) {
		for _, id := range list {
			if id < 1 || int(id) > c.n {
				bad("there is no such node")
			}
		}
	}
	for _, id := range f.Nodes {
		switch alive := !c.down[id] && !c.paused[id]; {
		case (f.Kind == Crash || f.Kind == PowerOff || f.Kind == Pause) && !alive:
			bad("strikes the dead")
		case f.Kind == Restart && !c.down[id] && !c.settling:
			bad("restarts the living")
		case f.Kind == Resume && !c.paused[id]:
			bad("resumes what is not paused")
		}
		switch f.Kind {
		case Crash, PowerOff:
			c.down[id] = true
		case Pause:
			c.paused[id] = true
		case Restart:
			delete(c.down, id)
		case Resume:
			delete(c.paused, id)
		case Disk:
			if c.failing[id] = f.Fail; f.Back || !f.Fail {
				delete(c.failing, id)
			}
		case Clock:
			if c.drifting[id] = f.Drift != 0; f.Back {
				delete(c.drifting, id)
			}
		}
	}
	switch f.Kind {
	case Partition:
		in := 0
		for _, g := range f.Groups {
			if in += len(g); len(g) == 0 {
				bad("an empty group")
			}
		}
		if (in != c.n || len(f.Groups) != 2) && !c.partial {
			bad("does not part the nodes in two")
		}
		c.cut = true
	case Isolate, Cut:
		c.cut = true
	case Heal:
		if !c.cut {
			bad("there is nothing to heal")
		}
		c.cut = false
	case Link:
		if f.Back && !c.slow {
			bad("no link was slow")
		}
		c.slow = !f.Back
		if f.Loss < 0 || f.Loss > 0.3 {
			bad("loss")
		}
	}
}

// What a Chaos draws can happen, all kinds of it do, and it mends about as often
// as it breaks, for every size of ensemble.
func TestChaosDrawsWhatCanHappen(t *testing.T) {
	for n := 1; n <= 7; n++ {
		c := newCluster(t, n)
		rng := random.Stream(uint64(n), 0, random.Swarm, 0)
		chaos := NewChaos(n, rng)
		var seen [Kinds]int
		backs := 0
		broken, strikes, leaders := 0, 0, 0
		const faults = 20_000
		for range faults {
			c.leader = protocols.NodeID(1 + rng.IntN(n))
			_, leads := c.Status(c.leader)
			f := chaos.Next(c)
			seen[f.Kind]++
			if f.Kind == Link && f.Back {
				backs++
			}
			if (f.Kind == Crash || f.Kind == PowerOff || f.Kind == Pause) && leads && n > 2 {
				strikes++
				if f.Nodes[0] == c.leader {
					leaders++
				}
			}
			c.inject(f)
			broken += len(c.down) + len(c.paused)
		}
		if chaos.Count != seen {
			t.Errorf("%d nodes: counts %v, drew %v", n, chaos.Count, seen)
		}
		for k, times := range seen {
			single := n == 1 && Kind(k) >= Partition && Kind(k) <= Link
			if never := single || Kind(k) == Clock || Kind(k) == Transfer; (times == 0) != never {
				t.Errorf("%d nodes: %v %d times", n, Kind(k), times)
			}
		}
		if n > 1 && backs == 0 {
			t.Errorf("%d nodes: no link is ever taken back", n)
		}
		if share := float64(broken) / faults / float64(n); share < 0.15 || share > 0.7 {
			t.Errorf("%d nodes: %.2f of them do not work on average", n, share)
		}
		if n > 2 && (leaders < strikes*4/10 || leaders > strikes*85/100) {
			t.Errorf("%d nodes: %d of %d strikes hit the leader", n, leaders, strikes)
		}
	}
}

// After Settle, everybody works, on links and disks as they should be.
func TestSettleMendsEverything(t *testing.T) {
	for seed := range uint64(300) {
		n := 1 + int(seed%5)
		c := newCluster(t, n)
		chaos := NewChaos(n, random.Stream(seed, 0, random.Swarm, 0))
		for range 10 + int(seed)%30 {
			c.inject(chaos.Next(c))
		}
		delay := random.Always(5)
		kinds := map[Kind]Fault{}
		c.cut = true // a heal of nothing is fine here
		for _, f := range chaos.Settle(delay) {
			kinds[f.Kind] = f
			c.inject(f)
		}
		if len(c.down)+len(c.paused) > 0 || c.cut {
			t.Fatalf("seed %d: down %v, paused %v, cut %t", seed, c.down, c.paused, c.cut)
		}
		if f := kinds[Link]; len(f.From) != n || len(f.To) != n || f.Delay != delay || f.Loss != 0 {
			t.Errorf("seed %d: %v", seed, f)
		}
		if f := kinds[Disk]; len(f.Nodes) != n || !f.Back {
			t.Errorf("seed %d: %v", seed, f)
		}
		c.slow = false
		for range 10 { // and the generator knows
			c.inject(chaos.Next(c))
		}
	}
}

// Where some kinds cannot be had it draws the others, and mends with these alone.
func TestChaosDoesWithoutWhatCannotBeHad(t *testing.T) {
	network := []Kind{PowerOff, Partition, Isolate, Cut, Heal, Link}
	for name, without := range map[string][]Kind{
		"processes": append([]Kind{Disk}, network...),
		"disks too": network,
		"no pauses": {Pause, Resume},
		"no disks":  {Disk},
	} {
		for n := 1; n <= 5; n++ {
			c := newCluster(t, n)
			rng := random.Stream(uint64(n), 0, random.Swarm, 0)
			chaos := NewChaosOf(Options{Voters: n, Without: without}, rng)
			for range 20 {
				for range 100 {
					c.leader = protocols.NodeID(1 + rng.IntN(n))
					c.inject(chaos.Next(c))
				}
				c.settling = true
				for _, f := range chaos.Settle(random.Always(5)) {
					if f.Kind != Heal { // of nothing, perhaps
						c.inject(f)
					}
					chaos.Count[f.Kind]++
				}
				if c.settling, c.cut, c.slow = false, false, false; len(c.down)+len(c.paused) > 0 {
					t.Fatalf("%s, %d nodes: down %v, paused %v", name, n, c.down, c.paused)
				}
			}
			for k, times := range chaos.Count {
				excused := slices.Contains(without, Kind(k)) || n == 1 && Kind(k) >= Partition && Kind(k) <= Cut || Kind(k) == Clock || Kind(k) == Transfer
				if excused != (times == 0) {
					t.Errorf("%s, %d nodes: %v %d times", name, n, Kind(k), times)
				}
			}
		}
	}
}
