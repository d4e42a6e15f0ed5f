package protocoltest

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"raftzab/bench"
	"raftzab/bench/kv"
	"raftzab/bench/node"
	"raftzab/bench/random"
	"raftzab/protocols"
)

type (
	instant = protocols.Time
	nodeID  = protocols.NodeID
)

const millisecond instant = 1e6

// A Protocol is what is under test, and its paper's words.
type Protocol[M protocols.Message] struct {
	// New makes the member id of an ensemble from what its disk holds. An error
	// says which option there is not, or what is wrong with its value.
	New func(e Ensemble, id protocols.NodeID, r protocols.Recovered, rng *rand.Rand) (protocols.Replica[M], error)

	Candidate string // what a node without a leader is: "candidate", "looking"
	Round     string // what votes are counted in: "term", "round"
	Epoch     string // what a leader is established in: "term", "epoch"

	// Past gives the disk of a node in an epoch, with a log whose entries are of
	// the given ones; their commands are filled in. Where it is nil the first
	// register holds the epoch, and positions count on across epochs, as in Raft.
	Past func(epoch uint64, epochs []uint64) protocols.Recovered

	// What Conform may drive it with.
	Reads     []protocols.ReadMode                        // beside ReadLocal
	Fresh     func(e Ensemble, m protocols.ReadMode) bool // whether such reads must miss no write; nil: those by index and by lease
	Observers bool
	Datagram  bool     // it stands channels that lose, repeat and reorder
	Variants  []string // options to go through, written as behind ensemble; empty: as New has it without
}

// An Ensemble is who belongs together, and how the protocol is set.
type Ensemble struct {
	Voters, Observers []protocols.NodeID // voters have the first numbers
	Options           []Option           // in the order in which they were given
}

// An Option is a setting of the protocol's own.
type Option struct{ Key, Value string } // of a bare word, "true"

// A world is a driver small enough to be read before it is trusted: every
// message, write and timer lies open until somebody, or time, sets it going.
type world[M protocols.Message] struct {
	protocol     Protocol[M]
	ensemble     Ensemble
	seed         uint64
	images       int  // entries between two snapshots of a node; zero: it makes none by itself
	datagrams    bool // or streams
	now          instant
	delay, fsync func() instant
	hosts        []*host[M]  // by NodeID, from 1: voters, then observers
	links        [][]link[M] // by sender and receiver
	activity     int         // events, writes and replies so far
	out          protocols.Output[M]
	saw          sight[M]
}

// A sight is what onlookers are told. None of its functions may be nil.
type sight[M protocols.Message] struct {
	event     func(nodeID, protocols.Event)
	reply     func(bench.Reply)
	arrived   func(from, to nodeID, m M)
	lost      func(from, to nodeID, m M)
	broke     func(at, peer nodeID)
	persisted func(at nodeID, seq uint64)
	saved     func(at nodeID, s protocols.Snapshot)
	delivered func(at nodeID, e protocols.Entry)
	restored  func(at nodeID, to protocols.EntryID)
}

// A host is one node, its disk and its clock.
type host[M protocols.Message] struct {
	id       nodeID
	up       bool
	paused   bool // alive, and does nothing
	life     uint64
	node     *node.Node[M]
	laws     *laws[M]
	store    kv.Store        // what the node's state machine holds, for images on demand
	requests []bench.Request // came while paused

	disk    protocols.Recovered
	pending []protocols.Write // asked for, not yet durable
	syncing int               // of them, what the fsync under way covers
	synced  instant           // when it is done
	stalled bool              // its fsync never ends
	shelf

	// Its clock shows own at the world's instant at, and goes on at rate.
	own, at instant
	rate    float64
	wake    instant // on its own clock; zero: none
	dozing  instant // no timer runs out before then
}

// newWorld makes an ensemble of nodes that do not run yet. An error is the
// protocol's, about an option.
func newWorld[M protocols.Message](p Protocol[M], s setting, delay, fsync func() instant, saw sight[M]) (*world[M], error) {
	n := s.voters + s.observers
	w := &world[M]{protocol: p, seed: s.seed, images: s.images, datagrams: s.datagrams, delay: delay, fsync: fsync, saw: saw}
	w.out.Listen = protocols.AllEvents
	w.hosts, w.links = make([]*host[M], n+1), make([][]link[M], n+1)
	for id := range w.hosts {
		w.hosts[id], w.links[id] = &host[M]{id: nodeID(id), rate: 1}, make([]link[M], n+1)
	}
	ids := w.members()
	w.ensemble = Ensemble{Voters: ids[:s.voters:s.voters], Observers: ids[s.voters:], Options: s.options}
	for _, id := range ids {
		if _, err := p.New(w.ensemble, id, protocols.Recovered{}, random.Stream(s.seed, 0, random.Replica, uint64(id)<<32)); err != nil {
			return nil, err
		}
	}
	return w, nil
}

