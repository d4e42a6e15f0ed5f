package run

import (
	"fmt"
	"testing"

	"raftzab/bench/fault"
	"raftzab/results"
)

// A server with shorter timeouts than all others stands first, and so wins; where all have
// the same each wins now and then.
func TestTheServerWithTheShortestTimeoutWins(t *testing.T) {
	for _, system := range []string{"raft", "etcd"} {
		for _, eager := range []bool{false, true} {
			cell := failover(system, fault.PowerOff, 40)
			cell.Settings.Probe.Interval = 0
			cell.Settings.Faults[0].Target = fault.Target{Who: fault.Leader}
			if eager {
				cell.Settings.Nodes = []Node{{ID: []NodeID{2, 4}, Timeout: Range{100 * ms, 110 * ms}}}
			}
			rows, sum := measure(t, cell, 1)
			wins := map[results.Number]int{}
			for _, r := range rows {
				wins[r.Leader]++
			}
			if got := wins[2] + wins[4]; eager != (got == 40) || len(wins) < 2 {
				t.Errorf("%s, eager %t: %v", system, eager, wins)
			}
			if _, again := measure(t, cell, 2); again.Checksum != sum.Checksum {
				t.Errorf("%s: the same seed, another run", system)
			}
		}
	}
}

// A heartbeat must be shorter than the shortest timeout, whoever has it.
func TestAHeartbeatIsBelowEveryTimeout(t *testing.T) {
	s := failover("raft", fault.Crash, 1).Settings
	if lost := heartbeatBelowTimeout(Sim, &s); lost != nil {
		t.Errorf("%v", lost)
	}
	s.Nodes = []Node{{ID: []NodeID{3}, Timeout: Range{60 * ms, 70 * ms}}}
	if lost := heartbeatBelowTimeout(Sim, &s); len(lost) != 1 {
		t.Errorf("%v", lost)
	}
}

// coldStart is a cell whose trials are the first election of five servers.
func coldStart(system string, trials int, nodes ...Node) *Cell {
	cell := failover(system, fault.Crash, trials)
	cell.Settings.Probe.Interval, cell.Settings.Faults, cell.Settings.Nodes = 0, nil, nodes
	return cell
}

// Which term it is makes no difference where all servers start in the same.
func TestTermsThatAreAlikeChangeNothing(t *testing.T) {
	for _, system := range []string{"raft", "etcd"} {
		none, _ := measure(t, coldStart(system, 40), 1)
		alike, _ := measure(t, coldStart(system, 40, Node{ID: []NodeID{1, 2, 3}, Term: 7}, Node{ID: []NodeID{4, 5}, Term: 7}), 1)
		if fmt.Sprint(none) != fmt.Sprint(alike) {
			t.Errorf("%s: all in term 7, and other rows than in term 0", system)
		}
	}
}

// A leader whose term is behind another server's does not count, so whoever else wins has
// stood again, or somebody has in between. In Raft the server that is ahead says so when it is
// asked for its vote; in etcd it says nothing, and stands when its own timeout ends.
func TestWhoIsBehindWinsNoFirstRound(t *testing.T) {
	for _, system := range []string{"raft", "etcd"} {
		rows, sum := measure(t, coldStart(system, 100, Node{ID: []NodeID{5}, Term: 1000}), 1)
		if sum.Counts[results.OK] != 100 {
			t.Errorf("%s: %v", system, sum.Counts)
		}
		if _, sum := measure(t, coldStart(system, 40, Node{ID: []NodeID{4}, Term: 9}, Node{ID: []NodeID{5}, Term: 10}), 1); sum.Counts[results.OK] != 40 {
			t.Errorf("%s: a term apart: %v", system, sum.Counts) // 4 may win in 10, and stays
		}
		again := 0
		for _, r := range rows {
			if r.Leader != 5 && r.Rounds == 1 || r.Rounds > 20 {
				t.Errorf("%s, trial %d: %v leads after %v rounds", system, r.Trial, r.Leader, r.Rounds)
			}
			if r.Rounds > 1 {
				again++
			}
		}
		if again < 50 { // one in five has 5 stand first
			t.Errorf("%s: more than one round in %d of 100", system, again)
		}
	}
}
