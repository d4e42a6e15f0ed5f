package plots

import (
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A rowPanel is rows of one measure, from top to bottom.
type rowPanel struct {
	Title string
	Rows  []row
}

// A row is a dot with whiskers, and a text right of it.
type row struct {
	Label, System    string
	Value, Low, High float64
	Text             string
}

// drawRows draws panels one below the other, all on one axis.
func drawRows(panels []rowPanel, xName string) drawing { return drawRowsOn(panels, xName, roundTicks) }

// drawLogRows does on a logarithmic one, on which logarithms are drawn, as decades has it: from the
// least value on.
func drawLogRows(panels []rowPanel, xName string) drawing {
	least, most := math.Inf(1), 0.0
	for _, p := range panels {
		for _, r := range p.Rows {
			least, most = min(least, r.Low), max(most, r.High)
		}
	}
	least = roundDown(max(least, most/1e6, 1e-9))
	place := func(x float64) float64 { return math.Log10(max(x, least) / least) }
	logs := make([]rowPanel, len(panels))
	for i, p := range panels {
		logs[i] = rowPanel{p.Title, slices.Clone(p.Rows)}
		for j := range p.Rows {
			r := &logs[i].Rows[j]
			r.Value, r.Low, r.High = place(r.Value), place(r.Low), place(r.High)
		}
	}
	return drawRowsOn(logs, xName, func(float64) []plot.Tick {
		ticks := logTicks(least, most)
		for i := range ticks {
			ticks[i].Value = place(ticks[i].Value)
		}
		return ticks
	})
}

// drawRowsOn draws rows on an axis that begins at 0, with the ticks that there are up to a value.
func drawRowsOn(panels []rowPanel, xName string, ticksTo func(most float64) []plot.Tick) drawing {
	heads := make([]head, len(panels))
	lines := 0
	var names, numbers vg.Length
	longest := 0.0
	for i, p := range panels {
		heads[i].title, lines = p.Title, max(lines, len(p.Rows))
		for _, r := range p.Rows {
			names, numbers = max(names, barStyle.Width(r.Label)), max(numbers, barStyle.Width(r.Text))
			longest = max(longest, r.High)
		}
	}
	if longest == 0 {
		longest = 1
	}
	g := gridOf(heads, nil, xName, "", vg.Length(lines)*barSpace+axisHeight)
	g.columns, g.rows, g.width = 1, len(panels), oneColumn
	if g.tileWidth()-names-numbers < oneColumn/3 { // no room for dots
		g.width = twoColumn
	}
	// The texts stand right of the dots, so the axis goes on.
	high := longest / float64(1-(numbers+10)/(g.tileWidth()-names-8))
	ticks := ticksTo(longest)
	for len(ticks) > 2 && ticks[1].Label != "" && vg.Length(ticks[1].Value/high)*(g.tileWidth()-names) < barStyle.Width(ticks[len(ticks)-1].Label)+4 {
		for i := 1; i < len(ticks); i++ { // every second one goes
			ticks = slices.Delete(ticks, i, i+1)
		}
	}
	spaced(ticks, func(value float64) vg.Length { return vg.Length(value/high) * (g.tileWidth() - names) })
	return g.drawing(func(i int) *plot.Plot {
		p := newPanel()
		p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = -0.02*high, high, -float64(lines)+0.5, 0.5
		p.X.Tick.Marker = plot.ConstantTicks(ticks)
		var names []plot.Tick
		for j, r := range panels[i].Rows {
			names = append(names, plot.Tick{Value: -float64(j), Label: r.Label})
		}
		p.Y.Tick.Marker, p.Y.Tick.Length, p.Y.LineStyle.Width = plot.ConstantTicks(names), 0, 0
		grid := gridLines()
		grid.Horizontal.Color = nil
		p.Add(grid, &panels[i])
		return p
	})
}

// spaced takes labels away that would touch the one before; the first of a decade stays.
func spaced(ticks []plot.Tick, at func(value float64) vg.Length) {
	last := -1
	for i := range ticks {
		t := &ticks[i]
		switch {
		case t.Label == "":
			continue
		case last >= 0 && at(t.Value)-at(ticks[last].Value) < (barStyle.Width(t.Label)+barStyle.Width(ticks[last].Label))/2+4:
			if t.Label[0] != '1' {
				t.Label = ""
				continue
			}
			ticks[last].Label = ""
		}
		last = i
	}
}

// Plot draws the rows.
func (p *rowPanel) Plot(c draw.Canvas, pl *plot.Plot) {
	x, y := pl.Transforms(&c)
	for i := range p.Rows {
		r := &p.Rows[i]
		style, middle := lookOf(r.System), y(-float64(i))
		if x(r.High)-x(r.Low) > 2*style.marker.Radius { // else the dot hides it
			drawWhisker(c, draw.LineStyle{Color: style.line.Color, Width: 0.8}, x(r.Low), x(r.High), middle)
		}
		style.marker.Radius = 2.2
		c.DrawGlyph(style.marker, vg.Point{X: x(r.Value), Y: middle})
		c.FillText(barStyle, vg.Point{X: x(max(r.High, r.Value)) + 6, Y: middle + 1}, r.Text)
	}
}
