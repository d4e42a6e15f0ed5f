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
		return err
	}
	return m.whole()
}

// whole measures all cells, and puts files, verdicts and figures in place.
func (m *measuring) whole() (err error) {
	done := false
	defer func() {
		if !done {
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
	done = true
	if err := m.folder.Finish(m.manifest, m.world); err != nil {
		return err
	}
	dir := filepath.Join(m.out, m.s.Name)
	figures, err := plots.All(dir)
	switch {
	case err != nil:
		return fmt.Errorf("%s: drawing figures: %w", m.s.Name, err)
	case len(figures) == 0:
		fmt.Fprintf(m.stderr, "data are in %s; there is no figure for a scenario like this yet\n", dir)
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
	var all, rest []*turn
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
		if all = append(all, t); len(t.kept.trials) == t.total {
			continue
		}
		rest, cells = append(rest, t), append(cells, t.cell)
		now := &record{}
		options = append(options, run.Options{Jobs: m.jobs, Shard: m.shard,
			Kept: func(i int) bool { return t.kept.trials[i] != nil },
			Ended: func(i int, checksum uint64, breaches []*run.Breach) {
				now = &record{checksum: checksum}
				for _, b := range breaches {
					now.breaches = append(now.breaches, results.Breach{Trial: b.Trial, Probed: b.Probed, What: b.What})
				}
			},
			Clients: func(i int, reads []results.Reads, windows []results.Window) { now.reads, now.windows = reads, windows },
			Rows: func(i int, rows []results.Trial) {
				now.rows = rows
				writing = errors.Join(writing, m.take(t, i, now))
				if m.journal && !now.failed() {
					writing = errors.Join(writing, m.folder.Keep(t.number, t.to.keep(i, now)))
				}
				m.progress.done()
			}})
	}
	if len(all) == 0 {
		return nil
	}
	m.progress.begin(all)
	sums := map[*turn]*run.Summary{}
	if len(rest) > 0 {
		list, err := measure(m.ctx, cells, options)
		for i, t := range rest {
			if sums[t] = list[i]; m.journal {
				writing = errors.Join(writing, m.folder.Note(t.number, session(list[i])))
			}
		}
		if m.failed = errors.Join(m.failed, err); err != nil {
			m.manifest.Interrupted = errors.Is(err, run.ErrInterrupted)
			if !m.manifest.Interrupted {
				m.world.Warnings = append(m.world.Warnings, err.Error())
				fmt.Fprintln(m.stderr, err)
			}
		}
	}
	for _, t := range all {
		if sums[t] == nil {
			sums[t] = &run.Summary{Cell: t.cell, Counts: map[results.Outcome]int{}}
		}
		t.kept.absorb(sums[t])
		m.world.Violated += sums[t].Counts[results.Violated]
		m.table.add(t.sample)
		m.broken = append(m.broken, sums[t].Breaches...)
		writing = errors.Join(writing, note(&m.manifest, &m.world, t.system, t.cell, sums[t]))
	}
	m.progress.end(all, sums)
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
	t.base, m.used[file] = m.used[file], m.used[file]+t.total
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
		for i, was := range t.kept.all() {
			if err := m.take(t, i, was); err != nil {
				return nil, err
			}
		}
	}
	return t, nil
}

// take takes in what the i-th of this process's trials of a cell has to say.
func (m *measuring) take(t *turn, i int, what *record) error {
	t.sample.add(what.rows)
	if len(m.s.Rules) > 0 {
		m.data.Add(what.rows...)
		m.data.AddReads(what.reads...)
	}
	return t.to.put(t.base+i, what)
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

// outputs are the data files of a system in a mode.
type outputs struct {
	trials  *results.Writer[results.Trial]
	reads   *results.Writer[results.Reads]  // nil: no cell of the scenario has clients that read
	windows *results.Writer[results.Window] // nil: none has a time series
}

// open begins the files that the system of a cell has in this scenario.
func open(folder *results.Folder, s *experiments.Scenario, cell *run.Cell) (w *outputs, err error) {
	w = &outputs{}
	mode, system := string(cell.Mode), cell.System
	if w.trials, err = folder.Trials(mode, system, s.SweptKeys, s.Asked()...); err != nil {
		return nil, err
	}
	if s.Reads() {
		if w.reads, err = folder.Reads(mode, system, s.SweptKeys); err != nil {
			return nil, err
		}
	}
	if s.Windows() {
		w.windows, err = folder.Windows(mode, system, s.SweptKeys)
	}
	return w, err
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
