package sim

import (
	"testing"

	"raftzab/bench"
	"raftzab/bench/kv"
	"raftzab/protocols"
)

// A write of Raft takes four messages in a row: request, AppendEntries, its answer,
// reply. A follower refuses in two. A read that asks nobody takes two, whoever answers,
// and one that asks a majority four. What heartbeats say meanwhile counts for nobody.
func TestHopsAreTheMessagesInARow(t *testing.T) {
	w := ensemble(t, 5, nil)
	w.run(1000 * ms)
	leader := w.leader()
	other := leader%5 + 1
	get := func(mode protocols.ReadMode) bench.Request {
		return bench.Request{Command: protocols.Command{Op: kv.Get, Key: 1}, Mode: mode}
	}
	for i, c := range []struct {
		to            NodeID
		r             bench.Request
		hops          uint16
		reads, writes uint64
		refused       bool
	}{
		{to: leader, r: put(0, 0, 1, 1), hops: 4, writes: 8},
		{to: other, r: put(0, 0, 1, 2), hops: 2, refused: true},
		{to: leader, r: get(protocols.ReadLocal), hops: 2},
		{to: other, r: get(protocols.ReadLocal), hops: 2},
		{to: leader, r: get(protocols.ReadIndex), hops: 4, reads: 8},
		{to: leader, r: put(0, 0, 1, 3), hops: 4, writes: 8},
	} {
		w.run(w.now + 510*ms) // between two heartbeats
		reads, writes := w.Caused()
		c.r.ID = protocols.RequestID{Session: uint32(i + 1), Seq: 1}
		w.replies = w.replies[:0]
		w.Submit(c.to, c.r)
		w.run(w.now + 500*ms)
		if len(w.replies) != 1 || w.replies[0].Hops != c.hops || (w.replies[0].Outcome == bench.Refused) != c.refused {
			t.Errorf("%+v: replies %+v, want one of %d hops", c.r, w.replies, c.hops)
		}
		r, x := w.Caused()
		if r-reads != c.reads || x-writes != c.writes {
			t.Errorf("%+v: it caused %d messages as a read and %d as a write, want %d and %d", c.r, r-reads, x-writes, c.reads, c.writes)
		}
	}
	if w.Reset(1, 0); w.caused != (New(w.cfg, 1, 0).caused) {
		t.Error("a new trial counts on")
	}
}
