package plots

import (
	"fmt"
	"image/color"
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"raftzab/bench/metric"
	"raftzab/results"
)

// electionPhases shows where the time of an election goes: to noticing, to
// voting, to being able to commit. Means, since these add up.
func electionPhases(d *results.Data) (drawing, string, bool) {
	panels := latencyPanels(d)
	bars := phasePanels(panels, d.Manifest.Seed)
	if len(bars) == 0 {
		return drawing{}, "", false
	}
	var c caption
	c.say("Mean time from %s to a new leader that can commit new writes, by phase: detect, until the first server gives the leader up; "+
		"vote, until somebody has won; activate, until the winner can commit.", origin(d))
	c.say("Whiskers are 95 %% bootstrap intervals of the mean of the whole.")
	c.conditions(d, panels, electionsOf(d, "phases"))
	c.bars(bars)
	c.reservations(d, panels)
	return drawPhases(bars), c.String(), true
}

// bars says how much stands behind each bar; panels with the same numbers share
// a sentence.
func (c *caption) bars(bars []phasePanel) {
	texts := make([]string, len(bars))
	for i, p := range bars {
		var parts []string
		for _, b := range p.Bars {
			part := b.Label + " " + count(b.N)
			if b.Without > 0 {
				part += fmt.Sprintf(" (and %s that were censored or lack a phase, left out)", count(b.Without))
			}
			parts = append(parts, part)
		}
		texts[i] = strings.Join(parts, ", ")
	}
	c.counted(texts)
}

// A bar is one system's phases, in milliseconds.
type bar struct {
	Label, System          string
	N                      int // trials with all three phases
	Without                int // trials that have an election time, or were censored, and lack a phase
	Detect, Vote, Activate float64
	Total                  float64
	Low, High              float64 // 95 % interval of Total
}

type phasePanel struct {
	Title string
	Bars  []bar
	Notes []string
}

func phasePanels(panels []panel, seed uint64) (all []phasePanel) {
	some := false
	for i := range panels {
		p := phasePanel{Title: panels[i].title(i, len(panels))}
		for j := range panels[i].Series {
			b := barOf(&panels[i].Series[j], seed)
			if b.N == 0 {
				p.Notes = append(p.Notes, b.Label+": phases unknown")
				continue
			}
			p.Bars, some = append(p.Bars, b), true
		}
		for _, a := range panels[i].Absent {
			p.Notes = append(p.Notes, a.String())
		}
		all = append(all, p)
	}
	if !some {
		return nil
	}
	return all
}

func barOf(s *series, seed uint64) bar {
	b := bar{Label: s.label(), System: s.System}
	var totals []float64
	for _, t := range s.rows {
		total := float64(t.DetectMS + t.VoteMS + t.ActivateMS)
		if math.IsNaN(total) {
			b.Without++
			continue
		}
		b.Detect += float64(t.DetectMS)
		b.Vote += float64(t.VoteMS)
		b.Activate += float64(t.ActivateMS)
		totals = append(totals, total)
	}
	if b.N = len(totals); b.N == 0 {
		return b
	}
	for _, phase := range []*float64{&b.Detect, &b.Vote, &b.Activate} {
		*phase /= float64(b.N)
	}
	b.Total = b.Detect + b.Vote + b.Activate
	interval := metric.NewSample(totals).MeanInterval(0.95, seed)
	b.Low, b.High = interval.Low, interval.High
	return b
}

// phases are light, middle and dark, so that a grey print is enough.
var phases = []struct {
	name string
	fill color.Color
}{
	{"detect", lightGrey},
	{"vote", orange},
	{"activate", darkGrey},
}

const barSpace = 13 // points from bar to bar

