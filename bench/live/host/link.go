package host

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"raftzab/bench/live/clock"
	"raftzab/bench/live/wire"
	"raftzab/protocols"
)

// A link is one node's half of what connects it with a peer: a queue, and at most
// one stream. A node calls when its life begins, so that no later message waits for
// a handshake, and when it has something to say and there is no stream; both
// directions share the connection. What the other end of the contract needs is this:
//
//  1. A stream carries messages only after Hello and Welcome, so both ends know of
//     each other's life: nothing of one life reaches another.
//  2. A stream that breaks is reported once, behind all that came on it, and before
//     anything that comes on the next.
//  3. What the replica sent before it heard of the break is lost with the stream: the
//     queue, and all that is sent until then (mourning).
//  4. When both call at once, the call of the greater number wins. Calls are counted:
//     one that was taken back, and whose Hello comes nevertheless, is void.
type link[M Message] struct {
	h    *host[M]
	peer protocols.NodeID

	pending []parcel[M] // sent in this turn; belongs to the owner

	mu       sync.Mutex
	queue    []parcel[M]
	bytes    int // in the queue, or on their way from it to the socket
	stream   *stream[M]
	call     *call  // our own, if one is under way
	calls    uint64 // how many there were
	mourning int    // breaks that have been reported and that the replica has not heard of
	life     uint64 // the latest of the peer's that has called or been reached
	void     uint64 // its calls up to here have been answered, or were taken back
}

// A parcel is a message in a queue.
type parcel[M Message] struct {
	msg   M
	chunk []byte
	size  int
}

// A call is an attempt to reach the peer. It has no time limit of its own: TCP
// repeats its SYN, and messages wait.
type call struct {
	ctx    context.Context
	cancel context.CancelFunc
	conn   *net.TCPConn // once the peer's kernel has answered
	since  int64        // and when that was
	number uint64
}

const (
	mostQueued = 64 << 20               // bytes for one peer; a queue that is longer breaks the stream
	afterBusy  = 100 * time.Millisecond // until we call again where the peer has said that it calls, and does not
)

func newLinks[M Message](h *host[M]) []*link[M] {
	var links []*link[M]
	for id := range h.cfg.Peers {
		for int(id) >= len(links) {
			links = append(links, nil)
		}
		if id != h.cfg.ID {
			links[id] = &link[M]{h: h, peer: id}
		}
	}
	return links
}

// send moves what is pending into the queue, and sees to it that the queue goes out.
func (l *link[M]) send() {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.mourning > 0: // lost, like all on that stream
	case l.stream == nil && l.call == nil:
		l.enqueue()
		l.begin()
	default:
		l.enqueue()
		if l.bytes > mostQueued {
			l.h.log("node %d: %d bytes wait for node %d: the stream breaks", l.h.cfg.ID, l.bytes, l.peer)
			if l.stream != nil {
				l.stream.conn.Close() // its reader does the rest
			} else {
				l.lose() // the call may go on
			}
		} else if l.stream != nil {
			l.stream.wake()
		}
	}
	clear(l.pending)
	l.pending = l.pending[:0]
}

func (l *link[M]) enqueue() {
	for i := range l.pending {
		l.bytes += l.pending[i].size
	}
	l.queue = append(l.queue, l.pending...)
}

// lose drops what waits, and has the replica told.
func (l *link[M]) lose() {
	clear(l.queue)
	l.queue, l.bytes = l.queue[:0], 0
	l.mourning++
	l.h.in.arrive(arrival[M]{from: l.peer, broke: true})
}

// mourned is called when the replica hears of the break: what it sends from now on
// is for the next stream.
func (l *link[M]) mourned() {
	clear(l.pending)
	l.pending = l.pending[:0]
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mourning--
}

// --- calling

// greet calls the peer before there is anything to say.
func (l *link[M]) greet() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stream == nil && l.call == nil {
		l.begin()
	}
}

// begin starts a call.
func (l *link[M]) begin() {
	l.calls++
	c := &call{number: l.calls}
	c.ctx, c.cancel = context.WithCancel(l.h.ctx)
	l.call = c
	l.h.goes(func() { l.dial(c) })
}

