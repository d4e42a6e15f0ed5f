package plots

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"raftzab/results"
)

// A maker of invented results: cells, and a row for each trial with and without
// clients. They are for tests only and never shown to anybody.
type inventor struct {
	d   *results.Data
	rng *rand.Rand
}

func invent() *inventor {
	return &inventor{&results.Data{Manifest: results.Manifest{Scenario: "test", Seed: 1, Commit: "0123456789abcdef"}}, rand.New(rand.NewPCG(1, 2))}
}

// cell adds one, with so many trials, each filled by fill.
func (v *inventor) cell(mode, in, system string, swept []results.Setting, settings string, trials int, fill func(i int, t *results.Trial)) {
	v.d.Manifest.Cells = append(v.d.Manifest.Cells, results.Cell{Mode: mode, Case: in, System: system, Swept: swept, Trials: trials,
		Notes: []string{"a note on " + system}, Settings: json.RawMessage(settings)})
	for i := range trials {
		for _, probed := range []bool{false, true} {
			if mode == "live" && !probed {
				continue
			}
			t := results.NewTrial()
			t.Scenario, t.Case, t.Mode, t.System, t.Swept, t.Trial, t.Seed, t.Outcome, t.Probed = "test", in, mode, system, swept, i, 1, results.OK, probed
			fill(i, &t)
			v.d.Trials = append(v.d.Trials, t)
		}
	}
}

func pairs(keysAndValues ...string) (swept []results.Setting) {
	for i := 0; i < len(keysAndValues); i += 2 {
		swept = append(swept, results.Setting{Key: keysAndValues[i], Value: keysAndValues[i+1]})
	}
	return swept
}

// syntheticCounts has the shape of message-complexity.
func syntheticCounts(trials int) *results.Data {
	v := invent()
	for _, delay := range []string{"uniform(5ms, 10ms)", "uniform(0ms, 10ms)"} {
		for _, system := range []string{"zab", "etcd", "raft"} {
			for _, n := range []int{3, 9} {
				settings := fmt.Sprintf(`{"Timeouts":"matched","Cluster":{"Voters":%d},"Network":{"Delay":%q},"Disk":{"Fsync":"lognormal(1ms, 0.3)"},
					"Raft":{"ElectionTimeout":"150ms-300ms","Heartbeat":"75ms"},"Zab":{"Tick":"45ms","SyncLimit":5,"FinalizeWait":"200ms"},
					"Faults":[{"Kind":"crash","Target":"leader"}]}`, n, delay)
				v.cell("sim", "d"+delay[8:9], system, pairs("cluster.voters", fmt.Sprint(n)), settings, trials, func(i int, t *results.Trial) {
					t.Rounds, t.BestLeader = 1, 1
					t.Votes, t.Messages = results.Number(n-1), results.Number(3*n+v.rng.IntN(n))
					if system == "zab" {
						t.Votes, t.Messages = results.Number(2*n+v.rng.IntN(n)), results.Number(n*n+v.rng.IntN(20))
					}
					if i%10 == 3 && delay[8] == '0' && t.Probed == (system == "zab") {
						t.BestLeader, t.Rounds = 0, 2
					}
				})
			}
		}
	}
	return v.d
}

// syntheticWaits has the shape of finalize-wait.
func syntheticWaits(trials int) *results.Data {
	v := invent()
	for _, in := range []string{"no-jitter", "loss"} {
		for _, wait := range []string{"0s", "200ms"} {
			loss := 0.0
			if in == "loss" {
				loss = 0.02
			}
			settings := fmt.Sprintf(`{"Cluster":{"Voters":5},"Network":{"Delay":"constant(5ms)","Loss":%g},"Disk":{"Fsync":"constant(1ms)"},
				"Zab":{"Tick":"45ms","SyncLimit":5,"FinalizeWait":%q,"MinNotification":"200ms"},"Faults":[{"Kind":"crash","Target":"leader"}]}`, loss, wait)
			v.cell("sim", in, "zab", pairs("zab.finalize_wait", wait), settings, trials, func(i int, t *results.Trial) {
				t.VoteMS = results.Number(inMilliseconds(wait) + 10*(1+loss*v.rng.Float64()))
				t.ElectMS, t.BestLeader, t.Rounds = t.VoteMS+35, 1, 1
				if in == "loss" && wait == "0s" && i%5 == 0 {
					t.BestLeader, t.Rounds = results.Number(i%2), 2
				}
			})
		}
	}
	return v.d
}

