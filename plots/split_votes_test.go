package plots

import (
	"fmt"
	"math"
	"testing"

	"raftzab/results"
)

// syntheticSplits has the shape of split-votes-range: in every second election of narrow
// ranges, and in none of wide ones, votes are shared out.
func syntheticSplits(trials int) *results.Data {
	v := invent()
	for _, system := range []string{"raft", "etcd"} {
		for _, voters := range []int{5, 3} {
			for _, timeouts := range []string{"150ms-300ms", "150ms-160ms"} {
				settings := fmt.Sprintf(`{"Timeouts":"given","Cluster":{"Voters":%d},"Network":{"Delay":"constant(5ms)"},"Disk":{"Fsync":"constant(0s)"},"Raft":{"ElectionTimeout":%q,"Heartbeat":"75ms"},
					"Faults":[{"At":"2s","Kind":"power-off","Target":"leader"}]}`, voters, timeouts)
				v.cell("sim", "", system, pairs("cluster.voters", fmt.Sprint(voters), "raft.election_timeout", timeouts), settings, trials, func(i int, t *results.Trial) {
					t.SplitRounds = 0
					if timeouts == "150ms-160ms" {
						t.SplitRounds = results.Number(2 * (i % 2))
					}
				})
			}
		}
	}
	return v.d
}

// Ongaro's dissertation, chapter 9: five servers, of which four are left.
func TestPredictedSplitsAreThoseOfTheDissertation(t *testing.T) {
	for l, want := range map[float64]float64{0.01: 0.0006, 0.05: 0.014, 0.1: 0.0523, 0.2: 0.1808, 1: 1, 3: 1, 0: 0} {
		if got := predicted(5, l); math.Abs(got-want) > 0.00005 {
			t.Errorf("l = %g: %g", l, got)
		}
	}
	if got, want := predicted(3, 0.1), 1-0.9*0.9; math.Abs(got-want) > 1e-12 { // of two, the other within a delay
		t.Errorf("3 servers: %g", got)
	}
}

func TestNumbersOfSplitVotesAreThoseOfTestdata(t *testing.T) {
	d := syntheticSplits(20)
	_, caption, _ := splitVotes(d)
	golden(t, "split-votes", splitPanels(d), caption)
}

func TestAPointOfSplitVotesLiesAtDelayByRange(t *testing.T) {
	d := syntheticSplits(20)
	for i := range d.Trials {
		if r := &d.Trials[i]; r.Trial == 0 && r.SplitRounds == 0 && !r.Probed { // without a leader to the end
			r.SplitRounds, r.Outcome = results.None, results.Censored
		}
	}
	l := splitPanels(d)[0].Lines
	if len(l) != 2 || l[0].Voters != 3 || len(l[1].Points) != 2 {
		t.Fatalf("%+v", l)
	}
	if a, b := l[1].Points[0], l[1].Points[1]; math.Abs(a.L-1.0/30) > 1e-12 || a.portion != (portion{1, 20}) || b.L != 0.5 || b.portion != (portion{11, 20}) || math.Abs(b.Predicted-0.6875) > 1e-9 {
		t.Errorf("%+v and %+v", a, b)
	}
}

func TestSplitVotesAreDrawnWhereTheorySpeaksOnly(t *testing.T) {
	for name, change := range map[string]string{"jitter": `"Network":{"Delay":"uniform(4ms, 6ms)"}`, "loss": `"Network":{"Delay":"constant(5ms)","Loss":0.1}`, "disk": `"Disk":{"Fsync":"constant(1ms)"}`} {
		d := syntheticSplits(2)
		c := &d.Manifest.Cells[0]
		c.Settings = append(c.Settings[:len(c.Settings)-1:len(c.Settings)-1], []byte(","+change+"}")...)
		if _, _, ok := splitVotes(d); ok {
			t.Errorf("%s: drawn", name)
		}
	}
}
