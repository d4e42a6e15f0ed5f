package run

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"raftzab/results"
)

// Replay runs one trial of a simulated cell and tells trace of every event.
func Replay(cell *Cell, trial int, probed bool, trace func(Time, string)) (row results.Trial, checksum uint64, broken *Breach, err error) {
	system, err := Lookup(cell.System)
	if err != nil {
		return row, 0, nil, err
	}
	if cell.Mode != Sim || !system.Reproducible {
		return row, 0, nil, fmt.Errorf("%s: only a simulated trial of raft, zab or etcd is the same again", cell)
	}
	cell.chaos = system.unrest(cell)
	w, err := system.open(context.Background(), cell, trace)
	if err != nil {
		return row, 0, nil, err
	}
	defer w.close()
	return w.trial(trial, probed)
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
