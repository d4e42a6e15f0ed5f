package sim

import (
	"fmt"
	"slices"

	"raftzab/bench/fault"
	"raftzab/bench/network"
	"raftzab/bench/trace"
	"raftzab/protocols"
)

// Inject gives effect to a fault. A partition takes the place of every earlier
// cut. What a node that is in the wrong state cannot do (restart while it runs)
// is left undone: schedules that rest on chance need not know.
func (c *Cluster[M]) Inject(f fault.Fault) error {
	for _, id := range slices.Concat(f.Nodes, f.From, f.To, slices.Concat(f.Groups...)) {
		if id < 1 || int(id) >= len(c.hosts) {
			return fmt.Errorf("sim: fault %v: there is no node %d", f, id)
		}
	}
	if f.Kind == fault.Clock && (f.Skew < 0 || f.Drift <= -1) {
		return fmt.Errorf("sim: fault %v: a clock does not go back", f)
	}
	if c.tracing {
		c.trace(trace.Event{Kind: trace.Fault, Type: f.Kind.String(), Fault: &f, Text: f.String()})
	}
	c.fold(uint64(c.now) ^ uint64(f.Kind)<<56)
	c.cause = cause{}
	for _, id := range f.Nodes {
		c.fold(uint64(id))
	}
	switch f.Kind {
	case fault.Partition:
		c.pairs(func(a, b NodeID) {
			if together(f.Groups, a, b) {
				c.mend(a, b)
			} else {
				c.net.Cut(a, b) // or it goes on, and what is held stays so
			}
		})
	case fault.Isolate:
		c.pairs(func(a, b NodeID) {
			if slices.Contains(f.Nodes, a) != slices.Contains(f.Nodes, b) || slices.Contains(f.Nodes, a) {
				c.net.Cut(a, b)
			}
		})
	case fault.Heal:
		if len(f.From) == 0 {
			c.heal()
		}
		each(f, c.mend)
	case fault.Cut:
		each(f, c.net.Cut)
	case fault.Link:
		each(f, func(a, b NodeID) {
			if f.Back {
				c.net.Set(a, b, nil)
			} else {
				c.net.Set(a, b, &network.Quality{Delay: f.Delay, Loss: f.Loss, Duplicate: f.Duplicate, Reorder: f.Reorder})
			}
		})
	case fault.Transfer:
		if len(f.Nodes) > 0 {
			c.transfer(f.Nodes[0])
		}
	default:
		for _, id := range f.Nodes {
			c.strike(c.hosts[id], f)
		}
	}
	return nil
}

// strike gives effect to a fault of one node.
func (c *Cluster[M]) strike(h *host[M], f fault.Fault) {
	switch {
	case f.Kind == fault.Crash && h.up:
		c.crash(h)
	case f.Kind == fault.PowerOff && h.up:
		c.down(h)
		c.silence(h.id) // it retransmits no more
	case f.Kind == fault.Restart && !h.up:
		c.rise(h)
		c.boot(h)
	case f.Kind == fault.Pause && h.up:
		h.paused, h.since = true, c.now
	case f.Kind == fault.Resume && h.paused:
		c.resume(h)
	case f.Kind == fault.Disk && f.Back:
		h.fsync, h.fails = c.cfg.Fsync, false
	case f.Kind == fault.Disk && f.Fail:
		h.fails = true
	case f.Kind == fault.Disk:
		h.fsync = f.Fsync
	case f.Kind == fault.Clock:
		if f.Back {
			f.Skew, f.Drift = 0, 0
		}
		h.clock.set(c.now, f.Skew, f.Drift)
		if h.up {
			c.arm(h) // its alarm may be due sooner now
		}
	}
}

// transfer has whoever leads, or believes to, hand over to a node, where its
// replica can.
func (c *Cluster[M]) transfer(to NodeID) {
	for _, h := range c.hosts[1:] {
		if h.up && !h.paused && h.node.Status().Role == protocols.Leader && h.node.Transfer(h.clock.read(c.now), to, &c.out) {
			c.carryOut(h)
		}
	}
}

// resume gives back what was deferred, with its old time and rank: so it comes
// before anything else, in the order in which it would have come.
func (c *Cluster[M]) resume(h *host[M]) {
	if h.paused {
		h.core.shift(h.since, c.now)
	}
	h.paused = false
	for _, e := range h.deferred {
		c.queue.insert(e)
	}
	h.deferred = h.deferred[:0]
}

func (c *Cluster[M]) pairs(do func(a, b NodeID)) {
	for a := 1; a < len(c.hosts); a++ {
		for b := 1; b < len(c.hosts); b++ {
			if a != b {
				do(NodeID(a), NodeID(b))
			}
		}
	}
}

func (c *Cluster[M]) heal() { c.pairs(c.mend) }

// each does it for every pair of From and To.
func each(f fault.Fault, do func(from, to NodeID)) {
	for _, a := range f.From {
		for _, b := range f.To {
			if a != b {
				do(a, b)
			}
		}
	}
}

// together reports whether two nodes are in one group.
func together(groups [][]NodeID, a, b NodeID) bool {
	return slices.ContainsFunc(groups, func(g []NodeID) bool { return slices.Contains(g, a) && slices.Contains(g, b) })
}
