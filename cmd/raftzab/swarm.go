package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"raftzab/bench/run"
	"raftzab/bench/swarm"
)

func swarmCommand() *cobra.Command {
	var n, seed uint64
	var systems []string
	var jobs int
	var keep, shrink bool
	var out string
	cmd := &cobra.Command{
		Use:   "swarm",
		Short: "Random runs by seed until an invariant breaks",
		Long: `Run random scenarios, one a seed: sizes, delays and timeouts drawn, clients writing, faults of every kind.
All invariants are checked all the time; then everything is mended, and a fresh write must come through at
every node within 10 virtual seconds (30 where Raft repairs logs slowly). Stops at the first violation and prints the command that shows it again.

The first violation is shrunk: faults, servers and requests are taken away as long as the same invariant
breaks. What is left is written to swarm-SYSTEM-SEED.toml, for raftzab replay.`,
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
				total, err := runSwarm(cmd, s, seed, n, jobs, keep)
				if total.Broken > 0 && shrink {
					shrinkFirst(cmd, total, out)
				}
				if err != nil {
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
	f.BoolVar(&shrink, "shrink", true, "reduce the first violation to a story")
	f.StringVar(&out, "out", ".", "`folder` for the story")
	return cmd
}

func runSwarm(cmd *cobra.Command, system string, first, n uint64, jobs int, keep bool) (*swarm.Tally, error) {
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
		return &total, fail(exitViolated, "swarm: %d of %d runs broke an invariant", total.Broken, total.Runs)
	case cmd.Context().Err() != nil:
		return &total, run.ErrInterrupted
	}
	return &total, nil
}

// shrinkFirst reduces the violation of the least seed and leaves the story.
func shrinkFirst(cmd *cobra.Command, total *swarm.Tally, dir string) {
	first := slices.MinFunc(total.Violations, func(a, b *swarm.Report) int { return cmp.Compare(a.Seed, b.Seed) })
	story, _ := swarm.Record(first.System, first.Seed)
	x := swarm.Shrink(story, swarm.DefaultWork, func(done string, size swarm.Size, runs int) {
		fmt.Fprintf(cmd.ErrOrStderr(), "shrinking, %s: %v, after %d runs\n", done, size, runs)
	})
	file := filepath.Join(dir, fmt.Sprintf("swarm-%s-%d.toml", first.System, first.Seed))
	replay := "raftzab replay " + file
	err := os.MkdirAll(dir, 0o755)
	if err == nil {
		err = os.WriteFile(file, x.Story.Encode(x.Comment(first.Seed, replay)), 0o644)
	}
	if err != nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "the story cannot be left: %v\n", err)
		return
	}
	fmt.Fprintf(cmd.OutOrStdout(), "shrunk %v\nto see what is left: %s\n", x, replay)
}
