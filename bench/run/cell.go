// Package run measures one cell: a system under one set of settings, with its
// faults, probes and checks, trial by trial. It binds the names of systems in a
// scenario to what carries them out.
package run

import (
	"raftzab/bench/fault"
	"raftzab/results"
)

// A Mode is the world that a cell runs in.
type Mode string

const (
	Sim  Mode = "sim"  // virtual time
	Live Mode = "live" // real processes in real time

	// Conversation is a text that says step by step what happens and what is answered.
	Conversation Mode = "conversation"
)

// A World is where a system runs, as far as it matters for what can happen to it
// there.
type World struct {
	Mode     Mode
	Loopback bool // live: on the loopback interface, which has no faults
	Quota    bool // live: a server has a share of the cores
}

// String names a world for people.
func (w World) String() string {
	switch {
	case w.Mode == Sim:
		return "simulated"
	case w.Mode == Conversation:
		return "in conversations"
	case w.Loopback:
		return "live on loopback"
	}
	return "live"
}

// World is where the cell runs.
func (c *Cell) World() World {
	return World{Mode: c.Mode, Loopback: c.Loopback, Quota: c.Mode == Live && c.Settings.CPU.Quota > 0}
}

// A Cell is one point of an experiment: run x case x sweep point x system.
type Cell struct {
	Scenario string            // its name, which is the name of its folder
	File     string            // that it is from
	Flags    []string          // key=value: what --set changed
	Case     string            // empty if the scenario has none; the name of a conversation
	Mode     Mode              //
	System   string            // a name of Systems
	Swept    []results.Setting // the swept keys, in the order of the file, with this cell's values
	Loopback bool              // live: on the loopback interface, without a network of its own
	Turns    bool              // live: its trials take turns with those of other cells, as Turns has it
	Trials   int
	Seed     uint64
	Settings Settings

	chaos fault.Options // what chaos may draw; of the system, once it is known
}
