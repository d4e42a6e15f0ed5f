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

// counted is what is printed below the times, of a cell with these trials.
func counted(columns []string, trials ...[]results.Trial) string {
	s := newSample(&run.Cell{System: "zab", Mode: run.Sim, Settings: run.Settings{Columns: columns}})
	for _, rows := range trials {
		s.add(rows)
	}
	var out bytes.Buffer
	printCounts(&out, []*sample{s})
	return regexp.MustCompile(` {2,}`).ReplaceAllString(out.String(), "  ")
}

// an election with so many votes, messages and rounds.
func took(probed bool, votes, messages, rounds, best results.Number) results.Trial {
	t := pass(results.OK, probed, 100, results.None, rounds)
	t.Votes, t.Messages, t.BestLeader = votes, messages, best
	return t
}

func TestCountsAreOfTheTrialsWithoutClients(t *testing.T) {
	got := counted(nil, []results.Trial{took(false, 3, 10, 1, 1), took(true, 90, 900, 9, 0)}, []results.Trial{took(false, 5, 12, 1, 1), took(true, 90, 900, 9, 1)},
		[]results.Trial{took(false, 4, 14, 2, 0), took(true, 90, 900, 9, 1)})
	wants(t, got, "cell  votes median, p95  messages median, p95  one round  best won  best won, probed", "zab sim  4, 4.9  12, 13.8  66.67 %  66.67 %  66.67 %")
	if strings.Contains(got, "overlap_ms") || strings.Contains(got, "retried") {
		t.Errorf("nobody asked:\n%s", got)
	}
}

func TestWhatNoTrialTellsIsNotInTheTable(t *testing.T) {
	if got := counted(nil, []results.Trial{pass(results.OK, false, 100, results.None, results.None)}); got != "" {
		t.Errorf("%q", got)
	}
}

func TestALeaderThatIsInOfficeToTheEndCountsAsLongerThanAll(t *testing.T) {
	deposed := func(overlap results.Number) []results.Trial {
		r := pass(results.OK, false, 100, results.None, 1)
		if r.OverlapMS = overlap; overlap != overlap {
			r.Outcome = results.Censored
		}
		return []results.Trial{r}
	}
	never := []results.Trial{pass(results.Censored, false, results.None, results.None, results.None)} // no new leader: nothing to overlap with
	asks := []string{"overlap_ms"}
	wants(t, counted(asks, deposed(-20), deposed(30), deposed(results.None), never), "zab sim  3  30.0  -20.0  censored  66.67 %  1")
	wants(t, counted(asks, never), "zab sim  0  -  -  -  -  -")
}

func TestTheSummaryEndsWithTheCounts(t *testing.T) {
	var table summary
	s := newSample(&run.Cell{System: "zab", Mode: run.Sim})
	s.add([]results.Trial{took(false, 3, 10, 1, 1)})
	table.add(s)
	var out bytes.Buffer
	table.print(&out, &experiments.Scenario{Name: "test", Seed: 1})
	if text := out.String(); strings.Index(text, "elect_ms median") > strings.Index(text, "votes median") || !strings.Contains(text, "votes median") {
		t.Error(text)
	}
}
