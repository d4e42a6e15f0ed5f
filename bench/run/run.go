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

	// Kept are those of this process's trials that have ended in an earlier one, by their
	// place among all of them. They are not run, but are in the summary.
	Kept map[int]*Told

	// Ended, unless nil, gets what the i-th of this process's trials has to say, never
	// twice at a time, but in the order in which trials end.
	Ended func(i int, t *Told)

	// Visible, unless nil, gets how soon writes were visible, once, when the last trial has
	// ended; no rows where the cell does not tell.
	Visible func(rows []results.Visibility)
}

// Trials is how many of the trials of a cell are this process's.
func (o *Options) Trials(cell *Cell) int {
	if o.Shard[1] == 0 {
		return cell.Trials
	}
	return (cell.Trials - o.Shard[0] + o.Shard[1] - 1) / o.Shard[1]
}

// trial is the number of the i-th of them.
func (o *Options) trial(i int) int { return o.Shard[0] + i*max(1, o.Shard[1]) }

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
	r.workers(system, min(jobs, len(r.todo)))
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
	todo    []int // which of this process's trials
	next    atomic.Int64

	mu      sync.Mutex
	sum     *Summary
	err     error
	visible batches
}

func newRunner(ctx context.Context, cell *Cell, o Options) *runner {
	r := &runner{cell: cell, options: o, ctx: ctx, visible: batches{}, sum: &Summary{Cell: cell, Counts: map[results.Outcome]int{}}}
	for i := range o.Trials(cell) {
		if before := o.Kept[i]; before != nil {
			r.count(before)
		} else {
			r.todo = append(r.todo, i)
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
		next := int(r.next.Add(1)) - 1
		if next >= len(r.todo) {
			return nil
		}
		if err := r.trial(w, r.todo[next]); err != nil {
			return err
		}
	}
	return nil
}

// trial has a worker run the i-th of this process's trials.
func (r *runner) trial(w worker, i int) error {
	trial := r.options.trial(i)
	told := &Told{}
	for _, probed := range r.cell.Passes() {
		row, checksum, broken, err := w.trial(trial, probed)
		if r.ctx.Err() != nil {
			return nil // cut short: no row
		}
		if err != nil { // the world has failed: say so in the row, and end the cell
			told.Rows = append(told.Rows, r.cell.failed(trial, probed))
			r.finish(i, told)
			return fmt.Errorf("%s, trial %d: %w", r.cell, trial, err)
		}
		said := w.clients(&row)
		said.Rows = append(said.Rows, row)
		told.add(&said)
		if checksum != 0 {
			told.Checksum = combine(told.Checksum, trial, probed, checksum)
		}
		if broken != nil {
			told.Breaches = append(told.Breaches, broken)
		}
	}
	r.finish(i, told)
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

// Told is what a trial has to say; Reads, Windows, Moments and Visible where its cell has a workload
// that does.
type Told struct {
	Rows     []results.Trial
	Reads    []results.Reads
	Windows  []results.Window
	Moments  []results.Moment
	Visible  []results.Visibility // not in files of its own: the rows of all trials of a cell add up
	Checksum uint64               // over its events; those of trials add up
	Breaches []*Breach
}

// add takes in what another has to say, but for checksum and breaches.
func (t *Told) add(o *Told) {
	t.Rows, t.Reads = append(t.Rows, o.Rows...), append(t.Reads, o.Reads...)
	t.Windows, t.Moments, t.Visible = append(t.Windows, o.Windows...), append(t.Moments, o.Moments...), append(t.Visible, o.Visible...)
}

// count adds a trial to the summary.
func (r *runner) count(t *Told) {
	r.sum.Checksum += t.Checksum
	if n := keptBreaches - len(r.sum.Breaches); n > 0 {
		r.sum.Breaches = append(r.sum.Breaches, t.Breaches[:min(n, len(t.Breaches))]...)
	}
	r.visible.add(t.Visible)
	for _, row := range t.Rows {
		r.sum.Rows++
		r.sum.Counts[row.Outcome]++
	}
}

func (r *runner) finish(i int, t *Told) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count(t)
	if r.options.Ended != nil {
		r.options.Ended(i, t)
	}
}

// end tells what is known when the last trial has ended.
func (r *runner) end() {
	if r.options.Visible != nil {
		r.options.Visible(r.visible.rows())
	}
}
