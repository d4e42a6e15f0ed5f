package raft

import (
	"slices"
	"testing"

	"raftzab/protocols"
)

// --- learners (4.2.1)

// "The leader replicates log entries to it, but it is not yet counted towards majorities
// for voting or commitment purposes."
func TestLearnersAreNotCounted(t *testing.T) {
	e := configured(t, 5, learning(3))
	e.timeout(1)
	e.persist(1)
	if ms := e.sent(1, RequestVote); len(ms) != 1 {
		t.Fatalf("asks for the votes %v", ms)
	}
	e.drop(all)
	for id := protocols.NodeID(3); id <= 5; id++ {
		e.receive(1, id, Message{Type: RequestVoteResponse, Term: 1, VoteGranted: true})
	}
	if s := e.at(1); s.role != protocols.Candidate {
		t.Fatalf("elected by learners: %v", s)
	}
	e.elect(1)
	e.propose(1, 7)
	e.drop(to(2))
	e.settle()
	if s := e.at(1); s.commitIndex != 1 {
		t.Fatalf("commits with itself and learners: %v", s)
	}
	for id := protocols.NodeID(3); id <= 5; id++ {
		if s := e.at(id); s.log.Last() != at(2, 2) || e.at(1).member(id).matchIndex != 2 {
			t.Errorf("%v", s)
		}
	}
	e.beat(1)
	e.settle()
	e.beat(1)
	e.settle()
	for id := protocols.NodeID(3); id <= 5; id++ {
		s := e.at(id)
		if st := s.Status(); st.Role != protocols.Observer || !st.Active || st.Leader != 1 || st.Epoch != 2 || len(s.committed) != 2 {
			t.Errorf("%+v, applied %v", st, s.committed)
		}
	}
}

// A learner neither votes nor stands, and answers nobody who asks; it follows whoever is
// elected. Without a leader it waits.
func TestLearnersNeitherVoteNorStand(t *testing.T) {
	e := configured(t, 4, func(c *Config) { learning(1)(c); c.PreVote = true })
	s := e.at(4)
	if s.role != protocols.Observer || s.electionAt != 0 {
		t.Fatalf("%v", s)
	}
	e.elect(1)
	e.receive(4, 2, Message{Type: RequestVote, Term: 5, LastLog: at(5, 5)})
	e.receive(4, 2, Message{Type: PreVote, Term: 5, LastLog: at(5, 5)})
	e.receive(4, 1, Message{Type: TimeoutNow, Term: 1})
	if len(s.pending)+len(e.letters) != 0 || s.currentTerm != 1 || s.role != protocols.Observer {
		t.Errorf("%v, sent %v", s, e.letters)
	}
	e.timeout(4)
	if s.leader != protocols.None || s.role != protocols.Observer || s.currentTerm != 1 || len(e.letters) != 0 || s.electionAt != 0 {
		t.Errorf("%v, sent %v", s, e.letters)
	}
	e.elect(2)
	if s.leader != 2 || s.currentTerm != 2 || s.log.Last() != at(2, 2) {
		t.Errorf("%v", s)
	}
}

// Learners are brought level as voters are, by snapshots too.
func TestLearnersTakeSnapshots(t *testing.T) {
	e := configured(t, 3, func(c *Config) { learning(1)(c); inChunks(c) })
	e.elect(1)
	for v := range uint64(4) {
		e.propose(1, v)
		e.drop(to(3))
		e.settle()
	}
	e.compact(1)
	e.disconnect(1, 3)
	for range 2 {
		e.beat(1)
		e.settle()
	}
	if s := e.at(3); len(s.restored) != 1 || s.restored[0] != at(1, 5) || s.commitIndex != 5 {
		t.Errorf("%v", s)
	}
}

// --- disruptive servers (4.2.3)

