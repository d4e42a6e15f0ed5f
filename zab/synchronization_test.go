package zab

import (
	"fmt"
	"testing"

	"raftzab/protocols"
)

// The decision table, one row a line: the log is 1.1 to 1.5, 3.1 to 3.4, of
// which the first end are committed.
func TestChooseSync(t *testing.T) {
	for _, c := range []struct {
		p    Zxid
		end  int
		want string
	}{
		{zx(3, 4), 9, "Diff DIFF 3.4, then from 9"},   // level
		{zx(3, 2), 7, "Diff DIFF 3.2, then from 7"},   // level with what is committed
		{zx(3, 3), 7, "Trunc TRUNC 3.2, then from 7"}, // beyond it
		{zx(4, 1), 9, "Trunc TRUNC 3.4, then from 9"}, // beyond all
		{zx(4, 0), 9, "Diff DIFF 3.4, then from 9"},   // (e, 0) is in nobody's log, and ahead of nothing
		{zx(3, 1), 9, "Diff DIFF 3.4, then from 6"},   // known
		{zx(1, 2), 9, "Diff DIFF 3.4, then from 2"},   // known, an epoch ago
		{zx(0, 0), 9, "Diff DIFF 3.4, then from 0"},   // empty
		{zx(2, 0), 9, "Diff DIFF 3.4, then from 5"},   // an idle epoch
		{zx(1, 7), 9, "Snap SNAP 0.0, then from 0"},   // unknown, and the next is of another epoch
		{zx(2, 3), 9, "Snap SNAP 0.0, then from 0"},   // likewise
		{zx(0, 0), 0, "Diff DIFF 0.0, then from 0"},   // nothing is committed
		{zx(1, 1), 0, "Trunc TRUNC 0.0, then from 0"}, // and yet this server has something
	} {
		s := single(t, 1, 3, disk(3, 3, zx(1, 5), zx(3, 4)), nil)
		how, header, from := s.r.chooseSync(c.p, c.end)
		if got := fmt.Sprintf("%v %v, then from %d", how, header, from); got != c.want {
			t.Errorf("%v with %d committed: %s, want %s", c.p, c.end, got, c.want)
		}
	}
	// A gap within an epoch, which no leader of ours leaves: cut to the last that
	// both know.
	r := single(t, 1, 3, disk(1, 1, zx(1, 5)), nil).r
	r.history = protocols.NewLog(protocols.Recovered{Entries: []Entry{{ID: zx(1, 1)}, {ID: zx(1, 4)}}})
	if how, header, from := r.chooseSync(zx(1, 2), 2); how != protocols.Trunc || header.Zxid != zx(1, 1) || from != 1 {
		t.Errorf("%v %v from %d", how, header, from)
	}
}

// History as PROPOSAL and COMMIT, then what is outstanding, then NEWLEADER, and
// behind it the live stream.
func TestLateJoinerGetsHistoryThenTheLiveStream(t *testing.T) {
	s := established(t, disk(1, 1, zx(1, 2)))
	s.propose(1)
	s.fromLearner(1, Message{Type: Ack, Zxid: zx(2, 1)})
	s.propose(2)
	s.fromLearner(2, Message{Type: FollowerInfo, Zxid: Zxid{Epoch: 1}})
	s.take()
	s.fromLearner(2, Message{Type: AckEpoch, CurrentEpoch: 1, Zxid: zx(1, 1)})
	s.expect("synchronised", "2: DIFF 2.1",
		"2: PROPOSAL 1.2 of 1.102", "2: COMMIT 1.2", "2: PROPOSAL 2.1 of 1.1", "2: COMMIT 2.1", // history
		"2: PROPOSAL 2.2 of 1.2", // outstanding
		"2: NEWLEADER epoch 2")
	s.propose(3)
	s.fromLearner(1, Message{Type: Ack, Zxid: zx(2, 2)})
	s.expect("live", "1: PROPOSAL 2.3 of 1.3", "2: PROPOSAL 2.3 of 1.3", "1: COMMIT 2.2", "2: COMMIT 2.2")
	s.fromLearner(2, Message{Type: AckNewLeader})
	s.expect("level", "2: UPTODATE")
	s.fromLearner(2, Message{Type: AckNewLeader}) // the second, at UPTODATE
	s.expect("after it")
}

