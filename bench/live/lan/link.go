package lan

import (
	"math/rand/v2"
	"sync/atomic"

	"raftzab/bench/network"
	"raftzab/bench/random"
)

// A link is one direction between two machines: what becomes of the packets on
// it. Only the goroutine that reads the sender's device draws from it; faults
// change it by putting another rule in place.
//
// Decisions, where there was a choice:
//
//   - A cut takes what is sent into it. What is in flight arrives, as in the
//     simulator: a cable that is pulled does not call back what has left it. The
//     same goes for what a machine sent before it lost its power. What arrives at
//     a machine without power is lost.
//   - Packets stay in order, whatever their delays are: one that would overtake
//     arrives together with the one before. Only those that Reorder holds back,
//     for 1 to 5 further delays, are overtaken. So without delay nothing is.
//   - A packet first takes its time on the line, and is lost or doubled after; a
//     copy takes no time on the line, and has a delay of its own.
type link struct {
	rule  atomic.Pointer[rule]
	count Counts       // for atomic use
	line  atomic.Int64 // packets in flight: drawn, and not arrived yet
	last  int64        // when the last packet in order arrives
	free  int64        // when the line has sent what waits for it
	base  network.Quality
	speed float64 // that goes with base
	queue int     // bytes that may wait for the line
	pcg   rand.PCG
	rng   *rand.Rand
}

// A rule is what a link does at present. It never changes.
type rule struct {
	network.Quality
	speed    float64 // bits per second; 0: infinite
	cut      bool
	straight bool // a packet that finds nothing in flight need not wait
}

// Counts say what became of the packets that a machine sent to another.
type Counts struct {
	Sent       int64 // by the kernel there
	Lost       int64 // by chance
	Cut        int64 // into a cut
	Overflowed int64 // no room was left in the queue before the line, or in flight
	Duplicated int64
	HeldBack   int64 // by Reorder, copies included
	Delivered  int64 // copies included
	Dead       int64 // sent, or arrived, at a machine without power
}

// mostInFlight bounds the memory that one link may take: 100 MB.
const mostInFlight = 1 << 16

func newLink(q network.Quality, speed float64, queue int, seed, id uint64) *link {
	l := &link{base: q, speed: speed, queue: queue}
	l.pcg.Seed(random.Key(seed, 0, random.Link, id))
	l.rng = rand.New(&l.pcg)
	l.set(q, speed, false)
	return l
}

func (l *link) set(q network.Quality, speed float64, cut bool) {
	none := q.Delay == random.Distribution{Shape: q.Delay.Shape, Sigma: q.Delay.Sigma}
	l.rule.Store(&rule{q, speed, cut, none && speed == 0})
}

// sever begins or ends a cut, and leaves the rest as it is.
func (l *link) sever(cut bool) {
	r := l.rule.Load()
	l.set(r.Quality, r.speed, cut)
}

func (l *link) quality() network.Quality { return l.rule.Load().Quality }
func (l *link) isCut() bool              { return l.rule.Load().cut }

// atOnce is an arrival that need not be waited for.
const atOnce = 0

// send decides what becomes of a packet of some bytes: how many copies of it
// arrive, none to two, and when. Those that are not atOnce are in flight from
// now on.
func (l *link) send(now int64, size int) (at [2]int64, copies int) {
	add(&l.count.Sent, 1)
	r := l.rule.Load()
	if r.cut {
		add(&l.count.Cut, 1)
		return at, 0
	}
	room := l.line.Load() < mostInFlight
	left := now
	if room && r.speed > 0 {
		left, room = l.leaves(now, size, r.speed)
	}
	if !room {
		add(&l.count.Overflowed, 1)
		return at, 0
	}
	if r.Loss > 0 && l.rng.Float64() < r.Loss {
		add(&l.count.Lost, 1)
		return at, 0
	}
	copies = 1
	if r.Duplicate > 0 && l.rng.Float64() < r.Duplicate {
		add(&l.count.Duplicated, 1)
		copies = 2
	}
	if r.straight && l.line.Load() == 0 {
		return at, copies // atOnce: zero
	}
	for i := range copies {
		at[i] = l.arrives(r, left)
	}
	l.line.Add(int64(copies))
	return at, copies
}

// leaves returns when the line has sent a packet; false: the queue is full.
func (l *link) leaves(now int64, size int, speed float64) (int64, bool) {
	begins := max(l.free, now)
	if float64(begins-now)*speed > float64(l.queue)*8e9 {
		return 0, false
	}
	l.free = begins + int64(float64(size)*8e9/speed)
	return l.free, true
}

// arrives draws when a packet is there that leaves at an instant.
func (l *link) arrives(r *rule, left int64) int64 {
	at := max(l.last, left+int64(r.Delay.Draw(l.rng)))
	if r.Reorder == 0 || l.rng.Float64() >= r.Reorder {
		l.last = at
		return at
	}
	add(&l.count.HeldBack, 1)
	for range 1 + l.rng.IntN(5) {
		at += int64(r.Delay.Draw(l.rng))
	}
	return at
}

// counts returns what has been counted so far.
func (l *link) counts() (c Counts) {
	for i, p := range l.count.fields() {
		*c.fields()[i] = atomic.LoadInt64(p)
	}
	return c
}

func add(p *int64, n int64) { atomic.AddInt64(p, n) }

func (c *Counts) fields() [8]*int64 {
	return [...]*int64{&c.Sent, &c.Lost, &c.Cut, &c.Overflowed, &c.Duplicated, &c.HeldBack, &c.Delivered, &c.Dead}
}

func (c *Counts) plus(o Counts) {
	for i, p := range o.fields() {
		*c.fields()[i] += *p
	}
}
