package run

import (
	"testing"

	"raftzab/bench/fault"
	"raftzab/bench/random"
	"raftzab/protocols"
	"raftzab/results"
)

// anywhere puts a cell on loopback where there are no machines for it.
func anywhere(t *testing.T, cell *Cell) *Cell {
	t.Helper()
	system, err := Lookup(cell.System)
	if err != nil {
		t.Fatal(err)
	}
	cell.Loopback = system.Missing(cell.World()) != ""
	if why := system.Missing(cell.World()); why != "" {
		t.Skip(why)
	}
	return cell
}

// Every live system elects a leader without a server that is absent, which comes when
// it is started, and follows.
func TestAnAbsentProcessComesWhenItIsStarted(t *testing.T) {
	for _, system := range []string{"raft", "zab", "hashicorp", "zookeeper"} {
		t.Run(system, func(t *testing.T) {
			cell := anywhere(t, liveCell(system, 200*ms))
			cell.Settings.Cluster.Absent = []NodeID{1}
			s := raise(t, cell)
			if _, ok := s.Status(1); ok || leads(s, 3) != protocols.None {
				t.Error("server 1 is there, and should be absent")
			}
			m := mender{faults: []fault.Fault{{Kind: fault.Restart, Nodes: []NodeID{1}}}, sys: s}
			if err := s.Run(&m, s.Now()); err != nil || m.err != nil {
				t.Fatal(err, m.err)
			}
			if err := s.Ready(settling); err != nil {
				t.Fatal(err)
			}
			if leader := leads(s, 3); leader == protocols.None || leader == 1 {
				t.Errorf("%d leads, of all three", leader)
			}
		})
	}
}

// A trial begins with the servers that the settings say, on empty disks, though the
// trial before has started the others.
func TestLiveJoinsAreMeasured(t *testing.T) {
	for _, system := range []string{"raft", "zab", "hashicorp"} {
		t.Run(system, func(t *testing.T) {
			cell := anywhere(t, liveCell(system, 200*ms))
			x := &cell.Settings
			x.Cluster.Absent, x.Columns, x.Probe.Interval = []NodeID{3}, []string{"join_ms"}, 50*ms
			x.Faults = []Planned{{At: random.Always(second), Kind: fault.Start, Target: fault.Target{Who: fault.Fixed, Node: 3}}}
			rows, _ := measure(t, cell, 1)
			for _, r := range rows {
				if r.Outcome != results.OK || !(r.JoinMS > 1 && r.JoinMS < 10_000) {
					t.Errorf("%v, joined after %v ms", r.Outcome, r.JoinMS)
				}
			}
			if len(rows) != 1 {
				t.Errorf("%d rows", len(rows))
			}
		})
	}
}

// A leader whose links flap is replaced, over a network of real packets too, and
// follows when they are up to stay.
func TestLiveLinksFlap(t *testing.T) {
	cell := anywhere(t, liveCell("raft", 200*ms))
	if cell.Loopback {
		t.Skip("there is no network here whose links could flap")
	}
	cell.Settings.Faults = flapping("raft", fault.Target{Who: fault.Leader}, 1).Settings.Faults
	f := &cell.Settings.Faults[0]
	f.For, f.Down, f.Up = 2000*ms, between(1000, 1100), between(100, 200)
	cell.Settings.Observe, cell.Settings.Probe.Interval = 6000*ms, 20*ms
	rows, _ := measure(t, cell, 1)
	for _, r := range rows {
		if r.Outcome != results.OK || !(r.LeaderChanges >= 1) || r.DownMS < 200 || r.Settled != results.Stable {
			t.Errorf("%v, %v new leaders, down %v ms, %s", r.Outcome, r.LeaderChanges, r.DownMS, r.Settled)
		}
	}
	if len(rows) != 1 {
		t.Errorf("%d rows", len(rows))
	}
}
