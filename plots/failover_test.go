package plots

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"raftzab/results"
)

// syntheticFailover has the shape of live-failover.
func syntheticFailover(trials int) *results.Data {
	v := invent()
	for _, c := range []struct{ name, kind string }{{"crash", "crash"}, {"power-off", "power-off"}, {"pause", "pause"}, {"partition", "isolate"}, {"one-way", "cut"}} {
		for _, n := range []int{3, 5} {
			settings := fmt.Sprintf(`{"Timeouts":"matched","Cluster":{"Voters":%d},"Network":{"Delay":"constant(5ms)"},"Disk":{"Fsync":"lognormal(200µs, 0.4)"},
				"Raft":{"ElectionTimeout":"300ms-600ms","Heartbeat":"150ms"},"Zab":{"Tick":"90ms","SyncLimit":5,"FinalizeWait":"200ms"},"Probe":{"Interval":"5ms"},
				"Faults":[{"At":"uniform(500ms, 650ms)","Kind":%q,"Target":"leader","For":"1s"}]}`, n, c.kind)
			for _, run := range []struct {
				mode, system string
				trials       int
			}{{"live", "zookeeper", trials}, {"live", "raft", trials}, {"live", "zab", trials}, {"live", "hashicorp", trials}, {"sim", "raft", 5 * trials}, {"sim", "zab", 5 * trials}, {"sim", "hashicorp", 5 * trials}} {
				if run.mode == "sim" && run.system == "hashicorp" && c.name == "pause" {
					continue
				}
				v.cell(run.mode, c.name, run.system, pairs(voters, fmt.Sprint(n)), settings, run.trials, func(i int, t *results.Trial) {
					t.DetectMS, t.VoteMS, t.ActivateMS = results.Number(250+300*v.rng.Float64()), results.Number(12+8*v.rng.Float64()), 11
					t.Votes, t.Messages, t.Rounds, t.BestLeader = 3, 10, 1, 1
					switch run.system {
					case "zab", "zookeeper":
						if t.VoteMS += 200; c.name == "crash" {
							t.DetectMS = results.Number(5 + 2*v.rng.Float64())
						}
					case "hashicorp":
						t.DetectMS += 150
					}
					if run.mode == "live" {
						t.ActivateMS += 4
						if run.system == "zookeeper" {
							t.ActivateMS += 120
						}
					}
					if t.ElectMS = t.DetectMS + t.VoteMS + t.ActivateMS; t.Probed {
						t.OutageMS = t.ElectMS + 12
					}
					if run.mode == "live" && run.system == "zookeeper" && c.name == "one-way" && i%3 == n/5 {
						t.VoteMS, t.ActivateMS, t.ElectMS, t.OutageMS, t.Outcome = results.None, results.None, results.None, results.None, results.Censored
					}
				})
				cell := &v.d.Manifest.Cells[len(v.d.Manifest.Cells)-1]
				did := results.CellRun{Mode: run.mode, Case: c.name, System: run.system}
				if run.mode == "live" {
					cell.Switch = true
					did.Live = &results.LiveRun{Spoilt: n / 5, Lateness: &results.Lateness{Count: 100, P99: 0.1 * float64(n)}}
				}
				v.d.Run.Cells = append(v.d.Run.Cells, did)
			}
		}
	}
	return v.d
}

func TestNumbersOfFailoverAreTheseOfTestdata(t *testing.T) {
	d := syntheticFailover(20)
	_, caption, _ := failover(d)
	golden(t, "failover", failoverPanels(d, &elections), caption)
	_, caption, _ = failoverOutage(d)
	golden(t, "failover-outage", failoverPanels(d, &outages), caption)
}

func TestFailoverMarksAreMediansOfTheTrialsThatMeasure(t *testing.T) {
	d := syntheticFailover(4)
	for i := range d.Trials { // raft, crash, 3 servers
		if r := &d.Trials[i]; r.System == "raft" && r.Case == "crash" && r.Swept[0].Value == "3" {
			r.ElectMS, r.OutageMS = results.Number(100+r.Trial), results.None
			if r.Probed {
				r.OutageMS = results.Number(300 + r.Trial)
			} else {
				r.ElectMS = 9000
			}
		}
	}
	row := func(m *replacement) failoverRow { return failoverPanels(d, m)[0].Rows[0] }
	live := standing{N: 4, Median: 101.5, Low: 101.5, High: 101.5, P5: 100, P95: 103}
	if r := row(&elections); r.Case != "crash" || r.System != "raft" || *r.Live != live || r.Simulated.N != 20 || r.Simulated.Median != 109.5 || r.Simulated.P95 <= 118 || r.Simulated.P95 >= 119 || r.Simulated.Low >= 109.5 {
		t.Errorf("%+v, %+v", r.Live, r.Simulated)
	}
	if r := row(&outages); r.Live.Median != 301.5 || r.Simulated.Median != 309.5 || r.Simulated.N != 20 {
		t.Errorf("%+v, %+v", r.Live, r.Simulated)
	}
}

