package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"raftzab/bench/run"
	"raftzab/experiments"
	"raftzab/results"
)

func verifyCommand() *cobra.Command {
	var budget time.Duration
	var everything bool
	var jobs int
	cmd := &cobra.Command{
		Use:   "verify [DIR...]",
		Short: "Run results again and compare, byte by byte (default: every folder in results)",
		Long: `Run again what should come again byte by byte, from scenario, flags and seed in the manifest of each folder, and
compare: SHA-256 of the files, and the checksums over all events of each cell. Nothing in the folders is touched. Systems
are taken one by one, those that cost the least first, as long as the budget lasts; --all takes all.

The exit code is 1 if anything is different.

  raftzab verify results/hops results/finalize-wait
  raftzab verify --all`,
		RunE: func(cmd *cobra.Command, args []string) error {
			dirs, err := resultsFolders("verify", args)
			if err := errors.Join(err, validJobs(cmd, jobs)); err != nil {
				return err
			}
			if everything {
				budget = 0
			} else if budget <= 0 {
				return fail(exitUsage, "--budget: %v is no time; write for instance 3m, or --all", budget)
			}
			v := &verifying{job: &job{ctx: cmd.Context(), jobs: jobs, stdout: cmd.OutOrStdout(), stderr: cmd.ErrOrStderr()}}
			return v.all(dirs, budget)
		},
	}
	f := cmd.Flags()
	f.DurationVar(&budget, "budget", 3*time.Minute, "about how long it may take")
	f.BoolVar(&everything, "all", false, "all, however long it takes")
	f.IntVar(&jobs, "jobs", 0, "trials at a time (default: as many as there are cores)")
	return cmd
}

// A verifying compares folders with what comes of running them again.
type verifying struct {
	*job
	table     *tabwriter.Writer
	different int
}

// A claimed is what a folder has of one system, simulated, that should come again.
type claimed struct {
	dir    string
	data   *results.Data
	system string
	cost   time.Duration // what it took
}

// all verifies folders, or as much of them as fits.
func (v *verifying) all(dirs []string, budget time.Duration) error {
	var list []claimed
	for _, dir := range dirs {
		d, err := results.Describe(dir)
		if err != nil {
			return err
		}
		if d.Manifest.Interrupted {
			fmt.Fprintf(v.stderr, "%s: the run was interrupted, so there is nothing to compare\n", dir)
			continue
		}
		list = append(list, claims(dir, d)...)
	}
	if len(list) == 0 {
		return fail(exitUsage, "verify: nothing there should come again byte by byte: that are simulated trials of raft, zab and etcd")
	}
	slices.SortStableFunc(list, func(a, b claimed) int { return cmp.Compare(a.cost, b.cost) })
	chosen := map[string][]claimed{}
	var took, whole time.Duration
	n := 0
	for i, c := range list {
		if whole += c.cost; budget == 0 || whole <= budget || i == 0 {
			chosen[c.dir], took, n = append(chosen[c.dir], c), whole, n+1
		}
	}
	fmt.Fprintf(v.stderr, "%d of %d systems in scenarios, about %s; all take about %s (--all)\n", n, len(list), rough(took), rough(whole))
	tmp, err := os.MkdirTemp("", "raftzab-verify-")
	if err != nil {
		return fmt.Errorf("making a folder to run in: %w", err)
	}
	defer os.RemoveAll(tmp)
	v.out, v.table = tmp, tabwriter.NewWriter(v.stdout, 0, 0, 2, ' ', 0)
	for _, dir := range dirs {
		if len(chosen[dir]) > 0 {
			if err := v.folder(dir, chosen[dir]); err != nil {
				return errors.Join(v.table.Flush(), err)
			}
		}
	}
	if err := v.table.Flush(); err != nil {
		return err
	}
	if v.different > 0 {
		return fail(exitViolated, "%d are different: either this program does something else than the one of that commit, or the files were changed. To see which, check the commit out and verify again", v.different)
	}
	return nil
}

// claims lists the systems of a folder whose files should come again.
func claims(dir string, d *results.Data) (list []claimed) {
	for _, f := range d.Manifest.Files {
		for _, c := range d.Manifest.Cells {
			if f.Repeat == results.Bytes && f.Name == results.TrialsName(c.Mode, c.System) {
				one := claimed{dir: dir, data: d, system: c.System}
				for _, r := range d.Run.Cells {
					if r.Mode == c.Mode && r.System == c.System {
						one.cost += time.Duration(r.Seconds * float64(time.Second))
					}
				}
				list = append(list, one)
				break
			}
		}
	}
	return list
}

// folder runs systems of a folder again and compares.
func (v *verifying) folder(dir string, chosen []claimed) error {
	was := chosen[0].data
	s, shard, err := again(dir, &was.Manifest)
	if err != nil {
		return err
	}
	s.Rules = nil // the data are what is compared
	folder, err := results.Open(filepath.Join(v.out, s.Name))
	if err != nil {
		return err
	}
	v.shard, v.share, v.flags = shard, was.Manifest.Shard, was.Manifest.Flags
	m := v.measure(s, folder)
	m.only = func(cell *run.Cell) bool {
		return cell.Mode == run.Sim && slices.ContainsFunc(chosen, func(c claimed) bool { return c.system == cell.System })
	}
	m.progress = newProgress(v.stderr, filepath.Dir(dir), []*experiments.Scenario{s}, shard)
	m.progress.pace.only(m.only)
	if err := m.cells(); err != nil {
		folder.Abandon()
		return err
	}
	if m.manifest.Interrupted {
		folder.Abandon()
		return run.ErrInterrupted
	}
	if err := folder.Finish(m.manifest, m.world); err != nil {
		return err
	}
	is, err := results.Describe(filepath.Join(v.out, s.Name))
	if err != nil {
		return err
	}
	v.compare(dir, was, is)
	return nil
}

// compare tells of each file that came again, and of its cells' events, whether they are
// the same, and of the file in the folder, whether it is the one of its manifest.
func (v *verifying) compare(dir string, was, is *results.Data) {
	tell := func(what, a, b string) {
		if a == b {
			fmt.Fprintf(v.table, "same\t%s\n", what)
			return
		}
		v.different++
		fmt.Fprintf(v.table, "different\t%s\t%s in the manifest, of commit %.12s; now %s\n", what, cmp.Or(a, "not there"), was.Manifest.Commit, b)
	}
	for _, f := range is.Manifest.Files {
		before := ""
		for _, g := range was.Manifest.Files {
			if g.Name == f.Name {
				before = g.SHA256
			}
		}
		tell(filepath.Join(dir, f.Name), short(before), short(f.SHA256))
		if sum, err := results.SumOf(filepath.Join(dir, f.Name)); err == nil && sum != before {
			v.different++
			fmt.Fprintf(v.table, "different\t%s\tthe file is not the one of its manifest\n", filepath.Join(dir, f.Name))
		}
	}
	for _, c := range is.Manifest.Cells {
		for _, d := range was.Manifest.Cells {
			if cellKey(c.Mode, c.Case, c.System, c.Swept) == cellKey(d.Mode, d.Case, d.System, d.Swept) && c.Checksum != d.Checksum {
				cell := run.Cell{Scenario: is.Manifest.Scenario, Mode: run.Mode(c.Mode), Case: c.Case, System: c.System, Swept: c.Swept}
				tell("events of "+cell.String(), d.Checksum, c.Checksum)
			}
		}
	}
}

func short(sum string) string { return sum[:min(len(sum), 16)] }
