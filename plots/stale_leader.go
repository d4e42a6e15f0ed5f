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

// staleLeader shows how long a leader that was cut off stays in office when the
// new one is active already.
func staleLeader(d *results.Data) (drawing, string, bool) {
	panels := stalePanels(d)
	if len(panels) == 0 {
		return drawing{}, "", false
	}
	var c caption
	c.say("From the new leader being active to the deposed one, which was cut off and lives, leaving its office: above 0 there are two leaders at a time, of whom the old one can commit nothing and answers reads. Below 0 it had left before.")
	c.say("Marks are the 5th, 10th, ... 95th percentiles of the trials, the large one is the median; where marks lie in groups, so do the trials.")
	c.say("Grey lines: a tick, and half a tick, less the median time from the first follower leaving the old leader to the new one being active.")
	var all []panel
	for i := range panels {
		x := panel{}
		for _, l := range panels[i].Lines {
			x.Series = append(x.Series, series{Mode: l.cell.Mode, System: l.cell.System, N: l.Points[0].N, cell: l.cell})
		}
		all = append(all, x)
	}
	c.systems(all)
	s := settingsOf(panels[0].Lines[0].cell)
	c.say("Conditions: the leader is cut off from the others and stays so; %d servers; one-way delay %s; fsync %s; finalizeWait %s; Raft's heartbeat is half the least election timeout.",
		s.Cluster.Voters, plain(s.Network.Delay), plain(s.Disk.Fsync), plain(s.Zab.FinalizeWait))
	c.say("Idle: nobody writes. Writes: each server has a client of its own that writes every %s, and goes on at the deposed leader.", plain(s.Probe.Interval))
	c.overlaps(panels)
	var texts []string
	for i := range panels {
		texts = append(texts, count(panels[i].Lines[0].Points[0].N)+" a point")
	}
	c.counted(texts)
	c.reservations(d, all)
	return drawStale(panels), c.String(), true
}

// A stalePanel is one system, idle or with clients that write.
type stalePanel struct {
	Title  string
	System string
	Lines  []staleLine
}

// A staleLine is one value of the other key: syncLimit, or CheckQuorum.
type staleLine struct {
	Label  string
	Points []stalePoint
	cell   *results.Cell
}

// A stalePoint is one cell.
type stalePoint struct {
	X         float64 // tick, or mean election timeout, in ms
	N         int
	InOffice  int       // trials that ended with the deposed leader in office
	Both      portion   // trials with two leaders at a time, those among them
	Quantiles []float64 // of the overlap: 5 %, 10 %, ... 95 %; none where most are in office
	Most      float64
	Stay      float64 // the longest that it stayed when the first follower had left, where it did leave
	Change    float64 // median of vote and activation
}

// staleKeys are what the scenario sweeps; the first two are Zab's.
var staleKeys = []string{"zab.tick", "zab.sync_limit", "raft.election_timeout", "raft.check_quorum"}

// staleSystems says over which key each system is drawn, and what its lines are.
var staleSystems = []struct {
	system, x, line string
	label           func(value string) string
}{
	{"zab", "zab.tick", "zab.sync_limit", func(limit string) string { return "syncLimit " + limit }},
	{"raft", "raft.election_timeout", "raft.check_quorum", func(on string) string {
		if on == "true" {
			return "CheckQuorum"
		}
		return "without CheckQuorum"
	}},
}

// stalePanels sorts the rows of a scenario that measures overlap_ms into two
// panels a system: idle, and with clients that write.
func stalePanels(d *results.Data) (panels []stalePanel) {
	if !sweeps(d, staleKeys...) {
		return nil
	}
	rows := rowsByCell(d)
	for _, probed := range []bool{false, true} {
		for _, of := range staleSystems {
			p := stalePanel{System: of.system, Title: of.system + ", idle"}
			if probed {
				p.Title = of.system + ", writes"
			}
			for i := range d.Manifest.Cells {
				c := &d.Manifest.Cells[i]
				if x, ok := stalePointOf(valueOf(c, of.x), rows[c], probed); c.System == of.system && ok {
					p.add(of.label(textOf(c, of.line)), c, x)
				}
			}
			if len(p.Lines) > 0 {
				panels = append(panels, p)
			}
		}
	}
	for i := range panels {
		panels[i].Title = letter(i, len(panels)) + panels[i].Title
	}
	return panels
}

