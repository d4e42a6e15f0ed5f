package zab

import (
	"container/heap"
	"fmt"
	"testing"

	"raftzab/protocols"
)

// A world drives servers by hand: constant delays, group commit, streams that
// break, crashes that leave a chosen prefix of the writes under way. After every
// call it checks the replica's invariants, and at every delivery that all
// servers deliver one sequence.

type world struct {
	t            *testing.T
	now          Time
	delay, fsync Time
	servers      []*server // by NodeID
	queue        events
	ord          int
	out          Output
	cut          func(from, to NodeID) bool // packets that vanish
	trace        func(from, to NodeID, m Message)

	order       []Entry           // what has been delivered, by anybody
	established map[uint64]NodeID // by epoch
	probes      []probe           // all events
	done        map[uint32]Time   // proposals answered by Committed, by sequence number
	refused     map[uint32]NodeID // by Refused, with the hint
	open        map[uint32]NodeID // proposals without an answer, and where
	abandoned   map[uint32]Time   // by Abandoned
	sent        [MessageTypes]int // packets
	reads       []protocols.ReadState
}

type probe struct {
	at   Time
	node NodeID
	Event
}

type server struct {
	id        NodeID
	cfg       Config
	r         *Replica
	up        bool
	silent    bool // powered off: nobody is told
	life      int
	disk      protocols.Recovered
	writes    []protocols.Write // not durable
	inSync    int               // so many of them in the fsync under way
	stream    []int             // by peer
	delivered int               // in this life
	alarm     Time
}

type event struct {
	at  Time
	ord int
	run func()
}

type events []event

func (q events) Len() int { return len(q) }
func (q events) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].ord < q[j].ord
}
func (q events) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *events) Push(e any)   { *q = append(*q, e.(event)) }
func (q *events) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	*q = (*q)[:last]
	return e
}

// testConfig has a tick of 50 ms: a learner is given up after 200.
func testConfig(n int) Config {
	c := Default()
	c.Tick, c.SyncLimit = 50*millisecond, 4
	for id := 1; id <= n; id++ {
		c.Voters = append(c.Voters, NodeID(id))
	}
	return c
}

func newWorld(t *testing.T, n int) *world {
	w := &world{t: t, delay: 1 * millisecond, fsync: millisecond / 2, established: map[uint64]NodeID{},
		done: map[uint32]Time{}, refused: map[uint32]NodeID{}, open: map[uint32]NodeID{}, abandoned: map[uint32]Time{}}
	w.out.Listen = protocols.AllEvents
	w.servers = make([]*server, n+1)
	for id := 1; id <= n; id++ {
		s := &server{id: NodeID(id), cfg: testConfig(n), stream: make([]int, n+1)}
		s.cfg.ID = s.id
		w.servers[id] = s
	}
	return w
}

// ensemble returns a world in which everybody has just been started.
func ensemble(t *testing.T, n int) *world {
	w := newWorld(t, n)
	w.startAll()
	return w
}

func (w *world) startAll() {
	for _, s := range w.servers[1:] {
		w.start(s.id)
	}
}

func (w *world) at(t Time, run func()) {
	w.ord++
	heap.Push(&w.queue, event{t, w.ord, run})
}

func (w *world) run(d Time) {
	until := w.now + d
	for w.step(until) {
	}
}

// runUntil stops as soon as ok holds, and fails after limit.
func (w *world) runUntil(what string, limit Time, ok func() bool) {
	w.t.Helper()
	for until := w.now + limit; !ok(); {
		if !w.step(until) {
			for _, s := range w.servers[1:] {
				w.t.Logf("%d up=%v: %v", s.id, s.up, s.r)
			}
			w.t.Fatalf("%s: not within %d ms", what, limit/millisecond)
		}
	}
}

func (w *world) step(until Time) bool {
	if len(w.queue) == 0 || w.queue[0].at > until {
		w.now = until
		return false
	}
	e := heap.Pop(&w.queue).(event)
	w.now = e.at
	e.run()
	return true
}