func drawPhases(panels []phasePanel) drawing {
	lines, heads := 0, make([]head, len(panels))
	var names, numbers, right vg.Length
	for i, p := range panels {
		lines, heads[i] = max(lines, len(p.Bars)), head{p.Title, p.Notes}
		for _, b := range p.Bars {
			names = max(names, barStyle.Width(b.Label))
			numbers = max(numbers, barStyle.Width(b.number()))
			right = max(right, vg.Length(max(b.High, b.Total)))
		}
	}
	var legend []entry
	for _, phase := range phases {
		legend = append(legend, entry{phase.name, 8, func(c draw.Canvas, left, right, y vg.Length) {
			fillBox(c, phase.fill, left, right, y-3, y+3)
		}})
	}
	g := gridOf(heads, legend, "mean time since the fault (ms)", "", vg.Length(lines)*barSpace+axisHeight)
	// The numbers stand right of the bars, so the axis goes on.
	high := float64(right / (1 - (numbers+8)/(g.tileWidth()-names-8)))
	return g.drawing(func(i int) *plot.Plot {
		p := newPanel()
		p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, high, -float64(lines)+0.5, 0.5
		p.X.Tick.Marker = plot.ConstantTicks(roundTicks(high))
		var names []plot.Tick
		for j, b := range panels[i].Bars {
			names = append(names, plot.Tick{Value: -float64(j), Label: b.Label})
		}
		p.Y.Tick.Marker, p.Y.Tick.Length, p.Y.LineStyle.Width = plot.ConstantTicks(names), 0, 0
		grid := gridLines()
		grid.Horizontal.Color = nil
		p.Add(grid, &panels[i])
		return p
	})
}

var barStyle = textStyle(small, black, text.XLeft, text.YCenter)

// number is what stands right of a bar.
func (b *bar) number() string { return fmt.Sprintf("%.0f ms (n = %s)", b.Total, count(b.N)) }

// Plot draws the bars from top to bottom.
func (p *phasePanel) Plot(c draw.Canvas, pl *plot.Plot) {
	x, y := pl.Transforms(&c)
	const half = vg.Length(4)
	for i, b := range p.Bars {
		middle, from := y(-float64(i)), 0.0
		for j, value := range []float64{b.Detect, b.Vote, b.Activate} {
			fillBox(c, phases[j].fill, x(from), x(from+value), middle-half, middle+half)
			from += value
		}
		// White around black is seen on dark and on light.
		drawWhisker(c, draw.LineStyle{Color: white, Width: 1.8}, x(b.Low), x(b.High), middle)
		drawWhisker(c, draw.LineStyle{Color: black, Width: 0.6}, x(b.Low), x(b.High), middle)
		c.FillText(barStyle, vg.Point{X: x(max(b.High, b.Total)) + 4, Y: middle + 1}, b.number())
	}
}

func drawWhisker(c draw.Canvas, style draw.LineStyle, low, high, y vg.Length) {
	const tip = 2
	c.StrokeLine2(style, low, y, high, y)
	c.StrokeLine2(style, low, y-tip, low, y+tip)
	c.StrokeLine2(style, high, y-tip, high, y+tip)
}

func fillBox(c draw.Canvas, fill color.Color, left, right, bottom, top vg.Length) {
	c.FillPolygon(fill, []vg.Point{{X: left, Y: bottom}, {X: right, Y: bottom}, {X: right, Y: top}, {X: left, Y: top}})
}

// tickText writes what stands beside a tick.
func tickText(v float64) string {
	if v >= 10000 {
		return count(int(v))
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

// roundTicks marks a linear axis from 0 at some four round numbers.
func roundTicks(high float64) (ticks []plot.Tick) {
	step := math.Pow(10, math.Floor(math.Log10(high/4)))
	for _, factor := range []float64{5, 2.5, 2} {
		if high/4 >= factor*step {
			step *= factor
			break
		}
	}
	for v := 0.0; v <= high; v += step {
		ticks = append(ticks, plot.Tick{Value: v, Label: tickText(math.Round(v*1e6) / 1e6)})
	}
	return ticks
}
