package check

import (
	"raftzab/bench"
	"raftzab/bench/kv"
	"raftzab/protocols"
)

type (
	ID        = protocols.NodeID
	EntryID   = protocols.EntryID
	Entry     = protocols.Entry
	Registers = protocols.Registers
)

// A story tells the checks, in short words, what replicas did. Time moves on by
// a millisecond with each step.
type story struct {
	*Invariants
	now protocols.Time
	seq uint64
}

func tell(voters int, p Protocol) *story {
	s := &story{Invariants: New(voters, p)}
	for id := 1; id <= voters; id++ {
		s.boots(ID(id), Registers{})
	}
	return s
}

func (s *story) tick() protocols.Time { s.now += 1_000_000; return s.now }

func (s *story) boots(id ID, r Registers, es ...Entry) {
	s.Booted(s.tick(), id, protocols.Recovered{Registers: r, Entries: es})
}

// asks is a write under way, and syncs the end of all those of a server.
func (s *story) asks(id ID, w protocols.Write) {
	s.seq++
	w.Seq = s.seq
	s.Wrote(s.tick(), id, w)
}

func (s *story) syncs(id ID) { s.Persisted(s.now, id, s.seq) }

// writes is a write that is durable at once.
func (s *story) writes(id ID, r Registers, after EntryID, es ...Entry) {
	s.asks(id, protocols.Write{Registers: r, After: after, Entries: es})
	s.syncs(id)
}

// snapshots is a write with a snapshot, durable at once.
func (s *story) snapshots(id ID, r Registers, snapshot, base, after EntryID, es ...Entry) {
	s.asks(id, protocols.Write{Registers: r, Snapshot: snapshot, Base: base, After: after, Entries: es})
	s.syncs(id)
}

func (s *story) delivers(id ID, es ...Entry) { s.Delivered(s.tick(), id, EntryID{}, es) }

func (s *story) says(id ID, e protocols.Event) { s.Observe(s.tick(), id, e) }

func (s *story) elected(id ID, term uint64) {
	s.says(id, protocols.Event{Kind: protocols.RoleChanged, Role: protocols.Leader, Epoch: term})
	s.says(id, protocols.Event{Kind: protocols.Elected, Epoch: term})
}

// votes has servers vote, on disk, and wins elects a server by such votes.
func (s *story) votes(term uint64, to ID, by ...ID) {
	for _, id := range by {
		d := &s.node(id).asked
		s.snapshots(id, Registers{term, uint64(to)}, d.snapshot, d.base, d.last())
	}
}

func (s *story) wins(id ID, term uint64, by ...ID) {
	s.votes(term, id, by...)
	s.elected(id, term)
}

func (s *story) activated(id ID, epoch uint64) {
	s.says(id, protocols.Event{Kind: protocols.Activated, Epoch: epoch})
}

func (s *story) enters(id ID, role protocols.Role, phase protocols.Phase, epoch uint64) {
	s.says(id, protocols.Event{Kind: protocols.PhaseEntered, Role: role, Phase: phase, Epoch: epoch})
}

// broadcasts is what a primary says when it sends entries out.
func (s *story) broadcasts(id ID, es ...Entry) {
	for i := range es {
		s.says(id, protocols.Event{Kind: protocols.Proposed, At: es[i].ID, ID: es[i].Command.ID})
	}
}

// promises, joins and leads are how servers come to an epoch, on disk: with the
// logs that they have.
func (s *story) promises(epoch uint64, ids ...ID) {
	for _, id := range ids {
		a := &s.node(id).asked
		s.snapshots(id, Registers{epoch, a.registers[1]}, a.snapshot, a.base, a.last())
	}
}

func (s *story) joins(epoch uint64, ids ...ID) {
	for _, id := range ids {
		a := &s.node(id).asked
		s.snapshots(id, Registers{epoch, epoch}, a.snapshot, a.base, a.last())
	}
}

func (s *story) leads(id ID, epoch uint64) {
	s.joins(epoch, id)
	s.enters(id, protocols.Leader, protocols.Synchronization, epoch)
}

func at(epoch, index uint64) EntryID { return EntryID{Epoch: epoch, Index: index} }

// put is an entry with the command of request 1/seq.
func put(epoch, index uint64, seq uint32) Entry {
	return Entry{ID: at(epoch, index), Command: protocols.Command{ID: protocols.RequestID{Session: 1, Seq: seq}, Value: uint64(seq), Op: 1}}
}

func noop(epoch, index uint64) Entry { return Entry{ID: at(epoch, index)} }

// puts submits the write of request 1/seq to a node, and reads asks for its key.
func (s *story) puts(to ID, seq uint32) {
	s.Asked(s.tick(), to, bench.Request{Command: put(0, 0, seq).Command})
}

func (s *story) reads(to ID, seq uint32, mode protocols.ReadMode, seen EntryID) {
	s.Asked(s.tick(), to, bench.Request{Command: protocols.Command{ID: protocols.RequestID{Session: 2, Seq: seq}, Op: kv.Get}, Mode: mode, Seen: seen})
}

// acknowledges is the OK to request 1/seq, and sees that to read 2/seq.
func (s *story) acknowledges(id ID, seq uint32, from EntryID, version uint64) {
	s.Acknowledged(s.tick(), bench.Reply{ID: put(0, 0, seq).Command.ID, Node: id, At: from, Version: version})
}

func (s *story) sees(id ID, seq uint32, from EntryID, value, version uint64) {
	s.Acknowledged(s.tick(), bench.Reply{ID: protocols.RequestID{Session: 2, Seq: seq}, Node: id, At: from, Value: value, Version: version})
}

func (s *story) refuses(id ID, seq uint32) {
	s.Acknowledged(s.tick(), bench.Reply{ID: put(0, 0, seq).Command.ID, Node: id, Outcome: bench.Refused})
}

// commits has all voters append an entry that was asked for to term 1, and server
// 1 deliver it.
func (s *story) commits(e Entry) {
	s.puts(1, e.Command.ID.Seq)
	s.everywhere(Registers{1, 1}, s.node(1).asked.last(), e)
	s.delivers(1, e)
}

// everywhere has all voters write es, in term or epoch e.
func (s *story) everywhere(r Registers, after EntryID, es ...Entry) {
	for id := 1; id <= s.voters; id++ {
		s.writes(ID(id), r, after, es...)
	}
}

// inTerm1 has server 1 lead three in term 1, with two entries committed.
func inTerm1() *story {
	s := tell(3, Raft)
	s.everywhere(Registers{1, 1}, at(0, 0))
	s.elected(1, 1)
	s.everywhere(Registers{1, 1}, at(0, 0), noop(1, 1), put(1, 2, 1))
	s.delivers(1, noop(1, 1), put(1, 2, 1))
	return s
}

// inEpoch1 is the same in Zab.
func inEpoch1() *story {
	s := tell(3, Zab)
	s.everywhere(Registers{1, 1}, at(0, 0))
	s.enters(1, protocols.Leader, protocols.Synchronization, 1)
	s.activated(1, 1)
	s.everywhere(Registers{1, 1}, at(0, 0), put(1, 1, 1), put(1, 2, 2))
	s.broadcasts(1, put(1, 1, 1), put(1, 2, 2))
	s.delivers(1, put(1, 1, 1), put(1, 2, 2))
	return s
}
