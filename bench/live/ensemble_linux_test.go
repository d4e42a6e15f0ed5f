package live

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"raftzab/bench"
	"raftzab/bench/fault"
	"raftzab/bench/live/lan"
	"raftzab/bench/random"
	"raftzab/protocols"
)

const (
	ms      = protocols.Time(time.Millisecond)
	patient = 20 * time.Second // for what is a matter of milliseconds, on a machine that others use
)

// stage starts n actors on the loopback interface; change may give them other
// roles, and the ensemble another configuration.
func stage(t *testing.T, n int, change func(*Config), cast func(*actor)) *Ensemble {
	t.Helper()
	network, err := lan.Loopback(n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := network.Close(); err != nil {
			t.Error(err)
		}
	})
	return stageOn(t, network, n, change, cast)
}

func stageOn(t *testing.T, network lan.Network, n int, change func(*Config), cast func(*actor)) *Ensemble {
	t.Helper()
	cfg := Default()
	cfg.Network, cfg.Nodes, cfg.Dir = network, n, t.TempDir()
	cfg.Faults = append(cfg.Faults, fault.Disk, fault.Clock, fault.Transfer)
	cfg.Program = func(id protocols.NodeID, life uint64, dir string) *exec.Cmd {
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			t.Errorf("the folder %s of node %d: %v", dir, id, err)
		}
		a := &actor{ID: id, Life: life, Addr: network.Address(id), Start: cfg.Clock.Start(), Leader: 1}
		if cast != nil {
			cast(a)
		}
		return a.command()
	}
	if change != nil {
		change(&cfg)
	}
	e, err := Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// A client notes what it is told. What it does besides is a function.
type client struct {
	t        *testing.T
	e        *Ensemble
	do       func(now protocols.Time) protocols.Time
	listen   protocols.EventSet
	watch    func(now protocols.Time, node protocols.NodeID, ev protocols.Event)
	oks      int
	replies  map[protocols.RequestID]bench.Reply
	order    []protocols.RequestID // of the replies
	last     protocols.Time
	observed protocols.Time
}

func newClient(t *testing.T, e *Ensemble) *client {
	return &client{t: t, e: e, replies: map[protocols.RequestID]bench.Reply{}}
}

func (c *client) now(now protocols.Time) {
	if now < c.last || now > c.e.Now() {
		c.t.Errorf("told that it is %d, after %d and at %d", now, c.last, c.e.Now())
	}
	c.last = now
}

func (c *client) Wake(now protocols.Time) protocols.Time {
	c.now(now)
	if c.do == nil {
		return 0
	}
	return c.do(now)
}

func (c *client) Reply(now protocols.Time, r bench.Reply) {
	c.now(now)
	if _, twice := c.replies[r.ID]; twice {
		c.t.Errorf("request %v has two replies", r.ID)
	}
	c.replies[r.ID] = r
	c.order = append(c.order, r.ID)
	if r.Outcome == bench.OK {
		c.oks++
	}
}

func (c *client) Listen() protocols.EventSet { return c.listen }

func (c *client) Observe(now protocols.Time, node protocols.NodeID, ev protocols.Event) {
	// On a busy machine a report may come too late for its place; the ensemble counts it.
	if now < c.observed && c.e.order.late == 0 || now > c.e.Now() {
		c.t.Errorf("told of something at %d, after something at %d", now, c.observed)
	}
	c.observed = now
	if c.watch != nil {
		c.watch(now, node, ev)
	}
}

// act has f do something as a Handler may, and lets d pass.
func (c *client) act(d time.Duration, f func()) {
	c.t.Helper()
	c.do = func(protocols.Time) protocols.Time { f(); return 0 }
	if err := c.e.Run(c, c.e.Now()+protocols.Time(d)); err != nil {
		c.t.Fatal(err)
	}
	c.do = nil
}

func (c *client) inject(f fault.Fault) {
	c.t.Helper()
	c.act(0, func() {
		if err := c.e.Inject(f); err != nil {
			c.t.Error(err)
		}
	})
}

