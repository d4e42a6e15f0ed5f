package verdict

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/expr-lang/expr"

	"raftzab/bench/metric"
	"raftzab/results"
)

// An evaluation is one rule meeting the data. A dry one only finds out whether
// everything that the rule names will be there.
type evaluation struct {
	scope    Scope
	data     *Data
	least    int // trials that a cell must have
	seed     uint64
	dry      bool
	narrowed []results.Setting // the combination of Each that is being judged

	numbers []results.Deciding
	repeat  results.Repeat // as the worst of the data looked at
}

// A Statistic is a number made of samples, which can be made again of resamples.
type Statistic struct {
	e        *evaluation
	text     string
	samples  []metric.Paired
	of       func([]metric.Sample) float64 // of resamples of these
	value    float64
	n        int              // of the smallest sample
	wilson   *metric.Interval // of a share by itself
	pointed  bool             // it has no interval
	compound bool             // in a larger expression it stands in parentheses
}

// leastForInterval: the least and the greatest of 6 hold the median between them
// with 97 %, of 5 with 94 %.
const leastForInterval = 6

// measured returns how a column of this name is read. What a censored trial did
// not reach counts as larger than all. Where there is a new leader, a count or a
// phase that is missing is one that the system cannot give.
func measured(name string) func(t row) float64 {
	last := slices.Contains([]string{"elect_ms", "outage_ms", "overlap_ms", "paper_ms"}, name)
	return func(t row) float64 {
		x := float64(t.Value(name).(results.Number))
		if math.IsNaN(x) && t.Value("outcome") == string(results.Censored) && (last || math.IsNaN(float64(t.Value("elect_ms").(results.Number)))) {
			return math.Inf(1)
		}
		return x
	}
}

// sample gathers what a column holds in the trials that it is narrowed to.
func (e *evaluation) sample(r rows, of func(t row) float64) (metric.Paired, error) {
	var values []float64
	var trials []int
	cells := 0
	for i := range e.scope.Cells {
		c := &e.scope.Cells[i]
		row := c.row()
		if c.System != r.system || !admits(e.narrowed, row) || slices.ContainsFunc(r.where, func(w Condition) bool { return !w.trials && !w.of(row) }) {
			continue
		}
		cells++
		if e.dry {
			continue
		}
		e.repeat = e.repeat.Worse(results.RepeatOf(c.Mode, c.System))
		counted := map[int]bool{}
		for _, t := range e.data.of(c, &r) {
			x, trial := of(t), int(t.Value("trial").(results.Number))
			if math.IsNaN(x) {
				continue
			}
			counted[trial] = true
			if !slices.ContainsFunc(r.where, func(w Condition) bool { return w.trials && !w.of(t) }) {
				unit := 2 * trial
				if c.Mode != "sim" {
					unit++ // live trials are drawn by themselves
				}
				values, trials = append(values, x), append(trials, unit)
			}
		}
		if len(counted) < e.least {
			return metric.Paired{}, e.data.absent(c, len(counted), e.least)
		}
	}
	switch {
	case cells == 0:
		return metric.Paired{}, &missing{fmt.Sprintf("no cell of the scenario is in %s%s", r, e.among())}
	case e.dry:
		return metric.NewPaired([]float64{1}, []int{0}), nil
	case len(values) == 0:
		return metric.Paired{}, &missing{fmt.Sprintf("no trial is in %s%s", r, e.among())}
	}
	return metric.NewPaired(values, trials), nil
}

// among names the combination that is being judged.
func (e *evaluation) among() (text string) {
	for _, s := range e.narrowed {
		text += ", " + s.Key + " = " + s.Value
	}
	return text
}

// note keeps a number that decides.
func (e *evaluation) note(s Statistic, interval *metric.Interval) {
	if e.dry {
		return
	}
	d := results.Deciding{Of: s.text, Value: rounded(s.value), N: s.n}
	if among := e.among(); among != "" {
		d.Of = among[2:] + ": " + d.Of
	}
	if interval != nil {
		d.Interval = &[2]results.Number{rounded(interval.Low), rounded(interval.High)}
	}
	i := slices.IndexFunc(e.numbers, func(o results.Deciding) bool { return o.Of == d.Of })
	switch {
	case i < 0:
		e.numbers = append(e.numbers, d)
	case interval != nil:
		e.numbers[i] = d
	}
}

