package sim

import (
	"fmt"

	"raftzab/bench"
	"raftzab/bench/kv"
	"raftzab/bench/trace"
	"raftzab/protocols"
)

type reply = bench.Reply

// A packet is a message, or the end of a stream, on its way. Streams are
// numbered upwards over the whole run. Each end knows the number of the stream
// that it uses; an end that dies, and one that comes back, takes a new one, and
// whoever meets a number greater than its own learns that the old stream broke.
type packet[M protocols.Message] struct {
	from   NodeID
	stream uint32
	fin    bool   // the kernel says that the streams before this one are dead
	traced uint32 // the number of the message in a trace; 0: nobody traces, or it is none
	msg    M
	image  *kv.Image // of the chunk in msg
	cause  cause
}

// A heldPacket waits for a cut to end.
type heldPacket struct {
	from, to NodeID
	slot     uint32
	life     uint32
}

// send puts a message on its way to its receiver.
func (c *Cluster[M]) send(h *host[M], m *protocols.Envelope[M]) {
	size := m.Msg.Size()
	var image *kv.Image
	if chunk := m.Msg.Chunk(); chunk.Length > 0 {
		image = h.content(m, chunk)
		size += int(chunk.Length)
	}
	c.fold(uint64(m.Msg.Kind())<<40 ^ uint64(size)) // what is said, not only when
	if c.cfg.Witness != nil {
		c.cfg.Witness.Sent(c.now, h.id, m.To, m.Msg.Kind(), size)
	}
	p := packet[M]{from: h.id, stream: h.streams[m.To], msg: m.Msg, image: image, cause: c.cause.next()}
	if p.cause.hops > 0 {
		c.caused[p.cause.op]++
	}
	if c.tracing {
		c.traceSent(&p, m.To)
	}
	if at := c.departure(h); c.datagrams {
		c.cast(at, m.To, &p)
	} else {
		c.post(at, h.id, m.To, &p)
	}
}

// cast sends a message as a datagram: it may be lost, or arrive twice.
func (c *Cluster[M]) cast(now Time, to NodeID, p *packet[M]) {
	a := c.net.Cast(now, p.from, to)
	if a.Count == 0 && c.tracing {
		c.traceLost(p, to, c.gap(p.from, to))
	}
	for i, at := range a.At[:a.Count] {
		if i > 0 && c.tracing {
			c.traceSent(p, to) // the copy
		}
		c.queue.push(event{at: at, kind: deliver, node: to, peer: p.from, slot: c.packets.put(*p), life: c.hosts[to].life})
	}
}

// post puts a packet on its stream.
func (c *Cluster[M]) post(now Time, from, to NodeID, p *packet[M]) {
	if a, b := c.hosts[from], c.hosts[to]; !p.fin {
		a.spoken[to], b.spoken[from] = max(p.stream, a.spoken[to]), max(p.stream, b.spoken[from])
	}
	slot, life := c.packets.put(*p), c.hosts[to].life
	if at, ok := c.net.Send(now, from, to); ok {
		c.queue.push(event{at: at, kind: deliver, node: to, peer: from, slot: slot, life: life})
	} else {
		c.held = append(c.held, heldPacket{from, to, slot, life})
	}
}

// mend ends a cut: what was held goes out again.
func (c *Cluster[M]) mend(from, to NodeID) {
	if !c.net.IsCut(from, to) {
		return
	}
	c.net.Mend(c.now, from, to)
	kept := c.held[:0]
	for _, p := range c.held {
		if p.from != from || p.to != to {
			kept = append(kept, p)
			continue
		}
		at, _ := c.net.Send(c.now, from, to)
		c.queue.push(event{at: at, kind: deliver, node: to, peer: from, slot: p.slot, life: p.life})
	}
	c.held = kept
}

// silence drops what a machine holds for a cut to end.
func (c *Cluster[M]) silence(from NodeID) {
	kept := c.held[:0]
	for _, p := range c.held {
		if p.from == from {
			if x := c.packets.take(p.slot); c.tracing {
				c.traceLost(&x, p.to, "its sender is down")
			}
		} else {
			kept = append(kept, p)
		}
	}
	c.held = kept
}

// arrive takes a packet to its node, if it belongs to a stream that this life
// of the node knows or can learn of. A datagram was sent to one life.
func (c *Cluster[M]) arrive(h *host[M], e event) {
	p := c.packets.take(e.slot)
	if c.datagrams {
		if h.life == e.life && h.up { // else it was for a life that is over, or for nobody
			c.receive(h, &p)
		} else if c.tracing {
			c.traceLost(&p, h.id, "its receiver is down")
		}
		return
	}
	if !h.up {
		if c.tracing {
			c.traceLost(&p, h.id, "its receiver is down")
		}
		if h.refuses && !p.fin { // the process is dead; its kernel answers with a reset
			c.streams++
			h.streams[p.from] = c.streams
			c.post(c.now, h.id, p.from, &packet[M]{from: h.id, fin: true, stream: c.streams})
		}
		return // where the machine is off nobody answers; the sender learns when it is back
	}
	switch mine := h.streams[p.from]; {
	case p.fin:
		if mine < p.stream {
			c.disconnect(h, p.from, p.stream)
		}
		return
	case p.stream < mine: // into a dead stream: the kernel answers with a reset
		if c.tracing {
			c.traceLost(&p, h.id, "its stream is dead")
		}
		c.post(c.now, h.id, p.from, &packet[M]{from: h.id, fin: true, stream: mine})
		return
	case p.stream > mine: // from a new stream: the old one broke
		if c.disconnect(h, p.from, p.stream); p.stream < h.streams[p.from] {
			if c.tracing {
				c.traceLost(&p, h.id, "its stream is dead")
			}
			return
		}
	}
	c.receive(h, &p)
}

// receive hands a message to its node, and before it the content that came along.
func (c *Cluster[M]) receive(h *host[M], p *packet[M]) {
	if c.tracing {
		c.trace(trace.Event{Kind: trace.Received, Node: p.from, Peer: h.id, Message: p.traced, Text: p.msg.String()})
	}
	if p.image != nil {
		h.putAside(p.msg.Chunk(), p.image)
	}
	c.cause = p.cause
	h.node.Receive(h.clock.read(c.now), p.from, p.msg, &c.out)
	c.carryOut(h)
}

// disconnect tells a node that the streams with peer before the given one are
// dead. It goes on with that one, or with what a peer that is back has since.
func (c *Cluster[M]) disconnect(h *host[M], peer NodeID, stream uint32) {
	h.streams[peer] = stream
	if p := c.hosts[peer]; p.up {
		h.streams[peer] = max(stream, p.streams[h.id])
	}
	if c.tracing {
		c.trace(trace.Event{Kind: trace.Broken, Node: h.id, Peer: peer, Text: fmt.Sprintf("stream with %d broke", peer)})
	}
	h.node.Disconnected(h.clock.read(c.now), peer, &c.out)
	c.carryOut(h)
}
