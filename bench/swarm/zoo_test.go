package swarm

import (
	"encoding/json"
	"flag"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var zooHunt = flag.Bool("zoo", false, "plant every bug of the zoo and hunt it: minutes")

// The swarm as it is catches every bug, each within its number of seeds.
func TestSwarmCatchesEveryBugOfTheZoo(t *testing.T) {
	if !*zooHunt {
		t.Skip("takes minutes: make bugs")
	}
	hunt := exec.Command("go", "run", "./bugs")
	hunt.Stdout, hunt.Stderr = os.Stdout, os.Stderr
	if err := hunt.Run(); err != nil {
		t.Error(err)
	}
}

// A bug whose passage the sources no longer have would be hunted in vain.
func TestEveryBugOfTheZooApplies(t *testing.T) {
	bugs := Bugs()
	count := map[string]int{}
	for _, b := range bugs {
		count[b.Protocol]++
	}
	for _, system := range Systems {
		if count[system] < 14 {
			t.Errorf("%d bugs of %s", count[system], system)
		}
	}
	for _, b := range bugs {
		t.Run(b.Name, func(t *testing.T) {
			if !slices.Contains(Systems, b.Protocol) || !strings.HasPrefix(b.Name, b.Protocol+"-") {
				t.Errorf("protocol %q is no system of the swarm, or not in the name", b.Protocol)
			}
			file, err := b.Overlay(t.TempDir(), "../..")
			if err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var overlay struct{ Replace map[string]string }
			if err := json.Unmarshal(text, &overlay); err != nil {
				t.Fatal(err)
			}
			if len(overlay.Replace) == 0 {
				t.Error("replaces nothing")
			}
			for source, changed := range overlay.Replace {
				if _, err := parser.ParseFile(token.NewFileSet(), changed, nil, parser.AllErrors); err != nil {
					t.Error(err)
				}
				was, _ := os.ReadFile(source)
				if is, _ := os.ReadFile(changed); string(is) == string(was) {
					t.Errorf("%s stays as it was", source)
				}
			}
		})
	}
}

// The table says of every bug what caught it, and of no other.
func TestTableHasARowForEveryBugOfTheZoo(t *testing.T) {
	text, err := os.ReadFile("../check/README.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if name, _, ok := strings.Cut(strings.TrimPrefix(line, "| "), " | "); ok && (strings.HasPrefix(name, "raft-") || strings.HasPrefix(name, "zab-")) {
			rows[name] = true
		}
	}
	for _, b := range Bugs() {
		if !rows[b.Name] {
			t.Errorf("bench/check/README.md has no row for %s: hunt it with go run ./bench/swarm/bugs -only %s", b.Name, b.Name)
		}
		delete(rows, b.Name)
	}
	for name := range rows {
		t.Errorf("bench/check/README.md has a row for %s, and there is no such bug", name)
	}
}

func TestOverlayWantsEachPassageOnce(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "a.go"), []byte("one\n\ttwo\n\ttwo\nthree two\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		edits []Edit
		want  string // the file afterwards; or, behind "!", the error
	}{
		{"first line", []Edit{{"a.go", "one\n", "1\n"}}, "1\n\ttwo\n\ttwo\nthree two\n"},
		{"taken out", []Edit{{"a.go", "one\n", ""}}, "\ttwo\n\ttwo\nthree two\n"},
		{"two edits of a file", []Edit{{"a.go", "one\n\ttwo\n", "1\n"}, {"a.go", "\ttwo\n", "2\n"}}, "1\n2\nthree two\n"},
		{"gone", []Edit{{"a.go", "four\n", ""}}, "!this passage 0 times"},
		{"end of a line only", []Edit{{"a.go", "two\n", ""}}, "!this passage 0 times"},
		{"twice", []Edit{{"a.go", "\ttwo\n", ""}}, "!this passage 2 times"},
		{"no such file", []Edit{{"b.go", "one\n", ""}}, "!no such file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			b := Bug{Name: "raft-test", Edits: c.edits}
			_, err := b.Overlay(dir, root)
			if want, fails := strings.CutPrefix(c.want, "!"); fails {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("error %v, want %q", err, want)
				}
				return
			}
			got, _ := os.ReadFile(filepath.Join(dir, "raft-test-a.go"))
			if err != nil || string(got) != c.want {
				t.Errorf("%q, %v; want %q", got, err, c.want)
			}
		})
	}
}

func TestParseBugNamesTheLine(t *testing.T) {
	const header = "protocol: raft\nbreaks: x\nsource: y\ncaught: a, b\nwithin: 3\n"
	good := header + "\nfile: a.go\n--- old\nx\n\n--- new\n--- end\n"
	b, err := parseBug("n", good)
	if err != nil || len(b.Edits) != 1 || b.Edits[0] != (Edit{"a.go", "x\n\n", ""}) || !slices.Equal(b.Caught, []string{"a", "b"}) || b.Within != 3 {
		t.Fatalf("%+v, %v", b, err)
	}
	for _, c := range []struct{ text, want string }{
		{strings.Replace(good, "breaks", "brakes", 1), "2: neither"},
		{strings.Replace(good, "within: 3", "within: few", 1), "5: no number"},
		{strings.Replace(good, "--- old", "--- oldd", 1), "8: neither"},
		{strings.Replace(good, "--- end\n", "", 1), "1: a bug has"},
		{strings.Replace(good, "source: y\n", "", 1), "1: a bug has"},
		{header, "1: a bug has"},
	} {
		if _, err := parseBug("n", c.text); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%v; want %q", err, c.want)
		}
	}
}

func TestCaughtByNamesWhatBroke(t *testing.T) {
	for violation, want := range map[string]string{
		"": "",
		"ElectionSafety violated at 1s by node 2: x":     "ElectionSafety",
		"panic: raft: LogMatching violated at 1s\nstack": Assertion,
		"no progress within 10 s of healing: node 1: …":  Progress,
		"sim: fault crash [9]: there is no node 9":       "sim: fault crash [9]: there is no node 9",
		"panic: runtime error: index out of range":       "panic: runtime error: index out of range",
	} {
		if got := CaughtBy(&Report{Violation: violation}); got != want {
			t.Errorf("%q: %q, want %q", violation, got, want)
		}
	}
}
