package raft

import "raftzab/protocols"

// A progress is what this server knows of a voter, itself included: the votes
// while it is a candidate, figure 2's volatile state on leaders while it leads.
type progress struct {
	id      protocols.NodeID
	granted bool // its vote, in the current term

	// Up to matchIndex the voter's log agrees with the leader's, durably. Up to
	// nextIndex it has been sent to a follower; matchIndex < nextIndex there.
	matchIndex uint64
	nextIndex  uint64

	// While probing, the leader does not know where the logs agree: nextIndex
	// stays where it is until the voter has answered, so that a server that is
	// away, or far behind, is not sent the same entries with every proposal.
	// Otherwise nextIndex moves on with what is sent.
	probing bool
}

// begin is what a new leader assumes of everybody, itself included until its
// no-op is durable: nothing is there, and the logs agree to its last entry.
func (p *progress) begin(last uint64) {
	p.matchIndex, p.nextIndex, p.probing = 0, last+1, false
}

// succeeded takes in that the logs agree up to index.
func (p *progress) succeeded(index uint64) {
	p.matchIndex = max(p.matchIndex, index)
	if p.probing || p.nextIndex <= p.matchIndex {
		p.nextIndex, p.probing = p.matchIndex+1, false
	}
}

// refused takes in that the logs may agree up to index, but not behind it, and
// reports whether that is new: all that was under way behind the first message
// that was refused is refused as well.
func (p *progress) refused(index uint64) bool {
	next := max(p.matchIndex, index) + 1
	if next >= p.nextIndex {
		return false
	}
	p.nextIndex, p.probing = next, true
	return true
}

// lost takes in that all that was under way may be lost.
func (p *progress) lost() {
	p.nextIndex, p.probing = p.matchIndex+1, true
}

// voter returns what is known of id, nil if it is no member.
func (r *Replica) voter(id protocols.NodeID) *progress {
	for i := range r.voters {
		if r.voters[i].id == id {
			return &r.voters[i]
		}
	}
	return nil
}

// majority is how many of the voters are one.
func (r *Replica) majority() int { return len(r.voters)/2 + 1 }
