package check

import (
	"testing"

	"raftzab/protocols"
)

// Server 1 leads epoch 1 of three with 1.1 and 1.2 committed, unless the story
// begins otherwise. What a follower says of its phase needs no leader's name: an
// epoch has one.

func TestEachInvariantOfZabCatchesItsBreach(t *testing.T) {
	seeBroken(t, []breach{
		{"two servers synchronise as leaders of an epoch", ElectionSafety, "synchronises in epoch 1, which node 1 has led", inEpoch1, func(s *story) {
			s.enters(3, protocols.Leader, protocols.Synchronization, 1)
		}},
		{"a leader takes an epoch that it has led before", ElectionSafety, "an office begins with an epoch of its own", inEpoch1, func(s *story) {
			s.enters(1, protocols.Candidate, protocols.Election, 1)
			s.enters(1, protocols.Leader, protocols.Synchronization, 1)
		}},
		{"a server broadcasts in another's epoch", ElectionSafety, "broadcasts in epoch 1, which node 1 has led", inEpoch1, func(s *story) {
			s.broadcasts(2, put(1, 3, 3))
		}},
		{"a follower serves before a quorum is in the epoch", EpochDurable, "enters broadcast in epoch 2, which is the currentEpoch on the disks of 1 of 3", inEpoch1, func(s *story) {
			s.promises(2, 2, 3)
			s.leads(2, 2)
			s.enters(3, protocols.Follower, protocols.Broadcast, 2)
		}},
		{"a leader of Zab drops its own entry", LeaderAppendOnly, "has led epoch 1", inEpoch1, func(s *story) {
			s.writes(1, Registers{1, 1}, at(1, 2), put(1, 3, 3))
			s.writes(1, Registers{1, 1}, at(1, 2))
		}},
		{"a learner enters the epoch with a tail that its leader does not have", HistoryConsistency, "in epoch 2 its log ends at 1.3", inEpoch1, func(s *story) {
			s.writes(1, Registers{1, 1}, at(1, 2), put(1, 3, 3))
			s.writes(3, Registers{1, 1}, at(1, 2), put(1, 3, 3))
			s.promises(2, 2, 3)
			s.leads(2, 2)
			s.joins(2, 3)
		}},
		{"the same, and its leader has gone on", HistoryConsistency, "it ends at 2.1", inEpoch1, func(s *story) {
			s.writes(1, Registers{1, 1}, at(1, 2), put(1, 3, 3))
			s.writes(3, Registers{1, 1}, at(1, 2), put(1, 3, 3))
			s.promises(2, 2, 3)
			s.leads(2, 2)
			s.writes(2, Registers{2, 2}, at(1, 2), put(2, 1, 4))
			s.joins(2, 3)
		}},
		{"a follower logs what its leader never had", HistoryConsistency, "in the history of node 1", inEpoch1, func(s *story) {
			s.writes(2, Registers{1, 1}, at(1, 2), put(1, 3, 3))
		}},
		{"a primary leaves a number out", LocalPrimaryOrder, "broadcasts entry 1.4; the last of this epoch that it broadcast is 1.2", inEpoch1, func(s *story) {
			s.broadcasts(1, put(1, 4, 3))
		}},
		{"a primary goes back", LocalPrimaryOrder, "broadcasts entry 1.2;", inEpoch1, func(s *story) {
			s.broadcasts(1, put(1, 2, 2))
		}},
		{"delivered, and never broadcast", Integrity, "has broadcast nothing behind 1.2", inEpoch1, func(s *story) {
			s.everywhere(Registers{1, 1}, at(1, 2), put(1, 3, 3))
			s.delivers(1, put(1, 3, 3))
		}},
		{"broadcast, and another in the log", Integrity, "broadcasts request 1/4 as entry 1.3, which is request 1/3", inEpoch1, func(s *story) {
			s.writes(1, Registers{1, 1}, at(1, 2), put(1, 3, 3))
			s.broadcasts(1, put(1, 3, 4))
		}},
		{"in a log before its primary made it", Integrity, "in the log of node 3", inEpoch1, func(s *story) {
			s.promises(2, 3)
			s.writes(3, Registers{2, 1}, at(1, 2), put(1, 3, 3))
			s.writes(1, Registers{1, 1}, at(1, 2), put(1, 3, 3))
			s.broadcasts(1, put(1, 3, 3))
		}},
		{"a leader takes office and does not deliver what it began with", PrimaryIntegrity, "up to 1.2; it has delivered 0 entries", inEpoch1, func(s *story) {
			s.promises(2, 2, 3)
			s.leads(2, 2)
			s.joins(2, 3)
			s.activated(2, 2)
			s.enters(2, protocols.Candidate, protocols.Election, 2)
		}},
		{"a primary broadcasts before it is established", PrimaryIntegrity, "up to 1.2; it has delivered 0 entries", inEpoch1, func(s *story) {
			s.promises(2, 2, 3)
			s.leads(2, 2)
			s.writes(2, Registers{2, 2}, at(1, 2), put(2, 1, 3))
			s.broadcasts(2, put(2, 1, 3))
			s.writes(2, Registers{2, 2}, at(2, 1), put(2, 2, 4))
		}},
		{"an old entry comes back behind a later primary", PrimaryIntegrity, "node 2 has begun to broadcast in epoch 2", inEpoch1, func(s *story) {
			s.writes(1, Registers{1, 1}, at(1, 2), put(1, 3, 3))
			s.broadcasts(1, put(1, 3, 3))
			s.promises(2, 2, 3)
			s.leads(2, 2)
			s.joins(2, 3)
			s.delivers(2, put(1, 1, 1), put(1, 2, 2))
			s.activated(2, 2)
			s.writes(2, Registers{2, 2}, at(1, 2), put(2, 1, 4))
			s.broadcasts(2, put(2, 1, 4))
			s.promises(3, 1, 3)
			s.leads(1, 3)
			s.writes(3, Registers{3, 2}, at(1, 2), put(1, 3, 3))
			s.joins(3, 3)
			s.delivers(1, put(1, 3, 3))
		}},
		{"a follower delivers ahead of its leader", CommitConsistency, "delivers up to entry 1.3; node 1", inEpoch1, func(s *story) {
			s.everywhere(Registers{1, 1}, at(1, 2), put(1, 3, 3))
			s.broadcasts(1, put(1, 3, 3))
			s.delivers(2, put(1, 1, 1), put(1, 2, 2), put(1, 3, 3))
		}},
		{"a learner delivers the history before its leader is established", CommitConsistency, "in epoch 2 it delivers up to entry 1.2; node 3", inEpoch1, func(s *story) {
			s.promises(2, 2, 3)
			s.leads(3, 2)
			s.joins(2, 2)
			s.delivers(2, put(1, 1, 1), put(1, 2, 2))
		}},
		{"an old leader commits what a later one began without", LeaderCompleteness, "node 2 leads epoch 2", inEpoch1, func(s *story) {
			s.writes(1, Registers{1, 1}, at(1, 2), put(1, 3, 3))
			s.broadcasts(1, put(1, 3, 3))
			s.promises(2, 2, 3)
			s.leads(2, 2)
			s.writes(3, Registers{2, 1}, at(1, 2), put(1, 3, 3)) // it goes on for the old leader
			s.delivers(1, put(1, 3, 3))
		}},
		{"a learner cuts off what was committed in an earlier epoch, and a majority has it", CommittedDurable, "drops entry 1.2", inEpoch1, func(s *story) {
			s.promises(2, 3)
			s.writes(3, Registers{2, 1}, at(1, 1))
		}},
	})
}

