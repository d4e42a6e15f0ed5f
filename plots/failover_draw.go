package plots

import (
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"raftzab/results"
)

// A row of failover has the live mark above the simulated one.
const (
	rowSpace = 13  // points from row to row
	offset   = 2.6 // of a mark from the middle of its row
	radius   = 1.9
)

// failoverSpan returns from where to where marks and lines lie, whether some go
// beyond, to the censored, and whether this is so far that time is logarithmic.
func failoverSpan(panels []failoverPanel) (low, high float64, beyond, logarithmic bool) {
	low = math.Inf(1)
	each(panels, func(_ *failoverRow, s *standing, _ bool) {
		for _, x := range []results.Number{s.P5, s.Low, s.Median, s.High, s.P95} {
			if math.IsInf(float64(x), 1) {
				beyond = true
				continue
			}
			low, high = min(low, float64(x)), max(high, float64(x))
		}
	})
	if high == 0 { // everything is censored
		low, high = 500, 1000
	}
	return low, high, beyond, high > 8*low && low > 0
}

// drawFailover returns the panels side by side, with one axis of time.
func drawFailover(panels []failoverPanel, axis string) drawing {
	low, high, beyond, logarithmic := failoverSpan(panels)
	heads := make([]head, len(panels))
	for i := range panels {
		heads[i].title = panels[i].Title
		for _, a := range panels[i].panel.Absent {
			heads[i].notes = append(heads[i].notes, a.String())
		}
	}
	g := gridOf(heads, []entry{legendEntry("live", true), legendEntry("simulated", false)}, axis, "", vg.Length(len(panels[0].Rows))*rowSpace+axisHeight)
	return g.drawing(func(i int) *plot.Plot {
		p := newPanel()
		rows := panels[i].Rows
		p.Y.Min, p.Y.Max = -float64(len(rows))+0.5, 0.5
		right := high * 1.03
		if logarithmic {
			p.X.Min = roundDown(low)
			if beyond {
				right = high * 1.15
			}
			p.X.Scale, p.X.Tick.Marker = plot.LogScale{}, plot.ConstantTicks(logTicks(p.X.Min, right))
		} else {
			if beyond {
				right = high * 1.1
			}
			p.X.Min, p.X.Tick.Marker = 0, plot.ConstantTicks(roundTicks(right))
		}
		p.X.Max = right
		var names []plot.Tick
		for j := range rows {
			name := ""
			if g.left(i) {
				if name = rows[j].System; j == 0 || rows[j].Case != rows[j-1].Case {
					name = rows[j].Case + ": " + name
				}
			}
			names = append(names, plot.Tick{Value: -float64(j), Label: name})
		}
		p.Y.Tick.Marker, p.Y.Tick.Length, p.Y.LineStyle.Width = plot.ConstantTicks(names), 0, 0
		grid := gridLines()
		grid.Horizontal.Color = nil
		p.Add(grid, failoverRows(rows))
		return p
	})
}

func legendEntry(text string, live bool) entry {
	return entry{text + ": median, 95 % interval, 5th to 95th percentile", 26, func(c draw.Canvas, left, right, y vg.Length) {
		drawStanding(c, darkGrey, live, left, left+8, (left+right)/2, right-8, right, y)
	}}
}

type failoverRows []failoverRow

// Plot draws the rows from top to bottom, with a line between cases.
func (rows failoverRows) Plot(c draw.Canvas, pl *plot.Plot) {
	toX, y := pl.Transforms(&c)
	x := func(v results.Number) vg.Length {
		if math.IsInf(float64(v), 1) {
			return c.Max.X
		}
		return toX(float64(v))
	}
	for i := range rows {
		r := &rows[i]
		if i > 0 && rows[i-1].Case != r.Case {
			between := y(-float64(i) + 0.5)
			c.StrokeLine2(draw.LineStyle{Color: darkGrey, Width: 0.4}, c.Min.X, between, c.Max.X, between)
		}
		for _, live := range []bool{true, false} {
			s, middle := r.of(live), y(-float64(i))-offset
			if live {
				middle += 2 * offset
			}
			if s == nil {
				continue
			}
			colour := lookOf(r.System).line.Color
			drawStanding(c, colour, live, x(s.P5), x(s.Low), x(s.Median), x(s.High), x(s.P95), middle)
			if math.IsInf(float64(s.P95), 1) {
				arrow := []vg.Point{{X: c.Max.X - 3, Y: middle + 1.8}, {X: c.Max.X, Y: middle}, {X: c.Max.X - 3, Y: middle - 1.8}}
				c.StrokeLines(draw.LineStyle{Color: colour, Width: 0.8}, arrow)
			}
		}
	}
}

// drawStanding draws a mark with its lines; a median at the edge, among the
// censored, has none.
func drawStanding(c draw.Canvas, colour color.Color, live bool, p5, low, median, high, p95, y vg.Length) {
	c.StrokeLine2(draw.LineStyle{Color: colour, Width: 0.6}, p5, y, p95, y)
	c.StrokeLine2(draw.LineStyle{Color: colour, Width: 1.8}, low, y, high, y)
	if median >= c.Max.X {
		return
	}
	at := vg.Point{X: median, Y: y}
	if !live {
		c.DrawGlyph(draw.GlyphStyle{Color: white, Radius: radius, Shape: draw.CircleGlyph{}}, at)
		c.DrawGlyph(draw.GlyphStyle{Color: colour, Radius: radius, Shape: draw.RingGlyph{}}, at)
		return
	}
	c.DrawGlyph(draw.GlyphStyle{Color: colour, Radius: radius + 0.3, Shape: draw.CircleGlyph{}}, at)
}
