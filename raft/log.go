package raft

import (
	"fmt"

	"raftzab/protocols"
)

// A mark says which write makes the leader's own log durable up to an index.
type mark struct{ seq, last uint64 }

// In Raft, an entry's index is its position in the log, from 1. These functions
// are the only ones that rely on it. The log holds what follows its base; what is
// up to the base is committed, and in the snapshot.

// upTo returns how many entries of the log come up to index.
func (r *Replica) upTo(index uint64) int { return int(index - r.log.Base().Index) }

// entryID returns the (term, index) at index, the base or behind it.
func (r *Replica) entryID(index uint64) protocols.EntryID {
	if index == r.log.Base().Index {
		return r.log.Base()
	}
	return r.log.At(r.upTo(index) - 1).ID
}

// holds reports whether the log has an entry at id's index with id's term. What
// it has given up for a snapshot it had, and so has every later leader.
func (r *Replica) holds(id protocols.EntryID) bool {
	return id.Index < r.log.Base().Index || id.Index <= r.log.Last().Index && r.entryID(id.Index) == id
}

// after returns the entries after index.
func (r *Replica) after(index uint64) []protocols.Entry {
	return r.log.Slice(r.upTo(index), r.log.Len())
}

// mayShare returns the last position of this log that is not greater than id. A
// log that ends at id has nothing greater, since terms never decrease along a
// log: behind this position, the two share nothing. Below the base nobody knows,
// but a log that ends there, longer and older, does not hold the base.
func (r *Replica) mayShare(id protocols.EntryID) protocols.EntryID {
	if b := r.log.Base(); id.Less(b) {
		return protocols.EntryID{Epoch: id.Epoch, Index: min(id.Index, b.Index-1)}
	}
	n, _ := r.log.UpTo(id)
	return r.entryID(r.log.Base().Index + uint64(n))
}

// write asks for the registers and the snapshot to be durable, and for the log
// to go on with es after what it holds up to after.
func (r *Replica) write(after protocols.EntryID, es []protocols.Entry, out *Output) {
	r.seq++
	r.unsaved = false
	out.Writes = append(out.Writes, protocols.Write{Seq: r.seq, Registers: protocols.Registers{r.currentTerm, uint64(r.votedFor)},
		Snapshot: r.snapshot.At, Base: r.log.Base(), After: after, Entries: es})
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

// commit moves commitIndex to index, and hands what it can to the state machine.
func (r *Replica) commit(index uint64, out *Output) {
	if index <= r.commitIndex {
		return
	}
	r.commitIndex = index
	r.deliver(out)
	out.Emit(protocols.Event{Kind: protocols.CommitAdvanced, At: r.entryID(index)})
}

// deliver hands the committed entries to the state machine: none of them while
// it waits for a snapshot.
func (r *Replica) deliver(out *Output) {
	if r.restoring == 0 && r.delivered < r.commitIndex {
		out.Committed = append(out.Committed, r.log.Slice(r.upTo(r.delivered), r.upTo(r.commitIndex))...)
		r.delivered = r.commitIndex
	}
}
