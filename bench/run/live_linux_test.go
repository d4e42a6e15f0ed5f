package run

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"testing"
	"time"

	"raftzab/bench/baseline/zookeeper"
	"raftzab/bench/fault"
	"raftzab/bench/live"
	"raftzab/bench/live/host"
	"raftzab/bench/live/lan"
	"raftzab/protocols"
)

// These tests run ensembles of processes. A node is this test binary in another role.

var profiles = flag.String("profiles", "", "a folder: each node of the load test leaves a CPU profile there")

// profilesKey hands -profiles on to the nodes.
const profilesKey = "RAFTZAB_TEST_PROFILES"

func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "node" {
		profile(os.Getenv(profilesKey))
		err := Serve(os.Args[2])
		fmt.Fprintln(os.Stderr, err)
		if errors.Is(err, host.ErrDisk) {
			os.Exit(live.ExitDisk)
		}
		os.Exit(1)
	}
	lan.Reexec() // where it fails there is no LAN, and tests say what they do without
	os.Exit(m.Run())
}

// profile writes a CPU profile of this process, of a time when it is warm: the
// process will be killed, and cannot do so at its end.
func profile(dir string) {
	if dir == "" {
		return
	}
	go func() {
		time.Sleep(4 * time.Second)
		f, err := os.Create(filepath.Join(dir, fmt.Sprintf("node-%d.prof", os.Getpid())))
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return
		}
		time.Sleep(6 * time.Second)
		pprof.StopCPUProfile()
	}()
}

// liveCell is a cell of three servers whose timeouts a busy machine does not exceed
// by itself.
func liveCell(system string, timeout Duration) *Cell {
	c := failover(system, fault.Crash, 1)
	c.Mode, c.Settings.Faults, c.Settings.Probe.Interval = Live, nil, 0
	c.Settings.Cluster = Cluster{Voters: 3}
	c.Settings.Raft.ElectionTimeout, c.Settings.Raft.Heartbeat = Range{timeout, 2 * timeout}, timeout/4
	c.Settings.Zab.Tick = timeout / 4
	return c
}

// raise boots the servers of a cell, on a network, for clients of their own; no
// trial runs. Both are closed with the test. A ZooKeeper's JVMs get these flags, if any.
func raise(t *testing.T, cell *Cell, jvm ...string) servers {
	t.Helper()
	system, err := Lookup(cell.System)
	if err != nil {
		t.Fatal(err)
	}
	if why := system.Missing(cell.World()); why != "" {
		t.Skip(why)
	}
	w := &processed{cell: cell}
	if w.network, err = place(cell); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.close(); err != nil {
			t.Error(err)
		}
	})
	if cell.System == "zookeeper" {
		s, x := &cell.Settings, zookeeper.Default()
		x.Network, x.Voters, x.Absent, x.Tick, x.SyncLimit = w.network, s.Cluster.Voters, s.Cluster.Absent, time.Duration(s.Zab.Tick), s.Zab.SyncLimit
		x.JVM = jvm
		inst, err := installed()
		if err != nil {
			t.Fatal(err)
		}
		e, err := zookeeper.Start(context.Background(), inst, x)
		if err != nil {
			t.Fatal(err)
		}
		w.servers = e
	} else {
		cfg, err := nodes(system, cell, w)
		if err != nil {
			t.Fatal(err)
		}
		e, err := live.Start(cfg)
		if err != nil {
			t.Fatal(err)
		}
		w.servers = e
	}
	if err := w.servers.Ready(settling); err != nil {
		t.Fatal(err)
	}
	return w.servers
}

// leads returns the active leader, if there is one that all others follow.
func leads(s servers, n int) NodeID {
	leader := protocols.None
	var epoch uint64
	for id := NodeID(1); int(id) <= n; id++ {
		if st, ok := s.Status(id); ok && st.Role == protocols.Leader && st.Active {
			if leader != protocols.None {
				return protocols.None
			}
			leader, epoch = id, st.Epoch
		}
	}
	for id := NodeID(1); int(id) <= n && leader != protocols.None; id++ {
		if st, ok := s.Status(id); !ok || !st.Active || st.Leader != leader || st.Epoch != epoch {
			return protocols.None
		}
	}
	return leader
}
