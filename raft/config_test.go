package raft

import (
	"strings"
	"testing"
	"unsafe"

	"raftzab/protocols"
)

func TestValidateNamesEveryProblem(t *testing.T) {
	good := Default()
	good.ID, good.Voters = 2, []protocols.NodeID{1, 2, 3}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	constant := good
	constant.ElectionTimeout.Max = constant.ElectionTimeout.Min
	if err := constant.Validate(); err != nil {
		t.Error(err)
	}
	learner := good
	learner.ID, learner.Learners = 4, []protocols.NodeID{4, 5}
	learner.CandidateTimeout, learner.ClockDrift = Timeout{Min: 5, Max: 5}, 0.99
	if err := learner.Validate(); err != nil {
		t.Error(err)
	}
	for want, edit := range map[string]func(*Config){
		"server 6 is not among":       func(c *Config) { c.ID = 6 },
		"no voters":                   func(c *Config) { c.Voters = nil },
		"twice among the members":     func(c *Config) { c.Learners = []protocols.NodeID{3} },
		"servers count from 1":        func(c *Config) { c.Learners = []protocols.NodeID{0} },
		"candidate timeout from 5":    func(c *Config) { c.CandidateTimeout = Timeout{Min: 5, Max: 4} },
		"candidate timeout from 0":    func(c *Config) { c.CandidateTimeout = Timeout{Max: 4} },
		"election timeout from":       func(c *Config) { c.ElectionTimeout.Max = 1 },
		"a healthy leader is deposed": func(c *Config) { c.Heartbeat = c.ElectionTimeout.Min },
		"drift by up to 1":            func(c *Config) { c.ClockDrift = 1 },
		"drift by up to -0.1":         func(c *Config) { c.ClockDrift = -0.1 },
		"window of 0 messages":        func(c *Config) { c.Window = 0 },
		"0 entries at most":           func(c *Config) { c.MaxEntries = 0 },
		"chunks of 0 bytes":           func(c *Config) { c.ChunkSize = 0 },
	} {
		c := learner
		edit(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("nothing about %q in: %v", want, err)
		}
	}
	bad := Config{ID: 4, Voters: []protocols.NodeID{0, 1, 1}, ElectionTimeout: Timeout{Min: 5, Max: 4}, Heartbeat: 5}
	err := bad.Validate()
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"not among the voters", "number 0", "twice", "right way round", "heartbeat", "window"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("nothing about %q in:\n%v", want, err)
		}
	}
}

// The simulator copies messages by value, through a slab.
func TestMessageStaysSmall(t *testing.T) {
	if n := unsafe.Sizeof(Message{}); n > 144 {
		t.Errorf("%d bytes", n)
	}
}

// Messages of client commands and their answers have kinds of their own;
// heartbeats, no-ops and their answers count as election.
func TestKindsTellElectionFromLoad(t *testing.T) {
	e := configured(t, 3, inChunks)
	kinds := map[string]bool{}
	note := func() {
		for _, l := range e.letters {
			k := l.m.Kind()
			kinds[KindName(k)] = true
			if ElectionKind(k) == (strings.Contains(KindName(k), "Data") || strings.Contains(KindName(k), "Snapshot")) {
				t.Errorf("%v: %s", l.m, KindName(k))
			}
			if (l.m.Chunk().Length > 0) != (l.m.Type == InstallSnapshot) {
				t.Errorf("%v goes with %v", l.m, l.m.Chunk())
			}
		}
	}
	run := func() {
		for busy := true; busy; {
			note()
			busy = e.deliver(nil) > 0
			for _, s := range e.servers {
				busy = busy || len(s.pending) > 0
				e.persist(s.cfg.ID)
			}
		}
	}
	e.timeout(1)
	run()
	e.beat(1)
	run()
	if len(kinds) != 4 {
		t.Errorf("an election without load has kinds %v", kinds)
	}
	e.propose(1, 10)
	run()
	if len(kinds) != 6 || !kinds["AppendEntriesData"] || !kinds["AppendEntriesDataResponse"] {
		t.Errorf("with load: %v", kinds)
	}
	e.propose(1, 11)
	e.drop(to(3))
	run()
	e.compact(1)
	e.disconnect(1, 3)
	e.beat(1)
	run()
	e.transfer(1, 2)
	run()
	for _, s := range e.servers {
		s.Replica.cfg.PreVote = true
	}
	e.now += millisecond * 150
	e.timeout(1)
	run()
	if len(kinds) != int(Kinds) {
		t.Errorf("with snapshots, a transfer and PreVote: %v", kinds)
	}
}

func TestSizeGrowsWithThePayload(t *testing.T) {
	m := Message{Type: AppendEntries}
	empty := m.Size()
	m.Entries = []protocols.Entry{{Command: protocols.Command{Size: 1000}}, {}}
	if got := m.Size() - empty; got != 1000+2*entrySize {
		t.Errorf("%d bytes more", got)
	}
}

func TestMessagesPrintTheirOwnFields(t *testing.T) {
	for _, c := range []struct {
		m    Message
		want string
	}{
		{Message{Type: RequestVote, Term: 3, LastLog: at(2, 7)}, "RequestVote term=3 lastLog=2.7"},
		{Message{Type: RequestVoteResponse, Term: 3, VoteGranted: true}, "RequestVoteResponse term=3 voteGranted=true"},
		{Message{Type: AppendEntries, Term: 3, PrevLog: at(2, 7), LeaderCommit: 5}, "AppendEntries term=3 prevLog=2.7 leaderCommit=5"},
		{Message{Type: AppendEntries, Term: 3, Entries: []protocols.Entry{{ID: at(3, 1)}}}, "AppendEntries term=3 prevLog=0.0 entries=3.1 leaderCommit=0"},
		{Message{Type: AppendEntries, Term: 3, Entries: []protocols.Entry{{ID: at(3, 1)}, {ID: at(3, 2)}}}, "AppendEntries term=3 prevLog=0.0 entries=3.1..3.2 leaderCommit=0"},
		{Message{Type: AppendEntriesResponse, Term: 3, Success: true, MatchIndex: 8}, "AppendEntriesResponse term=3 success=true matchIndex=8"},
		{Message{Type: AppendEntriesResponse, Term: 3, Conflict: at(1, 4)}, "AppendEntriesResponse term=3 success=false conflict=1.4"},
		{Message{Type: RequestVote, Term: 3, LastLog: at(2, 7), Transfer: true}, "RequestVote term=3 lastLog=2.7 transfer=true"},
		{Message{Type: PreVote, Term: 3, LastLog: at(2, 7)}, "PreVote term=3 lastLog=2.7"},
		{Message{Type: PreVoteResponse, Term: 3, VoteGranted: true}, "PreVoteResponse term=3 voteGranted=true"},
		{chunk(3, at(2, 7), 80, 20), "InstallSnapshot term=3 lastIncluded=2.7 offset=80 length=20 done=true"},
		{Message{Type: InstallSnapshotResponse, Term: 3, Snapshot: protocols.Chunk{At: at(2, 7), Offset: 80}}, "InstallSnapshotResponse term=3 success=false lastIncluded=2.7 offset=80"},
		{Message{Type: InstallSnapshotResponse, Term: 3, Success: true, MatchIndex: 7}, "InstallSnapshotResponse term=3 success=true matchIndex=7"},
		{Message{Type: TimeoutNow, Term: 3}, "TimeoutNow term=3"},
	} {
		if got := c.m.String(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