// add puts a point at the end of its line.
func (p *stalePanel) add(label string, c *results.Cell, x stalePoint) {
	at := slices.IndexFunc(p.Lines, func(l staleLine) bool { return l.Label == label })
	if at < 0 {
		at = len(p.Lines)
		p.Lines = append(p.Lines, staleLine{Label: label, cell: c})
	}
	p.Lines[at].Points = append(p.Lines[at].Points, x)
}

// stalePointOf measures the trials of a cell with or without clients. One that
// ended with the deposed leader in office counts as longer than all others.
func stalePointOf(x float64, rows []*results.Trial, probed bool) (p stalePoint, ok bool) {
	var values, change []float64
	p.X = x
	for _, t := range rows {
		if t.Probed != probed || t.Outcome == results.Failed || !there(t.ElectMS) {
			continue
		}
		took := float64(t.VoteMS + t.ActivateMS)
		switch {
		case there(t.OverlapMS):
			values = append(values, float64(t.OverlapMS))
			p.Most, p.Stay = max(p.Most, float64(t.OverlapMS)), max(p.Stay, float64(t.OverlapMS)+took)
		case t.Outcome == results.Censored:
			values = append(values, math.Inf(1))
			p.InOffice++
		default:
			continue
		}
		p.Both.add(values[len(values)-1] > 0)
		if !math.IsNaN(took) {
			change = append(change, took)
		}
	}
	s := metric.NewSample(values)
	if p.N = len(s); p.N == 0 || len(change) == 0 {
		return p, false
	}
	p.Change = metric.NewSample(change).Median()
	for i := 1; i < quantiles; i++ {
		if q := s.Quantile(float64(i) / quantiles); !math.IsInf(q, 1) {
			p.Quantiles = append(p.Quantiles, q)
		}
	}
	return p, true
}

// quantiles is how many parts the marks cut the trials into.
const quantiles = 20

// overlaps says the figure in numbers.
func (c *caption) overlaps(panels []stalePanel) {
	for i, p := range panels {
		for j, l := range p.Lines {
			if j > 0 && p.System == "zab" && slices.EqualFunc(l.Points, p.Lines[0].Points, func(a, b stalePoint) bool { return slices.Equal(a.Quantiles, b.Quantiles) }) {
				c.say("%s%s has the same percentiles as %s, each of them.", letter(i, len(panels)), l.Label, p.Lines[0].Label)
				continue
			}
			if !slices.ContainsFunc(l.Points, func(x stalePoint) bool { return x.InOffice < x.N }) {
				c.say("%s%s: the deposed leader was in office to the end of every trial.", letter(i, len(panels)), l.Label)
				continue
			}
			var parts []string
			for _, x := range l.Points {
				switch {
				case x.InOffice > 0:
					parts = append(parts, fmt.Sprintf("%g ms %s, %s in office when the trial ended", x.X, x.Both, count(x.InOffice)))
				case x.Both.K == 0:
					parts = append(parts, fmt.Sprintf("%g ms %s", x.X, x.Both))
				default:
					parts = append(parts, fmt.Sprintf("%g ms %s, for %.0f ms at most", x.X, x.Both, x.Most))
				}
			}
			c.say("%s%s, two leaders at a time: %s.", letter(i, len(panels)), l.Label, strings.Join(parts, "; "))
		}
	}
	var ticks []string
	for _, x := range panels[0].Lines[0].Points {
		ticks = append(ticks, fmt.Sprintf("%.0f", x.Stay))
	}
	if panels[0].System == "zab" {
		c.say("When the first follower had left, an idle leader stayed for %s ms at most.", strings.Join(ticks, ", "))
	}
}

// textOf is what a cell gives a swept key, as text.
func textOf(c *results.Cell, key string) string {
	i := slices.IndexFunc(c.Swept, func(s results.Setting) bool { return s.Key == key })
	if i < 0 {
		return ""
	}
	return c.Swept[i].Value
}

