package hashicorp

import (
	"errors"

	"github.com/hashicorp/raft"

	"raftzab/bench"
	"raftzab/protocols"
)

// A Watch makes events of what the library shows of one life of a server. Its
// owner keeps its calls apart.
type Watch struct {
	Raft *raft.Raft // nil until NewRaft has returned
	Emit func(protocols.Event)

	stood uint64 // the last term that the server was said to stand for

	// Of a leader, since it was elected.
	leading bool
	active  bool
	term    uint64
	first   uint64 // index of its first entry
}

// Changed takes in a change of state. It is for a filter of observations, which
// is called in the goroutine that makes the change.
func (w *Watch) Changed(r *raft.Raft, state raft.RaftState) {
	term := r.CurrentTerm()
	w.leading, w.active = false, false
	switch state {
	case raft.Follower:
		w.Emit(protocols.Event{Kind: protocols.RoleChanged, Role: protocols.Follower, Epoch: term})
	case raft.Candidate: // a pre-candidate, for a term that it has not entered
		w.Emit(protocols.Event{Kind: protocols.RoleChanged, Role: protocols.Candidate, Epoch: term})
		w.stands(term + 1)
	case raft.Leader:
		w.leading, w.term, w.first = true, term, r.LastIndex()+1
		w.Emit(protocols.Event{Kind: protocols.RoleChanged, Role: protocols.Leader, Epoch: term})
		w.Emit(protocols.Event{Kind: protocols.Elected, Epoch: term})
	}
}

// Enters takes in a term on its way to the disk. A candidate that enters one
// stands for it; all others have become followers before.
func (w *Watch) Enters(term uint64) {
	if w.Raft != nil && w.Raft.State() == raft.Candidate {
		w.stands(term)
	}
}

func (w *Watch) stands(term uint64) {
	if w.stood < term {
		w.stood = term
		w.Emit(protocols.Event{Kind: protocols.RoundBegan, Epoch: term})
	}
}

// Waits reports whether this is a leader that has yet to commit.
func (w *Watch) Waits() bool { return w.leading && !w.active }

// Activate looks whether a leader's first entry is committed, and says so once.
func (w *Watch) Activate() {
	if w.Waits() && w.Raft != nil && w.Raft.State() == raft.Leader && w.Raft.CommitIndex() >= w.first {
		w.active = true
		w.Emit(protocols.Event{Kind: protocols.Activated, Epoch: w.term})
	}
}

// Status is what the server says of itself. at returns the position with an
// index.
func (w *Watch) Status(at func(index uint64) protocols.EntryID) protocols.Status {
	s := protocols.Status{Leader: w.Leader(), Epoch: w.Raft.CurrentTerm(), Last: at(w.Raft.LastIndex()), Committed: at(w.Raft.CommitIndex())}
	switch w.Raft.State() {
	case raft.Follower:
		s.Role, s.Active = protocols.Follower, s.Leader != protocols.None
	case raft.Candidate:
		s.Role = protocols.Candidate
	case raft.Leader:
		s.Role, s.Active = protocols.Leader, w.active
	}
	return s
}

// Leader returns whom the server takes for its leader.
func (w *Watch) Leader() NodeID {
	_, id := w.Raft.LeaderWithID()
	return Number(id)
}

// Conclude completes the reply to a write of value with what its client may
// conclude from the library's answer.
func Conclude(a *bench.Reply, value uint64, f raft.ApplyFuture, leader func() NodeID) {
	switch err := f.Error(); {
	case errors.Is(err, raft.ErrNotLeader):
		a.Outcome, a.Leader = bench.Refused, leader()
	case errors.Is(err, raft.ErrLeadershipTransferInProgress): // nobody can do better yet
		a.Outcome = bench.Refused
	case err != nil: // leadership lost
		a.Outcome = bench.Unknown
	default:
		// A version of 0 says that the session has gone on to a later write.
		if a.Value, a.Version = value, f.Response().(uint64); a.Version == 0 {
			a.Value, a.Outcome = 0, bench.Unknown
		}
	}
}