func (w *world[M]) members() (ids []nodeID) {
	for _, h := range w.hosts[1:] {
		ids = append(ids, h.id)
	}
	return ids
}

func (w *world[M]) observer(id nodeID) bool { return int(id) > len(w.ensemble.Voters) }

// --- clocks

func (w *world[M]) clock(h *host[M]) instant {
	if h.rate == 1 {
		return h.own + w.now - h.at
	}
	return h.own + instant(float64(w.now-h.at)*h.rate)
}

// set makes a clock show an instant and go on at a rate.
func (w *world[M]) set(h *host[M], own instant, rate float64) { h.own, h.at, h.rate = own, w.now, rate }

// due returns the world's instant at which the node's next timer runs out.
func (h *host[M]) due() instant {
	d := h.wake - h.own
	if h.rate != 1 {
		d = instant(float64(d)/h.rate) + 1
	}
	return max(h.at+d, h.dozing)
}

// --- the life of a node

// start boots a node from its disk. Those who lost something on the way to it
// learn of it before they hear of its new life.
func (w *world[M]) start(id nodeID) {
	h := w.hosts[id]
	h.up, h.wake, h.dozing = true, 0, 0
	h.life++
	image := h.recover(&h.disk.Snapshot)
	make := func() protocols.Replica[M] {
		r := h.disk
		r.Entries = slices.Clone(r.Entries)
		replica, err := w.protocol.New(w.ensemble, id, r, random.Stream(w.seed, 0, random.Replica, uint64(id)<<32|h.life))
		if err != nil {
			panic(err) // newWorld has tried these options
		}
		return replica
	}
	h.laws = watch(id, make(), make(), h.disk)
	h.laws.complete = h.complete
	h.node = node.New(id, h.laws, image, w.images, h.image)
	h.store = kv.Store{}
	if image != nil {
		h.store.Load(image)
	}
	h.node.Delivered = func(restore protocols.EntryID, committed []protocols.Entry) {
		if restore != (protocols.EntryID{}) {
			h.store.Load(h.image(restore))
			w.saw.restored(id, restore)
		}
		for _, e := range committed {
			h.store.Apply(e)
			w.saw.delivered(id, e)
		}
	}
	for p := range w.links[id] {
		if w.links[p][id].owed {
			w.links[p][id].owed = false
			w.breaks(id, nodeID(p))
		}
	}
	h.node.Wake(w.clock(h), &w.out)
	w.carryOut(h)
}

// crash ends a life. Of the writes under way the first keep become durable all
// the same: a disk may have done what it has not yet reported.
func (w *world[M]) crash(id nodeID, keep int, silent bool) {
	h := w.hosts[id]
	h.laws.unchanged()
	for _, wr := range h.pending[:min(keep, len(h.pending))] {
		h.carry(wr)
	}
	h.up, h.paused, h.requests, h.pending, h.syncing, h.node = false, false, nil, nil, 0, nil
	h.forget()
	if w.datagrams { // nobody is told, and what is on its way may meet another life
		return
	}
	for _, p := range w.members() {
		if p == id {
			continue
		}
		w.links[p][id].queue, w.links[p][id].breaks = nil, 0
		if silent {
			w.links[p][id].owed = w.hosts[p].up
		} else if w.hosts[p].up {
			w.breaks(id, p)
		}
	}
}

// resume lets a paused node go on. What has waited is overdue, and comes at once.
func (w *world[M]) resume(id nodeID) {
	h := w.hosts[id]
	h.paused = false
	rs := h.requests
	h.requests = nil
	if len(rs) > 0 {
		w.submit(id, rs...)
	}
}

// --- what is asked of a node

func (w *world[M]) wake(id nodeID) {
	h := w.hosts[id]
	h.node.Wake(w.clock(h), &w.out)
	w.carryOut(h)
}

func (w *world[M]) submit(id nodeID, rs ...bench.Request) {
	h := w.hosts[id]
	if h.paused {
		h.requests = append(h.requests, rs...)
		return
	}
	h.node.Submit(w.clock(h), rs, &w.out)
	w.carryOut(h)
}

