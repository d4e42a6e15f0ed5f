package hashicorp

import (
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/raft"

	"raftzab/bench/fault"
	"raftzab/bench/network"
)

// Supports every kind of fault but a pause and a clock's: a bubble has one clock,
// and no goroutine of it can be stopped from outside.
func (c *Cluster) Supports(k fault.Kind) bool {
	return k != fault.Pause && k != fault.Resume && k != fault.Clock
}

// Inject gives effect to a fault. A partition takes the place of every earlier
// cut. What a node in the wrong state cannot do is left undone.
func (c *Cluster) Inject(f fault.Fault) error {
	for _, id := range slices.Concat(f.Nodes, f.From, f.To, slices.Concat(f.Groups...)) {
		if id < 1 || int(id) > c.cfg.Voters {
			return fmt.Errorf("hashicorp: fault %v: there is no node %d", f, id)
		}
	}
	settle() // nothing is half done when a node dies
	switch f.Kind {
	case fault.Crash, fault.PowerOff:
		for _, id := range f.Nodes {
			if n := c.nodes[id]; n.life != nil {
				n.kill(f.Kind == fault.PowerOff)
			}
		}
		return nil
	case fault.Restart:
		for _, id := range f.Nodes {
			if n := c.nodes[id]; n.life == nil {
				if err := n.boot(); err != nil {
					return fmt.Errorf("hashicorp: restart of node %d: %w", id, err)
				}
			}
		}
		return nil
	case fault.Transfer:
		for _, to := range f.Nodes {
			c.transfer(to)
		}
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch f.Kind {
	case fault.Partition:
		c.pairs(func(l *link) { l.cut = !together(f.Groups, l.from, l.to) })
	case fault.Isolate:
		c.pairs(func(l *link) {
			l.cut = l.cut || slices.Contains(f.Nodes, l.from) || slices.Contains(f.Nodes, l.to)
		})
	case fault.Cut:
		c.each(f, func(l *link) { l.cut = true })
	case fault.Heal:
		if len(f.From) == 0 {
			c.pairs(func(l *link) { l.cut = false })
		}
		c.each(f, func(l *link) { l.cut = false })
	case fault.Link:
		c.each(f, func(l *link) {
			if f.Back {
				c.net.Set(l.from, l.to, nil)
			} else {
				c.net.Set(l.from, l.to, &network.Quality{Delay: f.Delay, Loss: f.Loss})
			}
		})
	case fault.Disk:
		for _, id := range f.Nodes {
			if c.nodes[id].fsync = f.Fsync; f.Back {
				c.nodes[id].fsync = c.cfg.Fsync
			}
		}
	default:
		return fmt.Errorf("hashicorp: fault %v is not supported", f)
	}
	c.relink()
	return nil
}

// transfer has whoever leads, or believes to, hand over. Nobody waits for how it
// ends: the next leader will be seen.
func (c *Cluster) transfer(to NodeID) {
	for _, n := range c.nodes[1:] {
		if n.life != nil && n.id != to && n.life.watch.Raft.State() == raft.Leader {
			n.life.watch.Raft.LeadershipTransferToServer(ServerID(to), address(to))
		}
	}
}

// A link is one direction between two nodes. It carries nothing while it is cut
// and while there is no power at one of its ends.
type link struct {
	from, to NodeID
	cut      bool
	held     []func() // sent meanwhile, in order
}

// post sends a message: deliver runs when it arrives, in a goroutine of its own.
func (c *Cluster) post(from, to NodeID, deliver func()) {
	now := c.now()
	if at, ok := c.net.Send(now, from, to); ok {
		time.AfterFunc(time.Duration(at-now), deliver)
	} else {
		l := c.link(from, to)
		l.held = append(l.held, deliver)
	}
}

// relink tells the network which links carry; what was held goes out again.
func (c *Cluster) relink() {
	c.pairs(func(l *link) {
		open := !l.cut && !c.nodes[l.from].dark && !c.nodes[l.to].dark
		switch {
		case !open:
			c.net.Cut(l.from, l.to)
		case c.net.IsCut(l.from, l.to):
			c.net.Mend(c.now(), l.from, l.to)
			held := l.held
			l.held = nil
			for _, deliver := range held {
				c.post(l.from, l.to, deliver)
			}
		}
	})
}

// light switches the machine's power. What its kernel still had to send is lost
// with it; what others have for it, they keep sending.
func (n *node) light(on bool) {
	if n.dark = !on; n.dark {
		n.c.pairs(func(l *link) {
			if l.from == n.id {
				l.held = nil
			}
		})
	}
	n.c.relink()
}

func (c *Cluster) link(from, to NodeID) *link { return &c.links[int(from)*(c.cfg.Voters+1)+int(to)] }

func (c *Cluster) pairs(do func(*link)) {
	for _, a := range c.nodes[1:] {
		for _, b := range c.nodes[1:] {
			if a != b {
				do(c.link(a.id, b.id))
			}
		}
	}
}

// each does it for every pair of From and To.
func (c *Cluster) each(f fault.Fault, do func(*link)) {
	for _, a := range f.From {
		for _, b := range f.To {
			if a != b {
				do(c.link(a, b))
			}
		}
	}
}

// together reports whether two nodes are in one group.
func together(groups [][]NodeID, a, b NodeID) bool {
	return slices.ContainsFunc(groups, func(g []NodeID) bool { return slices.Contains(g, a) && slices.Contains(g, b) })
}
