package raft

import (
	"testing"

	"raftzab/protocols"
)

// Figure 13, step 1: "Reply immediately if term < currentTerm."
func TestSnapshotOfADeposedLeaderIsNotTaken(t *testing.T) {
	e := newEnsemble(t, 3, []uint64{5})
	e.receive(1, 2, chunk(4, at(4, 9), 0, imageSize))
	if ms := e.sent(1, InstallSnapshotResponse); len(ms) != 1 || ms[0].Success || ms[0].Term != 5 || ms[0].Snapshot != (protocols.Chunk{}) {
		t.Errorf("%v", ms)
	}
	if s := e.at(1); s.snapshot.At != at(0, 0) || s.incoming != (protocols.Chunk{}) || s.leader != protocols.None {
		t.Errorf("%v", s)
	}
}

// Figure 13, steps 2 and 5: a follower gathers one snapshot at a time. A chunk of
// another one, of an earlier leader or older, begins anew; nothing is put together
// of two.
func TestChunksOfTwoSnapshotsAreNotPutTogether(t *testing.T) {
	e := newEnsemble(t, 3)
	s := e.at(1)
	for _, c := range []struct {
		m      Message
		wanted uint64
	}{
		{chunk(1, at(1, 5), 0, 40), 40},
		{chunk(1, at(1, 8), 40, 40), 0},
		{chunk(1, at(1, 8), 0, 40), 40},
		{chunk(1, at(1, 5), 40, 40), 0}, // late
		{chunk(1, at(1, 8), 40, 40), 0},
		{chunk(1, at(1, 8), 0, 40), 40},
		{chunk(1, at(1, 8), 40, 40), 80},
	} {
		e.drop(all)
		e.receive(1, 2, c.m)
		e.persist(1)
		if ms := e.sent(1, InstallSnapshotResponse); len(ms) != 1 || ms[0].Success || ms[0].Snapshot != (protocols.Chunk{At: c.m.Snapshot.At, Offset: c.wanted}) {
			t.Fatalf("after %v: %v", c.m, ms)
		}
	}
	e.receive(1, 2, chunk(1, at(1, 8), 80, 20))
	e.persist(1)
	if len(s.restored) != 1 || s.restored[0] != at(1, 8) {
		t.Errorf("restored %v", s.restored)
	}
}

// §7: "If instead the follower receives a snapshot that describes a prefix of its log
// (due to retransmission or by mistake), then log entries covered by the snapshot are
// deleted but entries following the snapshot are still valid and must be retained."
// Here those covered are retained as well, and applied: they lead to the same state.
func TestEntriesFollowingASnapshotAreRetained(t *testing.T) {
	e := newEnsemble(t, 3, []uint64{1, 1, 1, 2})
	s := e.at(1)
	for range 2 { // the second time it is behind what is committed
		e.receive(1, 2, chunk(4, at(1, 2), 0, 40))
		e.persist(1)
		if ms := e.sent(1, InstallSnapshotResponse); len(ms) != 1 || !ms[0].Success || ms[0].MatchIndex != 2 {
			t.Fatalf("%v", ms)
		}
		e.drop(all)
		if e.terms(1) != "1112" || s.snapshot.At != at(0, 0) || s.commitIndex != 2 || len(s.committed) != 2 || len(s.restored) != 0 {
			t.Fatalf("%v, applied %v", s, s.committed)
		}
	}
}

// Figure 13, step 7, and §7: "Usually the snapshot will contain new information not already
// in the recipient's log. In this case, the follower discards its entire log; it is all
// superseded by the snapshot and may possibly have uncommitted entries that conflict
// with the snapshot." One write says it all.
func TestFollowerDiscardsItsEntireLogForASnapshot(t *testing.T) {
	for _, log := range [][]uint64{nil, {1, 1}, {1, 1, 2}, {1, 1, 2, 2, 2}, {1, 1, 4, 4}} {
		e := newEnsemble(t, 3, log)
		e.receive(1, 2, chunk(5, at(3, 3), 0, imageSize))
		s := e.at(1)
		w := s.pending[len(s.pending)-1]
		if w.Snapshot != at(3, 3) || w.Base != at(3, 3) || w.After != at(3, 3) || w.Registers[0] != 5 || len(w.Entries) != 0 {
			t.Errorf("log %v: %+v", log, w)
		}
		e.persist(1)
		if s.log.Last() != at(3, 3) || s.commitIndex != 3 || len(s.disk.Entries) != 0 {
			t.Errorf("log %v: %v, on disk %v", log, s, s.disk)
		}
		if cut := s.saw(protocols.LogTruncated); len(log) < 4 && len(cut) > 0 || len(log) == 4 && len(cut) != 1 {
			t.Errorf("log %v: %v", log, cut)
		}
		e.crash(1, 0)
		e.restart(1)
		if s.snapshot.At != at(3, 3) || s.delivered != 3 {
			t.Errorf("log %v, after a restart: %v", log, s)
		}
	}
}

// Figure 13, step 8: "Reset state machine using snapshot contents": when it is durable,
// and with it nothing from before, nor from behind it too early.
func TestStateMachineIsResetWhenTheSnapshotIsDurable(t *testing.T) {
	e := newEnsemble(t, 3, []uint64{1})
	s := e.at(1)
	e.receive(1, 2, Message{Type: AppendEntries, Term: 4, PrevLog: at(1, 1), LeaderCommit: 1})
	e.persist(1)
	e.drop(all)
	e.receive(1, 2, chunk(4, at(3, 3), 0, imageSize))
	e.receive(1, 2, Message{Type: AppendEntries, Term: 4, PrevLog: at(3, 3), Entries: []protocols.Entry{{ID: at(4, 4)}}, LeaderCommit: 4})
	if len(e.letters) != 0 || len(s.restored) != 0 || len(s.committed) != 1 || s.commitIndex != 4 {
		t.Fatalf("before it is durable: sent %v, applied %v, %v", e.letters, s.committed, s)
	}
	s.apply(s.pending[0])
	s.Persisted(e.now, s.pending[0].Seq, &s.out)
	if s.out.Restore != at(3, 3) || len(s.out.Committed) != 1 || s.out.Committed[0].ID != at(4, 4) {
		t.Errorf("restores %v, applies %v", s.out.Restore, s.out.Committed)
	}
	s.pending = s.pending[1:]
	e.take(s)
	if ms := e.sent(1, InstallSnapshotResponse); len(ms) != 1 || !ms[0].Success {
		t.Errorf("%v", ms)
	}
	e.receive(1, 2, chunk(4, at(4, 5), 0, imageSize)) // and a second one, on top
	e.persist(1)
	if len(s.restored) != 2 || s.restored[1] != at(4, 5) || len(s.committed) != 2 {
		t.Errorf("restored %v, applied %v", s.restored, s.committed)
	}
}
