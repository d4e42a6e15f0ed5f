package experiments

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what the code says into README.md")

func TestReadmeHasTheReferenceOfAllKeys(t *testing.T) {
	inReadme(t, "reference", "the schema", Reference())
}

// inReadme demands that a part of README.md, between two lines that begin and end
// it, is what the code says; with -update it becomes that.
func inReadme(t *testing.T, part, of, want string) {
	t.Helper()
	begin := fmt.Sprintf("<!-- %s: made from %s by `go test ./experiments -update` -->\n", part, of)
	end := fmt.Sprintf("<!-- end of %s -->\n", part)
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	inside, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("README.md lacks the lines\n%s%s", begin, end)
	}
	want = "\n" + want
	if *update {
		if err := os.WriteFile("README.md", []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if inside != want {
		t.Errorf("the %s in README.md is not that of %s; run go test ./experiments -update", part, of)
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
