package plots

import (
	"bytes"
	"cmp"
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

// visibility shows how soon a write is visible: the chance that a read sees it so long
// after its acknowledgement.
func visibility(d *results.Data) (drawing, string, bool) {
	panels := visiblePanels(d)
	if len(panels) == 0 {
		return drawing{}, "", false
	}
	var c caption
	c.say("The chance that a read sees a write, by the time from the write's acknowledgement to the beginning of the read, by reads: each is one look whether the newest version of its key that had been acknowledged is there (the ascending curve of greatest likelihood; reads of a tenth of a decade of times are pooled, and at least %d). A read reaches its server one delay after its beginning. Whiskers: pointwise 95 %% intervals, of a bootstrap that draws whole batches of trials.", enoughLooks)
	if slices.ContainsFunc(panels, func(p visiblePanel) bool {
		return slices.ContainsFunc(p.Curves, func(v visible) bool { return v.Applied })
	}) {
		c.say("Without marks: from the instants at which the simulated servers applied what was acknowledged (Kaplan-Meier).")
	}
	all := make([]panel, len(panels))
	for i, p := range panels {
		for _, v := range p.Curves {
			all[i].Series = append(all[i].Series, v.series)
		}
	}
	c.systems(all)
	if c.machine(all) {
		c.disturbances(d)
	}
	s := settingsOf(firstOf(&all[0]).cell)
	delay := ""
	if !swept(d) {
		delay = fmt.Sprintf("one-way delay %s, and ", plain(s.Network.Delay))
	}
	c.say("Conditions: %d servers; %s%s from clients to their server; simulated fsync %s; %s; nothing goes wrong.",
		s.Cluster.Voters, delay, plain(s.Clients.Delay), plain(s.Disk.Fsync), asked(d, &s))
	c.timeouts(all)
	for i, p := range panels {
		if len(p.Apart) > 0 && !swept(d) { // else it is for the table
			var parts []string
			for _, x := range p.Apart {
				if sameSystem(x.A, x.B) {
					parts = append(parts, x.String())
				}
			}
			if len(parts) == 0 {
				continue
			}
			c.say("%s", upper(fmt.Sprintf("%sKolmogorov-Smirnov distance of curves by reads, where it is, in brackets what chance alone passes one time in twenty (bootstrap of batches), and p adjusted for all comparisons of the panel (Holm): %s.", letter(i, len(panels)), strings.Join(parts, "; "))))
		}
	}
	if slices.ContainsFunc(panels, func(p visiblePanel) bool { return len(p.Apart) > 0 }) {
		c.say("visibility.csv has all pairs.")
	}
	if len(panels) > 1 {
		c.say("Panels have vertical axes of their own; not all begin at 0.")
	}
	c.reservations(d, all)
	return drawVisible(panels), c.String(), true
}

// asked is what clients ask for, without what the panels vary.
func asked(d *results.Data, s *settings) string {
	if swept(d) {
		return fmt.Sprintf("half of all operations read; %d keys", s.Workload.Keys)
	}
	return fmt.Sprintf("%g operations a second, half of them reads, on %d keys", s.Workload.Rate, s.Workload.Keys)
}

// A visiblePanel is curves that are compared with each other.
type visiblePanel struct {
	Title  string
	Curves []visible
	Apart  []visiblyApart `json:",omitempty"`
}

// A visible is how soon writes are visible at servers of a cell in a role.
type visible struct {
	Label   string
	N       int // trials
	Looks   int // reads; or writes, each once a server
	Applied bool
	Points  metric.Curve
	Marks   []spot

	role   string
	series series         // for captions and looks
	beside bool           // as of a curve
	drawn  []metric.Curve // from resampled batches
}

// enoughLooks is how many reads must be in a range of times for a point of a curve.
const enoughLooks = 100

// A tally is what rows of one range of times add up to, by batch.
type tally struct {
	from, to  float64
	seen, not []int
}

// visibleOf makes the curve of a cell, a role and a source from its rows.
func visibleOf(c *results.Cell, trials int, role, source string, rows []*results.Visibility, seed uint64) (v visible, ok bool) {
	batches := settingsOf(c).Workload.Batches
	var all []tally
	for _, r := range rows {
		i, found := slices.BinarySearchFunc(all, float64(r.To), func(x tally, to float64) int { return cmp.Compare(x.to, to) })
		if !found {
			all = slices.Insert(all, i, tally{float64(r.From), float64(r.To), make([]int, batches), make([]int, batches)})
		}
		all[i].seen[r.Batch] += r.Visible
		all[i].not[r.Batch] += r.Invisible
	}
	v = visible{N: trials, Applied: source == "applied", role: role, series: series{Mode: c.Mode, System: c.System, N: trials, cell: c}}
	v.Label = v.series.label()
	if role != "follower" {
		v.Label += " " + role + "s"
	}
	every := slices.Repeat([]int{1}, batches)
	if !v.Applied {
		all = pooled(all, every)
	}
	for _, x := range all {
		seen, not := x.sum(every)
		v.Looks += seen + not
	}
	if v.Looks < enoughLooks {
		return v, false
	}
	v.Points = curveOfTallies(all, every, v.Applied)
	metric.Clusters(batches, seed, func(times []int) { v.drawn = append(v.drawn, curveOfTallies(all, times, v.Applied)) })
	return v, true
}

// sum adds batches up, each so many times.
func (x *tally) sum(times []int) (seen, not int) {
	for i, t := range times {
		seen, not = seen+t*x.seen[i], not+t*x.not[i]
	}
	return seen, not
}

// pooled joins ranges of times with the next ones until there are enough reads in each.
func pooled(all []tally, every []int) (joined []tally) {
	for i, x := range all {
		last := len(joined) - 1
		if last >= 0 {
			if seen, not := joined[last].sum(every); seen+not < enoughLooks || i == len(all)-1 {
				joined[last].to = x.to
				for b := range x.seen {
					joined[last].seen[b] += x.seen[b]
					joined[last].not[b] += x.not[b]
				}
				continue
			}
		}
		joined = append(joined, x)
	}
	return joined
}

// curveOfTallies is V: of reads each range has a mean, which stands in its middle.
func curveOfTallies(all []tally, times []int, applied bool) metric.Curve {
	var bins []metric.Bin
	var looks []metric.Look
	for i := range all {
		seen, not := all[i].sum(times)
		bins = append(bins, metric.Bin{At: all[i].to, Ended: seen, Censored: not})
		looks = append(looks, metric.Look{At: (all[i].from + all[i].to) / 2, Over: seen, Of: seen + not})
	}
	if applied {
		return metric.KaplanMeier(bins)
	}
	return metric.CurrentStatus(looks)
}

// visiblePanels are a panel for each family of systems and each role; or, where the
// rate and the delay are varied, one for each delay with the two greatest rates: with
// less to do there are no reads soon after writes.
func visiblePanels(d *results.Data) (panels []visiblePanel) {
	varied := sweeps(d, rateKey, delayKey)
	calm := !slices.ContainsFunc(d.Manifest.Cells, func(c results.Cell) bool { return len(settingsOf(&c).Faults) > 0 })
	if len(d.Visible) == 0 || swept(d) && !varied || !calm {
		return nil
	}
	var rates []float64
	for i := range d.Manifest.Cells {
		rates = append(rates, valueOf(&d.Manifest.Cells[i], rateKey))
	}
	slices.Sort(rates)
	rates = slices.Compact(rates)
	rates = rates[max(0, len(rates)-2):]
	ran, rows := rowsByCell(d), visibleByCell(d)
	for i := range d.Manifest.Cells {
		c := &d.Manifest.Cells[i]
		if varied && !slices.Contains(rates, valueOf(c, rateKey)) {
			continue
		}
		trials := 0
		for _, t := range ran[c] {
			if t.Outcome != results.Failed {
				trials++
			}
		}
		for _, k := range []lookedAt{{c, "leader", "read"}, {c, "follower", "read"}, {c, "observer", "read"}, {c, "leader", "applied"}, {c, "follower", "applied"}, {c, "observer", "applied"}} {
			if varied && k.source == "applied" {
				continue
			}
			v, ok := visibleOf(c, trials, k.role, k.source, rows[k], d.Manifest.Seed+uint64(i))
			if !ok {
				continue
			}
			title := k.role + "s"
			switch {
			case varied:
				title = fmt.Sprintf("%s, %g writes of a key per second", typical(textOf(c, delayKey)), writesOfKey(c))
			case c.System == "zab" || c.System == "zookeeper":
				title = "Zab's family, " + title
			default:
				title = "Raft's family, " + title
			}
			at := slices.IndexFunc(panels, func(p visiblePanel) bool { return p.Title == title })
			if at < 0 {
				at = len(panels)
				panels = append(panels, visiblePanel{Title: title})
			}
			panels[at].Curves = append(panels[at].Curves, v)
		}
	}
	slices.SortStableFunc(panels, func(a, b visiblePanel) int {
		if varied { // a row a delay
			return cmp.Compare(valueOf(a.Curves[0].series.cell, delayKey), valueOf(b.Curves[0].series.cell, delayKey))
		}
		return cmp.Compare(a.Title, b.Title)
	})
	for i := range panels {
		p := &panels[i]
		p.Title = letter(i, len(panels)) + p.Title
		slices.SortStableFunc(p.Curves, func(a, b visible) int {
			return cmp.Or(cmp.Compare(rank(a.series.System), rank(b.series.System)), cmp.Compare(b.series.Mode, a.series.Mode)) // sim before live
		})
		p.Apart = p.compare()
		for j := range p.Curves {
			v := &p.Curves[j]
			v.beside = v.series.Mode == "live" && slices.ContainsFunc(p.Curves, func(o visible) bool { return o.series.Mode != "live" && o.series.System == v.series.System })
			v.mark(j)
		}
	}
	return panels
}

// A lookedAt is what one curve is of.
type lookedAt struct {
	cell         *results.Cell
	role, source string
}

// visibleByCell sorts the rows.
func visibleByCell(d *results.Data) map[lookedAt][]*results.Visibility {
	rows := map[lookedAt][]*results.Visibility{}
	for i := range d.Visible {
		r := &d.Visible[i]
		at := slices.IndexFunc(d.Manifest.Cells, func(c results.Cell) bool {
			return c.Mode == r.Mode && c.Case == r.Case && c.System == r.System && slices.Equal(c.Swept, r.Swept)
		})
		if at >= 0 {
			k := lookedAt{&d.Manifest.Cells[at], r.Role, r.Source}
			rows[k] = append(rows[k], r)
		}
	}
	return rows
}

// mark chooses where a curve bears a marker and a whisker: at each third of its steps,
// those of different curves apart.
func (v *visible) mark(nth int) {
	if v.Applied {
		return
	}
	for i := nth % 3; i < len(v.Points); i += 3 {
		x := spot{X: v.Points[i].At, N: v.N, Median: v.Points[i].Share}
		var values []float64
		for _, c := range v.drawn {
			values = append(values, c.At(x.X))
		}
		s := metric.NewSample(values)
		x.Low, x.High = s.Quantile(0.025), s.Quantile(0.975)
		v.Marks = append(v.Marks, x)
	}
}

// visiblyApart is how far two curves are from each other.
type visiblyApart struct {
	A, B         string
	Distance, At float64 // the largest gap, and where it is, in ms
	Critical     float64 // chance alone passes it one time in twenty
	P, Adjusted  float64 // the chance of such a gap; by Holm
}

func (x visiblyApart) String() string {
	return fmt.Sprintf("%s and %s %.3f at %.3g ms (%.3f; p %.2g)", x.A, x.B, x.Distance, x.At, x.Critical, x.Adjusted)
}

// compare sets each curve by reads beside each other one.
func (p *visiblePanel) compare() (all []visiblyApart) {
	var chances []float64
	for i := range p.Curves {
		for j := i + 1; j < len(p.Curves); j++ {
			if a, b := &p.Curves[i], &p.Curves[j]; !a.Applied && !b.Applied {
				x := apartOf(a, b)
				all, chances = append(all, x), append(chances, x.P)
			}
		}
	}
	for i, x := range metric.Holm(chances) {
		all[i].Adjusted = x
	}
	return all
}

// apartOf compares two curves from where both are known. If they were the same, their
// gap would be as that of resamples, each less the curve that it was drawn from.
func apartOf(a, b *visible) visiblyApart {
	from := max(a.Points[0].At, b.Points[0].At)
	var grid []float64
	for _, x := range slices.Concat(a.Points, b.Points) {
		if x.At >= from {
			grid = append(grid, x.At)
		}
	}
	for _, drawn := range [][]metric.Curve{a.drawn, b.drawn} {
		for _, c := range drawn {
			for _, x := range c {
				if x.At >= from {
					grid = append(grid, x.At)
				}
			}
		}
	}
	slices.Sort(grid)
	grid = slices.Compact(grid)
	x := visiblyApart{A: a.Label, B: b.Label}
	gaps := make([]float64, len(grid))
	for i, at := range grid {
		gaps[i] = a.Points.At(at) - b.Points.At(at)
		if gap := math.Abs(gaps[i]); gap > x.Distance {
			x.Distance, x.At = gap, at
		}
	}
	chance := make([]float64, len(a.drawn))
	passed := 1
	for r := range chance {
		for i, at := range grid {
			chance[r] = max(chance[r], math.Abs(a.drawn[r].At(at)-b.drawn[r].At(at)-gaps[i]))
		}
		if chance[r] >= x.Distance {
			passed++
		}
	}
	x.Critical = metric.NewSample(chance).Quantile(0.95)
	x.P = float64(passed) / float64(len(chance)+1)
	return x
}

// visibilityTable has the distances as CSV.
func visibilityTable(d *results.Data) []byte {
	var b bytes.Buffer
	fmt.Fprintln(&b, "panel,a,b,ks_distance,at_ms,ks_critical,p,p_holm")
	for _, p := range visiblePanels(d) {
		for _, x := range p.Apart {
			fmt.Fprintf(&b, "%q,%s,%s,%.4f,%.4g,%.4f,%.4f,%.4f\n", p.Title, x.A, x.B, x.Distance, x.At, x.Critical, x.P, x.Adjusted)
		}
	}
	return b.Bytes()
}

// look is that of the system; with hollow markers where it is live beside simulated,
// or an observer; finer, and grey, where servers tell.
func (v *visible) look() look {
	c := curve{System: v.series.System, Beside: v.beside || v.role == "observer"}
	l := c.look()
	if v.Applied {
		l.line = draw.LineStyle{Color: darkGrey, Width: 0.6}
		l.marker.Shape = nil
	}
	return l
}

// Plot draws the steps, from the left edge on, and the marks.
func (v *visible) Plot(canvas draw.Canvas, p *plot.Plot) {
	style := v.look()
	x, y := p.Transforms(&canvas)
	place := func(at float64) vg.Length { return x(math.Log10(max(at, soonest))) }
	var line []vg.Point
	for i, at := range v.Points {
		if i > 0 {
			line = append(line, vg.Point{X: place(at.At), Y: y(v.Points[i-1].Share)})
		}
		line = append(line, vg.Point{X: place(at.At), Y: y(at.Share)})
	}
	line = append(line, vg.Point{X: canvas.Max.X, Y: line[len(line)-1].Y})
	canvas.StrokeLines(style.line, canvas.ClipLinesXY(line)...)
	for _, m := range v.Marks {
		at := vg.Point{X: place(m.X), Y: y(m.Median)}
		if at.X > canvas.Max.X {
			continue
		}
		canvas.StrokeLine2(draw.LineStyle{Color: style.line.Color, Width: 0.8}, at.X, y(m.Low), at.X, y(m.High))
		canvas.DrawGlyph(style.marker, at)
	}
}

// soonest is what the left edge stands for, in ms: 0 is there.
const soonest = 0.05

func drawVisible(panels []visiblePanel) drawing {
	heads := make([]head, len(panels))
	var legend, applied []entry
	last := 1.0
	for i, p := range panels {
		heads[i].title = p.Title
		for _, v := range p.Curves {
			for _, x := range v.Points {
				if x.Share < 0.9995 {
					last = max(last, x.At)
				}
			}
			text, to := fmt.Sprintf("%s (n = %s)", v.Label, count(v.N)), &legend
			if v.Applied {
				text, to = "simulated, as applied", &applied
			}
			if !slices.ContainsFunc(*to, func(e entry) bool { return e.text == text }) {
				style := v.look()
				*to = append(*to, entry{text, 22, func(c draw.Canvas, left, right, y vg.Length) {
					c.StrokeLine2(style.line, left, y, right, y)
					if style.marker.Shape != nil {
						c.DrawGlyph(style.marker, vg.Point{X: (left + right) / 2, Y: y})
					}
				}})
			}
		}
	}
	legend = append(legend, applied...)
	g := gridOf(heads, legend, "time from the acknowledgement to the read (ms)", "reads that see the write", 1.85*vg.Inch)
	return g.drawing(func(i int) *plot.Plot {
		p := newPanel()
		decades(&p.X, soonest, last*2, plot.Tick{Value: soonest, Label: "0"})
		// Panels have an axis each: some differ in the last percents only.
		least := 1.0
		for _, v := range panels[i].Curves {
			least = min(least, v.Points[0].Share)
		}
		step := 0.25
		for _, s := range []float64{0.1, 0.05, 0.025, 0.01, 0.005} {
			if 1-least <= 4*s {
				step = s
			}
		}
		p.Y.Min, p.Y.Max = 1-step*math.Ceil((1-least)/step), 1+step/10
		var ticks []plot.Tick
		for y := p.Y.Min; y < p.Y.Max; y += step {
			ticks = append(ticks, plot.Tick{Value: y, Label: fmt.Sprintf("%g", math.Round(1000*y)/1000)})
		}
		p.Y.Tick.Marker = plot.ConstantTicks(ticks)
		p.Add(gridLines())
		for j := range panels[i].Curves {
			p.Add(&panels[i].Curves[j])
		}
		return p
	})
}
