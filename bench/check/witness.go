package check

import "raftzab/protocols"

// Booted checks what came back from the disk, and that it still has, with the
// other disks, all that was ever committed.
func (c *Invariants) Booted(now protocols.Time, id protocols.NodeID, r protocols.Recovered) {
	if c.first != nil {
		return
	}
	n := c.node(id)
	n.life++
	for i, x := range r.Registers[:2] {
		// votedFor is no epoch: it may be anything.
		if (i == 0 || c.protocol == Zab) && (x < n.booted[i] || n.life > 1 && x > n.asked.registers[i]) {
			c.fail(EpochsGrow, now, id, "its disk has register %d at %d; at the boot before it had %d, and the last write asked for %d", i, x, n.booted[i], n.asked.registers[i])
			return
		}
	}
	n.booted = r.Registers
	n.unsettled, n.owed, n.heirTo = false, protocols.EntryID{}, 0
	n.leads, n.votedIn, n.votedFor = 0, 0, protocols.None
	k, found := c.place(r.Snapshot.At)
	if !found {
		c.fail(RestoreForward, now, id, "it starts from a snapshot at %v, a position that nobody delivered", r.Snapshot.At)
		return
	}
	n.delivered = k
	prev := r.Base
	for i := range r.Entries {
		e := &r.Entries[i]
		if n.life > 1 && c.cell(e.ID) == nil {
			c.fail(LogMatching, now, id, "it found entry %v on its disk, which nobody ever wrote", e.ID)
			return
		}
		if !c.logged(now, id, prev, e) {
			return
		}
		prev = e.ID
	}
	n.asked.load(&r)
	n.durable.load(&r)
	n.pending, n.queued = n.pending[:0], n.queued[:0]
	n.vouch(c.protocol)
	if k := len(c.order); k > 0 {
		c.lasting(CommittedDurable, now, id, &c.order[k-1], "after it started again")
	}
}

// Wrote checks a write, as if it were durable: writes keep their order.
func (c *Invariants) Wrote(now protocols.Time, id protocols.NodeID, w protocols.Write) {
	if c.first != nil {
		return
	}
	n := c.node(id)
	a := &n.asked
	was := a.registers
	if w.Registers != was && !c.registers(now, id, was, w.Registers) {
		return
	}
	a.registers = w.Registers

	cut := a.cut(w.After, w.Base)
	if a.last() != w.After {
		c.fail(LogMatching, now, id, "it goes on behind %v, which its log, up to %v, does not have", w.After, a.last())
		return
	}
	prev := w.After
	for i := range w.Entries {
		e := &w.Entries[i]
		if !c.logged(now, id, prev, e) {
			return
		}
		a.log = append(a.log, e.ID)
		prev = e.ID
	}
	if prev.Epoch > w.Registers[0] {
		c.fail(EpochsGrow, now, id, "it writes entry %v while it has promised no epoch above %d", prev, w.Registers[0])
		return
	}
	a.compact(w.Snapshot, w.Base)
	n.ask(&w)

	if cut != (protocols.EntryID{}) {
		c.truncated(now, id, cut)
	}
	if c.protocol == Zab {
		if w.Registers[1] != was[1] {
			c.complete(HistoryBeforeEpoch, now, id, w.Registers[1], "writes currentEpoch")
		}
		c.inHistory(now, id, n)
	}
	if n.unsettled {
		c.settle(now, id, n)
	}
}

// registers checks a change of the registers.
func (c *Invariants) registers(now protocols.Time, id protocols.NodeID, was, is protocols.Registers) bool {
	switch {
	case is[0] < was[0]:
		c.fail(EpochsGrow, now, id, "it writes %d over %d, the greatest epoch that it has promised", is[0], was[0])
	case c.protocol == Raft && is[0] == was[0] && is[1] != was[1] && was[1] != 0:
		c.fail(VoteOnce, now, id, "in term %d it writes a vote for %d over its vote for %d", is[0], is[1], was[1])
	case c.protocol == Zab && is[1] < was[1]:
		c.fail(EpochsGrow, now, id, "it writes currentEpoch %d over %d", is[1], was[1])
	case c.protocol == Zab && is[1] > is[0]:
		c.fail(EpochsGrow, now, id, "it writes currentEpoch %d, and has promised no epoch above %d", is[1], is[0])
	default:
		return true
	}
	return false
}

