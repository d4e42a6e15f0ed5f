// Package raftzab_test holds the rules that the whole repository keeps, as tests:
// who imports whom, what the cores may do, how long files get, what the pages
// promise. Files are read through package os, so that go test runs a rule again
// when a file that it has read changes.
package raftzab_test

import (
	"bytes"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"raftzab/experiments"
)

// floors lists the packages from the ground up. A package imports lower floors only.
var floors = [][]string{
	{"protocols", "."},
	{"bench/random", "bench/live/clock"},
	{"raft", "zab", "bench/kv", "bench/fault", "bench/network", "bench/metric", "results"},
	{"bench", "bench/verdict", "bench/trace"},
	{"bench/node", "bench/workload", "bench/live/lan", "bench/live/wal", "bench/live/wire"},
	{"bench/sim", "bench/check", "protocols/protocoltest", "bench/live", "bench/live/host", "bench/baseline/hashicorp"},
	{"bench/conversation", "bench/baseline/etcdraft", "bench/baseline/hashicorpnode", "bench/baseline/zookeeper"},
	{"bench/run", "bench/swarm"},
	{"experiments", "plots", "plots/spacetime", "bench/swarm/bugs"},
	{"plots/report", "plots/paper"},
	{"cmd/raftzab"},
}

// only narrows what some packages import of ours further.
var only = map[string][]string{
	"protocols":       {},
	"raft":            {"protocols"},
	"zab":             {"protocols"},
	"plots":           {"results", "bench/metric"},
	"plots/spacetime": {"bench/trace"},
	"plots/paper":     {"plots", "results", "bench/metric"},
}

// never says what a package imports nothing of: whoever drives a replica knows
// the contract, and not the protocol.
var never = map[string][]string{
	"protocols/protocoltest": {"raft", "zab"},
	"bench/node":             {"raft", "zab"},
	"bench/sim":              {"raft", "zab"},
	"bench/check":            {"raft", "zab"},
	"bench/workload":         {"raft", "zab"},
	"bench/live":             {"raft", "zab"},
	"bench/live/clock":       {"raft", "zab"},
	"bench/live/host":        {"raft", "zab"},
	"bench/live/lan":         {"raft", "zab"},
	"bench/live/wire":        {"raft", "zab"},
	"bench/live/wal":         {"raft", "zab"},
	"experiments":            {"raft", "zab"},
}

func TestPackagesImportLowerFloorsOnly(t *testing.T) {
	imports := map[string][]string{}
	for _, name := range goFiles(t) {
		if strings.HasSuffix(name, "_test.go") {
			continue // tests are exempt
		}
		// Files of other systems count too, which `go list` would leave out.
		file, err := parser.ParseFile(token.NewFileSet(), name, read(t, name), parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		pkg := path.Dir(name)
		if imports[pkg] == nil {
			imports[pkg] = []string{}
		}
		for _, spec := range file.Imports {
			p, _ := strconv.Unquote(spec.Path.Value)
			ours, ok := strings.CutPrefix(p, "raftzab/")
			if p == "raftzab" {
				ours, ok = ".", true
			}
			if ok && !slices.Contains(imports[pkg], ours) {
				imports[pkg] = append(imports[pkg], ours)
			}
		}
	}
	for _, wrong := range misplaced(imports) {
		t.Error(wrong)
	}
	for pkg := range floorOf() {
		if imports[pkg] == nil {
			t.Errorf("%s is on a floor, but there is no such package", pkg)
		}
	}
}

func TestAnImportThatBreaksAFloorIsSeen(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{"bench", "bench/sim", "imports bench/sim"},
		{"bench/run", "bench/swarm", "imports bench/swarm"},
		{"bench/other", "bench", "stands on no floor"},
		{"raft", "bench/random", "imports bench/random"},
		{"plots", "bench/run", "imports bench/run"},
		{"protocols/protocoltest", "zab", "imports zab"},
	} {
		got := misplaced(map[string][]string{c.from: {c.to}})
		if len(got) != 1 || !strings.Contains(got[0], c.want) {
			t.Errorf("%s -> %s: got %q, want one that says %q", c.from, c.to, got, c.want)
		}
	}
}

func floorOf() map[string]int {
	floor := map[string]int{}
	for i, pkgs := range floors {
		for _, p := range pkgs {
			floor[p] = i
		}
	}
	return floor
}

// misplaced tells which imports break the rules.
func misplaced(imports map[string][]string) (wrong []string) {
	floor := floorOf()
	for _, from := range slices.Sorted(maps.Keys(imports)) {
		here, ok := floor[from]
		if !ok {
			wrong = append(wrong, from+" stands on no floor: add it to floors")
			continue
		}
		allowed, narrow := only[from]
		for _, to := range imports[from] {
			switch {
			case floor[to] >= here:
				wrong = append(wrong, fmt.Sprintf("%s (floor %d) imports %s (floor %d)", from, here, to, floor[to]))
			case narrow && !slices.Contains(allowed, to):
				wrong = append(wrong, fmt.Sprintf("%s imports %s; of ours it imports %q only", from, to, allowed))
			case slices.Contains(never[from], to):
				wrong = append(wrong, fmt.Sprintf("%s imports %s: it would know the protocol", from, to))
			}
		}
	}
	return wrong
}

