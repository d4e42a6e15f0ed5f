package sim

import (
	"fmt"
	"math/rand/v2"

	"raftzab/bench/kv"
	"raftzab/bench/node"
	"raftzab/bench/random"
	"raftzab/bench/trace"
	"raftzab/protocols"
)

// A host is one machine: a process that lives and dies, and a disk that stays.
type host[M protocols.Message] struct {
	id       NodeID
	up       bool
	paused   bool
	refuses  bool   // the process crashed, the machine runs: connections are refused
	life     uint32 // odd while up
	node     *node.Node[M]
	streams  []uint32 // by peer: the number of the stream to it, as far as this host knows
	spoken   []uint32 // by peer: the greatest number under which either has sent
	deferred []event  // what came while paused,
	since    Time     // from when on
	core     core
	told     protocols.Status // the state that Trace has been told of

	clock  clock
	alarm  Time // when the node wants to be woken, on its own clock
	queued Time // when the earliest alarm event is due
	late   Time // the alarm that is due and rings late; 0: none
	timers rand.PCG
	timer  *rand.Rand

	disk    protocols.Recovered
	images  []*kv.Image         // durable: the newest that a durable write names, and newer ones
	aside   []part              // of snapshots that are on their way in
	named   protocols.EntryID   // the snapshot of the latest write asked for
	writes  []protocols.Write   // asked for and not yet durable
	inSync  int                 // of them, covered by the fsync under way,
	syncing cause               // for which that is,
	asking  cause               // and for which the others are
	saving  *kv.Image           // being made durable
	fsync   random.Distribution // at present
	fails   bool                // the next fsync does
	pcg     rand.PCG
	rng     *rand.Rand
}

func newHost[M protocols.Message](id NodeID, n int) *host[M] {
	h := &host[M]{id: id, streams: make([]uint32, n+1), spoken: make([]uint32, n+1)}
	h.rng, h.timer = rand.New(&h.pcg), rand.New(&h.timers)
	return h
}

func (h *host[M]) reset(fsync random.Distribution, seed uint64, trial int) {
	h.up, h.paused, h.refuses, h.life, h.node = false, false, false, 0, nil
	clear(h.streams)
	clear(h.spoken)
	h.deferred, h.alarm, h.queued, h.late, h.clock = h.deferred[:0], 0, 0, 0, clock{}
	h.disk, h.named = protocols.Recovered{Entries: h.disk.Entries[:0]}, protocols.EntryID{} // nobody holds the old entries: boot lends them
	h.core.reset()
	h.images, h.saving, h.aside = h.images[:0], nil, h.aside[:0]
	h.writes, h.inSync, h.fsync, h.fails = h.writes[:0], 0, fsync, false
	h.asking = cause{}
	h.pcg.Seed(random.Key(seed, trial, random.Disk, uint64(h.id)))
	h.timers.Seed(random.Key(seed, trial, random.Timer, uint64(h.id)))
}

// rise begins a life. Its streams are new, under numbers above all others, so
// whoever still uses an older one finds out. A peer that has sent and got
// nothing on the older one has nothing to find out: the new one is its as well.
func (c *Cluster[M]) rise(h *host[M]) {
	h.up, h.refuses = true, false
	h.life++
	h.alarm, h.queued, h.late = 0, 0, 0
	c.silence(h.id) // or what an old stream held for a cut to end would overtake what it has on its way
	for p := 1; p < len(c.hosts); p++ {
		if NodeID(p) == h.id {
			continue
		}
		c.net.Renew(h.id, NodeID(p))
		c.streams++
		h.streams[p], h.spoken[p] = c.streams, 0
		if peer := c.hosts[p]; peer.up && peer.spoken[h.id] < peer.streams[h.id] {
			peer.streams[h.id] = c.streams
		}
	}
}

// boot has the node of a new life begin, from what is on the disk.
func (c *Cluster[M]) boot(h *host[M]) {
	rec := h.disk
	image := h.image(rec.Snapshot.At)
	h.named = rec.Snapshot.At
	if image != nil {
		rec.Snapshot = image.Snapshot()
	}
	if c.tracing {
		c.trace(trace.Event{Kind: trace.Boot, Node: h.id, Text: fmt.Sprintf("boots from registers %v, log %v..%v", rec.Registers[:2], rec.Base, last(&rec))})
	}
	h.told = nobody
	if c.cfg.Witness != nil {
		c.cfg.Witness.Booted(c.now, h.id, rec)
	}
	replica := c.cfg.New(h.id, rec, random.Stream(c.seed, c.trial, random.Replica, uint64(h.id)<<32|uint64(h.life)))
	h.node = node.New(h.id, replica, image, c.cfg.Images, h.image)
	if w := c.cfg.Witness; w != nil {
		h.node.Delivered = func(restore protocols.EntryID, committed []protocols.Entry) {
			w.Delivered(c.now, h.id, restore, committed)
		}
	}
	h.node.Wake(h.clock.read(c.now), &c.out)
	c.carryOut(h)
}

func last(r *protocols.Recovered) protocols.EntryID {
	if n := len(r.Entries); n > 0 {
		return r.Entries[n-1].ID
	}
	return r.Base
}

