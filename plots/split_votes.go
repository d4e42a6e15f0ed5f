package plots

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"raftzab/results"
)

// splitVotes shows how often an election has a split vote, and how often theory says.
func splitVotes(d *results.Data) (drawing, string, bool) {
	panels := splitPanels(d)
	if len(panels) == 0 {
		return drawing{}, "", false
	}
	var all []panel
	for i := range panels {
		all = append(all, panel{Series: []series{{Mode: panels[i].Mode, System: panels[i].System, N: panels[i].Lines[0].Points[0].N, cell: panels[i].cell}}})
	}
	var c caption
	c.say("Share of elections with a term that ended without a leader, by the delay as a share of the range of election timeouts (150-300 ms is a range of 150 ms), and the number of servers; both logarithmic. A point is a pair of delay and range.")
	c.say("Lines: what theory says (D. Ongaro's dissertation, chapter 9): of the s servers that are left of n, c = s - floor(n/2) + 1 must end their timers within one delay of the first; P = sum over k from c-1 to s of C(s,k) l^k (1-l)^(s-k). Nothing is fitted.")
	c.say("Whiskers: Wilson's 95 %% interval. Where no election had one there is only its upper end.")
	c.systems(all)
	s := common(panels[0].cell)
	c.say("Conditions: %s; constant delay, no fsync, no loss, equal logs, timers that start together.", s.Faults[0].String())
	var texts []string
	for i := range panels {
		texts = append(texts, count(panels[i].Lines[0].Points[0].N)+" a point")
	}
	c.counted(texts)
	c.reservations(d, all)
	return drawSplits(panels), c.String(), true
}

// A splitPanel is one system.
type splitPanel struct {
	Title, Mode, System string
	Lines               []splitLine
	cell                *results.Cell
}

// A splitLine is one number of servers.
type splitLine struct {
	Voters int
	Points []splitPoint // by L
}

// A splitPoint is how often votes were shared out, and what theory says of it.
type splitPoint struct {
	L float64 // delay by range
	portion
	Low, High, Predicted float64
}

// splitPanels are those of a scenario for which theory speaks: it varies delay, range or
// number of servers; the delay is constant, and neither a disk nor loss is in the way.
func splitPanels(d *results.Data) (panels []splitPanel) {
	rows := rowsByCell(d)
	for i := range d.Manifest.Cells {
		c := &d.Manifest.Cells[i]
		s := settingsOf(c)
		delay, ok := strings.CutPrefix(s.Network.Delay, "constant(")
		outside := slices.ContainsFunc(c.Swept, func(x results.Setting) bool {
			return !slices.Contains([]string{"cluster.voters", "network.delay", "raft.election_timeout"}, x.Key)
		})
		low, high, ranged := strings.Cut(plain(s.Raft.ElectionTimeout), "-")
		if !ok || !ranged || outside || len(c.Swept) < 2 || c.Mode == "live" || c.Case != "" || s.Network.Loss > 0 || inMilliseconds(plain(s.Disk.Fsync)) != 0 || len(s.Faults) == 0 || s.Faults[0].Kind != "power-off" {
			return nil
		}
		width := inMilliseconds(high) - inMilliseconds(strings.TrimSuffix(low, " ms")+" ms")
		x := splitPoint{L: inMilliseconds(plain("constant("+delay)) / width}
		for _, t := range rows[c] {
			if t.Outcome != results.Failed && !t.Probed {
				x.add(!(t.SplitRounds == 0)) // one that is still without a leader has had one
			}
		}
		if x.N == 0 {
			continue
		}
		x.Low, x.High, x.Predicted = x.Interval().Low, x.Interval().High, predicted(s.Cluster.Voters, x.L)
		panels = addSplit(panels, c, s.Cluster.Voters, x)
	}
	for i := range panels {
		panels[i].Title = letter(i, len(panels)) + panels[i].Title
		slices.SortFunc(panels[i].Lines, func(a, b splitLine) int { return a.Voters - b.Voters })
		for _, l := range panels[i].Lines {
			slices.SortFunc(l.Points, func(a, b splitPoint) int { return int(math.Copysign(1, a.L-b.L)) })
		}
	}
	return panels
}

