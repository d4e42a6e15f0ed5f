package zookeeper

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"raftzab/bench"
	"raftzab/bench/fault"
	"raftzab/bench/live/lan"
	"raftzab/bench/network"
	"raftzab/bench/random"
	"raftzab/protocols"
)

// Three voters and an observer on machines of their own. Their leader is parted
// from them, and while it is, nobody gets a write through it. It comes back, the
// machine of the next leader falls silent and starts again, and all that the
// clients were told is true in the end.
func TestMajorityGoesOnWithoutALeaderThatIsPartedOrSilent(t *testing.T) {
	inst := install(t)
	if err := lan.Possible(); err != nil {
		t.Skip(err)
	}
	net, err := lan.New(lan.Config{Network: network.Config{Nodes: 4, Default: network.Quality{Delay: random.Always(ms)}}, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := net.Close(); err != nil {
			t.Error(err)
		}
	}()
	c := fast()
	c.Tick, c.InitLimit, c.SyncLimit = 200*time.Millisecond, 5, 5 // a busy machine must not depose anybody
	c.Network, c.Observers = net, 1
	c.Properties = map[string]string{"zookeeper.fastleader.maxNotificationInterval": "500"}
	e, err := Start(context.Background(), inst, c)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	const observer = protocols.NodeID(4)
	p := &prober{e: e, every: 5 * ms}
	p.untilAllWrite(t)
	old := e.leading()
	p.allServe(t)
	asked(t, e, observer, "srvr", "Mode: observer\n", fmt.Sprintf("Zxid: 0x%x000", e.established))
	asked(t, e, observer, "mntr", "zk_peer_state\tobserving - broadcast\n", "zk_observer_master_id\t")
	asked(t, e, old, "mntr", "zk_synced_followers\t2\n", "zk_synced_observers\t1\n")

	// Clients reach both sides, and so does Ask.
	var rest []protocols.NodeID
	for id := protocols.NodeID(1); id <= observer; id++ {
		if id != old {
			rest = append(rest, id)
		}
	}
	t0 := e.Now() + 50*ms
	p.at, p.faults = []protocols.Time{t0}, []fault.Fault{{Kind: fault.Partition, Groups: [][]protocols.NodeID{{old}, rest}}}
	next, noticed := p.untilReplaced(t, old, t0)
	if next == observer || next == protocols.None || noticed < 300*ms {
		t.Errorf("server %d parted: noticed after %.1f ms, replaced by %d", old, float64(noticed)/1e6, next)
	}
	p.until(t, func() bool { s, _ := e.Status(old); return s.Role == protocols.Candidate })
	if s, ok := e.Status(old); !ok || s.Active {
		t.Errorf("the old leader is %+v", s)
	}
	asked(t, e, old, "srvr", "not currently serving requests")
	if n := p.acknowledged(old, t0); n > 0 {
		t.Errorf("%d writes that began after the partition got through the old leader", n)
	}
	if err := e.Inject(fault.Fault{Kind: fault.Heal}); err != nil {
		t.Fatal(err)
	}
	if err := e.Ready(15 * time.Second); err != nil {
		t.Fatal(err)
	}
	p.allServe(t)

	// Nobody is told that a machine is off: it is noticed by its silence only.
	next = e.leading()
	t1 := e.Now() + 100*ms
	p.at, p.faults = []protocols.Time{t1}, []fault.Fault{{Kind: fault.PowerOff, Nodes: []protocols.NodeID{next}}}
	third, noticed := p.untilReplaced(t, next, t1)
	if third == observer || third == protocols.None || noticed < 300*ms {
		t.Errorf("server %d off: noticed after %.1f ms, replaced by %d", next, float64(noticed)/1e6, third)
	}
	if n := p.acknowledged(next, t1); n > 0 {
		t.Errorf("%d writes got through the server that is off", n)
	}
	if _, ok := e.Status(next); ok {
		t.Error("the server that is off answers")
	}
	if err := e.Inject(fault.Fault{Kind: fault.Restart, Nodes: []protocols.NodeID{next}}); err != nil {
		t.Fatal(err)
	}
	if err := e.Ready(15 * time.Second); err != nil {
		t.Fatal(err)
	}
	p.allServe(t)
	p.untilAllWrite(t)
	checkOutcomes(t, p)

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
	other := exec.Command("true")
	if err := net.Start(1, other); err != nil {
		t.Errorf("the network is not left to its owner: %v", err)
	} else if err := other.Wait(); err != nil {
		t.Error(err)
	}
}

// until runs until something is so, for 10 s at most.
func (p *prober) until(t *testing.T, so func() bool) {
	t.Helper()
	for end := p.e.Now() + 10_000*ms; !so(); p.run(t, 20*time.Millisecond) {
		if p.e.Now() > end {
			t.Fatal("that has not come about in 10 s")
		}
	}
}

// untilAllWrite runs until clients get writes through every server.
func (p *prober) untilAllWrite(t *testing.T) {
	t.Helper()
	t0 := p.e.Now()
	p.until(t, func() bool {
		for _, s := range p.e.servers {
			if p.acknowledged(s.id, t0) == 0 {
				return false
			}
		}
		return true
	})
}

// untilReplaced runs until a server has taken the place of old, which a fault
// strikes at t0, and clients get writes through it. It returns who, and how long
// it took until the first of the others gave old up.
func (p *prober) untilReplaced(t *testing.T, old protocols.NodeID, t0 protocols.Time) (next protocols.NodeID, noticed protocols.Time) {
	t.Helper()
	p.until(t, func() bool {
		_, next = p.first(t0, func(e protocols.Event) bool { return e.Kind == protocols.Activated })
		return next != protocols.None && p.acknowledged(next, t0) > 0
	})
	for _, e := range p.events {
		if e.at >= t0 && e.node != old && e.value.Kind == protocols.RoleChanged && e.value.Role == protocols.Candidate {
			return next, e.at - t0
		}
	}
	return next, 0
}

// allServe checks that three voters and an observer serve under one leader.
func (p *prober) allServe(t *testing.T) {
	t.Helper()
	leader := p.e.leading()
	for _, s := range p.e.servers {
		want := protocols.Follower
		switch {
		case s.id == leader:
			want = protocols.Leader
		case !s.voter:
			want = protocols.Observer
		}
		if st, ok := p.e.Status(s.id); !ok || !st.Active || st.Role != want || st.Leader != leader {
			t.Errorf("server %d is %+v, answers: %v; the leader is %d", s.id, st, ok, leader)
		}
	}
}

// acknowledged counts the writes that began after t0 and got through a server.
func (p *prober) acknowledged(id protocols.NodeID, t0 protocols.Time) (n int) {
	for _, r := range p.replies {
		if r.node == id && r.sent > t0 && r.value.Outcome == bench.OK {
			n++
		}
	}
	return n
}