// "If a server receives a RequestVote request within the minimum election timeout of
// hearing from a current leader, it does not update its term or grant its vote." A server
// that starts again may have heard from one; a leader hears itself.
func TestVoteRequestsAreIgnoredWhileALeaderIsHeardFrom(t *testing.T) {
	request := Message{Type: RequestVote, Term: 9, LastLog: at(9, 9)}
	allowed := request
	allowed.Transfer = true
	heard := func(e *ensemble) { e.beat(1); e.settle() }
	for _, c := range []struct {
		name   string
		check  bool
		before func(*ensemble)
		id     protocols.NodeID
		after  protocols.Time
		m      Message
		votes  bool
	}{
		{"a follower that has just heard", true, heard, 3, 0, request, false},
		{"just before the minimum timeout", true, heard, 3, 150*millisecond - 1, request, false},
		{"at the minimum timeout", true, heard, 3, 150 * millisecond, request, true},
		{"with the leader's permission", true, heard, 3, 0, allowed, true},
		{"the leader", true, heard, 1, 0, request, false},
		{"the leader, with its permission", true, heard, 1, 0, allowed, true},
		{"started again", true, func(e *ensemble) { e.crash(3, 0); e.restart(3) }, 3, 150*millisecond - 1, request, false},
		{"started again long ago", true, func(e *ensemble) { e.crash(3, 0); e.restart(3) }, 3, 150 * millisecond, request, true},
		{"without CheckQuorum", false, heard, 3, 0, request, true},
		{"the leader, without CheckQuorum", false, heard, 1, 0, request, true},
	} {
		e := configured(t, 3, func(cfg *Config) { cfg.CheckQuorum = c.check })
		e.elect(1)
		c.before(e)
		e.drop(all)
		e.now += c.after
		e.receive(c.id, 2, c.m)
		e.persist(c.id)
		s, answers := e.at(c.id), e.sent(c.id, RequestVoteResponse)
		if c.votes && (s.currentTerm != 9 || s.votedFor != 2 || len(answers) != 1 || !answers[0].VoteGranted) || !c.votes && (s.currentTerm != 1 || len(answers) != 0) {
			t.Errorf("%s: %v, answers %v", c.name, s, answers)
		}
	}
}

// --- PreVote (9.6)

// "A candidate only increments its term if it first learns from a majority of the cluster
// that they would be willing to grant the candidate their votes."
func TestCandidateIncrementsItsTermOnlyWhenAMajorityIsWilling(t *testing.T) {
	e := configured(t, 5, func(c *Config) { c.PreVote = true }, []uint64{1, 1}, []uint64{1}, []uint64{1})
	s := e.at(1)
	e.timeout(1)
	ms := e.sent(1, PreVote)
	if s.role != protocols.Candidate || s.currentTerm != 1 || len(s.pending) != 0 || len(ms) != 4 || ms[0].Term != 1 || ms[0].LastLog != at(1, 2) {
		t.Fatalf("%v asks %v", s, ms)
	}
	e.deliver(to(2))
	e.receive(1, 3, Message{Type: PreVoteResponse, Term: 1, Round: s.round})
	e.deliver(to(1))
	if s.currentTerm != 1 || s.role != protocols.Candidate {
		t.Fatalf("with its own word and one of four: %v", s)
	}
	e.receive(1, 2, Message{Type: PreVoteResponse, Term: 1, Round: s.round, VoteGranted: true}) // again
	if s.currentTerm != 1 {
		t.Fatalf("%v", s)
	}
	e.receive(1, 4, Message{Type: PreVoteResponse, Term: 0, Round: s.round, VoteGranted: true})
	e.persist(1)
	if s.currentTerm != 2 || s.votedFor != 1 || len(e.sent(1, RequestVote)) != 4 {
		t.Fatalf("%v", s)
	}
	e.receive(1, 3, Message{Type: PreVoteResponse, Term: 1, Round: s.round, VoteGranted: true})
	e.receive(1, 5, Message{Type: PreVoteResponse, Term: 1, Round: s.round, VoteGranted: true})
	if s.role != protocols.Candidate {
		t.Fatalf("elected by words: %v", s)
	}
	e.settle()
	if s.role != protocols.Leader || s.currentTerm != 2 {
		t.Errorf("%v", s)
	}
}

