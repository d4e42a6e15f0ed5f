package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
	var seed uint64
	var jobs int
	cmd := &cobra.Command{
		Use:   "verify [DIR...]",
		Short: "Run a sample of results again and compare, byte by byte (default: of every folder in results)",
		Long: `Run again a sample of what should come again byte by byte, from scenario, flags and seed in the manifest of each
folder, and compare: of each cell the checksum over all its events; where all cells of a system are in the sample, the
SHA-256 of its files; and where all cells of a scenario are, what the data say of each claim, numbers and intervals
included. Data files that are in the folders must be those of the run, whether they are in the sample or not. Nothing in
the folders is touched.

A cell of each scenario is drawn, and then whole scenarios and systems, as long as the budget lasts. The sample is another
one each time; the first line says how to have the same again. --all takes all.

The exit code is 1 if anything is different.

  raftzab verify
  raftzab verify --seed 1 --budget 1m results/hops results/finalize-wait
  raftzab verify --all results/election-latency`,
		RunE: func(cmd *cobra.Command, args []string) error {
			dirs, err := resultsFolders("verify", args)
			if err := errors.Join(err, validJobs(cmd, jobs)); err != nil {
				return err
			}
			v := &verifying{job: &job{ctx: cmd.Context(), jobs: jobs, stdout: cmd.OutOrStdout(), stderr: cmd.ErrOrStderr()}}
			switch {
			case everything:
				budget, v.again = 0, "--all"
			case budget <= 0:
				return fail(exitUsage, "--budget: %v is no time; write for instance 3m, or --all", budget)
			default:
				if !cmd.Flags().Changed("seed") {
					seed = rand.Uint64N(1_000_000)
				}
				v.again = fmt.Sprintf("--seed %d --budget %v", seed, budget)
			}
			v.again = strings.Join(append([]string{"raftzab verify", v.again}, args...), " ")
			return v.all(dirs, budget, seed)
		},
	}
	f := cmd.Flags()
	f.DurationVar(&budget, "budget", 4*time.Minute, "about how long it may take, by what the runs took")
	f.BoolVar(&everything, "all", false, "all, however long it takes")
	f.Uint64Var(&seed, "seed", 0, "of the sample (default: another one each time)")
	f.IntVar(&jobs, "jobs", 0, "trials at a time (default: as many as there are cores)")
	return cmd
}

// A verifying compares folders with what comes of running them again.
type verifying struct {
	*job
	again     string // the command that does the same
	table     *tabwriter.Writer
	different int
}

// all verifies a sample of folders.
func (v *verifying) all(dirs []string, budget time.Duration, seed uint64) error {
	v.table = tabwriter.NewWriter(v.stdout, 0, 0, 2, ' ', 0)
	var list []*repeatable
	for _, dir := range dirs {
		r, err := v.look(dir)
		if err != nil {
			return err
		}
		if r != nil && len(r.cells) > 0 {
			list = append(list, r)
		}
	}
	if len(list) == 0 && v.different == 0 {
		return fail(exitUsage, "verify: nothing there should come again byte by byte: that are simulated trials of raft, zab and etcd, and conversations")
	}
	choose(list, budget, rand.New(rand.NewPCG(seed, 0)))
	var n, of int
	var took, whole time.Duration
	for _, r := range list {
		for _, i := range r.cells {
			of, whole = of+1, whole+r.cost[i]
			if r.chosen[i] {
				n, took = n+1, took+r.cost[i]
			}
		}
	}
	fmt.Fprintf(v.stderr, "%s: %d of %d cells, about %s; --all takes about %s\n", v.again, n, of, rough(took), rough(whole))
	tmp, err := os.MkdirTemp("", "raftzab-verify-")
	if err != nil {
		return fmt.Errorf("making a folder to run in: %w", err)
	}
	defer os.RemoveAll(tmp)
	v.out = tmp
	for _, r := range list {
		if len(r.chosen) > 0 {
			if err := v.folder(r); err != nil {
				return errors.Join(v.table.Flush(), err)
			}
		}
	}
	if err := v.table.Flush(); err != nil {
		return err
	}
	if v.different > 0 {
		return fail(exitViolated, "%d are different, see above: either this program does something else than the one of that commit, or the files were changed. To see which, check the commit out and run there: %s", v.different, v.again)
	}
	return nil
}

// look reads a folder, and tells what of it does not fit together as it is; nil where
// there is nothing to compare.
func (v *verifying) look(dir string) (*repeatable, error) {
	d, err := results.Describe(dir)
	if err != nil {
		return nil, err
	}
	m := &d.Manifest
	if m.Interrupted {
		fmt.Fprintf(v.stderr, "%s: the run was interrupted, so there is nothing to compare\n", dir)
		return nil, nil
	}
	r := &repeatable{dir: dir, was: d, cost: map[int]time.Duration{}, chosen: map[int]bool{}}
	if r.s, r.shard, err = again(dir, m); err != nil {
		v.different++
		fmt.Fprintf(v.table, "different\t%s\tthis program does not take the scenario any more: %s\n", dir, oneLine(err.Error()))
		return nil, nil
	}
	manifest := filepath.Join(dir, "manifest.json")
	sum := sha256.Sum256([]byte(m.Text))
	v.differs(manifest+", the scenario's text", m, "SHA-256 "+short(m.SHA256), "SHA-256 "+short(hex.EncodeToString(sum[:])))
	v.differs(manifest+", the seed", m, fmt.Sprint(m.Seed), fmt.Sprint(r.s.Seed))
	for _, warning := range d.Changed(dir) {
		v.different++
		fmt.Fprintf(v.table, "different\t%s\t%s\n", dir, warning)
	}
	there := map[string]bool{}
	share := run.Options{Shard: r.shard}
	for i := range r.s.Cells {
		c := &r.s.Cells[i]
		there[keyOf(c)] = true
		if results.RepeatOf(string(c.Mode), c.System) == results.Bytes {
			r.cells, r.cost[i] = append(r.cells, i), cost(c, share.Trials(c), d.Run.Cells)
		}
	}
	for _, c := range m.Cells {
		if !there[cellKey(c.Mode, c.Case, c.System, c.Swept)] {
			v.differs(manifest+", "+nameOf(m, &c), m, "a cell", "none of the scenario's")
		}
	}
	return r, nil
}

