package experiments

import (
	"math"
	"slices"

	"raftzab/bench/run"
)

// workload checks that there are clients for what is said of them, and time and
// servers for the clients.
func (v *validation) workload() {
	s := v.s
	w := &s.Workload
	if !v.d.good("workload") {
		return
	}
	if w.Clients == 0 {
		if *w != (run.Workload{}) {
			v.fail("workload.clients", "is missing; write for instance clients = 10")
		}
		return
	}
	if s.Observe == 0 && v.d.good("observe") {
		v.fail("workload.clients", "work for a stated time, and there is none; write observe = \"10s\" above the first [section]")
	}
	if w.Rate < 0 || math.IsInf(w.Rate, 0) || w.Rate > fastest {
		v.fail("workload.rate", "%g is no rate; write operations per second, up to %g, or take it out for a closed loop", w.Rate, fastest)
	}
	if w.Rate == 0 && w.Arrivals != "" {
		v.fail("workload.arrivals", "is of an open loop; write a rate, or take it out")
	}
	if w.Batches > 0 && w.Reads == 0 {
		v.fail("workload.visibility_batches", "are of reads, and nobody reads; write for instance reads = 0.5, or take it out")
	}
	if w.Skew < 0 || w.Skew > steepest {
		v.fail("workload.skew", "%g is no exponent for zipf; write a number from 0 to %g", w.Skew, steepest)
	}
	if w.OfLeader() && slices.Contains([]string{"any", "followers", "observers"}, w.Attach) {
		v.fail("workload.attach", "reads of mode %q are the leader's; write \"leader\", or take it out", w.ReadMode)
	}
	if w.Attach == "observers" && s.Cluster.Observers == 0 && v.d.good("cluster") {
		v.fail("workload.attach", "there are no observers; write cluster.observers, or \"any\"")
	}
	if s.Staged() {
		v.fail("workload.clients", "would undo what cluster.behind and phase are for: logs that differ; take one of them out")
	}
}

// The greatest rate and exponent that are taken for meant.
const (
	fastest  = 1e6
	steepest = 10.0
)
