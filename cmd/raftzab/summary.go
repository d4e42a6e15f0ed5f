package main

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"

	"raftzab/bench/metric"
	"raftzab/bench/run"
	"raftzab/experiments"
	"raftzab/results"
)

// A sample gathers what the summary says of one cell. As METRICS has it,
// elections come from trials without probes where there are such, and outages
// from trials with them.
type sample struct {
	cell          *run.Cell
	elect, outage []float64
	censored      int
	rounds        int
	counted       int
}

func newSample(cell *run.Cell) *sample { return &sample{cell: cell} }

func (s *sample) add(rows []results.Trial) {
	for i := range rows {
		r := &rows[i]
		if r.Outcome == results.Failed || r.Outcome == results.Violated {
			continue
		}
		if r.Outcome == results.Censored {
			s.censored++
		}
		if !r.Probed || len(rows) == 1 {
			s.elect = append(s.elect, reached(r.ElectMS))
			if !math.IsNaN(float64(r.Rounds)) {
				s.counted++
				if r.Rounds > 1 {
					s.rounds++
				}
			}
		}
		if r.Probed {
			s.outage = append(s.outage, reached(r.OutageMS))
		}
	}
}

// reached keeps a value that was not reached in as censored.
func reached(x results.Number) float64 {
	if math.IsNaN(float64(x)) {
		return math.Inf(1)
	}
	return float64(x)
}

type summary struct{ rows []*sample }

func (t *summary) add(s *sample) {
	if len(s.elect)+len(s.outage) > 0 {
		t.rows = append(t.rows, s)
	}
}

// print writes the table, with bootstrap intervals of the medians.
func (t *summary) print(out io.Writer, s *experiments.Scenario) {
	if len(t.rows) == 0 {
		return
	}
	fmt.Fprintf(out, "\n%s: %s\n", s.Name, s.Question)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "cell\tn\telect_ms median [95 %]\tp95\toutage_ms median [95 %]\tp95\tmore than one round\tcensored")
	for _, r := range t.rows {
		name := r.cell.System
		for _, part := range []string{string(r.cell.Mode), r.cell.Case} {
			if part != "" {
				name += " " + part
			}
		}
		for _, x := range r.cell.Swept {
			if x.Value != "" {
				name += " " + x.Key + "=" + x.Value
			}
		}
		again := "-"
		if r.counted > 0 {
			again = fmt.Sprintf("%.2f %%", 100*float64(r.rounds)/float64(r.counted))
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%d\n", name, max(len(r.elect), len(r.outage)), spread(r.elect, s.Seed), spread(r.outage, s.Seed), again, r.censored)
	}
	w.Flush()
}

// spread is median, its interval and the 95th percentile, as two columns.
func spread(values []float64, seed uint64) string {
	x := metric.NewSample(values)
	if len(x) == 0 || math.IsInf(x.Median(), 1) {
		return "-\t-"
	}
	i := x.MedianInterval(0.95, seed)
	tail := "-"
	if metric.Supports(len(x), 0.95) {
		tail = fmt.Sprintf("%.1f", x.Quantile(0.95))
	}
	return fmt.Sprintf("%.1f [%.1f, %.1f]\t%s", x.Median(), i.Low, i.High, tail)
}
