package run

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"raftzab/results"
)

// String names a cell for people.
func (c *Cell) String() string {
	parts := []string{c.Scenario, string(c.Mode), c.System}
	if c.Case != "" {
		parts = append(parts, c.Case)
	}
	for _, s := range c.Swept {
		if s.Value != "" {
			parts = append(parts, s.Key+"="+s.Value)
		}
	}
	return strings.Join(parts, " ")
}

// replay is the command that shows a trial again.
func (c *Cell) replay(trial int, probed bool) string {
	s := fmt.Sprintf("raftzab replay %s --system %s", quoted(c.File), c.System)
	if c.Case != "" {
		s += " --case " + c.Case
	}
	for _, x := range c.Flags {
		s += " --set " + quoted(x)
	}
	for _, x := range c.Swept {
		if x.Value != "" {
			s += " --set " + quoted(x.Key+"="+x.Value)
		}
	}
	s += fmt.Sprintf(" --seed %d --trial %d", c.Seed, trial)
	if probed {
		s += " --probed"
	}
	return s
}

func quoted(s string) string {
	if strings.ContainsAny(s, " ()") {
		return "'" + s + "'"
	}
	return s
}

// Passes says how often each trial runs: with probes, a simulated trial runs
// twice on one seed, since probes load a system and move its elections. Where a
// service is watched for a stated time, clients are what it is about.
func (c *Cell) Passes() []bool {
	switch {
	case c.Settings.Probe.Interval == 0:
		return []bool{false} // clients of a workload are no probes
	case c.Mode == Live, c.Settings.Observe > 0:
		return []bool{true}
	}
	return []bool{false, true}
}

// Options say how a cell is run.
type Options struct {
	Jobs  int    // trials at a time; 0: as many as there are cores
	Shard [2]int // this process's number and how many share the trials; zero: all

	// Rows gets what the i-th of this process's trials has to say, never twice
	// at a time, but in the order in which trials end.
	Rows func(i int, rows []results.Trial)

	// Clients, unless nil, gets what its clients have to say, likewise, before Rows; no
	// rows where the cell has none that ask for them.
	Clients func(i int, reads []results.Reads, windows []results.Window, moments []results.Moment)

	// Visible, unless nil, gets how soon writes were visible, once, when the last trial has
	// ended; no rows where the cell does not tell.
	Visible func(rows []results.Visibility)
}

// A Summary tells how a cell went.
type Summary struct {
	Cell     *Cell
	Rows     int
	Counts   map[results.Outcome]int
	Checksum uint64 // over all events, whatever the order of trials; zero where a system has none
	Wall     time.Duration
	Breaches []*Breach        // the first few
	Versions []Version        // of what a live cell ran
	Observed []string         // what a live cell found its machine to be like
	Live     *results.LiveRun // what the machine did to a live cell
}

// A Version is that of a program that is not ours.
type Version struct{ Of, Is string }

// ErrInterrupted is what Run returns when its context ends; finished trials are
// in the rows.
var ErrInterrupted = errors.New("interrupted")

// Run measures a cell.
func Run(ctx context.Context, cell *Cell, o Options) (*Summary, error) {
	system, err := Lookup(cell.System)
	if err != nil {
		return nil, err
	}
	cell.chaos = system.unrest(cell)
	start := time.Now()
	jobs := o.Jobs
	if jobs < 1 {
		jobs = runtime.GOMAXPROCS(0)
	}
	if cell.Mode == Live {
		jobs = 1 // one ensemble, and the machine to itself
	}
	r := newRunner(ctx, cell, o)
	r.workers(system, min(jobs, max(1, len(r.trials))))
	r.end()
	r.sum.Wall = time.Since(start)
	switch {
	case r.err != nil:
		return r.sum, r.err
	case ctx.Err() != nil:
		return r.sum, ErrInterrupted
	}
	return r.sum, nil
}

// A runner shares the trials of a cell among workers.
type runner struct {
	cell    *Cell
	options Options
	ctx     context.Context
	trials  []int
	next    atomic.Int64

	mu      sync.Mutex
	sum     *Summary
	err     error
	visible batches
}

