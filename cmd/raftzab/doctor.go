package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"raftzab/bench/run"
)

func doctorCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "What this machine can do, and how to mend what it cannot",
		Long: `Say what this machine can do, and how to mend what it cannot: which systems run here, how long its disk takes
to make a write durable and its loopback interface to carry a message, and how late its timers are. Live results
depend on all of these, simulated ones on none.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			cores := fmt.Sprintf("%d", runtime.NumCPU())
			if runtime.NumCPU() < 2 {
				cores += "; live ensembles want 2 or more"
			}
			commit, dirty := build()
			fmt.Fprintf(w, "program\t%s/%s, %s, commit %s, changed since: %t\n", runtime.GOOS, runtime.GOARCH, runtime.Version(), commit, dirty)
			fmt.Fprintf(w, "cores\t%s\n", cores)
			for _, s := range run.Systems {
				for _, x := range s.Worlds() {
					here := "runs here"
					if why := s.Missing(x); why != "" {
						here = why
					}
					fmt.Fprintf(w, "%s (%s)\t%s\n", s.Name, x, here)
				}
			}
			if l, err := run.FsyncLatency(out); err != nil {
				fmt.Fprintf(w, "fsync in %s\tcannot be measured: %v; name another folder with --out\n", out, err)
			} else {
				fmt.Fprintf(w, "fsync in %s\t%v; live servers wait for it, simulated disks take their scenario's\n", out, l)
			}
			if l, err := run.LoopbackDelay(); err != nil {
				fmt.Fprintf(w, "loopback\t%v\n", err)
			} else {
				fmt.Fprintf(w, "loopback\tone way takes %v; live servers talk over it, simulated networks take their scenario's\n", l)
			}
			p50, most := lateness()
			fmt.Fprintf(w, "timers\ta sleep of 2ms is late by %v (median), %v (longest of %d); live probes are as exact as that\n", p50, most, sleeps)
			return w.Flush()
		},
	}
	cmd.Flags().StringVar(&out, "out", os.TempDir(), "`folder` whose disk is measured")
	return cmd
}

const sleeps = 100

func lateness() (p50, most time.Duration) {
	var late []time.Duration
	for range sleeps {
		start := time.Now()
		time.Sleep(2 * time.Millisecond)
		late = append(late, time.Since(start)-2*time.Millisecond)
	}
	slices.Sort(late)
	return late[len(late)/2].Round(time.Microsecond), late[len(late)-1].Round(time.Microsecond)
}