func TestActivationNeedsAQuorumAndTheOwnDisk(t *testing.T) {
	s := elect(t, 5, disk(1, 1, zx(1, 2)))
	for id := NodeID(1); id <= 3; id++ {
		s.fromLearner(id, Message{Type: FollowerInfo, Zxid: Zxid{Epoch: 1}})
	}
	s.slow = true
	for _, m := range []Message{{Type: AckEpoch, CurrentEpoch: 1, Zxid: zx(1, 2)}, {Type: AckNewLeader}} {
		for id := NodeID(1); id <= 3; id++ {
			s.fromLearner(id, m)
		}
	}
	if s.r.serving || len(s.done) > 0 {
		t.Fatal("active before its own epoch is durable")
	}
	s.take()
	s.persisted(s.r.seq)
	s.expect("active", "1: UPTODATE", "2: UPTODATE", "3: UPTODATE")
	if !s.r.serving || len(s.done) != 2 || s.count(protocols.Activated) != 1 {
		t.Errorf("%v, %d delivered", s.r, len(s.done))
	}

	s = elect(t, 5, protocols.Recovered{})
	for _, m := range []MessageType{FollowerInfo, AckEpoch} {
		for id := NodeID(1); id <= 3; id++ {
			s.fromLearner(id, Message{Type: m})
		}
	}
	s.fromLearner(1, Message{Type: AckNewLeader})
	if s.r.serving {
		t.Fatal("active with two of five")
	}
	s.fromLearner(3, Message{Type: AckNewLeader})
	if !s.r.serving {
		t.Error("not active with three of five")
	}
}

// ZOOKEEPER-4643, 3911: the history, then the epoch, then the acknowledgement;
// proposals without a COMMIT are neither logged nor acknowledged before
// UPTODATE (4394, 4685), and are not lost.
func TestOrderAtNewLeader(t *testing.T) {
	s := learner(t, disk(1, 1, zx(1, 1)))
	s.fromLeader(Message{Type: LeaderInfo, Zxid: Zxid{Epoch: 2}}, Message{Type: Diff, Zxid: zx(2, 1)})
	s.take()
	s.writes, s.slow = nil, true
	s.fromLeader(
		Message{Type: Proposal, Zxid: zx(1, 2), Command: command(2)}, Message{Type: Commit, Zxid: zx(1, 2)},
		Message{Type: Proposal, Zxid: zx(2, 1), Command: command(3)}, Message{Type: Commit, Zxid: zx(2, 1)},
		Message{Type: Proposal, Zxid: zx(2, 2), Command: command(4)},
		Message{Type: Proposal, Zxid: zx(2, 3), Command: command(5)})
	if len(s.writes) != 0 {
		t.Fatalf("writes before NEWLEADER: %v", s.writes)
	}
	s.fromLeader(Message{Type: NewLeader, Zxid: Zxid{Epoch: 2}})
	if len(s.writes) != 2 {
		t.Fatalf("%d writes at NEWLEADER, want the history's and the epoch's", len(s.writes))
	}
	if w := s.writes[0]; w.Registers != (protocols.Registers{2, 1}) || w.After != zx(1, 1) || len(w.Entries) != 2 || w.Entries[1].ID != zx(2, 1) {
		t.Errorf("first write %+v, want the history under the old epoch", w)
	}
	if w := s.writes[1]; w.Registers != (protocols.Registers{2, 2}) || w.After != zx(2, 1) || len(w.Entries) != 0 {
		t.Errorf("second write %+v, want the new epoch", w)
	}
	s.persisted(s.r.seq - 1)
	s.expect("with only the history durable")
	s.persisted(s.r.seq)
	s.expect("with both durable", "3: ACK-NEWLEADER epoch 2")
	if len(s.done) != 0 {
		t.Error("delivered before UPTODATE")
	}

	// The live stream may come before UPTODATE.
	s.fromLeader(Message{Type: Commit, Zxid: zx(2, 2)}, Message{Type: Proposal, Zxid: zx(2, 4), Command: command(6)})
	if len(s.writes) != 2 || len(s.done) != 0 {
		t.Error("logged or delivered before UPTODATE")
	}
	s.fromLeader(Message{Type: UpToDate})
	s.expect("UPTODATE", "3: ACK-NEWLEADER epoch 2")
	if len(s.done) != 4 || s.done[3].ID != zx(2, 2) || s.r.committed != zx(2, 2) {
		t.Errorf("delivered %v", s.done)
	}
	s.persisted(s.r.seq)
	s.expect("durable", "3: ACK 2.2", "3: ACK 2.3", "3: ACK 2.4")
	s.fromLeader(Message{Type: Commit, Zxid: zx(2, 3)}, Message{Type: Commit, Zxid: zx(2, 4)})
	if s.r.committed != zx(2, 4) {
		t.Errorf("%v", s.r)
	}
}

