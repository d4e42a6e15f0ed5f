package live

import (
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"time"

	"raftzab/bench/fault"
	"raftzab/bench/live/clock"
	"raftzab/bench/live/lan"
	"raftzab/protocols"
)

// A Config describes an ensemble.
type Config struct {
	// Network is where the nodes are. Close leaves it open: whoever made it may
	// have another use for it.
	Network lan.Network
	Nodes   int                // voters and observers, numbered from 1
	Absent  []protocols.NodeID // of them, those that are not started until a restart
	Clock   clock.Clock        // the run's: what nodes stamp with, and all instants of Run

	// Program returns the command that a life of a node is to run, without files:
	// the network starts it, and the ensemble gives it its pipes (3: what it is
	// told, 4: what it tells) and, as its output, its log. Lives count from 1. In
	// dir, which is there, it keeps what outlasts its life. It speaks package wire, and
	// ends with ExitDisk if its disk has failed.
	Program func(id protocols.NodeID, life uint64, dir string) *exec.Cmd

	Dir  string // of the nodes' folders and logs; empty: a temporary one, which Close removes
	Port int    // of the nodes, for clients

	Faults []fault.Kind         // that the nodes and their protocol can have; those which the network must cause only if it can, too
	Reads  []protocols.ReadMode // that they know

	// Sent, unless nil, is told of each message to another node, as a bench.Witness
	// is, in the order of Observe.
	Sent func(now protocols.Time, from, to protocols.NodeID, kind uint8, size int)

	Hold time.Duration // how long what a node tells waits for what another may tell of an earlier instant
	Dial time.Duration // the time limit of one attempt to connect, more than a round trip from the clients
}

// Default returns a configuration that lacks the network, the nodes and their
// program.
func Default() Config {
	return Config{
		Clock:  clock.At(clock.Monotonic()),
		Port:   2181,
		Faults: []fault.Kind{fault.Crash, fault.PowerOff, fault.Restart, fault.Pause, fault.Resume, fault.Partition, fault.Isolate, fault.Cut, fault.Heal, fault.Link},
		Reads:  []protocols.ReadMode{protocols.ReadLocal, protocols.ReadLeader},
		Hold:   2 * time.Millisecond,
		Dial:   250 * time.Millisecond,
	}
}

// Validate reports what no ensemble can be made of.
func (c *Config) Validate() error {
	var errs []error
	complain := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf("live: "+format, args...))
		}
	}
	complain(c.Network == nil, "there is no network")
	complain(c.Nodes < 1, "%d nodes", c.Nodes)
	complain(c.Program == nil, "there is no program for the nodes")
	complain(c.Port < 1 || c.Port > 65535, "port %d for clients", c.Port)
	complain(c.Hold < 0, "what nodes tell is held for %v", c.Hold)
	complain(c.Dial <= 0, "%v to connect", c.Dial)
	return errors.Join(errs...)
}

// ofNetwork reports whether a fault needs a network that can be told to have it.
func ofNetwork(k fault.Kind) bool {
	switch k {
	case fault.PowerOff, fault.Partition, fault.Isolate, fault.Cut, fault.Heal, fault.Link:
		return true
	}
	return false
}

// supports reports whether an ensemble of this configuration can have a fault.
func (c *Config) supports(k fault.Kind) bool {
	return slices.Contains(c.Faults, k) && (!ofNetwork(k) || c.Network.Supports(k))
}
