package plots

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"raftzab/results"
)

// syntheticShares has the shape of read-share.
func syntheticShares(trials int) *results.Data {
	v := invent()
	v.d.Run.Machine = results.Machine{CPU: "a processor", Cores: 2}
	for _, run := range []struct {
		system string
		modes  []string
		rate   float64
	}{{"raft", []string{"local", "leader", "readindex"}, 30}, {"hashicorp", []string{"local", "leader", "readindex"}, 22}, {"zab", []string{"local", "sync"}, 29}, {"zookeeper", []string{"local", "sync"}, 4}} {
		for _, mode := range run.modes {
			for _, share := range []float64{0, 0.5, 1} {
				jvm := ""
				if run.system == "zookeeper" {
					jvm = `,"JVM":["-Xms512m","-Xmx512m"]`
				}
				settings := fmt.Sprintf(`{"Observe":"500ms","Cluster":{"Voters":3},"Zab":{"Tick":"300ms"%s},"Workload":{"Clients":64,"Reads":%g,"ReadMode":%q,"Keys":100,"ValueSize":128,"Warmup":"10s"}}`, jvm, share, mode)
				v.cell("live", mode, run.system, pairs("workload.reads", fmt.Sprint(share)), settings, trials, func(i int, t *results.Trial) {
					x := run.rate * (0.9 + 0.2*v.rng.Float64())
					if mode != "local" {
						x *= 0.8 + 0.2*(1-share)
					}
					x *= 1 + 2*share
					t.Probed, t.Throughput, t.ReadsFailed, t.WritesFailed = false, results.Number(1000*x), results.Number(i%2), 0
					if share > 0 {
						t.ReadP50 = results.Number(16 / x)
					}
					if share < 1 {
						t.CommitP50 = results.Number(64 / x)
					}
				})
			}
		}
	}
	return v.d
}

func TestNumbersOfReadShareAreTheseOfTestdata(t *testing.T) {
	d := syntheticShares(5)
	_, caption, _ := readShare(d)
	golden(t, "read-share", sharePanels(d), caption)
}

func TestReadShareHasAColumnAKindOfReadAndARowAMeasure(t *testing.T) {
	d := syntheticShares(3)
	for i := range d.Trials {
		if r := &d.Trials[i]; r.System == "raft" && r.Case == "leader" && r.Swept[0].Value == "0.5" {
			r.Throughput, r.ReadP50, r.CommitP50 = results.Number(1000*(r.Trial+1)*(r.Trial+1)), results.Number(r.Trial), results.Number(10+r.Trial)
		}
	}
	panels := sharePanels(d)
	var titles []string
	for _, p := range panels {
		titles = append(titles, p.Title)
	}
	if want := []string{"(a) local reads", "(b) reads at the leader", "(c) readindex, sync", "", "", "", "", "", ""}; !slices.Equal(titles, want) {
		t.Fatalf("%q", titles)
	}
	for i, want := range [][]spot{{{0.5, 3, 4, 1, 9}}, {{0.5, 3, 1, 0, 2}}, {{0.5, 3, 11, 10, 12}}} {
		l := panels[3*i+1].Lines[0]
		if l.System != "raft" || !slices.ContainsFunc(l.Points, func(x spot) bool { return x == want[0] }) {
			t.Errorf("%s: %+v", panels[3*i].measure.column, l)
		}
	}
	if n := len(panels[2].Lines); n != 4 {
		t.Errorf("%d systems have readindex or sync", n)
	}
	if n := len(panels[3].Lines[0].Points); n != 2 {
		t.Errorf("reads took so long at %d shares, and at 0 there are none", n)
	}
	table := string(readShareTable(d))
	if !strings.Contains(table, "throughput_ops_s,raft,leader,0.5,3,4.000,1.000,9.000\n") {
		t.Error(table)
	}
	if _, _, ok := readShare(syntheticShares(0)); ok {
		t.Error("a figure of nothing")
	}
}

func TestReadShareSaysWhatDiffersBetweenSystems(t *testing.T) {
	_, caption, _ := readShare(syntheticShares(3))
	for _, part := range []string{"64 clients", "3 servers", "2 cores (a processor)", "Flags of zookeeper's JVMs: -Xms512m -Xmx512m.", "worked for 10000 ms that nobody measured", "go-zookeeper/zk",
		"in zookeeper for the leader alone", "3 a point", "of 500 ms each", "USENIX ATC 2010", "Operations that were refused or given up, in all: 30."} {
		if !strings.Contains(caption, part) {
			t.Errorf("the caption lacks %q:\n%s", part, caption)
		}
	}
}

