package sim

import (
	"slices"
	"strings"
	"testing"

	"raftzab/bench"
	"raftzab/bench/fault"
	"raftzab/bench/network"
	"raftzab/bench/random"
	"raftzab/protocols"
)

// A stage is a cluster of recorders, and the handler that a test steers.
type stage struct {
	*ledger
	onWake func(now Time) Time
	seq    uint32
}

func newStage(t testing.TB, n int, seed uint64, edit func(*Config[note])) *stage {
	l := &ledger{t: t, lives: make([][]*recorder, n+1), up: make([]bool, n+1), paused: make([]bool, n+1), attempts: map[protocols.RequestID]*attempt{}, connections: map[[2]int]int{}}
	for id := range l.up {
		l.up[id] = id > 0
	}
	cfg := Config[note]{
		New:     l.born,
		Network: network.Config{Nodes: n, Default: network.Quality{Delay: random.Always(10 * ms)}, RTOMin: 20 * ms, RTOMax: 200 * ms},
		Fsync:   random.Always(4 * ms),
		Witness: l,
	}
	if edit != nil {
		edit(&cfg)
	}
	l.datagrams = cfg.Network.Channel == network.Datagram
	l.c = New(cfg, seed, 0)
	return &stage{ledger: l}
}

func (l *ledger) Booted(_ Time, id NodeID, _ protocols.Recovered)              { l.boots++ }
func (l *ledger) Wrote(Time, NodeID, protocols.Write)                          { l.wrotes++ }
func (l *ledger) Persisted(Time, NodeID, uint64)                               {}
func (l *ledger) Delivered(Time, NodeID, protocols.EntryID, []protocols.Entry) {}
func (l *ledger) Sent(_ Time, _, _ NodeID, _ uint8, size int) {
	l.sents++
	l.bytes += size
}

func (s *stage) Listen() protocols.EventSet            { return 0 }
func (s *stage) Observe(Time, NodeID, protocols.Event) {}
func (s *stage) Wake(now Time) Time {
	if s.onWake != nil {
		return s.onWake(now)
	}
	return 0
}

func (s *stage) run(until Time) {
	s.t.Helper()
	if err := s.c.Run(s, until); err != nil {
		s.t.Fatal(err)
	}
}

// strike injects a fault of single nodes and notes what it ends and begins.
func (s *stage) strike(k fault.Kind, ids ...NodeID) {
	s.step++
	for _, id := range ids {
		switch k {
		case fault.Crash, fault.PowerOff:
			s.up[id], s.paused[id] = false, false
		case fault.Restart:
			s.up[id] = true
		case fault.Pause:
			s.paused[id] = true
		case fault.Resume:
			s.paused[id] = false
			s.current(id).resumed = s.c.hosts[id].clock.read(s.c.Now())
		}
	}
	s.inject(fault.Fault{Kind: k, Nodes: ids})
}

func (s *stage) inject(f fault.Fault) {
	s.t.Helper()
	if err := s.c.Inject(f); err != nil {
		s.t.Fatal(err)
	}
	if f.Kind == fault.Clock {
		for _, id := range f.Nodes {
			if r := s.current(id); r != nil { // whatever it wanted to be woken for is past now
				r.resumed = s.c.hosts[id].clock.read(s.c.Now())
			}
		}
	}
}

// submit hands in a request of a session under its next number.
func (s *stage) submit(session uint32, to NodeID, op uint8) protocols.RequestID {
	s.seq++
	r := bench.Request{Command: protocols.Command{ID: protocols.RequestID{Session: session, Seq: s.seq}, Key: 1, Value: uint64(s.seq), Op: op}}
	s.attempts[r.ID] = &attempt{node: to, life: s.lifeOf(to), connection: s.connections[[2]int{int(session), int(to)}]}
	s.c.Submit(to, r)
	return r.ID
}

func (s *stage) disconnect(session uint32, node NodeID) {
	s.connections[[2]int{int(session), int(node)}]++
	s.c.Disconnect(session, node)
}

