package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"raftzab/bench/run"
	"raftzab/results"
)

func mergeCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "merge DIR...",
		Short: "Join the shards of a run",
		Long: `Join the results of all shards of a run (raftzab run --shard i/n) in OUT/<scenario>/: rows in the order of an
unsharded run, the sums of its checksums, verdicts and figures. Where data come again byte by byte, files and manifest
are those of an unsharded run.

  raftzab run experiments/split-votes.toml --shard 1/2 --out /tmp/one
  raftzab run experiments/split-votes.toml --shard 2/2 --out /tmp/two
  raftzab merge /tmp/one/split-votes /tmp/two/split-votes --out /tmp/whole`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, dirs []string) error {
			if out == "" {
				return fail(exitUsage, "--out: is empty; name a folder, for instance --out results")
			}
			dirs, err := resultsFolders("merge", dirs)
			if err != nil {
				return err
			}
			shards, err := loadShards(dirs)
			if err != nil {
				return err
			}
			j := &job{ctx: cmd.Context(), out: out, stdout: cmd.OutOrStdout(), stderr: cmd.ErrOrStderr()}
			return j.merge(shards)
		},
	}
	cmd.Flags().StringVar(&out, "out", "results", "`folder` for the results")
	return cmd
}

// A shard is the results of one.
type shard struct {
	*results.Data
	dir string
}

