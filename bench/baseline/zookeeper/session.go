package zookeeper

import (
	"encoding/binary"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-zookeeper/zk"

	"raftzab/bench"
	"raftzab/bench/kv"
	"raftzab/protocols"
)

const (
	sessionTimeout = 10 * time.Second     // longer than any restart of a server
	knock          = 2 * time.Millisecond // between two tries to connect; as far apart as probes
	queueLength    = 1024                 // of requests that wait for the one before them to be sent
)

// A session is one client's go-zookeeper/zk connection, pinned to one server.
//
// Submitting never waits. While there is no connection a request is refused at
// once, rather than kept until there is one, as the library would do. The
// library's calls wait for their answers, so each request has a goroutine, but
// the next begins only when the one before it has been written to the socket:
// requests stay in order, many can be under way, and one that fails tells
// whether it had been sent (its fate is unknown) or not (it had no effect).
type session struct {
	node    protocols.NodeID
	in      *inbox
	client  *zk.Conn
	server  *pinned
	queue   chan *attempt
	up      atomic.Bool             // the server has accepted the session
	sending atomic.Pointer[attempt] // it is with the library and not all written yet

	period uint32 // belongs to Run's goroutine: replies to requests of earlier periods are dropped
}

// An attempt is a request at a server.
type attempt struct {
	session *session
	period  uint32 // session.period when it was submitted
	request bench.Request
	packets int           // still to be written; belongs to the socket's writer
	begun   atomic.Bool   // something of it was written
	written chan struct{} // closed when all was
	over    chan struct{} // closed when the library has returned and the reply is sent
	ended   atomic.Bool
}

// A dialer opens a connection to the server that it stands for.
type dialer func(timeout time.Duration) (net.Conn, error)

func newSession(node protocols.NodeID, dial dialer, gate *gate, in *inbox) (*session, error) {
	s := &session{node: node, in: in, queue: make(chan *attempt, queueLength)}
	s.server = &pinned{open: dial, gate: gate, session: s}
	var err error
	if s.client, err = s.server.connect(s.event); err != nil {
		return nil, fmt.Errorf("zookeeper: a client of server %d: %w", node, err)
	}
	go s.pump()
	return s, nil
}

// submit takes a request, and does not wait.
func (s *session) submit(r bench.Request) {
	a := &attempt{session: s, period: s.period, request: r, packets: 1, written: make(chan struct{}), over: make(chan struct{})}
	if r.Op == kv.Get && r.Mode == protocols.ReadSync {
		a.packets = 2
	}
	if !s.up.Load() {
		a.end(bench.Reply{Outcome: bench.Refused})
		return
	}
	select {
	case s.queue <- a:
	default:
		a.end(bench.Reply{Outcome: bench.Refused})
	}
}

// pump hands one request after the other to the library.
func (s *session) pump() {
	before := make(chan struct{}) // the over of the request before
	close(before)
	for a := range s.queue {
		s.sending.Store(a)
		if !s.up.Load() { // looked at after the store, as event does it the other way round: one of the two sees the other
			s.sending.Store(nil)
			a.end(bench.Reply{Outcome: bench.Refused})
			continue
		}
		go a.run(before)
		before = a.over
		select {
		case <-a.written:
		case <-a.over:
		}
		s.sending.Store(nil)
	}
}

// event follows the library's connection.
func (s *session) event(e zk.Event) {
	if e.State == zk.StateHasSession {
		s.up.Store(true)
		s.server.gate.open()
		return
	}
	if e.Type != zk.EventSession || !s.up.Swap(false) {
		return
	}
	s.server.gate.close()
	// What is under way the library ends itself. What it has taken and not
	// begun to write it keeps for its next connection, so its fate is open.
	if a := s.sending.Load(); a != nil {
		a.end(bench.Reply{Outcome: bench.Unknown})
	}
	for {
		select {
		case a := <-s.queue:
			if a == nil {
				return // closed
			}
			a.end(bench.Reply{Outcome: bench.Refused})
		default:
			return
		}
	}
}

// run makes the library's calls and waits for the answer. Answers arrive in the
// order of the requests; the goroutines that wait for them may not wake in it.
func (a *attempt) run(before <-chan struct{}) {
	defer close(a.over)
	r, err := a.call()
	<-before
	if err == nil {
		a.end(r)
	} else if a.begun.Load() {
		a.end(bench.Reply{Outcome: bench.Unknown})
	} else {
		a.end(bench.Reply{Outcome: bench.Refused})
	}
}