func TestFailoverKeepsPanelsAlikeAndSaysWhatIsMissing(t *testing.T) {
	d := syntheticFailover(4)
	d.Trials = slices.DeleteFunc(d.Trials, func(r results.Trial) bool {
		return r.Mode == "live" && (r.System == "zab" && r.Case == "pause" && r.Swept[0].Value == "5" || r.System == "hashicorp")
	})
	panels := failoverPanels(d, &elections)
	if len(panels) != 2 || panels[0].Title != "(a) 3 servers" || panels[1].Title != "(b) 5 servers" {
		t.Fatalf("%+v", panels)
	}
	for i, p := range panels {
		if len(p.Rows) != 5*4 {
			t.Errorf("%d rows", len(p.Rows))
		}
		for j, r := range p.Rows {
			if r.Case != panels[0].Rows[j].Case || r.System != []string{"raft", "hashicorp", "zab", "zookeeper"}[j%4] {
				t.Errorf("row %d is %s %s", j, r.Case, r.System)
			}
			if missing := r.System == "hashicorp" || i == 1 && r.System == "zab" && r.Case == "pause"; (r.Live == nil) != missing {
				t.Errorf("%s %s: %+v", r.Case, r.System, r.Live)
			}
		}
	}
	_, caption, _ := failover(d)
	for _, part := range []string{"Missing in (a) and (b): live hashicorp, not run here.", "Missing in (b): live zab in pause, not run here.", "Not simulated: zookeeper (compare it with the simulated zab).",
		"Marks are medians, thick lines their bootstrap 95 % intervals, and thin lines reach from the 5th to the 95th percentile, of fewer than 20 trials from the least to the greatest."} {
		if !strings.Contains(caption, part) {
			t.Errorf("the caption lacks %q:\n%s", part, caption)
		}
	}
}

func TestFailoverSaysByHowMuchLifeDiffersFromSimulation(t *testing.T) {
	d := syntheticFailover(4)
	for i := range d.Trials {
		switch r := &d.Trials[i]; {
		case r.System == "zab":
			r.ElectMS = 200
		case r.System == "zookeeper":
			if r.ElectMS, r.Outcome = 300, results.OK; r.Case == "pause" {
				r.ElectMS, r.Outcome = results.None, results.Censored
			}
		case r.Mode == "live":
			if r.ElectMS = 450; r.Case == "crash" && r.Swept[0].Value == "5" {
				r.ElectMS = 480
			}
		default:
			r.ElectMS = 500
		}
	}
	_, caption, ok := failover(d)
	want := "by: raft -10 % to -4 %; hashicorp -10 % to -4 %; zab +0 %; zookeeper (from zab's) +50 % (and unknown in 2, where a median is among the censored)."
	if !ok || !strings.Contains(caption, want) {
		t.Errorf("the caption lacks %q:\n%s", want, caption)
	}
	if table := string(failoverTable(d)); !strings.Contains(table, "3,pause,zookeeper,live,4,4,,,,,\n") || !strings.Contains(table, "5,crash,raft,live,4,0,480.000,480.000,480.000,480.000,480.000\n") {
		t.Error(table)
	}
}