// rounded keeps six significant digits: machines may differ in the last of sixteen.
func rounded(x float64) results.Number {
	x, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 6, 64), 64)
	if err != nil || math.IsInf(x, 0) {
		return results.None
	}
	return results.Number(x)
}

// functions are those of statistics, and where.
var functions = []string{"where", "median", "mean", "sum", "min", "max", "quantile", "share", "n", "low", "high"}

// statistics are the functions that make numbers of columns, and work on them.
func statistics() (o []expr.Option) {
	define := func(name string, f func(...any) (any, error), types ...any) {
		o = append(o, expr.Function(name, f, types...))
	}
	for _, s := range []struct {
		name    string
		of      func(metric.Sample) float64
		pointed bool
	}{
		{"median", metric.Sample.Median, false},
		{"mean", metric.Sample.Mean, false},
		{"sum", func(s metric.Sample) float64 { return s.Mean() * float64(len(s)) }, false},
		{"min", func(s metric.Sample) float64 { return s[0] }, true},
		{"max", func(s metric.Sample) float64 { return s[len(s)-1] }, true},
	} {
		define(s.name, func(p ...any) (any, error) { return p[0].(Column).statistic(s.name, "", s.of, s.pointed) }, new(func(Column) Statistic))
	}
	define("quantile", func(p ...any) (any, error) {
		c, q := p[0].(Column), number(p[1])
		if q < 0 || q > 1 {
			return nil, fmt.Errorf("%s is no share of trials; write a number from 0 to 1", digits(q))
		}
		s, err := c.statistic("quantile", ", "+digits(q), func(s metric.Sample) float64 { return s.Quantile(q) }, false)
		if err == nil && !c.e.dry && q < 1 && !metric.Supports(s.n, q) {
			return nil, &missing{fmt.Sprintf("%s: %d trials are too few for a quantile so far out", s.text, s.n)}
		}
		return s, err
	}, new(func(Column, float64) Statistic), new(func(Column, int) Statistic))
	define("share", func(p ...any) (any, error) {
		c := Column(p[0].(Truth))
		s, err := c.statistic("share", "", metric.Sample.Mean, false)
		if err == nil {
			w := metric.Wilson(int(math.Round(s.value*float64(s.n))), s.n, 0.95)
			s.wilson = &w
		}
		return s, err
	}, new(func(Truth) Statistic))
	define("n", func(p ...any) (any, error) {
		c, ok := p[0].(Column)
		if !ok {
			c = Column(p[0].(Truth))
		}
		return c.statistic("n", "", func(s metric.Sample) float64 { return float64(len(s)) }, true)
	}, new(func(Column) Statistic), new(func(Truth) Statistic))
	for i, name := range []string{"low", "high"} {
		define(name, func(p ...any) (any, error) { return p[0].(Statistic).end(name, i) }, new(func(Statistic) Statistic))
	}
	for _, a := range arithmetic {
		define(a.name, a.apply, new(func(Column, Column) Column), new(func(Statistic, Statistic) Statistic),
			new(func(Statistic, int) Statistic), new(func(Statistic, float64) Statistic), new(func(int, Statistic) Statistic), new(func(float64, Statistic) Statistic))
		o = append(o, expr.Operator(a.sign, a.name))
	}
	return o
}

// statistic makes a number of a column.
func (c Column) statistic(name, more string, of func(metric.Sample) float64, pointed bool) (Statistic, error) {
	p, err := c.e.sample(c.rows, c.of)
	if err != nil {
		return Statistic{}, err
	}
	s := Statistic{e: c.e, text: name + "(" + c.String() + more + ")", samples: []metric.Paired{p}, of: func(s []metric.Sample) float64 { return of(s[0]) },
		value: of(p.Sample), n: len(p.Sample), pointed: pointed}
	c.e.note(s, nil)
	return s, nil
}

// repeats reports whether some trial is in the sample more than once, as in several
// cells: what the same seed gives there is not independent.
func (s Statistic) repeats() bool {
	trials := slices.Sorted(slices.Values(s.samples[0].Trials))
	return len(slices.Compact(trials)) < s.n
}

