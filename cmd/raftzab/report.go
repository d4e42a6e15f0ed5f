package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"raftzab/plots/report"
)

func reportCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "report [DIR]",
		Short: "Write one page of all results, report.html, and CLAIMS.md (default: of the folders in results)",
		Long: `Write one page of all results in the folders of DIR: the verdict on each claim with the numbers that decided,
all figures, tables, how the data came about, and elections to walk through, which are replayed for it where there is
a folder experiments; and CLAIMS.md, which has the verdicts alone. The page is one file that needs nothing else. The
same results give the same bytes.

  raftzab report
  raftzab report /tmp/mine --out /tmp`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := "results"
			if len(args) > 0 {
				dir = args[0]
			}
			if out == "" {
				out = dir
			}
			r, err := report.Read(dir, "experiments")
			if err != nil {
				return fail(exitUsage, "report: %w", err)
			}
			if err := r.Replay("experiments"); err != nil {
				return err
			}
			if err := r.Write(out); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s\n%s\n", filepath.Join(out, "report.html"), filepath.Join(out, "CLAIMS.md"))
			return nil
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "`folder` for the two files (default: DIR)")
	return cmd
}
