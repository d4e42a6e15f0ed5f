package lan

import (
	"fmt"
	"slices"

	"raftzab/bench/fault"
	"raftzab/bench/network"
)

// links are all directions between machines, and what faults do to them. Index 0
// is the clients'.
type links struct {
	nodes int
	all   []*link // by from and to
}

func newLinks(cfg Config) *links {
	n := cfg.Network.Nodes
	queue := cfg.Queue
	if queue == 0 {
		queue = 256 << 10
	}
	clients := cfg.Network.Default
	if d := cfg.Network.Clients; d != nil {
		clients = network.Quality{Delay: *d}
	}
	ls := &links{nodes: n, all: make([]*link, (n+1)*(n+1))}
	for i := range ls.all {
		from, to := NodeID(i/(n+1)), NodeID(i%(n+1))
		q := cfg.Network.Default
		if from == Clients || to == Clients {
			q = clients
		}
		for _, o := range cfg.Network.Override {
			if o.From == from && o.To == to {
				q = o.Quality
			}
		}
		var speed float64
		if cfg.Bandwidth != nil {
			speed = max(cfg.Bandwidth(from, to), 0)
		}
		ls.all[i] = newLink(q, speed, queue, cfg.Seed, uint64(i))
	}
	return ls
}

func (ls *links) link(from, to NodeID) *link { return ls.all[int(from)*(ls.nodes+1)+int(to)] }

// check says what a fault names that is not there.
func (ls *links) check(f fault.Fault) error {
	for _, id := range slices.Concat(f.Nodes, f.From, f.To, slices.Concat(f.Groups...)) {
		if id < 1 || int(id) > ls.nodes {
			return fmt.Errorf("lan: fault %v: there is no node %d", f, id)
		}
	}
	return nil
}

// linkFault reports whether a fault is one of links.
func linkFault(k fault.Kind) bool {
	switch k {
	case fault.Partition, fault.Isolate, fault.Cut, fault.Heal, fault.Link:
		return true
	}
	return false
}

// inject gives effect to a fault, as bench/sim does. A partition takes the place
// of every earlier cut. No cut parts clients from nodes.
func (ls *links) inject(f fault.Fault) error {
	if err := ls.check(f); err != nil {
		return err
	}
	switch f.Kind {
	case fault.Partition:
		ls.pairs(func(a, b NodeID) { ls.cut(a, b, !together(f.Groups, a, b)) })
	case fault.Isolate:
		ls.pairs(func(a, b NodeID) {
			if slices.Contains(f.Nodes, a) || slices.Contains(f.Nodes, b) {
				ls.cut(a, b, true)
			}
		})
	case fault.Heal:
		if len(f.From) == 0 {
			ls.pairs(func(a, b NodeID) { ls.cut(a, b, false) })
		}
		each(f, func(a, b NodeID) { ls.cut(a, b, false) })
	case fault.Cut:
		each(f, func(a, b NodeID) { ls.cut(a, b, true) })
	case fault.Link:
		each(f, func(a, b NodeID) {
			l := ls.link(a, b)
			q, speed := network.Quality{Delay: f.Delay, Loss: f.Loss, Duplicate: f.Duplicate, Reorder: f.Reorder}, f.Bandwidth
			if f.Back {
				q, speed = l.base, l.speed
			}
			l.set(q, speed, l.isCut())
		})
	default:
		return fmt.Errorf("lan: fault %v is none of links", f)
	}
	return nil
}

func (ls *links) cut(from, to NodeID, cut bool) { ls.link(from, to).sever(cut) }

func (ls *links) pairs(do func(a, b NodeID)) {
	for a := NodeID(1); int(a) <= ls.nodes; a++ {
		for b := NodeID(1); int(b) <= ls.nodes; b++ {
			if a != b {
				do(a, b)
			}
		}
	}
}

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
