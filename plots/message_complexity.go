package plots

import (
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"raftzab/results"
)

// messageComplexity shows how many votes and messages an election takes, by the
// number of servers.
func messageComplexity(d *results.Data) (drawing, string, bool) {
	panels := countPanels(d)
	if len(panels) == 0 {
		return drawing{}, "", false
	}
	var c caption
	c.say("Votes cast, changed votes included, and election messages from the fault until a new leader can commit, by the number of servers that vote; logarithmic axes of counts.")
	c.say("Points are medians, whiskers reach from the 5th to the 95th percentile of the trials.")
	c.say("Messages: all that elect and activate, of Raft's empty AppendEntries and of Zab's discovery and synchronisation too; data entries apart, those to oneself and to the dead leader not counted.")
	all := seriesOfCounts(panels)
	c.systems(all)
	c.circumstances(all)
	c.timeouts(all)
	c.say("Elections were measured without probing clients.")
	c.winners(panels)
	c.ofLines(panels)
	c.reservations(d, all)
	return drawCounts(panels), c.String(), true
}

// A countPanel is one measure in one case.
type countPanel struct {
	Title string
	Case  string
	Lines []countLine
}

// A countLine is one system over the numbers of servers.
type countLine struct {
	System string
	Points []countPoint
	cell   *results.Cell
}

// A countPoint is one cell. Shares are of its trials without clients, and of
// those with.
type countPoint struct {
	spot
	OneRound, Best, BestProbed portion
}

const voters = "cluster.voters"

// countPanels sorts the rows of a scenario that varies the number of servers, and
// nothing else, into two panels a case: votes and messages.
func countPanels(d *results.Data) (panels []countPanel) {
	if !sweeps(d, voters) || served(d) || slices.ContainsFunc(d.Manifest.Cells, func(c results.Cell) bool { return c.Mode == "live" }) {
		return nil // live elections have clients
	}
	rows := rowsByCell(d)
	var cases []string
	for i := range d.Manifest.Cells {
		if c := &d.Manifest.Cells[i]; !slices.Contains(cases, c.Case) {
			cases = append(cases, c.Case)
		}
	}
	for _, in := range cases {
		for _, measure := range []struct {
			name string
			of   func(t *results.Trial) results.Number
		}{
			{"votes", func(t *results.Trial) results.Number { return t.Votes }},
			{"messages", func(t *results.Trial) results.Number { return t.Messages }},
		} {
			p := countPanel{Case: in, Title: measure.name}
			for i := range d.Manifest.Cells {
				c := &d.Manifest.Cells[i]
				if point, ok := countPointOf(valueOf(c, voters), rows[c], measure.of); c.Case == in && ok {
					at := slices.IndexFunc(p.Lines, func(l countLine) bool { return l.System == c.System })
					if at < 0 {
						at = len(p.Lines)
						p.Lines = append(p.Lines, countLine{System: c.System, cell: c})
					}
					p.Lines[at].Points = append(p.Lines[at].Points, point)
				}
			}
			if len(p.Lines) > 0 {
				panels = append(panels, p)
			}
		}
	}
	for i := range panels {
		p := &panels[i]
		s := settingsOf(p.Lines[0].cell)
		p.Title = fmt.Sprintf("%s%s, %s", letter(i, len(panels)), p.Title, typical(s.Network.Delay))
		if s.Zab.MinNotification != settingsOf(panels[0].Lines[0].cell).Zab.MinNotification {
			p.Title += ", votes repeated after " + plain(s.Zab.MinNotification)
		}
		slices.SortStableFunc(p.Lines, func(a, b countLine) int { return rank(a.System) - rank(b.System) })
	}
	return panels
}

func countPointOf(x float64, rows []*results.Trial, of func(t *results.Trial) results.Number) (p countPoint, ok bool) {
	var values []float64
	for _, t := range rows {
		if t.Outcome == results.Failed {
			continue
		}
		best := &p.Best
		if t.Probed {
			best = &p.BestProbed
		}
		if there(t.BestLeader) {
			best.add(t.BestLeader == 1)
		}
		if t.Probed {
			continue
		}
		if there(t.Rounds) {
			p.OneRound.add(t.Rounds == 1)
		}
		if v := of(t); there(v) {
			values = append(values, float64(v))
		}
	}
	p.spot, ok = spotOf(x, values)
	return p, ok
}

// winners says how many elections took one round, and whom they elected.
func (c *caption) winners(panels []countPanel) {
	for i := 0; i < len(panels); i += 2 { // votes and messages are of the same trials
		for _, l := range panels[i].Lines {
			if l.System == "etcd" {
				continue
			}
			say := func(of func(p *countPoint) portion) string {
				var parts []string
				for j := range l.Points {
					parts = append(parts, nearlyAll(of(&l.Points[j])))
				}
				if !slices.ContainsFunc(parts, func(x string) bool { return x != "all" }) {
					return "all"
				}
				return strings.Join(parts, ", ")
			}
			_, delay, _ := strings.Cut(panels[i].Title, ", ")
			text := fmt.Sprintf("%s, %s, of elections with %s servers: one round was enough for %s", l.System, delay, strings.Join(xs(&l), ", "), say(func(p *countPoint) portion { return p.OneRound }))
			text += fmt.Sprintf("; the best server won %s", say(func(p *countPoint) portion { return p.Best }))
			if l.Points[0].BestProbed.N > 0 {
				text += fmt.Sprintf(", and where clients write all the while %s", say(func(p *countPoint) portion { return p.BestProbed }))
			}
			c.say("%s.", upper(text))
		}
	}
	c.say("Best: Zab, the greatest (epoch, zxid, myid); Raft, any of those with the most complete log.")
}

