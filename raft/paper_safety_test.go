package raft

import (
	"math/rand/v2"
	"slices"
	"testing"

	"raftzab/protocols"
)

// §5.4.1: "the voter denies its vote if its own log is more up-to-date than
// that of the candidate". "If the logs have last entries with different terms, then
// the log with the later term is more up-to-date. If the logs end with the same term,
// then whichever log is longer is more up-to-date." The same holds for a PreVote.
func TestElectionRestriction(t *testing.T) {
	for _, c := range []struct {
		log  []uint64
		last protocols.EntryID
		want bool
	}{
		{nil, at(0, 0), true},
		{[]uint64{1}, at(0, 0), false},
		{[]uint64{1, 2}, at(2, 2), true},
		{[]uint64{1, 2}, at(2, 3), true},
		{[]uint64{1, 2, 2}, at(2, 2), false},   // same term: the longer
		{[]uint64{1, 1, 1, 1}, at(2, 2), true}, // the later term
		{[]uint64{1, 3}, at(2, 9), false},
	} {
		for _, typ := range []MessageType{RequestVote, PreVote} {
			e := newEnsemble(t, 3, c.log)
			e.receive(1, 2, Message{Type: typ, Term: 9, LastLog: c.last})
			e.persist(1)
			if ms := e.sent(1, typ+1); len(ms) != 1 || ms[0].VoteGranted != c.want {
				t.Errorf("log %v, candidate %v: %v", c.log, c.last, ms)
			}
		}
	}
}

// figure8 is the figure's (c): S1 leads term 4 again and its entry of term 2 is
// on a majority; S5 holds one of term 3 in the same place.
func figure8(t *testing.T) *ensemble {
	e := newEnsemble(t, 5, []uint64{1, 2}, []uint64{1, 2}, []uint64{1}, []uint64{1}, []uint64{1, 3})
	e.at(1).disk.Registers[0] = 3
	e.restart(1)
	e.crash(5, 0)
	e.timeout(1)
	e.persist(1)
	e.deliver(nil)
	for id := protocols.NodeID(2); id <= 4; id++ {
		e.persist(id)
	}
	e.deliver(func(l letter) bool { return l.m.Type == RequestVoteResponse })
	if s := e.at(1); s.role != protocols.Leader || s.currentTerm != 4 {
		t.Fatalf("%v", s)
	}
	e.drop(all) // the no-op of term 4 is on S1 alone
	second := *e.at(1).log.At(1)
	e.receive(3, 1, Message{Type: AppendEntries, Term: 4, PrevLog: at(1, 1), Entries: []protocols.Entry{second}})
	e.receive(2, 1, Message{Type: AppendEntries, Term: 4, PrevLog: second.ID})
	e.persist(2)
	e.persist(3)
	if n := e.deliver(nil); n != 2 || e.at(1).member(2).matchIndex != 2 || e.at(1).member(3).matchIndex != 2 {
		t.Fatalf("%d answers; %+v", n, e.at(1).members)
	}
	return e
}

// §5.4.2, figure 8 (d): an entry of an earlier term "is stored on a majority of
// servers, yet can still be overwritten by a future leader": so "Raft never
// commits log entries from previous terms by counting replicas".
func TestEarlierTermsAreNotCommittedByCountingReplicas(t *testing.T) {
	e := figure8(t)
	if s := e.at(1); s.commitIndex != 0 || len(s.committed) != 0 {
		t.Fatalf("committed by counting: %v", s)
	}
	e.crash(1, 0)
	e.drop(all)
	e.at(5).disk.Registers[0] = 4
	e.restart(5)
	e.elect(5)
	for id := protocols.NodeID(2); id <= 5; id++ {
		if got := e.terms(id); got != "135" {
			t.Errorf("server %d: log %s", id, got)
		}
	}
}

// §5.4.2, figure 8 (e): "once an entry from the current term has been committed
// in this way, then all prior entries are committed indirectly"; S5 cannot win.
func TestEarlierTermsAreCommittedIndirectly(t *testing.T) {
	e := figure8(t)
	e.beat(1)
	e.settle()
	s := e.at(1)
	if s.commitIndex != 3 || len(s.committed) != 3 {
		t.Fatalf("%v, committed %v", s, s.committed)
	}
	if ev := s.saw(protocols.Activated); len(ev) != 1 || ev[0].Epoch != 4 {
		t.Errorf("%v", ev)
	}
	e.restart(5)
	e.timeout(5)
	e.settle()
	e.timeout(5)
	e.settle()
	if s := e.at(5); s.role == protocols.Leader {
		t.Errorf("elected without a committed entry: %v", s)
	}
}

