package main

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"raftzab/bench/run"
	"raftzab/experiments"
	"raftzab/results"
)

// pass is a row of one pass of a trial.
func pass(outcome results.Outcome, probed bool, elect, outage, rounds results.Number) results.Trial {
	t := results.NewTrial()
	t.Outcome, t.Probed, t.ElectMS, t.OutageMS, t.Rounds = outcome, probed, elect, outage, rounds
	return t
}

// table is what is printed of one cell, with columns two spaces apart.
func table(trials ...[]results.Trial) string {
	s := newSample(&run.Cell{System: "raft", Mode: run.Sim, Case: "crash"})
	for _, rows := range trials {
		s.add(rows)
	}
	var t summary
	t.add(s)
	var out bytes.Buffer
	t.print(&out, &experiments.Scenario{Name: "test", Seed: 1})
	return regexp.MustCompile(` {2,}`).ReplaceAllString(out.String(), "  ")
}

func wants(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no line %q in\n%s", line, text)
		}
	}
}

func TestSummaryCountsEachColumnOverThePassThatItComesFrom(t *testing.T) {
	none := results.None
	ok := []results.Trial{pass(results.OK, false, 100, none, 1), pass(results.OK, true, 900, 110, 5)}
	late := []results.Trial{pass(results.OK, false, 100, none, 2), pass(results.Censored, true, 900, none, 5)}
	never := []results.Trial{pass(results.Censored, false, none, none, none), pass(results.OK, true, 900, 110, 5)}
	wants(t, table(ok, ok, late), "raft sim crash  3  100.0 -  -  0  33.33 %  3  110.0 -  -  1")
	wants(t, table(ok, ok, never), "raft sim crash  3  100.0 -  -  1  0.00 %  3  110.0 -  -  0")
	live := []results.Trial{pass(results.OK, true, 400, 410, 1)}
	wants(t, table(live, live), "raft sim crash  2  400.0 -  -  0  0.00 %  2  410.0 -  -  0")
	unprobed := []results.Trial{pass(results.OK, false, 400, none, none)}
	wants(t, table(unprobed), "raft sim crash  1  400.0 -  -  0  -  0  -  -  -")
}

func TestSummaryStatesNoStatisticThatTheSampleIsTooSmallFor(t *testing.T) {
	many := func(n int) (trials [][]results.Trial) {
		for range n {
			trials = append(trials, []results.Trial{pass(results.OK, true, 100, 110, 1)})
		}
		return trials
	}
	wants(t, table(many(5)...), "raft sim crash  5  100.0 -  -  0  0.00 %  5  110.0 -  -  0")
	wants(t, table(many(6)...), "raft sim crash  6  100.0 [100.0, 100.0]  -  0  0.00 %  6  110.0 [110.0, 110.0]  -  0")
	wants(t, table(many(19)...), "raft sim crash  19  100.0 [100.0, 100.0]  -  0  0.00 %  19  110.0 [110.0, 110.0]  -  0")
	wants(t, table(many(20)...), "raft sim crash  20  100.0 [100.0, 100.0]  100.0  0  0.00 %  20  110.0 [110.0, 110.0]  110.0  0")
}

func TestSummaryDropsNoTrialSilently(t *testing.T) {
	none := results.None
	bad := []results.Trial{pass(results.Violated, false, 100, none, 1), pass(results.Violated, true, none, none, none)}
	failed := []results.Trial{pass(results.Failed, true, none, none, none)}
	spared := []results.Trial{pass(results.OK, false, none, none, none)} // no fault struck the leader
	wants(t, table(bad, bad, failed, spared), "raft sim crash  2  100.0 -  -  0  0.00 %  0  -  -  -",
		"raft sim crash: an invariant was broken in 2 trials; they are in n where they were measured",
		"raft sim crash: the world failed 1 trial, not in n")
	wants(t, table(failed), "raft sim crash  0  -  -  -  -  0  -  -  -")
	stuck := []results.Trial{pass(results.Censored, true, 100, none, 1)}
	wants(t, table(stuck, stuck, stuck), "raft sim crash  3  100.0 -  -  0  0.00 %  3  censored -  -  3")
}

// A server that joins costs nobody a leader: such a cell has a line in the one table
// only, and a trial whose server did not make it is longer than all.
func TestJoinsHaveATableOfTheirOwn(t *testing.T) {
	late := func(outcome results.Outcome, join results.Number) []results.Trial {
		calm, busy := pass(results.OK, false, results.None, results.None, results.None), pass(outcome, true, results.None, results.None, results.None)
		busy.JoinMS = join
		return []results.Trial{calm, busy}
	}
	s := newSample(&run.Cell{System: "zab", Mode: run.Sim, Case: "late", Settings: run.Settings{Columns: []string{"join_ms"}}})
	for _, rows := range [][]results.Trial{late(results.OK, 40), late(results.OK, 50), late(results.OK, 44)} {
		s.add(rows)
	}
	var table summary
	table.add(s)
	var out bytes.Buffer
	table.print(&out, &experiments.Scenario{Name: "test", Seed: 1})
	text := regexp.MustCompile(` {2,}`).ReplaceAllString(out.String(), "  ")
	wants(t, text, "cell  n  join_ms median [95 %]  p95  censored  least  most", "zab sim late  3  44.0 -  -  0  40.0  50.0")
	if strings.Contains(text, "elect_ms") {
		t.Errorf("nobody was elected:\n%s", text)
	}
	s.add(late(results.Censored, results.None))
	out.Reset()
	table.print(&out, &experiments.Scenario{Name: "test", Seed: 1})
	wants(t, regexp.MustCompile(` {2,}`).ReplaceAllString(out.String(), "  "), "zab sim late  4  47.0 -  -  1  40.0  censored")
}
