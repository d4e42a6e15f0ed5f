package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// asCommand in the environment makes the test binary the command itself, so
// that tests can look at processes of their own.
const asCommand = "RAFTZAB_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	os.Exit(m.Run())
}

// process is the command as a process, in the repository's root.
func process(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Dir = root(t)
	cmd.Env = append(os.Environ(), asCommand+"=1")
	return cmd
}

// root is the folder of the repository.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// raftzab runs a command in this process.
func raftzab(args ...string) (code int, out, errs string) {
	var o, e bytes.Buffer
	code = execute(context.Background(), args, &o, &e)
	return code, o.String(), e.String()
}

// held runs a command that must succeed, and returns what it prints.
func held(t *testing.T, args ...string) string {
	t.Helper()
	code, out, errs := raftzab(args...)
	if code != exitHeld {
		t.Fatalf("raftzab %s: exit %d\n%s", strings.Join(args, " "), code, errs)
	}
	return out
}

func TestWrongUsageExits2AndSaysWhatToDo(t *testing.T) {
	scenario := filepath.Join(root(t), "experiments", "election-latency.toml")
	t.Chdir(t.TempDir())
	for _, c := range []struct {
		args []string
		want []string // parts of what is said
	}{
		{[]string{"bogus"}, []string{`unknown command "bogus"`, "raftzab --help"}},
		{[]string{"rum", scenario}, []string{`unknown command "rum"`, "Did you mean this?\n\trun"}},
		{[]string{"run"}, []string{"requires at least 1 arg", "raftzab run --help"}},
		{[]string{"run", scenario, "--jobz", "3"}, []string{"unknown flag: --jobz", "raftzab run --help"}},
		{[]string{"run", scenario, "--jobs", "-1"}, []string{"--jobs: -1 is too few; write a number from 1"}},
		{[]string{"run", scenario, "--jobs", "0"}, []string{"--jobs: 0 is too few; write a number from 1"}},
		{[]string{"run", scenario, "--trials", "0"}, []string{"--trials: 0 is too few; write a number from 1"}},
		{[]string{"run", scenario, "--trials", "-1"}, []string{"--trials: -1 is too few; write a number from 1"}},
		{[]string{"run", scenario, "--trials", "x"}, []string{`"x" for "--trials"`, "raftzab run --help"}},
		{[]string{"run", scenario, "--shard", "3/2"}, []string{`--shard: "3/2" is no share; write for instance "1/4"`}},
		{[]string{"run", scenario, "--shard", "0/2"}, []string{`--shard: "0/2" is no share`}},
		{[]string{"run", scenario, "--out", ""}, []string{"--out: is empty; name a folder"}},
		{[]string{"run", scenario, "--systems", "rafft"}, []string{`--systems: there is no "rafft"`, "the nearest is raft"}},
		{[]string{"run", scenario, "--case", "crush"}, []string{`--case: there is no "crush"`, "the nearest is crash"}},
		{[]string{"run", scenario, "--mode", "sin"}, []string{`--mode: there is no "sin"`, "the nearest is sim"}},
		{[]string{"run", scenario, "--set", "network.los=0.1"}, []string{"--set: network.los: unknown key; the nearest is network.loss"}},
		{[]string{"run", scenario, "--set", "network.loss=2"}, []string{"--set: network.loss: 2 is no probability; write a number from 0 to 1"}},
		{[]string{"run", scenario, scenario}, []string{"same folder of results; give it another"}},
		{[]string{"check"}, []string{"requires at least 1 arg", "raftzab check --help"}},
		{[]string{"replay"}, []string{"name a scenario file, or a seed with --swarm"}},
		{[]string{"replay", scenario, "--swarm", "3"}, []string{"name a scenario file, or a seed with --swarm"}},
		{[]string{"replay", scenario}, []string{"4 cells match; choose one of each system with --case and --set", "election-latency sim raft crash"}},
		{[]string{"replay", scenario, "--case", "crash", "--trial", "-1"}, []string{"--trial: -1 is too few; trials are numbered from 0"}},
		{[]string{"replay", scenario, "--case", "crash", "--system", "hashicorp"}, []string{"no trial of hashicorp is the same again", "--system"}},
		{[]string{"replay", scenario, "--case", "crash", "--trace", "svg"}, []string{`--trace: there is no format "svg"; there are text, json, html, perfetto and shiviz`}},
		{[]string{"replay", scenario, "--case", "crash", "--system", "raft,zab"}, []string{"--system: --trace text takes one system; html and perfetto take several"}},
		{[]string{"replay", scenario, "--case", "crash", "--from", "1s"}, []string{"--from, --to: a trace of text has the whole run"}},
		{[]string{"replay", scenario, "--case", "crash", "--trace", "json", "--from", "2s", "--to", "1s"}, []string{"--from, --to: there is no time from 2s to 1s"}},
		{[]string{"replay", "--swarm", "3", "--system", "etcd"}, []string{`no system "etcd"; there are [raft zab]`}},
		{[]string{"swarm", "-n", "0"}, []string{"--number: 0 is too few; write a number from 1"}},
		{[]string{"swarm", "-n", "-3"}, []string{`"-3" for "-n, --number"`, "raftzab swarm --help"}},
		{[]string{"swarm", "--jobs", "-4"}, []string{"--jobs: -4 is too few"}},
		{[]string{"swarm", "--system", "rafft"}, []string{`no system "rafft"; there are [raft zab]`}},
		{[]string{"plot"}, []string{"no results/*/manifest.json here; run a scenario first"}},
		{[]string{"plot", "nowhere"}, []string{"nowhere has no manifest.json; name the folder"}},
		{[]string{"plot", scenario}, []string{"has no manifest.json; name the folder"}},
		{[]string{"list", "extra"}, []string{`"extra"`, "raftzab list --help"}},
		{[]string{"doctor", "extra"}, []string{`"extra"`, "raftzab doctor --help"}},
	} {
		code, out, errs := raftzab(c.args...)
		if code != exitUsage || out != "" {
			t.Errorf("%q: exit %d and %q, want exit %d and nothing", c.args, code, out, exitUsage)
		}
		for _, part := range c.want {
			if !strings.Contains(errs, part) {
				t.Errorf("%q says\n%swithout %q", c.args, errs, part)
			}
		}
	}
	if left, _ := os.ReadDir("."); len(left) > 0 {
		t.Errorf("%v was written", left)
	}
}

