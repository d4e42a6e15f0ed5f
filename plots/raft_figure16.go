package plots

import (
	"fmt"
	"image/color"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"raftzab/bench/metric"
	"raftzab/results"
)

// raftFigure16 sets our Raft beside the Raft paper's figure 16: how long it takes
// to replace a crashed leader, by election timeout.
func raftFigure16(d *results.Data) (drawing, string, bool) {
	panels := timeoutPanels(d)
	if len(panels) == 0 {
		return drawing{}, "", false
	}
	var c caption
	c.say("Time from the leader's end until the last of the other servers has the new leader's first heartbeat: empirical distribution functions, logarithmic time.")
	c.say("As in figure 16 of the Raft paper (extended version), one panel varies the randomness of the election timeout and one scales it.")
	c.say("Rings are the published quantiles of three curves (p10, p25, p50, p75, p90, p95, p99; D. Ongaro's dissertation, CC BY 4.0).")
	c.experiment(panels)
	c.systems(seriesOf(panels))
	c.distances(panels)
	c.censored(panels)
	c.reservations(d, seriesOf(panels))
	return drawTimeouts(panels), c.String(), true
}

// experiment says what every curve shares: what happens, and on what hardware.
func (c *caption) experiment(panels []timeoutPanel) {
	s := &panels[0].Curves[0].settings
	if len(s.Faults) > 0 && faults[s.Faults[0].Kind] != "" {
		c.say("In each trial "+faults[s.Faults[0].Kind]+".", target(s.Faults[0].Target))
		if s.Faults[0].Phase == "heartbeat" {
			c.say("That comes uniformly within the heartbeat interval, which begins with heartbeats to all servers at once%s.", half(panels))
		}
	}
	if s.Cluster.Behind > 0 {
		c.say("%d of the %d servers that are left lack the last entry and cannot win.", s.Cluster.Behind, s.Cluster.Voters-1)
	}
	profile := []string{"one-way delay " + plain(s.Network.Delay), "fsync " + plain(s.Disk.Fsync)}
	if late := plain(s.CPU.Timer); late != "" && late != "0 ms" {
		profile = append(profile, "timers late by "+late)
	}
	c.say("One hardware profile for all curves, fitted on the three with rings: %s.", strings.Join(profile, "; "))
}

// half says whether every heartbeat interval is half the least timeout, as in the
// paper.
func half(panels []timeoutPanel) string {
	for _, p := range panels {
		for _, c := range p.Curves {
			if h, err := time.ParseDuration(c.settings.Raft.Heartbeat); err != nil || 2*h != time.Duration(c.timeouts[0]*float64(time.Millisecond)) {
				return ""
			}
		}
	}
	return " and is half the least timeout"
}

// distances says how far from the published curves ours are.
func (c *caption) distances(panels []timeoutPanel) {
	var parts []string
	for _, t := range tableOf(panels) {
		parts = append(parts, fmt.Sprintf("%s %s %.1f %%", t.System, plain(t.Published.ElectionTimeout), 100*t.Mean))
	}
	if len(parts) > 0 {
		c.say("Mean relative distance of our quantiles from the published: %s.", strings.Join(parts, ", "))
	}
}

// censored says which curves end below 1, and why.
func (c *caption) censored(panels []timeoutPanel) {
	var parts []string
	limit := ""
	for _, p := range panels {
		for _, x := range p.Curves {
			part := fmt.Sprintf("%s of %s of %s %s", count(x.Censored), count(x.N), x.System, x.Label)
			if x.Censored > 0 && !slices.Contains(parts, part) {
				parts, limit = append(parts, part), plain(x.settings.Limit)
			}
		}
	}
	if len(parts) > 0 {
		c.say("Censored, without a new leader when the trial ended after %s of virtual time: %s; they stay in n, so such a curve ends below 1.", limit, strings.Join(parts, ", "))
	}
}

// A timeoutPanel holds the curves of one system that differ in one respect.
type timeoutPanel struct {
	Title  string
	Curves []timeoutCurve
}

// A timeoutCurve is the distribution with one range of election timeouts.
type timeoutCurve struct {
	curve
	Published *Published `json:",omitempty"` // nil: not known

	timeouts [2]float64 // ms
	look     look
	settings settings
	series   series
}

// electionTimeout is the key that figure 16 sweeps.
const electionTimeout = "raft.election_timeout"