// end is one end of the 95 % interval: Wilson's of a share by itself, else a
// bootstrap's over trials; of a share in which trials repeat, the wider of the two.
func (s Statistic) end(name string, i int) (Statistic, error) {
	if s.pointed {
		return s, fmt.Errorf("%s has no interval; compare it by itself", s.text)
	}
	text := name + "(" + s.text + ")"
	if s.e.dry {
		return Statistic{e: s.e, text: text, value: 1, pointed: true}, nil
	}
	if s.n < leastForInterval {
		return s, &missing{fmt.Sprintf("%s: %d trials are too few for an interval", s.text, s.n)}
	}
	var interval metric.Interval
	if s.wilson == nil || s.repeats() {
		interval = metric.BootstrapPaired(s.samples, 0.95, s.e.seed, s.of)
	}
	switch {
	case s.wilson != nil && s.repeats(): // a bootstrap of none in n knows no chance
		interval = metric.Interval{Low: min(interval.Low, s.wilson.Low), High: max(interval.High, s.wilson.High)}
	case s.wilson != nil:
		interval = *s.wilson
	}
	s.e.note(s, &interval)
	return Statistic{e: s.e, text: text, value: [2]float64{interval.Low, interval.High}[i], pointed: true, n: s.n}, nil
}

// An operation makes one statistic of two.
type operation struct {
	sign, name string
	of         func(a, b float64) float64
}

var arithmetic = []operation{
	{"+", "plus", func(a, b float64) float64 { return a + b }},
	{"-", "minus", func(a, b float64) float64 { return a - b }},
	{"*", "times", func(a, b float64) float64 { return a * b }},
	{"/", "over", func(a, b float64) float64 { return a / b }},
}

func (o *operation) apply(p ...any) (any, error) {
	if c, ok := p[0].(Column); ok {
		return c.with(p[1].(Column), o)
	}
	a, b := statisticOf(p[0]), statisticOf(p[1])
	split := len(a.samples)
	s := Statistic{e: a.e, text: a.part() + " " + o.sign + " " + b.part(), samples: slices.Concat(a.samples, b.samples),
		of:    func(s []metric.Sample) float64 { return o.of(a.of(s[:split]), b.of(s[split:])) },
		value: o.of(a.value, b.value), n: min(a.n, b.n), pointed: a.pointed || b.pointed, compound: true}
	if s.e == nil {
		s.e = b.e
	}
	return s, nil
}

// with makes one column of two. What a censored trial did not reach stays larger
// than all, whatever is taken from it.
func (c Column) with(d Column, o *operation) (any, error) {
	if err := c.beside(d.rows); err != nil {
		return nil, err
	}
	of := c.of
	c.text = c.text + " " + o.sign + " " + d.text
	c.of = func(t row) float64 {
		x, y := of(t), d.of(t)
		if math.IsInf(x, 1) && !math.IsNaN(y) {
			return x
		}
		return o.of(x, y)
	}
	return c, nil
}

// statisticOf makes a statistic of a number too: one that always is the same.
func statisticOf(x any) Statistic {
	if s, ok := x.(Statistic); ok {
		return s
	}
	v := number(x)
	return Statistic{text: digits(v), value: v, n: math.MaxInt, of: func([]metric.Sample) float64 { return v }}
}

func (s Statistic) part() string {
	if s.compound {
		return "(" + s.text + ")"
	}
	return s.text
}

// compare decides between two statistics, or one and a number.
func compare(x, y any, c *comparison) (any, error) {
	a, b := statisticOf(x), statisticOf(y)
	e := a.e
	if e == nil {
		e = b.e
	}
	if e.dry {
		return true, nil
	}
	for _, s := range []Statistic{a, b} {
		if s.compound {
			s.e.note(s, nil)
		}
	}
	if d := a.value - b.value; math.IsNaN(d) {
		return nil, &missing{fmt.Sprintf("%s %s %s cannot be decided: it is 0/0, or both lie among the censored%s", a.part(), c.sign, b.part(), e.among())}
	}
	return c.holds(a.value, b.value), nil
}
