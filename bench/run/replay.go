package run

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"raftzab/bench/trace"
	"raftzab/results"
)

// Replay runs one trial of a simulated cell and tells every event.
func Replay(cell *Cell, trial int, probed bool, tell func(*trace.Event)) (row results.Trial, checksum uint64, broken *Breach, err error) {
	w, err := reopen(cell, tell)
	if err != nil {
		return row, 0, nil, err
	}
	defer w.close()
	return w.trial(trial, probed)
}

// afterwards is how long a recorded trial is watched when all is measured: a new
// leader is active before others have heard of it, and another system may take longer.
const afterwards = Time(1_000_000_000)

// Record runs one trial of a simulated cell and returns its trace, with the marks
// of the election that was measured. The trace goes on for a second behind the end
// of the trial.
func Record(cell *Cell, trial int, probed bool) (*trace.Trace, *Breach, error) {
	s := &cell.Settings
	t := &trace.Trace{Header: trace.Header{Name: fmt.Sprintf("%s, trial %d", cell, trial), System: cell.System, Seed: cell.Seed, Trial: trial, Probed: probed,
		Voters: s.Cluster.Voters, Observers: s.Cluster.Observers}}
	w, err := reopen(cell, t.Add)
	if err != nil {
		return nil, nil, err
	}
	defer w.close()
	_, _, broken, err := w.trial(trial, probed)
	if err != nil {
		return nil, nil, err
	}
	t.Protocol, t.Marks = w.goOn(afterwards)
	return t, broken, nil
}

// A recorder is a worker whose trials can be told.
type recorder interface {
	worker
	// goOn lets the world of the trial go on for a while, and returns the protocol
	// and the marks of the election.
	goOn(time Time) (protocol string, marks []trace.Mark)
}

// reopen opens a worker that tells every event of the trial that it runs.
func reopen(cell *Cell, tell func(*trace.Event)) (recorder, error) {
	system, err := Lookup(cell.System)
	if err != nil {
		return nil, err
	}
	if cell.Mode != Sim || !system.Reproducible {
		return nil, fmt.Errorf("%s: only a simulated trial of raft, zab or etcd is the same again", cell)
	}
	cell.chaos = system.unrest(cell)
	w, err := system.open(context.Background(), cell, tell)
	if err != nil {
		return nil, err
	}
	return w.(recorder), nil
}

// Jobs is how many simulated trials run at a time unless told otherwise.
func Jobs() int { return runtime.GOMAXPROCS(0) }

// Estimate says about how long a cell takes on this machine: it runs a few
// trials of a simulated one, and reckons a live one from its settings.
func Estimate(cell *Cell) time.Duration {
	s := &cell.Settings
	if cell.Mode == Live { // boot, once or for each, then warm-up, what is observed, election and the victim's return for each trial and the one not counted
		boots := 1
		if len(s.Cluster.Absent) > 0 {
			boots += cell.Trials
		}
		each := time.Duration(s.Warmup) + time.Duration(s.Observe)
		if len(s.Faults) > 0 || s.Observe == 0 {
			each += liveTrial
		}
		all := time.Duration(cell.Trials+1) * each
		if !cell.Turns { // cells that take turns have servers in common
			all += time.Duration(boots)*Boot + time.Duration(s.Workload.Warmup)
		}
		return all
	}
	var each time.Duration
	for _, n := range []int{2, 20} { // the first trials of slow cells are enough
		few := *cell
		few.Trials = min(cell.Trials, n)
		start := time.Now()
		if _, err := Run(context.Background(), &few, Options{Jobs: 1}); err != nil {
			return 0
		}
		if each = time.Since(start) / time.Duration(few.Trials); each > 20*time.Millisecond {
			break
		}
	}
	return each * time.Duration(cell.Trials) / time.Duration(Jobs())
}

// As seen with ZooKeeper on two cores.
const (
	Boot      = 4 * time.Second
	liveTrial = 2500 * time.Millisecond
)
