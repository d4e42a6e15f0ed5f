package hashicorp

import (
	"errors"
	"time"

	"github.com/hashicorp/raft"

	"raftzab/protocols"
)

// The names under which the library keeps its term and its vote, which is cast
// when KeyCandidate is written.
const (
	KeyTerm      = "CurrentTerm"
	KeyVoteTerm  = "LastVoteTerm"
	KeyCandidate = "LastVoteCand"
)

var errDead = errors.New("hashicorp: this life is over")

// A store is the disk as one life sees it. Reading is free; writing is
// synchronous and takes an fsync, which is how the product's own store does it.
type store struct {
	*raft.InmemStore // survives the life
	l                *life
}

// write takes an fsync and then carries do out. If the node dies meanwhile, chance
// decides at that moment whether it was carried out.
func (s *store) write(do func()) error {
	c, l := s.l.n.c, s.l
	c.mu.Lock()
	if l.over {
		c.mu.Unlock()
		return errDead
	}
	wait := l.n.fsync.Draw(l.n.disk)
	if l.watch.Raft == nil { // within NewRaft, which writes its term again: the run's clock must not wait for it
		wait = 0
	}
	if wait > 0 {
		w := &pending{do}
		l.writes = append(l.writes, w)
		c.mu.Unlock()
		fsync := time.NewTimer(time.Duration(wait))
		select {
		case <-fsync.C:
		case <-l.dead:
			fsync.Stop()
		}
		c.mu.Lock()
		if l.over {
			c.mu.Unlock()
			return errDead
		}
		l.remove(w)
	}
	do()
	c.mu.Unlock()
	return nil
}

// pending is a write within its fsync.
type pending struct{ do func() }

func (l *life) remove(w *pending) {
	for i := range l.writes {
		if l.writes[i] == w {
			l.writes = append(l.writes[:i], l.writes[i+1:]...)
			return
		}
	}
}

// StoreLogs appends. An error of a dead life keeps the library from going on
// with entries that it could not read again.
func (s *store) StoreLogs(logs []*raft.Log) error {
	return s.write(func() {
		_ = s.InmemStore.StoreLogs(logs) // never fails
		s.l.looked()
	})
}

func (s *store) StoreLog(log *raft.Log) error { return s.StoreLogs([]*raft.Log{log}) }

func (s *store) DeleteRange(from, to uint64) error {
	return s.write(func() {
		_ = s.InmemStore.DeleteRange(from, to) // never fails
		s.l.emit(protocols.Event{Kind: protocols.LogTruncated, At: s.at(from - 1)})
	})
}

// SetUint64 keeps the term, or the term of the vote. Whatever a dead life
// believes, the library would panic at an error.
func (s *store) SetUint64(key []byte, value uint64) error {
	if string(key) == KeyTerm {
		s.l.n.c.mu.Lock()
		s.l.watch.Enters(value)
		s.l.n.c.mu.Unlock()
	}
	_ = s.write(func() { _ = s.InmemStore.SetUint64(key, value) })
	return nil
}

// Set keeps whom the vote is for, the last step of casting it.
func (s *store) Set(key, value []byte) error {
	_ = s.write(func() {
		_ = s.InmemStore.Set(key, value)
		if string(key) == KeyCandidate {
			term, _ := s.GetUint64([]byte(KeyVoteTerm))
			s.l.emit(protocols.Event{Kind: protocols.VoteCast, Peer: Number(value), Epoch: term})
		}
	})
	return nil
}

// at returns the position with an index; zero if there is none.
func (s *store) at(index uint64) protocols.EntryID {
	var e raft.Log
	if index == 0 || s.GetLog(index, &e) != nil {
		return protocols.EntryID{}
	}
	return protocols.EntryID{Epoch: e.Term, Index: index}
}