// until runs until cond holds.
func (c *client) until(what string, cond func() bool) {
	c.t.Helper()
	for deadline := time.Now().Add(patient); !cond(); {
		if time.Now().After(deadline) {
			c.t.Fatalf("%s: not after %v", what, patient)
		}
		if err := c.e.Run(c, c.e.Now()+5*ms); err != nil {
			c.t.Fatalf("%s: %v", what, err)
		}
	}
}

// connect opens a session at a node; its first requests are of high numbers.
func (c *client) connect(session uint32, node protocols.NodeID) {
	c.t.Helper()
	seq := uint32(1 << 30)
	c.until(fmt.Sprintf("session %d at node %d", session, node), func() bool {
		seq++
		c.act(0, func() { c.e.Submit(node, put(session, seq, answer, 0)) })
		return slices.ContainsFunc(c.order, func(id protocols.RequestID) bool {
			return id.Session == session && id.Seq > 1<<30 && c.replies[id].Outcome == bench.OK && c.replies[id].Node == node
		})
	})
	c.until("the last answers", func() bool { _, ok := c.replies[protocols.RequestID{Session: session, Seq: seq}]; return ok })
	for id := range c.replies {
		if id.Seq > 1<<30 && id.Session == session {
			delete(c.replies, id)
		}
	}
	c.order = c.order[:0]
}

func (c *client) outcome(session, seq uint32) string {
	r, ok := c.replies[protocols.RequestID{Session: session, Seq: seq}]
	if !ok {
		return "none"
	}
	return [...]string{"OK", "Refused", "Unknown"}[r.Outcome]
}

// logs waits until a node's log has a text so many times.
func (c *client) logs(node int, text string, times int) {
	c.t.Helper()
	c.until(fmt.Sprintf("%q in the log of node %d", text, node), func() bool {
		log, err := os.ReadFile(fmt.Sprintf("%s/node%d.log", c.e.Dir(), node))
		return err == nil && strings.Count(string(log), text) >= times
	})
}

func mustReady(t *testing.T, e *Ensemble) {
	t.Helper()
	if err := e.Ready(patient); err != nil {
		t.Fatal(err)
	}
}

// stopped waits until a signal has reached all of a process: its threads go on until
// each has had a core to take it in.
func (c *client) stopped(id protocols.NodeID) {
	c.t.Helper()
	c.until("the process stops", func() bool {
		states, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", c.e.nodes[id-1].life.cmd.Process.Pid))
		return len(states) > 0 && !slices.ContainsFunc(states, func(name string) bool {
			text, err := os.ReadFile(name)
			return err != nil || !strings.Contains(string(text), ") T ")
		})
	})
}

func of(k fault.Kind, nodes ...protocols.NodeID) fault.Fault {
	return fault.Fault{Kind: k, Nodes: nodes}
}

func TestACrashedNodeIsDownUntilItIsStartedAgain(t *testing.T) {
	e := stage(t, 3, nil, nil)
	mustReady(t, e)
	c := newClient(t, e)
	c.connect(1, 1)
	c.connect(2, 2)
	c.inject(of(fault.Crash, 2))
	if s, ok := e.Status(2); ok {
		t.Errorf("the dead node says %+v", s)
	}
	<-e.nodes[1].life.over
	c.until("its client's connection breaks", func() bool {
		c.act(0, func() { e.Submit(2, put(2, uint32(len(c.replies)+1), answer, 0)) })
		return len(c.replies) > 3 && c.replies[c.order[len(c.order)-1]].Outcome == bench.Refused
	})
	c.act(0, func() {
		e.Submit(2, put(2, 1000, answer, 0))
		e.Submit(1, put(1, 1000, answer, 0))
	})
	if c.outcome(2, 1000) != "Refused" { // at once
		t.Errorf("a request to the dead node: %s", c.outcome(2, 1000))
	}
	c.until("the answer of another node", func() bool { return c.outcome(1, 1000) != "none" })
	if c.outcome(1, 1000) != "OK" {
		t.Errorf("a request to another node: %s", c.outcome(1, 1000))
	}
	c.inject(of(fault.Crash, 2)) // for nothing
	mustReady(t, e)              // without it
	c.inject(of(fault.Restart, 2))
	mustReady(t, e)
	if s, ok := e.Status(2); !ok || s.Leader != 1 {
		t.Errorf("started again it says %+v, %v", s, ok)
	}
	c.connect(2, 2)
	c.inject(of(fault.Restart, 2)) // for nothing
	c.act(0, func() { e.Submit(2, put(2, 2000, answer, 0)) })
	c.until("an answer", func() bool { return c.outcome(2, 2000) != "none" })
	if r := c.replies[protocols.RequestID{Session: 2, Seq: 2000}]; r.Version != 2 {
		t.Errorf("life %d answers: %+v", r.Version, r)
	}
}

