package raft

import (
	"testing"

	"raftzab/protocols"
)

// §8: "at the start of its term, it may not know which those [committed] are. To
// find out, it needs to commit an entry from its term. Raft handles this by
// having each leader commit a blank no-op entry into the log at the start of its
// term."
func TestLeaderBeginsItsTermWithANoOp(t *testing.T) {
	e := newEnsemble(t, 3, []uint64{1, 1}, []uint64{1, 1}, []uint64{1, 1})
	e.elect(1)
	s := e.at(1)
	if len(s.committed) != 3 || s.committed[2].Command != (protocols.Command{}) || e.terms(2) != "112" {
		t.Errorf("committed %v", s.committed)
	}
	if ev := s.saw(protocols.Activated); len(ev) != 1 || ev[0].Epoch != 2 {
		t.Errorf("%v", ev)
	}
	if ev := s.saw(protocols.Proposed); len(ev) != 0 {
		t.Errorf("nobody proposed: %v", ev)
	}
	e.propose(1, 5)
	e.settle()
	if ev := s.saw(protocols.Activated); len(ev) != 1 {
		t.Errorf("activated twice: %v", ev)
	}
}

// Dissertation 6.2: "a leader in Raft steps down if an election timeout elapses without
// a successful round of heartbeats to a majority of its cluster; this allows clients to
// retry their requests with another server": with CheckQuorum. The time counts from
// when the last round began that a majority has answered.
func TestLeaderStepsDownWithoutASuccessfulRoundOfHeartbeats(t *testing.T) {
	for _, check := range []bool{false, true} {
		e := configured(t, 5, func(c *Config) { c.CheckQuorum, c.Heartbeat = check, 70*millisecond })
		e.elect(1)
		s := e.at(1)
		e.beat(1)
		began := e.now
		e.settle()
		e.propose(1, 10)
		silent := func(l letter) bool { return l.from != 1 && l.from != 2 }
		for e.beat(1); e.now+s.cfg.Heartbeat < began+s.cfg.ElectionTimeout.Max; e.beat(1) {
			e.deliver(from(1))
			e.persist(2)
			e.drop(silent) // one of four answers
			e.deliver(nil)
		}
		e.now = began + s.cfg.ElectionTimeout.Max - 1
		s.Wake(e.now, &s.out)
		if check && s.out.Wake != began+s.cfg.ElectionTimeout.Max {
			t.Errorf("asks to be woken at %d, and not when it began, at %d, and an election timeout", s.out.Wake, began)
		}
		e.take(s)
		if s.role != protocols.Leader || s.abandoned != 0 {
			t.Fatalf("CheckQuorum %t, before its time: %v", check, s)
		}
		e.now++
		s.Wake(e.now, &s.out)
		e.take(s)
		if (s.role == protocols.Leader) == check || s.abandoned != map[bool]int{true: 1}[check] {
			t.Errorf("CheckQuorum %t: abandoned %d times, %v", check, s.abandoned, s)
		}
		if check && (s.currentTerm != 1 || s.leader != protocols.None || s.electionAt <= e.now) {
			t.Errorf("%v", s)
		}
	}
}

// A round trip may take longer than the time between two heartbeats: whichever round is
// answered, the majority has followed this leader after it began.
func TestLeaderStaysWhenAnswersTakeLongerThanAHeartbeat(t *testing.T) {
	e := configured(t, 3, func(c *Config) { c.CheckQuorum = true })
	e.elect(1)
	var answers []letter
	for i := range 20 {
		e.beat(1)
		e.deliver(from(1))
		late := answers
		answers, e.letters = e.letters, nil
		if e.letters = late; len(late) != 2 && i > 0 {
			t.Fatalf("%d answers", len(late))
		}
		e.deliver(nil)
	}
	if s := e.at(1); s.role != protocols.Leader {
		t.Errorf("%v", s)
	}
}

// 6.2: a leader that is answered goes on, whoever of a majority it is; learners are no part of it.
func TestLeaderStaysWhileAMajorityAnswers(t *testing.T) {
	for _, c := range []struct {
		answers []protocols.NodeID
		stays   bool
	}{
		{[]protocols.NodeID{2}, true},
		{[]protocols.NodeID{3}, true},
		{[]protocols.NodeID{4, 5}, false}, // learners
	} {
		e := configured(t, 5, func(c *Config) { learning(2)(c); c.CheckQuorum = true })
		e.elect(1)
		for range 10 {
			e.beat(1)
			for _, id := range c.answers {
				e.deliver(between(1, id))
				e.deliver(between(1, id))
			}
			e.drop(all)
		}
		if s := e.at(1); (s.role == protocols.Leader) != c.stays {
			t.Errorf("%v answer: %v", c.answers, s)
		}
	}
}

