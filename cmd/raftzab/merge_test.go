package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMergedShardsAreTheUnshardedRun(t *testing.T) {
	smallFile(t, busy)
	held(t, "run", "small.toml", "--out", "whole", "--trials", "7")
	for _, part := range []string{"1/3", "2/3", "3/3"} {
		held(t, "run", "small.toml", "--out", strings.ReplaceAll(part, "/", "-"), "--trials", "7", "--shard", part)
	}
	held(t, "merge", filepath.Join("3-3", "small"), filepath.Join("1-3", "small"), filepath.Join("2-3", "small"), "--out", "merged")
	sameFiles(t, filesIn(t, "merged"), filesIn(t, "whole"))
	if d := load(t, filepath.Join("merged", "small")); len(d.Run.Cells) != 6 || d.Run.Cells[0].Rows != 7 || d.Run.Cells[0].Seconds == 0 {
		t.Errorf("run.json has the cells %+v", d.Run.Cells)
	}
	if _, _, errs := raftzab("run", "small.toml", "--out", "merged", "--trials", "7"); !strings.Contains(errs, "already") {
		t.Errorf("what is merged is run again:\n%s", errs)
	}
}

func TestShardsThatDoNotBelongTogetherAreNotMerged(t *testing.T) {
	smallFile(t, small)
	for out, args := range map[string]string{"one": "--shard 1/2", "two": "--shard 2/2", "third": "--shard 1/3", "whole": "", "seed": "--shard 2/2 --seed 8", "fewer": "--shard 2/2 --trials 2", "gone": "--shard 2/2", "edited": "--shard 2/2", "less": "--shard 2/2", "stopped": "--shard 2/2"} {
		held(t, append([]string{"run", "small.toml", "--out", out}, strings.Fields(args)...)...)
	}
	os.Remove(filepath.Join("gone", "small", "trials-sim-zab.csv"))
	edit(t, filepath.Join("edited", "small"), "trials-sim-zab.csv", "power-off", "power-on")
	edit(t, filepath.Join("stopped", "small"), "manifest.json", `"seed"`, `"interrupted": true, "seed"`)
	for dirs, want := range map[string]string{
		"one":         "shard 2/2 is missing; run it, with --shard 2/2",
		"one whole":   "whole/small is no shard, but a whole run",
		"one one":     "are both shard 1/2; leave one",
		"one third":   "is shard 1/3; name the shards of one run",
		"one seed":    "not the same seed",
		"one fewer":   "not the same flags",
		"one gone":    "has not all of its data",
		"one edited":  "is not the file that the run wrote",
		"one stopped": "was interrupted; run the same command again",
		"one nowhere": "has no manifest.json",
	} {
		args := []string{"merge", "--out", "merged"}
		for dir := range strings.FieldsSeq(dirs) {
			args = append(args, dir+"/small")
		}
		code, _, errs := raftzab(args...)
		if code != exitUsage || !strings.Contains(errs, want) {
			t.Errorf("%s: exit %d, %s", dirs, code, errs)
		}
		if _, err := os.Stat("merged"); err == nil {
			t.Fatalf("%s: something was written", dirs)
		}
	}
}

func TestCompareSetsCellsSideBySide(t *testing.T) {
	smallFile(t, small)
	held(t, "run", "small.toml", "--out", "a", "--trials", "120")
	held(t, "run", "small.toml", "--out", "b", "--trials", "120", "--set", "raft.election_timeout=300ms-600ms", "--systems", "raft,zab")
	a, b := filepath.Join("a", "small"), filepath.Join("b", "small")
	lines := strings.Split(held(t, "compare", a, b, "--format", "csv", "--measures", "elect_ms"), "\n")
	if len(lines) != 6 || !strings.HasPrefix(lines[0], "cell,measure,n A,median A") {
		t.Fatalf("it says\n%q", lines)
	}
	for _, line := range lines[1:5] {
		f := strings.Split(line, ",")
		if f[2] != "120" || f[6] != "120" || f[13] != "yes" {
			t.Errorf("%s", line)
		}
		switch raft := strings.HasPrefix(f[0], "raft"); {
		case raft && (f[10] < "1.8" || f[10] > "2.3" || f[11] < "1.7" || f[12] > "2.4" || !strings.Contains(f[15], "e-")):
			t.Errorf("twice the timeout: %s", line)
		case !raft && (f[10] != "1" || f[11] != "1" || f[12] != "1" || f[14] != "0" || f[15] != "1"):
			t.Errorf("nothing has changed: %s", line)
		}
	}
	_, _, errs := raftzab("compare", a, b)
	if !strings.Contains(errs, "a/small has etcd sim crash alone") {
		t.Errorf("it says\n%s", errs)
	}
	held(t, "run", "small.toml", "--out", "c", "--trials", "120", "--seed", "8")
	text := held(t, "compare", a, filepath.Join("c", "small"), "--format", "md", "--measures", "elect_ms,outage_ms")
	if strings.Count(text, " no |") != 12 || !strings.HasPrefix(text, "| cell | measure |") {
		t.Errorf("it says\n%s", text)
	}
	for _, c := range []struct{ flag, value, says string }{{"--format", "tsv", "write text, csv or md"}, {"--measures", "elect", "no column of numbers"}, {"--measures", "outcome", "no column of numbers"}, {"--measures", "join_ms", "no cell and measure in common"}} {
		if code, _, errs := raftzab("compare", a, b, c.flag, c.value); code != exitUsage || !strings.Contains(errs, c.says) {
			t.Errorf("%s %s: exit %d, %s", c.flag, c.value, code, errs)
		}
	}
}
