package check

import "raftzab/protocols"

// What only Zab has. An epoch has at most one leader, in one office
// (ElectionSafety), which drops nothing of its log (LeaderAppendOnly). So an
// epoch has one history, the log of its leader, and it only grows. By
// LogMatching two logs that have an entry share all before it, so whether a log
// is a prefix of a history is a comparison of their ends.

// An office is what is known of an epoch's leader.
type office struct {
	initial   protocols.EntryID // where its log ended when it began to synchronise
	history   protocols.EntryID // where it ends, or ended when the office did
	broadcast uint64            // it has broadcast the entries 1 to this
	delivered int               // and delivered order[:delivered]
}

func (c *Invariants) observeZab(now protocols.Time, id protocols.NodeID, e protocols.Event) {
	if n := c.node(id); n.unsettled {
		if c.settle(now, id, n); c.first != nil {
			return
		}
	}
	switch e.Kind {
	case protocols.PhaseEntered:
		// In discovery there may be several leaders-elect of an epoch. Only one is
		// promised to be followed by a quorum, and goes on.
		leads := e.Role == protocols.Leader
		if leads && e.Phase == protocols.Synchronization {
			c.takesOffice(now, id, e.Epoch, "synchronises in epoch", true)
		}
		if e.Phase == protocols.Broadcast {
			if leads {
				c.takesOffice(now, id, e.Epoch, "broadcasts in epoch", false)
			}
			c.epochDurable(now, id, e.Epoch, "enters broadcast in epoch")
		}
	case protocols.Activated:
		// Elected has FLE's round, which is no epoch: two servers may well believe
		// themselves elected in one.
		x := c.takesOffice(now, id, e.Epoch, "is established in epoch", false)
		c.complete(LeaderCompleteness, now, id, e.Epoch, "is established in epoch")
		c.epochDurable(now, id, e.Epoch, "is established in epoch")
		if x != nil {
			c.inherits(now, id, e.Epoch)
		}
	case protocols.Proposed:
		c.broadcasts(now, id, e)
	}
}

// takesOffice checks that nobody else has led epoch e, and that this server begins
// to once. It returns nil if that is not so.
func (c *Invariants) takesOffice(now protocols.Time, id protocols.NodeID, e uint64, what string, begins bool) *epoch {
	x := c.epoch(now, id, e)
	if x == nil {
		return nil
	}
	known := x.leader != protocols.None
	if c.leads(now, id, e, what); c.first != nil {
		return nil
	}
	switch n := c.node(id); {
	case !known:
		x.initial, x.history, x.delivered = n.asked.last(), n.asked.last(), n.delivered
	case begins:
		c.fail(ElectionSafety, now, id, "it %s %d, and has led it before, since %v: an office begins with an epoch of its own", what, e, clock(x.at))
		return nil
	}
	return x
}

// broadcasts checks an entry that a primary sends out: the next of its epoch,
// and the one that it has in its log.
func (c *Invariants) broadcasts(now protocols.Time, id protocols.NodeID, e protocols.Event) {
	x := c.takesOffice(now, id, e.At.Epoch, "broadcasts in epoch", false)
	if x == nil {
		return
	}
	if e.At.Index != x.broadcast+1 {
		c.fail(LocalPrimaryOrder, now, id, "it broadcasts entry %v; the last of this epoch that it broadcast is %d.%d", e.At, e.At.Epoch, x.broadcast)
		return
	}
	if y := c.cell(e.At); y != nil && (y.node != id || y.command.ID != e.ID) {
		c.fail(Integrity, now, id, "it broadcasts request %d/%d as entry %v, which is %s in the log of node %d since %v",
			e.ID.Session, e.ID.Seq, e.At, describe(&y.command), y.node, clock(y.at))
		return
	}
	x.broadcast = e.At.Index
	if e.At.Index == 1 {
		c.primary = max(c.primary, e.At.Epoch)
		c.inherits(now, id, e.At.Epoch)
	}
}

// inherits wants the history that a leader began with delivered, by the end of
// this instant.
func (c *Invariants) inherits(now protocols.Time, id protocols.NodeID, e uint64) {
	n := c.node(id)
	n.heirTo, n.heirAt, n.unsettled = e, now, true
	c.settle(now, id, n)
}

