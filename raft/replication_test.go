package raft

import (
	"math/rand/v2"
	"slices"
	"testing"

	"raftzab/protocols"
)

// These tests follow the paper's section 5.3: each is named after a sentence, in
// the paper's order.

// §5.3: "The leader appends the command to its log as a new entry, then issues
// AppendEntries RPCs in parallel"; "a log entry is committed once the leader
// that created the entry has replicated it on a majority of the servers";
// "once a follower learns that a log entry is committed, it applies the entry".
func TestCommandIsReplicatedCommittedAndLearned(t *testing.T) {
	e := newEnsemble(t, 3)
	e.elect(1)
	e.propose(1, 10, 11)
	if ms := e.sent(1, AppendEntries); len(ms) != 2 || len(ms[0].Entries) != 2 || ms[0].PrevLog != (protocols.EntryID{Epoch: 1, Index: 1}) {
		t.Fatalf("%v", ms)
	}
	e.settle()
	if n := len(e.at(1).committed); n != 3 {
		t.Errorf("the leader committed %d entries, want the no-op and two", n)
	}
	if n := len(e.at(2).committed); n != 1 {
		t.Errorf("a follower committed %d entries before it was told", n)
	}
	e.beat(1)
	e.settle()
	for id := protocols.NodeID(1); id <= 3; id++ {
		if c := e.at(id).committed; len(c) != 3 || c[1].Command.Value != 10 || c[2].Command.Value != 11 {
			t.Errorf("server %d committed %v", id, c)
		}
	}
	if got := e.at(2).saw(protocols.CommitAdvanced); len(got) != 2 || got[0].At.Index != 1 || got[1].At.Index != 3 {
		t.Errorf("%v", got)
	}
	if got := e.at(1).saw(protocols.Proposed); len(got) != 2 || got[1].ID.Seq != 11 || got[1].At.Index != 3 {
		t.Errorf("%v", got)
	}
}

// §5.3: "If the follower does not find an entry in its log with the same index
// and term, then it refuses the new entries." And it leaves its log as it is.
func TestConsistencyCheckRefusesWhatDoesNotFollow(t *testing.T) {
	at := func(term, index uint64) protocols.EntryID { return protocols.EntryID{Epoch: term, Index: index} }
	for _, c := range []struct {
		name     string
		log      []uint64
		prev     protocols.EntryID
		success  bool
		conflict protocols.EntryID
	}{
		{"both logs empty", nil, at(0, 0), true, at(0, 0)},
		{"at the end", []uint64{1, 2}, at(2, 2), true, at(0, 0)},
		{"in the middle", []uint64{1, 2}, at(1, 1), true, at(0, 0)},
		{"log too short", []uint64{1, 1}, at(1, 3), false, at(1, 2)},
		{"log empty", nil, at(1, 3), false, at(0, 0)},
		{"another term there, older", []uint64{1, 2, 2}, at(3, 3), false, at(2, 3)},
		{"another term there, newer", []uint64{1, 3, 3}, at(2, 3), false, at(1, 1)},
	} {
		e := newEnsemble(t, 3, c.log)
		before := e.terms(1)
		e.receive(1, 2, Message{Type: AppendEntries, Term: 9, PrevLog: c.prev})
		e.persist(1)
		ms := e.sent(1, AppendEntriesResponse)
		if len(ms) != 1 || ms[0].Success != c.success || ms[0].Conflict != c.conflict || c.success && ms[0].MatchIndex != c.prev.Index {
			t.Errorf("%s: %v", c.name, ms)
		}
		if e.terms(1) != before {
			t.Errorf("%s: log %s became %s", c.name, before, e.terms(1))
		}
	}
}