// call hands an input to a server that is up and carries out what comes of it.
func (w *world) call(s *server, input func(r *Replica)) {
	input(s.r)
	for {
		if problem := s.r.valid(); problem != "" {
			w.t.Fatalf("server %d, %s: %v", s.id, problem, s.r)
		}
		var local []Message
		for _, e := range w.out.Messages {
			if e.To == s.id {
				local = append(local, e.Msg)
			} else {
				w.send(s, e.To, e.Msg)
			}
			if w.trace != nil {
				w.trace(s.id, e.To, e.Msg)
			}
		}
		w.takeIn(s)
		w.out.Reset()
		if len(local) == 0 {
			break
		}
		for _, m := range local {
			s.r.Receive(w.now, s.id, m, &w.out)
		}
	}
	w.sync(s)
}

// takeIn handles all outputs but the messages.
func (w *world) takeIn(s *server) {
	s.writes = append(s.writes, w.out.Writes...)
	w.arm(s, w.out.Wake)
	for _, e := range w.out.Events {
		w.probes = append(w.probes, probe{w.now, s.id, e})
		if e.Kind == protocols.Activated {
			if other, ok := w.established[e.Epoch]; ok {
				w.t.Fatalf("epoch %d established by %d and %d", e.Epoch, other, s.id)
			}
			w.established[e.Epoch] = s.id
		}
	}
	for _, e := range w.out.Committed {
		if s.delivered == len(w.order) {
			w.order = append(w.order, e)
		} else if w.order[s.delivered] != e {
			w.t.Fatalf("server %d delivers %v at place %d, others %v", s.id, e.ID, s.delivered, w.order[s.delivered].ID)
		}
		s.delivered++
		if seq := e.Command.ID.Seq; w.open[seq] == s.id {
			delete(w.open, seq)
			w.done[seq] = w.now
		}
	}
	w.reads = append(w.reads, w.out.Reads...)
	for _, f := range w.out.Refused {
		if w.open[f.ID.Seq] != s.id {
			w.t.Fatalf("server %d refuses %v, which is not its own", s.id, f.ID)
		}
		delete(w.open, f.ID.Seq)
		w.refused[f.ID.Seq] = f.Leader
	}
	if w.out.Abandoned {
		w.abandon(s)
	}
}

func (w *world) abandon(s *server) {
	for seq, at := range w.open {
		if at == s.id {
			delete(w.open, seq)
			w.abandoned[seq] = w.now
		}
	}
}

func (w *world) arm(s *server, at Time) {
	s.alarm = at
	if at == 0 {
		return
	}
	life := s.life
	w.at(max(at, w.now), func() {
		if s.life == life && s.alarm == at {
			w.call(s, func(r *Replica) { r.Wake(w.now, &w.out) })
		}
	})
}

func (w *world) send(s *server, to NodeID, m Message) {
	if Traffic(m.Kind()) {
		w.sent[m.Type]++
	}
	if w.cut != nil && w.cut(s.id, to) {
		return
	}
	from, stream, target := s.id, s.stream[to], w.servers[to]
	w.at(w.now+w.delay, func() {
		switch {
		case !target.up && target.silent:
		case !target.up || stream < target.stream[from]:
			w.broken(from, to, target.stream[from])
		default:
			if stream > target.stream[from] {
				w.disconnect(target, from, stream)
			}
			w.call(target, func(r *Replica) { r.Receive(w.now, from, m, &w.out) })
		}
	})
}

// broken tells a server, a delay later, that its stream with peer has gone.
func (w *world) broken(id, peer NodeID, stream int) {
	s, life := w.servers[id], w.servers[id].life
	w.at(w.now+w.delay, func() {
		if s.up && s.life == life && s.stream[peer] < stream {
			w.disconnect(s, peer, stream)
		}
	})
}

func (w *world) disconnect(s *server, peer NodeID, stream int) {
	s.stream[peer] = stream
	w.call(s, func(r *Replica) { r.Disconnected(w.now, peer, &w.out) })
}

// breakStream cuts the stream between two servers that go on.
func (w *world) breakStream(a, b NodeID) {
	stream := max(w.servers[a].stream[b], w.servers[b].stream[a]) + 1
	w.broken(a, b, stream)
	w.broken(b, a, stream)
}

