package plots

import (
	"cmp"
	"math"
	"slices"

	"raftzab/bench/metric"
	"raftzab/results"
)

// A panel is what one case of the scenario shows: the systems side by side.
type panel struct {
	Case   string
	Series []series
	Absent []absence
}

// An absence is a system that was asked for and cannot be shown.
type absence struct{ Label, Why string }

func (a absence) String() string { return a.Label + ": " + a.Why }

// A series is one system in one case.
type series struct {
	Mode, System string
	N            int // trials that count, Censored ones included
	Censored     int
	Failed       int           // trials that the world failed: they do not count
	Without      int           // trials that went on without what is measured: they do not count either
	Violated     int           // trials in which an invariant was broken
	sample       metric.Sample // the values; +Inf for the censored
	rows         []*results.Trial
	cell         *results.Cell
}

// label names a series in legends.
func (s *series) label() string {
	if s.Mode == "live" {
		return "live " + s.System
	}
	return s.System
}

// panelsOf sorts the rows of a scenario into panels. Value returns what is
// measured of a row, and whether the row belongs to this figure at all. A row
// whose value is missing counts as censored if the trial was; else the system
// cannot give it.
func panelsOf(d *results.Data, value func(t *results.Trial) (results.Number, bool)) []panel {
	type key struct{ mode, name, system string }
	rows := map[key][]*results.Trial{}
	for i := range d.Trials {
		t := &d.Trials[i]
		k := key{t.Mode, t.Case, t.System}
		rows[k] = append(rows[k], t)
	}
	var panels []panel
	for i := range d.Manifest.Cells {
		cell := &d.Manifest.Cells[i]
		at := slices.IndexFunc(panels, func(p panel) bool { return p.Case == cell.Case })
		if at < 0 {
			at = len(panels)
			panels = append(panels, panel{Case: cell.Case})
		}
		s, why := seriesOfCell(cell, rows[key{cell.Mode, cell.Case, cell.System}], value)
		if why != "" {
			panels[at].Absent = append(panels[at].Absent, absence{s.label(), why})
			continue
		}
		panels[at].Series = append(panels[at].Series, s)
	}
	panels = slices.DeleteFunc(panels, func(p panel) bool { return len(p.Series) == 0 })
	for _, p := range panels {
		slices.SortStableFunc(p.Series, func(a, b series) int {
			return cmp.Or(cmp.Compare(rank(a.System), rank(b.System)), cmp.Compare(b.Mode, a.Mode)) // sim before live
		})
	}
	return panels
}

// seriesOfCell makes the series of a cell from its rows; or says why there is none.
func seriesOfCell(cell *results.Cell, ran []*results.Trial, value func(t *results.Trial) (results.Number, bool)) (s series, why string) {
	s = series{Mode: cell.Mode, System: cell.System, cell: cell}
	var values []float64
	for _, t := range ran {
		v, ours := value(t)
		switch {
		case !ours:
			continue
		case t.Outcome == results.Failed:
			s.Failed++
			continue
		case !math.IsNaN(float64(v)):
			values = append(values, float64(v))
		case t.Outcome == results.Censored:
			values = append(values, math.Inf(1))
		default:
			s.Without++
			continue
		}
		if s.rows = append(s.rows, t); t.Outcome == results.Violated {
			s.Violated++
		}
	}
	if s.sample = metric.NewSample(values); len(s.sample) == 0 {
		switch {
		case len(ran) == 0:
			return s, "not run here"
		case s.Failed > 0:
			return s, "every trial failed"
		}
		return s, "not measured"
	}
	s.N, s.Censored = len(s.sample), s.sample.Censored()
	return s, ""
}

// Electing picks the trials whose elections are shown: of live ones all, and of
// simulated ones those without probing clients, as nobody's writes move them; but
// where a system is both live and simulated those with, like with like.
func Electing(d *results.Data) func(t *results.Trial) bool {
	probed := loaded(d)
	return func(t *results.Trial) bool { return t.Mode == "live" || t.Probed == probed }
}

func loaded(d *results.Data) bool {
	live, sim := map[string]bool{}, map[string]bool{}
	for i := range d.Trials {
		if t := &d.Trials[i]; t.Mode == "live" {
			live[t.System] = true
		} else if t.Probed {
			sim[t.System] = true
		}
	}
	for s := range sim {
		if live[s] {
			return true
		}
	}
	return false
}

// served reports whether the scenario is about its clients: their load moves
// elections, which are no matter of its figures.
func served(d *results.Data) bool {
	return slices.ContainsFunc(d.Manifest.Cells, func(c results.Cell) bool { return settingsOf(&c).Workload.Clients > 0 })
}

// swept reports whether the scenario varies a setting: these figures would mix
// its values.
func swept(d *results.Data) bool {
	return slices.ContainsFunc(d.Manifest.Cells, func(c results.Cell) bool { return len(c.Swept) > 0 })
}