// They are willing "if the candidate's log is sufficiently up-to-date, and the voters have
// not received heartbeats from a valid leader for at least a baseline election timeout".
// To say so changes nothing: no term, no vote, no timer, no write.
func TestVotersAreWillingOnlyWithoutALeader(t *testing.T) {
	for _, c := range []struct {
		name    string
		id      protocols.NodeID
		after   protocols.Time
		term    uint64
		last    protocols.EntryID
		willing bool
	}{
		{"just heard", 2, 0, 1, at(1, 1), false},
		{"just heard, higher term", 2, 0, 7, at(7, 7), false},
		{"almost long ago", 2, 150*millisecond - 1, 1, at(1, 1), false},
		{"long ago", 2, 150 * millisecond, 1, at(1, 1), true},
		{"long ago, higher term", 2, 150 * millisecond, 7, at(1, 1), true},
		{"long ago, its log is behind", 2, 150 * millisecond, 7, at(0, 0), false},
		{"long ago, its term is", 2, 150 * millisecond, 0, at(1, 1), false},
		{"the leader itself", 1, 150 * millisecond, 7, at(7, 7), false},
	} {
		e := configured(t, 3, func(c *Config) { c.PreVote = true })
		e.elect(1)
		e.beat(1)
		e.settle()
		e.now += c.after
		s := e.at(c.id)
		timer, leader := s.electionAt, s.leader
		e.receive(c.id, 3, Message{Type: PreVote, Term: c.term, Round: 17, LastLog: c.last})
		ms := e.sent(c.id, PreVoteResponse)
		if len(ms) != 1 || ms[0].VoteGranted != c.willing || ms[0].Term != 1 || ms[0].Round != 17 {
			t.Errorf("%s: %v", c.name, ms)
		}
		if s.currentTerm != 1 || s.votedFor != 1 || len(s.pending) != 0 || s.electionAt != timer || s.leader != leader {
			t.Errorf("%s: %v", c.name, s)
		}
	}
}

// What was said to an earlier question is void: much may have come to pass since. Nor
// does it help in an election.
func TestAnswersToAnEarlierQuestionAreVoid(t *testing.T) {
	e := configured(t, 5, func(c *Config) { c.PreVote = true }, []uint64{1})
	s := e.at(1)
	willing := func() Message {
		return Message{Type: PreVoteResponse, Term: 1, Round: s.round, VoteGranted: true}
	}
	e.timeout(1)
	e.receive(1, 2, willing())
	late := willing()
	e.drop(all)
	e.timeout(1)
	if ms := e.sent(1, PreVote); len(ms) != 4 || ms[0].Round == late.Round {
		t.Fatalf("asks again %v", ms)
	}
	e.receive(1, 3, late)
	e.receive(1, 4, willing())
	if s.currentTerm != 1 {
		t.Fatalf("stands with one answer of four to this question, and two to the last: %v", s)
	}
	e.receive(1, 2, Message{Type: AppendEntries, Term: 1})
	e.receive(1, 3, willing())
	if s.currentTerm != 1 || s.role != protocols.Follower {
		t.Errorf("it has found a leader: %v", s)
	}
}

// Words are no votes, and votes of an election that is over are no words.
func TestVotesDoNotAnswerThePreVote(t *testing.T) {
	e := configured(t, 5, func(c *Config) { c.PreVote = true })
	s := e.at(1)
	e.timeout(1)
	for _, id := range []protocols.NodeID{2, 3} {
		e.receive(1, id, Message{Type: PreVoteResponse, Round: s.round, VoteGranted: true})
	}
	e.persist(1)
	e.timeout(1) // nobody has answered; it asks again, in the term in which it stood
	if s.currentTerm != 1 || s.role != protocols.Candidate {
		t.Fatalf("%v", s)
	}
	for _, id := range []protocols.NodeID{2, 3, 4} {
		e.receive(1, id, Message{Type: RequestVoteResponse, Term: 1, VoteGranted: true})
	}
	if s.currentTerm != 1 || s.role != protocols.Candidate {
		t.Errorf("%v", s)
	}
}

