package zab

import (
	"testing"

	"raftzab/protocols"
)

// observer returns observer 4 of voters 1 to 3.
func observer(t *testing.T, d protocols.Recovered) *solo {
	return single(t, 4, 3, d, watched)
}

// observing returns it under leader 3 in the epoch.
func observing(t *testing.T, d protocols.Recovered, epoch uint64) *solo {
	s := observer(t, d)
	s.followAgain()
	e := Zxid{Epoch: epoch}
	s.fromLeader(Message{Type: LeaderInfo, Zxid: e}, Message{Type: Diff}, Message{Type: NewLeader, Zxid: e}, Message{Type: UpToDate})
	if !s.r.serving || s.r.role != protocols.Observer {
		t.Fatalf("does not observe: %v", s.r)
	}
	s.take()
	return s
}

// FastLeaderElection.lookForLeader, WorkerReceiver: an observer's first vote is worse than any, goes to the voters
// alone, and is no vote cast.
func TestObserverAsksTheVoters(t *testing.T) {
	s := observer(t, disk(9, 9, zx(9, 9)))
	none := "NOTIFICATION round 1: LOOKING votes for 0 (epoch 0, zxid 0.0)"
	s.expect("at boot", "1: "+none, "2: "+none, "3: "+none)
	if n := s.count(protocols.VoteCast); n != 0 {
		t.Errorf("casts %d votes", n)
	}
	// It adopts the worst vote there is.
	s.receive(1, looking(1, Vote{Leader: 1}))
	if s.r.proposal != (Vote{Leader: 1}) {
		t.Errorf("proposes %v", s.r.proposal)
	}
}

// FastLeaderElection.lookForLeader, QuorumPeer.run: it finishes in OBSERVING, by the voters' votes or by their results.
func TestObserverDecidesByVoters(t *testing.T) {
	s := observer(t, protocols.Recovered{})
	for _, from := range []NodeID{1, 3} {
		s.receive(from, looking(1, Vote{Leader: 3}))
	}
	s.advance(s.r.cfg.FinalizeWait)
	if s.r.role != protocols.Observer || s.r.leader != 3 {
		t.Errorf("after a quorum of votes: %v", s.r)
	}
	s = observer(t, protocols.Recovered{})
	s.followAgain()
	if s.r.role != protocols.Observer || s.r.leader != 3 {
		t.Errorf("after a quorum of results: %v", s.r)
	}
	if sent := s.take(); sent[len(sent)-1] != "3: OBSERVERINFO epoch 0" {
		t.Errorf("connects with %v", sent)
	}
}

// FastLeaderElection.WorkerReceiver: a voter answers an observer with its last decision and its
// own state, and takes no notice of the vote, even while it looks for a leader.
func TestVoterAnswersAnObserverWithItsLastDecision(t *testing.T) {
	s := single(t, 1, 3, disk(2, 2, zx(2, 1)), watched)
	s.take()
	before := s.r.notifyAt
	s.advance(millisecond)
	s.receive(4, looking(5, Vote{Leader: 3, PeerEpoch: 9}))
	s.expect("first", "4: NOTIFICATION round 1: LOOKING votes for 1 (epoch 2, zxid 2.1)")
	if s.r.clock != 1 || s.r.notifyAt != before || s.r.proposal.Leader != 1 {
		t.Errorf("heeds an observer: %v", s.r)
	}
	s.followAgain()
	s.take()
	s.receive(4, looking(5, Vote{}))
	s.expect("following", "4: NOTIFICATION round 7: FOLLOWING votes for 3 (epoch 9, zxid 0.0)")
	s.fromLeader(Message{Type: LeaderInfo, Zxid: Zxid{Epoch: 9}}, Message{Type: Close})
	s.take()
	s.receive(4, looking(5, Vote{}))
	s.expect("looking again", "4: NOTIFICATION round 8: LOOKING votes for 3 (epoch 9, zxid 0.0)")
}

