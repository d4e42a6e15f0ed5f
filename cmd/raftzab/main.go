// Command raftzab measures Raft and Zab under the same faults. `raftzab help`
// lists what it does.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"raftzab/bench/run"
	"raftzab/experiments"
	"raftzab/results"
)

// Exit codes, as the help tells them.
const (
	exitHeld        = 0   // all invariants held
	exitViolated    = 1   // an invariant was broken, or a trial failed
	exitUsage       = 2   // a wrong flag, or something wrong with a scenario
	exitEnvironment = 3   // what was asked for cannot run here, or nothing can be written
	exitInterrupted = 130 // by Ctrl-C; finished trials are kept
)

// A failure is an error that has an exit code of its own.
type failure struct {
	code int
	err  error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

func fail(code int, format string, args ...any) error {
	return &failure{code, fmt.Errorf(format, args...)}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() { // a second Ctrl-C ends at once
		<-ctx.Done()
		stop()
	}()
	debug.SetGCPercent(400) // the heap is small, and trials allocate little: collect less often
	os.Exit(execute(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// execute runs one command and returns the exit code.
func execute(ctx context.Context, args []string, out, errs io.Writer) int {
	root := command()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errs)
	understood := false
	root.PersistentPreRun = func(*cobra.Command, []string) { understood = true }
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitHeld
	}
	fmt.Fprintln(errs, err)
	if !understood {
		fmt.Fprintf(errs, "to see what there is: %s --help\n", cmd.CommandPath())
		return exitUsage
	}
	return code(err)
}

// code is the exit code of a command that was understood. An error that does
// not say otherwise is the world's: a full disk, a file that cannot be read.
func code(err error) int {
	var f *failure
	var unwritable *results.UnwritableError
	var problems experiments.Problems
	switch {
	case errors.As(err, &f):
		return f.code
	case errors.As(err, &unwritable):
		return exitEnvironment
	case errors.As(err, &problems):
		return exitUsage
	case errors.Is(err, run.ErrInterrupted):
		return exitInterrupted
	}
	return exitEnvironment
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use:   "raftzab",
		Short: "How do Raft and Zab really differ? Measure it.",
		Long: `raftzab runs a from-scratch Raft and a from-scratch Zab, beside etcd/raft, hashicorp/raft and ZooKeeper,
under the same faults, and measures what clients and servers see. A scenario is a TOML file; its result
is a folder of CSV files, a manifest that says how they came about, and figures.

  raftzab check experiments/election-latency.toml      what would run, and for how long
  raftzab run experiments/election-latency.toml        run it: data and figures in results/election-latency
  raftzab run FILE --set network.loss=0.05 --out /tmp/lossy --trials 100
  raftzab replay experiments/election-latency.toml --system raft --case crash --trial 7

Exit codes: 0 all invariants held; 1 one was broken; 2 wrong usage or scenario; 3 the machine lacks what a
flag asked for, or results cannot be written; 130 interrupted, with finished trials kept.`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(runCommand(), checkCommand(), plotCommand(), paperCommand(), verdictsCommand(), verifyCommand(), mergeCommand(), compareCommand(), reportCommand(), listCommand(), replayCommand(), swarmCommand(), doctorCommand(), nodeCommand())
	return root
}

// choice is the flags that run, check and replay share.
type choice struct {
	options experiments.Options
	seed    uint64
}

func (c *choice) bind(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&c.options.Set, "set", nil, "`key=value`: another value for any key of the scenario, for instance network.loss=0.1; may be given more than once")
	f.StringVar(&c.options.Case, "case", "", "only the case of this `name`")
	f.Uint64Var(&c.seed, "seed", 0, "another seed than the scenario's")
}

// bindCells adds the flags that choose among cells.
func (c *choice) bindCells(cmd *cobra.Command) {
	f := cmd.Flags()
	f.IntVar(&c.options.Trials, "trials", 0, "as many trials in each cell, instead of the scenario's")
	f.StringSliceVar(&c.options.Systems, "systems", nil, "only these, for instance raft,zab")
	f.StringVar(&c.options.Tier, "tier", "", "`quick`: no more than somebody waits for, as the scenario says; or full, as without this flag")
	f.StringVar(&c.options.Mode, "mode", "", "only `sim` or live")
}

func (c *choice) load(cmd *cobra.Command, files []string) ([]*experiments.Scenario, error) {
	if cmd.Flags().Changed("seed") {
		c.options.Seed = &c.seed
	}
	if f := cmd.Flags().Lookup("trials"); f != nil && f.Changed && c.options.Trials == 0 {
		return nil, tooFew("trials", 0)
	}
	return experiments.Load(files, c.options)
}

func validJobs(cmd *cobra.Command, jobs int) error {
	if cmd.Flags().Changed("jobs") && jobs < 1 {
		return tooFew("jobs", jobs)
	}
	return nil
}

func tooFew(flag string, n int) error {
	return fail(exitUsage, "--%s: %d is too few; write a number from 1", flag, n)
}
