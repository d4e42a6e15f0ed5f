package main

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"

	"raftzab/bench/run"
	"raftzab/experiments"
	"raftzab/results"
)

func TestOnlyCellsThatTakeTurnsAndFollowEachOtherRunTogether(t *testing.T) {
	cells := []run.Cell{{System: "a"}, {System: "b", Turns: true}, {System: "c", Turns: true}, {System: "d"}, {System: "e"}, {System: "f", Turns: true}}
	var all []string
	for _, batch := range batches(cells) {
		names := ""
		for _, c := range batch {
			names += cells[c].System
		}
		all = append(all, names)
	}
	if want := []string{"a", "bc", "d", "e", "f"}; !slices.Equal(all, want) {
		t.Errorf("%q", all)
	}
}

func TestSummaryTellsWhatClientsGot(t *testing.T) {
	s := newSample(&run.Cell{System: "zab", Mode: run.Live, Settings: run.Settings{Observe: 1, Workload: run.Workload{Clients: 64}}})
	for i := range 4 {
		r := results.NewTrial()
		r.Outcome, r.Terms, r.Throughput, r.Reads, r.Writes, r.ReadsFailed, r.WritesFailed = results.OK, 0, results.Number(1000*(i+1)), 70, 29, 1, 0
		r.ReadP50 = results.Number(1 + i)
		if i == 3 {
			r = results.NewTrial()
			r.Outcome = results.Censored
		}
		s.add([]results.Trial{r})
	}
	var sum summary
	sum.add(s)
	var out bytes.Buffer
	sum.print(&out, &experiments.Scenario{Name: "test", Seed: 1})
	text := regexp.MustCompile(` {2,}`).ReplaceAllString(out.String(), "  ")
	wants(t, text, "zab live  3  2000.0 -  2.0 -  -  1.00 %")
	if strings.Contains(text, "leader_changes") {
		t.Errorf("nothing went wrong, and yet:\n%s", text)
	}
}
