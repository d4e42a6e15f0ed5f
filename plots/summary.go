package plots

import (
	"math"
	"slices"
	"strconv"

	"raftzab/bench/metric"
	"raftzab/results"
)

// summarized are the columns of trials that a summary has, where a cell has numbers in
// them, and of which kind of trial they are, where a cell has both kinds.
var summarized = []struct {
	column string
	probed bool
}{
	{"elect_ms", false}, {"detect_ms", false}, {"vote_ms", false}, {"activate_ms", false}, {"outage_ms", true},
	{"rounds", false}, {"votes", false}, {"messages", false}, {"paper_ms", false}, {"overlap_ms", true}, {"join_ms", true},
	{"terms", true}, {"leader_changes", true}, {"down_ms", true}, {"throughput_ops_s", true}, {"read_p50_ms", true}, {"commit_p50_ms", true},
	{"stale", true}, {"t_p99_ms", true}, {"apply_lag_p50_ms", true}, {"apply_lag_p95_ms", true},
	{"read_hops", true}, {"write_hops", true}, {"read_messages", true}, {"write_messages", true}, {"resume_p50_ms", true}, {"resume_max_ms", true},
	{"timer_min_ms", false}, {"timer_max_ms", false}, {"winner_votes", false}, {"votes_refused", false},
	{"minority_write_ms", true}, {"majority_write_ms", true}, {"level_ms", true}, {"follow_ms", true}, {"recover_ms", true}, {"follow_votes", true}, {"follow_messages", true},
}

// summarize returns what the trials of each cell say of each measure, in the order of cells.
func summarize(d *results.Data) (all []results.Summary) {
	medians := metric.NewMedians(d.Manifest.Seed)
	for i, rows := range byCell(d) {
		c := &d.Manifest.Cells[i]
		calm := slices.ContainsFunc(rows, func(r *results.Trial) bool { return !r.Probed })
		busy := slices.ContainsFunc(rows, func(r *results.Trial) bool { return r.Probed })
		for _, m := range summarized {
			var values []float64
			for _, r := range rows {
				if calm && busy && r.Probed != m.probed {
					continue
				}
				x, _ := r.Value(m.column).(results.Number)
				switch {
				case !math.IsNaN(float64(x)):
					values = append(values, float64(x))
				case r.Outcome == results.Censored && (math.IsNaN(float64(r.ElectMS)) || m.probed):
					values = append(values, math.Inf(1))
				}
			}
			x := metric.NewSample(values)
			if x.Censored() == len(x) {
				continue
			}
			s := results.Summary{Case: c.Case, Mode: c.Mode, System: c.System, Swept: c.Swept, Measure: m.column, N: len(x), Censored: x.Censored(),
				Median: shortened(x.Median()), Low: results.None, High: results.None, P5: results.None, P95: results.None}
			if len(x) >= results.LeastForInterval {
				in := medians.Interval(x, 0.95)
				s.Low, s.High = shortened(in.Low), shortened(in.High)
			}
			if len(x) >= results.LeastForTails {
				s.P5, s.P95 = shortened(x.Quantile(0.05)), shortened(x.Quantile(0.95))
			}
			all = append(all, s)
		}
	}
	return all
}

// byCell returns the trials of each cell that hold a measurement. Those of a cell follow each
// other in a file, so the cell of the last one is the first to be asked.
func byCell(d *results.Data) [][]*results.Trial {
	rows := make([][]*results.Trial, len(d.Manifest.Cells))
	at := 0
	for i := range d.Trials {
		r := &d.Trials[i]
		of := func(c results.Cell) bool {
			return c.Mode == r.Mode && c.System == r.System && c.Case == r.Case && slices.Equal(c.Swept, r.Swept)
		}
		if at < 0 || at == len(rows) || !of(d.Manifest.Cells[at]) {
			at = slices.IndexFunc(d.Manifest.Cells, of)
		}
		if at >= 0 && r.Outcome != results.Failed {
			rows[at] = append(rows[at], r)
		}
	}
	return rows
}

// shortened leaves the digits that matter; nothing of what is beyond all that was measured.
func shortened(x float64) results.Number {
	if math.IsInf(x, 0) {
		return results.None
	}
	text := strconv.FormatFloat(x, 'g', 4, 64)
	if math.Abs(x) >= 100 {
		text = strconv.FormatFloat(x, 'f', 1, 64)
	}
	short, err := strconv.ParseFloat(text, 64)
	if err != nil {
		panic(err) // it was written just now
	}
	return results.Number(short)
}
