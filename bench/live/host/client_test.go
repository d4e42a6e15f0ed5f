//go:build linux

package host

import (
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"raftzab/bench"
	"raftzab/bench/kv"
	"raftzab/bench/live/wire"
	"raftzab/bench/random"
	"raftzab/protocols"
)

func write(session, seq, key uint32, value uint64) bench.Request {
	return bench.Request{Command: protocols.Command{ID: protocols.RequestID{Session: session, Seq: seq}, Key: key, Value: value, Op: kv.Put}}
}

func read(session, seq, key uint32, mode protocols.ReadMode) bench.Request {
	r := write(session, seq, key, 0)
	r.Op, r.Mode = kv.Get, mode
	return r
}

// A plug is a client's connection, frame by frame.
type plug struct {
	t    *testing.T
	conn net.Conn
	r    *wire.Reader
}

func (e *ensemble) plug(id protocols.NodeID) *plug {
	e.t.Helper()
	conn, err := e.net.Dial(id, clientPort, patience)
	if err != nil {
		e.t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(patience))
	e.t.Cleanup(func() { conn.Close() })
	return &plug{e.t.(*testing.T), conn, wire.NewReader(conn, 64)}
}

func (p *plug) sends(rs ...bench.Request) {
	p.t.Helper()
	var b []byte
	for _, r := range rs {
		b = wire.AppendFrame(b, wire.TypeRequest, wire.AppendRequest, r)
	}
	if _, err := p.conn.Write(b); err != nil {
		p.t.Fatal(err)
	}
}

func (p *plug) gets() bench.Reply {
	p.t.Helper()
	kind, body, err := p.r.Next()
	if err != nil || kind != wire.TypeReply {
		p.t.Fatalf("a %v, %v", kind, err)
	}
	r, err := wire.ParseReply(body)
	if err != nil {
		p.t.Fatal(err)
	}
	return r
}

func (p *plug) ends() {
	p.t.Helper()
	if kind, _, err := p.r.Next(); err != io.EOF && !isReset(err) {
		p.t.Fatalf("a %v, %v; want the end", kind, err)
	}
}

// A client may send many requests before it reads: answers come in their order, and a
// read sees the writes before it.
func TestRequestsOfASessionAreAnsweredInOrder(t *testing.T) {
	both(t, func(t *testing.T, protocol string) {
		e := newEnsemble(t, protocol, nil)
		e.start(e.all()...)
		p := e.plug(e.leader())
		var rs []bench.Request
		const n = 300
		for i := uint32(1); i <= n; i++ {
			if i%3 == 0 {
				rs = append(rs, read(1, i, 1, protocols.ReadLocal))
			} else {
				rs = append(rs, write(1, i, 1, uint64(i)))
			}
		}
		p.sends(rs...)
		var version, value uint64
		for i := uint32(1); i <= n; i++ {
			if i%3 != 0 {
				version, value = version+1, uint64(i)
			}
			if r := p.gets(); r.ID.Seq != i || r.Outcome != bench.OK || r.Version != version || r.Value != value {
				t.Fatalf("request %d: %+v; want version %d, value %d", i, r, version, value)
			}
		}
	})
}

// A session that comes back on a new connection leaves what it asked for on the old
// one behind: no answer to that comes any more, anywhere.
func TestANewConnectionTakesTheSessionOver(t *testing.T) {
	e := newEnsemble(t, "raft", nil)
	e.start(1) // alone it answers no write, and keeps nobody from asking
	for _, k := range []func(old, next *plug){
		func(old, next *plug) { // while the old one stands
			old.sends(read(1, 1, 1, protocols.ReadLocal))
			old.gets()
			next.sends(read(1, 2, 1, protocols.ReadLocal))
			next.gets()
			old.ends()
		},
		func(old, next *plug) { // and we hear of the new one first
			next.sends(read(3, 2, 1, protocols.ReadLocal))
			next.gets()
			old.sends(read(3, 1, 1, protocols.ReadLocal))
			old.ends()
			next.sends(read(3, 3, 1, protocols.ReadLocal))
			next.gets()
		},
		func(old, next *plug) { // behind it
			old.sends(read(2, 1, 1, protocols.ReadLocal))
			old.gets()
			old.conn.Close()
			next.sends(read(2, 2, 1, protocols.ReadLocal), read(2, 3, 1, protocols.ReadLocal))
			if a, b := next.gets(), next.gets(); a.ID.Seq != 2 || b.ID.Seq != 3 {
				t.Errorf("%+v, %+v", a, b)
			}
		},
	} {
		k(e.plug(1), e.plug(1))
	}
}

