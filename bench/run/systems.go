package run

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"raftzab/bench/baseline/etcdraft"
	"raftzab/bench/fault"
	"raftzab/protocols"
	"raftzab/raft"
	"raftzab/zab"
)

// A System is something that can be measured, by the name that scenarios use.
type System struct {
	Name     string
	Protocol string   // the section of a scenario that governs it: raft or zab
	Product  string   // the section with overrides for it alone; empty for our own
	Modes    []Mode   // the worlds that it can run in
	Notes    []string // where it is treated otherwise than the rest; for the manifest and captions

	// Reproducible says whether the same seed gives the same bytes.
	Reproducible bool

	notes    func(s *Settings) []string // in the place of Notes, where they depend on the settings
	kinds    []fault.Kind               // that it can have; nil: all
	lacks    map[string]string          // what settings may ask for and it has not, with why
	check    func(mode Mode, s *Settings) []Unsupported
	complete func(s *Settings)
	missing  func(mode Mode) string
	open     func(ctx context.Context, cell *Cell, trace func(Time, string)) (worker, error)
}

// Unsupported is a setting that a system cannot have.
type Unsupported struct{ Key, Reason string }

// noSockets says why a crash and a power-off look alike.
const noSockets = "it does not look at connections: with the same seeds a crash and a power-off of the leader are the same trials"

// allButTransfer is for systems whose leader cannot be asked, here, to hand over.
var allButTransfer = slices.DeleteFunc(everyKind(), func(k fault.Kind) bool { return k == fault.Transfer })

func everyKind() (kinds []fault.Kind) {
	for k := range fault.Kinds {
		kinds = append(kinds, k)
	}
	return kinds
}

// Systems are all systems, in the order in which figures list them.
var Systems = []*System{
	{
		Name: "raft", Protocol: "raft", Modes: []Mode{Sim}, Reproducible: true, Notes: []string{noSockets},
		check: func(mode Mode, s *Settings) []Unsupported {
			return append(heartbeatBelowTimeout(mode, s), leases(s)...)
		}, complete: completeRaft,
		open: simulated("raft", func(s *Settings, voters, observers []NodeID) func(NodeID, protocols.Recovered, *rand.Rand) protocols.Replica[raft.Message] {
			cfg := raftConfig(s)
			cfg.Voters, cfg.Learners = voters, observers
			return func(id NodeID, r protocols.Recovered, rng *rand.Rand) protocols.Replica[raft.Message] {
				cfg := cfg
				cfg.ID = id
				return raft.New(cfg, r, rng)
			}
		}, raft.ElectionKind),
	},
	{
		Name: "zab", Protocol: "zab", Modes: []Mode{Sim}, Reproducible: true, kinds: allButTransfer, lacks: zabLacks, complete: completeZab, Notes: []string{
			"a learner's connection opens without TCP's handshake, so activation is one round trip shorter than over new connections",
			"history and currentEpoch share one fsync at NEWLEADER, where ZooKeeper has two in a row"},
		open: simulated("zab", func(s *Settings, voters, observers []NodeID) func(NodeID, protocols.Recovered, *rand.Rand) protocols.Replica[zab.Message] {
			cfg := zabConfig(s)
			cfg.Voters, cfg.Observers = voters, observers
			return func(id NodeID, r protocols.Recovered, rng *rand.Rand) protocols.Replica[zab.Message] {
				cfg := cfg
				cfg.ID = id
				return zab.New(cfg, r, rng)
			}
		}, zab.ElectionKind),
	},
	{
		Name: "etcd", Protocol: "raft", Product: "etcd", Modes: []Mode{Sim}, Reproducible: true, lacks: etcdLacks,
		notes: etcdNotes,
		check: heartbeatBelowTimeout, complete: completeEtcd,
		open: simulated("raft", func(s *Settings, voters, observers []NodeID) func(NodeID, protocols.Recovered, *rand.Rand) protocols.Replica[etcdraft.Message] {
			cfg := etcdConfig(s)
			cfg.Voters, cfg.Learners = voters, observers
			return func(id NodeID, r protocols.Recovered, rng *rand.Rand) protocols.Replica[etcdraft.Message] {
				cfg := cfg
				cfg.ID = id
				return etcdraft.New(cfg, r, rng)
			}
		}, etcdraft.ElectionKind),
	},
	{
		Name: "hashicorp", Protocol: "raft", Product: "hashicorp", Modes: []Mode{Sim}, notes: hashicorpNotes,
		kinds: []fault.Kind{fault.Crash, fault.PowerOff, fault.Restart, fault.Partition, fault.Isolate, fault.Cut, fault.Heal, fault.Link, fault.Disk, fault.Transfer},
		lacks: hashicorpLacks, check: hashicorpRanges, complete: completeHashicorp, open: inBubble,
	},
	{
		Name: "zookeeper", Protocol: "zab", Product: "zookeeper", Modes: []Mode{Live}, Notes: []string{
			"it runs in real time on the loopback interface with the disk of the machine (forceSync=yes); its ensemble is booted once a cell, one trial is not counted, and the crashed server is restarted for the next",
			"its servers are JVMs with small heaps and the quick compiler only, which share the machine's cores with each other and with the clients",
			"its phases are the instants at which its log lines \"Peer state changed\" arrive; a server that loses its leader closes its clients' connections, which must come back before a write counts"},
		kinds: []fault.Kind{fault.Crash, fault.Restart, fault.Pause, fault.Resume},
		lacks: zookeeperLacks, check: constants, missing: noZooKeeper, open: bootZooKeeper,
	},
}

// Supports reports whether the system can have a kind of fault.
func (s *System) Supports(_ Mode, k fault.Kind) bool {
	return s.kinds == nil || slices.Contains(s.kinds, k)
}

// NotesOn are the notes on a cell with these settings.
func (s *System) NotesOn(x *Settings) []string {
	if s.notes != nil {
		return s.notes(x)
	}
	return s.Notes
}

// Check returns the settings that the system cannot have.
func (s *System) Check(mode Mode, x *Settings) []Unsupported {
	lost := append(s.unstaged(mode, x), s.optionless(mode, x)...)
	if s.check != nil {
		lost = append(lost, s.check(mode, x)...)
	}
	return lost
}

// Missing says why the system cannot run on this machine; empty if it can.
func (s *System) Missing(mode Mode) string {
	if s.missing == nil {
		return ""
	}
	return s.missing(mode)
}

// Lookup returns the system of a name.
func Lookup(name string) (*System, error) {
	var names []string
	for _, s := range Systems {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return nil, fmt.Errorf("there is no system %q; there are %s", name, strings.Join(names, ", "))
}
