package plots

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"gonum.org/v1/plot/vg"

	"raftzab/bench/metric"
	"raftzab/results"
)

var update = flag.Bool("update", false, "rewrite the numbers in testdata")

var inf = math.Inf(1)

// rounded makes numbers comparable across machines: some fuse multiplication
// and addition.
func rounded(v any) any {
	switch v := v.(type) {
	case float64:
		return math.Round(v*1e6) / 1e6
	case []any:
		for i := range v {
			v[i] = rounded(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = rounded(v[k])
		}
	}
	return v
}

func golden(t *testing.T, name string, numbers any, caption string) {
	t.Helper()
	text, err := json.Marshal(map[string]any{"Caption": caption, "Panels": numbers})
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	text, _ = json.MarshalIndent(rounded(v), "", " ")
	path := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(path, append(text, '\n'), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != string(text)+"\n" {
		t.Errorf("%s: the numbers of the figure are not those of testdata; look at the difference after go test ./plots -update\n%s", name, text)
	}
}

func TestNumbersThatReachTheFiguresAreTheseOfTestdata(t *testing.T) {
	d := synthetic(20)
	_, caption, _ := electionLatency(d)
	golden(t, "election-latency", cdfPanels(latencyPanels(d)), caption)
	_, caption, _ = electionPhases(d)
	golden(t, "election-phases", phasePanels(latencyPanels(d), 1), caption)
	_, caption, _ = outage(d)
	golden(t, "outage", cdfPanels(outagePanels(d)), caption)
	d = syntheticTimeouts(40)
	_, caption, _ = raftFigure16(d)
	golden(t, "raft-figure16", timeoutPanels(d), caption)
}

func TestCurveStepsThroughEveryValueAndEndsBelowOneWhereCensored(t *testing.T) {
	s := series{System: "raft", N: 4, Censored: 1, sample: metric.NewSample([]float64{inf, 30, 10, 20})}
	c := curveOf(&s)
	if !reflect.DeepEqual(c.X, []float64{10, 20, 30}) || !reflect.DeepEqual(c.F, []float64{0.25, 0.5, 0.75}) {
		t.Errorf("%+v", c)
	}
}

func TestThinnedCurveLiesOnTheDistributionAndKeepsItsEnds(t *testing.T) {
	var values []float64
	for i := range 9973 {
		values = append(values, float64(i*i))
	}
	values = append(values, inf)
	s := series{N: len(values), Censored: 1, sample: metric.NewSample(values)}
	c := curveOf(&s)
	if len(c.X) != most || c.X[0] != 0 || c.X[most-1] != 9972*9972 {
		t.Errorf("%d steps from %v to %v", len(c.X), c.X[0], c.X[len(c.X)-1])
	}
	for i := range c.X {
		if got, want := c.F[i], s.sample.Fraction(c.X[i]); got != want {
			t.Errorf("at %v: %v, and %v in the sample", c.X[i], got, want)
		}
		if i > 0 && (c.X[i] <= c.X[i-1] || c.F[i]-c.F[i-1] > 1.1/most) {
			t.Errorf("step %d is out of order or too high", i)
		}
	}
}

// rows returns a scenario of one case whose rows have these (outcome, probed,
// elect, outage).
func rows(mode string, list ...[4]any) *results.Data {
	d := &results.Data{}
	d.Manifest.Cells = []results.Cell{{Mode: mode, Case: "crash", System: "raft"}, {Mode: "live", Case: "crash", System: "zookeeper"}}
	for i, r := range list {
		t := results.NewTrial()
		t.Case, t.Mode, t.System, t.Trial = "crash", mode, "raft", i
		t.Outcome, t.Probed = r[0].(results.Outcome), r[1].(bool)
		if v, ok := r[2].(int); ok {
			t.ElectMS, t.DetectMS, t.VoteMS, t.ActivateMS = results.Number(v), results.Number(v)/2, results.Number(v)/4, results.Number(v)/4
		}
		if v, ok := r[3].(int); ok {
			t.OutageMS = results.Number(v)
		}
		d.Trials = append(d.Trials, t)
	}
	return d
}

func TestEachFigureTakesTheRowsThatMeasureIt(t *testing.T) {
	list := [][4]any{
		{results.OK, false, 100, nil},
		{results.OK, true, 110, 120},
		{results.Censored, false, nil, nil},
		{results.Censored, true, 130, nil}, // a leader, but nobody could write
		{results.Failed, false, nil, nil},
		{results.Failed, true, nil, nil},
		{results.Violated, false, 140, nil},
	}
	for _, c := range []struct {
		name   string
		panels []panel
		want   metric.Sample
		failed int
	}{
		{"elections of sim", latencyPanels(rows("sim", list...)), metric.Sample{100, 140, inf}, 1},
		{"elections live", latencyPanels(rows("live", list...)), metric.Sample{100, 110, 130, 140, inf}, 2},
		{"outages", outagePanels(rows("sim", list...)), metric.Sample{120, inf}, 1},
	} {
		if len(c.panels) != 1 || len(c.panels[0].Series) != 1 {
			t.Fatalf("%s: %+v", c.name, c.panels)
		}
		if s := c.panels[0].Series[0]; !slices.Equal(s.sample, c.want) || s.Failed != c.failed {
			t.Errorf("%s: %v, %d failed", c.name, s.sample, s.Failed)
		}
	}
}

// Live trials have clients that write, so simulated elections beside them are those
// with clients.
func TestElectionsBesideLiveOnesAreLoadedAsThese(t *testing.T) {
	d := rows("sim", [4]any{results.OK, false, 100, nil}, [4]any{results.OK, true, 110, 120})
	live := rows("live", [4]any{results.OK, true, 130, 140})
	d.Manifest.Cells = append(d.Manifest.Cells, live.Manifest.Cells[0])
	d.Trials = append(d.Trials, live.Trials...)
	panels := latencyPanels(d)
	if len(panels) != 1 || len(panels[0].Series) != 2 {
		t.Fatalf("%+v", panels)
	}
	for i, want := range []float64{110, 130} {
		if s := panels[0].Series[i]; !slices.Equal(s.sample, metric.Sample{want}) {
			t.Errorf("%s %s: %v", s.Mode, s.System, s.sample)
		}
	}
}

func TestPhasesAddUpToTheMeanElection(t *testing.T) {
	d := rows("sim", [4]any{results.OK, false, 100, nil}, [4]any{results.OK, false, 300, nil}, [4]any{results.Censored, false, nil, nil})
	b := phasePanels(latencyPanels(d), 1)[0].Bars[0]
	want := bar{Label: "raft", System: "raft", N: 2, Without: 1, Detect: 100, Vote: 50, Activate: 50, Total: 200, Low: 100, High: 300}
	if b != want {
		t.Errorf("%+v", b)
	}
}

func TestWhatIsMissingIsSaidInFigureAndCaption(t *testing.T) {
	d := rows("sim", [4]any{results.OK, false, 100, nil})
	d.Run.LeftOut = []results.LeftOut{{Mode: "live", System: "zookeeper", Reason: "no Java"}}
	d.Manifest.Interrupted = true
	d.Warnings = []string{"trials-sim-raft.csv is not the file that the run wrote"}
	picture, caption, ok := electionLatency(d)
	if !ok {
		t.Fatal("no figure")
	}
	svg, err := picture.render("svg")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(svg, []byte("live zookeeper: not run here")) {
		t.Error("the figure does not say that zookeeper is missing")
	}
	for _, want := range []string{"Missing: live zookeeper, not run here.", "zookeeper (live) did not run here: no Java.", "interrupted", "not the file that the run wrote."} {
		if !strings.Contains(caption, want) {
			t.Errorf("the caption lacks %q:\n%s", want, caption)
		}
	}
}

func TestScenariosWithoutSuchDataGetNoFigure(t *testing.T) {
	none := rows("sim", [4]any{results.OK, false, nil, nil})
	sweep := rows("sim", [4]any{results.OK, false, 100, nil})
	sweep.Manifest.Cells[0].Swept = []results.Setting{{Key: "network.loss", Value: "0.1"}}
	for _, d := range []*results.Data{{}, none, sweep} {
		for _, f := range figures {
			if _, _, ok := f.make(d); ok {
				t.Errorf("%s was drawn of %+v", f.name, d.Manifest.Cells)
			}
		}
	}
}

func TestEverythingCensoredIsStillDrawn(t *testing.T) {
	picture, _, ok := electionLatency(rows("sim", [4]any{results.Censored, false, nil, nil}))
	if _, err := picture.render("svg"); !ok || err != nil {
		t.Error(ok, err)
	}
}

func TestRenderingTwiceGivesTheSameBytesAndNoDate(t *testing.T) {
	d := synthetic(5)
	first := map[string][]byte{}
	for round := range 2 {
		for _, f := range figures {
			d := d
			if special, ok := made[f.name]; ok {
				d = special(5)
			}
			picture, caption, ok := f.make(d)
			if !ok {
				t.Fatalf("no %s", f.name)
			}
			for _, format := range formats {
				text, err := picture.render(format)
				if err != nil {
					t.Fatal(err)
				}
				key := f.name + "." + format
				if round == 0 {
					first[key] = text
				} else if !bytes.Equal(first[key], text) {
					t.Errorf("%s differs a second later", key)
				}
				// How PDF and PNG call the dates inside them.
				for _, date := range []string{"/CreationDate", "/ModDate", "tIME"} {
					if bytes.Contains(text, []byte(date)) {
						t.Errorf("%s contains %s", key, date)
					}
				}
			}
			if round == 0 {
				first[f.name] = []byte(caption)
			} else if string(first[f.name]) != caption {
				t.Errorf("the caption of %s differs a second later", f.name)
			}
		}
		if round == 0 {
			time.Sleep(1100 * time.Millisecond)
		}
	}
}

func TestAllWritesEveryFormatAndTakesAwayWhatDataNoLongerSupport(t *testing.T) {
	dir := saved(t, synthetic(3))
	old := filepath.Join(dir, "figures", "outage.svg")
	written, err := All(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(written) != 3*(len(formats)+1)+1 { // and the summary
		t.Errorf("wrote %v", written)
	}
	for _, path := range append(written, old) {
		if info, err := os.Stat(path); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", path, err)
		}
	}
	d := synthetic(3)
	for i := range d.Trials {
		d.Trials[i].OutageMS = results.None
	}
	again := saved(t, d)
	if err := os.Rename(filepath.Join(dir, "figures"), filepath.Join(again, "figures")); err != nil {
		t.Fatal(err)
	}
	if _, err := All(again); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(again, "figures", "outage*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	if _, err := All(t.TempDir()); err == nil {
		t.Error("a folder without a manifest has figures")
	}
}

func TestSystemsDifferInColourInDashAndInMarker(t *testing.T) {
	colours, dashes, markers := map[any]bool{}, map[string]bool{}, map[string]bool{}
	for _, system := range systems {
		l := lookOf(system)
		colours[l.line.Color], dashes[fmt.Sprint(l.line.Dashes)], markers[fmt.Sprintf("%T", l.marker.Shape)] = true, true, true
	}
	if n := len(systems); len(colours) != n || len(dashes) != n || len(markers) != n {
		t.Errorf("%d systems, %d colours, %d dashes, %d markers", n, len(colours), len(dashes), len(markers))
	}
}

func TestLegendStaysWithinTheFigure(t *testing.T) {
	d := synthetic(2)
	for _, width := range []vg.Length{oneColumn, twoColumn} {
		g := grid{legend: legendOf(cdfPanels(latencyPanels(d))), width: width}
		for _, line := range g.legendLines() {
			if used := lineWidth(line); used > width-2*edge {
				t.Errorf("a line of %v in a figure of %v", used, width)
			}
		}
	}
}

func TestSettingsAreWrittenAsInAPaper(t *testing.T) {
	for text, want := range map[string]string{
		"150ms-300ms": "150-300 ms", "200ms-200ms": "200 ms", "75ms": "75 ms", "2s": "2000 ms", "": "",
		"constant(30µs)": "0.03 ms", "uniform(4ms, 6ms)": "4-6 ms", "exponential(5ms)": "exponential with mean 5 ms",
		"lognormal(1ms, 0.3)": "lognormal with median 1 ms, sigma 0.3", "normal(5ms, 1ms)": "normal with mean 5 ms, standard deviation 1 ms",
		"pareto(4ms, 2.5)": "pareto with least 4 ms, alpha 2.5",
	} {
		if got := plain(text); got != want {
			t.Errorf("%q is written %q, not %q", text, got, want)
		}
	}
}

func TestADelayIsNamedInFewWordsInTitles(t *testing.T) {
	for text, want := range map[string]string{"uniform(4ms, 6ms)": "delay 4-6 ms", "lognormal(5us, 0.25)": "median delay 0.005 ms", "normal(5ms, 1ms)": "mean delay 5 ms", "exponential(5ms)": "mean delay 5 ms", "pareto(4ms, 2.5)": "least delay 4 ms"} {
		if got := typical(text); got != want {
			t.Errorf("%q is named %q, not %q", text, got, want)
		}
	}
}

func TestManyPanelsOfOneCurveAreRows(t *testing.T) {
	var panels []panel
	for range 7 {
		panels = append(panels, panel{Series: []series{{System: "zab", N: 2, sample: metric.NewSample([]float64{1, 2}), cell: &results.Cell{}}}})
	}
	if !lone(panels) || lone(panels[:6]) || drawTimesOf(panels, "").height >= drawCDFs(cdfPanels(panels), "").height {
		t.Error("seven panels of one curve are not drawn as rows, or six are")
	}
	panels[2].Series[0].Censored = 1
	if lone(panels) {
		t.Error("the censored are in no row")
	}
}

func TestTicksAreRoundAndLabelled(t *testing.T) {
	var labels []string
	for _, tick := range logTicks(100, 1050) {
		if tick.Label != "" {
			labels = append(labels, tick.Label)
		}
	}
	if want := []string{"100", "200", "300", "500", "1000"}; !slices.Equal(labels, want) {
		t.Errorf("%v", labels)
	}
	labels = nil
	for _, tick := range roundTicks(730) {
		labels = append(labels, tick.Label)
	}
	if want := []string{"0", "100", "200", "300", "400", "500", "600", "700"}; !slices.Equal(labels, want) {
		t.Errorf("%v", labels)
	}
	labels = nil
	for _, tick := range roundTicks(1.3) {
		labels = append(labels, tick.Label)
	}
	if want := []string{"0", "0.25", "0.5", "0.75", "1", "1.25"}; !slices.Equal(labels, want) {
		t.Errorf("%v", labels)
	}
}

func TestLegendSaysHowManyTrialsStandBehindEachCurve(t *testing.T) {
	panels := []cdfPanel{
		{Curves: []curve{{Label: "zab", System: "zab", N: 10000}, {Label: "raft", System: "raft", N: 10000}}},
		{Curves: []curve{{Label: "raft", System: "raft", N: 10000}}},
		{Curves: []curve{{Label: "raft", System: "raft", N: 2000}}},
	}
	var got []string
	for _, e := range legendOf(panels) {
		got = append(got, e.text)
	}
	if want := []string{"raft (n = 10,000 in a, b; 2,000 in c)", "zab (n = 10,000)"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