// truncated checks a write that dropped entries, from cut on.
func (c *Invariants) truncated(now protocols.Time, id protocols.NodeID, cut protocols.EntryID) {
	n := &c.nodes[id]
	in := n.asked.registers[0]
	switch {
	case c.protocol == Raft && n.leads != 0 && n.leads == in:
		c.fail(LeaderAppendOnly, now, id, "it drops its log from entry %v on while it leads term %d", cut, in)
		return
	case c.protocol == Zab && c.keepsLog(id, n):
		c.fail(LeaderAppendOnly, now, id, "it drops its log from entry %v on, has led epoch %d since %v and promised no other", cut, in, clock(c.epochs[in].at))
		return
	}
	if n.asked.holds(cut) { // the same write brought it back
		return
	}
	k, committed := c.place(cut)
	if !committed {
		return
	}
	d := &c.order[k-1]
	// In Zab a learner may lose an entry that a quorum of others has committed, in
	// this same epoch, while its leader brought it level: it gets it again behind
	// the TRUNC. What was committed in earlier epochs its leader has. In Raft only
	// an entry that conflicts with a leader's goes, so never this one, unless the
	// leader is of a term before the one that committed it (the late message of
	// figure 8's other leader).
	if n.delivered >= k || in > d.epoch || c.protocol == Raft && in == d.epoch {
		c.fail(CommittedDurable, now, id, "it drops entry %v (%s), which node %d delivered at %v, from its log", d.ID, describe(&d.Command), d.node, clock(d.at))
		return
	}
	c.lasting(CommittedDurable, now, id, &c.order[len(c.order)-1], "after it cut its log")
}

// Delivered checks that all state machines take the same entries in one order.
func (c *Invariants) Delivered(now protocols.Time, id protocols.NodeID, restore protocols.EntryID, committed []protocols.Entry) {
	if c.first != nil {
		return
	}
	n := c.node(id)
	if n.unsettled {
		c.settle(now, id, n)
	}
	if restore != (protocols.EntryID{}) {
		k, found := c.place(restore)
		if !found || k < n.delivered {
			c.fail(RestoreForward, now, id, "it jumps to a snapshot at %v, having delivered %d entries; of the order that is place %d, known: %v", restore, n.delivered, k, found)
			return
		}
		n.delivered = k
	}
	for i := range committed {
		e := &committed[i]
		if n.delivered == len(c.order) {
			if !c.extend(now, id, n, e) {
				return
			}
		} else if d := &c.order[n.delivered]; d.Entry != *e {
			c.fail(StateMachineSafety, now, id, "entry %d that it delivers is %v, %s; node %d delivered %v, %s, there at %v",
				n.delivered+1, e.ID, describe(&e.Command), d.node, d.ID, describe(&d.Command), clock(d.at))
			return
		}
		n.delivered++
	}
	if k := len(committed); k > 0 {
		if !n.asked.holds(committed[k-1].ID) {
			n.owed, n.owedAt, n.unsettled = committed[k-1].ID, now, true
		}
		if c.protocol == Zab {
			c.behindLeader(now, id, n)
		}
	}
}

// extend takes in an entry that nobody delivered before.
func (c *Invariants) extend(now protocols.Time, id protocols.NodeID, n *node, e *protocols.Entry) bool {
	x := c.cell(e.ID)
	if x == nil || x.command != e.Command {
		c.fail(StateMachineSafety, now, id, "it delivers entry %v, %s, which is in nobody's log", e.ID, describe(&e.Command))
		return false
	}
	var last protocols.EntryID
	if k := len(c.order); k > 0 {
		last = c.order[k-1].ID
	}
	if x.prev != last {
		c.fail(StateMachineSafety, now, id, "it delivers entry %v, %s, behind %v; in every log it follows %v", e.ID, describe(&e.Command), last, x.prev)
		return false
	}
	in := n.asked.registers[c.protocol.tenure()]
	if c.protocol == Zab && !c.legitimate(now, id, e, in) || !c.ordered(now, id, e) {
		return false
	}
	c.order = append(c.order, delivery{*e, in, now, id})
	x.place = len(c.order)
	c.lasting(CommitDurable, now, id, &c.order[len(c.order)-1], "when it is first delivered")
	return c.first == nil
}

// settle looks for what must go with a delivery or an event. Deliveries, writes
// and events of one instant come in any order among the three: a follower
// that learns an entry and its commitment at once may seem to deliver first, and
// a leader to take office before it delivers what it began with.
func (c *Invariants) settle(now protocols.Time, id protocols.NodeID, n *node) {
	if n.owed != (protocols.EntryID{}) {
		if n.asked.holds(n.owed) {
			n.owed = protocols.EntryID{}
		} else if now > n.owedAt {
			c.fail(DeliveredLogged, now, id, "it delivered entry %v at %v, and has not asked for it to be durable; its log ends at %v", n.owed, clock(n.owedAt), n.asked.last())
		}
	}
	if n.heirTo != 0 {
		if c.inherited(n) {
			n.heirTo = 0
		} else if now > n.heirAt {
			c.fail(PrimaryIntegrity, now, id, "it was established in epoch %d at %v and has not delivered the history that it began with, up to %v; it has delivered %d entries",
				n.heirTo, clock(n.heirAt), c.epochs[n.heirTo].initial, n.delivered)
		}
	}
	n.unsettled = n.owed != (protocols.EntryID{}) || n.heirTo != 0
}

// Sent is of no interest here: what replicas say to each other is their affair.
func (c *Invariants) Sent(now protocols.Time, from, to protocols.NodeID, kind uint8, size int) {}
