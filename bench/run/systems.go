package run

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"raftzab/bench/baseline/etcdraft"
	"raftzab/bench/fault"
	"raftzab/bench/live/lan"
	"raftzab/bench/trace"
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
	kinds    []fault.Kind               // that it can have in virtual time; nil: all
	live     []fault.Kind               // that its processes can have, besides those of the network
	lacks    map[string]string          // what settings may ask for and it has not, with why
	check    func(mode Mode, s *Settings) []Unsupported
	complete func(s *Settings)
	missing  func() string // of a live system, besides a network
	open     func(ctx context.Context, cell *Cell, tell func(*trace.Event)) (worker, error)
	boot     func(ctx context.Context, s *System, cell *Cell) (worker, error) // live
	serve    func(p *Process) error                                           // one of its nodes, in a process of its own; nil: not ours
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
		Name: "raft", Protocol: "raft", Modes: []Mode{Sim, Live, Conversation}, Reproducible: true, Notes: []string{noSockets},
		live: append([]fault.Kind{fault.Transfer}, ours...), boot: bootNodes, serve: serveRaft,
		check: func(mode Mode, s *Settings) []Unsupported {
			return append(heartbeatBelowTimeout(mode, s), leases(s)...)
		}, complete: completeRaft,
		open: simulated("raft", func(s *Settings, voters, observers []NodeID) func(NodeID, protocols.Recovered, *rand.Rand) protocols.Replica[raft.Message] {
			return func(id NodeID, r protocols.Recovered, rng *rand.Rand) protocols.Replica[raft.Message] {
				cfg := raftConfig(s.own(id))
				cfg.ID, cfg.Voters, cfg.Learners = id, voters, observers
				return raft.New(cfg, r, rng)
			}
		}, raft.ElectionKind, raft.KindName, func(m raft.Message) (term uint64, leads bool) {
			return m.Term, m.Type == raft.AppendEntries || m.Type == raft.InstallSnapshot
		}),
	},
	{
		Name: "zab", Protocol: "zab", Modes: []Mode{Sim, Live, Conversation}, Reproducible: true, live: ours, boot: bootNodes, serve: serveZab, kinds: allButTransfer, lacks: zabLacks, complete: completeZab, Notes: []string{
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
		}, zab.ElectionKind, zab.KindName, nil),
	},
	{
		Name: "etcd", Protocol: "raft", Product: "etcd", Modes: []Mode{Sim}, Reproducible: true, lacks: etcdLacks,
		notes: etcdNotes,
		check: heartbeatBelowTimeout, complete: completeEtcd,
		open: simulated("raft", func(s *Settings, voters, observers []NodeID) func(NodeID, protocols.Recovered, *rand.Rand) protocols.Replica[etcdraft.Message] {
			return func(id NodeID, r protocols.Recovered, rng *rand.Rand) protocols.Replica[etcdraft.Message] {
				cfg := etcdConfig(s.own(id))
				cfg.ID, cfg.Voters, cfg.Learners = id, voters, observers
				return etcdraft.New(cfg, r, rng)
			}
		}, etcdraft.ElectionKind, etcdraft.KindName, nil),
	},
	{
		Name: "hashicorp", Protocol: "raft", Product: "hashicorp", Modes: []Mode{Sim, Live}, notes: hashicorpNotes,
		live: append([]fault.Kind{fault.Transfer}, processes...), boot: bootNodes, serve: serveHashicorp,
		kinds: []fault.Kind{fault.Crash, fault.PowerOff, fault.Restart, fault.Partition, fault.Isolate, fault.Cut, fault.Heal, fault.Link, fault.Disk, fault.Transfer},
		lacks: hashicorpLacks, check: hashicorpRanges, complete: completeHashicorp, open: inBubble,
	},
	{
		Name: "zookeeper", Protocol: "zab", Product: "zookeeper", Modes: []Mode{Live}, notes: zookeeperNotes,
		live: processes, lacks: zookeeperLacks, check: constants, missing: noZooKeeper, boot: bootZooKeeper,
	},
}

// Supports reports whether the system can have a kind of fault in a world.
func (s *System) Supports(w World, k fault.Kind) bool {
	switch {
	case k == fault.Chaotic, k == fault.Start: // which draws what there is; which all systems can have
		return true
	case k == fault.Flapping:
		return s.Supports(w, fault.Isolate)
	case w.Mode == Sim:
		return s.kinds == nil || slices.Contains(s.kinds, k)
	case slices.Contains(networked, k):
		return !w.Loopback
	}
	return slices.Contains(s.live, k)
}

// networked are the kinds of fault that a live network has.
var networked = []fault.Kind{fault.PowerOff, fault.Partition, fault.Isolate, fault.Cut, fault.Heal, fault.Link}

// processes is what can happen to any process, and ours to those that have a disk
// and a clock of ours as well.
var (
	processes = []fault.Kind{fault.Crash, fault.Restart, fault.Pause, fault.Resume}
	ours      = append([]fault.Kind{fault.Disk, fault.Clock}, processes...)
)

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
	lost = append(append(lost, unpaced(mode, x)...), s.unread(mode, x)...)
	if s.check != nil {
		lost = append(lost, s.check(mode, x)...)
	}
	return lost
}

// Worlds are where the system can run.
func (s *System) Worlds() (worlds []World) {
	for _, m := range s.Modes {
		worlds = append(worlds, World{Mode: m})
		if m == Live {
			worlds = append(worlds, World{Mode: m, Loopback: true})
		}
	}
	return worlds
}

// Missing says why the system cannot run on this machine; empty if it can.
func (s *System) Missing(w World) string {
	if w.Mode != Live {
		return ""
	}
	if s.missing != nil {
		if why := s.missing(); why != "" {
			return why
		}
	}
	if w.Quota {
		if err := lan.Limitable(); err != nil {
			return err.Error()
		}
	}
	return noNetwork(w.Loopback)
}

// worker opens what runs the trials of a cell.
func (s *System) worker(ctx context.Context, cell *Cell) (worker, error) {
	switch cell.Mode {
	case Live:
		return s.boot(ctx, s, cell)
	case Conversation:
		return player{cell}, nil
	}
	return s.open(ctx, cell, nil)
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
