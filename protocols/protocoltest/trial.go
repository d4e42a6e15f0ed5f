package protocoltest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"

	"raftzab/bench"
	"raftzab/bench/kv"
	"raftzab/protocols"
)

// A trial is one random life of an ensemble, and what has been seen of it.
type trial[M protocols.Message] struct {
	*world[M]
	rng     *rand.Rand
	all     *seen
	drift   float64                               // the bound of the clocks' rates; zero: they jump
	at      []protocols.EntryID                   // by node: the last entry delivered
	behind  map[protocols.EntryID]protocols.Entry // by position: the entry that all deliver behind it
	applied []map[protocols.RequestID]bool        // by node: what its state contains
	leaders map[uint64]nodeID                     // by epoch
	outcome map[protocols.RequestID]bench.Outcome // of requests that were answered
	asked   map[protocols.RequestID]question
	level   []uint64 // by key: the version that is known to have been there
	session uint32   // the last one in use
	active  int      // times that somebody could commit
}

// A question is what is known of a request when it is asked.
type question struct {
	key   uint32
	read  bool
	fresh bool   // it must see
	level uint64 // this version
}

const keys = 3

func newTrial[M protocols.Message](p Protocol[M], s setting, rng *rand.Rand, all *seen) (*trial[M], error) {
	n := s.voters + s.observers
	t := &trial[M]{rng: rng, all: all, at: make([]protocols.EntryID, n+1), applied: make([]map[protocols.RequestID]bool, n+1),
		behind: map[protocols.EntryID]protocols.Entry{}, leaders: map[uint64]nodeID{}, outcome: map[protocols.RequestID]bench.Outcome{},
		asked: map[protocols.RequestID]question{}, level: make([]uint64, keys)}
	for _, o := range s.options {
		if o.Key == "drift" {
			t.drift, _ = strconv.ParseFloat(o.Value, 64)
		}
	}
	uniform := func(min, max instant) func() instant {
		return func() instant { return min + instant(t.rng.Int64N(int64(max-min))) }
	}
	var err error
	// The fsync is long against the time between two faults: only then do
	// crashes fall into it.
	t.world, err = newWorld(p, s, uniform(millisecond, 10*millisecond), uniform(millisecond, 20*millisecond), sight[M]{
		event:     t.event,
		reply:     t.reply,
		delivered: t.delivery,
		restored:  t.restore,
		arrived:   func(nodeID, nodeID, M) {},
		lost:      func(nodeID, nodeID, M) {},
		broke:     func(nodeID, nodeID) {},
		persisted: func(nodeID, uint64) {},
		saved:     func(nodeID, protocols.Snapshot) {},
	})
	return t, err
}

func (t *trial[M]) anyone() nodeID { return nodeID(1 + t.rng.IntN(len(t.hosts)-1)) }

func (t *trial[M]) majority() int { return len(t.ensemble.Voters)/2 + 1 }

// --- what is done

func (t *trial[M]) boot(id nodeID) {
	t.at[id], t.applied[id] = protocols.EntryID{}, map[protocols.RequestID]bool{}
	t.reach(id, t.hosts[id].disk.Snapshot.At)
	t.start(id)
}

// fail ends a life, often for a moment only.
func (t *trial[M]) fail(id nodeID) {
	t.crash(id, t.rng.IntN(len(t.hosts[id].pending)+1), t.rng.IntN(2) == 0)
	if t.rng.IntN(2) == 0 {
		t.boot(id)
	}
}

// request submits count fresh writes or reads to a node, each of a client of its own.
func (t *trial[M]) request(id nodeID, count int, read bool) {
	var rs []bench.Request
	for range count {
		t.session++
		r := bench.Request{Command: protocols.Command{ID: protocols.RequestID{Session: t.session, Seq: 1}, Key: t.session % keys, Value: uint64(t.session), Size: 10, Op: kv.Put}}
		q := question{key: r.Key, read: read, level: t.level[r.Key]}
		if read {
			r.Op, r.Mode = kv.Get, protocols.ReadLocal
			if n := len(t.protocol.Reads); n > 0 && t.rng.IntN(n+1) > 0 {
				r.Mode = t.protocol.Reads[t.rng.IntN(n)]
			}
			if q.fresh = r.Mode == protocols.ReadIndex || r.Mode == protocols.ReadLease; t.protocol.Fresh != nil {
				q.fresh = t.protocol.Fresh(t.ensemble, r.Mode)
			}
		}
		t.asked[r.ID] = q
		rs = append(rs, r)
	}
	t.submit(id, rs...)
}

// --- what is seen

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

func (t *trial[M]) reply(r bench.Reply) {
	t.outcome[r.ID] = r.Outcome
	q := t.asked[r.ID]
	if r.Outcome != bench.OK || q.read && !q.fresh {
		return
	}
	if q.read && r.Version < q.level {
		panic(breach(fmt.Sprintf("node %d reads version %d of key %d, and version %d was known before it was asked: it misses a write", r.Node, r.Version, q.key, q.level)))
	}
	if q.read && q.level > 0 {
		t.all.fresh++
	}
	t.level[q.key] = max(t.level[q.key], r.Version)
}

func (t *trial[M]) delivery(node nodeID, e protocols.Entry) {
	if other, ok := t.behind[t.at[node]]; ok && other != e {
		panic(breach(fmt.Sprintf("behind %v, node %d delivers %v, and another %v", t.at[node], node, e, other)))
	}
	durable := 0
	for _, id := range t.ensemble.Voters {
		d := &t.hosts[id].disk
		_, found := slices.BinarySearchFunc(d.Entries, e.ID, func(e protocols.Entry, at protocols.EntryID) int { return e.ID.Compare(at) })
		if found || !d.Snapshot.At.Less(e.ID) {
			durable++
		}
	}
	if durable < t.majority() {
		panic(breach(fmt.Sprintf("node %d delivers %v, which is on %d disks of %d", node, e, durable, len(t.ensemble.Voters))))
	}
	t.behind[t.at[node]] = e
	t.reach(node, e.ID)
}

func (t *trial[M]) restore(node nodeID, to protocols.EntryID) {
	t.all.restored++
	t.reach(node, to)
}

// reach has a node's state contain what all deliver up to a position.
func (t *trial[M]) reach(node nodeID, to protocols.EntryID) {
	for t.at[node] != to {
		e, ok := t.behind[t.at[node]]
		if !ok {
			panic(breach(fmt.Sprintf("node %d takes the snapshot %v, where nobody has been", node, to)))
		}
		t.at[node] = e.ID
		t.applied[node][e.Command.ID] = true
	}
}

// verify looks at what has been answered and delivered; sessions from first on
// came when all was healed.
func (t *trial[M]) verify(first uint32) error {
	var problems []error
	problem := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	last := slices.MaxFunc(t.at, protocols.EntryID.Compare)
	level := 0
	for _, h := range t.hosts[1:] {
		if t.at[h.id] == last && !t.observer(h.id) {
			level++
		}
		if len(h.laws.asked) > 0 || len(h.laws.reading) > 0 {
			problem("node %d has not answered the proposals %v and the reads %v", h.id, h.laws.asked, h.laws.reading)
		}
		h.laws.unchanged()
	}
	if level < t.majority() {
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
			case o == bench.OK && !t.asked[id].read && !done && t.at[h.id] == last:
				problem("node %d has not delivered %v, which was answered OK", h.id, id)
			}
		}
	}
	if fresh == 0 {
		problem("five seconds after all is healed, no fresh write is answered OK")
	}
	return errors.Join(problems...)
}
