package check

import (
	"testing"

	"raftzab/bench"
	"raftzab/bench/kv"
	"raftzab/protocols"
)

// A trial is a long correct run of five servers, told without allocating. It
// has a new term or epoch with every hundredth entry.
type trial struct {
	c       *Invariants
	entries []Entry
	voters  int
}

func newTrial(p Protocol, voters, n int) *trial {
	t := &trial{c: New(voters, p), voters: voters}
	for i := range n {
		index := uint64(i + 1)
		if p == Zab {
			index = uint64(i%100 + 1)
		}
		t.entries = append(t.entries, put(1+uint64(i)/100, index, uint32(i+1)))
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
	var registers Registers
	seq := uint64(0)
	for i := range t.entries {
		e := t.entries[i : i+1]
		now, term := protocols.Time(i), e[0].ID.Epoch
		switch {
		case term == after.Epoch:
		case c.protocol == Raft:
			registers = Registers{term, 1}
			for id := 1; id <= t.voters; id++ { // first an entry that goes again
				c.Observe(now, ID(id), protocols.Event{Kind: protocols.VoteCast, Peer: 1, Epoch: term})
				c.Wrote(now, ID(id), protocols.Write{Seq: seq, Registers: registers, After: after})
				c.Persisted(now, ID(id), seq)
			}
			c.Observe(now, 1, protocols.Event{Kind: protocols.RoleChanged, Role: protocols.Leader, Epoch: term})
			c.Observe(now, 1, protocols.Event{Kind: protocols.Elected, Epoch: term})
		default:
			registers = Registers{term, term}
			for id := 1; id <= t.voters; id++ {
				c.Wrote(now, ID(id), protocols.Write{Seq: seq, Registers: registers, After: after})
				c.Persisted(now, ID(id), seq)
			}
			for _, p := range []protocols.Phase{protocols.Synchronization, protocols.Broadcast} {
				c.Observe(now, 1, protocols.Event{Kind: protocols.PhaseEntered, Role: protocols.Leader, Phase: p, Epoch: term})
			}
			c.Observe(now, 1, protocols.Event{Kind: protocols.Activated, Epoch: term})
		}
		c.Asked(now, 1, bench.Request{Command: e[0].Command})
		read := bench.Request{Command: protocols.Command{ID: protocols.RequestID{Session: 2, Seq: uint32(i + 1)}, Op: kv.Get}, Mode: protocols.ReadIndex}
		c.Asked(now, 1, read)
		seq++
		for id := 1; id <= t.voters; id++ {
			c.Wrote(now, ID(id), protocols.Write{Seq: seq, Registers: registers, After: after, Entries: e})
		}
		c.Observe(now, 1, protocols.Event{Kind: protocols.Proposed, At: e[0].ID, ID: e[0].Command.ID})
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
	c.Booted(protocols.Time(len(t.entries)), 2, protocols.Recovered{Registers: registers, Entries: t.entries})
}

func TestTrialsAllocateNothingOnceTablesHaveGrown(t *testing.T) {
	for p, name := range protocolNames {
		trial := newTrial(Protocol(p), 5, 1000)
		trial.run()
		if v := trial.c.Violation(); v != nil {
			t.Fatal(v)
		}
		if trial.c.Commits() != 1000 {
			t.Fatalf("%s: %d commits", name, trial.c.Commits())
		}
		if n := testing.AllocsPerRun(5, trial.run); n != 0 {
			t.Errorf("%s: %v allocations a trial", name, n)
		}
	}
}

var protocolNames = [...]string{Raft: "raft", Zab: "zab"}

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

	z := inEpoch1()
	z.promises(7, 2, 3)
	z.leads(2, 7)
	z.joins(7, 3)
	z.delivers(2, put(1, 1, 1), put(1, 2, 2))
	z.activated(2, 7)
	z.writes(2, Registers{7, 7}, at(1, 2), put(7, 1, 3))
	z.broadcasts(2, put(7, 1, 3))
	z.Reset()
	for id := ID(1); id <= 3; id++ {
		z.boots(id, Registers{})
	}
	z.leads(3, 1)
	z.joins(1, 2)
	z.activated(3, 1)
	z.writes(3, Registers{1, 1}, at(0, 0), put(1, 1, 9))
	z.broadcasts(3, put(1, 1, 9))
	z.writes(2, Registers{1, 1}, at(0, 0), put(1, 1, 9))
	z.delivers(3, put(1, 1, 9))
	if v := z.Violation(); v != nil {
		t.Error(v)
	}
}

// One op is one hook: a write, an fsync, a delivery, a proposal, a request or an
// answer.
func BenchmarkHooks(b *testing.B) {
	for p, name := range protocolNames {
		b.Run(name, func(b *testing.B) {
			trial := newTrial(Protocol(p), 5, 1000)
			trial.run()
			b.ReportAllocs()
			for n := 0; n < b.N; n += 20 * 1000 { // 5 writes, fsyncs and deliveries, a proposal, a write and a read with their answers
				trial.run()
			}
		})
	}
}
