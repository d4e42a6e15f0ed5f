package zab

import (
	"testing"

	"raftzab/protocols"
)

func TestLearnerPromisesALaterEpochOnly(t *testing.T) {
	for _, c := range []struct {
		name  string
		epoch uint64
		want  []string
		state protocols.Role
	}{
		{"later", 4, []string{"3: ACKEPOCH epoch 2 zxid 2.1"}, protocols.Follower},
		{"the same", 3, []string{"3: ACKEPOCH epoch -1 zxid 2.1"}, protocols.Follower},
		{"earlier", 2, []string{"3: CLOSE", "2: NOTIFICATION round 8: LOOKING votes for 1 (epoch 2, zxid 2.1)",
			"3: NOTIFICATION round 8: LOOKING votes for 1 (epoch 2, zxid 2.1)"}, protocols.Candidate},
	} {
		s := learner(t, disk(3, 2, zx(1, 4), zx(2, 1)))
		s.expect(c.name, "3: FOLLOWERINFO epoch 3")
		s.fromLeader(Message{Type: LeaderInfo, Zxid: Zxid{Epoch: c.epoch}})
		s.expect(c.name, c.want...)
		if s.r.role != c.state {
			t.Errorf("%s: %v", c.name, s.r)
		}
	}
}

func TestAckEpochLeavesWhenThePromiseIsDurable(t *testing.T) {
	s := learner(t, disk(3, 2))
	s.take()
	s.slow = true
	s.fromLeader(Message{Type: LeaderInfo, Zxid: Zxid{Epoch: 5}})
	s.expect("before the fsync")
	if got := s.writes[0].Registers; got != (protocols.Registers{5, 2}) {
		t.Errorf("writes %v", got)
	}
	s.persisted(1)
	s.expect("after the fsync", "3: ACKEPOCH epoch 2 zxid 0.0")
}

// Turned away for its promise of a later epoch, a learner takes a tick between
// two attempts at the same leader, and none at another.
func TestTurnedAwayLearnerWaitsATick(t *testing.T) {
	s := learner(t, disk(3, 2))
	s.fromLeader(Message{Type: LeaderInfo, Zxid: Zxid{Epoch: 2}})
	s.followAgain()
	s.expect("at once")
	s.advance(s.r.cfg.Tick - 1)
	s.expect("before the tick is over")
	s.advance(1)
	s.expect("after it", "3: FOLLOWERINFO epoch 3")

	s = learner(t, disk(3, 2))
	s.fromLeader(Message{Type: LeaderInfo, Zxid: Zxid{Epoch: 2}})
	s.take()
	v := Vote{Leader: 2, PeerEpoch: 9}
	s.receive(3, following(8, v))
	s.receive(2, leads(8, v))
	s.expect("another leader", "2: FOLLOWERINFO epoch 3")
}

// The ensemble goes on without it and lets it in after the next election.
func TestServerWithALaterPromiseStaysOutside(t *testing.T) {
	w := newWorld(t, 3)
	w.servers[1].disk = disk(7, 0)
	w.startAll()
	w.run(second)
	if l := w.leader(); l != 3 || w.servers[1].r.serving || !w.servers[2].r.serving {
		t.Fatalf("leader %d; %v", l, w.servers[1].r)
	}
	if n := w.sent[FollowerInfo]; n > 25 {
		t.Errorf("%d attempts in a second", n)
	}
	w.crash(2, 0)
	w.runUntil("1 is let in", 2*second, func() bool { return w.servers[1].r.serving })
	if e := w.servers[1].r.currentEpoch; e != 8 {
		t.Errorf("epoch %d", e)
	}
}

func TestRefusedConnectionIsTriedFiveTimes(t *testing.T) {
	for _, c := range []struct {
		name   string
		refuse func(s *solo)
	}{
		{"refused", func(s *solo) { s.fromLeader(Message{Type: Refused}) }},
		{"broken", func(s *solo) { s.call(func(r *Replica) { r.Disconnected(s.now, 3, &s.out) }) }},
	} {
		s := single(t, 1, 3, protocols.Recovered{}, func(c *Config) { c.InitLimit = 100 })
		s.followAgain()
		for range 4 {
			s.expect(c.name, "3: FOLLOWERINFO epoch 0")
			c.refuse(s)
			s.advance(100*millisecond - 1)
			s.expect(c.name + ", before 100 ms are over")
			s.advance(1)
		}
		s.take()
		c.refuse(s)
		if s.r.role != protocols.Candidate {
			t.Errorf("%s, for the fifth time: %v", c.name, s.r)
		}
	}
	// initLimit is the budget for all tries.
	s := single(t, 1, 3, protocols.Recovered{}, func(c *Config) { c.InitLimit = 3 })
	s.followAgain()
	s.fromLeader(Message{Type: Refused})
	s.advance(100 * millisecond)
	s.fromLeader(Message{Type: Refused})
	if s.r.role != protocols.Candidate {
		t.Errorf("tries on past initLimit: %v", s.r)
	}
}

