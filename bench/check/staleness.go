package check

import (
	"fmt"
	"sort"

	"raftzab/bench"
	"raftzab/bench/kv"
	"raftzab/bench/workload"
	"raftzab/protocols"
)

// Staleness answers how stale reads were, from what clients were told alone, so
// that every system is judged with the same eyes. Of a trial's operations it keeps
// when versions were acknowledged and what each client has seen of each key:
// reads leave only counts behind.
//
// The store counts the writes of a key, and i is the write that made version i. It
// is acknowledged at a_i: when its client was told so, or the client of a later
// write of the key, if that came first. The log has both in this order, so who knows of the
// later one knows that the earlier one has happened, even if its own
// acknowledgement was lost. Let a read start at s and see version v (0: the
// initial value).
//
//   - It is k versions behind: how many of the versions above v had been
//     acknowledged before s. What was acknowledged later, or in the same instant,
//     is concurrent with it and never makes it stale.
//   - Its time behind is s - a_(v+1), or 0 with k = 0: for so long a client had known better.
//   - It is not monotonic if an earlier read of the key by its client, answered by
//     s, saw a later version; and it misses a write if one of its client's own,
//     acknowledged by s, made a later one.
//
// Reads in a mode that promises linearizability have k = 0: the first that has
// not is a Violation, NeverStale.
type Staleness struct {
	// Strict names the modes whose reads must have k = 0. NewStaleness sets it to
	// what holds whatever the configuration.
	Strict Modes

	now      protocols.Time
	acked    []rises // by key
	sessions map[sessionKey]*view
	cells    [protocols.Observer + 1][protocols.ReadSync + 1]Reads
	first    *Violation
}

type sessionKey struct{ client, key uint32 }

// A view is what a client knows of a key.
type view struct{ read, wrote rises }

var _ workload.Recorder = (*Staleness)(nil)

// NewStaleness returns the measurement of one trial.
func NewStaleness() *Staleness {
	return &Staleness{Strict: Strict, sessions: map[sessionKey]*view{}}
}

// Reset begins another trial, in the same memory.
func (s *Staleness) Reset() {
	s.now, s.first = 0, nil
	for i := range s.acked {
		s.acked[i] = rises{steps: s.acked[i].steps[:0]}
	}
	clear(s.sessions)
	for role := range s.cells {
		for mode := range s.cells[role] {
			s.cells[role][mode].reset()
		}
	}
}

// Violation returns the first stale read in a strict mode, or nil.
func (s *Staleness) Violation() *Violation { return s.first }

// Reads returns what was measured of the reads in a mode that nodes in a role
// answered. It is lent until Reset.
func (s *Staleness) Reads(role protocols.Role, mode protocols.ReadMode) *Reads {
	return &s.cells[role][mode]
}

// Record takes in an operation. They come in the order of End: what comes late
// would be missing when it is needed.
func (s *Staleness) Record(o *workload.Operation) {
	if o.End < s.now || o.Start > o.End {
		panic(fmt.Sprintf("check: operation %+v is recorded behind one that ended at %v, or ends before it starts", *o, clock(s.now)))
	}
	s.now = o.End
	for int(o.Key) >= len(s.acked) {
		s.acked = append(s.acked, rises{})
	}
	switch {
	case o.Op == kv.Get:
		s.read(o)
	case o.Outcome == bench.OK && o.Version > 0:
		s.acked[o.Key].rise(o.End, o.Version, ackedSteps)
		s.view(o).wrote.rise(o.End, o.Version, viewSteps)
	}
}

func (s *Staleness) read(o *workload.Operation) {
	r := &s.cells[o.Role][o.Mode]
	switch o.Outcome {
	case bench.Refused:
		r.Refused++
		return
	case bench.Unknown:
		r.Unknown++
		return
	}
	r.Completed++
	acked, v := &s.acked[o.Key], s.view(o)
	var behind uint64
	var late protocols.Time
	newest, at := acked.before(o.Start)
	if newest > o.Version {
		since, exact := acked.passed(o.Version)
		behind, late = newest-o.Version, o.Start-since
		if r.Stale++; !exact {
			r.Clipped++
		}
		if s.first == nil && s.Strict.Has(o.Mode) {
			s.first = &Violation{NeverStale, o.End, o.Node, fmt.Sprintf(
				"it answers a read of key %d by client %d, asked for at %v in mode %s, with version %d; version %d had been acknowledged at %v: %d versions and %v behind",
				o.Key, o.Client, clock(o.Start), modeNames[o.Mode], o.Version, newest, clock(at), behind, clock(late))}
		}
	}
	if newest > 0 {
		r.look(o.Start-at, o.Version >= newest)
	} else if acked.forgot > 0 {
		r.Clipped++
	}
	r.count(behind, late)
	if seen, _ := v.read.before(o.Start + 1); seen > o.Version {
		r.NonMonotonic++
	}
	if own, _ := v.wrote.before(o.Start + 1); own > o.Version {
		r.NotOwn++
	}
	v.read.rise(o.End, o.Version, viewSteps)
}

func (s *Staleness) view(o *workload.Operation) *view {
	v := s.sessions[sessionKey{o.Client, o.Key}]
	if v == nil {
		v = &view{}
		s.sessions[sessionKey{o.Client, o.Key}] = v
	}
	return v
}

// How many steps are remembered. With fewer acknowledgements than the first of a
// key in a trial, everything is; the second is how many answers to one client about one key,
// each with a new version, may come while another request of it is under way.
const (
	ackedSteps = 1 << 17
	viewSteps  = 16
)

// A rises is how a version has grown, of which the last steps are remembered. It
// is what bounds memory.
type rises struct {
	steps  []reached
	forgot uint64 // the last version that is not remembered
}

// A reached is when a version was reached.
type reached struct {
	at      protocols.Time
	version uint64
}

// rise adds a step, if it is one. Instants come in order.
func (x *rises) rise(at protocols.Time, version uint64, limit int) {
	n := len(x.steps)
	if n > 0 && x.steps[n-1].version >= version {
		return
	}
	if n == limit {
		x.forgot = x.steps[n/2-1].version
		x.steps = x.steps[:copy(x.steps, x.steps[n/2:])]
	}
	x.steps = append(x.steps, reached{at, version})
}

// before returns the version just before t, and when it was reached; 0 if that
// is not remembered.
func (x *rises) before(t protocols.Time) (version uint64, at protocols.Time) {
	i := len(x.steps)
	for n := 0; i > 0 && x.steps[i-1].at >= t; n++ {
		if n == 8 { // answers come soon: mostly it is near the end
			i = sort.Search(i, func(i int) bool { return x.steps[i].at >= t })
			break
		}
		i--
	}
	if i == 0 {
		return 0, 0
	}
	return x.steps[i-1].version, x.steps[i-1].at
}

// passed returns when a version above v was reached, or, where it is not exact,
// a later instant, since that is not remembered. There must be one.
func (x *rises) passed(v uint64) (at protocols.Time, exact bool) {
	i := sort.Search(len(x.steps), func(i int) bool { return x.steps[i].version > v })
	return x.steps[i].at, i > 0 || v >= x.forgot
}
