package main

import (
	"raftzab/bench/run"
	"raftzab/experiments"
	"raftzab/results"
)

// outputs are the data files of a system in a mode.
type outputs struct {
	files   []output                            // trials first
	visible *results.Writer[results.Visibility] // nil: no cell of the scenario tells how soon writes are visible
}

// An output is a data file: what trials have to say of one kind of rows.
type output interface {
	put(position int, told *run.Told) error
	format(told *run.Told) string
	parse(text string, told *run.Told) error
}

// rowsOf is an output.
type rowsOf[T any] struct {
	to    *results.Writer[T]
	rows  func(told *run.Told) *[]T
	whole bool // these rows add up over all trials of a cell, and are written then
}

func (o rowsOf[T]) put(position int, told *run.Told) error {
	if o.whole {
		return nil
	}
	return o.to.Put(position, *o.rows(told)...)
}

func (o rowsOf[T]) format(told *run.Told) string { return o.to.Format(*o.rows(told)...) }

func (o rowsOf[T]) parse(text string, told *run.Told) (err error) {
	*o.rows(told), err = o.to.Parse(text)
	return err
}

// open begins the files that the system of a cell has in this scenario.
func open(folder *results.Folder, s *experiments.Scenario, cell *run.Cell) (*outputs, error) {
	mode, system, keys := string(cell.Mode), cell.System, s.SweptKeys
	trials, err := folder.Trials(mode, system, keys, s.Asked()...)
	if err != nil {
		return nil, err
	}
	w := &outputs{files: []output{rowsOf[results.Trial]{to: trials, rows: func(t *run.Told) *[]results.Trial { return &t.Rows }}}}
	if s.Reads() {
		to, err := folder.Reads(mode, system, keys)
		if err != nil {
			return nil, err
		}
		w.files = append(w.files, rowsOf[results.Reads]{to: to, rows: func(t *run.Told) *[]results.Reads { return &t.Reads }})
	}
	if s.Windows() {
		to, err := folder.Windows(mode, system, keys)
		if err != nil {
			return nil, err
		}
		w.files = append(w.files, rowsOf[results.Window]{to: to, rows: func(t *run.Told) *[]results.Window { return &t.Windows }})
	}
	if s.Timeline() {
		to, err := folder.Timeline(mode, system, keys)
		if err != nil {
			return nil, err
		}
		w.files = append(w.files, rowsOf[results.Moment]{to: to, rows: func(t *run.Told) *[]results.Moment { return &t.Moments }})
	}
	if s.Histograms() {
		if w.visible, err = folder.Histograms(mode, system, keys); err != nil {
			return nil, err
		}
		w.files = append(w.files, rowsOf[results.Visibility]{to: w.visible, rows: func(t *run.Told) *[]results.Visibility { return &t.Visible }, whole: true})
	}
	return w, nil
}
