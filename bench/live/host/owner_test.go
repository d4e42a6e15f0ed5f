//go:build linux

package host

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"raftzab/bench"
	"raftzab/bench/live/wire"
	"raftzab/protocols"
)

// A script is a replica that tells which calls it gets, and does in them what the
// test has put there.
type script struct {
	told chan string
	does func(call string, now protocols.Time, out *protocols.Output[note])
	wake protocols.Time // the deadline, which every call sets anew
}

func (s *script) call(now protocols.Time, out *protocols.Output[note], format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if s.does != nil {
		s.does(text, now, out)
	}
	out.Wake = s.wake
	s.told <- text
}

func (s *script) Wake(now protocols.Time, out *protocols.Output[note]) { s.call(now, out, "wake") }
func (s *script) Receive(now protocols.Time, from protocols.NodeID, m note, out *protocols.Output[note]) {
	s.call(now, out, "receive %v from %d", m, from)
}
func (s *script) Disconnected(now protocols.Time, peer protocols.NodeID, out *protocols.Output[note]) {
	s.call(now, out, "disconnected %d", peer)
}
func (s *script) Propose(now protocols.Time, cs []protocols.Command, out *protocols.Output[note]) {
	for _, c := range cs {
		out.Refused = append(out.Refused, protocols.Refusal{ID: c.ID})
	}
	s.call(now, out, "propose %d", len(cs))
}
func (s *script) Read(now protocols.Time, id protocols.RequestID, _ protocols.ReadMode, out *protocols.Output[note]) {
	s.call(now, out, "read %d.%d", id.Session, id.Seq)
}
func (s *script) Persisted(now protocols.Time, seq uint64, out *protocols.Output[note]) {
	s.call(now, out, "persisted %d", seq)
}
func (s *script) Compact(now protocols.Time, x protocols.Snapshot, out *protocols.Output[note]) {
	s.call(now, out, "compact %v", x.At)
}
func (s *script) Status() protocols.Status { return protocols.Status{} }

// A stage is a node with a script in it, between a peer and clients that the test plays.
type stage struct {
	*script
	*street
	t        *testing.T
	clients  netip.AddrPort
	commands io.Writer
}

func newStage(t *testing.T, s *script) *stage {
	t.Helper()
	x := &stage{script: s, street: newStreet(t), t: t}
	s.told = make(chan string, 1000)
	x.clients = netip.AddrPortFrom(x.peers[2].Addr(), clientPort)
	r, w := io.Pipe()
	x.commands = w
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() {
		over <- Serve(ctx, Config[note]{Settings: Settings{ID: 2, Peers: x.peers, Clients: x.clients, Dir: t.TempDir(), Images: 1}, Parse: parseNote, Commands: r,
			New: func(protocols.Recovered, *rand.Rand) protocols.Replica[note] { return s }})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-over; err != nil {
			t.Error(err)
		}
		w.Close()
	})
	x.expect("wake")
	return x
}

func (x *stage) expect(want ...string) {
	x.t.Helper()
	for i, w := range want {
		select {
		case got := <-x.told:
			if got != w {
				x.t.Fatalf("call %d is %q, want %q", i, got, want)
			}
		case <-time.After(patience):
			x.t.Fatalf("call %d does not come; want %q", i, want)
		}
	}
}

// peer makes node 3 of the test, with a stream.
func (x *stage) peer() *puppet {
	x.t.Helper()
	var p *puppet
	for begin := time.Now(); p == nil; time.Sleep(time.Millisecond) { // until the port is open
		if conn, err := dialOnce(x.peers[2]); err == nil {
			p = x.puppet(conn)
		} else if time.Since(begin) > patience {
			x.t.Fatal(err)
		}
	}
	p.hello(3, now(), 1)
	p.hears("welcome, calls 1")
	return p
}

// A message to oneself comes back right after the call, before any other input.
func TestMessagesToOneselfComeBackFirst(t *testing.T) {
	x := newStage(t, &script{does: func(call string, _ protocols.Time, out *protocols.Output[note]) {
		if strings.HasSuffix(call, "from 3") {
			out.Send(2, note{9, 1})
			out.Send(3, note{9, 2})
		} else if call == "receive 9.1 from 2" {
			out.Send(2, note{9, 3})
		}
	}})
	p := x.peer()
	a, _ := wire.AppendMessage(nil, note{1, 1}.AppendBinary, nil)
	a, _ = wire.AppendMessage(a, note{1, 2}.AppendBinary, nil)
	p.says(a)
	x.expect("receive 1.1 from 3", "receive 9.1 from 2", "receive 9.3 from 2", "receive 1.2 from 3", "receive 9.1 from 2", "receive 9.3 from 2")
	p.hears("9.2", "9.2")
	p.conn.Close()
	x.expect("disconnected 3")
}

