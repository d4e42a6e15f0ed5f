package main

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"raftzab/bench/run"
	"raftzab/results"
)

// A record is what a trial has to say.
type record struct {
	rows     []results.Trial
	reads    []results.Reads
	windows  []results.Window
	checksum uint64
	breaches []results.Breach
}

// kept is what of a cell has ended before: trials by their place among this process's,
// and what was said of the cell.
type kept struct {
	trials   map[int]*record
	sessions []results.Session
}

// all are the trials in their order.
func (k *kept) all() iter.Seq2[int, *record] {
	return func(yield func(int, *record) bool) {
		for _, i := range slices.Sorted(maps.Keys(k.trials)) {
			if !yield(i, k.trials[i]) {
				return
			}
		}
	}
}

// keep writes a trial as a journal has it.
func (w *outputs) keep(i int, t *record) results.Kept {
	k := results.Kept{Index: i, Checksum: t.checksum, Trials: w.trials.Format(t.rows...), Breaches: t.breaches}
	if w.reads != nil {
		k.Reads = w.reads.Format(t.reads...)
	}
	if w.windows != nil {
		k.Windows = w.windows.Format(t.windows...)
	}
	return k
}

// recall reads what a journal has of a cell.
func (w *outputs) recall(e *results.Earlier) (*kept, error) {
	k := &kept{trials: map[int]*record{}}
	if e == nil {
		return k, nil
	}
	k.sessions = e.Sessions
	for i := range e.Kept {
		t, err := w.tell(&e.Kept[i])
		if err != nil {
			return nil, fmt.Errorf("reading the journal: %w", err)
		}
		k.trials[e.Kept[i].Index] = t
	}
	return k, nil
}

func (w *outputs) tell(k *results.Kept) (t *record, err error) {
	t = &record{checksum: k.Checksum, breaches: k.Breaches}
	if t.rows, err = w.trials.Parse(k.Trials); err == nil && w.reads != nil {
		t.reads, err = w.reads.Parse(k.Reads)
	}
	if err == nil && w.windows != nil {
		t.windows, err = w.windows.Parse(k.Windows)
	}
	return t, err
}

// put gives a trial its place in the files.
func (w *outputs) put(position int, t *record) (err error) {
	if w.reads != nil {
		err = w.reads.Put(position, t.reads...)
	}
	if w.windows != nil && err == nil {
		err = w.windows.Put(position, t.windows...)
	}
	if err == nil {
		err = w.trials.Put(position, t.rows...)
	}
	return err
}

// absorb adds to the summary of a cell what had ended before.
func (k *kept) absorb(sum *run.Summary) {
	for _, t := range k.all() {
		sum.Checksum += t.checksum
		sum.Rows += len(t.rows)
		for _, row := range t.rows {
			sum.Counts[row.Outcome]++
		}
		for _, b := range t.breaches {
			sum.Breaches = append(sum.Breaches, &run.Breach{Cell: sum.Cell, Trial: b.Trial, Probed: b.Probed, What: b.What})
		}
	}
	for _, s := range k.sessions {
		sum.Wall += time.Duration(s.Seconds * float64(time.Second))
		sum.Live = s.Live.Plus(sum.Live)
		sum.Observed = append(s.Observed, sum.Observed...)
		for _, v := range s.Versions {
			sum.Versions = append(sum.Versions, run.Version{Of: v[0], Is: v[1]})
		}
	}
}

// failed reports whether the world has failed a trial, so that it is to be run again.
func (t *record) failed() bool {
	for _, row := range t.rows {
		if row.Outcome == results.Failed {
			return true
		}
	}
	return false
}

// session is what a journal has of a cell's end.
func session(sum *run.Summary) results.Session {
	s := results.Session{Seconds: sum.Wall.Seconds(), Live: sum.Live, Observed: sum.Observed}
	for _, v := range sum.Versions {
		s.Versions = append(s.Versions, [2]string{v.Of, v.Is})
	}
	return s
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
	m.journal, m.earlier = true, func(cell int, w *outputs) (*kept, error) { return w.recall(earlier[cell]) }
	return nil
}