// "Once the server receives a heartbeat from the leader itself, it will return to the
// follower state (in the same term)": a server that was cut off and comes back raises
// nobody's term. Without PreVote it does.
func TestServerThatRejoinsDisturbsNobody(t *testing.T) {
	for _, prevote := range []bool{true, false} {
		e := configured(t, 3, func(c *Config) { c.PreVote = prevote })
		e.elect(1)
		for range 10 { // 3 is cut off
			e.timeout(3)
			e.persist(3)
			e.drop(all)
			e.beat(1)
			e.drop(func(l letter) bool { return l.to == 3 })
			e.settle()
		}
		e.timeout(3)
		e.beat(1)
		e.settle()
		e.beat(1)
		e.settle()
		undisturbed := e.at(1).role == protocols.Leader && e.at(1).currentTerm == 1 && e.at(3).role == protocols.Follower && e.at(3).leader == 1
		if undisturbed != prevote {
			t.Errorf("PreVote %t: %v, %v", prevote, e.at(1), e.at(3))
		}
	}
}

// A refusal carries the term, so that a server whose own is behind learns it, and asks in
// that one.
func TestPreVoteIsAskedInTheTermThatTheOthersHave(t *testing.T) {
	e := configured(t, 3, func(c *Config) { c.PreVote = true }, nil, []uint64{5})
	e.at(1).disk.Entries = []protocols.Entry{{ID: at(5, 1)}} // it has the entry, from the leader of term 5, but not
	e.at(1).disk.Registers[0] = 3                            // yet its term
	e.restart(1)
	e.drop(to(3))
	e.timeout(1)
	e.drop(to(3))
	e.settle()
	if s := e.at(1); s.currentTerm != 5 || s.role != protocols.Follower {
		t.Fatalf("%v", s)
	}
	e.elect(1)
	if s := e.at(1); s.currentTerm != 6 {
		t.Errorf("%v", s)
	}
}

// --- batching and pipelining (10.2.2)

// "The leader treats the next index for each follower optimistically; it updates the next
// index to send immediately after sending the previous entry, rather than waiting for the
// previous entry's acknowledgment": up to Window messages are under way. Behind that,
// leaders "send as many entries as are available between the follower's next index and the
// end of the log", up to MaxEntries.
func TestLeaderPipelinesUpToAWindowAndBatchesBehindIt(t *testing.T) {
	e := configured(t, 2, func(c *Config) { c.Window, c.MaxEntries = 3, 4 })
	e.elect(1)
	p := e.at(1).member(2)
	check := func(want ...int) {
		t.Helper()
		var got []int
		for _, m := range e.sent(1, AppendEntries) {
			got = append(got, len(m.Entries))
		}
		if !slices.Equal(got, want) {
			t.Fatalf("entries by message: %v, want %v", got, want)
		}
	}
	for v := range uint64(12) {
		e.propose(1, v)
	}
	check(1, 1, 1)
	if p.nextIndex != 5 || len(p.window) != 3 {
		t.Fatalf("%+v", p)
	}
	e.beat(1)
	check(1, 1, 1, 0) // a heartbeat needs no room
	e.drop(func(l letter) bool { return len(l.m.Entries) == 0 })
	e.deliver(nil)
	e.persist(2)
	answers := e.letters
	e.letters = nil
	for i, l := range answers { // each makes room for one
		e.receive(l.to, l.from, l.m)
		check([][]int{{4}, {4, 4}, {4, 4, 1}}[i]...)
	}
	e.drop(all)
	e.propose(1, 13)
	check()
	e.beat(1) // what was lost is found out, and goes again
	e.settle()
	if s := e.at(2); s.log.Last() != at(1, 14) || p.matchIndex != 14 || len(p.window) != 0 {
		t.Errorf("%v; %+v", s, p)
	}
	e.propose(1, 1, 2, 3, 4, 5, 6)
	check(4, 2)
}

// An acknowledgment of what came last stands for all before it.
func TestOneAcknowledgmentEmptiesTheWindow(t *testing.T) {
	e := configured(t, 2, func(c *Config) { c.Window = 3 })
	e.elect(1)
	for v := range uint64(5) {
		e.propose(1, v)
	}
	e.deliver(nil)
	e.persist(2)
	last := e.letters[len(e.letters)-1]
	e.drop(all)
	e.receive(1, 2, last.m)
	if ms := e.sent(1, AppendEntries); len(ms) != 1 || len(ms[0].Entries) != 2 || len(e.at(1).member(2).window) != 1 {
		t.Errorf("%v, window %v", ms, e.at(1).member(2).window)
	}
}
