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

// readShare shows how many operations a second systems serve, and how fast, by the
// share of reads, as ZooKeeper's paper does in its table 1 and figure 5.
func readShare(d *results.Data) (drawing, string, bool) {
	panels := sharePanels(d)
	if len(panels) == 0 {
		return drawing{}, "", false
	}
	var all []panel
	for _, p := range panels[:modesOf(panels)] {
		x := panel{Case: p.Title}
		for _, l := range p.Lines {
			x.Series = append(x.Series, series{Mode: l.cell.Mode, System: l.System, N: l.Points[0].N, cell: l.cell})
		}
		all = append(all, x)
	}
	s := settingsOf(panels[0].Lines[0].cell)
	w := s.Workload
	var c caption
	c.say("Operations per second and median latency by the share of reads and the kind of read, after table 1 and figure 5 of Hunt, Konar, Junqueira and Reed (ZooKeeper: Wait-free coordination for Internet-scale systems, USENIX ATC 2010), where each server had a machine of its own.")
	c.say("local: the state of whatever server is asked; leader: of the one that believes to lead (Consul's default with hashicorp/raft); readindex: of a leader that a majority has confirmed since (hashicorp/raft: VerifyLeader); sync: local, after a sync, which in zab waits for a quorum%s.", zookeeperSync(panels))
	c.say("Closed loop: %s clients, each with one operation under way, %s keys, %d bytes a value; %d servers; every write is on disk (fsync) before it is acknowledged.", count(w.Clients), count(w.Keys), w.ValueSize, s.Cluster.Voters)
	c.systems(all)
	c.machine(all)
	if m := d.Run.Machine; m.Cores > 0 {
		c.say("Machine: %d cores (%s), which servers and clients share and saturate.", m.Cores, m.CPU)
	}
	c.say("No snapshots are taken, but for zookeeper's own.")
	n := fmt.Sprintf("%s a point", count(panels[0].Lines[0].Points[0].N))
	c.say("Points are medians of the trials, %s, of %s each; whiskers reach from the least to the greatest.", n, plain(s.Observe))
	c.say("Trials of all cells took turns, on the same servers for all points of a system; before them clients worked for %s that nobody measured, half of it reads, and each cell had a trial that is not counted.", plain(w.Warmup))
	c.atZero(panels)
	c.say("Clients differ: those of zookeeper are go-zookeeper/zk, with a goroutine for each request, all others this project's.")
	for _, p := range panels {
		for _, l := range p.Lines {
			if jvm := settingsOf(l.cell).Zab.JVM; jvm != nil {
				c.say("Flags of zookeeper's JVMs: %s.", strings.Join(jvm, " "))
			}
		}
	}
	c.failedOf(panels)
	c.missing(d, nil)
	if d.Manifest.Interrupted {
		c.say("The run was interrupted: the figure shows the trials that had ended.")
	}
	for _, warning := range d.Warnings {
		c.say("%s.", clause(warning))
	}
	c.say("Seed %d; commit %s.", d.Manifest.Seed, short(d.Manifest.Commit))
	return drawShares(panels), c.String(), true
}

func readShareTable(d *results.Data) []byte {
	var b strings.Builder
	b.WriteString("measure,system,read_mode,reads,n,median,least,greatest\n")
	for _, p := range sharePanels(d) {
		for _, l := range p.Lines {
			for _, x := range l.Points {
				fmt.Fprintf(&b, "%s,%s,%s,%g,%d,%.3f,%.3f,%.3f\n", p.measure.column, l.System, settingsOf(l.cell).Workload.ReadMode, x.X, x.N, x.Median, x.Low, x.High)
			}
		}
	}
	return []byte(b.String())
}

// A sharePanel is one measure of one kind of read.
type sharePanel struct {
	Title   string
	Lines   []shareLine
	measure *shareMeasure
}

// A shareLine is one system.
type shareLine struct {
	System string
	Points []spot // Low and High are the least and the greatest
	Failed int    // operations
	cell   *results.Cell
}

// A shareMeasure is what a row of panels shows.
type shareMeasure struct {
	column, axis string
	of           func(t *results.Trial) float64
}

var shareMeasures = []shareMeasure{
	{"throughput_ops_s", "1000 operations / s", func(t *results.Trial) float64 { return float64(t.Throughput) / 1000 }},
	{"read_p50_ms", "median read (ms)", func(t *results.Trial) float64 { return float64(t.ReadP50) }},
	{"commit_p50_ms", "median write (ms)", func(t *results.Trial) float64 { return float64(t.CommitP50) }},
}

// kindsOfReads are the columns: what a read is sure of, and the modes that are.
var kindsOfReads = []struct {
	title string
	modes []string
}{{"local reads", []string{"local"}}, {"reads at the leader", []string{"leader"}}, {"readindex, sync", []string{"readindex", "lease", "sync"}}}

// sharePanels sorts the live rows of a scenario that varies the share of reads into
// a panel a measure and kind of read, row by row.
func sharePanels(d *results.Data) (panels []sharePanel) {
	if !sweeps(d, "workload.reads") {
		return nil
	}
	rows := rowsByCell(d)
	for i := range shareMeasures {
		m := &shareMeasures[i]
		for _, kind := range kindsOfReads {
			p := sharePanel{Title: kind.title, measure: m}
			for j := range d.Manifest.Cells {
				c := &d.Manifest.Cells[j]
				if c.Mode == "live" && slices.Contains(kind.modes, settingsOf(c).Workload.ReadMode) {
					p.add(c, rows[c])
				}
			}
			slices.SortStableFunc(p.Lines, func(a, b shareLine) int { return cmp.Compare(rank(a.System), rank(b.System)) })
			if len(p.Lines) > 0 {
				panels = append(panels, p)
			}
		}
	}
	if len(panels)%len(shareMeasures) != 0 { // a kind without a share between 0 and 1
		return nil
	}
	for i := range panels[:modesOf(panels)] {
		panels[i].Title = letter(i, modesOf(panels)) + panels[i].Title
	}
	for i := range panels[modesOf(panels):] {
		panels[modesOf(panels)+i].Title = ""
	}
	return panels
}

