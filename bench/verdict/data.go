package verdict

import (
	"fmt"
	"slices"
	"strings"

	"raftzab/results"
)

// A Cell is one point of an experiment: a system under one set of settings.
type Cell struct {
	Mode, Case, System string
	Swept              []results.Setting
}

// A row is one of a trials file or of a reads file.
type row interface {
	Value(column string) any // results.Trial has what it returns
}

// row is a row as all those of the cell are, for conditions that tell cells apart.
func (c *Cell) row() *results.Trial {
	return &results.Trial{Mode: c.Mode, Case: c.Case, System: c.System, Swept: c.Swept}
}

func (c *Cell) String() string {
	words := []string{c.System, c.Mode}
	if c.Case != "" {
		words = append(words, c.Case)
	}
	for _, s := range c.Swept {
		if s.Value != "" {
			words = append(words, s.Key+"="+s.Value)
		}
	}
	return strings.Join(words, " ")
}

// Data are rows by their cells.
type Data struct {
	LeftOut []results.LeftOut // systems that could not run

	rows  map[string][]results.Trial
	reads map[string][]results.Reads
}

// Add takes in rows, in any order. Those of failed trials hold no measurement.
func (d *Data) Add(rows ...results.Trial) {
	if d.rows == nil {
		d.rows = map[string][]results.Trial{}
	}
	for i := range rows {
		if t := &rows[i]; t.Outcome != results.Failed {
			id := (&Cell{t.Mode, t.Case, t.System, t.Swept}).String()
			d.rows[id] = append(d.rows[id], *t)
		}
	}
}

// AddReads takes in rows of reads files, in any order.
func (d *Data) AddReads(rows ...results.Reads) {
	if d.reads == nil {
		d.reads = map[string][]results.Reads{}
	}
	for _, r := range rows {
		id := (&Cell{r.Mode, r.Case, r.System, r.Swept}).String()
		d.reads[id] = append(d.reads[id], r)
	}
}

// of returns the rows of a cell of which a column speaks. Of a simulated trial that
// ran with clients and without, one of the two rows counts: that without, but for
// outages; both where a condition says which.
func (d *Data) of(c *Cell, r *rows) (of []row) {
	if r.reads {
		for i := range d.reads[c.String()] {
			of = append(of, &d.reads[c.String()][i])
		}
		return of
	}
	trials := d.rows[c.String()]
	calm := slices.ContainsFunc(trials, func(t results.Trial) bool { return !t.Probed })
	busy := slices.ContainsFunc(trials, func(t results.Trial) bool { return t.Probed })
	said := slices.ContainsFunc(r.where, func(w Condition) bool { return w.probed })
	for i := range trials {
		t := &trials[i]
		if said || !calm || !busy || t.Probed == r.outages {
			of = append(of, t)
		}
	}
	return of
}

// absent says why a cell has fewer trials than it should.
func (d *Data) absent(c *Cell, n, least int) error {
	for _, l := range d.LeftOut {
		if l.Mode == c.Mode && l.System == c.System {
			return &missing{fmt.Sprintf("%s is left out: %s", c.System, l.Reason)}
		}
	}
	return &missing{fmt.Sprintf("%s has %d trials, and the rule asks for %d", c, n, least)}
}

// dimensions are what tells the cells of one system and mode apart.
func (s *Scope) dimensions() []string {
	names := []string{"mode", "case"}
	if len(s.Cells) > 0 {
		for _, k := range s.Cells[0].Swept {
			names = append(names, k.Key)
		}
	}
	return names
}

// combinations returns one setting for each of keys, in all combinations that
// cells have, in their order; one of nothing without keys.
func (s *Scope) combinations(keys []string) (all [][]results.Setting) {
	seen := map[string]bool{}
	for i := range s.Cells {
		row := s.Cells[i].row()
		var combination []results.Setting
		for _, key := range keys {
			if value, _ := row.Value(key).(string); value != "" {
				combination = append(combination, results.Setting{Key: key, Value: value})
			}
		}
		if id := fmt.Sprint(combination); len(combination) == len(keys) && !seen[id] {
			seen[id] = true
			all = append(all, combination)
		}
	}
	return all
}

// admits reports whether a cell is one of a combination: it has its values, where
// it is governed by them.
func admits(combination []results.Setting, row row) bool {
	return !slices.ContainsFunc(combination, func(s results.Setting) bool {
		value, _ := row.Value(s.Key).(string)
		return value != "" && value != s.Value
	})
}