// syntheticStale has the shape of stale-leader.
func syntheticStale(trials int) *results.Data {
	v := invent()
	settings := `{"Cluster":{"Voters":5},"Network":{"Delay":"uniform(4ms, 6ms)"},"Disk":{"Fsync":"lognormal(1ms, 0.3)"},"Probe":{"Interval":"50ms"},
		"Zab":{"FinalizeWait":"200ms"},"Faults":[{"Kind":"isolate","Target":"leader"}]}`
	for _, tick := range []string{"200ms", "2s"} {
		for _, limit := range []string{"2", "5"} {
			rng := rand.New(rand.NewPCG(3, 4)) // the limit has no part in it
			v.cell("sim", "", "zab", pairs("zab.tick", tick, "zab.sync_limit", limit, "raft.election_timeout", "", "raft.check_quorum", ""), settings, trials,
				func(i int, t *results.Trial) {
					t.ElectMS, t.VoteMS, t.ActivateMS = 1000, 210, 35
					stay := inMilliseconds(tick) * rng.Float64()
					if !t.Probed {
						stay = inMilliseconds(tick) / float64(1+i%2)
					}
					t.OverlapMS = results.Number(stay) - 245
				})
		}
	}
	for _, on := range []string{"false", "true"} {
		v.cell("sim", "", "raft", pairs("zab.tick", "", "zab.sync_limit", "", "raft.election_timeout", "150ms-300ms", "raft.check_quorum", on), settings, trials,
			func(i int, t *results.Trial) {
				t.ElectMS, t.VoteMS, t.ActivateMS = 180, 12, 12
				if t.OverlapMS = results.Number(120 * v.rng.Float64()); on == "false" {
					t.OverlapMS, t.Outcome = results.None, results.Censored
				}
			})
	}
	return v.d
}

// syntheticPhases has the shape of zab-phases.
func syntheticPhases(trials int) *results.Data {
	v := invent()
	settings := `{"Cluster":{"Voters":3},"Network":{"Delay":"lognormal(4µs, 0.5)"},"Disk":{"Fsync":"lognormal(200µs, 0.4)"},
		"Zab":{"Tick":"2s","SyncLimit":5,"FinalizeWait":"200ms"},"Faults":[{"Kind":"crash","Target":"leader"}]}`
	for _, c := range []struct {
		mode, system string
		work         float64
	}{{"live", "zookeeper", 20}, {"sim", "zab", 0.004}} {
		v.cell(c.mode, "", c.system, nil, settings, trials, func(i int, t *results.Trial) {
			t.ConnectRetries, t.VotesUnheard = results.Number(i%2), results.Number(i%10/9)
			t.DetectMS = results.Number(c.work * (1 + 0.2*v.rng.Float64()))
			t.VoteMS = 200 + 200*t.VotesUnheard + results.Number(c.work/2)
			t.ActivateMS = 100*t.ConnectRetries + results.Number(2*c.work)
			t.ElectMS = t.DetectMS + t.VoteMS + t.ActivateMS
		})
	}
	v.d.Run.Observed = []string{"one way over loopback took 4µs"}
	return v.d
}

func TestNumbersOfSweptFiguresAreTheseOfTestdata(t *testing.T) {
	d := syntheticCounts(30)
	_, caption, _ := messageComplexity(d)
	golden(t, "message-complexity", countPanels(d), caption)
	d = syntheticWaits(30)
	_, caption, _ = finalizeWait(d)
	golden(t, "finalize-wait", waitPanels(d), caption)
	d = syntheticStale(30)
	_, caption, _ = staleLeader(d)
	golden(t, "stale-leader", stalePanels(d), caption)
	d = syntheticPhases(40)
	_, caption, _ = zabPhases(d)
	golden(t, "zab-phases", phaseRows(d), caption)
}

// made are results that each figure of its own scenario is drawn of.
var made = map[string]func(trials int) *results.Data{
	"raft-figure16": syntheticTimeouts, "settled": syntheticWatched, "message-complexity": syntheticCounts, "finalize-wait": syntheticWaits,
	"stale-leader": syntheticStale, "zab-phases": syntheticPhases, "failover": syntheticFailover, "failover-outage": syntheticFailover,
	"read-staleness": syntheticStaleness, "live-read-staleness": syntheticLiveReads, "visibility": syntheticVisible, "commit-notice": syntheticNotices, "sync-limits": syntheticSyncs,
	"pause-stale-reads": syntheticPauses, "timeline": func(int) *results.Data { return syntheticMoments("sim") },
	"read-share": syntheticShares, "throughput-over-time": syntheticTimes, "split-votes": syntheticSplits, "recovery": syntheticRecovery, "returning-leader": syntheticReturns, "wan-commits": syntheticPlaces, "commit-messages": syntheticCommits, "election-cases": syntheticCases, "winners": syntheticWinners, "join": syntheticJoins, "election-size-delay": syntheticSizes,
}

