package protocoltest

import (
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strings"

	"raftzab/bench/random"
	"raftzab/protocols"
)

// Conform fails t unless p keeps the contract, as far as a few hundred seeds of
// random driving tell.
func Conform[M protocols.Message](t interface {
	Helper()
	Error(...any)
	Log(...any)
}, p Protocol[M]) {
	t.Helper()
	seen, err := check(p, 300)
	if err != nil {
		t.Error(err)
	}
	t.Log(seen)
}

// Check drives p with the seeds from 1 to seeds and returns the first breach of
// the contract, with its seed.
//
// Beside what is checked in each call (see laws.go), it looks for
//
//  1. agreement: behind each position, all replicas deliver the same entry, and
//     a snapshot that one takes ends where the others have been;
//  2. one leader an epoch;
//  3. answers: when all is healed, every proposal and read has been answered at
//     each node that has lived through it; what was answered OK has been
//     delivered at every node that is level, what was refused nowhere;
//  4. progress: a majority is level, and a fresh write is answered OK;
//  5. durability: what is delivered is on the disks of a majority; and while
//     those of a majority hang, nobody gets so far that it may commit;
//  6. freshness: a read by index or lease, or as Fresh has it, misses no write, and
//     nothing that such a read saw, that was answered before it was asked.
//
// Observers are in no majority. Which options, and how many observers and
// snapshots there are, and on which channels, follows from the seed. Clocks jump,
// so that timers run out together; only with the option drift=0.05, say, on which
// leases may rest, they run up to that much too fast or too slow instead.
func Check[M protocols.Message](p Protocol[M], seeds int) error {
	_, err := check(p, seeds)
	return err
}

// A seen counts what the driving has come across: what is zero has proved nothing.
type seen struct {
	variants                                        map[string]int // seeds
	restored, transfers, fresh, observed, unordered int
}

func (s seen) String() string {
	return fmt.Sprintf("seeds by options %v; %d with observers, %d on datagrams; %d snapshots taken, %d transfers, %d reads found fresh",
		s.variants, s.observed, s.unordered, s.restored, s.transfers, s.fresh)
}

func check[M protocols.Message](p Protocol[M], seeds int) (seen, error) {
	all := seen{variants: map[string]int{}}
	for seed := uint64(1); seed <= uint64(seeds); seed++ {
		if err := guard(seed, func() error { return drive(p, seed, &all) }); err != nil {
			return all, err
		}
		if seed%10 != 1 {
			continue
		}
		if err := guard(seed, func() error { return hang(p, seed, &all) }); err != nil {
			return all, err
		}
	}
	return all, nil
}

// guard says in which seed something went wrong.
func guard(seed uint64, f func() error) error {
	if err := caught(f); err != nil {
		return fmt.Errorf("seed %d: %w", seed, err)
	}
	return nil
}

// caught makes an error of a panic, a breach or the replica's own.
func caught(f func() error) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case breach:
			err = r
		default:
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	return f()
}

// settings draws the ensemble of a seed.
func settings[M protocols.Message](p Protocol[M], rng *rand.Rand, seed uint64) (setting, string, error) {
	variant := ""
	if n := uint64(len(p.Variants)); n > 0 {
		variant = p.Variants[seed%n]
	}
	s, err := parseSetting(strings.Fields(variant))
	s.seed, s.voters = seed, 3+2*int(seed%3/2)
	if p.Observers && rng.IntN(2) == 0 {
		s.observers = 1 + rng.IntN(2)
	}
	if rng.IntN(2) == 0 {
		s.images = 1 + rng.IntN(8)
	}
	s.datagrams = s.datagrams || p.Datagram && rng.IntN(3) == 0
	return s, variant, err
}

// drive lets faults and requests loose on an ensemble, then heals it and looks
// at what remains.
func drive[M protocols.Message](p Protocol[M], seed uint64, all *seen) error {
	rng := random.Stream(seed, 0, random.Swarm, 0)
	s, variant, err := settings(p, rng, seed)
	if err != nil {
		return err
	}
	t, err := newTrial(p, s, rng, all)
	if err != nil {
		return err
	}
	all.variants[variant]++
	if s.observers > 0 {
		all.observed++
	}
	if s.datagrams {
		all.unordered++
	}
	for _, id := range t.members() {
		t.hosts[id].rate = t.rate()
		t.boot(id)
	}
	rivals := rng.IntN(2) == 0
	for range 120 {
		t.disturb()
		if rivals {
			t.rivals()
		}
		d := 40 * millisecond
		if rng.IntN(8) == 0 { // long enough for an election
			d = 800 * millisecond
		}
		t.advance(instant(rng.Int64N(int64(d))))
	}
	return t.mend()
}

