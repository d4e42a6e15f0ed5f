package plots

import (
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

// commitNotice shows how long followers lag behind acknowledgements, beside what
// theory says.
func commitNotice(d *results.Data) (drawing, string, bool) {
	panels := noticePanels(d)
	if len(panels) == 0 {
		return drawing{}, "", false
	}
	var c caption
	c.say("From a write's acknowledgement, at a client on the leader's machine, to its application at a follower, by the constant one-way delay d: a mark is the median over trials of a trial's median lag, its whiskers those of the 5th and 95th percentiles.")
	c.say("Grey: the same from theory. Zab, etcd and eager Raft: d. Raft that waits for its heartbeat, H: d and the time to the next AppendEntries, which is that of the next heartbeat (uniform up to H) or of the next write (exponential), whichever comes first.")
	var all panel
	for _, s := range panels[0].Slots {
		all.Series = append(all.Series, series{Mode: s.cell.Mode, System: s.cell.System, cell: s.cell})
	}
	c.systems([]panel{all})
	s := settingsOf(panels[0].Slots[0].cell)
	c.say("Conditions: %d servers; fsync %s; nothing goes wrong.", s.Cluster.Voters, plain(s.Disk.Fsync))
	c.staleFollowers(d)
	c.say("Trials: %s a mark; commit-notice.csv has the numbers, with bootstrap 95 %% intervals over trials.", count(panels[0].Slots[0].N))
	c.reservations(d, []panel{all})
	return drawNotices(panels), c.String(), true
}

// A noticePanel is one rate of writes.
type noticePanel struct {
	Title string
	Slots []noticeSlot
}

// A noticeSlot is one cell: medians over trials of quantiles of a trial's lags, in ms.
type noticeSlot struct {
	Label, System string
	Delay         float64
	N             int
	P5, P50, P95  float64
	Low, High     float64    // interval of P50
	Theory        [3]float64 // of the 5th, 50th and 95th percentile
	line, beats   int        // its place among those of its delay, and among the heartbeats of Raft
	cell          *results.Cell
}

// waits reports whether it is a Raft that waits for its heartbeat.
func (s *noticeSlot) waits() bool { return strings.HasPrefix(s.Label, "raft, H ") }

const (
	noticeKey    = "raft.commit_notice"
	heartbeatKey = "raft.heartbeat"
	delayKey     = "network.delay"
	rateKey      = "workload.rate"
)

// noticeLines are what is drawn at each delay, in this order: a system, with a
// notice, by its heartbeats.
var noticeLines = []struct{ system, notice string }{{"zab", ""}, {"etcd", ""}, {"raft", "eager"}, {"raft", "heartbeat"}}

// noticePanels sorts the rows of the scenario into a panel a rate.
func noticePanels(d *results.Data) (panels []noticePanel) {
	if !sweeps(d, noticeKey, heartbeatKey, delayKey, rateKey) {
		return nil
	}
	rows := rowsByCell(d)
	for i := range d.Manifest.Cells {
		c := &d.Manifest.Cells[i]
		rate := valueOf(c, rateKey)
		line := slices.IndexFunc(noticeLines, func(l struct{ system, notice string }) bool {
			return l.system == c.System && l.notice == textOf(c, noticeKey)
		})
		s, ok := noticeSlotOf(c, rows[c])
		if c.Case != "leader" || line < 0 || !ok {
			continue
		}
		title := fmt.Sprintf("%g writes a second", rate)
		at := slices.IndexFunc(panels, func(p noticePanel) bool { return p.Title == title })
		if at < 0 {
			at = len(panels)
			panels = append(panels, noticePanel{Title: title})
		}
		p := &panels[at]
		// What does not wait for heartbeats is drawn with one of them.
		if s.line = line; noticeLines[line].notice != "heartbeat" {
			if slices.ContainsFunc(p.Slots, func(o noticeSlot) bool { return o.Delay == s.Delay && o.line == line }) {
				continue
			}
		} else {
			s.Theory = noticed(s.Delay, valueOf(c, heartbeatKey), rate)
			s.Label = fmt.Sprintf("raft, H %g ms", valueOf(c, heartbeatKey))
		}
		p.Slots = append(p.Slots, s)
	}
	for i := range panels {
		slots := panels[i].Slots
		slices.SortStableFunc(slots, func(a, b noticeSlot) int {
			if a.Delay != b.Delay {
				return int(math.Copysign(1, a.Delay-b.Delay))
			}
			return a.line - b.line
		})
		for j := range slots { // by heartbeat within the last line: cells come in that order
			if slots[j].line = 0; j == 0 || slots[j].Delay != slots[j-1].Delay {
				continue
			}
			if slots[j].line = slots[j-1].line + 1; slots[j].waits() && slots[j-1].waits() {
				slots[j].beats = slots[j-1].beats + 1
			}
		}
		panels[i].Title = letter(i, len(panels)) + panels[i].Title
	}
	return panels
}

func noticeSlotOf(c *results.Cell, rows []*results.Trial) (s noticeSlot, ok bool) {
	var quantiles [3][]float64
	for _, t := range rows {
		if t.Outcome == results.Failed || !there(t.LagP95) {
			continue
		}
		for i, x := range []results.Number{t.LagP5, t.LagP50, t.LagP95} {
			quantiles[i] = append(quantiles[i], float64(x))
		}
	}
	middle := metric.NewSample(quantiles[1])
	if len(middle) == 0 {
		return s, false
	}
	in := middle.MedianInterval(0.95, 1)
	s = noticeSlot{Label: c.System, System: c.System, Delay: valueOf(c, delayKey), N: len(middle), cell: c,
		P5: metric.NewSample(quantiles[0]).Median(), P50: middle.Median(), P95: metric.NewSample(quantiles[2]).Median(), Low: in.Low, High: in.High}
	if c.System == "raft" {
		s.Label = "raft, eager"
	}
	s.Theory = [3]float64{s.Delay, s.Delay, s.Delay}
	return s, true
}

// noticed returns the 5th, 50th and 95th percentile of d and the least of a wait that is
// uniform up to h and an exponential one, of rate a second: 1 - (1 - t/h) exp(-rate t).
func noticed(d, h, rate float64) (q [3]float64) {
	for i, p := range []float64{0.05, 0.5, 0.95} {
		low, high := 0.0, h
		for range 50 {
			t := (low + high) / 2
			if 1-(1-t/h)*math.Exp(-rate*t/1000) < p {
				low = t
			} else {
				high = t
			}
		}
		q[i] = d + low
	}
	return q
}

// A followerRead is what lags do to reads at followers in a cell.
type followerRead struct {
	share staleShare
	cell  *results.Cell
}

// followerReads are those under the highest rate.
func followerReads(d *results.Data) (reads []followerRead) {
	rows := rowsByCell(d)
	highest := 0.0
	for i := range d.Manifest.Cells {
		highest = max(highest, valueOf(&d.Manifest.Cells[i], rateKey))
	}
	for i := range d.Manifest.Cells {
		c := &d.Manifest.Cells[i]
		if s, ok := staleShareOf(rows[c], d.Manifest.Seed); ok && c.Case == "followers" && valueOf(c, rateKey) == highest {
			reads = append(reads, followerRead{s, c})
		}
	}
	return reads
}

// staleFollowers says from where to where the shares of stale reads lie.
func (c *caption) staleFollowers(d *results.Data) {
	var names []string
	all := map[string][]staleShare{}
	rate := 0.0
	for _, r := range followerReads(d) {
		name := strings.TrimSpace(r.cell.System + " " + textOf(r.cell, noticeKey))
		if all[name] == nil {
			names = append(names, name)
		}
		all[name], rate = append(all[name], r.share), valueOf(r.cell, rateKey)
	}
	for i, name := range names {
		least := slices.MinFunc(all[name], func(a, b staleShare) int { return cmp.Compare(a.Share, b.Share) })
		most := slices.MaxFunc(all[name], func(a, b staleShare) int { return cmp.Compare(a.Share, b.Share) })
		if names[i] += fmt.Sprintf(" %.2g to %.2g %%", least.Share, most.Share); most.Stale == 0 {
			names[i] = fmt.Sprintf("%s %s in each case", name, most)
		}
	}
	if len(names) > 0 {
		c.say("Reads at followers, nine of ten among %g operations a second on one key, that were stale, by d and H: %s.", rate, strings.Join(names, "; "))
	}
}

// commitNoticeTable has the numbers of the figure, and stale reads at followers, as CSV.
func commitNoticeTable(d *results.Data) []byte {
	var b strings.Builder
	b.WriteString("measure,system,commit_notice,heartbeat_ms,delay_ms,operations_per_s,n,value,low,high\n")
	line := func(measure string, c *results.Cell, n int, value float64, in metric.Interval) {
		heartbeat := ""
		if h := valueOf(c, heartbeatKey); !math.IsNaN(h) {
			heartbeat = fmt.Sprint(h)
		}
		fmt.Fprintf(&b, "%s,%s,%s,%s,%g,%g,%d,%.4g,%.4g,%.4g\n", measure, c.System, textOf(c, noticeKey), heartbeat, valueOf(c, delayKey), valueOf(c, rateKey), n, value, in.Low, in.High)
	}
	for _, p := range noticePanels(d) {
		for _, s := range p.Slots {
			line("lag_p50_ms", s.cell, s.N, s.P50, metric.Interval{Low: s.Low, High: s.High})
		}
	}
	for _, r := range followerReads(d) {
		line("stale_percent", r.cell, r.share.Trials, r.share.Share, r.share.Interval)
	}
	return []byte(b.String())
}

func drawNotices(panels []noticePanel) drawing {
	heads := make([]head, len(panels))
	low, high := math.Inf(1), 0.0
	var legend []entry
	for i, p := range panels {
		heads[i].title = p.Title
		for _, s := range p.Slots {
			low, high = min(low, s.P5, s.Theory[0]), max(high, s.P95, s.Theory[2])
			if i == 0 && s.Delay == p.Slots[0].Delay {
				style := noticeLook(&s)
				legend = append(legend, entry{s.Label, 8, func(c draw.Canvas, left, right, y vg.Length) {
					c.DrawGlyph(style, vg.Point{X: (left + right) / 2, Y: y})
				}})
			}
		}
	}
	legend = append(legend, entry{"theory, 5th to 95th percentile and median", 12, func(c draw.Canvas, left, right, y vg.Length) {
		drawTheory(c, (left+right)/2, y-4, y, y+4)
	}})
	low, high = roundDown(max(low, high/1e5))*0.7, high*1.4
	g := gridOf(heads, legend, "one-way delay d (ms)", "lag behind the acknowledgement (ms)", 2.1*vg.Inch)
	return g.drawing(func(i int) *plot.Plot {
		p := newPanel()
		var delays []plot.Tick
		for _, s := range panels[i].Slots {
			if len(delays) == 0 || delays[len(delays)-1].Label != fmt.Sprint(s.Delay) {
				delays = append(delays, plot.Tick{Value: float64(len(delays)), Label: fmt.Sprint(s.Delay)})
			}
		}
		p.X.Min, p.X.Max, p.X.Tick.Marker = -0.5, float64(len(delays))-0.5, plot.ConstantTicks(delays)
		decades(&p.Y, low, high)
		grid := gridLines()
		grid.Vertical.Color = nil
		p.Add(grid, &panels[i])
		return p
	})
}

// noticeLook tells the heartbeats of Raft apart, and eager Raft from them.
func noticeLook(s *noticeSlot) draw.GlyphStyle {
	style := lookOf(s.System).marker
	if style.Radius = 2.1; s.Label == "raft, eager" {
		style.Shape = draw.CrossGlyph{}
	}
	if s.System == "etcd" {
		style.Shape = draw.PlusGlyph{}
	}
	if s.waits() {
		style.Shape = []draw.GlyphDrawer{draw.CircleGlyph{}, draw.RingGlyph{}, draw.PyramidGlyph{}, draw.TriangleGlyph{}}[s.beats%4]
	}
	return style
}

func drawTheory(c draw.Canvas, x, low, middle, high vg.Length) {
	const half = 3.2
	c.FillPolygon(lightGrey, []vg.Point{{X: x - half, Y: low - 0.8}, {X: x + half, Y: low - 0.8}, {X: x + half, Y: high + 0.8}, {X: x - half, Y: high + 0.8}})
	c.StrokeLine2(draw.LineStyle{Color: darkGrey, Width: 0.8}, x-half-1.5, middle, x+half+1.5, middle)
}

// Plot draws each cell in its place beside the others of its delay.
func (p *noticePanel) Plot(c draw.Canvas, pl *plot.Plot) {
	x, linear := pl.Transforms(&c)
	y := func(v float64) vg.Length { return linear(max(math.Log10(v), pl.Y.Min)) }
	most := 0
	for _, s := range p.Slots {
		most = max(most, s.line+1)
	}
	step := (x(1) - x(0)) * 0.85 / vg.Length(most)
	group := -1.0
	for i, s := range p.Slots {
		if i == 0 || s.Delay != p.Slots[i-1].Delay {
			group++
		}
		at := x(group) + step*(vg.Length(s.line)-vg.Length(most-1)/2)
		drawTheory(c, at, y(s.Theory[0]), y(s.Theory[1]), y(s.Theory[2]))
		style := noticeLook(&s)
		c.StrokeLine2(draw.LineStyle{Color: style.Color, Width: 0.9}, at, y(s.P5), at, y(s.P95))
		c.DrawGlyph(style, vg.Point{X: at, Y: y(s.P50)})
	}
}
