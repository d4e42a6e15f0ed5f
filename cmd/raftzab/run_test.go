package main

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"raftzab/results"
)

// small is a scenario of six cells, swept of twelve. Each trial draws delays, so
// that no two have the same events.
const (
	small = `title = "Small"
question = "How long?"
seed = 7
[[run]]
mode = "sim"
systems = ["raft", "zab", "etcd"]
trials = 3
[cluster]
voters = 3
[network]
delay = "uniform(1ms, 5ms)"
[probe]
interval = "5ms"
[[fault]]
at = "uniform(1s, 1.1s)"
kind = "crash"
target = "leader"
[[case]]
name = "crash"
[[case]]
name = "power-off"
"fault[0].kind" = "power-off"
`
	swept = small + `[sweep]
"network.loss" = [0, 0.1]
`
)

// smallFile goes to a new folder and puts a text there as small.toml.
func smallFile(t *testing.T, text string) {
	t.Helper()
	t.Chdir(t.TempDir())
	file(t, "small.toml", text)
}

func load(t *testing.T, dir string) *results.Data {
	t.Helper()
	data, err := results.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(data.Warnings) > 0 {
		t.Fatal(data.Warnings)
	}
	return data
}

func TestRunLeavesTheFilesThatThePagesPromise(t *testing.T) {
	smallFile(t, swept)
	summary := held(t, "run", "small.toml", "--out", "out")
	dir := filepath.Join("out", "small")
	for _, name := range []string{"manifest.json", "run.json", "trials-sim-raft.csv", "trials-sim-zab.csv", "trials-sim-etcd.csv"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	data := load(t, dir)
	if want := 3 * 2 * 2 * 3 * 2; len(data.Trials) != want { // systems, cases, losses, trials, passes
		t.Errorf("%d rows, want %d", len(data.Trials), want)
	}
	if data.Manifest.Text != swept || data.Manifest.Seed != 7 || data.Manifest.Interrupted {
		t.Errorf("the manifest says %+v", data.Manifest)
	}
	for _, c := range data.Manifest.Cells {
		if *c.Rows != 6 || c.Trials != 3 || len(c.Checksum) != 16 || !bytes.Contains(c.Settings, []byte("{")) {
			t.Errorf("the manifest has the cell %+v", c)
		}
		line := fmt.Sprintf("\n%s sim %s network.loss=%s  3  ", c.System, c.Case, c.Swept[0].Value)
		if !strings.Contains(regexp.MustCompile(` {2,}`).ReplaceAllString(summary, "  "), line) {
			t.Errorf("no line %q in the summary\n%s", line, summary)
		}
	}
}

func TestPlotDrawsTheFiguresOfRunAgain(t *testing.T) {
	smallFile(t, small)
	held(t, "run", "small.toml", "--out", "results")
	dir := filepath.Join("results", "small", "figures")
	summary := filepath.Join("results", "small", "summary.csv.gz")
	before := map[string][]byte{summary: read(t, summary)}
	for _, form := range []string{"svg", "png", "pdf", "pgf", "txt"} {
		figures, _ := filepath.Glob(filepath.Join(dir, "*."+form))
		if len(figures) == 0 {
			t.Errorf("no figure as %s", form)
		}
		for _, name := range figures {
			before[name] = read(t, name)
		}
	}
	for _, args := range [][]string{{"plot", filepath.Join("results", "small")}, {"plot"}} {
		if err := errors.Join(os.RemoveAll(dir), os.Remove(summary)); err != nil {
			t.Fatal(err)
		}
		names := strings.Fields(held(t, args...))
		if len(names) != len(before) {
			t.Errorf("%q drew %q; run had drawn %d", args, names, len(before))
		}
		for _, name := range names {
			if !bytes.Equal(read(t, name), before[name]) {
				t.Errorf("%q draws another %s than run", args, name)
			}
		}
	}
}

// Whether or not it can be typeset here, the document is there.
func TestPaperHasFiguresAndNumbersOfARun(t *testing.T) {
	smallFile(t, small)
	held(t, "run", "small.toml", "--out", "results")
	code, out, errs := raftzab("paper", "--out", "paper")
	if _, err := exec.LookPath("pdflatex"); code != exitHeld || err == nil && out != filepath.Join("paper", "raftzab.pdf")+"\n" ||
		err != nil && (out != filepath.Join("paper", "raftzab.tex")+"\n" || !strings.Contains(errs, "apt-get install")) {
		t.Errorf("exit %d, %q and\n%s", code, out, errs)
	}
	for name, want := range map[string]string{"raftzab.tex": `\input{numbers}`, filepath.Join("numbers", "small.tex"): `\raftzabset{small/`, "figures.tex": "election-latency.pgf"} {
		if !bytes.Contains(read(t, filepath.Join("paper", name)), []byte(want)) {
			t.Errorf("%s lacks %s", name, want)
		}
	}
}

func TestFiguresWhoseDataAreNotKeptStayAsTheyAre(t *testing.T) {
	smallFile(t, small)
	held(t, "run", "small.toml", "--out", "results")
	dir := filepath.Join("results", "small")
	before, _ := os.ReadDir(filepath.Join(dir, "figures"))
	if err := os.Remove(filepath.Join(dir, results.TrialsName("sim", "raft"))); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		code int
		args []string
	}{{exitHeld, []string{"plot"}}, {exitEnvironment, []string{"plot", dir}}} {
		code, out, errs := raftzab(c.args...)
		if code != c.code || out != "" || !strings.Contains(errs, "small has not all of its data") || !strings.Contains(errs, "raftzab run experiments/small.toml") {
			t.Errorf("%q: exit %d, %q and\n%s", c.args, code, out, errs)
		}
	}
	if after, _ := os.ReadDir(filepath.Join(dir, "figures")); len(before) == 0 || len(after) != len(before) {
		t.Errorf("%d files were there, and %d are", len(before), len(after))
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Each row must be found again from what stands in it.
func TestReplayOfARowGivesItsNumbers(t *testing.T) {
	smallFile(t, swept)
	held(t, "run", "small.toml", "--out", "out")
	sums := map[string]string{}
	for _, row := range load(t, filepath.Join("out", "small")).Trials {
		args := []string{"replay", "small.toml", "--system", row.System, "--case", row.Case, "--set", "network.loss=" + row.Swept[0].Value,
			"--seed", strconv.FormatUint(row.Seed, 10), "--trial", strconv.Itoa(row.Trial), "--probed=" + strconv.FormatBool(row.Probed)}
		trace := strings.Split(strings.TrimSuffix(held(t, args...), "\n"), "\n")
		last := trace[len(trace)-1]
		want := fmt.Sprintf(" trial %d, seed 7: %s; detect %s ms, vote %s ms, activate %s ms, elect %s ms, outage %s ms; leader %s; checksum ", row.Trial, row.Outcome,
			given(row.DetectMS), given(row.VoteMS), given(row.ActivateMS), given(row.ElectMS), given(row.OutageMS), given(row.Leader))
		before, sum, ok := strings.Cut(last, want)
		if !ok || before != fmt.Sprintf("small sim %s %s network.loss=%s,", row.System, row.Case, row.Swept[0].Value) {
			t.Errorf("%q: the row has\n%s\nthe replay\n%s", args, want, last)
		}
		if twin, ok := sums[sum]; ok {
			t.Errorf("%q has the checksum of %s", args, twin)
		}
		sums[sum] = strings.Join(args, " ")
	}
	if len(sums) != 72 {
		t.Errorf("%d rows had a checksum", len(sums))
	}
}

var event = regexp.MustCompile(`^ *(\d+\.\d{6})  \S`)

func TestReplayPrintsALineAnEventInTheirOrder(t *testing.T) {
	smallFile(t, swept)
	for _, args := range [][]string{
		{"replay", "small.toml", "--system", "raft", "--case", "crash", "--set", "network.loss=0", "--trial", "2"},
		{"replay", "small.toml", "--system", "zab", "--case", "power-off", "--set", "network.loss=0.1"},
		{"replay", "--swarm", "4711", "--system", "raft"},
		{"replay", "--swarm", "4711", "--system", "zab"},
	} {
		trace := held(t, args...)
		lines := strings.Split(strings.TrimSuffix(trace, "\n"), "\n")
		now := -1.0
		for _, line := range lines[:len(lines)-1] {
			m := event.FindStringSubmatch(line)
			if m == nil {
				t.Fatalf("%q prints %q", args, line)
			}
			at, _ := strconv.ParseFloat(m[1], 64)
			if at < now {
				t.Fatalf("%q: after %v comes %s", args, now, line)
			}
			now = at
		}
		if len(lines) < 50 || !regexp.MustCompile(`checksum [0-9a-f]{16}$`).MatchString(lines[len(lines)-1]) {
			t.Errorf("%q prints %d lines, the last: %s", args, len(lines), lines[len(lines)-1])
		}
		if held(t, args...) != trace {
			t.Errorf("%q prints something else the second time", args)
		}
	}
}

func TestSwarmRunsEachSeedOfEachSystem(t *testing.T) {
	out := held(t, "swarm", "-n", "3", "--seed", "5", "--jobs", "2")
	for _, system := range []string{"raft", "zab"} {
		if !regexp.MustCompile(`(?m)^` + system + `, seeds 5 to 7, in \S+: 3 runs, 0 violations`).MatchString(out) {
			t.Errorf("nothing of %s in\n%s", system, out)
		}
	}
}

func TestTwoShardsHoldTheRowsAndTheEventsOfTheWhole(t *testing.T) {
	smallFile(t, swept)
	held(t, "run", "small.toml", "--out", "whole")
	held(t, "run", "small.toml", "--out", "one", "--shard", "1/2")
	held(t, "run", "small.toml", "--out", "two", "--shard", "2/2")
	rows := func(dirs ...string) (rows []string) {
		for _, dir := range dirs {
			for _, system := range []string{"raft", "zab", "etcd"} {
				rows = append(rows, strings.Split(string(read(t, filepath.Join(dir, "small", "trials-sim-"+system+".csv"))), "\n")[1:]...)
			}
		}
		rows = slices.DeleteFunc(rows, func(row string) bool { return row == "" })
		slices.Sort(rows)
		return rows
	}
	if whole, both := rows("whole"), rows("one", "two"); !slices.Equal(whole, both) {
		t.Errorf("the whole has %d rows, the shards %d, or others", len(whole), len(both))
	}
	if n := len(rows("two")); n != 24 { // trial 1 of 0 to 2
		t.Errorf("the second shard has %d rows", n)
	}
	sums := func(dir string) (sums []uint64) {
		for _, c := range load(t, filepath.Join(dir, "small")).Manifest.Cells {
			x, err := strconv.ParseUint(c.Checksum, 16, 64)
			if err != nil {
				t.Fatal(err)
			}
			sums = append(sums, x)
		}
		return sums
	}
	one, two := sums("one"), sums("two")
	for i, whole := range sums("whole") {
		if one[i]+two[i] != whole {
			t.Errorf("cell %d: checksums %x and %x do not add up to %x", i, one[i], two[i], whole)
		}
	}
}

// A user's Ctrl-C, in the middle of a cell.
func TestCtrlCKeepsTheTrialsThatHadEnded(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process cannot send another one an interrupt there")
	}
	const trials = 1_000_000 // minutes
	out := t.TempDir()
	dir := filepath.Join(out, "election-latency")
	cmd := process(t, "run", "experiments/election-latency.toml", "--systems", "raft,zab", "--mode", "sim", "--case", "crash", "--trials", strconv.Itoa(trials), "--out", out)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for start := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		if info, err := os.Stat(filepath.Join(dir, "trials-sim-raft.csv.partial")); err == nil && info.Size() > 0 {
			break
		}
		if time.Since(start) > 20*time.Second {
			cmd.Process.Kill()
			cmd.Wait()
			t.Fatalf("no trial was written\n%s", errs.String())
		}
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitInterrupted {
		t.Errorf("ended with %v, want exit %d", err, exitInterrupted)
	}
	if !strings.HasSuffix(errs.String(), "\ninterrupted\n") {
		t.Errorf("said\n%s", errs.String())
	}
	data := load(t, dir)
	if !data.Manifest.Interrupted {
		t.Error("the manifest does not say that the run was interrupted")
	}
	if n := len(data.Trials); n < 100 || n >= 2*trials || n%2 != 0 {
		t.Errorf("%d rows; want both passes of the trials that had ended", n)
	}
	for i, row := range data.Trials {
		if row.Outcome != results.OK || math.IsNaN(float64(row.DetectMS)) || row.Probed != (i%2 == 1) {
			t.Fatalf("row %d is of a trial that had not ended: %+v", i, row)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.partial")); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}