// dial is a call from its beginning to the end of the stream that it leads to.
func (l *link[M]) dial(c *call) {
	defer c.cancel()
	own, at := l.h.cfg.Peers[l.h.cfg.ID].Addr(), l.h.cfg.Peers[l.peer]
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: own.AsSlice(), Zone: own.Zone()}, KeepAlive: -1}
	var conn net.Conn
	for {
		var err error
		if conn, err = dialer.DialContext(c.ctx, "tcp", at.String()); err == nil {
			break
		}
		if timeout := net.Error(nil); c.ctx.Err() == nil && errors.As(err, &timeout) && timeout.Timeout() {
			continue // the kernel has given up; we do not
		}
		l.failed(c)
		return
	}
	tcp := conn.(*net.TCPConn)
	if !l.h.keep(tcp) {
		return
	}
	defer l.h.close(tcp)
	if !l.reached(c, tcp) {
		return
	}
	r := wire.NewReader(tcp, streamBuffer)
	hello := wire.Hello{From: l.h.cfg.ID, Life: l.h.life, Call: c.number}
	if _, err := tcp.Write(wire.AppendFrame(nil, wire.TypeHello, wire.AppendHello, hello)); err != nil {
		l.failed(c)
		return
	}
	switch t, body, err := r.Next(); {
	case err == nil && t == wire.TypeBusy:
		l.wait(c)
	case err == nil && t == wire.TypeWelcome:
		if w, err := wire.ParseWelcome(body); err != nil {
			l.failed(c)
		} else if s := l.welcomed(c, w); s != nil {
			s.run(r)
		}
	default:
		l.failed(c)
	}
}

// reached notes that the peer's kernel has answered; false: the call was taken back.
func (l *link[M]) reached(c *call, conn *net.TCPConn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.call != c {
		return false
	}
	c.conn, c.since = conn, clock.Monotonic()
	return true
}

// failed ends a call that nobody takes: the peer's kernel refuses it, or the peer has
// died over it. Where nothing waits, nothing is lost, and the replica need not know.
func (l *link[M]) failed(c *call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.call == c && l.h.ctx.Err() == nil {
		l.call = nil
		if len(l.queue) > 0 {
			l.lose()
		}
	}
}

// wait ends a call for which the peer was busy with its own to us. That one has gone
// as far as our kernel, so it comes at once, or something is wrong with it.
func (l *link[M]) wait(c *call) {
	select {
	case <-time.After(afterBusy):
	case <-c.ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.call == c && l.h.ctx.Err() == nil {
		l.begin()
	}
}

// welcomed turns a call into a stream; nil: it was taken back.
func (l *link[M]) welcomed(c *call, w wire.Welcome) *stream[M] {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.call != c {
		return nil
	}
	l.call = nil
	if w.Life < l.life { // of a life that is over
		l.lose()
		return nil
	}
	l.life, l.void = w.Life, w.Calls
	l.stream = newStream(l, c.conn)
	return l.stream
}

// --- being called

// answer looks after a connection that another node has opened, until it ends.
func (h *host[M]) answer(conn *net.TCPConn) {
	r := wire.NewReader(conn, streamBuffer)
	t, body, err := r.Next()
	if err != nil || t != wire.TypeHello {
		return
	}
	hello, err := wire.ParseHello(body)
	if err != nil || int(hello.From) >= len(h.links) || h.links[hello.From] == nil {
		h.log("node %d: a stranger says hello: node %d, %v", h.cfg.ID, hello.From, err)
		return
	}
	l := h.links[hello.From]
	s, busy := l.called(hello, conn)
	switch {
	case busy:
		conn.Write(wire.AppendFrame(nil, wire.TypeBusy, nil, 0))
	case s != nil:
		s.run(r)
	}
}

// called decides on a peer's call: a stream, or none. It waits for the end of the
// stream before.
func (l *link[M]) called(hello wire.Hello, conn *net.TCPConn) (s *stream[M], busy bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.isVoid(hello) {
		return nil, false
	}
	if l.wins(hello) {
		return nil, true
	}
	l.giveWay()
	l.life, l.void = hello.Life, hello.Call
	for l.stream != nil {
		old := l.stream
		old.conn.Close()
		l.mu.Unlock()
		<-old.over
		l.mu.Lock()
		if l.life != hello.Life || l.void != hello.Call {
			return nil, false // meanwhile it has called again
		}
	}
	if l.wins(hello) { // by a call that was begun meanwhile
		return nil, true
	}
	l.giveWay()
	l.stream = newStream(l, conn)
	welcome := wire.Welcome{Life: l.h.life, Calls: l.calls}
	l.stream.first = wire.AppendFrame(nil, wire.TypeWelcome, wire.AppendWelcome, welcome)
	return l.stream, false
}

// wins reports whether our own call goes before the peer's: it has got as far as the
// peer's kernel, in the life that calls, and ours is the greater number. There it is
// answered; and the peer, whose number is the lesser, gives way.
func (l *link[M]) wins(hello wire.Hello) bool {
	return l.call != nil && l.call.conn != nil && l.h.cfg.ID > l.peer && hello.Life < uint64(l.call.since)
}

// giveWay takes our own call back, if there is one.
func (l *link[M]) giveWay() {
	if l.call != nil {
		l.call.cancel()
		if l.call.conn != nil {
			l.call.conn.Close()
		}
		l.call = nil
	}
}

// isVoid reports whether a call is of a life that is over, or was answered or taken
// back.
func (l *link[M]) isVoid(hello wire.Hello) bool {
	return hello.Life < l.life || hello.Life == l.life && hello.Call <= l.void
}
