package protocoltest

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"raftzab/bench"
	"raftzab/bench/node"
	"raftzab/bench/random"
	"raftzab/protocols"
)

type (
	instant = protocols.Time
	nodeID  = protocols.NodeID
)

const millisecond instant = 1e6

// A Protocol is what is under test, and its paper's words.
type Protocol[M protocols.Message] struct {
	// New makes the member id of an ensemble from what its disk holds.
	New func(id protocols.NodeID, members []protocols.NodeID, r protocols.Recovered, rng *rand.Rand) protocols.Replica[M]

	Candidate string // what a node without a leader is: "candidate", "looking"
	Round     string // what votes are counted in: "term", "round"
	Epoch     string // what a leader is established in: "term", "epoch"
}

// A world is a driver small enough to be read before it is trusted: every
// message, write and timer lies open until somebody, or time, sets it going.
type world[M protocols.Message] struct {
	protocol     Protocol[M]
	seed         uint64
	now          instant
	delay, fsync func() instant
	hosts        []*host[M]  // by NodeID, from 1
	links        [][]link[M] // by sender and receiver
	activity     int         // events, writes and replies so far
	out          protocols.Output[M]
	saw          sight[M]
}

// A sight is what onlookers are told. None of its functions may be nil.
type sight[M protocols.Message] struct {
	event     func(nodeID, protocols.Event)
	reply     func(bench.Reply)
	arrived   func(from, to nodeID, m M)
	lost      func(from, to nodeID, m M)
	broke     func(at, peer nodeID)
	persisted func(at nodeID, seq uint64)
	delivered func(at nodeID, e protocols.Entry)
}

// A host is one node, its disk and its clock.
type host[M protocols.Message] struct {
	id      nodeID
	up      bool
	life    uint64
	node    *node.Node[M]
	laws    *laws[M]
	disk    protocols.Recovered
	pending []protocols.Write // asked for, not yet durable
	syncing int               // of them, what the fsync under way covers
	synced  instant           // when it is done
	stalled bool              // its fsync never ends
	wake    instant           // on its own clock; zero: none
	skew    instant           // its own clock minus the world's
	dozing  instant           // no timer runs out before then
}

// A link is one direction of the stream between two nodes.
type link[M protocols.Message] struct {
	queue  []packet[M]
	breaks int  // of the packets, how many are the news that the stream broke
	cut    bool // nothing passes; it waits
	owed   bool // the sender lost something here and is told when the receiver is back
}

type packet[M protocols.Message] struct {
	msg    M
	broken bool // not a message: the receiver's stream with the sender broke
	due    instant
}

func newWorld[M protocols.Message](p Protocol[M], n int, seed uint64, delay, fsync func() instant, saw sight[M]) *world[M] {
	w := &world[M]{protocol: p, seed: seed, delay: delay, fsync: fsync, saw: saw}
	w.out.Listen = protocols.AllEvents
	w.hosts, w.links = make([]*host[M], n+1), make([][]link[M], n+1)
	for id := range w.hosts {
		w.hosts[id], w.links[id] = &host[M]{id: nodeID(id)}, make([]link[M], n+1)
	}
	return w
}

func (w *world[M]) members() (ids []nodeID) {
	for _, h := range w.hosts[1:] {
		ids = append(ids, h.id)
	}
	return ids
}

func (w *world[M]) clock(h *host[M]) instant { return w.now + h.skew }

// --- the life of a node

// start boots a node from its disk. Those who lost something on the way to it
// learn of it before they hear of its new life.
func (w *world[M]) start(id nodeID) {
	h := w.hosts[id]
	h.up, h.wake, h.dozing = true, 0, 0
	h.life++
	make := func() protocols.Replica[M] {
		r := h.disk
		r.Entries = slices.Clone(r.Entries)
		return w.protocol.New(id, w.members(), r, random.Stream(w.seed, 0, random.Replica, uint64(id)<<32|h.life))
	}
	h.laws = watch(id, make(), make(), h.disk)
	h.laws.delivering = func(e protocols.Entry) { w.saw.delivered(id, e) }
	h.node = node.New(id, h.laws, nil, 0, nil)
	for p := range w.links[id] {
		if w.links[p][id].owed {
			w.links[p][id].owed = false
			w.breaks(id, nodeID(p))
		}
	}
	h.node.Wake(w.clock(h), &w.out)
	w.carryOut(h)
}

