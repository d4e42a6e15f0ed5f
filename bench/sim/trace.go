package sim

import (
	"fmt"

	"raftzab/bench"
	"raftzab/bench/kv"
	"raftzab/bench/trace"
	"raftzab/protocols"
)

// trace is called only while tracing: building its argument costs more than an event.
func (c *Cluster[M]) trace(e trace.Event) {
	e.At = c.now
	c.cfg.Trace(&e)
}

// traceSent tells of a message, or of a copy of it, and gives it its number.
func (c *Cluster[M]) traceSent(p *packet[M], to NodeID) {
	c.told++
	p.traced = c.told
	c.trace(trace.Event{Kind: trace.Message, Node: p.from, Peer: to, Message: p.traced, Type: c.cfg.KindName(p.msg.Kind()), Text: p.msg.String(), Quiet: true})
}

// traceLost tells that a message will not be received.
func (c *Cluster[M]) traceLost(p *packet[M], to NodeID, why string) {
	if p.traced != 0 {
		c.trace(trace.Event{Kind: trace.Lost, Node: p.from, Peer: to, Message: p.traced, Text: why, Quiet: true})
	}
}

// gap says why a datagram finds no way.
func (c *Cluster[M]) gap(from, to NodeID) string {
	if c.net.IsCut(from, to) {
		return "the link is cut"
	}
	return "the link lost it"
}

// traceEvent tells what a replica says of itself, and reports whether the handler
// wants to hear it too.
func (c *Cluster[M]) traceEvent(h *host[M], e *protocols.Event) (asked bool) {
	asked = c.listen&(1<<e.Kind) != 0
	t := trace.Event{Kind: trace.Replica, Node: h.id, Peer: e.Peer, Type: e.Kind.String(), Epoch: e.Epoch, Position: e.At, Text: describeEvent(e), Quiet: !asked}
	if e.ID != (protocols.RequestID{}) {
		t.ID = requestID(e.ID)
	}
	c.trace(t)
	return asked
}

// traceState tells of a change of what a node takes itself for.
func (c *Cluster[M]) traceState(h *host[M]) {
	s := h.node.Status()
	if t := &h.told; s.Role == t.Role && s.Active == t.Active && s.Leader == t.Leader && s.Epoch == t.Epoch {
		return
	}
	h.told = s
	c.trace(trace.Event{Kind: trace.Changed, Node: h.id, State: &s, Quiet: true})
}

// nobody is what was told of a node whose life begins.
var nobody = protocols.Status{Epoch: ^uint64(0)}

func requestID(id protocols.RequestID) string { return fmt.Sprintf("%d.%d", id.Session, id.Seq) }

func describe(r *bench.Request) string {
	if r.Op == kv.Get {
		return fmt.Sprintf("get #%d key %d", r.ID.Seq, r.Key)
	}
	return fmt.Sprintf("put #%d key %d = %d", r.ID.Seq, r.Key, r.Value)
}

func describeReply(r *bench.Reply) string {
	switch r.Outcome {
	case bench.OK:
		return fmt.Sprintf("#%d ok at %v, value %d version %d", r.ID.Seq, r.At, r.Value, r.Version)
	case bench.Refused:
		return fmt.Sprintf("#%d refused, leader %d", r.ID.Seq, r.Leader)
	}
	return fmt.Sprintf("#%d unknown", r.ID.Seq)
}

func describeEvent(e *protocols.Event) string {
	switch e.Kind {
	case protocols.RoleChanged:
		return fmt.Sprintf("is %v, epoch %d", e.Role, e.Epoch)
	case protocols.RoundBegan:
		return fmt.Sprintf("begins round %d", e.Epoch)
	case protocols.VoteCast:
		return fmt.Sprintf("votes for %d in round %d", e.Peer, e.Epoch)
	case protocols.VoteRefused:
		return fmt.Sprintf("refuses %d a vote in round %d", e.Peer, e.Epoch)
	case protocols.Elected:
		return fmt.Sprintf("has won round %d", e.Epoch)
	case protocols.PhaseEntered:
		return fmt.Sprintf("enters %v, epoch %d", e.Phase, e.Epoch)
	case protocols.Activated:
		return fmt.Sprintf("may commit in epoch %d", e.Epoch)
	case protocols.SyncChosen:
		return fmt.Sprintf("brings %d level from %v by %v", e.Peer, e.At, e.Phase)
	case protocols.WaitRestarted:
		return fmt.Sprintf("leaves its wait in round %d for a better vote", e.Epoch)
	}
	return fmt.Sprintf("%v %v", e.Kind, e.At)
}
