package check

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"

	"raftzab/bench"
	"raftzab/bench/kv"
	"raftzab/protocols"
)

// A History is one trial as its clients saw it: what they asked for and what they
// were told, in the order in which it happened, and nothing of what replicas
// did. Check has porcupine look for an order of the operations that explains it,
// which makes it a second opinion on Invariants, from other evidence. It has the
// writes, and those reads that promised to be linearizable.
//
//   - A write lasts from its first submission to its first OK, however often it
//     was tried. One that nobody acknowledged may take effect at any later time.
//   - A read is each attempt by itself, from its own submission to its OK. One
//     that was not answered has told nobody anything, and is left out.
type History struct {
	// Strict names the modes whose reads are recorded. NewHistory sets it.
	Strict Modes

	// Memory bounds what recording and judging may take, in bytes, half of it each;
	// NewHistory sets it. A history that outgrows its half ends there: it is judged as
	// far as it goes, and the verdict is Unknown unless something broke by then.
	Memory int

	full    bool  // it has ended before the trial
	clock   int64 // counts what happens: of two things in one instant, one comes first
	ops     []operation
	latest  [][]int // by session and Seq: ops[latest-1] is the latest operation; 0: none
	keys    [][]*operation
	part    []porcupine.Operation // one key's, as porcupine takes them
	pending []*operation
	owner   []*operation
	spans   []span
}

// An operation is a write, or one attempt at a read.
type operation struct {
	id          protocols.RequestID
	node        protocols.NodeID // whom a read asked, or who acknowledged a write
	read        bool
	key         uint32
	next        int // as in latest, of the same read
	call, end   int64
	asked, told protocols.Time
	outcome
}

// An outcome is what a key is behind a write, or what a read saw of it.
type outcome struct{ value, version uint64 }

// forever is the end of what nobody acknowledged.
const forever = math.MaxInt64

const (
	defaultMemory = 256 << 20
	perOperation  = 512 // bytes, about: an operation here, and its two ends at porcupine
	perStep       = 192 // of a search, and a bit for each operation
)

// NewHistory returns an empty history.
func NewHistory() *History { return &History{Strict: Strict, Memory: defaultMemory} }

// Reset begins another trial, in the same memory.
func (h *History) Reset() {
	h.full, h.clock, h.ops = false, 0, h.ops[:0]
	for i := range h.latest {
		h.latest[i] = h.latest[i][:0]
	}
}

// Asked takes in a request on its way to node to.
func (h *History) Asked(now protocols.Time, to protocols.NodeID, r bench.Request) {
	if h.full = h.full || len(h.ops) >= h.Memory/2/perOperation; h.full {
		return
	}
	x := operation{id: r.ID, key: r.Key, asked: now, end: forever}
	if r.Op == kv.Get && !h.Strict.Has(r.Mode) {
		return
	}
	latest := h.find(r.ID)
	switch {
	case r.Op == kv.Put:
		if *latest != 0 {
			return
		}
		x.value = r.Value
	case r.Op == kv.Get:
		if h.attempt(*latest, to) != nil { // two with one name: it may have been the first that was answered
			return
		}
		x.read, x.node, x.next = true, to, *latest
	default:
		return
	}
	h.clock++
	x.call = h.clock
	h.ops = append(h.ops, x)
	*latest = len(h.ops)
}

// Acknowledged takes in an answer. What was refused or is unknown ends nothing.
func (h *History) Acknowledged(now protocols.Time, r bench.Reply) {
	if h.full || r.Outcome != bench.OK {
		return
	}
	i := *h.find(r.ID)
	if i == 0 {
		return
	}
	x := &h.ops[i-1]
	if x.read {
		x = h.attempt(i, r.Node)
	}
	if x == nil || x.end != forever {
		return
	}
	h.clock++
	x.end, x.told, x.node, x.version = h.clock, now, r.Node, r.Version
	if x.read {
		x.value = r.Value
	}
}

func (h *History) attempt(i int, node protocols.NodeID) *operation {
	for ; i > 0; i = h.ops[i-1].next {
		if x := &h.ops[i-1]; x.node == node {
			return x
		}
	}
	return nil
}

func (h *History) find(id protocols.RequestID) *int {
	for int(id.Session) >= len(h.latest) {
		h.latest = append(h.latest, nil)
	}
	s := &h.latest[id.Session]
	for int(id.Seq) >= len(*s) {
		*s = append(*s, 0)
	}
	return &(*s)[id.Seq]
}

// A Verdict is what Check finds.
type Verdict uint8

