package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"raftzab/experiments"
	"raftzab/results"
)

// again is the scenario that a folder holds results of, with the flags with which it was
// run, and the share of the trials that this was.
func again(dir string, m *results.Manifest) (s *experiments.Scenario, shard [2]int, err error) {
	var c choice
	cmd := &cobra.Command{}
	c.bind(cmd)
	c.bindCells(cmd)
	var args []string
	for _, flag := range m.Flags {
		name, value, _ := strings.Cut(flag, " ")
		args = append(args, name+"="+value)
	}
	if shard, err = parseShard(m.Shard); err == nil {
		err = cmd.ParseFlags(args)
	}
	if err != nil {
		return nil, shard, fail(exitUsage, "%s was not written by this version (%w); check out commit %s, or run the scenario again", filepath.Join(dir, "manifest.json"), err, m.Commit)
	}
	if cmd.Flags().Changed("seed") {
		c.options.Seed = &c.seed
	}
	if s, err = experiments.LoadText(filepath.Join("experiments", m.Scenario+".toml"), []byte(m.Text), c.options); err != nil {
		return nil, shard, fmt.Errorf("the scenario in %s: %w", filepath.Join(dir, "manifest.json"), err)
	}
	return s, shard, nil
}

// A cellKey names a cell in the data of a scenario.
func cellKey(mode, kase, system string, swept []results.Setting) string {
	return fmt.Sprint(mode, "\x00", kase, "\x00", system, "\x00", swept)
}
