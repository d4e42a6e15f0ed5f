package sim

import (
	"math/rand/v2"

	"raftzab/bench/kv"
	"raftzab/bench/node"
	"raftzab/bench/random"
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
	deferred []event  // what came while paused

	alarm, queued Time // when the node wants to be woken; when the earliest alarm event is due

	disk   protocols.Recovered
	images []*kv.Image         // durable, oldest first
	writes []protocols.Write   // asked for and not yet durable
	inSync int                 // of them, covered by the fsync under way
	saving *kv.Image           // being made durable
	fsync  random.Distribution // at present
	pcg    rand.PCG
	rng    *rand.Rand
}

func newHost[M protocols.Message](id NodeID, n int) *host[M] {
	h := &host[M]{id: id, streams: make([]uint32, n+1), spoken: make([]uint32, n+1)}
	h.rng = rand.New(&h.pcg)
	return h
}

func (h *host[M]) reset(fsync random.Distribution, seed uint64, trial int) {
	h.up, h.paused, h.refuses, h.life, h.node = false, false, false, 0, nil
	clear(h.streams)
	clear(h.spoken)
	h.deferred, h.alarm, h.queued = h.deferred[:0], 0, 0
	h.disk, h.images, h.saving = protocols.Recovered{Entries: h.disk.Entries[:0]}, h.images[:0], nil // nobody holds the old entries: boot lends them
	h.writes, h.inSync, h.fsync = h.writes[:0], 0, fsync
	h.pcg.Seed(random.Key(seed, trial, random.Disk, uint64(h.id)))
}

// rise begins a life. Its streams are new, under numbers above all others, so
// whoever still uses an older one finds out. A peer that has sent and got
// nothing on the older one has nothing to find out: the new one is its as well.
func (c *Cluster[M]) rise(h *host[M]) {
	h.up, h.refuses = true, false
	h.life++
	h.alarm, h.queued = 0, 0
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
	if image != nil {
		rec.Snapshot = image.Snapshot()
	}
	if c.tracing {
		c.trace("%d: boots from registers %v, log %v..%v", h.id, rec.Registers[:2], rec.Base, last(&rec))
	}
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
	h.node.Wake(c.now, &c.out)
	c.carryOut(h)
}

func last(r *protocols.Recovered) protocols.EntryID {
	if n := len(r.Entries); n > 0 {
		return r.Entries[n-1].ID
	}
	return r.Base
}

func (h *host[M]) image(at protocols.EntryID) *kv.Image {
	for _, i := range h.images {
		if i.Snapshot().At == at {
			return i
		}
	}
	return nil
}

// down ends a life. The disk may have done what it has not yet reported: some
// prefix of the writes under way is there, none and all included.
func (c *Cluster[M]) down(h *host[M]) {
	kept := h.rng.IntN(len(h.writes) + 1)
	for i := range kept {
		h.disk.Apply(h.writes[i])
	}
	if c.tracing {
		c.trace("%d: dies; %d of %d writes under way are durable", h.id, kept, len(h.writes))
	}
	h.writes, h.inSync, h.saving = h.writes[:0], 0, nil
	c.resume(h) // what came meanwhile finds nobody
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
			h.writes = append(h.writes, c.out.Writes...)
		}
		for k := range c.out.Events {
			if c.tracing {
				c.trace("%d: %v", h.id, describeEvent(&c.out.Events[k]))
			}
			c.observed = append(c.observed, observation{h.id, c.out.Events[k]})
		}
		h.alarm = c.out.Wake
		c.out.Reset()
		if i == len(c.local) {
			break
		}
		h.node.Receive(c.now, h.id, c.local[i], &c.out)
	}
	c.local = c.local[:0]
	c.sync(h)
	if h.node.Save != nil && h.saving == nil {
		h.saving, h.node.Save = h.node.Save, nil
		c.queue.push(event{at: c.now + 3*h.fsync.Draw(h.rng), kind: saved, node: h.id, life: h.life})
	}
	for i := range h.node.Replies {
		r := &h.node.Replies[i]
		slot := c.replies.put(sent[reply]{*c.connection(r.ID.Session, h.id), *r})
		c.queue.push(event{at: c.net.Reply(c.now, r.ID.Session, h.id), kind: answer, node: h.id, slot: slot})
	}
	h.node.Replies = h.node.Replies[:0]
	c.arm(h)
}

// arm makes sure that an alarm event is due no later than the node wants.
func (c *Cluster[M]) arm(h *host[M]) {
	if h.alarm == 0 || h.queued != 0 && h.queued <= h.alarm {
		return
	}
	h.queued = max(h.alarm, c.now)
	c.queue.push(event{at: h.queued, kind: alarm, node: h.id, life: h.life})
}

// sync starts an fsync if none is under way: group commit, since whatever has
// gathered shares one.
func (c *Cluster[M]) sync(h *host[M]) {
	if h.inSync == 0 && len(h.writes) > 0 {
		h.inSync = len(h.writes)
		c.queue.push(event{at: c.now + h.fsync.Draw(h.rng), kind: fsynced, node: h.id, life: h.life})
	}
}

// synced makes what the fsync covered durable, and returns the last Seq.
func (h *host[M]) synced() (seq uint64) {
	for i := range h.inSync {
		h.disk.Apply(h.writes[i])
	}
	seq = h.writes[h.inSync-1].Seq
	h.writes = h.writes[:copy(h.writes, h.writes[h.inSync:])]
	h.inSync = 0
	return seq
}

// keep makes the image that was being saved durable.
func (h *host[M]) keep() protocols.Snapshot {
	h.images = append(h.images, h.saving)
	s := h.saving.Snapshot()
	h.saving = nil
	return s
}
