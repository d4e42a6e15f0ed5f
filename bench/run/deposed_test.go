package run

import (
	"math"
	"testing"

	"raftzab/bench/fault"
	"raftzab/bench/random"
	"raftzab/protocols"
	"raftzab/results"
	"raftzab/zab"
)

// deposed is the cell of a leader that is cut off and stays so.
func deposed(system string, trials int) *Cell {
	c := failover(system, fault.Isolate, trials)
	c.Settings.Columns = []string{"overlap_ms"}
	c.Settings.Limit = 10_000 * ms
	c.Settings.Probe.Interval = 0
	c.Settings.Faults[0].At = random.Distribution{Shape: random.Uniform, A: 1_000_000_000, B: 3_000_000_000}
	return c
}

// A Zab leader looks whether it has a quorum once a tick, and the last answers
// come half a tick apart: when its followers have left it stays for a tick, for
// half of one, or hardly at all, less what a message takes.
func TestADeposedZabLeaderStaysAsLongAsTicksSay(t *testing.T) {
	for _, tick := range []Duration{100 * ms, 400 * ms, 1000 * ms} {
		cell := deposed("zab", 60)
		cell.Settings.Zab.Tick, cell.Settings.Zab.SyncLimit = tick, 3
		rows, _ := measure(t, cell, 1)
		var whole, half int
		for _, r := range rows {
			if r.Outcome != results.OK {
				t.Fatalf("tick %v, trial %d: %v", tick, r.Trial, r.Outcome)
			}
			stay, parts := float64(r.OverlapMS+r.VoteMS+r.ActivateMS), float64(tick)/1e6
			switch {
			case math.Abs(stay-parts) < 12:
				whole++
			case math.Abs(stay-parts/2) < 12:
				half++
			case math.Abs(stay) > 12:
				t.Errorf("tick %v, trial %d: it stayed for %.1f ms", tick, r.Trial, stay)
			}
		}
		if whole < 10 || half < 10 {
			t.Errorf("tick %v: it stayed for a tick in %d trials and for half of one in %d", tick, whole, half)
		}
	}
}

// A deposed Raft leader learns of it from its successor alone, whom it cannot
// hear; with CheckQuorum it gives up after the greatest election timeout.
func TestADeposedRaftLeaderLeavesOnlyIfItChecksItsQuorum(t *testing.T) {
	cell := deposed("raft", 20)
	rows, _ := measure(t, cell, 1)
	for _, r := range rows {
		if r.Outcome != results.Censored || !(r.ElectMS > 0) || !math.IsNaN(float64(r.OverlapMS)) {
			t.Errorf("trial %d: %v, elected after %v ms, overlap %v ms", r.Trial, r.Outcome, r.ElectMS, r.OverlapMS)
		}
	}
	yes := true
	cell.Settings.Raft.CheckQuorum = &yes
	rows, _ = measure(t, cell, 1)
	for _, r := range rows {
		// The last round that a majority answered was sent at most a heartbeat before t0.
		if left := float64(r.ElectMS + r.OverlapMS); r.Outcome != results.OK || left < 225-12 || left > 300+1 {
			t.Errorf("trial %d: %v, it left %v ms after the fault", r.Trial, r.Outcome, left)
		}
	}
}

// When the partition ends, the term of the others deposes it.
func TestADeposedRaftLeaderLeavesWhenItHearsAgain(t *testing.T) {
	cell := deposed("raft", 10)
	cell.Settings.Faults[0].For = 2000 * ms
	rows, _ := measure(t, cell, 1)
	for _, r := range rows {
		if left := float64(r.ElectMS + r.OverlapMS); r.Outcome != results.OK || left < 2000 || left > 6000 {
			t.Errorf("trial %d: %v, it left %v ms after the fault", r.Trial, r.Outcome, left)
		}
	}
}