func (w *world) sync(s *server) {
	if s.inSync > 0 || len(s.writes) == 0 {
		return
	}
	s.inSync = len(s.writes)
	life := s.life
	w.at(w.now+w.fsync, func() {
		if s.life != life {
			return
		}
		seq := s.writes[s.inSync-1].Seq
		for _, wr := range s.writes[:s.inSync] {
			s.disk.Apply(wr)
		}
		s.writes = append([]protocols.Write(nil), s.writes[s.inSync:]...)
		s.inSync = 0
		w.call(s, func(r *Replica) { r.Persisted(w.now, seq, &w.out) })
	})
}

func (w *world) start(id NodeID) {
	s := w.servers[id]
	s.life++
	s.up, s.delivered = true, 0
	s.r = New(s.cfg, s.disk, nil)
	w.call(s, func(r *Replica) { r.Wake(w.now, &w.out) })
}

// crash ends a life; the first keep of the writes under way become durable.
func (w *world) crash(id NodeID, keep int) {
	w.stop(id, keep)
	for _, p := range w.servers[1:] {
		if p.id != id {
			w.broken(p.id, id, w.servers[id].stream[p.id])
		}
	}
}

// powerOff is a crash of which nobody is told.
func (w *world) powerOff(id NodeID, keep int) {
	w.stop(id, keep)
	w.servers[id].silent = true
}

func (w *world) stop(id NodeID, keep int) {
	s := w.servers[id]
	for _, wr := range s.writes[:min(keep, len(s.writes))] {
		s.disk.Apply(wr)
	}
	s.up, s.silent, s.writes, s.inSync, s.alarm = false, false, nil, 0, 0
	s.life++
	for p := range s.stream {
		s.stream[p]++
	}
	w.abandon(s)
}

// propose submits writes, numbered from seq, to a server.
func (w *world) propose(id NodeID, seqs ...uint32) {
	var cs []Command
	for _, seq := range seqs {
		w.open[seq] = id
		cs = append(cs, Command{ID: protocols.RequestID{Session: 1, Seq: seq}, Op: 1, Size: 16})
	}
	w.call(w.servers[id], func(r *Replica) { r.Propose(w.now, cs, &w.out) })
}

// leader returns the active leader of the greatest epoch.
func (w *world) leader() NodeID {
	best := NodeID(0)
	for _, s := range w.servers[1:] {
		if s.up && s.r.role == protocols.Leader && s.r.serving && (best == 0 || s.r.currentEpoch > w.servers[best].r.currentEpoch) {
			best = s.id
		}
	}
	return best
}

// settle runs until all that are up serve under one leader and are level.
func (w *world) settle() NodeID {
	w.t.Helper()
	w.runUntil("all serve and are level", 5*second, func() bool {
		l := w.leader()
		if l == 0 {
			return false
		}
		for _, s := range w.servers[1:] {
			if s.up && (!s.r.serving || s.r.leader != l || s.r.committed != w.servers[l].r.history.Last() || s.r.durable != s.r.committed) {
				return false
			}
		}
		return true
	})
	return w.leader()
}

// find returns the events of a kind since from.
func (w *world) find(from Time, kind protocols.EventKind) (found []probe) {
	for _, p := range w.probes {
		if p.at >= from && p.Kind == kind {
			found = append(found, p)
		}
	}
	return found
}

func (p probe) String() string {
	return fmt.Sprintf("%d at %d us: %v %v %v peer %d epoch %d %v", p.node, p.at/1000, p.Kind, p.Role, p.Phase, p.Peer, p.Epoch, p.At)
}

// cutOff parts the server from the others; packets vanish, and nobody is told.
func (w *world) cutOff(alone NodeID) {
	w.heal()
	w.cut = func(a, b NodeID) bool { return (a == alone) != (b == alone) }
}

// heal ends a cut. What vanished was lost with its stream, so both ends hear of
// that before anything else.
func (w *world) heal() {
	cut := w.cut
	if w.cut = nil; cut == nil {
		return
	}
	for _, a := range w.servers[1:] {
		for _, b := range w.servers[1:a.id] {
			if !cut(a.id, b.id) {
				continue
			}
			stream := max(a.stream[b.id], b.stream[a.id]) + 1
			if a.up {
				w.disconnect(a, b.id, stream)
			}
			if b.up {
				w.disconnect(b, a.id, stream)
			}
		}
	}
}