func drawStale(panels []stalePanel) drawing {
	heads := make([]head, len(panels))
	low, high := 0.0, 0.0
	xs := [2]float64{math.Inf(1), 0}
	var labels []string
	var legend []entry
	for i, p := range panels {
		heads[i].title = p.Title
		for j, l := range p.Lines {
			for _, x := range l.Points {
				xs[0], xs[1] = min(xs[0], x.X), max(xs[1], x.X)
				for _, q := range x.Quantiles {
					low, high = min(low, q), max(high, q)
				}
			}
			if slices.Contains(labels, p.System+l.Label) {
				continue
			}
			labels = append(labels, p.System+l.Label)
			style := staleLook(p.System, j)
			legend = append(legend, entry{fmt.Sprintf("%s, %s (n = %s a point)", p.System, l.Label, count(l.Points[0].N)), 8, func(c draw.Canvas, left, right, y vg.Length) {
				c.DrawGlyph(style, vg.Point{X: (left + right) / 2, Y: y})
			}})
		}
	}
	top, bottom := high+0.16*(high-low), low-0.05*(high-low)
	left, right := xs[0]/1.4, xs[1]*1.4
	g := gridOf(heads, legend, "Zab's tick, or the mean of Raft's election timeout (ms)", "overlap (ms)", 1.9*vg.Inch)
	return g.drawing(func(i int) *plot.Plot {
		p := newPanel()
		p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = left, right, bottom, top
		p.X.Scale = plot.LogScale{}
		p.X.Tick.Marker = plot.ConstantTicks(logTicks(left, right))
		p.Y.Tick.Marker = plot.ConstantTicks(evenTicks(bottom, top))
		p.Add(gridLines(), &panels[i])
		return p
	})
}

// evenTicks marks a linear axis at some four round numbers, 0 among them.
func evenTicks(low, high float64) (ticks []plot.Tick) {
	for _, t := range roundTicks(max(high, -low)) {
		if t.Value <= high {
			ticks = append(ticks, t)
		}
		if t.Value > 0 && -t.Value >= low {
			ticks = append(ticks, plot.Tick{Value: -t.Value, Label: "-" + t.Label})
		}
	}
	return ticks
}

// staleLook tells the lines of a system apart.
func staleLook(system string, line int) draw.GlyphStyle {
	style := lookOf(system).marker
	if line > 0 {
		style.Shape = draw.TriangleGlyph{}
		if style.Color = black; system == "raft" {
			style.Color = bluishGreen
		}
	}
	return style
}

// Plot draws the marks, and the lines of theory behind them.
func (p *stalePanel) Plot(c draw.Canvas, pl *plot.Plot) {
	x, y := pl.Transforms(&c)
	c.StrokeLine2(draw.LineStyle{Color: darkGrey, Width: 0.6}, c.Min.X, y(0), c.Max.X, y(0))
	if p.System == "zab" {
		for _, share := range []float64{1, 0.5} {
			var line []vg.Point
			from, to := pl.X.Min, pl.X.Max
			for t := from; t <= to; t *= 1.02 {
				if v := share*t - p.Lines[0].Points[0].Change; v >= pl.Y.Min && v <= pl.Y.Max {
					line = append(line, vg.Point{X: x(t), Y: y(v)})
				}
			}
			c.StrokeLines(draw.LineStyle{Color: darkGrey, Width: 0.7, Dashes: []vg.Length{2, 2}}, line)
		}
	}
	for j, l := range p.Lines {
		style := staleLook(p.System, j)
		shift := 5*vg.Length(j) - 2.5*vg.Length(len(p.Lines)-1)
		for _, at := range l.Points {
			if at.InOffice == at.N {
				c.DrawGlyph(style, vg.Point{X: x(at.X) + shift, Y: c.Max.Y - 4})
				note := textStyle(small, black, -0.5, -1)
				c.FillText(note, vg.Point{X: x(at.X) + shift, Y: c.Max.Y - 7}, "never left")
				continue
			}
			small := style
			small.Radius = 0.8
			for i, q := range at.Quantiles {
				if i == quantiles/2-1 {
					c.DrawGlyph(style, vg.Point{X: x(at.X) + shift, Y: y(q)})
				} else {
					c.DrawGlyph(small, vg.Point{X: x(at.X) + shift, Y: y(q)})
				}
			}
		}
	}
}
