package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"raftzab/bench/live"
	"raftzab/bench/live/lan"
	"raftzab/bench/run"
	"raftzab/bench/verdict"
	"raftzab/experiments"
	"raftzab/plots"
	"raftzab/results"
)

func runCommand() *cobra.Command {
	var c choice
	var out, shard string
	var jobs int
	cmd := &cobra.Command{
		Use:   "run FILE...",
		Short: "Run scenarios: data, a summary and figures",
		Long: `Run scenarios. Data go to OUT/<scenario>/, figures to OUT/<scenario>/figures/. Nothing runs before every
file has been found right and every folder writable. A folder holds one run: what an earlier one left in it is
replaced (--out names another). Ctrl-C stops and keeps the trials that had ended.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, files []string) error {
			scenarios, err := c.load(cmd, files)
			if err != nil {
				return err
			}
			part, err := parseShard(shard)
			if err := errors.Join(err, validJobs(cmd, jobs)); err != nil {
				return err
			}
			if out == "" {
				return fail(exitUsage, "--out: is empty; name a folder, for instance --out results")
			}
			j := job{ctx: cmd.Context(), out: out, jobs: jobs, shard: part, share: shard, asked: c.options.Systems, flags: chosen(cmd),
				stdout: cmd.OutOrStdout(), stderr: cmd.ErrOrStderr()}
			return j.all(scenarios)
		},
	}
	c.bind(cmd)
	c.bindCells(cmd)
	f := cmd.Flags()
	f.StringVar(&out, "out", "results", "`folder` for the results")
	f.IntVar(&jobs, "jobs", 0, "simulated trials at a time (default: as many as there are cores); results do not depend on it")
	f.StringVar(&shard, "shard", "", "`i/n`: only each n-th trial, from the i-th (1 to n): for several machines")
	return cmd
}

// chosen lists the flags that make the data other than the scenario says.
func chosen(cmd *cobra.Command) (flags []string) {
	cmd.Flags().Visit(func(f *pflag.Flag) {
		switch f.Name {
		case "out", "jobs", "shard": // the data do not depend on the first two, and shard has a field of its own
		case "set":
			values, _ := cmd.Flags().GetStringArray(f.Name)
			for _, v := range values {
				flags = append(flags, "--set "+v)
			}
		default:
			flags = append(flags, "--"+f.Name+" "+strings.Trim(f.Value.String(), "[]"))
		}
	})
	return flags
}

func parseShard(s string) (part [2]int, err error) {
	if s == "" {
		return part, nil
	}
	i, n, _ := strings.Cut(s, "/")
	a, err1 := strconv.Atoi(i)
	b, err2 := strconv.Atoi(n)
	if errors.Join(err1, err2) != nil || a < 1 || a > b {
		return part, fail(exitUsage, "--shard: %q is no share; write for instance \"1/4\"", s)
	}
	return [2]int{a - 1, b}, nil
}

// A job is one call of run.
type job struct {
	ctx            context.Context
	out            string
	jobs           int
	shard          [2]int
	share          string   // the same as the flag has it
	asked          []string // systems asked for by flag
	flags          []string // for the manifest
	stdout, stderr io.Writer
}

// all runs the scenarios, one after the other.
func (j *job) all(scenarios []*experiments.Scenario) (err error) {
	if err := j.missing(scenarios); err != nil {
		return err
	}
	done, err := settle(scenarios)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	folders := make([]*results.Folder, len(scenarios))
	for i, s := range scenarios {
		folder, err := results.Open(filepath.Join(j.out, s.Name))
		if err != nil {
			return err
		}
		folders[i] = folder
	}
	var broken error
	for i, s := range scenarios {
		err := j.scenario(s, folders[i])
		if broken = errors.Join(broken, err); errors.Is(err, run.ErrInterrupted) {
			break
		}
	}
	return broken
}

// settle makes a place for live cells, if there are any that can run here: a folder
// that goes with this process, and for machines and a switch the right to make them.
// For lack of that a user's process runs itself again, in namespaces where it has it,
// and ends with the exit code of the other, which comes by here too; so nothing may
// have been written yet.
func settle(scenarios []*experiments.Scenario) (done func() error, err error) {
	var processes, machines bool
	for _, s := range scenarios {
		for i := range s.Cells {
			c := &s.Cells[i]
			if c.Mode != run.Live {
				continue
			}
			system, err := run.Lookup(c.System)
			if err != nil {
				return nil, err
			}
			if system.Missing(c.World()) == "" {
				processes, machines = true, machines || !c.Loopback
			}
		}
	}
	done = func() error { return nil }
	if processes {
		if done, err = live.Scratch(); err != nil {
			return nil, err
		}
	}
	if machines {
		if err := lan.Reexec(); err != nil {
			return nil, errors.Join(err, done())
		}
	}
	return done, nil
}

// missing refuses what a flag asks for and this machine cannot do.
func (j *job) missing(scenarios []*experiments.Scenario) error {
	for _, s := range scenarios {
		for i := range s.Cells {
			c := &s.Cells[i]
			if !slices.Contains(j.asked, c.System) {
				continue
			}
			system, err := run.Lookup(c.System)
			if err != nil {
				return err
			}
			if why := system.Missing(c.World()); why != "" {
				return fail(exitEnvironment, "%s cannot run here: %s", c.System, why)
			}
		}
	}
	return nil
}

// scenario runs the cells of one scenario and leaves its results.
func (j *job) scenario(s *experiments.Scenario, folder *results.Folder) (err error) {
	done := false
	defer func() {
		if !done {
			folder.Abandon()
		}
	}()
	commit, dirty := build()
	manifest := results.Manifest{Scenario: s.Name, Text: string(s.Text), Commit: commit, Versions: results.Versions(), Seed: s.Seed, Skipped: s.Skipped(),
		Flags: j.flags, Shard: j.share}
	world := results.NewRun()
	world.Dirty = dirty
	fmt.Fprintf(j.stderr, "%s: %s\n", s.Name, s.Title)

	writers := map[string]*outputs{}
	used := map[string]int{} // positions of each file
	table := summary{}
	var broken []*run.Breach
	var failed error
	var data verdict.Data
	for _, batch := range batches(s.Cells) {
		var cells []*run.Cell
		var options []run.Options
		var systems []*run.System
		var samples []*sample
		var bar *progress
		var writing error
		for _, cell := range batch {
			system, err := run.Lookup(cell.System)
			if err != nil {
				return err
			}
			if why := system.Missing(cell.World()); why != "" {
				if left := (results.LeftOut{Mode: string(cell.Mode), System: cell.System, Reason: why}); !slices.Contains(world.LeftOut, left) {
					world.LeftOut = append(world.LeftOut, left)
					fmt.Fprintf(j.stderr, "%s is left out: %s\n", cell.System, why)
				}
				if err := note(&manifest, &world, system, cell, nil); err != nil {
					return err
				}
				continue
			}
			file := results.TrialsName(string(cell.Mode), cell.System)
			w := writers[file]
			if w == nil {
				if w, err = open(folder, s, cell); err != nil {
					return err
				}
				writers[file] = w
			}
			base := used[file]
			used[file] += cell.Trials
			sample := newSample(cell)
			cells, systems, samples = append(cells, cell), append(systems, system), append(samples, sample)
			options = append(options, run.Options{Jobs: j.jobs, Shard: j.shard, Rows: func(i int, rows []results.Trial) {
				writing = errors.Join(writing, w.trials.Put(base+i, rows...))
				sample.add(rows)
				if len(s.Rules) > 0 {
					data.Add(rows...)
				}
				bar.done()
			}, Clients: func(i int, reads []results.Reads, windows []results.Window, moments []results.Moment) {
				writing = errors.Join(writing, w.clients(base+i, reads, windows, moments))
				if len(s.Rules) > 0 {
					data.AddReads(reads...)
				}
			}, Visible: func(rows []results.Visibility) {
				if w.visible != nil {
					writing = errors.Join(writing, w.visible.Put(base, rows...))
				}
			}})
		}
		if len(cells) == 0 {
			continue
		}
		bar = newProgress(j.stderr, cells, j.shard)
		sums, err := measure(j.ctx, cells, options)
		bar.end(sums...)
		if writing != nil {
			return writing
		}
		for i, sum := range sums {
			if err := note(&manifest, &world, systems[i], cells[i], sum); err != nil {
				return err
			}
			table.add(samples[i])
			broken = append(broken, sum.Breaches...)
		}
		if failed = errors.Join(failed, err); err != nil {
			manifest.Interrupted = errors.Is(err, run.ErrInterrupted)
			if manifest.Interrupted {
				break
			}
			world.Warnings = append(world.Warnings, err.Error())
			fmt.Fprintln(j.stderr, err)
		}
	}
	world.Compared = table.compare(s.Seed)
	data.LeftOut = world.LeftOut
	verdicts := judge(s.Rules, &data, s.Seed)
	for _, v := range verdicts {
		if v.Repeat == results.Bytes {
			manifest.Verdicts = append(manifest.Verdicts, v)
		} else {
			world.Verdicts = append(world.Verdicts, v)
		}
	}
	done = true
	if err := folder.Finish(manifest, world); err != nil {
		return err
	}
	dir := filepath.Join(j.out, s.Name)
	figures, err := plots.All(dir)
	switch {
	case err != nil:
		return fmt.Errorf("%s: drawing figures: %w", s.Name, err)
	case len(figures) == 0:
		fmt.Fprintf(j.stderr, "data are in %s; there is no figure for a scenario like this yet\n", dir)
	default:
		fmt.Fprintf(j.stderr, "data are in %s, figures with their captions in %s\n", dir, filepath.Join(dir, "figures"))
	}
	table.print(j.stdout, s)
	printCompared(j.stdout, world.Compared)
	printVerdicts(j.stdout, verdicts)
	for _, b := range broken {
		fmt.Fprintln(j.stderr, b)
	}
	switch {
	case manifest.Interrupted:
		return run.ErrInterrupted
	case len(broken) > 0:
		return fail(exitViolated, "%s: invariants were broken, see above", s.Name)
	case failed != nil:
		return fail(exitEnvironment, "%s: %w", s.Name, failed)
	}
	return nil
}

// batches puts cells that follow each other and take turns together.
func batches(cells []run.Cell) (all [][]*run.Cell) {
	for i := range cells {
		if n := len(all); i > 0 && cells[i].Turns && cells[i-1].Turns {
			all[n-1] = append(all[n-1], &cells[i])
		} else {
			all = append(all, []*run.Cell{&cells[i]})
		}
	}
	return all
}

// measure runs one cell, or several that take turns.
func measure(ctx context.Context, cells []*run.Cell, options []run.Options) ([]*run.Summary, error) {
	if cells[0].Turns {
		return run.Turns(ctx, cells, options)
	}
	sum, err := run.Run(ctx, cells[0], options[0])
	return []*run.Summary{sum}, err
}

// outputs are the data files of a system in a mode.
type outputs struct {
	trials  *results.Writer[results.Trial]
	reads   *results.Writer[results.Reads]      // nil: no cell of the scenario has clients that read
	windows *results.Writer[results.Window]     // nil: none has a time series
	moments *results.Writer[results.Moment]     // nil: none has a timeline
	visible *results.Writer[results.Visibility] // nil: none tells how soon writes are visible
}

// open begins the files that the system of a cell has in this scenario.
func open(folder *results.Folder, s *experiments.Scenario, cell *run.Cell) (w *outputs, err error) {
	w = &outputs{}
	mode, system := string(cell.Mode), cell.System
	if w.trials, err = folder.Trials(mode, system, s.SweptKeys, s.Asked()...); err != nil {
		return nil, err
	}
	if s.Reads() {
		if w.reads, err = folder.Reads(mode, system, s.SweptKeys); err != nil {
			return nil, err
		}
	}
	if s.Windows() {
		if w.windows, err = folder.Windows(mode, system, s.SweptKeys); err != nil {
			return nil, err
		}
	}
	if s.Timeline() {
		if w.moments, err = folder.Timeline(mode, system, s.SweptKeys); err != nil {
			return nil, err
		}
	}
	if s.Histograms() {
		w.visible, err = folder.Histograms(mode, system, s.SweptKeys)
	}
	return w, err
}

// clients gives a trial's rows of the other files their place.
func (w *outputs) clients(position int, reads []results.Reads, windows []results.Window, moments []results.Moment) (err error) {
	if w.reads != nil {
		err = w.reads.Put(position, reads...)
	}
	if w.windows != nil {
		err = errors.Join(err, w.windows.Put(position, windows...))
	}
	if w.moments != nil {
		err = errors.Join(err, w.moments.Put(position, moments...))
	}
	return err
}

// note tells the manifest and the run of a cell.
func note(m *results.Manifest, w *results.Run, system *run.System, cell *run.Cell, sum *run.Summary) error {
	settings, err := json.Marshal(cell.Settings)
	if err != nil {
		return fmt.Errorf("describing %s: %w", cell, err)
	}
	c := results.Cell{Mode: string(cell.Mode), Case: cell.Case, System: cell.System, Swept: cell.Swept, Switch: cell.Mode == run.Live && !cell.Loopback, Trials: cell.Trials, Settings: settings, Notes: system.NotesOn(&cell.Settings)}
	if sum != nil {
		if cell.Mode != run.Live {
			c.Rows = &sum.Rows
		}
		if system.Reproducible && cell.Mode == run.Sim {
			c.Checksum = fmt.Sprintf("%016x", sum.Checksum)
		}
		w.Cells = append(w.Cells, results.CellRun{Mode: c.Mode, Case: c.Case, System: c.System, Swept: c.Swept, Rows: sum.Rows, Seconds: sum.Wall.Seconds(), Live: sum.Live})
		for _, v := range sum.Versions {
			switch v.Of {
			case "java":
				w.Java = v.Is
			case "zookeeper":
				w.ZooKeeper = v.Is
			}
		}
		w.Observed = append(w.Observed, sum.Observed...)
	}
	m.Cells = append(m.Cells, c)
	return nil
}

// build tells from which commit this program was built. Where the build has not
// noted it, as under go run, the checkout that the command runs in says.
func build() (commit string, dirty bool) {
	commit = "unknown"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return commit, false
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			commit = s.Value
		case "vcs.modified":
			dirty = s.Value == "true"
		}
	}
	if commit == "unknown" {
		if head, err := exec.Command("git", "rev-parse", "HEAD").Output(); err == nil {
			changes, err := exec.Command("git", "status", "--porcelain", "--untracked-files=no").Output()
			return strings.TrimSpace(string(head)), err != nil || len(changes) > 0
		}
	}
	return commit, dirty
}
