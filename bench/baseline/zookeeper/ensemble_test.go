//go:build linux

package zookeeper

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"raftzab/bench"
	"raftzab/bench/fault"
	"raftzab/bench/kv"
	"raftzab/protocols"
)

const ms = protocols.Time(time.Millisecond)

// install finds ZooKeeper, or skips the test and says why.
func install(t *testing.T) Installation {
	t.Helper()
	inst, err := Find()
	if err != nil {
		t.Skip(err)
	}
	return inst
}

// fast gives a silent leader up after a second: a busy machine must not depose one
// that is only slow.
func fast() Config {
	c := Default()
	c.Tick, c.InitLimit, c.SyncLimit = 200*time.Millisecond, 10, 5
	return c
}

func (e *Ensemble) leading() protocols.NodeID {
	for _, s := range e.servers {
		if st, ok := e.Status(s.id); ok && st.Active && st.Role == protocols.Leader {
			return s.id
		}
	}
	return protocols.None
}

// One ensemble, because booting is what takes time: its leader is killed and
// comes back, the next one is paused and goes on, and all that its clients were
// told is true in the end.
func TestEnsembleReplacesItsLeaderAndKeepsWhatItAcknowledged(t *testing.T) {
	inst := install(t)
	t.Log(inst.Version())
	// From a thread that ends here: the servers must not end with it.
	var e *Ensemble
	var err error
	started := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer close(started)
		e, err = Start(context.Background(), inst, fast())
	}()
	<-started
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()

	if addr := e.network.Address(1); !addr.IsLoopback() {
		t.Errorf("server 1 is at %v", addr)
	}
	p := &prober{e: e, every: 5 * ms}
	p.untilAllWrite(t)
	old := e.leading()
	asked(t, e, old, "srvr", "Mode: leader\n", fmt.Sprintf("Zxid: 0x%x000", e.established))
	asked(t, e, old%3+1, "srvr", "Mode: follower\n", fmt.Sprintf("Zxid: 0x%x000", e.established))
	asked(t, e, old, "mntr", "zk_peer_state\tleading - broadcast\n", "zk_synced_followers\t2\n")
	for _, k := range []fault.Kind{fault.PowerOff, fault.Partition, fault.Isolate, fault.Cut, fault.Heal, fault.Link} {
		if err := e.Inject(fault.Fault{Kind: k, Nodes: []protocols.NodeID{old}}); e.Supports(k) || err == nil {
			t.Errorf("%v on loopback: supported %v, %v", k, e.Supports(k), err)
		}
	}
	t0 := e.Now() + 100*ms
	p.at, p.faults = []protocols.Time{t0}, []fault.Fault{{Kind: fault.Crash, Nodes: []protocols.NodeID{old}}}
	_, detected := p.untilReplaced(t, old, t0)
	before, replied := len(p.sent), 0
	p.until(t, func() bool { // no client waits for an answer
		replied = 0
		for _, r := range p.replies {
			if int(r.value.ID.Seq) <= before {
				replied++
			}
		}
		return replied == before
	})

	// The phases come in order, and finalizeWait is 200 ms.
	elected, winner := p.first(t0, func(e protocols.Event) bool { return e.Kind == protocols.Elected })
	activated, active := p.first(t0, func(e protocols.Event) bool { return e.Kind == protocols.Activated })
	if winner == protocols.None || winner == old || active != winner || detected <= 0 || elected < detected+100*ms || activated <= elected {
		t.Errorf("server %d killed: noticed after %.1f ms, %d elected after %.1f, %d active after %.1f",
			old, float64(detected)/1e6, winner, float64(elected)/1e6, active, float64(activated)/1e6)
	}
	// The outage seen from outside is at least as long. Once a client of the dead
	// server has noticed, it is refused at once.
	outage, noticed := protocols.Time(0), protocols.Time(0)
	for _, r := range p.replies {
		if r.value.Outcome == bench.OK && r.sent >= t0 && outage == 0 {
			outage = r.at - t0
		}
		if r.node == old && r.sent > t0 {
			if r.value.Outcome == bench.Refused && noticed == 0 {
				noticed = r.at
			}
			if noticed > 0 && r.sent > noticed && (r.value.Outcome != bench.Refused || r.at-r.sent > 500*ms) {
				t.Errorf("request %d to the dead server: outcome %d after %.1f ms", r.value.ID.Seq, r.value.Outcome, float64(r.at-r.sent)/1e6)
			}
		}
	}
	if noticed == 0 || outage < elected || outage > activated+5000*ms {
		t.Errorf("outage %.1f ms, and active after %.1f; the dead server's client noticed: %v", float64(outage)/1e6, float64(activated)/1e6, noticed > 0)
	}
	t.Logf("crash: detected %.1f ms, elected %.1f, active %.1f, outage %.1f", float64(detected)/1e6, float64(elected)/1e6, float64(activated)/1e6, float64(outage)/1e6)

	if _, ok := e.Status(old); ok {
		t.Error("the dead server answers")
	}
	if said, err := e.Ask(old, "srvr"); err == nil {
		t.Errorf("the dead server says %q", said)
	}
	if err := e.Inject(fault.Fault{Kind: fault.Crash, Nodes: []protocols.NodeID{old}}); err == nil {
		t.Error("a dead server is killed again")
	}
	if err := e.Inject(fault.Fault{Kind: fault.Restart, Nodes: []protocols.NodeID{old}}); err != nil {
		t.Fatal(err)
	}
	if err := e.Ready(30 * time.Second); err != nil {
		t.Fatal(err)
	}
	if s, ok := e.Status(old); !ok || !s.Active || s.Leader != e.leading() || s.Role != protocols.Follower {
		t.Errorf("the old leader is back as %+v", s)
	}

	// A silent leader is given up after syncLimit ticks, and follows when it is back.
	paused := e.leading()
	t1 := e.Now() + 100*ms
	p.at, p.faults = []protocols.Time{t1}, []fault.Fault{{Kind: fault.Pause, Nodes: []protocols.NodeID{paused}}}
	if _, detected = p.untilReplaced(t, paused, t1); detected < 300*ms {
		t.Errorf("the paused leader is given up after %.1f ms", float64(detected)/1e6)
	}
	if err := e.Inject(fault.Fault{Kind: fault.Resume, Nodes: []protocols.NodeID{paused}}); err != nil {
		t.Fatal(err)
	}
	if err := e.Ready(30 * time.Second); err != nil {
		t.Fatal(err)
	}
	checkOutcomes(t, p)

	// A server that ends without a fault is the world's failure.
	e.servers[0].life.cmd.Process.Kill()
	if err := e.Run(p, e.Now()+5000*ms); err == nil || !strings.Contains(err.Error(), "server 1 ended on its own") {
		t.Errorf("a server killed from outside: %v", err)
	}

	dir := e.dir
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	if left := processesUnder(dir); len(left) > 0 {
		t.Errorf("processes left: %v", left)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Errorf("%s is left", dir)
	}
}

