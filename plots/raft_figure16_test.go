package plots

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"raftzab/bench/metric"
	"raftzab/results"
)

// syntheticTimeouts returns invented results of the shape that figure 16 has.
func syntheticTimeouts(trials int) *results.Data {
	d := &results.Data{Manifest: results.Manifest{Scenario: "test", Seed: 1, Commit: "0123456789abcdef"}}
	rng := rand.New(rand.NewPCG(1, 2))
	for _, r := range []struct {
		low, high int
	}{{150, 150}, {150, 155}, {150, 200}, {150, 300}, {12, 24}, {100, 200}} {
		swept := []results.Setting{{Key: "raft.election_timeout", Value: fmt.Sprintf("%dms-%dms", r.low, r.high)}}
		d.Manifest.Cells = append(d.Manifest.Cells, results.Cell{Mode: "sim", System: "raft", Swept: swept, Trials: trials,
			Notes: []string{"it does not look at connections"}, Settings: json.RawMessage(fmt.Sprintf(`{"Limit":"12s","Raft":{"Heartbeat":"%dms"},"Cluster":{"Voters":5,"Behind":2},
			"Network":{"Delay":"constant(200µs)"},"Disk":{"Fsync":"normal(3ms, 1.5ms)"},"CPU":{"Timer":"constant(4ms)"},
			"Faults":[{"At":"constant(2s)","Phase":"heartbeat","Kind":"crash","Target":"leader"}]}`, r.low/2))})
		for i := range trials {
			t := results.NewTrial()
			t.Scenario, t.Mode, t.System, t.Swept, t.Trial, t.Seed, t.Outcome = "test", "sim", "raft", swept, i, 1, results.OK
			if r.low == r.high {
				t.Outcome = results.Censored
			} else {
				t.PaperMS = results.Number(float64(r.low) * math.Exp(0.4*rng.NormFloat64()))
			}
			d.Trials = append(d.Trials, t)
		}
	}
	return d
}

func TestPublishedQuantilesAreThoseOfTheTable(t *testing.T) {
	want := Published{ElectionTimeout: "12ms-24ms", P: []float64{0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99}, MS: []float64{20, 24, 30, 42, 52, 66, 87},
		Min: 15.5, Mean: 34.7, MaxMS: 152}
	curves := Figure16()
	if len(curves) != 3 || !reflect.DeepEqual(curves[2], want) {
		t.Errorf("%+v", curves)
	}
	for _, c := range curves {
		last := c.Min
		for i, x := range append(c.MS, c.MaxMS) {
			if x <= last {
				t.Errorf("%s: value %d is not above the one before", c.ElectionTimeout, i)
			}
			last = x
		}
	}
}

func TestDistanceIsTheMeanOfTheRelativeOnes(t *testing.T) {
	p := Published{P: []float64{0, 0.5, 1}, MS: []float64{100, 100, 100}}
	each, mean := p.Distances(metric.NewSample([]float64{90, 100, 120}))
	for i, want := range []float64{-0.1, 0, 0.2} {
		if math.Abs(each[i]-want) > 1e-12 {
			t.Errorf("%v", each)
		}
	}
	if math.Abs(mean-0.1) > 1e-12 {
		t.Error(mean)
	}
	if _, mean := p.Distances(metric.NewSample([]float64{90, 100, inf})); !math.IsInf(mean, 1) {
		t.Errorf("a quantile among the censored is %v away", mean)
	}
}

func TestRangesFallIntoPanelsByWhatTheyVary(t *testing.T) {
	var got []string
	for _, p := range timeoutPanels(syntheticTimeouts(3)) {
		for _, c := range p.Curves {
			ring := ""
			if c.Published != nil {
				ring = ", published"
			}
			got = append(got, fmt.Sprintf("%s: %s, %d of %d censored%s", p.Title, c.Label, c.Censored, c.N, ring))
		}
	}
	want := []string{
		"(a) raft: the randomness varied: 150-150 ms, 3 of 3 censored", "(a) raft: the randomness varied: 150-155 ms, 0 of 3 censored, published",
		"(a) raft: the randomness varied: 150-200 ms, 0 of 3 censored, published", "(a) raft: the randomness varied: 150-300 ms, 0 of 3 censored",
		"(b) raft: the timeouts scaled: 12-24 ms, 0 of 3 censored, published", "(b) raft: the timeouts scaled: 100-200 ms, 0 of 3 censored",
		"(b) raft: the timeouts scaled: 150-300 ms, 0 of 3 censored",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// A row of ours at each published quantile: no distance. The table says so.
func TestTableHasEachQuantileAndTheMeanDistance(t *testing.T) {
	d := syntheticTimeouts(8)
	of := Figure16()[0]
	kept := d.Trials[:0]
	i := 0
	for _, row := range d.Trials {
		if row.Swept[0].Value == of.ElectionTimeout {
			row.PaperMS = results.Number(1.1 * of.MS[3]) // all the same: each quantile is this
			i++
		}
		if row.Swept[0].Value != "12ms-24ms" && row.Swept[0].Value != "150ms-200ms" {
			kept = append(kept, row)
		}
	}
	d.Trials = kept
	lines := strings.Split(string(figure16Table(d)), "\n")
	if len(lines) != 1+len(of.P)+1+1 || lines[4] != "raft,150ms-155ms,0.75,435,478.5,0.100" || !strings.HasPrefix(lines[8], "raft,150ms-155ms,,,,") {
		t.Errorf("%s", strings.Join(lines, "\n"))
	}
}

func TestOtherSweepsAndOtherKeysAreNotFigure16(t *testing.T) {
	two, other, none := syntheticTimeouts(2), syntheticTimeouts(2), syntheticTimeouts(2)
	for i := range two.Manifest.Cells {
		two.Manifest.Cells[i].Swept = append(two.Manifest.Cells[i].Swept, results.Setting{Key: "cluster.voters", Value: "5"})
		other.Manifest.Cells[i].Swept = []results.Setting{{Key: "raft.heartbeat", Value: "5ms"}}
	}
	for i := range none.Trials {
		none.Trials[i].PaperMS, none.Trials[i].Outcome = results.None, results.OK
	}
	for name, d := range map[string]*results.Data{"two keys": two, "another key": other, "no paper_ms": none} {
		if _, _, ok := raftFigure16(d); ok {
			t.Errorf("%s: drawn", name)
		}
	}
}

func TestTheTableStandsBesideTheFigure(t *testing.T) {
	dir := savedSwept(t, syntheticTimeouts(3))
	if _, err := All(dir); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "figures", "raft-figure16.csv"))
	if err != nil || !strings.HasPrefix(string(text), "system,election_timeout,quantile,") {
		t.Errorf("%q, %v", text, err)
	}
}

// savedSwept writes results of one system, with what they sweep.
func savedSwept(t *testing.T, d *results.Data) string {
	t.Helper()
	dir := t.TempDir()
	f, err := results.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	w, err := f.Trials("sim", "raft", []string{"raft.election_timeout"}, "paper_ms")
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range d.Trials {
		if err := w.Put(i, row); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Finish(d.Manifest, results.NewRun()); err != nil {
		t.Fatal(err)
	}
	return dir
}
