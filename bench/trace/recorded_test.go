package trace_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"raftzab/bench/run"
	"raftzab/bench/swarm"
	"raftzab/bench/trace"
	"raftzab/experiments"
	"raftzab/protocols"
)

var update = flag.Bool("update", false, "rewrite golden files and the fields in results/README.md")

const ms = protocols.Time(1_000_000)

// small is the scenario whose elections the golden files show.
const small = `
title    = "Three servers"
question = "Who leads after the leader is gone?"
seed     = 3
timeouts = "matched"

[[run]]
mode    = "sim"
systems = ["raft", "zab", "etcd"]
trials  = 1

[cluster]
voters = 3

[network]
delay = "uniform(4ms, 6ms)"

[probe]
interval = "20ms"

[[fault]]
at     = "1s"
kind   = "crash"
target = "leader"
`

// recorded is the trace of a small trial.
func recorded(t *testing.T, system string, probed bool) *trace.Trace {
	t.Helper()
	file := filepath.Join(t.TempDir(), "small.toml")
	if err := os.WriteFile(file, []byte(small), 0o666); err != nil {
		t.Fatal(err)
	}
	scenarios, err := experiments.Load([]string{file}, experiments.Options{Systems: []string{system}})
	if err != nil {
		t.Fatal(err)
	}
	x, broken, err := run.Record(&scenarios[0].Cells[0], 0, probed)
	if err != nil || broken != nil {
		t.Fatal(err, broken)
	}
	return x
}

// drawn is the trace of a run of the swarm.
func drawn(system string, seed uint64) *trace.Trace {
	x := &trace.Trace{}
	r := swarm.Run(system, seed, x.Add)
	x.System, x.Protocol, x.Voters, x.Observers = system, system, r.Voters, r.Learners
	return x
}

