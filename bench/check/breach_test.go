package check

import (
	"strings"
	"testing"

	"raftzab/bench"
	"raftzab/bench/kv"
	"raftzab/protocols"
)

// A breach is a story with a violation at its end.
type breach struct {
	name, want, text string
	begin            func() *story
	then             func(s *story)
}

// Each invariant is seen broken once, and named.
func TestEachInvariantCatchesItsBreach(t *testing.T) {
	seeBroken(t, []breach{
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
			s.wins(2, 2, 2, 3)
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
		{"an entry out of order", StateMachineSafety, "in every log it follows 0.0", inTerm1, func(s *story) {
			s.delivers(1, noop(1, 1))
		}},
		{"an entry that is left out", StateMachineSafety, "behind 1.2; in every log it follows 1.3", inTerm1, func(s *story) {
			s.everywhere(Registers{1, 1}, at(1, 2), put(1, 3, 2), put(1, 4, 3))
			s.delivers(1, put(1, 4, 3))
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
		{"committed by a minority", CommitDurable, "on the disks of 1 of 3", inTerm1, func(s *story) {
			s.writes(1, Registers{1, 1}, at(1, 2), put(1, 3, 2))
			s.delivers(1, put(1, 3, 2))
		}},
		{"committed by what a follower has only asked for", CommitDurable, "disk 2 ends at 1.2 (soon 1.3)", inTerm1, func(s *story) {
			s.writes(1, Registers{1, 1}, at(1, 2), put(1, 3, 2))
			s.asks(2, protocols.Write{Registers: Registers{1, 1}, After: at(1, 2), Entries: []Entry{put(1, 3, 2)}})
			s.delivers(1, put(1, 3, 2))
		}},
		{"committed by a disk that has been told to drop it", CommitDurable, "disk 2 ends at 1.3 (soon 1.2)", inTerm1, func(s *story) {
			s.writes(1, Registers{1, 1}, at(1, 2), put(1, 3, 2))
			s.writes(2, Registers{1, 1}, at(1, 2), put(1, 3, 2))
			s.asks(2, protocols.Write{Registers: Registers{2, 0}, After: at(1, 2)})
			s.delivers(1, put(1, 3, 2))
		}},
		{"committed by an observer", CommitDurable, "on the disks of 1 of 3", inTerm1, func(s *story) {
			s.writes(1, Registers{1, 1}, at(1, 2), put(1, 3, 2))
			s.boots(4, Registers{1, 0}, noop(1, 1), put(1, 2, 1))
			s.writes(4, Registers{1, 0}, at(1, 2), put(1, 3, 2))
			s.delivers(1, put(1, 3, 2))
		}},
		{"committed by a log compacted past its snapshot", CommitDurable, "on the disks of 1 of 3", inTerm1, func(s *story) {
			s.writes(1, Registers{1, 1}, at(1, 2), put(1, 3, 2))
			s.snapshots(2, Registers{1, 1}, at(1, 2), at(1, 3), at(1, 2), put(1, 3, 2))
			s.delivers(1, put(1, 3, 2))
		}},
		{"committed, and lost by a disk that was thought to have it", CommittedDurable, "after it started again, entry 1.3", inTerm1, func(s *story) {
			s.writes(1, Registers{1, 1}, at(1, 2), put(1, 3, 2))
			s.writes(2, Registers{1, 1}, at(1, 2), put(1, 3, 2))
			s.delivers(1, put(1, 3, 2))
			s.boots(2, Registers{1, 1}, noop(1, 1), put(1, 2, 1))
		}},
		{"committed, and cut off while its second copy is under way", CommittedDurable, "after it cut its log", inEpoch1, func(s *story) {
			s.writes(1, Registers{1, 1}, at(1, 2), put(1, 3, 3))
			s.broadcasts(1, put(1, 3, 3))
			s.writes(2, Registers{1, 1}, at(1, 2), put(1, 3, 3))
			s.delivers(1, put(1, 3, 3))
			s.asks(3, protocols.Write{Registers: Registers{1, 1}, After: at(1, 2), Entries: []Entry{put(1, 3, 3)}})
			s.writes(2, Registers{1, 1}, at(1, 2))
		}},
		{"elected by a vote that is not durable", VoteDurable, "votes of which 1 are", inTerm1, func(s *story) {
			s.asks(3, protocols.Write{Registers: Registers{2, 2}, After: at(1, 2)})
			s.wins(2, 2, 2)
		}},
		{"elected by a vote that a crash forgot", VoteDurable, "votes of which 1 are", inTerm1, func(s *story) {
			s.asks(3, protocols.Write{Registers: Registers{2, 2}, After: at(1, 2)})
			s.boots(3, Registers{1, 1}, noop(1, 1), put(1, 2, 1))
			s.wins(2, 2, 2)
		}},
		{"elected by a vote for another", VoteDurable, "votes of which 1 are", inTerm1, func(s *story) {
			s.votes(2, 1, 3)
			s.wins(2, 2, 2)
		}},
		{"elected by an observer's vote", VoteDurable, "votes of which 1 are", inTerm1, func(s *story) {
			s.boots(4, Registers{1, 0})
			s.wins(2, 2, 2, 4)
		}},
		{"elected before the own term is durable", VoteDurable, "its own disk has term 1", func() *story {
			s := tell(5, Raft)
			s.everywhere(Registers{1, 1}, at(0, 0))
			return s
		}, func(s *story) {
			s.wins(2, 2, 3, 4, 5)
		}},
		{"an observer leads", ElectionSafety, "no voter", inTerm1, func(s *story) {
			s.boots(4, Registers{2, 4}, noop(1, 1), put(1, 2, 1))
			s.elected(4, 2)
		}},
		{"established by an epoch that is not durable", EpochDurable, "on the disks of 1 of 3", inEpoch1, func(s *story) {
			s.writes(2, Registers{2, 2}, at(1, 2))
			s.asks(3, protocols.Write{Registers: Registers{2, 2}, After: at(1, 2)})
			s.activated(2, 2)
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
		{"a read in the log", Integrity, "what was submitted is", inTerm1, func(s *story) {
			get := protocols.Command{ID: protocols.RequestID{Session: 2, Seq: 1}, Op: kv.Get}
			s.reads(1, 1, protocols.ReadIndex, EntryID{})
			s.everywhere(Registers{1, 1}, at(1, 2), Entry{ID: at(1, 3), Command: get})
			s.delivers(1, Entry{ID: at(1, 3), Command: get})
		}},
		{"refused, and delivered later", RefusedKept, "whoever was asked has refused it", inTerm1, func(s *story) {
			s.puts(1, 2)
			s.puts(2, 2)
			s.refuses(1, 2)
			s.refuses(2, 2)
			s.everywhere(Registers{1, 1}, at(1, 2), put(1, 3, 2))
			s.delivers(1, put(1, 3, 2))
		}},
		{"delivered, and refused later", RefusedKept, "delivered it as entry 1.3", inTerm1, func(s *story) {
			s.puts(1, 2)
			s.everywhere(Registers{1, 1}, at(1, 2), put(1, 3, 2))
			s.delivers(1, put(1, 3, 2))
			s.refuses(1, 2)
		}},
		{"a write applied twice", StateMatches, "with version 2; as entry 1.2 it made version 1", inTerm1, func(s *story) {
			s.everywhere(Registers{1, 1}, at(1, 2), put(1, 3, 1))
			s.delivers(1, put(1, 3, 1))
			s.acknowledges(1, 1, at(1, 3), 2)
		}},
		{"a write acknowledged that came too late to take effect", StateMatches, "no effect as entry 1.4", inTerm1, func(s *story) {
			s.everywhere(Registers{1, 1}, at(1, 2), put(1, 3, 3), put(1, 4, 2))
			s.delivers(1, put(1, 3, 3), put(1, 4, 2))
			s.acknowledges(1, 2, at(1, 4), 3)
		}},
		{"a write acknowledged from nowhere", StateMatches, "at 1.3, a position that nobody", inTerm1, func(s *story) {
			s.acknowledges(1, 1, at(1, 3), 1)
		}},
		{"a read of a value that is not there yet", StateMatches, "there it is value 1, version 1", inTerm1, func(s *story) {
			s.reads(1, 1, protocols.ReadLocal, EntryID{})
			s.puts(1, 2)
			s.everywhere(Registers{1, 1}, at(1, 2), put(1, 3, 2))
			s.delivers(1, put(1, 3, 2))
			s.sees(1, 1, at(1, 2), 2, 2)
		}},
		{"a read of a value that is gone", StateMatches, "there it is value 2, version 2", inTerm1, func(s *story) {
			s.reads(1, 1, protocols.ReadLocal, EntryID{})
			s.puts(1, 2)
			s.everywhere(Registers{1, 1}, at(1, 2), put(1, 3, 2))
			s.delivers(1, put(1, 3, 2))
			s.sees(1, 1, at(1, 3), 1, 1)
		}},
		{"a read from a restored state that lacks an entry", StateMatches, "from its state at 1.2; there it is value 1, version 1", inTerm1, func(s *story) {
			s.snapshots(2, Registers{1, 1}, at(1, 2), at(1, 2), at(1, 2))
			s.Delivered(s.tick(), 2, at(1, 2), nil)
			s.reads(2, 1, protocols.ReadLocal, EntryID{})
			s.sees(2, 1, at(1, 2), 0, 0)
		}},
		{"a read from nowhere", StateMatches, "at 1.3, a position that nobody", inTerm1, func(s *story) {
			s.reads(1, 1, protocols.ReadLocal, EntryID{})
			s.sees(1, 1, at(1, 3), 1, 1)
		}},
		{"a read of what the session has left behind", SessionForward, "had seen 1.2", inTerm1, func(s *story) {
			s.reads(2, 1, protocols.ReadLocal, at(1, 2))
			s.delivers(2, noop(1, 1))
			s.sees(2, 1, at(1, 1), 0, 0)
		}},
		{"a write acknowledged from what the session has left behind", SessionForward, "request 1/1 from its state at 1.2; the session had seen 1.3", inTerm1, func(s *story) {
			s.commits(put(1, 3, 2))
			s.Asked(s.tick(), 2, bench.Request{Command: put(0, 0, 1).Command, Seen: at(1, 3)})
			s.acknowledges(2, 1, at(1, 2), 1)
		}},
		{"a stale read after an acknowledged write", RealTime, "in mode ReadIndex, from its state at 1.1", inTerm1, func(s *story) {
			s.acknowledges(1, 1, at(1, 2), 1)
			s.reads(2, 1, protocols.ReadIndex, EntryID{})
			s.sees(2, 1, at(1, 1), 0, 0)
		}},
		{"a stale read after another read", RealTime, "had an answer from entry 1.2", inTerm1, func(s *story) {
			s.reads(1, 1, protocols.ReadLease, EntryID{})
			s.sees(1, 1, at(1, 2), 1, 1)
			s.reads(2, 2, protocols.ReadLease, EntryID{})
			s.sees(2, 2, at(1, 1), 0, 0)
		}},
		{"a stale answer to a read that was tried again later", RealTime, "asked for at 15ms", inTerm1, func(s *story) {
			s.reads(2, 1, protocols.ReadIndex, EntryID{})
			s.acknowledges(1, 1, at(1, 2), 1)
			s.reads(3, 1, protocols.ReadIndex, EntryID{})
			s.sees(3, 1, at(1, 1), 0, 0)
		}},
		{"a read older than what was committed, and nobody knew", ReadFresh, "node 1 had delivered entry 1.2", inTerm1, func(s *story) {
			s.reads(2, 1, protocols.ReadIndex, EntryID{})
			s.sees(2, 1, at(1, 1), 0, 0)
		}},
		{"a stale read in a mode that is strict by configuration", RealTime, "in mode ReadSync", inEpoch1, func(s *story) {
			s.Strict |= ModesOf(protocols.ReadSync)
			s.acknowledges(1, 2, at(1, 2), 2)
			s.reads(2, 1, protocols.ReadSync, EntryID{})
			s.sees(2, 1, at(1, 1), 1, 1)
		}},
	})
}

func seeBroken(t *testing.T, breaches []breach) {
	for _, c := range breaches {
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
