package check

import (
	"strings"
	"testing"

	"raftzab/bench"
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

func (s *story) writes(id ID, r Registers, after EntryID, es ...Entry) {
	s.Wrote(s.tick(), id, protocols.Write{Registers: r, After: after, Entries: es})
}

func (s *story) delivers(id ID, es ...Entry) { s.Delivered(s.tick(), id, EntryID{}, es) }

func (s *story) says(id ID, e protocols.Event) { s.Observe(s.tick(), id, e) }

func (s *story) elected(id ID, term uint64) {
	s.says(id, protocols.Event{Kind: protocols.RoleChanged, Role: protocols.Leader, Epoch: term})
	s.says(id, protocols.Event{Kind: protocols.Elected, Epoch: term})
}

func (s *story) activated(id ID, epoch uint64) {
	s.says(id, protocols.Event{Kind: protocols.Activated, Epoch: epoch})
}

func at(epoch, index uint64) EntryID { return EntryID{Epoch: epoch, Index: index} }

// put is an entry with the command of request 1/seq.
func put(epoch, index uint64, seq uint32) Entry {
	return Entry{ID: at(epoch, index), Command: protocols.Command{ID: protocols.RequestID{Session: 1, Seq: seq}, Value: uint64(seq), Op: 1}}
}

func noop(epoch, index uint64) Entry { return Entry{ID: at(epoch, index)} }

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
	s.activated(1, 1)
	s.everywhere(Registers{1, 1}, at(0, 0), put(1, 1, 1), put(1, 2, 2))
	s.delivers(1, put(1, 1, 1), put(1, 2, 2))
	return s
}