func TestAPausedNodeAnswersWhenItGoesOn(t *testing.T) {
	e := stage(t, 2, nil, nil)
	mustReady(t, e)
	c := newClient(t, e)
	c.connect(1, 2)
	c.inject(of(fault.Pause, 2))
	if _, ok := e.Status(2); ok {
		t.Error("the paused node says something")
	}
	c.stopped(2)
	mustReady(t, e) // without it
	c.act(100*time.Millisecond, func() { e.Submit(2, put(1, 1, answer, 0)) })
	if c.outcome(1, 1) != "none" {
		t.Errorf("a paused node is asked: %s", c.outcome(1, 1))
	}
	c.inject(of(fault.Resume, 2))
	c.until("the answer", func() bool { return c.outcome(1, 1) == "OK" })
	if s, ok := e.Status(2); !ok || s.Leader != 1 {
		t.Errorf("when it goes on it says %+v, %v", s, ok)
	}
	c.inject(of(fault.Pause, 2))
	c.inject(of(fault.Crash, 2)) // a paused one can die
	c.inject(of(fault.Resume, 2))
	c.inject(of(fault.Restart, 2))
	mustReady(t, e)
	if s, ok := e.Status(2); !ok || s.Last.Index != 1 {
		t.Errorf("started again it says %+v, %v", s, ok)
	}
}

// An order of faults is one that a wrong order would show in.
type witnessing struct {
	lan.Network
	t     *testing.T
	e     *Ensemble
	power []string
}

func (w *witnessing) Supports(k fault.Kind) bool { return ofNetwork(k) }
func (w *witnessing) Observed() []string         { return []string{"a network"} }

func (w *witnessing) PowerOff(id protocols.NodeID) error {
	if l := w.e.nodes[id-1].life; l.dead || l.gone() {
		w.t.Error("the process dies before its machine is silent")
	}
	w.power = append(w.power, fmt.Sprint("off ", id))
	return nil
}

func (w *witnessing) PowerOn(id protocols.NodeID) error {
	if !w.e.nodes[id-1].life.gone() {
		w.t.Error("a new machine runs beside the old process")
	}
	w.power = append(w.power, fmt.Sprint("on ", id))
	return nil
}

func (w *witnessing) Inject(f fault.Fault) error {
	w.power = append(w.power, f.String())
	return nil
}

