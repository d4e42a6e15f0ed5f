package plots

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"raftzab/bench/metric"
	"raftzab/results"
)

// A readCell is an invented cell whose clients read.
type readCell struct {
	mode, name, system string
	swept              []results.Setting
	settings           string // beside those that all have
	trial              func(i int, rng *rand.Rand, t *results.Trial)
}

// syntheticReads returns invented results of scenarios with clients that read. They
// are for tests only and never shown to anybody.
func syntheticReads(trials int, cells ...readCell) *results.Data {
	d := &results.Data{Manifest: results.Manifest{Scenario: "test", Seed: 1, Commit: "0123456789abcdef"}}
	rng := rand.New(rand.NewPCG(1, 2))
	for _, c := range cells {
		d.Manifest.Cells = append(d.Manifest.Cells, results.Cell{Mode: c.mode, Case: c.name, System: c.system, Swept: c.swept, Trials: trials, Switch: c.mode == "live",
			Settings: json.RawMessage(`{"Cluster":{"Voters":5},"Network":{"Delay":"uniform(4ms, 6ms)"},"Clients":{"Delay":"constant(200us)"},"Disk":{"Fsync":"lognormal(1ms, 0.3)"},
				"Raft":{"ElectionTimeout":"150ms-300ms","Heartbeat":"75ms"},"Zab":{"Tick":"45ms","SyncLimit":5,"FinalizeWait":"200ms"},` + c.settings + `}`)})
		for i := range trials {
			t := results.NewTrial()
			t.Scenario, t.Case, t.Mode, t.System, t.Swept, t.Trial, t.Seed, t.Outcome = "test", c.name, c.mode, c.system, c.swept, i, 1, results.OK
			c.trial(i, rng, &t)
			d.Trials = append(d.Trials, t)
		}
	}
	return d
}

// old makes k of n reads stale, the oldest by ms.
func old(t *results.Trial, k, n, failed int, ms float64) {
	t.Reads, t.ReadsFailed, t.Stale, t.TimeMost, t.VersionsMost = results.Number(n), results.Number(failed), results.Number(k)/results.Number(n), results.Number(ms), 0
	if k > 0 {
		t.VersionsMost = 1
	}
}

func syntheticStaleness(trials int) *results.Data {
	var cells []readCell
	for _, of := range []struct{ name, system string }{{"local-follower", "raft"}, {"local-follower", "zab"}, {"local-observer", "zab"}, {"readindex", "raft"}} {
		for _, rate := range []int{10, 100} {
			for j, delay := range []string{"uniform(0.8ms, 1.2ms)", "uniform(20ms, 30ms)"} {
				cells = append(cells, readCell{"sim", of.name, of.system, []results.Setting{{Key: rateKey, Value: fmt.Sprint(rate)}, {Key: delayKey, Value: delay}},
					fmt.Sprintf(`"Workload":{"Clients":20,"Rate":%d,"Reads":0.5,"Keys":10,"ReadMode":"local"}`, rate), func(i int, rng *rand.Rand, t *results.Trial) {
						switch {
						case of.name == "readindex":
							old(t, 0, 200, 3, 0)
						case of.system == "raft":
							old(t, 10+rng.IntN(10*(j+1)), 200, 0, 60+20*rng.Float64())
						default:
							old(t, i%2*(j+rate/100), 200, 0, float64(i%2)*rng.Float64()*10)
						}
					}})
			}
		}
	}
	return syntheticReads(trials, cells...)
}

func syntheticNotices(trials int) *results.Data {
	var cells []readCell
	for _, in := range []string{"leader", "followers"} {
		for _, rate := range []float64{0.5, 50} {
			for _, delay := range []float64{1, 40} {
				swept := func(notice, heartbeat string) []results.Setting {
					return []results.Setting{{Key: noticeKey, Value: notice}, {Key: heartbeatKey, Value: heartbeat}, {Key: delayKey, Value: fmt.Sprintf("constant(%gms)", delay)}, {Key: rateKey, Value: fmt.Sprint(rate)}}
				}
				cell := func(system, notice, heartbeat string, wait float64) readCell {
					return readCell{"sim", in, system, swept(notice, heartbeat), `"Workload":{"Clients":10,"Keys":1}`, func(i int, rng *rand.Rand, t *results.Trial) {
						t.LagP5, t.LagP50, t.LagP95 = results.Number(delay+wait*0.05), results.Number(delay+wait*(0.4+0.2*rng.Float64())), results.Number(delay+wait*0.95)
						if in == "followers" {
							old(t, int(wait), 1000, 0, wait)
						}
					}}
				}
				cells = append(cells, cell("zab", "", "", 0))
				for _, h := range []float64{50, 200} {
					text := fmt.Sprintf("%gms", h)
					cells = append(cells, cell("raft", "heartbeat", text, h), cell("raft", "eager", text, 0))
				}
			}
		}
	}
	return syntheticReads(trials, cells...)
}

