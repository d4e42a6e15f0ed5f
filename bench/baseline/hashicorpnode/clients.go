package hashicorpnode

import (
	"fmt"
	"net"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/raft"

	"raftzab/bench"
	"raftzab/bench/baseline/hashicorp"
	"raftzab/bench/kv"
	"raftzab/bench/live/wire"
	"raftzab/protocols"
)

// A port is where clients come. One connection is one session: its requests are
// begun in the order in which they come and answered in the same order, with any
// number of them under way.
type port struct {
	id       NodeID
	raft     *raft.Raft
	machine  *machine
	leader   func() NodeID
	listener net.Listener
	barrier  atomic.Uint64 // the last term in which one has come through

	mu     sync.Mutex
	conns  map[net.Conn]struct{}
	closed bool
}

// underway is how many requests of a session may be; more wait in its connection.
const underway = 1024

func listen(cfg *Settings, r *raft.Raft, m *machine, leader func() NodeID) (*port, error) {
	l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(cfg.Clients))
	if err != nil {
		return nil, fmt.Errorf("hashicorpnode: listen for clients on %v: %w", cfg.Clients, err)
	}
	return &port{id: cfg.ID, raft: r, machine: m, leader: leader, listener: l, conns: map[net.Conn]struct{}{}}, nil
}

// accept takes clients in until the port is closed.
func (p *port) accept() error {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return fmt.Errorf("hashicorpnode: accept clients: %w", err)
		}
		p.mu.Lock()
		if p.closed {
			conn.Close()
		} else {
			p.conns[conn] = struct{}{}
			go p.session(conn)
		}
		p.mu.Unlock()
	}
}

// close hangs up on everybody.
func (p *port) close() {
	p.listener.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for c := range p.conns {
		c.Close()
	}
}

// session serves one connection until it breaks, or says what nobody may say. What
// is under way then still takes effect.
func (p *port) session(conn net.Conn) {
	begun := make(chan attempt, underway)
	go p.answer(conn, begun)
	session := uint32(0)
	for r := wire.NewReader(conn, 1<<12); ; {
		frame, body, err := r.Next()
		if err != nil || frame != wire.TypeRequest {
			break
		}
		request, err := wire.ParseRequest(body)
		if err != nil || session != 0 && session != request.ID.Session {
			break
		}
		session = request.ID.Session
		begun <- p.begin(request)
	}
	close(begun)
	conn.Close()
	p.mu.Lock()
	delete(p.conns, conn)
	p.mu.Unlock()
}

// An attempt is a request that has begun.
type attempt struct {
	request bench.Request
	write   raft.ApplyFuture // of a write
	leads   raft.Future      // of a linearizable read: this server led after it began,
	barrier bool             // by a Barrier, and not by VerifyLeader,
	term    uint64           // in this term
	refused bool
}

// verifyLeader is the library's. A test plants a leader that believes itself.
var verifyLeader = (*raft.Raft).VerifyLeader

// begin hands a request to the library. It waits while the library takes no more.
func (p *port) begin(r bench.Request) attempt {
	a := attempt{request: r}
	switch {
	case p.machine.at().Less(r.Seen): // the server is behind what the session has seen
		a.refused = true
	case r.Op == kv.Put:
		a.write = p.raft.ApplyLog(raft.Log{Data: encode(&r.Command)}, 0)
	case r.Mode == protocols.ReadLocal, r.Mode == protocols.ReadLeader: // answered when its turn has come
	case r.Mode == protocols.ReadIndex:
		// VerifyLeader says that this server leads, and what it has acknowledged is in
		// its state. What earlier leaders have is there once a Barrier of its own term
		// has come through.
		a.term = p.raft.CurrentTerm()
		if a.barrier = p.barrier.Load() != a.term; a.barrier {
			a.leads = p.raft.Barrier(0)
		} else {
			a.leads = verifyLeader(p.raft)
		}
	default:
		a.refused = true
	}
	return a
}

// end waits for an attempt's answer.
func (p *port) end(a *attempt) bench.Reply {
	r := bench.Reply{ID: a.request.ID, Node: p.id}
	switch {
	case a.refused:
		r.Outcome, r.At = bench.Refused, p.machine.at()
		return r
	case a.write != nil:
		_ = a.write.Error() // waits; Conclude asks again
		r.At = p.machine.at()
		hashicorp.Conclude(&r, a.request.Value, a.write, p.leader)
		return r
	}
	if !p.permits(a) {
		r.Outcome, r.Leader, r.At = bench.Refused, p.leader(), p.machine.at()
		return r
	}
	r.Value, r.Version, r.At = p.machine.read(a.request.Key)
	return r
}

// permits reports whether a read may be served now.
func (p *port) permits(a *attempt) bool {
	switch a.request.Mode {
	case protocols.ReadLocal:
		return true
	case protocols.ReadLeader:
		return p.raft.State() == raft.Leader
	}
	if a.leads.Error() != nil || p.raft.CurrentTerm() != a.term {
		return false
	}
	if a.barrier {
		p.barrier.Store(a.term)
	}
	return true
}

// answer ends a session's attempts one after the other, and sends the replies.
func (p *port) answer(conn net.Conn, begun <-chan attempt) {
	o := &outlet{conn: conn, more: make(chan struct{}, 1)}
	go o.run()
	for a := range begun {
		// The last one's reply goes out from here. While more are under way, the
		// outlet's goroutine sends what has gathered.
		o.put(p.end(&a), len(begun) == 0)
	}
	close(o.more)
}

// An outlet sends replies, as many at once as have gathered.
type outlet struct {
	conn net.Conn
	more chan struct{} // holds one token while something may be waiting

	mu      sync.Mutex
	replies []byte
	broken  bool
}

func (o *outlet) put(r bench.Reply, now bool) {
	o.mu.Lock()
	o.replies = wire.AppendFrame(o.replies, wire.TypeReply, wire.AppendReply, r)
	o.mu.Unlock()
	if now {
		o.flush()
		return
	}
	select {
	case o.more <- struct{}{}:
	default: // there is one
	}
}

func (o *outlet) run() {
	for range o.more {
		o.flush()
	}
}

// flush writes what there is. A connection that takes nothing holds up its own
// session only.
func (o *outlet) flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.replies) > 0 && !o.broken {
		_, err := o.conn.Write(o.replies)
		if o.broken = err != nil; o.broken {
			o.conn.Close()
		}
	}
	o.replies = o.replies[:0]
}
