package raft

import (
	"fmt"

	"raftzab/protocols"
)

// A mark says which write makes the leader's own log durable up to an index.
type mark struct{ seq, last uint64 }

// In Raft, an entry's index is its position in the log, from 1. These functions
// are the only ones that rely on it.

// entryID returns the (term, index) at index; zero before the first entry.
func (r *Replica) entryID(index uint64) protocols.EntryID {
	if index == 0 {
		return protocols.EntryID{}
	}
	return r.log.At(int(index) - 1).ID
}

// holds reports whether the log has an entry at id's index with id's term.
func (r *Replica) holds(id protocols.EntryID) bool {
	return id.Index <= r.log.Last().Index && r.entryID(id.Index) == id
}

// after returns the entries after index.
func (r *Replica) after(index uint64) []protocols.Entry {
	return r.log.Slice(int(index), r.log.Len())
}

// mayShare returns the last position of this log that is not greater than id. A
// log that ends at id has nothing greater, since terms never decrease along a
// log: behind this position, the two share nothing.
func (r *Replica) mayShare(id protocols.EntryID) protocols.EntryID {
	n, _ := r.log.UpTo(id)
	return r.entryID(uint64(n))
}

// write asks for the registers to be durable, and for the log to go on with es
// after what it holds up to after.
func (r *Replica) write(after protocols.EntryID, es []protocols.Entry, out *Output) {
	r.seq++
	r.unsaved = false
	out.Writes = append(out.Writes, protocols.Write{Seq: r.seq, Registers: protocols.Registers{r.term, uint64(r.votedFor)},
		After: after, Entries: es})
}

// save writes the registers, unless a write since they changed has them.
func (r *Replica) save(out *Output) {
	if r.unsaved {
		r.write(r.log.Last(), nil, out)
	}
}

// promise sends m once everything it may rest on is durable: all that has been
// written. Figure 2: persistent state is updated on stable storage before
// responding to RPCs; and before asking for votes, for that tells one's own.
func (r *Replica) promise(to protocols.NodeID, m Message, out *Output) {
	r.save(out)
	if r.persisted == r.seq {
		out.Send(to, m)
	} else {
		r.held.Hold(r.seq, to, m)
	}
}

// truncate drops the entries after id, which conflict with the leader's.
func (r *Replica) truncate(id protocols.EntryID, out *Output) {
	if id.Index < r.commitIndex {
		panic(fmt.Sprintf("raft: truncates a committed entry, to %v: %v", id, r))
	}
	r.log.Truncate(id)
	out.Emit(protocols.Event{Kind: protocols.LogTruncated, At: id})
}

// commit moves commitIndex to index and hands the entries to the state machine.
func (r *Replica) commit(index uint64, out *Output) {
	if index <= r.commitIndex {
		return
	}
	out.Committed = append(out.Committed, r.log.Slice(int(r.commitIndex), int(index))...)
	r.commitIndex = index
	out.Emit(protocols.Event{Kind: protocols.CommitAdvanced, At: r.entryID(index)})
}
