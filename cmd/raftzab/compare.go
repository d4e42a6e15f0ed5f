package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"raftzab/bench/metric"
	"raftzab/bench/run"
	"raftzab/results"
)

// compared are the columns that are set side by side unless others are asked for.
var compared = []string{"elect_ms", "outage_ms", "join_ms", "overlap_ms", "paper_ms", "rounds", "messages", "down_ms", "throughput_ops_s", "read_p50_ms", "commit_p50_ms", "stale"}

func compareCommand() *cobra.Command {
	var format string
	measures := compared
	cmd := &cobra.Command{
		Use:   "compare A B",
		Short: "Set two folders of results side by side",
		Long: `Set two folders of results side by side, of one scenario at two commits or with other flags, or of two scenarios:
each cell that both have, which is the same mode, case, system and swept values. Of each measure: trials on either side,
medians with their bootstrap 95 % intervals, and the ratio of the medians, B / A, with its interval. Simulated trials of
one seed pair, so that what a seed does to both alike cancels in the ratio; others do not. From 100 trials a side on also
the Kolmogorov-Smirnov distance, and its p-value, adjusted for all distances of the table (Holm).

  raftzab compare /tmp/before/election-latency results/election-latency
  raftzab compare results/live-failover results/live-power-off --measures detect_ms,vote_ms --format md`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains([]string{"text", "csv", "md"}, format) {
				return fail(exitUsage, "--format: %q is none; write text, csv or md", format)
			}
			for _, m := range measures {
				row := results.NewTrial()
				if _, ok := row.Value(m).(results.Number); !ok || m == "trial" || m == "seed" {
					return fail(exitUsage, "--measures: %q is no column of numbers; results/README.md has all columns", m)
				}
			}
			dirs, err := resultsFolders("compare", args)
			if err != nil {
				return err
			}
			var sides [2]*results.Data
			for i, dir := range dirs {
				d, err := results.Load(dir)
				if errors.Is(err, fs.ErrNotExist) && d != nil {
					return fail(exitUsage, "compare: %s has not all of its data, which come again byte by byte: raftzab run experiments/%s.toml (%w)", dir, d.Manifest.Scenario, err)
				}
				if err != nil {
					return err
				}
				for _, w := range d.Warnings {
					fmt.Fprintf(cmd.ErrOrStderr(), "%s: %s\n", dir, w)
				}
				sides[i] = d
			}
			return setSideBySide(cmd.OutOrStdout(), cmd.ErrOrStderr(), dirs, sides, measures, format)
		},
	}
	f := cmd.Flags()
	f.StringVar(&format, "format", "text", "`text`, csv or md")
	f.StringSliceVar(&measures, "measures", compared, "columns that are compared")
	return cmd
}

// A pairing is one measure of one cell that both folders have.
type pairing struct {
	cell, measure string
	paired        bool
	a, b          metric.Sample
	ia, ib, ir    metric.Interval // of the medians and of their ratio
	ratio         float64
	ks, p         float64 // NaN: too few trials
}

// setSideBySide writes the table.
func setSideBySide(out, errs io.Writer, dirs []string, sides [2]*results.Data, measures []string, format string) error {
	var all []*pairing
	a, b := cellsOf(sides[0]), cellsOf(sides[1])
	var alone []string
	for _, x := range a.order {
		y := b.of[x]
		if y == nil {
			alone = append(alone, fmt.Sprintf("%s has %s alone", dirs[0], a.of[x].name))
			continue
		}
		paired := a.of[x].mode == string(run.Sim) && sides[0].Manifest.Seed == sides[1].Manifest.Seed
		for _, m := range measures {
			if p := pair(a.of[x], y, m, paired, sides[0].Manifest.Seed); p != nil {
				all = append(all, p)
			}
		}
	}
	for _, y := range b.order {
		if a.of[y] == nil {
			alone = append(alone, fmt.Sprintf("%s has %s alone", dirs[1], b.of[y].name))
		}
	}
	for _, line := range alone {
		fmt.Fprintln(errs, line)
	}
	if len(all) == 0 {
		return fail(exitUsage, "compare: %s and %s have no cell and measure in common; --measures names others", dirs[0], dirs[1])
	}
	together(all)
	rows := [][]string{{"cell", "measure", "n A", "median A", "low A", "high A", "n B", "median B", "low B", "high B", "B / A", "low", "high", "trials pair", "KS distance", "p (Holm)"}}
	for _, p := range all {
		rows = append(rows, p.row())
	}
	return write(out, rows, format, dirs)
}

func write(out io.Writer, rows [][]string, format string, dirs []string) error {
	switch format {
	case "csv":
		w := csv.NewWriter(out)
		return w.WriteAll(rows)
	case "md":
		for i, r := range rows {
			fmt.Fprintf(out, "| %s |\n", strings.Join(r, " | "))
			if i == 0 {
				fmt.Fprintf(out, "|%s\n", strings.Repeat("---|", len(r)))
			}
		}
		return nil
	}
	fmt.Fprintf(out, "A: %s\nB: %s\n\n", filepath.Clean(dirs[0]), filepath.Clean(dirs[1]))
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "cell\tmeasure\tn A\tmedian A [95 %]\tn B\tmedian B [95 %]\tB / A [95 %]\ttrials pair\tKS distance\tp (Holm)")
	last := ""
	for _, r := range rows[1:] {
		name := r[0]
		if name == last {
			name = ""
		}
		last = r[0]
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", name, r[1], r[2], within(r[3:6]), r[6], within(r[7:10]), within(r[10:13]), r[13], dash(r[14]), dash(r[15]))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(out, "Censored trials are in, above all others. No interval below n = %d, no distance below n = %d.\n", leastForInterval, leastForKS)
	return err
}

