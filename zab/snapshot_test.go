package zab

import (
	"fmt"
	"testing"

	"raftzab/protocols"
)

// compacted is a disk with a snapshot at 1.4, of which the log goes on from 1.3.
func compacted() protocols.Recovered {
	d := disk(2, 2, zx(1, 6), zx(2, 2))
	d.Snapshot, d.Base, d.Entries = protocols.Snapshot{At: zx(1, 4), Size: 10}, zx(1, 3), d.Entries[3:]
	return d
}

// The decision table again, where the log does not go back to the beginning: what
// lies before it can only be had as a snapshot.
func TestChooseSyncAboveABase(t *testing.T) {
	for _, c := range []struct {
		p    Zxid
		want string
	}{
		{zx(2, 2), "Diff DIFF 2.2, then from 5"},
		{zx(1, 4), "Diff DIFF 2.2, then from 1"},
		{zx(1, 3), "Diff DIFF 2.2, then from 0"}, // the base itself
		{zx(2, 0), "Diff DIFF 2.2, then from 3"}, // an idle epoch
		{zx(1, 2), "Snap SNAP 1.4, then from 1"},
		{zx(0, 0), "Snap SNAP 1.4, then from 1"},
		{zx(1, 0), "Snap SNAP 1.4, then from 1"}, // idle, and before the base
		{zx(1, 9), "Snap SNAP 1.4, then from 1"}, // unknown, and the next is of another epoch
		{zx(2, 3), "Trunc TRUNC 2.2, then from 5"},
	} {
		s := single(t, 1, 3, compacted(), nil)
		how, header, from := s.r.chooseSync(c.p, 5)
		if got := fmt.Sprintf("%v %v, then from %d", how, header, from); got != c.want {
			t.Errorf("%v: %s, want %s", c.p, got, c.want)
		}
		if how == protocols.Snap && header.Chunk() != (protocols.Chunk{At: zx(1, 4), Length: 10}) {
			t.Errorf("%v: the chunk is %v", c.p, header.Chunk())
		}
	}
}

// A server starts from its snapshot: what it contains is committed, and what is
// behind it in the log is delivered as before.
func TestRecoveryFromASnapshot(t *testing.T) {
	s := served(t, compacted(), 3)
	if s.r.committed != zx(2, 2) || len(s.done) != 4 || s.done[0].ID != zx(1, 5) {
		t.Errorf("delivered %v: %v", s.done, s.r)
	}
}

// The log behind a snapshot is given up but for CommittedLog entries, with the
// next write, whatever that is.
func TestCompactKeepsTheCommittedLog(t *testing.T) {
	for keep, want := range map[int]Zxid{0: zx(2, 1), 1: zx(1, 6), 4: zx(1, 3), 6: zx(1, 1), 7: {}, 500: {}} {
		s := single(t, 3, 3, disk(2, 2, zx(1, 6), zx(2, 2)), func(c *Config) { c.FinalizeWait, c.CommittedLog = 0, keep })
		s.receive(1, looking(1, s.r.proposal))
		s.fromLearner(1, Message{Type: FollowerInfo}, Message{Type: AckEpoch}, Message{Type: AckNewLeader})
		s.writes = nil
		s.call(func(r *Replica) { r.Compact(s.now, protocols.Snapshot{At: zx(2, 1), Size: 5}, &s.out) })
		s.propose(1)
		w := s.writes[len(s.writes)-1]
		if w.Snapshot != zx(2, 1) || w.Base != want || w.After != zx(2, 2) || w.Entries[0].ID != zx(3, 1) {
			t.Errorf("keep %d: %+v, want the base %v", keep, w, want)
		}
	}
}

// An earlier snapshot of its own does not replace one from the leader.
func TestCompactOnlyGoesForward(t *testing.T) {
	s := served(t, compacted(), 3)
	s.call(func(r *Replica) { r.Compact(s.now, protocols.Snapshot{At: zx(1, 4), Size: 99}, &s.out) })
	if s.r.snapshot.Size != 10 {
		t.Errorf("%+v", s.r.snapshot)
	}
}

// snapped returns a learner with 1.1 that is in the middle of a SNAP at 2.3, up to
// and without NEWLEADER(4).
func snapped(t *testing.T) *solo {
	s := learner(t, disk(1, 1, zx(1, 1)))
	s.fromLeader(Message{Type: LeaderInfo, Zxid: zx(4, 0)}, Message{Type: Snap, Zxid: zx(2, 3), SnapshotSize: 7})
	for _, z := range []Zxid{zx(2, 4), zx(3, 1)} {
		s.fromLeader(Message{Type: Proposal, Zxid: z, Command: command(9)}, Message{Type: Commit, Zxid: z})
	}
	s.writes = nil
	return s
}

