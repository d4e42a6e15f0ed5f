package host

import (
	"sync"

	"raftzab/bench"
	"raftzab/protocols"
)

// An inbox is where everything for the owner gathers.
type inbox[M Message] struct {
	ready chan struct{} // holds one token while something may be waiting

	mu      sync.Mutex
	waiting batch[M]
}

// A batch is what has gathered. Each kind keeps its order; between the kinds there
// is none.
type batch[M Message] struct {
	arrivals  []arrival[M]
	persisted uint64 // writes up to here are durable
	saved     []protocols.Snapshot
	requests  []request
	commands  []any // wire.Listen, wire.Disk, wire.Clock, or the protocols.NodeID of a transfer
	err       error // the first that ends this life
}

// An arrival is a message, or the end of the stream that the ones before it came on.
type arrival[M Message] struct {
	from  protocols.NodeID
	broke bool
	msg   M
}

// A request is one of a client's, or the end of its connection.
type request struct {
	client *client
	ended  bool
	bench.Request
}

// take swaps what has gathered for an empty batch.
func (b *inbox[M]) take(into *batch[M]) {
	clear(into.arrivals) // or old entries live on in the room behind
	clear(into.requests)
	into.arrivals, into.requests = into.arrivals[:0], into.requests[:0]
	into.saved, into.commands, into.persisted = into.saved[:0], into.commands[:0], 0
	b.mu.Lock()
	defer b.mu.Unlock()
	*into, b.waiting = b.waiting, *into
	b.waiting.err = into.err // it stays
}

func (b *inbox[M]) wake() {
	select {
	case b.ready <- struct{}{}:
	default:
	}
}

func (b *inbox[M]) arrive(as ...arrival[M]) {
	if len(as) == 0 {
		return
	}
	b.mu.Lock()
	b.waiting.arrivals = append(b.waiting.arrivals, as...)
	b.mu.Unlock()
	b.wake()
}

func (b *inbox[M]) request(rs ...request) {
	if len(rs) == 0 {
		return
	}
	b.mu.Lock()
	b.waiting.requests = append(b.waiting.requests, rs...)
	b.mu.Unlock()
	b.wake()
}

func (b *inbox[M]) persist(seq uint64) {
	b.mu.Lock()
	b.waiting.persisted = seq
	b.mu.Unlock()
	b.wake()
}

func (b *inbox[M]) save(s protocols.Snapshot) {
	b.mu.Lock()
	b.waiting.saved = append(b.waiting.saved, s)
	b.mu.Unlock()
	b.wake()
}

func (b *inbox[M]) command(c any) {
	b.mu.Lock()
	b.waiting.commands = append(b.waiting.commands, c)
	b.mu.Unlock()
	b.wake()
}

func (b *inbox[M]) fail(err error) {
	b.mu.Lock()
	if b.waiting.err == nil {
		b.waiting.err = err
	}
	b.mu.Unlock()
	b.wake()
}