func (a *attempt) call() (bench.Reply, error) {
	client, path := a.session.client, path(a.request.Key)
	if a.request.Op == kv.Put {
		stat, err := client.Set(path, content(&a.request.Command), -1)
		if err != nil {
			return bench.Reply{}, err
		}
		return bench.Reply{At: zxid(stat.Mzxid), Version: uint64(stat.Version)}, nil
	}
	if a.request.Mode == protocols.ReadSync {
		if _, err := client.Sync(path); err != nil {
			return bench.Reply{}, err
		}
	}
	data, stat, err := client.Get(path)
	if err != nil {
		return bench.Reply{}, err
	}
	// The library keeps the reply's zxid to itself. The zxid of the write that
	// was read is not after it, and for this key the state is the same.
	r := bench.Reply{At: zxid(stat.Mzxid), Version: uint64(stat.Version)}
	if len(data) >= 8 {
		r.Value = binary.BigEndian.Uint64(data)
	}
	return r, nil
}

// end sends the reply, once.
func (a *attempt) end(r bench.Reply) {
	if a.ended.Swap(true) {
		return
	}
	r.ID, r.Node = a.request.ID, a.session.node
	a.session.in.put(happening{session: a.session, period: a.period, reply: r})
}

// forget drops the replies to all that is under way.
func (s *session) forget() { s.period++ }

// close ends the session at the server, if that takes at most a second. The
// library's own goroutines end with it.
func (s *session) close() {
	s.server.closed.Store(true)
	s.up.Store(false)
	s.client.Close()
	s.server.hangUp()
	close(s.queue)
}

func path(key uint32) string { return fmt.Sprintf("/k%d", key) }

// content is a znode's data: the value, and zeros up to the payload's size.
func content(c *protocols.Command) []byte {
	data := make([]byte, max(8, c.Size))
	binary.BigEndian.PutUint64(data, c.Value)
	return data
}

// A pinned host provider always names the same server. The library's own makes
// it sleep for a second whenever all servers have failed once, which would be
// seen as an outage.
type pinned struct {
	open    dialer
	gate    *gate    // of the server
	session *session // nil for a client that nobody watches
	closed  atomic.Bool
	last    time.Time // only the library's loop comes here

	mu   sync.Mutex
	conn net.Conn
}

// connect makes the library's client; watch, unless nil, follows its connection.
func (p *pinned) connect(watch zk.EventCallback) (*zk.Conn, error) {
	c, _, err := zk.Connect([]string{nameless}, sessionTimeout, zk.WithHostProvider(p), zk.WithDialer(p.dial),
		zk.WithEventCallback(watch), zk.WithLogger(silent{}), zk.WithLogInfo(false))
	return c, err
}

// The library wants a name for a server, and only hands it to the dialer.
const nameless = "pinned"

func (p *pinned) Init([]string) error { return nil }
func (p *pinned) Len() int            { return 1 }
func (p *pinned) Connected()          {}

// Next says after close that all servers have failed: this is where the
// library looks whether it shall end.
func (p *pinned) Next() (server string, allFailed bool) {
	if wait := knock - time.Since(p.last); wait > 0 {
		time.Sleep(wait)
	}
	p.gate.wait()
	p.last = time.Now()
	return nameless, p.closed.Load()
}

func (p *pinned) dial(_, _ string, timeout time.Duration) (net.Conn, error) {
	if p.closed.Load() {
		return nil, net.ErrClosed
	}
	c, err := p.open(timeout)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	p.conn = c
	p.mu.Unlock()
	return &watched{Conn: c, session: p.session}, nil
}

// hangUp breaks the connection.
func (p *pinned) hangUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conn != nil {
		p.conn.Close()
	}
}

// Of the packets that the library writes, those that are requests of ours
// (ZooDefs.OpCode).
const (
	opGetData = 4
	opSetData = 5
	opSync    = 9
)

// A watched connection notes when the packets of a request are written. The
// library writes one packet a call: length, xid, opcode, body. The first on a
// connection has no opcode: it asks for the session.
type watched struct {
	net.Conn
	session *session
	greeted bool
}

func (w *watched) Write(packet []byte) (int, error) {
	if !w.greeted || w.session == nil || len(packet) < 12 {
		w.greeted = true
		return w.Conn.Write(packet)
	}
	a := w.session.sending.Load()
	switch binary.BigEndian.Uint32(packet[8:]) {
	case opGetData, opSetData, opSync:
	default:
		a = nil
	}
	if a != nil {
		a.begun.Store(true) // before: a write that fails may have sent something
	}
	n, err := w.Conn.Write(packet)
	if a != nil {
		if a.packets--; a.packets == 0 {
			close(a.written)
		}
	}
	return n, err
}

type silent struct{}

func (silent) Printf(string, ...any) {}
