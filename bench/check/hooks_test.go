package check

import (
	"testing"

	"raftzab/bench"
	"raftzab/bench/kv"
	"raftzab/protocols"
)

// A trial is a long correct run of five servers, told without allocating.
type trial struct {
	c       *Invariants
	entries []Entry
	voters  int
}

func newTrial(voters, n int) *trial {
	t := &trial{c: New(voters, Raft), voters: voters}
	for i := range n {
		t.entries = append(t.entries, put(1+uint64(i)/100, uint64(i+1), uint32(i+1)))
	}
	return t
}

func (t *trial) run() {
	c := t.c
	c.Reset()
	for id := 1; id <= t.voters; id++ {
		c.Booted(1, ID(id), protocols.Recovered{})
	}
	var after EntryID
	seq := uint64(0)
	for i := range t.entries {
		e := t.entries[i : i+1]
		now, term := protocols.Time(i), e[0].ID.Epoch
		if term != after.Epoch {
			for id := 1; id <= t.voters; id++ { // first an entry that goes again
				c.Observe(now, ID(id), protocols.Event{Kind: protocols.VoteCast, Peer: 1, Epoch: term})
				c.Wrote(now, ID(id), protocols.Write{Seq: seq, Registers: Registers{term, 1}, After: after})
				c.Persisted(now, ID(id), seq)
			}
			c.Observe(now, 1, protocols.Event{Kind: protocols.RoleChanged, Role: protocols.Leader, Epoch: term})
			c.Observe(now, 1, protocols.Event{Kind: protocols.Elected, Epoch: term})
		}
		c.Asked(now, 1, bench.Request{Command: e[0].Command})
		read := bench.Request{Command: protocols.Command{ID: protocols.RequestID{Session: 2, Seq: uint32(i + 1)}, Op: kv.Get}, Mode: protocols.ReadIndex}
		c.Asked(now, 1, read)
		seq++
		for id := 1; id <= t.voters; id++ {
			c.Wrote(now, ID(id), protocols.Write{Seq: seq, Registers: Registers{term, 1}, After: after, Entries: e})
		}
		for id := 1; id <= t.voters; id++ {
			c.Persisted(now, ID(id), seq)
		}
		for id := 1; id <= t.voters; id++ {
			c.Delivered(now, ID(id), EntryID{}, e)
		}
		c.Acknowledged(now, bench.Reply{ID: e[0].Command.ID, Node: 1, At: e[0].ID, Version: uint64(i + 1)})
		c.Acknowledged(now, bench.Reply{ID: read.ID, Node: 1, At: e[0].ID, Value: e[0].Command.Value, Version: uint64(i + 1)})
		after = e[0].ID
	}
	c.Booted(protocols.Time(len(t.entries)), 2, protocols.Recovered{Registers: Registers{after.Epoch, 1}, Entries: t.entries})
}

func TestTrialsAllocateNothingOnceTablesHaveGrown(t *testing.T) {
	trial := newTrial(5, 1000)
	trial.run()
	if v := trial.c.Violation(); v != nil {
		t.Fatal(v)
	}
	if trial.c.Commits() != 1000 {
		t.Fatalf("%d commits", trial.c.Commits())
	}
	if n := testing.AllocsPerRun(5, trial.run); n != 0 {
		t.Errorf("%v allocations a trial", n)
	}
}

// A trial after Reset knows nothing of the one before.
func TestResetForgets(t *testing.T) {
	s := inTerm1()
	s.elected(2, 1)
	s.Reset()
	for id := ID(1); id <= 3; id++ {
		s.boots(id, Registers{})
	}
	s.wins(2, 1, 1, 2)
	s.everywhere(Registers{1, 2}, at(0, 0), put(1, 1, 9))
	s.delivers(3, put(1, 1, 9))
	s.acknowledges(3, 9, at(1, 1), 1)
	if v := s.Violation(); v != nil {
		t.Error(v)
	}
}

// One op is one hook: a write, an fsync, a delivery, a request or an answer.
func BenchmarkHooks(b *testing.B) {
	trial := newTrial(5, 1000)
	trial.run()
	b.ReportAllocs()
	for n := 0; n < b.N; n += 19 * 1000 { // 5 writes, fsyncs and deliveries, a write and a read with their answers
		trial.run()
	}
}