// A late joiner crashes in the fsync at NEWLEADER: whatever prefix of its two
// writes is on disk, it does not have the epoch without the history, and it
// comes back.
func TestCrashAtNewLeader(t *testing.T) {
	for keep := range 3 {
		w := ensemble(t, 3)
		w.settle()
		w.crash(1, 0)
		w.propose(3, 1, 2, 3)
		w.run(20 * millisecond)
		w.crash(3, 0) // 2 leads 1 in epoch 2, and brings it three writes
		w.start(1)
		s := w.servers[1]
		w.runUntil("1 handles NEWLEADER", 2*second, func() bool { return s.r.currentEpoch == 2 })
		if len(s.writes) != 2 {
			t.Fatalf("writes under way: %v", s.writes)
		}
		w.crash(1, keep)
		if epoch, n := s.disk.Registers[1], len(s.disk.Entries); epoch != uint64(keep/2+1) || n != 3*min(keep, 1) {
			t.Errorf("%d writes durable: epoch %d over %d entries", keep, epoch, n)
		}
		w.start(3)
		w.start(1)
		w.settle()
		if len(w.order) != 3 {
			t.Errorf("%d writes delivered", len(w.order))
		}
	}
}

// A server comes back behind, ahead, and on a branch.
func TestEveryWayToBecomeLevel(t *testing.T) {
	for _, c := range []struct {
		name   string
		tail   bool // it has a proposal that nobody else has
		missed bool
		want   protocols.Phase
	}{
		{"behind", false, true, protocols.Diff},
		{"level", false, false, protocols.Diff},
		{"ahead", true, false, protocols.Trunc},
		{"on a branch", true, true, protocols.Snap},
	} {
		w := ensemble(t, 3)
		w.settle()
		w.propose(3, 1, 2)
		w.settle()
		w.cutOff(3)
		if c.tail {
			w.propose(3, 3) // "bob"
			w.run(2 * w.fsync)
		}
		w.crash(3, 0)
		w.heal()
		w.settle()
		if c.missed {
			w.propose(2, 4) // "tom"
			w.settle()
		}
		from := w.now
		w.start(3)
		w.settle()
		if how := w.find(from, protocols.SyncChosen); len(how) != 1 || how[0].Phase != c.want {
			t.Errorf("%s: %v", c.name, how)
		}
		if got, want := w.servers[3].r.history.Len(), len(w.order); got != want || w.servers[3].delivered != want {
			t.Errorf("%s: has %d entries and has delivered %d, of %d", c.name, got, w.servers[3].delivered, want)
		}
		if c.tail && (w.done[3] != 0 || w.abandoned[3] == 0) {
			t.Errorf("%s: the proposal of a minority: done %v, abandoned %v", c.name, w.done, w.abandoned)
		}
	}
}

// ZOOKEEPER-5094: the cut is on its way to the disk at once, and a learner that
// leaves in the middle says nothing of the shorter log before it is there.
func TestTruncIsDurableBeforeTheNextVote(t *testing.T) {
	s := learner(t, disk(1, 1, zx(1, 3)))
	s.fromLeader(Message{Type: LeaderInfo, Zxid: Zxid{Epoch: 2}})
	s.slow, s.writes = true, nil
	s.fromLeader(Message{Type: Trunc, Zxid: zx(1, 2)})
	if len(s.writes) != 1 || s.writes[0].After != zx(1, 2) || s.count(protocols.LogTruncated) != 1 {
		t.Fatalf("writes %+v", s.writes)
	}
	s.take()
	s.fromLeader(Message{Type: Close})
	s.expect("before the fsync")
	s.persisted(s.r.seq)
	const vote = "NOTIFICATION round 8: LOOKING votes for 1 (epoch 1, zxid 1.2)"
	s.expect("after it", "2: "+vote, "3: "+vote)
}

