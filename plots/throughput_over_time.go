package plots

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"raftzab/bench/metric"
	"raftzab/results"
)

// throughputOverTime shows what clients got in each window of time while servers
// crashed and came back, as ZooKeeper's paper does in its figure 8.
func throughputOverTime(d *results.Data) (drawing, string, bool) {
	panels := timePanels(d)
	if len(panels) == 0 {
		return drawing{}, "", false
	}
	var all []panel
	var ns []string
	for i := range panels {
		p := &panels[i]
		all = append(all, panel{Series: []series{{Mode: p.Mode, System: p.System, N: p.N, cell: p.cell}}})
		ns = append(ns, fmt.Sprintf("%s %s", all[i].Series[0].label(), count(p.N)))
	}
	s := settingsOf(panels[0].cell)
	w := s.Workload
	live := func(s *series) bool { return s.Mode == "live" }
	var c caption
	c.say("Operations that ended with success in each %s, per second: all (coloured) and the writes among them (black), means of the trials. After figure 8 of Hunt, Konar, Junqueira and Reed (ZooKeeper: Wait-free coordination for Internet-scale systems, USENIX ATC 2010), whose servers were saturated.", fmt.Sprintf("%g ms", 1000*panels[0].step()))
	c.say("Here %s operations a second are asked for whatever becomes of them (dashed), evenly spaced, %g %% of them %s reads, by %s clients; %d servers. What was refused or not answered is not tried again; clients whose server has failed move to another.", count(int(w.Rate)), 100*w.Reads, w.ReadMode, count(w.Clients), s.Cluster.Voters)
	var bands []string
	for _, b := range panels[0].Bands {
		bands = append(bands, fmt.Sprintf("%g s, %s", b.From, b.Label))
	}
	c.say("Grey bands: processes are killed, and started again at their end (%s).", strings.Join(bands, "; "))
	if top := topOf(panels); slices.ContainsFunc(panels, func(p timePanel) bool { return slices.Max(p.All) > top }) {
		c.say("Peaks are cut off: what waited for a leader is served at once when there is one.")
	}
	c.systems(all)
	c.machine(all)
	if m := d.Run.Machine; m.Cores > 0 && has(all, live) {
		c.say("Machine: %d cores (%s), which live servers and clients share; a JVM needs more of them to boot than a process of ours.", m.Cores, m.CPU)
	}
	c.surroundings(all)
	c.timeouts(all)
	c.say("Trials: %s; before live ones clients worked for %s that nobody measured.", strings.Join(ns, ", "), plain(w.Warmup))
	for i, b := range panels[0].Bands {
		var parts []string
		for j := range panels {
			g := panels[j].Gaps[i].Writes
			parts = append(parts, fmt.Sprintf("%s %.0f ms (%.0f-%.0f)", all[j].Series[0].label(), g.Median, g.Low, g.High))
		}
		c.say("Longest time without an acknowledged write from %g s on (%s), median, least and greatest: %s.", b.From, b.Label, strings.Join(parts, ", "))
	}
	c.reservations(d, all)
	return drawTimes(panels), c.String(), true
}

func throughputOverTimeTable(d *results.Data) []byte {
	var b strings.Builder
	b.WriteString("mode,system,at_s,fault,operations,n,gap_ms,least_ms,greatest_ms\n")
	for _, p := range timePanels(d) {
		for i, band := range p.Bands {
			for _, x := range []struct {
				name string
				gap  spot
			}{{"writes", p.Gaps[i].Writes}, {"reads", p.Gaps[i].Reads}} {
				fmt.Fprintf(&b, "%s,%s,%g,%s,%s,%d,%g,%g,%g\n", p.Mode, p.System, band.From, band.Label, x.name, x.gap.N, x.gap.Median, x.gap.Low, x.gap.High)
			}
		}
	}
	return []byte(b.String())
}

// A timePanel is one system in one world.
type timePanel struct {
	Title, Mode, System string
	N                   int       // trials
	All, Writes         []float64 // operations per second, by step, means
	Bands               []band
	Gaps                []gap // by band
	width               float64
	cell                *results.Cell
}

// A band is the time for which servers are down, in seconds from the end of the
// warm-up.
type band struct {
	From, To float64
	Label    string
}

// A gap is the longest time without a success from a band's beginning to the next's,
// in ms: Low and High are the least and the greatest of the trials.
type gap struct{ Writes, Reads spot }

