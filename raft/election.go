package raft

import "raftzab/protocols"

// resetElectionTimer draws a new timeout (§5.2: "election timeouts are chosen
// randomly from a fixed interval"). It is called when an election starts, when
// a vote is granted, and at each AppendEntries from the current leader.
func (r *Replica) resetElectionTimer(now protocols.Time) {
	t := r.cfg.ElectionTimeout
	r.electionAt = now + t.Min
	if t.Max > t.Min {
		r.electionAt += protocols.Time(r.rng.Int64N(int64(t.Max - t.Min)))
	}
}

// campaign starts an election (§5.2): "a follower increments its current term
// and transitions to candidate state. It then votes for itself and issues
// RequestVote RPCs in parallel". The own vote takes the same road as the
// others', over the disk and back, and counts when it arrives.
func (r *Replica) campaign(now protocols.Time, out *Output) {
	r.enterTerm(r.term + 1)
	r.votedFor = r.cfg.ID
	r.become(protocols.Candidate, now, out)
	r.resetElectionTimer(now)
	out.Emit(protocols.Event{Kind: protocols.RoundBegan, Epoch: r.term})
	out.Emit(protocols.Event{Kind: protocols.VoteCast, Peer: r.cfg.ID, Epoch: r.term})
	for i := range r.voters {
		p := &r.voters[i]
		p.granted = false
		if p == r.self {
			r.promise(p.id, Message{Type: RequestVoteResponse, Term: r.term, VoteGranted: true}, out)
		} else {
			r.promise(p.id, Message{Type: RequestVote, Term: r.term, LastLog: r.log.Last()}, out)
		}
	}
}

// requestVote answers a candidate.
func (r *Replica) requestVote(now protocols.Time, from protocols.NodeID, m *Message, out *Output) {
	granted := r.mayVote(from, m)
	if !granted {
		out.Emit(protocols.Event{Kind: protocols.VoteRefused, Peer: from, Epoch: m.Term})
	} else if r.votedFor == protocols.None {
		r.votedFor, r.unsaved = from, true
		r.resetElectionTimer(now)
		out.Emit(protocols.Event{Kind: protocols.VoteCast, Peer: from, Epoch: m.Term})
	}
	r.promise(from, Message{Type: RequestVoteResponse, Term: r.term, VoteGranted: granted}, out)
}

// mayVote: §5.2, "each server will vote for at most one candidate in a given
// term"; §5.4.1, "the voter denies its vote if its own log is more up-to-date
// than that of the candidate", by last term, then by last index.
func (r *Replica) mayVote(from protocols.NodeID, m *Message) bool {
	return m.Term == r.term &&
		(r.votedFor == protocols.None || r.votedFor == from) &&
		!m.LastLog.Less(r.log.Last())
}

// requestVoteResponse counts a vote (§5.2: "a candidate wins an election if it
// receives votes from a majority of the servers in the full cluster for the
// same term").
func (r *Replica) requestVoteResponse(now protocols.Time, p *progress, m *Message, out *Output) {
	if r.role != protocols.Candidate || m.Term != r.term || !m.VoteGranted {
		return
	}
	p.granted = true
	votes := 0
	for i := range r.voters {
		if r.voters[i].granted {
			votes++
		}
	}
	if votes >= r.majority() {
		r.lead(now, out)
	}
}

// lead takes the office, and tells the others with a no-op: the leader cannot
// know which of its entries are committed until it has committed one of its
// term (§5.4.2, §8).
func (r *Replica) lead(now protocols.Time, out *Output) {
	r.become(protocols.Leader, now, out)
	r.leader = r.cfg.ID
	r.heartbeatAt = now + r.cfg.Heartbeat
	out.Emit(protocols.Event{Kind: protocols.Elected, Epoch: r.term})
	last := r.log.Last().Index
	for i := range r.voters {
		r.voters[i].begin(last)
	}
	r.appendOwn([]protocols.Command{{}}, out)
}
