package sim

import "raftzab/protocols"

// A kind says what an event does to its node.
type kind uint8

const (
	deliver  kind = iota // a message arrives; slot: its packet
	fsynced              // the fsync under way is done
	alarm                // the node's timer
	submit               // a client's request arrives; slot: the request
	answer               // a reply arrives at its client; slot: the reply
	saved                // the image being saved is durable
	handled              // its core is done with the first of what waits for it
	numKinds = iota
)

// An event waits in the queue. It holds no pointer, so moving it costs no write
// barrier: messages, requests and replies lie in slabs.
type event struct {
	at   protocols.Time
	ord  uint64 // first pushed, first popped, among those of one instant
	slot uint32
	life uint32 // of node: an event of another life is void
	node protocols.NodeID
	peer protocols.NodeID
	kind kind
}

func (a *event) before(b *event) bool { return a.at < b.at || a.at == b.at && a.ord < b.ord }

// A queue is a 4-ary heap: half as deep as a binary one, with the four children
// side by side in memory.
type queue struct {
	events []event
	ord    uint64
}

func (q *queue) push(e event) {
	q.ord++
	e.ord = q.ord
	q.insert(e)
}

// insert takes in an event that has its rank.
func (q *queue) insert(e event) {
	q.events = append(q.events, e)
	h := q.events
	i := len(h) - 1
	for i > 0 {
		p := (i - 1) / 4
		if !e.before(&h[p]) {
			break
		}
		h[i] = h[p]
		i = p
	}
	h[i] = e
}

func (q *queue) pop() event {
	h := q.events
	top, n := h[0], len(h)-1
	last := h[n]
	q.events = h[:n]
	h = h[:n]
	if n == 0 {
		return top
	}
	i := 0
	for {
		first := 4*i + 1
		if first >= n {
			break
		}
		best := first
		for k := first + 1; k < min(first+4, n); k++ {
			if h[k].before(&h[best]) {
				best = k
			}
		}
		if !h[best].before(&last) {
			break
		}
		h[i] = h[best]
		i = best
	}
	h[i] = last
	return top
}

// A slab keeps values in numbered cells and uses freed cells again.
type slab[T any] struct {
	cells []T
	free  []uint32
}

func (s *slab[T]) put(v T) uint32 {
	if k := len(s.free); k > 0 {
		slot := s.free[k-1]
		s.free = s.free[:k-1]
		s.cells[slot] = v
		return slot
	}
	s.cells = append(s.cells, v)
	return uint32(len(s.cells) - 1)
}

// take returns the value and frees its cell. What the cell still refers to is
// kept alive until it is used again, which is soon.
func (s *slab[T]) take(slot uint32) T {
	s.free = append(s.free, slot)
	return s.cells[slot]
}

func (s *slab[T]) reset() { s.cells, s.free = s.cells[:0], s.free[:0] }