// The node forgets a session whose connection is gone; what it had asked for may
// still take effect, and is answered to nobody.
func TestAClosedConnectionIsForgotten(t *testing.T) {
	e := newEnsemble(t, "raft", nil)
	e.start(e.all()...)
	leader := e.leader()
	for _, id := range e.all() { // so that the answer has to wait
		e.command(id, wire.AppendFrame(nil, wire.TypeDisk, wire.AppendDisk, wire.Disk{Fsync: slowly}))
	}
	p := e.plug(leader)
	p.sends(write(1, 1, 1, 11))
	p.conn.Close()
	next := e.plug(leader)
	next.sends(write(1, 2, 1, 22))
	if r := next.gets(); r.ID.Seq != 2 { // whatever it says: a busy machine may have lost its leader
		t.Errorf("%+v; an answer to the connection before", r)
	}
}

// Whatever comes from a client, the node lives and serves the others.
func TestNonsenseFromClientsEndsTheirConnectionsOnly(t *testing.T) {
	e := newEnsemble(t, "zab", nil)
	e.start(e.all()...)
	leader := e.leader()
	good := e.plug(leader)
	good.sends(write(1, 1, 1, 1))
	good.gets()
	for name, b := range map[string][]byte{
		"no frame":          {255, 255, 255, 255, 255, 255},
		"another frame":     wire.AppendFrame(nil, wire.TypeHello, wire.AppendHello, wire.Hello{From: 1, Life: 1, Call: 1}),
		"half a request":    {0, 0, 0, 3, byte(wire.TypeRequest), 0, 0, 0},
		"another's session": append(wire.AppendFrame(nil, wire.TypeRequest, wire.AppendRequest, read(7, 1, 1, 0)), wire.AppendFrame(nil, wire.TypeRequest, wire.AppendRequest, write(1, 2, 1, 5))...),
	} {
		t.Run(name, func(t *testing.T) {
			bad := e.plug(leader)
			bad.t = t
			if _, err := bad.conn.Write(b); err != nil {
				t.Fatal(err)
			}
			bad.ends()
		})
	}
	good.sends(write(1, 2, 1, 2))
	if r := good.gets(); r.Outcome != bench.OK || r.Version != 2 {
		t.Errorf("%+v", r)
	}
}

// Who asks and does not read the answers is cut off.
func TestAClientThatDoesNotReadIsCutOff(t *testing.T) {
	x := newStage(t, &script{}) // every write is refused at once
	x.peer()                    // it is up
	conn, err := dialOnce(x.clients)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.(*net.TCPConn).SetReadBuffer(4 << 10)
	asksUntilCutOff(t, conn, func(asked int) {
		for answered := 0; answered < asked; {
			select {
			case call := <-x.told:
				n := 0
				fmt.Sscanf(call, "propose %d", &n)
				answered += n
			case <-time.After(300 * time.Millisecond):
				return // it may be cut off already
			}
		}
	})
}

// Who asks for more than can be answered is cut off, too.
func TestAClientThatAsksWithoutEndIsCutOff(t *testing.T) {
	e := newEnsemble(t, "raft", nil)
	e.start(1, 2)
	leader := e.leader()
	for _, id := range []protocols.NodeID{1, 2} {
		e.command(id, wire.AppendFrame(nil, wire.TypeDisk, wire.AppendDisk, wire.Disk{Fsync: random.Always(3600 * 1000 * ms)}))
	}
	p := e.plug(leader)
	go io.Copy(io.Discard, p.conn) // it reads well
	asksUntilCutOff(t, p.conn, func(int) {})
}

// asksUntilCutOff sends many requests at a time, and waits for goOn in between.
func asksUntilCutOff(t *testing.T, conn net.Conn, goOn func(asked int)) {
	t.Helper()
	const many = 1000
	for seq := uint32(1); seq < 10*mostOwed; {
		var b []byte
		for range many {
			b = wire.AppendFrame(b, wire.TypeRequest, wire.AppendRequest, write(1, seq, 1, 1))
			seq++
		}
		if _, err := conn.Write(b); err != nil {
			return
		}
		goOn(many)
	}
	t.Error("many requests, and no end")
}

// slowly is an fsync that is far longer than a client's way to the node, and far
// shorter than an election timeout.
var slowly = random.Always(50 * ms)
