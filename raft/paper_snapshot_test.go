package raft

import (
	"testing"

	"raftzab/protocols"
)

// inChunks cuts the snapshots here into three, of 40, 40 and 20 bytes, and keeps no
// entries below them.
func inChunks(c *Config) { c.ChunkSize, c.Trailing = 40, 0 }

// chunk is an InstallSnapshot of a part of the snapshot at id.
func chunk(term uint64, id protocols.EntryID, offset, length uint64) Message {
	return Message{Type: InstallSnapshot, Term: term, Snapshot: protocols.Chunk{At: id, Offset: offset, Length: length}, Done: offset+length == imageSize}
}

// behind is an ensemble whose server 3 has missed what the leader, 1, has given up:
// the leader has found that out, and its first chunk is under way. Its log holds 1.6.
func behind(t *testing.T, edit func(*Config)) *ensemble {
	e := configured(t, 3, func(c *Config) { inChunks(c); edit(c) })
	e.elect(1)
	for v := range uint64(4) {
		e.propose(1, v)
		e.drop(to(3))
		e.settle()
	}
	e.compact(1)
	e.propose(1, 9)
	e.drop(to(3))
	e.settle()
	e.disconnect(1, 3)
	e.beat(1)
	for range 2 {
		e.deliver(between(1, 2))
		e.deliver(between(1, 3)) // the heartbeat, that asks nothing of the log
	}
	if ms := e.sent(1, InstallSnapshot); len(ms) != 1 || len(e.letters) != 1 || ms[0].Snapshot.At != at(1, 5) {
		t.Fatalf("under way: %v", e.letters)
	}
	return e
}

// unchanged is for configured.
func unchanged(*Config) {}

// §7: "Each server takes snapshots independently, covering just the committed entries
// in its log." "Once a server completes writing a snapshot, it may delete all log
// entries up through the last included index, as well as any prior snapshot." The log
// begins behind it with the next write, and recovery starts from it.
func TestSnapshotReplacesThePrefixOfTheLog(t *testing.T) {
	e := configured(t, 3, inChunks)
	e.elect(1)
	e.propose(1, 10, 11)
	e.settle()
	e.compact(1)
	s := e.at(1)
	if len(s.pending) != 0 || s.snapshot.At != at(1, 3) || s.log.Base() != at(1, 3) || s.log.Len() != 0 {
		t.Fatalf("%v, to write %v", s, s.pending)
	}
	e.propose(1, 12)
	if w := s.pending; len(w) != 1 || w[0].Snapshot != at(1, 3) || w[0].Base != at(1, 3) || w[0].After != at(1, 3) {
		t.Fatalf("%+v", w)
	}
	e.settle()
	e.compact(1)
	e.propose(1, 13)
	e.settle()
	e.crash(1, 0)
	e.drop(all)
	e.restart(1)
	if s := e.at(1); s.snapshot.At != at(1, 4) || s.commitIndex != 4 || s.delivered != 4 || e.terms(1) != "1" || len(s.committed) != 0 {
		t.Fatalf("%v", s)
	}
	e.elect(1)
	if c := e.at(1).committed; len(c) != 2 || c[0].ID != at(1, 5) {
		t.Errorf("behind its snapshot it applies %v", c)
	}
}

// Not the paper's: the log keeps a tail below the snapshot, and never gives up more
// for an older snapshot, or one that it has already.
func TestLogKeepsATailBelowTheSnapshot(t *testing.T) {
	e := configured(t, 3, func(c *Config) { c.Trailing = 3 })
	e.elect(1)
	s := e.at(1)
	for _, c := range []struct{ proposals, base uint64 }{{1, 0}, {1, 0}, {1, 1}, {5, 6}} {
		for range c.proposals {
			e.propose(1, 10)
		}
		e.settle()
		e.compact(1)
		if s.snapshot.At != s.log.Last() || s.log.Base().Index != c.base {
			t.Fatalf("want base %d: %v", c.base, s)
		}
	}
	for _, old := range []protocols.EntryID{at(1, 4), s.snapshot.At} {
		s.Compact(e.now, protocols.Snapshot{At: old, Size: imageSize}, &s.out)
		e.take(s)
		if s.snapshot.At != at(1, 9) || s.log.Base() != at(1, 6) {
			t.Errorf("after an older snapshot: %v", s)
		}
	}
}

