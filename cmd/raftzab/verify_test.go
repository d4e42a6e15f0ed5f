package main

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"raftzab/bench/run"
	"raftzab/experiments"
)

func TestVerifyTellsWhatIsDifferent(t *testing.T) {
	smallFile(t, busy)
	held(t, "run", "small.toml", "--out", "results", "--trials", "5", "--set", "network.delay=uniform(1ms, 6ms)")
	out := held(t, "verify")
	if strings.Count(out, "same  results/small/") != 9 || strings.Count(out, "same  verdict on R3 in results/small: Reads are answered.") != 1 || strings.Contains(out, "different") {
		t.Errorf("it says\n%s", out)
	}
	dir := filepath.Join("results", "small")
	for what, c := range map[string]struct{ name, from, to, says string }{
		"a row":         {"trials-sim-raft.csv", "power-off", "power-on", "different  results/small  trials-sim-raft.csv is not the file that the run wrote"},
		"the text":      {"manifest.json", `"sha256": "`, `"sha256": "0`, "different  results/small/manifest.json, the scenario's text"},
		"a sum":         {"manifest.json", `"reproducible":"bytes","sha256":"`, `"reproducible":"bytes","sha256":"0`, "different  results/small/trials-sim-raft.csv"},
		"a checksum":    {"manifest.json", `"checksum":"`, `"checksum":"0`, "different  events of small sim raft crash"},
		"rows":          {"manifest.json", `"rows":5`, `"rows":6`, "different  events of small sim raft crash"},
		"the seed":      {"manifest.json", `"seed": 7`, `"seed": 8`, "different  results/small/manifest.json, the seed  8 in the manifest"},
		"a text of old": {"manifest.json", `title = \"Small\"`, `titel = \"Small\"`, "different  results/small  this program does not take the scenario any more: the scenario in results/small/manifest.json: "},
		"a cell":        {"manifest.json", `"case":"crash"`, `"case":"cash"`, "different  results/small/manifest.json, small sim raft cash"},
		"a verdict":     {"manifest.json", `"verdict":"refuted"`, `"verdict":"holds"`, "Reads are answered.  holds in the manifest, of commit"},
		"a number":      {"manifest.json", `"value":`, `"value":1`, `now {"of":"case = crash: median(raft.reads)","value":6,"n":5}`},
	} {
		before := read(t, filepath.Join(dir, c.name))
		edit(t, dir, c.name, c.from, c.to)
		code, out, errs := raftzab("verify", "--seed", "3", dir)
		if code != exitViolated || !strings.Contains(out, c.says) || !strings.Contains(errs, "check the commit out and run there: raftzab verify --seed 3 --budget 4m0s results/small") {
			t.Errorf("%s: exit %d\n%s%s", what, code, out, errs)
		}
		file(t, filepath.Join(dir, c.name), string(before))
	}
}

// A budget for next to nothing has one cell, another one with another seed, and the first
// line is the command that has the same again.
func TestASampleComesAgainBySeed(t *testing.T) {
	smallFile(t, small)
	held(t, "run", "small.toml", "--out", "results")
	seen := map[string]bool{}
	for seed := range 20 {
		code, out, errs := raftzab("verify", "--budget", "1ns", "--seed", fmt.Sprint(seed))
		if code != exitHeld || strings.Count(out, "\n") != 1 || !strings.HasPrefix(out, "same  events of small sim ") {
			t.Fatalf("exit %d\n%s%s", code, out, errs)
		}
		first, _, _ := strings.Cut(errs, ": ")
		if again := held(t, strings.Fields(first)[1:]...); again != out {
			t.Errorf("%s\nhas\n%s, and the first time it was\n%s", first, again, out)
		}
		seen[out] = true
	}
	if len(seen) < 4 {
		t.Errorf("20 seeds have drawn %v only", seen)
	}
}

func TestSamplesKeepToTheBudgetAndLeaveNothingOutForEver(t *testing.T) {
	const folders, budget = 12, time.Minute
	drawn := map[string]int{}
	for seed := range uint64(300) {
		costs := rand.New(rand.NewPCG(1, 1))
		var list []*repeatable
		for range folders {
			r := &repeatable{s: &experiments.Scenario{}, cost: map[int]time.Duration{}, chosen: map[int]bool{}}
			for i := range 1 + costs.IntN(20) {
				r.s.Cells = append(r.s.Cells, run.Cell{Mode: run.Sim, System: []string{"raft", "zab", "etcd"}[i%3]})
				r.cells, r.cost[i] = append(r.cells, i), time.Duration(1+costs.IntN(4000))*time.Millisecond
			}
			list = append(list, r)
		}
		choose(list, budget, rand.New(rand.NewPCG(seed, 0)))
		var took time.Duration
		for i, r := range list {
			if len(r.chosen) == 0 {
				t.Errorf("seed %d leaves folder %d out", seed, i)
			}
			for cell := range r.chosen {
				took += r.cost[cell]
				drawn[fmt.Sprint(i, " ", cell)]++
			}
			if len(r.chosen) == len(r.cells) {
				drawn[fmt.Sprint(i)]++
			}
		}
		if took > budget || took < budget/2 {
			t.Errorf("seed %d: it takes %v", seed, took)
		}
		if seed == 299 {
			for i, r := range list {
				if drawn[fmt.Sprint(i)] == 0 {
					t.Errorf("folder %d was never drawn whole", i)
				}
				if j := slices.IndexFunc(r.cells, func(cell int) bool { return drawn[fmt.Sprint(i, " ", cell)] == 0 }); j >= 0 {
					t.Errorf("cell %d of folder %d was never drawn", j, i)
				}
			}
		}
		choose(list, 0, rand.New(rand.NewPCG(seed, 0)))
		for i, r := range list {
			if len(r.chosen) != len(r.cells) {
				t.Errorf("without a budget, folder %d has %d of %d cells", i, len(r.chosen), len(r.cells))
			}
		}
	}
}
