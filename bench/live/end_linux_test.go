package live

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"raftzab/bench/fault"
	"raftzab/bench/live/lan"
	"raftzab/protocols"
)

func TestANodeThatEndsOnItsOwnIsReportedWithItsLastWords(t *testing.T) {
	for _, c := range []struct {
		last string
		want []string
		not  string
	}{
		{"panic", []string{"node 2 ended on its own: exit status 2", "panic: the actor has forgotten its lines"}, "before"},
		{"words", []string{"node 2 ended on its own: exit status 1: no stage", "node 2, life 1"}, ""},
		{"babble", []string{"node 2 ended on its own: wire: a frame of over 64 MiB", "node 2, life 1"}, ""},
		{"cut", []string{"node 2 ended on its own: unexpected EOF", "node 2, life 1"}, ""},
	} {
		t.Run(c.last, func(t *testing.T) {
			e := stage(t, 2, nil, func(a *actor) {
				if a.ID == 2 {
					a.Last = c.last
				}
			})
			var err error
			for deadline := time.Now().Add(patient); err == nil && time.Now().Before(deadline); {
				err = e.Run(newClient(t, e), e.Now()+10*ms)
			}
			if err == nil {
				t.Fatal("nobody is told")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
			if c.not != "" && strings.Contains(err.Error(), c.not) {
				t.Errorf("%q says %q", err, c.not)
			}
			if _, ok := e.Status(2); ok {
				t.Error("it still answers")
			}
			if again := e.Run(newClient(t, e), e.Now()); again != err {
				t.Errorf("and then: %v", again)
			}
		})
	}
}

func TestANodeKilledFromOutsideIsReported(t *testing.T) {
	e := stage(t, 1, nil, nil)
	mustReady(t, e)
	e.nodes[0].life.cmd.Process.Kill()
	if err := e.Run(newClient(t, e), e.Now()+protocols.Time(patient)); err == nil || !strings.Contains(err.Error(), "node 1 ended on its own: signal: killed") {
		t.Errorf("%v", err)
	}
}

func TestReadyTellsWhoIsNotAndShowsTheirLogs(t *testing.T) {
	e := stage(t, 3, nil, func(a *actor) {
		a.Leader = 3
		switch a.ID {
		case 1:
			a.Mute = true
		case 2:
			a.Leader = 1
		}
	})
	newClient(t, e).logs(1, "node 1, life 1", 1)
	mustBe := func(err error, wants ...string) {
		t.Helper()
		for _, want := range wants {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v\ndoes not say %q", err, want)
			}
		}
	}
	newClient(t, e).until("two of the three speak", func() bool {
		_, second := e.Status(2)
		_, third := e.Status(3)
		return second && third
	})
	err := e.Ready(100 * time.Millisecond)
	mustBe(err, "node 1 does not answer", "node 1, life 1", "node 2 says {Role:follower Active:true Leader:1", "node 2, life 1")
	if err != nil && strings.Contains(err.Error(), "node 3") {
		t.Errorf("%v\nsays something of node 3, which leads", err)
	}
	for id := range e.nodes {
		e.nodes[id].life.dead = true
	}
	mustBe(e.Ready(0), "no node is up")
	for id := range e.nodes {
		e.nodes[id].life.dead = false
	}
}

