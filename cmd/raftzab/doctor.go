package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"raftzab/bench/baseline/zookeeper"
	"raftzab/bench/live"
	"raftzab/bench/live/lan"
	"raftzab/bench/run"
)

func doctorCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "What this machine can do, and how to mend what it cannot",
		Long: `Say what this machine can do, and how to mend what it cannot: which systems run here, whether there can be a
faulty network, what Java and ZooKeeper there are, how busy the cores are, how long the disk takes to make a write
durable, and how exact timers are. Each line says what it is good for; below a line that is not as it should be
stands what mends it. Live results depend on all of these, simulated ones on none.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return prescribe(cmd.OutOrStdout(), examine(out))
		},
	}
	cmd.Flags().StringVar(&out, "out", os.TempDir(), "`folder` whose disk is measured; live servers have theirs in TMPDIR")
	return cmd
}

// examine finds out about this machine, which takes two seconds.
func examine(dir string) []lan.Fact {
	commit, dirty := build()
	facts := []lan.Fact{{Name: "program", State: fmt.Sprintf("%s/%s, %s, commit %s, changed since: %t", runtime.GOOS, runtime.GOARCH, runtime.Version(), commit, dirty),
		Meaning: "what a manifest says of it"}}
	for _, s := range run.Systems {
		facts = append(facts, systemFact(s.Name, s.Worlds(), s.Missing))
	}
	facts = append(facts, zookeeper.Facts()...)
	facts = append(facts, coresFact(runtime.NumCPU()), pressureFact(pressure()))
	facts = append(facts, fsyncFact(dir), spaceFact(dir), loopbackFact())
	return append(facts, lan.Facts()...)
}

// prescribe writes what was found.
func prescribe(out io.Writer, facts []lan.Fact) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, f := range facts {
		fmt.Fprintf(w, "%s\t%s; %s\n", f.Name, f.State, f.Meaning)
		for i, line := range strings.Split(f.Remedy, "\n") {
			switch {
			case f.Remedy == "":
			case i == 0:
				fmt.Fprintf(w, "\tto mend it: %s\n", line)
			default:
				fmt.Fprintf(w, "\t            %s\n", line)
			}
		}
	}
	return w.Flush()
}

// systemFact says where a system runs. What it lacks has facts of its own.
func systemFact(name string, worlds []run.World, missing func(run.World) string) lan.Fact {
	f := lan.Fact{Name: name, Meaning: "a system to measure"}
	var here, not []string
	for _, x := range worlds {
		if why := missing(x); why != "" {
			not = append(not, fmt.Sprint(x))
			f.Remedy = "mend what it needs, as told below"
		} else {
			here = append(here, fmt.Sprint(x))
		}
	}
	switch {
	case len(not) == 0:
		f.State = "runs " + strings.Join(here, ", ")
	case len(here) == 0:
		f.State = "cannot run " + strings.Join(not, ", ")
	default:
		f.State = "runs " + strings.Join(here, ", ") + ", cannot run " + strings.Join(not, ", ")
	}
	return f
}

func coresFact(n int) lan.Fact {
	f := lan.Fact{Name: "cores", State: fmt.Sprint(n), Meaning: "the servers of a live run share them with its clients and the network; simulated trials run on all"}
	if n < 2 {
		f.Remedy = "take a machine with 2 or more for live runs, or leave the JVMs out: --systems raft,zab,hashicorp"
	}
	return f
}

// watching is how long pressure takes.
const watching = 500 * time.Millisecond

// pressure returns in which share of some time something waited for a core; false:
// nobody counts that here.
func pressure() (share float64, counted bool) {
	before, ok := live.ReadPressure()
	if !ok {
		return 0, false
	}
	time.Sleep(watching)
	after, ok := live.ReadPressure()
	return after.Since(before), ok
}

func pressureFact(share float64, counted bool) lan.Fact {
	f := lan.Fact{Name: "CPU pressure", State: fmt.Sprintf("something waited for a core during %.0f %% of %v", 100*share, watching),
		Meaning: "other work makes live trials slower; those that it spoils are run again"}
	switch {
	case !counted:
		f.State, f.Remedy = "not counted here", "on Linux, boot with psi=1; without it keep other work off the machine yourself"
	case share > 0.3:
		f.Remedy = "end other work before a live run"
	}
	return f
}

func fsyncFact(dir string) lan.Fact {
	f := lan.Fact{Name: "fsync in " + dir, Meaning: "live servers wait for it, simulated disks take their scenario's"}
	l, err := run.FsyncLatency(dir)
	if f.State = l.String(); err != nil {
		f.State, f.Remedy = fmt.Sprintf("cannot be measured: %v", err), "name another folder with --out"
		return f
	}
	f.Remedy = paceRemedy(l.Median)
	return f
}

// paceRemedy says what to do about a disk that is none, or a slow one.
func paceRemedy(median time.Duration) string {
	switch {
	case median < 20*time.Microsecond:
		return "that is no disk, and being durable costs nothing: set TMPDIR to a folder on one"
	case median > 10*time.Millisecond:
		return "set TMPDIR to a folder on a quicker disk, or take timeouts of many times as long"
	}
	return ""
}

// wanted is what five servers with their logs, and the data of a long run, may take.
const wanted = 2 << 30

func spaceFact(dir string) lan.Fact {
	f := lan.Fact{Name: "room in " + dir, Meaning: "the log of a live server, in files of 1 MB at first and 64 MB in the long run"}
	free, err := room(dir)
	if f.State = fmt.Sprintf("%.1f GB free", float64(free)/1e9); err != nil {
		f.State, f.Remedy = fmt.Sprintf("unknown: %v", err), "see whether there are 2 GB"
	} else if free < wanted {
		f.Remedy = "free 2 GB there, or set TMPDIR to a folder with more"
	}
	return f
}

func loopbackFact() lan.Fact {
	f := lan.Fact{Name: "loopback", Meaning: "servers of a live run with loopback = true talk over it, simulated networks take their scenario's delay"}
	l, err := run.LoopbackDelay()
	if f.State = fmt.Sprintf("one way takes %v", l); err != nil {
		f.State, f.Remedy = err.Error(), "bring the interface up: sudo ip link set lo up"
	}
	return f
}