// SNAP to a server that lives on: what it has delivered stays, what it has not
// is replaced, in one write with the history.
func TestSnapKeepsWhatWasDelivered(t *testing.T) {
	s := served(t, disk(1, 1, zx(1, 2)), 2)
	s.fromLeader(Message{Type: Proposal, Zxid: zx(2, 1)}, Message{Type: Commit, Zxid: zx(2, 1)}, Message{Type: Proposal, Zxid: zx(2, 2)})
	s.fromLeader(Message{Type: Close})
	s.followAgain()
	s.fromLeader(Message{Type: LeaderInfo, Zxid: Zxid{Epoch: 4}}, Message{Type: Snap})
	for _, z := range []Zxid{zx(1, 1), zx(1, 2), zx(2, 1), zx(3, 1)} {
		s.fromLeader(Message{Type: Proposal, Zxid: z, Command: command(9)}, Message{Type: Commit, Zxid: z})
	}
	if s.r.history.Last() != zx(2, 2) {
		t.Fatalf("the log is cut before NEWLEADER: %v", s.r)
	}
	s.writes, s.done = nil, nil
	s.fromLeader(Message{Type: NewLeader, Zxid: Zxid{Epoch: 4}}, Message{Type: UpToDate})
	if w := s.writes[0]; len(s.writes) != 2 || w.After != zx(2, 1) || len(w.Entries) != 1 || w.Entries[0].ID != zx(3, 1) {
		t.Errorf("writes %+v", s.writes)
	}
	if len(s.done) != 1 || s.done[0].ID != zx(3, 1) {
		t.Errorf("delivered %v", s.done)
	}
}

