package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"raftzab/bench/verdict"
	"raftzab/experiments"
	"raftzab/results"
)

func verdictsCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "verdicts [DIR]",
		Short: "Judge the claims again from the data of a results folder (default: every folder in results)",
		Long: `Judge the claims that a scenario tests again, from the data in its results folder alone, by the rules that
the scenario had when it ran; --rules names a file whose rules are to be tried instead. Nothing is written.
Where data are not there, since they come again byte by byte and so are not kept, the verdicts of the run are told.

  raftzab verdicts results/election-latency
  raftzab verdicts results/election-latency --rules experiments/election-latency.toml`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dirs, err := resultsFolders("verdicts", args)
			if err != nil {
				return err
			}
			if file != "" && len(dirs) != 1 {
				return fail(exitUsage, "--rules: goes with one folder of results; name it")
			}
			for _, dir := range dirs {
				verdicts, err := judgeFolder(dir, file, cmd.ErrOrStderr())
				if err != nil {
					return err
				}
				if len(verdicts) > 0 {
					fmt.Fprintf(cmd.OutOrStdout(), "\n%s\n", dir)
				}
				printVerdicts(cmd.OutOrStdout(), verdicts)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&file, "rules", "", "scenario `file` whose rules are used instead of those of the run")
	return cmd
}

// judgeFolder judges the data of a folder; without a file by the rules that the
// scenario had when it ran.
func judgeFolder(dir, file string, errs io.Writer) ([]results.Verdict, error) {
	d, err := results.Load(dir)
	if errors.Is(err, fs.ErrNotExist) && d != nil {
		fmt.Fprintf(errs, "%s has not all of its data, so these are the verdicts of the run: %v. To have the data: raftzab run experiments/%s.toml\n", dir, err, d.Manifest.Scenario)
		return append(d.Manifest.Verdicts, d.Run.Verdicts...), nil
	}
	if err != nil {
		return nil, err
	}
	for _, w := range d.Warnings {
		fmt.Fprintf(errs, "%s: %s\n", dir, w)
	}
	path, text := filepath.Join(dir, "manifest.json"), []byte(d.Manifest.Text)
	if file != "" {
		path = file
		if text, err = os.ReadFile(file); err != nil {
			return nil, fail(exitUsage, "--rules: %w", err)
		}
	}
	rules, err := experiments.Rules(path, text)
	if err != nil {
		return nil, err
	}
	if len(rules) == 0 {
		fmt.Fprintf(errs, "%s: the scenario had no rules when it ran; --rules names a file that has some\n", dir)
	}
	data := verdict.Data{LeftOut: d.Run.LeftOut}
	data.Add(d.Trials...)
	data.AddReads(d.Reads...)
	return judge(rules, &data, d.Manifest.Seed), nil
}

func judge(rules []*verdict.Rule, data *verdict.Data, seed uint64) (all []results.Verdict) {
	for _, r := range rules {
		all = append(all, r.Judge(data, seed))
	}
	return all
}

// printVerdicts writes what the data say of each claim, by what rule, and the
// numbers that decided.
func printVerdicts(out io.Writer, all []results.Verdict) {
	for _, v := range all {
		fmt.Fprintf(out, "\n%s %s: %s", v.Claim, v.Verdict, v.Says)
		if v.Limit != "" {
			fmt.Fprintf(out, "\n  limit: %s", v.Limit)
		}
		if v.Reason != "" {
			fmt.Fprintf(out, "\n  because %s", v.Reason)
		}
		fmt.Fprintf(out, "\n  rule: %s\n", oneLine(v.Rule))
		if v.Verdict == results.Limited || v.Verdict != results.Holds && v.Limited != "" {
			fmt.Fprintf(out, "  limited: %s\n", oneLine(v.Limited))
		}
		if v.Verdict != results.Holds && v.Verdict != results.Limited && v.RefutedBy != "" {
			fmt.Fprintf(out, "  refuted: %s\n", oneLine(v.RefutedBy))
		}
		for _, n := range v.Numbers {
			fmt.Fprintf(out, "  %s = %s", n.Of, decided(n.Value, "censored"))
			if n.Interval != nil {
				fmt.Fprintf(out, " [%s, %s]", decided(n.Interval[0], "no bound"), decided(n.Interval[1], "no bound"))
			}
			fmt.Fprintf(out, " (n = %d)\n", n.N)
		}
	}
}

func decided(x results.Number, none string) string {
	if !finite(x) {
		return none
	}
	return fmt.Sprintf("%.5g", float64(x))
}

func oneLine(rule string) string { return strings.Join(strings.Fields(rule), " ") }
