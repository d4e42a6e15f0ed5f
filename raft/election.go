package raft

import "raftzab/protocols"

// resetElectionTimer draws a new timeout (§5.2: "election timeouts are chosen
// randomly from a fixed interval"). It is called when an election starts, when
// a vote is granted, and at each message from the current leader.
func (r *Replica) resetElectionTimer(now protocols.Time) {
	t := r.cfg.ElectionTimeout
	if c := r.cfg.CandidateTimeout; r.role == protocols.Candidate && c.Min > 0 {
		t = c
	}
	r.electionAt = now + t.Min
	if t.Max > t.Min {
		r.electionAt += protocols.Time(r.rng.Int64N(int64(t.Max - t.Min)))
	}
}

// timedOut gives the leader up, or the election.
func (r *Replica) timedOut(now protocols.Time, out *Output) {
	switch {
	case !r.votes: // a learner waits for whoever is elected
		r.leader, r.electionAt = protocols.None, 0
	case r.cfg.PreVote:
		r.canvass(now, out)
	default:
		r.campaign(now, false, out)
	}
}

// canvass asks the voters whether they would vote for this server, in a term
// that nobody enters before a majority has said so (dissertation 9.6). The own
// word needs no disk: it promises nothing.
func (r *Replica) canvass(now protocols.Time, out *Output) {
	r.leader = protocols.None
	r.become(protocols.Candidate, now, out)
	r.canvassing = true
	r.resetElectionTimer(now)
	r.round++
	voters := r.voters()
	for i := range voters {
		p := &voters[i]
		if p.granted = p == r.self; !p.granted {
			r.promise(p.id, Message{Type: PreVote, Term: r.currentTerm, Round: r.round, LastLog: r.log.Last()}, out)
		}
	}
	r.count(now, out)
}

// campaign starts an election (§5.2): "a follower increments its current term
// and transitions to candidate state. It then votes for itself and issues
// RequestVote RPCs in parallel". The own vote takes the same road as the
// others', over the disk and back, and counts when it arrives.
func (r *Replica) campaign(now protocols.Time, transfer bool, out *Output) {
	r.enterTerm(r.currentTerm + 1)
	r.votedFor = r.cfg.ID
	r.become(protocols.Candidate, now, out)
	r.resetElectionTimer(now)
	out.Emit(protocols.Event{Kind: protocols.RoundBegan, Epoch: r.currentTerm})
	out.Emit(protocols.Event{Kind: protocols.VoteCast, Peer: r.cfg.ID, Epoch: r.currentTerm})
	voters := r.voters()
	for i := range voters {
		p := &voters[i]
		p.granted = false
		if p == r.self {
			r.promise(p.id, Message{Type: RequestVoteResponse, Term: r.currentTerm, VoteGranted: true}, out)
		} else {
			r.promise(p.id, Message{Type: RequestVote, Term: r.currentTerm, LastLog: r.log.Last(), Transfer: transfer}, out)
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
	r.promise(from, Message{Type: RequestVoteResponse, Term: r.currentTerm, VoteGranted: granted}, out)
}

// mayVote: §5.2, "each server will vote for at most one candidate in a given
// term"; §5.4.1, "the voter denies its vote if its own log is more up-to-date
// than that of the candidate", by last term, then by last index.
func (r *Replica) mayVote(from protocols.NodeID, m *Message) bool {
	return m.Term == r.currentTerm &&
		(r.votedFor == protocols.None || r.votedFor == from) &&
		!m.LastLog.Less(r.log.Last())
}

// preVote answers who asks whether it would get this vote in the term after its
// own (dissertation 9.6): not while this server believes in a leader. It changes
// nothing here, the term included.
func (r *Replica) preVote(now protocols.Time, from protocols.NodeID, m *Message, out *Output) {
	granted := m.Term >= r.currentTerm && !r.loyal(now) && !m.LastLog.Less(r.log.Last())
	r.promise(from, Message{Type: PreVoteResponse, Term: r.currentTerm, Round: m.Round, VoteGranted: granted}, out)
}

// loyal reports whether this server leads, or has heard from a leader so lately
// that a minimum election timeout has not passed (dissertation 4.2.3, 9.6).
func (r *Replica) loyal(now protocols.Time) bool {
	return r.role == protocols.Leader || now < r.loyalUntil
}

// follow recognises the leader of the term.
func (r *Replica) follow(now protocols.Time, leader protocols.NodeID, out *Output) {
	if r.leader != protocols.None && r.leader != leader {
		panic("raft: a second leader in one term: " + r.String())
	}
	r.become(r.resting(), now, out) // a candidate recognises the leader
	r.leader = leader
	r.loyalUntil = now + r.cfg.ElectionTimeout.Min
	r.resetElectionTimer(now)
}

// requestVoteResponse takes in a vote.
func (r *Replica) requestVoteResponse(now protocols.Time, p *progress, m *Message, out *Output) {
	if r.role == protocols.Candidate && !r.canvassing && m.Term == r.currentTerm && m.VoteGranted {
		p.granted = true
		r.count(now, out)
	}
}

// preVoteResponse takes in what would be a vote. An answer to an earlier question
// is void: much may have come to pass since.
// Rounds start anew with each life, so on datagrams a word to the life before may
// count. That is harmless: PreVotes promise nothing.
func (r *Replica) preVoteResponse(now protocols.Time, p *progress, m *Message, out *Output) {
	if r.canvassing && m.Round == r.round && m.VoteGranted {
		p.granted = true
		r.count(now, out)
	}
}

// count looks for a majority (§5.2: "a candidate wins an election if it receives
// votes from a majority of the servers in the full cluster for the same term").
func (r *Replica) count(now protocols.Time, out *Output) {
	votes, voters := 0, r.voters()
	for i := range voters {
		if voters[i].granted {
			votes++
		}
	}
	switch {
	case votes < r.majority():
	case r.canvassing:
		r.campaign(now, false, out)
	default:
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
	out.Emit(protocols.Event{Kind: protocols.Elected, Epoch: r.currentTerm})
	last := r.log.Last().Index
	for i := range r.members {
		r.members[i].begin(last)
	}
	r.firstIndex = last + 1
	r.confirmed, r.confirmedAt, r.leased, r.asked = r.round, now, false, 0
	r.ask(now)
	r.appendOwn([]protocols.Command{{}}, out)
	r.confirm(now, out)
}
