package main

import (
	"math"
	"path/filepath"
	"strings"
	"testing"

	"raftzab/bench/live/lan"
	"raftzab/results"
)

// liveScenario is one of processes whose leader is lost, to be filled in.
const liveScenario = `title = "Live"
question = "Does it run here?"
seed = 1
timeouts = "matched"
warmup = "100ms"
limit = "20s"
[[run]]
mode = "live"
systems = [SYSTEMS]
trials = TRIALS
loopback = LOOPBACK
[cluster]
voters = 3
[network]
delay = "constant(1ms)"
[cpu]
quota = QUOTA
[raft]
election_timeout = "300ms-600ms"
[probe]
interval = "10ms"
[[fault]]
at = "300ms"
kind = "KIND"
target = "leader"
for = "700ms"
`

// liveIn puts the scenario into a folder, and returns the arguments that run it:
// results go to out beside it.
func liveIn(t *testing.T, dir string, filling ...string) []string {
	t.Helper()
	file(t, filepath.Join(dir, "live.toml"), strings.NewReplacer(filling...).Replace(liveScenario))
	return []string{"run", filepath.Join(dir, "live.toml"), "--out", filepath.Join(dir, "out")}
}

// Every system that is run as processes loses its leader twice and gets another,
// over a switch where one can be made.
func TestLiveSystemsReplaceTheirLeader(t *testing.T) {
	t.Parallel()
	where, kind := "false", "power-off"
	if err := lan.Possible(); err != nil {
		n, none := lan.Loopback(3)
		if none != nil {
			t.Skipf("no network for live runs here: %v; %v", err, none)
		}
		n.Close()
		t.Logf("on the loopback interface only: %v", err)
		where, kind = "true", "crash"
	}
	dir := t.TempDir()
	text, err := process(t, liveIn(t, dir, "SYSTEMS", `"raft", "zab", "hashicorp", "zookeeper"`, "TRIALS", "2", "QUOTA", "0.0", "LOOPBACK", where, "KIND", kind)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	data := load(t, filepath.Join(dir, "out", "live"))
	rows := map[string]int{}
	for _, row := range data.Trials {
		rows[row.System]++
		if !replaced(&row) {
			t.Errorf("of %s: %+v", row.System, row)
		}
	}
	for _, left := range data.Run.LeftOut {
		if left.System != "zookeeper" {
			t.Errorf("%s was left out: %s", left.System, left.Reason)
		}
		t.Logf("%s was left out: %s", left.System, left.Reason)
		rows[left.System] = 2
	}
	for _, system := range []string{"raft", "zab", "hashicorp", "zookeeper"} {
		if rows[system] != 2 {
			t.Errorf("%d rows of %s, want 2", rows[system], system)
		}
	}
}

// replaced reports whether a trial ended with a new leader under which a write went
// through.
func replaced(row *results.Trial) bool {
	return row.Outcome == results.OK && !math.IsNaN(float64(row.ElectMS)) && !math.IsNaN(float64(row.OutageMS))
}
