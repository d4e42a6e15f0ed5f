package hashicorp

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"raftzab/bench"
	"raftzab/bench/kv"
	"raftzab/bench/network"
	"raftzab/bench/random"
	"raftzab/protocols"
)

// A Cluster is a bench.System inside a bubble. The goroutine that calls Run is
// the only one that calls the handler.
type Cluster struct {
	cfg     Config
	start   time.Time
	handler bench.Handler
	nodes   []*node // by NodeID
	due     []event // what the clients' connections carry, in order of time
	conns   map[end]uint32

	mu       sync.Mutex // of all that follows, and of nodes and lives
	net      *network.Network
	links    []link
	listen   protocols.EventSet
	happened []happening
	wakeup   chan struct{} // to the run's goroutine: look
}

// An end is a client's connection to a node; its number counts how often it was
// dropped.
type end struct {
	session uint32
	node    NodeID
}

// An event is a request that arrives at a node, or a reply at its client.
type event struct {
	at      Time
	conn    uint32
	life    uint32 // of the node when the request was sent
	node    NodeID
	request *bench.Request // nil: reply
	reply   bench.Reply
}

// A happening waits for the run's goroutine: a message that was sent, an answer
// of the library to a write, an event.
type happening struct {
	at    Time
	node  NodeID
	event protocols.Event
	sent  *message
	reply *bench.Reply
	conn  uint32
}

type message struct {
	to   NodeID
	kind uint8
	size int
}

// Trial runs a fresh cluster in a bubble of its own, for as long as run lasts. A
// panic comes back as an error.
func Trial(cfg Config, run func(bench.System) error) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	var ran error
	broke := bubble(func() {
		c := newCluster(cfg)
		defer c.Close()
		ran = run(c)
	})
	return errors.Join(broke, ran)
}

func newCluster(cfg Config) *Cluster {
	n := cfg.Voters
	c := &Cluster{cfg: cfg, start: time.Now(), net: network.New(cfg.Network, cfg.Seed, cfg.Trial), conns: map[end]uint32{},
		nodes: make([]*node, n+1), links: make([]link, (n+1)*(n+1)), wakeup: make(chan struct{}, 1)}
	members := cfg.members()
	for id := NodeID(1); int(id) <= n; id++ {
		c.nodes[id] = &node{c: c, id: id, fsync: cfg.Fsync, disk: random.Stream(cfg.Seed, cfg.Trial, random.Disk, uint64(id))}
		c.nodes[id].format(members)
		for to := NodeID(1); int(to) <= n; to++ {
			l := c.link(id, to)
			l.from, l.to = id, to
		}
	}
	return c
}

// now returns the virtual time of the run.
func (c *Cluster) now() Time { return Time(time.Since(c.start)) }

// Run drives the handler; the cluster drives itself.
func (c *Cluster) Run(h bench.Handler, until Time) error {
	c.mu.Lock()
	c.handler, c.listen = h, h.Listen()
	c.mu.Unlock()
	for _, n := range c.nodes[1:] {
		if n.lives == 0 && !slices.Contains(c.cfg.Absent, n.id) {
			if err := n.boot(); err != nil {
				return fmt.Errorf("hashicorp: start of node %d: %w", n.id, err)
			}
		}
	}
	wake := h.Wake(c.now())
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		settle()
		if c.tell() {
			continue
		}
		now := c.now()
		switch {
		case len(c.due) > 0 && c.due[0].at <= now:
			e := c.due[0]
			c.due = slices.Delete(c.due, 0, 1)
			c.carry(now, &e)
			continue
		case wake != 0 && wake <= now:
			wake = h.Wake(now)
			continue
		case now >= until:
			return nil
		}
		next := until
		if len(c.due) > 0 {
			next = min(next, c.due[0].at)
		}
		if wake != 0 {
			next = min(next, wake)
		}
		timer.Reset(time.Duration(next - now))
		select {
		case <-timer.C:
		case <-c.wakeup:
		}
	}
}

// tell hands on what has happened, and reports whether there was anything.
func (c *Cluster) tell() bool {
	c.mu.Lock()
	for _, n := range c.nodes[1:] {
		if n.life != nil {
			n.life.watch.Activate()
		}
	}
	happened := c.happened
	c.happened = nil
	c.mu.Unlock()
	for i := range happened {
		switch h := &happened[i]; {
		case h.sent != nil:
			c.cfg.Sent(h.at, h.node, h.sent.to, h.sent.kind, h.sent.size)
		case h.reply != nil:
			c.reply(h.at, h.conn, *h.reply)
		default:
			c.handler.Observe(h.at, h.node, h.event)
		}
	}
	return len(happened) > 0
}

