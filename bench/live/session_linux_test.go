package live

import (
	"errors"
	"net"
	"os/exec"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"raftzab/bench"
	"raftzab/bench/fault"
	"raftzab/bench/kv"
	"raftzab/bench/live/clock"
	"raftzab/bench/live/lan"
	"raftzab/protocols"
)

func TestWhatIsUnderWayAtADyingNodeIsUnknown(t *testing.T) {
	e := stage(t, 2, nil, nil)
	mustReady(t, e)
	c := newClient(t, e)
	c.connect(1, 2)
	c.connect(2, 2)
	const n = 50
	c.act(0, func() {
		for seq := uint32(1); seq <= n; seq++ {
			r := put(1, seq, swallow, 0)
			if seq%5 == 0 {
				r.Op = kv.Get
			}
			e.Submit(2, r)
		}
	})
	c.logs(2, "swallowed", n)
	c.inject(of(fault.Pause, 2)) // so that it reads no more
	c.stopped(2)
	line := e.sessions[place{2, 2}].line
	taken := func() int {
		line.session.mu.Lock()
		defer line.session.mu.Unlock()
		return len(line.underway) - line.answered
	}
	c.act(0, func() {
		r := put(2, 1, answer, 0)
		r.Size = 16 << 20 // more than any socket buffers
		e.Submit(2, r)
	})
	c.until("the great one is being written", func() bool { return taken() == 1 })
	c.act(20*time.Millisecond, func() {
		for seq := uint32(2); seq <= 5; seq++ {
			e.Submit(2, put(2, seq, answer, 0))
		}
	})
	if len(c.replies) != 0 || taken() != 1 {
		t.Errorf("before the death there are %d replies, and %d are under way", len(c.replies), taken())
	}
	c.inject(of(fault.Crash, 2))
	c.until("an outcome for all", func() bool { return len(c.replies) == n+5 })
	for seq := uint32(1); seq <= n; seq++ {
		want := "Unknown"
		if seq%5 == 0 { // a read that is not answered has done nothing
			want = "Refused"
		}
		if got := c.outcome(1, seq); got != want {
			t.Errorf("request %d: %s, not %s", seq, got, want)
		}
	}
	for seq := uint32(1); seq <= 5; seq++ {
		want := "Refused"
		if seq == 1 { // it was half written
			want = "Unknown"
		}
		if got := c.outcome(2, seq); got != want {
			t.Errorf("request %d behind the great one: %s, not %s", seq-1, got, want)
		}
	}
}

func TestRequestsGoOutInOrderAndManyAtOnce(t *testing.T) {
	e := stage(t, 1, nil, nil)
	mustReady(t, e)
	c := newClient(t, e)
	c.connect(1, 1)
	const n = 20_000
	c.act(0, func() {
		for seq := uint32(1); seq <= n; seq++ {
			e.Submit(1, put(1, seq, answer, uint64(seq)))
		}
	})
	c.until("all answers", func() bool { return len(c.order) == n })
	for i, id := range c.order {
		if r := c.replies[id]; id.Seq != uint32(i+1) || r.Value != uint64(id.Seq) || r.Outcome != bench.OK {
			t.Fatalf("the answer of number %d is %+v", i, r)
		}
	}
}

// Who answers nothing has only so much to answer.
func TestThereIsAnEndToWhatMayBeUnderWay(t *testing.T) {
	e := stage(t, 1, nil, nil)
	mustReady(t, e)
	c := newClient(t, e)
	c.connect(1, 1)
	c.inject(of(fault.Pause, 1))
	c.stopped(1)
	const more = 10
	c.act(0, func() {
		for seq := uint32(1); seq <= mostUnderWay+more; seq++ {
			e.Submit(1, put(1, seq, answer, 0))
		}
	})
	c.until("some replies", func() bool { return len(c.order) >= more })
	for i, id := range c.order {
		if id.Seq != uint32(mostUnderWay+1+i) || c.replies[id].Outcome != bench.Refused {
			t.Errorf("request %d: %v", id.Seq, c.replies[id].Outcome)
		}
	}
	c.inject(of(fault.Resume, 1))
	c.until("all answers", func() bool { return len(c.order) == mostUnderWay+more })
	c.act(0, func() { e.Submit(1, put(1, 1<<20, answer, 0)) })
	c.until("one more", func() bool { return c.outcome(1, 1<<20) == "OK" })
}

