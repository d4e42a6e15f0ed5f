package sim

// A core is a machine's one processor, where it costs time to handle messages. What
// comes to the node waits for its turn, timeouts that have ended and finished
// fsyncs included; so a node that is busy is late for everything. A message leaves
// when the core is done with sending it.
type core struct {
	waiting []event // in the order in which they came; the first is being handled
	head    int
	done    Time // when it has been
	free    Time // when the core is through with what it had to send
}

func (k *core) reset() { *k = core{waiting: k.waiting[:0]} }

// await has an event wait for the core of its node.
func (c *Cluster[M]) await(h *host[M], e event) {
	k := &h.core
	if e.kind == handled {
		switch {
		case h.life != e.life:
		case c.now < k.done: // a pause came between
			c.queue.push(event{at: k.done, kind: handled, node: h.id, life: h.life})
		default:
			c.next(h)
			c.work(h)
		}
		return
	}
	if k.waiting = append(k.waiting, e); len(k.waiting)-k.head == 1 {
		c.work(h)
	}
}

// work goes on with what waits, up to the first event that takes time.
func (c *Cluster[M]) work(h *host[M]) {
	for k := &h.core; k.head < len(k.waiting); {
		k.done = max(c.now, k.free)
		if e := &k.waiting[k.head]; e.kind == deliver || e.kind == submit {
			k.done += c.cfg.Message
		}
		if k.done > c.now {
			c.queue.push(event{at: k.done, kind: handled, node: h.id, life: h.life})
			return
		}
		c.next(h)
	}
}

// next hands the first event to the node.
func (c *Cluster[M]) next(h *host[M]) {
	k := &h.core
	e := k.waiting[k.head]
	if k.head++; k.head == len(k.waiting) {
		k.waiting, k.head = k.waiting[:0], 0
	} else if 2*k.head > cap(k.waiting) {
		k.waiting, k.head = k.waiting[:copy(k.waiting, k.waiting[k.head:])], 0
	}
	c.handle(h, e)
}

// departure is when a message leaves that a node sends now.
func (c *Cluster[M]) departure(h *host[M]) Time {
	if c.cfg.Message == 0 {
		return c.now
	}
	h.core.free = max(h.core.free, c.now) + c.cfg.Message
	return h.core.free
}

// shift puts off what the core had to do while it stood still.
func (k *core) shift(since, now Time) {
	if k.done > since {
		k.done += now - since
	}
	if k.free > since {
		k.free += now - since
	}
}
