package run

import (
	"context"
	"reflect"
	"slices"
	"testing"

	"raftzab/bench/fault"
	"raftzab/bench/random"
	"raftzab/results"
)

const ms = Duration(1_000_000)

// failover is the cell of a crashed or silenced leader.
func failover(system string, kind fault.Kind, trials int) *Cell {
	return &Cell{Scenario: "test", Mode: Sim, System: system, Trials: trials, Seed: 1, Settings: Settings{
		Timeouts: "given", Warmup: 1000 * ms, Limit: 30_000 * ms,
		Cluster: Cluster{Voters: 5},
		Network: Network{Delay: random.Distribution{Shape: random.Uniform, A: 4_000_000, B: 6_000_000}, RTOMin: 200 * ms},
		Disk:    Disk{Fsync: random.Distribution{Shape: random.Lognormal, A: 1_000_000, Sigma: 0.3}},
		Raft:    Raft{ElectionTimeout: Range{150 * ms, 300 * ms}, Heartbeat: 75 * ms},
		Zab: Zab{Tick: 45 * ms, InitLimit: 10, SyncLimit: 5, FinalizeWait: 200 * ms,
			MinNotification: 200 * ms, MaxNotification: 60_000 * ms, ConnectRetry: 100 * ms, ObserverDelay: 200 * ms},
		Probe: Probe{Interval: 2 * ms},
		Faults: []Planned{{At: random.Distribution{Shape: random.Uniform, A: 1_000_000_000, B: 1_075_000_000},
			Kind: kind, Target: fault.Target{Who: fault.Leader}}},
	}}
}

func measure(t *testing.T, cell *Cell, jobs int) (rows []results.Trial, sum *Summary) {
	t.Helper()
	sum, err := Run(context.Background(), cell, Options{Jobs: jobs, Ended: func(_ int, t *Told) { rows = append(rows, t.Rows...) }})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range sum.Breaches {
		t.Errorf("%v", b)
	}
	return rows, sum
}

// Every simulated system replaces a leader, and its intervals add up.
func TestLeaderIsReplaced(t *testing.T) {
	for _, system := range []string{"raft", "zab", "etcd"} {
		for _, kind := range []fault.Kind{fault.Crash, fault.PowerOff} {
			rows, sum := measure(t, failover(system, kind, 40), 1)
			if len(rows) != 80 || sum.Counts[results.OK] != 80 {
				t.Errorf("%s %v: %d rows, %v", system, kind, len(rows), sum.Counts)
			}
			for _, r := range rows {
				if d := float64(r.DetectMS + r.VoteMS + r.ActivateMS - r.ElectMS); d > 1e-6 || d < -1e-6 || r.ElectMS <= 0 {
					t.Fatalf("%s %v trial %d: %v + %v + %v is not %v ms", system, kind, r.Trial, r.DetectMS, r.VoteMS, r.ActivateMS, r.ElectMS)
				}
				if r.Probed && !(r.OutageMS > r.DetectMS) || !r.Probed && r.OutageMS == r.OutageMS {
					t.Errorf("%s %v trial %d: outage %v ms, probed %t", system, kind, r.Trial, r.OutageMS, r.Probed)
				}
			}
		}
	}
}

// What a run says of a cell does not depend on how many of its trials had ended before.
func TestTrialsThatHadEndedAreCountedAndNotRunAgain(t *testing.T) {
	for _, system := range []string{"raft", "hashicorp"} {
		cell := busy(system, 6, func(s *Settings) { s.Workload.Attach, s.Workload.Batches = "followers", 3 })
		all := map[int]*Told{}
		var visible, again []results.Visibility
		whole, err := Run(t.Context(), cell, Options{Ended: func(i int, told *Told) { all[i] = told }, Visible: func(rows []results.Visibility) { visible = rows }})
		if err != nil {
			t.Fatal(err)
		}
		for _, kept := range [][]int{{0}, {1, 4, 5}, {0, 1, 2, 3, 4, 5}} {
			o := Options{Kept: map[int]*Told{}, Visible: func(rows []results.Visibility) { again = rows }}
			for _, i := range kept {
				o.Kept[i] = all[i]
			}
			ran := 0
			o.Ended = func(i int, told *Told) {
				if ran++; slices.Contains(kept, i) {
					t.Errorf("%s: trial %d ran again", system, i)
				}
			}
			sum, err := Run(t.Context(), cell, o)
			if err != nil || ran != 6-len(kept) || sum.Checksum != whole.Checksum || sum.Rows != whole.Rows || sum.Counts[results.OK] != whole.Counts[results.OK] {
				t.Errorf("%s: %d trials ran, and the summary is %+v, not %+v (%v)", system, ran, sum, whole, err)
			}
			if system == "raft" && !reflect.DeepEqual(again, visible) {
				t.Errorf("%s: writes were visible otherwise", system)
			}
		}
	}
}
