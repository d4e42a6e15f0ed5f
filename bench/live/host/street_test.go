//go:build linux

package host

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"raftzab/bench/live/clock"
	"raftzab/bench/live/lan"
	"raftzab/bench/live/wire"
	"raftzab/protocols"
)

// A note is a message for tests of streams alone.
type note struct{ epoch, seq uint32 }

func (note) Kind() uint8            { return 0 }
func (note) Size() int              { return 8 }
func (note) Chunk() protocols.Chunk { return protocols.Chunk{} }
func (n note) String() string       { return fmt.Sprintf("%d.%d", n.epoch, n.seq) }

func (n note) AppendBinary(b []byte) ([]byte, error) {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, n.epoch), n.seq), nil
}

func parseNote(b []byte) (note, error) {
	s := protocols.Scan(b)
	n := note{s.Uint32(), s.Uint32()}
	return n, s.Done()
}

// A street is a net in which hosts without a node live: the test is the owner.
type street struct {
	t     *testing.T
	peers map[protocols.NodeID]netip.AddrPort
}

func newStreet(t *testing.T) *street {
	t.Helper()
	net, err := lan.Loopback(3)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { net.Close() })
	s := &street{t, map[protocols.NodeID]netip.AddrPort{}}
	for id := range protocols.NodeID(3) {
		s.peers[id+1] = netip.AddrPortFrom(net.Address(id+1), peerPort)
	}
	return s
}

// host begins a life. heard is what its owner has taken in: "2: 1.7", "2 broke".
type bare struct {
	*host[note]
	t     *testing.T
	heard []string
}

func (s *street) host(id protocols.NodeID) *bare {
	s.t.Helper()
	h := &host[note]{life: uint64(clock.Monotonic()), closers: make(map[io.Closer]bool)}
	h.cfg = Config[note]{Settings: Settings{ID: id, Peers: s.peers}, Parse: parseNote}
	h.in.ready = make(chan struct{}, 1)
	h.ctx, h.stop = context.WithCancel(context.Background())
	h.links = newLinks(h)
	l, err := h.open(s.peers[id], "nodes")
	if err != nil {
		s.t.Fatal(err)
	}
	h.goes(func() { h.accept(l, func(conn *net.TCPConn, _ int) { h.answer(conn) }) })
	s.t.Cleanup(func() { h.end(nil) })
	return &bare{host: h, t: s.t}
}

func (b *bare) send(to protocols.NodeID, ns ...note) {
	l := b.links[to]
	for _, n := range ns {
		l.pending = append(l.pending, parcel[note]{msg: n, size: n.Size()})
	}
	l.send()
}

// turn takes what has come, and returns it.
func (b *bare) turn() []arrival[note] {
	b.in.take(&b.batch)
	if b.batch.err != nil {
		b.t.Errorf("node %d: %v", b.cfg.ID, b.batch.err)
	}
	for _, a := range b.batch.arrivals {
		if a.broke {
			b.links[a.from].mourned()
			b.heard = append(b.heard, fmt.Sprintf("%d broke", a.from))
		} else {
			b.heard = append(b.heard, fmt.Sprintf("%d: %v", a.from, a.msg))
		}
	}
	return b.batch.arrivals
}

// hears waits until the owner has heard just this.
func (b *bare) hears(want ...string) {
	b.t.Helper()
	for begin := time.Now(); len(b.heard) < len(want); {
		select {
		case <-b.in.ready:
			b.turn()
		case <-time.After(patience - time.Since(begin)):
			b.t.Fatalf("node %d has heard %q only, want %q", b.cfg.ID, b.heard, want)
		}
	}
	if !slices.Equal(b.heard, want) {
		b.t.Fatalf("node %d has heard %q, want %q", b.cfg.ID, b.heard, want)
	}
	b.heard = b.heard[:0]
}

// A puppet is a peer that the test plays byte by byte.
type puppet struct {
	t    *testing.T
	conn net.Conn
	r    *wire.Reader
}

// calls opens a connection to a node.
func (s *street) calls(to protocols.NodeID) *puppet {
	s.t.Helper()
	conn, err := net.DialTimeout("tcp", s.peers[to].String(), patience)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.puppet(conn)
}

func (s *street) puppet(conn net.Conn) *puppet {
	s.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return &puppet{s.t, conn, wire.NewReader(conn, 64)}
}

// port is where a puppet is called.
func (s *street) port(id protocols.NodeID) *net.TCPListener {
	s.t.Helper()
	l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(s.peers[id]))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { l.Close() })
	l.SetDeadline(time.Now().Add(patience))
	return l
}

func (s *street) called(l *net.TCPListener) *puppet {
	s.t.Helper()
	conn, err := l.Accept()
	if err != nil {
		s.t.Fatal(err)
	}
	return s.puppet(conn)
}

func (p *puppet) says(frame []byte) {
	p.t.Helper()
	if _, err := p.conn.Write(frame); err != nil {
		p.t.Fatal(err)
	}
}

func (p *puppet) hello(from protocols.NodeID, life, call uint64) {
	p.t.Helper()
	p.says(wire.AppendFrame(nil, wire.TypeHello, wire.AppendHello, wire.Hello{From: from, Life: life, Call: call}))
}

func (p *puppet) welcome(life, calls uint64) {
	p.t.Helper()
	p.says(wire.AppendFrame(nil, wire.TypeWelcome, wire.AppendWelcome, wire.Welcome{Life: life, Calls: calls}))
}

func (p *puppet) note(epoch, seq uint32) {
	p.t.Helper()
	b, _ := wire.AppendMessage(nil, note{epoch, seq}.AppendBinary, nil)
	p.says(b)
}

// hears compares the next frames; "end" is the end of the connection.
func (p *puppet) hears(want ...string) {
	p.t.Helper()
	for _, w := range want {
		kind, body, err := p.r.Next()
		got := fmt.Sprint(err)
		switch {
		case err == io.EOF || errors.Is(err, net.ErrClosed) || err != nil && isReset(err):
			got = "end"
		case err != nil:
		case kind == wire.TypeHello:
			h, err := wire.ParseHello(body)
			got = fmt.Sprintf("hello of %d, call %d %v", h.From, h.Call, err)
		case kind == wire.TypeWelcome:
			w, err := wire.ParseWelcome(body)
			got = fmt.Sprintf("welcome, calls %d %v", w.Calls, err)
		case kind == wire.TypeMessage:
			n, err := parseNote(body)
			got = fmt.Sprintf("%v %v", n, err)
		default:
			got = kind.String() + " <nil>"
		}
		if w != "end" {
			w += " <nil>"
		}
		if got != w {
			p.t.Fatalf("the peer hears %q, want %q", got, w)
		}
	}
}

func isReset(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && !op.Timeout()
}

func now() uint64 { return uint64(clock.Monotonic()) }

func dialOnce(to netip.AddrPort) (net.Conn, error) {
	return net.DialTimeout("tcp", to.String(), patience)
}
