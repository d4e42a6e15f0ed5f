package raft

import "raftzab/protocols"

// --- the leader

// appendOwn gives the commands the next places of the log, and sends them to
// the followers while the own disk is at work.
func (r *Replica) appendOwn(commands []protocols.Command, out *Output) {
	if len(commands) == 0 {
		return
	}
	before := r.log.Last()
	for i := range commands {
		id := protocols.EntryID{Epoch: r.currentTerm, Index: before.Index + 1 + uint64(i)}
		r.log.Append(protocols.Entry{ID: id, Command: commands[i]})
		if commands[i].Op != 0 {
			out.Emit(protocols.Event{Kind: protocols.Proposed, At: id, ID: commands[i].ID})
		}
	}
	r.write(before, r.after(before.Index), out)
	r.underway = append(r.underway, mark{r.seq, r.log.Last().Index})
	for i := range r.members {
		r.replicate(&r.members[i], out)
	}
}

// replicate sends p what it has not been sent, as far as its window allows; what
// gathers behind a full window goes together when there is room.
func (r *Replica) replicate(p *progress, out *Output) {
	for p != r.self && !p.probing && !p.isInstalling() && p.nextIndex <= r.log.Last().Index && (len(p.window) < r.cfg.Window || p.nextIndex <= r.log.Base().Index) {
		if es := r.sendEntries(p, out); len(es) > 0 {
			p.sent(es[len(es)-1].ID.Index)
		}
	}
}

// sendEntries sends what comes at p's nextIndex; where the log no longer has it,
// a snapshot instead (§7), and returns no entries.
func (r *Replica) sendEntries(p *progress, out *Output) []protocols.Entry {
	if p.nextIndex <= r.log.Base().Index {
		r.install(p, out)
		return nil
	}
	es := r.after(p.nextIndex - 1)
	if n := r.cfg.MaxEntries; len(es) > n {
		es = es[:n:n]
	}
	r.sendAppendEntries(p, es, out)
	return es
}

// heartbeat sends every follower an AppendEntries without entries, at the end
// of what it has been sent: it keeps the office (§5.2), tells commitIndex, and
// finds out what was lost on the way.
func (r *Replica) heartbeat(now protocols.Time, out *Output) {
	r.heartbeatAt = now + r.cfg.Heartbeat
	due := now >= r.nudgeAt // a read's heartbeats come at any time, and say nothing of how long a follower is silent
	if due {
		r.nudgeAt = r.heartbeatAt
	}
	r.ask(now)
	for i := range r.members {
		if p := &r.members[i]; p != r.self {
			if due {
				r.nudge(p, out)
			}
			r.sendAppendEntries(p, nil, out)
		}
	}
	r.confirm(now, out)
}

// sendAppendEntries sends es, which come at p's nextIndex. The leader's own
// disk need not have them: it promises nothing with them. Where only a snapshot
// helps, it asks nothing of the follower's log: every log agrees up to index 0.
func (r *Replica) sendAppendEntries(p *progress, es []protocols.Entry, out *Output) {
	var prev protocols.EntryID
	if !p.isInstalling() && p.nextIndex > r.log.Base().Index {
		prev = r.entryID(p.nextIndex - 1)
	}
	p.told = r.commitIndex
	out.Send(p.id, Message{
		Type:         AppendEntries,
		Data:         holdsCommands(es),
		Term:         r.currentTerm,
		Round:        r.round,
		PrevLog:      prev,
		Entries:      es,
		LeaderCommit: r.commitIndex,
	})
}

// appendEntriesResponse takes in what a follower has, and sends what it has not.
func (r *Replica) appendEntriesResponse(now protocols.Time, p *progress, m *Message, out *Output) {
	if r.role != protocols.Leader || m.Term != r.currentTerm {
		return
	}
	p.answered = max(p.answered, m.Round)
	switch {
	case m.Success:
		p.succeeded(m.MatchIndex)
		r.advance(out)
		r.replicate(p, out)
		r.handOver(out)
	case !p.isInstalling() && !p.stale(m.PrevLog.Index):
		// §5.3: "After a rejection, the leader decrements nextIndex and retries the
		// AppendEntries RPC", by one, or by a term at a time, as the end of the
		// section suggests.
		share := m.Conflict
		if r.cfg.Backtrack == BacktrackTerm {
			share = r.mayShare(m.Conflict)
		} else if p.matchIndex > 0 { // where the logs agree is known: what came behind it was lost, or overtaken
			share.Index = p.matchIndex
		}
		if p.refused(share.Index) {
			r.sendEntries(p, out)
		}
	}
	r.notify(out)
	r.confirm(now, out)
}

// advance moves commitIndex to what a majority holds durably. §5.4.2: "only log
// entries from the leader's current term are committed by counting replicas";
// earlier ones go with them.
func (r *Replica) advance(out *Output) {
	index := r.reached(func(p *progress) uint64 { return p.matchIndex })
	if index <= r.commitIndex || r.entryID(index).Epoch != r.currentTerm {
		return
	}
	activated := !r.active()
	r.commit(index, out)
	if activated {
		out.Emit(protocols.Event{Kind: protocols.Activated, Epoch: r.currentTerm})
	}
}

// notify tells the followers at once of what is committed, where that is wanted:
// those that answer and have not heard of it.
func (r *Replica) notify(out *Output) {
	if r.cfg.CommitNotice != NoticeEager || r.role != protocols.Leader {
		return
	}
	for i := range r.members {
		if p := &r.members[i]; p != r.self && !p.probing && !p.isInstalling() && p.told < r.commitIndex {
			r.sendAppendEntries(p, nil, out)
		}
	}
}

// --- the follower

// appendEntries takes in the entries of the current leader (§5.3, figure 2).
func (r *Replica) appendEntries(now protocols.Time, from protocols.NodeID, m *Message, out *Output) {
	reply := Message{Type: AppendEntriesResponse, Term: r.currentTerm, Round: m.Round, Data: m.Data}
	if m.Term < r.currentTerm {
		r.promise(from, reply, out)
		return
	}
	r.follow(now, from, out)

	// The consistency check: "If the follower does not find an entry in its log
	// with the same index and term, then it refuses the new entries."
	if !r.holds(m.PrevLog) {
		reply.PrevLog = m.PrevLog
		if reply.Conflict = r.mayShare(m.PrevLog); r.cfg.Backtrack == BacktrackOne {
			reply.Conflict = protocols.EntryID{Index: m.PrevLog.Index - 1}
		}
		r.promise(from, reply, out)
		return
	}
	es := m.Entries
	for len(es) > 0 && r.holds(es[0].ID) {
		es = es[1:]
	}
	if len(es) > 0 {
		// Only an entry that differs shows that what is here is wrong. A shorter
		// message may be an old one.
		before := r.entryID(es[0].ID.Index - 1)
		if before != r.log.Last() {
			r.truncate(before, out)
		}
		r.write(before, r.log.Append(es...), out)
	}
	reply.Success, reply.MatchIndex = true, m.PrevLog.Index+uint64(len(m.Entries))
	r.promise(from, reply, out)
	// What lies behind the last new entry is not known to agree (figure 2).
	r.commit(min(m.LeaderCommit, reply.MatchIndex), out)
}
