package experiments

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"raftzab/bench/fault"
	"raftzab/bench/run"
)

// cells lists what a scenario expands to, one cell a line.
func cells(s *Scenario) string {
	var b strings.Builder
	for _, c := range s.Cells {
		fmt.Fprintf(&b, "%s %s %s %d", c.Mode, c.System, c.Case, c.Trials)
		for _, x := range c.Swept {
			fmt.Fprintf(&b, " %s=%s", x.Key, x.Value)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func same(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestEveryScenarioHereIsRight(t *testing.T) {
	paths, err := filepath.Glob("*.toml")
	if err != nil || len(paths) < 2 {
		t.Fatal(paths, err)
	}
	scenarios, err := Load(paths, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scenarios {
		if len(s.Cells) == 0 || len(s.Skipped()) > 0 && !bytes.Contains(s.Text, []byte(`unsupported = "skip"`)) {
			t.Errorf("%s: %d cells, %d left out", s.Path, len(s.Cells), len(s.Skipped()))
		}
	}
}

func TestElectionLatencyAsksEverySystem(t *testing.T) {
	ss, err := Load([]string{"election-latency.toml"}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	same(t, cells(ss[0]), `sim raft crash 10000
sim zab crash 10000
sim etcd crash 10000
sim raft power-off 10000
sim zab power-off 10000
sim etcd power-off 10000
sim hashicorp crash 1000
sim hashicorp power-off 1000
live zookeeper loopback-3 20
live zookeeper loopback-5 20
sim raft loopback-3 2000
sim zab loopback-3 2000
sim etcd loopback-3 2000
sim raft loopback-5 2000
sim zab loopback-5 2000
sim etcd loopback-5 2000
sim hashicorp loopback-3 200
sim hashicorp loopback-5 200
`)
	for _, c := range ss[0].Cells {
		s := c.Settings
		voters, kind, delay, tick := 5, fault.Crash, "uniform(4ms, 6ms)", "45ms"
		if c.Case == "loopback-3" {
			voters = 3
		}
		if c.Case == "power-off" {
			kind = fault.PowerOff
		}
		if strings.HasPrefix(c.Case, "loopback") {
			delay = "constant(10µs)"
		}
		if c.Mode == run.Live {
			delay, tick = "constant(0s)", "200ms"
		}
		if s.Cluster.Voters != voters || s.Faults[0].Kind != kind || s.Network.Delay.String() != delay || s.Zab.Tick.String() != tick {
			t.Errorf("%s %s: %d voters, %v, %v, tick %v", c.System, c.Case, s.Cluster.Voters, s.Faults[0].Kind, s.Network.Delay, s.Zab.Tick)
		}
	}
}

func TestASweptKeyMultipliesOnlyWhatItGoverns(t *testing.T) {
	s := load(t, strings.Replace(least, `["raft"]`, `["raft", "zab", "etcd"]`, 1)+`[sweep]
"raft.heartbeat" = ["10ms", "20ms"]
"etcd.election_timeout" = ["150ms-300ms", "300ms-600ms"]
`, Options{})
	same(t, cells(s), `sim raft  10 raft.heartbeat=10ms etcd.election_timeout=
sim zab  10 raft.heartbeat= etcd.election_timeout=
sim etcd  10 raft.heartbeat=10ms etcd.election_timeout=150ms-300ms
sim etcd  10 raft.heartbeat=10ms etcd.election_timeout=300ms-600ms
sim raft  10 raft.heartbeat=20ms etcd.election_timeout=
sim etcd  10 raft.heartbeat=20ms etcd.election_timeout=150ms-300ms
sim etcd  10 raft.heartbeat=20ms etcd.election_timeout=300ms-600ms
`)
	if want := []string{"raft.heartbeat", "etcd.election_timeout"}; !slices.Equal(s.SweptKeys, want) {
		t.Errorf("swept %q", s.SweptKeys)
	}
	last := s.Cells[len(s.Cells)-1].Settings.Raft
	if last.ElectionTimeout.String() != "300ms-600ms" || last.Heartbeat.String() != "20ms" {
		t.Errorf("the last cell has %+v", last)
	}
}

func TestTheNetworkDoesNotMultiplyLoopbackNorTheDiskLife(t *testing.T) {
	s := load(t, least+`[[run]]
mode = "live"
systems = ["zookeeper"]
trials = 3
loopback = true
[sweep]
"network.loss" = [0.0, 0.1]
"disk.fsync" = ["0s", "1ms"]
"cluster.voters" = [3, 5]
`, Options{Mode: "live"})
	same(t, cells(s), `live zookeeper  3 network.loss= disk.fsync= cluster.voters=3
live zookeeper  3 network.loss= disk.fsync= cluster.voters=5
`)
}

func TestACaseRunsForWhatItsKeysGovern(t *testing.T) {
	s := load(t, strings.Replace(least, `["raft"]`, `["raft", "zab", "etcd"]`, 1)+`[[case]]
name = "plain"
[[case]]
name = "slow-ticks"
"zab.tick" = "3s"
[[case]]
name = "etcd-and-zab"
"etcd.heartbeat" = "9ms"
zab.tick = "1s"
[[case]]
name = "loss"
network.loss = 0.1
`, Options{})
	same(t, cells(s), `sim raft plain 10
sim zab plain 10
sim etcd plain 10
sim zab slow-ticks 10
sim zab etcd-and-zab 10
sim etcd etcd-and-zab 10
sim raft loss 10
sim zab loss 10
sim etcd loss 10
`)
	if h := s.Cells[5].Settings.Raft.Heartbeat.String(); h != "9ms" {
		t.Errorf("etcd's heartbeat is %s", h)
	}
	if l := s.Cells[0].Settings.Network.Loss; l != 0 {
		t.Errorf("a case's loss of %v reached another", l)
	}
}

func TestWhoHasTheLastWord(t *testing.T) {
	text := strings.Replace(least, `["raft"]`, `["raft", "etcd"]`, 1) + `[raft]
heartbeat = "1ms"
[etcd]
heartbeat = "5ms"
[[case]]
name = "a"
"raft.heartbeat" = "2ms"
"network.loss" = 0.2
[sweep]
"disk.fsync" = ["1ms", "2ms"]
`
	s := load(t, text, Options{})
	if raft, etcd := s.Cells[0].Settings.Raft.Heartbeat.String(), s.Cells[1].Settings.Raft.Heartbeat.String(); raft != "2ms" || etcd != "5ms" {
		t.Errorf("raft %s, etcd %s: a case beats the file, and a product's own section a case", raft, etcd)
	}
	seed := uint64(7)
	s = load(t, text, Options{Set: []string{"raft.heartbeat=3ms", "network.loss=0.3", "disk.fsync=uniform(1ms, 2ms)", `title="other"`, "run[0].systems=[\"raft\"]"}, Trials: 4, Seed: &seed})
	same(t, cells(s), "sim raft a 4 disk.fsync=uniform(1ms, 2ms)\n") // a flag makes one value of a sweep
	c := s.Cells[0]
	if x := c.Settings; x.Raft.Heartbeat.String() != "3ms" || x.Network.Loss != 0.3 || x.Disk.Fsync.String() != "uniform(1ms, 2ms)" || c.Seed != 7 || s.Title != "other" {
		t.Errorf("seed %d, %q, %+v", c.Seed, s.Title, x)
	}
}

func TestTimeouts(t *testing.T) {
	text := strings.Replace(least, `["raft"]`, `["raft", "zab", "etcd", "hashicorp"]`, 1) + `[[run]]
mode = "live"
systems = ["zookeeper"]
trials = 1
loopback = true
[raft]
election_timeout = "200ms-400ms"
[zab]
sync_limit = 4
[zookeeper]
init_limit = 20
`
	for timeouts, want := range map[string]string{
		"given": `raft 200ms-400ms 100ms
zab 2s 10 4
etcd 200ms-400ms 100ms
hashicorp 200ms-400ms 0s
zookeeper 2s 20 4
`,
		"matched": `raft 200ms-400ms 100ms
zab 75ms 10 4
etcd 200ms-400ms 100ms
hashicorp 200ms-400ms 0s
zookeeper 75ms 20 4
`,
		"defaults": `raft 150ms-300ms 75ms
zab 2s 10 5
etcd 1s-2s 100ms
hashicorp 1s-2s 0s
zookeeper 2s 20 5
`,
	} {
		var b strings.Builder
		for _, c := range load(t, text, Options{Set: []string{"timeouts=" + timeouts}}).Cells {
			switch s := c.Settings; c.System {
			case "zab", "zookeeper":
				fmt.Fprintf(&b, "%s %v %d %d\n", c.System, s.Zab.Tick, s.Zab.InitLimit, s.Zab.SyncLimit)
			default:
				fmt.Fprintf(&b, "%s %v %v\n", c.System, s.Raft.ElectionTimeout, s.Raft.Heartbeat)
			}
		}
		same(t, b.String(), want)
	}
}

func TestUnsupportedCellsAreLeftOutWhereTheRunAllowsIt(t *testing.T) {
	s := load(t, strings.Replace(least, `["raft"]`, `["raft", "hashicorp"]
unsupported = "skip"`, 1)+`[sweep]
"raft.election_timeout" = ["150ms-300ms", "150ms-200ms"]
`, Options{})
	same(t, cells(s), `sim raft  10 raft.election_timeout=150ms-300ms
sim hashicorp  10 raft.election_timeout=150ms-300ms
sim raft  10 raft.election_timeout=150ms-200ms
`)
	if k := s.Skipped(); len(k) != 1 || k[0].System != "hashicorp" || !strings.HasPrefix(k[0].Reason, "raft.election_timeout: ") {
		t.Errorf("left out: %+v", k)
	}
}

func TestWhatTheFlagsLeaveOutIsNotJudged(t *testing.T) {
	text := strings.Replace(least, `["raft"]`, `["raft", "hashicorp"]`, 1) + "[raft]\nelection_timeout = \"150ms-200ms\"\n"
	if s := load(t, text, Options{Systems: []string{"raft"}}); len(s.Cells) != 1 {
		t.Errorf("%d cells", len(s.Cells))
	}
	if _, err := Load([]string{write(t, text)}, Options{}); err == nil {
		t.Error("hashicorp cannot have this range")
	}
}

func TestFaultsThatFollowEachOtherAreRight(t *testing.T) {
	load(t, least+`[[fault]]
at = "uniform(2s, 3s)"
kind = "crash"
target = "node:1"
[[fault]]
at = "3s"
kind = "restart"
target = "node:1"
[[fault]]
at = "4s"
kind = "pause"
target = "node:1"
for = "1s"
[[fault]]
at = "5s"
kind = "power-off"
target = "node:1"
[[fault]]
at = "5s"
kind = "partition"
groups = [[1, 2], [3, 4, 5]]
[[fault]]
at = "6s"
kind = "heal"
[[fault]]
at = "6s"
kind = "crash"
target = "leader"
for = "100s"
`, Options{})
}

func TestTheKeysOfAHeaderMayComeInAnyForm(t *testing.T) {
	s := load(t, `title = "t"
question = "q?"
seed = 1
run = [{mode = "sim", systems = ["raft"], trials = 10}]
cluster.voters = 3
fault = [{at = "2s", kind = "crash", target = "leader"}]
case = [{name = "a", "fault[0].kind" = "power-off"}]
`, Options{})
	if c := s.Cells[0]; c.Settings.Cluster.Voters != 3 || c.Settings.Faults[0].Kind != fault.PowerOff {
		t.Errorf("%+v", c)
	}
}
