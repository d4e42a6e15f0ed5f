package run

import (
	"raftzab/bench"
	"raftzab/bench/baseline/zookeeper"
	"raftzab/bench/fault"
	"raftzab/protocols"
	"raftzab/results"
	"raftzab/zab"
)

// Hindrances are what makes one election of Zab longer than another, by steps:
// a learner that finds its leader's port not open waits 100 ms, and a vote that
// comes too early is repeated only after min_notification_interval.
type hindrances struct {
	refused int
	unheard []int // by voter
	live    bool  // the servers' logs tell
}

// A hinderer is a system that says itself what hindered an election.
type hinderer interface {
	Mark()
	Hindered() zookeeper.Hindrances
}

func (h *hindrances) reset(voters int) {
	h.unheard = append(h.unheard[:0], make([]int, voters+1)...)
	h.refused, h.live = 0, false
}

// begin marks t0.
func (h *hindrances) begin(v bench.System) {
	if s, ok := v.(hinderer); ok {
		h.live = true
		s.Mark()
	}
}

// end marks that a new leader is active.
func (h *hindrances) end(v bench.System) {
	if s, ok := v.(hinderer); ok && h.live {
		said := s.Hindered()
		h.refused = said.Refused
		copy(h.unheard, said.Unheard)
	}
}

// hinders takes in a message of our own Zab: an answer to who looks for a leader
// from who has not given the old one up, or to who dials a port that is not open.
func (e *election) hinders(from, to NodeID, kind uint8, v fault.View) {
	if e.protocol != "zab" || !e.begun || e.active != 0 || from == e.old || int(from) > e.nodes || int(to) > e.nodes {
		return
	}
	switch zab.MessageType(kind) {
	case zab.Refused:
		e.hindered.refused++
	case zab.Notification:
		// The status is that after the step: who leaves its leader speaks as a candidate.
		if s, ok := v.Status(from); ok && s.Role != protocols.Candidate && e.seats[from].entered == 0 {
			e.hindered.unheard[to]++
		}
	}
}

// report fills the row.
func (h *hindrances) report(row *results.Trial, winner NodeID, inside bool) {
	if inside || h.live {
		row.ConnectRetries, row.VotesUnheard = results.Number(h.refused), results.Number(h.unheard[winner])
	}
}