// nearlyAll writes a share so that not all is never read as all.
func nearlyAll(p portion) string {
	switch missing := p.N - p.K; {
	case missing == 0:
		return "all"
	case missing <= 10:
		return "all but " + count(missing)
	}
	return fmt.Sprintf("%.2f %%", 100*p.Share())
}

func xs(l *countLine) (texts []string) {
	for _, p := range l.Points {
		texts = append(texts, fmt.Sprint(p.X))
	}
	return texts
}

// ofLines says how many trials stand behind each point.
func (c *caption) ofLines(panels []countPanel) {
	var texts []string
	for _, p := range panels {
		var parts []string
		for _, l := range p.Lines {
			least, most := l.Points[0].N, l.Points[0].N
			for _, x := range l.Points {
				least, most = min(least, x.N), max(most, x.N)
			}
			text := l.System + " " + count(most)
			if least < most {
				text = fmt.Sprintf("%s %s to %s", l.System, count(least), count(most))
			}
			parts = append(parts, text+" a point")
		}
		texts = append(texts, strings.Join(parts, ", "))
	}
	c.counted(texts)
}

// seriesOfCounts returns the panels as captions know them.
func seriesOfCounts(panels []countPanel) (all []panel) {
	for _, p := range panels {
		x := panel{Case: p.Case}
		for _, l := range p.Lines {
			x.Series = append(x.Series, series{Mode: l.cell.Mode, System: l.System, N: l.Points[0].N, cell: l.cell})
		}
		all = append(all, x)
	}
	return all
}

func drawCounts(panels []countPanel) drawing {
	heads := make([]head, len(panels))
	var legend []entry
	var said []string
	low, high := 1.0, 1.0
	var servers []plot.Tick
	for i, p := range panels {
		heads[i].title = p.Title
		for _, l := range p.Lines {
			for _, x := range l.Points {
				high = max(high, x.High)
				if tick := (plot.Tick{Value: x.X, Label: fmt.Sprint(x.X)}); !slices.Contains(servers, tick) {
					servers = append(servers, tick)
				}
			}
			if text := fmt.Sprintf("%s (n = %s a point)", l.System, count(l.Points[0].N)); !slices.Contains(said, text) {
				said = append(said, text)
				style := lookOf(l.System)
				legend = append(legend, entry{text, 22, func(c draw.Canvas, left, right, y vg.Length) {
					c.StrokeLine2(style.line, left, y, right, y)
					c.DrawGlyph(style.marker, vg.Point{X: (left + right) / 2, Y: y})
				}})
			}
		}
	}
	g := gridOf(heads, legend, "servers that vote", "per election", 1.75*vg.Inch)
	return g.drawing(func(i int) *plot.Plot {
		p := newPanel()
		p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = servers[0].Value-0.8, servers[len(servers)-1].Value+0.8, low, high*1.2
		p.Y.Scale = plot.LogScale{}
		p.X.Tick.Marker, p.Y.Tick.Marker = plot.ConstantTicks(servers), plot.ConstantTicks(logTicks(low, high*1.2))
		grid := gridLines()
		grid.Vertical.Color = nil
		p.Add(grid)
		for j := range panels[i].Lines {
			l := &panels[i].Lines[j]
			path := trail{style: lookOf(l.System), shift: vg.Length(j-len(panels[i].Lines)/2) * 3}
			for _, x := range l.Points {
				path.spots = append(path.spots, x.spot)
			}
			p.Add(&path)
		}
		return p
	})
}

// A trail is a curve through medians, with whiskers. It is shifted a little, so
// that whiskers of several stand side by side.
type trail struct {
	style look
	lone  bool // without the curve
	shift vg.Length
	spots []spot
}

func (t *trail) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	line := make([]vg.Point, len(t.spots))
	for i, s := range t.spots {
		line[i] = vg.Point{X: x(s.X) + t.shift, Y: y(s.Median)}
	}
	if !t.lone {
		c.StrokeLines(t.style.line, line)
	}
	whisker := draw.LineStyle{Color: t.style.line.Color, Width: 0.7}
	for i, s := range t.spots {
		const tip = 2
		at, low, high := line[i].X, y(max(s.Low, p.Y.Min)), y(min(s.High, p.Y.Max))
		c.StrokeLine2(whisker, at, low, at, high)
		c.StrokeLine2(whisker, at-tip, low, at+tip, low)
		c.StrokeLine2(whisker, at-tip, high, at+tip, high)
		c.DrawGlyph(t.style.marker, line[i])
	}
}
