package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"raftzab/bench/run"
	"raftzab/bench/swarm"
	"raftzab/bench/trace"
	"raftzab/plots/spacetime"
	"raftzab/protocols"
	"raftzab/results"
)

func replayCommand() *cobra.Command {
	var r replaying
	var seed uint64
	cmd := &cobra.Command{
		Use:   "replay (FILE | --swarm SEED)",
		Short: "Show one simulated trial again, event by event",
		Long: `Show one simulated trial again, event by event: every message that arrives, every request, every fault
and what the nodes say of themselves, each with its instant in milliseconds. The same seed gives the same events.

  raftzab replay experiments/election-latency.toml --system zab --case crash --trial 12
  raftzab replay --swarm 4711 --system raft

A file that the swarm left is replayed up to the breach; the exit code is 1 if there is one.

With --trace it writes a trace for other programs, with what became of each message that was sent, every change of
role and term, and a second after the end of the trial:

  html      a space-time diagram to walk through, in one page that needs no network; of several systems one below
            the other, on one axis of time. Of a scenario's trial it shows the election, from 300 ms before the
            fault until 300 ms after the new leader was active, unless --from and --to ask for something else
  json      one JSON object a line; results/README.md explains the fields
  perfetto  Chrome's trace-event JSON: open it in ui.perfetto.dev. Takes several systems too
  shiviz    a log with vector clocks, for ShiViz

  raftzab replay experiments/election-latency.toml --system raft,zab --case crash --trial 12 --trace html --out crash.html
  raftzab replay experiments/election-latency.toml --system raft --case crash --trace json --from 3s --to 3.5s
  raftzab replay --swarm 4711 --system zab --trace perfetto --out swarm.json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, files []string) error {
			ofSwarm := cmd.Flags().Changed("swarm")
			switch {
			case ofSwarm == (len(files) > 0):
				return fail(exitUsage, "replay: name a scenario file, or a seed with --swarm: one of the two")
			case r.trial < 0:
				return fail(exitUsage, "--trial: %d is too few; trials are numbered from 0", r.trial)
			}
			if err := r.check(cmd); err != nil {
				return err
			}
			return r.into(cmd.OutOrStdout(), func(out io.Writer) error {
				switch {
				case ofSwarm:
					return r.swarm(out, seed)
				case isStory(files[0]):
					return r.story(cmd, out, files[0])
				}
				return r.scenario(cmd, out, files)
			})
		},
	}
	r.c.bind(cmd)
	f := cmd.Flags()
	f.StringVar(&r.system, "system", "raft", "whose trial: `raft`, zab or etcd; with --trace html or perfetto several, for instance raft,zab")
	f.IntVar(&r.trial, "trial", 0, "number of the trial")
	f.BoolVar(&r.probed, "probed", false, "the pass with probing clients")
	f.Uint64Var(&seed, "swarm", 0, "replay the swarm's run of this `seed` instead")
	f.StringVar(&r.format, "trace", "text", "as `text`, json, html, perfetto or shiviz")
	f.DurationVar(&r.from, "from", 0, "what happened from this `time` of the run on, for instance 3.1s; not of text")
	f.DurationVar(&r.to, "to", 0, "and up to this one")
	f.StringVar(&r.file, "out", "", "write to this `file` instead of the screen")
	return cmd
}

// replaying is what is to be shown again, and how.
type replaying struct {
	c        choice
	system   string
	trial    int
	probed   bool
	format   string
	from, to time.Duration // of the trace
	windowed bool          // they were asked for
	file     string
}

// formats are those of --trace; the ones that take several systems say so.
var formats = map[string]struct{ several bool }{"text": {}, "json": {}, "html": {several: true}, "perfetto": {several: true}, "shiviz": {}}

func (r *replaying) check(cmd *cobra.Command) error {
	format, ok := formats[r.format]
	r.windowed = cmd.Flags().Changed("from") || cmd.Flags().Changed("to")
	switch {
	case !ok:
		return fail(exitUsage, "--trace: there is no format %q; there are text, json, html, perfetto and shiviz", r.format)
	case r.windowed && r.format == "text":
		return fail(exitUsage, "--from, --to: a trace of text has the whole run; name another format with --trace")
	case r.from < 0 || cmd.Flags().Changed("to") && r.to <= r.from:
		return fail(exitUsage, "--from, --to: there is no time from %v to %v", r.from, r.to)
	case strings.Contains(r.system, ",") && !format.several:
		return fail(exitUsage, "--system: --trace %s takes one system; html and perfetto take several", r.format)
	}
	return nil
}

// into has write write to the screen, or to the file that was asked for.
func (r *replaying) into(screen io.Writer, write func(io.Writer) error) (err error) {
	to := screen
	if r.file != "" {
		f, err := os.Create(r.file)
		if err != nil {
			return fail(exitEnvironment, "%w", err)
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		to = f
	}
	out := bufio.NewWriter(to)
	err = write(out)
	return errors.Join(err, out.Flush())
}

func printer(out io.Writer) func(e *trace.Event) {
	return func(e *trace.Event) {
		if !e.Quiet {
			fmt.Fprintf(out, "%12.6f  %s\n", float64(e.At)/1e6, e)
		}
	}
}

// scenario replays a trial of a scenario.
func (r *replaying) scenario(cmd *cobra.Command, out io.Writer, files []string) error {
	systems := strings.Split(r.system, ",")
	r.c.options.Systems, r.c.options.Mode = systems, string(run.Sim)
	scenarios, err := r.c.load(cmd, files)
	if err != nil {
		return err
	}
	cells := scenarios[0].Cells
	if slices.ContainsFunc(systems, func(name string) bool { return matching(cells, name) != 1 }) {
		names := ""
		for i := range cells {
			names += "\n  " + cells[i].String()
		}
		return fail(exitUsage, "replay: %d cells match; choose one of each system with --case and --set:%s", len(cells), names)
	}
	for i := range cells {
		if s, err := run.Lookup(cells[i].System); err != nil || !s.Reproducible {
			return fail(exitUsage, "replay: no trial of %s is the same again; name raft, zab or etcd with --system", cells[i].System)
		}
	}
	if r.format == "text" {
		return r.text(out, &cells[0])
	}
	var traces []*trace.Trace
	var violated error
	for i := range cells {
		t, broken, err := run.Record(&cells[i], r.trial, r.probed)
		if err != nil {
			return err
		}
		traces = append(traces, t)
		if broken != nil {
			violated = fail(exitViolated, "%s", broken.What)
		}
	}
	if err := r.write(out, scenarios[0].Title, traces); err != nil {
		return err
	}
	return violated
}

// matching counts the cells of a system.
func matching(cells []run.Cell, system string) (n int) {
	for i := range cells {
		if cells[i].System == system {
			n++
		}
	}
	return n
}

func (r *replaying) text(out io.Writer, cell *run.Cell) error {
	row, checksum, broken, err := run.Replay(cell, r.trial, r.probed, printer(out))
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s, trial %d, seed %d: %s; detect %v ms, vote %v ms, activate %v ms, elect %v ms, outage %v ms; leader %v; checksum %016x\n",
		cell, r.trial, cell.Seed, row.Outcome, given(row.DetectMS), given(row.VoteMS), given(row.ActivateMS), given(row.ElectMS), given(row.OutageMS), given(row.Leader), checksum)
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

// swarm replays the swarm's run of a seed.
func (r *replaying) swarm(out io.Writer, seed uint64) error {
	if !slices.Contains(swarm.Systems, r.system) {
		return fail(exitUsage, "replay: the swarm has no system %q; there are %v", r.system, swarm.Systems)
	}
	return r.told(out, func(tell func(*trace.Event)) *swarm.Report { return swarm.Run(r.system, seed, tell) })
}

// told replays a run of the swarm, and ends a trace of text with what came of it.
func (r *replaying) told(out io.Writer, play func(func(*trace.Event)) *swarm.Report) error {
	var report *swarm.Report
	if r.format == "text" {
		report = play(printer(out))
		fmt.Fprintf(out, "swarm %s, seed %d, %d voters: %d leader changes, %d commits, %d truncations, checksum %016x\n",
			report.System, report.Seed, report.Voters, report.LeaderChanges, report.Commits, report.Truncations, report.Checksum)
	} else {
		t := &trace.Trace{}
		report = play(t.Add)
		t.Header.Name = fmt.Sprintf("swarm %s, seed %d", report.System, report.Seed)
		t.System, t.Protocol, t.Seed, t.Voters, t.Observers = report.System, report.System, report.Seed, report.Voters, report.Learners
		if err := r.write(out, t.Name, []*trace.Trace{t}); err != nil {
			return err
		}
	}
	if report.Violation != "" {
		return fail(exitViolated, "%s", report.Violation)
	}
	return nil
}

// around is how much of a trial a diagram shows before its fault and behind its election.
const around = protocols.Time(300 * time.Millisecond)

// write writes traces, or of each the window that was asked for.
func (r *replaying) write(out io.Writer, title string, traces []*trace.Trace) error {
	switch {
	case r.windowed:
		for i, t := range traces {
			to := t.To
			if r.to > 0 {
				to = protocols.Time(r.to)
			}
			traces[i] = t.Cut(protocols.Time(r.from), to)
		}
	case r.format == "html":
		traces = trace.CutElections(around, around, traces...)
	}
	switch r.format {
	case "html":
		var titles []string
		for _, t := range traces {
			titles = append(titles, t.Name)
		}
		return spacetime.Page(out, title, titles, traces)
	case "perfetto":
		return trace.WritePerfetto(out, traces...)
	case "shiviz":
		return trace.WriteShiViz(out, traces[0])
	}
	return trace.WriteJSON(out, traces[0])
}

// isStory reports whether a file holds a story of the swarm. One that cannot be
// read is left to whoever reads scenarios.
func isStory(file string) bool {
	text, err := os.ReadFile(file)
	return err == nil && swarm.IsStory(text)
}

func (r *replaying) story(cmd *cobra.Command, out io.Writer, file string) error {
	var wrong []string
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if !slices.Contains([]string{"trace", "from", "to", "out"}, f.Name) {
			wrong = append(wrong, "--"+f.Name)
		}
	})
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
	return r.told(out, story.Play)
}