// folder runs what is chosen of a folder again and compares.
func (v *verifying) folder(r *repeatable) error {
	folder, err := results.Open(filepath.Join(v.out, r.s.Name))
	if err != nil {
		return err
	}
	v.shard, v.share, v.flags = r.shard, r.was.Manifest.Shard, r.was.Manifest.Flags
	m := v.measure(r.s, folder)
	chosen := map[string]bool{}
	for i := range r.chosen {
		chosen[keyOf(&r.s.Cells[i])] = true
	}
	m.only = func(cell *run.Cell) bool { return chosen[keyOf(cell)] }
	m.progress = newProgress(v.stderr, filepath.Dir(r.dir), []*experiments.Scenario{r.s}, r.shard)
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
	is, err := results.Describe(filepath.Join(v.out, r.s.Name))
	if err != nil {
		return err
	}
	v.compare(r, &is.Manifest)
	if len(r.chosen) == len(r.cells) {
		v.verdicts(r, judge(r.s.Rules, &m.data, r.s.Seed))
	}
	return nil
}

// compare tells of files that came again whole, and of the events of other cells, whether
// they are the same.
func (v *verifying) compare(r *repeatable, is *results.Manifest) {
	was := &r.was.Manifest
	sums := func(m *results.Manifest) map[string]string {
		sums := map[string]string{}
		for _, f := range m.Files {
			sums[f.Name] = short(f.SHA256)
		}
		return sums
	}
	before, now := sums(was), sums(is)
	var names []string // of the files that came again whole
	for i := range r.chosen {
		c := &r.s.Cells[i]
		for _, f := range slices.Concat(was.Files, is.Files) {
			if strings.HasSuffix(f.Name, "-"+string(c.Mode)+"-"+c.System+".csv") && r.whole(i) && !slices.Contains(names, f.Name) {
				names = append(names, f.Name)
			}
		}
	}
	slices.Sort(names)
	for _, name := range names {
		v.tell(filepath.Join(r.dir, name), was, before[name], now[name])
	}
	events := map[string]string{}
	told := func(c *results.Cell) string {
		rows := 0
		if c.Rows != nil {
			rows = *c.Rows
		}
		return fmt.Sprintf("%s of %d rows", c.Checksum, rows)
	}
	for _, c := range was.Cells {
		events[cellKey(c.Mode, c.Case, c.System, c.Swept)] = told(&c)
	}
	for _, c := range is.Cells {
		a, b := events[cellKey(c.Mode, c.Case, c.System, c.Swept)], told(&c)
		if a != b || !slices.Contains(names, results.TrialsName(c.Mode, c.System)) {
			v.tell("events of "+nameOf(is, &c), was, a, b)
		}
	}
}

// verdicts tells of what the run said of claims by data that come again whether the data
// say the same now.
func (v *verifying) verdicts(r *repeatable, now []results.Verdict) {
	for _, was := range r.was.Manifest.Verdicts {
		what := fmt.Sprintf("verdict on %s in %s: %s", was.Claim, r.dir, was.Says)
		i := slices.IndexFunc(now, func(is results.Verdict) bool { return is.Claim == was.Claim && is.Says == was.Says })
		if i < 0 {
			v.tell(what, &r.was.Manifest, was.Verdict, "no rule of the scenario's")
			continue
		}
		a, b := was.Verdict, now[i].Verdict
		for j := range max(len(was.Numbers), len(now[i].Numbers)) {
			if x, y := number(was.Numbers, j), number(now[i].Numbers, j); a == b && x != y {
				a, b = x, y
			}
		}
		v.tell(what, &r.was.Manifest, a, b)
	}
}

// number is the i-th number that decided, as the manifest has it.
func number(all []results.Deciding, i int) string {
	if i >= len(all) {
		return ""
	}
	text, err := json.Marshal(all[i])
	if err != nil {
		panic(err) // it came from the same JSON
	}
	return string(text)
}

// tell says whether something is as its manifest has it.
func (v *verifying) tell(what string, m *results.Manifest, a, b string) {
	if a == b {
		fmt.Fprintf(v.table, "same\t%s\n", what)
	}
	v.differs(what, m, a, b)
}

// differs tells it only if it is not.
func (v *verifying) differs(what string, m *results.Manifest, a, b string) {
	if a == b {
		return
	}
	v.different++
	fmt.Fprintf(v.table, "different\t%s\t%s in the manifest, of commit %.12s; now %s\n", what, cmp.Or(a, "not there"), m.Commit, cmp.Or(b, "not there"))
}

func nameOf(m *results.Manifest, c *results.Cell) string {
	return (&run.Cell{Scenario: m.Scenario, Mode: run.Mode(c.Mode), Case: c.Case, System: c.System, Swept: c.Swept}).String()
}

func short(sum string) string { return sum[:min(len(sum), 16)] }
