package run

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"raftzab/bench"
	"raftzab/bench/baseline/zookeeper"
	"raftzab/bench/fault"
	"raftzab/bench/metric"
	"raftzab/protocols"
	"raftzab/results"
)

// installed looks for Java and ZooKeeper once.
var installed = sync.OnceValues(zookeeper.Find)

// noZooKeeper says why there is no ensemble on this machine.
func noZooKeeper(Mode) string {
	if _, err := installed(); err != nil {
		return err.Error()
	}
	return ""
}

// settling is how long an ensemble may take to be whole again.
const settling = 60 * time.Second

// An ensemble is a worker for a real ZooKeeper: booted once a cell, with one
// trial that is not counted, since it finds the code cold.
type ensemble struct {
	ctx       context.Context
	conductor conductor
	servers   *zookeeper.Ensemble
	inst      zookeeper.Installation
	found     []string

	steps [len(stepNames)][]float64 // ms, of each trial that counts
}

// stepNames are what an election of ZooKeeper consists of besides the vote.
var stepNames = [...]string{"from the kill to a server reading the end of its connection to the leader", "from there to a server looking",
	"from victory to the new leader listening", "from victory to a learner being connected", "from there to a quorum of acknowledgements of NEWLEADER",
	"from there to the leader serving"}

// step takes in how long the steps of an election took, as far as the logs have
// them.
func (w *ensemble) step() {
	e, h := &w.conductor.election, w.servers.Hindered()
	if e.active == 0 {
		return
	}
	won := e.seats[e.winner].elected
	for i, x := range [...][2]Time{{e.t0, h.Noticed}, {h.Noticed, e.detected}, {won, h.Listening}, {won, h.Connected}, {h.Connected, h.Quorum}, {h.Quorum, e.active}} {
		if x[0] != 0 && x[1] >= x[0] {
			w.steps[i] = append(w.steps[i], float64(milliseconds(x[1]-x[0])))
		}
	}
}

func bootZooKeeper(ctx context.Context, cell *Cell, _ func(Time, string)) (worker, error) {
	inst, err := installed()
	if err != nil {
		return nil, err
	}
	s := &cell.Settings
	cfg := zookeeper.Default()
	cfg.Voters, cfg.Tick, cfg.InitLimit, cfg.SyncLimit = s.Cluster.Voters, time.Duration(s.Zab.Tick), s.Zab.InitLimit, s.Zab.SyncLimit
	servers, err := zookeeper.Start(ctx, inst, cfg)
	if err != nil {
		return nil, err
	}
	w := &ensemble{ctx: ctx, servers: servers, inst: inst}
	fsync, err := FsyncLatency(servers.Dir())
	if err != nil {
		return nil, errors.Join(err, w.close())
	}
	delay, err := LoopbackDelay()
	if err != nil {
		return nil, errors.Join(err, w.close())
	}
	w.found = []string{
		fmt.Sprintf("%s: fsync of the servers' disk took %v", cell, fsync),
		fmt.Sprintf("%s: one way over loopback took %v", cell, delay),
		"flags of the servers' JVMs: " + strings.Join(cfg.JVMFlags(), " "),
	}
	if fsync.Median < 20*time.Microsecond {
		w.found = append(w.found, "warning: that is no disk: forceSync costs nothing here; set TMPDIR to a folder on one")
	}
	w.conductor = conductor{cell: cell, election: election{protocol: "zab", nodes: s.Cluster.Voters, countable: func(uint8) bool { return false }}}
	if _, _, _, err := w.trial(-1, s.Probe.Interval > 0); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

func (w *ensemble) close() error { return w.servers.Close() }

func (w *ensemble) versions() []Version {
	return []Version{{"java", w.inst.JavaVersion}, {"zookeeper", w.inst.ZooKeeperVersion}}
}

func (w *ensemble) observed() []string {
	var parts []string
	for i, took := range w.steps {
		if len(took) > 0 {
			parts = append(parts, fmt.Sprintf("%s %.1f ms (n = %d)", stepNames[i], metric.NewSample(took).Median(), len(took)))
		}
	}
	if len(parts) == 0 {
		return w.found
	}
	return append(w.found, fmt.Sprintf("%s: medians of steps, by the logs: %s", w.conductor.cell, strings.Join(parts, ", ")))
}

func (w *ensemble) trial(trial int, probed bool) (row results.Trial, checksum uint64, broken *Breach, err error) {
	if err := w.servers.Ready(settling); err != nil {
		return row, 0, nil, err
	}
	c := &w.conductor
	c.prepare(w.servers, trial, probed, w.servers.Now())
	if err := c.conduct(w.ctx); err != nil {
		return row, 0, nil, err
	}
	m := mender{down: c.down, paused: c.paused, sys: w.servers}
	if err := errors.Join(w.servers.Run(&m, w.servers.Now()), m.err); err != nil {
		return row, 0, nil, err
	}
	if trial >= 0 {
		w.step()
	}
	return c.row(trial, false), 0, nil, nil
}

// A mender is the Handler that brings back whom a trial left down.
type mender struct {
	down, paused []NodeID
	sys          bench.System
	err          error
}

func (m *mender) Wake(Time) Time {
	for _, f := range []fault.Fault{{Kind: fault.Resume, Nodes: m.paused}, {Kind: fault.Restart, Nodes: m.down}} {
		if len(f.Nodes) > 0 {
			m.err = errors.Join(m.err, m.sys.Inject(f))
		}
	}
	m.down, m.paused = nil, nil
	return 0
}

func (m *mender) Reply(Time, bench.Reply)               {}
func (m *mender) Listen() protocols.EventSet            { return 0 }
func (m *mender) Observe(Time, NodeID, protocols.Event) {}

// constants are what ZooKeeper cannot have otherwise.
func constants(_ Mode, s *Settings) (found []Unsupported) {
	if s.Zab.FinalizeWait != Duration(200*time.Millisecond) {
		found = append(found, Unsupported{"zab.finalize_wait", fmt.Sprintf("%v: in ZooKeeper it is a constant; write \"200ms\"", s.Zab.FinalizeWait)})
	}
	if s.Zab.MinNotification != Duration(200*time.Millisecond) || s.Zab.MaxNotification != Duration(60*time.Second) {
		found = append(found, Unsupported{"zab.max_notification_interval", "ZooKeeper runs with its own notification intervals here, 200ms to 60s"})
	}
	if s.Zab.ConnectRetry != Duration(100*time.Millisecond) {
		found = append(found, Unsupported{"zab.connect_retry", fmt.Sprintf("%v: ZooKeeper runs with its own delay here; write \"100ms\"", s.Zab.ConnectRetry)})
	}
	if t := time.Duration(s.Zab.Tick); t%time.Millisecond != 0 {
		found = append(found, Unsupported{"zab.tick", fmt.Sprintf("%v: ZooKeeper counts it in whole milliseconds; write \"%v\"", t, t.Round(time.Millisecond))})
	}
	if s.Cluster.Voters < 2 {
		found = append(found, Unsupported{"cluster.voters", "one ZooKeeper server elects nobody; write a number from 2"})
	}
	return found
}