func addSplit(panels []splitPanel, c *results.Cell, voters int, x splitPoint) []splitPanel {
	at := slices.IndexFunc(panels, func(p splitPanel) bool { return p.System == c.System })
	if at < 0 {
		at = len(panels)
		panels = append(panels, splitPanel{Title: c.System, Mode: c.Mode, System: c.System, cell: c})
	}
	p := &panels[at]
	line := slices.IndexFunc(p.Lines, func(l splitLine) bool { return l.Voters == voters })
	if line < 0 {
		line = len(p.Lines)
		p.Lines = append(p.Lines, splitLine{Voters: voters})
	}
	p.Lines[line].Points = append(p.Lines[line].Points, x)
	return panels
}

// predicted is the chance of a split vote when the leader of n servers is gone and a message
// takes l of the range of timeouts.
func predicted(n int, l float64) (p float64) {
	if l >= 1 {
		return 1
	}
	s := n - 1
	ways := 1.0 // C(s, k)
	for k := range s + 1 {
		if k >= s-n/2 {
			p += ways * math.Pow(l, float64(k)) * math.Pow(1-l, float64(s-k))
		}
		ways *= float64(s-k) / float64(k+1)
	}
	return p
}

// splitLook tells numbers of servers apart.
func splitLook(i int) look {
	looks := []look{lookOf("zab"), lookOf("raft"), lookOf("hashicorp"), lookOf("zookeeper"), lookOf("etcd")}
	return looks[i%len(looks)]
}

const leastShare = 1e-4 // where the axis begins

func drawSplits(panels []splitPanel) drawing {
	heads := make([]head, len(panels))
	for i, p := range panels {
		heads[i].title = p.Title
	}
	var legend []entry
	for i, l := range panels[0].Lines {
		style := splitLook(i)
		legend = append(legend, entry{fmt.Sprintf("%d servers", l.Voters), 22, func(c draw.Canvas, left, right, y vg.Length) {
			c.StrokeLine2(style.line, left, y, right, y)
			c.DrawGlyph(style.marker, vg.Point{X: (left + right) / 2, Y: y})
		}})
	}
	low, high := 1.0, 1.0
	for _, p := range panels {
		for _, l := range p.Lines {
			low, high = min(low, l.Points[0].L), max(high, l.Points[len(l.Points)-1].L)
		}
	}
	g := gridOf(heads, legend, "delay / range of election timeouts", "elections with a split vote", 2.2*vg.Inch)
	return g.drawing(func(i int) *plot.Plot {
		p := newPanel()
		decades(&p.X, low/1.3, high*1.3)
		decades(&p.Y, leastShare, 1.3)
		p.Add(gridLines(), &panels[i])
		return p
	})
}

// Plot draws what theory says, and the points upon it.
func (p *splitPanel) Plot(c draw.Canvas, pl *plot.Plot) {
	x, y := pl.Transforms(&c)
	place := func(l, share float64) vg.Point {
		return vg.Point{X: x(math.Log10(l)), Y: y(math.Log10(max(share, leastShare)))}
	}
	for i, line := range p.Lines {
		style := splitLook(i)
		style.line.Width = 0.8
		var curve []vg.Point
		for at := pl.X.Min; at <= pl.X.Max; at += (pl.X.Max - pl.X.Min) / 400 {
			if share := predicted(line.Voters, math.Pow(10, at)); share >= leastShare {
				curve = append(curve, place(math.Pow(10, at), share))
			}
		}
		c.StrokeLines(style.line, curve)
		for _, o := range line.Points {
			whisker := draw.LineStyle{Color: style.line.Color, Width: 0.6}
			low, high := place(o.L, o.Low), place(o.L, o.High)
			if o.K == 0 { // nothing is known but that it is below
				c.StrokeLine2(whisker, high.X-2, high.Y, high.X+2, high.Y)
				low.Y = high.Y - 5
			} else {
				c.DrawGlyph(style.marker, place(o.L, o.Share()))
			}
			c.StrokeLine2(whisker, low.X, low.Y, high.X, high.Y)
		}
	}
}