// arrived judges a request that reaches a node.
func (r *recorder) arrived(id protocols.RequestID) {
	a := r.attempts[id]
	switch {
	case a.node != r.id || a.life != r.life:
		r.fail("request %v reaches life %d of node %d; it was sent to life %d of node %d", id, r.life, r.id, a.life, a.node)
	case a.arrived:
		r.fail("request %v arrives twice", id)
	case a.connection != r.connections[[2]int{int(id.Session), int(r.id)}]:
		r.fail("request %v arrives on a connection that was dropped", id)
	case id.Seq < r.latest[id.Session]:
		r.fail("request %v arrives behind %d", id, r.latest[id.Session])
	}
	r.latest[id.Session] = id.Seq
	a.arrived = true
}

// Reply judges an answer.
func (s *stage) Reply(_ Time, r bench.Reply) {
	a := s.attempts[r.ID]
	switch a.replies++; {
	case !a.arrived || a.replies > 1 || a.node != r.Node:
		s.fail("%d replies to request %v at %d: %+v", a.replies, r.ID, a.node, r)
	case a.connection != s.connections[[2]int{int(r.ID.Session), int(r.Node)}]:
		s.fail("%+v comes on a connection that was dropped", r)
	}
}

// settled judges what became of all that was sent, once there is peace and the
// ends of every stream have heard of each other: it was delivered, or lost and
// then Disconnected at both ends that live.
func (s *stage) settled() (lost int) {
	for i := range s.sent {
		m := &s.sent[i]
		if m.delivered {
			continue
		}
		lost++
		if s.datagrams {
			continue // which nobody is told
		}
		if from := s.current(m.from); from.life == m.life && from.lost[m.to] < m.step {
			s.fail("%+v is lost, and the sender was not told", m.note)
		}
		// A new life never had the streams that were opened to its predecessors.
		if to := s.current(m.to); to.life == m.toLife && m.opened >= to.boot && to.lost[m.from] < m.step {
			s.fail("%+v, sent at step %d, is lost, and the receiver was not told", m.note, m.step)
		}
	}
	sent := 0
	for i := range s.sent {
		if s.sent[i].from != s.sent[i].to {
			sent++
		}
	}
	if s.sents != sent || s.wrotes != s.wrote {
		s.fail("the witness saw %d messages and %d writes; there were %d and %d", s.sents, s.wrotes, sent, s.wrote)
	}
	return lost
}

// A told stage is one whose nodes do what a test has told them to, at its time.
type told struct {
	*stage
	tasks [][]task // by node
}

type task struct {
	at Time
	do func(r *recorder, out *protocols.Output[note])
}

func tell(t testing.TB, n int, edit func(*Config[note])) *told {
	w := &told{newStage(t, n, 1, edit), make([][]task, n+1)}
	w.script = func(r *recorder, call string, out *protocols.Output[note]) {
		for i := 0; i < len(w.tasks[r.id]); {
			if x := w.tasks[r.id][i]; x.at <= r.now && (call == "wake" || call == "boot") {
				w.tasks[r.id] = slices.Delete(w.tasks[r.id], i, i+1)
				x.do(r, out)
				continue
			}
			i++
		}
		for _, x := range w.tasks[r.id] {
			if r.wake == 0 || x.at < r.wake {
				r.wake = x.at
			}
		}
	}
	return w
}

// at has a node do something at an instant. One that has asked for no alarm, or a
// later one, gets it earlier.
func (w *told) at(id NodeID, at Time, do func(r *recorder, out *protocols.Output[note])) {
	w.tasks[id] = append(w.tasks[id], task{at, do})
	if r, h := w.current(id), w.c.hosts[id]; h.up && (h.alarm == 0 || at < h.alarm) {
		h.alarm, r.wake = at, at
		w.c.arm(h)
	}
}

// sends has a node send a note.
func (w *told) sends(from NodeID, at Time, to NodeID) {
	w.at(from, at, func(r *recorder, out *protocols.Output[note]) { r.send(to, out) })
}

// hears compares what a life of a node heard: millisecond and call.
func (w *told) hears(id NodeID, life int, want ...string) {
	w.t.Helper()
	if len(w.lives[id]) < life {
		w.t.Fatalf("node %d has had %d lives", id, len(w.lives[id]))
	}
	got := slices.DeleteFunc(slices.Clone(w.lives[id][life-1].heard), func(s string) bool { return strings.HasSuffix(s, "wake") || strings.HasSuffix(s, "boot") })
	if !slices.Equal(got, want) {
		w.t.Errorf("life %d of node %d heard\n%q, want\n%q", life, id, got, want)
	}
}
