package host

import (
	"fmt"
	"time"

	"raftzab/bench"
	"raftzab/bench/kv"
	"raftzab/bench/live/clock"
	"raftzab/bench/live/wire"
	"raftzab/bench/node"
	"raftzab/protocols"
)

// An owner is the part of a host that belongs to the goroutine which calls the node.
type owner[M Message] struct {
	node  *node.Node[M]
	at    int64 // CLOCK_MONOTONIC when this turn began: the stamp of all that happens in it
	out   protocols.Output[M]
	batch batch[M]
	local []M // messages to oneself
	gone  []bench.Request

	wake  protocols.Time // when the node wants to be woken, on its own clock; 0: never
	alarm *clock.Alarm
	rings int64 // when the alarm will ring, on CLOCK_MONOTONIC; 0: never

	named  protocols.EntryID // the snapshot of the latest write
	saving bool              // an image is being made durable
	saves  chan *kv.Image

	sessions []*client // by session: who is answered
	owed     []*client // those with replies since the last flush

	listen wire.Listen
	sent   []wire.Sent      // since the last flush, while the parent wants to know
	told   protocols.Status // the status that the parent knows
	tellBy int64            // when it shall know what has changed since, on CLOCK_MONOTONIC; 0: nothing has
}

// statusLag is how late the parent may learn that only positions of the log have
// changed. Everything else it learns at once.
const statusLag = int64(5 * time.Millisecond)

// own is the life of the owner: it waits for a batch, and takes a turn.
func (h *host[M]) own() error {
	h.at = clock.Monotonic()
	h.node.Wake(h.bent.read(h.at), &h.out)
	h.carryOut()
	if h.tell != nil {
		h.tell.ready()
	}
	if err := h.flush(); err != nil {
		return err
	}
	for {
		select {
		case <-h.ctx.Done():
			return nil
		case <-h.in.ready:
		case <-h.alarm.C:
			h.rings = 0
		}
		if h.ctx.Err() != nil { // select has no favourites
			return nil
		}
		h.in.take(&h.batch)
		if h.batch.err != nil {
			return h.batch.err
		}
		// The time is read after the batch is taken: what is in it came before.
		h.at = clock.Monotonic()
		h.turn()
		if err := h.flush(); err != nil {
			return err
		}
	}
}

// turn gives the batch to the node.
func (h *host[M]) turn() {
	b := &h.batch
	for _, c := range b.commands {
		h.command(c)
	}
	now := h.bent.read(h.at)
	if b.persisted > 0 {
		h.node.Persisted(now, b.persisted, &h.out)
		h.carryOut()
	}
	for i := range b.arrivals {
		if a := &b.arrivals[i]; a.broke {
			h.links[a.from].mourned()
			h.node.Disconnected(now, a.from, &h.out)
		} else {
			h.node.Receive(now, a.from, a.msg, &h.out)
		}
		h.carryOut()
	}
	for _, s := range b.saved {
		h.saving = false
		if h.named.Less(s.At) { // or one from elsewhere has overtaken it, and nobody needs it
			h.node.Compact(now, s, &h.out)
			h.carryOut()
		}
	}
	h.submit(now, b.requests)
	if h.wake != 0 && now >= h.wake {
		h.node.Wake(now, &h.out)
		h.carryOut()
	}
}

// submit hands over the requests, all at once unless a connection ends among them.
func (h *host[M]) submit(now protocols.Time, rs []request) {
	rest := h.gone[:0]
	flush := func() {
		if len(rest) > 0 {
			h.node.Submit(now, rest, &h.out)
			h.carryOut()
			rest = rest[:0]
		}
	}
	for i := range rs {
		r := &rs[i]
		switch {
		case r.ended:
			flush()
			h.forget(r.client)
		case h.admit(r, flush):
			rest = append(rest, r.Request)
		}
	}
	flush()
	h.gone = rest
}

// carryOut does what the node asked for with the last call: messages to oneself come
// back before any other input, the others wait for the flush.
func (h *host[M]) carryOut() {
	for i := 0; ; i++ {
		for k := range h.out.Messages {
			if m := &h.out.Messages[k]; m.To == h.cfg.ID {
				h.local = append(h.local, m.Msg)
			} else {
				h.post(m)
			}
		}
		h.out.Messages = h.out.Messages[:0]
		h.wake = h.out.Wake
		if i == len(h.local) {
			break
		}
		h.node.Receive(h.bent.read(h.at), h.cfg.ID, h.local[i], &h.out)
	}
	clear(h.local)
	h.local = h.local[:0]
}

