package main

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"

	"raftzab/bench/metric"
	"raftzab/results"
)

// A watched gathers what the summary says of a cell whose trials last a stated
// time, whatever comes of the fault.
type watched struct {
	n, early                  int // trials that lasted so long, and others
	terms, changes, down, ups []float64
	settled                   map[string]int
}

func (w *watched) add(r *results.Trial) {
	if math.IsNaN(float64(r.Terms)) {
		w.early++
		return
	}
	w.n++
	w.terms = measured(w.terms, r.Terms, r.Outcome)
	w.changes = measured(w.changes, r.LeaderChanges, r.Outcome)
	w.down = measured(w.down, r.DownMS, r.Outcome)
	w.ups = measured(w.ups, r.Up, r.Outcome)
	if w.settled == nil {
		w.settled = map[string]int{}
	}
	w.settled[r.Settled]++
}

// printWatched writes the table of such cells.
func printWatched(out io.Writer, rows []*sample, seed uint64) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "cell\tn\tterms median [95 %]\tleader_changes median, most\tdown_ms median [95 %]\tup median, least\tstable\tlivelock\tdeadlock\tended early")
	for _, r := range rows {
		x := &r.window
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\n", r.name(), x.n, middle(x.terms, seed), ends(x.changes, 1, "%.0f"), middle(x.down, seed), ends(x.ups, 0, "%.3f"),
			x.share(results.Stable), x.share(results.Livelock), x.share(results.Deadlock), x.early)
	}
	w.Flush()
	fmt.Fprintln(out, `Each trial was watched from the first fault on for as long as observe says. terms: terms (Zab: epochs) begun by then, the vain ones too.
leader_changes: new leaders that could commit. down_ms: sum of the gaps in which no client had a write acknowledged; up: the rest, as a share.
Of the last third: stable, writes were acknowledged under one leader or two; livelock, more leaders than that, or rounds of voting and
no write acknowledged; deadlock, neither.`)
}

// middle is a median with its interval.
func middle(values []float64, seed uint64) string {
	x := metric.NewSample(values)
	switch {
	case len(x) == 0:
		return "-"
	case len(x) < leastForInterval:
		return reached(x.Median()) + " -"
	}
	i := x.MedianInterval(0.95, seed)
	return fmt.Sprintf("%s [%s, %s]", reached(x.Median()), reached(i.Low), reached(i.High))
}

// ends is a median, and the quantile at one of the ends.
func ends(values []float64, end float64, format string) string {
	x := metric.NewSample(values)
	if len(x) == 0 {
		return "-"
	}
	return fmt.Sprintf(format+", "+format, x.Median(), x.Quantile(end))
}

func (w *watched) share(settled string) string {
	if w.n == 0 || w.settled[""] == w.n {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(w.settled[settled])/float64(w.n))
}
