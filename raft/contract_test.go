package raft

import (
	"testing"

	"raftzab/protocols"
)

// These tests hold the replica to what it promises its driver.

// Whatever tells a term or a vote leaves when it is durable, or a crash takes
// it back: here the same term would be stood for twice.
func TestRequestVoteLeavesOnlyWhenItsTermIsDurable(t *testing.T) {
	e := newEnsemble(t, 3)
	e.timeout(1)
	if len(e.letters) != 0 {
		t.Fatalf("sent before the write is durable: %v", e.letters)
	}
	e.crash(1, 0)
	e.restart(1)
	e.timeout(1)
	e.persist(1)
	if ms := e.sent(1, RequestVote); len(ms) != 2 || ms[0].Term != 1 || e.at(1).disk.Registers[0] != 1 {
		t.Errorf("%v, on disk %v", ms, e.at(1).disk.Registers)
	}
}

func TestVoteLeavesOnlyWhenItIsDurable(t *testing.T) {
	e := newEnsemble(t, 3)
	e.receive(1, 3, Message{Type: RequestVoteResponse, Term: 3})
	e.persist(1) // the term; the vote is still to come
	e.receive(1, 2, Message{Type: RequestVote, Term: 3})
	if len(e.letters) != 0 || len(e.at(1).pending) != 1 {
		t.Fatalf("sent %v, to write %v", e.letters, e.at(1).pending)
	}
	e.persist(1)
	if ms := e.sent(1, RequestVoteResponse); len(ms) != 1 || !ms[0].VoteGranted || e.at(1).disk.Registers != (protocols.Registers{3, 2}) {
		t.Errorf("%v, on disk %v", ms, e.at(1).disk.Registers)
	}
}

// A candidate's own vote is as good as anybody's: it counts when it is durable.
func TestOwnVoteCountsOnlyWhenItIsDurable(t *testing.T) {
	e := newEnsemble(t, 1)
	e.timeout(1)
	if s := e.at(1); s.role != protocols.Candidate {
		t.Fatalf("%v", s)
	}
	e.persist(1)
	if s := e.at(1); s.role != protocols.Leader {
		t.Errorf("%v", s)
	}
}

func TestFollowerAcknowledgesOnlyDurableEntries(t *testing.T) {
	e := newEnsemble(t, 3)
	e.elect(1)
	e.propose(1, 10)
	e.deliver(nil)
	if ms := e.sent(2, AppendEntriesResponse); len(ms) != 0 {
		t.Fatalf("%v", ms)
	}
	e.beat(1) // what states the same, with nothing to write of its own, waits too
	e.deliver(func(l letter) bool { return l.from == 1 })
	if ms := e.sent(2, AppendEntriesResponse); len(ms) != 0 {
		t.Fatalf("%v", ms)
	}
	e.persist(2)
	if ms := e.sent(2, AppendEntriesResponse); len(ms) != 2 || ms[0].MatchIndex != 2 || ms[1].MatchIndex != 2 {
		t.Errorf("%v", ms)
	}
}

// The leader sends entries before its own disk has them, and its own copy
// counts after.
func TestLeaderCountsItsOwnCopyOnlyWhenItIsDurable(t *testing.T) {
	e := newEnsemble(t, 3)
	e.elect(1)
	e.propose(1, 10)
	e.drop(func(l letter) bool { return l.to == 3 })
	e.deliver(nil)
	e.persist(2)
	e.deliver(nil)
	s := e.at(1)
	if s.commitIndex != 1 {
		t.Fatalf("committed with one durable copy of three: %v", s)
	}
	e.propose(1, 11) // its write covers the one before, not the other way round
	s.disk.Apply(s.pending[0])
	s.Persisted(e.now, s.pending[0].Seq, &s.out)
	s.pending = s.pending[1:]
	e.take(s)
	if s.commitIndex != 2 || s.self.matchIndex != 2 {
		t.Errorf("%v, own copy to %d", s, s.self.matchIndex)
	}
}

// Two of three are enough, the leader's own disk not being among them.
func TestFollowersCommitWithoutTheLeadersDisk(t *testing.T) {
	e := newEnsemble(t, 3)
	e.elect(1)
	e.propose(1, 10)
	e.deliver(nil)
	e.persist(2)
	e.persist(3)
	e.deliver(nil)
	if s := e.at(1); s.commitIndex != 2 || len(s.pending) == 0 {
		t.Errorf("%v", s)
	}
}

// One record says everything: a new term, the vote in it, entries and a cut.
func TestAWriteStatesTermVoteAndLog(t *testing.T) {
	e := newEnsemble(t, 3, []uint64{1, 2, 2})
	entry := protocols.Entry{ID: protocols.EntryID{Epoch: 3, Index: 2}}
	e.receive(1, 2, Message{Type: AppendEntries, Term: 4, PrevLog: protocols.EntryID{Epoch: 1, Index: 1}, Entries: []protocols.Entry{entry}})
	w := e.at(1).pending
	if len(w) != 1 || w[0].Seq != 1 || w[0].Registers != (protocols.Registers{4}) || w[0].After != (protocols.EntryID{Epoch: 1, Index: 1}) || len(w[0].Entries) != 1 {
		t.Fatalf("%+v", w)
	}
	e.crash(1, 1)
	e.restart(1)
	if got := e.terms(1); got != "13" || e.at(1).currentTerm != 4 {
		t.Errorf("after restart: %v", e.at(1))
	}
}

