package run

import (
	"context"
	"math"
	"testing"

	"raftzab/bench/fault"
	"raftzab/bench/random"
	"raftzab/results"
)

// alone is a cell with one client, which asks for one thing after the other, where
// disks take no time and delays are constant.
func alone(system string, edit func(s *Settings)) *Cell {
	cell := failover(system, 0, 1)
	s := &cell.Settings
	s.Faults, s.Probe, s.Observe, s.Limit = nil, Probe{}, 1000*ms, 20_000*ms
	s.Cluster.Voters, s.Cluster.Observers = 3, 1
	s.Network.Delay, s.Disk.Fsync = random.Always(5_000_000), random.Distribution{}
	s.Workload = Workload{Clients: 1, Reads: 0.5}
	edit(s)
	return cell
}

// one runs a trial of a cell, the first unless others come before it.
func one(t *testing.T, cell *Cell, before ...int) (row results.Trial) {
	t.Helper()
	s, err := Lookup(cell.System)
	if err != nil {
		t.Fatal(err)
	}
	s.Complete(&cell.Settings)
	w, err := s.open(context.Background(), cell, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, trial := range append(before, 0) {
		var broken *Breach
		if row, _, broken, err = w.trial(trial, false); err != nil || broken != nil {
			t.Fatal(err, broken)
		}
	}
	return row
}

// With 3 voters and an observer a write of Raft costs AppendEntries to three servers and
// their answers; one of Zab PROPOSAL, ACK and COMMIT of two, INFORM of one, and REQUEST
// where another than the leader is asked.
func TestOperationsTakeTheMessagesThatTheirProtocolSays(t *testing.T) {
	for _, c := range []struct {
		system, attach, mode, find                       string
		readHops, readMessages, writeHops, writeMessages results.Number
	}{
		{"raft", "leader", "local", "", 2, 0, 4, 6},
		{"raft", "followers", "local", "", 2, 0, 4, 6},
		{"raft", "followers", "local", "each", 2, 0, 6, 6},
		{"raft", "observers", "local", "each", 2, 0, 6, 6},
		{"zab", "leader", "local", "", 2, 0, 4, 7},
		{"zab", "followers", "local", "", 2, 0, 6, 8},
		{"zab", "observers", "local", "", 2, 0, 6, 8},
		{"zab", "leader", "sync", "", 2, 0, 4, 7},
		{"zab", "observers", "sync", "", 4, 2, 6, 8},
	} {
		row := one(t, alone(c.system, func(s *Settings) {
			s.Workload.Attach, s.Workload.ReadMode, s.Workload.FindLeader = c.attach, c.mode, c.find
		}))
		if row.ReadHops != c.readHops || row.ReadMessages != c.readMessages || row.WriteHops != c.writeHops || row.WriteMessages != c.writeMessages || row.Reads < 10 || row.Writes < 10 {
			t.Errorf("%+v: a read takes %v hops and %v messages, a write %v and %v", c, row.ReadHops, row.ReadMessages, row.WriteHops, row.WriteMessages)
		}
	}
	row := one(t, alone("raft", func(s *Settings) { s.Workload.ReadMode = "readindex" }))
	if row.ReadHops != 4 || row.ReadMessages < 4 || row.ReadMessages > 6 {
		t.Errorf("a ReadIndex takes %v hops and %v messages", row.ReadHops, row.ReadMessages)
	}
}

// Clients go on when there is a new leader, some of them a little later.
func TestClientsResumeAfterTheFault(t *testing.T) {
	for _, system := range []string{"raft", "zab"} {
		lost := alone(system, func(s *Settings) {
			s.Faults = failover(system, fault.Crash, 1).Settings.Faults
			s.Workload = Workload{Clients: 9, Timeout: 100 * ms, FindLeader: "asked"}
			s.Observe = 3000 * ms
		})
		row := one(t, lost)
		if again := one(t, lost, 5, 6); again.ResumeP50 != row.ResumeP50 || again.ResumeMost != row.ResumeMost {
			t.Errorf("%s: after other trials the clients go on after %v and %v ms, not %v and %v", system, again.ResumeP50, again.ResumeMost, row.ResumeP50, row.ResumeMost)
		}
		if !(row.ElectMS > 0 && row.ResumeP50 >= row.ElectMS && row.ResumeMost >= row.ResumeP50 && row.ResumeMost < row.ElectMS+500) {
			t.Errorf("%s: a leader after %v ms, the median client has gone on after %v, the last after %v", system, row.ElectMS, row.ResumeP50, row.ResumeMost)
		}
	}
}

// A client that never succeeds again leaves the last one's time empty.
func TestNobodyResumesWithoutALeader(t *testing.T) {
	row := one(t, alone("raft", func(s *Settings) {
		s.Cluster.Voters, s.Cluster.Observers = 1, 0
		s.Faults = failover("raft", fault.Crash, 1).Settings.Faults
		s.Workload = Workload{Clients: 3}
	}))
	if !math.IsNaN(float64(row.ResumeP50)) || !math.IsNaN(float64(row.ResumeMost)) {
		t.Errorf("nobody leads, and clients go on after %v ms", row.ResumeP50)
	}
}

// A core that takes time for messages makes writes slower where there are more servers
// to send them to, and takes nothing from a cluster that has none of it.
func TestABusyCoreSlowsWritesByTheNumberOfObservers(t *testing.T) {
	writes := func(observers int, message Duration) results.Number {
		return one(t, alone("zab", func(s *Settings) {
			s.Cluster.Observers, s.CPU.Message, s.Network.Delay = observers, message, random.Always(500_000)
			s.Workload = Workload{Clients: 50, Attach: "followers"}
		})).Throughput
	}
	few, many := writes(0, ms/20), writes(8, ms/20)
	if ratio := many / few; ratio < 0.3 || ratio > 0.65 {
		t.Errorf("%v writes/s beside 8 observers, %v without: %v", many, few, ratio)
	}
	if few, many := writes(0, 0), writes(8, 0); many < 0.99*few {
		t.Errorf("where nothing takes time, %v writes/s beside 8 observers, %v without", many, few)
	}
}
