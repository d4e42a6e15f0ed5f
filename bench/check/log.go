package check

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"raftzab/protocols"
)

// maxEpoch is where an epoch is taken for nonsense: tables are dense.
const maxEpoch = 1 << 22

// epoch returns what is known of e, nil if e is no epoch that a trial can reach.
func (c *Invariants) epoch(now protocols.Time, id protocols.NodeID, e uint64) *epoch {
	if e >= uint64(len(c.epochs)) {
		if e > maxEpoch {
			c.fail(EpochsGrow, now, id, "epoch %d is beyond anything that a trial can reach", e)
			return nil
		}
		n := len(c.epochs)
		c.epochs = slices.Grow(c.epochs, int(e)+1-n)[:e+1]
		for i := n; i < len(c.epochs); i++ { // an earlier trial's tables may be here
			c.epochs[i] = epoch{table: c.epochs[i].table[:0]}
		}
	}
	return &c.epochs[e]
}

// cell returns the place of an entry in the table, nil if there is none yet.
func (c *Invariants) cell(id protocols.EntryID) *cell {
	if id.Epoch >= uint64(len(c.epochs)) {
		return nil
	}
	e := &c.epochs[id.Epoch]
	if i := id.Index - e.low; i < uint64(len(e.table)) && e.table[i].node != protocols.None {
		return &e.table[i]
	}
	return nil
}

// place makes room for an entry and returns its place.
func (e *epoch) place(index uint64) *cell {
	if len(e.table) == 0 {
		e.low = index
	}
	if index < e.low { // logs grow upwards: only what should never be comes here, and disks that began with something
		e.table = slices.Insert(e.table, 0, make([]cell, e.low-index)...)
		e.low = index
	}
	for uint64(len(e.table)) <= index-e.low {
		e.table = append(e.table, cell{})
	}
	return &e.table[index-e.low]
}

// logged checks that an entry goes behind prev in node id's log, and enters it
// in the table if it is new. Two logs with an entry of one ID then have the same
// command there and the same ID before it, and so, step by step, all before it:
// this is log matching.
func (c *Invariants) logged(now protocols.Time, id protocols.NodeID, prev protocols.EntryID, ent *protocols.Entry) bool {
	if !c.protocol.follows(prev, ent.ID) {
		c.fail(LogMatching, now, id, "its log has entry %v right behind %v: a hole, or the wrong way", ent.ID, prev)
		return false
	}
	e := c.epoch(now, id, ent.ID.Epoch)
	if e == nil {
		return false
	}
	x := e.place(ent.ID.Index)
	switch {
	case x.node == protocols.None:
		*x = cell{prev: prev, command: ent.Command, at: now, node: id}
	case x.command != ent.Command:
		c.fail(LogMatching, now, id, "entry %v is %s in its log; node %d had %s there at %v",
			ent.ID, describe(&ent.Command), x.node, describe(&x.command), clock(x.at))
		return false
	case x.prev != prev:
		c.fail(LogMatching, now, id, "entry %v follows %v in its log; in that of node %d at %v it followed %v",
			ent.ID, prev, x.node, clock(x.at), x.prev)
		return false
	}
	return true
}

// place returns where id is in the order: order[:place] is everything up to it.
func (c *Invariants) place(id protocols.EntryID) (k int, found bool) {
	if x := c.cell(id); x != nil && x.place > 0 {
		return x.place, true
	}
	k = sort.Search(len(c.order), func(i int) bool { return id.Less(c.order[i].ID) })
	return k, id == (protocols.EntryID{})
}

// lasting checks that the entry d, and with it everything before it, outlives
// any crash: a majority of the voters have it on disk, and have not asked to be
// rid of it. A server that has, counts for nothing: its disk may have obeyed.
func (c *Invariants) lasting(invariant string, now protocols.Time, id protocols.NodeID, d *delivery, when string) {
	holders := 0
	for i := 1; i <= c.voters; i++ {
		if n := &c.nodes[i]; n.life > 0 && n.durable.holds(d.ID) && (len(n.pending) == 0 || n.asked.holds(d.ID)) {
			holders++
		}
	}
	if holders < c.majority() {
		c.fail(invariant, now, id, "%s, entry %v (%s), which node %d delivered at %v, is on the disks of %d of %d voters: %s",
			when, d.ID, describe(&d.Command), d.node, clock(d.at), holders, c.voters, c.ends())
	}
}

// ends says where each voter's log ends.
func (c *Invariants) ends() string {
	var b strings.Builder
	for i := 1; i <= c.voters; i++ {
		if i > 1 {
			b.WriteString(", ")
		}
		n := &c.nodes[i]
		fmt.Fprintf(&b, "disk %d ends at %v", i, n.durable.last())
		if a := n.asked.last(); a != n.durable.last() {
			fmt.Fprintf(&b, " (soon %v)", a)
		}
	}
	return b.String()
}

// complete checks that node id has everything in its log that was committed
// before epoch e.
func (c *Invariants) complete(invariant string, now protocols.Time, id protocols.NodeID, e uint64, what string) {
	k := len(c.order)
	for k > 0 && c.order[k-1].epoch >= e { // a deposed leader may go on committing for a while behind e's back
		k--
	}
	if n := &c.nodes[id]; k > 0 && !n.asked.holds(c.order[k-1].ID) {
		d := &c.order[k-1]
		c.fail(invariant, now, id, "it %s %d without entry %v (%s), which node %d delivered in %d at %v; its log ends at %v",
			what, e, d.ID, describe(&d.Command), d.node, d.epoch, clock(d.at), n.asked.last())
	}
}
