package zab

import (
	"fmt"

	"raftzab/protocols"
)

// Snapshots belong to the state machine; the core knows where they end. A server
// makes its own, and gives up the log behind it but for its last entries; and it
// takes one from its leader, where it is too far behind for that log.

// Compact takes in that the state machine has saved a snapshot. What is kept of
// the log behind it has the length of ZooKeeper's committedLog.
func (r *Replica) Compact(now Time, s protocols.Snapshot, out *Output) {
	if r.snapshot.At.Less(s.At) { // or one from the leader has overtaken it
		r.snapshot = s
		if n, _ := r.history.UpTo(s.At); n > r.cfg.CommittedLog {
			r.history.Compact(r.history.At(n - 1 - r.cfg.CommittedLog).ID)
		}
	}
	r.done(out)
}

// install puts the leader's snapshot, and the history behind it, in the place of
// our log, in one write. The state machine gets it when that is durable
// (ZOOKEEPER-3642); until then, and until UPTODATE, it gets nothing.
func (r *Replica) install(s protocols.Snapshot, history []Entry, out *Output) {
	if s.At.Less(r.history.Last()) {
		out.Emit(Event{Kind: protocols.LogTruncated, At: s.At})
	}
	r.snapshot, r.committed = s, s.At
	r.history = protocols.NewLog(protocols.Recovered{Base: s.At})
	r.write(s.At, r.history.Append(history...), out)
	r.restoring = r.seq
}

// keep is for a snapshot that is behind the state that we have, which then is its
// continuation: it stays. The log is cut there, in the one write that also brings
// the history, so that no crash finds it short.
func (r *Replica) keep(history []Entry, out *Output) {
	for len(history) > 0 && !r.committed.Less(history[0].ID) {
		z := history[0].ID
		if _, found := r.history.UpTo(z); !found && r.history.Base().Less(z) {
			panic(fmt.Sprintf("server %d: delivered up to %v without %v, which its leader has: %v", r.cfg.ID, r.committed, z, r))
		}
		history = history[1:]
	}
	r.cut(r.committed, out)
	r.write(r.committed, r.history.Append(history...), out)
}

// restore hands an installed snapshot over when its write is durable.
func (r *Replica) restore(out *Output) {
	if r.restoring == 0 || r.restoring > r.persisted {
		return
	}
	r.restoring = 0
	out.Restore = r.snapshot.At
}