func TestTheNetworkIsToldFirst(t *testing.T) {
	loopback, err := lan.Loopback(2)
	if err != nil {
		t.Fatal(err)
	}
	defer loopback.Close()
	w := &witnessing{Network: loopback, t: t}
	e := stageOn(t, w, 2, nil, nil)
	w.e = e
	mustReady(t, e)
	c := newClient(t, e)
	for _, f := range []fault.Fault{of(fault.PowerOff, 2), of(fault.PowerOff, 2), of(fault.Restart, 2), of(fault.Crash, 2), of(fault.Restart, 2),
		of(fault.Isolate, 1), {Kind: fault.Heal}} {
		c.inject(f)
		mustReady(t, e)
	}
	if got, want := strings.Join(w.power, ", "), "off 2, on 2, isolate [1], heal"; got != want {
		t.Errorf("the network is told %q, not %q", got, want)
	}
	e.order.count, e.order.late, e.order.latest = 77, 5, 3*ms
	if got := e.Observed(); len(got) != 2 || got[0] != "a network" || !strings.Contains(got[1], "of 77 reports of nodes, held back for 2ms, 5 came too late for their place, by up to 3ms") {
		t.Errorf("observed %q", got)
	}
}

func TestWhatTheNetworkCannotDoIsNoFaultOfTheEnsemble(t *testing.T) {
	e := stage(t, 1, func(c *Config) {
		c.Faults = slices.DeleteFunc(c.Faults, func(k fault.Kind) bool { return k == fault.Clock })
	}, nil)
	for k := fault.Crash; k < fault.Kinds; k++ {
		want := slices.Contains([]fault.Kind{fault.Crash, fault.Restart, fault.Pause, fault.Resume, fault.Disk, fault.Transfer}, k)
		if e.Supports(k) != want {
			t.Errorf("%v: %v", k, !want)
		}
		if err := e.Inject(of(k)); (err == nil) != want {
			t.Errorf("%v injected: %v", k, err)
		}
	}
	if !e.SupportsRead(protocols.ReadLocal) || e.SupportsRead(protocols.ReadSync) {
		t.Error("it supports other read modes than it is told")
	}
	if err := e.Inject(of(fault.Crash, 2)); err == nil {
		t.Error("a node that there is not crashes")
	}
}

func TestOrdersReachTheNodeAndEachOfItsLives(t *testing.T) {
	e := stage(t, 2, nil, nil)
	mustReady(t, e)
	c := newClient(t, e)
	c.listen = protocols.Events(protocols.Applied)
	slow := random.Distribution{Shape: random.Constant, A: 30 * ms}
	c.inject(fault.Fault{Kind: fault.Disk, Nodes: []protocols.NodeID{2}, Fsync: slow})
	c.inject(fault.Fault{Kind: fault.Clock, Nodes: []protocols.NodeID{2}, Skew: 5 * ms, Drift: 0.25})
	c.inject(of(fault.Transfer, 2))
	c.logs(2, "life 1: listen 0x800 false", 1)
	c.logs(2, "life 1: disk "+slow.String()+" false false", 1)
	c.logs(2, "life 1: clock {Skew:5000000 Drift:0.25 Back:false}", 1)
	for node := 1; node <= 2; node++ {
		c.logs(node, "life 1: transfer to 2", 1)
	}

	// A failing disk ends a life, and that is no mistake.
	c.inject(fault.Fault{Kind: fault.Disk, Nodes: []protocols.NodeID{2}, Fail: true})
	c.until("the disk fails", func() bool { _, ok := e.Status(2); return !ok })
	c.inject(of(fault.Restart, 2))
	c.logs(2, "life 2: listen 0x800 false", 1)
	c.logs(2, "life 2: disk "+slow.String()+" false false", 1)
	c.logs(2, "life 2: clock {Skew:0 Drift:0.25 Back:false}", 1)
	c.inject(fault.Fault{Kind: fault.Disk, Nodes: []protocols.NodeID{2}, Back: true})
	c.inject(fault.Fault{Kind: fault.Clock, Nodes: []protocols.NodeID{2}, Back: true})
	c.logs(2, "life 2: disk constant(0s) false true", 1)
	c.logs(2, "life 2: clock {Skew:0 Drift:0 Back:true}", 1)
	mustReady(t, e)
	log, err := os.ReadFile(e.Dir() + "/node1.log")
	if err != nil || strings.Contains(string(log), "clock") || strings.Contains(string(log), "disk") {
		t.Errorf("the other node is told, too: %s, %v", log, err)
	}
}