// longest is the number of lines past which a file is usually two ideas.
const longest = 500

func TestFilesAreShort(t *testing.T) {
	for _, name := range goFiles(t) {
		if n := bytes.Count(read(t, name), []byte("\n")); n > longest {
			t.Errorf("%s has %d lines; %d is the most: split it", name, n, longest)
		}
	}
}

// Words are put together here, so that this file does not hold them.
var (
	unfinished = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|TB` + `D|HA` + `CK)\b|\bX` + `XX:|not ` + `implemented|un` + `implemented`)
	elsewhere  = regexp.MustCompile(`/wor` + `k/|/ho` + `me/\w|/ro` + `ot/|(?i)go` + `proxy|proxy\.` + `golang|py` + `pi\.|arti` + `factory`)
)

func TestNothingIsLeftUnfinished(t *testing.T) {
	lines(t, func(where, line string) {
		if m := unfinished.FindString(line); m != "" {
			t.Errorf("%s: %q", where, m)
		}
	})
}

func TestTheProjectSpeaksOfNoMachineButTheReaders(t *testing.T) {
	lines(t, func(where, line string) {
		if m := elsewhere.FindString(line); m != "" {
			t.Errorf("%s: %q", where, m)
		}
	})
}

func TestWordsThatMustNotStandAreSeen(t *testing.T) {
	for _, line := range []string{"// TO" + "DO: later", "FIX" + "ME", `panic("not ` + `implemented")`, "// X" + "XX: no"} {
		if !unfinished.MatchString(line) {
			t.Errorf("%q passes", line)
		}
	}
	for _, line := range []string{"cd /wor" + "k/x", "/ho" + "me/me", "https://proxy." + "golang.org", "GO" + "PROXY=off"} {
		if !elsewhere.MatchString(line) {
			t.Errorf("%q passes", line)
		}
	}
}

func TestEveryScenarioLoads(t *testing.T) {
	files, err := filepath.Glob("experiments/*.toml")
	if err != nil || len(files) == 0 {
		t.Fatalf("experiments holds no scenario (%v)", err)
	}
	if _, err := experiments.Load(files, experiments.Options{}); err != nil {
		t.Error(err)
	}
}

var (
	shownTarget = regexp.MustCompile("(?m)(?:^(?:\\$ )?|`|&& )make ([a-z][a-z-]*)")
	madeTarget  = regexp.MustCompile(`(?m)^([a-z][a-z-]*):`)
)

// Pages show `make x` in fences and between backquotes.
func TestEveryTargetThatAPageShowsIsInTheMakefile(t *testing.T) {
	made := map[string]bool{}
	for _, m := range madeTarget.FindAllStringSubmatch(string(read(t, "Makefile")), -1) {
		made[m[1]] = true
	}
	shown := 0
	for _, name := range textFiles(t) {
		if path.Ext(name) != ".md" && name != ".ci/run" {
			continue
		}
		for _, m := range shownTarget.FindAllStringSubmatch(string(read(t, name)), -1) {
			if shown++; !made[m[1]] {
				t.Errorf("%s shows make %s; the Makefile has no such target", name, m[1])
			}
		}
	}
	if shown == 0 {
		t.Error("no page shows a target, not even .ci/run: the pattern is wrong")
	}
	if made["no-such-target"] || !made["test"] {
		t.Errorf("read the targets %v from the Makefile", made)
	}
}

// textFiles lists what people wrote, with slashes: not what was built, and not
// the data and figures of experiments.
func textFiles(t *testing.T) (names []string) {
	t.Helper()
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		name = filepath.ToSlash(name)
		switch {
		case err != nil:
			return err
		case d.IsDir() && (name == ".git" || name == "bin" || path.Dir(name) == "results" || d.Name() == "golden"):
			return fs.SkipDir
		case d.IsDir():
			return nil
		case slices.Contains([]string{".go", ".md", ".toml", ".txt", ".cff", ".yml", ".mod"}, path.Ext(name)), name == "Makefile", name == ".ci/run":
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func goFiles(t *testing.T) (names []string) {
	t.Helper()
	for _, name := range textFiles(t) {
		if path.Ext(name) == ".go" {
			names = append(names, name)
		}
	}
	if len(names) < 50 {
		t.Fatalf("found %d Go files only; tests of a package run in its folder", len(names))
	}
	return names
}

func lines(t *testing.T, visit func(where, line string)) {
	t.Helper()
	for _, name := range textFiles(t) {
		n := 0
		for line := range strings.Lines(string(read(t, name))) {
			n++
			visit(fmt.Sprintf("%s:%d", name, n), line)
		}
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.FromSlash(name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}