func text(t *testing.T, write func(out *bytes.Buffer) error) string {
	t.Helper()
	var out bytes.Buffer
	if err := write(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func inJSON(t *testing.T, x *trace.Trace) string {
	t.Helper()
	return text(t, func(out *bytes.Buffer) error { return trace.WriteJSON(out, x) })
}

func TestTheSameTrialGivesTheSameTraces(t *testing.T) {
	for _, system := range []string{"raft", "zab"} {
		formats := func() map[string]string {
			x := trace.CutElections(10*ms, 15*ms, recorded(t, system, true))[0]
			return map[string]string{
				".json":          inJSON(t, x),
				".perfetto.json": text(t, func(out *bytes.Buffer) error { return trace.WritePerfetto(out, x) }),
				".shiviz.txt":    text(t, func(out *bytes.Buffer) error { return trace.WriteShiViz(out, x) }),
			}
		}
		again := formats()
		for format, got := range formats() {
			if again[format] != got {
				t.Errorf("%s%s: the same trial gives another trace", system, format)
			}
			golden := filepath.Join("testdata", "golden", system+format)
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if string(want) != got {
				t.Errorf("%s is not what the trial gives; if it should be, run go test ./bench/trace -update", golden)
			}
		}
	}
}

// A line is one of JSON, as a reader sees it.
type line map[string]any

func (l line) number(name string) float64 { x, _ := l[name].(float64); return x }

func lines(t *testing.T, text string) (header line, events []line) {
	t.Helper()
	for s := range strings.Lines(text) {
		l := line{}
		if err := json.Unmarshal([]byte(s), &l); err != nil {
			t.Fatalf("%v: %s", err, s)
		}
		events = append(events, l)
	}
	return events[0], events[1:]
}

func TestEveryLineKeepsTheSchema(t *testing.T) {
	seen, lost := map[string]int{}, map[string]int{}
	traces := []*trace.Trace{recorded(t, "raft", true), recorded(t, "zab", true), recorded(t, "etcd", false)}
	for seed := range uint64(8) {
		for _, system := range []string{"raft", "zab"} {
			x := drawn(system, seed+1)
			for i := range x.Events {
				lost[x.Events[i].Lost]++
			}
			traces = append(traces, x.Cut(1000*ms, 2500*ms))
		}
	}
	for _, x := range traces {
		header, events := lines(t, inJSON(t, x))
		if header["kind"] != "header" || header.number("version") != trace.Version || header["system"] != x.System {
			t.Fatalf("begins with %v", header)
		}
		orders := map[float64]bool{}
		last := 0.0
		for _, l := range events {
			kind := trace.Kind(l["kind"].(string))
			seen["kind "+string(kind)]++
			for name := range l {
				i := slices.IndexFunc(trace.Fields, func(f trace.Field) bool { return f.Name == name })
				if i < 0 || trace.Fields[i].Kinds != nil && !slices.Contains(trace.Fields[i].Kinds, kind) {
					t.Fatalf("a %s has %s: %v", kind, name, l)
				}
				seen[name]++
			}
			if l.number("order") <= last || orders[l.number("order")] {
				t.Fatalf("after %v comes %v", last, l)
			}
			last = l.number("order")
			orders[last] = true
			if node := l.number("node"); node > float64(x.Nodes()) || node < 1 && kind != trace.Fault {
				t.Fatalf("there is no such node: %v", l)
			}
			if at, has := l["arrived_order"]; has {
				if orders[at.(float64)] || at.(float64) <= last || l.number("received_ms")+l.number("lost_ms") < l.number("at_ms") {
					t.Fatalf("arrives before it is sent, or with something else: %v", l)
				}
				orders[at.(float64)] = true
			}
		}
	}
	for _, f := range trace.Fields {
		if seen[f.Name] == 0 {
			t.Errorf("no line has %s", f.Name)
		}
	}
	for _, k := range trace.Kinds {
		if seen["kind "+string(k.Kind)] == 0 {
			t.Errorf("no line is a %s", k.Kind)
		}
	}
	for _, why := range []string{"the link is cut", "the link lost it", "its receiver is down", "its sender is down", "its stream is dead"} {
		if lost[why] == 0 {
			t.Errorf("no message was lost since %s: %v", why, lost)
		}
	}
}

// A message is received by whom it was sent to, once, and what a node receives
// was sent before.
func TestAMessageHasOneFate(t *testing.T) {
	for seed := range uint64(2) {
		received := 0
		x := &trace.Trace{}
		r := swarm.Run("raft", seed+1, func(e *trace.Event) {
			if e.Kind == trace.Received {
				received++
			}
			x.Add(e)
		})
		x.Voters = r.Voters
		for i := range x.Events {
			if e := &x.Events[i]; e.Kind == trace.Message && e.Arrived != 0 && e.Lost == "" {
				received--
			}
		}
		if received != 0 {
			t.Errorf("seed %d: %d messages were received and are not in the trace as such", seed+1, received)
		}
	}
}

func TestTheResultsPageHasTheFields(t *testing.T) {
	const begin, end = "<!-- trace: written by go test ./bench/trace -update -->\n", "<!-- end of trace -->"
	var b strings.Builder
	b.WriteString("| kind | what it is |\n|---|---|\n")
	for _, k := range trace.Kinds {
		fmt.Fprintf(&b, "| `%s` | %s |\n", k.Kind, k.Meaning)
	}
	b.WriteString("\n| field | of kind | meaning |\n|---|---|---|\n")
	for _, f := range trace.Fields {
		of := "all"
		if f.Kinds != nil {
			of = ""
			for i, k := range f.Kinds {
				if i > 0 {
					of += ", "
				}
				of += string(k)
			}
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.Name, of, f.Meaning)
	}
	name := filepath.FromSlash("../../results/README.md")
	page, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(page), begin)
	was, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatal("results/README.md has no place for the fields of a trace")
	}
	if *update {
		if err := os.WriteFile(name, []byte(before+begin+b.String()+end+after), 0o666); err != nil {
			t.Fatal(err)
		}
	} else if was != b.String() {
		t.Error("the fields of a trace in results/README.md are not those of the code; run go test ./bench/trace -update")
	}
}