// §7: last included index and term "are preserved to support the AppendEntries
// consistency check for the first log entry following the snapshot, since that entry
// needs a previous log index and term". What lies below was committed: nobody who leads
// has anything else there.
func TestConsistencyCheckAtTheBoundaryOfTheSnapshot(t *testing.T) {
	entries := func(term uint64, from, to uint64) (es []protocols.Entry) {
		for i := from; i <= to; i++ {
			es = append(es, protocols.Entry{ID: at(term, i)})
		}
		return es
	}
	for _, c := range []struct {
		name    string
		prev    protocols.EntryID
		entries []protocols.Entry
		success bool
		match   uint64
		log     string
	}{
		{"at the boundary", at(1, 3), entries(1, 4, 5), true, 5, "11"},
		{"another term at the boundary", at(2, 3), entries(2, 4, 4), false, 0, "1"},
		{"below", at(1, 1), entries(1, 2, 6), true, 6, "111"},
		{"all below", at(1, 1), entries(1, 2, 2), true, 2, "1"},
		{"from the beginning", at(0, 0), nil, true, 0, "1"},
		{"a conflict behind", at(1, 3), entries(2, 4, 5), true, 5, "22"},
		{"too far", at(1, 6), nil, false, 0, "1"},
	} {
		e := configured(t, 3, inChunks)
		e.elect(2)
		e.propose(2, 10, 11)
		e.settle()
		e.beat(2)
		e.settle()
		e.compact(1)
		e.propose(2, 12) // entry 4 is not committed
		e.deliver(to(1))
		e.persist(1)
		e.drop(all)
		e.receive(1, 2, Message{Type: AppendEntries, Term: 1, PrevLog: c.prev, Entries: c.entries})
		e.persist(1)
		ms := e.sent(1, AppendEntriesResponse)
		if len(ms) != 1 || ms[0].Success != c.success || ms[0].MatchIndex != c.match || e.terms(1) != c.log {
			t.Errorf("%s: %v, log %s", c.name, ms, e.terms(1))
		}
	}
}

// §7: the leader sends a snapshot "when the leader has already discarded the next log
// entry that it needs to send to a follower", and only then.
func TestLeaderSendsASnapshotOnlyWhereTheLogNoLongerReaches(t *testing.T) {
	for missed := range 6 {
		e := configured(t, 3, func(c *Config) { c.Trailing = 2 })
		e.elect(1)
		for i := range 6 {
			e.propose(1, 10)
			if 6-i <= missed {
				e.drop(to(3))
			}
			e.settle()
		}
		e.compact(1) // entries 6 and 7 are kept
		e.disconnect(1, 3)
		sent := 0
		e.beat(1)
		for range 6 {
			sent += len(e.sent(1, InstallSnapshot))
			e.deliver(nil)
			e.persist(3)
		}
		if want := map[bool]int{true: 1}[missed > 2]; sent != want {
			t.Errorf("%d of 7 entries missed, 2 kept: %d snapshots sent", missed, sent)
		}
		if s := e.at(3); s.log.Last() != at(1, 7) || e.at(1).member(3).matchIndex != 7 {
			t.Errorf("%d missed: %v", missed, s)
		}
	}
}

