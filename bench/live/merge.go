package live

import (
	"math"
	"sync"

	"raftzab/bench"
	"raftzab/bench/live/clock"
	"raftzab/protocols"
)

// A kind tells what a happening is.
type kind uint8

const (
	happened kind = iota // a node has taken a step: status after it, events
	sent                 // a node has sent a message
	ready                // a node has booted
	failed               // a node says why it will end
	ended                // a process is reaped
	replied              // to a session's request
	broke                // something of the world's: err
)

// A happening is what reached us from outside.
type happening struct {
	at   protocols.Time // of what a node does its own stamp, of all else that of its arrival
	kind kind
	life *life

	status  protocols.Status
	events  []protocols.Event
	to      protocols.NodeID // of what was sent
	message uint8
	size    int

	session *session
	period  uint32 // session.period when the request was submitted
	reply   bench.Reply

	text string
	err  error
}

// never is an instant after all others.
const never = protocols.Time(math.MaxInt64)

// An inbox takes in what happens. It stamps on arrival what has no stamp of its
// own, so that a busy handler does not move an instant.
type inbox struct {
	clock clock.Clock
	hold  protocols.Time
	ready chan struct{} // holds one token while something may be waiting

	mu      sync.Mutex
	prompt  []happening // to be told at once, in the order of their stamps
	stamped []happening // by nodes
	back    protocols.Time
}

func newInbox(c clock.Clock, hold protocols.Time) *inbox {
	return &inbox{clock: c, hold: hold, ready: make(chan struct{}, 1), back: never}
}

// put takes in what is to be told at once.
func (b *inbox) put(xs ...happening) {
	b.mu.Lock()
	now := b.clock.Now() // inside, so that the order of stamps is the order of delivery
	for i := range xs {
		xs[i].at = now
	}
	b.prompt = append(b.prompt, xs...)
	b.mu.Unlock()
	b.wake()
}

// putStamped takes in what nodes have stamped. It wakes nobody who will be awake
// by the time it may be told.
func (b *inbox) putStamped(xs []happening) {
	if len(xs) == 0 {
		return
	}
	b.mu.Lock()
	b.stamped = append(b.stamped, xs...)
	early := xs[0].at+b.hold < b.back
	b.mu.Unlock()
	if early {
		b.wake()
	}
}

func (b *inbox) wake() {
	select {
	case b.ready <- struct{}{}:
	default:
	}
}

// take moves all that waits into the buffers, and returns an instant that is not
// before any of the prompt and not after anything prompt that comes later.
func (b *inbox) take(prompt, stamped []happening) (p, s []happening, now protocols.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, s = b.prompt, b.stamped
	b.prompt, b.stamped = prompt[:0], stamped[:0]
	b.back = never // until sleep says otherwise, everything wakes
	return p, s, b.clock.Now()
}

// sleep says when whoever takes will be back at the latest.
func (b *inbox) sleep(back protocols.Time) {
	b.mu.Lock()
	b.back = back
	b.mu.Unlock()
}

// An order holds back what nodes have stamped, until no node is likely to tell of
// anything earlier.
type order struct {
	hold  protocols.Time
	held  []happening    // by stamp, equal ones as they came
	head  int            // of held: what comes before it is told
	last  protocols.Time // the greatest stamp told
	given protocols.Time // when something was last told

	count, late int            // that were told; that were told behind a later one
	latest      protocols.Time // by how much at most
}

// add takes one in. Stamps come nearly in order, so its place is near the end.
func (o *order) add(x happening) {
	i := len(o.held)
	o.held = append(o.held, x)
	for ; i > o.head && o.held[i-1].at > x.at; i-- {
		o.held[i] = o.held[i-1]
	}
	o.held[i] = x
}

// next returns what is due at now, one at a time.
func (o *order) next(now protocols.Time) (x happening, ok bool) {
	if o.head == len(o.held) || o.held[o.head].at+o.hold > now {
		return x, false
	}
	x, o.held[o.head] = o.held[o.head], happening{}
	if o.head++; o.head == len(o.held) {
		o.held, o.head = o.held[:0], 0
	} else if o.head >= 1024 && o.head*2 >= len(o.held) { // never empty under load
		o.held, o.head = o.held[:copy(o.held, o.held[o.head:])], 0
	}
	o.count++
	if behind := o.last - x.at; behind > 0 {
		o.late++
		o.latest = max(o.latest, behind)
	}
	o.last, o.given = max(o.last, x.at), now
	return x, true
}

// due returns when to ask next again; false: nothing is held. It is not asked for
// each of a thousand in a millisecond.
func (o *order) due() (protocols.Time, bool) {
	if o.head == len(o.held) {
		return 0, false
	}
	return max(o.held[o.head].at+o.hold, o.given+o.hold/4), true
}
