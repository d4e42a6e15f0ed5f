package workload

import (
	"fmt"
	"math/rand/v2"

	"raftzab/bench"
	"raftzab/bench/kv"
	"raftzab/bench/random"
	"raftzab/protocols"
)

// A Service is what a population needs of the system.
type Service interface {
	Submit(now Time, to NodeID, r bench.Request)
	Disconnect(session uint32, node NodeID)
	Status(id NodeID) (protocols.Status, bool)
}

// A Population is the clients of a trial, as part of a bench.Handler.
type Population struct {
	cfg      Config
	choice   choice
	on       Service
	recorder Recorder

	clients  []client
	sessions []session // from cfg.Others+1
	roles    []protocols.Role
	arrivals *rand.Rand
	pcg      rand.PCG
	gap      random.Distribution // between two arrivals

	begun      bool
	now        Time // the latest that it was told: in real time an answer may be stamped a little before the last wake
	start, end Time
	due        Time // of the next arrival, in an open loop
	arrived    int

	flights   []flight
	free      []uint32
	underway  int
	serial    uint64
	deadlines []deadline // in order
	expired   int        // so many at their head are done with
}

type client struct {
	pcg   rand.PCG
	rng   *rand.Rand
	again Time // in a closed loop, after a failure: when it asks next; 0: it has something under way
}

type session struct {
	node        NodeID
	seq         uint32            // of the last request; never starts over while a system lives
	seen        protocols.EntryID // the greatest Reply.At
	first, last int32             // of what is under way, as linked flights; none
}

// A flight is an operation under way.
type flight struct {
	Operation
	session   uint32
	seq       uint32
	next      int32
	redirects int
	serial    uint64 // tells the operation from others that have had the place; 0: free
}

const none = -1

// A deadline is when an operation is given up. All operations have the same time,
// so deadlines come in the order of their operations.
type deadline struct {
	at     Time
	serial uint64
	slot   uint32
}

// In a closed loop a client that failed asks again after a pause, at the population's
// next look: without it a service that refuses would get nothing but requests.
const pause = Time(10_000_000)

// redirects is how often an operation goes where it is sent.
const redirects = 2

// New returns a population. The configuration must be valid.
func New(cfg Config, on Service, to Recorder) *Population {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	p := &Population{cfg: cfg, choice: newChoice(cfg.Keys, cfg.Skew), on: on, recorder: to, clients: make([]client, cfg.Clients),
		sessions: make([]session, perClient*cfg.Clients), roles: make([]protocols.Role, cfg.Voters+cfg.Observers+1)}
	p.arrivals = rand.New(&p.pcg)
	for i := range p.clients {
		c := &p.clients[i]
		c.rng = rand.New(&c.pcg)
	}
	if cfg.Rate > 0 {
		p.gap = random.Distribution{Shape: random.Exponential, A: Time(second / cfg.Rate)}
	}
	return p
}

const second = 1e9

// Restart begins numbering anew, where a trial has servers of its own.
func (p *Population) Restart() {
	for i := range p.sessions {
		p.sessions[i].seq = 0
	}
}

// Follow numbers on where another population of as many clients has come to, for the
// same servers.
func (p *Population) Follow(other *Population) {
	for i := range p.sessions {
		p.sessions[i].seq = other.sessions[i].seq
	}
}

// Reset begins a trial in which clients ask from start on, until End is called.
// Each client's choices have a stream of their own: its n-th operation is the same
// in every system.
func (p *Population) Reset(seed uint64, trial int, start Time) {
	p.now = 0
	p.begun, p.start, p.end, p.due, p.arrived = false, start, never, start, 0
	p.flights, p.free, p.deadlines, p.underway, p.expired = p.flights[:0], p.free[:0], p.deadlines[:0], 0, 0
	p.pcg.Seed(random.Key(seed, trial, random.Workload, 0))
	for i := range p.clients {
		p.clients[i].again = 0
		p.clients[i].pcg.Seed(random.Key(seed, trial, random.Workload, uint64(i)+1))
	}
	for i := range p.sessions {
		s := &p.sessions[i]
		*s = session{seq: s.seq, first: none, last: none}
	}
	for id := range p.roles {
		p.roles[id] = protocols.Follower
		if id > p.cfg.Voters {
			p.roles[id] = protocols.Observer
		}
	}
	if p.cfg.Poisson && p.cfg.Rate > 0 {
		p.due += p.gap.Draw(p.arrivals)
	}
}