// Each invariant is seen broken once, and named.
func TestEachInvariantCatchesItsBreach(t *testing.T) {
	for _, c := range []struct {
		name, want, text string
		begin            func() *story
		then             func(s *story)
	}{
		{"two leaders in a term", ElectionSafety, "node 1 has led", inTerm1, func(s *story) {
			s.elected(2, 1)
		}},
		{"one leader twice in a term, a crash between", ElectionSafety, "life 2", inTerm1, func(s *story) {
			s.boots(1, Registers{1, 1}, noop(1, 1), put(1, 2, 1))
			s.elected(1, 1)
		}},
		{"two established leaders in an epoch", ElectionSafety, "epoch 1, which node 1", inEpoch1, func(s *story) {
			s.activated(3, 1)
		}},
		{"a second vote in a term, as told", VoteOnce, "votes for 3 in term 2", inTerm1, func(s *story) {
			s.says(1, protocols.Event{Kind: protocols.VoteCast, Peer: 2, Epoch: 2})
			s.says(1, protocols.Event{Kind: protocols.VoteCast, Peer: 3, Epoch: 2})
		}},
		{"a second vote in a term, on disk, over a restart", VoteOnce, "vote for 2 over its vote for 3", inTerm1, func(s *story) {
			s.writes(1, Registers{2, 3}, at(1, 2))
			s.boots(1, Registers{2, 3}, noop(1, 1), put(1, 2, 1))
			s.writes(1, Registers{2, 2}, at(1, 2))
		}},
		{"a term goes back on disk", EpochsGrow, "writes 0 over 1", inTerm1, func(s *story) {
			s.writes(2, Registers{0, 0}, at(1, 2))
		}},
		{"a disk forgets a term that it had at the last boot", EpochsGrow, "register 0 at 0", inTerm1, func(s *story) {
			s.boots(1, Registers{1, 1}, noop(1, 1), put(1, 2, 1))
			s.boots(1, Registers{0, 0}, noop(1, 1), put(1, 2, 1))
		}},
		{"currentEpoch above acceptedEpoch", EpochsGrow, "currentEpoch 2", inEpoch1, func(s *story) {
			s.writes(2, Registers{1, 2}, at(1, 2))
		}},
		{"currentEpoch goes back", EpochsGrow, "currentEpoch 0 over 1", inEpoch1, func(s *story) {
			s.writes(2, Registers{1, 0}, at(1, 2))
		}},
		{"an entry of an epoch that was not promised", EpochsGrow, "entry 2.1", inEpoch1, func(s *story) {
			s.writes(2, Registers{1, 1}, at(1, 2), put(2, 1, 3))
		}},
		{"an epoch beyond all reason", EpochsGrow, "beyond anything", inTerm1, func(s *story) {
			s.elected(2, 1<<40)
		}},
		{"two commands in one place", LogMatching, "node 2 had request 1/2", inTerm1, func(s *story) {
			s.writes(2, Registers{1, 1}, at(1, 2), put(1, 3, 2))
			s.writes(3, Registers{1, 1}, at(1, 2), put(1, 3, 3))
		}},
		{"one entry behind two", LogMatching, "it followed 1.3", inTerm1, func(s *story) {
			s.writes(1, Registers{1, 1}, at(1, 2), put(1, 3, 2))
			s.writes(2, Registers{2, 2}, at(1, 2), put(2, 3, 2))
			s.writes(1, Registers{3, 1}, at(1, 3), put(3, 4, 3))
			s.writes(2, Registers{3, 1}, at(2, 3), put(3, 4, 3))
		}},
		{"a hole", LogMatching, "a hole", inTerm1, func(s *story) {
			s.writes(1, Registers{1, 1}, at(1, 2), put(1, 4, 2))
		}},
		{"a Zab epoch that does not begin at 1", LogMatching, "a hole", inEpoch1, func(s *story) {
			s.writes(1, Registers{2, 2}, at(1, 2), put(2, 3, 2))
		}},
		{"an epoch that goes back along a log", LogMatching, "the wrong way", inTerm1, func(s *story) {
			s.writes(1, Registers{2, 2}, at(1, 2), put(2, 3, 2))
			s.writes(1, Registers{2, 2}, at(2, 3), put(1, 4, 3))
		}},
		{"a write behind an entry that is not there", LogMatching, "does not have", inTerm1, func(s *story) {
			s.writes(1, Registers{2, 2}, at(2, 2), put(2, 3, 2))
		}},
		{"a disk that made an entry up", LogMatching, "nobody ever wrote", inTerm1, func(s *story) {
			s.boots(1, Registers{1, 1}, noop(1, 1), put(1, 2, 1), put(1, 3, 2))
		}},
		{"a leader drops its own entry", LeaderAppendOnly, "while it leads term 1", inTerm1, func(s *story) {
			s.writes(1, Registers{1, 1}, at(1, 2), put(1, 3, 2))
			s.writes(1, Registers{1, 1}, at(1, 2))
		}},
		{"a leader without a committed entry", LeaderCompleteness, "without entry 1.2", inTerm1, func(s *story) {
			s.boots(3, Registers{1, 1}, noop(1, 1)) // two of three have it still
			s.elected(3, 2)
		}},
		{"an established leader without a committed entry", LeaderCompleteness, "epoch 2 without entry 1.2", inEpoch1, func(s *story) {
			s.boots(3, Registers{1, 1}, put(1, 1, 1))
			s.activated(3, 2)
		}},
		{"currentEpoch before the history", HistoryBeforeEpoch, "writes currentEpoch 2 without entry 1.2", inEpoch1, func(s *story) {
			s.boots(3, Registers{1, 1}, put(1, 1, 1))
			s.writes(3, Registers{2, 1}, at(1, 1))
			s.writes(3, Registers{2, 2}, at(1, 1))
		}},
		{"an earlier term's entry committed by counting", CommitOwnTerm, "of an earlier term", inTerm1, func(s *story) {
			s.elected(2, 2)
			s.says(2, protocols.Event{Kind: protocols.CommitAdvanced, At: at(1, 2)})
		}},
		{"two orders", StateMachineSafety, "node 1 delivered 1.2", inTerm1, func(s *story) {
			s.delivers(2, noop(1, 1), put(1, 3, 2))
		}},
		{"one entry, two commands", StateMachineSafety, "node 1 delivered 1.2, request 1/1", inTerm1, func(s *story) {
			s.delivers(2, noop(1, 1), put(1, 2, 7))
		}},
		{"an entry twice in a life", StateMachineSafety, "node 1 delivered 1.2", inTerm1, func(s *story) {
			s.delivers(2, noop(1, 1), noop(1, 1))
		}},
		{"an entry out of order", StateMachineSafety, "positions grow", inTerm1, func(s *story) {
			s.delivers(1, noop(1, 1))
		}},
		{"an entry that is in no log", StateMachineSafety, "in nobody's log", inTerm1, func(s *story) {
			s.delivers(1, put(1, 3, 2))
		}},
		{"delivered, never written", DeliveredLogged, "delivered entry 1.3", inTerm1, func(s *story) {
			s.writes(1, Registers{1, 1}, at(1, 2), put(1, 3, 2))
			s.writes(2, Registers{1, 1}, at(1, 2), put(1, 3, 2))
			s.delivers(1, put(1, 3, 2))
			s.delivers(3, noop(1, 1), put(1, 2, 1), put(1, 3, 2))
			s.writes(3, Registers{1, 1}, at(1, 2))
		}},
		{"committed by a minority", CommittedDurable, "on the disks of 1 of 3", inTerm1, func(s *story) {
			s.writes(1, Registers{1, 1}, at(1, 2), put(1, 3, 2))
			s.delivers(1, put(1, 3, 2))
		}},
		{"acknowledged, committed, then lost with the power", CommittedDurable, "after it started again, entry 1.3", inTerm1, func(s *story) {
			s.writes(1, Registers{1, 1}, at(1, 2), put(1, 3, 2))
			s.writes(2, Registers{1, 1}, at(1, 2), put(1, 3, 2))
			s.delivers(1, put(1, 3, 2))
			s.boots(2, Registers{1, 1}, noop(1, 1), put(1, 2, 1))
		}},
		{"a follower of Raft cuts off a committed entry", CommittedDurable, "drops entry 1.2", inTerm1, func(s *story) {
			s.writes(2, Registers{1, 1}, at(1, 1))
		}},
		{"a learner of Zab cuts off what it delivered", CommittedDurable, "drops entry 1.2", inEpoch1, func(s *story) {
			s.delivers(2, put(1, 1, 1), put(1, 2, 2))
			s.writes(2, Registers{1, 1}, at(1, 1))
		}},
		{"learners of Zab cut off a committed entry until a minority has it", CommittedDurable, "after it cut its log", inEpoch1, func(s *story) {
			s.writes(2, Registers{1, 1}, at(1, 1))
			s.writes(3, Registers{1, 1}, at(1, 1))
		}},
		{"a snapshot behind the own state", RestoreForward, "snapshot at 1.1", inTerm1, func(s *story) {
			s.Delivered(s.tick(), 1, at(1, 1), nil)
		}},
		{"a snapshot of nothing known", RestoreForward, "snapshot at 1.9", inTerm1, func(s *story) {
			s.Delivered(s.tick(), 2, at(1, 9), nil)
		}},
		{"a boot from a snapshot of nothing known", RestoreForward, "snapshot at 1.9", inTerm1, func(s *story) {
			s.Booted(s.tick(), 2, protocols.Recovered{Registers: Registers{1, 1}, Snapshot: protocols.Snapshot{At: at(1, 9), Size: 1}, Base: at(1, 9)})
		}},
		{"a command that nobody submitted", Integrity, "what was submitted is the no-op", inTerm1, func(s *story) {
			s.Submitted(put(0, 0, 3).Command)
			s.everywhere(Registers{1, 1}, at(1, 2), put(1, 3, 2))
			s.delivers(1, put(1, 3, 2))
		}},
		{"a command of no client", Integrity, "a command of nobody", inTerm1, func(s *story) {
			s.Submitted(put(0, 0, 3).Command)
			s.everywhere(Registers{1, 1}, at(1, 2), Entry{ID: at(1, 3), Command: protocols.Command{Op: 1}})
			s.delivers(1, Entry{ID: at(1, 3), Command: protocols.Command{Op: 1}})
		}},
		{"an answer to what nobody delivered", AcknowledgedKept, "nobody delivered", inTerm1, func(s *story) {
			s.Acknowledged(s.tick(), bench.Reply{ID: put(0, 0, 2).Command.ID, Node: 1, At: at(1, 2)})
		}},
		{"an answer from before the write", AcknowledgedKept, "that is entry 1.2", inTerm1, func(s *story) {
			s.Acknowledged(s.tick(), bench.Reply{ID: put(0, 0, 1).Command.ID, Node: 1, At: at(1, 1)})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := c.begin()
			if v := s.Violation(); v != nil {
				t.Fatalf("the beginning: %v", v)
			}
			c.then(s)
			v := s.Violation()
			if v == nil {
				t.Fatalf("no violation, want %s", c.want)
			}
			if v.Invariant != c.want || !strings.Contains(v.Text, c.text) {
				t.Errorf("got %q, want %s with %q", v, c.want, c.text)
			}
		})
	}
}

