package main

import (
	"bytes"
	"regexp"
	"testing"

	"raftzab/bench/run"
	"raftzab/results"
)

// asked is a trial in which clients read, with so many stale reads.
func asked(stale, reads, failed, versions, oldest results.Number) []results.Trial {
	t := results.NewTrial()
	t.Outcome, t.Terms, t.Reads, t.ReadsFailed, t.Stale, t.VersionsMost, t.TimeMost = results.OK, 0, reads, failed, stale/reads, versions, oldest
	return []results.Trial{t}
}

func printedReads(trials ...[]results.Trial) string {
	s := newSample(&run.Cell{System: "zab", Mode: run.Sim, Settings: run.Settings{Observe: 1}})
	for _, rows := range trials {
		s.add(rows)
	}
	var out bytes.Buffer
	printReads(&out, []*sample{s}, 1)
	return regexp.MustCompile(` {2,}`).ReplaceAllString(out.String(), "  ")
}

func TestStaleReadsArePrintedOverAllTrials(t *testing.T) {
	got := printedReads(asked(0, 100, 0, 0, 0), asked(3, 100, 50, 2, 40), asked(0, 100, 0, 0, 0))
	wants(t, got, "zab sim  3  300  14.29 %  1.000 % [0.000, 3.000]  1  2  -  0.0, 40.0  -  -")
}

func TestLagsArePrintedWhereNobodyReads(t *testing.T) {
	var all [][]results.Trial
	for i := range 7 {
		r := results.NewTrial()
		r.Outcome, r.Terms, r.LagP50, r.LagP95 = results.OK, 0, results.Number(10+i), results.Number(20+i)
		all = append(all, []results.Trial{r})
	}
	wants(t, printedReads(all...), "zab sim  7  0  -  -  0  -  -  -  13.0 [11.0, 15.0]  23.0 [21.0, 25.0]")
	r := results.NewTrial()
	r.Outcome, r.Terms = results.OK, 0
	if got := printedReads([]results.Trial{r}); got != "" {
		t.Errorf("nobody reads:\n%s", got)
	}
}
