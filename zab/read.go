package zab

import "raftzab/protocols"

// Any server answers reads from its own state, which may be old. A client that
// wants to see what was committed before asks for a sync first.

// Read permits a local read at once. A sync is ZooKeeper's: the learner puts it in
// its FIFO and asks the leader, whose answer comes behind the COMMITs that it
// waited for (FollowerRequestProcessor, Leader.processSync, Follower.sync).
func (r *Replica) Read(now Time, id protocols.RequestID, mode protocols.ReadMode, out *Output) {
	leads := r.role == protocols.Leader
	switch {
	case r.serving && (mode == protocols.ReadLocal || mode == protocols.ReadLeader && leads):
		out.Reads = append(out.Reads, protocols.ReadState{ID: id})
	case r.serving && mode == protocols.ReadSync && leads:
		r.sync(now, pendingSync{of: r.cfg.ID, id: id}, out)
	case r.serving && mode == protocols.ReadSync:
		r.syncs = append(r.syncs, id)
		r.toLeader(Message{Type: SyncRequest}, out)
	default:
		out.Refused = append(out.Refused, protocols.Refusal{ID: id, Leader: r.leader})
	}
	r.done(out)
}

// A pendingSync waits at the leader for a commit.
type pendingSync struct {
	of NodeID
	id protocols.RequestID // where it is our own
	at Zxid
}

// sync takes a sync in at the leader. As ZooKeeper has it, nobody is asked whether
// we still lead, and at the leader itself there is nothing to wait for. For a
// quorum a transaction is ordered that does nothing: what is under way already
// will not do, for its acknowledgements may be older than the sync.
func (r *Replica) sync(now Time, s pendingSync, out *Output) {
	s.at = r.history.Last()
	if r.cfg.Sync == SyncQuorum {
		var null [1]Command
		if r.propose(now, null[:], out) == 0 {
			r.leave(now, out)
			return
		}
		s.at = r.history.Last()
	} else if s.of == r.cfg.ID {
		s.at = r.committed
	}
	if r.committed.Less(s.at) {
		r.office.syncs = append(r.office.syncs, s)
	} else {
		r.answerSync(s, out)
	}
}

// answerSyncs answers those that waited for z, right behind its COMMIT.
func (r *Replica) answerSyncs(z Zxid, out *Output) {
	waiting := r.office.syncs
	n := 0
	for n < len(waiting) && !z.Less(waiting[n].at) {
		r.answerSync(waiting[n], out)
		n++
	}
	r.office.syncs = waiting[:copy(waiting, waiting[n:])]
}

func (r *Replica) answerSync(s pendingSync, out *Output) {
	if s.of == r.cfg.ID {
		out.Reads = append(out.Reads, protocols.ReadState{ID: s.id, At: s.at})
	} else {
		r.toLearner(s.of, Message{Type: Sync, Zxid: s.at}, out)
	}
}

// synced takes the leader's answer to the oldest sync.
func (r *Replica) synced(m *Message, out *Output) {
	if len(r.syncs) == 0 {
		r.illegal(r.leader, m)
	}
	out.Reads = append(out.Reads, protocols.ReadState{ID: r.syncs[0], At: r.committed})
	r.syncs = r.syncs[:copy(r.syncs, r.syncs[1:])]
}
