// Package sim drives a cluster of replicas in virtual time. It answers what
// happens, given one seed: every delay, loss, fsync and crash is drawn from it,
// and the same seed gives the same events, whatever else the machine does.
//
// A Cluster is a bench.System. Time passes only between events, and each event
// reaches one node: a message, a broken stream, a finished fsync, an alarm, a
// request. What the node asks for in answer becomes further events.
//
// Nodes speak over streams or in datagrams, as the network's configuration says.
// A stream belongs to two lives: it breaks with either, and both ends that live are
// told. A datagram is sent to one life of its receiver and reaches no other; no
// machine, cut or death makes any noise about those that are lost.
//
// Each node lives by its machine's clock, which is the run's until a clock fault
// has it jump or drift. What the node is told of the time, and when its alarm
// rings, go by that clock; all else (messages, fsyncs, faults, clients, and every
// instant that a Handler or a Witness sees) goes by the run's.
package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"raftzab/bench"
	"raftzab/bench/fault"
	"raftzab/bench/kv"
	"raftzab/bench/network"
	"raftzab/bench/random"
	"raftzab/bench/trace"
	"raftzab/protocols"
)

type (
	Time   = protocols.Time
	NodeID = protocols.NodeID
)

// A Config describes the world; Network.Nodes is the number of nodes.
type Config[M protocols.Message] struct {
	// New makes a node's replica at each start of a life.
	New func(id NodeID, r protocols.Recovered, rng *rand.Rand) protocols.Replica[M]

	Registers []protocols.Registers // what each node's disk has at first, by NodeID; nil: nothing

	Network network.Config
	Absent  []NodeID // their machines run, and their processes do not until a restart
	Fsync   random.Distribution
	Timer   random.Distribution  // how late alarms ring
	Message Time                 // that a node's core takes for each message that it receives or sends, and for a request with its answer; zero: none, and it does everything at once
	Images  int                  // entries between two images of the store; zero: never
	Reads   []protocols.ReadMode // that the replicas know; nil: ReadLocal and ReadLeader, which need no more than one node

	Witness  bench.Witness           // nil: nobody
	Trace    func(e *trace.Event)    // nil: nobody
	KindName func(kind uint8) string // of messages, for Trace
}

// A Cluster is a simulated ensemble.
type Cluster[M protocols.Message] struct {
	cfg   Config[M]
	now   Time
	hosts []*host[M] // by NodeID
	net   *network.Network
	queue queue
	seed  uint64
	trial int

	packets  slab[packet[M]]
	requests slab[sent[bench.Request]]
	replies  slab[sent[bench.Reply]]
	held     []heldPacket // sent into a cut, in order
	streams  uint32       // the last stream number given out
	sessions []uint32     // connections by session and node

	out      protocols.Output[M]
	local    []M // messages of a node to itself
	observed []observation
	batch    [1]bench.Request
	cause    cause // of what happens now
	caused   [kv.Get + 1]uint64

	begun     bool // nodes have booted
	handler   bench.Handler
	wake      Time // the handler's
	listen    protocols.EventSet
	tracing   bool
	told      uint32 // messages that Trace has been told of
	datagrams bool
	events    uint64
	checksum  uint64
}

// An observation waits until the node's call is over, so that the handler may
// do in Observe whatever it may do elsewhere.
type observation struct {
	node  NodeID
	event protocols.Event
}

// sent is a request or reply on its way, by the connection that carries it.
type sent[T any] struct {
	connection uint32
	body       T
}

// New returns a cluster whose nodes boot when Run begins.
func New[M protocols.Message](cfg Config[M], seed uint64, trial int) *Cluster[M] {
	n := cfg.Network.Nodes
	c := &Cluster[M]{cfg: cfg, tracing: cfg.Trace != nil, datagrams: cfg.Network.Channel == network.Datagram, net: network.New(cfg.Network, seed, trial), hosts: make([]*host[M], n+1)}
	for id := 1; id <= n; id++ {
		c.hosts[id] = newHost[M](NodeID(id), n)
	}
	c.Reset(seed, trial)
	return c
}