func TestOnlyWhoAsksWaitsForTheDeposedLeader(t *testing.T) {
	cell := deposed("raft", 3)
	cell.Settings.Columns = nil
	rows, _ := measure(t, cell, 1)
	for _, r := range rows {
		if r.Outcome != results.OK || !math.IsNaN(float64(r.OverlapMS)) {
			t.Errorf("trial %d: %v, overlap %v ms", r.Trial, r.Outcome, r.OverlapMS)
		}
	}
	cell = failover("zab", fault.Crash, 3)
	cell.Settings.Columns = []string{"overlap_ms"}
	rows, _ = measure(t, cell, 1)
	for _, r := range rows { // who is dead has no office
		if r.Outcome != results.OK || !math.IsNaN(float64(r.OverlapMS)) {
			t.Errorf("crash, trial %d: %v, overlap %v ms", r.Trial, r.Outcome, r.OverlapMS)
		}
	}
}

// Votes of a server that looks, answered by those who do not.
func TestVotesThatComeTooEarlyAndPortsThatAreClosedAreCounted(t *testing.T) {
	cell := failover("zab", fault.Crash, 60)
	cell.Settings.Cluster.Voters = 3
	cell.Settings.Probe.Interval = 0
	cell.Settings.Network.Delay = random.Distribution{Shape: random.Uniform, A: 0, B: 10_000_000}
	rows, _ := measure(t, cell, 1)
	var retried, unheard int
	for _, r := range rows {
		// One server is left beside the winner: the vote that it did not count was repeated
		// after 200 ms, and as often as it found the port closed it waited for 100.
		if late := r.VoteMS > 350; late != (r.VotesUnheard > 0) {
			t.Errorf("trial %d: a vote of %.1f ms, %v unheard", r.Trial, r.VoteMS, r.VotesUnheard)
		}
		if waited := math.Floor(float64(r.ActivateMS) / 100); waited != float64(r.ConnectRetries) {
			t.Errorf("trial %d: active after %.1f ms, %v retries", r.Trial, r.ActivateMS, r.ConnectRetries)
		}
		if r.VotesUnheard > 0 {
			unheard++
		}
		if r.ConnectRetries > 0 {
			retried++
		}
	}
	if unheard < 3 || unheard > 30 || retried < 15 || retried > 45 {
		t.Errorf("%d votes unheard and %d ports closed, of 60", unheard, retried)
	}
	rows, _ = measure(t, failover("raft", fault.Crash, 1), 1)
	if r := rows[0]; !math.IsNaN(float64(r.VotesUnheard)) || !math.IsNaN(float64(r.ConnectRetries)) {
		t.Errorf("raft: %v unheard, %v retries", r.VotesUnheard, r.ConnectRetries)
	}
}

// A server that follows the new leader answers those who look as well: what they
// asked did count.
func TestOnlyWhoHasTheOldLeaderLeavesAVoteUnheard(t *testing.T) {
	e := election{protocol: "zab", nodes: 3}
	e.reset()
	e.begun, e.old = true, 3
	sys := &roles{protocols.Follower, protocols.Follower}
	e.hinders(1, 2, uint8(zab.Notification), sys)
	e.seats[1].entered = 1
	e.hinders(1, 2, uint8(zab.Notification), sys)
	e.hinders(2, 1, uint8(zab.LeaderInfo), sys)
	e.hinders(3, 1, uint8(zab.Notification), sys)
	e.hinders(2, 1, uint8(zab.Refused), sys)
	(*sys)[1] = protocols.Candidate
	e.hinders(2, 1, uint8(zab.Notification), sys)
	if e.hindered.unheard[1] != 0 || e.hindered.unheard[2] != 1 || e.hindered.refused != 1 {
		t.Errorf("%+v", e.hindered)
	}
}

// Roles are a system of which only these are asked, by node.
type roles []protocols.Role

func (r *roles) Status(id NodeID) (protocols.Status, bool) {
	return protocols.Status{Role: (*r)[id-1]}, true
}
