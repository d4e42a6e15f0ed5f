package check

import (
	"raftzab/bench"
	"raftzab/protocols"
)

// A session is what one client asked for.
type session struct{ requests []request } // by Seq

type request struct {
	command protocols.Command // Op 0: not submitted
	place   int               // order[place-1] has it; 0: nobody delivered it
}

// Submitted takes in a write on its way to some node; the same write may come
// again. Once it has been called, everything that is delivered must have been
// submitted.
func (c *Invariants) Submitted(command protocols.Command) {
	c.request(command.ID).command = command
	c.clients = true
}

// Acknowledged checks the answer to a write: what a client was told to have
// happened is in the order, and the state that answered had it.
func (c *Invariants) Acknowledged(now protocols.Time, r bench.Reply) {
	if c.first != nil || r.Outcome != bench.OK {
		return
	}
	switch q := c.request(r.ID); {
	case q.place == 0:
		c.fail(AcknowledgedKept, now, r.Node, "it acknowledges request %d/%d, which nobody delivered", r.ID.Session, r.ID.Seq)
	case r.At.Less(c.order[q.place-1].ID):
		c.fail(AcknowledgedKept, now, r.Node, "it acknowledges request %d/%d from its state at %v; that is entry %v", r.ID.Session, r.ID.Seq, r.At, c.order[q.place-1].ID)
	}
}

// ordered notes that the command of e is about to be delivered for the first
// time. A command may come twice, if its client tried again: kv sees to that.
func (c *Invariants) ordered(now protocols.Time, id protocols.NodeID, e *protocols.Entry) bool {
	if e.Command.ID.Seq == 0 {
		if c.clients && e.Command != (protocols.Command{}) {
			c.fail(Integrity, now, id, "it delivers entry %v with a command of nobody, and it is not the no-op", e.ID)
			return false
		}
		return true
	}
	q := c.request(e.Command.ID)
	if c.clients && q.command != e.Command {
		c.fail(Integrity, now, id, "it delivers %s as entry %v; what was submitted is %s", describe(&e.Command), e.ID, describe(&q.command))
		return false
	}
	if q.place == 0 {
		q.place = len(c.order) + 1
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
