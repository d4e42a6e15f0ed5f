package zookeeper

import "raftzab/protocols"

// Hindrances tell why one election took longer than another, as far as the
// servers' logs do: when its steps were taken, zero where they were not, and what
// had to be done again.
type Hindrances struct {
	Noticed   protocols.Time // the first server read the end of its connection to the leader
	Listening protocols.Time // the elected leader accepts connections
	Connected protocols.Time // a learner reached it; the last to do so before Quorum
	Quorum    protocols.Time // a quorum has acknowledged NEWLEADER
	Refused   int            // attempts to connect to an elected leader that was not listening yet: the next comes 100 ms later
	Unheard   []int          // by voter: its votes that reached servers which had not given the old leader up: they do not count
}

// Mark begins to count hindrances anew.
func (e *Ensemble) Mark() { e.hindered = Hindrances{Unheard: make([]int, e.cfg.Voters+1)} }

// Hindered returns what there was since Mark.
func (e *Ensemble) Hindered() Hindrances { return e.hindered }

// hinder takes in a line of the log, before the view of its server does.
func (e *Ensemble) hinder(x happening) {
	h, v := &e.hindered, &x.life.view
	switch {
	case h.Unheard == nil: // nobody has asked
	case !x.life.server.voter: // an observer has no part in it
	case x.fact.kind == lost && h.Noticed == 0:
		h.Noticed = x.at
	case x.fact.kind == stateChanged && x.fact.state == "leading - discovery":
		h.Listening = x.at
	case x.fact.kind == connected && h.Quorum == 0:
		h.Connected = x.at
	case x.fact.kind == quorum:
		h.Quorum = x.at
	case x.fact.kind == refused:
		h.Refused++
	case x.fact.kind == notified && !x.fact.heard && x.fact.from != v.id && int(x.fact.from) < len(h.Unheard) && e.early(v):
		h.Unheard[x.fact.from]++
	}
}

// early reports whether a server that says it is not looking still has the old
// leader: that one is down or cut off, or the server is about to look, for its two
// threads log in no order.
func (e *Ensemble) early(v *view) bool {
	if v.looking {
		return v.vote == protocols.None
	}
	return v.leader != protocols.None && (e.cut || !e.servers[v.leader-1].life.serves())
}
