package main

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"raftzab/bench/run"
	"raftzab/experiments"
	"raftzab/results"
)

// build tells from which commit this program was built. Where the build has not
// noted it, as under make and go run, the checkout says in which the program is, or else
// the one in which it runs.
func build() (commit string, dirty bool) {
	commit = "unknown"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return commit, false
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			commit = s.Value
		case "vcs.modified":
			dirty = s.Value == "true"
		}
	}
	if commit == "unknown" {
		for _, dir := range []string{folderOfProgram(), "."} {
			if head, err := exec.Command("git", "-C", dir, "rev-parse", "HEAD").Output(); err == nil {
				changes, err := exec.Command("git", "-C", dir, "status", "--porcelain", "--untracked-files=no", "--", ":/", ":(top,exclude)results/*/*").Output() // what runs leave is no change
				return strings.TrimSpace(string(head)), err != nil || len(changes) > 0
			}
		}
	}
	return commit, dirty
}

func folderOfProgram() string {
	path, err := os.Executable()
	if err != nil {
		return "."
	}
	return filepath.Dir(path)
}

// program is the SHA-256 of this executable; empty where it cannot be read. make builds
// with -trimpath and -buildvcs=false, so that it depends on code and Go version alone, and
// not on where the checkout is or on commits that change no code.
var program = sync.OnceValue(func() string {
	path, err := os.Executable()
	if err != nil {
		return ""
	}
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return ""
	}
	return hex.EncodeToString(h.Sum(nil))
})

// An identity is all that decides what a run leaves. Of live trials that is the machine
// too, as far as it can be told.
type identity struct {
	Program  string           `json:"program"`
	Scenario string           `json:"scenario"`
	Text     string           `json:"text"`
	Seed     uint64           `json:"seed"`
	Flags    []string         `json:"flags,omitempty"`
	Shard    string           `json:"shard,omitempty"`
	Machine  *results.Machine `json:"machine,omitempty"`  // of scenarios with live cells
	Versions []run.Version    `json:"versions,omitempty"` // of the programs of others that they start, as far as these are here
}

func (j *job) identity(s *experiments.Scenario) identity {
	id := identity{Program: program(), Scenario: s.Name, Text: string(s.Text), Seed: s.Seed, Flags: j.flags, Shard: j.share}
	for _, c := range s.Cells {
		if c.Mode != run.Live {
			continue
		}
		if id.Machine == nil {
			machine := results.NewRun().Machine
			id.Machine = &machine
		}
		for _, v := range run.Installed(c.System) {
			if !slices.Contains(id.Versions, v) {
				id.Versions = append(id.Versions, v)
			}
		}
	}
	return id
}

// unchanged reports whether a folder holds all that running the scenario would leave.
func (j *job) unchanged(s *experiments.Scenario, dir string) bool {
	d, err := results.Describe(dir)
	if err != nil || d.Manifest.Schema != results.Schema || d.Manifest.Interrupted || d.Run.Program == "" || d.Run.Violated > 0 || results.Begun(dir) {
		return false
	}
	was, is := identity{d.Run.Program, d.Manifest.Scenario, d.Manifest.Text, d.Manifest.Seed, d.Manifest.Flags, d.Manifest.Shard, &d.Run.Machine, nil}, j.identity(s)
	if was.Program != is.Program || was.Scenario != is.Scenario || was.Text != is.Text || was.Seed != is.Seed || !slices.Equal(was.Flags, is.Flags) || was.Shard != is.Shard ||
		is.Machine != nil && *was.Machine != *is.Machine {
		return false
	}
	for _, v := range is.Versions {
		if v != (run.Version{Of: "java", Is: d.Run.Java}) && v != (run.Version{Of: "zookeeper", Is: d.Run.ZooKeeper}) {
			return false
		}
	}
	for i := range s.Cells {
		if !j.ended(&s.Cells[i], d) {
			return false
		}
	}
	return d.Intact(dir)
}

// ended reports whether all trials of a cell are in the data, or its system is still not
// to be had.
func (j *job) ended(cell *run.Cell, d *results.Data) bool {
	for _, c := range d.Run.Cells {
		if c.Mode == string(cell.Mode) && c.Case == cell.Case && c.System == cell.System && slices.Equal(c.Swept, cell.Swept) {
			share := run.Options{Shard: j.shard}
			return c.Rows == share.Trials(cell)*len(cell.Passes())
		}
	}
	system, err := run.Lookup(cell.System)
	return err == nil && system.Missing(cell.World()) != "" &&
		slices.ContainsFunc(d.Run.LeftOut, func(l results.LeftOut) bool { return l.Mode == string(cell.Mode) && l.System == cell.System })
}