// The same where a new leader has to find out what the follower has: it goes back as far
// as its log reaches, and then sends the snapshot.
func TestNewLeaderFindsThatOnlyASnapshotHelps(t *testing.T) {
	for _, b := range []Backtrack{BacktrackTerm, BacktrackOne} {
		for _, log := range [][]uint64{nil, {1, 1}, {1, 1, 1, 2, 2, 2}} {
			e := configured(t, 3, func(c *Config) { c.Trailing, c.Backtrack = 2, b }, []uint64{1, 1, 1, 1, 1, 3, 3}, []uint64{1, 1, 1, 1, 1, 3, 3}, log)
			e.crash(3, 0)
			e.elect(1)
			e.compact(1)
			e.propose(1, 10)
			e.settle()
			s := e.at(1)
			if s.log.Base() != at(3, 6) {
				t.Fatalf("%v", s)
			}
			e.restart(3)
			s.member(3).begin(s.log.Last().Index) // what a new leader assumes
			for range 2 {
				e.beat(1)
				e.settle()
			}
			if f := e.at(3); len(f.restored) != 1 || f.restored[0] != at(4, 8) || f.log.Last() != at(4, 9) || f.commitIndex != 9 {
				t.Errorf("backtrack %d, log %v: %v", b, log, f)
			}
		}
	}
}

// Figure 13: "Invoked by leader to send chunks of a snapshot to a follower. Leaders
// always send chunks in order": here one at a time, and then the entries behind.
func TestLeaderSendsChunksInOrder(t *testing.T) {
	e := behind(t, unchanged)
	for i, want := range []protocols.Chunk{{At: at(1, 5), Length: 40}, {At: at(1, 5), Offset: 40, Length: 40}, {At: at(1, 5), Offset: 80, Length: 20}} {
		ms := e.sent(1, InstallSnapshot)
		if len(ms) != 1 || ms[0].Snapshot != want || ms[0].Chunk() != want || ms[0].Done != (i == 2) || len(e.letters) != 1 {
			t.Fatalf("chunk %d: %v", i, e.letters)
		}
		e.deliver(nil)
		e.persist(3)
		if i == 2 {
			break
		}
		if ms := e.sent(3, InstallSnapshotResponse); len(ms) != 1 || ms[0].Success || ms[0].Snapshot != (protocols.Chunk{At: at(1, 5), Offset: want.Offset + want.Length}) {
			t.Fatalf("answers %v", ms)
		}
		e.deliver(nil)
	}
	if ms := e.sent(3, InstallSnapshotResponse); len(ms) != 1 || !ms[0].Success || ms[0].MatchIndex != 5 {
		t.Fatalf("answers %v", ms)
	}
	e.deliver(nil)
	if ms := e.sent(1, AppendEntries); len(ms) != 1 || ms[0].PrevLog != at(1, 5) || len(ms[0].Entries) != 1 {
		t.Fatalf("%v", ms)
	}
	e.settle()
	if s := e.at(3); s.log.Last() != at(1, 6) || s.log.Base() != at(1, 5) || len(s.restored) != 1 {
		t.Errorf("%v", s)
	}
}