// 6.2: followers keep track of the leader to redirect clients. "They must discard this
// information when starting a new election or when the term changes."
func TestFollowersForgetTheLeaderWithItsTerm(t *testing.T) {
	for _, c := range []struct {
		name    string
		prevote bool
		id      protocols.NodeID
		end     func(*ensemble)
		leader  protocols.NodeID
	}{
		{"it stands", false, 2, func(e *ensemble) { e.timeout(2) }, protocols.None},
		{"it asks whether to stand", true, 2, func(e *ensemble) { e.timeout(2) }, protocols.None},
		{"a candidate has a new term", false, 2, func(e *ensemble) { e.receive(2, 3, Message{Type: RequestVote, Term: 2}) }, protocols.None},
		{"an answer has a new term", false, 2, func(e *ensemble) { e.receive(2, 3, Message{Type: PreVoteResponse, Term: 2}) }, protocols.None},
		{"a learner's timer runs out", false, 4, func(e *ensemble) { e.timeout(4) }, protocols.None},
		{"a candidate has this term", false, 2, func(e *ensemble) { e.receive(2, 3, Message{Type: RequestVote, Term: 1}) }, 1},
	} {
		e := configured(t, 4, func(cfg *Config) { learning(1)(cfg); cfg.PreVote = c.prevote })
		e.elect(1)
		s := e.at(c.id)
		if s.leader != 1 {
			t.Fatalf("%v", s)
		}
		c.end(e)
		e.ask(c.id, 1, protocols.ReadIndex)
		e.propose(c.id, 1)
		if len(s.refused) != 2 || s.refused[0].Leader != c.leader || s.refused[1].Leader != c.leader {
			t.Errorf("%s: refused %v", c.name, s.refused)
		}
	}
}

// §8: "a leader must have the latest information on which entries are committed".
// Dissertation 6.4, step 1: "If the leader has not yet marked an entry from its current
// term committed, it waits until it has done so." Its readIndex is at least that entry.
func TestLeaderReadsNothingBeforeAnEntryOfItsTermIsCommitted(t *testing.T) {
	for _, mode := range []protocols.ReadMode{protocols.ReadIndex, protocols.ReadLease} {
		e := configured(t, 3, leases, []uint64{1, 1}, []uint64{1, 1}, []uint64{1, 1})
		e.timeout(1)
		e.persist(1)
		e.deliver(nil)
		e.persist(2)
		e.deliver(to(1))
		e.ask(1, 1, mode)
		e.deliver(nil)
		e.receive(1, 2, Message{Type: AppendEntriesResponse, Term: 2, Round: e.at(1).round, Success: true, MatchIndex: 2})
		e.receive(1, 3, Message{Type: AppendEntriesResponse, Term: 2, Round: e.at(1).round, Success: true, MatchIndex: 2})
		confirmed := e.at(1).confirmed == e.at(1).round
		e.ask(1, 2, mode)
		if s := e.at(1); !confirmed || s.commitIndex != 0 || len(s.reads) != 0 {
			t.Fatalf("%v permits %v", s, s.reads)
		}
		e.settle()
		if s := e.at(1); len(s.reads) != 2 || s.reads[0].At != at(2, 3) || s.reads[1].At != at(2, 3) {
			t.Errorf("permits %v", s.reads)
		}
	}
}

// 6.4, step 2: "The leader saves its current commit index in a local variable
// readIndex": what is committed while it asks need not be waited for.
func TestReadIndexIsTheCommitIndexWhenTheReadCame(t *testing.T) {
	e := newEnsemble(t, 3)
	e.elect(1)
	e.propose(1, 10)
	e.settle()
	e.ask(1, 1, protocols.ReadIndex)
	e.drop(all)
	e.propose(1, 11) // its answer confirms the round as well
	e.settle()
	if s := e.at(1); s.commitIndex != 3 || len(s.reads) != 1 || s.reads[0].At != at(1, 2) {
		t.Errorf("%v permits %v", s, s.reads)
	}
}

// Where the log no longer has that entry, the first that it has will do.
func TestReadOutlivesTheEntryOfItsReadIndex(t *testing.T) {
	e := configured(t, 3, inChunks)
	e.elect(1)
	e.propose(1, 10)
	e.settle()
	e.propose(1, 11)
	e.deliver(nil)
	e.persist(2)
	e.persist(1)
	e.ask(1, 1, protocols.ReadIndex)
	e.deliver(from(2)) // commits, and confirms an older round
	e.compact(1)
	if s := e.at(1); s.log.Base() != at(1, 3) || len(s.reads) != 0 {
		t.Fatalf("%v permits %v", s, s.reads)
	}
	e.settle()
	if s := e.at(1); len(s.reads) != 1 || s.reads[0].At != at(1, 3) {
		t.Errorf("permits %v", s.reads)
	}
}