// Learner.syncWithLeader, and doc.go on SNAP: a snapshot that is ahead of the state replaces the log, in the
// one write that also brings what is behind it; the epoch comes after. The state
// machine gets it when that is durable (ZOOKEEPER-3642), the rest at UPTODATE.
func TestSnapReplacesAnOlderState(t *testing.T) {
	s := snapped(t)
	s.slow = true
	s.fromLeader(Message{Type: NewLeader, Zxid: zx(4, 0)})
	if len(s.writes) != 2 {
		t.Fatalf("writes %+v", s.writes)
	}
	if w := s.writes[0]; w.Snapshot != zx(2, 3) || w.Base != zx(2, 3) || w.After != zx(2, 3) || len(w.Entries) != 2 || w.Registers[1] != 1 {
		t.Errorf("the first write is %+v", w)
	}
	if w := s.writes[1]; w.Registers[1] != 4 || w.Snapshot != zx(2, 3) || w.After != zx(3, 1) {
		t.Errorf("the second write is %+v", w)
	}
	if len(s.restored) != 0 || s.count(protocols.LogTruncated) != 0 {
		t.Errorf("restored %v before it is durable", s.restored)
	}
	s.take()
	if s.persisted(s.writes[0].Seq - 1); len(s.restored) != 0 {
		t.Errorf("restored %v with an earlier write", s.restored)
	}
	s.persisted(s.writes[0].Seq)
	s.expect("the history alone is durable")
	if fmt.Sprint(s.restored) != "[2.3]" || len(s.done) != 0 {
		t.Errorf("restored %v, delivered %v", s.restored, s.done)
	}
	s.persisted(s.writes[1].Seq)
	s.expect("all is durable", "3: ACK-NEWLEADER epoch 4")
	s.slow = false
	s.fromLeader(Message{Type: UpToDate})
	if len(s.done) != 2 || s.done[0].ID != zx(2, 4) || len(s.restored) != 1 {
		t.Errorf("delivered %v, restored %v", s.done, s.restored)
	}
}

// Learner.shutdown: broken off before NEWLEADER it has changed nothing; broken off after it,
// the write goes on, and the vote waits for it and names what it brings.
func TestSnapBrokenOff(t *testing.T) {
	s := snapped(t)
	s.fromLeader(Message{Type: Close})
	if s.r.history.Last() != zx(1, 1) || len(s.restored) != 0 || len(s.writes) != 0 {
		t.Errorf("before NEWLEADER: %v, writes %v", s.r, s.writes)
	}
	s = snapped(t)
	s.slow = true
	s.fromLeader(Message{Type: NewLeader, Zxid: zx(4, 0)})
	s.take()
	s.fromLeader(Message{Type: Close})
	s.expect("while it is under way")
	s.slow = false
	s.persisted(s.r.seq)
	if sent := s.take(); len(sent) != 2 || sent[0] != "2: NOTIFICATION round 8: LOOKING votes for 1 (epoch 4, zxid 3.1)" {
		t.Errorf("sent %q", sent)
	}
	if fmt.Sprint(s.restored) != "[2.3]" || len(s.done) != 0 {
		t.Errorf("restored %v, delivered %v", s.restored, s.done)
	}
}

// A snapshot behind the state brings entries that the own log no longer has: they are
// in the own snapshot.
func TestSnapBehindACompactedState(t *testing.T) {
	s := served(t, compacted(), 3)
	s.fromLeader(Message{Type: Close})
	s.followAgain()
	s.fromLeader(Message{Type: LeaderInfo, Zxid: zx(4, 0)}, Message{Type: Snap, Zxid: zx(1, 1), SnapshotSize: 7})
	for _, z := range []Zxid{zx(1, 2), zx(1, 3), zx(1, 4), zx(1, 5), zx(1, 6), zx(2, 1), zx(2, 2), zx(3, 1)} {
		s.fromLeader(Message{Type: Proposal, Zxid: z, Command: command(9)}, Message{Type: Commit, Zxid: z})
	}
	s.writes, s.done = nil, nil
	s.fromLeader(Message{Type: NewLeader, Zxid: zx(4, 0)}, Message{Type: UpToDate})
	if w := s.writes[0]; w.Snapshot != zx(1, 4) || w.After != zx(2, 2) || len(w.Entries) != 1 || len(s.restored) != 0 {
		t.Errorf("writes %+v, restored %v", s.writes, s.restored)
	}
	if len(s.done) != 1 || s.done[0].ID != zx(3, 1) {
		t.Errorf("delivered %v", s.done)
	}
}

// A tail that the leader does not know goes with the old log.
func TestSnapTellsOfTheLogThatItCuts(t *testing.T) {
	s := learner(t, disk(3, 3, zx(1, 1), zx(3, 2)))
	s.fromLeader(Message{Type: LeaderInfo, Zxid: zx(4, 0)}, Message{Type: Snap, Zxid: zx(2, 3), SnapshotSize: 7}, Message{Type: NewLeader, Zxid: zx(4, 0)})
	if s.count(protocols.LogTruncated) != 1 || s.r.history.Last() != zx(2, 3) {
		t.Errorf("%v", s.r)
	}
}
