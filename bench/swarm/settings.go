package swarm

import (
	"fmt"
	"strings"

	"raftzab/bench/network"
)

// A setting is something that a seed draws, and the values that are told apart.
type setting struct {
	name   string
	values []string
	of     func(s *Story, c *chance) int // which value; -1: the system has no such setting
}

// Settings are which values a run has, in the order of the table.
type Settings [len(settings)]int8

var settings = [...]setting{
	{"voters", []string{"1", "2", "3", "4", "5", "6", "7"}, func(s *Story, _ *chance) int { return s.Voters - 1 }},
	{"learners", []string{"0", "1", "2", "3", "4"}, func(s *Story, _ *chance) int { return s.Learners }},
	{"channel", []string{"stream", "datagram"}, ofRaft(func(s *Story, _ *chance) int { return is(s.Air.Channel == network.Datagram) })},
	{"loss", onOff, func(s *Story, _ *chance) int { return is(s.Air.Loss > 0) }},
	{"duplication", onOff, ofRaft(func(s *Story, _ *chance) int { return is(s.Air.Duplicate > 0) })},
	{"reordering", onOff, ofRaft(func(s *Story, _ *chance) int { return is(s.Air.Reorder > 0) })},
	{"prevote", onOff, ofRaft(func(s *Story, _ *chance) int { return is(s.Raft.PreVote) })},
	{"check_quorum", onOff, ofRaft(func(s *Story, _ *chance) int { return is(s.Raft.CheckQuorum) })},
	{"clock_drift", onOff, ofRaft(func(s *Story, _ *chance) int { return is(s.Raft.ClockDrift > 0) })},
	{"leases", onOff, ofRaft(func(s *Story, _ *chance) int { return is(s.Raft.CheckQuorum && s.Raft.ClockDrift > 0) })},
	{"clocks", []string{"true", "drift within the bound", "drift and jump"}, func(s *Story, c *chance) int {
		return is(c.chaos.Drift > 0) + is(c.chaos.Skew > 0)
	}},
	{"commit_notice", []string{"heartbeat", "eager"}, ofRaft(func(s *Story, _ *chance) int { return int(s.Raft.CommitNotice) })},
	{"backtrack", []string{"term", "one"}, ofRaft(func(s *Story, _ *chance) int { return int(s.Raft.Backtrack) })},
	{"candidate_timeout", onOff, ofRaft(func(s *Story, _ *chance) int { return is(s.Raft.CandidateTimeout.Min > 0) })},
	{"window", []string{"1", "2-5", "64"}, ofRaft(func(s *Story, _ *chance) int { return is(s.Raft.Window > 1) + is(s.Raft.Window > 5) })},
	{"max_entries", []string{"1", "2-9", "1024"}, ofRaft(func(s *Story, _ *chance) int { return is(s.Raft.MaxEntries > 1) + is(s.Raft.MaxEntries > 9) })},
	{"chunk_size", []string{"48", "64-263", "65536"}, ofRaft(func(s *Story, _ *chance) int { return is(s.Raft.ChunkSize > 48) + is(s.Raft.ChunkSize > 263) })},
	{"trailing", []string{"0", "1-30", "1024"}, ofRaft(func(s *Story, _ *chance) int { return is(s.Raft.Trailing > 0) + is(s.Raft.Trailing > 30) })},
	{"images", []string{"none", "every 2-16", "every 20-219"}, func(s *Story, _ *chance) int { return is(s.Images > 0) + is(s.Images > 16) }},
	{"transfers", onOff, ofRaft(func(_ *Story, c *chance) int { return is(c.chaos.Transfer) })},
	{"failing disks", onOff, func(_ *Story, c *chance) int { return is(c.chaos.FailDisk) }},
	{"partial partitions", onOff, func(_ *Story, c *chance) int { return is(c.chaos.Partial) }},
	{"finalize_wait", []string{"0", "20ms", "50ms", "200ms"}, ofZab(func(s *Story, _ *chance) int {
		return is(s.Zab.FinalizeWait > 0) + is(s.Zab.FinalizeWait > 20*ms) + is(s.Zab.FinalizeWait > 50*ms)
	})},
	{"sync", []string{"zookeeper", "quorum"}, ofZab(func(s *Story, _ *chance) int { return int(s.Zab.Sync) })},
	{"committed_log", []string{"0", "1-30", "500"}, ofZab(func(s *Story, _ *chance) int { return is(s.Zab.CommittedLog > 0) + is(s.Zab.CommittedLog > 30) })},
	{"last_counter", []string{"50-549", "2^32-1"}, ofZab(func(s *Story, _ *chance) int { return is(s.Zab.LastCounter > 549) })},
	{"observer_delay", []string{"0", "200ms"}, ofZab(func(s *Story, _ *chance) int { return is(s.Zab.ObserverElectionDelay > 0) })},
}

var onOff = []string{"off", "on"}

func is(x bool) int {
	if x {
		return 1
	}
	return 0
}

func ofRaft(f func(*Story, *chance) int) func(*Story, *chance) int { return only("raft", f) }

func ofZab(f func(*Story, *chance) int) func(*Story, *chance) int { return only("zab", f) }

func only(system string, f func(*Story, *chance) int) func(*Story, *chance) int {
	return func(s *Story, c *chance) int {
		if s.System != system {
			return -1
		}
		return f(s, c)
	}
}

func settingsOf(s *Story, c *chance) (which Settings) {
	for i := range settings {
		which[i] = int8(settings[i].of(s, c))
	}
	return which
}

// A count says how many runs had each value of each setting.
type count [len(settings)][8]int

func (c *count) add(which *Settings) {
	for i, v := range which {
		if v >= 0 {
			c[i][v]++
		}
	}
}

// String writes a line a setting.
func (c *count) String() string {
	var b strings.Builder
	for i := range settings {
		line, any := "", 0
		for v, name := range settings[i].values {
			line += fmt.Sprintf("  %s %d", name, c[i][v])
			any += c[i][v]
		}
		if any > 0 {
			fmt.Fprintf(&b, "\n  %-19s%s", settings[i].name, line)
		}
	}
	return b.String()
}