// A chunk or an answer that is lost is made up for by every other heartbeat; a chunk
// that comes twice is not taken twice; a follower that has crashed meanwhile has lost
// what it had, says so, and is sent it from the beginning.
func TestChunksAreSentAgainUntilTheFollowerHasThem(t *testing.T) {
	chunksWithBeats := func(e *ensemble, beats int) (ms []Message) {
		for range beats {
			e.beat(1)
			ms = append(ms, e.sent(1, InstallSnapshot)...)
			e.drop(func(l letter) bool { return l.m.Type == InstallSnapshot })
			e.deliver(nil)
			e.deliver(nil)
		}
		return ms
	}
	e := behind(t, unchanged)
	e.drop(all) // the first chunk
	if ms := chunksWithBeats(e, 4); len(ms) != 2 || ms[0].Snapshot.Offset != 0 || ms[1].Snapshot.Offset != 0 {
		t.Fatalf("with four heartbeats: %v", ms)
	}
	e.receive(1, 3, Message{Type: InstallSnapshotResponse, Term: 1, Snapshot: protocols.Chunk{At: at(1, 3), Offset: 80}})
	if len(e.letters) != 0 {
		t.Fatalf("asked for a part of another snapshot, it sends %v", e.letters)
	}
	e.receive(3, 1, chunk(1, at(1, 5), 0, 40))
	e.receive(3, 1, chunk(1, at(1, 5), 0, 40))
	e.receive(3, 1, chunk(1, at(1, 5), 80, 20)) // not yet
	for _, m := range e.sent(3, InstallSnapshotResponse) {
		if m.Success || m.Snapshot.Offset != 40 {
			t.Fatalf("%v", m)
		}
	}
	e.deliver(to(1)) // the two others ask for what is under way
	if ms := e.sent(1, InstallSnapshot); len(ms) != 1 || ms[0].Snapshot.Offset != 40 {
		t.Fatalf("%v", ms)
	}
	e.drop(all)
	e.crash(3, 0)
	e.restart(3)
	e.receive(3, 1, chunk(1, at(1, 5), 40, 40))
	e.persist(3)
	e.deliver(to(1))
	if ms := e.sent(1, InstallSnapshot); len(ms) != 1 || ms[0].Snapshot.Offset != 0 {
		t.Fatalf("after a crash: %v", ms)
	}
	e.settle()
	if s := e.at(3); s.log.Last() != at(1, 6) || len(s.restored) != 1 {
		t.Errorf("%v", s)
	}
}

// Dissertation, figure 5.3: each chunk "gives the follower a sign of life", "so it can
// reset its election timer"; and heartbeats go on meanwhile, which ask nothing of a log
// that has no answer. Both count for the leader's quorum.
func TestHeartbeatsGoOnDuringATransfer(t *testing.T) {
	e := behind(t, func(c *Config) { c.CheckQuorum = true })
	s, f := e.at(1), e.at(3)
	e.crash(2, 0)
	for range 5 {
		before := f.electionAt
		e.beat(1)
		if ms := e.sent(1, AppendEntries); len(ms) != 2 || ms[1].PrevLog != at(0, 0) || ms[1].LeaderCommit != 6 {
			t.Fatalf("%v", ms)
		}
		e.drop(func(l letter) bool { return l.to == 2 || l.m.Type == InstallSnapshot })
		e.deliver(to(3))
		if ms := e.sent(3, AppendEntriesResponse); len(ms) != 1 || !ms[0].Success || ms[0].MatchIndex != 0 {
			t.Fatalf("%v", ms)
		}
		e.deliver(to(1))
		if f.electionAt == before || f.commitIndex > 1 || !s.member(3).isInstalling() || s.confirmedAt != e.now {
			t.Fatalf("%v; heard of a majority at %d, now is %d", f, s.confirmedAt, e.now)
		}
	}
	before, answered := f.electionAt, s.member(3).answered
	e.beat(1) // the sixth sends the chunk once more
	e.drop(func(l letter) bool { return l.m.Type == AppendEntries })
	e.deliver(nil)
	e.deliver(nil)
	if f.electionAt == before || s.member(3).answered == answered {
		t.Errorf("a chunk is no sign of life: %v", f)
	}
}

// A snapshot that is being sent is not replaced, so that each chunk is of one that is
// there. A follower that does not answer for ten heartbeats is given up, and is sent
// the newest when it is back.
func TestSilentFollowerDoesNotHoldCompactionUp(t *testing.T) {
	e := behind(t, unchanged)
	s := e.at(1)
	e.propose(1, 20)
	e.drop(to(3))
	e.settle()
	e.compact(1)
	for i := range patience {
		e.beat(1)
		e.drop(to(3))
		e.settle()
		if s.snapshot.At != at(1, 5) || s.log.Base() != at(1, 5) || !s.member(3).isInstalling() {
			t.Fatalf("after %d heartbeats: %v", i+1, s)
		}
	}
	e.beat(1)
	if s.snapshot.At != at(1, 7) || s.log.Base() != at(1, 7) || s.member(3).isInstalling() {
		t.Fatalf("%v", s)
	}
	e.settle()
	e.beat(1)
	e.settle()
	if f := e.at(3); len(f.restored) != 1 || f.restored[0] != at(1, 7) {
		t.Errorf("%v", f)
	}
}