// zab/doc.go: an observer answers no voter, whether it looks for a leader itself
// or has one: the voter would answer that, and so on.
func TestObserverAnswersNobody(t *testing.T) {
	s := observing(t, protocols.Recovered{}, 1)
	s.receive(2, looking(1, Vote{Leader: 2}))
	s.receive(2, looking(9, Vote{Leader: 2}))
	s.expect("observing")
	if s.r.role != protocols.Observer || s.r.leader != 3 {
		t.Errorf("heeds it: %v", s.r)
	}

	s = observer(t, protocols.Recovered{})
	s.receive(1, looking(4, Vote{Leader: 1}))
	s.take()
	s.receive(2, looking(3, Vote{Leader: 2}))
	s.expect("an older round")
	if s.r.clock != 4 || s.r.recvset[2].present {
		t.Errorf("counts it: %v", s.r)
	}
}

// FastLeaderElection.lookForLeader, QuorumPeer.run: on a return to LOOKING, and only then, it waits up to 200 ms.
func TestObserverTakesItsTimeWhenItLostItsLeader(t *testing.T) {
	for range 5 {
		s := observing(t, protocols.Recovered{}, 1)
		s.fromLeader(Message{Type: Close})
		if s.r.role != protocols.Candidate || s.r.lookAt <= s.now || s.r.lookAt >= s.now+200*millisecond {
			t.Fatalf("looks at %d, now is %d: %v", s.r.lookAt, s.now, s.r)
		}
		s.expect("waiting")
		s.receive(1, looking(9, Vote{Leader: 1})) // of no interest yet
		s.advance(s.r.lookAt - s.now)
		if sent := s.take(); len(sent) != 3 || s.r.clock != 8 {
			t.Errorf("sent %v: %v", sent, s.r)
		}
	}
	s := single(t, 4, 3, protocols.Recovered{}, func(c *Config) { watched(c); c.ObserverElectionDelay = 0 })
	s.followAgain()
	s.fromLeader(Message{Type: LeaderInfo, Zxid: zx(1, 0)}, Message{Type: Close})
	if s.r.lookAt != 0 || s.r.notifyAt == 0 {
		t.Errorf("waits without being told to: %v", s.r)
	}
}

// Leader.getEpochToPropose: observers raise the epoch until it is chosen; neither their
// connection, nor ACKEPOCH, nor the acknowledgement of NEWLEADER counts.
func TestObserversRaiseTheEpochAndAreNotCounted(t *testing.T) {
	s := elect(t, 3, protocols.Recovered{}, watched)
	s.fromLearner(4, Message{Type: ObserverInfo, Zxid: Zxid{Epoch: 6}})
	s.fromLearner(5, Message{Type: ObserverInfo, Zxid: Zxid{Epoch: 2}})
	s.expect("two observers and the leader")
	s.fromLearner(1, Message{Type: FollowerInfo})
	s.expect("with a follower", "1: LEADERINFO epoch 7", "4: LEADERINFO epoch 7", "5: LEADERINFO epoch 7")
	for _, id := range []NodeID{4, 5} {
		s.fromLearner(id, Message{Type: AckEpoch})
	}
	if s.r.phase != protocols.Discovery {
		t.Fatalf("counts an observer's promise: %v", s.r)
	}
	s.fromLearner(1, Message{Type: AckEpoch})
	for _, id := range []NodeID{4, 5} {
		s.fromLearner(id, Message{Type: AckNewLeader})
	}
	if s.r.serving {
		t.Fatalf("counts an observer's acknowledgement: %v", s.r)
	}
	s.fromLearner(1, Message{Type: AckNewLeader})
	if !s.r.serving {
		t.Fatalf("does not serve: %v", s.r)
	}
	s.take()
	s.fromLearner(5, Message{Type: ObserverInfo, Zxid: Zxid{Epoch: 20}})
	s.expect("when it is chosen", "5: LEADERINFO epoch 7")
}

// Leader.waitForEpochAck: who is more recent than the leader-elect is refused. Of an
// observer only the connection ends; a voter ends the office (10b.6).
func TestMoreRecentObserverIsHungUpOn(t *testing.T) {
	s := elect(t, 3, disk(2, 2, zx(2, 2)), watched)
	s.fromLearner(4, Message{Type: ObserverInfo})
	s.fromLearner(1, Message{Type: FollowerInfo})
	s.take()
	s.fromLearner(4, Message{Type: AckEpoch, CurrentEpoch: 2, Zxid: zx(2, 3)})
	s.expect("more recent", "4: CLOSE")
	if s.r.role != protocols.Leader || s.r.office.learners[4].stage != absent {
		t.Errorf("%v", s.r)
	}
}

