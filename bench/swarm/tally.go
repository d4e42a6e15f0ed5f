package swarm

import (
	"fmt"
	"strings"

	"raftzab/bench/check"
	"raftzab/bench/fault"
	"raftzab/protocols"
)

// A Tally adds reports up.
type Tally struct {
	Runs       int
	Sum        Report
	Violations []*Report // the first few
	Broken     int
	Verdicts   [check.Unknown + 1]int
	settings   count
}

// Add counts a report in.
func (t *Tally) Add(r *Report) {
	t.Runs++
	for k := range r.Faults {
		t.Sum.Faults[k] += r.Faults[k]
	}
	for p := range r.Syncs {
		t.Sum.Syncs[p] += r.Syncs[p]
	}
	for m := range r.Reads {
		t.Sum.Reads[m] += r.Reads[m]
	}
	t.Sum.Partial += r.Partial
	t.Sum.Failing += r.Failing
	t.Sum.Transfers += r.Transfers
	t.Sum.Restores += r.Restores
	t.Sum.LeaderChanges += r.LeaderChanges
	t.Sum.Commits += r.Commits
	t.Sum.Truncations += r.Truncations
	t.Sum.TurnedAway += r.TurnedAway
	t.Sum.Overflows += r.Overflows
	t.Sum.Events += r.Events
	t.Verdicts[r.Verdict]++
	t.settings.add(&r.Settings)
	if r.Violation != "" {
		if t.Broken++; len(t.Violations) < 5 {
			t.Violations = append(t.Violations, r)
		}
	}
}

// String writes what an average run caused.
func (t *Tally) String() string {
	var b strings.Builder
	mean := func(n int) float64 { return float64(n) / float64(max(1, t.Runs)) }
	fmt.Fprintf(&b, "%d runs, %d violations; a run has on average %.1f leader changes, %.0f commits, %.1f truncations, %.0f events\n",
		t.Runs, t.Broken, mean(t.Sum.LeaderChanges), mean(t.Sum.Commits), mean(t.Sum.Truncations), float64(t.Sum.Events)/float64(max(1, t.Runs)))
	b.WriteString("faults a run:")
	for k := range fault.Kinds {
		if t.Sum.Faults[k] > 0 {
			fmt.Fprintf(&b, " %v %.2f", k, mean(t.Sum.Faults[k]))
		}
	}
	if t.Sum.Partial+t.Sum.Failing > 0 {
		fmt.Fprintf(&b, "; of the partitions %.2f partial, of the disks %.2f failing", mean(t.Sum.Partial), mean(t.Sum.Failing))
	}
	if n := t.Sum.Syncs[protocols.Diff] + t.Sum.Syncs[protocols.Trunc] + t.Sum.Syncs[protocols.Snap]; n > 0 {
		fmt.Fprintf(&b, "\nlearners brought level a run: DIFF %.1f TRUNC %.2f SNAP %.2f; in all %d epochs used up, and %d servers turned away",
			mean(t.Sum.Syncs[protocols.Diff]), mean(t.Sum.Syncs[protocols.Trunc]), mean(t.Sum.Syncs[protocols.Snap]), t.Sum.Overflows, t.Sum.TurnedAway)
	}
	if r := &t.Sum.Reads; t.Sum.Restores+r[protocols.ReadLocal] > 0 {
		fmt.Fprintf(&b, "\na run installs %.2f snapshots, hands its leadership over %.2f times, and serves reads: local %.0f leader %.0f index %.0f lease %.0f sync %.0f",
			mean(t.Sum.Restores), mean(t.Sum.Transfers), mean(r[protocols.ReadLocal]), mean(r[protocols.ReadLeader]), mean(r[protocols.ReadIndex]), mean(r[protocols.ReadLease]), mean(r[protocols.ReadSync]))
	}
	b.WriteString("\nporcupine of the clients' histories:")
	for v, n := range t.Verdicts {
		fmt.Fprintf(&b, " %v %d", check.Verdict(v), n)
	}
	b.WriteString("\nruns by setting:" + t.settings.String())
	return b.String()
}
