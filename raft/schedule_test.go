package raft

import (
	"math/rand/v2"
	"slices"
	"testing"

	"raftzab/protocols"
)

// §5.6: "safety must not depend on timing: the system must not produce incorrect
// results just because some event happens more quickly or slowly than expected."
// Under any schedule of delays, losses, crashes that leave any prefix of the
// writes, and elections, what is committed stays so. When it is over, the
// ensemble goes on. With streams, order is kept and a loss is told at both ends;
// without, messages overtake each other, vanish and come twice.
func TestNothingCommittedIsEverLost(t *testing.T) {
	const seeds = 600
	commits, leaders, truncations := 0, 0, 0
	for seed := range uint64(seeds) {
		rng := rand.New(rand.NewPCG(seed, 7))
		e := newEnsemble(t, 3+2*rng.IntN(2))
		l := &ledger{seed: seed, leaders: map[uint64]protocols.NodeID{}}
		for i := range uint64(1000) {
			e.disturb(rng, seed%2 == 0, i)
			l.look(e)
		}
		for _, s := range e.servers {
			if s.Replica == nil {
				e.restart(s.cfg.ID)
			}
		}
		e.settle()
		commits, leaders, truncations = commits+len(l.committed), leaders+len(l.leaders), truncations+l.truncations
		e.goesOn(seed)
		l.look(e)
	}
	t.Logf("%d entries committed, %d leaders elected, %d logs truncated", commits, leaders, truncations)
	if commits < 10*seeds || leaders < 3*seeds || truncations < seeds/4 {
		t.Errorf("only %d entries committed, %d leaders elected, %d logs truncated: the schedules prove little", commits, leaders, truncations)
	}
}

// disturb does something to some server.
func (e *ensemble) disturb(rng *rand.Rand, streams bool, value uint64) {
	id := protocols.NodeID(1 + rng.IntN(len(e.servers)))
	other := protocols.NodeID(1 + rng.IntN(len(e.servers)))
	s := e.at(id)
	k := rng.IntN(200)
	if s.Replica == nil {
		if k < 20 {
			e.restart(id)
		}
		return
	}
	switch leads := s.role == protocols.Leader; {
	case k < 2:
		e.timeout(id)
	case k < 4:
		e.crash(id, rng.IntN(len(s.pending)+1))
		for i := range e.servers {
			e.lose(id, protocols.NodeID(i+1), streams)
		}
	case k < 6:
		e.lose(id, other, streams)
	case k < 40 && leads:
		e.beat(id)
	case k < 60 && leads:
		e.propose(id, value)
	case k < 90:
		e.persist(id)
	case streams:
		room := rng.IntN(8)
		e.deliver(func(l letter) bool {
			if l.to != id || room == 0 {
				return false
			}
			room--
			return true
		})
	default:
		e.deliver(func(letter) bool { return rng.IntN(3) == 0 })
		if n := len(e.letters); n > 0 {
			e.letters = append(e.letters, e.letters[rng.IntN(n)])
			rng.Shuffle(n+1, func(i, j int) { e.letters[i], e.letters[j] = e.letters[j], e.letters[i] })
			e.letters = slices.Delete(e.letters, 0, max(0, n-40))
		}
	}
}

// lose loses what is under way between two servers; a stream tells both.
func (e *ensemble) lose(a, b protocols.NodeID, streams bool) {
	if streams && a != b {
		e.disconnect(a, b)
	} else {
		e.drop(between(a, b))
	}
}

// goesOn demands that in a few rounds there is a leader whose fresh write
// everybody has.
func (e *ensemble) goesOn(seed uint64) {
	for round := range 20 {
		id := protocols.NodeID(1 + round%len(e.servers))
		e.timeout(id)
		e.settle()
		s := e.at(id)
		s.Propose(e.now, []protocols.Command{{Op: 1, Value: 1_000_000}}, &s.out)
		e.take(s)
		e.settle()
		for range 2 { // the first may find out what is missing, the second tells the commit
			e.beat(id)
			e.settle()
		}
		if s.role != protocols.Leader { // somebody knows a later term
			continue
		}
		for _, f := range e.servers {
			if f.commitIndex != s.log.Last().Index || f.committed[f.commitIndex-1].Command.Value != 1_000_000 {
				e.t.Fatalf("seed %d: %v does not follow %v", seed, f, s)
			}
		}
		return
	}
	e.t.Fatalf("seed %d: no leader", seed)
}

// A ledger has what every server must agree on (figure 3): election safety,
// leader completeness, state machine safety.
type ledger struct {
	seed        uint64
	committed   []protocols.Entry           // by index - 1
	terms       []uint64                    // in which each was first seen committed
	leaders     map[uint64]protocols.NodeID // by term
	truncations int
}

func (l *ledger) look(e *ensemble) {
	for _, s := range e.servers {
		for _, ev := range s.saw(protocols.Elected) {
			if other, ok := l.leaders[ev.Epoch]; ok {
				e.t.Fatalf("seed %d: %d and %d elected in term %d", l.seed, other, s.cfg.ID, ev.Epoch)
			}
			l.leaders[ev.Epoch] = s.cfg.ID
			for i, c := range l.committed { // a candidate of an older term may win late, and hold less
				if l.terms[i] < ev.Epoch && !s.holds(c.ID) {
					e.t.Fatalf("seed %d: elected without %v, which is committed: %v", l.seed, c.ID, s)
				}
			}
		}
		l.truncations += len(s.saw(protocols.LogTruncated))
		s.events = s.events[:0]
		for _, c := range s.committed {
			switch n := uint64(len(l.committed)); {
			case c.ID.Index == n+1:
				l.committed, l.terms = append(l.committed, c), append(l.terms, s.currentTerm)
			case c.ID.Index > n || l.committed[c.ID.Index-1] != c:
				e.t.Fatalf("seed %d: server %d committed %v, where the others have %v", l.seed, s.cfg.ID, c, l.committed)
			}
		}
		for _, at := range s.restored {
			if n := uint64(len(l.committed)); at.Index > n || l.committed[at.Index-1].ID != at {
				e.t.Fatalf("seed %d: server %d takes the snapshot %v, where nobody has been", l.seed, s.cfg.ID, at)
			}
		}
	}
}
