package fault

import (
	"math/rand/v2"
	"slices"

	"raftzab/bench/random"
	"raftzab/protocols"
)

// Options say what a Chaos strikes, and what it draws besides the kinds of fault
// that no ensemble is excused from.
type Options struct {
	Voters, Observers int
	Drift             float64        // clocks run up to so much faster or slower; zero: none drifts
	Skew              protocols.Time // clocks jump forward by up to so much; zero: none does. No lease survives it
	Transfer          bool           // leaders are told to hand over
	Datagram          bool           // links duplicate and reorder
	FailDisk          bool           // an fsync fails
	Partial           bool           // partitions that overlap
	Without           []Kind         // what cannot be had here, besides; never Crash and Restart, and with Pause also Resume
}

func (o *Options) has(k Kind) bool { return !slices.Contains(o.Without, k) }

// A Chaos draws one fault after another, of every kind, and remembers who is
// down, so that what it draws can happen. About half of its faults strike the
// leader, since these are the ones that change something; and it mends about as
// often as it breaks, so that there is something to break.
type Chaos struct {
	Options
	nodes   int
	rng     *rand.Rand
	down    []bool
	paused  []bool
	failing []bool // the next fsync ends it
	cut     bool
	slow    bool          // some link or disk is not as the scenario has it
	next    *Fault        // the second half of a partial partition
	Count   [Kinds]int    // by kind
	Variant [Variants]int // and by what stands out within a kind
}

// A Variant is a fault that its kind does not tell apart.
type Variant uint8

const (
	QuorumLoss          Variant = iota // partition: one hub hears everybody, the others hear only the hub
	ConstrainedElection                // the same without the leader, who had written behind the hub's back
	Chained                            // each hears its two neighbours
	Overlapping                        // groups drawn by chance
	OneWay                             // cut
	Unruly                             // link: it duplicates and reorders
	Failing                            // disk
	Variants                           // how many there are
)

var variants = [Variants]string{"quorum-loss", "constrained-election", "chained", "overlapping", "one-way", "unruly", "failing"}

func (v Variant) String() string { return variants[v] }

// NewChaos returns a generator for voters 1 to n, without any option.
func NewChaos(n int, rng *rand.Rand) *Chaos { return NewChaosOf(Options{Voters: n}, rng) }

// NewChaosOf returns a generator.
func NewChaosOf(o Options, rng *rand.Rand) *Chaos {
	n := o.Voters + o.Observers
	return &Chaos{Options: o, nodes: n, rng: rng, down: make([]bool, n+1), paused: make([]bool, n+1), failing: make([]bool, n+1)}
}

// Next draws a fault.
func (c *Chaos) Next(v View) Fault {
	c.look(v)
	for {
		if f, ok := c.option(v); ok {
			c.count(&f)
			return f
		}
		if f, ok := c.draw(v); ok {
			c.count(&f)
			return f
		}
	}
}

func (c *Chaos) count(f *Fault) {
	c.Count[f.Kind]++
	switch {
	case f.Kind == Cut:
		c.Variant[OneWay]++
	case f.Fail:
		c.Variant[Failing]++
	case f.Duplicate > 0 || f.Reorder > 0:
		c.Variant[Unruly]++
	}
}

// look finds those whose disk has failed meanwhile.
func (c *Chaos) look(v View) {
	for id, failing := range c.failing {
		if failing && !c.down[id] && !c.paused[id] {
			if _, up := v.Status(protocols.NodeID(id)); !up {
				c.down[id], c.failing[id] = true, false
			}
		}
	}
}

// Settle returns the faults that mend everything, and end all loss.
func (c *Chaos) Settle(delay random.Distribution) (fs []Fault) {
	all := c.every()
	for _, f := range []Fault{{Kind: Heal}, {Kind: Link, From: all, To: all, Delay: delay}, {Kind: Disk, Nodes: all, Back: true}} {
		if c.has(f.Kind) {
			fs = append(fs, f)
		}
	}
	if c.Drift != 0 || c.Skew != 0 {
		fs = append(fs, Fault{Kind: Clock, Nodes: all, Back: true})
	}
	for _, id := range all {
		if c.paused[id] {
			fs = append(fs, c.mend(Resume, c.paused, id))
		}
		if c.down[id] || c.failing[id] { // the disk may have failed unseen; a restart of who runs does nothing
			fs = append(fs, c.mend(Restart, c.down, id))
		}
		c.failing[id] = false
	}
	c.cut, c.slow, c.next = false, false, nil
	return fs
}

func (c *Chaos) every() (ids []protocols.NodeID) {
	for id := 1; id <= c.nodes; id++ {
		ids = append(ids, protocols.NodeID(id))
	}
	return ids
}

