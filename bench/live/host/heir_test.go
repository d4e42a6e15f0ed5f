//go:build linux

package host

import (
	"math/rand/v2"
	"net"
	"testing"

	"raftzab/bench"
	"raftzab/bench/live/wire"
	"raftzab/bench/node"
	"raftzab/protocols"
	"raftzab/raft"
)

// A write is done in the same turn in which its session's next connection sends its
// first request: the answer belongs to the connection before, not to its heir.
func TestAnAnswerIsNotInherited(t *testing.T) {
	for _, told := range []bool{true, false} { // whether the end of the connection before has come
		cfg := raft.Default()
		cfg.ID, cfg.Voters = 1, []protocols.NodeID{1}
		h := &host[raft.Message]{cfg: Config[raft.Message]{Settings: Settings{ID: 1}}}
		h.node = node.New(1, raft.New(cfg, protocols.Recovered{}, rand.New(rand.NewPCG(1, 1))), nil, 0, nil)
		at := int64(0)
		turn := func(b batch[raft.Message]) (written uint64) {
			t.Helper()
			at += int64(ms)
			h.batch = b
			h.at = at
			h.turn()
			if ws := h.out.Writes; len(ws) > 0 {
				written = ws[len(ws)-1].Seq
			}
			h.reply()
			h.out.Reset()
			return written
		}
		h.node.Wake(0, &h.out)
		h.carryOut()
		h.out.Reset()
		for durable := uint64(0); h.node.Status().Role != protocols.Leader || !h.node.Status().Active; {
			if durable = turn(batch[raft.Message]{persisted: durable}); at > int64(10_000*ms) {
				t.Fatalf("one server alone does not lead: %+v", h.node.Status())
			}
		}
		old, heir := &client{conn: &net.TCPConn{}, session: 7, ready: make(chan struct{}, 1)}, &client{conn: &net.TCPConn{}, session: 7, ready: make(chan struct{}, 1)}
		asked := func(c *client, r bench.Request) request { return request{client: c, Request: r} }
		seq := turn(batch[raft.Message]{requests: []request{asked(old, write(7, 1, 1, 11))}})
		rs := []request{asked(heir, write(7, 2, 1, 22))}
		if told {
			rs = append([]request{{client: old, ended: true}}, rs...)
		}
		next := turn(batch[raft.Message]{persisted: seq, requests: rs})
		if len(heir.out) > 0 || heir.owed != 1 {
			t.Errorf("end told %v: the heir has %d bytes of answers to a request that waits, and is owed %d", told, len(heir.out), heir.owed)
		}
		turn(batch[raft.Message]{persisted: next})
		want := bench.Reply{ID: protocols.RequestID{Session: 7, Seq: 2}, Node: 1, Value: 22, Version: 2, At: h.node.Status().Committed}
		if got := string(heir.out); got != string(wire.AppendFrame(nil, wire.TypeReply, wire.AppendReply, want)) || heir.owed != 0 {
			t.Errorf("end told %v: the heir got %x, and is owed %d; want the answer %+v alone", told, got, heir.owed, want)
		}
	}
}
