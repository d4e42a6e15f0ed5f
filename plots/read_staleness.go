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

// readStaleness shows how many reads are stale, and how old the oldest of a trial
// is, by how often keys are written and how far servers are apart.
func readStaleness(d *results.Data) (drawing, string, bool) {
	panels, fresh := stalenessPanels(d)
	if len(panels) == 0 {
		return drawing{}, "", false
	}
	var c caption
	c.say("Reads that were stale (left: over all trials, with bootstrap 95 %% intervals that draw whole trials) and the time behind of a trial's oldest read (right: medians over trials, whiskers from the 5th to the 95th percentile), where clients read from a server's own state. A read is stale if a later write of its key had been acknowledged before it began. At the lower edge: none.")
	var all panel
	for _, p := range panels {
		for _, l := range p.Lines {
			all.Series = append(all.Series, series{Mode: l.cell.Mode, System: l.cell.System, cell: l.cell})
		}
	}
	c.systems([]panel{all})
	s := settingsOf(panels[0].Lines[0].cell)
	c.say("Conditions: %d servers; clients %s from their server; fsync %s; half of all operations read; %d keys, all alike; nothing goes wrong.",
		s.Cluster.Voters, plain(s.Clients.Delay), plain(s.Disk.Fsync), s.Workload.Keys)
	c.timeouts([]panel{all})
	if len(fresh) > 0 {
		c.say("No stale read at all: %s.", strings.Join(fresh, "; "))
	}
	var trials []string
	for _, l := range panels[0].Lines {
		if text := fmt.Sprintf("%s %s", l.cell.System, count(l.Points[0].N)); !slices.Contains(trials, text) {
			trials = append(trials, text)
		}
	}
	c.say("Trials a point: %s; read-staleness.csv has the numbers.", strings.Join(trials, ", "))
	c.reservations(d, []panel{all})
	return drawStaleness(panels), c.String(), true
}

// readStalenessTable has the numbers of the figure as CSV, a line a point.
func readStalenessTable(d *results.Data) []byte {
	var b strings.Builder
	b.WriteString("system,case,delay,writes_of_key_per_s,n,stale_percent,low,high,oldest_ms,p5_ms,p95_ms\n")
	panels, _ := stalenessPanels(d)
	for i := 0; i < len(panels); i += 2 { // a share, and beside it the oldest
		for j, l := range panels[i].Lines {
			for k, x := range l.Points {
				o := panels[i+1].Lines[j].Points[k]
				fmt.Fprintf(&b, "%s,%s,%q,%g,%d,%.4g,%.4g,%.4g,%.4g,%.4g,%.4g\n", l.cell.System, l.cell.Case, textOf(l.cell, delayKey), x.X, x.N, x.Median, x.Low, x.High, o.Median, o.Low, o.High)
			}
		}
	}
	return []byte(b.String())
}

// A staleShare is how many reads of some trials were stale, in %, with the bootstrap
// 95 % interval that draws whole trials.
type staleShare struct {
	Stale, Reads, Failed, Trials int
	Share                        float64
	Interval                     metric.Interval
}

func (s staleShare) String() string {
	if s.Stale == 0 {
		return fmt.Sprintf("none of %s", count(s.Reads))
	}
	return fmt.Sprintf("%.2g %% [%.2g, %.2g]", s.Share, s.Interval.Low, s.Interval.High)
}

// staleShareOf counts; false: nobody read.
func staleShareOf(rows []*results.Trial, seed uint64) (s staleShare, ok bool) {
	var stale, of []int
	for _, t := range rows {
		if t.Outcome == results.Failed || !there(t.Reads) {
			continue
		}
		k := 0
		if there(t.Stale) {
			k = int(math.Round(float64(t.Stale * t.Reads)))
		}
		stale, of = append(stale, k), append(of, int(t.Reads))
		s.Stale, s.Reads, s.Failed = s.Stale+k, s.Reads+int(t.Reads), s.Failed+int(t.ReadsFailed)
	}
	if s.Trials = len(of); s.Reads == 0 {
		return s, false
	}
	in := metric.ClusterShare(stale, of, 0.95, seed)
	s.Share, s.Interval = 100*float64(s.Stale)/float64(s.Reads), metric.Interval{Low: 100 * in.Low, High: 100 * in.High}
	return s, true
}

