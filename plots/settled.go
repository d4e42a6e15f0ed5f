package plots

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"raftzab/bench/metric"
	"raftzab/results"
)

// settled shows what became of clusters that were watched for a stated time after
// a fault: how long they served nobody, and whether they came to rest.
func settled(d *results.Data) (drawing, string, bool) {
	panels := settledPanels(d)
	if len(panels) == 0 {
		return drawing{}, "", false
	}
	var c caption
	c.say("Time without service: sum of the gaps in which no client had a write acknowledged, each longer than two intervals of a client, of the %s from the first fault on.", plain(panels[0].Lines[0].settings.Observe))
	c.say("Dots are medians, whiskers reach from the 5th to the 95th percentile of the trials.")
	c.say("Beside them: how the last third of that time was, and how many terms (Zab: epochs) had begun by the end, in the median, the vain ones too.")
	c.say("Stable: writes were acknowledged under one leader or two; livelock: more leaders than that, or rounds of voting and no write acknowledged; deadlock: neither.")
	c.faults(panels)
	all := linesOf(panels)
	c.systems(all)
	c.tell(all, serversOf, delayOf, lossOf, fsyncOf)
	c.timeouts(all)
	c.say("Each server has a client of its own, which writes every %s.", plain(settingsOf(panels[0].Lines[0].cell).Probe.Interval))
	c.unwatched(panels)
	c.reservations(d, all)
	return drawSettled(panels), c.String(), true
}

// A settledPanel is what one case shows.
type settledPanel struct {
	Title string
	Lines []settledLine
}

// A settledLine is one system under one set of options.
type settledLine struct {
	Label, System   string
	N, Unwatched    int // trials that were watched to the end, and others
	Down, Low, High float64
	Terms           float64
	Settled         []share
	settings        watchedSettings
	cell            *results.Cell
}

// A share says how many trials ended how.
type share struct {
	Settled string
	Of1     float64
}

// watchedSettings are what this figure says of the circumstances.
type watchedSettings struct {
	Observe string
	Faults  []planned
}

// settledPanels sorts the rows of a scenario whose trials were watched for a
// stated time into a panel a case, and in it into a line a system and set of
// swept values.
func settledPanels(d *results.Data) (panels []settledPanel) {
	for i := range d.Manifest.Cells {
		l := settledLine{cell: &d.Manifest.Cells[i]}
		_ = json.Unmarshal(l.cell.Settings, &l.settings) // fields of another type are as good as missing
		if l.settings.Observe == "" || !l.measure(d) {
			continue
		}
		at := slices.IndexFunc(panels, func(p settledPanel) bool { return p.Title == l.cell.Case })
		if at < 0 {
			at = len(panels)
			panels = append(panels, settledPanel{Title: l.cell.Case})
		}
		panels[at].Lines = append(panels[at].Lines, l)
	}
	for i := range panels {
		panels[i].Title = letter(i, len(panels)) + panels[i].Title
		slices.SortStableFunc(panels[i].Lines, func(a, b settledLine) int { return bare(&a) - bare(&b) })
	}
	return panels
}

// bare puts systems without options last.
func bare(l *settledLine) int {
	if options(l.cell.Swept) == "" {
		return 1
	}
	return 0
}

// measure takes in the rows of the line's cell, and reports whether there are any.
func (l *settledLine) measure(d *results.Data) bool {
	var down, terms []float64
	ends := map[string]int{}
	for i := range d.Trials {
		t := &d.Trials[i]
		if t.Mode != l.cell.Mode || t.System != l.cell.System || t.Case != l.cell.Case || !slices.Equal(t.Swept, l.cell.Swept) {
			continue
		}
		if math.IsNaN(float64(t.DownMS)) || math.IsNaN(float64(t.Terms)) {
			l.Unwatched++
			continue
		}
		down, terms = append(down, float64(t.DownMS)/1000), append(terms, float64(t.Terms))
		ends[t.Settled]++
	}
	of := series{Mode: l.cell.Mode, System: l.cell.System}
	l.System, l.N, l.Label = of.System, len(down), of.label()
	if o := options(l.cell.Swept); o != "" {
		l.Label += ", " + o
	}
	if l.N == 0 {
		return false
	}
	x := metric.NewSample(down)
	l.Down, l.Low, l.High, l.Terms = x.Median(), x.Quantile(0.05), x.Quantile(0.95), metric.NewSample(terms).Median()
	for _, how := range []string{results.Stable, results.Livelock, results.Deadlock} {
		if ends[how] > 0 {
			l.Settled = append(l.Settled, share{how, float64(ends[how]) / float64(l.N)})
		}
	}
	return true
}

