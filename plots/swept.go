package plots

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"

	"raftzab/bench/metric"
	"raftzab/results"
)

// rowsByCell sorts the rows of a scenario by the cells of its manifest.
func rowsByCell(d *results.Data) map[*results.Cell][]*results.Trial {
	name := func(mode, in, system string, swept []results.Setting) string {
		s := mode + "\x00" + in + "\x00" + system
		for _, x := range swept {
			s += "\x00" + x.Value
		}
		return s
	}
	cells := map[string]*results.Cell{}
	for i := range d.Manifest.Cells {
		c := &d.Manifest.Cells[i]
		cells[name(c.Mode, c.Case, c.System, c.Swept)] = c
	}
	rows := map[*results.Cell][]*results.Trial{}
	var last *results.Cell // the next row is mostly of the same cell
	for i := range d.Trials {
		t := &d.Trials[i]
		if last == nil || last.Mode != t.Mode || last.Case != t.Case || last.System != t.System || !slices.Equal(last.Swept, t.Swept) {
			last = cells[name(t.Mode, t.Case, t.System, t.Swept)]
		}
		if last != nil {
			rows[last] = append(rows[last], t)
		}
	}
	return rows
}

// sweeps reports whether a scenario varies these keys and no others.
func sweeps(d *results.Data, keys ...string) bool {
	return len(d.Manifest.Cells) > 0 && slices.EqualFunc(d.Manifest.Cells[0].Swept, keys, func(s results.Setting, key string) bool { return s.Key == key })
}

// valueOf returns what a cell gives a swept key: a number, or a duration in
// milliseconds; NaN where the key does not govern it.
func valueOf(c *results.Cell, key string) float64 {
	i := slices.IndexFunc(c.Swept, func(s results.Setting) bool { return s.Key == key })
	if i < 0 {
		return math.NaN()
	}
	return inMilliseconds(plain(c.Swept[i].Value))
}

// inMilliseconds reads a number, a duration, or the middle of a range of them.
func inMilliseconds(text string) float64 {
	if low, high, ok := strings.Cut(text, "-"); ok && low != "" {
		return (inMilliseconds(low) + inMilliseconds(high)) / 2
	}
	x, err := strconv.ParseFloat(strings.TrimSuffix(milliseconds(text), " ms"), 64)
	if err != nil {
		return math.NaN()
	}
	return x
}

// A spot is a point of a curve over a swept key: the middle of a measurement,
// and where nine in ten of the trials are.
type spot struct {
	X                 float64
	N                 int
	Median, Low, High float64 // p5 and p95
}

// spotOf makes the point of some values; of none there is no point.
func spotOf(x float64, values []float64) (spot, bool) {
	s := metric.NewSample(values)
	if len(s) == 0 {
		return spot{}, false
	}
	return spot{x, len(s), s.Median(), s.Quantile(0.05), s.Quantile(0.95)}, true
}

// A portion is how many of some trials did something.
type portion struct{ K, N int }

func (p *portion) add(is bool) {
	if p.N++; is {
		p.K++
	}
}

// Share is between 0 and 1; Wilson's interval goes with it.
func (p portion) Share() float64            { return float64(p.K) / float64(p.N) }
func (p portion) Interval() metric.Interval { return metric.Wilson(p.K, p.N, 0.95) }

// String writes a share as people would, with as many digits as the number of
// trials bears, and says all and none in words.
func (p portion) String() string {
	switch {
	case p.N == 0:
		return "-"
	case p.K == 0:
		return fmt.Sprintf("none of %s", count(p.N))
	case p.K == p.N:
		return fmt.Sprintf("all of %s", count(p.N))
	case p.N < 1000:
		return fmt.Sprintf("%s of %s", count(p.K), count(p.N))
	}
	return fmt.Sprintf("%.2f %% of %s", 100*p.Share(), count(p.N))
}

func there(x results.Number) bool { return !math.IsNaN(float64(x)) }

// decades makes an axis logarithmic on which logarithms are drawn: where the axis does it
// itself, Plot reserves room for its labels as if it were linear. A tick at the lower edge
// takes the place of those close to it.
func decades(a *plot.Axis, low, high float64, edge ...plot.Tick) {
	from := low
	if len(edge) > 0 {
		from *= 1.6
	}
	ticks := append(edge, logTicks(from, high)...)
	for i := range ticks {
		ticks[i].Value = math.Log10(ticks[i].Value)
	}
	a.Min, a.Max, a.Tick.Marker = math.Log10(low), math.Log10(high), plot.ConstantTicks(ticks)
}
