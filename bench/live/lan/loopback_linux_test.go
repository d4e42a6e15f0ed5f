package lan

import (
	"strconv"
	"testing"
	"time"

	"raftzab/bench/fault"
)

func loopbackOf(t *testing.T, nodes int) Network {
	t.Helper()
	n, err := Loopback(nodes)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

func TestProcessesOnLoopbackAreReachedAtTheirAddresses(t *testing.T) {
	const port = 21810
	n := loopbackOf(t, 3)
	for id := NodeID(1); id <= 3; id++ {
		start(t, n, id, "echo", n.Address(id).String()+":"+strconv.Itoa(port))
		for _, dial := range []dialer{n.Dial, n.Inside} {
			c, err := dial(id, port, time.Second)
			if err != nil {
				t.Fatal(err)
			}
			echoes(t, c)
			c.Close()
		}
	}
	if _, err := n.Dial(1, port+1, time.Second); err == nil {
		t.Error("a port where nobody listens answers")
	}
	if _, err := n.Dial(4, port, time.Second); err == nil {
		t.Error("there is a node 4 of 3")
	}
}

func TestTwoLoopbackNetworksDoNotMeet(t *testing.T) {
	seen := map[string]bool{}
	for range 50 {
		n := loopbackOf(t, 2)
		for id := NodeID(0); id <= 2; id++ {
			a := n.Address(id).String()
			if seen[a] {
				t.Fatalf("%s is on two networks", a)
			}
			seen[a] = true
		}
	}
}

func TestLoopbackHasNoFaults(t *testing.T) {
	n := loopbackOf(t, 2)
	for k := range fault.Kinds {
		if n.Supports(k) {
			t.Errorf("it supports %v", k)
		}
	}
	if err := n.Inject(fault.Fault{Kind: fault.Isolate, Nodes: []NodeID{1}}); err == nil {
		t.Error("a fault is taken and does nothing")
	}
	if n.PowerOff(1) == nil || n.PowerOn(1) == nil {
		t.Error("a machine is off that is ours")
	}
}

func TestClosingALoopbackNetworkEndsItsProcesses(t *testing.T) {
	n := loopbackOf(t, 1)
	cmd, _ := start(t, n, 1, "echo", n.Address(1).String()+":0")
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	gone(t, cmd.Process.Pid)
	if err := n.Start(1, role("echo", "127.0.0.1:0")); err == nil {
		t.Error("a closed network starts processes")
	}
}

// The child has no other reason to end: its standard input is the test's, and stays open.
func TestProcessesDieWithUsWhateverKillsUs(t *testing.T) {
	for _, kind := range []string{"loopback", "lan"} {
		t.Run(kind, func(t *testing.T) {
			if err := ours(); kind == "lan" && err != nil {
				t.Skip(err)
			}
			cmd := role("holder", kind)
			line := begin(t, cmd, cmd.Start)
			pid, err := strconv.Atoi(line)
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			gone(t, pid)
		})
	}
}