// Leader.inform, Observer: observers hear of a transaction when it is committed, by INFORM.
// Before that they are sent nothing, whenever they come.
func TestObserversAreInformedOfWhatIsCommitted(t *testing.T) {
	s := established(t, disk(1, 1, zx(1, 1)), watched)
	s.propose(1)
	s.fromLearner(4, Message{Type: ObserverInfo})
	s.take()
	s.fromLearner(4, Message{Type: AckEpoch, Zxid: zx(1, 1)})
	s.expect("what is outstanding is not for observers", "4: DIFF 1.1", "4: NEWLEADER epoch 2")
	s.fromLearner(1, Message{Type: Ack, Zxid: zx(2, 1)})
	s.expect("committed, before it has acknowledged NEWLEADER", "1: COMMIT 2.1", "4: INFORM 2.1 of 1.1")
	s.fromLearner(4, Message{Type: AckNewLeader})
	s.propose(2)
	s.expect("proposed", "4: UPTODATE", "1: PROPOSAL 2.2 of 1.2")
}

// The leader looks whether a quorum of voters is with it (Leader.lead), and cuts off
// an observer that says nothing.
func TestObserversDoNotHoldTheLeaderInOffice(t *testing.T) {
	s := established(t, protocols.Recovered{}, watched)
	for _, id := range []NodeID{4, 5} {
		s.fromLearner(id, Message{Type: ObserverInfo}, Message{Type: AckEpoch}, Message{Type: AckNewLeader})
	}
	for range 20 {
		s.advance(s.r.cfg.Tick / 2)
		s.fromLearner(4, Message{Type: Ping})
		s.fromLearner(1, Message{Type: Ping})
	}
	if s.r.role != protocols.Leader || s.r.office.learners[5].stage != absent || s.r.office.learners[4].stage != upToDate {
		t.Fatalf("%v: %+v", s.r, s.r.office.learners[4:])
	}
	for range 20 {
		s.advance(s.r.cfg.Tick / 2)
		s.fromLearner(4, Message{Type: Ping})
	}
	if s.r.role == protocols.Leader {
		t.Errorf("leads on with an observer: %v", s.r)
	}
}

// Learner.syncWithLeader, Observer: INFORM is logged and delivered at once, before UPTODATE
// kept like the rest, and acknowledged never.
func TestObserverTakesInforms(t *testing.T) {
	s := observer(t, protocols.Recovered{})
	s.followAgain()
	s.fromLeader(Message{Type: LeaderInfo, Zxid: zx(1, 0)}, Message{Type: Diff, Zxid: zx(1, 1)},
		Message{Type: Proposal, Zxid: zx(1, 1), Command: command(1)}, Message{Type: Commit, Zxid: zx(1, 1)},
		Message{Type: NewLeader, Zxid: zx(1, 0)}, Message{Type: Inform, Zxid: zx(1, 2), Command: command(2)})
	if len(s.done) != 0 || s.r.history.Last() != zx(1, 1) {
		t.Fatalf("before UPTODATE: %v delivered, %v", s.done, s.r)
	}
	if s.fromLeader(Message{Type: UpToDate}); len(s.done) != 2 {
		t.Fatalf("at UPTODATE: %v delivered, %v", s.done, s.r)
	}
	s.fromLeader(Message{Type: Inform, Zxid: zx(1, 3), Command: command(3)})
	if len(s.done) != 3 || s.r.history.Last() != zx(1, 3) {
		t.Errorf("%v delivered, %v", s.done, s.r)
	}
	for _, m := range s.take() {
		if m == "3: ACK 1.2" || m == "3: ACK 1.3" {
			t.Errorf("sent %s", m)
		}
	}
}

// A client of an observer: REQUEST, and the answer is its own INFORM.
func TestObserverForwardsWrites(t *testing.T) {
	s := observing(t, protocols.Recovered{}, 1)
	s.propose(7)
	s.expect("a write", "3: REQUEST 1.7")
	s.read(8, protocols.ReadSync)
	s.expect("a sync", "3: REQUEST-SYNC")
	s.fromLeader(Message{Type: Close})
	if !s.abandoned {
		t.Error("a lost leader is not told to clients")
	}
}