// The same when the stream breaks, when the transfer is over, or the office.
func TestCompactionGoesOnAfterATransfer(t *testing.T) {
	for name, end := range map[string]func(*ensemble){
		"the stream breaks": func(e *ensemble) { e.disconnect(1, 3) },
		"all is taken in":   func(e *ensemble) { e.settle() },
		"another leads":     func(e *ensemble) { e.receive(1, 2, Message{Type: AppendEntries, Term: 2}) },
	} {
		e := behind(t, unchanged)
		s := e.at(1)
		e.compact(1)
		if s.snapshot.At != at(1, 5) {
			t.Fatalf("%v", s)
		}
		end(e)
		if s.snapshot.At != at(1, 6) || s.log.Base() != at(1, 6) {
			t.Errorf("%s: %v", name, s)
		}
	}
}

// One that is slow is not silent.
func TestSlowTransferIsNotGivenUp(t *testing.T) {
	e := behind(t, func(c *Config) { c.ChunkSize = 10 })
	s := e.at(1)
	for range 9 {
		for range 5 {
			e.beat(1)
			e.drop(to(3))
			e.settle()
		}
		if !s.member(3).isInstalling() {
			t.Fatalf("given up at %d of %d bytes", s.member(3).offset, imageSize)
		}
		e.receive(3, 1, chunk(1, at(1, 5), s.member(3).offset, 10))
		e.deliver(to(1))
		e.drop(all)
	}
	if s.member(3).offset != 90 {
		t.Errorf("%+v", s.member(3))
	}
}

// Reads come with heartbeats of their own, at any rate. They say nothing of how long
// a follower has been silent: its chunk is not sent again, and the transfer goes on.
func TestReadsDoNotHurryATransfer(t *testing.T) {
	e := behind(t, unchanged)
	s, began := e.at(1), e.now
	e.propose(1, 20)
	e.drop(to(3))
	e.settle()
	e.compact(1)
	chunks := 0
	for i := range uint32(2 * patience) {
		e.ask(1, i, protocols.ReadIndex)
		chunks += len(e.sent(1, InstallSnapshot))
		e.drop(to(3))
		e.settle()
	}
	if chunks > 0 || e.now != began || !s.member(3).isInstalling() || s.snapshot.At != at(1, 5) {
		t.Errorf("%d chunks in %d ns: %v", chunks, e.now-began, s)
	}
	if len(s.reads) != 2*patience {
		t.Errorf("%d reads were answered", len(s.reads))
	}
}

// A follower that was away when the leader took office has answered nothing when its
// stream breaks. What the leader assumes of its log stays: it is asked where the two
// agree, and sent what it lacks.
func TestFollowerThatWasAwayIsSentWhatItLacks(t *testing.T) {
	var log []uint64
	for range 20 {
		log = append(log, 1)
	}
	for _, trailing := range []uint64{1000, 4} {
		e := configured(t, 3, func(c *Config) { c.Trailing, c.MaxEntries = trailing, 4 }, log, log, log[:19])
		e.crash(3, 0)
		e.elect(1)
		e.disconnect(1, 3)
		e.propose(1, 10)
		e.settle()
		e.compact(1)
		e.restart(3)
		e.beat(1)
		entries := 0
		for range 10 {
			for _, l := range e.letters {
				if l.to == 3 {
					entries += len(l.m.Entries)
				}
			}
			e.deliver(nil)
			e.persist(3)
		}
		if f := e.at(3); entries != 3 || len(f.restored) > 0 || f.log.Last() != e.at(1).log.Last() {
			t.Errorf("trailing %d: 3 entries were missing, %d were sent, restored %v: %v", trailing, entries, f.restored, f)
		}
	}
}