const never = Time(1<<63 - 1)

// End says when clients stop asking.
func (p *Population) End(at Time) { p.end = at }

// Idle reports whether all that was asked for has been answered or given up, for
// good if it is time to end.
func (p *Population) Idle() bool { return p.underway == 0 }

// Wake does what is due, and returns when to be called again; zero: never.
func (p *Population) Wake(now Time) Time {
	if now < p.start {
		return p.start
	}
	p.now = max(p.now, now)
	if !p.begun {
		p.begin(now)
	}
	p.expire(now)
	next := never
	if p.cfg.Rate > 0 {
		for p.due <= now && p.due < p.end {
			c := p.arrived % len(p.clients)
			if p.cfg.Poisson {
				c = p.arrivals.IntN(len(p.clients))
			}
			p.ask(uint32(c), p.due, now)
			p.arrived++
			p.advance()
		}
		if p.due < p.end {
			next = p.due
		}
	} else if now < p.end {
		for i := range p.clients {
			if c := &p.clients[i]; c.again != 0 && c.again <= now {
				c.again = 0
				p.ask(uint32(i), now, now)
			}
		}
		next = now + pause
	}
	if p.expired < len(p.deadlines) {
		next = min(next, p.deadlines[p.expired].at)
	}
	if next == never {
		return 0
	}
	return next
}

// begin attaches sessions, and in a closed loop has every client ask.
func (p *Population) begin(now Time) {
	p.begun = true
	for i := range p.sessions {
		p.attach(uint32(i), NodeID(1+i/perClient%(p.cfg.Voters+p.cfg.Observers)))
	}
	if p.cfg.Rate == 0 {
		for i := range p.clients {
			p.ask(uint32(i), now, now)
		}
	}
}

func (p *Population) advance() {
	if p.cfg.Poisson {
		p.due += p.gap.Draw(p.arrivals)
	} else {
		p.due = p.start + Time(float64(p.arrived)*(second/p.cfg.Rate))
	}
}

// ask begins a client's next operation.
func (p *Population) ask(client uint32, due, now Time) {
	rng := p.clients[client].rng
	o := Operation{Client: client + 1, Op: kv.Put, Due: due, Start: now}
	session := perClient * client
	if rng.Float64() < p.cfg.Reads {
		o.Op, o.Mode = kv.Get, p.cfg.Mode
	} else {
		session++
	}
	o.Key = p.cfg.Others + 1 + p.choice.draw(rng)
	slot := p.slot()
	p.serial++
	p.underway++
	p.flights[slot] = flight{Operation: o, session: session, serial: p.serial}
	if len(p.deadlines) == cap(p.deadlines) && p.expired > len(p.deadlines)/2 {
		p.deadlines, p.expired = p.deadlines[:copy(p.deadlines, p.deadlines[p.expired:])], 0
	}
	p.deadlines = append(p.deadlines, deadline{now + p.cfg.Timeout, p.serial, slot})
	p.submit(now, slot, p.sessions[session].node)
}

func (p *Population) slot() uint32 {
	if k := len(p.free); k > 0 {
		slot := p.free[k-1]
		p.free = p.free[:k-1]
		return slot
	}
	p.flights = append(p.flights, flight{})
	return uint32(len(p.flights) - 1)
}

// submit sends a flight to a server. A redirected one has a number of
// its own: what was refused has had no effect, and what the session has sent
// meanwhile would make the old number a duplicate.
func (p *Population) submit(now Time, slot uint32, to NodeID) {
	f := &p.flights[slot]
	s := &p.sessions[f.session]
	s.seq++
	number := p.cfg.Others + 1 + f.session
	f.seq, f.Node, f.next = s.seq, to, none
	if f.Op == kv.Put && f.Value == 0 {
		f.Value = uint64(number)<<32 | uint64(s.seq)
	}
	if s.last == none {
		s.first = int32(slot)
	} else {
		p.flights[s.last].next = int32(slot)
	}
	s.last = int32(slot)
	r := bench.Request{Command: protocols.Command{ID: protocols.RequestID{Session: number, Seq: f.seq}, Op: f.Op, Key: f.Key, Value: f.Value}, Mode: f.Mode}
	if f.Op == kv.Put {
		r.Size = p.cfg.ValueSize
	}
	if p.cfg.Monotonic {
		r.Seen = s.seen
	}
	p.on.Submit(now, f.Node, r)
}

