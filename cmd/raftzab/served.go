package main

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"

	"raftzab/results"
)

// A served gathers what the clients of a cell's trials got.
type served struct {
	rates, reads, writes []float64 // operations per second, and median latencies
	done, failed         float64   // operations
}

func (s *served) add(r *results.Trial) {
	if math.IsNaN(float64(r.Throughput)) {
		return // it ended before
	}
	s.rates = measured(s.rates, r.Throughput, r.Outcome)
	s.reads = measured(s.reads, r.ReadP50, results.OK)
	s.writes = measured(s.writes, r.CommitP50, results.OK)
	s.done += float64(r.Reads + r.Writes)
	s.failed += float64(r.ReadsFailed + r.WritesFailed)
}

// printServed writes the table of cells with clients.
func printServed(out io.Writer, rows []*sample, seed uint64) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "cell\tn\toperations/s median [95 %]\tread_p50_ms median [95 %]\tcommit_p50_ms median [95 %]\tfailed")
	for _, r := range rows {
		x := &r.served
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%.2f %%\n", r.name(), len(x.rates), middle(x.rates, seed), middle(x.reads, seed), middle(x.writes, seed), 100*x.failed/max(1, x.done+x.failed))
	}
	w.Flush()
	fmt.Fprintln(out, "Medians of the trials: of the throughput of each, and of its median latencies. failed: share of the operations that were refused or given up.")
}
