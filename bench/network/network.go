// Package network answers when a message arrives, or that it does not for now.
// It is pure: it knows links, delays, losses and cuts, and leaves the waiting to
// whoever asks, so every virtual network of the testbed is this one.
//
// Links are streams, unless the configuration says datagrams. On streams, as TCP
// gives them, messages of one direction arrive in order, and a lost packet is a delay. Retransmission is by time-out only
// (RTOMin, doubling with each loss in a row, at most RTOMax). Linux is quicker
// where more packets follow: selective acknowledgement and RACK then recover in
// about a round trip and a quarter. So loss weighs more here than in life, and
// most on a protocol whose timeouts are near RTOMin: vary RTOMin with it.
//
// A cut concerns what is sent after it; what was on its way arrives. While a
// direction is cut its sender retransmits at growing intervals, so after the cut
// ends the stream goes on only with the next retransmission. That back-off is
// TCP's, and grows with the cut's length.
//
// On datagrams, as UDP gives them, each message has a fate of its own: it is lost,
// or arrives after a delay that nothing before it has a part in, so later ones
// may overtake it; some are held back for longer, and some arrive twice. What is
// sent into a cut is lost. Nobody sends anything again, and nobody is told.
// Clients speak to nodes over streams in both cases.
package network

import (
	"math/rand/v2"

	"raftzab/bench/random"
	"raftzab/protocols"
)

type (
	Time   = protocols.Time
	NodeID = protocols.NodeID
)

// A Quality is what a direction of a link does to messages. Duplicate and
// Reorder are of datagrams: TCP hides copies from its users, and puts in order
// again what came out of order, which shows as delay. On streams they do nothing.
type Quality struct {
	Delay     random.Distribution
	Loss      float64 // chance that a packet is lost, from 0 to 1
	Duplicate float64 // chance that a datagram arrives twice, the copy after a delay of its own
	Reorder   float64 // chance that a datagram, or its copy, is held back for 1 to 5 further delays
}

// A Config describes a network of nodes 1 to Nodes and of clients.
type Config struct {
	Nodes    int
	Channel  Channel // between nodes
	Default  Quality
	RTOMin   Time                 // a stream's least retransmission time-out
	RTOMax   Time                 // where it stops doubling; Linux has 120 s
	Clients  *random.Distribution // between a client and a node; nil: as between nodes
	Override []Override
}

// An Override gives one direction a quality of its own.
type Override struct {
	From, To NodeID
	Quality
}

// A Network is the state of all links.
type Network struct {
	cfg     Config
	links   []link // by from and to
	clients []path // by session, node and direction
	seed    uint64
	trial   int
	crng    *rand.Rand
	cpcg    *rand.PCG
	cdelay  Quality
}

type path struct{ last Time }

type link struct {
	path
	q, base   Quality
	cut       bool
	stalled   Time // when the first message was sent into the cut; 0: none
	notBefore Time // the retransmission that gets through after a cut
	pcg       rand.PCG
	rng       *rand.Rand
}

// New returns the network of one trial.
func New(cfg Config, seed uint64, trial int) *Network {
	cfg.RTOMax = max(cfg.RTOMax, cfg.RTOMin)
	n := &Network{cfg: cfg, links: make([]link, (cfg.Nodes+1)*(cfg.Nodes+1)), cpcg: new(rand.PCG)}
	n.crng = rand.New(n.cpcg)
	for i := range n.links {
		l := &n.links[i]
		l.rng = rand.New(&l.pcg)
		l.base = cfg.Default
	}
	for _, o := range cfg.Override {
		n.link(o.From, o.To).base = o.Quality
	}
	if n.cdelay = cfg.Default; cfg.Clients != nil {
		n.cdelay = Quality{Delay: *cfg.Clients}
	}
	n.Reset(seed, trial)
	return n
}

// Reset begins another trial on the same network, everything mended.
func (n *Network) Reset(seed uint64, trial int) {
	n.seed, n.trial = seed, trial
	for i := range n.links {
		l := &n.links[i]
		l.path, l.q, l.cut, l.stalled, l.notBefore = path{}, l.base, false, 0, 0
		l.pcg.Seed(random.Key(seed, trial, random.Link, uint64(i)))
	}
	n.cpcg.Seed(random.Key(seed, trial, random.Link, 1<<32))
	clear(n.clients)
}

func (n *Network) link(from, to NodeID) *link {
	return &n.links[int(from)*(n.cfg.Nodes+1)+int(to)]
}

// Send returns when a message sent now arrives. It is false while the direction
// is cut: the caller keeps the message, in order, and sends it again after Mend.
func (n *Network) Send(now Time, from, to NodeID) (Time, bool) {
	l := n.link(from, to)
	if l.cut {
		if l.stalled == 0 {
			l.stalled = max(now, 1)
		}
		return 0, false
	}
	return l.arrival(max(now, l.notBefore), &l.q, &n.cfg, l.rng), true
}

// never is how late a packet comes that is lost each time: past the end of any
// trial. It holds its stream up for good; Cut is there to stop one for a while.
const never = Time(3_600_000_000_000)

// arrival is when a packet sent at t is there, behind those before it.
func (p *path) arrival(t Time, q *Quality, cfg *Config, rng *rand.Rand) Time {
	if q.Loss >= 1 {
		t += never
	} else if q.Loss > 0 {
		for rto := cfg.RTOMin; rng.Float64() < q.Loss; rto = min(2*rto, cfg.RTOMax) {
			t += rto
		}
	}
	p.last = max(p.last, t+q.Delay.Draw(rng))
	return p.last
}

// Request returns when a client's message to a node arrives there.
func (n *Network) Request(now Time, session uint32, node NodeID) Time {
	return n.client(session, node, 0).arrival(now, &n.cdelay, &n.cfg, n.crng)
}

// Reply returns when a node's answer arrives at the client.
func (n *Network) Reply(now Time, session uint32, node NodeID) Time {
	return n.client(session, node, 1).arrival(now, &n.cdelay, &n.cfg, n.crng)
}

func (n *Network) client(session uint32, node NodeID, direction int) *path {
	i := (int(session)*(n.cfg.Nodes+1)+int(node))*2 + direction
	for i >= len(n.clients) {
		n.clients = append(n.clients, path{})
	}
	return &n.clients[i]
}

// Cut stops a direction.
func (n *Network) Cut(from, to NodeID) { n.link(from, to).cut = true }

// IsCut reports whether a direction is cut.
func (n *Network) IsCut(from, to NodeID) bool { return n.link(from, to).cut }

// Mend ends a cut. What was held is to be sent again, at the present time: it
// gets through with the first retransmission after now.
func (n *Network) Mend(now Time, from, to NodeID) {
	l := n.link(from, to)
	l.cut = false
	if l.stalled > 0 {
		t, rto := l.stalled, n.cfg.RTOMin
		for rto > 0 && t < now {
			t += rto
			rto = min(2*rto, n.cfg.RTOMax)
		}
		l.notBefore, l.stalled = t, 0
	}
}

// Renew begins a new stream in both directions: nothing of the old one holds
// it up.
func (n *Network) Renew(a, b NodeID) {
	for _, l := range [...]*link{n.link(a, b), n.link(b, a)} {
		l.path, l.stalled, l.notBefore = path{}, 0, 0
	}
}

// Set gives a direction another quality; nil: that of the configuration.
func (n *Network) Set(from, to NodeID, q *Quality) {
	if l := n.link(from, to); q != nil {
		l.q = *q
	} else {
		l.q = l.base
	}
}
