package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"raftzab/bench/swarm"
)

// What replay writes for other programs, of trials and of runs of the swarm.
func TestReplayWritesTraces(t *testing.T) {
	smallFile(t, swept)
	trial := []string{"replay", "small.toml", "--case", "crash", "--set", "network.loss=0"}
	random := []string{"replay", "--swarm", "5"}
	for _, c := range []struct {
		of    []string
		flags string
		begin string
		holds []string
	}{
		{trial, "--trace json --system zab", `{"kind":"header","version":1,"name":"small sim zab crash network.loss=0, trial 0","system":"zab"`, []string{`"type":"NOTIFICATION"`, `"lost":"its receiver is down"`}},
		{trial, "--trace json --from 900ms --to 1s", `{"kind":"header"`, []string{`"from_ms":900,"to_ms":1000,`}},
		{trial, "--trace perfetto --system raft,zab", `{"displayTimeUnit":"ms","traceEvents":[`, []string{`"name":"small sim raft crash network.loss=0, trial 0"`, `"name":"small sim zab crash network.loss=0, trial 0"`}},
		{trial, "--trace shiviz", `(?<at>`, []string{"fault: crash ["}},
		{trial, "--trace html --system raft,zab", "<!doctype html>", []string{"<section class=\"spacetime\"", `"name":"activate"`, `"system":"zab"`}},
		{random, "--trace json --system raft", `{"kind":"header","version":1,"name":"swarm raft, seed 5","system":"raft","protocol":"raft","seed":5,`, []string{`"kind":"fault"`}},
		{random, "--trace shiviz --system zab", `(?<at>`, []string{"NOTIFICATION"}},
	} {
		args := append(append([]string{}, c.of...), strings.Fields(c.flags)...)
		got := held(t, args...)
		if !strings.HasPrefix(got, c.begin) {
			t.Errorf("%q begins with %.200s", args, got)
		}
		for _, part := range c.holds {
			if !strings.Contains(got, part) {
				t.Errorf("%q has no %s", args, part)
			}
		}
		if len(got) > 400_000 && strings.Contains(c.flags, "html") {
			t.Errorf("%q: %d bytes", args, len(got))
		}
		file := filepath.Join(t.TempDir(), "trace")
		if printed := held(t, append(args, "--out", file)...); printed != "" {
			t.Errorf("%q prints %.100s", args, printed)
		}
		if kept, err := os.ReadFile(file); err != nil || string(kept) != got {
			t.Errorf("%q: the file has %d bytes, the screen %d (%v)", args, len(kept), len(got), err)
		}
	}
}

// A story that breaks something is traced up to there, and the exit code says it.
func TestABrokenStoryIsTraced(t *testing.T) {
	storyFile(t, func(s *swarm.Story) { s.End = s.Heal + 1000 })
	code, out, errs := raftzab("replay", "story.toml", "--trace", "json")
	if code != exitViolated || !strings.HasPrefix(errs, "no progress within ") || !json.Valid(bytes.SplitN([]byte(out), []byte("\n"), 2)[0]) {
		t.Errorf("exit %d, %q, %.100s", code, errs, out)
	}
}
