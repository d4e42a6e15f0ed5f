package experiments

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"raftzab/bench/run"
)

const tiered = `title = "t"
question = "q?"
seed = 1
[[run]]
mode = "sim"
systems = ["raft"]
trials = 50
quick = 5
[[run]]
mode = "sim"
systems = ["zab"]
trials = 40
[[run]]
mode = "sim"
systems = ["etcd"]
trials = 30
quick = 0
[cluster]
voters = 3
[[fault]]
at = "2s"
kind = "crash"
target = "leader"
[[case]]
name = "crash"
[[case]]
name = "power-off"
"fault[0].kind" = "power-off"
[sweep]
"cluster.voters" = [3, 5]
[quick]
cases = ["crash"]
"cluster.voters" = [5]
`

func TestTheQuickTierHasWhatTheFileKeepsForIt(t *testing.T) {
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{}, "raft crash 3 50, raft crash 5 50, raft power-off 3 50, raft power-off 5 50, zab crash 3 40, zab crash 5 40, zab power-off 3 40, zab power-off 5 40, etcd crash 3 30, etcd crash 5 30, etcd power-off 3 30, etcd power-off 5 30"},
		{Options{Tier: Quick}, "raft crash 5 5, zab crash 5 40"},
		{Options{Tier: Quick, Trials: 2}, "raft crash 5 2, zab crash 5 2"},
		{Options{Tier: Quick, Set: []string{"cluster.voters=7"}}, "raft crash 7 5, zab crash 7 40"},
		{Options{Tier: Full, Systems: []string{"etcd"}, Case: "crash"}, "etcd crash 3 30, etcd crash 5 30"},
	} {
		var got []string
		for _, cell := range load(t, tiered, c.o).Cells {
			got = append(got, fmt.Sprint(cell.System, " ", cell.Case, " ", cell.Swept[0].Value, " ", cell.Trials))
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%+v: %q", c.o, got)
		}
	}
}

func TestWhatAQuickTierCannotHaveIsTold(t *testing.T) {
	for _, c := range []struct{ from, to, says string }{
		{"quick = 5", "quick = 51", "run[0].quick: 51 is more than trials, 50; write less, or raise trials"},
		{"quick = 5", "quick = -1", "run[0].quick: -1 is too few; write a number from 0"},
		{`cases = ["crash"]`, `cases = ["crush"]`, "quick.cases[0]: the file has no crush here; the nearest is crash"},
		{`"cluster.voters" = [5]`, `"cluster.voters" = [7]`, "the file has no 7 here; the nearest is"},
		{`"cluster.voters" = [5]`, `"cluster.voters" = 5`, "has no values to keep; write a list of them"},
		{`"cluster.voters" = [5]`, `"cluster.voter" = [5]`, "is neither cases nor a swept key; the nearest is cluster.voters"},
		{"cases = [\"crash\"]\n\"cluster.voters\" = [5]\n", "", "quick: names no key"},
	} {
		if !strings.Contains(tiered, c.from) {
			t.Fatal(c.from)
		}
		text := strings.Replace(tiered, c.from, c.to, 1)
		if said := problems(t, text); !strings.Contains(said, c.says) {
			t.Errorf("%s: %s", c.to, said)
		}
	}
	if _, err := Load(nil, Options{Tier: "fast"}); err == nil || !strings.Contains(err.Error(), `--tier: "fast" is no tier; write quick or full`) {
		t.Error(err)
	}
}

func problems(t *testing.T, text string) string {
	t.Helper()
	_, err := LoadText("x.toml", []byte(text), Options{Tier: Quick})
	if err == nil {
		return "nothing"
	}
	return err.Error()
}

// D2 takes a quarter of an hour of simulated clients.
// Conservative: all cells of the systems that a rule names must have its n trials.
func TestTheQuickTierStillMeasuresAllClaimsButOne(t *testing.T) {
	files, err := filepath.Glob("*.toml")
	if err != nil {
		t.Fatal(err)
	}
	quick, err := Load(files, Options{Tier: Quick})
	if err != nil {
		t.Fatal(err)
	}
	tested, measured := map[string]bool{}, map[string]bool{}
	for _, s := range quick {
		for _, r := range s.Rules {
			tested[r.Claim] = true
			enough := len(s.Cells) > 0
			for _, system := range systemNames() {
				named := strings.Contains(r.Holds, system+".")
				there := slices.ContainsFunc(s.Cells, func(c run.Cell) bool { return c.System == system })
				few := slices.ContainsFunc(s.Cells, func(c run.Cell) bool { return c.System == system && c.Trials < r.N })
				enough = enough && !(named && (few || !there))
			}
			measured[r.Claim] = measured[r.Claim] || enough
		}
	}
	for id := range tested {
		if measured[id] == (id == "D2") {
			t.Errorf("%s: measured in the quick tier is %t", id, measured[id])
		}
	}
}