func TestOneLeaderThatAllFollowIsWhole(t *testing.T) {
	leader := protocols.Status{Role: protocols.Leader, Active: true, Leader: 1, Epoch: 3}
	follower := protocols.Status{Role: protocols.Follower, Active: true, Leader: 1, Epoch: 3}
	with := func(s protocols.Status, change func(*protocols.Status)) protocols.Status { change(&s); return s }
	for _, c := range []struct {
		name   string
		first  protocols.Status
		second protocols.Status
		whole  bool
	}{
		{"all is well", leader, follower, true},
		{"an observer follows", leader, with(follower, func(s *protocols.Status) { s.Role = protocols.Observer }), true},
		{"nobody leads", follower, follower, false},
		{"the leader is not active", with(leader, func(s *protocols.Status) { s.Active = false }), follower, false},
		{"a follower does not serve", leader, with(follower, func(s *protocols.Status) { s.Active = false }), false},
		{"a follower has another leader", leader, with(follower, func(s *protocols.Status) { s.Leader = 2 }), false},
		{"a follower is behind", leader, with(follower, func(s *protocols.Status) { s.Epoch = 2 }), false},
		{"two lead", leader, with(leader, func(s *protocols.Status) { s.Leader, s.Epoch = 2, 4 }), false},
	} {
		e := &Ensemble{}
		for i, s := range []protocols.Status{c.first, c.second} {
			n := &node{id: protocols.NodeID(i + 1)}
			n.life = &life{node: n, ready: true, known: true, status: s}
			e.nodes = append(e.nodes, n)
		}
		if got := e.misfits(nil); len(got) == 0 != c.whole {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// alive reports whether a process is there, reaped or not.
func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

func TestCloseLeavesNothing(t *testing.T) {
	network, err := lan.Loopback(4)
	if err != nil {
		t.Fatal(err)
	}
	defer network.Close()
	e := stageOn(t, network, 4, func(c *Config) { c.Dir = "" }, nil)
	mustReady(t, e)
	c := newClient(t, e)
	c.connect(1, 1)
	var lives []*life
	for _, n := range e.nodes {
		lives = append(lives, n.life)
	}
	c.inject(of(fault.Pause, 2))
	c.inject(of(fault.Crash, 3))
	c.act(0, func() { e.Submit(3, put(1, 1, answer, 0)) }) // a session that knocks
	dir := e.Dir()
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	for _, l := range lives {
		if !l.gone() || alive(l.cmd.Process.Pid) {
			t.Errorf("process %d is left", l.cmd.Process.Pid)
		}
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is left: %v", dir, err)
	}
	if err := e.Close(); err != nil {
		t.Errorf("closed again: %v", err)
	}

	// Where there is nothing else to wait for, it waits for the processes.
	e = stageOn(t, network, 4, nil, nil)
	mustReady(t, e)
	last := e.nodes[3].life
	if err := e.Close(); err != nil || !last.gone() {
		t.Errorf("closed with a process left (%v)", err)
	}
}

func TestAStartThatFailsLeavesNothing(t *testing.T) {
	network, err := lan.Loopback(2)
	if err != nil {
		t.Fatal(err)
	}
	defer network.Close()
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	cfg := Default()
	cfg.Network, cfg.Nodes = network, 2
	var first *exec.Cmd
	cfg.Program = func(id protocols.NodeID, life uint64, _ string) *exec.Cmd {
		if id == 2 {
			return exec.Command("/nothing")
		}
		first = (&actor{ID: id, Life: life, Addr: network.Address(id)}).command()
		return first
	}
	if _, err = Start(cfg); err == nil || !strings.Contains(err.Error(), "node 2: start /nothing") {
		t.Errorf("%v", err)
	}
	if alive(first.Process.Pid) {
		t.Error("the first node is left")
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("%v are left", left)
	}
	if _, err := Start(Config{}); err == nil || strings.Count(err.Error(), "\n") != 4 {
		t.Errorf("an empty configuration: %v", err)
	}
}

// On a LAN a machine that is off is silent: its client waits. When it is on again it
// is another one.
func TestAMachineWithoutPowerIsSilent(t *testing.T) {
	if err := lan.Possible(); err != nil {
		t.Skip(err)
	}
	var cfg lan.Config
	cfg.Network.Nodes = 2
	network, err := lan.New(cfg)
	if err != nil && os.Geteuid() != 0 {
		t.Skipf("not in this process, though with Reexec: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer network.Close()
	e := stageOn(t, network, 2, nil, nil)
	mustReady(t, e)
	c := newClient(t, e)
	c.connect(1, 1)
	c.connect(2, 2)
	c.act(100*time.Millisecond, func() {
		if err := errors.Join(e.Inject(of(fault.PowerOff, 2)), e.Inject(of(fault.Crash, 1))); err != nil {
			t.Error(err)
		}
		e.Submit(2, put(2, 1, answer, 0))
	})
	c.act(0, func() { e.Submit(1, put(1, 1, answer, 0)) })
	c.until("a word to the client of the crashed process", func() bool { return c.outcome(1, 1) != "none" })
	if c.outcome(2, 1) != "none" {
		t.Errorf("the client of the machine without power is told %s", c.outcome(2, 1))
	}
	c.inject(of(fault.Restart, 1, 2))
	c.until("the new machine breaks the old connection", func() bool { return c.outcome(2, 1) != "none" })
	if c.outcome(2, 1) != "Unknown" {
		t.Errorf("what was written to it: %s", c.outcome(2, 1))
	}
	c.connect(2, 2)
	mustReady(t, e)
}

func TestPressureIsTheKernelsTotal(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"some avg10=2.74 avg60=18.26 avg300=19.52 total=195578428\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n": 195578428 * time.Microsecond,
		"full avg10=0.00 avg60=0.00 avg300=0.00 total=7\n":                                                           -1,
		"some avg10=0.00\n":      -1,
		"some total=yesterday\n": -1,
		"":                       -1,
	} {
		if got, ok := parsePressure(text); ok != (want >= 0) || ok && got != want {
			t.Errorf("%q: %v, %v", text, got, ok)
		}
	}
	a, b := Pressure{at: 1e9, stalled: time.Second}, Pressure{at: 3e9, stalled: time.Second + 500*time.Millisecond}
	if got := b.Since(a); got != 0.25 {
		t.Errorf("half a second of two: %v", got)
	}
	if got := a.Since(a); got != 0 {
		t.Errorf("no time: %v", got)
	}
	if _, err := os.Stat("/proc/pressure/cpu"); err == nil {
		p, ok := ReadPressure()
		q, _ := ReadPressure()
		if share := q.Since(p); !ok || q.at < p.at || share < 0 || share > 1 {
			t.Errorf("%+v, then %+v", p, q)
		}
	}
}

func TestTheTailOfALogIsItsEndOrItsPanic(t *testing.T) {
	n := &node{log: t.TempDir() + "/log"}
	if got := n.tail(); !strings.Contains(got, "no log") {
		t.Errorf("without a log: %q", got)
	}
	lines := bytes.Repeat([]byte("line\n"), 10_000)
	for _, c := range []struct {
		text        []byte
		first, last string
		lines       int
	}{
		{[]byte("one\ntwo\n"), "one", "two", 2},
		{append(lines[:len(lines):len(lines)], "end\n"...), "line", "end", 20},
		{append(append(lines[:len(lines):len(lines)], "panic: here\n"...), lines[:500]...), "panic: here", "line", 20},
		{append(append(lines[:len(lines):len(lines)], "fatal error: here\n"...), "end"...), "fatal error: here", "end", 2},
	} {
		if err := os.WriteFile(n.log, c.text, 0o644); err != nil {
			t.Fatal(err)
		}
		got := strings.Split(n.tail(), "\n")
		if len(got) != c.lines || got[0] != c.first || got[len(got)-1] != c.last {
			t.Errorf("%d lines from %q to %q", len(got), got[0], got[len(got)-1])
		}
	}
}
