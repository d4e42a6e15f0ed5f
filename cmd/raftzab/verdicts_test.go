package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"raftzab/results"
)

// judging is small with claims: one that holds, one that does not, one of too few trials.
const judging = `claims = ["R3", "E4", "E3"]
` + small + `[[verdict]]
claim = "R3"
says = "Somebody is elected."
n = 3
each = ["case"]
holds = 'share(raft.outcome == "ok") == 1'
[[verdict]]
claim = "E4"
says = "Zab is quicker than light."
n = 3
holds = "max(zab.elect_ms) < 0"
[[verdict]]
claim = "E3"
says = "Zab waits."
n = 100
holds = "min(zab.vote_ms) >= 200"
`

func TestRunJudgesItsClaims(t *testing.T) {
	smallFile(t, judging)
	summary := held(t, "run", "small.toml", "--out", "out")
	data := load(t, filepath.Join("out", "small"))
	var got []string
	for _, v := range data.Manifest.Verdicts {
		got = append(got, v.Claim+" "+v.Verdict)
	}
	if strings.Join(got, ", ") != "R3 holds, E4 refuted, E3 not measured" {
		t.Fatalf("the manifest has %q", got)
	}
	if len(data.Run.Verdicts) > 0 {
		t.Errorf("run.json has %v; all data are reproducible", data.Run.Verdicts)
	}
	for _, want := range []string{
		"R3 holds: Somebody is elected.\n  rule: share(raft.outcome == \"ok\") == 1\n  case = crash: share(raft.outcome == \"ok\") = 1 (n = 3)\n",
		"E4 refuted: Zab is quicker than light.\n  rule: max(zab.elect_ms) < 0\n  max(zab.elect_ms) = ",
		"E3 not measured: Zab waits.\n  because zab sim crash has 3 trials, and the rule asks for 100\n",
	} {
		if !strings.Contains(summary, want) {
			t.Errorf("the summary lacks %q:\n%s", want, summary)
		}
	}

	// Judged again from the files, the same.
	again := held(t, "verdicts", filepath.Join("out", "small"))
	if _, printed, _ := strings.Cut(again, "\n\n"); printed == "" || !strings.HasSuffix(summary, printed) {
		t.Errorf("judged again:\n%s\nby the run:\n%s", again, summary)
	}

	// By other rules.
	file(t, "other.toml", strings.Replace(judging, "< 0", "> 0", 1))
	if out := held(t, "verdicts", filepath.Join("out", "small"), "--rules", "other.toml"); !strings.Contains(out, "E4 holds") {
		t.Errorf("by other rules:\n%s", out)
	}

	// Without the data, those of the run.
	if err := os.Remove(filepath.Join("out", "small", "trials-sim-zab.csv")); err != nil {
		t.Fatal(err)
	}
	if out := held(t, "verdicts", filepath.Join("out", "small")); out != again {
		t.Errorf("without data:\n%s\nwith:\n%s", out, again)
	}
}

func TestVerdictsOfDataThatDoNotComeAgainAreInTheRun(t *testing.T) {
	smallFile(t, strings.ReplaceAll(strings.Replace(judging, `"etcd"`, `"hashicorp"`, 1), "max(zab.elect_ms) < 0", "max(hashicorp.elect_ms) < 0"))
	held(t, "run", "small.toml", "--out", "out")
	data := load(t, filepath.Join("out", "small"))
	if v := data.Run.Verdicts; len(v) != 1 || v[0].Claim != "E4" || v[0].Verdict != results.Refuted || v[0].Repeat != results.Distribution {
		t.Errorf("run.json has %+v", v)
	}
	if v := data.Manifest.Verdicts; len(v) != 2 {
		t.Errorf("the manifest has %+v", v)
	}
}
