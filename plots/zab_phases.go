package plots

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"raftzab/bench/metric"
	"raftzab/results"
)

// zabPhases sets the phases of our simulated Zab beside those of a real
// ZooKeeper, and says by what steps they differ.
func zabPhases(d *results.Data) (drawing, string, bool) {
	rows := phaseRows(d)
	if len(rows) == 0 {
		return drawing{}, "", false
	}
	var c caption
	c.say("Phases of an election after a crash of the leader, simulated and in a real ensemble: detect, until the first server is looking; vote, until somebody has won; activate, until the winner can commit.")
	c.say("Dots are medians with bootstrap 95 %% intervals (thick), thin lines reach from the 5th to the 95th percentile.")
	c.say("A vote is unheard if the new leader's vote came to a server which had not given the old one up: it is answered, not counted, and repeated after 200 ms. The port is closed if a learner dialled the new leader before that listened: it dials again after 100 ms.")
	all := panel{}
	for _, r := range rows[:2] {
		all.Series = append(all.Series, series{Mode: r.cell.Mode, System: r.System, N: r.N, cell: r.cell})
	}
	panels := []panel{all}
	c.conditions(d, panels, func(bool) string {
		return "Simulated elections were measured without probing clients, live ones with them"
	})
	c.apart(rows)
	c.reservations(d, panels)
	return drawPhaseRows(rows), c.String(), true
}

// A phaseRow is one phase of one system, in all trials or in some.
type phaseRow struct {
	Phase, System, Group string // Group: which trials; empty: all
	N                    int
	Of                   int // trials of all groups
	Median               float64
	Low, High            float64 // 95 % interval of the median; equal to it below 6 trials
	P5, P95              float64
	cell                 *results.Cell
}

// zabPhasesOf are the phases, and into which groups the trials fall by what
// hindered them.
var zabPhasesOf = []struct {
	name   string
	of     func(t *results.Trial) results.Number
	by     func(t *results.Trial) results.Number
	groups [2]string // without, with
}{
	{"detect", func(t *results.Trial) results.Number { return t.DetectMS }, nil, [2]string{}},
	{"vote", func(t *results.Trial) results.Number { return t.VoteMS }, func(t *results.Trial) results.Number { return t.VotesUnheard }, [2]string{"vote heard", "vote unheard"}},
	{"activate", func(t *results.Trial) results.Number { return t.ActivateMS }, func(t *results.Trial) results.Number { return t.ConnectRetries }, [2]string{"port open", "port closed"}},
	{"elect", func(t *results.Trial) results.Number { return t.ElectMS }, nil, [2]string{}},
}

// phaseRows sorts the rows of a scenario in which Zab runs simulated and live,
// and which counts hindrances; in pairs, simulated before live.
func phaseRows(d *results.Data) (rows []phaseRow) {
	var cells []*results.Cell
	for i := range d.Manifest.Cells {
		if c := &d.Manifest.Cells[i]; (c.System == "zab" && c.Mode == "sim" || c.System == "zookeeper" && c.Mode == "live") && len(c.Swept) == 0 {
			cells = append(cells, c)
		}
	}
	slices.SortStableFunc(cells, func(a, b *results.Cell) int { return rank(a.System) - rank(b.System) })
	if len(cells) != 2 || cells[0].System == cells[1].System {
		return nil
	}
	trials, elects := rowsByCell(d), Electing(d)
	for _, phase := range zabPhasesOf {
		groups := []string{""}
		if phase.by != nil {
			groups = append(groups, phase.groups[:]...)
		}
		for _, group := range groups {
			for _, c := range cells {
				r := phaseRow{Phase: phase.name, System: c.System, Group: group, cell: c}
				var values []float64
				for _, t := range trials[c] {
					if !elects(t) || t.Outcome == results.Failed || !there(phase.of(t)) || !there(t.ConnectRetries) {
						continue
					}
					r.Of++
					if group == "" || group == phase.groups[min(1, int(phase.by(t)))] {
						values = append(values, float64(phase.of(t)))
					}
				}
				if r.measure(values, d.Manifest.Seed) {
					rows = append(rows, r)
				} else if group == "" {
					return nil
				}
			}
		}
	}
	return rows
}

func (r *phaseRow) measure(values []float64, seed uint64) bool {
	const leastForInterval = 6
	s := metric.NewSample(values)
	if r.N = len(s); r.N == 0 {
		return false
	}
	r.Median, r.P5, r.P95 = s.Median(), s.Quantile(0.05), s.Quantile(0.95)
	r.Low, r.High = r.Median, r.Median
	if r.N >= leastForInterval {
		i := s.MedianInterval(0.95, seed)
		r.Low, r.High = i.Low, i.High
	}
	return true
}

