package zab

import (
	"testing"

	"raftzab/protocols"
)

func TestLearnerHangsUpAtItsLimit(t *testing.T) {
	ticks := func(s *solo, n int) Time { return s.r.ticks(n) }
	for _, c := range []struct {
		name  string
		s     *solo
		limit int
	}{
		{"before NEWLEADER", learner(t, protocols.Recovered{}), 10},
		{"serving", served(t, protocols.Recovered{}, 1), 4},
	} {
		s := c.s
		s.advance(ticks(s, c.limit) - 1)
		if s.r.role != protocols.Follower {
			t.Fatalf("%s: left early", c.name)
		}
		s.take()
		s.advance(1)
		if s.r.role != protocols.Candidate || s.take()[0] != "3: CLOSE" {
			t.Errorf("%s: stays: %v", c.name, s.r)
		}
	}
	s := learner(t, protocols.Recovered{})
	s.fromLeader(Message{Type: Refused})
	s.advance(100*millisecond + ticks(s, 10) - 1) // from the second try
	if s.r.role != protocols.Follower {
		t.Fatal("left early after a refusal")
	}
	s.advance(1)
	if s.r.role != protocols.Candidate {
		t.Errorf("stays after a refusal: %v", s.r)
	}
	s = served(t, protocols.Recovered{}, 1)
	for range 3 {
		s.advance(ticks(s, 4) - 1)
		s.fromLeader(Message{Type: Ping})
		s.expect("a ping", "3: PING")
	}
	if s.r.role != protocols.Follower {
		t.Errorf("pinged and left: %v", s.r)
	}
}

// The fsync at NEWLEADER may take longer than syncLimit: nobody reads meanwhile.
func TestSyncLimitBeginsBehindTheFsyncAtNewLeader(t *testing.T) {
	s := learner(t, protocols.Recovered{})
	s.fromLeader(Message{Type: LeaderInfo, Zxid: Zxid{Epoch: 1}}, Message{Type: Diff})
	s.slow = true
	s.fromLeader(Message{Type: NewLeader, Zxid: Zxid{Epoch: 1}})
	s.advance(s.r.ticks(5))
	if s.r.role != protocols.Follower {
		t.Fatal("left in its fsync")
	}
	s.slow = false
	s.persisted(s.r.seq)
	s.advance(s.r.ticks(4) - 1)
	if s.r.role != protocols.Follower {
		t.Fatal("left early")
	}
	s.advance(1)
	if s.r.role != protocols.Candidate {
		t.Errorf("stays: %v", s.r)
	}
}

// Each of the leader's three waits is for initLimit.
func TestLeaderElectStepsDownAtInitLimit(t *testing.T) {
	gone := func(name string, s *solo) {
		t.Helper()
		s.advance(s.r.ticks(10) - 1)
		if s.r.role != protocols.Leader {
			t.Fatalf("%s: stepped down early", name)
		}
		s.advance(1)
		if s.r.role != protocols.Candidate {
			t.Errorf("%s: waits on: %v", name, s.r)
		}
	}
	s := elect(t, 5, protocols.Recovered{})
	s.fromLearner(1, Message{Type: FollowerInfo})
	gone("for the epochs", s)

	s = elect(t, 5, protocols.Recovered{})
	s.advance(s.r.ticks(9))
	s.fromLearner(1, Message{Type: FollowerInfo})
	s.fromLearner(2, Message{Type: FollowerInfo})
	gone("for their acknowledgements", s)

	s = elect(t, 5, protocols.Recovered{})
	for _, m := range []MessageType{FollowerInfo, AckEpoch} {
		s.advance(s.r.ticks(9))
		s.fromLearner(1, Message{Type: m})
		s.fromLearner(2, Message{Type: m})
	}
	s.fromLearner(1, Message{Type: AckNewLeader})
	gone("for those of NEWLEADER", s)
}

// A handler reads for initLimit until NEWLEADER is acknowledged, then for
// syncLimit.
func TestHandlerHangsUpAtItsLimit(t *testing.T) {
	for _, c := range []struct {
		name  string
		done  []MessageType
		limit int
	}{
		{"no ACKEPOCH", []MessageType{FollowerInfo}, 10},
		{"no acknowledgement of NEWLEADER", []MessageType{FollowerInfo, AckEpoch}, 10},
		{"silent", []MessageType{FollowerInfo, AckEpoch, AckNewLeader}, 4},
		{"silent after a word", []MessageType{FollowerInfo, AckEpoch, AckNewLeader, Ping}, 4},
	} {
		s := established(t, protocols.Recovered{})
		step := func(to Time) { // 1 stays
			for s.now < to {
				s.advance(min(millisecond, to-s.now))
				s.fromLearner(1, Message{Type: Ping})
			}
		}
		for _, m := range c.done {
			s.fromLearner(2, Message{Type: m})
		}
		from := s.now
		step(from + s.r.ticks(c.limit) - 1)
		if s.r.office.learners[2].stage == absent {
			t.Fatalf("%s: cut off early", c.name)
		}
		s.take()
		step(from + s.r.ticks(c.limit))
		if sent := s.take(); len(sent) == 0 || sent[0] != "2: CLOSE" {
			t.Errorf("%s: not cut off: %v", c.name, sent)
		}
		if s.r.role != protocols.Leader {
			t.Errorf("%s: 1 is still there: %v", c.name, s.r)
		}
	}
}

