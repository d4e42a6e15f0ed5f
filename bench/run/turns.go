package run

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"
)

// Turns measures live cells of one scenario in turns: the first trial of each, then
// the second of each, and so on, so that whatever else the machine does strikes all
// alike. All servers are up meanwhile. Cells that differ in nothing but what their
// clients ask for have the same servers. Options and summaries are by cell.
func Turns(ctx context.Context, cells []*Cell, options []Options) (sums []*Summary, err error) {
	all := make([]*turner, len(cells))
	sums = make([]*Summary, len(cells))
	for i, cell := range cells {
		all[i] = &turner{runner: newRunner(ctx, cell, options[i])}
		sums[i] = all[i].sum
	}
	defer func() {
		for _, t := range all {
			if t.boots {
				err = errors.Join(err, t.on.close())
			}
		}
	}()
	err = boot(all)
	for i, left := 0, true; left; i++ {
		left = false
		for _, t := range all {
			if i < len(t.todo) && t.goes() {
				left = true
				err = errors.Join(err, t.do(all, func() error { return t.trial(t.on, t.todo[i]) }))
			}
		}
	}
	for _, t := range all {
		t.end()
		if t.on != nil {
			t.on.turn(t.cell)
			t.sum.report(t.on)
		}
	}
	if ctx.Err() != nil {
		err = errors.Join(err, ErrInterrupted)
	}
	return sums, err
}

// A turner runs the trials of a cell when it is its turn.
type turner struct {
	*runner
	on    common // nil: not booted
	boots bool   // it has booted them
	over  bool   // they have failed
}

// common are servers that serve the clients of several cells.
type common interface {
	worker
	reporter
	turn(cell *Cell)
	uncounted() error
}

// goes reports whether there is to be another trial.
func (t *turner) goes() bool { return t.on != nil && !t.over && t.ctx.Err() == nil }

// do does something for a cell. Servers that fail end all of theirs.
func (t *turner) do(all []*turner, what func() error) error {
	start := time.Now()
	t.on.turn(t.cell)
	err := what()
	t.sum.Wall += time.Since(start)
	if err != nil {
		for _, o := range all {
			o.over = o.over || o.on == t.on
		}
	}
	return err
}

// boot boots the servers, and runs a trial of each cell that is not counted.
func boot(all []*turner) (failed error) {
	var before []*turner
	for _, t := range all {
		if len(t.todo) == 0 {
			continue
		}
		host := t.host(before)
		before = append(before, t)
		if host == nil {
			failed = errors.Join(failed, t.boot())
		} else if t.on, t.over = host.on, host.over; t.goes() {
			failed = errors.Join(failed, t.do(all, t.on.uncounted))
		}
	}
	return failed
}

func (t *turner) boot() error {
	if t.ctx.Err() != nil {
		return nil
	}
	system, err := Lookup(t.cell.System)
	if err != nil {
		return err
	}
	start := time.Now()
	w, err := system.worker(t.ctx, t.cell)
	if t.sum.Wall += time.Since(start); err != nil {
		return fmt.Errorf("%s: %w", t.cell, err)
	}
	t.on, t.boots = w.(common), true
	return nil
}

// host is the first of the others with servers as this one wants them; nil: none.
func (t *turner) host(others []*turner) *turner {
	for _, o := range others {
		if o.cell.System == t.cell.System && o.cell.Loopback == t.cell.Loopback && reflect.DeepEqual(o.cell.Settings.served(), t.cell.Settings.served()) {
			return o
		}
	}
	return nil
}

// served are the settings without what is the clients' own concern. How many clients
// and keys there are concerns the numbers of requests, and what ZooKeeper must have.
func (s *Settings) served() Settings {
	x := *s
	x.Workload = Workload{Clients: s.Workload.Clients, Keys: s.Workload.Keys, Warmup: s.Workload.Warmup}
	return x
}