// down ends a life. The disk may have done what it has not yet reported: some
// prefix of the writes under way is there, none and all included.
func (c *Cluster[M]) down(h *host[M]) {
	kept := h.rng.IntN(len(h.writes) + 1)
	for i := range kept {
		h.perform(&h.writes[i])
	}
	h.forget()
	if c.tracing {
		c.trace(trace.Event{Kind: trace.Stop, Node: h.id, Text: fmt.Sprintf("dies; %d of %d writes under way are durable", kept, len(h.writes))})
	}
	h.writes, h.inSync, h.asking = h.writes[:0], 0, cause{}
	c.resume(h) // what came meanwhile finds nobody,
	for _, e := range h.core.waiting[h.core.head:] {
		c.queue.insert(e) // and so does what waited for the core
	}
	h.core.reset()
	h.up = false
	h.life++
	for p := 1; p < len(c.hosts); p++ {
		c.streams++
		h.streams[p] = c.streams
	}
}

// carryOut does what the node asked for, until it asks for nothing more.
func (c *Cluster[M]) carryOut(h *host[M]) {
	for i := 0; ; i++ {
		for k := range c.out.Messages {
			if m := &c.out.Messages[k]; m.To == h.id {
				c.local = append(c.local, m.Msg)
			} else {
				c.send(h, m)
			}
		}
		if len(c.out.Writes) > 0 {
			if c.cfg.Witness != nil {
				for k := range c.out.Writes {
					c.cfg.Witness.Wrote(c.now, h.id, c.out.Writes[k])
				}
			}
			for k := range c.out.Writes {
				h.claims(&c.out.Writes[k])
			}
			h.writes = append(h.writes, c.out.Writes...)
			h.asking = h.asking.or(c.cause)
		}
		for k := range c.out.Events {
			if c.tracing && !c.traceEvent(h, &c.out.Events[k]) {
				continue // the handler did not ask
			}
			c.observed = append(c.observed, observation{h.id, c.out.Events[k]})
		}
		h.alarm = c.out.Wake
		c.out.Reset()
		if i == len(c.local) {
			break
		}
		h.node.Receive(h.clock.read(c.now), h.id, c.local[i], &c.out)
	}
	c.local = c.local[:0]
	if c.tracing {
		c.traceState(h)
	}
	c.sync(h)
	if h.node.Save != nil && h.saving == nil {
		h.saving, h.node.Save = h.node.Save, nil
		c.queue.push(event{at: c.now + 3*h.fsync.Draw(h.rng), kind: saved, node: h.id, life: h.life})
	}
	for i := range h.node.Replies {
		r := &h.node.Replies[i]
		r.Hops = c.cause.next().hops
		slot := c.replies.put(sent[reply]{*c.connection(r.ID.Session, h.id), *r})
		c.queue.push(event{at: c.net.Reply(c.now, r.ID.Session, h.id), kind: answer, node: h.id, slot: slot})
	}
	h.node.Replies = h.node.Replies[:0]
	c.arm(h)
}

// arm makes sure that an alarm event is due no later than the node wants.
func (c *Cluster[M]) arm(h *host[M]) {
	if h.alarm == 0 {
		return
	}
	due := h.clock.when(h.alarm, c.now)
	if h.queued != 0 && (h.queued <= due || h.late == h.alarm) {
		return
	}
	h.queued = due
	c.queue.push(event{at: h.queued, kind: alarm, node: h.id, life: h.life})
}

// delay puts an alarm that is due off, once, by as much as timers are late.
func (c *Cluster[M]) delay(h *host[M]) bool {
	if h.late == h.alarm {
		h.late = 0
		return false
	}
	d := c.cfg.Timer.Draw(h.timer)
	if d == 0 {
		return false
	}
	h.late, h.queued = h.alarm, c.now+d
	c.queue.push(event{at: h.queued, kind: alarm, node: h.id, life: h.life})
	return true
}

// crash ends a life whose machine runs on: its kernel resets the connections,
// behind what was sent before, and refuses new ones.
func (c *Cluster[M]) crash(h *host[M]) {
	c.down(h)
	h.refuses = true
	if c.datagrams {
		return // there is no connection, and nobody is told
	}
	for p := 1; p < len(c.hosts); p++ {
		if NodeID(p) != h.id {
			c.post(c.now, h.id, NodeID(p), &packet[M]{from: h.id, fin: true, stream: h.streams[p]})
		}
	}
}

// failed ends the life whose fsync failed.
func (c *Cluster[M]) failed(h *host[M]) {
	if c.tracing {
		c.trace(trace.Event{Kind: trace.Disk, Node: h.id, Text: "an fsync fails"})
	}
	h.fails = false
	c.crash(h)
}

// sync starts an fsync if none is under way: group commit, since whatever has
// gathered shares one.
func (c *Cluster[M]) sync(h *host[M]) {
	if h.inSync == 0 && len(h.writes) > 0 {
		h.inSync = len(h.writes)
		h.syncing, h.asking = h.asking, cause{}
		c.queue.push(event{at: c.now + h.fsync.Draw(h.rng), kind: fsynced, node: h.id, life: h.life})
	}
}

// synced makes what the fsync covered durable, and returns the last Seq.
func (h *host[M]) synced() (seq uint64) {
	for i := range h.inSync {
		h.perform(&h.writes[i])
	}
	seq = h.writes[h.inSync-1].Seq
	h.writes = h.writes[:copy(h.writes, h.writes[h.inSync:])]
	h.inSync = 0
	return seq
}

// keep makes the image that was being saved durable. One that a snapshot has
// overtaken meanwhile is of no use to anybody.
func (h *host[M]) keep() (s protocols.Snapshot, ok bool) {
	s = h.saving.Snapshot()
	if ok = h.disk.Snapshot.At.Less(s.At); ok {
		h.images = append(h.images, h.saving)
	}
	h.saving = nil
	return s, ok
}