// Reset begins another trial with the same configuration and the same buffers.
func (c *Cluster[M]) Reset(seed uint64, trial int) {
	c.seed, c.trial = seed, trial
	c.now, c.streams, c.events, c.checksum, c.wake, c.begun = 0, 0, 0, 0, 0, false
	c.cause, c.caused, c.told = cause{}, [kv.Get + 1]uint64{}, 0
	c.queue.events, c.queue.ord = c.queue.events[:0], 0
	c.packets.reset()
	c.requests.reset()
	c.replies.reset()
	c.held, c.observed, c.local = c.held[:0], c.observed[:0], c.local[:0]
	clear(c.sessions)
	c.net.Reset(seed, trial)
	c.out.Reset()
	for _, h := range c.hosts[1:] {
		if h.reset(c.cfg.Fsync, seed, trial); c.cfg.Registers != nil {
			h.disk.Registers = c.cfg.Registers[h.id]
		}
	}
}

// Run drives the cluster until the given time.
func (c *Cluster[M]) Run(h bench.Handler, until Time) error {
	c.handler = h
	c.listen = h.Listen()
	if c.out.Listen = c.listen; c.tracing {
		c.out.Listen = protocols.AllEvents
	}
	if !c.begun {
		c.begun = true
		for _, host := range c.hosts[1:] { // all before the first one speaks
			if host.refuses = slices.Contains(c.cfg.Absent, host.id); !host.refuses {
				c.rise(host)
			}
		}
		for _, host := range c.hosts[1:] {
			if host.up {
				c.boot(host)
			}
		}
	}
	c.wake = h.Wake(c.now)
	for {
		c.observe()
		next := until + 1
		if len(c.queue.events) > 0 {
			next = c.queue.events[0].at
		}
		if c.wake != 0 && c.wake <= next && c.wake <= until {
			c.now = max(c.now, c.wake)
			c.wake = h.Wake(c.now)
			continue
		}
		if next > until {
			c.now = until
			return nil
		}
		c.step()
	}
}

// step takes the next event to its node.
func (c *Cluster[M]) step() {
	e := c.queue.pop()
	c.now = max(c.now, e.at) // a deferred event keeps the time at which it was due
	c.events++
	c.fold(uint64(e.at) ^ uint64(e.kind)<<60 ^ uint64(e.node)<<48 ^ uint64(e.peer)<<32)
	if e.kind == answer {
		c.answered(e)
		return
	}
	h := c.hosts[e.node]
	if h.paused && h.life == e.life {
		h.deferred = append(h.deferred, e)
		return
	}
	if c.cfg.Message > 0 && h.up {
		c.await(h, e)
		return
	}
	c.handle(h, e)
}

// handle hands an event to its node.
func (c *Cluster[M]) handle(h *host[M], e event) {
	c.cause = cause{}
	switch e.kind {
	case deliver:
		c.arrive(h, e)
		return
	case submit:
		r := c.requests.take(e.slot)
		if !h.up || h.life != e.life || *c.connection(r.body.ID.Session, e.node) != r.connection {
			return
		}
		if c.tracing {
			c.trace(trace.Event{Kind: trace.Request, Node: e.node, Client: r.body.ID.Session, ID: requestID(r.body.ID), Text: describe(&r.body)})
		}
		c.batch[0], c.cause = r.body, causeOf(&r.body)
		h.node.Submit(h.clock.read(c.now), c.batch[:], &c.out)
	case fsynced:
		if h.life != e.life {
			return
		}
		if h.fails {
			c.failed(h)
			return
		}
		seq := h.synced()
		c.cause = h.syncing
		if c.cfg.Witness != nil {
			c.cfg.Witness.Persisted(c.now, h.id, seq)
		}
		h.node.Persisted(h.clock.read(c.now), seq, &c.out)
	case saved:
		if h.life != e.life {
			return
		}
		if h.fails {
			c.failed(h)
			return
		}
		if s, ok := h.keep(); ok {
			if c.tracing {
				c.trace(trace.Event{Kind: trace.Disk, Node: h.id, Text: fmt.Sprintf("the image of %v is durable", s.At)})
			}
			h.node.Compact(h.clock.read(c.now), s, &c.out)
		}
	case alarm:
		if h.life != e.life || e.at != h.queued { // another life's, or superseded by an earlier one
			return
		}
		h.queued = 0
		if h.alarm == 0 {
			return
		}
		now := h.clock.read(c.now)
		if now < h.alarm { // it was put off meanwhile
			c.arm(h)
			return
		}
		if c.delay(h) {
			return
		}
		h.node.Wake(now, &c.out)
	}
	c.carryOut(h)
}