// The first try's FOLLOWERINFO still waits for the disk when the stream breaks: it
// is not sent on the next, where it would be answered and then renumbered.
func TestBrokenTryIsNotAnswered(t *testing.T) {
	s := learner(t, disk(1, 1))
	s.slow = true
	s.fromLeader(Message{Type: LeaderInfo, Zxid: Zxid{Epoch: 5}})
	s.fromLeader(Message{Type: Close})
	v := Vote{Leader: 2, PeerEpoch: 9}
	s.receive(3, following(9, v))
	s.receive(2, leads(9, v))
	s.call(func(r *Replica) { r.Disconnected(s.now, 2, &s.out) })
	s.take()
	s.persisted(s.r.seq)
	for _, m := range s.take() {
		if m[3:] == "FOLLOWERINFO epoch 5" {
			t.Errorf("sent on another stream: %q", m)
		}
	}
	s.fromLeader(Message{Type: LeaderInfo, Zxid: Zxid{Epoch: 6}})
	s.expect("an answer on the broken connection")
	s.advance(100 * millisecond)
	s.expect("the next try", "2: FOLLOWERINFO epoch 5")
}

func TestWhoDoesNotLeadRefusesLearners(t *testing.T) {
	info := Message{Type: FollowerInfo, Learner: 2, Conn: 4}
	for _, s := range []*solo{single(t, 1, 3, protocols.Recovered{}, nil), learner(t, protocols.Recovered{})} {
		s.take()
		s.receive(2, info)
		s.expect("", "2: REFUSED")
	}
}

func TestPacketsOfAnotherConnectionAreDropped(t *testing.T) {
	s := learner(t, protocols.Recovered{})
	s.receive(3, Message{Type: Close, Learner: 1, Conn: 9})
	s.receive(3, Message{Type: Close, Learner: 3, Conn: 1}) // of 3 as our learner
	s.receive(2, Message{Type: Close, Learner: 1, Conn: 1})
	if s.r.role != protocols.Follower {
		t.Fatalf("%v", s.r)
	}
	s.receive(3, Message{Type: Close, Learner: 1, Conn: 1})
	if s.r.role != protocols.Candidate {
		t.Errorf("%v", s.r)
	}
	s = established(t, protocols.Recovered{})
	s.receive(1, Message{Type: Close, Learner: 3, Conn: 1}) // of 1 as our leader
	if s.r.office.learners[1].stage != upToDate {
		t.Error("the end of another connection ends this one")
	}
}

func TestLeaderChoosesAnEpochBeyondAllOfAQuorum(t *testing.T) {
	s := elect(t, 5, disk(3, 2))
	s.fromLearner(1, Message{Type: FollowerInfo, Zxid: Zxid{Epoch: 6}})
	s.expect("without a quorum")
	s.slow = true
	s.fromLearner(2, Message{Type: FollowerInfo, Zxid: Zxid{Epoch: 4}})
	s.expect("before its own promise is durable")
	if got := s.writes[len(s.writes)-1].Registers; got != (protocols.Registers{7, 2}) {
		t.Errorf("writes %v", got)
	}
	s.slow = false
	s.persisted(s.r.seq)
	s.expect("after it", "1: LEADERINFO epoch 7", "2: LEADERINFO epoch 7")
	s.fromLearner(4, Message{Type: FollowerInfo, Zxid: Zxid{Epoch: 9}})
	s.expect("late, and with a later promise", "4: LEADERINFO epoch 7")
}

// A learner that has promised this very epoch before may follow, and does not
// count.
func TestRepeatedPromiseDoesNotCount(t *testing.T) {
	s := elect(t, 5, disk(1, 1))
	for id := NodeID(1); id <= 3; id++ {
		s.fromLearner(id, Message{Type: FollowerInfo, Zxid: Zxid{Epoch: 1}})
	}
	s.take()
	s.fromLearner(1, Message{Type: AckEpoch, CurrentEpoch: NoEpoch})
	s.fromLearner(2, Message{Type: AckEpoch, CurrentEpoch: 1})
	s.expect("with one acknowledgement")
	s.fromLearner(3, Message{Type: AckEpoch, CurrentEpoch: 1})
	s.expect("with two", "1: DIFF 0.0", "1: NEWLEADER epoch 2", "2: DIFF 0.0", "2: NEWLEADER epoch 2", "3: DIFF 0.0", "3: NEWLEADER epoch 2")
}

func TestLeaderElectResignsForAMoreRecentVoter(t *testing.T) {
	mine := disk(2, 2, zx(1, 4), zx(2, 2))
	for _, c := range []struct {
		name  string
		epoch uint64
		last  Zxid
		stays bool
	}{
		{"level", 2, zx(2, 2), true},
		{"behind", 2, zx(2, 1), true},
		{"a longer log of an earlier epoch", 1, zx(2, 9), true},
		{"a longer log", 2, zx(2, 3), false},
		{"a later epoch", 3, zx(1, 4), false},
	} {
		s := elect(t, 3, mine)
		s.fromLearner(1, Message{Type: FollowerInfo, Zxid: Zxid{Epoch: 2}})
		s.take()
		s.fromLearner(1, Message{Type: AckEpoch, CurrentEpoch: c.epoch, Zxid: c.last})
		if stays := s.r.role == protocols.Leader; stays != c.stays {
			t.Errorf("%s: %v", c.name, s.r)
		}
		if !c.stays && s.take()[0] != "1: CLOSE" {
			t.Errorf("%s: does not hang up", c.name)
		}
	}
	// Once a quorum has acknowledged, nobody is compared any more: it is late, and
	// its log is cut.
	s := established(t, mine)
	s.fromLearner(2, Message{Type: FollowerInfo}, Message{Type: AckEpoch, CurrentEpoch: 2, Zxid: zx(2, 9)})
	s.expect("a late one", "2: LEADERINFO epoch 3", "2: TRUNC 2.2", "2: NEWLEADER epoch 3")
}