// syntheticTimes has the shape of throughput-over-time.
func syntheticTimes(trials int) *results.Data {
	v := invent()
	v.d.Run.Machine = results.Machine{CPU: "a processor", Cores: 2}
	crash := func(at, target string) string {
		return fmt.Sprintf(`{"At":"constant(%s)","Kind":"crash","Target":%q,"For":"1.5s"}`, at, target)
	}
	faults := strings.Join([]string{crash("2s", "follower"), crash("4s", "follower"), crash("4s", "follower"), crash("6s", "leader")}, ",")
	for _, run := range [][2]string{{"live", "raft"}, {"live", "hashicorp"}, {"live", "zab"}, {"live", "zookeeper"}, {"sim", "raft"}, {"sim", "zab"}} {
		physics := ""
		if run[0] == "sim" {
			physics = `"Network":{"Delay":"constant(30µs)"},"Disk":{"Fsync":"lognormal(200µs, 0.4)"},`
		}
		settings := fmt.Sprintf(`{"Timeouts":"matched","Warmup":"1s","Cluster":{"Voters":5},%s"Raft":{"ElectionTimeout":"300ms-600ms","Heartbeat":"150ms"},"Zab":{"Tick":"90ms","SyncLimit":5,"FinalizeWait":"200ms"},
			"Workload":{"Clients":64,"Rate":2000,"Reads":0.7,"ReadMode":"local","Window":"20ms","Warmup":"5s"},"Faults":[%s]}`, physics, faults)
		v.cell(run[0], "", run[1], nil, settings, trials, func(i int, t *results.Trial) {
			if run[0] == "sim" && t.Probed {
				return
			}
			for at := 0; at < 7000; at += 20 {
				w := results.NewWindow(t)
				w.At, w.Reads, w.Writes = results.Number(at), 26+v.rng.IntN(5), 10+v.rng.IntN(5)
				if outage := 200 + 40*i; at >= 5000 && at < 5000+outage {
					w.Writes = 0
				} else if at-20 < 5000+outage && at >= 5000 {
					w.Writes = 80
				}
				v.d.Windows = append(v.d.Windows, w)
			}
		})
	}
	return v.d
}

func TestNumbersOfThroughputOverTimeAreTheseOfTestdata(t *testing.T) {
	d := syntheticTimes(2)
	panels := timePanels(d)
	for i := range panels { // some of the numbers say as much
		panels[i].All, panels[i].Writes = panels[i].All[100:], panels[i].Writes[100:]
	}
	_, caption, _ := throughputOverTime(d)
	golden(t, "throughput-over-time", panels, caption)
}

func TestThroughputOverTimeCountsPerSecondAndMarksFaults(t *testing.T) {
	d := syntheticTimes(3)
	for i := range d.Windows {
		w := &d.Windows[i]
		w.Reads, w.Writes = 2*w.Trial, 1
		if w.At >= 3000 && w.At < 3000+results.Number(100*w.Trial) {
			w.Writes = 0
		}
	}
	panels := timePanels(d)
	var titles []string
	for _, p := range panels {
		titles = append(titles, p.Title)
	}
	if want := []string{"(a) raft, live", "(b) raft, simulated", "(c) zab, live", "(d) zab, simulated", "(e) hashicorp, live", "(f) zookeeper, live"}; !slices.Equal(titles, want) {
		t.Fatalf("%q", titles)
	}
	p := &panels[0]
	if p.N != 3 || len(p.All) != 174 || p.All[0] != 150 || p.Writes[0] != 50 { // 3 and 1 in 20 ms, two of which are a point
		t.Errorf("%d trials, %d windows, %v and %v", p.N, len(p.All), p.All[0], p.Writes[0])
	}
	if want := []band{{1, 2.5, "follower"}, {3, 4.5, "2 followers"}, {5, 6.5, "leader"}}; !slices.Equal(p.Bands, want) {
		t.Errorf("%+v", p.Bands)
	}
	if g := p.Gaps[1]; g.Writes != (spot{0, 3, 100, 0, 200}) || g.Reads != (spot{0, 3, 0, 0, 2000}) {
		t.Errorf("%+v", g)
	}
	if table := string(throughputOverTimeTable(d)); !strings.Contains(table, "live,raft,3,2 followers,writes,3,100,0,200\n") {
		t.Error(table)
	}
}

func TestOnlyCrashesAtFixedInstantsThatAreUndoneGetATimeline(t *testing.T) {
	for name, faults := range map[string][]planned{
		"none":      nil,
		"kind":      {{At: "constant(2s)", Kind: "pause", Target: "leader", For: "1s"}},
		"spread":    {{At: "uniform(2s, 3s)", Kind: "crash", Target: "leader", For: "1s"}},
		"for good":  {{At: "constant(2s)", Kind: "crash", Target: "leader"}},
		"no warmup": nil,
	} {
		s := settings{Warmup: "1s", Faults: faults}
		if name == "no warmup" {
			s.Warmup, s.Faults = "", []planned{{At: "2s", Kind: "crash", For: "1s"}}
		}
		if bands, ok := bandsOf(&s); ok {
			t.Errorf("%s: %+v", name, bands)
		}
	}
}

func TestFiguresOfClientsAreDrawnAlone(t *testing.T) {
	for want, d := range map[string]*results.Data{"read-share": syntheticShares(2), "throughput-over-time": syntheticTimes(2)} {
		for _, f := range figures {
			picture, _, ok := f.make(d)
			if ok != (f.name == want) {
				t.Errorf("%s of the data of %s: %t", f.name, want, ok)
			}
			if !ok {
				continue
			}
			if _, err := picture.render("svg"); err != nil {
				t.Error(err)
			}
		}
	}
}
