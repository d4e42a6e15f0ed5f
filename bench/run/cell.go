// Package run measures one cell: a system under one set of settings, with its
// faults, probes and checks, trial by trial. It binds the names of systems in a
// scenario to what carries them out.
package run

import "raftzab/results"

// A Mode is the world that a cell runs in.
type Mode string

const (
	Sim  Mode = "sim"  // virtual time
	Live Mode = "live" // real processes in real time
)

// A Cell is one point of an experiment: run x case x sweep point x system.
type Cell struct {
	Scenario string            // its name, which is the name of its folder
	File     string            // that it is from
	Flags    []string          // key=value: what --set changed
	Case     string            // empty if the scenario has none
	Mode     Mode              //
	System   string            // a name of Systems
	Swept    []results.Setting // the swept keys, in the order of the file, with this cell's values
	Trials   int
	Seed     uint64
	Settings Settings
}
