package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"raftzab/bench/metric"
	"raftzab/bench/run"
	"raftzab/results"
)

// sampled is a cell with so many trials, each with one pass or, simulated, with
// two; of the i-th election the phases are value(i), of the outage twice as much.
func sampled(mode run.Mode, system, in string, swept []results.Setting, n int, value func(i int) float64) *sample {
	s := newSample(&run.Cell{Mode: mode, System: system, Case: in, Swept: swept})
	for i := range n {
		x := results.Number(value(i))
		quiet, busy := pass(results.OK, false, 30*x, results.None, 1), pass(results.OK, true, 3*x, 6*x, 1)
		quiet.DetectMS, quiet.VoteMS, quiet.ActivateMS = 10*x, 10*x, 10*x
		busy.DetectMS, busy.VoteMS, busy.ActivateMS = x, x, x
		if mode == run.Live {
			s.add([]results.Trial{busy})
		} else {
			s.add([]results.Trial{quiet, busy})
		}
	}
	return s
}

func from(start float64) func(i int) float64 {
	return func(i int) float64 { return start + float64(i) }
}

func voters(n string) []results.Setting { return []results.Setting{{Key: "cluster.voters", Value: n}} }

func TestLiveCellsAreComparedWithTheSimulatedOnesOfTheirCaseAndSweep(t *testing.T) {
	t3, t5 := voters("3"), voters("5")
	table := summary{}
	for _, s := range []*sample{
		sampled(run.Live, "raft", "crash", t3, 6, from(110)), sampled(run.Live, "raft", "crash", t5, 6, from(120)),
		sampled(run.Live, "zookeeper", "crash", t3, 6, from(130)), sampled(run.Live, "hashicorp", "pause", t3, 6, from(140)),
		sampled(run.Sim, "raft", "pause", t3, 9, from(999)), sampled(run.Sim, "raft", "crash", t5, 9, from(100)), sampled(run.Sim, "raft", "crash", t3, 9, from(90)),
		sampled(run.Sim, "zab", "crash", t3, 9, from(200)), sampled(run.Sim, "zookeeper", "crash", t3, 9, from(1)),
	} {
		table.add(s)
	}
	var got []string
	for _, c := range table.compare(1) {
		var names []string
		for _, m := range c.Measures {
			names = append(names, m.Measure)
		}
		got = append(got, fmt.Sprint(c.Live, " ", c.Simulated, " ", c.Case, " ", c.Swept[0].Value, " ", strings.Join(names, ","), " ", c.Measures[1].Simulated.Median))
	}
	const measures = " elect_ms,detect_ms,vote_ms,activate_ms,outage_ms"
	if want := []string{"raft raft crash 3" + measures + " 94", "raft raft crash 5" + measures + " 104", "zookeeper zab crash 3" + measures + " 204"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestComparisonIsOfTheMediansOfTheTrialsThatMeasure(t *testing.T) {
	table := summary{}
	table.add(sampled(run.Live, "raft", "crash", nil, 6, from(110))) // 110 to 115
	table.add(sampled(run.Sim, "raft", "crash", nil, 9, from(86)))   // 86 to 94
	c := table.compare(1)[0]
	for i, want := range []struct {
		name      string
		live, sim results.Number
	}{{"elect_ms", 337.5, 270}, {"detect_ms", 112.5, 90}, {"vote_ms", 112.5, 90}, {"activate_ms", 112.5, 90}, {"outage_ms", 675, 540}} {
		m := c.Measures[i]
		if m.Measure != want.name || m.Live != (results.Side{N: 6, Probed: true, Median: want.live}) || m.Simulated != (results.Side{N: 9, Probed: true, Median: want.sim}) {
			t.Errorf("%+v", m)
		}
		if m.Difference != want.live-want.sim || math.Abs(float64(m.Relative)-0.25) > 1e-12 || m.KS != nil {
			t.Errorf("%+v", m)
		}
		if m.Interval == nil || m.Interval[0] >= m.Difference || m.Interval[1] <= m.Difference || m.Interval[0] < m.Difference*0.7 || m.Interval[1] > m.Difference*1.3 {
			t.Errorf("%s: %v around %v", m.Measure, m.Interval, m.Difference)
		}
	}
}

func TestSmallSamplesGetNoIntervalAndNoDistance(t *testing.T) {
	for _, c := range []struct {
		live, sim    int
		interval, ks bool
	}{{5, 200, false, false}, {6, 200, true, false}, {200, 5, false, false}, {99, 100, true, false}, {100, 99, true, false}, {100, 100, true, true}} {
		table := summary{}
		table.add(sampled(run.Live, "raft", "", nil, c.live, from(50)))
		table.add(sampled(run.Sim, "raft", "", nil, c.sim, from(0)))
		m := table.compare(1)[0].Measures[0]
		if (m.Interval != nil) != c.interval || (m.KS != nil) != c.ks {
			t.Errorf("%d and %d trials: %+v", c.live, c.sim, m)
		}
		if c.ks && (math.Abs(m.KS.Distance-0.5) > 1e-9 || math.Abs(m.KS.Critical-0.19206) > 1e-4) {
			t.Errorf("%+v", m.KS)
		}
	}
}

// censored adds n trials whose election did not end.
func censored(s *sample, n int) *sample {
	rows := []results.Trial{pass(results.Censored, true, results.None, results.None, results.None)}
	rows[0].DetectMS = 10
	for range n {
		s.add(rows)
	}
	return s
}

func TestCensoredTrialsStayInAComparisonAsLongerThanAll(t *testing.T) {
	table := summary{}
	table.add(censored(sampled(run.Live, "raft", "", nil, 4, from(100)), 6)) // its median is among them
	table.add(sampled(run.Sim, "raft", "", nil, 9, from(100)))
	m := table.compare(1)[0].Measures
	elect, detect := m[0], m[1]
	if elect.Live.N != 10 || elect.Live.Censored != 6 || !math.IsInf(float64(elect.Live.Median), 1) || finite(elect.Difference) || finite(elect.Relative) {
		t.Errorf("%+v", elect)
	}
	if elect.Interval == nil || !math.IsInf(float64(elect.Interval[1]), 1) {
		t.Errorf("%v", elect.Interval)
	}
	if detect.Live.N != 10 || detect.Live.Censored != 0 || detect.Live.Median != 10 {
		t.Errorf("%+v", detect)
	}
	text, err := json.Marshal(elect)
	if err != nil || !strings.Contains(string(text), `"live":{"n":10,"censored":6,"probed":true,"median_ms":null}`) || !strings.Contains(string(text), `"difference_ms":null,"interval_ms":[`) {
		t.Errorf("%s, %v", text, err)
	}
	var back results.Compared
	if err := json.Unmarshal(text, &back); err != nil || !math.IsNaN(float64(back.Difference)) || back.Simulated != elect.Simulated {
		t.Errorf("%+v, %v", back, err)
	}
	both := summary{}
	both.add(censored(sampled(run.Live, "raft", "", nil, 1, from(100)), 9))
	both.add(censored(sampled(run.Sim, "raft", "", nil, 1, from(100)), 9))
	if m := both.compare(1)[0].Measures[0]; m.Interval != nil || finite(m.Difference) {
		t.Errorf("two medians that nobody knows differ by %v, %v", m.Difference, m.Interval)
	}
}

// A phase that a system cannot give is not one that has not ended.
func TestAPhaseThatIsMissingWithALeaderThereIsNotCounted(t *testing.T) {
	s := newSample(&run.Cell{Mode: run.Live, System: "raft"})
	row := pass(results.Censored, true, 300, results.None, 1) // a leader, but nobody could write
	row.DetectMS = 100
	s.add([]results.Trial{row})
	if p := s.busy.parts; len(p[0]) != 1 || len(p[1]) != 0 || len(p[2]) != 0 || !math.IsInf(s.outage[0], 1) {
		t.Errorf("%v, %v", p, s.outage)
	}
}

func TestComparisonsArePrintedAsATable(t *testing.T) {
	table := summary{}
	table.add(sampled(run.Live, "zookeeper", "crash", voters("3"), 2, from(110)))
	table.add(sampled(run.Sim, "zab", "crash", voters("3"), 2, from(100)))
	all := table.compare(1)
	all[0].Measures[1].KS = &results.KS{Distance: 0.5, Critical: 0.192, Adjusted: 0.05}
	all[0].Measures[1].Interval = &[2]results.Number{-1, results.Number(math.Inf(1))}
	var out bytes.Buffer
	printCompared(&out, all)
	wants(t, regexp.MustCompile(` {2,}`).ReplaceAllString(out.String(), "  "),
		"zookeeper and zab crash cluster.voters=3  elect_ms  2  331.5  2  301.5  +30.0  +10.0 %  -",
		"  detect_ms  2  110.5  2  100.5  +10.0 [-1.0, no bound]  +10.0 %  0.500 (0.192) *")
	out.Reset()
	if printCompared(&out, nil); out.Len() > 0 {
		t.Errorf("nothing to compare prints %q", out.String())
	}
}

// Of 200 and 200 trials chance alone passes 0.14 in 4 % of all cases.
func TestAnAsteriskIsForAllDistancesTogether(t *testing.T) {
	side := results.Side{N: 200}
	table := func(distances ...float64) (asterisks []bool) {
		var all []results.Comparison
		for _, d := range distances {
			all = append(all, results.Comparison{Measures: []results.Compared{
				{Live: side, Simulated: side, KS: &results.KS{Distance: d, Critical: metric.KSCritical(0.05, 200, 200)}}, {Live: side, Simulated: side}}})
		}
		adjust(all)
		for _, c := range all {
			asterisks = append(asterisks, strings.HasSuffix(apart(&c.Measures[0]), "*"))
		}
		return asterisks
	}
	for _, c := range []struct {
		distances []float64
		want      []bool
	}{{[]float64{0.14}, []bool{true}}, {[]float64{0.14, 0.05}, []bool{false, false}}, {[]float64{0.14, 0.3}, []bool{true, true}}, {[]float64{0.14, 0.3, 0.05}, []bool{false, true, false}}} {
		if got := table(c.distances...); !slices.Equal(got, c.want) {
			t.Errorf("%v: %v", c.distances, got)
		}
	}
}

func TestRunTellsOfEachLiveCellWhatTheMachineDid(t *testing.T) {
	system, err := run.Lookup("raft")
	if err != nil {
		t.Fatal(err)
	}
	var m results.Manifest
	var w results.Run
	did := &results.LiveRun{Spoilt: 2, Lateness: &results.Lateness{Count: 5}}
	for _, c := range []struct {
		cell *run.Cell
		live *results.LiveRun
	}{{&run.Cell{Mode: run.Live, System: "raft"}, did}, {&run.Cell{Mode: run.Live, System: "raft", Loopback: true}, &results.LiveRun{}}, {&run.Cell{Mode: run.Sim, System: "raft"}, nil}} {
		if err := note(&m, &w, system, c.cell, &run.Summary{Live: c.live}); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.Cells) != 3 || w.Cells[0].Live != did || w.Cells[1].Live == nil || w.Cells[2].Live != nil {
		t.Errorf("%+v", w.Cells)
	}
	if !m.Cells[0].Switch || m.Cells[1].Switch || m.Cells[2].Switch {
		t.Errorf("the switch stands between the servers of %+v", m.Cells)
	}
}
