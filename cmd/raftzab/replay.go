package main

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"raftzab/bench/run"
	"raftzab/bench/swarm"
	"raftzab/bench/trace"
	"raftzab/results"
)

func replayCommand() *cobra.Command {
	var c choice
	var system string
	var seed uint64
	var trial int
	var probed bool
	cmd := &cobra.Command{
		Use:   "replay (FILE | --swarm SEED)",
		Short: "Show one simulated trial again, event by event",
		Long: `Show one simulated trial again, event by event: every message that arrives, every request, every fault
and what the nodes say of themselves, each with its instant in milliseconds. The same seed gives the same events.

  raftzab replay experiments/election-latency.toml --system zab --case crash --trial 12
  raftzab replay --swarm 4711 --system raft

A file that the swarm left is replayed up to the breach; the exit code is 1 if there is one.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, files []string) error {
			out := bufio.NewWriter(cmd.OutOrStdout())
			defer out.Flush()
			ofSwarm := cmd.Flags().Changed("swarm")
			switch {
			case ofSwarm == (len(files) > 0):
				return fail(exitUsage, "replay: name a scenario file, or a seed with --swarm: one of the two")
			case ofSwarm:
				return replaySwarm(out, system, seed)
			case isStory(files[0]):
				return replayStory(cmd, out, files[0])
			case trial < 0:
				return fail(exitUsage, "--trial: %d is too few; trials are numbered from 0", trial)
			}
			c.options.Systems, c.options.Mode = []string{system}, string(run.Sim)
			scenarios, err := c.load(cmd, files)
			if err != nil {
				return err
			}
			cells := scenarios[0].Cells
			if len(cells) != 1 {
				names := ""
				for i := range cells {
					names += "\n  " + cells[i].String()
				}
				return fail(exitUsage, "replay: %d cells match; choose one with --case and --set:%s", len(cells), names)
			}
			return replayTrial(out, &cells[0], trial, probed)
		},
	}
	c.bind(cmd)
	f := cmd.Flags()
	f.StringVar(&system, "system", "raft", "whose trial: `raft`, zab or etcd")
	f.IntVar(&trial, "trial", 0, "number of the trial")
	f.BoolVar(&probed, "probed", false, "the pass with probing clients")
	f.Uint64Var(&seed, "swarm", 0, "replay the swarm's run of this `seed` instead")
	return cmd
}

func printer(out io.Writer) func(e *trace.Event) {
	return func(e *trace.Event) {
		if !e.Quiet {
			fmt.Fprintf(out, "%12.6f  %s\n", float64(e.At)/1e6, e)
		}
	}
}

func replayTrial(out io.Writer, cell *run.Cell, trial int, probed bool) error {
	if s, err := run.Lookup(cell.System); err != nil || !s.Reproducible {
		return fail(exitUsage, "replay: no trial of %s is the same again; name raft, zab or etcd with --system", cell.System)
	}
	row, checksum, broken, err := run.Replay(cell, trial, probed, printer(out))
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s, trial %d, seed %d: %s; detect %v ms, vote %v ms, activate %v ms, elect %v ms, outage %v ms; leader %v; checksum %016x\n",
		cell, trial, cell.Seed, row.Outcome, given(row.DetectMS), given(row.VoteMS), given(row.ActivateMS), given(row.ElectMS), given(row.OutageMS), given(row.Leader), checksum)
	if broken != nil {
		return fail(exitViolated, "%s", broken.What)
	}
	return nil
}

// given is a number as the trials files have it, and "-" where they have none.
func given(x results.Number) string {
	if math.IsNaN(float64(x)) {
		return "-"
	}
	return strconv.FormatFloat(float64(x), 'f', -1, 64)
}

func replaySwarm(out io.Writer, system string, seed uint64) error {
	if !slices.Contains(swarm.Systems, system) {
		return fail(exitUsage, "replay: the swarm has no system %q; there are %v", system, swarm.Systems)
	}
	return told(out, swarm.Run(system, seed, printer(out)))
}

// told ends a trace with what came of it.
func told(out io.Writer, r *swarm.Report) error {
	fmt.Fprintf(out, "swarm %s, seed %d, %d voters: %d leader changes, %d commits, %d truncations, checksum %016x\n",
		r.System, r.Seed, r.Voters, r.LeaderChanges, r.Commits, r.Truncations, r.Checksum)
	if r.Violation != "" {
		return fail(exitViolated, "%s", r.Violation)
	}
	return nil
}

// isStory reports whether a file holds a story of the swarm. One that cannot be
// read is left to whoever reads scenarios.
func isStory(file string) bool {
	text, err := os.ReadFile(file)
	return err == nil && swarm.IsStory(text)
}

func replayStory(cmd *cobra.Command, out io.Writer, file string) error {
	var wrong []string
	cmd.Flags().Visit(func(f *pflag.Flag) { wrong = append(wrong, "--"+f.Name) })
	if len(wrong) > 0 {
		return fail(exitUsage, "replay: %s holds one run, with everything settled; leave out %s", file, strings.Join(wrong, ", "))
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return fail(exitUsage, "%w", err)
	}
	story, err := swarm.Decode(file, text)
	if err != nil {
		return fail(exitUsage, "%w", err)
	}
	return told(out, story.Play(printer(out)))
}
