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
	bad := Config{ID: 4, Voters: []protocols.NodeID{0, 1, 1}, ElectionTimeout: Timeout{Min: 5, Max: 4}, Heartbeat: 5}
	err := bad.Validate()
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"not among the voters", "number 0", "twice", "right way round", "heartbeat"} {
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
	e := newEnsemble(t, 3)
	kinds := map[string]bool{}
	note := func() {
		for _, l := range e.letters {
			k := l.m.Kind()
			kinds[KindName(k)] = true
			if ElectionKind(k) == strings.Contains(KindName(k), "Data") {
				t.Errorf("%v: %s", l.m, KindName(k))
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
	at := func(term, index uint64) protocols.EntryID { return protocols.EntryID{Epoch: term, Index: index} }
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
	} {
		if got := c.m.String(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
