package run

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"raftzab/bench/fault"
	"raftzab/bench/random"
	"raftzab/raft"
	"raftzab/results"
	"raftzab/zab"
)

// What a scenario leaves open is what each system has by itself, and is told.
func TestCompleteSettingsSayWhatASystemGets(t *testing.T) {
	for name, want := range map[string]string{
		"raft":      `"PreVote":false,"CheckQuorum":false,"CommitNotice":"heartbeat","Backtrack":"term","Window":64,"MaxEntries":1024,"ChunkSize":65536,"Trailing":1024`,
		"etcd":      `"PreVote":false,"CheckQuorum":false,"Window":512`,
		"hashicorp": `"PreVote":true,"CheckQuorum":true,"MaxEntries":64`,
		"zab":       `"Heartbeat":"75ms"}`,
	} {
		s, err := Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		x := failover(name, fault.Crash, 1).Settings
		s.Complete(&x)
		text, err := json.Marshal(x.Raft)
		if err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s: %s, want %s (%v)", name, text, want, err)
		}
	}
}

func TestEveryOptionReachesOurRaft(t *testing.T) {
	s := failover("raft", fault.Crash, 1).Settings
	s.Raft.CandidateTimeout = Range{10, 20}
	s.Raft.PreVote, s.Raft.CheckQuorum, s.Raft.ClockDrift = new(true), new(true), 0.25
	s.Raft.CommitNotice, s.Raft.Backtrack = "eager", "one"
	s.Raft.Window, s.Raft.MaxEntries, s.Raft.ChunkSize, s.Raft.Trailing = 2, 3, 4, new(0)
	got := raftConfig(&s)
	want := raft.Config{ElectionTimeout: raft.Timeout{Min: 150_000_000, Max: 300_000_000}, CandidateTimeout: raft.Timeout{Min: 10, Max: 20}, Heartbeat: 75_000_000,
		PreVote: true, CheckQuorum: true, ClockDrift: 0.25, CommitNotice: raft.NoticeEager, Backtrack: raft.BacktrackOne, Window: 2, MaxEntries: 3, ChunkSize: 4}
	if a, b := got, want; a.Voters != nil || a.Learners != nil || a.ElectionTimeout != b.ElectionTimeout || a.CandidateTimeout != b.CandidateTimeout || a.Heartbeat != b.Heartbeat ||
		a.PreVote != b.PreVote || a.CheckQuorum != b.CheckQuorum || a.ClockDrift != b.ClockDrift || a.CommitNotice != b.CommitNotice || a.Backtrack != b.Backtrack ||
		a.Window != b.Window || a.MaxEntries != b.MaxEntries || a.ChunkSize != b.ChunkSize || a.Trailing != b.Trailing {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestEveryOptionReachesOurZab(t *testing.T) {
	s := failover("zab", fault.Crash, 1).Settings
	want := zab.Default()
	want.Tick = s.Zab.Tick.Time()
	if got, want := fmt.Sprintf("%+v", zabConfig(&s)), fmt.Sprintf("%+v", want); got != want {
		t.Errorf("without options %s, want %s", got, want)
	}
	s.Zab = Zab{Tick: 2, InitLimit: 3, SyncLimit: 4, FinalizeWait: 5, MinNotification: 6, MaxNotification: 7, ConnectRetry: 8, ObserverDelay: 9,
		CommittedLog: new(0), Sync: "quorum", LastCounter: 10}
	want = zab.Config{Tick: 2, InitLimit: 3, SyncLimit: 4, FinalizeWait: 5, MinNotificationInterval: 6, MaxNotificationInterval: 7,
		ConnectRetry: 8, ObserverElectionDelay: 9, Sync: zab.SyncQuorum, LastCounter: 10}
	if got := zabConfig(&s); fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// Every feature that a system says it lacks is one that settings can ask for.
func TestWhatSystemsLackCanBeAskedFor(t *testing.T) {
	x := Settings{Observe: 1, Cluster: Cluster{Observers: 1, SnapshotEntries: 1}, Network: Network{Channel: datagram}, Nodes: []Node{{Timeout: Range{1, 1}}}, Faults: []Planned{{Fail: true}},
		Zab:  Zab{JVM: []string{"-Xmx1g"}, CommittedLog: new(1), Sync: "quorum", LastCounter: 1},
		Raft: Raft{CandidateTimeout: Range{1, 1}, CheckQuorum: new(false), ClockDrift: 1, Backtrack: byOne, Window: 1, MaxEntries: 1, ChunkSize: 1, Trailing: new(1)}}
	can := map[string]bool{}
	for _, a := range x.asks(Sim) {
		can[a.feature] = true
	}
	for _, s := range Systems {
		for feature, why := range s.lacks {
			if !can[feature] || why == "" {
				t.Errorf("%s lacks %s, %q", s.Name, feature, why)
			}
		}
	}
}

// Systems that can have them elect and serve under every check, with what the new
// keys bring: datagrams that are lost, doubled and overtaken, learners, snapshots,
// clocks that go their own ways, and both options.
func TestLeaderIsReplacedWhateverTheOptions(t *testing.T) {
	for _, system := range []string{"raft", "etcd"} {
		cell := failover(system, fault.PowerOff, 20)
		s := &cell.Settings
		s.Network.Channel, s.Network.Loss, s.Network.Duplicate, s.Network.Reorder = "datagram", 0.02, 0.05, 0.05
		s.Cluster.Observers = 2
		s.Nodes = []Node{{ID: []NodeID{1, 7}, ClockDrift: 0.02, ClockSkew: Duration(second)}}
		s.Raft.PreVote, s.Raft.CheckQuorum = new(true), new(true)
		if system == "raft" {
			s.Cluster.SnapshotEntries, s.Raft.Trailing, s.Raft.ChunkSize = 50, new(0), 64
			s.Raft.Backtrack, s.Raft.CommitNotice, s.Raft.Window, s.Raft.CandidateTimeout = "one", "eager", 3, Range{100_000_000, 200_000_000}
			s.Raft.ClockDrift = 0.02
		}
		rows, sum := measure(t, cell, 1)
		if sum.Counts[results.OK] != 40 {
			t.Errorf("%s: %v", system, sum.Counts)
		}
		for _, r := range rows {
			if r.Leader > 5 {
				t.Errorf("%s, trial %d: %v leads, who has no vote", system, r.Trial, r.Leader)
			}
		}
	}
}

// The same for our Zab: observers, snapshots, clocks, and epochs that are short
// enough for some leaders to resign when they are used up.
func TestZabsLeaderIsReplacedWhateverTheOptions(t *testing.T) {
	cell := failover("zab", fault.PowerOff, 20)
	s := &cell.Settings
	s.Cluster.Observers, s.Cluster.SnapshotEntries = 2, 20
	s.Nodes = []Node{{ID: []NodeID{1, 7}, ClockDrift: 0.02, ClockSkew: Duration(second)}}
	s.Zab.CommittedLog, s.Zab.Sync, s.Zab.LastCounter, s.Zab.ObserverDelay = new(0), "quorum", 300, 0
	rows, sum := measure(t, cell, 1)
	if sum.Counts[results.OK] != 40 {
		t.Errorf("%v", sum.Counts)
	}
	for _, r := range rows {
		if r.Leader > 5 {
			t.Errorf("trial %d: %v leads, who has no vote", r.Trial, r.Leader)
		}
	}
}

// A transfer is a short election, which whom it names wins.
func TestTransferMovesTheLeadershipToItsTarget(t *testing.T) {
	for _, system := range []string{"raft", "etcd", "hashicorp"} {
		cell := failover(system, fault.Transfer, 5)
		cell.Settings.Faults[0].Target = fault.Target{Who: fault.Follower}
		cell.Settings.Probe.Interval = 0
		cell.Settings.Raft.PreVote = new(true)
		rows, sum := measure(t, cell, 1)
		if sum.Counts[results.OK] != 5 {
			t.Errorf("%s: %v", system, sum.Counts)
		}
		for _, r := range rows {
			if !(r.ElectMS < 140) { // nobody's timeout has ended: those are of 150 ms or more
				t.Errorf("%s, trial %d: active after %v ms", system, r.Trial, r.ElectMS)
			}
		}
	}
}

// A clock that runs twice as fast ends its server's timeouts in half the time.
func TestTheFastestClockStandsFirst(t *testing.T) {
	cell := failover("raft", fault.PowerOff, 40)
	cell.Settings.Probe.Interval = 0
	cell.Settings.Network.Delay = random.Distribution{Shape: random.Constant, A: 1_000_000}
	cell.Settings.Nodes = []Node{{ID: []NodeID{2}, ClockDrift: 0.99}}
	cell.Settings.Faults[0].Target = fault.Target{Who: fault.Fixed, Node: 2}
	first, _ := measure(t, cell, 1)
	led := 0
	for _, r := range first {
		if r.ElectMS == r.ElectMS { // to strike 2 was to strike the leader
			led++
		}
	}
	if led < 30 {
		t.Errorf("2, whose clock is fast, led %d of 40 clusters before anything went wrong", led)
	}
}
