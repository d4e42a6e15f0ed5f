package raft

import (
	"math/rand/v2"
	"slices"
	"testing"

	"raftzab/protocols"
)

// §5.3: "The leader appends the command to its log as a new entry, then issues
// AppendEntries RPCs in parallel"; "a log entry is committed once the leader
// that created the entry has replicated it on a majority of the servers";
// "once a follower learns that a log entry is committed, it applies the entry".
func TestCommandIsReplicatedCommittedAndLearned(t *testing.T) {
	e := newEnsemble(t, 3)
	e.elect(1)
	e.propose(1, 10, 11)
	if ms := e.sent(1, AppendEntries); len(ms) != 2 || len(ms[0].Entries) != 2 || ms[0].PrevLog != at(1, 1) {
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

// §5.3: the leader "includes that index in future AppendEntries RPCs (including
// heartbeats) so that the other servers eventually find out". NoticeEager has one
// sent for that alone: to each follower, once.
func TestFollowersEventuallyFindOutWhatIsCommitted(t *testing.T) {
	for _, eager := range []bool{false, true} {
		e := configured(t, 4, func(c *Config) {
			learning(1)(c)
			if eager {
				c.CommitNotice = NoticeEager
			}
		})
		e.elect(1)
		e.propose(1, 10)
		e.deliver(nil)
		for id := protocols.NodeID(1); id <= 4; id++ {
			e.persist(id)
		}
		e.deliver(to(1))
		notices := e.sent(1, AppendEntries)
		if want := map[bool]int{false: 0, true: 3}[eager]; len(notices) != want {
			t.Errorf("eager %t: %v", eager, notices)
		}
		for _, m := range notices {
			if len(m.Entries) != 0 || m.LeaderCommit != 2 || m.Data {
				t.Errorf("%v", m)
			}
		}
		e.settle()
		for id := protocols.NodeID(2); id <= 4; id++ {
			if s := e.at(id); (len(s.committed) == 2) != eager {
				t.Errorf("eager %t: %v", eager, s)
			}
		}
		e.beat(1)
		e.settle()
		if s := e.at(4); len(s.committed) != 2 {
			t.Errorf("eager %t, after a heartbeat: %v", eager, s)
		}
	}
}

// Such a notice goes out whatever moved commitIndex, the leader's own disk included, and
// only to those that answer: what a silent follower misses is the heartbeat's business.
func TestNoticesGoToThoseThatAnswer(t *testing.T) {
	e := configured(t, 3, func(c *Config) { c.CommitNotice = NoticeEager })
	e.elect(1)
	e.disconnect(1, 3)
	e.propose(1, 10)
	e.deliver(nil)
	e.persist(2)
	e.deliver(nil)
	if s := e.at(1); s.commitIndex != 1 || len(e.letters) != 0 {
		t.Fatalf("%v, under way %v", s, e.letters)
	}
	e.persist(1)
	if len(e.letters) != 1 || e.letters[0].to != 2 || e.letters[0].m.LeaderCommit != 2 {
		t.Errorf("under way %v", e.letters)
	}
}

// §5.3: "If followers crash or run slowly, or if network packets are lost, the leader
// retries AppendEntries RPCs indefinitely (even after it has responded to the client)
// until all followers eventually store all log entries." Here with every heartbeat,
// and nothing more often to who does not answer.
func TestLeaderRetriesUntilAllFollowersStoreAllEntries(t *testing.T) {
	e := newEnsemble(t, 3)
	e.elect(1)
	for v := range uint64(3) {
		e.propose(1, v)
		e.drop(to(3))
		e.settle()
	}
	e.at(1).Disconnected(e.now, 3, &e.at(1).out)
	e.take(e.at(1))
	for range 50 {
		e.beat(1)
		e.propose(1, 9)
		if n := e.deliver(to(2)); n != 2 {
			t.Fatalf("%d messages to the one that answers", n)
		}
		if ms := e.sent(1, AppendEntries); len(ms) != 1 || ms[0].PrevLog.Index != 1 {
			t.Fatalf("to the one that does not: %v", ms)
		}
		e.drop(to(3))
		e.settle()
	}
	if s := e.at(1); s.commitIndex != 54 {
		t.Fatalf("%v", s)
	}
	e.beat(1)
	e.settle()
	if s := e.at(3); s.log.Last().Index != 54 || e.at(1).member(3).matchIndex != 54 {
		t.Errorf("%v", s)
	}
}

// §5.3: "If the follower does not find an entry in its log with the same index
// and term, then it refuses the new entries." And it leaves its log as it is.
func TestConsistencyCheckRefusesWhatDoesNotFollow(t *testing.T) {
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

// figure7 is what the seven servers of the figure hold when the one at the top comes to power.
var figure7 = [][]uint64{
	{1, 1, 1, 4, 4, 5, 5, 6, 6, 6},
	{1, 1, 1, 4, 4, 5, 5, 6, 6},          // a
	{1, 1, 1, 4},                         // b
	{1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6},    // c
	{1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7}, // d
	{1, 1, 1, 4, 4, 4, 4},                // e
	{1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3},    // f
}

// §5.3, figure 7: "conflicting entries in follower logs will be overwritten with
// entries from the leader's log": "After a rejection, the leader decrements nextIndex
// and retries the AppendEntries RPC. Eventually nextIndex will reach a point where the
// leader and follower logs match." With the optimisation, "one AppendEntries RPC will
// be required for each term with conflicting entries, rather than one RPC per entry".
// And "a leader never overwrites or deletes entries in its own log".
func TestConflictingEntriesAreOverwrittenWithTheLeaders(t *testing.T) {
	for _, c := range []struct {
		backtrack Backtrack
		refusals  []int // of a to f
	}{
		{BacktrackOne, []int{1, 6, 0, 0, 5, 7}},
		{BacktrackTerm, []int{1, 1, 0, 0, 1, 1}},
	} {
		e := configured(t, 7, func(cfg *Config) { cfg.Backtrack = c.backtrack }, figure7...)
		e.at(1).disk.Registers[0] = 7
		e.restart(1)
		e.timeout(1)
		refusals, rounds := make([]int, 6), 0
		for ; e.at(1).member(7).matchIndex < 11; rounds++ { // f needs the most
			for id := protocols.NodeID(1); id <= 7; id++ {
				e.persist(id)
			}
			for _, l := range e.letters {
				if l.m.Type == AppendEntriesResponse && !l.m.Success {
					refusals[l.from-2]++
				}
			}
			e.deliver(nil)
		}
		if !slices.Equal(refusals, c.refusals) {
			t.Errorf("backtrack %d: refused %v times, want %v", c.backtrack, refusals, c.refusals)
		}
		if want := 2 + 2*(c.refusals[5]+1); rounds != want { // the votes, and a round trip for each refusal and for the success
			t.Errorf("backtrack %d: %d times the messages of all went one way, want %d", c.backtrack, rounds, want)
		}
		for id := protocols.NodeID(1); id <= 7; id++ {
			if got := e.terms(id); got != "11144556668" {
				t.Errorf("backtrack %d: server %d: log %s", c.backtrack, id, got)
			}
		}
		cuts := map[protocols.NodeID]protocols.EntryID{4: at(6, 10), 5: at(6, 10), 6: at(4, 5), 7: at(1, 3)}
		for id := protocols.NodeID(1); id <= 7; id++ {
			got := e.at(id).saw(protocols.LogTruncated)
			if want, ok := cuts[id]; len(got) > 1 || (len(got) == 1) != ok || ok && got[0].At != want {
				t.Errorf("backtrack %d: server %d truncated %v, want to %v", c.backtrack, id, got, want)
			}
		}
	}
}

// §5.3: "The leader handles inconsistencies by forcing the followers' logs to
// duplicate its own": for any two logs that earlier terms can have left behind, and
// with at most one rejection for each of those terms, or for each entry of the longer log.
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
		backtrack, most := BacktrackTerm, terms
		if seed%2 == 1 {
			backtrack, most = BacktrackOne, max(len(a), len(b))
		}
		e := configured(t, 2, func(c *Config) { c.Backtrack = backtrack }, a, b)
		e.at(1).disk.Registers[0] = terms
		e.restart(1)
		e.timeout(1)
		refusals := 0
		for range 100 {
			e.persist(1)
			e.persist(2)
			for _, m := range e.sent(2, AppendEntriesResponse) {
				if !m.Success {
					refusals++
				}
			}
			e.deliver(nil)
		}
		if e.terms(1) != e.terms(2) || e.at(1).commitIndex != uint64(len(a)+1) || refusals > most {
			t.Fatalf("leader %v, follower %v: after %d refusals %s and %s", a, b, refusals, e.terms(1), e.terms(2))
		}
	}
}

// A refusal that comes late, when what it asked for has been brought, is no reason to
// begin anew: on datagrams each repair would cause the next.
func TestLateRefusalsCauseNoRepair(t *testing.T) {
	e := newEnsemble(t, 2)
	e.elect(1)
	e.propose(1, 10)
	e.drop(all)
	for v := range uint64(3) {
		e.propose(1, 20+v)
	}
	e.deliver(nil)
	late := e.sent(2, AppendEntriesResponse)
	e.settle()
	e.propose(1, 30)
	for _, m := range late {
		if m.Success {
			t.Fatalf("%v", m)
		}
		e.receive(1, 2, m)
	}
	if p := e.at(1).member(2); p.probing || len(e.letters) != 1 {
		t.Errorf("%+v, under way %v", p, e.letters)
	}
}

// With BacktrackOne as well, a gap behind a place that is known to agree takes one step.
func TestRepairGoesToWhereTheLogsAreKnownToAgree(t *testing.T) {
	e := configured(t, 2, func(c *Config) { c.Backtrack = BacktrackOne })
	e.elect(1)
	for v := range uint64(9) {
		e.propose(1, v)
	}
	e.drop(all)
	e.beat(1)
	e.deliver(nil)
	e.deliver(nil)
	if ms := e.sent(1, AppendEntries); len(ms) != 1 || ms[0].PrevLog != at(1, 1) || len(ms[0].Entries) != 9 {
		t.Errorf("%v", ms)
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
	e.receive(1, 2, Message{Type: AppendEntries, Term: 2, PrevLog: at(1, 1), LeaderCommit: 3})
	if got := e.at(1).commitIndex; got != 1 {
		t.Errorf("commitIndex %d, want 1", got)
	}
}
