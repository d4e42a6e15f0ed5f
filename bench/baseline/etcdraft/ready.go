package etcdraft

import (
	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"

	"raftzab/protocols"
)

// drain carries out what the library has ready. Every input of the library is
// followed by it, so one Ready shows the effect of one input. data says that the
// input was a message with client commands.
func (r *Replica) drain(now Time, data bool, out *Output) {
	for again := true; again && r.lib.HasReady(); {
		again = false
		rd := r.lib.Ready()
		wasLeader := r.role == raft.StateLeader
		r.learn(now, &rd, out)
		for _, m := range rd.Messages { // what backs the others, first
			if m.GetTo() == raft.LocalAppendThread {
				again = r.write(now, &rd, waiting{msg: m, data: data}, out)
			}
		}
		for _, m := range rd.Messages {
			switch m.GetTo() {
			case raft.LocalAppendThread:
			case raft.LocalApplyThread:
				r.apply(m, out)
				again = true
			default:
				r.send(waiting{r.seq, m, data}, out)
			}
		}
		if c := rd.HardState.GetCommit(); c > r.commit {
			r.advance(c, out)
		}
		if wasLeader && r.role != raft.StateLeader {
			out.Abandoned = true
		}
	}
	if out.Wake = r.electionAt; r.role == raft.StateLeader {
		out.Wake = r.heartAt
	}
}

// learn takes in the library's term and role. Whenever one of them changes, its
// reset has started the timer with a new length; becoming a pre-candidate alone
// keeps the length.
func (r *Replica) learn(now Time, rd *raft.Ready, out *Output) {
	oldRole, oldTerm := r.role, r.term
	if s := rd.SoftState; s != nil {
		r.role, r.leader = s.RaftState, NodeID(s.Lead)
	}
	if rd.HardState != nil {
		r.term, r.vote = rd.HardState.GetTerm(), rd.HardState.GetVote()
	}
	if r.role == oldRole && r.term == oldTerm {
		return
	}
	if r.role != raft.StatePreCandidate {
		r.drawTimeout()
	}
	r.restartTimer(now)
	if role := r.as(r.role); role != r.as(oldRole) {
		out.Emit(protocols.Event{Kind: protocols.RoleChanged, Role: role, Epoch: r.term})
	}
	switch {
	case r.role == raft.StateCandidate:
		out.Emit(protocols.Event{Kind: protocols.RoundBegan, Epoch: r.term})
	case r.role == raft.StateLeader:
		r.heartAt = now + r.cfg.Heartbeat
		out.Emit(protocols.Event{Kind: protocols.Elected, Epoch: r.term})
	}
}

// write turns a MsgStorageAppend into a Write. It reports whether the library
// has had an answer already.
func (r *Replica) write(now Time, rd *raft.Ready, w waiting, out *Output) bool {
	for _, m := range w.msg.Responses {
		if m.GetType() == pb.MsgVoteResp {
			r.vouch(now, m, out)
		}
	}
	if !rd.MustSync {
		// Only the commit index has moved, or something is to be said that rests
		// on earlier writes.
		if r.durable == r.seq {
			r.release(w, out)
			return true
		}
		w.seq = r.seq
		r.waiting = append(r.waiting, w)
		return false
	}
	after, es := r.log.Last(), r.buf[:0]
	if len(w.msg.Entries) > 0 {
		es = outside(w.msg.Entries, es)
		if i := es[0].ID.Index - 1; i < after.Index {
			after = r.at(i)
			r.log.Truncate(after)
			out.Emit(protocols.Event{Kind: protocols.LogTruncated, At: after})
		}
	}
	r.buf = es
	es = r.log.Append(es...)
	if r.role == raft.StateLeader {
		for i := range es {
			if es[i].Command.Op != 0 {
				out.Emit(protocols.Event{Kind: protocols.Proposed, At: es[i].ID, ID: es[i].Command.ID})
			}
		}
	}
	r.seq++
	w.seq = r.seq
	out.Writes = append(out.Writes, protocols.Write{Seq: r.seq, Registers: protocols.Registers{r.term, r.vote}, After: after, Entries: es})
	r.waiting = append(r.waiting, w)
	return false
}

// vouch sees a vote, the own one included, when it is given; it leaves later.
func (r *Replica) vouch(now Time, m *pb.Message, out *Output) {
	ev := protocols.Event{Kind: protocols.VoteRefused, Peer: NodeID(m.GetTo()), Epoch: m.GetTerm()}
	if !m.GetReject() {
		ev.Kind = protocols.VoteCast
		r.restartTimer(now) // Step, MsgVote: electionElapsed = 0
	}
	out.Emit(ev)
}

// release lets go what waited for the disk.
func (r *Replica) release(w waiting, out *Output) {
	if w.msg.GetTo() != raft.LocalAppendThread {
		r.post(w.msg, w.data, out)
		return
	}
	must(r.store.Append(w.msg.Entries))
	for _, m := range w.msg.Responses {
		if m.GetTo() == uint64(r.cfg.ID) {
			_ = r.lib.Step(m)
		} else {
			r.post(m, w.data, out)
		}
	}
}

// send posts m now, or when what it rests on is durable.
func (r *Replica) send(w waiting, out *Output) {
	if r.role == raft.StateLeader || r.durable == r.seq {
		r.post(w.msg, w.data, out)
	} else {
		r.waiting = append(r.waiting, w)
	}
}

func (r *Replica) post(m *pb.Message, answersData bool, out *Output) {
	data := answersData && m.GetType() == pb.MsgAppResp || holdsCommands(m.GetEntries())
	out.Send(NodeID(m.GetTo()), Message{m, data})
}

// apply turns a MsgStorageApply into a delivery.
func (r *Replica) apply(m *pb.Message, out *Output) {
	last := m.Entries[len(m.Entries)-1].GetIndex()
	out.Committed = append(out.Committed, r.log.Slice(int(r.delivered), int(last))...)
	r.delivered = last
	for _, m := range m.Responses {
		_ = r.lib.Step(m)
	}
}

// advance sees the commit index move. At a leader it only moves to entries of
// its own term (§5.4.2), so with the first move its term is active.
func (r *Replica) advance(commit uint64, out *Output) {
	r.commit = commit
	out.Emit(protocols.Event{Kind: protocols.CommitAdvanced, At: r.at(commit)})
	if r.role == raft.StateLeader && r.activeTerm != r.term {
		r.activeTerm = r.term
		out.Emit(protocols.Event{Kind: protocols.Activated, Epoch: r.term})
	}
}