// Distributions of the same system, live and simulated, would hide each other;
// where only a ZooKeeper is live, they do not.
func TestScenariosOfPairedCasesGetFailoverInsteadOfDistributions(t *testing.T) {
	drawn := func(d *results.Data) (names []string) {
		for _, f := range figures {
			if _, _, ok := f.make(d); ok {
				names = append(names, f.name)
			}
		}
		return names
	}
	unswept := syntheticFailover(4)
	without := func(remove func(mode, in, system string) bool) *results.Data {
		d := syntheticFailover(4)
		d.Manifest.Cells = slices.DeleteFunc(d.Manifest.Cells, func(c results.Cell) bool { return remove(c.Mode, c.Case, c.System) })
		d.Trials = slices.DeleteFunc(d.Trials, func(r results.Trial) bool { return remove(r.Mode, r.Case, r.System) })
		return d
	}
	unswept.Manifest.Cells = slices.DeleteFunc(unswept.Manifest.Cells, func(c results.Cell) bool { return c.Swept[0].Value == "5" })
	for i := range unswept.Manifest.Cells {
		unswept.Manifest.Cells[i].Swept = nil
	}
	unswept.Trials = slices.DeleteFunc(unswept.Trials, func(r results.Trial) bool { return r.Swept[0].Value == "5" })
	for i := range unswept.Trials {
		unswept.Trials[i].Swept = nil
	}
	ours := []string{"failover", "failover-outage"}
	for name, c := range map[string]struct {
		d    *results.Data
		want []string
	}{
		"two sizes":         {syntheticFailover(4), ours},
		"one size":          {unswept, ours},
		"live alone":        {without(func(mode, _, _ string) bool { return mode == "sim" }), nil},
		"one case":          {without(func(_, in, _ string) bool { return in != "crash" }), nil},
		"other live system": {without(func(mode, _, system string) bool { return mode == "live" && system != "zookeeper" }), nil},
		"election-latency":  {synthetic(4), []string{"election-latency", "election-phases", "outage"}},
	} {
		if got := drawn(c.d); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
	if p := failoverPanels(unswept, &elections); len(p) != 1 || p[0].Title != "3 servers" {
		t.Errorf("%+v", p)
	}
}

func TestFailoverIsDrawnWhateverIsCensored(t *testing.T) {
	for _, late := range []results.Number{300, 30000, results.None} {
		d := syntheticFailover(4)
		for i := range d.Trials {
			if r := &d.Trials[i]; math.IsNaN(float64(late)) {
				r.ElectMS, r.OutageMS, r.Outcome = results.None, results.None, results.Censored
			} else if i == 0 {
				r.ElectMS = late
			}
		}
		picture, caption, ok := failover(d)
		if !ok {
			t.Fatal("no figure")
		}
		if _, err := picture.render("svg"); err != nil {
			t.Error(err)
		}
		if said := strings.Contains(caption, "logarithmic time"); said != (late == 30000) {
			t.Errorf("%v ms: logarithmic time is in the caption: %t", late, said)
		}
	}
}

func TestCaptionsSayOfTheSwitchWhatTheyDoNotOfLoopback(t *testing.T) {
	const onLoopback, over = "with its loopback interface and its disk.", "with its disk, each server in a network namespace of its own behind a user-space switch that delays its packets."
	d := rows("live", [4]any{results.OK, true, 100, 110})
	d.Manifest.Cells[0].Settings = json.RawMessage(`{"Cluster":{"Voters":3},"Network":{"Delay":"constant(5ms)","Loss":0.01},"Disk":{"Fsync":"constant(1ms)"},"Faults":[{"Kind":"cut","Target":"leader"}]}`)
	_, said, _ := electionLatency(d)
	if !strings.Contains(said, "Conditions: nothing that the leader sends arrives at the others, and it hears them; 3 servers. ") || !strings.Contains(said, onLoopback) {
		t.Error(said)
	}
	d.Manifest.Cells[0].Switch = true
	_, said, _ = electionLatency(d)
	if !strings.Contains(said, "hears them; 3 servers; one-way delay 5 ms; loss 1 %. ") || !strings.Contains(said, over) || strings.Contains(said, "loopback") {
		t.Error(said)
	}
	panels := latencyPanels(d)
	if title := panels[0].title(0, 1); title != "crash: 3 servers, delay 5 ms" {
		t.Errorf("%q", title)
	}
	other := panels[0].Series[0]
	other.System, other.cell = "zookeeper", &results.Cell{Mode: "live", System: "zookeeper"}
	panels[0].Series = append(panels[0].Series, other)
	var c caption
	c.machine(panels)
	if want := "with its disk: live zookeeper with its loopback interface, live raft each server"; !strings.Contains(c.String(), want) {
		t.Errorf("no %q in %s", want, c.String())
	}
}

func TestEveryKindOfFaultThatPartsServersIsSaid(t *testing.T) {
	for _, c := range []struct {
		f    planned
		want string
	}{
		{planned{Kind: "cut", Target: "leader"}, "nothing that the leader sends arrives at the others, and it hears them"},
		{planned{Kind: "cut", From: "leader"}, "nothing that the leader sends arrives at the others, and it hears them"},
		{planned{Kind: "cut", From: "leader", To: "best"}, "nothing that the leader sends arrives at the best"},
		{planned{Kind: "partition", Groups: [][]int{{1, 2}, {3, 4, 5}}}, "only these hear each other: 1-2, 3-4-5"},
		{planned{Kind: "partition", Target: "leader", Groups: [][]int{{1, 2}, {2, 3}}}, "only these hear each other: 1-2, 2-3 (1 is the leader)"},
		{planned{Kind: "isolate", Target: "leader"}, "the leader is cut off"},
		{planned{Kind: "clock"}, ""},
	} {
		if got := c.f.String(); got != c.want {
			t.Errorf("%+v: %q", c.f, got)
		}
	}
}
