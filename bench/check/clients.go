package check

import (
	"raftzab/bench"
	"raftzab/bench/kv"
	"raftzab/protocols"
)

// Modes is a set of read modes, as bits.
type Modes uint8

// ModesOf returns the set of the given modes.
func ModesOf(ms ...protocols.ReadMode) (s Modes) {
	for _, m := range ms {
		s |= 1 << m
	}
	return s
}

// Has reports whether m is in the set.
func (s Modes) Has(m protocols.ReadMode) bool { return s&(1<<m) != 0 }

// Strict is the modes that promise linearizability whatever the configuration.
var Strict = ModesOf(protocols.ReadIndex, protocols.ReadLease)

// modeNames are those of package protocols.
var modeNames = [...]string{"ReadLocal", "ReadLeader", "ReadIndex", "ReadLease", "ReadSync"}

// A session is what one client asked for.
type session struct {
	requests []request // by Seq
	last     uint32    // the greatest Seq that has taken effect along the order
}

type request struct {
	command  protocols.Command // Op 0: not submitted
	open     int               // attempts that are not known to have been refused
	attempts int               // attempts[attempts-1] is the latest; 0: none
	place    int               // order[place-1] has it first; 0: nobody delivered it
	version  uint64            // that it made there; 0: it came too late to take effect
}

// An attempt is what must hold for the answer to a request; its ID and the node
// name it. Only seen is of interest for a write.
type attempt struct {
	node  protocols.NodeID
	mode  protocols.ReadMode
	at    protocols.Time
	floor int               // when it was submitted, order[:floor] was known to a client
	fresh int               // and order[:fresh] was committed
	seen  protocols.EntryID // the session had been told of a state so new
	next  int               // the one before at the same request, as in request
}

// Asked takes in a request on its way to node to; the same request may come
// again. Once it has been called, everything that is delivered must have been
// asked for.
func (c *Invariants) Asked(now protocols.Time, to protocols.NodeID, r bench.Request) {
	c.Submitted(r.Command)
	// Two attempts at one node have one name: the earlier one promises less.
	if q := c.request(r.ID); c.attempt(q, to) == nil {
		c.attempts = append(c.attempts, attempt{to, r.Mode, now, c.known, len(c.order), r.Seen, q.attempts})
		q.attempts = len(c.attempts)
	}
}

// Submitted is Asked for a write, where it does not matter who is asked, nor what
// the session has seen.
func (c *Invariants) Submitted(command protocols.Command) {
	q := c.request(command.ID)
	q.command = command
	q.open++
	c.clients = true
}

func (c *Invariants) attempt(q *request, node protocols.NodeID) *attempt {
	for i := q.attempts; i > 0; i = c.attempts[i-1].next {
		if a := &c.attempts[i-1]; a.node == node {
			return a
		}
	}
	return nil
}

// Acknowledged checks the answer to a request.
func (c *Invariants) Acknowledged(now protocols.Time, r bench.Reply) {
	if c.first != nil {
		return
	}
	q := c.request(r.ID)
	switch {
	case r.Outcome == bench.Refused:
		if q.open > 0 {
			q.open--
		}
		if c.clients && q.open == 0 && q.place > 0 {
			c.fail(RefusedKept, now, r.Node, "it refuses request %d/%d, as did whoever else was asked; node %d delivered it as entry %v",
				r.ID.Session, r.ID.Seq, c.order[q.place-1].node, c.order[q.place-1].ID)
		}
	case r.Outcome != bench.OK:
	case q.command.Op == kv.Get:
		c.answered(now, q, &r)
	default:
		c.acknowledged(now, q, &r)
	}
}

// acknowledged checks an OK to a write: it is in the order, the state that
// answered had it, and the result is that of its one application.
func (c *Invariants) acknowledged(now protocols.Time, q *request, r *bench.Reply) {
	_, found := c.place(r.At)
	switch {
	case q.place == 0:
		c.fail(AcknowledgedKept, now, r.Node, "it acknowledges request %d/%d, which nobody delivered", r.ID.Session, r.ID.Seq)
	case r.At.Less(c.order[q.place-1].ID):
		c.fail(AcknowledgedKept, now, r.Node, "it acknowledges request %d/%d from its state at %v; that is entry %v", r.ID.Session, r.ID.Seq, r.At, c.order[q.place-1].ID)
	case !found:
		c.fail(StateMatches, now, r.Node, "it acknowledges request %d/%d from its state at %v, a position that nobody delivered", r.ID.Session, r.ID.Seq, r.At)
	case q.version == 0:
		c.fail(StateMatches, now, r.Node, "it acknowledges request %d/%d, which had no effect as entry %v: a later write of its session came before it", r.ID.Session, r.ID.Seq, c.order[q.place-1].ID)
	case r.Version != q.version:
		c.fail(StateMatches, now, r.Node, "it answers request %d/%d with version %d; as entry %v it made version %d", r.ID.Session, r.ID.Seq, r.Version, c.order[q.place-1].ID, q.version)
	default:
		c.forward(now, q, r)
	}
	c.known = max(c.known, q.place)
}

