package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"raftzab/bench"
	"raftzab/bench/fault"
	"raftzab/bench/live"
	"raftzab/bench/live/lan"
	"raftzab/protocols"
	"raftzab/results"
)

// servers are an ensemble of processes.
type servers interface {
	bench.System
	Now() Time
	Ready(timeout time.Duration) error // everybody serves under one leader
}

// processed runs the trials of a cell on processes in real time. They are booted
// once a cell, or once for several (Turns), and after each trial a mender brings back
// what it broke; but where some are absent at first they are booted anew for each
// trial, on empty disks.
type processed struct {
	ctx       context.Context
	cell      *Cell
	conductor conductor
	network   lan.Network
	servers   servers
	start     starter
	used      bool            // a trial has run on these servers
	inside    bool            // messages can be seen
	told      func() []string // what the servers say of themselves for run.json; nil: nothing
	found     []string        // of the machine and the servers; said once

	tallies map[*Cell]*tally
}

// A tally is what the machine did to the trials of a cell.
type tally struct {
	spoilt, kept int // trials that were repeated, and that had to be taken as they were
	late         lan.Lateness
}

// tally is that of the present cell.
func (w *processed) tally() *tally {
	t := w.tallies[w.cell]
	if t == nil {
		t = &tally{}
		if w.tallies == nil {
			w.tallies = map[*Cell]*tally{}
		}
		w.tallies[w.cell] = t
	}
	return t
}

// turn has the servers serve the clients of another cell, which differs in nothing
// that is theirs. Requests are numbered on.
func (w *processed) turn(cell *Cell) {
	c := &w.conductor
	w.cell, c.cell = cell, cell
	if before := c.load; before != nil {
		c.load = newLoad(c)
		c.load.clients.Follow(before.clients)
	}
}

// A starter makes the servers of a cell, and says in which folder their disks are.
type starter func() (s servers, dir string, err error)

// settling is how long an ensemble may take to be whole again.
const settling = 60 * time.Second

// A trial is spoilt, and run again, when something waited for a core during more
// than this share of it. Ensembles that need the cores themselves, as JVMs do when
// they elect, stay below; other work on the machine does not. After so many tries
// it is taken as it is. Clients in a closed loop leave no core idle by themselves:
// beside them it tells nothing.
const (
	crowded = 0.9
	tries   = 3
)

// place makes the network of a live cell.
func place(cell *Cell) (n lan.Network, err error) {
	s := &cell.Settings
	if cell.Loopback {
		n, err = lan.Loopback(s.members())
	} else {
		n, err = lan.New(lan.Config{Network: wires(s), Seed: cell.Seed, Bandwidth: s.bandwidth()})
	}
	if err != nil || s.CPU.Quota == 0 {
		return n, err
	}
	limited, err := lan.Limit(n, s.members(), s.CPU.Quota, live.Group())
	if err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return limited, nil
}

// boot makes the network and has start make the servers on it, measures what the
// machine is like, and runs the trial that is not counted. Whatever fails, nothing
// is left.
func (w *processed) boot(ctx context.Context, cell *Cell, protocol string, start starter) (err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	w.ctx, w.cell, w.start = ctx, cell, start
	s := &cell.Settings
	w.conductor = conductor{cell: cell, election: election{protocol: protocol, nodes: s.Cluster.Voters, observers: s.Cluster.Observers, countable: func(uint8) bool { return false }}}
	if w.network, err = place(cell); err != nil {
		return err
	}
	var dir string
	if w.servers, dir, err = start(); err != nil {
		return err
	}
	fsync, err := FsyncLatency(dir)
	if err != nil {
		return err
	}
	w.found = append(w.found, fmt.Sprintf("%s: fsync of the servers' disk took %v", cell, fsync))
	if fsync.Median < 20*time.Microsecond {
		w.found = append(w.found, "warning: that is no disk: being durable costs nothing here; set TMPDIR to a folder on one")
	}
	if cell.Loopback {
		delay, err := LoopbackDelay()
		if err != nil {
			return err
		}
		w.found = append(w.found, fmt.Sprintf("%s: one way over loopback took %v", cell, delay))
	}
	if err := w.ready(); err != nil {
		return err
	}
	if err := w.warm(); err != nil {
		return err
	}
	return w.uncounted()
}

// uncounted runs the trial that is not counted: it finds the code cold.
func (w *processed) uncounted() error {
	_, _, _, err := w.trial(-1, w.cell.Settings.Probe.Interval > 0)
	return err
}

