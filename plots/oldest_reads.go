package plots

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"raftzab/bench/metric"
	"raftzab/results"
)

// syncLimits shows how old the oldest read behind a sync was, by what befell the
// leader and what sync waits for.
func syncLimits(d *results.Data) (drawing, string, bool) {
	if !all(d, func(s *settings) bool { return s.Workload.ReadMode == "sync" && len(s.Faults) == 1 }) {
		return drawing{}, "", false
	}
	return oldestReads(d, syncOf, "Reads behind a sync")
}

func syncOf(c *results.Cell) string {
	if settingsOf(c).Zab.Sync == "quorum" {
		return "sync waits for a quorum"
	}
	return "sync as in ZooKeeper"
}

// all reports whether the cells of a scenario that sweeps nothing are all so.
func all(d *results.Data, is func(s *settings) bool) bool {
	return len(d.Manifest.Cells) > 0 && !swept(d) && !slices.ContainsFunc(d.Manifest.Cells, func(c results.Cell) bool {
		s := settingsOf(&c)
		return !is(&s)
	})
}

// pauseStaleReads shows the same of reads in several modes at a leader that was stopped.
func pauseStaleReads(d *results.Data) (drawing, string, bool) {
	if !all(d, func(s *settings) bool {
		return s.Workload.Reads > 0 && s.Workload.ReadMode != "sync" && len(s.Faults) == 1 && s.Faults[0].Kind == "pause"
	}) {
		return drawing{}, "", false
	}
	return oldestReads(d, func(c *results.Cell) string {
		if c.Mode == "live" {
			return "live"
		}
		return "simulated"
	}, "Reads beside a leader that was stopped and goes on")
}

// An oldestPanel is rows from top to bottom.
type oldestPanel struct {
	Title string
	Rows  []oldestRow
}

// An oldestRow is one cell.
type oldestRow struct {
	Label  string
	Trials portion // with a stale read, among all
	Share  staleShare
	Oldest []float64 // time behind of the oldest read of each such trial, in ms
	cell   *results.Cell
}

func oldestPanels(d *results.Data, title func(c *results.Cell) string) (panels []oldestPanel) {
	rows := rowsByCell(d)
	for i := range d.Manifest.Cells {
		c := &d.Manifest.Cells[i]
		share, ok := staleShareOf(rows[c], d.Manifest.Seed)
		if !ok {
			continue
		}
		r := oldestRow{Label: strings.TrimPrefix(c.Case, "quorum-") + ": " + c.System, Share: share, cell: c}
		if c.Mode == "live" && title(c) != "live" {
			r.Label = strings.Replace(r.Label, ": ", ": live ", 1)
		}
		for _, t := range rows[c] {
			if t.Outcome == results.Failed || !there(t.TimeMost) {
				continue
			}
			stale := t.VersionsMost > 0
			if r.Trials.add(stale); stale {
				r.Oldest = append(r.Oldest, float64(t.TimeMost))
			}
		}
		at := slices.IndexFunc(panels, func(p oldestPanel) bool { return p.Title == title(c) })
		if at < 0 {
			at = len(panels)
			panels = append(panels, oldestPanel{Title: title(c)})
		}
		panels[at].Rows = append(panels[at].Rows, r)
	}
	var cases []string
	for i := range d.Manifest.Cells {
		cases = append(cases, d.Manifest.Cells[i].Case)
	}
	for i := range panels {
		slices.SortStableFunc(panels[i].Rows, func(a, b oldestRow) int {
			return cmp.Or(slices.Index(cases, a.cell.Case)-slices.Index(cases, b.cell.Case), rank(a.cell.System)-rank(b.cell.System), cmp.Compare(b.cell.Mode, a.cell.Mode))
		})
		panels[i].Title = letter(i, len(panels)) + panels[i].Title
	}
	return panels
}

func oldestReads(d *results.Data, title func(c *results.Cell) string, what string) (drawing, string, bool) {
	panels := oldestPanels(d, title)
	if len(panels) == 0 {
		return drawing{}, "", false
	}
	var c caption
	c.say("%s: each dot is a trial that had a stale read, at the time that its oldest one was behind, from the acknowledgement of a version that it did not see to its own beginning. Bars are the medians of the dots. On the right: such trials, among all.", what)
	var all panel
	for _, p := range panels {
		for _, r := range p.Rows {
			all.Series = append(all.Series, series{Mode: r.cell.Mode, System: r.cell.System, cell: r.cell})
		}
	}
	c.systems([]panel{all})
	c.machine([]panel{all})
	s := settingsOf(panels[0].Rows[0].cell)
	c.say("Conditions: %d servers; one-way delay %s, and %s from clients to their server; simulated fsync %s.",
		s.Cluster.Voters, plain(s.Network.Delay), plain(s.Clients.Delay), plain(simulatedFsync(&all)))
	for _, tell := range []func(s *settings) string{
		func(s *settings) string { return readModes[s.Workload.ReadMode] },
		func(s *settings) string {
			return fmt.Sprintf("%g operations a second, %g %% of them reads", s.Workload.Rate, 100*s.Workload.Reads)
		},
		befallen,
	} {
		c.ofCases(panels, tell)
	}
	c.timeouts([]panel{all})
	for i, p := range panels {
		var parts []string
		for _, r := range p.Rows {
			parts = append(parts, fmt.Sprintf("%s %s, and %.2g %% of reads failed", r.Label, r.Share, 100*float64(r.Share.Failed)/float64(r.Share.Failed+r.Share.Reads)))
		}
		c.say("%s", upper(fmt.Sprintf("%sof all reads stale, with 95 %% intervals over trials: %s.", letter(i, len(panels)), strings.Join(parts, "; "))))
	}
	c.reservations(d, []panel{all})
	return drawOldest(panels), c.String(), true
}