func TestBrokenInvariantsPanic(t *testing.T) {
	sync := func() *solo {
		s := learner(t, disk(1, 1, zx(1, 1)))
		s.fromLeader(Message{Type: LeaderInfo, Zxid: Zxid{Epoch: 2}}, Message{Type: Diff})
		return s
	}
	observe := func() *solo {
		s := observer(t, disk(1, 1, zx(1, 1)))
		s.followAgain()
		s.fromLeader(Message{Type: LeaderInfo, Zxid: Zxid{Epoch: 2}}, Message{Type: Diff})
		return s
	}
	breaches := map[string]func(){
		"COMMIT of nothing": func() { sync().fromLeader(Message{Type: Commit, Zxid: zx(1, 2)}) },
		"COMMIT not of the head in synchronization": func() {
			sync().fromLeader(Message{Type: Proposal, Zxid: zx(1, 2)}, Message{Type: Proposal, Zxid: zx(1, 3)}, Message{Type: Commit, Zxid: zx(1, 3)})
		},
		"UPTODATE without before": func() { sync().fromLeader(Message{Type: UpToDate}) },
		"two headers":             func() { sync().fromLeader(Message{Type: Diff}) },
		"NEWLEADER of another":    func() { sync().fromLeader(Message{Type: NewLeader, Zxid: Zxid{Epoch: 3}}) },
		"COMMIT not of the head": func() {
			s := served(t, protocols.Recovered{}, 1)
			s.fromLeader(Message{Type: Proposal, Zxid: zx(1, 1)}, Message{Type: Proposal, Zxid: zx(1, 2)}, Message{Type: Commit, Zxid: zx(1, 2)})
		},
		"TRUNC below what was delivered": func() {
			s := served(t, disk(1, 1, zx(1, 2)), 2)
			s.fromLeader(Message{Type: Close})
			s.followAgain()
			s.fromLeader(Message{Type: LeaderInfo, Zxid: Zxid{Epoch: 3}}, Message{Type: Trunc, Zxid: zx(1, 1)})
		},
		"TRUNC to an unknown point": func() {
			s := learner(t, disk(1, 1, zx(1, 2)))
			s.fromLeader(Message{Type: LeaderInfo, Zxid: Zxid{Epoch: 3}}, Message{Type: Trunc, Zxid: zx(0, 7)})
		},
		"ACK of what was not proposed": func() { established(t, protocols.Recovered{}).fromLearner(1, Message{Type: Ack, Zxid: zx(1, 1)}) },
		"ACK going back": func() {
			s := established(t, protocols.Recovered{})
			s.propose(1)
			s.fromLearner(1, Message{Type: Ack, Zxid: zx(1, 1)}, Message{Type: Ack, Zxid: zx(1, 1)})
		},
		"ACK before UPTODATE": func() {
			s := established(t, protocols.Recovered{})
			s.propose(1)
			s.fromLearner(2, Message{Type: FollowerInfo}, Message{Type: AckEpoch}, Message{Type: Ack, Zxid: zx(1, 1)})
		},
		"ACK of an observer": func() {
			s := established(t, protocols.Recovered{}, watched)
			s.fromLearner(4, Message{Type: ObserverInfo}, Message{Type: AckEpoch}, Message{Type: AckNewLeader})
			s.propose(1)
			s.fromLearner(4, Message{Type: Ack, Zxid: zx(1, 1)})
		},
		"NEWLEADER's ACK of another epoch": func() {
			s := elect(t, 3, disk(1, 1, zx(1, 1)))
			s.fromLearner(1, Message{Type: FollowerInfo}, Message{Type: AckEpoch}, Message{Type: AckNewLeader, Zxid: zx(1, 0)})
		},
		"NEWLEADER's second ACK of another epoch": func() {
			established(t, disk(1, 1, zx(1, 1))).fromLearner(1, Message{Type: AckNewLeader, Zxid: zx(1, 0)})
		},
		"PROPOSAL to an observer": func() { observing(t, protocols.Recovered{}, 1).fromLeader(Message{Type: Proposal, Zxid: zx(1, 1)}) },
		"PROPOSAL to an observer behind NEWLEADER": func() {
			observe().fromLeader(Message{Type: NewLeader, Zxid: zx(2, 0)}, Message{Type: Proposal, Zxid: zx(2, 1)})
		},
		"COMMIT to an observer behind NEWLEADER": func() {
			observe().fromLeader(Message{Type: Proposal, Zxid: zx(2, 1)}, Message{Type: NewLeader, Zxid: zx(2, 0)}, Message{Type: Commit, Zxid: zx(2, 1)})
		},
		"INFORM to an observer before NEWLEADER": func() { observe().fromLeader(Message{Type: Inform, Zxid: zx(2, 1)}) },
		"INFORM to a follower":                   func() { served(t, protocols.Recovered{}, 1).fromLeader(Message{Type: Inform, Zxid: zx(1, 1)}) },
		"INFORM to a follower before UPTODATE": func() {
			sync().fromLeader(Message{Type: NewLeader, Zxid: zx(2, 0)}, Message{Type: Inform, Zxid: zx(2, 1)})
		},
		"SYNC that nobody asked for": func() { served(t, protocols.Recovered{}, 1).fromLeader(Message{Type: Sync}) },
	}
	for _, z := range []Zxid{zx(1, 1), zx(1, 3), zx(2, 2), zx(2, 0)} { // behind 1.1
		breaches[fmt.Sprintf("PROPOSAL %v in synchronization", z)] = func() { sync().fromLeader(Message{Type: Proposal, Zxid: z}) }
		breaches[fmt.Sprintf("PROPOSAL %v in broadcast", z)] = func() {
			served(t, disk(1, 1, zx(1, 1)), 2).fromLeader(Message{Type: Proposal, Zxid: z})
		}
		breaches[fmt.Sprintf("INFORM %v behind NEWLEADER", z)] = func() {
			observe().fromLeader(Message{Type: NewLeader, Zxid: zx(2, 0)}, Message{Type: Inform, Zxid: z})
		}
		breaches[fmt.Sprintf("INFORM %v in broadcast", z)] = func() {
			observing(t, disk(1, 1, zx(1, 1)), 2).fromLeader(Message{Type: Inform, Zxid: z})
		}
	}
	for name, breach := range breaches {
		func() {
			defer func() {
				problem := recover()
				if _, ours := problem.(string); !ours {
					t.Errorf("%s: %v, want words of ours", name, problem)
				}
			}()
			breach()
		}()
	}
}