// The leader pings twice a tick and looks at its quorum at every second turn, so
// it goes on for up to a tick after its last follower has gone.
func TestLeaderLooksAtItsQuorumOnceATick(t *testing.T) {
	s := established(t, protocols.Recovered{})
	half := s.r.cfg.Tick / 2
	for range 6 {
		s.advance(half)
		s.expect("half a tick", "1: PING")
		s.fromLearner(1, Message{Type: Ping})
	}
	s.call(func(r *Replica) { r.Disconnected(s.now, 1, &s.out) })
	s.advance(2*half - 1)
	if s.r.role != protocols.Leader {
		t.Fatal("left before the tick was over")
	}
	s.propose(1)
	s.advance(1)
	if s.r.role != protocols.Candidate || !s.abandoned {
		t.Errorf("leads without a quorum: %v", s.r)
	}
}

// A learner has initLimit and syncLimit together to become level; a leader does not
// stay in office for one that takes longer, though the connection is alive.
func TestSlowLearnerDoesNotHoldTheLeaderInOffice(t *testing.T) {
	s := established(t, protocols.Recovered{})
	s.fromLearner(2, Message{Type: FollowerInfo})
	step := func(ticks int) {
		for range ticks {
			s.advance(s.r.cfg.Tick)
			s.fromLearner(1, Message{Type: Ping})
		}
	}
	step(9)
	s.fromLearner(2, Message{Type: AckEpoch})
	step(4)
	s.call(func(r *Replica) { r.Disconnected(s.now, 1, &s.out) })
	step(1)
	if s.r.role != protocols.Leader {
		t.Fatal("left at tick 14")
	}
	step(1)
	if s.r.role != protocols.Candidate {
		t.Errorf("stays after tick 15: %v", s.r)
	}
}

// A learner that answers pings and never acknowledges is cut off: its oldest
// proposal is syncLimit old.
func TestLearnerThatDoesNotAcknowledgeIsCutOff(t *testing.T) {
	s := established(t, protocols.Recovered{})
	half := s.r.cfg.Tick / 2
	turn := func() {
		s.advance(half)
		s.fromLearner(1, Message{Type: Ping})
	}
	s.propose(1)
	turn()
	s.propose(2)
	s.fromLearner(1, Message{Type: Ack, Zxid: zx(1, 1)}) // from here the second is timed, a half tick old when the first was acknowledged
	for range 7 {
		turn()
	}
	if s.r.office.learners[1].stage == absent {
		t.Fatal("cut off early")
	}
	s.take()
	s.advance(half)
	if sent := s.take(); len(sent) == 0 || sent[0] != "1: CLOSE" {
		t.Errorf("not cut off: %v", sent)
	}
}

func TestSyncLimitCheckTimesOneProposalAndTheLastBehindIt(t *testing.T) {
	var c syncLimitCheck
	c.proposed(zx(1, 1), 5)
	if c.late(99, 10) {
		t.Error("times what came before the acknowledgement of NEWLEADER")
	}
	c.started = true
	for i := uint64(2); i <= 4; i++ {
		c.proposed(zx(1, i), Time(10*i))
	}
	c.acked(zx(1, 3)) // neither the one nor the other
	if c.late(29, 10) || !c.late(30, 10) {
		t.Error("does not time 1.2")
	}
	c.acked(zx(1, 2))
	if c.late(49, 10) || !c.late(50, 10) {
		t.Error("does not time 1.4 next")
	}
	c.acked(zx(1, 4))
	if c.late(99, 10) {
		t.Error("times what is acknowledged")
	}
}

// A silent machine: its followers leave syncLimit ticks after its last ping and
// elect another; the leader that is cut off leaves within a tick more.
func TestSilentLeaderIsReplaced(t *testing.T) {
	w := ensemble(t, 3)
	w.settle()
	w.run(333 * millisecond)
	at := w.now
	w.cutOff(3)
	w.runUntil("another leader", second, func() bool { return w.established[2] == 2 })
	tick, limit := w.servers[1].cfg.Tick, w.servers[1].r.ticks(4)
	left := map[NodeID]Time{}
	for _, p := range w.find(at, protocols.RoleChanged) {
		if p.Role == protocols.Candidate && left[p.node] == 0 {
			left[p.node] = p.at - at
		}
	}
	for id := NodeID(1); id <= 2; id++ {
		if left[id] > limit+w.delay || left[id] < limit-tick/2 {
			t.Errorf("follower %d left after %d us", id, left[id]/1000)
		}
	}
	if left[3] > limit+2*tick || left[3] < limit-tick {
		t.Errorf("the leader left after %d us", left[3]/1000)
	}
}
