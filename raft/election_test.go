package raft

import (
	"testing"

	"raftzab/protocols"
)

// These tests follow the paper's sections 5.1 and 5.2: each is named after a sentence, in
// the paper's order.

// §5.1: "If a candidate or leader discovers that its term is out of date, it
// immediately reverts to follower state."
func TestOutdatedLeaderRevertsToFollower(t *testing.T) {
	e := newEnsemble(t, 3)
	e.elect(1)
	for range 10 {
		e.beat(1)
	}
	e.receive(1, 2, Message{Type: AppendEntriesResponse, Term: 7})
	s := e.at(1)
	if s.role != protocols.Follower || s.term != 7 || s.votedFor != protocols.None {
		t.Errorf("%v", s)
	}
	e.persist(1)
	if s.disk.Registers != (protocols.Registers{7}) {
		t.Errorf("on disk %v, want term 7 and no vote", s.disk.Registers)
	}
	if s.electionAt <= e.now {
		t.Error("a leader that steps down waits for its successor no time at all")
	}
}

// §5.1: "If a server receives a request with a stale term number, it rejects
// the request", and with its own term, so that the sender learns it.
func TestStaleRequestsAreRejectedWithTheCurrentTerm(t *testing.T) {
	e := newEnsemble(t, 3, []uint64{5})
	before := e.at(1).electionAt
	e.receive(1, 2, Message{Type: AppendEntries, Term: 4})
	e.receive(1, 3, Message{Type: RequestVote, Term: 4, LastLog: protocols.EntryID{Epoch: 9, Index: 9}})
	if len(e.letters) != 2 {
		t.Fatalf("%v", e.letters)
	}
	for _, l := range e.letters {
		if l.m.Success || l.m.VoteGranted || l.m.Term != 5 {
			t.Errorf("%v", l.m)
		}
	}
	if e.at(1).electionAt != before {
		t.Error("a stale leader keeps the election timer from running out")
	}
}

// §5.2: "When servers start up, they begin as followers", and stand when they
// hear nothing "over a period of time called the election timeout", drawn anew
// each time.
func TestElectionTimeoutsAreDrawnAnewFromTheInterval(t *testing.T) {
	e := newEnsemble(t, 3)
	s := e.at(1)
	if s.role != protocols.Follower {
		t.Fatalf("%v", s)
	}
	s.Wake(s.electionAt-1, &s.out)
	if s.role != protocols.Follower {
		t.Error("stands too early")
	}
	drawn := map[protocols.Time]bool{}
	for range 200 {
		timeout := s.electionAt - e.now
		if timeout < s.cfg.ElectionTimeout.Min || timeout >= s.cfg.ElectionTimeout.Max {
			t.Fatalf("timeout of %d ns", timeout)
		}
		drawn[timeout] = true
		e.timeout(1)
		e.persist(1)
	}
	if len(drawn) < 190 {
		t.Errorf("%d different timeouts in 200 elections", len(drawn))
	}
}

// §5.2: "To begin an election, a follower increments its current term and
// transitions to candidate state. It then votes for itself and issues
// RequestVote RPCs in parallel to each of the other servers": once.
func TestCandidateVotesForItselfAndAsksTheOthers(t *testing.T) {
	e := newEnsemble(t, 3, []uint64{1, 2})
	e.timeout(1)
	e.persist(1)
	s := e.at(1)
	if s.role != protocols.Candidate || s.term != 3 || s.disk.Registers != (protocols.Registers{3, 1}) {
		t.Errorf("%v, disk %v", s, s.disk.Registers)
	}
	asked := e.sent(1, RequestVote)
	if len(asked) != 2 || asked[0].Term != 3 || asked[0].LastLog != (protocols.EntryID{Epoch: 2, Index: 2}) {
		t.Errorf("%v", asked)
	}
	s.Wake(s.electionAt-1, &s.out)
	e.take(s)
	if len(e.letters) != 2 {
		t.Errorf("asks again within the term: %v", e.letters)
	}
	for _, k := range []protocols.EventKind{protocols.RoleChanged, protocols.RoundBegan, protocols.VoteCast} {
		if got := s.saw(k); len(got) != 1 || got[0].Epoch != 3 {
			t.Errorf("%v: %v", k, got)
		}
	}
}

// §5.2: "A candidate wins an election if it receives votes from a majority of
// the servers in the full cluster for the same term." Each counts once.
func TestMajorityOfTheFullClusterWins(t *testing.T) {
	vote := Message{Type: RequestVoteResponse, Term: 1, VoteGranted: true}
	e := newEnsemble(t, 5)
	e.timeout(1)
	e.persist(1)
	e.receive(1, 2, vote)
	e.receive(1, 2, vote)
	e.receive(1, 3, Message{Type: RequestVoteResponse, Term: 1})
	e.receive(1, 9, vote) // no member
	if s := e.at(1); s.role != protocols.Candidate {
		t.Fatalf("two votes of five: %v", s)
	}
	e.receive(1, 4, vote)
	if s := e.at(1); s.role != protocols.Leader || s.leader != 1 || len(s.saw(protocols.Elected)) != 1 {
		t.Errorf("three votes of five: %v", s)
	}
}