// All that comes while the owner is at work is one batch, and all writes in it one
// Propose.
func TestWhatGathersIsOneBatch(t *testing.T) {
	busy, free := make(chan bool), make(chan bool)
	x := newStage(t, &script{does: func(call string, _ protocols.Time, out *protocols.Output[note]) {
		if call == "receive 1.1 from 3" {
			busy <- true
			<-free
		}
	}})
	p := x.peer()
	p.note(1, 1)
	<-busy
	var clients []*plug
	for session := uint32(1); session <= 20; session++ {
		conn, err := dialOnce(x.clients)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		c := &plug{t, conn, wire.NewReader(conn, 64)}
		c.sends(write(session, 1, 1, 1), write(session, 2, 1, 1), write(session, 3, 1, 1))
		clients = append(clients, c)
	}
	time.Sleep(50 * time.Millisecond) // if that is too short the test sees several batches
	free <- true
	x.expect("receive 1.1 from 3")
	batches := 0
	for n := 0; n < 60; batches++ {
		var more int
		if _, err := fmt.Sscanf(<-x.told, "propose %d", &more); err != nil {
			t.Fatal(err)
		}
		n += more
	}
	if batches > 20 {
		t.Errorf("60 writes of 20 clients came in %d batches", batches)
	}
	for _, c := range clients {
		for seq := uint32(1); seq <= 3; seq++ {
			if r := c.gets(); r.ID.Seq != seq || r.Outcome != bench.Refused {
				t.Errorf("%+v, want the refusal of %d", r, seq)
			}
		}
	}
}

// The writes of one turn share an fsync, which is reported once.
func TestWritesOfATurnShareAnFsync(t *testing.T) {
	seq := uint64(0)
	x := newStage(t, &script{does: func(call string, _ protocols.Time, out *protocols.Output[note]) {
		if strings.HasPrefix(call, "receive") {
			for range 5 {
				seq++
				out.Writes = append(out.Writes, protocols.Write{Seq: seq, Registers: protocols.Registers{seq}})
			}
		}
	}})
	p := x.peer()
	p.note(1, 1)
	x.expect("receive 1.1 from 3", "persisted 5")
	p.note(1, 2)
	x.expect("receive 1.2 from 3", "persisted 10")
}

// What the state machine has made durable is reported, unless a snapshot from
// elsewhere has overtaken it meanwhile.
func TestAnImageIsCompactedOnceItIsDurable(t *testing.T) {
	x := newStage(t, &script{does: func(call string, _ protocols.Time, out *protocols.Output[note]) {
		if call == "receive 1.1 from 3" {
			out.Committed = append(out.Committed, protocols.Entry{ID: protocols.EntryID{Epoch: 1, Index: 1}})
		}
	}})
	p := x.peer()
	p.note(1, 1)
	x.expect("receive 1.1 from 3", "compact 1.1")
}

// An alarm that is needed sooner than it was set for rings sooner, also where it is
// the clock that has changed. One that rings too early finds nothing to do.
func TestTheAlarmRingsWhenItIsNeeded(t *testing.T) {
	const hour = 3600 * 1000 * ms
	s := &script{}
	s.does = func(call string, now protocols.Time, _ *protocols.Output[note]) {
		switch {
		case call == "receive 1.1 from 3":
			s.wake = now + 20*ms
		case call == "wake" && s.wake != 0 && now < s.wake:
			t.Errorf("woken %v too early", time.Duration(s.wake-now))
			fallthrough
		case call == "wake":
			s.wake = now + hour
		}
	}
	x := newStage(t, s)
	p := x.peer()
	p.note(1, 1)
	x.expect("receive 1.1 from 3", "wake")
	if _, err := x.commands.Write(wire.AppendFrame(nil, wire.TypeClock, wire.AppendClock, wire.Clock{Skew: hour - 50*ms})); err != nil {
		t.Fatal(err)
	}
	x.expect("wake")
}
