package swarm

import (
	"strings"
	"testing"
)

// A swarm shows of a setting what it has tried: each value is drawn in at least
// a twentieth of all runs.
func TestEveryValueOfEverySettingIsDrawnOften(t *testing.T) {
	const runs = 4000
	never := map[string]bool{"raft learners 4": true, "zab clocks drift within the bound": true} // nothing in Zab rests on clocks
	for _, system := range Systems {
		var n count
		for seed := uint64(1); seed <= runs; seed++ {
			s, c := draw(system, seed)
			which := settingsOf(s, c)
			n.add(&which)
		}
		for i, x := range settings {
			drawn := 0
			for v := range x.values {
				drawn += n[i][v]
			}
			if drawn == 0 {
				continue // the other's
			}
			for v, value := range x.values {
				if n[i][v] < runs/20 && !never[system+" "+x.name+" "+value] {
					t.Errorf("%s: %s is %s in %d of %d runs", system, x.name, value, n[i][v], runs)
				}
			}
			if drawn != runs {
				t.Errorf("%s: %s has a value that is told apart in %d of %d runs", system, x.name, drawn, runs)
			}
		}
		if text := n.String(); !strings.Contains(text, "\n  voters  ") || strings.Contains(text, "prevote") != (system == "raft") {
			t.Errorf("%s prints%s", system, text)
		}
	}
}

// Leases rest on no clock that drifts further than they allow.
func TestClocksStayWithinTheBoundOfLeases(t *testing.T) {
	for seed := uint64(1); seed <= 300; seed++ {
		s, _ := Record("raft", seed)
		drifting, bound := 0, s.Raft.ClockDrift
		for _, x := range s.Faults {
			if f := &x.Fault; f.Drift != 0 || f.Skew != 0 {
				drifting++
				if bound > 0 && (f.Skew != 0 || f.Drift > bound || f.Drift < -bound) {
					t.Fatalf("seed %d: %v, and the bound is %g", seed, f, bound)
				}
			}
		}
		if bound > 0 && drifting == 0 {
			t.Errorf("seed %d: no clock drifts", seed)
		}
	}
}

// A run of the whole swarm does all that there is to do, every so often.
func TestTheSwarmOfRaftDoesEverything(t *testing.T) {
	var total Tally
	for seed := uint64(1); seed <= 150; seed++ {
		total.Add(Run("raft", seed, nil))
	}
	x := &total.Sum
	for k, n := range x.Faults {
		if n == 0 {
			t.Errorf("no fault of kind %d", k)
		}
	}
	for what, n := range map[string]int{"partial partitions": x.Partial, "failing disks": x.Failing, "transfers": x.Transfers, "snapshots installed": x.Restores,
		"leader changes": x.LeaderChanges, "truncations": x.Truncations, "local reads": x.Reads[0], "leader's reads": x.Reads[1], "ReadIndexes": x.Reads[2], "lease reads": x.Reads[3]} {
		if n == 0 {
			t.Errorf("no %s", what)
		}
	}
}