// An answer out of order finds its request, and the others keep theirs.
func TestAnswersMayComeOutOfOrder(t *testing.T) {
	l := &line{}
	for seq := range uint32(6) {
		l.underway = append(l.underway, attempt{request: put(1, seq, 0, uint64(seq))})
	}
	for _, seq := range []uint32{2, 0, 5, 1, 3, 4} {
		a, ok := l.done(protocols.RequestID{Session: 1, Seq: seq})
		if !ok || a.request.ID.Seq != seq || a.request.Value != uint64(seq) {
			t.Errorf("asked for %d: %+v, %v", seq, a.request, ok)
		}
		if _, again := l.done(protocols.RequestID{Session: 1, Seq: seq}); again {
			t.Errorf("%d is there again", seq)
		}
	}
	if len(l.underway) != 0 {
		t.Errorf("left: %+v", l.underway)
	}
}

func TestDisconnectDropsWhatIsUnderWay(t *testing.T) {
	e := stage(t, 1, nil, nil)
	mustReady(t, e)
	c := newClient(t, e)
	c.connect(1, 1)
	c.connect(2, 1)
	old := e.sessions[place{1, 1}].line
	c.act(0, func() {
		e.Submit(1, put(1, 1, swallow, 0))
		e.Submit(1, put(2, 1, swallow, 0))
	})
	c.logs(1, "swallowed", 2)
	c.act(0, func() {
		e.Submit(1, put(1, 2, answer, 0))
		for arrived := false; !arrived; time.Sleep(time.Millisecond) {
			e.in.mu.Lock()
			arrived = len(e.in.prompt) > 0
			e.in.mu.Unlock()
		}
		e.Disconnect(1, 1) // with that answer on the threshold
		e.Disconnect(1, 1)
		e.Disconnect(77, 1) // nobody
		e.Submit(1, put(1, 3, answer, 0))
	})
	if old.conn.SetDeadline(time.Now()) == nil {
		t.Error("the connection is open")
	}
	c.connect(1, 1)
	c.act(20*time.Millisecond, func() { e.Submit(1, put(2, 2, answer, 0)) })
	for seq, want := range map[uint32]string{1: "none", 2: "none"} {
		if got := c.outcome(1, seq); got != want {
			t.Errorf("request %d of the disconnected session: %s, not %s", seq, got, want)
		}
	}
	c.until("the other session's answer", func() bool { return c.outcome(2, 2) == "OK" })
	if got := c.outcome(2, 1); got != "none" {
		t.Errorf("request of the other session: %s", got)
	}
}

// A trial begins with what it has asked itself.
func TestReadyForgetsWhatIsUnderWay(t *testing.T) {
	e := stage(t, 1, nil, nil)
	mustReady(t, e)
	c := newClient(t, e)
	c.connect(1, 1)
	c.act(0, func() { e.Submit(1, put(1, 1, step, 3)); e.Submit(1, put(1, 2, answer, 0)) })
	mustReady(t, e)
	c.act(0, func() { e.Submit(1, put(1, 3, answer, 0)) })
	c.until("the answer", func() bool { return c.outcome(1, 3) == "OK" })
	if len(c.replies) != 1 {
		t.Errorf("replies %v", c.replies)
	}
}

func TestAnAnswerToNothingIsTheNodesMistake(t *testing.T) {
	for key, want := range map[uint32]string{wrong: "request {1 2}, which is not under way", stray: "as node 2 request {1 1}"} {
		e := stage(t, 1, nil, nil)
		mustReady(t, e)
		c := newClient(t, e)
		c.connect(1, 1)
		c.do = func(protocols.Time) protocols.Time { e.Submit(1, put(1, 1, key, 0)); return 0 }
		if err := e.Run(c, e.Now()+protocols.Time(patient)); err == nil || !contains(err, want) {
			t.Errorf("%v, not %q", err, want)
		}
	}
}

