package run

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"raftzab/bench/fault"
	"raftzab/bench/workload"
	"raftzab/protocols"
	"raftzab/zab"
)

// readModes are the modes of reading by the names that scenarios use.
var readModes = [...]string{
	protocols.ReadLocal: "local", protocols.ReadLeader: "leader", protocols.ReadIndex: "readindex",
	protocols.ReadLease: "lease", protocols.ReadSync: "sync",
}

// reads returns the modes that a system has in a world.
func reads(system string, mode Mode) []protocols.ReadMode {
	modes := []protocols.ReadMode{protocols.ReadLocal, protocols.ReadLeader}
	switch {
	case system == "raft":
		return append(modes, protocols.ReadIndex, protocols.ReadLease)
	case system == "zab":
		return append(modes, protocols.ReadSync)
	case system == "zookeeper":
		return []protocols.ReadMode{protocols.ReadLocal, protocols.ReadSync}
	case system == "hashicorp" && mode == Live:
		return append(modes, protocols.ReadIndex)
	}
	return modes
}

// OfLeader reports whether reads of the mode are the leader's alone.
func (w *Workload) OfLeader() bool {
	return slices.Contains([]string{"leader", "lease", "readindex"}, w.ReadMode)
}

// closed reports whether clients ask as fast as they are answered.
func (w *Workload) closed() bool { return w.Clients > 0 && w.Rate == 0 }

func (w *Workload) mode() protocols.ReadMode {
	return protocols.ReadMode(max(0, slices.Index(readModes[:], w.ReadMode)))
}

// findings are the ways to find the leader by the names that scenarios use.
var findings = []string{workload.Known: "known", workload.Asked: "asked", workload.Each: "each"}

// complete fills in what the scenario leaves open.
func (w *Workload) complete(protocol string) {
	if w.Clients == 0 {
		return
	}
	d := workload.Default()
	w.ReadMode = cmp.Or(w.ReadMode, "local")
	if w.Attach = cmp.Or(w.Attach, "any"); w.OfLeader() {
		w.Attach = "leader"
	}
	w.FindLeader = cmp.Or(w.FindLeader, findings[workload.Known])
	w.Keys, w.ValueSize, w.Timeout = cmp.Or(w.Keys, d.Keys), cmp.Or(w.ValueSize, int(d.ValueSize)), cmp.Or(w.Timeout, Duration(d.Timeout))
	if w.Rate > 0 {
		w.Arrivals = cmp.Or(w.Arrivals, "poisson")
	}
	if w.Monotonic == nil {
		w.Monotonic = new(protocol == "zab")
	}
}

// population describes the clients of a system.
func (s *Settings) population(protocol string) workload.Config {
	w := s.Workload
	w.complete(protocol)
	return workload.Config{
		Voters: s.Cluster.Voters, Observers: s.Cluster.Observers, Forwards: protocol == "zab",
		Others:  uint32(s.Cluster.Voters) + 1, // the probes and the stage
		Clients: w.Clients, Rate: w.Rate, Poisson: w.Arrivals == "poisson", Reads: w.Reads, Mode: w.mode(),
		Attach:  workload.Attach(slices.Index([]string{workload.Any: "any", workload.Leader: "leader", workload.Followers: "followers", workload.Observers: "observers"}, w.Attach)),
		Finding: workload.Finding(slices.Index(findings, w.FindLeader)),
		Keys:    w.Keys, Skew: w.Skew, ValueSize: uint32(w.ValueSize), Timeout: w.Timeout.Time(), Monotonic: *w.Monotonic,
	}
}

// unread lists what a system cannot have of a workload.
func (s *System) unread(mode Mode, x *Settings) (lost []Unsupported) {
	w := &x.Workload
	if w.Clients == 0 {
		return nil
	}
	modes := reads(s.Name, mode)
	if !slices.Contains(modes, w.mode()) {
		var names []string
		for _, m := range modes {
			names = append(names, `"`+readModes[m]+`"`)
		}
		lost = append(lost, Unsupported{"workload.read_mode", fmt.Sprintf("no reads of mode %q when %s; write %s, or leave %s out", w.ReadMode, World{Mode: mode}, strings.Join(names, " or "), s.Name)})
	}
	if w.ReadMode == "lease" && x.Raft.ClockDrift == 0 {
		lost = append(lost, Unsupported{"workload.read_mode", "a lease needs a bound on the clocks' drift; write clock_drift = 0.01 and check_quorum = true in [raft]"})
	}
	if s.Name == "zookeeper" && is(w.Monotonic) {
		lost = append(lost, Unsupported{"workload.monotonic", "its clients have a connection of their own to each server here; take it out, or leave zookeeper out"})
	}
	return lost
}

// strict are the modes whose reads must be fresh: a lease while no clock breaks the
// bound, a sync that a quorum answers.
func (s *Settings) strict() (modes []protocols.ReadMode) {
	modes = append(modes, protocols.ReadIndex)
	drifts := func(d float64) bool { return max(d, -d) > s.Raft.ClockDrift }
	broken := slices.ContainsFunc(s.Nodes, func(n Node) bool { return drifts(n.ClockDrift) }) ||
		slices.ContainsFunc(s.Faults, func(f Planned) bool {
			return f.Kind == fault.Clock && (drifts(f.Drift) || f.Skew > 0) || f.Kind == fault.Chaotic
		})
	if !broken {
		modes = append(modes, protocols.ReadLease)
	}
	if s.Zab.Sync == zab.SyncQuorum.String() {
		modes = append(modes, protocols.ReadSync)
	}
	return modes
}
