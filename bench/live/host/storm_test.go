//go:build linux

package host

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"raftzab/protocols"
)

// A citizen is an owner in a storm. It sends what it likes, loses what it has to, and
// holds what comes against the contract: between two breaks come messages of one of
// the sender's epochs, from the first on, without a gap. An epoch is what the sender
// sends between two breaks that it hears of.
type citizen struct {
	*bare
	rng    *rand.Rand
	epochs *atomic.Uint32
	out    map[protocols.NodeID]note // the next to send
	in     map[protocols.NodeID]*progress
	breaks int
	got    int
}

type progress struct {
	next   note
	latest uint32 // epoch, of all
	open   bool   // something has come since the last break
}

func (c *citizen) live(s *street, id protocols.NodeID) {
	c.bare = s.host(id)
	for peer := range s.peers {
		if peer != id {
			c.out[peer] = note{c.epochs.Add(1), 0}
			if p := c.in[peer]; p != nil {
				p.open = false // a new life has new streams
			} else {
				c.in[peer] = &progress{}
			}
		}
	}
}

func (c *citizen) say(to protocols.NodeID) {
	n := c.out[to]
	c.out[to] = note{n.epoch, n.seq + 1}
	c.send(to, n)
}

func (c *citizen) listen() {
	for _, a := range c.turn() {
		p := c.in[a.from]
		switch {
		case a.broke:
			c.breaks++
			p.open = false
			c.out[a.from] = note{c.epochs.Add(1), 0}
		case p.open && a.msg != p.next, !p.open && (a.msg.seq != 0 || a.msg.epoch <= p.latest):
			c.t.Errorf("node %d: %v from %d; want %+v", c.cfg.ID, a.msg, a.from, p)
			fallthrough
		default:
			c.got++
			*p = progress{note{a.msg.epoch, a.msg.seq + 1}, a.msg.epoch, true}
		}
	}
	c.heard = c.heard[:0]
}

// hurt breaks something: a stream, a call, or the life.
func (c *citizen) hurt(s *street) {
	peer := protocols.NodeID(1 + c.rng.IntN(3))
	l := c.links[peer]
	if l == nil {
		c.end(nil)
		c.live(s, c.cfg.ID)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.stream != nil:
		l.stream.conn.Close()
	case l.call != nil && l.call.conn != nil:
		l.call.conn.Close()
	}
}

// Three nodes that call each other at the same time, break their streams and die at
// random keep the contract; and when they rest, everybody reaches everybody.
func TestStreamsKeepTheContractInAStorm(t *testing.T) {
	s := newStreet(t)
	var epochs atomic.Uint32
	var citizens [4]*citizen
	var all sync.WaitGroup
	for id := protocols.NodeID(1); id <= 3; id++ {
		c := &citizen{rng: rand.New(rand.NewPCG(1, uint64(id))), epochs: &epochs, out: map[protocols.NodeID]note{}, in: map[protocols.NodeID]*progress{}}
		citizens[id] = c
		c.live(s, id)
		all.Go(func() {
			for end := time.Now().Add(time.Second); time.Now().Before(end); {
				switch c.rng.IntN(60) {
				case 0:
					c.hurt(s)
				case 1:
					time.Sleep(time.Duration(c.rng.IntN(3000)) * time.Microsecond)
				default:
					for range c.rng.IntN(4) {
						if peer := protocols.NodeID(1 + c.rng.IntN(3)); peer != id {
							c.say(peer)
						}
					}
				}
				c.listen()
			}
		})
	}
	all.Wait()
	breaks, got := 0, 0
	for _, c := range citizens[1:] {
		breaks, got = breaks+c.breaks, got+c.got
	}
	if t.Logf("%d messages, %d breaks", got, breaks); breaks < 5 || got < 200 {
		t.Errorf("%d messages came and %d streams broke: that was no storm", got, breaks)
	}
	for begin := time.Now(); ; {
		heard := 0
		for _, c := range citizens[1:] {
			c.listen()
			for peer, p := range c.in {
				if p.open && p.next.epoch == citizens[peer].out[c.cfg.ID].epoch && p.next.seq > 0 {
					heard++
				}
			}
		}
		if heard == 6 {
			break
		}
		if time.Since(begin) > patience {
			t.Fatalf("%d of 6 directions work at the end", heard)
		}
		for _, c := range citizens[1:] {
			for peer := range c.in {
				c.say(peer)
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
}