// However many wait, a closed door is knocked at by one, and when it opens all are
// in, even those whom it has let wait once more.
func TestOneKnocksForAll(t *testing.T) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	var dials, under, most atomic.Int64
	var open atomic.Bool
	d := &door{dial: func() (net.Conn, error) {
		n := dials.Add(1)
		most.Store(max(most.Load(), under.Add(1)))
		defer under.Add(-1)
		if !open.Load() || n%3 == 0 {
			return nil, errors.New("closed")
		}
		return net.Dial("tcp4", listener.Addr().String())
	}}
	var sessions []*session
	for range 50 {
		s := &session{node: 1, door: d, in: newInbox(clock.At(clock.Monotonic()), 0)}
		sessions = append(sessions, s)
		d.wait(s)
	}
	began := time.Now()
	time.Sleep(100 * time.Millisecond)
	if n, limit := dials.Load(), int64(time.Since(began)/knock)+2; most.Load() != 1 || n > limit || n < 1 {
		t.Errorf("%d knocks in %v, %d at once", n, time.Since(began), most.Load())
	}
	connected := func() (n int) {
		for _, s := range sessions {
			s.mu.Lock()
			if s.line != nil {
				n++
			}
			s.mu.Unlock()
		}
		return n
	}
	open.Store(true)
	for deadline := time.Now().Add(patient); connected() < len(sessions); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d are in", connected(), len(sessions))
		}
	}
	before := dials.Load()
	time.Sleep(20 * time.Millisecond)
	if dials.Load() != before {
		t.Error("somebody still knocks")
	}
	d.shut()
	for _, s := range sessions {
		s.close()
	}
	d.callers.Wait()
}

// How many requests a second go through, and what one costs this process; the nodes
// of this test answer at once.
func BenchmarkRequests(b *testing.B) {
	network, err := lan.Loopback(3)
	if err != nil {
		b.Fatal(err)
	}
	defer network.Close()
	cfg := Default()
	cfg.Network, cfg.Nodes, cfg.Dir = network, 3, b.TempDir()
	cfg.Program = func(id protocols.NodeID, life uint64, dir string) *exec.Cmd {
		return (&actor{ID: id, Life: life, Addr: network.Address(id), Start: cfg.Clock.Start(), Leader: 1}).command()
	}
	e, err := Start(cfg)
	if err != nil {
		b.Fatal(err)
	}
	defer e.Close()
	if err := e.Ready(patient); err != nil {
		b.Fatal(err)
	}
	l := &loop{e: e}
	cpu := func() time.Duration {
		var u syscall.Rusage
		syscall.Getrusage(syscall.RUSAGE_SELF, &u)
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	began := cpu()
	b.ResetTimer()
	for l.answered < b.N {
		if err := e.Run(l, e.Now()+10*ms); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
	b.ReportMetric(float64(cpu()-began)/float64(b.N)/1e3, "cpu-µs/request")
}

// A loop is 64 clients, each with one request under way.
type loop struct {
	e        *Ensemble
	begun    bool
	answered int
	seq      [65]uint32
}

func (l *loop) submit(session uint32) {
	l.seq[session]++
	l.e.Submit(protocols.NodeID(session%3+1), put(session, l.seq[session], answer, 0))
}

func (l *loop) Wake(protocols.Time) protocols.Time {
	for session := uint32(1); session <= 64 && !l.begun; session++ {
		l.submit(session)
	}
	l.begun = true
	return 0
}

func (l *loop) Reply(now protocols.Time, r bench.Reply) {
	if r.Outcome == bench.OK {
		l.answered++
	}
	l.submit(r.ID.Session)
}

func (l *loop) Listen() protocols.EventSet                                { return 0 }
func (l *loop) Observe(protocols.Time, protocols.NodeID, protocols.Event) {}
