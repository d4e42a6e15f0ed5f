package raft

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"raftzab/protocols"
)

// An ensemble is driven by hand: nothing is delivered, made durable or woken
// unless a test says so.
type ensemble struct {
	t       testing.TB
	now     protocols.Time
	servers []*server // by id - 1
	letters []letter  // under way, in the order in which they were sent
	taken   []letter  // scratch of deliver
}

type letter struct {
	from, to protocols.NodeID
	m        Message
}

type server struct {
	*Replica  // nil while it is down
	cfg       Config
	lives     uint64
	disk      protocols.Recovered
	pending   []protocols.Write
	out       Output
	committed []protocols.Entry
	restored  []protocols.EntryID
	reads     []protocols.ReadState
	refused   []protocols.Refusal
	abandoned int
	events    []protocols.Event
}

// imageSize is the size of all snapshots here.
const imageSize = 100

// newEnsemble starts n servers, the i-th with a log of the given terms and the
// greatest of them as its term.
func newEnsemble(t testing.TB, n int, logs ...[]uint64) *ensemble {
	return configured(t, n, func(*Config) {}, logs...)
}

// learning is for configured: the last n servers are learners.
func learning(n int) func(*Config) {
	return func(c *Config) {
		k := len(c.Voters) - n
		c.Voters, c.Learners = c.Voters[:k], c.Voters[k:]
	}
}

// configured starts an ensemble under a configuration of its own.
func configured(t testing.TB, n int, edit func(*Config), logs ...[]uint64) *ensemble {
	e := &ensemble{t: t}
	var voters []protocols.NodeID
	for i := range n {
		voters = append(voters, protocols.NodeID(i+1))
	}
	for i := range n {
		s := &server{cfg: Default()}
		s.cfg.ID, s.cfg.Voters = voters[i], voters
		edit(&s.cfg)
		if i < len(logs) {
			for j, term := range logs[i] {
				s.disk.Entries = append(s.disk.Entries, protocols.Entry{ID: protocols.EntryID{Epoch: term, Index: uint64(j + 1)}})
				s.disk.Registers[0] = max(s.disk.Registers[0], term)
			}
		}
		s.out.Listen = protocols.AllEvents
		e.servers = append(e.servers, s)
	}
	for _, id := range voters {
		e.restart(id)
	}
	return e
}

func (e *ensemble) at(id protocols.NodeID) *server { return e.servers[id-1] }

// take carries a call's effects out: loopback at once, the rest by hand.
func (e *ensemble) take(s *server) {
	for i := 0; i < len(s.out.Messages); i++ {
		if env := s.out.Messages[i]; env.To != s.cfg.ID {
			e.letters = append(e.letters, letter{s.cfg.ID, env.To, env.Msg})
		} else {
			s.Receive(e.now, s.cfg.ID, env.Msg, &s.out)
		}
	}
	s.pending = append(s.pending, s.out.Writes...)
	if at := s.out.Restore; at != (protocols.EntryID{}) {
		s.restored = append(s.restored, at)
	}
	s.committed = append(s.committed, s.out.Committed...)
	s.reads = append(s.reads, s.out.Reads...)
	s.refused = append(s.refused, s.out.Refused...)
	s.events = append(s.events, s.out.Events...)
	if s.out.Abandoned {
		s.abandoned++
	}
	if s.out.Wake == 0 && s.Replica.votes { // a learner without a leader waits for nothing
		e.t.Fatalf("no deadline: %v", s)
	}
	s.out.Reset()
}

func (e *ensemble) restart(id protocols.NodeID) {
	s := e.at(id)
	s.lives++
	s.Replica = New(s.cfg, s.disk, rand.New(rand.NewPCG(uint64(id), s.lives)))
	s.committed, s.restored = s.committed[:0], s.restored[:0]
	s.Wake(e.now, &s.out)
	e.take(s)
}

// crash ends a life; its disk keeps the first so many of the pending writes.
func (e *ensemble) crash(id protocols.NodeID, kept int) {
	s := e.at(id)
	for _, w := range s.pending[:kept] {
		s.apply(w)
	}
	s.pending, s.Replica = nil, nil
	e.drop(func(l letter) bool { return l.to == id })
}

// timeout lets time pass until id's election timer runs out, for id alone.
func (e *ensemble) timeout(id protocols.NodeID) {
	s := e.at(id)
	e.now = max(e.now, s.electionAt)
	s.Wake(e.now, &s.out)
	e.take(s)
}

// beat lets time pass until the leader's next heartbeat.
func (e *ensemble) beat(id protocols.NodeID) {
	s := e.at(id)
	e.now = max(e.now, s.heartbeatAt)
	s.Wake(e.now, &s.out)
	e.take(s)
}

// apply makes a write durable, and the snapshot that it names.
func (s *server) apply(w protocols.Write) {
	s.disk.Apply(w)
	if s.disk.Snapshot.At != (protocols.EntryID{}) {
		s.disk.Snapshot.Size = imageSize
	}
}

