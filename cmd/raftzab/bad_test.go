package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// least is a scenario of nine lines that is right; what is wrong comes behind it.
const least = `title = "t"
question = "q?"
seed = 1
[[run]]
mode = "sim"
systems = ["raft", "zab"]
trials = 2
[cluster]
voters = 3
`

// A wrong is something that a user writes into bad.toml, and what they are told:
// line and key of the place, a part of what is the matter, and of the remedy.
type wrong struct {
	name, add         string
	line              int
	key, what, remedy string
}

var wrongs = []wrong{
	{`an unknown key`, "[raft]\nhartbeat = \"5ms\"\n", 11, `raft.hartbeat`, `unknown key`, `nearest is raft.heartbeat`},
	{`an unknown section`, "[netwrok]\nloss = 0.1\n", 10, `netwrok`, `unknown key`, `nearest is network`},
	{`a bad duration`, "[probe]\ninterval = \"3 s\"\n", 11, `probe.interval`, `"3 s" is not a duration`, `write "3s"`},
	{`a duration without a unit`, "[probe]\ninterval = 3\n", 11, `probe.interval`, `no unit`, `write "3s"`},
	{`a range upside down`, "[raft]\nelection_timeout = \"300ms-150ms\"\n", 11, `raft.election_timeout`, `upside down`, `write "150ms-300ms"`},
	{`a distribution upside down`, "[network]\ndelay = \"uniform(6ms, 4ms)\"\n", 11, `network.delay`, `upside down`, `write "uniform(4ms, 6ms)"`},
	{`a probability over 1`, "[network]\nloss = 1.5\n", 11, `network.loss`, `no probability`, `from 0 to 1`},
	{`a negative count`, "[zab]\nsync_limit = -1\n", 11, `zab.sync_limit`, `-1 is too few`, `a number from 1`},
	{`a negative number of trials`, "[[run]]\nmode = \"sim\"\nsystems = [\"etcd\"]\ntrials = -5\n", 13, `run[1].trials`, `-5 is too few`, `a number from 1`},
	{`a target that does not exist`, fault(`"2s"`, "crash", `target = "leder"`), 13, `fault[0].target`, `leder`, `leader`},
	{`a server that does not exist`, fault(`"2s"`, "crash", `target = "node:9"`), 13, `fault[0].target`, `no server 9`, `from 1 to 3`},
	{`a kind of fault that does not exist`, fault(`"2s"`, "crush", `target = "leader"`), 12, `fault[0].kind`, `crush`, `crash`},
	{`an empty sweep`, "[sweep]\n", 10, `sweep`, `names no key`, `write for instance`},
	{`a sweep of no values`, "[sweep]\n\"network.loss\" = []\n", 11, `sweep."network.loss"`, `no values`, `write a list`},
	{`a system that does not exist`, "[[run]]\nmode = \"sim\"\nsystems = [\"zap\"]\ntrials = 1\n", 12, `run[1].systems[0]`, `no system "zap"`, `nearest is zab`},
	{`a heartbeat that raft cannot have`, "[raft]\nheartbeat = \"200ms\"\n", 11, `raft.heartbeat`, `raft cannot have this`, `write for instance "75ms"`},
	{`a timeout that hashicorp cannot have`, "[[run]]\nmode = \"sim\"\nsystems = [\"hashicorp\"]\ntrials = 1\n[hashicorp]\nelection_timeout = \"150ms-200ms\"\n",
		15, `hashicorp.election_timeout`, `hashicorp cannot have this`, `write for instance "150ms-300ms"`},
	{`not TOML`, "x = = 1\n", 10, `cluster.x`, `is not TOML`, `stand in quotes`},
	// The faults that contradict each other, or the trial.
	{`restart of a server that runs`, fault(`"2s"`, "restart", `target = "node:1"`), 10, `fault[0]`, `restarts node:1, which runs`, `crash it before, or take this out`},
	{`crash of a server that is down`, fault(`"2s"`, "crash", `target = "node:1"`) + fault(`"3s"`, "crash", `target = "node:1"`), 14, `fault[1]`, `node:1, which is down since fault[0]`, `let the one end before`},
	{`heal with nothing to heal`, "[[fault]]\nat = \"2s\"\nkind = \"heal\"\n", 10, `fault[0]`, `nothing to heal`, `partition`},
	{`crash of a server that is paused`, fault(`"2s"`, "pause", `target = "node:1"`) + fault(`"3s"`, "crash", `target = "node:1"`), 14, `fault[1]`, `node:1, which is paused since fault[0]`, `let the one end before`},
	{`pause of a server that is down`, fault(`"2s"`, "crash", `target = "node:1"`) + fault(`"3s"`, "pause", `target = "node:1"`), 14, `fault[1]`, `node:1, which is down since fault[0]`, `let the one end before`},
	{`a fault before the warmup ends`, fault(`"10ms"`, "crash", `target = "leader"`), 11, `fault[0].at`, `before warmup (1s) is over`, `write "uniform(1s, 1.075s)"`},
	{`a fault past the limit`, fault(`"61s"`, "crash", `target = "leader"`), 11, `fault[0].at`, `when limit (1m0s) has ended`, `write "uniform(1s, 1.075s)"`},
}

// fault is four lines.
func fault(at, kind, target string) string {
	return fmt.Sprintf("[[fault]]\nat = %s\nkind = %q\n%s\n", at, kind, target)
}

