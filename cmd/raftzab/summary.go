package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"raftzab/bench/metric"
	"raftzab/bench/run"
	"raftzab/experiments"
	"raftzab/results"
)

// A sample gathers what the summary says of one cell. Elections
// come from trials without probes where there are such, and outages
// from trials with them.
type sample struct {
	cell             *run.Cell
	elect, outage    []float64
	calm, busy       phases    // of trials without clients, and with
	rounds, again    int       // trials of elect that tell their rounds; of these, with more than one
	join             []float64 // of trials with clients, where the scenario asks for it
	counts           counts
	window           watched
	reads            reads
	served           served
	violated, failed int // trials: the first are measured like any other, the last hold nothing
}

func newSample(cell *run.Cell) *sample { return &sample{cell: cell} }

// add takes in the rows of one trial: one a pass.
func (s *sample) add(rows []results.Trial) {
	violated, failed := 0, 0
	for i := range rows {
		r := &rows[i]
		switch r.Outcome {
		case results.Failed:
			failed = 1
			continue
		case results.Violated:
			violated = 1
		}
		if s.cell.Settings.Observe > 0 {
			s.window.add(r)
			s.reads.add(r)
		}
		if s.cell.Settings.Workload.Clients > 0 {
			s.served.add(r)
		}
		if !r.Probed || len(rows) == 1 {
			s.elect = measured(s.elect, r.ElectMS, r.Outcome)
			s.counts.add(r)
			if !math.IsNaN(float64(r.Rounds)) {
				s.rounds++
				if r.Rounds > 1 {
					s.again++
				}
			}
		}
		if r.Probed && len(rows) > 1 {
			s.counts.bestBusy.add(r.BestLeader, r.BestLeader == 1)
		}
		if r.Probed {
			s.outage = measured(s.outage, r.OutageMS, r.Outcome)
			s.busy.add(r)
			if slices.Contains(s.cell.Settings.Columns, "join_ms") {
				s.join = measured(s.join, r.JoinMS, r.Outcome)
			}
		} else {
			s.calm.add(r)
		}
	}
	s.violated += violated
	s.failed += failed
}

// measured adds a value. One that a censored trial did not reach counts as
// larger than all; any other that is missing was not there to be measured.
func measured(values []float64, x results.Number, outcome results.Outcome) []float64 {
	switch {
	case !math.IsNaN(float64(x)):
		return append(values, float64(x))
	case outcome == results.Censored:
		return append(values, math.Inf(1))
	}
	return values
}

// A summary is what is printed at the end of a run.
type summary struct{ rows []*sample }

func (t *summary) add(s *sample) {
	if len(s.elect)+len(s.outage)+len(s.join)+s.window.n+s.window.early+s.violated+s.failed > 0 {
		t.rows = append(t.rows, s)
	}
}

// print writes the table, with bootstrap intervals of the medians, and below it
// what a reader of the table must know.
func (t *summary) print(out io.Writer, s *experiments.Scenario) {
	if len(t.rows) == 0 {
		return
	}
	fmt.Fprintf(out, "\n%s: %s\n", s.Name, s.Question)
	var elections, windows, joins, clients []*sample
	for _, r := range t.rows {
		if len(r.join) > 0 {
			joins = append(joins, r)
		}
		x := &r.cell.Settings
		if x.Workload.Clients > 0 {
			clients = append(clients, r)
		}
		switch {
		case x.Workload.Clients > 0 && len(x.Faults) == 0 && x.Probe.Interval == 0: // there was nothing to watch for
		case x.Observe > 0:
			windows = append(windows, r)
		case len(r.elect)+len(r.outage) > 0 || len(r.join) == 0: // in other cells no leader was struck
			elections = append(elections, r)
		}
	}
	if len(clients) > 0 {
		printServed(out, clients, s.Seed)
		printReads(out, clients, s.Seed)
	}
	if len(windows) > 0 {
		printWatched(out, windows, s.Seed)
	}
	if len(elections) > 0 {
		printElections(out, elections, s.Seed)
		printCounts(out, elections)
	}
	if len(joins) > 0 {
		printJoins(out, joins, s.Seed)
	}
	for _, r := range t.rows {
		if r.violated > 0 {
			fmt.Fprintf(out, "%s: an invariant was broken in %s; they are in n where they were measured\n", r.name(), trials(r.violated))
		}
		if r.failed > 0 {
			fmt.Fprintf(out, "%s: the world failed %s, not in n\n", r.name(), trials(r.failed))
		}
	}
}

