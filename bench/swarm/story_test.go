package swarm

import (
	"reflect"
	"strings"
	"testing"

	"raftzab/bench/fault"
	"raftzab/bench/random"
	"raftzab/bench/trace"
)

// What a seed's run did, told again, gives the same events to the last one; and
// so does what is read back from a file.
func TestARecordedStoryGivesTheSameEvents(t *testing.T) {
	for _, system := range Systems {
		for seed := uint64(1); seed <= 60; seed++ {
			drawn := Run(system, seed, nil)
			s, recorded := Record(system, seed)
			same := func(r *Report) bool { // what it was drawn from is no part of a story
				r.Settings, r.Verdict = drawn.Settings, drawn.Verdict
				return *r == *drawn
			}
			if !same(recorded) {
				t.Fatalf("%s, seed %d: recorded %+v, drawn %+v", system, seed, recorded, drawn)
			}
			if told := s.Play(nil); !same(told) {
				t.Fatalf("%s, seed %d: told again %+v, drawn %+v", system, seed, told, drawn)
			}
			if seed%10 != 0 {
				continue
			}
			read, err := Decode("story.toml", s.Encode("a comment\nof two lines"))
			if err != nil {
				t.Fatal(err)
			}
			if told := read.Play(nil); !same(told) {
				t.Fatalf("%s, seed %d: read back %+v, drawn %+v", system, seed, told, drawn)
			}
		}
	}
}

// A part of a story is a story, and ends where it says.
func TestAStoryEndsWhereItSays(t *testing.T) {
	s, _ := Record("raft", 1)
	part := s.until(3 * second)
	part.Heal, part.End = 0, 3*second
	if len(part.Faults) == 0 || len(part.Faults) >= len(s.Faults) || len(part.Requests) >= len(s.Requests) {
		t.Fatalf("%d of %d faults, %d of %d requests", len(part.Faults), len(s.Faults), len(part.Requests), len(s.Requests))
	}
	last := Time(0)
	r := part.Play(func(e *trace.Event) { last = e.At })
	if r.Violation != "" || last > 3*second || last < 2*second {
		t.Errorf("the last event is at %v: %q", length(last), r.Violation)
	}
}

// Where the end leaves no time for progress, there is none: a breach of its own.
func TestAStoryThatIsNotMendedInTimeBreaks(t *testing.T) {
	s, _ := Record("zab", 1)
	s.End = s.Heal + ms
	if r := s.Play(nil); CaughtBy(r) != Progress || r.At != s.End {
		t.Errorf("%q at %v", r.Violation, r.At)
	}
}

func TestWithoutANodeTheRestCloseRanks(t *testing.T) {
	crash := func(id NodeID) Strike { return Strike{Fault: fault.Fault{Kind: fault.Crash, Nodes: []NodeID{id}}} }
	s := &Story{Voters: 4, Faults: []Strike{crash(1), crash(2), crash(4),
		{Fault: fault.Fault{Kind: fault.Partition, Groups: [][]NodeID{{2}, {1, 2, 4}, {3}}}},
		{Fault: fault.Fault{Kind: fault.Cut, From: []NodeID{2}, To: []NodeID{1, 3}}},
		{Fault: fault.Fault{Kind: fault.Heal}}},
		Requests: []Ask{{To: 1}, {To: 2}, {To: 3}}}
	got := s.without(2, false)
	want := []string{"crash [1]", "crash [3]", "partition [[1 3] [2]]", "heal"}
	if got.Voters != 3 || len(got.Faults) != len(want) {
		t.Fatalf("%+v", got)
	}
	for i, w := range want {
		if g := got.Faults[i].Fault.String(); g != w {
			t.Errorf("fault %d is %s, want %s", i, g, w)
		}
	}
	if len(got.Requests) != 2 || got.Requests[1].To != 2 {
		t.Errorf("requests %+v", got.Requests)
	}
	if handed := s.without(2, true); len(handed.Requests) != 3 || handed.Requests[1].To < 1 || handed.Requests[1].To > 3 {
		t.Errorf("handed over: %+v", handed.Requests)
	}
	if s.Voters != 4 || len(s.Faults) != 6 || s.Faults[3].Fault.String() != "partition [[2] [1 2 4] [3]]" {
		t.Errorf("the whole was changed: %+v", s)
	}
}

// Every field of a fault is in the file, those of later kinds too.
func TestNoPartOfAFaultIsLostInAFile(t *testing.T) {
	f := fault.Fault{Kind: fault.Clock, Nodes: []NodeID{1, 3}, Groups: [][]NodeID{{1}, {2, 3}}, From: []NodeID{2}, To: []NodeID{1},
		Delay: random.Always(3 * ms), Loss: 0.1, Duplicate: 0.25, Reorder: 0.5, Fsync: random.Distribution{Shape: random.Uniform, A: 1, B: 2},
		Fail: true, Skew: 7 * ms, Drift: -0.01, Back: true}
	v := reflect.ValueOf(f)
	for i := range v.NumField() {
		if v.Field(i).IsZero() && v.Type().Field(i).Name != "Bandwidth" { // which no simulated link has
			t.Errorf("%s is not tried", v.Type().Field(i).Name)
		}
	}
	s, _ := draw("raft", 1)
	s.Voters = 3
	s.Faults = []Strike{{5 * ms, f}, {6 * ms, fault.Fault{Kind: fault.Heal}}}
	read, err := Decode("story.toml", s.Encode(""))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(read, s) {
		t.Errorf("\n%+v\n%+v", read, s)
	}
}

