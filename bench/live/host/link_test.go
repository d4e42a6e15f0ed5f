//go:build linux

package host

import (
	"context"
	"fmt"
	"testing"
	"time"

	"raftzab/bench/live/wire"
	"raftzab/protocols"
)

// Whoever sends first calls; the first message waits for the welcome, and the other
// direction takes the same connection.
func TestAStreamBeginsWithHelloAndWelcome(t *testing.T) {
	s := newStreet(t)
	port := s.port(2)
	h := s.host(1)
	h.send(2, note{1, 1})
	p := s.called(port)
	p.hears("hello of 1, call 1")
	h.send(2, note{1, 2})
	p.welcome(now(), 0)
	p.note(5, 5)
	p.hears("1.1", "1.2")
	h.hears("2: 5.5")
	h.send(2, note{1, 3})
	p.hears("1.3")
}

// A greeting opens the stream that the first message then finds; one that is refused
// is no news, and the first message calls again.
func TestAGreetingGoesBeforeTheFirstMessage(t *testing.T) {
	s := newStreet(t)
	h := s.host(1)
	h.links[2].greet()
	for begin := time.Now(); h.calling(2); time.Sleep(time.Millisecond) { // nobody listens yet
		if time.Since(begin) > patience {
			t.Fatal("a call that is refused goes on")
		}
	}
	port := s.port(2)
	h.links[2].greet()
	h.links[2].greet() // one call is enough
	p := s.called(port)
	p.hears("hello of 1, call 2")
	p.welcome(now(), 0)
	h.send(2, note{1, 1})
	p.hears("1.1")
	p.note(5, 5)
	h.hears("2: 5.5")
}

func (b *bare) calling(peer protocols.NodeID) bool {
	l := b.links[peer]
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.call != nil
}

// A message that finds a greeting under way goes out with it, and is lost with it.
func TestWhatWaitsForAGreetingIsLostWithIt(t *testing.T) {
	s := newStreet(t)
	port := s.port(2)
	h := s.host(1)
	h.links[2].greet()
	p := s.called(port)
	p.hears("hello of 1, call 1")
	h.send(2, note{1, 1})
	p.conn.Close()
	h.hears("2 broke")
}

// Both call at once, and each has got as far as the other's kernel: the lesser gives
// way. Its own call is void, should the hello come later.
func TestTheLesserGivesWay(t *testing.T) {
	s := newStreet(t)
	life := now()
	port := s.port(3)
	h := s.host(2)
	h.send(3, note{1, 1})
	out := s.called(port)
	out.hears("hello of 2, call 1")
	in := s.calls(2)
	in.hello(3, life, 1)
	in.hears("welcome, calls 1", "1.1")
	out.hears("end")
	in.note(2, 2)
	h.hears("3: 2.2")
}

// The greater says that it is busy calling, and its call goes on.
func TestTheGreaterIsBusy(t *testing.T) {
	s := newStreet(t)
	life := now()
	port := s.port(1)
	h := s.host(2)
	h.send(1, note{1, 1})
	out := s.called(port)
	out.hears("hello of 2, call 1")
	in := s.calls(2)
	in.hello(1, life, 1)
	in.hears("busy", "end")
	out.welcome(life, 1)
	out.hears("1.1")
	// The hello of the call that was given up comes again, late: nothing happens.
	late := s.calls(2)
	late.hello(1, life, 1)
	late.hears("end")
	out.note(3, 3)
	h.hears("1: 3.3")
}

// A call that has reached a life which is over is not waited for: the new life's
// call is taken, and what waited goes there.
func TestTheGreaterGivesWayToANewLife(t *testing.T) {
	s := newStreet(t)
	port := s.port(1)
	h := s.host(2)
	h.send(1, note{1, 1})
	out := s.called(port)
	out.hears("hello of 2, call 1")
	in := s.calls(2)
	in.hello(1, now(), 1) // it began after our call got through
	in.hears("welcome, calls 1", "1.1")
	out.hears("end")
}

