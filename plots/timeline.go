package plots

import (
	"image/color"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"raftzab/results"
)

// timeline shows one trial of each cell as its servers and their clients saw it: who
// leads in whose eyes, and what became of the writes.
func timeline(d *results.Data) (drawing, string, bool) {
	panels := momentPanels(d)
	if len(panels) == 0 {
		return drawing{}, "", false
	}
	var all []panel
	for i := range panels {
		all = append(all, panel{Series: []series{{Mode: panels[i].Mode, System: panels[i].System, N: 1, cell: panels[i].cell}}})
	}
	s := settingsOf(panels[0].cell)
	var c caption
	c.say("One trial each, trial 0. A row is a server; the old leader is at the top, with those on its side below it, and the others below the gap.")
	c.say("The upper bar of a row is whom the server serves under (at the end of each %s): dark, the old leader; light, a new one; none, nobody. It is framed while the server takes itself for the leader.", plain(s.Probe.Timeline))
	c.say("The lower bar is what became of the writes that were submitted to the server in each %s, one every %s: acknowledged, refused (certainly without effect), unknown (its client cannot know), not answered by the end.", plain(s.Probe.Timeline), plain(s.Probe.Interval))
	c.say("In Raft only the leader takes writes; a server of Zab that serves takes any.")
	c.systems(all)
	c.circumstances(all)
	c.timeouts(all)
	c.reservations(d, all)
	return drawMoments(panels), c.String(), true
}

// A momentPanel is one trial of a cell.
type momentPanel struct {
	Title, Mode, System string
	Old                 int         // the leader when the first fault struck
	Servers             []int       // from top to bottom
	Gap                 int         // there is one above Servers[Gap]; 0: none
	Moments             [][]moment  // by server, as in Servers
	From                float64     // when the first of them begins, in seconds from the first fault
	Faults              []faultMark // in order
	width               float64     // of a window, s
	cell                *results.Cell
}

// A moment is a server in a window of time.
type moment struct {
	Leader int // 0: it serves under nobody
	Leads  bool
	Fates  [4]int // writes, by fate
}

// A faultMark is when a fault struck, in seconds from the first.
type faultMark struct {
	At    float64
	Label string
}

// momentPanels are the live cells with a timeline; without any, the simulated ones.
func momentPanels(d *results.Data) (panels []momentPanel) {
	live := slices.ContainsFunc(d.Timeline, func(m results.Moment) bool { return m.Mode == "live" })
	for i := range d.Manifest.Cells {
		c := &d.Manifest.Cells[i]
		if live != (c.Mode == "live") {
			continue
		}
		p := momentPanel{Mode: c.Mode, System: c.System, cell: c}
		p.Title = (&series{Mode: c.Mode, System: c.System}).label()
		for _, s := range c.Swept {
			_, name, _ := strings.Cut(s.Key, ".")
			switch s.Value {
			case "":
			case "true":
				p.Title += ", " + name + " on"
			case "false":
				p.Title += ", " + name + " off"
			default:
				p.Title += ", " + name + " " + plain(s.Value)
			}
		}
		width, err := time.ParseDuration(settingsOf(c).Probe.Timeline)
		if p.width = width.Seconds(); err == nil && p.fill(d) {
			panels = append(panels, p)
		}
	}
	slices.SortStableFunc(panels, func(a, b momentPanel) int { return rank(a.System) - rank(b.System) })
	for i := range panels {
		panels[i].Title = letter(i, len(panels)) + panels[i].Title
	}
	return panels
}

// fill takes the rows of the cell in, and reports whether there is a fault among them.
func (p *momentPanel) fill(d *results.Data) bool {
	byServer := map[int][]results.Moment{}
	for _, m := range d.Timeline {
		if m.Mode == p.Mode && m.System == p.System && m.Case == p.cell.Case && slices.Equal(m.Swept, p.cell.Swept) {
			byServer[m.Server] = append(byServer[m.Server], m)
		}
	}
	first := slices.IndexFunc(byServer[1], func(m results.Moment) bool { return m.Faults != "" })
	if first < 1 {
		return false
	}
	p.Old = int(byServer[1][first-1].Leader)
	side := sideOf(byServer[1][first].Faults, p.Old)
	for id := range len(byServer) {
		p.Servers = append(p.Servers, id+1)
	}
	place := func(id int) int {
		switch {
		case id == p.Old:
			return 0
		case slices.Contains(side, id):
			return 1
		}
		return 2
	}
	slices.SortStableFunc(p.Servers, func(a, b int) int { return place(a) - place(b) })
	if len(side) < len(p.Servers) {
		p.Gap = len(side)
	}
	const before = 0.3 // s that are shown
	from := max(0, first-int(before/p.width+0.5))
	zero := float64(byServer[1][first].At) / 1000
	p.From = float64(byServer[1][from].At)/1000 - zero
	for _, id := range p.Servers {
		var row []moment
		for _, m := range byServer[id][from:] {
			x := moment{Leads: m.Role == "leader", Fates: [4]int{m.Acknowledged, m.Refused, m.Unknown, m.Unanswered}}
			if there(m.Leader) {
				x.Leader = int(m.Leader)
			}
			row = append(row, x)
			if id == 1 && m.Faults != "" {
				kind, _, _ := strings.Cut(m.Faults, " ")
				p.Faults = append(p.Faults, faultMark{float64(m.At)/1000 - zero, kind})
			}
		}
		p.Moments = append(p.Moments, row)
	}
	return true
}

