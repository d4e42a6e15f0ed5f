package run

import (
	"slices"

	"raftzab/bench"
	"raftzab/bench/fault"
	"raftzab/protocols"
	"raftzab/results"
)

// A healing is how a cluster comes together again, from the first fault that mends
// another: the end of a cut, a server that starts or goes on.
type healing struct {
	asked    bool
	voters   int
	away     []NodeID // whom the first fault took away, where it says whom
	t0       Time
	first    []uint32 // by server: the first probe that was submitted after t0
	followed Time     // when all servers first served under one leader
	served   Time     // when such a probe was first acknowledged
	votes    int      // up to followed, by those who were away
	messages int      // that elect, to and from them
}

// ofHealing are the columns that it fills.
var ofHealing = []string{"follow_ms", "recover_ms", "follow_votes", "follow_messages"}

// healingEvents is what it listens to.
var healingEvents = protocols.Events(protocols.VoteCast)

// glance is how often it looks whether all servers follow.
const glance = Time(1_000_000)

func (h *healing) reset(s *Settings) {
	*h = healing{asked: s.wants(ofHealing...), voters: s.Cluster.Voters, away: h.away[:0], first: h.first[:0]}
}

// struck takes in that a fault strikes.
func (h *healing) struck(now Time, f fault.Fault, leader NodeID, p *prober) {
	if !h.asked || h.t0 != 0 {
		return
	}
	switch f.Kind {
	case fault.Heal, fault.Restart, fault.Resume:
		h.t0 = now
		for _, seq := range p.seq {
			h.first = append(h.first, seq+1)
		}
	case fault.Partition:
		h.away = append(h.away, side(f, leader)...)
	default:
		h.away = append(h.away, f.Nodes...)
	}
}

// wake looks whether all servers serve under one leader, and says when to look again.
func (h *healing) wake(now Time, v fault.View) Time {
	if !h.asked || h.t0 == 0 || h.followed != 0 {
		return 0
	}
	var leader NodeID
	for id := NodeID(1); int(id) <= h.voters; id++ {
		s, ok := v.Status(id)
		if id == 1 {
			leader = s.Leader
		}
		if !ok || !s.Active || s.Leader == protocols.None || s.Leader != leader {
			return now + glance
		}
	}
	h.followed = now
	return 0
}

func (h *healing) reply(now Time, r bench.Reply) {
	if h.asked && h.t0 != 0 && h.served == 0 && r.Outcome == bench.OK && r.ID.Seq >= h.first[r.ID.Session] {
		h.served = now
	}
}

// under reports whether messages and votes count.
func (h *healing) under() bool { return h.asked && h.t0 != 0 && h.followed == 0 }

func (h *healing) observe(node NodeID, e protocols.Event) {
	if h.under() && e.Kind == protocols.VoteCast && slices.Contains(h.away, node) {
		h.votes++
	}
}

func (h *healing) sent(from, to NodeID) {
	if h.under() && (slices.Contains(h.away, from) || slices.Contains(h.away, to)) {
		h.messages++
	}
}

// over reports whether there is nothing to wait for; probed: somebody writes.
func (h *healing) over(probed bool) bool { return h.followed != 0 && (h.served != 0 || !probed) }

// report fills the row; inside says whether messages could be seen.
func (h *healing) report(row *results.Trial, inside bool) {
	if !h.asked || h.t0 == 0 {
		return
	}
	if h.served != 0 {
		row.RecoverMS = milliseconds(h.served - h.t0)
	}
	if h.followed == 0 {
		return
	}
	row.FollowMS = milliseconds(h.followed - h.t0)
	if inside && len(h.away) > 0 {
		row.FollowVotes, row.FollowMessages = results.Number(h.votes), results.Number(h.messages)
	}
}