const goodStory = `# what broke
system = "raft"
seed = 3
end = "2s"

[cluster]
voters = 3

[network]
channel = "stream"
delay = "5ms"
loss = 0.0
rto_min = "50ms"
rto_max = "1s"

[disk]
fsync = "1ms"

[raft]
election_timeout = "150ms-300ms"
heartbeat = "75ms"
prevote = false
check_quorum = false
clock_drift = 0.0
commit_notice = "heartbeat"
backtrack = "term"
window = 64
max_entries = 1024
chunk_size = 65536
trailing = 1024

[[fault]]
at = "1s"
kind = "crash"
nodes = [1]

[[fault]]
at = "1.1s"
kind = "restart"
nodes = [1]

[[request]]
at = "1s"
node = 2
session = 1
number = 1
op = "put"
key = 2
value = 7
`

func TestAStoryFileIsReadStrictly(t *testing.T) {
	if _, err := Decode("s.toml", []byte(goodStory)); err != nil {
		t.Fatal(err)
	}
	if !IsStory([]byte(goodStory)) || IsStory([]byte("# a scenario\ntitle = \"x\"\n")) || IsStory(nil) {
		t.Error("stories are not told from scenarios")
	}
	for _, c := range []struct{ old, new, want string }{
		{`system = "raft"`, `system = "paxos"`, `s.toml:2: system: there is no "paxos"`},
		{`seed = 3`, `sead = 3`, `s.toml:3: sead: unknown key`},
		{`end = "2s"`, `end = "2 s"`, `s.toml:4: end: "2 s" is no duration`},
		{`end = "2s"`, `end = "2s"` + "\nheal = \"3s\"", `s.toml:4: end: 2s; it must come after heal (3s)`},
		{`voters = 3`, `voters = 0`, `s.toml:7: cluster.voters: 0; write a number from 1`},
		{`loss = 0.0`, `loss = 1.0`, `s.toml:12: network.loss: 1; write a number from 0, below 1`},
		{`loss = 0.0`, `lost = 0.0`, `s.toml:12: network.lost: unknown key`},
		{`heartbeat = "75ms"`, `heartbeat = "400ms"`, `s.toml:19: raft: a heartbeat every`},
		{`"150ms-300ms"`, `"150ms"`, `s.toml:20: raft.election_timeout: "150ms" is no range`},
		{goodStory[strings.Index(goodStory, "[raft]"):strings.Index(goodStory, "[[fault]]")], "", `s.toml: raft: is missing`},
		{`channel = "stream"`, `channel = "pigeon"`, `s.toml:10: network.channel: "pigeon" is no channel`},
		{`window = 64`, `window = 0`, `s.toml:19: raft: a window of 0 messages`},
		{`voters = 3`, "voters = 3\nobservers = 40", `s.toml:8: cluster.observers: 40; `},
		{`key = 2`, "key = 2\nmode = \"linear\"", `s.toml:49: request.mode: "linear" is not known; there are local, leader, readindex, lease, sync`},
		{`key = 2`, "key = 2\nseen = \"3\"", `s.toml:49: request.seen: "3" is no position of a log`},
		{`kind = "restart"`, `kind = "stop"`, `s.toml:39: fault.kind: "stop" is no kind of fault`},
		{`kind = "restart"`, `kind = "chaos"`, `s.toml:39: fault.kind: chaos is none that strikes; write what it drew`},
		{`at = "1.1s"`, `at = "0.1s"`, `s.toml:38: fault.at: 100ms comes before the fault above it`},
		{"kind = \"restart\"\nnodes = [1]", "kind = \"restart\"\nnodes = [4]", `s.toml:39: fault: there is no node 4`},
		{"kind = \"restart\"\nnodes = [1]", "kind = \"restart\"\nnode = [1]", `s.toml:40: fault.node: unknown key`},
		{`node = 2`, `node = 0`, `s.toml:44: request: there is no node 0`},
		{`session = 1`, `session = 70000`, `s.toml:45: request.session: 70000; write a number from 1`},
		{`number = 1`, `number = 0`, `s.toml:46: request.number: 0; write a number from 1`},
		{`op = "put"`, `op = "post"`, `s.toml:47: request.op: "post" is not known; there are put, get`},
		{"op = \"put\"\n", ``, `s.toml:43: request.op: is missing`},
		{`key = 2`, `key = 20000000`, `s.toml:48: request.key: 20000000; write a number below`},
		{`value = 7`, `value = `, `s.toml:49: `},
	} {
		text := strings.Replace(goodStory, c.old, c.new, 1)
		_, err := Decode("s.toml", []byte(text))
		if text == goodStory || err == nil || !strings.Contains("\n"+err.Error(), "\n"+c.want) {
			t.Errorf("%s: %v; want %s", c.new, err, c.want)
		}
	}
}