const (
	Linearizable Verdict = iota
	NotLinearizable
	Unknown // the time was over, or the memory used up
)

var verdictNames = [...]string{"linearizable", "not linearizable", "unknown"}

func (v Verdict) String() string { return verdictNames[v] }

// Check judges the history, within the limit and h.Memory. happened says which
// writes anybody has delivered; an unacknowledged one that nobody has is left out:
// it took effect nowhere, so no answer can rest on it, and one that does makes the
// history fail. Where nothing is known of that, it is nil, and all are kept. The
// violation is that of LinearizableHistory, if the history is not linearizable.
func (h *History) Check(limit time.Duration, happened func(protocols.RequestID) bool) (Verdict, *Violation) {
	h.partition(happened)
	begun := time.Now()
	verdict := Linearizable
	if h.full {
		verdict = Unknown
	}
	for key := range h.keys {
		if len(h.keys[key]) == 0 {
			continue
		}
		left := limit - time.Since(begun)
		if left <= 0 {
			return Unknown, nil
		}
		h.take(h.keys[key])
		s := h.newSearch()
		switch porcupine.CheckOperationsTimeout(s.model(), h.part, left) {
		case porcupine.Illegal:
			if s.left > 0 {
				return NotLinearizable, h.explain(key, s, limit)
			}
			verdict = Unknown // of this key: another may tell more
		case porcupine.Unknown:
			*h = History{Strict: h.Strict, Memory: h.Memory} // the search is told to stop, and may still look at what it had
			return Unknown, nil
		}
	}
	return verdict, nil
}

// A search is porcupine's, of one key. It keeps every state that it has been in,
// with a bit for each operation.
type search struct {
	left, step int    // bytes: that it may still take, and that a step takes
	furthest   uint64 // the greatest version that it came to
}

func (h *History) newSearch() *search {
	return &search{left: h.Memory / 2, step: perStep + len(h.part)/8}
}

// model is one key, the sequential specification: a state and an input are
// pointers to an outcome and to an operation, so that nothing is boxed. Once the
// memory is used up, nothing is legal any more, which ends the search.
func (s *search) model() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return &outcome{} },
		Step: func(state, input, _ any) (bool, any) {
			if s.left <= 0 {
				return false, state
			}
			legal, next := input.(*operation).follow(state.(*outcome))
			if legal {
				s.left -= s.step
				s.furthest = max(s.furthest, next.version)
			}
			return legal, next
		},
		Equal: func(a, b any) bool { return *a.(*outcome) == *b.(*outcome) },
	}
}

// follow reports whether x may come next, and what the key is behind it.
func (x *operation) follow(s *outcome) (legal bool, next *outcome) {
	switch {
	case x.read:
		return *s == x.outcome, s
	case x.version == 0:
		return true, &outcome{x.value, s.version + 1}
	}
	return x.version == s.version+1, &x.outcome
}

// partition sorts the operations by key. Keys do not touch each other, so a
// history is linearizable if it is so key by key.
func (h *History) partition(happened func(protocols.RequestID) bool) {
	for i := range h.keys {
		h.keys[i] = h.keys[i][:0]
	}
	for i := range h.ops {
		x := &h.ops[i]
		for int(x.key) >= len(h.keys) {
			h.keys = append(h.keys, nil)
		}
		if x.end != forever {
			h.keys[x.key] = append(h.keys[x.key], x)
		} else if x.version = 0; !x.read && (happened == nil || happened(x.id)) {
			h.keys[x.key] = append(h.keys[x.key], x)
		}
	}
}

// take makes the part of one key.
func (h *History) take(ops []*operation) {
	settled := h.settle(ops)
	h.part = h.part[:0]
	h.span(ops)
	for _, x := range ops {
		if s := h.seen(x); x.read && s != nil && x.outcome == s.last.outcome && x != s.last && x != s.first {
			continue
		}
		if x.end != forever || x.version != 0 || !settled {
			h.part = append(h.part, porcupine.Operation{ClientId: int(x.id.Session), Input: x, Call: x.call, Return: x.end})
		}
	}
}

// A span is what matters of the reads that saw one version of a key: the one
// that was asked for last and the one that was answered first. Any moment at which
// the version was there from no later than the first answer, up to no sooner than
// the last question, suits all reads in between as well, and porcupine would try
// each subset of them.
type span struct{ last, first *operation }