var groupText = regexp.MustCompile(`\[([0-9 ]+)\]`)

// sideOf reads from the text of a fault who is left on a server's side: those of its
// group, or it alone.
func sideOf(fault string, server int) (side []int) {
	for _, g := range groupText.FindAllStringSubmatch(fault, -1) {
		side = nil
		for text := range strings.FieldsSeq(g[1]) {
			id, _ := strconv.Atoi(text)
			side = append(side, id)
		}
		if slices.Contains(side, server) {
			return side
		}
	}
	return []int{server}
}

// drawMoments draws the panels.
func drawMoments(panels []momentPanel) drawing {
	heads := make([]head, len(panels))
	low, high, rows := 0.0, 0.0, 0
	for i, p := range panels {
		heads[i].title = p.Title
		low, high, rows = min(low, p.From), max(high, p.From+float64(len(p.Moments[0]))*p.width), max(rows, len(p.Servers))
	}
	sample := func(fill color.Color, frame bool) func(draw.Canvas, vg.Length, vg.Length, vg.Length) {
		return func(c draw.Canvas, left, right, y vg.Length) {
			bar := vg.Rectangle{Min: vg.Point{X: left, Y: y - 2.5}, Max: vg.Point{X: right, Y: y + 2.5}}
			c.SetColor(fill)
			c.Fill(bar.Path())
			if frame {
				c.SetLineStyle(leads)
				c.Stroke(bar.Path())
			}
		}
	}
	legend := []entry{{"upper: under the old leader", 12, sample(underOld, false)}, {"under the new one", 12, sample(underNew, false)}, {"leads", 12, sample(white, true)}}
	for i, name := range fateNames {
		if i == 0 {
			name = "lower: " + name
		}
		legend = append(legend, entry{name, 6, sample(fateColors[i], false)})
	}
	g := gridOf(heads, legend, "time from the first fault (s)", "", vg.Length(rows)*15+axisHeight+6)
	return g.drawing(func(i int) *plot.Plot {
		p := newPanel()
		p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = low, high, -float64(rows)-gapHeight, 0.55
		p.X.Tick.Marker = plot.ConstantTicks(roundTicks(high))
		var names []plot.Tick
		for k, id := range panels[i].Servers {
			name := strconv.Itoa(id)
			if id == panels[i].Old {
				name = "old leader " + name
			}
			names = append(names, plot.Tick{Value: -panels[i].row(k) - 0.5, Label: name})
		}
		p.Y.Tick.Marker, p.Y.Tick.Length, p.Y.LineStyle.Width = plot.ConstantTicks(names), 0, 0
		p.Add(&panels[i])
		return p
	})
}

// What the bars are filled with. Fates go from dark to light in a grey print: what a
// client does not know stands out.
var (
	underOld   = darkGrey
	underNew   = skyBlue
	leads      = draw.LineStyle{Color: black, Width: 0.9}
	fateNames  = [4]string{"acknowledged", "refused", "unknown", "not answered"}
	fateColors = [4]color.Color{bluishGreen, lightGrey, orange, black}
)

// gapHeight is what lies between the two sides, in rows.
const gapHeight = 0.5

// row is how far below the top a server's row begins.
func (p *momentPanel) row(k int) float64 {
	if p.Gap > 0 && k >= p.Gap {
		return float64(k) + gapHeight
	}
	return float64(k)
}

// Plot draws the rows, and the faults upon them.
func (p *momentPanel) Plot(c draw.Canvas, pl *plot.Plot) {
	x, y := pl.Transforms(&c)
	box := func(from, to, top, bottom float64) vg.Path {
		return vg.Rectangle{Min: vg.Point{X: x(from), Y: y(bottom)}, Max: vg.Point{X: x(to), Y: y(top)}}.Path()
	}
	for k, row := range p.Moments {
		top := -p.row(k)
		at := func(w int) float64 { return p.From + float64(w)*p.width }
		for from := 0; from < len(row); {
			to := from // as long as nothing changes
			for to < len(row) && row[to].Leader == row[from].Leader && row[to].Leads == row[from].Leads {
				to++
			}
			path := box(at(from), at(to), top-0.08, top-0.46)
			if m := row[from]; m.Leader != 0 {
				c.SetColor(underNew)
				if m.Leader == p.Old {
					c.SetColor(underOld)
				}
				c.Fill(path)
			}
			if row[from].Leads {
				c.SetLineStyle(leads)
				c.Stroke(path)
			}
			from = to
		}
		for w, m := range row {
			all, done := 0, 0
			for _, n := range m.Fates {
				all += n
			}
			for i, n := range m.Fates {
				if n > 0 {
					share := func(n int) float64 { return top - 0.88 + 0.36*float64(n)/float64(all) }
					c.SetColor(fateColors[i])
					c.Fill(box(at(w), at(w+1), share(done+n), share(done)))
					done += n
				}
			}
		}
	}
	label := textStyle(small, black, text.XLeft, text.YTop)
	for _, f := range p.Faults {
		c.StrokeLine2(draw.LineStyle{Color: black, Width: 0.6, Dashes: []vg.Length{2, 1.5}}, x(f.At), c.Min.Y, x(f.At), c.Max.Y)
		c.FillText(label, vg.Point{X: x(f.At) + 2, Y: c.Max.Y}, f.Label)
	}
}
