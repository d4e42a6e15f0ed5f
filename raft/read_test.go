package raft

import (
	"testing"

	"raftzab/protocols"
)

// These tests are about what a leader may say of its office: the dissertation's
// sections 6.2, 6.4, 6.4.1 and 3.10.

// ask hands a leader a read.
func (e *ensemble) ask(id protocols.NodeID, seq uint32, mode protocols.ReadMode) {
	s := e.at(id)
	s.Read(e.now, protocols.RequestID{Session: 9, Seq: seq}, mode, &s.out)
	e.take(s)
}

// configured starts three servers with the first leading, under a configuration of their own.
func configured(t *testing.T, edit func(*Config)) *ensemble {
	e := newEnsemble(t, 3)
	for _, s := range e.servers {
		edit(&s.cfg)
		e.restart(s.cfg.ID)
	}
	e.elect(1)
	return e
}

func leases(c *Config) { c.CheckQuorum, c.ClockDrift = true, 0.1 }

// 6.4, step 3: the round must begin after the read. Answers to heartbeats that went
// out before it confirm nothing.
func TestReadIndexWaitsForARoundThatBeganAfterIt(t *testing.T) {
	e := newEnsemble(t, 3)
	e.elect(1)
	e.ask(1, 1, protocols.ReadIndex)
	e.deliver(func(l letter) bool { return l.from == 1 }) // the answers of the first round are under way
	e.ask(1, 2, protocols.ReadIndex)
	e.deliver(func(l letter) bool { return l.to == 1 })
	if s := e.at(1); len(s.reads) != 1 || s.reads[0].ID.Seq != 1 {
		t.Fatalf("the first round permits %v", s.reads)
	}
	e.settle()
	if s := e.at(1); len(s.reads) != 2 || s.reads[1].ID.Seq != 2 {
		t.Errorf("%v", s.reads)
	}
}

// 6.4: "amortize": what gathers while a round is under way shares the next one.
func TestOneRoundServesAllReadsThatGathered(t *testing.T) {
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
	if n := len(e.sent(1, AppendEntries)); n != 2 {
		t.Fatalf("%d messages for the other nine", n)
	}
	e.settle()
	if n := len(e.at(1).reads); n != 10 {
		t.Errorf("%d reads permitted", n)
	}
}

// A leader that a majority does not answer permits nothing, and gives its reads
// up when it learns that there is another.
func TestDeposedLeaderConfirmsNoRead(t *testing.T) {
	e := newEnsemble(t, 3)
	e.elect(1)
	e.ask(1, 1, protocols.ReadIndex)
	e.drop(all)
	e.receive(1, 2, Message{Type: AppendEntries, Term: 2})
	e.settle()
	if s := e.at(1); len(s.reads) != 0 || s.abandoned != 1 {
		t.Errorf("permitted %v, abandoned %d times", s.reads, s.abandoned)
	}
}

// 6.4.1: the lease begins with the round and lasts a minimum election timeout, less
// what the clocks may be apart: (1-d)/(1+d) of it.
func TestLeaseLastsAMinimumTimeoutLessTheDrift(t *testing.T) {
	e := configured(t, leases)
	s := e.at(1)
	e.beat(1)
	began := e.now
	e.settle()
	want := began + protocols.Time(float64(s.cfg.ElectionTimeout.Min)*0.9/1.1)
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
		if (len(s.reads) == 1) != c.atOnce {
			t.Errorf("%d ns before the end: %v", want-c.now, s.reads)
		}
	}
	e.settle()
	if len(s.reads) != 1 {
		t.Errorf("without its lease it asks, as ReadIndex does: %v", s.reads)
	}
}

// Without the two settings that a lease rests on there is none.
func TestNoLeaseWithoutCheckQuorumOrABoundOnDrift(t *testing.T) {
	for _, edit := range []func(*Config){
		func(c *Config) { c.CheckQuorum = true },
		func(c *Config) { c.ClockDrift = 0.1 },
	} {
		e := configured(t, edit)
		e.ask(1, 1, protocols.ReadLease)
		if s := e.at(1); len(s.reads) != 0 {
			t.Errorf("served at once: %v", s.reads)
		}
	}
}

// Votes that the leader asked for ignore the minimum election timeout, so it holds
// no lease once it has told somebody to stand (3.10, 4.2.3).
func TestNoLeaseAfterHandingOver(t *testing.T) {
	e := configured(t, leases)
	s := e.at(1)
	s.Transfer(e.now, 2, &s.out)
	e.take(s)
	if ms := e.sent(1, TimeoutNow); len(ms) != 1 {
		t.Fatalf("%v", ms)
	}
	e.ask(1, 1, protocols.ReadLease)
	if len(s.reads) != 0 {
		t.Errorf("served at once: %v", s.reads)
	}
}

// 4.2.3 across a crash: a server that starts again may have heard from a leader just
// before, and votes for nobody until a minimum election timeout has passed.
func TestRestartedServerWaitsBeforeItVotes(t *testing.T) {
	e := configured(t, leases)
	e.crash(3, len(e.at(3).pending))
	e.restart(3)
	ask := Message{Type: RequestVote, Term: 9, LastLog: protocols.EntryID{Epoch: 9, Index: 9}}
	e.receive(3, 2, ask)
	if s := e.at(3); s.term == 9 {
		t.Fatalf("takes up the term at once: %v", s)
	}
	e.now += e.at(3).cfg.ElectionTimeout.Min
	e.receive(3, 2, ask)
	if s := e.at(3); s.term != 9 || s.votedFor != 2 {
		t.Errorf("%v", s)
	}
}

// 6.2: "a leader steps down if an election timeout elapses without a successful
// round of heartbeats to a majority of its cluster".
func TestLeaderWithoutItsQuorumStepsDown(t *testing.T) {
	for _, check := range []bool{false, true} {
		e := configured(t, func(c *Config) { c.CheckQuorum = check })
		s := e.at(1)
		for end := e.now + 2*s.cfg.ElectionTimeout.Max; e.now < end && s.role == protocols.Leader; {
			e.beat(1)
			e.drop(all)
		}
		if (s.role == protocols.Leader) == check {
			t.Errorf("CheckQuorum %t: %v", check, s)
		}
	}
}

// Learners get everything and decide nothing (4.2.1).
func TestLearnersCountForNothing(t *testing.T) {
	e := newEnsemble(t, 3)
	for _, s := range e.servers {
		s.cfg.Voters, s.cfg.Learners = []protocols.NodeID{1, 2}, []protocols.NodeID{3}
		e.restart(s.cfg.ID)
	}
	e.elect(1)
	e.drop(all)
	e.propose(1, 7)
	e.drop(func(l letter) bool { return l.to == 2 })
	e.settle()
	if s := e.at(1); s.commitIndex != 1 {
		t.Errorf("commits with itself and a learner: %v", s)
	}
	if s := e.at(3); s.role != protocols.Observer || s.log.Last().Index != 2 || s.leader != 1 {
		t.Errorf("%v", s)
	}
	e.receive(3, 2, Message{Type: RequestVote, Term: 5, LastLog: protocols.EntryID{Epoch: 5, Index: 5}})
	if s := e.at(3); s.votedFor != protocols.None || s.term == 5 {
		t.Errorf("a learner answers a request for its vote: %v", s)
	}
}
