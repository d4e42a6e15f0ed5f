package zookeeper

import (
	"sync"
	"time"

	"raftzab/bench"
	"raftzab/protocols"
)

// A happening is what reached us from outside: one of the pointers, or neither
// and err, says what.
type happening struct {
	at      protocols.Time
	life    *life // a process's log line, or its end
	fact    fact
	ended   bool
	session *session // the reply to one of its requests
	period  uint32   // session.period when the request was submitted
	reply   bench.Reply
	err     error // the world's
}

// An inbox puts what happens in one order and stamps it on arrival, so that a
// busy handler does not move an instant.
type inbox struct {
	start time.Time
	ready chan struct{} // holds one token while something may be waiting

	mu      sync.Mutex
	waiting []happening
}

func newInbox() *inbox { return &inbox{start: time.Now(), ready: make(chan struct{}, 1)} }

func (b *inbox) now() protocols.Time { return protocols.Time(time.Since(b.start)) }

func (b *inbox) put(h happening) {
	b.mu.Lock()
	h.at = b.now() // inside, so that the order of stamps is the order of delivery
	b.waiting = append(b.waiting, h)
	b.mu.Unlock()
	b.wake()
}

func (b *inbox) wake() {
	select {
	case b.ready <- struct{}{}:
	default:
	}
}

// take moves all that waits into buffer, and returns an instant that is not
// before any of it and not after anything that comes later.
func (b *inbox) take(buffer []happening) ([]happening, protocols.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	taken := b.waiting
	b.waiting = buffer[:0]
	return taken, b.now()
}
