package main

import (
	"bytes"
	"regexp"
	"testing"

	"raftzab/bench/run"
	"raftzab/experiments"
	"raftzab/results"
)

// A trial that is watched for a stated time is in another table, and one that
// ended before is counted there too.
func TestSummaryTellsHowWatchedTrialsSettled(t *testing.T) {
	row := func(outcome results.Outcome, terms, changes, down, up results.Number, settled string) []results.Trial {
		r := results.NewTrial()
		r.Outcome, r.Probed, r.Terms, r.LeaderChanges, r.DownMS, r.Up, r.Settled = outcome, true, terms, changes, down, up, settled
		return []results.Trial{r}
	}
	s := newSample(&run.Cell{System: "raft", Mode: run.Sim, Case: "chained", Settings: run.Settings{Observe: 30_000_000_000, Faults: make([]run.Planned, 1)}})
	for range 3 {
		s.add(row(results.OK, 4, 1, 300, 0.99, results.Stable))
	}
	s.add(row(results.OK, 100, 50, 29_700, 0.01, results.Livelock))
	s.add(row(results.Censored, results.None, results.None, results.None, results.None, ""))
	var sum summary
	sum.add(s)
	var out bytes.Buffer
	sum.print(&out, &experiments.Scenario{Name: "test", Seed: 1})
	text := regexp.MustCompile(` {2,}`).ReplaceAllString(out.String(), "  ")
	wants(t, text, "raft sim chained  4  4.0 -  1, 50  300.0 -  0.990, 0.010  75.0 %  25.0 %  0.0 %  1")
}