// A call that nobody has answered, not even a kernel, counts for nothing.
func TestACallThatDoesNotGetThroughGivesWay(t *testing.T) {
	s := newStreet(t)
	life := now()
	h := s.host(2)
	l := h.links[1]
	l.mu.Lock() // as if the SYN were lost: a call without a connection
	ctx, cancel := context.WithCancel(h.ctx)
	l.call = &call{ctx: ctx, cancel: cancel, number: 1}
	l.calls = 1
	l.mu.Unlock()
	h.send(1, note{1, 1})
	in := s.calls(2)
	in.hello(1, life, 1)
	in.hears("welcome, calls 1", "1.1")
	if ctx.Err() == nil {
		t.Error("the call goes on")
	}
}

// Where a peer is busy and does not call after all, we call again.
func TestAfterBusyWeCallAgain(t *testing.T) {
	s := newStreet(t)
	port := s.port(3)
	h := s.host(2)
	h.send(3, note{1, 1})
	out := s.called(port)
	out.hears("hello of 2, call 1")
	out.says(wire.AppendFrame(nil, wire.TypeBusy, nil, 0))
	out.hears("end")
	again := s.called(port)
	again.hears("hello of 2, call 2")
	again.welcome(now(), 0)
	again.hears("1.1")
}

// A hello of a new life breaks the stream that stands, and its messages come behind
// the break. What was sent before the owner heard of the break is for nobody.
func TestAHelloBreaksTheOldStreamFirst(t *testing.T) {
	s := newStreet(t)
	h := s.host(2)
	old := s.calls(2)
	old.hello(1, now(), 1)
	old.hears("welcome, calls 0")
	old.note(1, 1)
	h.hears("1: 1.1")
	next := s.calls(2)
	next.hello(1, now(), 1)
	next.hears("welcome, calls 0")
	old.hears("end")
	h.send(1, note{7, 7}) // it does not know yet
	next.note(2, 2)
	next.note(2, 3)
	h.hears("1 broke", "1: 2.2", "1: 2.3")
	h.send(1, note{8, 8})
	next.hears("8.8")
	// The dead life says hello once more: nobody cares.
	ghost := s.calls(2)
	ghost.hello(1, 1, 9)
	ghost.hears("end")
	next.note(2, 4)
	h.hears("1: 2.4")
}

// The same life may call anew, with a greater number: its end of the stream is broken.
func TestTheSameLifeMayCallAgain(t *testing.T) {
	s := newStreet(t)
	life := now()
	h := s.host(2)
	first := s.calls(2)
	first.hello(3, life, 4)
	first.hears("welcome, calls 0")
	void := s.calls(2)
	void.hello(3, life, 4)
	void.hears("end")
	void = s.calls(2)
	void.hello(3, life, 3)
	void.hears("end")
	second := s.calls(2)
	second.hello(3, life, 5)
	second.hears("welcome, calls 0")
	first.hears("end")
	second.note(1, 1)
	h.hears("3 broke", "3: 1.1")
}

// All that came on a stream comes before the news of its end, and the news come once.
func TestABreakIsReportedOnceBehindAllThatCame(t *testing.T) {
	s := newStreet(t)
	h := s.host(2)
	p := s.calls(2)
	p.hello(3, now(), 1)
	p.hears("welcome, calls 0")
	var want []string
	var b []byte
	for i := range uint32(500) {
		b, _ = wire.AppendMessage(b, note{1, i}.AppendBinary, nil)
		want = append(want, fmt.Sprintf("3: 1.%d", i))
	}
	p.says(b)
	p.conn.Close()
	h.hears(append(want, "3 broke")...)
	select {
	case <-h.links[3].h.in.ready:
		if h.turn(); len(h.heard) > 0 {
			t.Errorf("and then %q", h.heard)
		}
	case <-time.After(20 * time.Millisecond):
	}
}

// A peer whose process is dead refuses: what waited is lost, and the replica is told.
// The next message calls again.
func TestARefusedCallIsABreak(t *testing.T) {
	s := newStreet(t)
	h := s.host(2)
	h.send(3, note{1, 1}, note{1, 2})
	h.hears("3 broke")
	port := s.port(3)
	h.send(3, note{2, 1})
	p := s.called(port)
	p.hears("hello of 2, call 2")
	p.welcome(now(), 0)
	p.hears("2.1")
}

