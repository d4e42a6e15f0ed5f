package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"

	"raftzab/bench/metric"
	"raftzab/results"
)

// Counts gather what the elections of a cell took, besides time. A share is of
// the trials that tell.
type counts struct {
	votes, messages []float64
	rounds          share // of one round
	best, bestBusy  share // won by the best; of the trials with clients
	restarts        share // with a finalizeWait that was left for a better vote
	retries         share // with a connection that had to be tried again
	unheard         share // with a vote of the winner that came too early
	overlap         []float64
	inOffice        int // trials that ended with the deposed leader in office
}

// A share is k of n.
type share struct{ k, n int }

func (s *share) add(x results.Number, holds bool) {
	if !math.IsNaN(float64(x)) {
		if s.n++; holds {
			s.k++
		}
	}
}

func (s *share) String() string {
	if s.n == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f %%", 100*float64(s.k)/float64(s.n))
}

func (c *counts) add(r *results.Trial) {
	if !math.IsNaN(float64(r.Votes)) {
		c.votes = append(c.votes, float64(r.Votes))
	}
	if !math.IsNaN(float64(r.Messages)) {
		c.messages = append(c.messages, float64(r.Messages))
	}
	c.rounds.add(r.Rounds, r.Rounds == 1)
	c.best.add(r.BestLeader, r.BestLeader == 1)
	c.restarts.add(r.WaitRestarts, r.WaitRestarts > 0)
	c.retries.add(r.ConnectRetries, r.ConnectRetries > 0)
	c.unheard.add(r.VotesUnheard, r.VotesUnheard > 0)
	switch {
	case !math.IsNaN(float64(r.OverlapMS)):
		c.overlap = append(c.overlap, float64(r.OverlapMS))
	case r.Outcome == results.Censored && !math.IsNaN(float64(r.ElectMS)):
		c.inOffice++
	}
}

// A countColumn is one of the table below; it is there where a cell has it.
type countColumn struct {
	name string
	of   func(c *counts) string
}

var countColumns = []countColumn{
	{"votes median, p95", func(c *counts) string { return ends(c.votes, 0.95, "%.4g") }},
	{"messages median, p95", func(c *counts) string { return ends(c.messages, 0.95, "%.4g") }},
	{"one round", func(c *counts) string { return c.rounds.String() }},
	{"best won", func(c *counts) string { return c.best.String() }},
	{"best won, probed", func(c *counts) string { return c.bestBusy.String() }},
	{"wait restarted", func(c *counts) string { return c.restarts.String() }},
	{"retried", func(c *counts) string { return c.retries.String() }},
	{"vote unheard", func(c *counts) string { return c.unheard.String() }},
}

// printCounts writes what elections took besides time, of the same trials as elect_ms.
func printCounts(out io.Writer, rows []*sample) {
	columns := slices.DeleteFunc(slices.Clone(countColumns), func(c countColumn) bool {
		return !slices.ContainsFunc(rows, func(s *sample) bool { return c.of(&s.counts) != "-" })
	})
	if len(columns) > 0 {
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		fmt.Fprint(w, "\ncell")
		for _, c := range columns {
			fmt.Fprint(w, "\t", c.name)
		}
		fmt.Fprintln(w)
		for _, s := range rows {
			fmt.Fprint(w, s.name())
			for _, c := range columns {
				fmt.Fprint(w, "\t", c.of(&s.counts))
			}
			fmt.Fprintln(w)
		}
		w.Flush()
		fmt.Fprintln(out, `Votes cast, changed ones included, and election messages from fault to active, an election, of the trials of elect_ms. One round: one term of Raft, or the winner
was in lookForLeader once. Best won: of the survivors, in Zab the one with the greatest (epoch, zxid, myid), in Raft any with the most complete log; probed: of the trials
with clients. Of Zab: elections in which finalizeWait was left for a better vote, in which a learner found its leader's port closed and tried again (connect_retries),
and in which a vote of the winner came to who had not given the old leader up (votes_unheard).`)
	}
	printOverlaps(out, rows)
}

// printOverlaps writes how much longer deposed leaders stayed in office.
func printOverlaps(out io.Writer, rows []*sample) {
	rows = slices.DeleteFunc(slices.Clone(rows), func(s *sample) bool { return !slices.Contains(s.cell.Settings.Columns, "overlap_ms") })
	if len(rows) == 0 {
		return
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\ncell\tn\toverlap_ms median\tleast\tmost\ttwo leaders at a time\tin office to the end")
	for _, s := range rows {
		var values []float64
		both := share{k: s.counts.inOffice, n: s.counts.inOffice + len(s.counts.overlap)}
		for _, x := range s.counts.overlap {
			if values = append(values, x); x > 0 {
				both.k++
			}
		}
		for range s.counts.inOffice {
			values = append(values, math.Inf(1))
		}
		x := metric.NewSample(values)
		if len(x) == 0 {
			fmt.Fprintf(w, "%s\t0\t-\t-\t-\t-\t-\n", s.name())
			continue
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%d\n", s.name(), len(x), reached(x.Median()), reached(x[0]), reached(x[len(x)-1]), both.String(), s.counts.inOffice)
	}
	w.Flush()
	fmt.Fprintln(out, `overlap_ms: from the new leader being active to the deposed one, cut off and alive, leaving its office; negative: it left before. Of trials without probes.`)
}