// crash ends a life. Of the writes under way the first keep become durable all
// the same: a disk may have done what it has not yet reported.
func (w *world[M]) crash(id nodeID, keep int, silent bool) {
	h := w.hosts[id]
	h.laws.unchanged()
	for _, wr := range h.pending[:min(keep, len(h.pending))] {
		h.disk.Apply(wr)
	}
	h.up, h.pending, h.syncing, h.node = false, nil, 0, nil
	for _, p := range w.members() {
		if p == id {
			continue
		}
		w.links[p][id].queue, w.links[p][id].breaks = nil, 0
		if silent {
			w.links[p][id].owed = w.hosts[p].up
		} else if w.hosts[p].up {
			w.breaks(id, p)
		}
	}
}

// breaks sends the end of the stream from one node after what is under way there.
func (w *world[M]) breaks(from, to nodeID) {
	w.links[from][to].push(packet[M]{broken: true, due: w.now + w.delay()})
}

// --- the network

func (l *link[M]) push(p packet[M]) {
	if n := len(l.queue); n > 0 {
		p.due = max(p.due, l.queue[n-1].due)
	}
	if p.broken {
		l.breaks++
	}
	l.queue = append(l.queue, p)
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

// send puts m under way. What is sent to a node that is down is lost, and so
// is what is sent into a stream whose end the sender has not heard of yet:
// nothing that is sent to one life reaches another.
func (w *world[M]) send(from, to nodeID, m M) {
	l := &w.links[from][to]
	switch {
	case !w.hosts[to].up:
		l.owed = true
		w.saw.lost(from, to, m)
	case w.links[to][from].breaks > 0:
		w.saw.lost(from, to, m)
	default:
		l.push(packet[M]{msg: m, due: w.now + w.delay()})
	}
}

// arrive hands the first packet of a link over.
func (w *world[M]) arrive(from, to nodeID) {
	l := &w.links[from][to]
	p := l.queue[0]
	l.queue = slices.Delete(l.queue, 0, 1)
	h := w.hosts[to]
	if p.broken {
		l.breaks--
		if !h.up {
			return
		}
		w.saw.broke(to, from)
		h.node.Disconnected(w.clock(h), from, &w.out)
	} else {
		w.saw.arrived(from, to, p.msg)
		h.node.Receive(w.clock(h), from, p.msg, &w.out)
	}
	w.carryOut(h)
}

// drop loses what is under way from a to b. The stream between them is no more:
// what b had sent arrives, and both hear of the break behind it.
func (w *world[M]) drop(a, b nodeID) {
	for _, m := range w.links[a][b].lose() {
		w.saw.lost(a, b, m)
	}
	w.breaks(a, b)
	w.breaks(b, a)
}

// partition cuts every link between two groups; a node in no group is alone.
func (w *world[M]) partition(groups [][]nodeID) {
	side := make([]int, len(w.hosts))
	for i := range side {
		side[i] = -i
	}
	for i, g := range groups {
		for _, id := range g {
			side[id] = i + 1
		}
	}
	w.cuts(func(a, b int) bool { return side[a] != side[b] })
}

// heal ends every cut: what waited is sent again and arrives one delay later.
func (w *world[M]) heal() { w.cuts(func(a, b int) bool { return false }) }

func (w *world[M]) cuts(cut func(a, b int) bool) {
	for a := range w.links {
		for b := range w.links[a] {
			l := &w.links[a][b]
			if l.cut && !cut(a, b) {
				d := w.now + w.delay()
				for i := range l.queue {
					l.queue[i].due = max(l.queue[i].due, d)
				}
			}
			l.cut = cut(a, b)
		}
	}
}

// --- disk, timers and clients

// persist makes the first count writes under way durable.
func (w *world[M]) persist(id nodeID, count int) {
	h := w.hosts[id]
	if count == 0 {
		return
	}
	for _, wr := range h.pending[:count] {
		h.disk.Apply(wr)
	}
	seq := h.pending[count-1].Seq
	h.pending = slices.Delete(h.pending, 0, count)
	h.syncing = 0
	w.saw.persisted(id, seq)
	h.node.Persisted(w.clock(h), seq, &w.out)
	w.carryOut(h)
}

func (w *world[M]) wake(id nodeID) {
	h := w.hosts[id]
	h.node.Wake(w.clock(h), &w.out)
	w.carryOut(h)
}

func (w *world[M]) submit(id nodeID, rs ...bench.Request) {
	h := w.hosts[id]
	h.node.Submit(w.clock(h), rs, &w.out)
	w.carryOut(h)
}

// carryOut does what the calls to h have asked for. Messages to oneself come
// back before anything else happens.
func (w *world[M]) carryOut(h *host[M]) {
	var local []M
	for {
		for _, m := range w.out.Messages {
			if m.To == h.id {
				local = append(local, m.Msg)
			} else {
				w.send(h.id, m.To, m.Msg)
			}
		}
		h.pending = append(h.pending, w.out.Writes...)
		h.wake = w.out.Wake
		w.activity += len(w.out.Writes) + len(w.out.Events) + len(h.node.Replies)
		for _, e := range w.out.Events {
			w.saw.event(h.id, e)
		}
		for _, r := range h.node.Replies {
			w.saw.reply(r)
		}
		h.node.Replies = h.node.Replies[:0]
		w.out.Reset()
		if len(local) == 0 {
			break
		}
		m := local[0]
		local = local[1:]
		h.node.Receive(w.clock(h), h.id, m, &w.out)
	}
	if h.syncing == 0 && len(h.pending) > 0 { // what has gathered shares one fsync
		h.syncing, h.synced = len(h.pending), w.now+w.fsync()
	}
}

// --- time

// step does the next thing that is due by until, and reports whether there was
// one. Of things due at once, arrivals come first, then disks, then timers.
func (w *world[M]) step(until instant) bool {
	const never instant = 1<<63 - 1
	best, act := never, func() {}
	for from := range w.links {
		for to := range w.links[from] {
			if l := &w.links[from][to]; len(l.queue) > 0 && !l.cut && l.queue[0].due < best {
				best, act = l.queue[0].due, func() { w.arrive(nodeID(from), nodeID(to)) }
			}
		}
	}
	for _, h := range w.hosts[1:] {
		if h.syncing > 0 && !h.stalled && h.synced < best {
			best, act = h.synced, func() { w.persist(h.id, h.syncing) }
		}
	}
	for _, h := range w.hosts[1:] {
		if h.up && h.wake != 0 && max(h.wake-h.skew, h.dozing) < best {
			best, act = max(h.wake-h.skew, h.dozing), func() { w.wake(h.id) }
		}
	}
	if best > until {
		w.now = max(w.now, until)
		return false
	}
	w.now = max(w.now, best)
	act()
	return true
}

func (w *world[M]) advance(d instant) {
	for until := w.now + d; w.step(until); {
	}
}

// settle lets time pass until nothing has happened for the length of calm, and
// reports whether that came about within limit.
func (w *world[M]) settle(calm, limit instant) bool {
	last, since := w.activity, w.now
	for end := w.now + limit; w.now < end; {
		w.step(min(since+calm, end))
		if w.activity != last {
			last, since = w.activity, w.now
		} else if w.now >= since+calm {
			return true
		}
	}
	return false
}

// timeout moves the clock of a node to its next deadline.
func (w *world[M]) timeout(id nodeID) error {
	h := w.hosts[id]
	if h.wake == 0 {
		return fmt.Errorf("node %d waits for nothing", id)
	}
	h.skew += max(0, h.wake-w.clock(h))
	w.wake(id)
	return nil
}

// leader returns the active leader of the greatest epoch, or else whoever takes
// itself for the leader of the greatest epoch, or None.
func (w *world[M]) leader() nodeID {
	var best nodeID
	var of protocols.Status
	for _, h := range w.hosts[1:] {
		if !h.up {
			continue
		}
		s := h.node.Status()
		if s.Role != protocols.Leader {
			continue
		}
		if best == protocols.None || s.Active && !of.Active || s.Active == of.Active && s.Epoch > of.Epoch {
			best, of = h.id, s
		}
	}
	return best
}