// transfer asks a node to hand its leadership over.
func (w *world[M]) transfer(id, to nodeID) error {
	h := w.hosts[id]
	if _, ok := h.laws.first.(protocols.Transferrer[M]); !ok {
		return fmt.Errorf("this protocol does not hand leadership over")
	}
	h.node.Transfer(w.clock(h), to, &w.out)
	w.carryOut(h)
	return nil
}

// carryOut does what the calls to h have asked for. Messages to oneself come
// back before anything else happens.
func (w *world[M]) carryOut(h *host[M]) {
	var local []M
	for {
		for _, m := range w.out.Messages {
			if m.To == h.id {
				local = append(local, m.Msg)
			} else {
				w.send(h, m.To, m.Msg)
			}
		}
		h.pending = append(h.pending, w.out.Writes...)
		h.wake = w.out.Wake
		w.activity += len(w.out.Writes) + len(w.out.Events) + len(h.node.Replies)
		for _, e := range w.out.Events {
			w.saw.event(h.id, e)
		}
		for _, r := range h.node.Replies {
			w.saw.reply(r)
		}
		h.node.Replies = h.node.Replies[:0]
		w.out.Reset()
		if len(local) == 0 {
			break
		}
		m := local[0]
		local = local[1:]
		h.node.Receive(w.clock(h), h.id, m, &w.out)
	}
	if h.syncing == 0 && len(h.pending) > 0 { // what has gathered shares one fsync
		h.syncing, h.synced = len(h.pending), w.now+w.fsync()
	}
	if h.node.Save != nil && h.saving == nil {
		h.saving, h.node.Save, h.savedAt = h.node.Save, nil, w.now+w.fsync()
	}
}

// --- time

// step does the next thing that is due by until, and reports whether there was
// one. Of things due at once, arrivals come first, then disks, then timers.
func (w *world[M]) step(until instant) bool {
	const never instant = 1<<63 - 1
	best, act := never, func() {}
	for from := range w.links {
		for to := range w.links[from] {
			if l := &w.links[from][to]; len(l.queue) > 0 && !l.cut && l.queue[0].due < best && !w.hosts[to].paused {
				best, act = l.queue[0].due, func() { w.arrive(nodeID(from), nodeID(to)) }
			}
		}
	}
	for _, h := range w.hosts[1:] {
		if h.stalled || h.paused {
			continue
		}
		if h.syncing > 0 && h.synced < best {
			best, act = h.synced, func() { w.persist(h.id, h.syncing) }
		}
		if h.saving != nil && h.savedAt < best {
			best, act = h.savedAt, func() { w.save(h) }
		}
	}
	for _, h := range w.hosts[1:] {
		if h.up && !h.paused && h.wake != 0 && h.due() < best {
			best, act = h.due(), func() { w.wake(h.id) }
		}
	}
	if best > until {
		w.now = max(w.now, until)
		return false
	}
	w.now = max(w.now, best)
	act()
	return true
}

func (w *world[M]) advance(d instant) {
	for until := w.now + d; w.step(until); {
	}
}

// settle lets time pass until nothing has happened for the length of calm, and
// reports whether that came about within limit.
func (w *world[M]) settle(calm, limit instant) bool {
	last, since := w.activity, w.now
	for end := w.now + limit; w.now < end; {
		w.step(min(since+calm, end))
		if w.activity != last {
			last, since = w.activity, w.now
		} else if w.now >= since+calm {
			return true
		}
	}
	return false
}

// timeout moves the clock of a node to its next deadline.
func (w *world[M]) timeout(id nodeID) error {
	h := w.hosts[id]
	if h.wake == 0 {
		return fmt.Errorf("node %d waits for nothing", id)
	}
	w.set(h, max(h.wake, w.clock(h)), h.rate)
	w.wake(id)
	return nil
}

// leader returns the active leader of the greatest epoch, or else whoever takes
// itself for the leader of the greatest epoch, or None.
func (w *world[M]) leader() nodeID {
	var best nodeID
	var of protocols.Status
	for _, h := range w.hosts[1:] {
		if !h.up {
			continue
		}
		s := h.node.Status()
		if s.Role != protocols.Leader {
			continue
		}
		if best == protocols.None || s.Active && !of.Active || s.Active == of.Active && s.Epoch > of.Epoch {
			best, of = h.id, s
		}
	}
	return best
}
