package plots

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A curve is an empirical distribution function, as it is drawn: at X[i] it
// steps up to F[i]. It does not reach 1 where trials were censored.
type curve struct {
	Label, System string
	N, Censored   int
	X, F          []float64
	Beside        bool `json:",omitempty"` // it is live, and its system is simulated in the same panel
}

// look is that of the system; live beside simulated it is finer, and its marker is
// hollow where the other is filled, and filled where it is hollow.
func (c *curve) look() look {
	l := lookOf(c.System)
	if c.Beside {
		l.line.Width /= 2
		l.marker.Shape = inverse[l.marker.Shape]
	}
	return l
}

var inverse = map[draw.GlyphDrawer]draw.GlyphDrawer{
	draw.CircleGlyph{}: draw.RingGlyph{}, draw.SquareGlyph{}: draw.BoxGlyph{}, draw.PyramidGlyph{}: draw.TriangleGlyph{},
	draw.TriangleGlyph{}: draw.PyramidGlyph{}, draw.CrossGlyph{}: draw.PlusGlyph{}, draw.PlusGlyph{}: draw.CrossGlyph{},
}

// most is how many steps a curve is drawn with.
const most = 400

// curveOf thins a distribution to the steps that can be seen, the least and
// the greatest value among them.
func curveOf(s *series) curve {
	finite := s.sample[:len(s.sample)-s.Censored]
	c := curve{Label: s.label(), System: s.System, N: s.N, Censored: s.Censored}
	steps := min(len(finite), most)
	for i := range steps {
		at := i
		if len(finite) > most {
			at = int(math.Round(float64(i) * float64(len(finite)-1) / (most - 1)))
		}
		c.X = append(c.X, finite[at])
		c.F = append(c.F, float64(at+1)/float64(s.N))
	}
	return c
}

// A cdfPanel is the numbers of one panel.
type cdfPanel struct {
	Title  string
	Curves []curve
	Notes  []string
}

func cdfPanels(panels []panel) []cdfPanel {
	var all []cdfPanel
	for i := range panels {
		p := cdfPanel{Title: panels[i].title(i, len(panels))}
		for j := range panels[i].Series {
			s := &panels[i].Series[j]
			c := curveOf(s)
			c.Beside = s.Mode == "live" && has(panels[i:i+1], func(o *series) bool { return o.Mode != "live" && o.System == s.System })
			p.Curves = append(p.Curves, c)
		}
		for _, a := range panels[i].Absent {
			p.Notes = append(p.Notes, a.String())
		}
		all = append(all, p)
	}
	return all
}

// lone reports whether there are so many panels of one curve each that a row says more of
// it than a panel. A row has no place for the censored.
func lone(panels []panel) bool {
	return len(panels) > 6 && !has(panels, func(s *series) bool { return s.Censored > 0 }) &&
		!slices.ContainsFunc(panels, func(p panel) bool { return len(p.Series) > 1 })
}

func shapeOf(panels []panel) string {
	if lone(panels) {
		return "dots are medians of the trials, whiskers reach from the 5th to the 95th percentile"
	}
	return "empirical distribution functions, logarithmic time"
}

// drawTimesOf returns the figure of how times are distributed.
func drawTimesOf(panels []panel, xName string) drawing {
	if !lone(panels) {
		return drawCDFs(cdfPanels(panels), xName)
	}
	p := rowPanel{Title: panels[0].Series[0].label()}
	mixed := has(panels, func(s *series) bool { return s.label() != p.Title })
	if mixed {
		p.Title = ""
	}
	for i := range panels {
		s := &panels[i].Series[0]
		x, _ := spotOf(0, s.sample)
		name := panels[i].title(i, len(panels))
		if mixed {
			name += ": " + s.label()
		}
		p.Rows = append(p.Rows, row{name, s.System, x.Median, x.Low, x.High, fmt.Sprintf("%.0f ms (n = %s)", x.Median, count(x.N))})
	}
	return drawRows([]rowPanel{p}, xName)
}

// drawCDFs returns the figure of some panels side by side. They share both
// axes, so that they can be compared.
func drawCDFs(panels []cdfPanel, xName string) drawing {
	heads := make([]head, len(panels))
	for i, p := range panels {
		heads[i] = head{p.Title, p.Notes}
	}
	g := gridOf(heads, legendOf(panels), xName, "share of trials", 1.85*vg.Inch)
	low, high := span(panels)
	return g.drawing(func(i int) *plot.Plot {
		p := newPanel()
		p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = low, high, 0, 1.02
		p.X.Scale = plot.LogScale{}
		p.X.Tick.Marker = plot.ConstantTicks(logTicks(low, high))
		p.Y.Tick.Marker = plot.ConstantTicks(shareTicks)
		p.Add(gridLines())
		for j := range panels[i].Curves {
			p.Add(&panels[i].Curves[j])
		}
		return p
	})
}

var shareTicks = []plot.Tick{{Value: 0, Label: "0"}, {Value: 0.25, Label: "0.25"}, {Value: 0.5, Label: "0.5"}, {Value: 0.75, Label: "0.75"}, {Value: 1, Label: "1"}}

func gridLines() *plotter.Grid {
	line := draw.LineStyle{Color: gridGrey, Width: 0.4}
	return &plotter.Grid{Vertical: line, Horizontal: line}
}