// observe tells the handler what has happened.
func (c *Cluster[M]) observe() {
	for i := 0; i < len(c.observed); i++ { // the handler's answer may add more
		c.handler.Observe(c.now, c.observed[i].node, c.observed[i].event)
	}
	c.observed = c.observed[:0]
}

// fold takes an event or a fault into the checksum.
func (c *Cluster[M]) fold(x uint64) { c.checksum = (c.checksum ^ x) * 0x9e3779b97f4a7c15 }

// Submit sends a client's request on its way.
func (c *Cluster[M]) Submit(to NodeID, r bench.Request) {
	slot := c.requests.put(sent[bench.Request]{*c.connection(r.ID.Session, to), r})
	c.queue.push(event{at: c.net.Request(c.now, r.ID.Session, to), kind: submit, node: to, slot: slot, life: c.hosts[to].life})
}

// Disconnect voids what is on its way between the session and the node, and
// the answers that the node still owes.
func (c *Cluster[M]) Disconnect(session uint32, node NodeID) {
	*c.connection(session, node)++
	if h := c.hosts[node]; h.up {
		h.node.Forget(session)
	}
}

func (c *Cluster[M]) connection(session uint32, node NodeID) *uint32 {
	i := int(session)*len(c.hosts) + int(node)
	for i >= len(c.sessions) {
		c.sessions = append(c.sessions, 0)
	}
	return &c.sessions[i]
}

// answered hands a reply to the client.
func (c *Cluster[M]) answered(e event) {
	r := c.replies.take(e.slot)
	if *c.connection(r.body.ID.Session, r.body.Node) == r.connection {
		if c.tracing {
			c.trace(trace.Event{Kind: trace.Reply, Node: r.body.Node, Client: r.body.ID.Session, ID: requestID(r.body.ID), Text: describeReply(&r.body)})
		}
		c.handler.Reply(c.now, r.body)
	}
}

// Status reports what a node says of itself; one that is down or paused says nothing.
func (c *Cluster[M]) Status(id NodeID) (protocols.Status, bool) {
	if h := c.hosts[id]; h.up && !h.paused {
		return h.node.Status(), true
	}
	return protocols.Status{}, false
}

// Supports reports every kind of fault: the simulator has them all. What a
// replica has no part in (a transfer, where it is no Transferrer) is left undone.
func (c *Cluster[M]) Supports(k fault.Kind) bool { return k < fault.Kinds }

// SupportsRead reports the modes of reading that the configuration names.
func (c *Cluster[M]) SupportsRead(m protocols.ReadMode) bool {
	if c.cfg.Reads == nil {
		return m == protocols.ReadLocal || m == protocols.ReadLeader
	}
	return slices.Contains(c.cfg.Reads, m)
}

// Close does nothing: a cluster holds nothing but memory.
func (c *Cluster[M]) Close() error { return nil }

// Now returns the present instant.
func (c *Cluster[M]) Now() Time { return c.now }

// Events returns how many events there were, and a checksum over all of them and
// over the faults.
func (c *Cluster[M]) Events() (count, checksum uint64) { return c.events, c.checksum }