// asked looks for what a server shall say of itself.
func asked(t *testing.T, e *Ensemble, id protocols.NodeID, word string, want ...string) {
	t.Helper()
	said, err := e.Ask(id, word)
	for _, w := range want {
		if err != nil || !strings.Contains(said, w) {
			t.Errorf("server %d asked for %s says no %q but %q, %v", id, word, w, said, err)
		}
	}
}

// checkOutcomes reads every key through a server that did not write it. Its
// version counts the writes that took effect: all the acknowledged ones, none
// of the refused ones, and maybe those of unknown fate.
func checkOutcomes(t *testing.T, p *prober) {
	t.Helper()
	ok, open := map[uint32]uint64{}, map[uint32]uint64{}
	for id := range p.sent {
		open[id.Session]++ // no reply, if Ready forgot it
	}
	for _, r := range p.replies {
		switch s := r.value.ID.Session; r.value.Outcome {
		case bench.OK:
			if ok[s]++; r.value.Version < ok[s] || r.value.Version > ok[s]+open[s] {
				t.Errorf("session %d: acknowledgement %d has version %d", s, ok[s], r.value.Version)
			}
			open[s]--
		case bench.Refused:
			open[s]--
		}
	}
	reader := &keyReader{e: p.e, reads: map[protocols.RequestID]bench.Reply{}}
	for end := p.e.Now() + 5000*ms; len(reader.reads) < len(p.e.servers) && p.e.Now() < end; {
		if err := p.e.Run(reader, p.e.Now()+50*ms); err != nil {
			t.Fatal(err)
		}
	}
	for key := uint32(1); int(key) <= len(p.e.servers); key++ {
		r, found := reader.reads[protocols.RequestID{Session: 100 + key, Seq: 1}]
		if !found || ok[key] == 0 || r.Version < ok[key] || r.Version > ok[key]+open[key] {
			t.Errorf("key %d: read %+v; %d acknowledged writes, %d of unknown fate", key, r, ok[key], open[key])
		}
	}
}

