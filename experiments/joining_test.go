package experiments

import (
	"math"
	"testing"

	"raftzab/bench/run"
	"raftzab/results"
)

// A server of Raft waits for a heartbeat, half an interval on average, and after a
// power-off for one more; one of Zab asks, whatever it was before.
func TestJoiningRaftWaitsForAHeartbeatAndZabAsks(t *testing.T) {
	all := trialsOf(t, "late-joiner.toml", Options{Trials: 200}, func(c *run.Cell) string { return c.System + " " + c.Case })
	if len(all) != 9 {
		t.Errorf("%d cells", len(all))
	}
	for name, trials := range all {
		if got := median(trials, true, func(r *results.Trial) results.Number { return r.JoinMS }); len(trials) != 400 || math.IsNaN(got) {
			t.Errorf("%s: %d rows, median %v ms", name, len(trials), got)
		}
		for _, r := range trials {
			if r.Outcome != results.OK || r.Probed != (r.JoinMS > 0) {
				t.Errorf("%s, trial %d: %v, probed %t, joined after %v ms", name, r.Trial, r.Outcome, r.Probed, r.JoinMS)
			}
		}
	}
	join := func(name string) float64 {
		return median(all[name], true, func(r *results.Trial) results.Number { return r.JoinMS })
	}
	for _, which := range []string{"late", "crash", "power-off"} {
		if zab := join("zab " + which); zab < 41 || zab > 46 { // 8 messages of 5 ms, and a write of 1
			t.Errorf("zab %s: %.1f ms", which, zab)
		}
	}
	for _, system := range []string{"raft", "etcd"} {
		late, crash, off := join(system+" late"), join(system+" crash"), join(system+" power-off")
		if late < 44 || late > 64 || math.Abs(crash-late) > 10 { // 3 messages, a write, and half of 75 ms
			t.Errorf("%s: late %.1f ms, after a crash %.1f ms", system, late, crash)
		}
		if off < crash+37 || off > crash+80 {
			t.Errorf("%s: after a crash %.1f ms, and a power-off %.1f ms", system, crash, off)
		}
	}
}
