package zab

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"raftzab/protocols"
)

// A solo is one server of an ensemble of three or more; the test plays the
// others, packet by packet. Its own notifications come back at once, unless
// they are held, and so does the disk, unless it is slow.
type solo struct {
	t      *testing.T
	r      *Replica
	now    Time
	out    Output
	sent   []string // what went to others, as "to: message"
	held   []Message
	hold   bool // keep own notifications
	slow   bool // keep Persisted
	writes []protocols.Write
	events []Event
	done   []Entry
	wake   Time

	restored []Zxid

	abandoned bool
	refused   int
	reads     int
	permits   []protocols.ReadState
}

// single starts server id of n on the given disk.
func single(t *testing.T, id NodeID, n int, disk protocols.Recovered, edit func(*Config)) *solo {
	c := testConfig(n)
	c.ID = id
	if edit != nil {
		edit(&c)
	}
	s := &solo{t: t, r: New(c, disk, rand.New(rand.NewPCG(1, 2)))}
	s.out.Listen = protocols.AllEvents
	s.call(func(r *Replica) { r.Wake(s.now, &s.out) })
	return s
}

func (s *solo) call(input func(r *Replica)) {
	input(s.r)
	for {
		if problem := s.r.valid(); problem != "" {
			s.t.Fatalf("%s: %v", problem, s.r)
		}
		var local []Message
		for _, e := range s.out.Messages {
			switch {
			case e.To != s.r.cfg.ID:
				s.sent = append(s.sent, fmt.Sprintf("%d: %v", e.To, e.Msg))
			case s.hold:
				s.held = append(s.held, e.Msg)
			default:
				local = append(local, e.Msg)
			}
		}
		s.writes = append(s.writes, s.out.Writes...)
		s.events = append(s.events, s.out.Events...)
		s.done = append(s.done, s.out.Committed...)
		if s.out.Restore != (Zxid{}) {
			s.restored = append(s.restored, s.out.Restore)
		}
		s.abandoned = s.abandoned || s.out.Abandoned
		s.refused += len(s.out.Refused)
		s.reads += len(s.out.Reads)
		s.permits = append(s.permits, s.out.Reads...)
		s.wake = s.out.Wake
		s.out.Reset()
		for _, m := range local {
			s.r.Receive(s.now, s.r.cfg.ID, m, &s.out)
		}
		if len(local) == 0 {
			if s.slow || s.r.persisted == s.r.seq {
				return
			}
			s.r.Persisted(s.now, s.r.seq, &s.out)
		}
	}
}

func (s *solo) receive(from NodeID, m Message) {
	s.call(func(r *Replica) { r.Receive(s.now, from, m, &s.out) })
}

// fromLeader and fromLearner receive on the learner connection that is up.
func (s *solo) fromLeader(ms ...Message) {
	for _, m := range ms {
		m.Learner, m.Conn = s.r.cfg.ID, s.r.link.conn
		s.receive(s.r.leader, m)
	}
}

// fromLearner takes ms as if from came with them on its first connection. An
// AckNewLeader that names no epoch is of the leader's.
func (s *solo) fromLearner(from NodeID, ms ...Message) {
	for _, m := range ms {
		m.Learner, m.Conn = from, 1
		if m.Type == AckNewLeader && m.Zxid == (Zxid{}) {
			m.Zxid.Epoch = s.r.office.epoch
		}
		s.receive(from, m)
	}
}

func (s *solo) persisted(seq uint64) {
	s.call(func(r *Replica) { r.Persisted(s.now, seq, &s.out) })
}

func (s *solo) propose(seqs ...uint32) {
	var cs []Command
	for _, seq := range seqs {
		cs = append(cs, command(seq))
	}
	s.call(func(r *Replica) { r.Propose(s.now, cs, &s.out) })
}

// advance moves the clock and wakes the server at each deadline on the way.
func (s *solo) advance(d Time) {
	until := s.now + d
	for s.wake != 0 && s.wake <= until {
		s.now = max(s.wake, s.now)
		s.call(func(r *Replica) { r.Wake(s.now, &s.out) })
	}
	s.now = until
}