func (e *ensemble) persist(id protocols.NodeID) {
	s := e.at(id)
	if len(s.pending) == 0 {
		return
	}
	for _, w := range s.pending {
		s.apply(w)
	}
	seq := s.pending[len(s.pending)-1].Seq
	s.pending = s.pending[:0]
	s.Persisted(e.now, seq, &s.out)
	e.take(s)
}

// deliver delivers what is under way now and which lets through, and keeps the rest.
func (e *ensemble) deliver(which func(letter) bool) (delivered int) {
	e.taken = append(e.taken[:0], e.letters...)
	e.letters = e.letters[:0]
	for _, l := range e.taken {
		if which != nil && !which(l) {
			e.letters = append(e.letters, l)
			continue
		}
		delivered++
		if s := e.at(l.to); s.Replica != nil {
			s.Receive(e.now, l.from, l.m, &s.out)
			e.take(s)
		}
	}
	return delivered
}

func (e *ensemble) drop(which func(letter) bool) {
	e.letters = slices.DeleteFunc(e.letters, which)
}

// settle lets disks and network work until nothing is under way.
func (e *ensemble) settle() {
	for busy := true; busy; {
		busy = e.deliver(nil) > 0
		for _, s := range e.servers {
			if len(s.pending) > 0 {
				busy = true
				e.persist(s.cfg.ID)
			}
		}
	}
}

// elect makes id the leader.
func (e *ensemble) elect(id protocols.NodeID) {
	e.t.Helper()
	e.timeout(id)
	e.settle()
	if e.at(id).role != protocols.Leader {
		e.t.Fatalf("not elected: %v", e.at(id))
	}
}

func (e *ensemble) propose(id protocols.NodeID, values ...uint64) {
	s := e.at(id)
	var commands []protocols.Command
	for _, v := range values {
		commands = append(commands, protocols.Command{ID: protocols.RequestID{Session: 1, Seq: uint32(v)}, Op: 1, Value: v})
	}
	s.Propose(e.now, commands, &s.out)
	e.take(s)
}

// ask hands a server a read.
func (e *ensemble) ask(id protocols.NodeID, seq uint32, mode protocols.ReadMode) {
	s := e.at(id)
	s.Read(e.now, protocols.RequestID{Session: 9, Seq: seq}, mode, &s.out)
	e.take(s)
}

func (e *ensemble) transfer(id, to protocols.NodeID) {
	s := e.at(id)
	s.Transfer(e.now, to, &s.out)
	e.take(s)
}

// compact has a server's state machine save all that it has been handed.
func (e *ensemble) compact(id protocols.NodeID) {
	if s := e.at(id); s.restoring == 0 {
		s.Compact(e.now, protocols.Snapshot{At: s.entryID(s.delivered), Size: imageSize}, &s.out)
		e.take(s)
	}
}

// disconnect breaks the stream between two servers.
func (e *ensemble) disconnect(a, b protocols.NodeID) {
	e.drop(between(a, b))
	for _, end := range [2][2]protocols.NodeID{{a, b}, {b, a}} {
		if s := e.at(end[0]); s.Replica != nil {
			s.Disconnected(e.now, end[1], &s.out)
			e.take(s)
		}
	}
}

// receive hands id a message by itself.
func (e *ensemble) receive(id, from protocols.NodeID, m Message) {
	s := e.at(id)
	s.Receive(e.now, from, m, &s.out)
	e.take(s)
}

// sent returns what is under way of a type from a server.
func (e *ensemble) sent(from protocols.NodeID, typ MessageType) (ms []Message) {
	for _, l := range e.letters {
		if l.from == from && l.m.Type == typ {
			ms = append(ms, l.m)
		}
	}
	return ms
}

// terms writes the terms of a server's log.
func (e *ensemble) terms(id protocols.NodeID) string {
	var b strings.Builder
	for i := range e.at(id).log.Len() {
		fmt.Fprint(&b, e.at(id).log.At(i).ID.Epoch)
	}
	return b.String()
}

func (s *server) saw(k protocols.EventKind) (es []protocols.Event) {
	for _, ev := range s.events {
		if ev.Kind == k {
			es = append(es, ev)
		}
	}
	return es
}

// between lets through what passes between two servers.
func between(a, b protocols.NodeID) func(letter) bool {
	return func(l letter) bool { return l.from == a && l.to == b || l.from == b && l.to == a }
}

// to and from let through what is for a server, and what is its own.
func to(id protocols.NodeID) func(letter) bool   { return func(l letter) bool { return l.to == id } }
func from(id protocols.NodeID) func(letter) bool { return func(l letter) bool { return l.from == id } }

// all is for drop.
func all(letter) bool { return true }

// at is a position of a log.
func at(term, index uint64) protocols.EntryID { return protocols.EntryID{Epoch: term, Index: index} }
