package raft

import (
	"testing"

	"raftzab/protocols"
)

// Dissertation 3.10. Step 1: "The prior leader stops accepting new client requests." Step 2: it "fully
// updates the target server's log to match its own, using the normal log replication
// mechanism". Step 3: it "sends a TimeoutNow request to the target server": then, and once.
func TestPriorLeaderUpdatesTheTargetAndTellsItToStand(t *testing.T) {
	e := newEnsemble(t, 3)
	e.elect(1)
	s := e.at(1)
	for v := range uint64(3) {
		e.propose(1, v)
		e.drop(to(2))
	}
	e.settle()
	e.transfer(1, 2)
	e.propose(1, 66)
	if len(s.refused) != 1 || s.refused[0].Leader != 2 || s.log.Last() != at(1, 4) {
		t.Fatalf("%v refuses %v", s, s.refused)
	}
	e.beat(1)
	for len(e.sent(1, TimeoutNow)) == 0 && e.deliver(nil) > 0 {
		e.persist(2)
		e.persist(3)
	}
	ms := e.sent(1, TimeoutNow)
	if f := e.at(2); len(ms) != 1 || ms[0].Term != 1 || f.log.Last() != at(1, 4) || len(f.pending) != 0 || f.currentTerm != 1 {
		t.Fatalf("sends %v to %v", ms, f)
	}
	e.drop(all) // it is lost
	e.beat(1)
	e.settle()
	e.transfer(1, 3) // one at a time
	if ms := e.sent(1, TimeoutNow); len(ms) != 0 || s.role != protocols.Leader {
		t.Errorf("sends %v", ms)
	}
	e.ask(1, 1, protocols.ReadIndex) // for reads it still leads
	e.settle()
	if len(s.reads) != 1 {
		t.Errorf("permits %v", s.reads)
	}
}

// "If leadership transfer does not complete after about an election timeout, the prior
// leader aborts the transfer and resumes accepting client requests."
func TestPriorLeaderAbortsATransferThatDoesNotComplete(t *testing.T) {
	e := newEnsemble(t, 3)
	e.elect(1)
	s := e.at(1)
	e.crash(2, 0)
	e.propose(1, 1)
	e.transfer(1, 2)
	end := e.now + s.cfg.ElectionTimeout.Max
	for s.heartbeatAt < end {
		e.beat(1)
		e.settle()
		if e.propose(1, 66); len(s.refused) != 1 {
			t.Fatalf("%d ns before the end it accepts", end-e.now)
		}
		s.refused = nil
	}
	e.now = end
	s.Wake(e.now, &s.out)
	e.take(s)
	e.propose(1, 2)
	e.settle()
	if s.role != protocols.Leader || len(s.refused) != 0 || s.commitIndex != 3 {
		t.Fatalf("%v refuses %v", s, s.refused)
	}
	e.restart(2) // the target is back, and level, and is told nothing any more
	e.beat(1)
	e.settle()
	if s := e.at(2); s.log.Last() != at(1, 3) || s.role != protocols.Follower || s.currentTerm != 1 {
		t.Errorf("%v", s)
	}
	e.transfer(1, 3) // another may be asked now
	e.settle()
	if s := e.at(3); s.role != protocols.Leader || s.currentTerm != 2 {
		t.Errorf("%v", s)
	}
}

// A target may be brought level by a snapshot alone.
func TestTargetIsToldToStandWhenItHasTheSnapshot(t *testing.T) {
	e := behind(t, unchanged)
	e.compact(1)
	e.disconnect(1, 3)
	e.transfer(1, 3)
	e.beat(1)
	e.settle()
	if s := e.at(3); s.role != protocols.Leader || s.currentTerm != 2 || len(s.restored) != 1 || s.restored[0] != at(1, 6) {
		t.Errorf("%v", s)
	}
}

// Who is deposed during a transfer sends clients to the new leader, not to the target.
func TestDeposedLeaderForgetsTheTransfer(t *testing.T) {
	e := newEnsemble(t, 3)
	e.elect(1)
	e.crash(2, 0)
	e.propose(1, 1)
	e.transfer(1, 2)
	e.receive(1, 3, Message{Type: AppendEntries, Term: 2, PrevLog: at(1, 1)})
	e.propose(1, 2)
	if s := e.at(1); len(s.refused) != 1 || s.refused[0].Leader != 3 {
		t.Errorf("refuses %v", s.refused)
	}
}

