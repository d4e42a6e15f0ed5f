package experiments

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what the code says into README.md")

const (
	begin = "<!-- reference: made from the schema by `go test ./experiments -update` -->\n"
	end   = "<!-- end of reference -->\n"
)

func TestReadmeHasTheReferenceOfAllKeys(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	inside, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("README.md lacks the lines\n%s%s", begin, end)
	}
	want := "\n" + Reference()
	if *update {
		if err := os.WriteFile("README.md", []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if inside != want {
		t.Error("the reference in README.md is not what the schema says; run go test ./experiments -update")
	}
}

func TestEveryKeySaysWhatItIs(t *testing.T) {
	for _, k := range every {
		if !strings.Contains(Reference(), "`"+k.name+"`") && !strings.Contains(Reference(), "["+k.name+"]") {
			t.Errorf("%s is not in the reference", join(k.section, k.name))
		}
	}
	for line := range strings.SplitSeq(Reference(), "\n") {
		if strings.HasSuffix(line, "|  |") && line[0] == '|' {
			t.Errorf("no meaning: %s", line)
		}
	}
}

func TestReadmeListsEveryScenarioAndItsQuestion(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	paths, _ := filepath.Glob("*.toml")
	scenarios, err := Load(paths, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scenarios {
		if !strings.Contains(string(text), "| "+s.Question+" | ["+s.Path+"]("+s.Path+") |") {
			t.Errorf("README.md has no row for %s", s.Path)
		}
	}
}

func TestTheScenariosInReadmeAreRight(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := regexp.MustCompile("(?s)```toml\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(examples) == 0 {
		t.Fatal("no example")
	}
	for _, e := range examples {
		load(t, e[1], Options{})
	}
}
