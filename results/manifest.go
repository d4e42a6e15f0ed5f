package results

import (
	"encoding/json"
	"runtime/debug"
)

// Schema is the version of the files' form. It grows when a reader of the old
// form would misread the new one.
const Schema = 1

// A Manifest says what was run and what came of it, as far as the same commit
// and the same seed give the same again anywhere. What the machine decides is
// in Run.
type Manifest struct {
	Schema      int               `json:"schema"`
	Scenario    string            `json:"scenario"`
	Text        string            `json:"text"` // of the scenario file
	SHA256      string            `json:"sha256"`
	Commit      string            `json:"commit"`
	Versions    map[string]string `json:"versions"` // of the libraries, by module
	Seed        uint64            `json:"seed"`
	Flags       []string          `json:"flags,omitempty"`       // the command line's: what it set or chose otherwise than the scenario
	Shard       string            `json:"shard,omitempty"`       // i/n: only each n-th trial, from the i-th
	Interrupted bool              `json:"interrupted,omitempty"` // some cells have fewer rows than they should
	Cells       []Cell            `json:"cells"`
	Skipped     []Skipped         `json:"skipped,omitempty"`
	Files       []File            `json:"files"`
	Verdicts    []Verdict         `json:"verdicts,omitempty"` // of data that come again byte by byte
}

// A Cell is one point of the experiment: run x case x sweep point x system.
type Cell struct {
	Mode     string          `json:"mode"`
	Case     string          `json:"case"`
	System   string          `json:"system"`
	Swept    []Setting       `json:"swept,omitempty"`
	Switch   bool            `json:"switch,omitempty"`   // live: a machine for each server, and a switch between them to which [network] applies; else loopback
	Trials   int             `json:"trials"`             // asked for
	Rows     *int            `json:"rows,omitempty"`     // written; of simulated cells: a live cell's are in run.json
	Checksum string          `json:"checksum,omitempty"` // over all events, hexadecimal
	Settings json.RawMessage `json:"settings"`           // everything the system was told
	Notes    []string        `json:"notes,omitempty"`    // where it was treated differently from the others
}

// Skipped is a cell that the scenario allows a system to leave out, since the
// system cannot have one of the settings.
type Skipped struct {
	Mode   string `json:"mode"`
	Case   string `json:"case"`
	System string `json:"system"`
	Reason string `json:"reason"`
}

// A Repeat says how much of a file comes again from the same commit and seed.
type Repeat string

const (
	Bytes        Repeat = "bytes"        // every byte, everywhere: raft, zab, etcd in virtual time, and conversations
	Distribution Repeat = "distribution" // the distribution only: hashicorp in virtual time, whose goroutines draw on the runtime's chance
	Nothing      Repeat = "no"           // live: real time
)

// RepeatOf returns how much of the file of a system in a mode comes again.
func RepeatOf(mode, system string) Repeat {
	switch {
	case mode == "live":
		return Nothing
	case system == "hashicorp":
		return Distribution
	}
	return Bytes
}

// A File is a trials file. The sums of reproducible files are in the manifest,
// those of the others in run.json.
type File struct {
	Name   string `json:"name"`
	Rows   int    `json:"rows"`
	Repeat Repeat `json:"reproducible"`
	SHA256 string `json:"sha256,omitempty"`
}

// Versions returns the modules that this program was built from.
func Versions() map[string]string {
	versions := map[string]string{}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return versions
	}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		versions[m.Path] = m.Version
	}
	return versions
}