func TestABadScenarioIsToldWithFileLineKeyAndRemedyAndNothingIsWritten(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, c := range wrongs {
		t.Run(c.name, func(t *testing.T) {
			file(t, "bad.toml", least+c.add)
			file(t, "good.toml", least)
			told := fmt.Sprintf("(?m)^bad\\.toml:%d: %s: [^\n]*%s[^\n]*%s", c.line, regexp.QuoteMeta(c.key), regexp.QuoteMeta(c.what), regexp.QuoteMeta(c.remedy))
			for _, args := range [][]string{
				{"run", "good.toml", "bad.toml", "--out", "out"},
				{"check", "bad.toml", "good.toml"},
			} {
				code, out, errs := raftzab(args...)
				if code != exitUsage || out != "" {
					t.Errorf("%s: exit %d, stdout %q; want exit %d and nothing", args[0], code, out, exitUsage)
				}
				if ok, _ := regexp.MatchString(told, errs); !ok {
					t.Errorf("%s says\n%swhich does not match %s", args[0], errs, told)
				}
			}
			nothingWritten(t, "bad.toml", "good.toml")
		})
	}
	file(t, "good.toml", least)
	held(t, "check", "good.toml") // what the wrong came behind was right
}

func TestWhatIsNoScenarioFileIsRefused(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("folder", 0o755); err != nil {
		t.Fatal(err)
	}
	file(t, "good.toml", least)
	file(t, "large.toml", "")
	if err := os.Truncate("large.toml", 100<<20); err != nil {
		t.Fatal(err)
	}
	file(t, "picture.toml", "\x89PNG\r\n\x1a\n\x00\x00")
	for _, c := range []struct{ name, want string }{
		{"missing.toml", "missing.toml: there is no such file; the nearest there is "},
		{"goood.toml", "goood.toml: there is no such file; the nearest there is good.toml"},
		{"folder", "folder: is a folder; name a scenario file"},
		{"large.toml", "large.toml: is larger than 1 MiB, so it is no scenario; name a scenario file"},
		{"picture.toml", "picture.toml:1: is not TOML: "},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		code, out, errs := raftzab("run", "good.toml", c.name, "--out", "out")
		runtime.ReadMemStats(&after)
		if code != exitUsage || out != "" || !strings.HasPrefix(errs, c.want) {
			t.Errorf("%s: exit %d, stdout %q, and says\n%swant %s", c.name, code, out, errs, c.want)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 10<<20 {
			t.Errorf("%s: %d MiB allocated to refuse it", c.name, n>>20)
		}
	}
	nothingWritten(t, "folder", "good.toml", "large.toml", "picture.toml")
}

// A file in a folder's place cannot be written into by anybody, root included.
func TestResultsThatCannotBeWrittenExit3BeforeAnythingRuns(t *testing.T) {
	for _, c := range []struct{ name, inTheWay, out string }{
		{`a file in place of the folder`, "out", "out"},
		{`a file in place of the folder above`, "there", filepath.Join("there", "out")},
		{`a file in place of one scenario's folder`, filepath.Join("out", "second"), "out"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			file(t, "first.toml", least)
			file(t, "second.toml", least)
			if err := os.MkdirAll(filepath.Dir(c.inTheWay), 0o755); err != nil {
				t.Fatal(err)
			}
			file(t, c.inTheWay, "precious")
			code, out, errs := raftzab("run", "first.toml", "second.toml", "--out", c.out)
			if code != exitEnvironment || out != "" || !strings.Contains(errs, "cannot write results into "+c.out) {
				t.Errorf("exit %d, stdout %q, and says\n%s", code, out, errs)
			}
			if text, err := os.ReadFile(c.inTheWay); err != nil || string(text) != "precious" {
				t.Errorf("the file in the way holds %q (%v)", text, err)
			}
			if ran, _ := filepath.Glob(filepath.Join(c.out, "*", "*")); len(ran) > 0 {
				t.Errorf("%v was written", ran)
			}
		})
	}
}

func TestWhatAFlagAsksForAndThisMachineLacksExits3(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("ZOOKEEPER_HOME", filepath.Join(t.TempDir(), "nothing"))
	t.Setenv("PATH", "")
	file(t, "live.toml", strings.NewReplacer(`"sim"`, `"live"`, `["raft", "zab"]`, `["zookeeper"]`, "trials = 2", "trials = 2\nloopback = true").Replace(least))
	code, out, errs := raftzab("run", "live.toml", "--systems", "zookeeper", "--out", "out")
	if code != exitEnvironment || out != "" || !strings.Contains(errs, "zookeeper cannot run here: ") {
		t.Errorf("asked for by flag: exit %d, stdout %q, and says\n%s", code, out, errs)
	}
	nothingWritten(t, "live.toml")
	code, _, errs = raftzab("run", "live.toml", "--out", "out")
	if code != exitHeld || !strings.Contains(errs, "zookeeper is left out: ") {
		t.Errorf("not asked for: exit %d, and says\n%s", code, errs)
	}
}

func file(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// nothingWritten demands that this folder holds these files and nothing else.
func nothingWritten(t *testing.T, there ...string) {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if got, want := strings.Join(names, " "), strings.Join(there, " "); got != want {
		t.Errorf("the folder holds %s; want %s", got, want)
	}
}