// §5.3, figure 7: whatever the followers' logs are when the leader at the top
// comes to power, "conflicting entries in follower logs will be overwritten",
// and "a leader never overwrites or deletes entries in its own log". One
// rejection skips a term: "one AppendEntries RPC will be required for each term
// with conflicting entries, rather than one RPC per entry".
func TestFollowersLogsBecomeTheLeaders(t *testing.T) {
	logs := [][]uint64{
		{1, 1, 1, 4, 4, 5, 5, 6, 6, 6},
		{1, 1, 1, 4, 4, 5, 5, 6, 6},          // a
		{1, 1, 1, 4},                         // b
		{1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6},    // c
		{1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7}, // d
		{1, 1, 1, 4, 4, 4, 4},                // e
		{1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3},    // f
	}
	e := newEnsemble(t, 7, logs...)
	e.at(1).disk.Registers[0] = 7
	e.restart(1)
	refusals := make([]int, 8)
	e.timeout(1)
	for range 40 {
		for id := protocols.NodeID(1); id <= 7; id++ {
			e.persist(id)
		}
		for _, l := range e.letters {
			if l.m.Type == AppendEntriesResponse && !l.m.Success {
				refusals[l.from]++
			}
		}
		e.deliver(nil)
	}
	for id := protocols.NodeID(1); id <= 7; id++ {
		if got := e.terms(id); got != "11144556668" {
			t.Errorf("server %d: log %s", id, got)
		}
	}
	for id, want := range []int{2: 1, 3: 1, 4: 0, 5: 0, 6: 1, 7: 1} {
		if refusals[id] != want {
			t.Errorf("server %d refused %d times, want %d", id, refusals[id], want)
		}
	}
	for id, want := range []protocols.EntryID{4: {Epoch: 6, Index: 10}, 5: {Epoch: 6, Index: 10}, 6: {Epoch: 4, Index: 5}, 7: {Epoch: 1, Index: 3}} {
		if want.Index == 0 {
			continue
		}
		if got := e.at(protocols.NodeID(id)).saw(protocols.LogTruncated); len(got) != 1 || got[0].At != want {
			t.Errorf("server %d truncated: %v, want to %v", id, got, want)
		}
	}
}

// §5.3: "The leader handles inconsistencies by forcing the followers' logs to
// duplicate its own": for any two logs that earlier terms can have left behind,
// and with at most one rejection for each of them.
func TestRepairEndsForAnyTwoLogs(t *testing.T) {
	const terms = 6
	for seed := range uint64(2000) {
		rng := rand.New(rand.NewPCG(seed, 3))
		logs := [][]uint64{nil}
		for term := range uint64(terms) { // each term's leader goes on behind some part of an earlier log
			from := logs[rng.IntN(len(logs))]
			log := slices.Clone(from[:rng.IntN(len(from)+1)])
			for range rng.IntN(6) {
				log = append(log, term+1)
			}
			logs = append(logs, log)
		}
		last := func(log []uint64) (id protocols.EntryID) {
			if n := len(log); n > 0 {
				id = protocols.EntryID{Epoch: log[n-1], Index: uint64(n)}
			}
			return id
		}
		a, b := logs[rng.IntN(len(logs))], logs[rng.IntN(len(logs))]
		if last(a).Less(last(b)) {
			a, b = b, a
		}
		e := newEnsemble(t, 2, a, b)
		e.at(1).disk.Registers[0] = terms
		e.restart(1)
		e.timeout(1)
		refusals := 0
		for range 60 {
			e.persist(1)
			e.persist(2)
			for _, m := range e.sent(2, AppendEntriesResponse) {
				if !m.Success {
					refusals++
				}
			}
			e.deliver(nil)
		}
		if e.terms(1) != e.terms(2) || e.at(1).commitIndex != uint64(len(a)+1) || refusals > terms {
			t.Fatalf("leader %v, follower %v: after %d refusals %s and %s", a, b, refusals, e.terms(1), e.terms(2))
		}
	}
}

// §5.3, figure 2: "If an existing entry conflicts with a new one (same index
// but different terms), delete the existing entry and all that follow it": only
// then. An AppendEntries that comes late shows less than the follower has.
func TestStaleAppendEntriesDoesNotTruncate(t *testing.T) {
	e := newEnsemble(t, 3)
	e.elect(1)
	e.propose(1, 10)
	old := e.sent(1, AppendEntries)[0]
	e.settle()
	e.propose(1, 11)
	e.settle()
	for _, m := range []Message{old, {Type: AppendEntries, Term: 1, PrevLog: old.PrevLog}} {
		e.receive(2, 1, m)
		if got := e.terms(2); got != "111" {
			t.Fatalf("after %v the log is %s", m, got)
		}
		if ev := e.at(2).saw(protocols.LogTruncated); len(ev) != 0 {
			t.Fatalf("%v", ev)
		}
	}
}

// Figure 2: "If leaderCommit > commitIndex, set commitIndex = min(leaderCommit,
// index of last new entry)": what lies behind that may not be the leader's.
func TestFollowerCommitsOnlyWhatItKnowsToAgree(t *testing.T) {
	e := newEnsemble(t, 3, []uint64{1, 1, 1})
	e.receive(1, 2, Message{Type: AppendEntries, Term: 2, PrevLog: protocols.EntryID{Epoch: 1, Index: 1}, LeaderCommit: 3})
	if got := e.at(1).commitIndex; got != 1 {
		t.Errorf("commitIndex %d, want 1", got)
	}
}
