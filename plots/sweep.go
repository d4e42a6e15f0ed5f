package plots

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"raftzab/results"
)

// A sweptPanel is one measure over a swept key.
type sweptPanel struct {
	Title string
	Log   bool `json:",omitempty"` // its axis is logarithmic
	Share bool `json:",omitempty"` // of each of some things that have no order: its axis goes from 0 to 1, and no line leads from one to the next
	Lines []sweptLine
}

// A sweptLine is one case, or one system.
type sweptLine struct {
	Label  string
	Points []spot
	cell   *results.Cell
}

// add puts a point at the end of its line.
func (p *sweptPanel) add(label string, c *results.Cell, x spot) {
	at := slices.IndexFunc(p.Lines, func(l sweptLine) bool { return l.Label == label })
	if at < 0 {
		at = len(p.Lines)
		p.Lines = append(p.Lines, sweptLine{Label: label, cell: c})
	}
	p.Lines[at].Points = append(p.Lines[at].Points, x)
}

// A measure is a number of each trial.
type measure struct {
	title  string
	log    bool
	probed bool // simulated: of trials with clients that write, rather than of those without
	of     func(t *results.Trial) results.Number
}

// panelsOver sorts the rows of a scenario that varies a key into a panel for each measure
// of its cells, by the measure's title.
func panelsOver(d *results.Data, key string, measures func(c *results.Cell) []measure) (panels []sweptPanel) {
	rows := rowsByCell(d)
	for i := range d.Manifest.Cells {
		cell := &d.Manifest.Cells[i]
		for _, m := range measures(cell) {
			var values []float64
			for _, t := range rows[cell] {
				if v := m.of(t); there(v) && t.Outcome != results.Failed && (cell.Mode == "live" || t.Probed == m.probed) {
					values = append(values, float64(v))
				}
			}
			x, ok := spotOf(valueOf(cell, key), values)
			if !ok {
				continue
			}
			at := slices.IndexFunc(panels, func(p sweptPanel) bool { return p.Title == m.title })
			if at < 0 {
				at = len(panels)
				panels = append(panels, sweptPanel{Title: m.title, Log: m.log})
			}
			of := series{Mode: cell.Mode, System: cell.System}
			panels[at].add(of.label(), cell, x)
		}
	}
	for i := range panels {
		panels[i].Title = letter(i, len(panels)) + panels[i].Title
		slices.SortStableFunc(panels[i].Lines, func(a, b sweptLine) int { return rank(a.cell.System) - rank(b.cell.System) })
	}
	return panels
}

// trialsOf says how many trials stand behind each point of a line, in all panels.
func trialsOf(panels []sweptPanel, label string) string {
	least, most := math.MaxInt, 0
	for _, p := range panels {
		for _, l := range p.Lines {
			for _, x := range l.Points {
				if l.Label == label {
					least, most = min(least, x.N), max(most, x.N)
				}
			}
		}
	}
	if least == most {
		return count(most)
	}
	return count(least) + " to " + count(most)
}

// drawSwept draws each panel's lines over the swept values, which stand evenly,
// whatever is between them.
func drawSwept(panels []sweptPanel, xName string, lookOf func(i int, l *sweptLine) look) drawing {
	heads := make([]head, len(panels))
	var legend []entry
	var said []string
	for i := range panels {
		heads[i].title = panels[i].Title
		for j := range panels[i].Lines {
			l := &panels[i].Lines[j]
			style, lone := lookOf(j, l), panels[i].Share
			text := fmt.Sprintf("%s (n = %s a point)", l.Label, trialsOf(panels, l.Label))
			if slices.Contains(said, text) {
				continue
			}
			said = append(said, text)
			legend = append(legend, entry{text, 22, func(c draw.Canvas, left, right, y vg.Length) {
				if !lone {
					c.StrokeLine2(style.line, left, y, right, y)
				}
				c.DrawGlyph(style.marker, vg.Point{X: (left + right) / 2, Y: y})
			}})
		}
	}
	// Panels of one measure have one axis, so that they can be compared.
	one := !slices.ContainsFunc(panels, func(p sweptPanel) bool { return !p.Log })
	g := gridOf(heads, legend, xName, "", 1.75*vg.Inch)
	return g.drawing(func(i int) *plot.Plot {
		p := newPanel()
		high, low := 0.0, 0.0
		var values []float64
		for j := range panels {
			if j != i && !one {
				continue
			}
			for _, l := range panels[j].Lines {
				for _, x := range l.Points {
					if high = max(high, x.High); !slices.Contains(values, x.X) {
						values = append(values, x.X)
					}
					if low == 0 || x.Low < low {
						low = x.Low
					}
				}
			}
		}
		slices.Sort(values)
		var ticks []plot.Tick
		for at, value := range values {
			ticks = append(ticks, plot.Tick{Value: float64(at), Label: fmt.Sprint(value)})
		}
		p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = -0.5, float64(len(values))-0.5, 0, high*1.05+1e-9
		p.X.Tick.Marker, p.Y.Tick.Marker = plot.ConstantTicks(ticks), plot.ConstantTicks(roundTicks(p.Y.Max))
		if panels[i].Share {
			p.Y.Max, p.Y.Tick.Marker = 1.05, plot.ConstantTicks(shareTicks)
		}
		if panels[i].Log {
			p.Y.Min, p.Y.Max, p.Y.Scale = low/1.2, high*1.2, plot.LogScale{}
			p.Y.Tick.Marker = plot.ConstantTicks(logTicks(p.Y.Min, p.Y.Max))
		}
		grid := gridLines()
		grid.Vertical.Color = nil
		p.Add(grid)
		for j := range panels[i].Lines {
			l := &panels[i].Lines[j]
			t := trail{style: lookOf(j, l), lone: panels[i].Share, shift: vg.Length(j)*4 - 2*vg.Length(len(panels[i].Lines)-1), spots: slices.Clone(l.Points)}
			for k := range t.spots {
				t.spots[k].X = float64(slices.Index(values, t.spots[k].X))
			}
			p.Add(&t)
		}
		return p
	})
}
