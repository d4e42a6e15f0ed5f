package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"raftzab/bench/run"
	"raftzab/experiments"
	"raftzab/results"
)

// filesIn returns what a folder holds, but for run.json, which is the machine's.
func filesIn(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() != "run.json" {
			name, _ := filepath.Rel(dir, path)
			files[name] = string(read(t, path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func sameFiles(t *testing.T, got, want map[string]string) {
	t.Helper()
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s is another one, or not there", name)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("there is %s", name)
		}
	}
}

// A stopper is stderr that ends a run when so many cells have been told of.
type stopper struct {
	after atomic.Int32
	stop  context.CancelFunc
}

func (s *stopper) Write(text []byte) (int, error) {
	if bytes.Contains(text, []byte(" rows in ")) && s.after.Add(-1) == 0 {
		s.stop()
	}
	return len(text), nil
}

// busy is small with clients, so that there are files of all kinds, and a claim.
var busy = "observe = \"400ms\"\nclaims = [\"R3\"]\n" + strings.Replace(small, "trials = 3", "trials = 40", 1) + `[workload]
clients = 3
reads = 0.5
window = "100ms"
[[verdict]]
claim = "R3"
says = "Reads are answered."
n = 3
each = ["case"]
holds = "median(raft.reads) > 10 && median(raft.by_role.read_p50_ms) > 0"
`

func TestAnInterruptedRunGoesOnAndLeavesWhatAnUninterruptedOneDoes(t *testing.T) {
	smallFile(t, busy)
	args := []string{"run", "small.toml", "--jobs", "2", "--out"}
	held(t, append(args, "whole")...)
	want := filesIn(t, "whole")
	rng := rand.New(rand.NewPCG(1, 1))
	journal := filepath.Join("parts", "small", "journal.jsonl")
	for range 3 {
		os.RemoveAll("parts")
		taken := 0
		for _, interrupted := range []bool{true, true, false} {
			ctx, stop := context.WithCancel(t.Context())
			if interrupted {
				go grown(ctx, journal, 1000+rng.Int64N(40_000), stop)
			}
			var out, errs bytes.Buffer
			code := execute(ctx, append(args, "parts"), &out, &errs)
			stop()
			if strings.Contains(errs.String(), "going on where") {
				taken++
			}
			if interrupted != (code == exitInterrupted) || !interrupted && code != exitHeld {
				t.Fatalf("exit %d\n%s", code, errs.String())
			}
		}
		if taken != 2 {
			t.Errorf("taken over %d times", taken)
		}
		sameFiles(t, filesIn(t, "parts"), want)
		if d := load(t, filepath.Join("parts", "small")); len(d.Run.Resumed) != 1 {
			t.Errorf("run.json says that it went on %v", d.Run.Resumed)
		}
	}
}

// grown does something when a journal has grown by so many bytes.
func grown(ctx context.Context, journal string, by int64, what func()) {
	size := func() int64 {
		if info, err := os.Stat(journal); err == nil {
			return info.Size()
		}
		return 0
	}
	for by += size(); ctx.Err() == nil; time.Sleep(time.Millisecond) {
		if size() > by {
			what()
			return
		}
	}
}

// Real processes: Ctrl-C, Ctrl-C and kill -9 at random moments.
func TestAKilledProcessLosesNoMoreThanItsLastSecond(t *testing.T) {
	dir := t.TempDir()
	args := []string{"run", "experiments/election-latency.toml", "--systems", "raft,zab,etcd", "--mode", "sim", "--trials", "150", "--out"}
	run := func(out string, by int64, how syscall.Signal) (said string) {
		cmd := process(t, append(slices.Clone(args), filepath.Join(dir, out))...)
		var errs bytes.Buffer
		cmd.Stderr = &errs
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		if how != 0 {
			go grown(ctx, filepath.Join(dir, out, "election-latency", "journal.jsonl"), by, func() { cmd.Process.Signal(how) })
		}
		cmd.Wait()
		return errs.String()
	}
	run("whole", 0, 0)
	rng := rand.New(rand.NewPCG(2, 2))
	taken := 0
	for _, how := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL, syscall.SIGKILL, syscall.SIGINT, 0} {
		if said := run("parts", 5_000+rng.Int64N(40_000), how); strings.Contains(said, "going on where") {
			taken++
		}
	}
	if taken != 4 {
		t.Errorf("taken over %d times", taken)
	}
	sameFiles(t, filesIn(t, filepath.Join(dir, "parts")), filesIn(t, filepath.Join(dir, "whole")))
}

func TestAJournalOfAnotherRunIsNotTakenOver(t *testing.T) {
	smallFile(t, small)
	held(t, "run", "small.toml", "--out", "out", "--trials", "2")
	want := filesIn(t, "out")
	for _, other := range [][]string{{"--trials", "40"}, {"--trials", "2", "--seed", "8"}, {"--trials", "2", "--shard", "1/2"}} {
		ctx, stop := context.WithCancel(t.Context())
		s := &stopper{stop: stop}
		s.after.Store(2)
		code := execute(ctx, append([]string{"run", "small.toml", "--out", "out"}, other...), &bytes.Buffer{}, s)
		if code != exitInterrupted {
			t.Fatalf("exit %d", code)
		}
		_, _, errs := raftzab("run", "small.toml", "--out", "out", "--trials", "2")
		if !strings.Contains(errs, "so this one begins anew") {
			t.Errorf("%q: it says\n%s", other, errs)
		}
		sameFiles(t, filesIn(t, "out"), want)
	}
}

func TestATornJournalIsReadAsFarAsItIsWhole(t *testing.T) {
	smallFile(t, small)
	held(t, "run", "small.toml", "--out", "whole", "--trials", "40")
	want := filesIn(t, "whole")
	ctx, stop := context.WithCancel(t.Context())
	s := &stopper{stop: stop}
	s.after.Store(3)
	execute(ctx, []string{"run", "small.toml", "--out", "out", "--trials", "40"}, &bytes.Buffer{}, s)
	journal := filepath.Join("out", "small", "journal.jsonl")
	text := read(t, journal)
	for _, torn := range [][]byte{text[:len(text)/2], append(slices.Clone(text[:len(text)/3]), make([]byte, 4096)...), text[:10], nil} {
		file(t, journal, string(torn))
		held(t, "run", "small.toml", "--out", "out", "--trials", "40")
		sameFiles(t, filesIn(t, "out"), want)
		held(t, "run", "small.toml", "--out", "out", "--trials", "1")
	}
}

func TestWhatHasNotChangedIsNotRunAgain(t *testing.T) {
	smallFile(t, small)
	args := []string{"run", "small.toml", "--out", "out"}
	held(t, args...)
	dir := filepath.Join("out", "small")
	first := read(t, filepath.Join(dir, "run.json"))
	again := func(args ...string) (ran bool) {
		t.Helper()
		code, _, errs := raftzab(args...)
		if code != exitHeld {
			t.Fatalf("%q: exit %d\n%s", args, code, errs)
		}
		if strings.Contains(errs, "is of this scenario, these flags and this program already; --force runs it again") {
			return false
		}
		return true
	}
	if again(args...) || !bytes.Equal(read(t, filepath.Join(dir, "run.json")), first) {
		t.Error("what had not changed was run again")
	}
	if !again(append(args, "--force")...) {
		t.Error("--force did not run it")
	}
	for what, change := range map[string]func(){
		"a file less":     func() { os.Remove(filepath.Join(dir, "trials-sim-zab.csv")) },
		"another file":    func() { file(t, filepath.Join(dir, "trials-sim-raft.csv"), "x") },
		"another text":    func() { file(t, "small.toml", small+"# more\n") },
		"another flag":    func() { held(t, append(args, "--trials", "2")...) },
		"a shard":         func() { held(t, append(args, "--shard", "1/2")...) },
		"another seed":    func() { held(t, append(args, "--seed", "8")...) },
		"one system":      func() { held(t, append(args, "--systems", "raft")...) },
		"interrupted":     func() { edit(t, dir, "manifest.json", `"seed"`, `"interrupted": true, "seed"`) },
		"another program": func() { edit(t, dir, "run.json", `"program": "`, `"program": "0`) },
		"a row less":      func() { edit(t, dir, "run.json", `"rows":6`, `"rows":5`) },
		"a breach":        func() { edit(t, dir, "run.json", `"cells": [`, `"violated": 1, "cells": [`) },
		"no run.json":     func() { os.Remove(filepath.Join(dir, "run.json")) },
	} {
		change()
		if !again(args...) {
			t.Errorf("%s: it was not run again", what)
		}
		if again(args...) {
			t.Errorf("after %s: it was run again", what)
		}
	}
}

func edit(t *testing.T, dir, name, from, to string) {
	t.Helper()
	path := filepath.Join(dir, name)
	text := string(read(t, path))
	if !strings.Contains(text, from) {
		t.Fatalf("%s has no %s", path, from)
	}
	file(t, path, strings.Replace(text, from, to, 1))
}

// A live run of ZooKeeper is another one under another Java or ZooKeeper.
func TestAnotherZooKeeperOrJavaIsSeen(t *testing.T) {
	versions := run.Installed("zookeeper")
	if versions == nil {
		t.Skip("there is no ZooKeeper here")
	}
	const text = `title = "Live"
question = "How long?"
seed = 7
[[run]]
mode = "live"
systems = ["zookeeper"]
trials = 3
[cluster]
voters = 3
`
	t.Chdir(t.TempDir())
	s, err := experiments.LoadText("live.toml", []byte(text), experiments.Options{})
	if err != nil {
		t.Fatal(err)
	}
	j := &job{}
	is := j.identity(s)
	if is.Machine == nil || !slices.Equal(is.Versions, versions) {
		t.Errorf("it is %+v, and there are %v", is, versions)
	}
	for what, c := range map[string]struct {
		java, zookeeper string
		unchanged       bool
	}{
		"the same":          {versions[0].Is, versions[1].Is, true},
		"another Java":      {versions[0].Is + "1", versions[1].Is, false},
		"another ZooKeeper": {versions[0].Is, "0", false},
	} {
		folder, err := results.Open(s.Name)
		if err != nil {
			t.Fatal(err)
		}
		r := results.NewRun()
		r.Program, r.Java, r.ZooKeeper = program(), c.java, c.zookeeper
		for i := range s.Cells {
			x := &s.Cells[i]
			r.Cells = append(r.Cells, results.CellRun{Mode: string(x.Mode), Case: x.Case, System: x.System, Swept: x.Swept, Rows: x.Trials * len(x.Passes())})
		}
		if err := folder.Finish(results.Manifest{Scenario: s.Name, Text: text, Seed: s.Seed}, r); err != nil {
			t.Fatal(err)
		}
		if got := j.unchanged(s, s.Name); got != c.unchanged {
			t.Errorf("%s: unchanged is %v", what, got)
		}
	}
}

// Figures and summaries are made when the data are in place. Who is killed there goes on.
func TestARunThatIsKilledWhileItDrawsGoesOn(t *testing.T) {
	smallFile(t, small)
	held(t, "run", "small.toml", "--out", "whole")
	scenarios, err := experiments.Load([]string{"small.toml"}, experiments.Options{})
	if err != nil {
		t.Fatal(err)
	}
	j := &job{ctx: t.Context(), out: "out", stdout: io.Discard, stderr: io.Discard}
	folder, err := results.Open(filepath.Join("out", "small"))
	if err != nil {
		t.Fatal(err)
	}
	m := j.measure(scenarios[0], folder)
	if err := errors.Join(m.resume(), m.cells(), folder.Place(m.manifest, m.world)); err != nil {
		t.Fatal(err)
	}
	// This is where it is killed, so that these files stay, and the lock does not.
	left := map[string]string{}
	for _, name := range []string{"process.partial", "journal.jsonl"} {
		left[name] = string(read(t, filepath.Join("out", "small", name)))
	}
	if err := folder.Close(); err != nil {
		t.Fatal(err)
	}
	for name, text := range left {
		file(t, filepath.Join("out", "small", name), text)
	}
	if code, _, errs := raftzab("run", "small.toml", "--out", "out"); code != exitHeld || !strings.Contains(errs, "going on where an interrupted run has ended: 18 trials are there") {
		t.Errorf("exit %d\n%s", code, errs)
	}
	sameFiles(t, filesIn(t, "out"), filesIn(t, "whole"))
}

func TestTwoProcessesDoNotWriteIntoOneFolder(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "election-latency")
	args := []string{"run", "experiments/election-latency.toml", "--systems", "raft", "--mode", "sim", "--trials", "20000", "--out", dir}
	first := process(t, args...)
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	grown(ctx, filepath.Join(out, "journal.jsonl"), 1000, func() {})
	second := process(t, args...)
	said, err := second.CombinedOutput()
	for _, want := range []string{fmt.Sprintf("cannot write results into %s: process %d (", out, first.Process.Pid), "wait until it has ended, or write elsewhere, with --out"} {
		if second.ProcessState.ExitCode() != exitEnvironment || !strings.Contains(string(said), want) {
			t.Errorf("%v\n%s\nwant %s", err, said, want)
		}
	}
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	first.Wait()
	if said, err := process(t, append(args, "--trials", "20")...).CombinedOutput(); err != nil {
		t.Errorf("after a kill: %v\n%s", err, said)
	}
	if left, _ := filepath.Glob(filepath.Join(out, "*.partial")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