// draw makes one attempt; false: there is nobody to strike, or nothing to mend.
func (c *Chaos) draw(v View) (Fault, bool) {
	id := c.victim(v)
	some := func(of []bool) (protocols.NodeID, bool) {
		first := c.rng.IntN(c.nodes)
		for i := range c.nodes {
			if k := (first+i)%c.nodes + 1; of[k] {
				return protocols.NodeID(k), true
			}
		}
		return 0, false
	}
	broken := 0
	for i := range c.down {
		if c.down[i] || c.paused[i] {
			broken++
		}
	}
	mend := broken > 0 && c.rng.IntN(c.nodes+1) < 2*broken // the more are down, the sooner one comes back
	switch x := c.rng.IntN(20); {
	case mend && x < 14:
		if id, ok := some(c.down); ok && (x%2 == 0 || !c.any(c.paused)) {
			return c.mend(Restart, c.down, id), true
		}
		id, ok := some(c.paused)
		return c.mend(Resume, c.paused, id), ok
	case c.cut && x < 8:
		c.cut, c.next = false, nil
		return Fault{Kind: Heal}, true
	case x < 4:
		return c.strike(Crash, c.down, id)
	case x < 8:
		return c.strike(PowerOff, c.down, id)
	case x < 10:
		return c.strike(Pause, c.paused, id)
	case c.nodes == 1:
		return Fault{Kind: Disk, Nodes: c.every(), Fsync: c.delay(60)}, x == 19 && c.has(Disk)
	case x < 13:
		return c.part(Fault{Kind: Partition, Groups: c.groups()})
	case x < 14:
		return c.part(Fault{Kind: Isolate, Nodes: []protocols.NodeID{id}})
	case x < 17:
		return c.part(c.oneWay(id))
	case x < 18 && c.slow:
		c.slow = false
		return Fault{Kind: Link, From: c.every(), To: c.every(), Back: true}, true
	case x < 19 && !c.has(Link):
		return Fault{}, false
	case x < 19:
		c.slow = true
		f := Fault{Kind: Link, From: []protocols.NodeID{id}, To: c.every(), Delay: c.delay(80), Loss: c.rng.Float64() * 0.3}
		if c.Datagram {
			f.Duplicate, f.Reorder = c.rng.Float64()*0.3, c.rng.Float64()*0.3
		}
		return f, true
	}
	return Fault{Kind: Disk, Nodes: []protocols.NodeID{id}, Fsync: c.delay(100)}, c.has(Disk)
}

// victim is the leader every other time, and anybody otherwise.
func (c *Chaos) victim(v View) protocols.NodeID {
	if c.rng.IntN(2) == 0 {
		if ids := (Target{Who: Leader}).Resolve(c.Voters, v, c.rng); len(ids) > 0 {
			return ids[0]
		}
	}
	return protocols.NodeID(1 + c.rng.IntN(c.nodes))
}

func (c *Chaos) any(of []bool) bool {
	for _, x := range of {
		if x {
			return true
		}
	}
	return false
}

func (c *Chaos) strike(k Kind, mark []bool, id protocols.NodeID) (Fault, bool) {
	if c.down[id] || c.paused[id] || !c.has(k) {
		return Fault{}, false
	}
	mark[id] = true
	return Fault{Kind: k, Nodes: []protocols.NodeID{id}}, true
}

func (c *Chaos) part(f Fault) (Fault, bool) {
	c.cut = c.cut || c.has(f.Kind)
	return f, c.has(f.Kind)
}

func (c *Chaos) mend(k Kind, mark []bool, id protocols.NodeID) Fault {
	mark[id] = false
	return Fault{Kind: k, Nodes: []protocols.NodeID{id}}
}

// groups splits the nodes in two.
func (c *Chaos) groups() [][]protocols.NodeID {
	ids := c.every()
	c.rng.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	k := 1 + c.rng.IntN(len(ids)-1)
	return [][]protocols.NodeID{ids[:k], ids[k:]}
}

// oneWay cuts what a node sends, or what it gets, with some or all of the rest.
func (c *Chaos) oneWay(id protocols.NodeID) Fault {
	var others []protocols.NodeID
	all := c.rng.IntN(2) == 0
	for _, o := range c.every() {
		if o != id && (all || c.rng.IntN(2) == 0) {
			others = append(others, o)
		}
	}
	f := Fault{Kind: Cut, From: []protocols.NodeID{id}, To: others}
	if c.rng.IntN(2) == 0 {
		f.From, f.To = f.To, f.From
	}
	return f
}

// delay draws a distribution of up to about most milliseconds.
func (c *Chaos) delay(most int) random.Distribution {
	a := protocols.Time(c.rng.IntN(most*1_000_000) + 1)
	return random.Distribution{Shape: random.Uniform, A: a / 4, B: a}
}