// timeoutPanels sorts the rows of a scenario that sweeps the election timeout,
// and nothing else, into two panels a system: the ranges from the most frequent
// least timeout on, and the ranges of T to 2T.
func timeoutPanels(d *results.Data) (panels []timeoutPanel) {
	var curves []timeoutCurve
	for i := range d.Manifest.Cells {
		c := timeoutCurve{settings: settingsOf(&d.Manifest.Cells[i]), series: series{cell: &d.Manifest.Cells[i]}}
		if c.measure(d) {
			curves = append(curves, c)
		}
	}
	published := Figure16()
	for i := range curves {
		c := &curves[i]
		if j := slices.IndexFunc(published, func(p Published) bool { return p.ElectionTimeout == c.series.cell.Swept[0].Value }); j >= 0 {
			c.Published = &published[j]
		}
	}
	for _, system := range systems {
		ours := slices.DeleteFunc(slices.Clone(curves), func(c timeoutCurve) bool { return c.System != system })
		if len(ours) == 0 {
			continue
		}
		slices.SortStableFunc(ours, func(a, b timeoutCurve) int { return slices.Compare(a.timeouts[:], b.timeouts[:]) })
		for i := range ours {
			ours[i].look = timeoutLook(i)
		}
		least := mostFrequent(ours)
		panels = append(panels,
			timeoutPanel{system + ": the randomness varied", slices.DeleteFunc(slices.Clone(ours), func(c timeoutCurve) bool { return c.timeouts[0] != least })},
			timeoutPanel{system + ": the timeouts scaled", slices.DeleteFunc(slices.Clone(ours), func(c timeoutCurve) bool { return c.timeouts[1] != 2*c.timeouts[0] })})
	}
	panels = slices.DeleteFunc(panels, func(p timeoutPanel) bool { return len(p.Curves) == 0 })
	for i := range panels {
		panels[i].Title = letter(i, len(panels)) + panels[i].Title
	}
	return panels
}

// measure takes in the rows of the curve's cell, and reports whether it is one of
// figure 16.
func (c *timeoutCurve) measure(d *results.Data) bool {
	cell := c.series.cell
	if len(cell.Swept) != 1 || cell.Swept[0].Key != electionTimeout || cell.Mode != "sim" || cell.Case != "" {
		return false
	}
	low, high, _ := strings.Cut(plain(cell.Swept[0].Value), "-")
	if high == "" {
		high = low
	}
	for i, text := range []string{low, high} {
		x, err := strconv.ParseFloat(strings.TrimSuffix(text, " ms"), 64)
		if err != nil {
			return false
		}
		c.timeouts[i] = x
	}
	var values []float64
	some := false
	for i := range d.Trials {
		t := &d.Trials[i]
		if t.Mode != cell.Mode || t.System != cell.System || t.Swept[0].Value != cell.Swept[0].Value || t.Probed {
			continue
		}
		switch x := float64(t.PaperMS); {
		case t.Outcome == results.Failed:
			c.series.Failed++
		case !math.IsNaN(x):
			values, some = append(values, x), true
		case t.Outcome == results.Censored:
			values, some = append(values, math.Inf(1)), true
		}
	}
	s := &c.series
	s.Mode, s.System, s.sample = cell.Mode, cell.System, metric.NewSample(values)
	s.N, s.Censored = len(s.sample), s.sample.Censored()
	c.curve = curveOf(s)
	c.Label = strings.TrimSuffix(low, " ms") + "-" + strings.TrimSuffix(high, " ms") + " ms"
	return some
}

// mostFrequent returns the least timeout that most curves share.
func mostFrequent(curves []timeoutCurve) (least float64) {
	counts := map[float64]int{}
	for _, c := range curves { // in order, so that the first of equals wins
		if counts[c.timeouts[0]]++; counts[c.timeouts[0]] > counts[least] {
			least = c.timeouts[0]
		}
	}
	return least
}

// timeoutLook tells the i-th range from the others, by colour and by dash; of two
// with the same dash one is the lighter.
func timeoutLook(i int) look {
	colours := []color.Color{reddishPurple, skyBlue, blue, bluishGreen, orange, vermilion, black}
	dashes := [][]vg.Length{nil, {4, 1.5}, {1.2, 1.2}, {7, 1.5, 1, 1.5}, {3, 1, 1, 1, 1, 1}}
	c := colours[i%len(colours)]
	return look{draw.LineStyle{Color: c, Width: 1.2, Dashes: dashes[i%len(dashes)]}, draw.GlyphStyle{Color: c, Radius: 2.2, Shape: draw.RingGlyph{}}}
}