// A restarted server delivers its log once more, from the beginning, as far as
// it hears that it is committed; each entry once.
func TestRestartDeliversEachEntryOnceALife(t *testing.T) {
	e := newEnsemble(t, 3)
	e.elect(1)
	e.propose(1, 10)
	e.settle()
	e.crash(3, 0)
	e.restart(3)
	if s := e.at(3); len(s.committed) != 0 || s.commitIndex != 0 {
		t.Fatalf("%v", s)
	}
	for range 2 {
		e.beat(1)
		e.settle()
	}
	if c := e.at(3).committed; len(c) != 2 || c[0].ID.Index != 1 || c[1].Command.Value != 10 {
		t.Errorf("%v", c)
	}
}

// A leader that steps down does not know what becomes of its proposals, and
// must not call them refused.
func TestDeposedLeaderAbandonsItsProposals(t *testing.T) {
	e := newEnsemble(t, 3)
	e.elect(1)
	e.propose(1, 66) // "bob"
	e.drop(all)
	e.timeout(2)
	e.persist(2)
	e.deliver(between(2, 3))
	e.persist(3)
	e.deliver(between(2, 3))
	s := e.at(1)
	if s.abandoned != 0 || e.at(2).role != protocols.Leader {
		t.Fatalf("%v; %v", s, e.at(2))
	}
	e.settle()
	if s.abandoned != 1 || len(s.refused) != 0 || s.role != protocols.Follower || s.leader != 2 {
		t.Errorf("abandoned %d, refused %v, %v", s.abandoned, s.refused, s)
	}
	if e.terms(1) != "12" || len(s.saw(protocols.LogTruncated)) != 1 {
		t.Errorf("log %s", e.terms(1))
	}
	for _, c := range s.committed {
		if c.Command.Value == 66 {
			t.Error("the abandoned proposal was committed")
		}
	}
	e.receive(1, 3, Message{Type: AppendEntriesResponse, Term: 9})
	if s.abandoned != 1 {
		t.Error("a follower abandons what it does not have")
	}
}

func TestOthersRefuseWithTheLeadersName(t *testing.T) {
	e := newEnsemble(t, 3)
	e.propose(2, 10)
	e.elect(1)
	e.propose(2, 11, 12)
	want := []protocols.Refusal{
		{ID: protocols.RequestID{Session: 1, Seq: 10}},
		{ID: protocols.RequestID{Session: 1, Seq: 11}, Leader: 1},
		{ID: protocols.RequestID{Session: 1, Seq: 12}, Leader: 1},
	}
	got := e.at(2).refused
	if len(got) != 3 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("%v", got)
	}
}

// Local reads are for everybody, leader reads for a leader that knows what is
// committed; nobody else serves what only a leader has proof for.
func TestReadsAreServedOrRefusedAtOnce(t *testing.T) {
	e := newEnsemble(t, 3)
	e.timeout(1)
	e.persist(1)
	e.deliver(nil)
	e.persist(2)
	e.deliver(nil)
	try := func(id protocols.NodeID, mode protocols.ReadMode) bool {
		s := e.at(id)
		s.reads, s.refused = nil, nil
		s.Read(e.now, protocols.RequestID{Session: 1, Seq: 1}, mode, &s.out)
		e.take(s)
		if len(s.reads)+len(s.refused) != 1 {
			t.Fatalf("answered by %v and %v", s.reads, s.refused)
		}
		return len(s.reads) == 1
	}
	if s := e.at(1); s.role != protocols.Leader || try(1, protocols.ReadLeader) {
		t.Errorf("leader read before an entry of the term is committed: %v", s)
	}
	e.settle()
	for _, c := range []struct {
		id   protocols.NodeID
		mode protocols.ReadMode
		want bool
	}{
		{1, protocols.ReadLocal, true}, {2, protocols.ReadLocal, true},
		{1, protocols.ReadLeader, true}, {2, protocols.ReadLeader, false},
		{2, protocols.ReadIndex, false}, {2, protocols.ReadLease, false}, {1, protocols.ReadSync, false},
	} {
		if got := try(c.id, c.mode); got != c.want {
			t.Errorf("server %d, mode %d: served %t", c.id, c.mode, got)
		}
	}
}

// An ensemble of one needs nobody.
func TestSingleServerCommits(t *testing.T) {
	e := newEnsemble(t, 1)
	e.elect(1)
	e.propose(1, 10)
	if s := e.at(1); len(s.committed) != 1 {
		t.Fatalf("committed before it is durable: %v", s.committed)
	}
	e.persist(1)
	if s := e.at(1); len(s.committed) != 2 || !s.Status().Active || len(e.letters) != 0 {
		t.Errorf("%v, committed %v, sent %v", s, s.committed, e.letters)
	}
}