func (h *History) span(ops []*operation) {
	h.spans = h.spans[:0]
	for _, x := range ops {
		if !x.read || x.version > uint64(len(ops)) {
			continue
		}
		for uint64(len(h.spans)) <= x.version {
			h.spans = append(h.spans, span{})
		}
		s := &h.spans[x.version]
		s.last = x // they come as they were called
		if s.first == nil || x.end < s.first.end {
			s.first = x
		}
	}
}

func (h *History) seen(x *operation) *span {
	if x.version < uint64(len(h.spans)) && h.spans[x.version].last != nil {
		return &h.spans[x.version]
	}
	return nil
}

// settle finds the versions that the unacknowledged writes of a key must have
// made, and reports whether it could; porcupine would try every choice of them
// at every place. The acknowledged writes tell theirs, so each of the others
// can only have made a version that they leave free, and
//
//  1. one whose value a read saw made the version that the read saw;
//  2. the rest was seen by nobody, so that which of them made which of the
//     versions that remain, makes no difference but in time: if any choice
//     explains the history, the one does that takes them as they were called.
//     Two that stand the other way round can change places. Those for which no
//     version is left may come after everything, and are left out.
//
// This needs to tell writes by their values. Where an unacknowledged one has a
// value that another write of the key has too, all is left to the search.
func (h *History) settle(ops []*operation) bool {
	h.pending, h.owner = h.pending[:0], h.owner[:0]
	own := func(x *operation) {
		for uint64(len(h.owner)) <= x.version {
			h.owner = append(h.owner, nil)
		}
		if h.owner[x.version] == nil || !x.read {
			h.owner[x.version] = x
		}
	}
	for _, x := range ops {
		switch {
		case x.end == forever:
			h.pending = append(h.pending, x)
		case x.version <= uint64(len(ops)): // or porcupine will say what is wrong
			own(x)
		}
	}
	for _, x := range h.pending {
		for _, y := range ops {
			if !y.read && y != x && y.value == x.value {
				return false
			}
		}
	}
	rest := h.pending[:0]
	for _, x := range h.pending {
		for v, o := range h.owner {
			if v > 0 && o != nil && o.read && o.value == x.value {
				x.version = uint64(v)
				own(x)
				break
			}
		}
		if x.version == 0 {
			rest = append(rest, x)
		}
	}
	for v := 1; v < len(h.owner) && len(rest) > 0; v++ {
		if h.owner[v] == nil {
			rest[0].version = uint64(v)
			rest = rest[1:]
		}
	}
	return true
}

// explain says how far an order of the key's operations goes, and what cannot
// follow.
func (h *History) explain(key int, s *search, limit time.Duration) *Violation {
	if n := len(h.part); n*n*8 > s.left { // porcupine would keep as many orders as there are operations
		last := &operation{}
		for _, p := range h.part {
			if x := p.Input.(*operation); x.end != forever && x.version <= s.furthest+1 && x.end > last.end {
				last = x
			}
		}
		return &Violation{LinearizableHistory, last.told, last.node, fmt.Sprintf("key %d: no order of its %d operations goes beyond version %d", key, n, s.furthest)}
	}
	_, info := porcupine.CheckOperationsVerbose(h.newSearch().model(), h.part, limit)
	var longest []porcupine.Operation
	for _, p := range info.PartialLinearizationsOperations()[0] {
		if len(p) > len(longest) {
			longest = p
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "key %d:", key)
	done := map[*operation]bool{}
	for i, p := range longest {
		x := p.Input.(*operation)
		if done[x] = true; i == len(longest)-1 {
			fmt.Fprintf(&b, " behind %v", x)
		}
	}
	// Whatever comes next was called before the first end among the rest.
	first := &operation{end: forever}
	for _, p := range h.part {
		if x := p.Input.(*operation); !done[x] && x.end < first.end {
			first = x
		}
	}
	b.WriteString(" none of these can come next:")
	for _, p := range h.part {
		if x := p.Input.(*operation); !done[x] && x.call <= first.end {
			fmt.Fprintf(&b, " %v;", x)
		}
	}
	return &Violation{LinearizableHistory, first.told, first.node, strings.TrimSuffix(b.String(), ";")}
}

// String writes an operation for a person.
func (x *operation) String() string {
	what, told := "write", "unacknowledged"
	if x.read {
		what = fmt.Sprintf("read at node %d", x.node)
	}
	if x.end != forever {
		told = fmt.Sprintf("answered at %v", clock(x.told))
	}
	return fmt.Sprintf("%s %d/%d (value %d, version %d, asked for at %v, %s)", what, x.id.Session, x.id.Seq, x.value, x.version, clock(x.asked), told)
}