// The first violation stays: what follows from it is of no interest.
func TestTheFirstViolationStays(t *testing.T) {
	s := inTerm1()
	s.elected(2, 1)
	first := s.Violation()
	s.writes(2, Registers{}, at(9, 9))
	s.boots(1, Registers{})
	s.delivers(3, put(7, 7, 7))
	s.elected(3, 1)
	if s.Violation() != first {
		t.Errorf("got %v, want %v", s.Violation(), first)
	}
	if got, want := first.Error(), "ElectionSafety violated at 13ms by node 2: it leads term 1, which node 1 has led since 7ms (its life 1, here life 1)"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// What correct protocols do, however odd it looks, is no violation.
func TestCorrectRunsPass(t *testing.T) {
	for _, c := range []struct {
		name  string
		begin func() *story
		then  func(s *story)
	}{
		{"a restart delivers again from the beginning", inTerm1, func(s *story) {
			s.boots(1, Registers{1, 1}, noop(1, 1), put(1, 2, 1))
			s.delivers(1, noop(1, 1))
			s.delivers(1, put(1, 2, 1))
		}},
		{"a minority loses what it never acknowledged", inTerm1, func(s *story) {
			s.boots(3, Registers{1, 1})
			s.writes(3, Registers{1, 1}, at(0, 0), noop(1, 1), put(1, 2, 1))
			s.delivers(3, noop(1, 1), put(1, 2, 1))
		}},
		{"a vote that the disk did not get is given again", inTerm1, func(s *story) {
			s.says(3, protocols.Event{Kind: protocols.VoteCast, Peer: 2, Epoch: 2})
			s.writes(3, Registers{2, 2}, at(1, 2))
			s.boots(3, Registers{1, 1}, noop(1, 1), put(1, 2, 1))
			s.says(3, protocols.Event{Kind: protocols.VoteCast, Peer: 1, Epoch: 2})
			s.writes(3, Registers{2, 1}, at(1, 2))
		}},
		{"an entry that was not committed is replaced", inTerm1, func(s *story) {
			s.writes(1, Registers{1, 1}, at(1, 2), put(1, 3, 2)) // bob
			s.elected(2, 2)
			s.writes(2, Registers{2, 2}, at(1, 2), noop(2, 3), put(2, 4, 3)) // tom
			s.writes(3, Registers{2, 2}, at(1, 2), noop(2, 3), put(2, 4, 3))
			s.says(2, protocols.Event{Kind: protocols.CommitAdvanced, At: at(2, 4)})
			s.delivers(2, noop(1, 1), put(1, 2, 1), noop(2, 3), put(2, 4, 3))
			s.writes(1, Registers{2, 0}, at(1, 2), noop(2, 3), put(2, 4, 3)) // bob is gone
		}},
		{"a deposed leader wins its old term late", inTerm1, func(s *story) {
			s.elected(2, 3)
			s.writes(2, Registers{3, 2}, at(1, 2), noop(3, 3))
			s.writes(1, Registers{3, 2}, at(1, 2), noop(3, 3))
			s.delivers(1, noop(3, 3))
			s.elected(3, 2) // the last vote for term 2 was long on its way
		}},
		{"a late message of a leader of term 3 drops what term 4 has committed (figure 8)", func() *story {
			s := tell(5, Raft)
			s.everywhere(Registers{1, 1}, at(0, 0), noop(1, 1))
			for _, id := range []ID{1, 4} {
				s.writes(id, Registers{2, 1}, at(1, 1), put(2, 2, 1))
			}
			s.elected(5, 3) // by 2 and 3
			s.writes(5, Registers{3, 5}, at(1, 1), noop(3, 2))
			s.elected(1, 4)
			s.writes(1, Registers{4, 1}, at(2, 2), noop(4, 3))
			for _, id := range []ID{2, 3} {
				s.writes(id, Registers{4, 1}, at(1, 1), put(2, 2, 1), noop(4, 3))
			}
			s.delivers(1, noop(1, 1), put(2, 2, 1), noop(4, 3))
			return s
		}, func(s *story) {
			s.writes(4, Registers{3, 0}, at(1, 1), noop(3, 2))
			s.writes(4, Registers{4, 0}, at(1, 1), put(2, 2, 1), noop(4, 3))
		}},
		{"a follower delivers in the instant of its write", inTerm1, func(s *story) {
			s.writes(1, Registers{1, 1}, at(1, 2), put(1, 3, 2))
			s.writes(2, Registers{1, 1}, at(1, 2), put(1, 3, 2))
			s.delivers(1, put(1, 3, 2))
			now := s.tick()
			s.Delivered(now, 3, EntryID{}, []Entry{noop(1, 1), put(1, 2, 1), put(1, 3, 2)})
			s.Wrote(now, 3, protocols.Write{Registers: Registers{1, 1}, After: at(1, 2), Entries: []Entry{put(1, 3, 2)}})
			s.writes(3, Registers{1, 1}, at(1, 3))
		}},
		{"two servers believe themselves elected in one round of FLE", inEpoch1, func(s *story) {
			s.says(1, protocols.Event{Kind: protocols.Elected, Epoch: 4})
			s.says(2, protocols.Event{Kind: protocols.Elected, Epoch: 4})
		}},
		{"a log is rewritten in one write", inEpoch1, func(s *story) {
			s.writes(3, Registers{2, 1}, at(0, 0), put(1, 1, 1), put(1, 2, 2))
			s.writes(3, Registers{2, 2}, at(1, 2))
		}},
		{"a learner loses an entry while a quorum of others has it", inEpoch1, func(s *story) {
			s.writes(3, Registers{1, 1}, at(1, 1))
			s.writes(3, Registers{1, 1}, at(1, 1), put(1, 2, 2))
		}},
		{"a log is compacted, and a snapshot installed in place of another", inTerm1, func(s *story) {
			s.Wrote(s.tick(), 1, protocols.Write{Registers: Registers{1, 1}, Snapshot: at(1, 2), Base: at(1, 1), After: at(1, 2)})
			s.writes(1, Registers{1, 1}, at(1, 2), put(1, 3, 2))
			s.boots(3, Registers{1, 1})
			s.Wrote(s.tick(), 3, protocols.Write{Registers: Registers{1, 1}, Snapshot: at(1, 2), Base: at(1, 2), After: at(1, 2)})
			s.Delivered(s.tick(), 3, at(1, 2), nil)
			s.Wrote(s.tick(), 3, protocols.Write{Registers: Registers{1, 1}, Snapshot: at(1, 2), Base: at(1, 2), After: at(1, 2), Entries: []Entry{put(1, 3, 2)}})
			s.delivers(1, put(1, 3, 2))
			s.delivers(3, put(1, 3, 2))
			s.Booted(s.tick(), 3, protocols.Recovered{Registers: Registers{1, 1}, Snapshot: protocols.Snapshot{At: at(1, 2), Size: 1}, Base: at(1, 2), Entries: []Entry{put(1, 3, 2)}})
			s.delivers(3, put(1, 3, 2))
		}},
		{"servers begin with logs of their own", func() *story { return &story{Invariants: New(3, Raft)} }, func(s *story) {
			s.boots(1, Registers{1, 1}, noop(1, 1), put(1, 2, 1))
			s.boots(2, Registers{1, 1}, noop(1, 1), put(1, 2, 1))
			s.boots(3, Registers{1, 1}, noop(1, 1))
			s.elected(2, 2)
		}},
		{"a client tries again, and is answered twice", inTerm1, func(s *story) {
			s.Submitted(put(0, 0, 2).Command)
			s.Submitted(put(0, 0, 2).Command)
			s.everywhere(Registers{1, 1}, at(1, 2), put(1, 3, 2), put(1, 4, 2))
			s.delivers(1, put(1, 3, 2), put(1, 4, 2))
			s.Acknowledged(s.tick(), bench.Reply{ID: put(0, 0, 2).Command.ID, Node: 1, At: at(1, 3)})
			s.Acknowledged(s.tick(), bench.Reply{ID: put(0, 0, 2).Command.ID, Node: 1, At: at(1, 4)})
			s.Acknowledged(s.tick(), bench.Reply{ID: put(0, 0, 9).Command.ID, Node: 1, Outcome: bench.Unknown})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := c.begin()
			if c.then(s); s.Violation() != nil {
				t.Error(s.Violation())
			}
		})
	}
}

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
	for i := range t.entries {
		e := t.entries[i : i+1]
		now, term := protocols.Time(i), e[0].ID.Epoch
		if term != after.Epoch {
			for id := 1; id <= t.voters; id++ { // first an entry that goes again
				c.Observe(now, ID(id), protocols.Event{Kind: protocols.VoteCast, Peer: 1, Epoch: term})
			}
			c.Observe(now, 1, protocols.Event{Kind: protocols.RoleChanged, Role: protocols.Leader, Epoch: term})
			c.Observe(now, 1, protocols.Event{Kind: protocols.Elected, Epoch: term})
		}
		c.Submitted(e[0].Command)
		for id := 1; id <= t.voters; id++ {
			c.Wrote(now, ID(id), protocols.Write{Registers: Registers{term, 1}, After: after, Entries: e})
		}
		for id := 1; id <= t.voters; id++ {
			c.Delivered(now, ID(id), EntryID{}, e)
		}
		c.Acknowledged(now, bench.Reply{ID: e[0].Command.ID, Node: 1, At: e[0].ID})
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
	s.elected(2, 1)
	s.everywhere(Registers{1, 2}, at(0, 0), put(1, 1, 9))
	s.delivers(3, put(1, 1, 9))
	if v := s.Violation(); v != nil {
		t.Error(v)
	}
}

// One op is one hook: a write, a delivery or an event.
func BenchmarkHooks(b *testing.B) {
	trial := newTrial(5, 1000)
	trial.run()
	b.ReportAllocs()
	for n := 0; n < b.N; n += 12 * 1000 { // 5 writes, 5 deliveries, a submission, an answer
		trial.run()
	}
}
