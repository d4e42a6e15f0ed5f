package paper

import (
	"bytes"
	"fmt"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"raftzab/bench/metric"
	"raftzab/plots"
	"raftzab/results"
)

// access is how a text gets at the numbers: those of a scenario are read when the first
// of them is asked for, for TeX has no room for all.
const access = `% Numbers of the results, which are in the folder numbers. Written by raftzab paper.
\def\raftzabset#1#2{\expandafter\gdef\csname raftzab/#1\endcsname{#2}}
\DeclareRobustCommand{\raftzab}[5]{%
  \ifcsname raftzab/#1\endcsname\else
    \expandafter\gdef\csname raftzab/#1\endcsname{}%
    \IfFileExists{numbers/#1.tex}{{\endlinechar=-1 \input{numbers/#1.tex}}}{}%
  \fi
  \ifcsname raftzab/#1/#2/#3/#4/#5\endcsname\csname raftzab/#1/#2/#3/#4/#5\endcsname\else
  \errmessage{There is no number raftzab/#1/#2/#3/#4/#5; numbers/#1.tex has all}\fi}
`

const explained = `Medians over trials, with 95\,\% bootstrap intervals where there are six trials or more; p5 and p95 where there are twenty. Censored trials are in n, above all
others. Elections of simulated systems are of trials without probing clients, but of those with them where the scenario runs the same system live; outages are of trials with them.

`

// tabled are the measures of the tables, and those with intervals.
var tabled = []string{"elect_ms", "outage_ms", "paper_ms", "overlap_ms", "down_ms", "join_ms", "resume_p50_ms", "resume_max_ms", "votes", "messages",
	"commit_p50_ms", "read_p50_ms", "throughput_ops_s", "stale", "apply_lag_p50_ms", "read_hops", "write_hops"}

// censorable are the measures that a censored trial did not live to see.
var censorable = []string{"elect_ms", "outage_ms", "paper_ms", "overlap_ms", "join_ms", "resume_p50_ms", "resume_max_ms"}

// A stat is one measure of one cell.
type stat struct {
	measure  string
	sample   metric.Sample
	interval metric.Interval
}

// From so many trials on, a median has an interval, and a sample tails.
const (
	leastForInterval = 6
	leastForTails    = 20
)

// measures adds the numbers of a scenario.
func (w *writer) measures(scenario string, d *results.Data) error {
	var macros bytes.Buffer
	columns := columnsOf(d)
	stats := make([][]stat, len(d.Manifest.Cells))
	var wait sync.WaitGroup
	for i := range d.Manifest.Cells {
		wait.Go(func() { stats[i] = statsOf(d, &d.Manifest.Cells[i], columns) })
	}
	wait.Wait()
	begun := false
	for i := range d.Manifest.Cells {
		c := &d.Manifest.Cells[i]
		headed := false
		for _, s := range stats[i] {
			key := strings.Join([]string{scenario, name(c), system(c), s.measure}, "/")
			for _, x := range s.numbers() {
				fmt.Fprintf(&macros, "\\raftzabset{%s/%s}{%s}\n", plain(key), x.name, x.text)
			}
			if !slices.Contains(tabled, s.measure) {
				continue
			}
			if !begun {
				fmt.Fprintf(&w.medians, "\\subsection*{%s}\nSeed %d; commit %.12s.\n\n{\\footnotesize\\begin{longtable}{@{}p{2.4in}rrrrr@{}}\nmeasure & n & censored & median [95\\,\\%%] & p5 & p95 \\\\ \\hline\n\\endhead\n",
					plots.EscapeTeX(scenario), d.Manifest.Seed, plots.EscapeTeX(d.Manifest.Commit))
				begun = true
			}
			if !headed { // the cell has a line of its own, from which no page may part its measures
				fmt.Fprintf(&w.medians, "\\multicolumn{6}{@{}p{5.5in}@{}}{\\raggedright\\rule{0pt}{11pt}\\textbf{%s} %s} \\\\*\n", plots.EscapeTeX(system(c)), code(name(c)))
				headed = true
			}
			fmt.Fprintf(&w.medians, "%s & %s \\\\\n", plots.EscapeTeX(s.measure), s.row())
		}
	}
	if begun {
		w.medians.WriteString("\\end{longtable}}\n\n")
	}
	return w.file(filepath.Join("numbers", scenario+".tex"), macros.Bytes())
}

// name is the case of a cell and what it gives the swept keys that govern it.
func name(c *results.Cell) string {
	var parts []string
	if c.Case != "" {
		parts = append(parts, c.Case)
	}
	for _, s := range c.Swept {
		if s.Value != "" {
			parts = append(parts, s.Key+"="+s.Value)
		}
	}
	return strings.Join(parts, ", ")
}

