package protocoltest

import (
	"fmt"
	"slices"

	"raftzab/bench/kv"
	"raftzab/protocols"
)

// A link is one direction of the channel between two nodes.
type link[M protocols.Message] struct {
	queue  []packet[M] // in the order of arrival
	breaks int         // of the packets, how many are the news that the stream broke
	cut    bool        // nothing passes; on a stream it waits, and a datagram is lost
	owed   bool        // the sender lost something here and is told when the receiver is back
}

type packet[M protocols.Message] struct {
	msg     M
	content *kv.Image // of the message's chunk
	broken  bool      // not a message: the receiver's stream with the sender broke
	due     instant
}

// send puts m under way. On streams, what is sent to a node that is down is
// lost, and so is what is sent into a stream whose end the sender has not heard
// of yet: nothing that is sent to one life reaches another. What a chunk holds
// is looked up now: the snapshot may be gone when the packet arrives.
func (w *world[M]) send(h *host[M], to nodeID, m M) {
	from := h.id
	if int(to) >= len(w.hosts) {
		panic(breach(fmt.Sprintf("node %d: sends %v to %d, which is no node", from, m, to)))
	}
	l := &w.links[from][to]
	content := h.content(from, m.Chunk())
	switch p := (packet[M]{msg: m, content: content, due: w.now + w.delay()}); {
	case w.datagrams && l.cut:
		w.saw.lost(from, to, m)
	case w.datagrams:
		l.pushDatagram(p)
	case !w.hosts[to].up:
		l.owed = true
		w.saw.lost(from, to, m)
	case w.links[to][from].breaks > 0:
		w.saw.lost(from, to, m)
	default:
		l.push(p)
	}
}

// push puts a packet behind all others.
func (l *link[M]) push(p packet[M]) {
	if n := len(l.queue); n > 0 {
		p.due = max(p.due, l.queue[n-1].due)
	}
	if p.broken {
		l.breaks++
	}
	l.queue = append(l.queue, p)
}

// pushDatagram puts a packet where its own delay has it arrive.
func (l *link[M]) pushDatagram(p packet[M]) {
	i := len(l.queue)
	for i > 0 && p.due < l.queue[i-1].due {
		i--
	}
	l.queue = slices.Insert(l.queue, i, p)
}

// breaks sends the end of the stream from one node after what is under way there.
func (w *world[M]) breaks(from, to nodeID) {
	w.links[from][to].push(packet[M]{broken: true, due: w.now + w.delay()})
}

// arrive hands the first packet of a link over.
func (w *world[M]) arrive(from, to nodeID) {
	l := &w.links[from][to]
	p := l.queue[0]
	l.queue = slices.Delete(l.queue, 0, 1)
	if p.broken {
		l.breaks--
	}
	w.hand(from, to, p)
}

func (w *world[M]) hand(from, to nodeID, p packet[M]) {
	h := w.hosts[to]
	switch {
	case !h.up && p.broken:
		return
	case !h.up: // only a datagram goes on its way all the same
		w.saw.lost(from, to, p.msg)
		return
	case p.broken:
		w.saw.broke(to, from)
		h.node.Disconnected(w.clock(h), from, &w.out)
	default:
		w.saw.arrived(from, to, p.msg)
		h.putAside(p.msg.Chunk(), p.content, h.disk.Snapshot.At)
		h.node.Receive(w.clock(h), from, p.msg, &w.out)
	}
	w.carryOut(h)
}

// lose empties the queue of messages, and keeps the news of a break.
func (l *link[M]) lose() (lost []M) {
	kept := l.queue[:0]
	for _, p := range l.queue {
		if p.broken {
			kept = append(kept, p)
		} else {
			lost = append(lost, p.msg)
		}
	}
	l.queue = kept
	return lost
}

// drop loses what is under way from a to b. A stream between them is no more:
// what b had sent arrives, and both hear of the break behind it.
func (w *world[M]) drop(a, b nodeID) {
	for _, m := range w.links[a][b].lose() {
		w.saw.lost(a, b, m)
	}
	if !w.datagrams {
		w.breaks(a, b)
		w.breaks(b, a)
	}
}

// duplicate hands over the first count datagrams, which come once more.
func (w *world[M]) duplicate(from, to nodeID, count int) {
	for _, p := range slices.Clone(w.links[from][to].queue[:count]) {
		w.hand(from, to, p)
	}
}

// reorder turns the datagrams under way round: the last comes first.
func (w *world[M]) reorder(from, to nodeID) {
	q := w.links[from][to].queue
	for i, j := 0, len(q)-1; i < j; i, j = i+1, j-1 {
		q[i], q[j] = q[j], q[i]
		q[i].due, q[j].due = q[j].due, q[i].due
	}
}

// partition cuts every link between two nodes that are in no group together. So
// a node in no group is alone, and groups that overlap make a partial partition.
func (w *world[M]) partition(groups [][]nodeID) {
	w.cuts(func(a, b nodeID) bool {
		return !slices.ContainsFunc(groups, func(g []nodeID) bool { return slices.Contains(g, a) && slices.Contains(g, b) })
	})
}

// heal ends every cut.
func (w *world[M]) heal() { w.cuts(func(a, b nodeID) bool { return false }) }

func (w *world[M]) cuts(cut func(a, b nodeID) bool) {
	for _, a := range w.members() {
		for _, b := range w.members() {
			w.cut(a, b, cut(a, b))
		}
	}
}

// cut opens or closes one direction. What waited on a stream is sent again and
// arrives one delay later.
func (w *world[M]) cut(a, b nodeID, cut bool) {
	l := &w.links[a][b]
	if l.cut && !cut {
		d := w.now + w.delay()
		for i := range l.queue {
			l.queue[i].due = max(l.queue[i].due, d)
		}
	}
	l.cut = cut
	if cut && w.datagrams {
		for _, m := range l.lose() {
			w.saw.lost(a, b, m)
		}
	}
}