// stalenessPanels sorts the rows of a scenario that varies how much is done and how
// far servers are apart into two panels a delay. Lines without a stale read are
// named in fresh.
func stalenessPanels(d *results.Data) (panels []sweptPanel, fresh []string) {
	if !sweeps(d, rateKey, delayKey) {
		return nil, nil
	}
	rows := rowsByCell(d)
	var delays []string
	old := map[string]bool{}
	reads := map[string]int{}
	var lines []string
	for i := range d.Manifest.Cells {
		c := &d.Manifest.Cells[i]
		if delay := textOf(c, delayKey); !slices.Contains(delays, delay) {
			delays = append(delays, delay)
		}
		if s, ok := staleShareOf(rows[c], d.Manifest.Seed); ok {
			label := c.System + " " + c.Case
			if !slices.Contains(lines, label) {
				lines = append(lines, label)
			}
			reads[label] += s.Reads
			old[label] = old[label] || s.Stale > 0
		}
	}
	for _, l := range lines {
		if !old[l] {
			fresh = append(fresh, fmt.Sprintf("%s (%s reads)", l, count(reads[l])))
		}
	}
	for _, delay := range delays {
		share, oldest := sweptPanel{Title: "stale reads (%), " + typical(delay)}, sweptPanel{Title: "oldest read (ms behind), " + typical(delay)}
		for i := range d.Manifest.Cells {
			c := &d.Manifest.Cells[i]
			label := c.System + " " + c.Case
			s, ok := staleShareOf(rows[c], d.Manifest.Seed)
			if !ok || !old[label] || textOf(c, delayKey) != delay {
				continue
			}
			x := writesOfKey(c)
			share.add(label, c, spot{x, s.Trials, s.Share, s.Interval.Low, s.Interval.High})
			var values []float64
			for _, t := range rows[c] {
				if t.Outcome != results.Failed && there(t.TimeMost) {
					values = append(values, float64(t.TimeMost))
				}
			}
			if at, ok := spotOf(x, values); ok {
				oldest.add(label, c, at)
			}
		}
		if len(share.Lines) > 0 {
			panels = append(panels, share, oldest)
		}
	}
	for i := range panels {
		panels[i].Title = letter(i, len(panels)) + panels[i].Title
		slices.SortStableFunc(panels[i].Lines, func(a, b sweptLine) int { return rank(a.cell.System) - rank(b.cell.System) })
	}
	return panels, fresh
}

// writesOfKey is how often a cell's clients write a key, in 1/s.
func writesOfKey(c *results.Cell) float64 {
	s := settingsOf(c)
	return valueOf(c, rateKey) * (1 - s.Workload.Reads) / float64(max(1, s.Workload.Keys))
}

func drawStaleness(panels []sweptPanel) drawing {
	heads := make([]head, len(panels))
	var legend []entry
	left, right := math.Inf(1), 0.0
	least, most := [2]float64{math.Inf(1), math.Inf(1)}, [2]float64{}
	for i := range panels {
		heads[i].title = panels[i].Title
		for _, l := range panels[i].Lines {
			for _, x := range l.Points {
				left, right = min(left, x.X), max(right, x.X)
				for _, y := range []float64{x.Low, x.Median, x.High} {
					if y > 0 {
						least[i%2], most[i%2] = min(least[i%2], y), max(most[i%2], y)
					}
				}
			}
			if i%2 == 0 && !slices.ContainsFunc(legend, func(e entry) bool { return e.text == l.Label }) {
				style := stalenessLook(&l)
				legend = append(legend, entry{l.Label, 22, func(c draw.Canvas, left, right, y vg.Length) {
					c.StrokeLine2(style.line, left, y, right, y)
					c.DrawGlyph(style.marker, vg.Point{X: (left + right) / 2, Y: y})
				}})
			}
		}
	}
	left, right = left/1.5, right*1.5
	g := gridOf(heads, legend, "writes of a key per second", "", 1.6*vg.Inch)
	return g.drawing(func(i int) *plot.Plot {
		p := newPanel()
		// The lower edge is where zero is drawn.
		floor, top := max(least[i%2], most[i%2]/1e4)/2, most[i%2]*1.5
		p.X.Min, p.X.Max, p.X.Scale = left, right, plot.LogScale{}
		p.X.Tick.Marker = plot.ConstantTicks(logTicks(left, right))
		decades(&p.Y, floor, top, plot.Tick{Value: floor, Label: "0"})
		p.Add(gridLines())
		for j, l := range panels[i].Lines {
			t := trail{style: stalenessLook(&l), shift: vg.Length(j)*3.5 - 1.75*vg.Length(len(panels[i].Lines)-1), spots: slices.Clone(l.Points)}
			for k := range t.spots {
				s := &t.spots[k]
				s.Low, s.Median, s.High = math.Log10(max(s.Low, floor)), math.Log10(max(s.Median, floor)), math.Log10(max(s.High, floor))
			}
			p.Add(&t)
		}
		return p
	})
}

// stalenessLook is that of the system; what is not read at followers has hollow marks.
func stalenessLook(l *sweptLine) look {
	style := lookOf(l.cell.System)
	if l.cell.Case != "local-follower" {
		style.marker.Shape = inverse[style.marker.Shape]
		style.line.Width, style.line.Dashes = 0.7, []vg.Length{1.2, 1.8}
	}
	return style
}
