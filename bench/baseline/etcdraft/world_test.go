package etcdraft

import (
	"math/rand/v2"
	"slices"
	"testing"

	"raftzab/protocols"
)

const ms = Time(1_000_000)

// A world drives a few replicas by hand: constant delays, one thing at a time,
// and every intermediate state open to a test.
type world struct {
	t       *testing.T
	now     Time
	delay   Time
	fsync   Time
	jitter  *rand.Rand // nil: none
	hosts   []*host    // by NodeID
	flying  []packet   // in order of sending
	cut     func(from, to NodeID) bool
	events  []seen
	refused []protocols.Refusal
}

type host struct {
	id        NodeID
	up        bool
	life      uint64
	rep       *Replica
	disk      protocols.Recovered
	writes    []protocols.Write
	syncAt    Time // when the fsync under way ends
	syncing   uint64
	wake      Time
	committed []protocols.Entry
	abandoned int
}

type packet struct {
	at       Time
	from, to NodeID
	msg      Message
}

type seen struct {
	at   Time
	node NodeID
	protocols.Event
}

func newWorld(t *testing.T, n int, delay, fsync Time) *world {
	w := &world{t: t, delay: delay, fsync: fsync, hosts: make([]*host, n+1)}
	for id := NodeID(1); int(id) <= n; id++ {
		w.hosts[id] = &host{id: id}
		w.start(id)
	}
	return w
}

func (w *world) config(id NodeID) Config {
	c := Config{ID: id, ElectionTimeout: Timeout{150 * ms, 300 * ms}, Heartbeat: 50 * ms}
	for v := range w.hosts[1:] {
		c.Voters = append(c.Voters, NodeID(v+1))
	}
	return c
}

func (w *world) start(id NodeID) {
	h := w.hosts[id]
	h.up, h.life, h.committed = true, h.life+1, nil
	h.rep = New(w.config(id), h.disk, rand.New(rand.NewPCG(uint64(id), h.life)))
	w.call(id, func(out *Output) { h.rep.Wake(w.now, out) })
}

// crash ends a life; the first kept of the writes under way are durable.
func (w *world) crash(id NodeID, kept int) {
	h := w.hosts[id]
	for _, wr := range h.writes[:min(kept, len(h.writes))] {
		h.disk.Apply(wr)
	}
	h.up, h.writes, h.syncAt = false, nil, 0
	w.flying = slices.DeleteFunc(w.flying, func(p packet) bool { return p.to == id || p.from == id })
}

func (w *world) call(id NodeID, f func(*Output)) {
	h := w.hosts[id]
	out := &Output{}
	out.Listen = protocols.AllEvents
	f(out)
	for _, e := range out.Messages {
		if e.To == id {
			w.t.Fatalf("%d sends %v to itself", id, e.Msg)
		}
		if w.cut == nil || !w.cut(id, e.To) {
			at := w.now + w.delay
			if w.jitter != nil {
				at += Time(w.jitter.Int64N(int64(w.delay)))
			}
			w.flying = append(w.flying, packet{at, id, e.To, e.Msg})
		}
	}
	for _, e := range out.Events {
		w.events = append(w.events, seen{w.now, id, e})
	}
	h.writes = append(h.writes, out.Writes...)
	h.committed = append(h.committed, out.Committed...)
	w.refused = append(w.refused, out.Refused...)
	if out.Abandoned {
		h.abandoned++
	}
	h.wake = out.Wake
	if h.syncAt == 0 && len(h.writes) > 0 {
		h.syncAt, h.syncing = w.now+w.fsync, h.writes[len(h.writes)-1].Seq
	}
}

func (w *world) persist(h *host) {
	h.syncAt = 0
	n := 0
	for n < len(h.writes) && h.writes[n].Seq <= h.syncing {
		h.disk.Apply(h.writes[n])
		n++
	}
	h.writes = h.writes[n:]
	w.call(h.id, func(out *Output) { h.rep.Persisted(w.now, h.syncing, out) })
}

// step carries out the next thing, and reports whether there was one until then.
func (w *world) step(until Time) bool {
	at, what := until+1, func() {}
	sooner := func(t Time, f func()) {
		if t < at {
			at, what = max(t, w.now), f
		}
	}
	for i, p := range w.flying {
		sooner(p.at, func() {
			w.flying = slices.Delete(w.flying, i, i+1)
			if h := w.hosts[p.to]; h.up {
				w.call(p.to, func(out *Output) { h.rep.Receive(w.now, p.from, p.msg, out) })
			}
		})
	}
	for _, h := range w.hosts[1:] {
		if h.up && h.syncAt > 0 {
			sooner(h.syncAt, func() { w.persist(h) })
		}
		if h.up && h.wake != 0 {
			sooner(h.wake, func() { w.call(h.id, func(out *Output) { h.rep.Wake(w.now, out) }) })
		}
	}
	if at > until {
		w.now = until
		return false
	}
	w.now = at
	what()
	return true
}

func (w *world) run(d Time) {
	for until := w.now + d; w.step(until); {
	}
}

// until runs until ok, at most for d.
func (w *world) until(d Time, what string, ok func() bool) {
	w.t.Helper()
	for end := w.now + d; !ok(); {
		if !w.step(end) {
			w.t.Fatalf("no %s within %d ms", what, d/ms)
		}
	}
}

// leader returns the active leader of the greatest term.
func (w *world) leader() (l NodeID) {
	var epoch uint64
	for _, h := range w.hosts[1:] {
		if s := h.rep.Status(); h.up && s.Role == protocols.Leader && s.Active && s.Epoch > epoch {
			l, epoch = h.id, s.Epoch
		}
	}
	return l
}

func (w *world) propose(id NodeID, seq uint32) {
	c := protocols.Command{ID: protocols.RequestID{Session: 1, Seq: seq}, Op: 1, Key: 7, Size: 100, Value: uint64(seq)}
	w.call(id, func(out *Output) { w.hosts[id].rep.Propose(w.now, []protocols.Command{c}, out) })
}

func (w *world) count(k protocols.EventKind) (n int) {
	for _, e := range w.events {
		if e.Kind == k {
			n++
		}
	}
	return n
}

// hand returns a message that no world sent.
func (w *world) hand(to NodeID, m Message) (out Output) {
	out.Listen = protocols.AllEvents
	w.hosts[to].rep.Receive(w.now, NodeID(m.GetFrom()), m, &out)
	return out
}