func TestCorrectRunsOfZabPass(t *testing.T) {
	seePass(t, []correct{
		{"two servers are leaders-elect, and one follows both, in discovery", inEpoch1, func(s *story) {
			s.enters(2, protocols.Leader, protocols.Discovery, 1)
			s.enters(3, protocols.Leader, protocols.Discovery, 1)
			s.enters(1, protocols.Follower, protocols.Synchronization, 2)
			s.enters(1, protocols.Follower, protocols.Synchronization, 2)
		}},
		{"a leader resigns and leads again in the same life", inEpoch1, func(s *story) {
			s.enters(1, protocols.Candidate, protocols.Election, 1)
			s.promises(2, 1, 2)
			s.leads(1, 2)
			s.joins(2, 2)
			s.enters(1, protocols.Leader, protocols.Broadcast, 2)
			s.activated(1, 2)
			s.enters(2, protocols.Follower, protocols.Broadcast, 2)
		}},
		{"events that say nothing of role or leader claim nothing", inEpoch1, func(s *story) {
			s.enters(3, 0, protocols.Synchronization, 1)
			s.enters(2, 0, protocols.Broadcast, 1)
		}},
		{"a learner crashes between its history and its epoch", inEpoch1, func(s *story) {
			s.promises(2, 2, 3)
			s.leads(2, 2)
			s.joins(2, 3)
			s.delivers(2, put(1, 1, 1), put(1, 2, 2))
			s.activated(2, 2)
			s.writes(2, Registers{2, 2}, at(1, 2), put(2, 1, 3))
			s.broadcasts(2, put(2, 1, 3))
			s.promises(2, 1)
			s.writes(1, Registers{2, 1}, at(1, 2), put(2, 1, 3)) // behind NEWLEADER, before currentEpoch
			s.boots(1, Registers{2, 1}, put(1, 1, 1), put(1, 2, 2), put(2, 1, 3))
			s.joins(2, 1)
		}},
		{"a follower has what its leader lost in a crash", inEpoch1, func(s *story) {
			s.asks(1, protocols.Write{Registers: Registers{1, 1}, After: at(1, 2), Entries: []Entry{put(1, 3, 3), put(1, 4, 4)}})
			s.broadcasts(1, put(1, 3, 3), put(1, 4, 4))
			s.boots(1, Registers{1, 1}, put(1, 1, 1), put(1, 2, 2))
			s.writes(2, Registers{1, 1}, at(1, 2), put(1, 3, 3))
			s.writes(2, Registers{1, 1}, at(1, 3), put(1, 4, 4))
			s.promises(2, 1, 2)
			s.leads(2, 2)
			s.writes(1, Registers{2, 1}, at(1, 2), put(1, 3, 3), put(1, 4, 4))
			s.joins(2, 1)
			s.delivers(2, put(1, 1, 1), put(1, 2, 2), put(1, 3, 3), put(1, 4, 4))
			s.activated(2, 2)
		}},
		{"a deposed leader cuts its tail", inEpoch1, func(s *story) {
			s.writes(1, Registers{1, 1}, at(1, 2), put(1, 3, 3))
			s.broadcasts(1, put(1, 3, 3))
			s.promises(2, 1, 2, 3)
			s.leads(2, 2)
			s.writes(1, Registers{2, 1}, at(1, 2))
			s.joins(2, 1, 3)
			s.delivers(2, put(1, 1, 1), put(1, 2, 2))
			s.activated(2, 2)
		}},
		{"learners join with what is committed, and their leader has more, behind idle epochs", inEpoch1, func(s *story) {
			for e := uint64(2); e <= 4; e++ {
				s.promises(e, 1, 2)
				s.leads(2, e)
				s.joins(e, 1)
				if e == 2 {
					s.delivers(2, put(1, 1, 1), put(1, 2, 2))
				}
				s.activated(2, e)
			}
			s.promises(4, 3)
			s.writes(2, Registers{4, 4}, at(1, 2), put(4, 1, 3))
			s.broadcasts(2, put(4, 1, 3))
			s.joins(4, 3)
			s.writes(1, Registers{4, 4}, at(1, 2), put(4, 1, 3))
			s.promises(5, 1, 2, 3)
			s.leads(1, 5)
			s.joins(5, 2)
			s.delivers(1, put(4, 1, 3))
			s.activated(1, 5)
			s.writes(1, Registers{5, 5}, at(4, 1), put(5, 1, 4))
			s.broadcasts(1, put(5, 1, 4))
			s.writes(3, Registers{5, 4}, at(1, 2), put(4, 1, 3))
			s.joins(5, 3)
		}},
		{"servers begin with histories of their own, of leaders that nobody saw", func() *story { return &story{Invariants: New(3, Zab)} }, func(s *story) {
			for id := ID(1); id <= 3; id++ {
				s.boots(id, Registers{2, 2}, put(1, 1, 1), put(2, 1, 2))
			}
			s.writes(3, Registers{2, 2}, at(2, 1), put(2, 2, 3))
			s.promises(3, 1, 2, 3)
			s.leads(3, 3)
			s.writes(1, Registers{3, 2}, at(2, 1), put(2, 2, 3))
			s.joins(3, 1, 2)
			s.delivers(3, put(1, 1, 1), put(2, 1, 2), put(2, 2, 3))
			s.activated(3, 3)
		}},
		{"a leader crashes in the instant in which it takes office", inEpoch1, func(s *story) {
			s.promises(2, 2, 3)
			s.leads(2, 2)
			s.joins(2, 3)
			s.activated(2, 2)
			s.boots(2, Registers{2, 2}, put(1, 1, 1), put(1, 2, 2))
			s.enters(2, protocols.Candidate, protocols.Election, 2)
		}},
		{"a leader is seen to take office, and to broadcast, before it delivers, in one instant", inEpoch1, func(s *story) {
			s.promises(2, 2, 3)
			s.leads(2, 2)
			s.joins(2, 3)
			now := s.tick()
			s.Observe(now, 2, protocols.Event{Kind: protocols.Activated, Epoch: 2})
			s.Observe(now, 2, protocols.Event{Kind: protocols.Proposed, At: at(2, 1)}) // of the leader itself
			s.Wrote(now, 2, protocols.Write{Registers: Registers{2, 2}, After: at(1, 2), Entries: []Entry{noop(2, 1)}})
			s.Delivered(now, 2, EntryID{}, []Entry{put(1, 1, 1), put(1, 2, 2)})
			s.writes(3, Registers{2, 2}, at(1, 2), noop(2, 1))
			s.writes(2, Registers{2, 2}, at(2, 1))
			s.delivers(2, noop(2, 1))
		}},
		{"an old leader gets its last acknowledgement when a later one, which has the entry, has broadcast", inEpoch1, func(s *story) {
			s.writes(1, Registers{1, 1}, at(1, 2), put(1, 3, 3))
			s.broadcasts(1, put(1, 3, 3))
			s.writes(2, Registers{1, 1}, at(1, 2), put(1, 3, 3))
			s.promises(2, 2, 3)
			s.leads(2, 2)
			s.writes(3, Registers{2, 1}, at(1, 2), put(1, 3, 3))
			s.joins(2, 3)
			s.delivers(2, put(1, 1, 1), put(1, 2, 2), put(1, 3, 3))
			s.activated(2, 2)
			s.writes(2, Registers{2, 2}, at(1, 3), put(2, 1, 4))
			s.broadcasts(2, put(2, 1, 4))
			s.delivers(1, put(1, 3, 3))
		}},
		{"the same, when the later one has only begun", inEpoch1, func(s *story) {
			s.writes(1, Registers{1, 1}, at(1, 2), put(1, 3, 3))
			s.broadcasts(1, put(1, 3, 3))
			s.writes(2, Registers{1, 1}, at(1, 2), put(1, 3, 3))
			s.promises(2, 2, 3)
			s.leads(2, 2)
			s.delivers(1, put(1, 3, 3))
		}},
		{"a leader is established late, behind one of a later epoch that has broadcast", inEpoch1, func(s *story) {
			s.promises(2, 1, 2, 3)
			s.leads(2, 2)
			s.joins(2, 1) // its acknowledgement is long on its way
			s.promises(3, 1, 3)
			s.leads(1, 3)
			s.joins(3, 3)
			s.activated(1, 3)
			s.writes(1, Registers{3, 3}, at(1, 2), put(3, 1, 3))
			s.broadcasts(1, put(3, 1, 3))
			s.delivers(2, put(1, 1, 1), put(1, 2, 2))
			s.activated(2, 2)
			s.writes(2, Registers{2, 2}, at(1, 2), put(2, 1, 4))
			s.broadcasts(2, put(2, 1, 4))
		}},
		{"a follower delivers what its leader delivered before it crashed", inEpoch1, func(s *story) {
			s.boots(1, Registers{1, 1}, put(1, 1, 1), put(1, 2, 2))
			s.delivers(2, put(1, 1, 1), put(1, 2, 2))
		}},
		{"a follower knows more of what is committed than its leader-elect", inEpoch1, func(s *story) {
			s.delivers(2, put(1, 1, 1), put(1, 2, 2))
			s.promises(2, 2, 3)
			s.leads(3, 2)
			s.joins(2, 2)
			s.delivers(3, put(1, 1, 1), put(1, 2, 2))
			s.activated(3, 2)
			s.enters(2, protocols.Follower, protocols.Broadcast, 2)
		}},
		{"a learner starts from its leader's snapshot", inEpoch1, func(s *story) {
			s.snapshots(1, Registers{1, 1}, at(1, 2), at(1, 2), at(1, 2))
			s.snapshots(1, Registers{1, 1}, at(1, 2), at(1, 2), at(1, 2), put(1, 3, 3))
			s.broadcasts(1, put(1, 3, 3))
			s.boots(3, Registers{1, 0})
			s.snapshots(3, Registers{1, 0}, at(1, 2), at(1, 2), at(1, 2))
			s.joins(1, 3)
			s.Delivered(s.tick(), 3, at(1, 2), nil)
			s.snapshots(3, Registers{1, 1}, at(1, 2), at(1, 2), at(1, 2), put(1, 3, 3))
			s.delivers(1, put(1, 3, 3))
			s.delivers(3, put(1, 3, 3))
		}},
		{"an observer follows, and counts nowhere", inEpoch1, func(s *story) {
			s.boots(4, Registers{})
			s.promises(1, 4)
			s.enters(4, protocols.Observer, protocols.Synchronization, 1)
			s.writes(4, Registers{1, 0}, at(0, 0), put(1, 1, 1), put(1, 2, 2))
			s.joins(1, 4)
			s.enters(4, protocols.Observer, protocols.Broadcast, 1)
			s.delivers(4, put(1, 1, 1), put(1, 2, 2))
			s.everywhere(Registers{1, 1}, at(1, 2), put(1, 3, 3))
			s.broadcasts(1, put(1, 3, 3))
			s.delivers(1, put(1, 3, 3))
			s.delivers(4, put(1, 3, 3)) // in the instant of the write, and before it
			s.Wrote(s.now, 4, protocols.Write{Registers: Registers{1, 1}, After: at(1, 2), Entries: []Entry{put(1, 3, 3)}})
		}},
		{"a primary orders a transaction of nobody, that does nothing", inEpoch1, func(s *story) {
			s.Submitted(put(0, 0, 3).Command)
			s.everywhere(Registers{1, 1}, at(1, 2), noop(1, 3))
			s.broadcasts(1, noop(1, 3))
			s.delivers(1, noop(1, 3))
		}},
	})
}
