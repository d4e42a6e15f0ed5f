package run

import (
	"testing"

	"raftzab/bench/fault"
	"raftzab/bench/random"
	"raftzab/protocols"
	"raftzab/results"
)

// late is the cell of a server that comes late, on messages of 5 ms.
func late(system string, trials int) *Cell {
	c := failover(system, fault.Start, trials)
	x := &c.Settings
	x.Columns, x.Cluster.Absent, x.Limit = []string{"join_ms"}, []NodeID{5}, 5000*ms
	x.Network.Delay, x.Disk.Fsync = random.Always(5*Time(ms)), random.Always(Time(ms))
	x.Probe.Interval = 100 * ms
	x.Faults[0].Target = fault.Target{Who: fault.Fixed, Node: 5}
	return c
}

// A late server of Raft, or a leader that comes back, is spoken to within a heartbeat
// interval, refuses once, and has the leader's entries two messages later. One of Zab
// asks at once: eight messages in a row, and a write to disk. After a power-off the first
// heartbeat goes into a connection that is no more, and it takes a second one. Only where
// clients write is there an end to it.
func TestJoiningTakesTheMessagesThatTheProtocolNeeds(t *testing.T) {
	for _, c := range []struct {
		system      string
		least, most results.Number
	}{{"raft", 15, 15 + 75 + 2}, {"etcd", 15, 15 + 75 + 2}, {"zab", 40, 40 + 2}, {"hashicorp", 1, 2000}} {
		for _, kind := range []fault.Kind{fault.Start, fault.Crash, fault.PowerOff} {
			cell := late(c.system, 30)
			if f := &cell.Settings.Faults[0]; kind != fault.Start {
				*f = Planned{At: f.At, Kind: kind, Target: fault.Target{Who: fault.Leader}, For: 1000 * ms}
				cell.Settings.Cluster.Absent = nil
			}
			system, err := Lookup(c.system)
			if err != nil {
				t.Fatal(err)
			}
			most := c.most
			if system.Protocol == "raft" && kind == fault.PowerOff {
				most += 75
			}
			rows, sum := measure(t, cell, 1)
			for _, r := range rows {
				if r.Outcome != results.OK || r.Probed != (r.JoinMS >= c.least && r.JoinMS <= most) || !r.Probed && r.JoinMS == r.JoinMS {
					t.Errorf("%s %v, trial %d: %v, probed %t, joined after %v ms", c.system, kind, r.Trial, r.Outcome, r.Probed, r.JoinMS)
				}
				if elects := kind != fault.Start; elects != (r.ElectMS > 0) {
					t.Errorf("%s %v, trial %d: elected after %v ms", c.system, kind, r.Trial, r.ElectMS)
				}
			}
			if len(rows) != 60 {
				t.Errorf("%s %v: %d rows", c.system, kind, len(rows))
			}
			if _, again := measure(t, cell, 2); system.Reproducible && again.Checksum != sum.Checksum {
				t.Errorf("%s %v: the same seed, another run", c.system, kind)
			}
		}
	}
}

// A server that is started among those who have no leader waits for one, and one that
// never comes is censored.
func TestAServerThatFindsNoLeaderDoesNotJoin(t *testing.T) {
	for _, system := range []string{"raft", "etcd", "zab"} {
		cell := late(system, 5)
		cell.Settings.Faults = append(cell.Settings.Faults, Planned{At: random.Always(second), Kind: fault.Partition, Groups: [][]NodeID{{1, 2}, {3, 4}, {5}}})
		cell.Settings.Faults[0].At = random.Always(2 * second)
		rows, _ := measure(t, cell, 1)
		for _, r := range rows {
			if r.Probed && (r.Outcome != results.Censored || r.JoinMS == r.JoinMS) {
				t.Errorf("%s, trial %d: %v, joined after %v ms", system, r.Trial, r.Outcome, r.JoinMS)
			}
		}
	}
}

// Somebody's entry of a leader who has been replaced is no sign of following.
func TestOnlyAnEntryOfThePresentLeaderCounts(t *testing.T) {
	office := reigns{{Role: protocols.Leader, Active: true, Epoch: 3}, {Role: protocols.Leader, Active: true, Epoch: 4}, {Role: protocols.Follower, Active: true, Epoch: 4}}
	s := &Settings{Columns: []string{"join_ms"}}
	var j join
	j.reset(s, true)
	begin := fault.Fault{Kind: fault.Restart, Nodes: []NodeID{1, 3}}
	took := func(at Time, node NodeID, kind protocols.EventKind, epoch uint64) bool {
		j.observe(at, node, protocols.Event{Kind: kind, At: protocols.EntryID{Epoch: epoch, Index: 1}, Epoch: 4}, 3, office)
		return j.over(true)
	}
	if took(1, 3, protocols.Applied, 4); !j.over(true) || j.over(false) {
		t.Error("nobody is started; but somebody may be")
	}
	j.begin(10, begin)
	j.begin(20, fault.Fault{Kind: fault.Restart, Nodes: []NodeID{2}}) // the first counts
	for i, x := range []bool{
		took(30, 3, protocols.Applied, 3),
		took(31, 3, protocols.CommitAdvanced, 4),
		took(32, 2, protocols.Applied, 4),
		took(33, 1, protocols.Restored, 4),
		took(34, 1, protocols.Applied, 4),
	} {
		if x {
			t.Errorf("step %d: over", i)
		}
	}
	if !took(40, 3, protocols.Applied, 4) || j.took != 30 {
		t.Errorf("over after %d", j.took)
	}
	row := results.NewTrial()
	if j.report(&row); row.JoinMS != 30e-6 {
		t.Errorf("join_ms %v", row.JoinMS)
	}
	for _, silent := range []bool{false, true} {
		j.silent = silent
		j.reset(s, silent)
		if j.begin(10, begin); !j.over(false) {
			t.Errorf("silent %t: it waits for what cannot be seen", silent)
		}
	}
}

type reigns []protocols.Status

func (r reigns) Status(id NodeID) (protocols.Status, bool) { return r[id-1], true }