// ShiViz wants the clock of a host to begin at 1 and to go on by 1, and what a host
// has received to be in its clock.
func TestShiVizReadsTheClocks(t *testing.T) {
	for _, x := range []*trace.Trace{recorded(t, "zab", true), drawn("raft", 3).Cut(0, 2000*ms), drawn("raft", 2).Cut(1000*ms, 3000*ms)} {
		out := text(t, func(out *bytes.Buffer) error { return trace.WriteShiViz(out, x) })
		pattern, rest, _ := strings.Cut(out, "\n\n")
		event := regexp.MustCompile(strings.ReplaceAll(pattern, "(?<", "(?P<"))
		found := event.FindAllStringSubmatch(rest, -1)
		if len(found) < 100 || 2*len(found) != strings.Count(rest, "\n") {
			t.Fatalf("the pattern finds %d events in %d lines", len(found), strings.Count(rest, "\n"))
		}
		clocks := map[string]map[string]int{}
		receives := 0
		for _, m := range found {
			told, host := m[event.SubexpIndex("event")], m[event.SubexpIndex("host")]
			clock := map[string]int{}
			if err := json.Unmarshal([]byte(m[event.SubexpIndex("clock")]), &clock); err != nil {
				t.Fatal(err)
			}
			if clock[host] != clocks[host][host]+1 {
				t.Fatalf("%s: after %v comes %v", host, clocks[host], clock)
			}
			for other, n := range clocks[host] {
				if clock[other] < n {
					t.Fatalf("%s forgets: %v, then %v", host, clocks[host], clock)
				}
			}
			if from := regexp.MustCompile(`^receives from (\d+):`).FindStringSubmatch(told); from != nil && x.From == 0 {
				if receives++; clock["node"+from[1]] == 0 {
					t.Fatalf("%s has received, and knows nothing of the sender: %s", host, m[0])
				}
			}
			for other, n := range clock {
				if other != host && n > clocks[other][other] {
					t.Fatalf("%s knows of what %s has not done: %s", host, other, m[0])
				}
			}
			clocks[host] = clock
		}
		if receives == 0 && x.From == 0 {
			t.Error("nobody receives anything")
		}
	}
}

func TestPerfettoFindsBothEndsOfEachArrow(t *testing.T) {
	x := recorded(t, "raft", true)
	out := text(t, func(out *bytes.Buffer) error { return trace.WritePerfetto(out, x, recorded(t, "zab", false)) })
	var file struct {
		TraceEvents []struct {
			Ph, Name, ID string
			Pid, Tid     int
			Ts, Dur      float64
			Args         map[string]any
		}
	}
	if err := json.Unmarshal([]byte(out), &file); err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	begins := map[string]float64{}
	type place struct {
		pid, tid int
		ts       float64
	}
	slices := map[place]bool{}
	names := map[string]bool{}
	for _, e := range file.TraceEvents {
		counts[e.Ph]++
		arrow := strconv.Itoa(e.Pid) + "/" + e.ID
		here := place{e.Pid, e.Tid, e.Ts}
		switch e.Ph {
		case "X":
			slices[here] = true
			names[e.Name] = true
			if e.Dur <= 0 {
				t.Errorf("a slice lasts %v: %+v", e.Dur, e)
			}
		case "s":
			begins[arrow] = e.Ts
		case "f":
			if begin, ok := begins[arrow]; !ok || e.Ts < begin {
				t.Errorf("an arrow ends that has not begun: %+v", e)
			}
			delete(begins, arrow)
		}
		if (e.Ph == "s" || e.Ph == "f") && !slices[here] {
			t.Errorf("an arrow has no slice at %+v", e)
		}
	}
	if len(begins) > 0 || counts["f"] < 100 || counts["f"] != counts["s"] || counts["b"] != 2 || counts["e"] != 2 {
		t.Errorf("%d arrows have no end; %v", len(begins), counts)
	}
	for _, name := range []string{"leader, term 1", "follower, term 1", "leader, epoch 1", "detect", "vote", "activate", "send NOTIFICATION", "receive RequestVote"} {
		if !names[name] {
			t.Errorf("there is no slice %q", name)
		}
	}
}
