package zookeeper

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

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
	c.Network, c.Observers, c.InitLimit = net, 1, 5
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
	if err := e.Ready(30 * time.Second); err != nil {
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
	if err := e.Ready(30 * time.Second); err != nil {
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
