package main

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"raftzab/bench/run"
	"raftzab/bench/swarm"
	"raftzab/protocols"
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
  raftzab replay --swarm 4711 --system raft`,
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

func printer(out io.Writer) func(now protocols.Time, event string) {
	return func(now protocols.Time, event string) {
		fmt.Fprintf(out, "%12.6f  %s\n", float64(now)/1e6, event)
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
	r := swarm.Run(system, seed, printer(out))
	fmt.Fprintf(out, "swarm %s, seed %d, %d voters: %d leader changes, %d commits, %d truncations, checksum %016x\n",
		system, seed, r.Voters, r.LeaderChanges, r.Commits, r.Truncations, r.Checksum)
	if r.Violation != "" {
		return fail(exitViolated, "%s", r.Violation)
	}
	return nil
}

func swarmCommand() *cobra.Command {
	var n, seed uint64
	var systems []string
	var jobs int
	var keep bool
	cmd := &cobra.Command{
		Use:   "swarm",
		Short: "Random runs by seed until an invariant breaks",
		Long: `Run random scenarios, one a seed: sizes, delays and timeouts drawn, clients writing, faults of every kind.
All invariants are checked all the time; then everything is mended, and a fresh write must come through at
every node within 10 virtual seconds. Stops at the first violation and prints the command that shows it again.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if n == 0 {
				return tooFew("number", 0)
			}
			if err := validJobs(cmd, jobs); err != nil {
				return err
			}
			for _, s := range systems {
				if !slices.Contains(swarm.Systems, s) {
					return fail(exitUsage, "swarm: there is no system %q; there are %v", s, swarm.Systems)
				}
			}
			for _, s := range systems {
				if err := runSwarm(cmd, s, seed, n, jobs, keep); err != nil {
					return err
				}
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.Uint64VarP(&n, "number", "n", 1000, "how many seeds")
	f.Uint64Var(&seed, "seed", 1, "the first seed")
	f.StringSliceVar(&systems, "system", swarm.Systems, "which protocols")
	f.IntVar(&jobs, "jobs", 0, "runs at a time (default: as many as there are cores)")
	f.BoolVar(&keep, "keep-going", false, "count violations instead of stopping at the first")
	return cmd
}

func runSwarm(cmd *cobra.Command, system string, first, n uint64, jobs int, keep bool) error {
	if jobs < 1 {
		jobs = runtime.GOMAXPROCS(0)
	}
	start := time.Now()
	var next atomic.Uint64
	var mu sync.Mutex
	var total swarm.Tally
	var wg sync.WaitGroup
	for range jobs {
		wg.Go(func() {
			for cmd.Context().Err() == nil {
				i := next.Add(1) - 1
				if i >= n {
					return
				}
				r := swarm.Run(system, first+i, nil)
				mu.Lock()
				total.Add(r)
				if r.Violation != "" && !keep {
					next.Store(n)
				}
				if total.Runs%5000 == 0 {
					fmt.Fprintf(cmd.ErrOrStderr(), "%s: %d of %d seeds in %v\n", system, total.Runs, n, time.Since(start).Round(time.Second))
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	fmt.Fprintf(cmd.OutOrStdout(), "%s, seeds %d to %d, in %v: %v\n", system, first, first+n-1, time.Since(start).Round(100*time.Millisecond), &total)
	for _, r := range total.Violations {
		fmt.Fprintf(cmd.OutOrStdout(), "seed %d: %s\nto see it again: %s\n", r.Seed, r.Violation, r.Replay())
	}
	switch {
	case total.Broken > 0:
		return fail(exitViolated, "swarm: %d of %d runs broke an invariant", total.Broken, total.Runs)
	case cmd.Context().Err() != nil:
		return run.ErrInterrupted
	}
	return nil
}