// post puts a message into its envelope for the next flush. The part of a snapshot
// that goes with it is looked up now: the snapshot may be gone later.
func (h *host[M]) post(m *protocols.Envelope[M]) {
	l := h.links[m.To]
	if l == nil {
		panic(fmt.Sprintf("host: node %d sends to %d, which is not among its peers: %v", h.cfg.ID, m.To, m.Msg))
	}
	p := parcel[M]{msg: m.Msg, size: m.Msg.Size()}
	if c := m.Msg.Chunk(); c.Length > 0 {
		content, err := h.store.Chunk(c)
		if err != nil {
			panic(fmt.Sprintf("host: node %d sends %d a part of a snapshot: %v. The message: %v", h.cfg.ID, m.To, err, m.Msg))
		}
		p.chunk = content
		p.size += len(content)
	}
	if h.listen.Sent && h.tell != nil {
		h.sent = append(h.sent, wire.Sent{At: h.stamp(), To: m.To, Kind: m.Msg.Kind(), Size: uint64(p.size)})
	}
	l.pending = append(l.pending, p)
}

// flush lets out what has gathered over a turn.
func (h *host[M]) flush() error {
	for _, l := range h.links {
		if l != nil && len(l.pending) > 0 {
			l.send()
		}
	}
	if ws := h.out.Writes; len(ws) > 0 {
		h.named = ws[len(ws)-1].Snapshot
		h.disk.write(ws)
	}
	h.reply()
	if h.node.Save != nil && !h.saving {
		h.saving = true
		h.saves <- h.node.Save // there is room: nothing else is being saved
		h.node.Save = nil
	}
	h.report()
	for _, x := range h.sent { // whoever counts a message knows as what it was sent: what came of the turn comes first
		h.tell.sent(x)
	}
	h.sent = h.sent[:0]
	h.out.Reset()
	return h.arm()
}

// arm makes sure that the alarm rings no later than somebody needs it. One that
// rings too early costs less than setting it anew with each turn.
func (h *host[M]) arm() error {
	var due int64
	if h.wake != 0 {
		due = h.bent.when(h.wake)
	}
	if h.tellBy != 0 && (due == 0 || h.tellBy < due) {
		due = h.tellBy
	}
	if due == 0 || h.rings != 0 && h.rings <= due {
		return nil
	}
	h.rings = due
	return h.alarm.Set(time.Duration(due - clock.Monotonic()))
}

// save makes images durable, one after the other, while everything goes on.
func (h *host[M]) save() {
	for {
		select {
		case <-h.ctx.Done():
			return
		case image := <-h.saves:
			if err := h.store.Save(image); err != nil {
				h.fail(fmt.Errorf("%w: node %d: %w", ErrDisk, h.cfg.ID, err))
				return
			}
			h.in.save(image.Snapshot())
		}
	}
}

// command does what the parent wants.
func (h *host[M]) command(c any) {
	switch c := c.(type) {
	case wire.Listen:
		h.listen = c
		h.out.Listen = c.Events
	case wire.Disk:
		if c.Back {
			h.disk.bad.Store(nil)
		} else {
			h.disk.bad.Store(&c)
		}
	case wire.Clock:
		if c.Back {
			c.Skew, c.Drift = 0, 0
		}
		h.bent.set(h.at, c.Skew, c.Drift)
	case protocols.NodeID:
		if h.node.Status().Role == protocols.Leader {
			h.node.Transfer(h.bent.read(h.at), c, &h.out)
			h.carryOut()
		}
	}
}

// report tells the parent what this turn changed.
func (h *host[M]) report() {
	if h.tell == nil {
		return
	}
	s := h.node.Status()
	same := s
	same.Last, same.Committed = h.told.Last, h.told.Committed
	switch {
	case len(h.out.Events) > 0 || same != h.told || h.tellBy != 0 && h.at >= h.tellBy:
		h.tell.happened(wire.Happened{At: h.stamp(), Status: s, Events: h.out.Events})
		h.told, h.tellBy = s, 0
	case s != h.told && h.tellBy == 0:
		h.tellBy = h.at + statusLag
	}
}

// stamp is when this turn began, on the clock of the run.
func (h *host[M]) stamp() protocols.Time { return protocols.Time(h.at - h.cfg.Start) }
