package run

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"raftzab/bench/baseline/etcdraft"
	"raftzab/bench/baseline/hashicorp"
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

	kinds   []fault.Kind // that it can have; nil: all
	check   func(mode Mode, s *Settings) []Unsupported
	missing func(mode Mode) string
	open    func(ctx context.Context, cell *Cell, trace func(Time, string)) (worker, error)
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
		check: heartbeatBelowTimeout,
		open: simulated("raft", func(s *Settings, voters []NodeID) func(NodeID, protocols.Recovered, *rand.Rand) protocols.Replica[raft.Message] {
			cfg := raft.Default()
			cfg.Voters, cfg.Heartbeat = voters, s.Raft.Heartbeat.Time()
			cfg.ElectionTimeout = raft.Timeout{Min: s.Raft.ElectionTimeout.Min.Time(), Max: s.Raft.ElectionTimeout.Max.Time()}
			return func(id NodeID, r protocols.Recovered, rng *rand.Rand) protocols.Replica[raft.Message] {
				cfg := cfg
				cfg.ID = id
				return raft.New(cfg, r, rng)
			}
		}, raft.ElectionKind),
	},
	{
		Name: "zab", Protocol: "zab", Modes: []Mode{Sim}, Reproducible: true, kinds: allButTransfer, Notes: []string{
			"a learner's connection opens without TCP's handshake, so activation is one round trip shorter than over new connections",
			"history and currentEpoch share one fsync at NEWLEADER, where ZooKeeper has two in a row"},
		open: simulated("zab", func(s *Settings, voters []NodeID) func(NodeID, protocols.Recovered, *rand.Rand) protocols.Replica[zab.Message] {
			cfg := zab.Default()
			cfg.Voters = voters
			cfg.Tick, cfg.InitLimit, cfg.SyncLimit = s.Zab.Tick.Time(), s.Zab.InitLimit, s.Zab.SyncLimit
			cfg.FinalizeWait = s.Zab.FinalizeWait.Time()
			cfg.MinNotificationInterval, cfg.MaxNotificationInterval = s.Zab.MinNotification.Time(), s.Zab.MaxNotification.Time()
			return func(id NodeID, r protocols.Recovered, _ *rand.Rand) protocols.Replica[zab.Message] {
				cfg := cfg
				cfg.ID = id
				return zab.New(cfg, r)
			}
		}, zab.ElectionKind),
	},
	{
		Name: "etcd", Protocol: "raft", Product: "etcd", Modes: []Mode{Sim}, Reproducible: true, kinds: allButTransfer,
		Notes: []string{noSockets,
			"it stands on timers of ours (RawNode.Campaign), so that its timeouts are exact and reproducible, and draws a timeout anew only when its term or role changes, as etcd does",
			"PreVote and CheckQuorum are off, as in our Raft; the product etcd has both on",
			"a new leader probes each follower, so that entries behind its no-op wait one round trip more before they are acknowledged"},
		check: heartbeatBelowTimeout,
		open: simulated("raft", func(s *Settings, voters []NodeID) func(NodeID, protocols.Recovered, *rand.Rand) protocols.Replica[etcdraft.Message] {
			cfg := etcdraft.Config{Voters: voters, ElectionTimeout: etcdraft.Timeout{Min: s.Raft.ElectionTimeout.Min.Time(), Max: s.Raft.ElectionTimeout.Max.Time()},
				Heartbeat: s.Raft.Heartbeat.Time()}
			return func(id NodeID, r protocols.Recovered, rng *rand.Rand) protocols.Replica[etcdraft.Message] {
				cfg := cfg
				cfg.ID = id
				return etcdraft.New(cfg, r, rng)
			}
		}, etcdraft.ElectionKind),
	},
	{
		Name: "hashicorp", Protocol: "raft", Product: "hashicorp", Modes: []Mode{Sim}, Notes: hashicorp.Notes,
		kinds: []fault.Kind{fault.Crash, fault.PowerOff, fault.Restart, fault.Partition, fault.Isolate, fault.Cut, fault.Heal, fault.Link, fault.Disk},
		check: twiceTheTimeout, open: inBubble,
	},
	{
		Name: "zookeeper", Protocol: "zab", Product: "zookeeper", Modes: []Mode{Live}, Notes: []string{
			"it runs in real time on the loopback interface with the disk of the machine (forceSync=yes); its ensemble is booted once a cell, one trial is not counted, and the crashed server is restarted for the next",
			"its servers are JVMs with small heaps and the quick compiler only, which share the machine's cores with each other and with the clients",
			"its phases are the instants at which its log lines \"Peer state changed\" arrive; a server that loses its leader closes its clients' connections, which must come back before a write counts"},
		kinds: []fault.Kind{fault.Crash, fault.Restart, fault.Pause, fault.Resume},
		check: constants, missing: noZooKeeper, open: bootZooKeeper,
	},
}

// heartbeatBelowTimeout keeps a healthy Raft leader from being deposed.
func heartbeatBelowTimeout(_ Mode, s *Settings) []Unsupported {
	if h, t := s.Raft.Heartbeat, s.Raft.ElectionTimeout.Min; h >= t {
		return []Unsupported{{"raft.heartbeat", fmt.Sprintf("%v is not below the least election timeout %v; write for instance \"%v\"", h, t, t/2)}}
	}
	return nil
}

// Supports reports whether the system can have a kind of fault.
func (s *System) Supports(_ Mode, k fault.Kind) bool {
	return s.kinds == nil || slices.Contains(s.kinds, k)
}

// Check returns the settings that the system cannot have.
func (s *System) Check(mode Mode, x *Settings) []Unsupported {
	lost := s.unstaged(mode, x)
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
