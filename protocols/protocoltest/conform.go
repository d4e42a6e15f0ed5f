package protocoltest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"testing"

	"raftzab/bench"
	"raftzab/bench/kv"
	"raftzab/bench/random"
	"raftzab/protocols"
)

// Conform fails t unless p keeps the contract, as far as a few hundred seeds of
// random driving tell.
func Conform[M protocols.Message](t *testing.T, p Protocol[M]) {
	t.Helper()
	if err := Check(p, 300); err != nil {
		t.Error(err)
	}
}

// Check drives p with the seeds from 1 to seeds and returns the first breach of
// the contract, with its seed.
//
// Beside what is checked in each call (see laws.go), it looks for
//
//  1. agreement: behind each position, all replicas deliver the same entry;
//  2. one leader an epoch;
//  3. answers: when all is healed, every proposal and read has been answered at
//     each node that has lived through it; what was answered OK has been
//     delivered at every node that is level, what was refused nowhere;
//  4. progress: a majority is level, and a fresh write is answered OK;
//  5. durability: what is delivered is on the disks of a majority; and while
//     those of a majority hang, nobody gets so far that it may commit.
func Check[M protocols.Message](p Protocol[M], seeds int) error {
	for seed := uint64(1); seed <= uint64(seeds); seed++ {
		if err := guard(seed, func() error { return drive(p, seed) }); err != nil {
			return err
		}
		if seed%10 != 1 {
			continue
		}
		if err := guard(seed, func() error { return hang(p, seed) }); err != nil {
			return err
		}
	}
	return nil
}

// guard makes an error of a panic, a breach or the replica's own.
func guard(seed uint64, f func() error) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case breach:
			err = r
		default:
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
		if err != nil {
			err = fmt.Errorf("seed %d: %w", seed, err)
		}
	}()
	return f()
}

// A trial is one random life of an ensemble, and what has been seen of it.
type trial[M protocols.Message] struct {
	*world[M]
	rng     *rand.Rand
	at      []protocols.EntryID                   // by node: the last entry delivered
	behind  map[protocols.EntryID]protocols.Entry // by position: the entry that all deliver behind it
	applied []map[protocols.RequestID]bool        // by node, since its boot
	leaders map[uint64]nodeID                     // by epoch
	outcome map[protocols.RequestID]bench.Outcome // of requests that were answered
	reads   map[protocols.RequestID]bool
	session uint32 // the last one in use
	active  int    // times that somebody could commit
}

func newTrial[M protocols.Message](p Protocol[M], n int, seed uint64) *trial[M] {
	t := &trial[M]{rng: random.Stream(seed, 0, random.Swarm, 0), at: make([]protocols.EntryID, n+1), applied: make([]map[protocols.RequestID]bool, n+1),
		behind: map[protocols.EntryID]protocols.Entry{}, leaders: map[uint64]nodeID{}, outcome: map[protocols.RequestID]bench.Outcome{}, reads: map[protocols.RequestID]bool{}}
	uniform := func(min, max instant) func() instant {
		return func() instant { return min + instant(t.rng.Int64N(int64(max-min))) }
	}
	// The fsync is long against the time between two faults: only then do
	// crashes fall into it.
	t.world = newWorld(p, n, seed, uniform(millisecond, 10*millisecond), uniform(millisecond, 20*millisecond), sight[M]{
		event:     t.event,
		reply:     func(r bench.Reply) { t.outcome[r.ID] = r.Outcome },
		delivered: t.delivery,
		arrived:   func(nodeID, nodeID, M) {},
		lost:      func(nodeID, nodeID, M) {},
		broke:     func(nodeID, nodeID) {},
		persisted: func(nodeID, uint64) {},
	})
	return t
}

func (t *trial[M]) event(node nodeID, e protocols.Event) {
	if e.Kind != protocols.Activated {
		return
	}
	t.active++
	if other, ok := t.leaders[e.Epoch]; ok && other != node {
		panic(breach(fmt.Sprintf("nodes %d and %d may both commit in epoch %d", other, node, e.Epoch)))
	}
	t.leaders[e.Epoch] = node
}

func (t *trial[M]) delivery(node nodeID, e protocols.Entry) {
	if other, ok := t.behind[t.at[node]]; ok && other != e {
		panic(breach(fmt.Sprintf("behind %v, node %d delivers %v, and another %v", t.at[node], node, e, other)))
	}
	durable := 0
	for _, h := range t.hosts[1:] {
		if _, found := slices.BinarySearchFunc(h.disk.Entries, e.ID, func(e protocols.Entry, at protocols.EntryID) int { return e.ID.Compare(at) }); found {
			durable++
		}
	}
	if durable <= len(t.hosts[1:])/2 {
		panic(breach(fmt.Sprintf("node %d delivers %v, which is on %d disks of %d", node, e, durable, len(t.hosts)-1)))
	}
	t.behind[t.at[node]], t.at[node] = e, e.ID
	t.applied[node][e.Command.ID] = true
}

func (t *trial[M]) boot(id nodeID) {
	t.at[id], t.applied[id] = t.hosts[id].disk.Snapshot.At, map[protocols.RequestID]bool{}
	t.start(id)
}

// fail ends a life, often for a moment only.
func (t *trial[M]) fail(id nodeID) {
	t.crash(id, t.rng.IntN(len(t.hosts[id].pending)+1), t.rng.IntN(2) == 0)
	if t.rng.IntN(2) == 0 {
		t.boot(id)
	}
}

