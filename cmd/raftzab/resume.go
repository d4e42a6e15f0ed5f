package main

import (
	"fmt"
	"slices"
	"time"

	"raftzab/bench/run"
	"raftzab/results"
)

// kept is what of a cell has ended before: trials by their place among this process's,
// and what was said of the cell.
type kept struct {
	trials   map[int]*run.Told
	sessions []results.Session
}

// resume takes over what an interrupted run of the same kind has left.
func (m *measuring) resume() error {
	earlier, other, err := m.folder.Journal(m.identity(m.s), m.force)
	if err != nil {
		return err
	}
	if other {
		fmt.Fprintln(m.stderr, "an interrupted run had left its journal there; it was of another program, scenario, seed or other flags, so this one begins anew")
	}
	n := 0
	for _, e := range earlier {
		n += len(e.Kept)
	}
	if n > 0 {
		fmt.Fprintf(m.stderr, "going on where an interrupted run has ended: %s are there\n", trials(n))
		m.world.Resumed = append(m.world.Resumed, m.world.Started)
	}
	m.journal, m.earlier = true, func(number int, w *outputs) (*kept, error) { return w.recall(&m.s.Cells[number], earlier[number]) }
	return nil
}

// keep writes a trial as a journal has it.
func (w *outputs) keep(i int, told *run.Told) results.Kept {
	k := results.Kept{Index: i, Checksum: told.Checksum}
	for _, f := range w.files {
		k.Rows = append(k.Rows, f.format(told))
	}
	for _, b := range told.Breaches {
		k.Breaches = append(k.Breaches, results.Breach{Trial: b.Trial, Probed: b.Probed, What: b.What})
	}
	return k
}

// recall reads what a journal has of a cell.
func (w *outputs) recall(cell *run.Cell, e *results.Earlier) (*kept, error) {
	k := &kept{trials: map[int]*run.Told{}}
	if e == nil {
		return k, nil
	}
	k.sessions = e.Sessions
	for _, one := range e.Kept {
		told := &run.Told{Checksum: one.Checksum}
		for i, f := range w.files {
			if i >= len(one.Rows) {
				return nil, fmt.Errorf("the journal of an interrupted run has a trial of %s without rows; begin anew with --force", cell)
			}
			if err := f.parse(one.Rows[i], told); err != nil {
				return nil, fmt.Errorf("the journal of an interrupted run cannot be read; begin anew with --force: %w", err)
			}
		}
		for _, b := range one.Breaches {
			told.Breaches = append(told.Breaches, &run.Breach{Cell: cell, Trial: b.Trial, Probed: b.Probed, What: b.What})
		}
		k.trials[one.Index] = told
	}
	return k, nil
}

// absorb adds to the summary of a cell what was said of it before.
func (k *kept) absorb(sum *run.Summary) {
	for _, s := range k.sessions {
		sum.Wall += time.Duration(s.Seconds * float64(time.Second))
		sum.Live = s.Live.Plus(sum.Live)
		sum.Observed = append(slices.Clone(s.Observed), sum.Observed...)
		for _, v := range s.Versions {
			sum.Versions = append(sum.Versions, run.Version{Of: v[0], Is: v[1]})
		}
	}
}

// session is what a journal has of a cell's end.
func session(sum *run.Summary) results.Session {
	s := results.Session{Seconds: sum.Wall.Seconds(), Live: sum.Live, Observed: sum.Observed}
	for _, v := range sum.Versions {
		s.Versions = append(s.Versions, [2]string{v.Of, v.Is})
	}
	return s
}

// failed reports whether the world has failed a trial, so that it is to be run again.
func failed(told *run.Told) bool {
	return slices.ContainsFunc(told.Rows, func(row results.Trial) bool { return row.Outcome == results.Failed })
}
