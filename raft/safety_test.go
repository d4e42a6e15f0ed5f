package raft

import (
	"testing"

	"raftzab/protocols"
)

// These tests follow the paper's sections 5.4 and 8: each is named after a sentence, in
// the paper's order.

// §5.4.1: "the voter denies its vote if its own log is more up-to-date than
// that of the candidate".
func TestElectionRestriction(t *testing.T) {
	for _, c := range []struct {
		log  []uint64
		last protocols.EntryID
		want bool
	}{
		{nil, protocols.EntryID{}, true},
		{[]uint64{1}, protocols.EntryID{}, false},
		{[]uint64{1, 2}, protocols.EntryID{Epoch: 2, Index: 2}, true},
		{[]uint64{1, 2}, protocols.EntryID{Epoch: 2, Index: 3}, true},
		{[]uint64{1, 2, 2}, protocols.EntryID{Epoch: 2, Index: 2}, false},   // same term: the longer
		{[]uint64{1, 1, 1, 1}, protocols.EntryID{Epoch: 2, Index: 2}, true}, // the later term
		{[]uint64{1, 3}, protocols.EntryID{Epoch: 2, Index: 9}, false},
	} {
		e := newEnsemble(t, 3, c.log)
		e.receive(1, 2, Message{Type: RequestVote, Term: 9, LastLog: c.last})
		e.persist(1)
		if ms := e.sent(1, RequestVoteResponse); len(ms) != 1 || ms[0].VoteGranted != c.want {
			t.Errorf("log %v, candidate %v: %v", c.log, c.last, ms)
		}
	}
}

// figure8 is the figure's (c): S1 leads term 4 again and its entry of term 2 is
// on a majority; S5 holds one of term 3 in the same place.
func figure8(t *testing.T) *ensemble {
	e := newEnsemble(t, 5, []uint64{1, 2}, []uint64{1, 2}, []uint64{1}, []uint64{1}, []uint64{1, 3})
	e.at(1).disk.Registers[0] = 3
	e.restart(1)
	e.crash(5, 0)
	e.timeout(1)
	e.persist(1)
	e.deliver(nil)
	for id := protocols.NodeID(2); id <= 4; id++ {
		e.persist(id)
	}
	e.deliver(func(l letter) bool { return l.m.Type == RequestVoteResponse })
	if s := e.at(1); s.role != protocols.Leader || s.term != 4 {
		t.Fatalf("%v", s)
	}
	e.drop(all) // the no-op of term 4 is on S1 alone
	second := *e.at(1).log.At(1)
	e.receive(3, 1, Message{Type: AppendEntries, Term: 4, PrevLog: protocols.EntryID{Epoch: 1, Index: 1}, Entries: []protocols.Entry{second}})
	e.receive(2, 1, Message{Type: AppendEntries, Term: 4, PrevLog: second.ID})
	e.persist(2)
	e.persist(3)
	if n := e.deliver(nil); n != 2 || e.at(1).member(2).matchIndex != 2 || e.at(1).member(3).matchIndex != 2 {
		t.Fatalf("%d answers; %+v", n, e.at(1).members)
	}
	return e
}

// §5.4.2, figure 8 (d): an entry of an earlier term "is stored on a majority of
// servers, yet can still be overwritten by a future leader": so "Raft never
// commits log entries from previous terms by counting replicas".
func TestEarlierTermsAreNotCommittedByCountingReplicas(t *testing.T) {
	e := figure8(t)
	if s := e.at(1); s.commitIndex != 0 || len(s.committed) != 0 {
		t.Fatalf("committed by counting: %v", s)
	}
	e.crash(1, 0)
	e.drop(all)
	e.at(5).disk.Registers[0] = 4
	e.restart(5)
	e.elect(5)
	for id := protocols.NodeID(2); id <= 5; id++ {
		if got := e.terms(id); got != "135" {
			t.Errorf("server %d: log %s", id, got)
		}
	}
}

// §5.4.2, figure 8 (e): "once an entry from the current term has been committed
// in this way, then all prior entries are committed indirectly"; S5 cannot win.
func TestEarlierTermsAreCommittedIndirectly(t *testing.T) {
	e := figure8(t)
	e.beat(1)
	e.settle()
	s := e.at(1)
	if s.commitIndex != 3 || len(s.committed) != 3 {
		t.Fatalf("%v, committed %v", s, s.committed)
	}
	if ev := s.saw(protocols.Activated); len(ev) != 1 || ev[0].Epoch != 4 {
		t.Errorf("%v", ev)
	}
	e.restart(5)
	e.timeout(5)
	e.settle()
	e.timeout(5)
	e.settle()
	if s := e.at(5); s.role == protocols.Leader {
		t.Errorf("elected without a committed entry: %v", s)
	}
}

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
