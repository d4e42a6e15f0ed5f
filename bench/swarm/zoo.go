package swarm

import (
	"embed"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A Bug is a mistake that somebody has made, or might, planted to see whether
// the swarm finds it. It lives outside the cores, in bugs, as replacements of
// source text that `go build -overlay` puts in place, so no core carries a
// switch for being wrong.
type Bug struct {
	Name     string   // of its file
	Protocol string   // raft or zab: the system of the swarm that has it
	Breaks   string   // what it does
	Source   string   // where the rule stands that it breaks, and who broke it
	Caught   []string // what may catch it: an invariant of package check, Assertion or Progress; or one test of the protocol's package
	Within   int      // seeds of the swarm, from any one on
	Edits    []Edit
}

// Test returns the test that must catch the bug, where the swarm does not: what
// costs only time breaks no invariant.
func (b *Bug) Test() string {
	if len(b.Caught) == 1 && strings.HasPrefix(b.Caught[0], "Test") {
		return b.Caught[0]
	}
	return ""
}

// An Edit replaces a passage of a source file, whole lines that occur in it once.
type Edit struct {
	File     string // from the root of the repository
	Old, New string
}

// Two more that may catch a bug, besides the invariants of package check.
const (
	Assertion = "assertion" // a replica's own panic
	Progress  = "progress"  // no fresh write within the time after healing
)

//go:embed bugs/*.txt
var zoo embed.FS

// Bugs returns the zoo, by name. It panics if a file of it cannot be read: they
// are part of the program.
func Bugs() (bugs []Bug) {
	files, err := zoo.ReadDir("bugs")
	if err != nil {
		panic(err)
	}
	for _, f := range files {
		text, err := zoo.ReadFile(path.Join("bugs", f.Name()))
		if err != nil {
			panic(err)
		}
		b, err := parseBug(strings.TrimSuffix(f.Name(), ".txt"), string(text))
		if err != nil {
			panic(fmt.Sprintf("swarm: bugs/%s:%v", f.Name(), err))
		}
		bugs = append(bugs, b)
	}
	return bugs
}

// parseBug reads a file of the zoo: lines "key: value", and then for each edit
// a line "file: …" and its two passages, between lines "--- old", "--- new" and
// "--- end".
func parseBug(name, text string) (Bug, error) {
	b := Bug{Name: name}
	var passage *string
	var edit Edit
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		fail := func(problem string) (Bug, error) { return b, fmt.Errorf("%d: %s: %q", i+1, problem, line) }
		key, value, header := strings.Cut(line, ": ")
		switch {
		case line == "--- old" && passage == nil && edit.File != "":
			passage = &edit.Old
		case line == "--- new" && passage == &edit.Old:
			passage = &edit.New
		case line == "--- end" && passage == &edit.New:
			b.Edits = append(b.Edits, edit)
			passage, edit = nil, Edit{File: edit.File}
		case passage != nil:
			*passage += line + "\n"
		case line == "":
		case header && key == "protocol":
			b.Protocol = value
		case header && key == "breaks":
			b.Breaks = value
		case header && key == "source":
			b.Source = value
		case header && key == "caught":
			b.Caught = strings.Split(value, ", ")
		case header && key == "within":
			n, err := strconv.Atoi(value)
			if err != nil || n < 1 {
				return fail("no number of seeds")
			}
			b.Within = n
		case header && key == "file":
			edit.File = value
		default:
			return fail("neither a key of a bug nor part of a passage")
		}
	}
	if passage != nil || len(b.Edits) == 0 || b.Protocol == "" || b.Breaks == "" || b.Source == "" || len(b.Caught) == 0 || b.Within == 0 {
		return b, fmt.Errorf("1: a bug has protocol, breaks, source, caught, within, and edits that end")
	}
	return b, nil
}

// Overlay writes what `go build -overlay` needs to plant the bug in the sources
// under root: the changed files and the list of them, all in dir. The error says
// which passage the sources no longer have, or have more than once.
func (b *Bug) Overlay(dir, root string) (overlayFile string, err error) {
	if root, err = filepath.Abs(root); err != nil {
		return "", err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return "", err
	}
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for _, e := range b.Edits {
		source := filepath.Join(root, filepath.FromSlash(e.File))
		changed, again := overlay.Replace[source]
		if !again {
			changed = filepath.Join(dir, b.Name+"-"+strings.ReplaceAll(e.File, "/", "-"))
		}
		from := source
		if again { // the file as an earlier edit has left it
			from = changed
		}
		text, err := os.ReadFile(from)
		if err != nil {
			return "", fmt.Errorf("bug %s: %w", b.Name, err)
		}
		at := occurrences(string(text), e.Old)
		if len(at) != 1 {
			return "", fmt.Errorf("bug %s: %s has this passage %d times instead of once; bring bugs/%s.txt up to date:\n%s", b.Name, e.File, len(at), b.Name, e.Old)
		}
		if err := os.WriteFile(changed, slices.Concat(text[:at[0]], []byte(e.New), text[at[0]+len(e.Old):]), 0o644); err != nil {
			return "", fmt.Errorf("bug %s: %w", b.Name, err)
		}
		overlay.Replace[source] = changed
	}
	list, err := json.Marshal(overlay)
	if err != nil {
		return "", err
	}
	overlayFile = filepath.Join(dir, b.Name+".json")
	if err := os.WriteFile(overlayFile, list, 0o644); err != nil {
		return "", fmt.Errorf("bug %s: %w", b.Name, err)
	}
	return overlayFile, nil
}

// occurrences returns where the passage begins in text, at the beginning of a line.
func occurrences(text, passage string) (at []int) {
	for i := 0; i < len(text); i++ {
		if (i == 0 || text[i-1] == '\n') && strings.HasPrefix(text[i:], passage) {
			at = append(at, i)
		}
	}
	return at
}

// CaughtBy names what broke in a run: an invariant, Assertion or Progress, or in
// its own words what is neither; "" if nothing did.
func CaughtBy(r *Report) string {
	invariant, _, violated := strings.Cut(r.Violation, " violated at ")
	switch {
	case strings.HasPrefix(r.Violation, "panic: runtime error"): // no assertion: an accident
		line, _, _ := strings.Cut(r.Violation, "\n")
		return line
	case strings.HasPrefix(r.Violation, "panic: "):
		return Assertion
	case strings.HasPrefix(r.Violation, "no progress"):
		return Progress
	case violated:
		return invariant
	}
	return r.Violation
}
