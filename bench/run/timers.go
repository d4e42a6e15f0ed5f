package run

import (
	"slices"

	"raftzab/protocols"
	"raftzab/results"
)

// timers measure, from outside, for how long servers wait before they stand: from
// the last thing that starts a server's election timer again to its candidacy. By
// the paper (§5.2, §5.4, figure 2) that is a vote that it grants, AppendEntries (or InstallSnapshot)
// of the current leader, and a candidacy of its own; and it starts with the
// process, and when a leader steps down.
type timers struct {
	seen        bool // messages of the leader can be told
	asked       bool
	since       []Time // by node: when its timer started; running where it has one
	running     []bool
	least, most Time // of all waits; -1: none
}

// timerEvents is what timers listen to.
var timerEvents = protocols.Events(protocols.RoundBegan, protocols.VoteCast, protocols.RoleChanged)

func (t *timers) reset(s *Settings) {
	n := s.members() + 1
	prevote := s.Raft.PreVote != nil && *s.Raft.PreVote // who stands has asked before
	t.asked = t.seen && !prevote && (slices.Contains(s.Columns, "timer_min_ms") || slices.Contains(s.Columns, "timer_max_ms"))
	if !t.asked {
		return
	}
	t.since, t.running = slices.Grow(t.since[:0], n)[:n], slices.Grow(t.running[:0], n)[:n]
	clear(t.running)
	t.least, t.most = -1, -1
}

// start takes in that a server's timer starts again.
func (t *timers) start(now Time, node NodeID) {
	if t.asked {
		t.since[node], t.running[node] = now, true
	}
}

func (t *timers) observe(now Time, node NodeID, e protocols.Event) {
	switch {
	case !t.asked:
	case e.Kind == protocols.RoleChanged && e.Role == protocols.Leader:
		t.running[node] = false
	case e.Kind == protocols.RoleChanged && e.Role == protocols.Follower && !t.running[node], e.Kind == protocols.VoteCast && e.Peer != node:
		t.start(now, node)
	case e.Kind == protocols.RoundBegan:
		if waited := now - t.since[node]; t.running[node] {
			t.most = max(t.most, waited)
			if t.least < 0 || waited < t.least {
				t.least = waited
			}
		}
		t.start(now, node)
	}
}

func (t *timers) report(row *results.Trial) {
	if t.asked && t.most >= 0 {
		row.TimerLeast, row.TimerMost = milliseconds(t.least), milliseconds(t.most)
	}
}

// An audible replica tells its timer when the leader has spoken.
type audible[M protocols.Message] struct {
	protocols.Replica[M]
	spoken func(m M) (term uint64, leads bool) // whether only the leader of a term sends this
	heard  func()
}

func (a *audible[M]) Receive(now Time, from NodeID, m M, out *protocols.Output[M]) {
	if term, leads := a.spoken(m); leads && term >= a.Replica.Status().Epoch {
		a.heard()
	}
	a.Replica.Receive(now, from, m, out)
}

// Transfer hands over to another server, where the replica can.
func (a *audible[M]) Transfer(now Time, to NodeID, out *protocols.Output[M]) {
	if t, ok := a.Replica.(protocols.Transferrer[M]); ok {
		t.Transfer(now, to, out)
	}
}
