package plots

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"raftzab/results"
)

// counted are results of one cell of Raft and one of Zab. Each trial of Zab ran without clients,
// and a second time with them.
func counted() *results.Data {
	d := &results.Data{Manifest: results.Manifest{Scenario: "counted", Seed: 1, Cells: []results.Cell{{Mode: "sim", Case: "crash", System: "raft", Trials: 26}, {Mode: "sim", Case: "crash", System: "zab", Trials: 5}}}}
	add := func(system string, probed bool, outcome results.Outcome, elect, outage float64) {
		r := results.NewTrial()
		r.Scenario, r.Mode, r.Case, r.System, r.Trial, r.Probed, r.Outcome, r.ElectMS, r.OutageMS = "counted", "sim", "crash", system, len(d.Trials), probed, outcome, results.Number(elect), results.Number(outage)
		d.Trials = append(d.Trials, r)
	}
	for i := range 21 {
		add("raft", false, results.OK, 100.04+float64(i), math.NaN())
	}
	for range 4 {
		add("raft", false, results.Censored, math.NaN(), math.NaN())
	}
	add("raft", false, results.Failed, 1, 1)
	for i := range 5 {
		add("zab", false, results.OK, 10.00049, math.NaN())
		add("zab", true, results.OK, 99, float64(i+1))
	}
	return d
}

func TestASummaryCountsTheCensoredAndNotTheFailed(t *testing.T) {
	none := results.None
	want := []results.Summary{
		{Case: "crash", Mode: "sim", System: "raft", Measure: "elect_ms", N: 25, Censored: 4, Median: 112, Low: 108, High: 116, P5: 101.2, P95: none},
		{Case: "crash", Mode: "sim", System: "zab", Measure: "elect_ms", N: 5, Median: 10, Low: none, High: none, P5: none, P95: none},
		{Case: "crash", Mode: "sim", System: "zab", Measure: "outage_ms", N: 5, Median: 3, Low: none, High: none, P5: none, P95: none},
	}
	dir := saved(t, counted())
	if _, err := All(dir); err != nil {
		t.Fatal(err)
	}
	got, err := results.ReadSummaries(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) {
		t.Fatalf("got %v", got)
	}
	for i := range want {
		if a, b := told(got[i]), told(want[i]); a != b {
			t.Errorf("got  %s\nwant %s", a, b)
		}
	}
}

// told makes what is not there the same as itself.
func told(s results.Summary) string {
	s.Swept = nil
	return fmt.Sprintf("%+v", s)
}

func TestASummaryStaysWhereTheDataAreNot(t *testing.T) {
	dir := saved(t, counted())
	if _, err := All(dir); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "summary.csv.gz")
	first := kept(t, path)
	if _, err := All(dir); err != nil {
		t.Fatal(err)
	}
	if again := kept(t, path); !bytes.Equal(again, first) {
		t.Error("the same data give other bytes")
	}
	if err := os.Remove(filepath.Join(dir, "trials-sim-zab.csv")); err != nil {
		t.Fatal(err)
	}
	if _, err := All(dir); err == nil {
		t.Error("figures were drawn without data")
	}
	if now := kept(t, path); !bytes.Equal(now, first) {
		t.Error("without data the summary is another one")
	}
}

func kept(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
