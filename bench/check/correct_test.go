package check

import (
	"testing"

	"raftzab/bench"
	"raftzab/protocols"
)

// A correct story has no violation in it.
type correct struct {
	name  string
	begin func() *story
	then  func(s *story)
}

// What correct protocols do, however odd it looks, is no violation.
func TestCorrectRunsPass(t *testing.T) {
	seePass(t, []correct{
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
			s.wins(2, 2, 2, 3)
			s.writes(2, Registers{2, 2}, at(1, 2), noop(2, 3), put(2, 4, 3)) // tom
			s.writes(3, Registers{2, 2}, at(1, 2), noop(2, 3), put(2, 4, 3))
			s.says(2, protocols.Event{Kind: protocols.CommitAdvanced, At: at(2, 4)})
			s.delivers(2, noop(1, 1), put(1, 2, 1), noop(2, 3), put(2, 4, 3))
			s.writes(1, Registers{2, 0}, at(1, 2), noop(2, 3), put(2, 4, 3)) // bob is gone
		}},
		{"a deposed leader wins its old term late", inTerm1, func(s *story) {
			s.votes(2, 3, 1, 3)
			s.wins(2, 3, 1, 2)
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
			s.wins(5, 3, 2, 3, 5)
			s.writes(5, Registers{3, 5}, at(1, 1), noop(3, 2))
			s.wins(1, 4, 1, 2, 3)
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
			s.snapshots(1, Registers{1, 1}, at(1, 2), at(1, 1), at(1, 2))
			s.snapshots(1, Registers{1, 1}, at(1, 2), at(1, 1), at(1, 2), put(1, 3, 2))
			s.boots(3, Registers{1, 1})
			s.snapshots(3, Registers{1, 1}, at(1, 2), at(1, 2), at(1, 2))
			s.Delivered(s.tick(), 3, at(1, 2), nil)
			s.snapshots(3, Registers{1, 1}, at(1, 2), at(1, 2), at(1, 2), put(1, 3, 2))
			s.delivers(1, put(1, 3, 2))
			s.delivers(3, put(1, 3, 2))
			s.Booted(s.tick(), 3, protocols.Recovered{Registers: Registers{1, 1}, Snapshot: protocols.Snapshot{At: at(1, 2), Size: 1}, Base: at(1, 2), Entries: []Entry{put(1, 3, 2)}})
			s.delivers(3, put(1, 3, 2))
		}},
		{"servers begin with logs of their own", func() *story { return &story{Invariants: New(3, Raft)} }, func(s *story) {
			s.boots(1, Registers{1, 1}, noop(1, 1), put(1, 2, 1))
			s.boots(2, Registers{1, 1}, noop(1, 1), put(1, 2, 1))
			s.boots(3, Registers{1, 1}, noop(1, 1))
			s.wins(2, 2, 2, 3)
		}},
		{"a client tries again, and is answered twice", inTerm1, func(s *story) {
			s.puts(2, 2)
			s.puts(1, 2)
			s.refuses(2, 2)
			s.everywhere(Registers{1, 1}, at(1, 2), put(1, 3, 2), put(1, 4, 2))
			s.delivers(1, put(1, 3, 2), put(1, 4, 2))
			s.acknowledges(1, 2, at(1, 3), 2)
			s.acknowledges(1, 2, at(1, 4), 2)
			s.Acknowledged(s.tick(), bench.Reply{ID: put(0, 0, 9).Command.ID, Node: 1, Outcome: bench.Unknown})
		}},
		{"refused everywhere, then tried again with success", inTerm1, func(s *story) {
			s.puts(2, 2)
			s.refuses(2, 2)
			s.puts(2, 2)
			s.everywhere(Registers{1, 1}, at(1, 2), put(1, 3, 2))
			s.delivers(1, put(1, 3, 2))
			s.acknowledges(1, 2, at(1, 3), 2)
		}},
		{"a write comes behind a later one of its session, and nobody says that it took effect", inTerm1, func(s *story) {
			s.everywhere(Registers{1, 1}, at(1, 2), put(1, 3, 3), put(1, 4, 2))
			s.delivers(1, put(1, 3, 3), put(1, 4, 2))
			s.acknowledges(1, 3, at(1, 3), 2)
			s.Acknowledged(s.tick(), bench.Reply{ID: put(0, 0, 2).Command.ID, Node: 1, Outcome: bench.Unknown, At: at(1, 4)})
		}},
		{"a leader commits what two followers have, and its own disk not yet", inTerm1, func(s *story) {
			s.asks(1, protocols.Write{Registers: Registers{1, 1}, After: at(1, 2), Entries: []Entry{put(1, 3, 2)}})
			s.writes(2, Registers{1, 1}, at(1, 2), put(1, 3, 2))
			s.writes(3, Registers{1, 1}, at(1, 2), put(1, 3, 2))
			s.delivers(1, put(1, 3, 2))
		}},
		{"an acknowledgement arrives when its sender has crashed", inTerm1, func(s *story) {
			s.writes(1, Registers{1, 1}, at(1, 2), put(1, 3, 2))
			s.writes(2, Registers{1, 1}, at(1, 2), put(1, 3, 2))
			s.asks(2, protocols.Write{Registers: Registers{1, 1}, After: at(1, 3), Entries: []Entry{put(1, 4, 3)}})
			s.delivers(1, put(1, 3, 2)) // the disk of 2 has it, up or down
			s.boots(2, Registers{1, 1}, noop(1, 1), put(1, 2, 1), put(1, 3, 2), put(1, 4, 3))
		}},
		{"a snapshot stands for an entry", inTerm1, func(s *story) {
			s.writes(1, Registers{1, 1}, at(1, 2), put(1, 3, 2))
			s.writes(2, Registers{1, 1}, at(1, 2), put(1, 3, 2))
			s.delivers(1, put(1, 3, 2))
			s.snapshots(3, Registers{1, 1}, at(1, 3), at(1, 3), at(1, 3))
			s.Delivered(s.tick(), 3, at(1, 3), nil)
			s.reads(3, 1, protocols.ReadLocal, at(1, 3))
			s.sees(3, 1, at(1, 3), 2, 2)
			s.boots(2, Registers{1, 1}, noop(1, 1), put(1, 2, 1)) // 1 and 3 have it
		}},
		{"a voter has gone on to a later term, and another has crashed, when the last vote arrives", func() *story {
			s := tell(5, Raft)
			s.everywhere(Registers{1, 1}, at(0, 0))
			return s
		}, func(s *story) {
			s.votes(2, 2, 2, 3, 4)
			s.votes(3, 5, 3)
			s.boots(4, Registers{2, 2})
			s.elected(2, 2)
		}},
		{"a candidate's own vote is durable later than the others, and not needed", func() *story {
			s := tell(5, Raft)
			s.everywhere(Registers{1, 1}, at(0, 0))
			return s
		}, func(s *story) {
			s.votes(2, 0, 2)
			s.wins(2, 2, 3, 4, 5)
		}},
		{"a vote and the next term's share an fsync", inTerm1, func(s *story) {
			s.asks(3, protocols.Write{Registers: Registers{2, 2}, After: at(1, 2)})
			s.asks(3, protocols.Write{Registers: Registers{3, 1}, After: at(1, 2)})
			s.syncs(3)
			s.wins(2, 2, 2)
			s.wins(1, 3, 1)
		}},
		{"an observer has the log, and no say", inTerm1, func(s *story) {
			s.boots(4, Registers{1, 0})
			s.writes(4, Registers{1, 0}, at(0, 0), noop(1, 1), put(1, 2, 1))
			s.delivers(4, noop(1, 1), put(1, 2, 1))
			s.reads(4, 1, protocols.ReadLocal, EntryID{})
			s.sees(4, 1, at(1, 2), 1, 1)
			s.boots(4, Registers{1, 0})
			s.writes(4, Registers{1, 0}, at(0, 0), noop(1, 1))
		}},
		{"a learner has gone on to a later epoch when a quorum is counted", func() *story {
			s := inEpoch1()
			s.writes(2, Registers{2, 2}, at(1, 2))
			s.writes(3, Registers{2, 2}, at(1, 2))
			return s
		}, func(s *story) {
			s.writes(3, Registers{3, 3}, at(1, 2))
			s.activated(2, 2)
		}},
		{"reads see the state that they name, however old, where nothing more was promised", inTerm1, func(s *story) {
			s.reads(1, 1, protocols.ReadIndex, EntryID{}) // asked for before the next entry
			s.commits(put(1, 3, 2))
			s.acknowledges(1, 2, at(1, 3), 2)
			s.reads(2, 2, protocols.ReadLocal, EntryID{})
			s.reads(3, 3, protocols.ReadLeader, EntryID{})
			s.reads(3, 4, protocols.ReadSync, EntryID{})
			s.sees(1, 1, at(1, 2), 1, 1)
			s.sees(2, 2, EntryID{}, 0, 0)
			s.sees(3, 3, at(1, 1), 0, 0)
			s.sees(3, 4, at(1, 1), 0, 0)
			s.reads(2, 5, protocols.ReadIndex, EntryID{})
			s.reads(2, 5, protocols.ReadIndex, EntryID{})
			s.sees(2, 5, at(1, 3), 2, 2)
		}},
		{"a read answered twice counts from its own attempt", inTerm1, func(s *story) {
			s.reads(2, 1, protocols.ReadIndex, EntryID{})
			s.commits(put(1, 3, 2))
			s.acknowledges(1, 2, at(1, 3), 2)
			s.reads(3, 1, protocols.ReadIndex, EntryID{})
			s.sees(3, 1, at(1, 3), 2, 2)
			s.sees(2, 1, at(1, 2), 1, 1) // late, and right when it was asked for
		}},
	})
}

func seePass(t *testing.T, stories []correct) {
	for _, c := range stories {
		t.Run(c.name, func(t *testing.T) {
			s := c.begin()
			if c.then(s); s.Violation() != nil {
				t.Error(s.Violation())
			}
		})
	}
}