// timePanels sorts the time series of a scenario without cases and sweeps into a panel
// a system and world; live ones have the simulated one on their right.
func timePanels(d *results.Data) (panels []timePanel) {
	if swept(d) || len(d.Windows) == 0 {
		return nil
	}
	for i := range d.Manifest.Cells {
		c := &d.Manifest.Cells[i]
		if c.Case != "" {
			return nil
		}
		p := timePanel{Mode: c.Mode, System: c.System, cell: c, Title: c.System + ", " + c.Mode}
		if c.Mode == "sim" {
			p.Title = c.System + ", simulated"
		}
		s := settingsOf(c)
		width, err := time.ParseDuration(s.Workload.Window)
		bands, ok := bandsOf(&s)
		if err != nil || !ok {
			return nil
		}
		p.width, p.Bands = width.Seconds(), bands
		if p.fill(d) {
			panels = append(panels, p)
		}
	}
	both := func(p *timePanel) int { // those with a partner first
		n := 0
		for i := range panels {
			if panels[i].System == p.System {
				n++
			}
		}
		return n
	}
	slices.SortStableFunc(panels, func(a, b timePanel) int {
		return cmp.Or(both(&b)-both(&a), rank(a.System)-rank(b.System), cmp.Compare(a.Mode, b.Mode))
	})
	for i := range panels {
		panels[i].Title = letter(i, len(panels)) + panels[i].Title
	}
	return panels
}

// bandsOf are the faults of a scenario, if all are crashes at fixed instants that are
// undone. Those of the same time share a band.
func bandsOf(s *settings) (bands []band, ok bool) {
	warmup, err := time.ParseDuration(s.Warmup)
	if err != nil {
		return nil, false
	}
	var who []string
	for _, f := range s.Faults {
		at := f.At
		if m := call.FindStringSubmatch(at); m != nil && m[1] == "constant" {
			at = m[2]
		}
		from, err1 := time.ParseDuration(at)
		length, err2 := time.ParseDuration(f.For)
		if err1 != nil || err2 != nil || f.Kind != "crash" {
			return nil, false
		}
		b := band{(from - warmup).Seconds(), (from + length - warmup).Seconds(), target(f.Target)}
		if n := len(bands); n > 0 && bands[n-1].From == b.From && bands[n-1].To == b.To && who[n-1] == f.Target {
			bands[n-1].Label = "2 " + f.Target + "s"
			continue
		}
		bands, who = append(bands, b), append(who, f.Target)
	}
	return bands, len(bands) > 0
}

// fill makes the means and the gaps from the rows of the panel's cell; false: there
// are none.
func (p *timePanel) fill(d *results.Data) bool {
	var trials [][]*results.Window
	for i := range d.Windows {
		w := &d.Windows[i]
		if w.Mode != p.Mode || w.System != p.System {
			continue
		}
		if n := len(trials); n == 0 || trials[n-1][0].Trial != w.Trial {
			trials = append(trials, nil)
		}
		trials[len(trials)-1] = append(trials[len(trials)-1], w)
	}
	if p.N = len(trials); p.N == 0 {
		return false
	}
	least := len(trials[0])
	for _, t := range trials {
		least = min(least, len(t))
	}
	least-- // the last window is cut short
	together := p.together()
	points := least / together
	p.All, p.Writes = make([]float64, points), make([]float64, points)
	for _, t := range trials {
		for i, w := range t[:points*together] {
			p.All[i/together] += float64(w.Reads + w.Writes)
			p.Writes[i/together] += float64(w.Writes)
		}
	}
	for i := range points {
		p.All[i] /= float64(p.N) * p.step()
		p.Writes[i] /= float64(p.N) * p.step()
	}
	for i, b := range p.Bands {
		to := math.Inf(1)
		if i+1 < len(p.Bands) {
			to = p.Bands[i+1].From
		}
		var writes, reads []float64
		for _, t := range trials {
			writes = append(writes, p.longest(t, b.From, to, func(w *results.Window) int { return w.Writes }))
			reads = append(reads, p.longest(t, b.From, to, func(w *results.Window) int { return w.Reads }))
		}
		p.Gaps = append(p.Gaps, gap{extremes(writes), extremes(reads)})
	}
	return true
}

// together is how many windows make a point of the lines: in a short one there are so few
// operations that their number jumps.
func (p *timePanel) together() int { return max(1, int(0.05/p.width+1e-9)) }

// step is from point to point, in seconds.
func (p *timePanel) step() float64 { return float64(p.together()) * p.width }