// readModes says whose state answers a read.
var readModes = map[string]string{
	"local":     "a read is answered by whatever server is asked",
	"leader":    "by the one that believes to lead",
	"lease":     "by one that has a lease from a majority",
	"readindex": "by one that a majority has confirmed since",
	"sync":      "a read is answered by the server that is asked, after a sync",
}

// ofCases says something of each case: once, if it is the same of all. A case has one
// name in all panels.
func (c *caption) ofCases(panels []oldestPanel, tell func(s *settings) string) {
	var texts []string
	cases := map[string][]string{}
	for _, p := range panels {
		for _, r := range p.Rows {
			s := settingsOf(r.cell)
			text, name := tell(&s), strings.TrimPrefix(r.cell.Case, "quorum-")
			if cases[text] == nil {
				texts = append(texts, text)
			}
			add(cases, text, name)
		}
	}
	if len(texts) == 1 {
		c.say("%s.", upper(texts[0]))
		return
	}
	for i, text := range texts {
		texts[i] = strings.Join(cases[text], ", ") + ": " + text
	}
	c.say("%s.", strings.Join(texts, "; "))
}

// befallen says what goes wrong, if it is more than an instant.
func befallen(s *settings) string {
	if len(s.Faults) == 0 || s.Faults[0].Target != "leader" {
		return "nothing goes wrong"
	}
	return s.Faults[0].whole()
}

func simulatedFsync(p *panel) string {
	for _, s := range p.Series {
		if x := settingsOf(s.cell); s.Mode != "live" {
			return x.Disk.Fsync
		}
	}
	return ""
}

func drawOldest(panels []oldestPanel) drawing {
	heads := make([]head, len(panels))
	high, most := 0.0, 0
	for i, p := range panels {
		heads[i].title = p.Title
		most = max(most, len(p.Rows))
		for _, r := range p.Rows {
			for _, x := range r.Oldest {
				high = max(high, x)
			}
		}
	}
	if high == 0 { // nobody read anything old
		high = 100
	}
	const room = 1.4 // for the counts on the right
	g := gridOf(heads, nil, "time behind of a trial's oldest read (ms)", "", vg.Length(most)*12+axisHeight)
	return g.drawing(func(i int) *plot.Plot {
		p := newPanel()
		rows := panels[i].Rows
		p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, high*room, -float64(most)+0.5, 0.5
		var names []plot.Tick
		for j := range rows {
			names = append(names, plot.Tick{Value: -float64(j), Label: rows[j].Label})
		}
		p.X.Tick.Marker = plot.ConstantTicks(roundTicks(high * 1.02))
		p.Y.Tick.Marker, p.Y.Tick.Length, p.Y.LineStyle.Width = plot.ConstantTicks(names), 0, 0
		grid := gridLines()
		p.Add(grid, oldestRows(rows))
		return p
	})
}

type oldestRows []oldestRow

// Plot draws the dots of each row, a little above and below its middle so that they
// can be told apart.
func (rows oldestRows) Plot(c draw.Canvas, pl *plot.Plot) {
	x, y := pl.Transforms(&c)
	for i, r := range rows {
		style := lookOf(r.cell.System).marker
		if style.Radius = 1.3; len(r.Oldest) > 100 {
			style.Radius = 0.8
		}
		if r.cell.Mode == "live" {
			style.Shape = inverse[style.Shape]
		}
		for j, t := range r.Oldest {
			h := fnv.New32a()
			fmt.Fprint(h, j)
			off := vg.Length(h.Sum32()%1000)/1000*7 - 3.5
			c.DrawGlyph(style, vg.Point{X: x(t), Y: y(-float64(i)) + off})
		}
		if len(r.Oldest) > 0 {
			median := x(metric.NewSample(r.Oldest).Median())
			c.StrokeLine2(draw.LineStyle{Color: black, Width: 1}, median, y(-float64(i))-5, median, y(-float64(i))+5)
		}
		c.FillText(textStyle(small, black, text.XRight, text.YCenter), vg.Point{X: c.Max.X - 2, Y: y(-float64(i)) + 2}, r.Trials.String())
	}
}