func within(r []string) string {
	if r[1] == "" && r[2] == "" {
		return dash(r[0])
	}
	return fmt.Sprintf("%s [%s, %s]", dash(r[0]), dash(r[1]), dash(r[2]))
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// A side is a cell in one of the folders.
type sideOf struct {
	name, mode string
	rows       []*results.Trial
	twice      bool // each trial ran with clients and without
}

type cellsIn struct {
	order []string
	of    map[string]*sideOf
}

// cellsOf groups the rows of a folder by cell, in the order of the files.
func cellsOf(d *results.Data) cellsIn {
	c := cellsIn{of: map[string]*sideOf{}}
	probed := map[string][2]bool{}
	for i := range d.Trials {
		r := &d.Trials[i]
		key := cellKey(r.Mode, r.Case, r.System, r.Swept)
		if c.of[key] == nil {
			cell := run.Cell{Case: r.Case, Mode: run.Mode(r.Mode), System: r.System, Swept: r.Swept}
			c.order, c.of[key] = append(c.order, key), &sideOf{name: newSample(&cell).name(), mode: r.Mode}
		}
		if r.Outcome != results.Failed {
			c.of[key].rows = append(c.of[key].rows, r)
			was := probed[key]
			probed[key] = [2]bool{was[0] || !r.Probed, was[1] || r.Probed}
		}
	}
	for key, p := range probed {
		c.of[key].twice = p[0] && p[1]
	}
	return c
}

// values are a measure of each trial, and which trial it is. Of trials that ran twice
// that without clients counts, but for outages.
func (s *sideOf) values(measure string) (values []float64, trials []int) {
	for _, r := range s.rows {
		if s.twice && r.Probed != (measure == "outage_ms") {
			continue
		}
		x := float64(r.Value(measure).(results.Number))
		if math.IsNaN(x) && r.Outcome == results.Censored && strings.HasSuffix(measure, "_ms") {
			x = math.Inf(1)
		}
		values, trials = append(values, x), append(trials, r.Trial)
	}
	return values, trials
}

// pair compares a measure; nil where one side has nothing of it.
func pair(a, b *sideOf, measure string, paired bool, seed uint64) *pairing {
	va, ta := a.values(measure)
	vb, tb := b.values(measure)
	there := func(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
	if !slices.ContainsFunc(va, there) || !slices.ContainsFunc(vb, there) {
		return nil
	}
	if !paired { // trials of other numbers are drawn by themselves
		most := slices.Max(ta) + 1
		for i := range tb {
			tb[i] += most
		}
	}
	x, y := metric.NewPaired(va, ta), metric.NewPaired(vb, tb)
	none := metric.Interval{Low: math.NaN(), High: math.NaN()}
	p := &pairing{cell: a.name, measure: measure, paired: paired, a: x.Sample, b: y.Sample, ia: none, ib: none, ir: none, ks: math.NaN(), p: math.NaN()}
	ratio := func(s []metric.Sample) float64 { return s[1].Median() / s[0].Median() }
	p.ratio = ratio([]metric.Sample{p.a, p.b})
	if min(len(p.a), len(p.b)) >= leastForInterval {
		p.ia, p.ib = p.a.MedianInterval(0.95, seed), p.b.MedianInterval(0.95, seed)
		if !math.IsNaN(p.ratio) {
			p.ir = metric.BootstrapPaired([]metric.Paired{x, y}, 0.95, seed, ratio)
		}
	}
	if min(len(p.a), len(p.b)) >= leastForKS {
		p.ks = metric.KS(p.a, p.b)
		p.p = metric.KSP(p.ks, len(p.a), len(p.b))
	}
	return p
}

// together makes the p-values those of comparisons that are made at once.
func together(all []*pairing) {
	var p []float64
	for _, x := range all {
		if !math.IsNaN(x.p) {
			p = append(p, x.p)
		}
	}
	p = metric.Holm(p)
	for _, x := range all {
		if !math.IsNaN(x.p) {
			x.p, p = p[0], p[1:]
		}
	}
}

// row is a line of the table; what is not there is empty.
func (p *pairing) row() []string {
	pairs := "no"
	if p.paired {
		pairs = "yes"
	}
	return []string{p.cell, p.measure,
		fmt.Sprint(len(p.a)), figure(p.a.Median()), figure(p.ia.Low), figure(p.ia.High),
		fmt.Sprint(len(p.b)), figure(p.b.Median()), figure(p.ib.Low), figure(p.ib.High),
		figure(p.ratio), end(p.ir.Low), end(p.ir.High), pairs, figure(p.ks), figure(p.p)}
}

// figure writes a number to five digits.
func figure(x float64) string {
	switch {
	case math.IsNaN(x):
		return ""
	case math.IsInf(x, 1):
		return "censored"
	}
	return fmt.Sprintf("%.5g", x)
}

// end writes an end of a ratio's interval.
func end(x float64) string {
	if math.IsInf(x, 0) {
		return "no bound"
	}
	return figure(x)
}
