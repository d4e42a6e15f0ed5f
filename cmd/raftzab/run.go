package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"raftzab/bench/live"
	"raftzab/bench/live/lan"
	"raftzab/bench/run"
	"raftzab/experiments"
	"raftzab/results"
)

func runCommand() *cobra.Command {
	var c choice
	var out, shard string
	var jobs int
	var force bool
	cmd := &cobra.Command{
		Use:   "run FILE...",
		Short: "Run scenarios: data, a summary and figures",
		Long: `Run scenarios. Data go to OUT/<scenario>/, figures to OUT/<scenario>/figures/. Nothing runs before every
file has been found right and every folder writable. A folder holds one run: what an earlier one left in it is
replaced (--out names another).

Ctrl-C stops, and keeps the trials that had ended; after kill -9 or a lack of power all but those of the last second are
kept. The same command again goes on from there, and leaves the same files as if it had not been stopped.

What a folder holds already, of the same scenario, flags, seed and program, is not run again; where there are live
trials, the machine must be the same too. --force runs it all the same.

  raftzab run experiments/election-latency.toml
  raftzab run --tier quick --out /tmp/quick experiments/election-latency.toml experiments/hops.toml
  raftzab run experiments/split-votes.toml --shard 1/2 --out /tmp/one     # see raftzab merge --help`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, files []string) error {
			scenarios, err := c.load(cmd, files)
			if err != nil {
				return err
			}
			part, err := parseShard(shard)
			if err := errors.Join(err, validJobs(cmd, jobs)); err != nil {
				return err
			}
			if out == "" {
				return fail(exitUsage, "--out: is empty; name a folder, for instance --out results")
			}
			j := job{ctx: cmd.Context(), out: out, jobs: jobs, shard: part, share: shard, asked: c.options.Systems, flags: chosen(cmd), force: force,
				stdout: cmd.OutOrStdout(), stderr: cmd.ErrOrStderr()}
			return j.all(scenarios)
		},
	}
	c.bind(cmd)
	c.bindCells(cmd)
	f := cmd.Flags()
	f.StringVar(&out, "out", "results", "`folder` for the results")
	f.IntVar(&jobs, "jobs", 0, "simulated trials at a time (default: as many as there are cores); results do not depend on it")
	f.BoolVar(&force, "force", false, "run what has not changed, too, and begin anew what was interrupted")
	f.StringVar(&shard, "shard", "", "`i/n`: only each n-th trial, from the i-th (1 to n): for several machines")
	return cmd
}

// chosen lists the flags that make the data other than the scenario says.
func chosen(cmd *cobra.Command) (flags []string) {
	cmd.Flags().Visit(func(f *pflag.Flag) {
		switch f.Name {
		case "out", "jobs", "force", "shard": // the data do not depend on the first three, and shard has a field of its own
		case "tier":
			if f.Value.String() != experiments.Full { // which is as without
				flags = append(flags, "--tier "+f.Value.String())
			}
		case "set":
			values, _ := cmd.Flags().GetStringArray(f.Name)
			for _, v := range values {
				flags = append(flags, "--set "+v)
			}
		default:
			flags = append(flags, "--"+f.Name+" "+strings.Trim(f.Value.String(), "[]"))
		}
	})
	return flags
}

func parseShard(s string) (part [2]int, err error) {
	if s == "" {
		return part, nil
	}
	i, n, _ := strings.Cut(s, "/")
	a, err1 := strconv.Atoi(i)
	b, err2 := strconv.Atoi(n)
	if errors.Join(err1, err2) != nil || a < 1 || a > b {
		return part, fail(exitUsage, "--shard: %q is no share; write for instance \"1/4\"", s)
	}
	return [2]int{a - 1, b}, nil
}

// A job is one call of run.
type job struct {
	ctx            context.Context
	out            string
	jobs           int
	shard          [2]int
	share          string   // the same as the flag has it
	asked          []string // systems asked for by flag
	flags          []string // for the manifest
	force          bool     // run what has not changed, too
	progress       *progress
	stdout, stderr io.Writer
}

// all runs the scenarios, one after the other.
func (j *job) all(scenarios []*experiments.Scenario) (err error) {
	if err := j.missing(scenarios); err != nil {
		return err
	}
	if scenarios = slices.DeleteFunc(slices.Clone(scenarios), j.spared); len(scenarios) == 0 {
		return nil
	}
	done, err := settle(scenarios)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	var folders []*results.Folder
	defer func() { // those whose turn has not come
		for _, folder := range folders {
			folder.Close()
		}
	}()
	for _, s := range scenarios {
		folder, err := results.Open(filepath.Join(j.out, s.Name))
		if err != nil {
			return err
		}
		folders = append(folders, folder)
	}
	j.progress = newProgress(j.stderr, j.out, scenarios, j.shard)
	var broken error
	for _, s := range scenarios {
		j.progress.scenario(s)
		err := j.scenario(s, folders[0])
		folders = folders[1:]
		if broken = errors.Join(broken, err); errors.Is(err, run.ErrInterrupted) {
			fmt.Fprintln(j.stderr, "to go on from here, run the same command again")
			break
		}
	}
	return broken
}

// spared says why a scenario need not run, if it need not.
func (j *job) spared(s *experiments.Scenario) bool {
	dir := filepath.Join(j.out, s.Name)
	switch {
	case len(s.Cells)+len(s.Skipped()) == 0:
		fmt.Fprintf(j.stderr, "%s: these flags leave nothing of it; --tier full has all\n", s.Name)
	case !j.force && j.unchanged(s, dir):
		fmt.Fprintf(j.stderr, "%s: %s is of this scenario, these flags and this program already; --force runs it again\n", s.Name, dir)
	default:
		return false
	}
	return true
}

// settle makes a place for live cells, if there are any that can run here: a folder
// that goes with this process, and for machines and a switch the right to make them.
// For lack of that a user's process runs itself again, in namespaces where it has it,
// and ends with the exit code of the other, which comes by here too; so nothing may
// have been written yet.
func settle(scenarios []*experiments.Scenario) (done func() error, err error) {
	var processes, machines bool
	for _, s := range scenarios {
		for i := range s.Cells {
			c := &s.Cells[i]
			if c.Mode != run.Live {
				continue
			}
			system, err := run.Lookup(c.System)
			if err != nil {
				return nil, err
			}
			if system.Missing(c.World()) == "" {
				processes, machines = true, machines || !c.Loopback
			}
		}
	}
	done = func() error { return nil }
	if processes {
		if done, err = live.Scratch(); err != nil {
			return nil, err
		}
	}
	if machines {
		if err := lan.Reexec(); err != nil {
			return nil, errors.Join(err, done())
		}
	}
	return done, nil
}

// missing refuses what a flag asks for and this machine cannot do.
func (j *job) missing(scenarios []*experiments.Scenario) error {
	for _, s := range scenarios {
		for i := range s.Cells {
			c := &s.Cells[i]
			if !slices.Contains(j.asked, c.System) {
				continue
			}
			system, err := run.Lookup(c.System)
			if err != nil {
				return err
			}
			if why := system.Missing(c.World()); why != "" {
				return fail(exitEnvironment, "%s cannot run here: %s", c.System, why)
			}
		}
	}
	return nil
}