// answered checks what a read saw, and that it is new enough.
func (c *Invariants) answered(now protocols.Time, q *request, r *bench.Reply) {
	k, found := c.place(r.At)
	if !found {
		c.fail(StateMatches, now, r.Node, "it answers read %d/%d from its state at %v, a position that nobody delivered", r.ID.Session, r.ID.Seq, r.At)
		return
	}
	if value, version := c.state(q.command.Key, k); r.Value != value || r.Version != version {
		c.fail(StateMatches, now, r.Node, "it answers read %d/%d of key %d with value %d, version %d, from its state at %v; there it is value %d, version %d",
			r.ID.Session, r.ID.Seq, q.command.Key, r.Value, r.Version, r.At, value, version)
		return
	}
	a := c.forward(now, q, r)
	if a == nil || !c.Strict.Has(a.mode) {
		return
	}
	if k < a.floor {
		d := &c.order[a.floor-1]
		c.fail(RealTime, now, r.Node, "it answers read %d/%d, asked for at %v in mode %s, from its state at %v; before that a client had an answer from entry %v (%s)",
			r.ID.Session, r.ID.Seq, clock(a.at), modeNames[a.mode], r.At, d.ID, describe(&d.Command))
	} else if k < a.fresh {
		d := &c.order[a.fresh-1]
		c.fail(ReadFresh, now, r.Node, "it answers read %d/%d, asked for at %v in mode %s, from its state at %v; node %d had delivered entry %v (%s) at %v",
			r.ID.Session, r.ID.Seq, clock(a.at), modeNames[a.mode], r.At, d.node, d.ID, describe(&d.Command), clock(d.at))
	}
	c.known = max(c.known, k)
}

// forward checks that the state that answers is none that the session has left
// behind, and returns the attempt, if it is known.
func (c *Invariants) forward(now protocols.Time, q *request, r *bench.Reply) *attempt {
	a := c.attempt(q, r.Node)
	if a != nil && r.At.Less(a.seen) {
		c.fail(SessionForward, now, r.Node, "it answers request %d/%d from its state at %v; the session had seen %v", r.ID.Session, r.ID.Seq, r.At, a.seen)
		return nil
	}
	return a
}

// Ordered reports whether anybody has delivered the write.
func (c *Invariants) Ordered(id protocols.RequestID) bool { return c.request(id).version > 0 }

// ordered notes that the command of e is about to be delivered for the first
// time. A command may come twice, if its client tried again: the state machine
// sees to that.
func (c *Invariants) ordered(now protocols.Time, id protocols.NodeID, e *protocols.Entry) bool {
	if e.Command.ID.Seq == 0 {
		if c.clients && e.Command != (protocols.Command{}) {
			c.fail(Integrity, now, id, "it delivers entry %v with a command of nobody, and it is not the no-op", e.ID)
			return false
		}
		return true
	}
	q := c.request(e.Command.ID)
	if c.clients && (q.command != e.Command || q.command.Op == kv.Get) {
		c.fail(Integrity, now, id, "it delivers %s as entry %v; what was submitted is %s", describe(&e.Command), e.ID, describe(&q.command))
		return false
	}
	if c.clients && q.open == 0 {
		c.fail(RefusedKept, now, id, "it delivers %s as entry %v; whoever was asked has refused it", describe(&e.Command), e.ID)
		return false
	}
	if q.place == 0 {
		q.place = len(c.order) + 1
		q.version = c.apply(q.place, &e.Command)
	}
	return true
}

func (c *Invariants) request(id protocols.RequestID) *request {
	for int(id.Session) >= len(c.sessions) {
		c.sessions = append(c.sessions, session{})
	}
	s := &c.sessions[id.Session]
	for int(id.Seq) >= len(s.requests) {
		s.requests = append(s.requests, request{})
	}
	return &s.requests[id.Seq]
}