func newRunner(ctx context.Context, cell *Cell, o Options) *runner {
	r := &runner{cell: cell, options: o, ctx: ctx, visible: batches{}, sum: &Summary{Cell: cell, Counts: map[results.Outcome]int{}}}
	for t := range cell.Trials {
		if o.Shard[1] == 0 || t%o.Shard[1] == o.Shard[0] {
			r.trials = append(r.trials, t)
		}
	}
	return r
}

func (r *runner) workers(system *System, jobs int) {
	var wg sync.WaitGroup
	for range jobs {
		wg.Go(func() {
			if err := r.work(system); err != nil {
				r.mu.Lock()
				r.err = errors.Join(r.err, err)
				r.mu.Unlock()
			}
		})
	}
	wg.Wait()
}

func (r *runner) work(system *System) (err error) {
	w, err := system.worker(r.ctx, r.cell)
	if err != nil {
		return fmt.Errorf("%s: %w", r.cell, err)
	}
	defer func() {
		if d, ok := w.(reporter); ok { // a live cell has one worker
			r.sum.report(d)
		}
		err = errors.Join(err, w.close())
	}()
	for r.ctx.Err() == nil {
		i := int(r.next.Add(1)) - 1
		if i >= len(r.trials) {
			return nil
		}
		if err := r.trial(w, i); err != nil {
			return err
		}
	}
	return nil
}

// trial has a worker run the i-th trial.
func (r *runner) trial(w worker, i int) error {
	trial := r.trials[i]
	var told parcel
	var sum uint64
	var breaches []*Breach
	for _, probed := range r.cell.Passes() {
		row, checksum, broken, err := w.trial(trial, probed)
		if r.ctx.Err() != nil {
			return nil // cut short: no row
		}
		if err != nil { // the world has failed: say so in the row, and end the cell
			told.rows = append(told.rows, r.cell.failed(trial, probed))
			r.finish(i, &told, sum, breaches)
			return fmt.Errorf("%s, trial %d: %w", r.cell, trial, err)
		}
		said := w.clients(&row)
		told.rows, told.reads, told.windows = append(told.rows, row), append(told.reads, said.reads...), append(told.windows, said.windows...)
		told.moments, told.visible = append(told.moments, said.moments...), append(told.visible, said.visible...)
		if checksum != 0 {
			sum = combine(sum, trial, probed, checksum)
		}
		if broken != nil {
			breaches = append(breaches, broken)
		}
	}
	r.finish(i, &told, sum, breaches)
	return nil
}

// A reporter is a worker that has something to say of the machine.
type reporter interface {
	versions() []Version
	observed() []string
	disturbed() *results.LiveRun
}

// report takes in what a worker says of the machine.
func (s *Summary) report(d reporter) {
	s.Versions, s.Observed, s.Live = d.versions(), d.observed(), d.disturbed()
}

// failed is the row of a trial that the world has failed.
func (c *Cell) failed(trial int, probed bool) results.Trial {
	row := c.row(trial, probed)
	row.Outcome = results.Failed
	return row
}

// row begins the row of a trial.
func (c *Cell) row(trial int, probed bool) results.Trial {
	row := results.NewTrial()
	row.Scenario, row.Case, row.Mode, row.System, row.Swept = c.Scenario, c.Case, string(c.Mode), c.System, c.Swept
	row.Trial, row.Seed, row.Probed, row.Outcome = trial, c.Seed, probed, results.OK
	return row
}

// keptBreaches is how many a summary tells of.
const keptBreaches = 5

// A parcel is what a trial has to say.
type parcel struct {
	rows    []results.Trial
	reads   []results.Reads
	windows []results.Window
	moments []results.Moment
	visible []results.Visibility
}

func (r *runner) finish(i int, told *parcel, sum uint64, breaches []*Breach) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sum.Checksum += sum
	if n := keptBreaches - len(r.sum.Breaches); n > 0 {
		r.sum.Breaches = append(r.sum.Breaches, breaches[:min(n, len(breaches))]...)
	}
	r.visible.add(told.visible)
	for _, row := range told.rows {
		r.sum.Rows++
		r.sum.Counts[row.Outcome]++
	}
	if r.options.Clients != nil {
		r.options.Clients(i, told.reads, told.windows, told.moments)
	}
	if r.options.Rows != nil {
		r.options.Rows(i, told.rows)
	}
}

// end tells what is known when the last trial has ended.
func (r *runner) end() {
	if r.options.Visible != nil {
		r.options.Visible(r.visible.rows())
	}
}