// apart says by how much the medians differ, and how often each step was taken.
func (c *caption) apart(rows []phaseRow) {
	find := func(phase, system, group string) *phaseRow {
		for i := range rows {
			if r := &rows[i]; r.Phase == phase && r.System == system && r.Group == group {
				return r
			}
		}
		return nil
	}
	var parts []string
	for _, phase := range zabPhasesOf {
		a, b := find(phase.name, "zab", ""), find(phase.name, "zookeeper", "")
		parts = append(parts, fmt.Sprintf("%s %s and %s (%s)", phase.name, inMS(a.Median), inMS(b.Median), times(b.Median, a.Median)))
	}
	c.say("Medians, simulated and live: %s.", strings.Join(parts, "; "))
	for _, phase := range zabPhasesOf {
		if phase.by == nil {
			continue
		}
		var parts []string
		for _, system := range []string{"zab", "zookeeper"} {
			without, with := find(phase.name, system, phase.groups[0]), find(phase.name, system, phase.groups[1])
			p := portion{N: find(phase.name, system, "").N}
			if with != nil {
				p.K = with.N
			}
			text := fmt.Sprintf("%s %s", system, p)
			if with != nil && without != nil {
				text += fmt.Sprintf(" (median %s, else %s)", inMS(with.Median), inMS(without.Median))
			}
			parts = append(parts, text)
		}
		c.say("%s: %s.", upper(phase.groups[1]), strings.Join(parts, "; "))
	}
	c.say("What else the live ensemble needs is the work of its processes, of which the simulation knows nothing: it has the tick, finalizeWait, the delays and the fsync, and its computing takes no time.")
}

// times writes how a compares with b.
func times(a, b float64) string {
	switch {
	case b <= 0:
		return "-"
	case a/b >= 1000:
		return "more than 1,000 times"
	case a/b >= 2:
		return fmt.Sprintf("%.3g times", a/b)
	}
	return fmt.Sprintf("%+.0f %%", 100*(a/b-1))
}

// inMS writes milliseconds with digits enough.
func inMS(x float64) string {
	if x < 1 {
		return fmt.Sprintf("%.3f ms", x)
	}
	return fmt.Sprintf("%.1f ms", x)
}

func (r *phaseRow) label() string {
	name := r.System
	if r.cell.Mode == "live" {
		name = "live " + name
	}
	if r.Group != "" {
		return r.Group + ": " + name
	}
	return r.Phase + ": " + name
}

func (r *phaseRow) text() string {
	n := "n = " + count(r.N)
	if r.N < r.Of {
		n += " of " + count(r.Of)
	}
	if inMS(r.Low) == inMS(r.High) {
		return fmt.Sprintf("%s (%s)", inMS(r.Median), n)
	}
	return fmt.Sprintf("%s [%.1f, %.1f] (%s)", inMS(r.Median), r.Low, r.High, n)
}

type phaseTable []phaseRow

func drawPhaseRows(rows []phaseRow) drawing {
	var names, numbers vg.Length
	longest := 0.0
	for i := range rows {
		names, numbers = max(names, barStyle.Width(rows[i].label())), max(numbers, barStyle.Width(rows[i].text()))
		longest = max(longest, rows[i].P95, rows[i].High)
	}
	g := gridOf([]head{{title: "Zab, simulated, and ZooKeeper, live"}}, nil, "time (ms)", "", vg.Length(len(rows))*barSpace+axisHeight)
	g.width = twoColumn
	high := longest / float64(1-(numbers+12)/(g.tileWidth()-names-8))
	return g.drawing(func(int) *plot.Plot {
		p := newPanel()
		p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = -0.01*high, high, -float64(len(rows))+0.5, 0.5
		p.X.Tick.Marker = plot.ConstantTicks(roundTicks(longest))
		var names []plot.Tick
		for i := range rows {
			names = append(names, plot.Tick{Value: -float64(i), Label: rows[i].label()})
		}
		p.Y.Tick.Marker, p.Y.Tick.Length, p.Y.LineStyle.Width = plot.ConstantTicks(names), 0, 0
		grid := gridLines()
		grid.Horizontal.Color = nil
		p.Add(grid, phaseTable(rows))
		return p
	})
}

// Plot draws the rows from top to bottom, with a line between phases.
func (rows phaseTable) Plot(c draw.Canvas, pl *plot.Plot) {
	x, y := pl.Transforms(&c)
	for i := range rows {
		r := &rows[i]
		style, middle := lookOf(r.System), y(-float64(i))
		if i > 0 && rows[i-1].Phase != r.Phase {
			between := y(-float64(i) + 0.5)
			c.StrokeLine2(draw.LineStyle{Color: lightGrey, Width: 0.5}, c.Min.X, between, c.Max.X, between)
		}
		if x(r.P95)-x(r.P5) > 2*style.marker.Radius {
			drawWhisker(c, draw.LineStyle{Color: style.line.Color, Width: 0.6}, x(r.P5), x(r.P95), middle)
		}
		c.StrokeLine2(draw.LineStyle{Color: style.line.Color, Width: 2}, x(r.Low), middle, x(r.High), middle)
		style.marker.Radius = 2.2
		c.DrawGlyph(style.marker, vg.Point{X: x(r.Median), Y: middle})
		c.FillText(barStyle, vg.Point{X: x(math.Max(r.P95, r.High)) + 6, Y: middle + 1}, r.text())
	}
}