// longest is the longest time, in ms, in which windows that begin in a span of
// seconds have no success.
func (p *timePanel) longest(trial []*results.Window, from, to float64, of func(*results.Window) int) float64 {
	most, run := 0, 0
	for _, w := range trial {
		if at := float64(w.At) / 1000; at < from || at >= to {
			continue
		}
		if run++; of(w) > 0 {
			run = 0
		}
		most = max(most, run)
	}
	return float64(most) * p.width * 1000
}

// extremes is a median with the least and the greatest.
func extremes(values []float64) spot {
	s := metric.NewSample(values)
	return spot{N: len(s), Median: s.Median(), Low: s[0], High: s[len(s)-1]}
}

// topOf is where panels end: well above what is asked for.
func topOf(panels []timePanel) float64 { return 1.8 * settingsOf(panels[0].cell).Workload.Rate }

func drawTimes(panels []timePanel) drawing {
	heads := make([]head, len(panels))
	for i, p := range panels {
		heads[i].title = fmt.Sprintf("%s (n = %s)", p.Title, count(p.N))
	}
	legend := []entry{
		{"all operations (colour: system)", 14, func(c draw.Canvas, left, right, y vg.Length) {
			c.StrokeLine2(draw.LineStyle{Color: darkGrey, Width: 1.3}, left, y, right, y)
		}},
		{"writes", 14, func(c draw.Canvas, left, right, y vg.Length) {
			c.StrokeLine2(draw.LineStyle{Color: black, Width: 0.6}, left, y, right, y)
		}},
		{"asked for", 14, func(c draw.Canvas, left, right, y vg.Length) { c.StrokeLine2(askedFor, left, y, right, y) }},
		{"down", 14, func(c draw.Canvas, left, right, y vg.Length) {
			c.SetColor(lightGrey)
			c.Fill(vg.Rectangle{Min: vg.Point{X: left, Y: y - 3}, Max: vg.Point{X: right, Y: y + 3}}.Path())
		}},
	}
	g := gridOf(heads, legend, "time (s)", "operations / s", 1.35*vg.Inch)
	top, end := topOf(panels), 0.0
	for _, p := range panels {
		end = max(end, float64(len(p.All))*p.step())
	}
	return g.drawing(func(i int) *plot.Plot {
		p := newPanel()
		p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, end, 0, top
		p.X.Tick.Marker, p.Y.Tick.Marker = plot.ConstantTicks(roundTicks(end)), plot.ConstantTicks(roundTicks(top))
		grid := gridLines()
		grid.Vertical.Color = nil
		p.Add(grid, &panels[i])
		return p
	})
}

var askedFor = draw.LineStyle{Color: darkGrey, Width: 0.6, Dashes: []vg.Length{3, 2}}

// Plot draws the bands, and the lines upon them.
func (p *timePanel) Plot(c draw.Canvas, pl *plot.Plot) {
	x, y := pl.Transforms(&c)
	for _, b := range p.Bands {
		left, right := x(b.From), x(b.To)
		c.SetColor(lightGrey)
		c.Fill(vg.Rectangle{Min: vg.Point{X: left, Y: c.Min.Y}, Max: vg.Point{X: right, Y: c.Max.Y}}.Path())
	}
	w := settingsOf(p.cell).Workload
	for _, rate := range []float64{w.Rate, w.Rate * (1 - w.Reads)} {
		c.StrokeLine2(askedFor, c.Min.X, y(rate), c.Max.X, y(rate))
	}
	line := lookOf(p.System).line
	line.Width, line.Dashes = 1, nil
	for _, l := range []struct {
		values []float64
		style  draw.LineStyle
	}{{p.All, line}, {p.Writes, draw.LineStyle{Color: black, Width: 0.5}}} {
		points := make([]vg.Point, len(l.values))
		for i, v := range l.values {
			points[i] = vg.Point{X: x((float64(i) + 0.5) * p.step()), Y: y(min(v, pl.Y.Max))}
		}
		c.StrokeLines(l.style, points)
	}
	label := textStyle(small, black, text.XCenter, text.YTop)
	for _, b := range p.Bands {
		middle, wide := x((b.From+b.To)/2), label.Width(b.Label)/2+1
		c.SetColor(white)
		c.Fill(vg.Rectangle{Min: vg.Point{X: middle - wide, Y: c.Max.Y - 9}, Max: vg.Point{X: middle + wide, Y: c.Max.Y}}.Path())
		c.FillText(label, vg.Point{X: middle, Y: c.Max.Y - 1}, b.Label)
	}
}
