package raft

import (
	"reflect"
	"slices"
	"testing"
)

// These tests are about what a leader believes of its followers, when messages
// get lost.

// What was under way on a broken stream is lost. The leader finds out with its
// next heartbeat what the follower has, and sends the rest, not before: to a
// dead peer every message breaks another stream.
func TestLeaderSendsAgainWhatABrokenStreamLost(t *testing.T) {
	e := newEnsemble(t, 2)
	e.elect(1)
	e.propose(1, 10)
	e.propose(1, 11)
	e.drop(all)
	s := e.at(1)
	s.Disconnected(e.now, 2, &s.out)
	e.take(s)
	e.propose(1, 12)
	if len(e.letters) != 0 {
		t.Fatalf("%v", e.letters)
	}
	e.beat(1)
	if ms := e.sent(1, AppendEntries); len(ms) != 1 || ms[0].PrevLog.Index != 1 || len(ms[0].Entries) != 0 {
		t.Fatalf("%v", ms)
	}
	e.settle()
	if s.commitIndex != 4 || e.terms(2) != "1111" {
		t.Errorf("%v; follower's log %s", s, e.terms(2))
	}
}

// Where nobody tells of the loss, the consistency check does: the heartbeat
// comes where the lost entries would be.
func TestHeartbeatFindsWhatWasLostUnnoticed(t *testing.T) {
	e := newEnsemble(t, 2)
	e.elect(1)
	e.propose(1, 10)
	e.drop(all)
	e.beat(1)
	e.settle()
	if s := e.at(1); s.commitIndex != 2 {
		t.Errorf("%v", s)
	}
}

// All that is under way behind a refused message is refused too. The leader
// looks for the place once, and sends nothing new meanwhile.
func TestManyRefusalsOfOneGapMakeOneRepair(t *testing.T) {
	e := newEnsemble(t, 2)
	e.elect(1)
	e.propose(1, 10)
	e.drop(all)
	for v := range uint64(5) {
		e.propose(1, 20+v)
	}
	e.deliver(nil)
	if ms := e.sent(2, AppendEntriesResponse); len(ms) != 5 {
		t.Fatalf("%v", ms)
	}
	e.deliver(nil)
	e.propose(1, 30)
	if ms := e.sent(1, AppendEntries); len(ms) != 1 || ms[0].PrevLog.Index != 1 || len(ms[0].Entries) != 6 {
		t.Fatalf("%v", ms)
	}
	e.settle()
	if got := e.terms(2); got != "11111111" {
		t.Errorf("follower's log %s", got)
	}
}

// matchIndex never falls within a term, and nextIndex never to it: late answers
// on channels that reorder change nothing.
func TestProgressOnlyGoesForward(t *testing.T) {
	p := progress{id: 2, matchIndex: 3, nextIndex: 4, probing: true}
	p.begin(9)
	if !same(p, progress{id: 2, nextIndex: 10}) {
		t.Fatalf("a new leader begins with %+v", p)
	}
	p.succeeded(6)
	p.succeeded(4)
	if !same(p, progress{id: 2, matchIndex: 6, nextIndex: 10}) {
		t.Fatalf("%+v", p)
	}
	if !p.refused(2) || !same(p, progress{id: 2, matchIndex: 6, nextIndex: 7, probing: true}) {
		t.Fatalf("%+v", p)
	}
	if p.refused(8) || p.refused(6) {
		t.Fatalf("refusals of what lies behind are news: %+v", p)
	}
	p.succeeded(8)
	if !same(p, progress{id: 2, matchIndex: 8, nextIndex: 9}) {
		t.Fatalf("%+v", p)
	}
	p.nextIndex = 12
	if !p.refused(9) || !same(p, progress{id: 2, matchIndex: 8, nextIndex: 10, probing: true}) {
		t.Fatalf("%+v", p)
	}
	p.succeeded(5) // an older one; the probe behind 9 is still to be answered
	if !same(p, progress{id: 2, matchIndex: 8, nextIndex: 10, probing: true}) {
		t.Fatalf("%+v", p)
	}
	p.lost()
	if !same(p, progress{id: 2, matchIndex: 8, nextIndex: 9, probing: true}) {
		t.Fatalf("%+v", p)
	}
}

// same compares without the window's memory.
func same(a, b progress) bool {
	if !slices.Equal(a.window, b.window) {
		return false
	}
	a.window, b.window = nil, nil
	return reflect.DeepEqual(a, b)
}

// A late refusal tells nothing: of what has been acknowledged since, or of
// something else than the probe that is under way.
func TestLateRefusalsAreStale(t *testing.T) {
	for _, c := range []struct {
		probing bool
		prev    uint64
		want    bool
	}{
		{false, 5, true}, {false, 6, true}, {false, 7, false}, // it has acknowledged up to 6
		{true, 8, true}, {true, 9, false}, {true, 10, true}, // the probe asks behind 9
	} {
		p := progress{matchIndex: 6, nextIndex: 10, probing: c.probing}
		if got := p.stale(c.prev); got != c.want {
			t.Errorf("%+v: stale(%d) = %t", p, c.prev, got)
		}
	}
}
