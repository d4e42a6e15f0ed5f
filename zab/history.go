package zab

import (
	"fmt"

	"raftzab/protocols"
)

// The history is the log, the paper's h_f, and with the two epochs all that
// is ever written. The memory changes at once and the disk later, so whatever
// a write backs is held back until the write is durable.

// A mark remembers where the log ended with a write.
type mark struct {
	seq  uint64
	last Zxid
}

// write asks for the registers, and for the log to be what it is up to after
// and then entries.
func (r *Replica) write(after Zxid, entries []Entry, out *Output) {
	r.seq++
	out.Writes = append(out.Writes, protocols.Write{
		Seq:       r.seq,
		Registers: protocols.Registers{r.acceptedEpoch, r.currentEpoch},
		Snapshot:  r.snapshot.At,
		Base:      r.history.Base(),
		After:     after,
		Entries:   entries,
	})
	r.marks = append(r.marks, mark{r.seq, r.history.Last()})
}

// writeEpochs makes the registers durable.
func (r *Replica) writeEpochs(out *Output) { r.write(r.history.Last(), nil, out) }

// log appends entries in one write.
func (r *Replica) log(entries []Entry, out *Output) {
	after := r.history.Last()
	r.write(after, r.history.Append(entries...), out)
}

// logOne is log for a single entry, which needs no slice to live on.
func (r *Replica) logOne(e Entry, out *Output) {
	after := r.history.Last()
	r.write(after, r.history.Append(e), out)
}

// cut drops the entries after z, in memory; the caller writes. What has been
// delivered is never taken back.
func (r *Replica) cut(z Zxid, out *Output) {
	if _, found := r.history.UpTo(z); !found || z.Less(r.committed) {
		panic(fmt.Sprintf("server %d: told to cut its log after %v, which is not in it or behind what it delivered: %v", r.cfg.ID, z, r))
	}
	if z != r.history.Last() {
		r.history.Truncate(z)
		out.Emit(Event{Kind: protocols.LogTruncated, At: z})
	}
}

// promise sends m once everything written so far is durable.
func (r *Replica) promise(to NodeID, m Message, out *Output) {
	if r.persisted == r.seq {
		out.Send(to, m)
	} else {
		r.held.Hold(r.seq, to, m)
	}
}

// reached takes in that writes up to seq are durable.
func (r *Replica) reached(seq uint64, out *Output) {
	r.persisted = max(r.persisted, seq)
	n := 0
	for n < len(r.marks) && r.marks[n].seq <= seq {
		r.durable = r.marks[n].last
		n++
	}
	r.marks = r.marks[:copy(r.marks, r.marks[n:])]
	r.restore(out)
	r.held.Release(seq, out)
	r.sendUnsent(out)
}

// commit delivers the history up to z. Nothing is delivered before activation
// or UPTODATE, the paper's COMMIT-LD: from then on it is in the log of every
// leader to come.
func (r *Replica) commit(z Zxid, out *Output) {
	if !r.committed.Less(z) {
		return
	}
	i, _ := r.history.UpTo(r.committed)
	j, found := r.history.UpTo(z)
	if !found {
		panic(fmt.Sprintf("server %d: commits %v, which is not in its log: %v", r.cfg.ID, z, r))
	}
	r.committed = z
	out.Emit(Event{Kind: protocols.CommitAdvanced, At: z})
	out.Committed = append(out.Committed, r.history.Slice(i, j)...)
}

// follows reports whether z may come behind last: it is the next, or the first of
// a later epoch (ZOOKEEPER-4925; ZooKeeper takes any of a later epoch).
func follows(last, z Zxid) bool {
	return z.Epoch == last.Epoch && z.Index == last.Index+1 || z.Epoch > last.Epoch && z.Index == 1
}