// Promises of an older term interest nobody, and are dropped with it.
func TestMessagesHeldInAnOlderTermAreDropped(t *testing.T) {
	e := newEnsemble(t, 3)
	e.timeout(1) // its RequestVotes are held
	e.receive(1, 2, Message{Type: RequestVote, Term: 5})
	e.persist(1)
	if ms := e.sent(1, RequestVote); len(ms) != 0 {
		t.Errorf("%v", ms)
	}
	if s := e.at(1); s.role != protocols.Follower || s.votedFor != 2 {
		t.Errorf("%v", s)
	}
}

// Law 11: what was acknowledged in an older term may be gone, and does not
// count in this one.
func TestAcknowledgementsOfAnOlderTermDoNotCount(t *testing.T) {
	e := newEnsemble(t, 3)
	e.elect(1)
	e.propose(1, 10)
	e.deliver(func(l letter) bool { return l.to == 2 })
	e.persist(1)
	e.persist(2)
	late := e.letters // 2 acknowledges index 2 in term 1
	e.letters = nil
	e.timeout(1)
	e.receive(1, 3, Message{Type: RequestVoteResponse, Term: 5}) // and 1 steps down
	for e.at(1).role != protocols.Leader {
		e.timeout(1)
		e.persist(1)
		e.receive(1, 3, Message{Type: RequestVoteResponse, Term: e.at(1).currentTerm, VoteGranted: true})
	}
	e.persist(1)
	for _, p := range e.at(1).members {
		if p.id != 1 && p.matchIndex != 0 {
			t.Errorf("a new leader counts on what was so in an older term: %+v", p)
		}
	}
	e.receive(1, 2, Message{Type: AppendEntriesResponse, Term: 1, Success: true, MatchIndex: 3})
	for _, l := range late {
		if l.to == 1 {
			e.receive(1, l.from, l.m)
		}
	}
	if s := e.at(1); s.role != protocols.Leader || s.commitIndex != 1 {
		t.Errorf("%v", s)
	}
}

// The disk of a leader that has stepped down goes on with its writes; what they
// held counts for nobody's commit.
func TestDeposedLeaderCountsNoCopies(t *testing.T) {
	e := newEnsemble(t, 3)
	e.elect(1)
	e.propose(1, 10)
	e.receive(1, 2, Message{Type: AppendEntries, Term: 2, PrevLog: protocols.EntryID{Epoch: 1, Index: 1}})
	before := *e.at(1).self
	e.persist(1)
	if got := *e.at(1).self; !same(got, before) || e.at(1).commitIndex != 1 {
		t.Errorf("%+v became %+v", before, got)
	}
}

// Each call leaves the deadline, whether it does something or not.
func TestEveryCallLeavesTheNextDeadline(t *testing.T) {
	e := newEnsemble(t, 3)
	s := e.at(1)
	calls := map[string]func(){
		"Wake":         func() { s.Wake(e.now, &s.out) },
		"Receive":      func() { s.Receive(e.now, 9, Message{}, &s.out) },
		"Disconnected": func() { s.Disconnected(e.now, 2, &s.out) },
		"Propose":      func() { s.Propose(e.now, nil, &s.out) },
		"Read":         func() { s.Read(e.now, protocols.RequestID{}, protocols.ReadLocal, &s.out) },
		"Persisted":    func() { s.Persisted(e.now, s.seq, &s.out) },
		"Compact":      func() { s.Compact(e.now, protocols.Snapshot{}, &s.out) },
		"Transfer":     func() { s.Transfer(e.now, 9, &s.out) },
	}
	check := func(want protocols.Time) {
		for name, call := range calls {
			s.out.Reset()
			if call(); s.out.Wake != want {
				t.Errorf("%s, %v: Wake %d, want %d", name, s.role, s.out.Wake, want)
			}
			if len(s.out.Messages)+len(s.out.Writes)+len(s.out.Committed) > 0 {
				t.Errorf("%s, %v: did something: %+v", name, s.role, s.out)
			}
		}
		s.out.Reset()
	}
	check(s.electionAt)
	e.elect(1)
	check(s.heartbeatAt)
	if s.heartbeatAt != e.now+s.cfg.Heartbeat {
		t.Errorf("the next heartbeat is at %d, now is %d", s.heartbeatAt, e.now)
	}
}

func TestBrokenInvariantsPanicWithTheState(t *testing.T) {
	committed := func() *ensemble {
		e := newEnsemble(t, 3)
		e.elect(1)
		e.beat(1)
		e.settle()
		return e
	}
	for name, f := range map[string]func(){
		"truncates what is committed": func() {
			other := protocols.Entry{ID: protocols.EntryID{Epoch: 2, Index: 1}}
			committed().receive(2, 3, Message{Type: AppendEntries, Term: 2, Entries: []protocols.Entry{other}})
		},
		"two leaders in a term":  func() { committed().receive(2, 3, Message{Type: AppendEntries, Term: 1}) },
		"persisted what was not": func() { e := committed(); e.at(1).Persisted(e.now, 99, &e.at(1).out) },
		"a snapshot to start from": func() {
			New(Config{}, protocols.Recovered{Base: protocols.EntryID{Epoch: 1, Index: 1}}, nil)
		},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}