// Reply takes in what a client is told; answers to others are none of its business.
func (p *Population) Reply(now Time, r bench.Reply) {
	if r.ID.Session <= p.cfg.Others || r.ID.Session > p.cfg.Sessions() {
		return
	}
	number := r.ID.Session - p.cfg.Others - 1
	slot, ok := p.take(number, r.ID.Seq)
	if !ok {
		return // it was given up
	}
	p.now = max(p.now, now)
	now = p.now
	s, f := &p.sessions[number], &p.flights[slot]
	f.Hops += int(r.Hops)
	if f.Node != r.Node {
		panic(fmt.Sprintf("workload: node %d answers request %v, which went to node %d", r.Node, r.ID, f.Node))
	}
	switch r.Outcome {
	case bench.OK:
		if s.seen.Less(r.At) {
			s.seen = r.At
		}
		f.Version, f.At = r.Version, r.At
		if f.Op == kv.Get {
			f.Value = r.Value
		}
	case bench.Refused:
		if p.bound(number) && r.Leader != protocols.None && r.Leader != r.Node && f.redirects < redirects {
			to := r.Leader
			if p.cfg.Finding != Each {
				if s.node == r.Node {
					s.node = to
				}
				to = s.node
			}
			f.redirects++
			p.submit(now, slot, to)
			return
		}
		p.move(number, r.Node)
	case bench.Unknown:
		p.move(number, r.Node)
	}
	p.finish(now, slot, r.Outcome)
}

// take takes the request with a number out of what its session has under way.
// Answers come in order, nearly always.
func (p *Population) take(session, seq uint32) (uint32, bool) {
	s := &p.sessions[session]
	before := int32(none)
	for i := s.first; i != none; before, i = i, p.flights[i].next {
		f := &p.flights[i]
		if f.seq != seq {
			continue
		}
		if before == none {
			s.first = f.next
		} else {
			p.flights[before].next = f.next
		}
		if s.last == i {
			s.last = before
		}
		return uint32(i), true
	}
	return 0, false
}

// finish ends an operation, and in a closed loop begins the client's next.
func (p *Population) finish(now Time, slot uint32, outcome bench.Outcome) {
	f := &p.flights[slot]
	f.Outcome, f.End, f.Role = outcome, now, p.role(f.Node)
	p.recorder.Record(&f.Operation)
	client := f.Client - 1
	f.serial = 0
	p.free = append(p.free, slot)
	p.underway--
	switch {
	case p.cfg.Rate > 0 || now >= p.end:
	case outcome == bench.OK:
		p.ask(client, now, now)
	default:
		p.clients[client].again = now + pause
	}
}

// role is what a node last said that it was. One without a vote is an observer,
// whatever it looks for.
func (p *Population) role(id NodeID) protocols.Role {
	if s, ok := p.on.Status(id); ok && int(id) <= p.cfg.Voters {
		p.roles[id] = s.Role
	}
	return p.roles[id]
}

// expire gives up what has waited for too long, and with it all that its session
// has under way at the same server.
func (p *Population) expire(now Time) {
	for ; p.expired < len(p.deadlines); p.expired++ {
		d := &p.deadlines[p.expired]
		f := &p.flights[d.slot]
		if f.serial != d.serial {
			continue // it was answered
		}
		if d.at > now {
			return
		}
		session, node := f.session, f.Node
		p.on.Disconnect(p.cfg.Others+1+session, node)
		p.move(session, node)
		p.abandon(now, session, node)
	}
}

// abandon ends what a session has under way at a server.
func (p *Population) abandon(now Time, session uint32, node NodeID) {
	s := &p.sessions[session]
	i := s.first
	s.first, s.last = none, none
	for i != none {
		f := &p.flights[i]
		slot := uint32(i)
		if i = f.next; f.Node != node { // it goes on
			f.next = none
			if s.last == none {
				s.first = int32(slot)
			} else {
				p.flights[s.last].next = int32(slot)
			}
			s.last = int32(slot)
			continue
		}
		p.finish(now, slot, bench.Unknown)
	}
}
