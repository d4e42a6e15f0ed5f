package plots

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"raftzab/results"
)

// syntheticWatched returns invented results of a scenario whose trials are
// watched for a stated time.
func syntheticWatched(trials int) *results.Data {
	d := &results.Data{Manifest: results.Manifest{Scenario: "test", Seed: 1, Commit: "0123456789abcdef"}}
	rng := rand.New(rand.NewPCG(1, 2))
	for c, name := range []string{"quorum-loss", "chained"} {
		for _, system := range []string{"raft", "zab"} {
			for _, on := range []string{"false", "true"} {
				swept := []results.Setting{{Key: "raft.check_quorum", Value: on}, {Key: "raft.prevote", Value: "false"}}
				if system == "zab" {
					if on == "true" {
						continue
					}
					swept = []results.Setting{{Key: "raft.check_quorum"}, {Key: "raft.prevote"}}
				}
				d.Manifest.Cells = append(d.Manifest.Cells, results.Cell{Mode: "sim", Case: name, System: system, Swept: swept, Trials: trials,
					Notes: []string{"it does not look at connections"}, Settings: json.RawMessage(fmt.Sprintf(`{"Observe":"30s","Raft":{"ElectionTimeout":"150ms-300ms","Heartbeat":"75ms"},
					"Cluster":{"Voters":3},"Network":{"Delay":"constant(5ms)"},"Probe":{"Interval":"20ms"},
					"Faults":[{"Kind":"partition","Target":"leader","Groups":[[1,2],[2,%d]]},{"Kind":"isolate","Target":"leader","For":"5s"}]}`, 3+c))})
				for i := range trials {
					t := results.NewTrial()
					t.Scenario, t.Case, t.Mode, t.System, t.Swept, t.Trial, t.Seed, t.Outcome, t.Probed = "test", name, "sim", system, swept, i, 1, results.OK, true
					t.Terms, t.LeaderChanges, t.DownMS, t.Settled = results.Number(rng.IntN(5)), 1, results.Number(300+rng.IntN(400)), results.Stable
					switch {
					case system == "zab":
						t.DownMS, t.Settled = 30_000, results.Livelock
					case i%10 == 0:
						t.Settled = results.Deadlock
					}
					d.Trials = append(d.Trials, t)
				}
			}
		}
	}
	return d
}

func TestALineIsTheMedianAndTheShareOfEachEnd(t *testing.T) {
	d := syntheticWatched(3)
	for i, ms := range []results.Number{100, 900, 200} {
		d.Trials[i].DownMS, d.Trials[i].Terms = ms, ms/100
	}
	d.Trials[0].Settled, d.Trials[1].Settled, d.Trials[2].Settled = results.Livelock, results.Stable, results.Stable
	l := settledPanels(d)[0].Lines[0]
	if l.Down != 0.2 || math.Abs(l.Low-0.11) > 1e-9 || math.Abs(l.High-0.83) > 1e-9 || l.Terms != 2 || l.Label != "raft, neither" {
		t.Errorf("%+v", l)
	}
	if got, want := l.text(), "0.20 s, stable 66.7 %, livelock 33.3 %, 2 terms (n = 3)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestALiveLineSaysThatItIsLive(t *testing.T) {
	d := syntheticWatched(3)
	d.Manifest.Cells[0].Mode = "live"
	for i := range 3 {
		d.Trials[i].Mode = "live"
	}
	if l := settledPanels(d)[0].Lines; l[0].Label != "live raft, neither" || l[1].Label != "raft, check_quorum" {
		t.Errorf("%+v", l)
	}
}

func TestATrialThatEndedEarlyIsCountedApart(t *testing.T) {
	d := syntheticWatched(3)
	d.Trials[1].Outcome, d.Trials[1].Terms, d.Trials[1].DownMS = results.Censored, results.None, results.None
	if l := settledPanels(d)[0].Lines[0]; l.N != 2 || l.Unwatched != 1 {
		t.Errorf("%+v", l)
	}
	_, caption, _ := settled(d)
	if !strings.Contains(caption, "raft, neither 2 (and 1 that ended early, left out); raft, check_quorum 3; zab 3") {
		t.Error(caption)
	}
}

func TestOptionsAreSaidByTheirNames(t *testing.T) {
	for want, swept := range map[string][]results.Setting{
		"":                       {{Key: "raft.prevote"}},
		"without":                {{Key: "raft.prevote", Value: "false"}},
		"neither":                {{Key: "raft.prevote", Value: "false"}, {Key: "raft.check_quorum", Value: "false"}},
		"prevote":                {{Key: "raft.prevote", Value: "true"}, {Key: "raft.check_quorum", Value: "false"}},
		"prevote + check_quorum": {{Key: "raft.prevote", Value: "true"}, {Key: "raft.check_quorum", Value: "true"}},
		"prevote + delay 4-6 ms": {{Key: "raft.prevote", Value: "true"}, {Key: "network.delay", Value: "uniform(4ms, 6ms)"}},
	} {
		if got := options(swept); got != want {
			t.Errorf("%v: %q, want %q", swept, got, want)
		}
	}
}

func TestOnlyWatchedTrialsMakeThisFigure(t *testing.T) {
	for _, d := range []*results.Data{synthetic(3), syntheticTimeouts(3), {}} {
		if _, _, ok := settled(d); ok {
			t.Error("it is there")
		}
	}
}

func TestSettledsNumbersAreTheseOfTestdata(t *testing.T) {
	d := syntheticWatched(40)
	_, caption, _ := settled(d)
	golden(t, "settled", settledPanels(d), caption)
}
