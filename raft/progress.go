package raft

import (
	"slices"

	"raftzab/protocols"
)

// A progress is what this server knows of a member, itself included: the votes
// while it is a candidate, figure 2's volatile state on leaders while it leads.
type progress struct {
	id      protocols.NodeID
	granted bool // its vote, in the current term, or its word that it would vote

	// Up to matchIndex the member's log agrees with the leader's, durably. Up to
	// nextIndex it has been sent to a follower; matchIndex < nextIndex there.
	matchIndex uint64
	nextIndex  uint64

	// While probing, the leader does not know where the logs agree: nextIndex
	// stays where it is until the member has answered, so that a server that is
	// away, or far behind, is not sent the same entries with every proposal.
	// Otherwise nextIndex moves on with what is sent, as far as the window allows.
	probing bool
	window  []uint64 // the last index of each AppendEntries with entries that is under way, in order

	answered uint64 // the last round of the leader that it has answered
	told     uint64 // the commitIndex that it has been told

	// A snapshot on its way to the member, zero at most times.
	installing protocols.Snapshot
	offset     uint64 // of the chunk that is under way
	idle       int    // heartbeat intervals since it last moved
}

// begin is what a new leader assumes of everybody, itself included until its
// no-op is durable: nothing is there, and the logs agree to its last entry.
func (p *progress) begin(last uint64) {
	*p = progress{id: p.id, nextIndex: last + 1, window: p.window[:0]}
}

// sent takes in that entries up to last are under way.
func (p *progress) sent(last uint64) {
	p.nextIndex = last + 1
	p.window = append(p.window, last)
}

// succeeded takes in that the logs agree up to index.
func (p *progress) succeeded(index uint64) {
	p.matchIndex = max(p.matchIndex, index)
	n := 0
	for n < len(p.window) && p.window[n] <= p.matchIndex {
		n++
	}
	p.window = p.window[:copy(p.window, p.window[n:])]
	if p.isInstalling() {
		if p.matchIndex < p.installing.At.Index {
			return
		}
		p.installing = protocols.Snapshot{}
	}
	// A probe is over when its own place is acknowledged, not by something older; or
	// when the follower has only said that it is there (sendAppendEntries: index 0).
	if p.probing && (index+1 >= p.nextIndex || index == 0) || p.nextIndex <= p.matchIndex {
		p.nextIndex, p.probing, p.window = p.matchIndex+1, false, p.window[:0]
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
	p.nextIndex, p.probing, p.window = next, true, p.window[:0]
	return true
}

// stale reports whether a refusal of entries behind prev tells nothing new: what
// is there has been acknowledged since, or was not asked for by the probe that is
// under way.
func (p *progress) stale(prev uint64) bool {
	if p.probing {
		return prev+1 != p.nextIndex
	}
	return prev <= p.matchIndex
}

// lost takes in that all that was under way may be lost.
func (p *progress) lost() {
	if p.matchIndex > 0 { // else begin's guess, or what refusals made of it, is as good as any
		p.nextIndex = p.matchIndex + 1
	}
	p.probing, p.window = true, p.window[:0]
	p.installing = protocols.Snapshot{}
}

func (p *progress) isInstalling() bool { return p.installing.At != protocols.EntryID{} }

// member returns what is known of id, nil if it is no member.
func (r *Replica) member(id protocols.NodeID) *progress {
	for i := range r.members {
		if r.members[i].id == id {
			return &r.members[i]
		}
	}
	return nil
}

// voters are the members that count; learners are behind them.
func (r *Replica) voters() []progress { return r.members[:len(r.cfg.Voters)] }

func (r *Replica) isVoter(id protocols.NodeID) bool { return slices.Contains(r.cfg.Voters, id) }

// majority is how many of the voters are one.
func (r *Replica) majority() int { return len(r.cfg.Voters)/2 + 1 }

// reached returns the greatest number that a majority of the voters have reached.
func (r *Replica) reached(of func(*progress) uint64) uint64 {
	voters := r.voters()
	for i := range voters {
		r.scratch[i] = of(&voters[i])
	}
	slices.Sort(r.scratch)
	return r.scratch[len(r.scratch)-r.majority()]
}
