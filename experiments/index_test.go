package experiments

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadmeHasTheIndexOfAllScenarios(t *testing.T) {
	inReadme(t, "index", "the scenario files", Index(all(t), committedFigures(t)))
}

func TestEveryScenarioSaysHowLongItTakes(t *testing.T) {
	for _, s := range all(t) {
		if s.Minutes == 0 {
			t.Errorf("%s has no minutes; write how long it took, by run.json of a run on two cores, or about how long it will, by raftzab check", s.Path)
		}
	}
}

func TestTheIndexHasWhatAScenarioSays(t *testing.T) {
	got := Index([]*Scenario{
		{Name: "late", Question: "Later?", Claims: []string{"E6"}},
		{Name: "early", Question: "How early?", Claims: []string{"E4", "R2"}, Minutes: 2.5},
	}, func(name string) []string { return []string{name + ".png", "b.png"} })
	want := "| How early? | [early](early.toml) | E4, R2 | early.png, b.png | `raftzab run experiments/early.toml` | 2.5 |\n" +
		"| Later? | [late](late.toml) | E6 | late.png, b.png | `raftzab run experiments/late.toml` |  |\n"
	if !strings.Contains(got, want) {
		t.Errorf("got\n%s\nwant in it\n%s", got, want)
	}
	for _, c := range Claims {
		if !strings.Contains(got, "\n| "+c.ID+" | ") {
			t.Errorf("%s is not there", c.ID)
		}
	}
}

func all(t *testing.T) []*Scenario {
	t.Helper()
	paths, _ := filepath.Glob("*.toml")
	scenarios, err := Load(paths, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return scenarios
}

// committedFigures links the figures that the repository holds: a run of one's own
// leaves some too, of which the page says nothing.
func committedFigures(t *testing.T) func(name string) []string {
	t.Helper()
	listed, err := exec.Command("git", "ls-files", "../results").Output()
	if err != nil {
		t.Skip("which results are committed is git's to say, and it is not here: ", err)
	}
	return func(name string) (links []string) {
		for path := range strings.Lines(string(listed)) {
			path = strings.TrimSpace(path)
			if ok, _ := filepath.Match("../results/"+name+"/figures/*.png", path); ok {
				links = append(links, fmt.Sprintf("[%s](%s)", strings.TrimSuffix(filepath.Base(path), ".png"), path))
			}
		}
		return links
	}
}
