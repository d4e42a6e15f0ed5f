package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"raftzab/bench/swarm"
)

// storyFile leaves the story of a seed, up to its end at most, in a new folder.
func storyFile(t *testing.T, change func(*swarm.Story)) {
	t.Helper()
	t.Chdir(t.TempDir())
	story, _ := swarm.Record("raft", 5)
	change(story)
	file(t, "story.toml", string(story.Encode("A test.")))
}

func TestReplayOfAStoryShowsTheEventsOfItsSeed(t *testing.T) {
	storyFile(t, func(*swarm.Story) {})
	if held(t, "replay", "story.toml") != held(t, "replay", "--swarm", "5", "--system", "raft") {
		t.Error("other events")
	}
}

func TestReplayOfAStoryThatBreaksSaysWhatAndExits1(t *testing.T) {
	storyFile(t, func(s *swarm.Story) { s.End = s.Heal + 1000 })
	code, out, errs := raftzab("replay", "story.toml")
	if code != exitViolated || !strings.HasPrefix(errs, "no progress within ") || len(strings.Split(out, "\n")) < 1000 {
		t.Errorf("exit %d, %d bytes of trace, and says\n%s", code, len(out), errs)
	}
}

func TestReplayOfAStoryThatIsNoneSaysWhereAndExits2(t *testing.T) {
	storyFile(t, func(s *swarm.Story) {})
	text := string(read(t, "story.toml"))
	file(t, "bad.toml", strings.Replace(strings.Replace(text, `kind = "`, `kind = "un`, 1), "voters", "votters", 1))
	file(t, "unknown.toml", strings.Replace(text, "voters", "votters", 1))
	for name, want := range map[string]string{
		"bad.toml":     `(?m)^bad\.toml:\d+: fault\.kind: "un[a-z-]+" is no kind of fault`,
		"unknown.toml": `(?m)^unknown\.toml:8: cluster\.votters: unknown key`,
	} {
		code, out, errs := raftzab("replay", name)
		if ok, _ := regexp.MatchString(want, errs); code != exitUsage || out != "" || !ok {
			t.Errorf("%s: exit %d, and says\n%s", name, code, errs)
		}
	}
	if code, _, errs := raftzab("replay", "story.toml", "--system", "zab"); code != exitUsage || !strings.Contains(errs, "leave out --system") {
		t.Errorf("exit %d, and says\n%s", code, errs)
	}
}

// In a program with a bug of the zoo, the swarm finds it, shrinks what it found,
// and leaves a file that replays it, in that program and not in this one.
func TestSwarmLeavesAShrunkStoryOfWhatItFinds(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program again")
	}
	bugs := swarm.Bugs()
	bug := &bugs[slices.IndexFunc(bugs, func(b swarm.Bug) bool { return b.Name == "raft-votes-twice" })]
	dir := t.TempDir()
	overlay, err := bug.Overlay(dir, root(t))
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "program")
	build := exec.CommandContext(t.Context(), "go", "build", "-overlay", overlay, "-o", program, "./cmd/raftzab")
	build.Dir = root(t)
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	t.Chdir(dir)
	said, err := exec.CommandContext(t.Context(), program, "swarm", "--system", "raft", "-n", "100").CombinedOutput()
	m := regexp.MustCompile(`(?m)^shrunk from (\d+) faults, (\d+) nodes, .* to (\d+) faults, (\d+) nodes, .*\nto see what is left: raftzab replay (swarm-raft-\d+\.toml)$`).FindStringSubmatch(string(said))
	if err == nil || m == nil {
		t.Fatalf("%v\n%s", err, said)
	}
	text, err := os.ReadFile(m[5])
	if err != nil {
		t.Fatal(err)
	}
	broken, _, _ := strings.Cut(strings.TrimPrefix(string(text), "# "), "\n")
	again, err := exec.CommandContext(t.Context(), program, "replay", m[5]).CombinedOutput()
	if err == nil || !strings.HasSuffix(strings.TrimSpace(string(again)), broken) {
		t.Errorf("%v: the replay of %q ends with\n%s", err, broken, again[max(0, len(again)-500):])
	}
	held(t, "replay", m[5])
	for _, args := range [][]string{{"swarm", "--shrink=false"}, {"swarm", "--out", "other"}} {
		os.Remove(m[5])
		exec.CommandContext(t.Context(), program, append(args, "--system", "raft", "-n", "100")...).Run()
		here, _ := filepath.Glob("swarm-*.toml")
		there, _ := filepath.Glob("other/swarm-*.toml")
		if len(here) > 0 || len(there) > 0 != (args[1] == "--out") {
			t.Errorf("%v leaves %v and %v", args, here, there)
		}
	}
}