func syntheticSyncs(trials int) *results.Data {
	var cells []readCell
	for _, in := range []string{"calm", "cut-off"} {
		for _, sync := range []string{"zookeeper", "quorum"} {
			for _, of := range []struct{ mode, system string }{{"sim", "zab"}, {"live", "zookeeper"}} {
				if of.mode == "live" && (sync == "quorum" || in == "calm") {
					continue
				}
				target := map[string]string{"calm": "follower", "cut-off": "leader"}[in]
				name := map[string]string{"zookeeper": in, "quorum": "quorum-" + in}[sync]
				cells = append(cells, readCell{of.mode, name, of.system, nil,
					`"Zab":{"Sync":"` + sync + `"},"Workload":{"Clients":30,"Rate":300,"Reads":0.7,"Keys":10,"ReadMode":"sync"},"Faults":[{"Kind":"isolate","Target":"` + target + `","For":"4s"}]`, func(i int, rng *rand.Rand, t *results.Trial) {
						k := 0
						if in == "cut-off" && sync == "zookeeper" && i%3 > 0 {
							k = 5
						}
						old(t, k, 1000, 20, float64(k)*100*rng.Float64())
					}})
			}
		}
	}
	return syntheticReads(trials, cells...)
}

func syntheticPauses(trials int) *results.Data {
	var cells []readCell
	for _, in := range []string{"leader", "readindex"} {
		for _, mode := range []string{"sim", "live"} {
			cells = append(cells, readCell{mode, in, "raft", nil, `"Workload":{"Clients":30,"Rate":1000,"Reads":0.7,"Keys":10,"ReadMode":"` + in + `"},"Faults":[{"Kind":"pause","Target":"leader","For":"1s"}]`,
				func(i int, rng *rand.Rand, t *results.Trial) {
					k := 0
					if in == "leader" {
						k = i % 4
					}
					old(t, k, 1000, 0, float64(k)*50*rng.Float64())
				}})
		}
	}
	return syntheticReads(trials, cells...)
}

func syntheticLiveReads(trials int) *results.Data {
	var cells []readCell
	for i, of := range []struct{ mode, system string }{{"live", "raft"}, {"live", "zab"}, {"live", "zookeeper"}, {"sim", "raft"}, {"sim", "zab"}} {
		cells = append(cells, readCell{of.mode, map[string]string{"sim": "simulated", "live": "live"}[of.mode], of.system, nil, `"Workload":{"Clients":20,"Rate":1600,"Reads":0.5,"Keys":20,"ReadMode":"local"}`, func(_ int, rng *rand.Rand, t *results.Trial) {
			old(t, 10*i+rng.IntN(20), 800, 0, 20)
		}})
	}
	return syntheticReads(trials, cells...)
}

func TestNumbersOfStaleReadsAreTheseOfTestdata(t *testing.T) {
	d := syntheticStaleness(12)
	_, caption, _ := readStaleness(d)
	panels, _ := stalenessPanels(d)
	golden(t, "read-staleness", panels, caption)
	d = syntheticNotices(12)
	_, caption, _ = commitNotice(d)
	golden(t, "commit-notice", noticePanels(d), caption)
	d = syntheticSyncs(12)
	_, caption, _ = syncLimits(d)
	golden(t, "sync-limits", oldestPanels(d, syncOf), caption)
	d = syntheticPauses(12)
	_, caption, _ = pauseStaleReads(d)
	golden(t, "pause-stale-reads", oldestPanels(d, func(c *results.Cell) string { return c.Mode }), caption)
	d = syntheticLiveReads(120)
	_, caption, _ = liveStaleness(d)
	golden(t, "live-read-staleness", familyPanels(shareFamilies(d)), caption)
}

