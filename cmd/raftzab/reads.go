package main

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"

	"raftzab/bench/metric"
	"raftzab/results"
)

// Reads gather what the summary says of a cell's clients that read.
type reads struct {
	stale, of    []int // by trial: reads that were stale, of those answered
	failed, all  int   // over all trials
	versions     float64
	late, oldest []float64 // by trial: t_p99_ms, t_max_ms
	lag, lag95   []float64 // by trial: apply_lag_p50_ms, apply_lag_p95_ms
}

func (x *reads) add(r *results.Trial) {
	if !math.IsNaN(float64(r.LagP50)) {
		x.lag, x.lag95 = append(x.lag, float64(r.LagP50)), measured(x.lag95, r.LagP95, results.Censored)
	}
	if math.IsNaN(float64(r.Reads)) {
		return
	}
	x.all += int(r.Reads + r.ReadsFailed)
	x.failed += int(r.ReadsFailed)
	if math.IsNaN(float64(r.Stale)) {
		return
	}
	x.stale, x.of = append(x.stale, int(math.Round(float64(r.Stale*r.Reads)))), append(x.of, int(r.Reads))
	x.versions = max(x.versions, float64(r.VersionsMost))
	x.late = measured(x.late, r.TimeP99, results.OK)
	x.oldest = append(x.oldest, float64(r.TimeMost))
}

// printReads writes the table of the cells whose clients read, or whose followers
// tell when they apply writes.
func printReads(out io.Writer, rows []*sample, seed uint64) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "cell\tn\treads\tfailed\tstale [95 %]\ttrials with stale\tk_max\tt_p99_ms median [95 %]\tt_max_ms median, most\tapply_lag_ms p50 [95 %]\tp95")
	told := false
	for _, r := range rows {
		x := &r.reads
		if x.all == 0 && len(x.lag) == 0 {
			continue
		}
		told = true
		stale, some, n := 0, 0, 0
		for i, k := range x.stale {
			stale, n = stale+k, n+x.of[i]
			if k > 0 {
				some++
			}
		}
		share, versions, failed := "-", "-", "-"
		if n > 0 {
			i := metric.ClusterShare(x.stale, x.of, 0.95, seed)
			share = fmt.Sprintf("%.3f %% [%.3f, %.3f]", 100*float64(stale)/float64(n), 100*i.Low, 100*i.High)
			versions = fmt.Sprintf("%.0f", x.versions)
		}
		if x.all > 0 {
			failed = fmt.Sprintf("%.2f %%", 100*float64(x.failed)/float64(x.all))
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\n", r.name(), max(len(x.of), len(x.lag)), n, failed, share, some, versions,
			middle(x.late, seed), ends(x.oldest, 1, "%.1f"), middle(x.lag, seed), middle(x.lag95, seed))
	}
	if !told {
		return
	}
	fmt.Fprintln(out)
	w.Flush()
	fmt.Fprintln(out, `Stale: a later write of the key had been acknowledged before the read began; of all answered reads, with the bootstrap interval that
draws whole trials. A system that refuses looks fresh: failed says so. k_max: versions behind; t: time behind. t_p99 needs 1000 reads a trial.
apply_lag: from a write's acknowledgement to its application at a follower, medians over trials of a trial's quantiles; simulated only.`)
}