// §5.2, "for the same term": what was said in an older election does not count.
func TestVotesOfAnOlderTermDoNotCount(t *testing.T) {
	e := newEnsemble(t, 3)
	e.timeout(1)
	e.persist(1)
	e.timeout(1)
	e.persist(1)
	e.receive(1, 2, Message{Type: RequestVoteResponse, Term: 1, VoteGranted: true})
	if s := e.at(1); s.role != protocols.Candidate || s.term != 2 {
		t.Errorf("%v", s)
	}
}

// §5.2: "Each server will vote for at most one candidate in a given term, on a
// first-come-first-served basis": also across a restart.
func TestVotesForOneCandidateATermAcrossRestart(t *testing.T) {
	e := newEnsemble(t, 3)
	ask := func(from protocols.NodeID) bool {
		e.drop(all)
		e.receive(1, from, Message{Type: RequestVote, Term: 4})
		e.persist(1)
		answers := e.sent(1, RequestVoteResponse)
		if len(answers) != 1 || answers[0].Term != 4 {
			t.Fatalf("answers %v", answers)
		}
		return answers[0].VoteGranted
	}
	if !ask(2) || ask(3) || !ask(2) {
		t.Error("the first to come is not served, or not alone")
	}
	if s := e.at(1); len(s.saw(protocols.VoteCast)) != 1 || len(s.saw(protocols.VoteRefused)) != 1 {
		t.Errorf("events %v", s.events)
	}
	e.crash(1, 0)
	e.restart(1)
	if ask(3) || !ask(2) {
		t.Error("the vote did not outlive the voter")
	}
}

// §5.2, figure 2: "If election timeout elapses without receiving AppendEntries
// RPC from current leader or granting vote to candidate": only these two start
// the timer again.
func TestOnlyGrantedVotesAndTheLeaderResetTheElectionTimer(t *testing.T) {
	e := newEnsemble(t, 3, []uint64{1, 1})
	s := e.at(1)
	for _, c := range []struct {
		name  string
		from  protocols.NodeID
		m     Message
		reset bool
	}{
		{"vote refused, higher term", 2, Message{Type: RequestVote, Term: 5}, false},
		{"response of a higher term", 2, Message{Type: AppendEntriesResponse, Term: 6}, false},
		{"vote granted", 2, Message{Type: RequestVote, Term: 7, LastLog: protocols.EntryID{Epoch: 1, Index: 2}}, true},
		{"vote refused, second to come", 3, Message{Type: RequestVote, Term: 7, LastLog: protocols.EntryID{Epoch: 1, Index: 2}}, false},
		{"AppendEntries", 2, Message{Type: AppendEntries, Term: 7}, true},
		{"AppendEntries, refused", 2, Message{Type: AppendEntries, Term: 7, PrevLog: protocols.EntryID{Epoch: 7, Index: 9}}, true},
	} {
		before := s.electionAt
		e.now += millisecond
		e.receive(1, c.from, c.m)
		if reset := s.electionAt != before; reset != c.reset {
			t.Errorf("%s: timer reset %t", c.name, reset)
		}
	}
}

// §5.2: "If the leader's term (included in its RPC) is at least as large as the
// candidate's current term, then the candidate recognizes the leader as
// legitimate and returns to follower state."
func TestCandidateRecognisesTheLeaderOfItsTerm(t *testing.T) {
	e := newEnsemble(t, 3)
	e.timeout(1)
	e.persist(1)
	e.receive(1, 2, Message{Type: AppendEntries, Term: 1})
	if s := e.at(1); s.role != protocols.Follower || s.leader != 2 || s.votedFor != 1 {
		t.Errorf("%v", s)
	}
}

// §5.2: "if many followers become candidates at the same time, votes could be
// split so that no candidate obtains a majority. When this happens, each
// candidate will time out and start a new election by incrementing its term".
func TestSplitVoteEndsInANewElection(t *testing.T) {
	e := newEnsemble(t, 4)
	e.timeout(1)
	e.timeout(2)
	e.persist(1)
	e.persist(2)
	e.drop(func(l letter) bool { return l.from == 1 && l.to == 4 || l.from == 2 && l.to == 3 })
	e.settle()
	for id := protocols.NodeID(1); id <= 2; id++ {
		if s := e.at(id); s.role != protocols.Candidate || s.term != 1 {
			t.Fatalf("%v", s)
		}
	}
	e.elect(2)
	if s := e.at(2); s.term != 2 {
		t.Errorf("%v", s)
	}
}