// printElections writes the table of cells whose trials end with a new leader.
func printElections(out io.Writer, rows []*sample, seed uint64) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "cell\tn\telect_ms median [95 %]\tp95\tcensored\tmore than one round\tn\toutage_ms median [95 %]\tp95\tcensored")
	for _, r := range rows {
		again := "-"
		if r.rounds > 0 {
			again = fmt.Sprintf("%.2f %%", 100*float64(r.again)/float64(r.rounds))
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.name(), spread(r.elect, seed), again, spread(r.outage, seed))
	}
	w.Flush()
	fmt.Fprintln(out, `elect_ms (with its n, censored and rounds) is of simulated trials without probing clients, outage_ms of trials with them; live trials have them wherever there is [probe].
Probes move Raft's detection: their stream of AppendEntries resets the followers' timers all the time. So don't subtract elect_ms from outage_ms.
Censored trials hit the limit: they are in n, above all others. No interval below n = 6, no p95 below n = 20.`)
}

// printJoins writes how long servers that were started took to join.
func printJoins(out io.Writer, rows []*sample, seed uint64) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\ncell\tn\tjoin_ms median [95 %]\tp95\tcensored\tleast\tmost")
	for _, r := range rows {
		x := metric.NewSample(r.join)
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.name(), spread(r.join, seed), reached(x[0]), reached(x[len(x)-1]))
	}
	w.Flush()
	fmt.Fprintln(out, "join_ms: from the start of a server, absent before or down, to its first applied entry of the leader's; of trials with clients.")
}

func (s *sample) name() string {
	parts := []string{s.cell.System, string(s.cell.Mode)}
	if s.cell.Case != "" {
		parts = append(parts, s.cell.Case)
	}
	for _, x := range s.cell.Swept {
		if x.Value != "" {
			parts = append(parts, x.Key+"="+x.Value)
		}
	}
	return strings.Join(parts, " ")
}

func trials(n int) string {
	if n == 1 {
		return "1 trial"
	}
	return fmt.Sprintf("%d trials", n)
}

// From these sizes on, a sample says something of where its median and its
// slowest trials lie: the least and the greatest of 6 hold the median between
// them with 97 %, of 5 with 94 %; and the slowest of 20 is a twentieth.
const (
	leastForInterval = 6
	leastForP95      = 20
)

// spread is n, median and its interval, the 95th percentile and how many were
// censored, as four columns.
func spread(values []float64, seed uint64) string {
	x := metric.NewSample(values)
	if len(x) == 0 {
		return "0\t-\t-\t-"
	}
	median, p95 := reached(x.Median())+" -", "-"
	if len(x) >= leastForInterval {
		i := x.MedianInterval(0.95, seed)
		median = fmt.Sprintf("%s [%s, %s]", reached(x.Median()), reached(i.Low), reached(i.High))
	}
	if len(x) >= leastForP95 {
		p95 = reached(x.Quantile(0.95))
	}
	return fmt.Sprintf("%d\t%s\t%s\t%d", len(x), median, p95, x.Censored())
}

// reached writes a statistic; one that falls among the censored has no number.
func reached(x float64) string {
	if math.IsInf(x, 1) {
		return "censored"
	}
	return fmt.Sprintf("%.1f", x)
}