// Plot draws the steps, from the bottom to the last value; a curve with
// censored trials goes on at its height to the edge. Markers stand at each
// value of a small sample, small enough to leave the steps between them, and at
// three quantiles of a large one, a little apart from system to system; at one
// of a curve so steep that markers would hide how it rises.
func (c *curve) Plot(canvas draw.Canvas, p *plot.Plot) {
	style := c.look()
	c.stairs(canvas, p, style.line)
	x, y := p.Transforms(&canvas)
	marker := style.marker
	if len(c.X) <= few {
		marker.Radius *= 0.75
	}
	for _, i := range c.marked() {
		canvas.DrawGlyph(marker, vg.Point{X: x(c.X[i]), Y: y(c.F[i])})
	}
}

// stairs draws the steps alone.
func (c *curve) stairs(canvas draw.Canvas, p *plot.Plot, style draw.LineStyle) {
	x, y := p.Transforms(&canvas)
	var line []vg.Point
	f := 0.0
	for i := range c.X {
		line = append(line, vg.Point{X: x(c.X[i]), Y: y(f)}, vg.Point{X: x(c.X[i]), Y: y(c.F[i])})
		f = c.F[i]
	}
	if c.Censored > 0 && len(line) > 0 {
		line = append(line, vg.Point{X: canvas.Max.X, Y: y(f)})
	}
	canvas.StrokeLines(style, line)
}

// few is up to how many steps each bears a marker.
const few = 40

// marked returns which steps bear a marker.
func (c *curve) marked() (at []int) {
	for i := range c.X {
		if len(c.X) <= few {
			at = append(at, i)
		}
	}
	if len(c.X) > few {
		quantiles := []float64{0.2, 0.45, 0.7}
		if c.X[len(c.X)*9/10] < 1.1*c.X[len(c.X)/10] { // steep
			quantiles = quantiles[1:2]
		}
		for _, f := range quantiles {
			if i, _ := slices.BinarySearch(c.F, f+0.045*float64(rank(c.System))); i < len(c.F) {
				at = append(at, i)
			}
		}
	}
	return at
}

// legendOf tells the systems apart, above all panels, and how many trials stand
// behind each curve.
func legendOf(panels []cdfPanel) (entries []entry) {
	var first []*curve // of each label
	for _, p := range panels {
		for i := range p.Curves {
			c := &p.Curves[i]
			if !slices.ContainsFunc(first, func(o *curve) bool { return o.Label == c.Label }) {
				first = append(first, c)
			}
		}
	}
	slices.SortStableFunc(first, func(a, b *curve) int { return cmp.Compare(rank(a.System), rank(b.System)) })
	for _, f := range first {
		style := f.look()
		entries = append(entries, entry{fmt.Sprintf("%s (n = %s)", f.Label, counts(panels, f.Label)), 22, func(c draw.Canvas, left, right, y vg.Length) {
			c.StrokeLine2(style.line, left, y, right, y)
			c.DrawGlyph(style.marker, vg.Point{X: (left + right) / 2, Y: y})
		}})
	}
	return entries
}

// counts writes a system's number of trials, by panel where they differ:
// "10,000 in a, b; 2,000 in c".
func counts(panels []cdfPanel, label string) string {
	var numbers []int
	letters := map[int][]string{}
	for i, p := range panels {
		for _, c := range p.Curves {
			if c.Label != label {
				continue
			}
			if letters[c.N] == nil {
				numbers = append(numbers, c.N)
			}
			letters[c.N] = append(letters[c.N], string(rune('a'+i)))
		}
	}
	if len(numbers) == 1 {
		return count(numbers[0])
	}
	var parts []string
	for _, n := range numbers {
		parts = append(parts, count(n)+" in "+strings.Join(letters[n], ", "))
	}
	return strings.Join(parts, "; ")
}

// span returns the common range of x: from a round number below the least value
// to a little above the greatest.
func span(panels []cdfPanel) (low, high float64) {
	low, high = math.Inf(1), 0
	for _, p := range panels {
		for _, c := range p.Curves {
			if len(c.X) > 0 {
				low, high = min(low, c.X[0]), max(high, c.X[len(c.X)-1])
			}
		}
	}
	if high == 0 { // everything is censored, or took no time
		return 1, 1000
	}
	return roundDown(max(low, high/1e6)), high * 1.05
}

// roundDown returns the greatest number with one digit that is at most x.
func roundDown(x float64) float64 {
	unit := math.Pow(10, math.Floor(math.Log10(x)))
	return math.Floor(x/unit) * unit
}

// logTicks marks every number with one digit, and labels as many as stay
// apart: 1, 2, 5 of each decade over one decade or two, else its beginning.
func logTicks(low, high float64) []plot.Tick {
	labelled := []float64{1, 2, 3, 5}
	switch decades := math.Log10(high / low); {
	case decades > 3:
		labelled = []float64{1}
	case decades > 1.5:
		labelled = []float64{1, 2, 5}
	}
	var ticks []plot.Tick
	for e := math.Floor(math.Log10(low)); e <= math.Log10(high); e++ {
		for digit := 1.0; digit < 10; digit++ {
			v := digit * math.Pow(10, e)
			if v < low*(1-1e-9) || v > high {
				continue
			}
			tick := plot.Tick{Value: v}
			if slices.Contains(labelled, digit) {
				if tick.Label = strconv.FormatFloat(v, 'f', max(0, int(-e)), 64); v > 9999 {
					tick.Label = tickText(math.Round(v))
				}
			}
			ticks = append(ticks, tick)
		}
	}
	return ticks
}
