package fault

import (
	"slices"

	"raftzab/protocols"
)

// option draws a fault of the kinds that the options add; false: another kind's
// turn. Without options it draws nothing, so a seed means what it meant before
// there were any.
func (c *Chaos) option(v View) (Fault, bool) {
	if c.next != nil { // what was begun is carried on
		f := *c.next
		c.next = nil
		return f, true
	}
	weights := [...]struct {
		on     bool
		weight int
		draw   func(View) (Fault, bool)
	}{
		{c.Drift != 0 || c.Skew != 0, 2, c.clock},
		{c.Transfer, 2, c.transfer},
		{c.FailDisk, 2, c.failDisk},
		{c.Partial && c.nodes > 2, 4, c.partial},
	}
	const others = 20
	total := others
	for _, w := range weights {
		if w.on {
			total += w.weight
		}
	}
	if total == others {
		return Fault{}, false
	}
	x := c.rng.IntN(total) - others
	for _, w := range weights {
		if !w.on || x < 0 {
			continue
		}
		if x -= w.weight; x < 0 {
			return w.draw(v)
		}
	}
	return Fault{}, false
}

// clock has one clock drift within the bound, and jump, or sets its pace right.
func (c *Chaos) clock(v View) (Fault, bool) {
	f := Fault{Kind: Clock, Nodes: []protocols.NodeID{c.victim(v)}}
	if c.rng.IntN(4) == 0 {
		f.Back = true
		return f, true
	}
	if c.Drift != 0 {
		f.Drift = c.Drift * (2*c.rng.Float64() - 1)
	}
	if c.Skew != 0 && c.rng.IntN(2) == 0 {
		f.Skew = protocols.Time(c.rng.Int64N(int64(c.Skew))) + 1
	}
	return f, true
}

// transfer has the leader hand over to some voter, which may be down, or itself.
func (c *Chaos) transfer(View) (Fault, bool) {
	return Fault{Kind: Transfer, Nodes: []protocols.NodeID{protocols.NodeID(1 + c.rng.IntN(c.Voters))}}, true
}

func (c *Chaos) failDisk(v View) (Fault, bool) {
	id := c.victim(v)
	if c.down[id] || c.failing[id] {
		return Fault{}, false
	}
	c.failing[id] = true
	return Fault{Kind: Disk, Nodes: []protocols.NodeID{id}, Fail: true}, true
}

// partial draws a partition in which some hear those who do not hear each other:
// the three of Omni-Paxos (Ng, Haridi and Carbone 2023, section 2), around the
// present leader if there is one, and one that is all chance.
func (c *Chaos) partial(v View) (Fault, bool) {
	all := c.every()
	c.rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	if ids := (Target{Who: Leader}).Resolve(c.Voters, v, c.rng); len(ids) > 0 { // it goes first
		lead := slices.Index(all, ids[0])
		all[0], all[lead] = all[lead], all[0]
	}
	if i := slices.IndexFunc(all[1:], func(id protocols.NodeID) bool { return int(id) <= c.Voters }); i > 0 { // a hub has a vote
		all[1], all[1+i] = all[1+i], all[1]
	}
	c.cut = true
	kind := Variant(c.rng.IntN(int(Overlapping) + 1))
	c.Variant[kind]++
	f := Fault{Kind: Partition}
	switch leader, hub := all[0], all[1]; kind {
	case QuorumLoss: // the leader keeps one link, and the hub alone has a majority
		f.Groups = star(hub, append([]protocols.NodeID{leader}, all[2:]...))
	case ConstrainedElection:
		// First the hub misses what the leader writes; then it alone has a
		// majority, and those who have the entries hear nobody but it.
		f.Groups = [][]protocols.NodeID{all[1:], append([]protocols.NodeID{leader}, all[2:]...)}
		c.next = &Fault{Kind: Partition, Groups: star(hub, all[2:])}
	case Chained: // the leader at one end
		for i := range all[1:] {
			f.Groups = append(f.Groups, all[i:i+2:i+2])
		}
	default:
		for range 2 + c.rng.IntN(c.nodes-1) {
			c.rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			f.Groups = append(f.Groups, slices.Clone(all[:2+c.rng.IntN(len(all)-1)]))
		}
	}
	return f, true
}

// star has the hub talk with each of the others, and nobody else with anybody.
func star(hub protocols.NodeID, others []protocols.NodeID) (groups [][]protocols.NodeID) {
	for _, id := range others {
		groups = append(groups, []protocols.NodeID{hub, id})
	}
	return groups
}
