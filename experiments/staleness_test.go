package experiments

import (
	"math"
	"strings"
	"testing"

	"raftzab/bench/metric"
	"raftzab/bench/run"
	"raftzab/results"
)

// What commit-notice.toml says that theory says: a delay d for Zab, etcd and a Raft that
// tells at once, and up to a heartbeat more for one that does not.
func TestFollowersLagAsCommitNoticeSays(t *testing.T) {
	lags := map[string][]float64{}
	rows(t, "commit-notice.toml", Options{Trials: 3, Case: "leader"}, func(c *run.Cell, r results.Trial) {
		name := c.System
		for _, s := range c.Swept {
			name += " " + s.Value
		}
		lags[name] = append(lags[name], float64(r.LagP50))
		most := 10.2
		if h, waits := waits[c.Swept[1].Value]; waits && c.System == "raft" && c.Swept[0].Value == "heartbeat" {
			most = 1.02 * (10 + h)
		}
		if !(r.LagP5 >= 9.9 && float64(r.LagP95) <= most && r.LagMost >= r.LagP95) {
			t.Errorf("%s, trial %d: lags from %v to %v ms, want 9.9 to %v", name, r.Trial, r.LagP5, r.LagP95, most)
		}
	}, "constant(10ms)")
	for text, h := range waits {
		name := "raft heartbeat " + text + " constant(10ms) 0.5"
		if m := metric.NewSample(lags[name]).Median(); math.Abs(m-(10+h/2)) > 0.25*h {
			t.Errorf("%s: median lag %v ms, want about %v", name, m, 10+h/2)
		}
	}
	if m := metric.NewSample(lags["raft heartbeat 200ms constant(10ms) 50"]).Median(); m > 40 {
		t.Errorf("%v ms, and the next of 50 writes a second tells after some 14", m)
	}
}

// waits are the heartbeats of the scenario, in ms.
var waits = map[string]float64{"50ms": 50, "100ms": 100, "200ms": 200}

// A leader that was cut off or stopped answers sync, unless it asks a quorum.
func TestSyncIsStaleOnlyAtALeaderThatIsLeftBehind(t *testing.T) {
	all := trialsOf(t, "sync-limits.toml", Options{Trials: 6, Mode: "sim"}, func(c *run.Cell) string { return c.Case })
	for name, trials := range all {
		stale := 0
		for _, r := range trials {
			if r.VersionsMost > 0 {
				stale++
			}
			if !(r.Reads > 100) {
				t.Errorf("%s, trial %d: %v reads", name, r.Trial, r.Reads)
			}
		}
		if may := name == "cut-off" || name == "pause"; may != (stale > 0) {
			t.Errorf("%s: %d of %d trials have stale reads", name, stale, len(trials))
		}
	}
	if len(all) != 10 {
		t.Errorf("%d cells", len(all))
	}
}

// Reads at followers are stale, those that promise not to be are not, and where
// nobody is left behind neither are the leader's.
func TestModesOfReadingKeepTheirWord(t *testing.T) {
	stale, reads := map[string]int{}, map[string]int{}
	rows(t, "read-staleness.toml", Options{Trials: 2}, func(c *run.Cell, r results.Trial) {
		name := c.System + " " + c.Case
		if reads[name]++; r.Stale > 0 {
			stale[name]++
		}
		if r.Outcome != results.OK {
			t.Errorf("%s, trial %d: %v", name, r.Trial, r.Outcome)
		}
	}, "1000", "uniform(4ms, 6ms)")
	for name := range reads {
		local := strings.Contains(name, "local-follower") || strings.Contains(name, "local-observer")
		if local != (stale[name] > 0) {
			t.Errorf("%s: %d of %d trials have stale reads", name, stale[name], reads[name])
		}
	}
	if len(reads) != 15 {
		t.Errorf("%d cells: %v", len(reads), reads)
	}
}