// take returns what was sent since it was last called.
func (s *solo) take() []string {
	sent := s.sent
	s.sent = nil
	return sent
}

// expect compares it.
func (s *solo) expect(what string, want ...string) {
	s.t.Helper()
	if got := s.take(); fmt.Sprint(got) != fmt.Sprint(want) {
		s.t.Errorf("%s: sent %q, want %q", what, got, want)
	}
}

func (s *solo) count(kind protocols.EventKind) (n int) {
	for _, e := range s.events {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

func zx(epoch, counter uint64) Zxid { return Zxid{Epoch: epoch, Index: counter} }

func command(seq uint32) Command {
	return Command{ID: protocols.RequestID{Session: 1, Seq: seq}, Op: 1, Size: 16}
}

// disk is one with these epochs and a log up to the given zxids, each epoch from 1.
func disk(accepted, current uint64, ends ...Zxid) protocols.Recovered {
	d := protocols.Recovered{Registers: protocols.Registers{accepted, current}}
	for _, end := range ends {
		for i := uint64(1); i <= end.Index; i++ {
			d.Entries = append(d.Entries, Entry{ID: zx(end.Epoch, i), Command: command(uint32(100*end.Epoch + i))})
		}
	}
	return d
}

// looking, following and leading are notifications.
func looking(round uint64, v Vote) Message { return note(protocols.Candidate, round, v) }
func following(round uint64, v Vote) Message {
	return note(protocols.Follower, round, v)
}
func leads(round uint64, v Vote) Message { return note(protocols.Leader, round, v) }

func note(state protocols.Role, round uint64, v Vote) Message {
	return Message{Type: Notification, State: state, ElectionEpoch: round, Leader: v.Leader, Zxid: v.Zxid, PeerEpoch: v.PeerEpoch}
}

// learner returns server 1 of 3 that has just found 3 as its leader.
func learner(t *testing.T, d protocols.Recovered) *solo {
	s := single(t, 1, 3, d, nil)
	s.followAgain()
	return s
}

func (s *solo) followAgain() {
	s.take()
	v := Vote{Leader: 3, PeerEpoch: 9}
	s.receive(2, following(7, v))
	s.receive(3, leads(7, v))
}

// served returns server 1 of 3 that serves under 3 in the epoch.
func served(t *testing.T, d protocols.Recovered, epoch uint64) *solo {
	s := learner(t, d)
	e := Zxid{Epoch: epoch}
	s.fromLeader(Message{Type: LeaderInfo, Zxid: e}, Message{Type: Diff}, Message{Type: NewLeader, Zxid: e}, Message{Type: UpToDate})
	if !s.r.serving {
		t.Fatalf("does not serve: %v", s.r)
	}
	s.take()
	return s
}

// elect returns server 3 of 3 or 5 of 5, just elected by the lower half.
func elect(t *testing.T, n int, d protocols.Recovered, edits ...func(*Config)) *solo {
	s := single(t, NodeID(n), n, d, func(c *Config) {
		c.FinalizeWait = 0
		for _, edit := range edits {
			edit(c)
		}
	})
	for id := NodeID(1); id <= NodeID(n/2); id++ {
		s.receive(id, looking(1, s.r.proposal))
	}
	if s.r.role != protocols.Leader {
		t.Fatalf("is not elected: %v", s.r)
	}
	s.take()
	return s
}

// read asks for a read, or a sync, of this number.
func (s *solo) read(seq uint32, mode protocols.ReadMode) {
	s.call(func(r *Replica) { r.Read(s.now, command(seq).ID, mode, &s.out) })
}

// watched adds observers 4 and 5.
func watched(c *Config) { c.Observers = []NodeID{4, 5} }

// established returns server 3 of 3 that leads, with 1 level and 2 not there.
func established(t *testing.T, d protocols.Recovered, edits ...func(*Config)) *solo {
	s := elect(t, 3, d, edits...)
	s.fromLearner(1, Message{Type: FollowerInfo}, Message{Type: AckEpoch}, Message{Type: AckNewLeader})
	if !s.r.serving {
		t.Fatalf("does not serve: %v", s.r)
	}
	s.take()
	return s
}
