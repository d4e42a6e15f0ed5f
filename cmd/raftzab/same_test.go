package main

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// The same seed gives the same bytes of trials files, manifest (with the
// checksums over all events) and figures in every process, however many
// processors and jobs there are. Loss makes packets draw more often.
func TestTheSameSeedGivesTheSameBytesInEveryProcess(t *testing.T) {
	const trials = 30
	var first map[string][32]byte
	for _, c := range []struct{ processors, jobs int }{{1, 1}, {1, 2}, {2, 1}, {2, 2}} {
		got := folderOf(t, c.processors, c.jobs, trials, 1)
		if first == nil {
			first = got
			continue
		}
		for name, sum := range first {
			if got[name] != sum {
				t.Errorf("GOMAXPROCS=%d --jobs %d: %s is another one", c.processors, c.jobs, name)
			}
		}
		if len(got) != len(first) {
			t.Errorf("GOMAXPROCS=%d --jobs %d: %d files, not %d", c.processors, c.jobs, len(got), len(first))
		}
	}
	for _, name := range []string{"manifest.json", "trials-sim-raft.csv", "trials-sim-zab.csv", "trials-sim-etcd.csv", filepath.Join("figures", "election-latency.svg")} {
		if _, ok := first[name]; !ok {
			t.Errorf("no %s was compared", name)
		}
	}
	other := folderOf(t, 2, 2, trials, 2)
	for name := range first {
		if other[name] == first[name] && filepath.Dir(name) == "." {
			t.Errorf("%s is the same with another seed", name)
		}
	}
}

// folderOf runs the reference scenario in a process of its own and returns the
// sums of the files that it leaves, run.json left out: that one is the machine's.
func folderOf(t *testing.T, processors, jobs, trials, seed int) map[string][32]byte {
	t.Helper()
	out := t.TempDir()
	cmd := process(t, "run", "experiments/election-latency.toml", "--mode", "sim", "--systems", "raft,zab,etcd", "--set", "network.loss=0.02",
		"--trials", fmt.Sprint(trials), "--jobs", fmt.Sprint(jobs), "--seed", fmt.Sprint(seed), "--out", out)
	cmd.Env = append(slices.Clone(cmd.Env), fmt.Sprintf("GOMAXPROCS=%d", processors))
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	sums := map[string][32]byte{}
	err := filepath.WalkDir(out, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "run.json" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(filepath.Join(out, "election-latency"), path)
		sums[name] = sha256.Sum256(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sums
}
