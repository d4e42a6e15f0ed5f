package experiments

import (
	"context"
	"flag"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"raftzab/bench/metric"
	"raftzab/bench/run"
	"raftzab/results"
)

// elections is how many a cell of the tests below measures. `make verify` asks
// for 20000 and 10000.
var elections = flag.Int("elections", 1000, "elections in each cell of the tests against theory and control")

// rows measures all cells of a scenario, or those with these swept values, and hands each row over.
func rows(t *testing.T, file string, o Options, row func(*run.Cell, results.Trial), swept ...string) {
	t.Helper()
	scenarios, err := Load([]string{file}, o)
	if err != nil {
		t.Fatal(err)
	}
	for i := range scenarios[0].Cells {
		cell := &scenarios[0].Cells[i]
		if slices.ContainsFunc(swept, func(value string) bool {
			return !slices.ContainsFunc(cell.Swept, func(s results.Setting) bool { return s.Value == value })
		}) {
			continue
		}
		sum, err := run.Run(context.Background(), cell, run.Options{Ended: func(_ int, t *run.Told) {
			for _, r := range t.Rows {
				row(cell, r)
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range sum.Breaches {
			t.Error(b)
		}
	}
}

// split is the chance that the first round of an election elects nobody
// (Ongaro's dissertation, chapter 9): s servers of n are left, their timers
// start together and run out uniformly on [T,2T), and what one of them sends
// arrives a constant l (in units of T) later. A split needs c of them to stand
// within l of the first, so that too few are left to make a majority.
func split(n int, l float64) float64 {
	s := n - 1
	c := s - n/2 + 1
	p := 0.0
	for k := c - 1; k <= s; k++ {
		p += binomial(s, k) * math.Pow(l, float64(k)) * math.Pow(1-l, float64(s-k))
	}
	return p
}

func binomial(n, k int) float64 {
	x := 1.0
	for i := range k {
		x = x * float64(n-i) / float64(i+1)
	}
	return x
}

func TestPredictionIsThatOfTheDissertation(t *testing.T) {
	for l, want := range map[float64]string{0.01: "0.06", 0.05: "1.4", 0.1: "5.2", 0.2: "18.1"} {
		if got := fmt.Sprintf("%.*f", len(want)-1-strings.Index(want, "."), 100*split(5, l)); got != want {
			t.Errorf("n = 5, l = %v: %s %%, want %s %%", l, got, want)
		}
	}
}

// The simulated Raft splits its vote as often as theory says.
func TestSplitVotesAreAsFrequentAsPredicted(t *testing.T) {
	type count struct{ split, n int }
	counts := map[*run.Cell]*count{}
	var order []*run.Cell
	var mu sync.Mutex
	rows(t, "split-votes.toml", Options{Trials: *elections}, func(c *run.Cell, r results.Trial) {
		mu.Lock()
		defer mu.Unlock()
		if counts[c] == nil {
			counts[c] = &count{}
			order = append(order, c)
		}
		if r.Outcome != results.OK {
			t.Errorf("%v trial %d: %v", c, r.Trial, r.Outcome)
		}
		counts[c].n++
		if r.SplitRounds >= 1 {
			counts[c].split++
		}
	})
	var table strings.Builder
	for _, c := range order {
		s := &c.Settings
		l := float64(s.Network.Delay.A) / float64(s.Raft.ElectionTimeout.Min)
		p, k := split(s.Cluster.Voters, l), counts[c]
		in := metric.ClopperPearson(k.split, k.n, 0.999)
		fmt.Fprintf(&table, "n = %d  l = %.2f  predicted %8.4f %%  seen %8.4f %% of %d  99.9 %% interval [%.4f, %.4f] %%\n",
			s.Cluster.Voters, l, 100*p, 100*float64(k.split)/float64(k.n), k.n, 100*in.Low, 100*in.High)
		if p > in.High || p < in.Low && p >= 1e-4 {
			t.Errorf("n = %d, l = %v: predicted %v, seen %d of %d, interval %v", s.Cluster.Voters, l, p, k.split, k.n, in)
		}
	}
	if len(order) != 20 {
		t.Errorf("%d cells, want 5 x 4", len(order))
	}
	t.Logf("\n%s", &table)
}

// Without loss and with delays up to 10 ms, far below finalizeWait, Zab needs
// one round, and the best server wins, as long as no message can overtake the
// news of the crash: with the least delay half the greatest, every server is
// LOOKING when the first vote comes. Where the least delay is 0 the best server
// may notice first, send its vote to servers that still follow the dead leader,
// which drop it (FastLeaderElection's receiver), and repeat it 200 ms later, when
// they have decided.
func TestZabElectsTheBestInOneRound(t *testing.T) {
	for delay, best := range map[string]float64{"uniform(5ms, 10ms)": 1, "uniform(0ms, 10ms)": 0.97} {
		var mu sync.Mutex
		var n, won, restarts, restarted float64
		rows(t, "election-latency.toml", Options{Trials: *elections, Systems: []string{"zab"}, Mode: "sim", Case: "crash",
			Set: []string{"network.delay=" + delay}}, func(c *run.Cell, r results.Trial) {
			mu.Lock()
			defer mu.Unlock()
			if n++; r.Outcome != results.OK || r.Rounds != 1 {
				t.Errorf("%s, trial %d, probed %t: %v, rounds %v", delay, r.Trial, r.Probed, r.Outcome, r.Rounds)
			}
			won += float64(r.BestLeader)
			if restarts += float64(r.WaitRestarts); r.WaitRestarts > 0 {
				restarted++
			}
		})
		t.Logf("delay %s: %v elections of one round, %v won by the best; %v restarts of finalizeWait, in %v elections", delay, n, won, restarts, restarted)
		if won < best*n {
			t.Errorf("delay %s: the best won %v of %v", delay, won, n)
		}
	}
}

// Our Raft and etcd's, under the same settings and seeds, take as long to elect.
func TestRaftAgreesWithEtcd(t *testing.T) {
	var mu sync.Mutex
	elect := map[string][]float64{}
	for _, system := range []string{"raft", "etcd"} {
		rows(t, "election-latency.toml", Options{Trials: *elections, Systems: []string{system}, Mode: "sim", Case: "power-off",
			Set: []string{"probe.interval=0s"}}, func(c *run.Cell, r results.Trial) {
			mu.Lock()
			defer mu.Unlock()
			elect[system] = append(elect[system], float64(r.ElectMS))
		})
	}
	a, b := metric.NewSample(elect["raft"]), metric.NewSample(elect["etcd"])
	d, critical := metric.KS(a, b), metric.KSCritical(0.001, len(a), len(b))
	t.Logf("n = %d and %d: KS distance %.4f, critical at 0.1 %% %.4f, at 5 %% %.4f; medians %.2f and %.2f ms, p90 %.2f and %.2f, p99 %.2f and %.2f",
		len(a), len(b), d, critical, metric.KSCritical(0.05, len(a), len(b)), a.Median(), b.Median(), a.Quantile(0.9), b.Quantile(0.9), a.Quantile(0.99), b.Quantile(0.99))
	if d > critical+0.02 { // the shapes agree; what remains has reasons that doc.go of etcdraft gives
		t.Errorf("KS distance %v", d)
	}
}
