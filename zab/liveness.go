package zab

import "raftzab/protocols"

// Who is heard, and when somebody is given up. A learner has one deadline, that
// of its read (link). A leader has one for each handler, one for the quorum it
// waits for, and its round of pings.

// nextLeader returns the leader's earliest deadline.
func (r *Replica) nextLeader() Time {
	o := &r.office
	next := earlier(o.waitTill, o.pingAt)
	for _, id := range r.others {
		next = earlier(next, o.learners[id].deadline)
	}
	return next
}

// wakeLeader looks at the leader's deadlines.
func (r *Replica) wakeLeader(now Time, out *Output) {
	o := &r.office
	if o.waitTill != 0 && now >= o.waitTill {
		r.leave(now, out)
		return
	}
	for _, id := range r.others {
		if l := &o.learners[id]; l.deadline != 0 && now >= l.deadline {
			r.closeLearner(id, out)
		}
	}
	if o.pingAt != 0 && now >= o.pingAt {
		r.ping(now, out)
	}
}

// ping is a turn of Leader.lead's loop, twice a tick: at every second turn the
// leader counts a tick and looks whether a quorum is still with it. So it may
// serve on for up to a tick after its followers have gone.
func (r *Replica) ping(now Time, out *Output) {
	o := &r.office
	o.pingAt = now + r.cfg.Tick/2
	if o.halfTick = !o.halfTick; !o.halfTick {
		o.tick++
		count := 1
		for _, id := range r.cfg.Voters {
			if l := &o.learners[id]; l.stage != absent && o.tick <= l.ackTick && id != r.cfg.ID {
				count++
			}
		}
		if !r.isQuorum(count) {
			r.leave(now, out)
			return
		}
	}
	for _, id := range r.others {
		l := &o.learners[id]
		if l.stage < syncing {
			continue
		}
		if l.check.late(now, r.ticks(r.cfg.SyncLimit)) {
			r.closeLearner(id, out)
			continue
		}
		r.toLearner(id, Message{Type: Ping, Zxid: o.proposed}, out)
	}
}

// heard starts a handler's next read.
func (l *handler) heard(r *Replica, now Time) {
	if l.stage == upToDate {
		l.deadline = now + r.ticks(r.cfg.SyncLimit)
		l.ackTick = r.office.tick + r.cfg.SyncLimit
	} else {
		l.deadline = now + r.ticks(r.cfg.InitLimit)
	}
}

// A syncLimitCheck cuts off a learner that answers pings and acknowledges
// nothing: LearnerHandler.SyncLimitCheck. It times one proposal, and knows the
// last one behind it as the next to time.
type syncLimitCheck struct {
	started       bool
	current, next timedProposal
}

type timedProposal struct {
	zxid Zxid // zero: none
	sent Time
}

func (c *syncLimitCheck) proposed(z Zxid, now Time) {
	switch {
	case !c.started:
	case c.current.zxid == (Zxid{}):
		c.current = timedProposal{z, now}
	default:
		c.next = timedProposal{z, now}
	}
}

func (c *syncLimitCheck) acked(z Zxid) {
	if c.current.zxid == z {
		c.current, c.next = c.next, timedProposal{}
	}
}

func (c *syncLimitCheck) late(now, limit Time) bool {
	return c.current.zxid != (Zxid{}) && now-c.current.sent >= limit
}

var _ protocols.Replica[Message] = (*Replica)(nil)