// The leader wakes in time to abort, also between two heartbeats.
func TestTransferHasADeadline(t *testing.T) {
	e := configured(t, 3, func(c *Config) { c.ElectionTimeout.Max = c.ElectionTimeout.Min + 1 })
	e.elect(1)
	s := e.at(1)
	e.propose(1, 1)
	e.transfer(1, 2)
	for range 2 {
		e.beat(1)
		e.drop(all)
	}
	s.Wake(e.now, &s.out)
	if want := s.transferEnd; s.out.Wake != want || want >= s.heartbeatAt {
		t.Errorf("wakes at %d, the transfer ends at %d, the next heartbeat is at %d", s.out.Wake, want, s.heartbeatAt)
	}
}

// "This request has the same effect as the target server's election timer firing": even
// if the target has just heard from the leader, it asks nobody first (9.6), and the
// others vote though they have heard as well: "I have permission to disrupt the
// leader---it told me to!" (4.2.3). "Its next message to the prior leader will include
// its new term number, causing the prior leader to step down."
func TestTimeoutNowStartsAnElectionAtOnce(t *testing.T) {
	e := configured(t, 3, func(c *Config) { c.PreVote, c.CheckQuorum = true, true })
	e.elect(1)
	e.beat(1)
	e.settle()
	e.transfer(1, 2)
	e.deliver(nil)
	e.persist(2)
	ms := e.sent(2, RequestVote)
	if s := e.at(2); s.role != protocols.Candidate || s.currentTerm != 2 || len(ms) != 2 || !ms[0].Transfer || !ms[1].Transfer {
		t.Fatalf("%v asks %v", s, ms)
	}
	e.settle()
	if e.at(2).role != protocols.Leader || e.at(1).role != protocols.Follower || e.at(1).leader != 2 || e.at(1).abandoned != 1 {
		t.Fatalf("%v, %v", e.at(1), e.at(2))
	}
	e.drop(all)
	e.timeout(3) // the permission is for this election alone
	e.settle()
	e.timeout(3)
	e.persist(3)
	for _, m := range append(e.sent(3, RequestVote), e.sent(3, PreVote)...) {
		if m.Transfer {
			t.Errorf("%v", m)
		}
	}
}

// A TimeoutNow that comes late, twice, or not from the leader does nothing.
func TestTimeoutNowOfAnotherTermDoesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		before func(*ensemble)
		from   protocols.NodeID
		term   uint64
	}{
		"of an old term":       {func(e *ensemble) { e.elect(3) }, 1, 1},
		"of an old term, by 3": {func(e *ensemble) { e.elect(3) }, 3, 1},
		"not from the leader":  {func(e *ensemble) {}, 3, 1},
		"to a candidate":       {func(e *ensemble) { e.timeout(2) }, 1, 2},
		"to who has given it up": {func(e *ensemble) {
			e.receive(2, 3, Message{Type: RequestVoteResponse, Term: 2})
		}, 1, 2},
	} {
		e := newEnsemble(t, 3)
		e.elect(1)
		c.before(e)
		s := e.at(2)
		term, role := s.currentTerm, s.role
		e.receive(2, c.from, Message{Type: TimeoutNow, Term: c.term})
		if s.currentTerm != term || s.role != role {
			t.Errorf("%s: %v", name, s)
		}
	}
	e := newEnsemble(t, 3) // twice
	e.elect(1)
	for range 2 {
		e.receive(2, 1, Message{Type: TimeoutNow, Term: 1})
	}
	if s := e.at(2); s.currentTerm != 2 {
		t.Errorf("told twice: %v", s)
	}
}

// Who does not lead has nothing to hand over, and only another voter can take it.
func TestOnlyALeaderTransfersAndOnlyToAnotherVoter(t *testing.T) {
	e := configured(t, 4, learning(1))
	e.elect(1)
	for _, c := range [][2]protocols.NodeID{{1, 1}, {1, 4}, {1, 9}, {1, protocols.None}, {2, 3}, {4, 2}} {
		e.transfer(c[0], c[1])
		if s := e.at(c[0]); s.transferee != protocols.None || len(e.letters) != 0 {
			t.Errorf("%d to %d: %v", c[0], c[1], e.letters)
		}
	}
	e.propose(1, 1)
	e.settle()
	if s := e.at(1); s.commitIndex != 2 {
		t.Errorf("%v", s)
	}
}
