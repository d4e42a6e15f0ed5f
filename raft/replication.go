package raft

import (
	"fmt"
	"slices"

	"raftzab/protocols"
)

// --- the leader

// appendOwn gives the commands the next places of the log, and sends them to
// the followers while the own disk is at work.
func (r *Replica) appendOwn(commands []protocols.Command, out *Output) {
	if len(commands) == 0 {
		return
	}
	before := r.log.Last()
	for i := range commands {
		id := protocols.EntryID{Epoch: r.term, Index: before.Index + 1 + uint64(i)}
		r.log.Append(protocols.Entry{ID: id, Command: commands[i]})
		if commands[i].Op != 0 {
			out.Emit(protocols.Event{Kind: protocols.Proposed, At: id, ID: commands[i].ID})
		}
	}
	r.write(before, r.after(before.Index), out)
	r.underway = append(r.underway, mark{r.seq, r.log.Last().Index})
	for i := range r.voters {
		r.replicate(&r.voters[i], out)
	}
}

// replicate sends p what it has not been sent.
func (r *Replica) replicate(p *progress, out *Output) {
	if last := r.log.Last().Index; p != r.self && !p.probing && p.nextIndex <= last {
		r.sendAppendEntries(p, r.after(p.nextIndex-1), out)
		p.nextIndex = last + 1
	}
}

// heartbeat sends every follower an AppendEntries without entries, at the end
// of what it has been sent: it keeps the office (§5.2), tells commitIndex, and
// finds out what was lost on the way.
func (r *Replica) heartbeat(now protocols.Time, out *Output) {
	r.heartbeatAt = now + r.cfg.Heartbeat
	for i := range r.voters {
		if p := &r.voters[i]; p != r.self {
			r.sendAppendEntries(p, nil, out)
		}
	}
}

// sendAppendEntries sends es, which come at p's nextIndex. The leader's own
// disk need not have them: it promises nothing with them.
func (r *Replica) sendAppendEntries(p *progress, es []protocols.Entry, out *Output) {
	out.Send(p.id, Message{
		Type:         AppendEntries,
		Data:         holdsCommands(es),
		Term:         r.term,
		PrevLog:      r.entryID(p.nextIndex - 1),
		Entries:      es,
		LeaderCommit: r.commitIndex,
	})
}

// appendEntriesResponse takes in what a follower has, and sends what it has not.
func (r *Replica) appendEntriesResponse(p *progress, m *Message, out *Output) {
	if r.role != protocols.Leader || m.Term != r.term {
		return
	}
	if m.Success {
		p.succeeded(m.MatchIndex)
		r.advance(out)
		r.replicate(p, out)
		return
	}
	// §5.3: "After a rejection, the leader decrements nextIndex and retries the
	// AppendEntries RPC", by a term at a time, as the end of the section suggests.
	if p.refused(r.mayShare(m.Conflict).Index) {
		r.sendAppendEntries(p, r.after(p.nextIndex-1), out)
	}
}

// advance moves commitIndex to what a majority holds durably. §5.4.2: "only log
// entries from the leader's current term are committed by counting replicas";
// earlier ones go with them.
func (r *Replica) advance(out *Output) {
	for i := range r.voters {
		r.scratch[i] = r.voters[i].matchIndex
	}
	slices.Sort(r.scratch)
	index := r.scratch[len(r.scratch)-r.majority()]
	if index <= r.commitIndex || r.entryID(index).Epoch != r.term {
		return
	}
	activated := !r.active()
	r.commit(index, out)
	if activated {
		out.Emit(protocols.Event{Kind: protocols.Activated, Epoch: r.term})
	}
}

// --- the follower

// appendEntries takes in the entries of the current leader (§5.3, figure 2).
func (r *Replica) appendEntries(now protocols.Time, from protocols.NodeID, m *Message, out *Output) {
	reply := Message{Type: AppendEntriesResponse, Term: r.term, Data: m.Data}
	if m.Term < r.term {
		r.promise(from, reply, out)
		return
	}
	if r.leader != protocols.None && r.leader != from {
		panic(fmt.Sprintf("raft: a second leader, %d, in one term: %v", from, r))
	}
	r.become(protocols.Follower, now, out) // a candidate recognises the leader
	r.leader = from
	r.resetElectionTimer(now)

	// The consistency check: "If the follower does not find an entry in its log
	// with the same index and term, then it refuses the new entries."
	if !r.holds(m.PrevLog) {
		reply.Conflict = r.mayShare(m.PrevLog)
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
