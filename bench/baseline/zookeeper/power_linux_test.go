package zookeeper

import (
	"net"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"raftzab/bench/fault"
	"raftzab/bench/live/clock"
	"raftzab/bench/live/lan"
	"raftzab/protocols"
)

// A ledger notes what a network is asked for, and of whom, dead or alive.
type ledger struct {
	lan.Network
	e     *Ensemble
	calls []string
}

func (l *ledger) note(what string, id protocols.NodeID) error {
	if l.e.servers[id-1].life.killed {
		what += " the dead"
	}
	l.calls = append(l.calls, what)
	return nil
}

func (l *ledger) Supports(fault.Kind) bool           { return true }
func (l *ledger) PowerOff(id protocols.NodeID) error { return l.note("off", id) }
func (l *ledger) PowerOn(id protocols.NodeID) error  { return l.note("on", id) }
func (l *ledger) Start(id protocols.NodeID, cmd *exec.Cmd) error {
	l.note("start", id)
	return cmd.Start()
}

// Were a server killed first, its kernel could still tell the peers.
func TestAMachineFallsSilentBeforeItsServerIsKilled(t *testing.T) {
	e := three(0)
	net := &ledger{e: e}
	e.network, e.in = net, newInbox()
	e.inst.Java = "true" // which takes any flags, and ends
	s := e.servers[0]
	s.log = t.TempDir() + "/log"
	live := func() {
		t.Helper()
		if err := e.boot(s); err != nil {
			t.Fatal(err)
		}
	}
	live()
	for _, k := range []fault.Kind{fault.PowerOff, fault.Restart, fault.Crash, fault.Restart} {
		if err := e.Inject(fault.Fault{Kind: k, Nodes: []protocols.NodeID{1}}); err != nil {
			t.Fatal(err)
		}
	}
	// A machine whose server crashed is still on.
	if want := []string{"start", "off", "on the dead", "start the dead", "start the dead"}; !slices.Equal(net.calls, want) {
		t.Errorf("the network was asked for %s", strings.Join(net.calls, ", "))
	}
	<-s.life.over
}

// A client cannot know that the machine at the other end was off, until it sends
// something: it would begin the next trial with that.
func TestClientsOfAMachineThatWasOffConnectAnewBeforeATrial(t *testing.T) {
	e := three(0)
	var err error
	if e.alarm, err = clock.NewAlarm(); err != nil {
		t.Fatal(err)
	}
	defer e.alarm.Close()
	e.in = newInbox()
	for _, s := range e.servers {
		s.life.view.phase = protocols.Broadcast
	}
	e.servers[2].life.view.role = protocols.Leader
	e.sessions = map[place]*session{}
	var ends [3]net.Conn
	for k := range ends {
		near, far := net.Pipe()
		defer far.Close()
		ends[k] = near
		e.sessions[place{1, protocols.NodeID(k + 1)}] = &session{server: &pinned{conn: near}}
	}
	hungUp := func(k int) bool {
		ends[k].SetReadDeadline(time.Now())
		_, err := ends[k].Read(make([]byte, 1))
		timeout, ok := err.(net.Error)
		return !ok || !timeout.Timeout()
	}
	e.servers[0].stale = true
	e.servers[1].stale, e.servers[1].dark, e.servers[1].life.killed = true, true, true
	for range 2 { // the second finds nothing more to do
		if err := e.Ready(time.Second); err != nil {
			t.Fatal(err)
		}
		if !hungUp(0) || hungUp(1) || hungUp(2) || e.servers[0].stale || !e.servers[1].stale {
			t.Errorf("back: hung up %v, still to do %v; off: %v, %v; on all the time: %v",
				hungUp(0), e.servers[0].stale, hungUp(1), e.servers[1].stale, hungUp(2))
		}
	}
}