// §5.5: "Raft handles these failures by retrying indefinitely; if the crashed server
// restarts, then the RPC will complete successfully." It may have lost what its disk
// had not done, and lies behind where the leader took it to be.
func TestRestartedFollowerGetsWhatItMisses(t *testing.T) {
	for kept := range 4 {
		e := newEnsemble(t, 3)
		e.elect(1)
		for v := range uint64(3) {
			e.propose(1, v)
		}
		e.deliver(to(3))
		e.crash(3, kept)
		e.settle()
		e.restart(3)
		e.disconnect(1, 3)
		e.beat(1)
		e.settle()
		if got := e.terms(3); got != "1111" || e.at(1).member(3).matchIndex != 4 {
			t.Errorf("%d of three writes were done: log %s", kept, got)
		}
	}
}

// §5.5: "Raft RPCs are idempotent, so this causes no harm"; dissertation 3.3: "Raft does
// not assume the network preserves ordering between RPCs." Here every message comes
// twice, the second time in reverse order with those that were under way, and some come
// a third time when they are long out of date.
func TestRPCsRepeatedAndOutOfOrderCauseNoHarm(t *testing.T) {
	const seeds = 150
	seen := make([]int, messageTypes)
	restored, commits := 0, 0
	for seed := range uint64(seeds) {
		rng := rand.New(rand.NewPCG(seed, 5))
		e := configured(t, 5, func(c *Config) {
			learning(int(seed % 3))(c)
			c.PreVote, c.CheckQuorum = seed%2 == 0, seed%4 < 2
			c.Trailing, c.ChunkSize, c.Window = seed%5, 30, 1+int(seed%3)
			c.Backtrack = Backtrack(seed / 2 % 2)
		})
		l := &ledger{seed: seed, leaders: map[uint64]protocols.NodeID{}}
		var old []letter
		deliver := func() {
			again := slices.Clone(e.letters)
			slices.Reverse(again)
			e.letters = append(again, again...)
			for _, l := range again {
				seen[l.m.Type]++
				if len(old) < 100 {
					old = append(old, l)
				} else {
					old[rng.IntN(len(old))] = l
				}
			}
			if len(old) > 0 {
				e.letters = append(e.letters, old[rng.IntN(len(old))])
			}
			e.deliver(nil)
		}
		away := protocols.None // nothing reaches it for a while, so that it comes to need a snapshot
		for i := range uint64(500) {
			id := protocols.NodeID(1 + rng.IntN(5))
			for _, s := range e.servers {
				if s.role == protocols.Leader && rng.IntN(2) == 0 {
					id = s.cfg.ID
				}
			}
			s, k := e.at(id), rng.IntN(200)
			switch leads := s.role == protocols.Leader; {
			case k < 2:
				e.crash(id, rng.IntN(len(s.pending)+1))
				e.restart(id)
			case k < 4 && s.votes && !leads:
				e.timeout(id)
			case k < 6:
				away = protocols.NodeID(rng.IntN(6))
			case k < 10:
				e.compact(id)
			case k < 12 && leads:
				e.transfer(id, protocols.NodeID(1+rng.IntN(5)))
			case k < 30 && leads:
				e.beat(id)
			case k < 70 && leads:
				e.propose(id, i)
			case k < 120:
				e.persist(id)
			default:
				e.drop(to(away))
				deliver()
			}
			l.look(e)
		}
		for range 20 {
			deliver()
			for _, s := range e.servers {
				e.persist(s.cfg.ID)
			}
		}
		l.look(e)
		commits += len(l.committed)
		for _, s := range e.servers {
			restored += len(s.restored)
		}
	}
	for typ, n := range seen {
		if sizes[typ] > 0 && n < 50 {
			t.Errorf("only %d of %v: the runs prove little", n, MessageType(typ))
		}
	}
	t.Logf("messages by type %v, %d snapshots taken, %d entries committed", seen, restored, commits)
	if restored < 10 || commits < 10*seeds {
		t.Errorf("only %d snapshots taken and %d entries committed: the runs prove little", restored, commits)
	}
}

// Dissertation 3.8: "the commit index can safely be reinitialized to zero on a restart.
// Even if every server restarts at the same time, the commit index will only
// temporarily lag behind its true value."
func TestCommitIndexAdvancesAgainAfterAllHaveRestarted(t *testing.T) {
	e := newEnsemble(t, 3)
	e.elect(1)
	e.propose(1, 10)
	e.settle()
	for id := protocols.NodeID(1); id <= 3; id++ {
		e.crash(id, 0)
	}
	e.drop(all)
	for id := protocols.NodeID(1); id <= 3; id++ {
		e.restart(id)
		if s := e.at(id); s.commitIndex != 0 || s.log.Last().Index != 2 {
			t.Fatalf("%v", s)
		}
	}
	e.elect(2)
	e.beat(2)
	e.settle()
	for _, s := range e.servers {
		if s.commitIndex != 3 || len(s.committed) != 3 {
			t.Errorf("%v", s)
		}
	}
}