func TestEveryCommandExplainsItself(t *testing.T) {
	var walk func(c *cobra.Command, path []string)
	walk = func(c *cobra.Command, path []string) {
		if len(c.Long) <= len(c.Short) || c.Short == "" && c.HasParent() {
			t.Errorf("%q: its help is no longer than its line in the list", path)
		}
		if help := held(t, append(path, "--help")...); !strings.Contains(help, c.Long) || !strings.Contains(help, "Usage:") {
			t.Errorf("raftzab %s --help prints\n%s", strings.Join(path, " "), help)
		}
		for _, sub := range c.Commands() {
			walk(sub, append(path[:len(path):len(path)], sub.Name()))
		}
	}
	walk(command(), nil)
}

func TestTheHelpListsAllExitCodes(t *testing.T) {
	help := held(t, "--help")
	for _, part := range []string{"0 all", "1 one", "2 wrong", "3 the", "130 interrupted"} {
		if !strings.Contains(help, part) {
			t.Errorf("the help does not say %q", part)
		}
	}
}

func TestListAndDoctorNameEverySystem(t *testing.T) {
	t.Chdir(root(t))
	for _, text := range []string{held(t, "list"), held(t, "doctor", "--out", t.TempDir())} {
		for _, name := range []string{"raft", "zab", "etcd", "hashicorp", "zookeeper"} {
			if !strings.Contains(text, "\n"+name+" ") {
				t.Errorf("no line of %s in\n%s", name, text)
			}
		}
	}
	if text := held(t, "list"); !strings.Contains(text, filepath.Join("experiments", "election-latency.toml")) {
		t.Errorf("no scenario in\n%s", text)
	}
	if text := held(t, "doctor", "--out", "nowhere"); !strings.Contains(text, "cannot be measured") {
		t.Errorf("nothing of the folder that is not there in\n%s", text)
	}
}
