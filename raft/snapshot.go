package raft

import "raftzab/protocols"

// patience is how many heartbeat intervals a leader waits for a follower that takes in a
// snapshot and does not answer. Until then it keeps the snapshot, and so cannot
// go on to a newer one.
const patience = 10

// Compact takes in that the state machine has saved a snapshot (§7). The log
// keeps a tail below it, for followers that are a little behind: they are cheaper
// to bring level by entries.
func (r *Replica) Compact(now protocols.Time, s protocols.Snapshot, out *Output) {
	if r.snapshot.At.Less(s.At) { // or one from the leader has overtaken it
		r.saved = s
		r.compact()
	}
	r.alarm(out)
}

// compact moves on to the latest snapshot that the state machine has saved,
// unless a follower is taking in the present one.
func (r *Replica) compact() {
	for i := range r.members {
		if r.members[i].isInstalling() {
			return
		}
	}
	if !r.snapshot.At.Less(r.saved.At) {
		return
	}
	r.snapshot = r.saved
	if base := r.log.Base().Index + r.cfg.Trailing; r.snapshot.At.Index > base {
		r.log.Compact(r.entryID(r.snapshot.At.Index - r.cfg.Trailing))
	}
}

// --- the leader

// install begins to send p the snapshot.
func (r *Replica) install(p *progress, out *Output) {
	p.lost() // nothing of the log makes sense to it
	p.installing, p.offset, p.idle = r.snapshot, 0, 0
	r.sendChunk(p, out)
}

// sendChunk sends the part of the snapshot at p's offset.
func (r *Replica) sendChunk(p *progress, out *Output) {
	left := p.installing.Size - p.offset
	c := protocols.Chunk{At: p.installing.At, Offset: p.offset, Length: min(left, r.cfg.ChunkSize)}
	out.Send(p.id, Message{Type: InstallSnapshot, Term: r.currentTerm, Round: r.round, Snapshot: c, Done: c.Length == left})
}

// nudge sends p's chunk again after every other heartbeat interval that finds it unanswered,
// and gives the transfer up where nothing moves; it begins anew when p answers.
func (r *Replica) nudge(p *progress, out *Output) {
	if !p.isInstalling() {
		return
	}
	p.idle++
	switch {
	case p.idle > patience:
		p.lost()
		r.compact()
	case p.idle%2 == 0:
		r.sendChunk(p, out)
	}
}

// installSnapshotResponse sends the chunk that the follower wants next.
func (r *Replica) installSnapshotResponse(now protocols.Time, p *progress, m *Message, out *Output) {
	if r.role != protocols.Leader || m.Term != r.currentTerm {
		return
	}
	p.answered = max(p.answered, m.Round)
	switch wanted := m.Snapshot; {
	case m.Success:
		p.succeeded(m.MatchIndex)
		r.compact()
		r.advance(out)
		r.replicate(p, out)
		r.handOver(out)
	case p.isInstalling() && wanted.At == p.installing.At && wanted.Offset != p.offset && wanted.Offset < p.installing.Size:
		p.offset, p.idle = wanted.Offset, 0
		r.sendChunk(p, out)
	}
	r.notify(out)
	r.confirm(now, out)
}

// --- the follower

// installSnapshot takes in a chunk (figure 13). The driver has put its content
// aside; here is only written down how far it goes.
func (r *Replica) installSnapshot(now protocols.Time, from protocols.NodeID, m *Message, out *Output) {
	reply := Message{Type: InstallSnapshotResponse, Term: r.currentTerm, Round: m.Round}
	if m.Term < r.currentTerm {
		r.promise(from, reply, out)
		return
	}
	r.follow(now, from, out)
	at := m.Snapshot.At
	if at.Index <= r.commitIndex || r.holds(at) {
		// Nothing to install. Figure 13, step 6, would keep the entries behind the
		// snapshot and take its state for those before: they lead to the same.
		r.commit(at.Index, out)
		reply.Success, reply.MatchIndex = true, at.Index
		r.promise(from, reply, out)
		return
	}
	if r.incoming.At != at {
		r.incoming = protocols.Chunk{At: at}
	}
	if m.Snapshot.Offset == r.incoming.Length {
		if r.incoming.Length += m.Snapshot.Length; m.Done {
			r.takeOver(protocols.Snapshot{At: at, Size: r.incoming.Length}, out)
			reply.Success, reply.MatchIndex = true, at.Index
		}
	}
	reply.Snapshot = protocols.Chunk{At: at, Offset: r.incoming.Length}
	r.promise(from, reply, out)
}

// takeOver puts a snapshot in place of the whole log (figure 13, step 7). The
// state machine gets it when it is durable; until then it gets nothing.
func (r *Replica) takeOver(s protocols.Snapshot, out *Output) {
	if s.At.Less(r.log.Last()) {
		out.Emit(protocols.Event{Kind: protocols.LogTruncated, At: s.At})
	}
	r.snapshot, r.incoming = s, protocols.Chunk{}
	r.log = protocols.NewLog(protocols.Recovered{Base: s.At})
	r.write(s.At, nil, out)
	r.restoring, r.commitIndex = r.seq, s.At.Index
	out.Emit(protocols.Event{Kind: protocols.CommitAdvanced, At: s.At})
}

// restore hands the snapshot over when its write is durable, and then what has
// been committed behind it.
func (r *Replica) restore(out *Output) {
	if r.restoring == 0 || r.restoring > r.persisted {
		return
	}
	out.Restore = r.snapshot.At
	r.restoring, r.delivered = 0, r.snapshot.At.Index
	r.deliver(out)
}
