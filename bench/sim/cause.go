package sim

import (
	"raftzab/bench"
	"raftzab/bench/kv"
)

// A cause is the client's operation, if any, for which something is done: of which
// kind, and how many messages in a row have led here, the request included. What a
// node does when an alarm rings has no cause. What waits for an fsync has that of
// the writes which the fsync covers, and among several the one with the most
// messages: exact where operations do not overlap.
type cause struct {
	hops uint16 // 0: there is none
	op   uint8  // kv.Put or kv.Get
}

func (a cause) or(b cause) cause {
	if b.hops > a.hops {
		return b
	}
	return a
}

// next is the cause of what a message does that is sent for a.
func (a cause) next() cause {
	if a.hops > 0 {
		a.hops++
	}
	return a
}

func causeOf(r *bench.Request) cause { return cause{1, r.Op} }

// Caused returns how many messages between nodes operations have caused so far,
// reads and writes.
func (c *Cluster[M]) Caused() (reads, writes uint64) { return c.caused[kv.Get], c.caused[kv.Put] }