// loadShards reads shards that belong together, and puts them in their order.
func loadShards(dirs []string) (shards []shard, err error) {
	for _, dir := range dirs {
		d, err := results.Load(dir)
		switch {
		case errors.Is(err, fs.ErrNotExist) && d != nil:
			return nil, fail(exitUsage, "merge: %s has not all of its data (%w); run this shard again", dir, err)
		case err != nil:
			return nil, err
		case len(d.Warnings) > 0:
			return nil, fail(exitUsage, "merge: %s: %s; run this shard again", dir, d.Warnings[0])
		case d.Manifest.Shard == "":
			return nil, fail(exitUsage, "merge: %s is no shard, but a whole run; name folders of raftzab run --shard i/n", dir)
		case d.Manifest.Interrupted:
			return nil, fail(exitUsage, "merge: the run of %s was interrupted; run the same command again, which goes on from there", dir)
		}
		shards = append(shards, shard{d, dir})
	}
	first := &shards[0].Manifest
	part, _ := parseShard(first.Shard)
	there := map[string]string{}
	for _, s := range shards {
		m := &s.Manifest
		for _, of := range []struct{ what, a, b string }{
			{"scenario", first.Scenario, m.Scenario}, {"text of the scenario", first.Text, m.Text}, {"seed", fmt.Sprint(first.Seed), fmt.Sprint(m.Seed)},
			{"flags", fmt.Sprint(first.Flags), fmt.Sprint(m.Flags)}, {"commit", first.Commit, m.Commit},
		} {
			if of.a != of.b {
				return nil, fail(exitUsage, "merge: %s and %s do not belong together: not the same %s; name the shards of one run", shards[0].dir, s.dir, of.what)
			}
		}
		if other, err := parseShard(m.Shard); err != nil || other[1] != part[1] {
			return nil, fail(exitUsage, "merge: %s is shard %s and %s is shard %s; name the shards of one run", shards[0].dir, first.Shard, s.dir, m.Shard)
		}
		if twin, ok := there[m.Shard]; ok {
			return nil, fail(exitUsage, "merge: %s and %s are both shard %s; leave one", twin, s.dir, m.Shard)
		}
		there[m.Shard] = s.dir
	}
	var missing []string
	for i := range part[1] {
		if name := fmt.Sprintf("%d/%d", i+1, part[1]); there[name] == "" {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return nil, fail(exitUsage, "merge: shard %s is missing; run it, with --shard %s, and name its folder too", strings.Join(missing, " and shard "), missing[0])
	}
	slices.SortFunc(shards, func(a, b shard) int {
		x, _ := parseShard(a.Manifest.Shard)
		y, _ := parseShard(b.Manifest.Shard)
		return x[0] - y[0]
	})
	return shards, nil
}

// merge writes what the shards hold as a whole run would have written it.
func (j *job) merge(shards []shard) error {
	first := &shards[0].Manifest
	s, _, err := again(shards[0].dir, first)
	if err != nil {
		return err
	}
	there, err := gather(shards)
	if err != nil {
		return err
	}
	folder, err := results.Open(filepath.Join(j.out, s.Name))
	if err != nil {
		return err
	}
	j.flags = first.Flags
	m := j.measure(s, folder)
	m.manifest.Commit, m.manifest.Versions = first.Commit, first.Versions
	mergeRuns(&m.world, shards)
	m.lacking = func(cell *run.Cell, _ *run.System) string {
		for _, l := range m.world.LeftOut {
			if l.Mode == string(cell.Mode) && l.System == cell.System && there[keyOf(cell)] == nil {
				return l.Reason
			}
		}
		return ""
	}
	m.earlier = func(number int, _ *outputs) (*kept, error) {
		cell := &s.Cells[number]
		k := there[keyOf(cell)]
		if k == nil || len(k.trials) != cell.Trials {
			return nil, fail(exitUsage, "merge: the shards have not all trials of %s; look into their run.json for warnings, and run them again", cell)
		}
		return k, nil
	}
	return m.whole()
}

func keyOf(c *run.Cell) string { return cellKey(string(c.Mode), c.Case, c.System, c.Swept) }

// gather puts together what shards have of each cell.
func gather(shards []shard) (cells map[string]*kept, err error) {
	cells = map[string]*kept{}
	for _, s := range shards {
		told := func(mode, kase, system string, swept []results.Setting, trial int) *run.Told {
			key := cellKey(mode, kase, system, swept)
			if cells[key] == nil {
				cells[key] = &kept{trials: map[int]*run.Told{}}
			}
			t := cells[key].trials[trial]
			if t == nil {
				t = &run.Told{}
				cells[key].trials[trial] = t
			}
			return t
		}
		for _, r := range s.Trials {
			t := told(r.Mode, r.Case, r.System, r.Swept, r.Trial)
			t.Rows = append(t.Rows, r)
		}
		for _, r := range s.Reads {
			t := told(r.Mode, r.Case, r.System, r.Swept, r.Trial)
			t.Reads = append(t.Reads, r)
		}
		for _, r := range s.Windows {
			t := told(r.Mode, r.Case, r.System, r.Swept, r.Trial)
			t.Windows = append(t.Windows, r)
		}
		for _, r := range s.Timeline {
			t := told(r.Mode, r.Case, r.System, r.Swept, r.Trial)
			t.Moments = append(t.Moments, r)
		}
		// What is known of a cell alone goes to one of the shard's trials; it adds up.
		part, _ := parseShard(s.Manifest.Shard)
		for _, r := range s.Visible {
			t := told(r.Mode, r.Case, r.System, r.Swept, part[0])
			t.Visible = append(t.Visible, r)
		}
		for _, c := range s.Manifest.Cells {
			if k := cells[cellKey(c.Mode, c.Case, c.System, c.Swept)]; k != nil && k.trials[part[0]] != nil && c.Checksum != "" {
				if k.trials[part[0]].Checksum, err = strconv.ParseUint(c.Checksum, 16, 64); err != nil {
					return nil, fail(exitUsage, "merge: %s: %q is no checksum; run this shard again", filepath.Join(s.dir, "manifest.json"), c.Checksum)
				}
			}
		}
		for _, c := range s.Run.Cells {
			if k := cells[cellKey(c.Mode, c.Case, c.System, c.Swept)]; k != nil {
				k.sessions = append(k.sessions, results.Session{Seconds: c.Seconds, Live: c.Live})
			}
		}
	}
	return cells, nil
}

// mergeRuns says of the machines of all shards what a run says of its own.
func mergeRuns(w *results.Run, shards []shard) {
	first := &shards[0].Run
	w.Machine, w.Go, w.Java, w.ZooKeeper, w.Program, w.Started, w.Ended, w.Load, w.Dirty = first.Machine, first.Go, first.Java, first.ZooKeeper, first.Program, first.Started, first.Ended, first.Load, false
	for _, s := range shards {
		r := &s.Run
		if r.Started.Before(w.Started) {
			w.Started = r.Started
		}
		if r.Ended.After(w.Ended) {
			w.Ended = r.Ended
		}
		if r.Program != w.Program {
			w.Program = "" // of several
		}
		if r.Machine != w.Machine {
			w.Warnings = append(w.Warnings, fmt.Sprintf("shard %s is of another machine: %+v", s.Manifest.Shard, r.Machine))
		}
		w.Dirty = w.Dirty || r.Dirty
		w.Resumed, w.Observed, w.Warnings = append(w.Resumed, r.Resumed...), append(w.Observed, r.Observed...), append(w.Warnings, r.Warnings...)
		for _, l := range r.LeftOut {
			if !slices.Contains(w.LeftOut, l) {
				w.LeftOut = append(w.LeftOut, l)
			}
		}
	}
}
