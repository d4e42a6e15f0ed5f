package experiments

import (
	"os"
	"slices"
	"strings"
	"testing"

	"raftzab/bench/fault"
	"raftzab/bench/run"
)

// least is the smallest scenario; tests add to it and take from it.
const least = `title = "t"
question = "q?"
seed = 1
[[run]]
mode = "sim"
systems = ["raft"]
trials = 10
[cluster]
voters = 5
`

// write puts a scenario into a folder of its own and goes there, so that
// messages have short names.
func write(t *testing.T, text string) string {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile("x.toml", []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return "x.toml"
}

func load(t *testing.T, text string, o Options) *Scenario {
	t.Helper()
	ss, err := Load([]string{write(t, text)}, o)
	if err != nil {
		t.Fatal(err)
	}
	return ss[0]
}

func TestAnEmptyFileLacksAllThatIsRequired(t *testing.T) {
	_, err := Load([]string{write(t, "")}, Options{})
	want := `x.toml:1: title: is missing; write title = "Split votes"
x.toml:1: question: is missing; write question = "How often are votes shared out?"
x.toml:1: seed: is missing; write seed = 1
x.toml:1: run: is missing; write [[run]] with mode, systems and trials
x.toml:1: cluster.voters: is missing; write voters = 5`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// Below TCP there are packets to double, to hold back and to queue; not where there
// is no switch.
func TestPacketsOfLiveCellsAreDoubledHeldBackAndQueued(t *testing.T) {
	live := strings.Replace(least, `"sim"`, `"live"`, 1)
	text := live + `[network]
duplicate = 0.1
reorder = 0.2
bandwidth = 10_000_000
[[link]]
from = [1]
to = [2]
reorder = 0.3
bandwidth = 0
[[fault]]
at = "2s"
kind = "link"
from = "leader"
duplicate = 0.4
bandwidth = 1e6
[sweep]
"network.duplicate" = [0.1, 0.2]
`
	s := load(t, text, Options{})
	if len(s.Cells) != 2 {
		t.Fatalf("%d cells", len(s.Cells))
	}
	x := &s.Cells[1].Settings
	if n, l, f := x.Network, x.Links[0], x.Faults[0]; n.Duplicate != 0.2 || n.Reorder != 0.2 || n.Bandwidth != 1e7 || *l.Reorder != 0.3 || *l.Bandwidth != 0 || *f.Duplicate != 0.4 || *f.Bandwidth != 1e6 {
		t.Errorf("%+v, %+v, %+v", n, l, f)
	}
	quiet, _, _ := strings.Cut(text, "[[fault]]")
	s = load(t, strings.Replace(quiet, "trials", "loopback = true\ntrials", 1), Options{})
	if n := s.Cells[0].Settings.Network; n != (run.Network{}) {
		t.Errorf("on loopback %+v", n)
	}
	mixed := onlyFor("zab") + "unsupported = \"skip\"\n[sweep]\n\"network.bandwidth\" = [0, 1e6]\n"
	if s = load(t, live+mixed, Options{}); len(s.Cells) != 3 || len(s.Skipped()) != 1 {
		t.Errorf("%d cells, skipped %v", len(s.Cells), s.Skipped())
	}
}

func TestChaosSaysInTheManifestHowOftenItStrikes(t *testing.T) {
	s := load(t, least+"[[fault]]\nat = \"2s\"\nkind = \"chaos\"\nfor = \"5s\"\n", Options{})
	if f := s.Cells[0].Settings.Faults[0]; f.Kind != fault.Chaotic || f.Every == nil || f.Every.String() != "uniform(200ms, 900ms)" {
		t.Errorf("%+v", f)
	}
}

func TestWhatIsNoScenarioFileIsRefused(t *testing.T) {
	write(t, least)
	if err := os.Mkdir("d", 0o755); err != nil {
		t.Fatal(err)
	}
	large, err := os.Create("large.toml")
	if err != nil {
		t.Fatal(err)
	}
	if err := large.Truncate(100 << 20); err != nil {
		t.Fatal(err)
	}
	large.Close()
	if err := os.Mkdir("other", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("other/x.toml", []byte(least), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = Load([]string{"d", "large.toml", "y.toml", "nowhere/y.toml", "x.toml", "other/x.toml"}, Options{})
	want := `d: is a folder; name a scenario file, for instance d/election-latency.toml
large.toml: is larger than 1 MiB, so it is no scenario; name a scenario file
y.toml: there is no such file; the nearest there is x.toml
nowhere/y.toml: there is no such file; name a scenario file, for instance experiments/election-latency.toml
other/x.toml: has the name of x.toml, and so the same folder of results; give it another`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestALargeFileIsNotRead(t *testing.T) {
	write(t, "")
	if err := os.Truncate("x.toml", 100<<20); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(1, func() {
		if _, err := readLimited("x.toml"); err != errLarge {
			t.Fatal(err)
		}
	}); n > 50 {
		t.Errorf("%v allocations", n)
	}
}

func TestBadFlags(t *testing.T) {
	path := write(t, least+"[[case]]\nname = \"crash\"\n")
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{Set: []string{"network.loss"}}, `--set: "network.loss" is no key=value; write for instance --set network.loss=0.1`},
		{Options{Set: []string{"network.los=0.1"}}, `--set: network.los: unknown key; the nearest is network.loss`},
		{Options{Set: []string{"network.loss=2"}}, `--set: network.loss: 2 is no probability; write a number from 0 to 1, for instance 0.05`},
		{Options{Set: []string{"fault[0].kind=crash"}}, `--set: fault[0].kind: there is no fault[0]: x.toml has no [[fault]]; add it there, or name another`},
		{Options{Set: []string{"run[1].trials=5"}}, `--set: run[1].trials: there is no run[1]: x.toml has one [[run]]; add it there, or name another`},
		{Options{Set: []string{"fault[x].kind=crash"}}, `--set: fault[x].kind: "fault[x]" is no place in a list; write for instance fault[0].kind`},
		{Options{Set: []string{"case[0].name=crash"}}, `--set: case[0].name: case is set as a whole; write it without [0]`},
		{Options{Set: []string{"case=crash"}}, `--set: case: cannot be set from outside; change the file`},
		{Options{Set: []string{"raft.heartbeat=1ms", "raft.heartbeat=2ms"}}, `--set: raft.heartbeat: is set twice; leave one`},
		{Options{Set: []string{"timeouts=matched", "zab.tick=1s"}}, `--set: zab.tick: has no effect: timeouts = "matched" makes it 45ms; set timeouts = "given" as well`},
		{Options{Trials: -1}, `--trials: -1 is too few; write a number from 1`},
		{Options{Systems: []string{"raft", "zap"}}, `--systems: there is no "zap" in these files; the nearest is raft`},
		{Options{Mode: "live"}, `--mode: there is no "live" in these files; the nearest is sim`},
		{Options{Case: "crush"}, `--case: there is no "crush" in these files; the nearest is crash`},
	} {
		if _, err := Load([]string{path}, c.o); err == nil || err.Error() != c.want {
			t.Errorf("%+v\ngot  %v\nwant %s", c.o, err, c.want)
		}
	}
}

func TestProblemsOfAllFilesComeAtOnceInTheOrderOfLines(t *testing.T) {
	write(t, least+"[raft]\nheartbeet = \"1ms\"\n[network]\nloss = 2\n[zap]\n")
	if err := os.WriteFile("y.toml", []byte(least+"[disk]\nfsync = \"1\"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Load([]string{"y.toml", "x.toml"}, Options{})
	var got []string
	for _, p := range err.(Problems) {
		got = append(got, p.File+":"+p.Key)
	}
	if want := []string{"y.toml:disk.fsync", "x.toml:raft.heartbeet", "x.toml:network.loss", "x.toml:zap"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