// happen leaves h for the run's goroutine.
func (c *Cluster) happen(h happening) {
	h.at = c.now()
	c.happened = append(c.happened, h)
	c.signal()
}

func (c *Cluster) signal() {
	select {
	case c.wakeup <- struct{}{}:
	default: // it will look anyway
	}
}

// sent counts a message. It wakes nobody: the count is told before anything that
// happens later.
func (c *Cluster) sent(from, to NodeID, kind uint8, content any) {
	if c.cfg.Sent != nil {
		c.happened = append(c.happened, happening{at: c.now(), node: from, sent: &message{to, kind, size(content)}})
	}
}

// Submit sends a request to a node.
func (c *Cluster) Submit(to NodeID, r bench.Request) {
	e := event{at: c.net.Request(c.now(), r.ID.Session, to), conn: c.conns[end{r.ID.Session, to}], node: to, request: &r}
	if l := c.nodes[to].life; l != nil {
		e.life = l.number
	}
	c.schedule(e)
}

// Disconnect drops all that is under way between a session and a node.
func (c *Cluster) Disconnect(session uint32, id NodeID) { c.conns[end{session, id}]++ }

func (c *Cluster) schedule(e event) {
	i, _ := slices.BinarySearchFunc(c.due, e.at, func(e event, at Time) int {
		if e.at <= at { // behind what arrives at the same instant
			return -1
		}
		return 1
	})
	c.due = slices.Insert(c.due, i, e)
}

// carry takes a request to its node, or a reply to its client.
func (c *Cluster) carry(now Time, e *event) {
	session := e.reply.ID.Session
	if e.request != nil {
		session = e.request.ID.Session
	}
	if c.conns[end{session, e.node}] != e.conn {
		return
	}
	if e.request == nil {
		c.handler.Reply(now, e.reply)
	} else if l := c.nodes[e.node].life; l != nil && l.number == e.life {
		c.serve(now, l, e.conn, e.request)
	}
}

// reply sends an answer to its client, who gets it even if the node dies now.
func (c *Cluster) reply(now Time, conn uint32, r bench.Reply) {
	c.schedule(event{at: c.net.Reply(now, r.ID.Session, r.Node), conn: conn, node: r.Node, reply: r})
}

// serve answers a read at once and begins a write.
func (c *Cluster) serve(now Time, l *life, conn uint32, r *bench.Request) {
	c.mu.Lock()
	a := l.answer(r)
	switch {
	case a.At.Less(r.Seen): // the node is behind what the session has seen
		a.Outcome = bench.Refused
	case r.Op != kv.Get:
		c.mu.Unlock()
		go l.apply(conn, *r)
		return
	case r.Mode == protocols.ReadLocal, r.Mode == protocols.ReadLeader && l.watch.Raft.State() == raft.Leader:
		a.Value, a.Version = l.kv.Read(r.Key)
	default:
		a.Outcome, a.Leader = bench.Refused, l.watch.Leader()
	}
	c.mu.Unlock()
	c.reply(now, conn, a)
}

func (l *life) answer(r *bench.Request) bench.Reply {
	return bench.Reply{ID: r.ID, Node: l.n.id, At: l.kv.At()}
}

// apply waits for the library's answer to a write.
func (l *life) apply(conn uint32, r bench.Request) {
	f := l.watch.Raft.Apply(encode(&r.Command), 0)
	_ = f.Error() // waits; Conclude asks again
	c := l.n.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.over {
		return
	}
	a := l.answer(&r)
	Conclude(&a, r.Value, f, l.watch.Leader)
	c.happen(happening{reply: &a, conn: conn})
}

// Status reports what a node says of itself.
func (c *Cluster) Status(id NodeID) (protocols.Status, bool) {
	n := c.nodes[id]
	if n.life == nil {
		return protocols.Status{}, false
	}
	return n.life.watch.Status((&store{n.store, n.life}).at), true
}

// SupportsRead any server's state, and the leader's.
func (c *Cluster) SupportsRead(m protocols.ReadMode) bool {
	return m == protocols.ReadLocal || m == protocols.ReadLeader
}

// Close ends all lives. Trial does it.
func (c *Cluster) Close() error {
	settle()
	for _, n := range c.nodes[1:] {
		if n.life != nil {
			n.kill(true)
		}
	}
	return nil
}
