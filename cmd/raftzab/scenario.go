package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"raftzab/bench/run"
	"raftzab/bench/verdict"
	"raftzab/experiments"
	"raftzab/plots"
	"raftzab/results"
)

// A measuring is one scenario on its way to its folder of results.
type measuring struct {
	*job
	s      *experiments.Scenario
	folder *results.Folder

	lacking func(cell *run.Cell, system *run.System) string // why a system cannot run here; empty: it can
	earlier func(cell int, w *outputs) (*kept, error)       // what of a cell need not run; nil: nothing
	journal bool                                            // what ends is kept in the folder's journal
	only    func(cell *run.Cell) bool                       // nil: all cells

	manifest results.Manifest
	world    results.Run
	writers  map[string]*outputs
	used     map[string]int // positions of each file
	table    summary
	data     verdict.Data
	broken   []*run.Breach
	failed   error // what the world has failed
}

// measure begins to measure a scenario.
func (j *job) measure(s *experiments.Scenario, folder *results.Folder) *measuring {
	commit, dirty := build()
	m := &measuring{job: j, s: s, lacking: func(cell *run.Cell, system *run.System) string { return system.Missing(cell.World()) }, folder: folder, world: results.NewRun(), writers: map[string]*outputs{}, used: map[string]int{},
		manifest: results.Manifest{Scenario: s.Name, Text: string(s.Text), Commit: commit, Versions: results.Versions(), Seed: s.Seed, Skipped: s.Skipped(), Flags: j.flags, Shard: j.share}}
	m.world.Dirty, m.world.Program = dirty, program()
	return m
}

// scenario runs the cells of one scenario, but for what an interrupted run has left,
// and leaves its results.
func (j *job) scenario(s *experiments.Scenario, folder *results.Folder) (err error) {
	m := j.measure(s, folder)
	if err := m.resume(); err != nil {
		folder.Abandon()
		return err
	}
	return m.whole()
}

// whole measures all cells, and puts files, verdicts and figures in place.
func (m *measuring) whole() (err error) {
	placed := false
	defer func() {
		if placed {
			err = errors.Join(err, m.folder.Close())
		} else {
			m.folder.Abandon()
		}
	}()
	if err := m.cells(); err != nil {
		return err
	}
	m.world.Compared = m.table.compare(m.s.Seed)
	m.data.LeftOut = m.world.LeftOut
	verdicts := judge(m.s.Rules, &m.data, m.s.Seed)
	for _, v := range verdicts {
		if v.Repeat == results.Bytes {
			m.manifest.Verdicts = append(m.manifest.Verdicts, v)
		} else {
			m.world.Verdicts = append(m.world.Verdicts, v)
		}
	}
	placed = true
	if err := m.folder.Place(m.manifest, m.world); err != nil {
		return err
	}
	dir := filepath.Join(m.out, m.s.Name)
	written, err := plots.All(dir)
	switch {
	case err != nil:
		return fmt.Errorf("%s: drawing figures: %w", m.s.Name, err)
	case len(written) == 1: // the summary
		fmt.Fprintf(m.stderr, "data are in %s; no figure can be drawn from them\n", dir)
	default:
		fmt.Fprintf(m.stderr, "data are in %s, figures with their captions in %s\n", dir, filepath.Join(dir, "figures"))
	}
	m.table.print(m.stdout, m.s)
	printCompared(m.stdout, m.world.Compared)
	printVerdicts(m.stdout, verdicts)
	for _, b := range m.broken {
		fmt.Fprintln(m.stderr, b)
	}
	switch {
	case m.manifest.Interrupted:
		return run.ErrInterrupted
	case len(m.broken) > 0:
		return fail(exitViolated, "%s: invariants were broken, see above", m.s.Name)
	case m.failed != nil:
		return fail(exitEnvironment, "%s: %w", m.s.Name, m.failed)
	}
	return nil
}

// cells measures all cells, batch by batch, until one is interrupted.
func (m *measuring) cells() error {
	for _, batch := range batches(m.s.Cells) {
		if err := m.batch(batch); err != nil {
			return err
		}
		if m.manifest.Interrupted {
			break
		}
	}
	return nil
}

// A turn is a cell that is measured, alone or in turns with others.
type turn struct {
	cell   *run.Cell
	number int // in the scenario
	system *run.System
	sample *sample
	kept   *kept
	to     *outputs
	base   int // position of its first trial in the files
	total  int // trials of this process
}