func TestAFigureIsDrawnOfItsOwnScenarioOnly(t *testing.T) {
	for of, data := range made {
		d := data(6)
		for _, f := range figures {
			_, _, drawn := f.make(d)
			if _, special := made[f.name]; special && drawn != (strings.TrimSuffix(f.name, "-outage") == strings.TrimSuffix(of, "-outage")) {
				t.Errorf("%s of the results of %s: %t", f.name, of, drawn)
			}
		}
	}
}

func TestAPointIsTheMedianOfTheTrialsWithoutClients(t *testing.T) {
	d := syntheticCounts(3)
	for i, votes := range []results.Number{5, 7, 90} { // of zab, 3 servers; every other row is probed
		d.Trials[2*i].Votes, d.Trials[2*i+1].Votes = votes, 1000
		d.Trials[2*i].BestLeader, d.Trials[2*i+1].BestLeader = results.Number(i%2), 0
	}
	d.Trials[0].Rounds = 4
	p := countPanels(d)[0].Lines
	if len(p) != 3 || p[2].System != "zab" {
		t.Fatalf("%+v", p)
	}
	x := p[2].Points[0]
	if x.X != 3 || x.N != 3 || x.Median != 7 || x.OneRound != (portion{2, 3}) || x.Best != (portion{1, 3}) || x.BestProbed != (portion{0, 3}) {
		t.Errorf("%+v", x)
	}
}

func TestSharesComeWithWilsonsInterval(t *testing.T) {
	d := syntheticWaits(30)
	p := waitPanels(d)[3].Lines[1].Points[0] // more than one round, loss, no wait
	if p.N != 30 || p.Median != 20 || math.Abs(p.Low-9.505) > 0.001 || math.Abs(p.High-37.306) > 0.001 {
		t.Errorf("%+v", p)
	}
}

func TestALeaderThatNeverLeftCountsAsLongerThanAll(t *testing.T) {
	d := syntheticStale(4)
	var zab *stalePoint
	count := 0
	for i := range d.Trials {
		if r := &d.Trials[i]; r.System == "zab" && r.Swept[0].Value == "2s" && r.Swept[1].Value == "2" && !r.Probed {
			if count++; count <= 3 {
				r.OverlapMS, r.Outcome = results.None, results.Censored
			}
		}
	}
	for _, l := range stalePanels(d)[0].Lines {
		if l.Label == "syncLimit 2" {
			zab = &l.Points[1]
		}
	}
	if zab == nil || zab.N != 4 || zab.InOffice != 3 || zab.Both != (portion{4, 4}) || len(zab.Quantiles) != 0 || zab.Most != 1000-245 || zab.Stay != 1000 {
		t.Errorf("%+v", zab)
	}
}

func TestPhasesFallIntoGroupsByWhatHinderedThem(t *testing.T) {
	d := syntheticPhases(40)
	var got []string
	for _, r := range phaseRows(d) {
		got = append(got, fmt.Sprintf("%s %d of %d", r.label(), r.N, r.Of))
	}
	want := []string{"detect: zab 40 of 40", "detect: live zookeeper 40 of 40", "vote: zab 40 of 40", "vote: live zookeeper 40 of 40",
		"vote heard: zab 36 of 40", "vote heard: live zookeeper 36 of 40", "vote unheard: zab 4 of 40", "vote unheard: live zookeeper 4 of 40",
		"activate: zab 40 of 40", "activate: live zookeeper 40 of 40", "port open: zab 20 of 40", "port open: live zookeeper 20 of 40",
		"port closed: zab 20 of 40", "port closed: live zookeeper 20 of 40", "elect: zab 40 of 40", "elect: live zookeeper 40 of 40"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	_, caption, _ := zabPhases(d)
	for _, part := range []string{"vote 200.0 ms and 210.0 ms (+5 %)", "detect 0.005 ms and 22.", "more than 1,000 times", "Vote unheard: zab 4 of 40 (median 400.0 ms, else 200.0 ms); zookeeper 4 of 40"} {
		if !strings.Contains(caption, part) {
			t.Errorf("the caption lacks %q:\n%s", part, caption)
		}
	}
}

func TestPortionsAreWrittenWithAsManyDigitsAsTheyBear(t *testing.T) {
	for p, want := range map[portion]string{{0, 0}: "-", {0, 20}: "none of 20", {20, 20}: "all of 20", {3, 20}: "3 of 20", {1234, 10000}: "12.34 % of 10,000"} {
		if got := p.String(); got != want {
			t.Errorf("%d of %d: %q, want %q", p.K, p.N, got, want)
		}
	}
}
