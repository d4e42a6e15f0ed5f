package run

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"raftzab/bench/baseline/zookeeper"
	"raftzab/bench/metric"
	"raftzab/results"
)

// installed looks for Java and ZooKeeper once.
var installed = sync.OnceValues(zookeeper.Find)

// noZooKeeper says why there is no ensemble on this machine.
func noZooKeeper() string {
	if _, err := installed(); err != nil {
		return err.Error()
	}
	return ""
}

// An ensemble is a worker for a real ZooKeeper.
type ensemble struct {
	processed
	servers *zookeeper.Ensemble
	inst    zookeeper.Installation

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

func bootZooKeeper(ctx context.Context, _ *System, cell *Cell) (worker, error) {
	inst, err := installed()
	if err != nil {
		return nil, err
	}
	w := &ensemble{inst: inst}
	s := &cell.Settings
	cfg := zookeeper.Default()
	cfg.Voters, cfg.Observers, cfg.Absent = s.Cluster.Voters, s.Cluster.Observers, s.Cluster.Absent
	cfg.Tick, cfg.InitLimit, cfg.SyncLimit = time.Duration(s.Zab.Tick), s.Zab.InitLimit, s.Zab.SyncLimit
	cfg.JVM = s.Zab.JVM
	if s.Workload.Clients > 0 {
		cfg.Keys = max(cfg.Keys, int(new(s.population("zab")).Limit()))
	}
	if x := time.Duration(s.Zab.MaxNotification); x != 60*time.Second {
		cfg.Properties = map[string]string{"zookeeper.fastleader.maxNotificationInterval": fmt.Sprint(x.Milliseconds())}
	}
	err = w.boot(ctx, cell, "zab", func() (servers, string, error) {
		cfg.Network, w.conductor.joins.silent = w.network, true
		var err error
		if w.servers, err = zookeeper.Start(ctx, inst, cfg); err != nil {
			return nil, "", err
		}
		return w.servers, w.servers.Dir(), nil
	})
	w.found = append(w.found, "flags of the servers' JVMs: "+strings.Join(cfg.JVMFlags(), " "))
	return w, err
}

func (w *ensemble) versions() []Version { return versionsOf(w.inst) }

func versionsOf(i zookeeper.Installation) []Version {
	return []Version{{"java", i.JavaVersion}, {"zookeeper", i.ZooKeeperVersion}}
}

// Installed returns the versions of the programs of others that a live system would start on
// this machine; none where it has none, or they are not here.
func Installed(system string) []Version {
	if system != "zookeeper" {
		return nil
	}
	inst, err := installed()
	if err != nil {
		return nil
	}
	return versionsOf(inst)
}

func (w *ensemble) observed() []string {
	var parts []string
	for i, took := range w.steps {
		if len(took) > 0 {
			parts = append(parts, fmt.Sprintf("%s %.1f ms (n = %d)", stepNames[i], metric.NewSample(took).Median(), len(took)))
		}
	}
	clear(w.steps[:])
	found := w.processed.observed()
	if len(parts) == 0 {
		return found
	}
	return append(found, fmt.Sprintf("%s: medians of steps, by the logs: %s", w.conductor.cell, strings.Join(parts, ", ")))
}

func (w *ensemble) trial(trial int, probed bool) (row results.Trial, checksum uint64, broken *Breach, err error) {
	if row, checksum, broken, err = w.processed.trial(trial, probed); err == nil && trial >= 0 {
		w.step()
	}
	return row, checksum, broken, err
}

// constants are what ZooKeeper cannot have otherwise.
func constants(_ Mode, s *Settings) (found []Unsupported) {
	if s.Zab.FinalizeWait != Duration(200*time.Millisecond) {
		found = append(found, Unsupported{"zab.finalize_wait", fmt.Sprintf("%v: in ZooKeeper it is a constant; write \"200ms\"", s.Zab.FinalizeWait)})
	}
	if s.Zab.MinNotification != Duration(200*time.Millisecond) {
		found = append(found, Unsupported{"zab.min_notification_interval", "ZooKeeper runs with its own here, 200ms"})
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