// request submits count fresh writes or one read to a node, each of a client of its own.
func (t *trial[M]) request(id nodeID, count int, read bool) {
	var rs []bench.Request
	for range count {
		t.session++
		r := bench.Request{Command: protocols.Command{ID: protocols.RequestID{Session: t.session, Seq: 1}, Key: t.session % 3, Value: uint64(t.session), Size: 10, Op: kv.Put}}
		if read {
			r.Op = kv.Get
			t.reads[r.ID] = true
		}
		rs = append(rs, r)
	}
	t.submit(id, rs...)
}

// drive lets faults and requests loose on an ensemble, then heals it and looks
// at what remains.
func drive[M protocols.Message](p Protocol[M], seed uint64) error {
	n := 3 + 2*int(seed%3/2)
	t := newTrial(p, n, seed)
	rng := t.rng
	for _, id := range t.members() {
		t.boot(id)
	}
	for range 120 {
		id := nodeID(1 + rng.IntN(n))
		h := t.hosts[id]
		switch what := rng.IntN(20); {
		case !h.up && what < 12:
			t.boot(id)
		case !h.up:
		case what < 6:
			if l := t.leader(); l != protocols.None && rng.IntN(2) == 0 {
				id = l
			}
			t.request(id, 1+rng.IntN(3), what == 0)
		case what < 7:
			t.fail(id)
		case what < 8:
			if l := t.leader(); l != protocols.None {
				t.fail(l)
			}
		case what < 9:
			groups := make([][]nodeID, 2)
			for _, m := range t.members() {
				g := rng.IntN(2)
				groups[g] = append(groups[g], m)
			}
			t.partition(groups)
		case what < 11:
			t.heal()
		case what < 12:
			if to := nodeID(1 + rng.IntN(n)); to != id {
				t.drop(id, to)
			}
		case what < 14: // the disk does a part of what it was asked
			t.persist(id, rng.IntN(len(h.pending)+1))
		case what < 16: // early
			t.wake(id)
		case what < 17: // late
			h.dozing = t.now + instant(rng.Int64N(int64(400*millisecond)))
		case what < 19: // timers run out together, which by chance alone is rare
			for _, other := range t.members() {
				if o := t.hosts[other]; o.up && o.wake != 0 && rng.IntN(2) == 0 {
					t.timeout(other)
				}
			}
		}
		d := 40 * millisecond
		if rng.IntN(8) == 0 { // long enough for an election
			d = 800 * millisecond
		}
		t.advance(instant(rng.Int64N(int64(d))))
	}
	return t.mend()
}

// united reports whether there is an active leader and everybody knows it.
// Zab's notifications come ever more rarely, so it may take long.
func (t *trial[M]) united() bool {
	l := t.leader()
	return l != protocols.None && t.hosts[l].node.Status().Active &&
		!slices.ContainsFunc(t.hosts[1:], func(h *host[M]) bool { return h.node.Status().Leader != l })
}

// mend heals everything and demands answers and progress. It does not demand
// that everybody is back: in Zab, a server that has promised to follow a later
// epoch than the one that was established without it stays outside until the
// next election, as in ZooKeeper.
func (t *trial[M]) mend() error {
	t.heal()
	for _, h := range t.hosts[1:] {
		h.dozing = 0
		if !h.up {
			t.boot(h.id)
		}
	}
	for end := t.now + 20_000*millisecond; !t.united() && t.now < end; {
		t.advance(100 * millisecond)
	}
	t.settle(1000*millisecond, 5000*millisecond)
	first := t.session + 1
	for _, id := range t.members() {
		t.request(id, 1, false)
	}
	t.settle(1000*millisecond, 5000*millisecond)
	return t.verify(first)
}

// verify looks at what has been answered and delivered; sessions from first on
// came when all was healed.
func (t *trial[M]) verify(first uint32) error {
	var problems []error
	problem := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	last := slices.MaxFunc(t.at, protocols.EntryID.Compare)
	level := 0
	for _, h := range t.hosts[1:] {
		if t.at[h.id] == last {
			level++
		}
		if len(h.laws.asked) > 0 || len(h.laws.reading) > 0 {
			problem("node %d has not answered the proposals %v and the reads %v", h.id, h.laws.asked, h.laws.reading)
		}
		h.laws.unchanged()
	}
	if level <= len(t.hosts[1:])/2 {
		problem("all is healed, and the nodes have delivered up to %v", t.at[1:])
	}
	fresh := 0
	for s := uint32(1); s <= t.session; s++ {
		id := protocols.RequestID{Session: s, Seq: 1}
		o, answered := t.outcome[id]
		if !answered {
			continue
		}
		if s >= first && o == bench.OK {
			fresh++
		}
		for _, h := range t.hosts[1:] {
			switch done := t.applied[h.id][id]; {
			case o == bench.Refused && done:
				problem("node %d has delivered %v, which was refused", h.id, id)
			case o == bench.OK && !t.reads[id] && !done && t.at[h.id] == last:
				problem("node %d has not delivered %v, which was answered OK", h.id, id)
			}
		}
	}
	if fresh == 0 {
		problem("five seconds after all is healed, no fresh write is answered OK")
	}
	return errors.Join(problems...)
}

// hang stops the disks of a majority from the beginning. A leader that may
// commit rests on promises, and there cannot be any.
func hang[M protocols.Message](p Protocol[M], seed uint64) error {
	const n = 3
	t := newTrial(p, n, seed)
	hung := []nodeID{1 + nodeID(seed)%n, 1 + nodeID(seed+1)%n}
	for _, id := range hung {
		t.hosts[id].stalled = true
	}
	for _, id := range t.members() {
		t.boot(id)
	}
	t.advance(2000 * millisecond)
	if t.active > 0 {
		return fmt.Errorf("the disks of %v have done nothing yet, and leader %d may commit", hung, t.leader())
	}
	for _, id := range hung {
		t.hosts[id].stalled = false
	}
	return t.mend()
}