func system(c *results.Cell) string {
	if c.Mode == "live" {
		return "live " + c.System
	}
	return c.System
}

// plain leaves the letters that may stand in the name of a macro.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(`\{}%#~^$&`, r) {
			return '-'
		}
		return r
	}, s)
}

// columnsOf are the measures of which the scenario has a value.
func columnsOf(d *results.Data) (columns []string) {
	row := reflect.TypeFor[results.Trial]()
	for i := range row.NumField() {
		column := row.Field(i).Tag.Get("csv")
		if row.Field(i).Type != reflect.TypeFor[results.Number]() || column == "leader" {
			continue
		}
		if slices.ContainsFunc(d.Trials, func(t results.Trial) bool { return !math.IsNaN(float64(t.Value(column).(results.Number))) }) {
			columns = append(columns, column)
		}
	}
	return columns
}

// statsOf measures a cell as the figures do.
func statsOf(d *results.Data, c *results.Cell, columns []string) (stats []stat) {
	var rows [2][]*results.Trial // the trials that figures of elections show, and the others
	elects := plots.Electing(d)
	for i := range d.Trials {
		t := &d.Trials[i]
		switch {
		case t.Mode != c.Mode || t.System != c.System || t.Case != c.Case || !slices.Equal(t.Swept, c.Swept) || t.Outcome == results.Failed:
		case elects(t):
			rows[0] = append(rows[0], t)
		default:
			rows[1] = append(rows[1], t)
		}
	}
	for _, column := range columns {
		sample := metric.NewSample(valuesOf(rows[0], column))
		if len(sample) == 0 {
			sample = metric.NewSample(valuesOf(rows[1], column))
		}
		if len(sample) == 0 {
			continue
		}
		s := stat{measure: column, sample: sample}
		if slices.Contains(tabled, column) && len(sample) >= leastForInterval {
			s.interval = sample.MedianInterval(0.95, d.Manifest.Seed)
		}
		stats = append(stats, s)
	}
	return stats
}

// valuesOf are the values of a column in trials that tell it, and those that were
// censored before they could, as larger than all.
func valuesOf(rows []*results.Trial, column string) (values []float64) {
	endless := slices.Contains(censorable, column)
	for _, t := range rows {
		if column == "outage_ms" && !t.Probed {
			continue
		}
		v := float64(t.Value(column).(results.Number))
		switch {
		case !math.IsNaN(v):
			values = append(values, v)
		case t.Outcome == results.Censored && endless:
			values = append(values, math.Inf(1))
		}
	}
	return values
}

type named struct{ name, text string }

// numbers are those of the macros.
func (s *stat) numbers() []named {
	n := len(s.sample)
	list := []named{{"n", strconv.Itoa(n)}, {"censored", strconv.Itoa(s.sample.Censored())}, {"median", number(s.sample.Median(), "censored")}, {"mean", number(s.sample.Mean(), "censored")}}
	if s.interval != (metric.Interval{}) {
		list = append(list, named{"low", number(s.interval.Low, "censored")}, named{"high", number(s.interval.High, "censored")})
	}
	if n >= leastForTails {
		list = append(list, named{"p5", number(s.sample.Quantile(0.05), "censored")}, named{"p95", number(s.sample.Quantile(0.95), "censored")})
	}
	if metric.Supports(n, 0.99) {
		list = append(list, named{"p99", number(s.sample.Quantile(0.99), "censored")})
	}
	return list
}

// row is the same in a table.
func (s *stat) row() string {
	n := len(s.sample)
	median, tails := number(s.sample.Median(), "censored"), "& "
	if s.interval != (metric.Interval{}) {
		median += fmt.Sprintf(" [%s, %s]", number(s.interval.Low, "censored"), number(s.interval.High, "censored"))
	}
	if n >= leastForTails {
		tails = number(s.sample.Quantile(0.05), "censored") + " & " + number(s.sample.Quantile(0.95), "censored")
	}
	return fmt.Sprintf("%d & %d & %s & %s", n, s.sample.Censored(), median, tails)
}

// number writes four digits that count; none is for what is beyond all that was
// measured.
func number(x float64, none string) string {
	if math.IsInf(x, 0) || math.IsNaN(x) {
		return none
	}
	digits := 3
	if x != 0 {
		digits = max(0, 3-int(math.Floor(math.Log10(math.Abs(x)))))
	}
	s := strconv.FormatFloat(x, 'f', digits, 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}