// disturb does something to some node.
func (t *trial[M]) disturb() {
	rng := t.rng
	id := t.anyone()
	h := t.hosts[id]
	switch what := rng.IntN(24); {
	case !h.up && what < 12:
		t.boot(id)
	case !h.up:
	case what < 7:
		if l := t.leader(); l != protocols.None && rng.IntN(2) == 0 {
			id = l
		}
		t.request(id, 1+rng.IntN(3), what < 2)
	case what < 8:
		t.fail(id)
	case what < 9:
		if l := t.leader(); l != protocols.None {
			t.fail(l)
		}
	case what < 10:
		t.split()
	case what < 12:
		t.heal()
	case what < 13:
		t.disorder(id, t.anyone())
	case h.paused:
		t.resume(id)
	case what < 15: // the disk does a part of what it was asked
		t.persist(id, rng.IntN(len(h.pending)+1))
	case what < 17: // early
		t.wake(id)
	case what < 18: // late
		h.dozing = t.now + instant(rng.Int64N(int64(400*millisecond)))
	case what < 20:
		t.timers()
	case what < 21:
		h.paused = true
	case what < 22:
		t.handOver(id)
	}
}

// rivals asks everybody who takes itself for the leader to write and to read: if
// there are two, the elder must not answer from the time before the other wrote.
func (t *trial[M]) rivals() {
	for _, h := range t.hosts[1:] {
		if h.up && h.node.Status().Role == protocols.Leader {
			t.request(h.id, 1, false)
			t.request(h.id, 2, true)
		}
	}
}

// split makes a partition of two groups, one whose groups overlap, or of one
// direction only.
func (t *trial[M]) split() {
	if t.rng.IntN(4) == 0 {
		if a, b := t.anyone(), t.anyone(); a != b {
			t.cut(a, b, true)
		}
		return
	}
	partial := t.rng.IntN(4) == 0
	groups := make([][]nodeID, 2)
	for _, m := range t.members() {
		g := t.rng.IntN(2)
		groups[g] = append(groups[g], m)
		if partial && t.rng.IntN(3) == 0 {
			groups[1-g] = append(groups[1-g], m)
		}
	}
	t.partition(groups)
}

// disorder loses what is under way between two nodes, or has datagrams come
// twice or in another order.
func (t *trial[M]) disorder(a, b nodeID) {
	switch what := t.rng.IntN(3); {
	case a == b:
	case !t.datagrams || what == 0:
		t.drop(a, b)
	case what == 1:
		t.reorder(a, b)
	case !t.links[a][b].cut && !t.hosts[b].paused:
		t.duplicate(a, b, len(t.links[a][b].queue))
	}
}

// timers run out together, which by chance alone is rare. Where clocks keep to a
// bound, they do not jump, but their rates change within it.
func (t *trial[M]) timers() {
	for _, id := range t.members() {
		h := t.hosts[id]
		switch {
		case t.drift > 0 && t.rng.IntN(2) == 0:
			t.set(h, t.clock(h), t.rate())
		case t.drift == 0 && h.up && !h.paused && h.wake != 0 && t.rng.IntN(2) == 0:
			t.timeout(id)
		}
	}
}

// rate draws how fast a clock runs: often as fast or slow as it may.
func (t *trial[M]) rate() float64 {
	return 1 + t.drift*max(-1, min(1, 4*t.rng.Float64()-2))
}

// handOver asks the leader to hand over to somebody, or now and then one who
// cannot, or to one who cannot take it. Often the old leader is cut off before it
// can hear of the new one: it may believe in its office, or its lease, for longer.
func (t *trial[M]) handOver(id nodeID) {
	if l := t.leader(); l != protocols.None && !t.hosts[l].paused && t.rng.IntN(8) > 0 {
		id = l
	}
	if t.transfer(id, t.anyone()) != nil {
		return
	}
	t.all.transfers++
	if t.rng.IntN(2) == 0 {
		t.advance(instant(t.rng.Int64N(int64(20 * millisecond))))
		t.partition([][]nodeID{slices.DeleteFunc(t.members(), func(m nodeID) bool { return m == id })})
	}
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
		if h.paused {
			t.resume(h.id)
		}
	}
	for end := t.now + 20_000*millisecond; !t.united() && t.now < end; {
		t.advance(100 * millisecond)
	}
	t.settle(1000*millisecond, 5000*millisecond)
	first := t.session + 1
	for range 2 { // the first may be too much for Zab's epoch, whose leader then resigns
		for _, id := range t.members() {
			t.request(id, 1, false)
		}
		t.settle(1000*millisecond, 5000*millisecond)
	}
	return t.verify(first)
}

// hang stops the disks of a majority from the beginning. A leader that may
// commit rests on promises, and there cannot be any.
func hang[M protocols.Message](p Protocol[M], seed uint64, all *seen) error {
	rng := random.Stream(seed, 0, random.Swarm, 0)
	s, _, err := settings(p, rng, seed)
	if err != nil {
		return err
	}
	s.voters = 3
	t, err := newTrial(p, s, rng, all)
	if err != nil {
		return err
	}
	hung := []nodeID{1 + nodeID(seed%3), 1 + nodeID((seed+1)%3)}
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