// batch measures one cell, or several that take turns.
func (m *measuring) batch(numbers []int) error {
	var turns []*turn
	var cells []*run.Cell
	var options []run.Options
	var writing error
	for _, number := range numbers {
		t, err := m.begin(number)
		if err != nil {
			return err
		}
		if t == nil {
			continue
		}
		turns, cells = append(turns, t), append(cells, t.cell)
		options = append(options, run.Options{Jobs: m.jobs, Shard: m.shard, Kept: t.kept.trials,
			Ended: func(i int, told *run.Told) {
				writing = errors.Join(writing, m.take(t, i, told))
				if m.journal && !failed(told) {
					writing = errors.Join(writing, m.folder.Keep(t.number, t.to.keep(i, told)))
				}
				m.progress.done()
			}, Visible: func(rows []results.Visibility) {
				if w := t.to.visible; w != nil {
					writing = errors.Join(writing, w.Put(t.base, rows...))
				}
			}})
	}
	if len(turns) == 0 {
		return nil
	}
	m.progress.begin(turns)
	sums, err := measure(m.ctx, cells, options)
	if m.failed = errors.Join(m.failed, err); err != nil {
		m.manifest.Interrupted = errors.Is(err, run.ErrInterrupted)
		if !m.manifest.Interrupted {
			m.world.Warnings = append(m.world.Warnings, err.Error())
			fmt.Fprintln(m.stderr, err)
		}
	}
	for i, t := range turns {
		if m.journal && len(t.kept.trials) < t.total {
			writing = errors.Join(writing, m.folder.Note(t.number, session(sums[i])))
		}
		t.kept.absorb(sums[i])
		m.world.Violated += sums[i].Counts[results.Violated]
		m.table.add(t.sample)
		m.broken = append(m.broken, sums[i].Breaches...)
		writing = errors.Join(writing, note(&m.manifest, &m.world, t.system, t.cell, sums[i]))
	}
	m.progress.end(turns, sums)
	return writing
}

// begin makes ready to measure a cell, and takes over what has ended before; nil where
// the cell is not to be measured.
func (m *measuring) begin(number int) (*turn, error) {
	cell := &m.s.Cells[number]
	if m.only != nil && !m.only(cell) {
		return nil, nil
	}
	system, err := run.Lookup(cell.System)
	if err != nil {
		return nil, err
	}
	t := &turn{cell: cell, number: number, system: system, sample: newSample(cell), kept: &kept{}}
	share := run.Options{Shard: m.shard}
	t.total = share.Trials(cell)
	file := results.TrialsName(string(cell.Mode), cell.System)
	if why := m.lacking(cell, system); why != "" {
		return nil, m.leaveOut(cell, system, why)
	}
	t.base, m.used[file] = m.used[file], m.used[file]+max(1, t.total)
	if t.to = m.writers[file]; t.to == nil {
		if t.to, err = open(m.folder, m.s, cell); err != nil {
			return nil, err
		}
		m.writers[file] = t.to
	}
	if m.earlier != nil {
		if t.kept, err = m.earlier(number, t.to); err != nil {
			return nil, err
		}
		for i, told := range t.kept.trials {
			if err := m.take(t, i, told); err != nil {
				return nil, err
			}
		}
	}
	return t, nil
}

// take takes in what the i-th of this process's trials of a cell has to say.
func (m *measuring) take(t *turn, i int, told *run.Told) (err error) {
	t.sample.add(told.Rows)
	if len(m.s.Rules) > 0 {
		m.data.Add(told.Rows...)
		m.data.AddReads(told.Reads...)
	}
	for _, f := range t.to.files {
		err = errors.Join(err, f.put(t.base+i, told))
	}
	return err
}

// leaveOut notes that a system cannot run here.
func (m *measuring) leaveOut(cell *run.Cell, system *run.System, why string) error {
	if left := (results.LeftOut{Mode: string(cell.Mode), System: cell.System, Reason: why}); !slices.Contains(m.world.LeftOut, left) {
		m.world.LeftOut = append(m.world.LeftOut, left)
		fmt.Fprintf(m.stderr, "%s is left out: %s\n", cell.System, why)
	}
	return note(&m.manifest, &m.world, system, cell, nil)
}

// batches puts the numbers of cells that follow each other and take turns together.
func batches(cells []run.Cell) (all [][]int) {
	for i := range cells {
		if n := len(all); i > 0 && cells[i].Turns && cells[i-1].Turns {
			all[n-1] = append(all[n-1], i)
		} else {
			all = append(all, []int{i})
		}
	}
	return all
}

// measure runs one cell, or several that take turns.
func measure(ctx context.Context, cells []*run.Cell, options []run.Options) ([]*run.Summary, error) {
	if cells[0].Turns {
		return run.Turns(ctx, cells, options)
	}
	sum, err := run.Run(ctx, cells[0], options[0])
	return []*run.Summary{sum}, err
}

// note tells the manifest and the run of a cell.
func note(m *results.Manifest, w *results.Run, system *run.System, cell *run.Cell, sum *run.Summary) error {
	settings, err := json.Marshal(cell.Settings)
	if err != nil {
		return fmt.Errorf("describing %s: %w", cell, err)
	}
	c := results.Cell{Mode: string(cell.Mode), Case: cell.Case, System: cell.System, Swept: cell.Swept, Switch: cell.Mode == run.Live && !cell.Loopback, Trials: cell.Trials, Settings: settings, Notes: system.NotesOn(&cell.Settings)}
	if sum != nil {
		if cell.Mode == run.Sim {
			c.Rows = &sum.Rows
		}
		if system.Reproducible && cell.Mode == run.Sim {
			c.Checksum = fmt.Sprintf("%016x", sum.Checksum)
		}
		w.Cells = append(w.Cells, results.CellRun{Mode: c.Mode, Case: c.Case, System: c.System, Swept: c.Swept, Rows: sum.Rows, Seconds: sum.Wall.Seconds(), Live: sum.Live})
		for _, v := range sum.Versions {
			switch v.Of {
			case "java":
				w.Java = v.Is
			case "zookeeper":
				w.ZooKeeper = v.Is
			}
		}
		w.Observed = append(w.Observed, sum.Observed...)
	}
	m.Cells = append(m.Cells, c)
	return nil
}