// noNetwork says why there is no network for live cells.
func noNetwork(loopback bool) string {
	var err error
	if loopback {
		var n lan.Network
		if n, err = lan.Loopback(1); err == nil {
			err = n.Close()
		}
	} else {
		err = lan.Possible()
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// ready waits for new servers, and gives their clocks the pace that the settings say,
// which they keep.
func (w *processed) ready() error {
	if err := w.servers.Ready(settling); err != nil {
		return err
	}
	return w.inject(w.cell.Settings.clocks())
}

// renew puts new servers in the place of those that a trial has run on.
func (w *processed) renew() (err error) {
	if err := w.servers.Close(); err != nil {
		return err
	}
	if w.servers, _, err = w.start(); err != nil {
		return err
	}
	w.conductor.restart()
	return w.ready()
}

// warm lets the clients work while nothing goes wrong, as long as the scenario wants.
// Half of what they do is reads, so that code for either is compiled.
func (w *processed) warm() error {
	cell := w.cell
	d := cell.Settings.Workload.Warmup
	if d == 0 {
		return nil
	}
	calm := *cell
	calm.Settings.Faults, calm.Settings.Observe, calm.Settings.Limit = nil, d, calm.Settings.Limit+d
	calm.Settings.Workload.Reads = 0.5
	w.turn(&calm)
	_, _, err := w.once(-2, false)
	w.turn(cell)
	return err
}

// inject gives effect to faults between two trials.
func (w *processed) inject(faults []fault.Fault) error {
	m := mender{faults: faults, sys: w.servers}
	return errors.Join(w.servers.Run(&m, w.servers.Now()), m.err)
}

func (w *processed) close() error {
	var errs []error
	if w.servers != nil {
		errs = append(errs, w.servers.Close())
	}
	if w.network != nil {
		errs = append(errs, w.network.Close())
	}
	return errors.Join(errs...)
}

func (w *processed) trial(trial int, probed bool) (row results.Trial, checksum uint64, broken *Breach, err error) {
	for try := 1; ; try++ {
		pressure := 0.0
		if row, pressure, err = w.once(trial, probed); err != nil || trial < 0 || pressure <= crowded || w.cell.Settings.Workload.closed() || w.ctx.Err() != nil {
			break
		}
		if try == tries {
			w.tally().kept++
			break
		}
		w.tally().spoilt++
	}
	return row, 0, w.conductor.broken(trial, probed), err
}

func (w *processed) clients(row *results.Trial) Told {
	return w.conductor.clients(row)
}

// once runs a trial and mends what it broke. The pressure is that on the cores
// while the trial lasted, 0 where the kernel does not tell.
func (w *processed) once(trial int, probed bool) (row results.Trial, pressure float64, err error) {
	if w.used && len(w.cell.Settings.Cluster.Absent) > 0 {
		if err := w.renew(); err != nil {
			return row, 0, err
		}
	}
	w.used = true
	if err := w.servers.Ready(settling); err != nil {
		return row, 0, err
	}
	c := &w.conductor
	before, measured := live.ReadPressure()
	w.network.Reset()
	c.prepare(w.servers, trial, probed, w.servers.Now())
	if err := c.conduct(w.ctx); err != nil {
		return row, 0, err
	}
	after, _ := live.ReadPressure()
	late := w.network.Lateness()
	if err := w.inject(c.wreck.undo(&w.cell.Settings)); err != nil {
		return row, 0, err
	}
	row = c.row(trial, w.inside)
	if measured {
		pressure = after.Since(before)
		row.Pressure = results.Number(pressure)
	}
	if late.Count > 0 {
		row.LateMS = results.Number(float64(late.P99) / 1e6)
	}
	if trial >= 0 {
		w.tally().late = w.tally().late.Plus(late)
	}
	return row, pressure, nil
}

// observed says what the cell found its machine and its network to be like.
func (w *processed) observed() []string {
	t, found := w.tally(), w.found
	if w.told != nil {
		for _, line := range w.told() {
			found = append(found, fmt.Sprintf("%s: %s", w.cell, line))
		}
	}
	w.found, w.told = nil, nil
	if !w.cell.Loopback {
		found = append(found, fmt.Sprintf("%s: the switch: %v", w.cell, t.late))
		if delay := w.cell.Settings.Network.Delay.Mean(); t.late.Count > 0 && float64(t.late.P99) > 0.1*float64(delay) {
			found = append(found, fmt.Sprintf("warning: %s: one packet in 100 was late by %v or more, over a tenth of the delay, %v: the machine was busy", w.cell, t.late.P99, time.Duration(delay)))
		}
	}
	if t.spoilt+t.kept > 0 {
		found = append(found, fmt.Sprintf("%s: something waited for a core during more than %.0f %% of %d trials, which were run again; %d were as bad %d times and taken", w.cell, 100*crowded, t.spoilt, t.kept, tries))
	}
	return found
}

// versions of programs that are not ours: there is none among the servers.
func (w *processed) versions() []Version { return nil }

// disturbed says what the machine did to the cell.
func (w *processed) disturbed() *results.LiveRun {
	t := w.tally()
	d := &results.LiveRun{Spoilt: t.spoilt, Kept: t.kept}
	if t.late.Count > 0 {
		ms := func(t time.Duration) float64 { return float64(t) / float64(time.Millisecond) }
		d.Lateness = &results.Lateness{Count: t.late.Count, P50: ms(t.late.P50), P99: ms(t.late.P99), Max: ms(t.late.Max)}
		for _, b := range t.late.Histogram {
			d.Lateness.Buckets = append(d.Lateness.Buckets, results.Bucket{Below: ms(b.Below), Count: b.Count})
		}
	}
	return d
}

// A mender is the Handler that undoes what a trial left broken.
type mender struct {
	faults []fault.Fault
	sys    bench.System
	err    error
}

func (m *mender) Wake(Time) Time {
	for _, f := range m.faults {
		m.err = errors.Join(m.err, m.sys.Inject(f))
	}
	m.faults = nil
	return 0
}

func (m *mender) Reply(Time, bench.Reply)               {}
func (m *mender) Listen() protocols.EventSet            { return 0 }
func (m *mender) Observe(Time, NodeID, protocols.Event) {}

// A wreck is what the faults of a trial have left broken.
type wreck struct {
	down   []NodeID // crashed, or without power, and not restarted
	paused []NodeID
	cut    bool
	links  []fault.Fault // changed
	nodes  []fault.Fault // disks and clocks, likewise
}

// take takes in that f has struck.
func (w *wreck) take(f fault.Fault) {
	switch f.Kind {
	case fault.Crash, fault.PowerOff:
		w.down = append(w.down, f.Nodes...)
	case fault.Restart:
		w.down = remove(w.down, f.Nodes)
	case fault.Pause:
		w.paused = append(w.paused, f.Nodes...)
	case fault.Resume:
		w.paused = remove(w.paused, f.Nodes)
	case fault.Partition, fault.Isolate, fault.Cut:
		w.cut = true
	case fault.Link:
		w.links = once(w.links, fault.Fault{Kind: f.Kind, From: f.From, To: f.To, Back: true})
	case fault.Disk:
		if f.Fail { // whether the next fsync has come, nobody knows: a restart of who runs does nothing
			w.down = append(w.down, f.Nodes...)
		}
		w.nodes = once(w.nodes, fault.Fault{Kind: f.Kind, Nodes: f.Nodes, Back: true})
	case fault.Clock:
		w.nodes = once(w.nodes, fault.Fault{Kind: f.Kind, Nodes: f.Nodes, Back: true})
	}
}

// once adds a fault that is not there yet: chaos does the same many times.
func once(list []fault.Fault, f fault.Fault) []fault.Fault {
	if slices.ContainsFunc(list, func(o fault.Fault) bool { return o.String() == f.String() }) {
		return list
	}
	return append(list, f)
}

// undo returns the faults that mend it.
func (w *wreck) undo(s *Settings) (faults []fault.Fault) {
	if w.cut {
		faults = append(faults, fault.Fault{Kind: fault.Heal})
	}
	faults = append(faults, w.links...)
	for _, f := range []fault.Fault{{Kind: fault.Resume, Nodes: unique(w.paused)}, {Kind: fault.Restart, Nodes: unique(w.down)}} {
		if len(f.Nodes) > 0 {
			faults = append(faults, f)
		}
	}
	for _, f := range w.nodes {
		if faults = append(faults, f); f.Kind == fault.Clock {
			faults = append(faults, s.pace(f.Nodes)...)
		}
	}
	return faults
}

func unique(ids []NodeID) []NodeID {
	slices.Sort(ids)
	return slices.Compact(ids)
}
