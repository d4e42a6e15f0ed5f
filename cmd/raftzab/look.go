package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"raftzab/bench/run"
	"raftzab/plots"
	"raftzab/results"
)

func checkCommand() *cobra.Command {
	var c choice
	cmd := &cobra.Command{
		Use:   "check FILE...",
		Short: "Validate scenarios: cells, trials, expected time",
		Long: `Validate scenarios, and say what each would run: its cells, the trials of each, and about how long they take
on this machine, from a few trials of each cell. All that is wrong with all files is told at once.

  raftzab check experiments/election-latency.toml
  raftzab check experiments/election-latency.toml --set network.loss=0.05 --systems raft,zab
  raftzab check --tier quick experiments/election-latency.toml experiments/hops.toml`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, files []string) error {
			scenarios, err := c.load(cmd, files)
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			var whole time.Duration
			for _, s := range scenarios {
				var total time.Duration
				fmt.Fprintf(w, "%s: %s\n", s.Path, s.Title)
				for i := range s.Cells {
					cell := &s.Cells[i]
					cost := run.Estimate(cell)
					total += cost
					fmt.Fprintf(w, "  %s\t%d trials\tabout %v\n", cell, cell.Trials, cost.Round(100*time.Millisecond))
				}
				for _, k := range s.Skipped() {
					fmt.Fprintf(w, "  %s %s %s\tskipped\t%s\n", k.Mode, k.System, k.Case, k.Reason)
				}
				fmt.Fprintf(w, "  %d cells, about %v on this machine's %d jobs\n", len(s.Cells), total.Round(time.Second), run.Jobs())
				whole += total
			}
			if len(scenarios) > 1 {
				fmt.Fprintf(w, "%d scenarios, about %v in all\n", len(scenarios), whole.Round(time.Second))
			}
			return w.Flush()
		},
	}
	c.bind(cmd)
	c.bindCells(cmd)
	return cmd
}

func plotCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "plot [DIR]",
		Short: "Draw the figures of a results folder again, and write its summary (default: every folder in results)",
		Long: `Draw the figures of a results folder again and write summary.csv.gz, from its data alone, and print the names of
the files. Without a folder: of every folder in results that has all of its data. Where large files are not there, since
they come again byte by byte and so are not kept, figures and summary stay as they are.

  raftzab plot results/election-latency`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dirs, err := resultsFolders("plot", args)
			if err != nil {
				return err
			}
			for _, dir := range dirs {
				lock, err := results.Hold(dir)
				if err != nil {
					return err
				}
				written, err := plots.All(dir)
				lock.Release()
				if errors.Is(err, fs.ErrNotExist) {
					err = fmt.Errorf("%s has not all of its data: %w. To have the data: raftzab run experiments/%s.toml", dir, err, filepath.Base(dir))
					if len(args) == 0 {
						fmt.Fprintf(cmd.ErrOrStderr(), "%v\n", err)
						continue
					}
				}
				if err != nil {
					return fail(exitEnvironment, "plot: %w", err)
				}
				for _, path := range written {
					fmt.Fprintln(cmd.OutOrStdout(), path)
				}
			}
			return nil
		},
	}
}

// resultsFolders are the folders that a command is to look at: those that it is
// given, or all in results.
func resultsFolders(command string, dirs []string) ([]string, error) {
	if len(dirs) == 0 {
		found, err := filepath.Glob("results/*/manifest.json")
		if err != nil {
			return nil, err
		}
		for _, m := range found {
			dirs = append(dirs, filepath.Dir(m))
		}
		if len(dirs) == 0 {
			return nil, fail(exitUsage, "%s: there is no results/*/manifest.json here; run a scenario first: make experiments", command)
		}
	}
	for _, dir := range dirs {
		if _, err := os.Stat(filepath.Join(dir, "manifest.json")); err != nil {
			return nil, fail(exitUsage, "%s: %s has no manifest.json; name the folder of one scenario's results", command, dir)
		}
	}
	return dirs, nil
}

func listCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List systems, and the scenarios in experiments",
		Long: `List the systems, the sections of a scenario that govern each, the modes it runs in and whether this machine
can run it; and the scenarios in the folder experiments, where there is one.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "SYSTEM\tGOVERNED BY\tMODES\tHERE")
			for _, s := range run.Systems {
				here := "yes"
				for _, x := range s.Worlds() {
					if why := s.Missing(x); why != "" {
						here = fmt.Sprintf("not %v: %s", x, why)
					}
				}
				by := "[" + s.Protocol + "]"
				if s.Product != "" {
					by += " [" + s.Product + "]"
				}
				fmt.Fprintf(w, "%s\t%s\t%v\t%s\n", s.Name, by, s.Modes, here)
			}
			files, err := filepath.Glob("experiments/*.toml")
			if err != nil {
				return err
			}
			if len(files) > 0 {
				fmt.Fprintln(w, "\nSCENARIO\tTITLE")
				var c choice
				scenarios, err := c.load(cmd, files)
				if err != nil {
					return err
				}
				for _, s := range scenarios {
					fmt.Fprintf(w, "%s\t%s\n", s.Path, s.Title)
				}
			}
			return w.Flush()
		},
	}
}