// A peer that dies over the hello is as one that refuses.
func TestACallThatIsBrokenOffIsABreak(t *testing.T) {
	s := newStreet(t)
	port := s.port(3)
	h := s.host(2)
	h.send(3, note{1, 1})
	p := s.called(port)
	p.hears("hello of 2, call 1")
	p.conn.Close()
	h.hears("3 broke")
}

// Between the break and the owner's hearing of it everything is lost, also what a
// new stream could take already.
func TestWhatIsSentInMourningIsLost(t *testing.T) {
	s := newStreet(t)
	h := s.host(2)
	l := h.links[3]
	p := s.calls(2)
	p.hello(3, now(), 1)
	p.hears("welcome, calls 0")
	p.conn.Close()
	for lost := false; !lost; time.Sleep(time.Millisecond) {
		l.mu.Lock()
		lost = l.mourning > 0
		l.mu.Unlock()
	}
	h.send(3, note{1, 1})
	next := s.calls(2)
	next.hello(3, now(), 1)
	next.hears("welcome, calls 0")
	h.send(3, note{1, 2})
	l.pending = append(l.pending, parcel[note]{msg: note{1, 3}}) // in the same turn, before it hears
	h.hears("3 broke")
	h.send(3, note{2, 1})
	next.hears("2.1")
}

// A queue that a peer does not empty breaks the stream, and so does one that waits
// for a call to get through, which goes on.
func TestAQueueThatIsTooLongBreaksTheStream(t *testing.T) {
	s := newStreet(t)
	h := s.host(2)
	l := h.links[3]
	p := s.calls(2)
	p.hello(3, now(), 1)
	p.hears("welcome, calls 0")
	l.pending = append(l.pending, parcel[note]{size: mostQueued + 1})
	l.send()
	h.hears("3 broke")
	p.conn.Close()
	port := s.port(3)
	h.send(3, note{1, 1})
	out := s.called(port)
	out.hears("hello of 2, call 1")
	l.pending = append(l.pending, parcel[note]{size: mostQueued})
	l.send()
	h.hears("3 broke")
	h.send(3, note{2, 1})
	out.welcome(now(), 0)
	out.hears("2.1")
}

// Strangers, and frames that have no place there, end a connection and nothing else.
func TestNonsenseEndsTheConnection(t *testing.T) {
	s := newStreet(t)
	h := s.host(2)
	for name, frame := range map[string][]byte{
		"a message before hello": wire.AppendFrame(nil, wire.TypeMessage, nil, 0),
		"a stranger":             wire.AppendFrame(nil, wire.TypeHello, wire.AppendHello, wire.Hello{From: 9, Life: 1, Call: 1}),
		"ourselves":              wire.AppendFrame(nil, wire.TypeHello, wire.AppendHello, wire.Hello{From: 2, Life: 1, Call: 1}),
		"half a hello":           {0, 0, 0, 1, byte(wire.TypeHello), 3},
		"no frame":               {255, 255, 255, 255, 255, 255, 255},
	} {
		t.Run(name, func(t *testing.T) {
			p := s.calls(2)
			p.says(frame)
			p.hears("end")
		})
	}
	for name, frame := range map[string][]byte{
		"hello again":     wire.AppendFrame(nil, wire.TypeHello, wire.AppendHello, wire.Hello{From: 3, Life: 1, Call: 1}),
		"half a message":  {0, 0, 0, 1, byte(wire.TypeMessage), 3},
		"too much":        {0, 0, 0, 9, byte(wire.TypeMessage), 1, 2, 3, 4, 5, 6, 7, 8, 9},
		"bytes for chunk": {0, 0, 0, 13, byte(wire.TypeMessageChunk), 0, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8, 9},
	} {
		t.Run(name, func(t *testing.T) {
			p := s.calls(2)
			p.hello(3, now(), 1)
			p.hears("welcome, calls 0")
			good, _ := wire.AppendMessage(nil, note{1, 1}.AppendBinary, nil)
			p.says(append(good, frame...))
			p.hears("end")
			h.hears("3: 1.1", "3 broke")
		})
	}
}