// A distance is how far one curve is from the published one.
type distance struct {
	System    string
	Published *Published
	Ours      []float64 // the quantiles
	Each      []float64 // relative
	Mean      float64
}

// tableOf compares the curves that are known, each once.
func tableOf(panels []timeoutPanel) (table []distance) {
	for _, p := range panels {
		for i := range p.Curves {
			c := &p.Curves[i]
			if c.Published == nil || slices.ContainsFunc(table, func(t distance) bool { return t.System == c.System && t.Published == c.Published }) {
				continue
			}
			t := distance{System: c.System, Published: c.Published}
			for _, q := range c.Published.P {
				t.Ours = append(t.Ours, c.series.sample.Quantile(q))
			}
			t.Each, t.Mean = c.Published.Distances(c.series.sample)
			table = append(table, t)
		}
	}
	return table
}

// figure16Table writes the distances, a row a quantile, and their mean in a row
// without one.
func figure16Table(d *results.Data) []byte {
	var b strings.Builder
	b.WriteString("system,election_timeout,quantile,published_ms,ours_ms,relative_distance\n")
	for _, t := range tableOf(timeoutPanels(d)) {
		for i, p := range t.Published.P {
			fmt.Fprintf(&b, "%s,%s,%g,%g,%.1f,%.3f\n", t.System, t.Published.ElectionTimeout, p, t.Published.MS[i], t.Ours[i], t.Each[i])
		}
		fmt.Fprintf(&b, "%s,%s,,,,%.3f\n", t.System, t.Published.ElectionTimeout, t.Mean)
	}
	return []byte(b.String())
}

// seriesOf returns the panels as captions know them: a series a system.
func seriesOf(panels []timeoutPanel) []panel {
	var all panel
	for _, p := range panels {
		for _, c := range p.Curves {
			if !slices.ContainsFunc(all.Series, func(s series) bool { return s.System == c.System }) {
				all.Series = append(all.Series, c.series)
			}
		}
	}
	return []panel{all}
}

func drawTimeouts(panels []timeoutPanel) drawing {
	heads := make([]head, len(panels))
	for i, p := range panels {
		heads[i] = head{title: p.Title}
	}
	g := gridOf(heads, timeoutLegend(panels), "time until the others have heard from a new leader (ms)", "share of trials", 2.1*vg.Inch)
	return g.drawing(func(i int) *plot.Plot {
		p := newPanel()
		low, high := timeoutSpan(&panels[i])
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

// timeoutSpan is the range of x of one panel: the two have little in common.
func timeoutSpan(p *timeoutPanel) (low, high float64) {
	var curves []curve
	for _, c := range p.Curves {
		curves = append(curves, c.curve)
	}
	return span([]cdfPanel{{Curves: curves}})
}

// Plot draws the steps, and a ring at each published quantile.
func (c *timeoutCurve) Plot(canvas draw.Canvas, p *plot.Plot) {
	c.stairs(canvas, p, c.look.line)
	if c.Published == nil {
		return
	}
	x, y := p.Transforms(&canvas)
	for i, f := range c.Published.P {
		if v := c.Published.MS[i]; v >= p.X.Min && v <= p.X.Max {
			canvas.DrawGlyph(c.look.marker, vg.Point{X: x(v), Y: y(f)})
		}
	}
}

// timeoutLegend lists each range once, since systems share the looks.
func timeoutLegend(panels []timeoutPanel) (entries []entry) {
	var said []string
	for _, p := range panels {
		for _, c := range p.Curves {
			text := fmt.Sprintf("%s (n = %s)", c.Label, count(c.N))
			if c.Censored > 0 {
				text = fmt.Sprintf("%s (n = %s, %s censored)", c.Label, count(c.N), count(c.Censored))
			}
			if !slices.Contains(said, text) {
				said = append(said, text)
				line := c.look.line
				entries = append(entries, entry{text, 22, func(c draw.Canvas, left, right, y vg.Length) { c.StrokeLine2(line, left, y, right, y) }})
			}
		}
	}
	ring := draw.GlyphStyle{Color: darkGrey, Radius: 2.2, Shape: draw.RingGlyph{}}
	return append(entries, entry{"published", 8, func(c draw.Canvas, left, right, y vg.Length) {
		c.DrawGlyph(ring, vg.Point{X: (left + right) / 2, Y: y})
	}})
}