// The leader's own disk may be what a read waits for.
func TestReadIsPermittedWhenTheLeadersDiskCommitsItsFirstEntry(t *testing.T) {
	e := newEnsemble(t, 3)
	e.timeout(1)
	e.persist(1)
	e.deliver(to(2))
	e.persist(2)
	e.deliver(to(1))
	e.ask(1, 1, protocols.ReadIndex)
	for range 2 {
		e.deliver(between(1, 2))
		e.persist(2)
	}
	e.deliver(between(1, 2))
	if s := e.at(1); s.commitIndex != 0 || len(s.pending) == 0 || len(s.reads) != 0 {
		t.Fatalf("%v permits %v", s, s.reads)
	}
	e.persist(1) // now it knows what is committed, and asks who follows it
	e.settle()
	if s := e.at(1); len(s.reads) != 1 {
		t.Errorf("%v permits %v", s, s.reads)
	}
}

// 6.4, step 3: "It issues a new round of heartbeats and waits for their acknowledgments
// from a majority of the cluster." New is a round that began after the read came:
// answers to heartbeats that went out before it confirm nothing.
func TestReadIndexWaitsForARoundThatBeganAfterIt(t *testing.T) {
	e := configured(t, 5, learning(2))
	e.elect(1)
	e.ask(1, 1, protocols.ReadIndex)
	if ms := e.sent(1, AppendEntries); len(ms) != 4 {
		t.Fatalf("%v", ms)
	}
	e.deliver(from(1)) // the answers of the first round are under way
	e.ask(1, 2, protocols.ReadIndex)
	e.deliver(func(l letter) bool { return l.from > 3 })
	if s := e.at(1); len(s.reads) != 0 {
		t.Fatalf("learners permit %v", s.reads)
	}
	e.deliver(to(1))
	if s := e.at(1); len(s.reads) != 1 || s.reads[0].ID.Seq != 1 {
		t.Fatalf("the first round permits %v", s.reads)
	}
	e.settle()
	if s := e.at(1); len(s.reads) != 2 || s.reads[1].ID.Seq != 2 {
		t.Errorf("%v", s.reads)
	}
}

// A round that nobody answers is followed by the next heartbeat, which serves as well.
func TestReadIsConfirmedByALaterRound(t *testing.T) {
	e := newEnsemble(t, 3)
	e.elect(1)
	e.ask(1, 1, protocols.ReadIndex)
	e.drop(all)
	e.beat(1)
	e.settle()
	if s := e.at(1); len(s.reads) != 1 {
		t.Errorf("permits %v", s.reads)
	}
}

// 6.4: "it can use a single round of heartbeats for any number of read-only queries that
// it has accumulated": what gathers while a round is under way shares the next one.
func TestOneRoundServesAllReadsThatHaveAccumulated(t *testing.T) {
	e := newEnsemble(t, 3)
	e.elect(1)
	for seq := range uint32(10) {
		e.ask(1, 1+seq, protocols.ReadIndex)
	}
	if n := len(e.sent(1, AppendEntries)); n != 2 {
		t.Fatalf("%d messages for the first of ten", n)
	}
	e.deliver(nil)
	e.deliver(nil)
	if n := len(e.sent(1, AppendEntries)); n != 2 || len(e.at(1).reads) != 1 {
		t.Fatalf("%d messages for the other nine", n)
	}
	e.settle()
	for i, r := range e.at(1).reads {
		if r.ID.Seq != uint32(i+1) {
			t.Errorf("not in their order: %v", e.at(1).reads)
		}
	}
	if n := len(e.at(1).reads); n != 10 {
		t.Errorf("%d reads permitted", n)
	}
}

// §8: "a leader must check whether it has been deposed before processing a read-only
// request". One that has been permits nothing, and gives its reads up when it hears so.
func TestDeposedLeaderConfirmsNoRead(t *testing.T) {
	e := newEnsemble(t, 3)
	e.elect(1)
	e.ask(1, 1, protocols.ReadIndex)
	e.deliver(to(2)) // the answers of its term are under way
	e.drop(to(3))
	e.receive(1, 3, Message{Type: AppendEntries, Term: 2, PrevLog: at(1, 1)})
	e.settle()
	if s := e.at(1); len(s.reads) != 0 || s.abandoned != 1 {
		t.Errorf("permitted %v, abandoned %d times", s.reads, s.abandoned)
	}
	e.elect(1) // and does not come back to them
	e.beat(1)
	e.settle()
	if s := e.at(1); len(s.reads) != 0 {
		t.Errorf("permitted %v", s.reads)
	}
}

