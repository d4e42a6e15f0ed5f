package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"raftzab/plots/paper"
)

func paperCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "paper [DIR...]",
		Short: "Make a LaTeX document of all figures, verdicts and numbers (default: of every folder in results)",
		Long: `Make a LaTeX document of the figures of results folders with their captions, of what the data say of each claim,
and of medians with their intervals; and numbers.tex, which gives a text of your own the numbers as macros, from the folder numbers.
Figures are taken as they are: raftzab plot draws them. Where pdflatex is installed, the document is typeset.

  raftzab paper
  raftzab paper results/election-latency --out /tmp/paper`,
		RunE: func(cmd *cobra.Command, args []string) error {
			dirs, err := resultsFolders("paper", args)
			if err != nil {
				return err
			}
			without, err := paper.Write(dirs, out)
			if err != nil {
				return fail(exitEnvironment, "paper: %w", err)
			}
			for _, what := range without {
				fmt.Fprintf(cmd.ErrOrStderr(), "without %s\n", what)
			}
			made := filepath.Join(out, paper.Document)
			if _, err := exec.LookPath("pdflatex"); err != nil {
				fmt.Fprintln(cmd.ErrOrStderr(), "pdflatex is not here to typeset it; on Debian or Ubuntu: apt-get install --no-install-recommends texlive-latex-recommended texlive-pictures texlive-fonts-recommended")
			} else if made, err = typeset(out); err != nil {
				return fail(exitEnvironment, "paper: %w", err)
			}
			fmt.Fprintln(cmd.OutOrStdout(), made)
			return nil
		},
	}
	cmd.Flags().StringVar(&out, "out", filepath.Join("results", "paper"), "`folder` of the document")
	return cmd
}

// typeset makes a PDF of the document in dir, and returns its path.
func typeset(dir string) (string, error) {
	name := strings.TrimSuffix(paper.Document, ".tex")
	latex := []string{"pdflatex", "-interaction=nonstopmode", "-halt-on-error", name}
	for _, args := range [][]string{latex, {"bibtex", name}, latex, latex} {
		c := exec.Command(args[0], args[1:]...)
		c.Dir, c.Env = dir, append(os.Environ(), "SOURCE_DATE_EPOCH=0", "FORCE_SOURCE_DATE=1")
		if said, err := c.CombinedOutput(); err != nil {
			lines := bytes.Split(bytes.TrimSpace(said), []byte("\n"))
			if wrong := slices.IndexFunc(lines, func(line []byte) bool { return bytes.HasPrefix(line, []byte("!")) }); wrong >= 0 {
				lines = lines[wrong:]
			}
			return "", fmt.Errorf("%s in %s: %w\n%s", strings.Join(args, " "), dir, err, bytes.Join(lines[:min(len(lines), 8)], []byte("\n")))
		}
	}
	return filepath.Join(dir, name+".pdf"), nil
}