// modesOf is how many kinds of reads there are.
func modesOf(panels []sharePanel) int { return len(panels) / len(shareMeasures) }

// add puts a cell at the end of its system's line.
func (p *sharePanel) add(c *results.Cell, rows []*results.Trial) {
	var values []float64
	failed := 0
	for _, t := range rows {
		if x := p.measure.of(t); t.Outcome != results.Failed && !math.IsNaN(x) {
			values = append(values, x)
			failed += int(t.ReadsFailed + t.WritesFailed)
		}
	}
	s := metric.NewSample(values)
	if len(s) == 0 {
		return
	}
	at := slices.IndexFunc(p.Lines, func(l shareLine) bool { return l.System == c.System })
	if at < 0 {
		at = len(p.Lines)
		p.Lines = append(p.Lines, shareLine{System: c.System, cell: c})
	}
	l := &p.Lines[at]
	l.Points = append(l.Points, spot{valueOf(c, "workload.reads"), len(s), s.Median(), s[0], s[len(s)-1]})
	l.Failed += failed
}

// zookeeperSync says of ZooKeeper's sync what its name does not.
func zookeeperSync(panels []sharePanel) string {
	for _, p := range panels {
		for _, l := range p.Lines {
			if l.System == "zookeeper" && settingsOf(l.cell).Workload.ReadMode == "sync" {
				return " and in zookeeper for the leader alone"
			}
		}
	}
	return ""
}

// atZero says how far apart medians are that measure the same: without reads there
// is no kind of them.
func (c *caption) atZero(panels []sharePanel) {
	least, most := map[string]float64{}, map[string]float64{}
	var order []string
	for _, p := range panels[:modesOf(panels)] {
		for _, l := range p.Lines {
			for _, x := range l.Points {
				if x.X != 0 {
					continue
				}
				if _, ok := least[l.System]; !ok {
					order, least[l.System] = append(order, l.System), x.Median
				}
				least[l.System], most[l.System] = min(least[l.System], x.Median), max(most[l.System], x.Median)
			}
		}
	}
	var parts []string
	for _, system := range order {
		parts = append(parts, fmt.Sprintf("%s %.1f to %.1f", system, least[system], most[system]))
	}
	if len(parts) > 0 {
		c.say("Without reads all kinds of them are the same, so points at 0 should agree from panel to panel; in 1000 operations per second: %s.", strings.Join(parts, ", "))
	}
}

// failedOf says how many operations were not served.
func (c *caption) failedOf(panels []sharePanel) {
	failed := 0
	for _, p := range panels[:modesOf(panels)] {
		for _, l := range p.Lines {
			failed += l.Failed
		}
	}
	if failed > 0 {
		c.say("Operations that were refused or given up, in all: %s.", count(failed))
	}
}

func drawShares(panels []sharePanel) drawing {
	n := modesOf(panels)
	heads := make([]head, len(panels))
	var legend []entry
	var said []string
	var spans [3][2]float64
	for i := range spans {
		spans[i] = [2]float64{math.Inf(1), 0}
	}
	for i, p := range panels {
		heads[i].title = p.Title
		for _, l := range p.Lines {
			for _, x := range l.Points {
				spans[i/n] = [2]float64{min(spans[i/n][0], x.Low), max(spans[i/n][1], x.High)}
			}
			if !slices.Contains(said, l.System) {
				said = append(said, l.System)
				style := lookOf(l.System)
				legend = append(legend, entry{fmt.Sprintf("%s (n = %s a point)", l.System, count(l.Points[0].N)), 22, func(c draw.Canvas, left, right, y vg.Length) {
					c.StrokeLine2(style.line, left, y, right, y)
					c.DrawGlyph(style.marker, vg.Point{X: (left + right) / 2, Y: y})
				}})
			}
		}
	}
	g := gridOf(heads, legend, "share of reads", "", 1.45*vg.Inch)
	g.columns, g.rows, g.width = n, len(shareMeasures), twoColumn
	if n == 1 {
		g.width = oneColumn
	}
	for _, m := range shareMeasures {
		g.yNames = append(g.yNames, m.axis)
	}
	return g.drawing(func(i int) *plot.Plot {
		p := newPanel()
		low, high := spans[i/n][0]/1.15, spans[i/n][1]*1.15
		p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = -0.06, 1.06, low, high
		p.Y.Scale = plot.LogScale{}
		p.X.Tick.Marker, p.Y.Tick.Marker = plot.ConstantTicks(readTicks), plot.ConstantTicks(logTicks(low, high))
		p.Add(gridLines())
		for j := range panels[i].Lines {
			l := &panels[i].Lines[j]
			p.Add(&trail{style: lookOf(l.System), shift: vg.Length(j-len(panels[i].Lines)/2) * 2, spots: l.Points})
		}
		return p
	})
}

var readTicks = []plot.Tick{{Value: 0, Label: "0"}, {Value: 0.25, Label: "0.25"}, {Value: 0.5, Label: "0.5"}, {Value: 0.75, Label: "0.75"}, {Value: 1, Label: "1"}}