// leases is for configured.
func leases(c *Config) { c.CheckQuorum, c.ClockDrift = true, 0.1 }

// Dissertation 6.4.1, figure 6.3: "Once the leader's heartbeats were acknowledged by a
// majority of the cluster, it would extend its lease to start + election timeout / clock
// drift bound": from when it sent them, not from when they were answered. With two clocks
// that may each be wrong by a share of d, the bound is (1+d)/(1-d).
func TestLeaseLastsAMinimumTimeoutLessTheDrift(t *testing.T) {
	for _, drift := range []float64{0.01, 0.1, 0.5} {
		e := configured(t, 3, func(c *Config) { c.CheckQuorum, c.ClockDrift = true, drift })
		e.elect(1)
		s := e.at(1)
		e.beat(1)
		began := e.now
		e.now += 20 * millisecond
		e.settle()
		want := began + protocols.Time(float64(150*millisecond)*(1-drift)/(1+drift))
		if got := s.leaseEnd(); got != want {
			t.Fatalf("lease to %d, want %d", got, want)
		}
		for i, c := range []struct {
			now    protocols.Time
			atOnce bool
		}{{want - 1, true}, {want, false}} {
			e.now = c.now
			s.reads = nil
			e.ask(1, uint32(1+i), protocols.ReadLease)
			if (len(s.reads) == 1) != c.atOnce || c.atOnce && s.reads[0].At != at(1, 1) {
				t.Errorf("%d ns before the end: %v", want-c.now, s.reads)
			}
		}
		e.settle()
		if len(s.reads) != 1 {
			t.Errorf("without its lease it asks, as ReadIndex does: %v", s.reads)
		}
	}
}

// The leader "would assume that no other server will become leader for about an election
// timeout": because voters ignore requests for so long (4.2.3), and clocks keep to a
// bound. Where either is not given, there is no lease.
func TestNoLeaseWithoutCheckQuorumOrABoundOnDrift(t *testing.T) {
	for _, edit := range []func(*Config){
		func(c *Config) { c.CheckQuorum = true },
		func(c *Config) { c.ClockDrift = 0.1 },
		unchanged,
	} {
		e := configured(t, 3, edit)
		e.elect(1)
		e.ask(1, 1, protocols.ReadLease)
		if s := e.at(1); len(s.reads) != 0 {
			t.Errorf("served at once: %v", s.reads)
		}
		e.settle()
		if s := e.at(1); len(s.reads) != 1 {
			t.Errorf("not served: %v", s.reads)
		}
	}
}

// "A leader would need to expire its lease before transferring leadership", for good: the
// message may come late. In a later term it has leases again.
func TestLeaseExpiresBeforeLeadershipIsTransferred(t *testing.T) {
	e := configured(t, 3, leases)
	e.elect(1)
	s := e.at(1)
	e.propose(1, 10)
	e.settle()
	e.propose(1, 11)
	e.transfer(1, 2) // who does not have the last entry yet
	e.ask(1, 1, protocols.ReadLease)
	if len(e.sent(1, TimeoutNow)) != 0 || len(s.reads) != 1 {
		t.Fatalf("it has not told anybody to stand, and serves %v", s.reads)
	}
	e.deliver(to(2))
	e.persist(2)
	e.deliver(to(1))
	e.ask(1, 2, protocols.ReadLease)
	if len(e.sent(1, TimeoutNow)) != 1 || len(s.reads) != 1 {
		t.Fatalf("it has told %v, and serves %v", e.sent(1, TimeoutNow), s.reads)
	}
	e.drop(func(l letter) bool { return l.m.Type == TimeoutNow })
	for range 5 { // the transfer is given up
		e.beat(1)
		e.settle()
	}
	e.propose(1, 12)
	e.settle()
	s.reads = nil
	e.ask(1, 3, protocols.ReadLease)
	if s.commitIndex != 4 || len(s.reads) != 0 {
		t.Fatalf("%v serves %v", s, s.reads)
	}
	e.settle()
	e.transfer(1, 2)
	e.settle()
	e.transfer(2, 1)
	e.settle()
	e.beat(1)
	e.settle()
	s.reads = nil
	e.ask(1, 4, protocols.ReadLease)
	if s.role != protocols.Leader || s.currentTerm != 3 || len(s.reads) != 1 {
		t.Errorf("%v serves %v", s, s.reads)
	}
}