// A keyReader reads the key of each server at the next server, with sync, once
// it gets through.
type keyReader struct {
	e     *Ensemble
	reads map[protocols.RequestID]bench.Reply
}

func (k *keyReader) Wake(now protocols.Time) protocols.Time {
	servers := uint32(len(k.e.servers))
	for key := uint32(1); key <= servers; key++ {
		id := protocols.RequestID{Session: 100 + key, Seq: 1}
		if _, done := k.reads[id]; !done {
			k.e.Submit(protocols.NodeID(key%servers+1), bench.Request{Command: protocols.Command{ID: id, Op: kv.Get, Key: key}, Mode: protocols.ReadSync})
		}
	}
	return now + 50*ms
}

func (k *keyReader) Reply(_ protocols.Time, r bench.Reply) {
	if r.Outcome == bench.OK && r.ID.Session > 100 { // or it is of a write before
		k.reads[r.ID] = r
	}
}
func (k *keyReader) Listen() protocols.EventSet                                { return 0 }
func (k *keyReader) Observe(protocols.Time, protocols.NodeID, protocols.Event) {}

func TestStartThatFailsShowsTheEndOfTheLog(t *testing.T) {
	inst := install(t)
	inst.ClassPath = []string{filepath.Join(t.TempDir(), "nothing.jar")}
	_, err := Start(context.Background(), inst, fast())
	if err == nil || !strings.Contains(err.Error(), "ended on its own") || !strings.Contains(err.Error(), "QuorumPeerMain") {
		t.Errorf("%v", err)
	}
}

const helperDir = "RAFTZAB_ZOOKEEPER_TEST_DIR" // makes the test binary the parent that is killed

func TestNoServerIsLeftWhenTheParentIsKilled(t *testing.T) {
	if dir := os.Getenv(helperDir); dir != "" {
		c := fast()
		c.Dir, c.Voters = dir, 2
		_, err := Start(context.Background(), install(t), c)
		fmt.Println("started:", err)
		time.Sleep(time.Minute) // until it is killed
		return
	}
	install(t)
	dir := t.TempDir()
	parent := exec.Command(os.Args[0], "-test.run=^TestNoServerIsLeftWhenTheParentIsKilled$")
	parent.Env = append(os.Environ(), helperDir+"="+dir)
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	defer parent.Wait()
	defer parent.Process.Kill()
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "started: <nil>\n" {
		t.Fatalf("the helper says %q, %v", line, err)
	}
	if running := processesUnder(dir); len(running) != 2 {
		t.Fatalf("servers %v are running", running)
	}
	parent.Process.Kill()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		left := processesUnder(dir)
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("processes %v are left", left)
		}
	}
}

// processesUnder finds the processes with a file of dir on their command line.
// A dead one that nobody has reaped has no command line.
func processesUnder(dir string) (found []string) {
	names, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, name := range names {
		line, err := os.ReadFile(name)
		if err == nil && strings.Contains(string(line), dir+"/") {
			found = append(found, filepath.Base(filepath.Dir(name)))
		}
	}
	return found
}