func (c *Invariants) inherited(n *node) bool {
	k, found := c.place(c.epochs[n.heirTo].initial)
	return found && k <= n.delivered
}

// inHistory checks that the log of a server that is in an epoch, and has promised
// no later one, is a prefix of the history of this epoch.
func (c *Invariants) inHistory(now protocols.Time, id protocols.NodeID, n *node) {
	r := n.asked.registers
	if r[0] != r[1] || r[1] >= uint64(len(c.epochs)) {
		return
	}
	switch x, last := &c.epochs[r[1]], n.asked.last(); {
	case x.leader == protocols.None:
	case x.held(id, n):
		x.history = last
	case !c.precedes(last, x.history):
		c.fail(HistoryConsistency, now, id, "in epoch %d its log ends at %v; that is not in the history of node %d, which leads this epoch since %v and began with what ends at %v: it ends at %v",
			r[1], last, x.leader, clock(x.at), x.initial, x.history)
	}
}

// held reports whether the office is or was that of node id in its present life.
func (x *epoch) held(id protocols.NodeID, n *node) bool { return x.leader == id && x.life == n.life }

// keepsLog reports whether node id leads, or was the last to lead, the epoch that
// it is in.
func (c *Invariants) keepsLog(id protocols.NodeID, n *node) bool {
	r := n.asked.registers
	return r[0] == r[1] && r[1] < uint64(len(c.epochs)) && c.epochs[r[1]].held(id, n)
}

// precedes reports whether z is in every log that ends at end. Counters start
// again with each epoch, so there is one step for each of them.
func (c *Invariants) precedes(z, end protocols.EntryID) bool {
	for z.Epoch < end.Epoch {
		first := c.cell(protocols.EntryID{Epoch: end.Epoch, Index: 1})
		if first == nil { // before the trial began
			return true
		}
		end = first.prev
	}
	return z.Epoch == end.Epoch && z.Index <= end.Index
}

// behindLeader checks that a server of an epoch has delivered nothing that the
// leader of this epoch has not.
func (c *Invariants) behindLeader(now protocols.Time, id protocols.NodeID, n *node) {
	e := n.asked.registers[1]
	if e >= uint64(len(c.epochs)) {
		return
	}
	switch x := &c.epochs[e]; {
	case x.leader == protocols.None:
	case x.held(id, n):
		x.delivered = n.delivered
	case n.delivered > x.delivered:
		c.fail(CommitConsistency, now, id, "in epoch %d it delivers up to entry %v; node %d, which leads this epoch since %v, has delivered %d entries, and this is number %d",
			e, c.order[n.delivered-1].ID, x.leader, clock(x.at), x.delivered, n.delivered)
	}
}

// legitimate checks an entry that nobody delivered before, at a server in epoch
// in: that its primary broadcast it, that it comes too late for no later primary,
// and that every later leader began with it.
func (c *Invariants) legitimate(now protocols.Time, id protocols.NodeID, e *protocols.Entry, in uint64) bool {
	if x := &c.epochs[e.ID.Epoch]; x.leader != protocols.None && e.ID.Index > x.broadcast {
		c.fail(Integrity, now, id, "it delivers entry %v, %s, and node %d, the primary of this epoch, has broadcast nothing behind %d.%d",
			e.ID, describe(&e.Command), x.leader, e.ID.Epoch, x.broadcast)
		return false
	}
	if x := c.primary; e.ID.Epoch < x {
		c.fail(PrimaryIntegrity, now, id, "it is the first to deliver entry %v, %s; node %d has begun to broadcast in epoch %d, and had not delivered it",
			e.ID, describe(&e.Command), c.epochs[x].leader, x)
		return false
	}
	for later := in + 1; later < uint64(len(c.epochs)); later++ {
		if x := &c.epochs[later]; x.leader != protocols.None && !c.precedes(e.ID, x.initial) {
			c.fail(LeaderCompleteness, now, id, "in epoch %d it is the first to deliver entry %v, %s; node %d leads epoch %d since %v and began with a history without it, up to %v",
				in, e.ID, describe(&e.Command), x.leader, later, clock(x.at), x.initial)
			return false
		}
	}
	return true
}