// options writes swept values as a reader would say them: what is true, by its
// own name.
func options(swept []results.Setting) string {
	var on []string
	governed, truths := 0, 0
	for _, s := range swept {
		_, name, _ := strings.Cut(s.Key, ".")
		switch s.Value {
		case "":
			continue
		case "true", "false":
			if truths++; s.Value == "true" {
				on = append(on, name)
			}
		default:
			on = append(on, name+" "+plain(s.Value))
		}
		governed++
	}
	switch {
	case governed == 0:
		return ""
	case len(on) == 0 && truths == 2:
		return "neither"
	case len(on) == 0:
		return "without"
	}
	return strings.Join(on, " + ")
}

// linesOf returns the panels as captions know them.
func linesOf(panels []settledPanel) []panel {
	var all []panel
	for _, p := range panels {
		var x panel
		for _, l := range p.Lines {
			x.Series = append(x.Series, series{Mode: l.cell.Mode, System: l.System, N: l.N, cell: l.cell})
		}
		all = append(all, x)
	}
	return all
}

// faults says what happened, panel by panel; panels that share it share a
// sentence.
func (c *caption) faults(panels []settledPanel) {
	for i := range panels {
		var parts []string
		for _, f := range panels[i].Lines[0].settings.Faults {
			part := f.whole()
			if part == "" {
				continue
			}
			if !slices.Contains(parts, part) {
				parts = append(parts, part)
			}
		}
		if len(parts) == 0 {
			continue
		}
		if text := strings.Join(parts, "; then "); len(panels) > 1 {
			c.say("In %s%s.", letter(i, len(panels)), text)
		} else {
			c.say("%s.", upper(text))
		}
	}
}

func groups(all [][]int) string {
	var parts []string
	for _, g := range all {
		parts = append(parts, numbers(g))
	}
	return strings.Join(parts, ", ")
}

// unwatched says how many trials stand behind each line, and what is missing.
func (c *caption) unwatched(panels []settledPanel) {
	var texts []string
	for _, p := range panels {
		var parts []string
		for _, l := range p.Lines {
			part := fmt.Sprintf("%s %s", l.Label, count(l.N))
			if l.Unwatched > 0 {
				part += fmt.Sprintf(" (and %s that ended early, left out)", count(l.Unwatched))
			}
			parts = append(parts, part)
		}
		texts = append(texts, strings.Join(parts, "; "))
	}
	c.counted(texts)
}

func drawSettled(panels []settledPanel) drawing {
	rows := make([]rowPanel, len(panels))
	for i, p := range panels {
		rows[i].Title = p.Title
		for _, l := range p.Lines {
			rows[i].Rows = append(rows[i].Rows, row{l.Label, l.System, l.Down, l.Low, l.High, l.text()})
		}
	}
	return drawRows(rows, "time without service (s)")
}

// text is what stands right of a dot.
func (l *settledLine) text() string {
	var parts []string
	for _, s := range l.Settled {
		if s.Of1 == 1 {
			parts = append(parts, s.Settled)
		} else {
			parts = append(parts, fmt.Sprintf("%s %.1f %%", s.Settled, 100*s.Of1))
		}
	}
	terms := strings.TrimSuffix(fmt.Sprintf("%.1f", l.Terms), ".0") + " terms"
	if l.Terms == 1 {
		terms = "1 term"
	}
	return fmt.Sprintf("%.2f s, %s, %s (n = %s)", l.Down, strings.Join(parts, ", "), terms, count(l.N))
}
