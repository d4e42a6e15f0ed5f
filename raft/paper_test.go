package raft

import (
	"testing"

	"raftzab/protocols"
)

// The tests in files called paper go through the two texts in their order: each is
// named after a sentence that it quotes, or after what this package does in its
// place.
//
//	paper_test.go               §5.1 terms, §5.2 leader election
//	paper_replication_test.go   §5.3 log replication
//	paper_safety_test.go        §5.4 safety, §5.5 crashes, §5.6 timing; dissertation 3.8
//	paper_snapshot_test.go      §7 log compaction: the log and the leader
//	paper_install_test.go       §7, figure 13: the follower
//	paper_client_test.go        §8 clients; dissertation 6.2 to 6.4.1
//	paper_transfer_test.go      dissertation 3.10
//	paper_extensions_test.go    dissertation 4.2.1, 4.2.3, 9.6, 10.2.2
//
// What concerns the disk (figure 2: "updated on stable storage before responding to
// RPCs"; dissertation 10.2.1) is in contract_test.go, since it is the contract's law
// as well; sessions (6.3) are in bench/kv and in testdata/exactly-once.txt.

// §5.1: "Current terms are exchanged whenever servers communicate; if one server's
// current term is smaller than the other's, then it updates its current term to the
// larger value." A PreVote is the exception: it asks, and nobody has entered a term
// for it (dissertation 9.6).
func TestSmallerTermIsUpdatedToTheLargerValue(t *testing.T) {
	for typ := RequestVote; typ < messageTypes; typ++ {
		if sizes[typ] == 0 {
			continue // a kind, not a type
		}
		e := newEnsemble(t, 3, []uint64{5})
		s := e.at(1)
		e.receive(1, 2, Message{Type: typ, Term: 4, Snapshot: protocols.Chunk{At: at(4, 4), Length: 1}})
		if s.currentTerm != 5 {
			t.Errorf("%v of term 4: %v", typ, s)
		}
		e.receive(1, 2, Message{Type: typ, Term: 7, Snapshot: protocols.Chunk{At: at(4, 4), Length: 1}})
		e.persist(1)
		want := uint64(7)
		if typ == PreVote {
			want = 5
		}
		if s.currentTerm != want || s.disk.Registers[0] != want {
			t.Errorf("%v of term 7: %v, on disk %v", typ, s, s.disk.Registers)
		}
	}
}

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
	if s.role != protocols.Follower || s.currentTerm != 7 || s.votedFor != protocols.None {
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
	e.receive(1, 3, Message{Type: RequestVote, Term: 4, LastLog: at(9, 9)})
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

// §5.2: "Leaders send periodic heartbeats (AppendEntries RPCs that carry no log
// entries) to all followers in order to maintain their authority."
func TestLeaderSendsPeriodicHeartbeats(t *testing.T) {
	e := configured(t, 4, learning(1))
	e.elect(1)
	s := e.at(1)
	for range 3 {
		if s.heartbeatAt != e.now+s.cfg.Heartbeat {
			t.Fatalf("now is %d, the next heartbeat at %d", e.now, s.heartbeatAt)
		}
		e.beat(1)
		ms := e.sent(1, AppendEntries)
		if len(ms) != 3 || len(ms[0].Entries)+len(ms[1].Entries)+len(ms[2].Entries) != 0 {
			t.Fatalf("%v", ms)
		}
		timers := []protocols.Time{e.at(2).electionAt, e.at(3).electionAt, e.at(4).electionAt}
		e.settle()
		for i, before := range timers {
			if s := e.at(protocols.NodeID(2 + i)); s.electionAt == before || s.leader != 1 {
				t.Errorf("%v", s)
			}
		}
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
	if s.role != protocols.Candidate || s.currentTerm != 3 || s.disk.Registers != (protocols.Registers{3, 1}) {
		t.Errorf("%v, disk %v", s, s.disk.Registers)
	}
	asked := e.sent(1, RequestVote)
	if len(asked) != 2 || asked[0].Term != 3 || asked[0].LastLog != at(2, 2) || asked[0].Transfer {
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

// §5.2: "Each candidate restarts its randomized election timeout at the start of an
// election", from a range of its own if one is given ("Raft Refloated", 4.1). A
// follower never waits so short a time: leases rest on that.
func TestCandidateRestartsItsTimeoutAtTheStartOfAnElection(t *testing.T) {
	for _, prevote := range []bool{false, true} {
		e := configured(t, 3, func(c *Config) {
			c.PreVote, c.CandidateTimeout = prevote, Timeout{Min: 20 * millisecond, Max: 30 * millisecond}
		})
		s := e.at(1)
		for range 50 {
			for range 2 {
				e.timeout(1)
				e.persist(1)
				if waits := s.electionAt - e.now; s.role != protocols.Candidate || waits < 20*millisecond || waits >= 30*millisecond {
					t.Fatalf("after %d ns: %v", waits, s)
				}
			}
			e.receive(1, 2, Message{Type: AppendEntries, Term: s.currentTerm})
			if waits := s.electionAt - e.now; s.role != protocols.Follower || waits < 150*millisecond {
				t.Fatalf("after %d ns: %v", waits, s)
			}
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
	if s := e.at(1); s.role != protocols.Candidate || s.currentTerm != 2 {
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
		{"vote granted", 2, Message{Type: RequestVote, Term: 7, LastLog: at(1, 2)}, true},
		{"vote refused, second to come", 3, Message{Type: RequestVote, Term: 7, LastLog: at(1, 2)}, false},
		{"AppendEntries", 2, Message{Type: AppendEntries, Term: 7}, true},
		{"AppendEntries, refused", 2, Message{Type: AppendEntries, Term: 7, PrevLog: at(7, 9)}, true},
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

// §5.2: "If the term in the RPC is smaller than the candidate's current term, then
// the candidate rejects the RPC and continues in candidate state."
func TestCandidateRejectsTheLeaderOfAnOlderTerm(t *testing.T) {
	for _, typ := range []MessageType{AppendEntries, InstallSnapshot} {
		e := newEnsemble(t, 3, []uint64{1})
		e.timeout(1)
		e.persist(1)
		e.drop(all)
		before := e.at(1).electionAt
		e.receive(1, 2, Message{Type: typ, Term: 1, Snapshot: protocols.Chunk{At: at(1, 9), Length: imageSize}, Done: true})
		if s := e.at(1); s.role != protocols.Candidate || s.currentTerm != 2 || s.leader != protocols.None || s.electionAt != before {
			t.Errorf("%v: %v", typ, s)
		}
		if ms := e.sent(1, typ+1); len(ms) != 1 || ms[0].Success || ms[0].Term != 2 {
			t.Errorf("%v: %v", typ, ms)
		}
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
		if s := e.at(id); s.role != protocols.Candidate || s.currentTerm != 1 {
			t.Fatalf("%v", s)
		}
	}
	e.elect(2)
	if s := e.at(2); s.currentTerm != 2 {
		t.Errorf("%v", s)
	}
}