func TestTablesHaveTheNumbersOfTheFigures(t *testing.T) {
	for text, want := range map[string]string{
		string(readStalenessTable(syntheticStaleness(12))): "zab,local-follower,\"uniform(0.8ms, 1.2ms)\",0.5,12,0,0,0,",
		string(commitNoticeTable(syntheticNotices(12))):    "lag_p50_ms,zab,,,40,50,12,40,40,40\n",
	} {
		if !strings.Contains(text, "\n"+want) {
			t.Errorf("no line %q in\n%s", want, text)
		}
	}
	d := syntheticNotices(12)
	if text := string(commitNoticeTable(d)); !strings.Contains(text, "\nstale_percent,raft,heartbeat,200,40,50,12,20,20,20\n") {
		t.Error(text)
	}
	if _, caption, _ := commitNotice(d); !strings.Contains(caption, "by d and H: zab none of 12,000 in each case; raft heartbeat 5 to 20 %; raft eager none of 12,000 in each case") {
		t.Error(caption)
	}
}

// Without writes the wait is that for the heartbeat, without heartbeats that for the
// next write.
func TestTheoryOfLateNoticesHasTheRightEnds(t *testing.T) {
	for _, c := range []struct {
		d, h, rate float64
		want       [3]float64
	}{
		{10, 100, 0, [3]float64{15, 60, 105}},
		{0, 1e9, 2, [3]float64{-500 * math.Log(0.95), 500 * math.Ln2, -500 * math.Log(0.05)}},
	} {
		got := noticed(c.d, c.h, c.rate)
		for i := range got {
			if math.Abs(got[i]-c.want[i]) > 1e-3*c.want[i] {
				t.Errorf("%+v: %v", c, got)
			}
		}
	}
	if got := noticed(0, 100, 50); !(got[1] < 14 && got[1] > 11) { // ln 2 / 50, a little less for the heartbeat
		t.Errorf("%v", got)
	}
}

func TestStaleReadsAreCountedOverAllTrials(t *testing.T) {
	var rows []*results.Trial
	for i, k := range []int{0, 3, 1} {
		row := results.NewTrial()
		old(&row, k, 100*(i+1), i, 0)
		rows = append(rows, &row)
	}
	idle, failed := results.NewTrial(), results.NewTrial()
	old(&failed, 50, 100, 0, 0)
	failed.Outcome = results.Failed
	s, ok := staleShareOf(append(rows, &idle, &failed), 1)
	if !ok || s.Stale != 4 || s.Reads != 600 || s.Failed != 3 || s.Trials != 3 || math.Abs(s.Share-100*4.0/600) > 1e-9 || !s.Interval.Contains(s.Share) || s.Interval.High > 1.5 {
		t.Errorf("%+v", s)
	}
	if _, ok := staleShareOf([]*results.Trial{&idle}, 1); ok {
		t.Error("nobody read")
	}
}

func TestOldestReadsAreThoseOfTrialsWithStaleOnes(t *testing.T) {
	p := oldestPanels(syntheticSyncs(12), syncOf)
	i := slices.IndexFunc(p[0].Rows, func(r oldestRow) bool { return r.Label == "cut-off: zab" })
	if r := p[0].Rows[i]; r.Trials != (portion{8, 12}) || len(r.Oldest) != 8 {
		t.Errorf("%+v", r)
	}
	for _, r := range p[1].Rows {
		if r.Trials.K != 0 || r.Oldest != nil {
			t.Errorf("%+v", r)
		}
	}
}

func TestDistancesAreToldFromAHundredTrialsOn(t *testing.T) {
	for n, want := range map[int]bool{20: false, 120: true} {
		text := string(liveStalenessTable(syntheticLiveReads(n)))
		line := "live zookeeper"
		i := strings.Index(text, "\nzab,"+line) + 1
		if i < 1 {
			t.Fatalf("no %s:\n%s", line, text)
		}
		row, _, _ := strings.Cut(text[i:], "\n")
		if fields := strings.Split(row, ","); len(fields) != 10 || (fields[8] != "") != want || (fields[9] != "") != want {
			t.Errorf("n = %d: %q", n, row)
		}
	}
}

func TestDistancesOfAPanelAreAdjustedTogether(t *testing.T) {
	most := 0
	for _, p := range shareFamilies(syntheticLiveReads(120)) {
		all := distancesOf(&p, 1)
		most = max(most, len(all))
		var chances []float64
		for _, x := range all {
			chances = append(chances, metric.KSP(x.KS, x.N, x.M))
		}
		for i, want := range metric.Holm(chances) {
			if all[i].Adjusted != want {
				t.Errorf("%d of %d: %+v; want %v", i, len(all), all[i], want)
			}
		}
	}
	if most < 2 {
		t.Error("no panel has distances to adjust")
	}
}
