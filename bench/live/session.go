package live

import (
	"fmt"
	"net"
	"sync"

	"raftzab/bench"
	"raftzab/bench/kv"
	"raftzab/bench/live/wire"
	"raftzab/protocols"
)

// mostUnderWay is how many requests of one connection may wait for their answers: more
// than an open loop at full rate submits in a second, and no more than a node allows.
const mostUnderWay = 1 << 15

// A session is one client's connection to one node, over all its lives.
//
// Submitting never waits. Requests go out in the order in which they were
// submitted, as many at once as have gathered, and any number of them may be under
// way. What is submitted without a connection is refused: kept until there is one,
// it would hide an outage.
type session struct {
	node protocols.NodeID
	door *door
	in   *inbox

	mu     sync.Mutex
	line   *line  // nil: not connected
	period uint32 // changed by Run's goroutine: replies to requests of earlier periods are dropped
	closed bool
}

// A line is one connection of a session. Its lists belong to the session's lock.
type line struct {
	session  *session
	conn     net.Conn
	more     chan struct{} // holds one token while something may be waiting, or the line has broken
	waiting  []attempt     // to be written
	underway []attempt     // written, or about to be, and not answered
	answered int           // of underway: so many at its head are done with
}

// An attempt is a request at a node.
type attempt struct {
	request bench.Request
	period  uint32
}

// submit takes a request.
func (s *session) submit(r bench.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := attempt{r, s.period}
	l := s.line
	if l == nil || len(l.waiting)+len(l.underway)-l.answered == mostUnderWay {
		s.end(a, bench.Refused)
		return
	}
	l.waiting = append(l.waiting, a)
	l.wake()
}

// end replies on the node's behalf.
func (s *session) end(a attempt, o bench.Outcome) {
	s.in.put(s.replied(a, bench.Reply{ID: a.request.ID, Node: s.node, Outcome: o}))
}

func (s *session) replied(a attempt, r bench.Reply) happening {
	return happening{kind: replied, session: s, period: a.period, reply: r}
}

// connected takes a connection over.
func (s *session) connected(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		conn.Close()
		return
	}
	l := &line{session: s, conn: conn, more: make(chan struct{}, 1)}
	s.line = l
	s.door.callers.Go(l.write)
	s.door.callers.Go(l.read)
}

// disconnect closes the connection and forgets what is under way.
func (s *session) disconnect() {
	s.mu.Lock()
	l := s.line
	if l != nil {
		s.drop(l)
	}
	s.mu.Unlock()
	s.forget()
	if l != nil {
		s.door.wait(s)
	}
}

// hangUp ends the connection as a break of it does.
func (s *session) hangUp() {
	s.mu.Lock()
	l := s.line
	s.mu.Unlock()
	if l != nil {
		l.broken()
	}
}

// forget drops the replies to all that is under way.
func (s *session) forget() {
	s.mu.Lock()
	s.period++
	s.mu.Unlock()
}

// drop leaves a line; its goroutines end.
func (s *session) drop(l *line) {
	s.line = nil
	l.conn.Close()
	l.wake()
}

func (s *session) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.line != nil {
		s.drop(s.line)
	}
}

// broken ends what was under way on a line that has failed, and goes for another.
// A read that was not answered has done nothing.
func (l *line) broken() {
	s := l.session
	s.mu.Lock()
	if s.line != l { // told already, or dropped
		s.mu.Unlock()
		return
	}
	s.drop(l)
	for _, a := range l.underway[l.answered:] {
		if a.request.Op == kv.Get {
			s.end(a, bench.Refused)
		} else {
			s.end(a, bench.Unknown)
		}
	}
	for _, a := range l.waiting {
		s.end(a, bench.Refused)
	}
	s.mu.Unlock()
	s.door.wait(s)
}

func (l *line) wake() {
	select {
	case l.more <- struct{}{}:
	default:
	}
}

// write sends what has gathered, again and again.
func (l *line) write() {
	var batch []attempt
	var frames []byte
	for range l.more {
		var open bool
		if batch, open = l.take(batch); !open {
			return
		}
		frames = frames[:0]
		for i := range batch {
			frames = wire.AppendFrame(frames, wire.TypeRequest, wire.AppendRequest, batch[i].request)
		}
		if _, err := l.conn.Write(frames); err != nil {
			l.broken()
			return
		}
	}
}

// take moves what waits to what is under way: a write that fails may have sent
// some of it.
func (l *line) take(batch []attempt) (taken []attempt, open bool) {
	s := l.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.line != l {
		return nil, false
	}
	taken, l.waiting = l.waiting, batch[:0]
	if n := len(l.underway) - l.answered; len(l.underway)+len(taken) > cap(l.underway) && n <= l.answered {
		l.underway, l.answered = l.underway[:copy(l.underway, l.underway[l.answered:])], 0
	}
	l.underway = append(l.underway, taken...)
	return taken, true
}

// read takes the answers in, as many at once as have come.
func (l *line) read() {
	r := wire.NewReader(l.conn, 4096)
	var batch []happening
	for {
		t, body, err := r.Next()
		if err != nil {
			l.broken()
			return
		}
		if batch, err = l.answer(batch, t, body); err != nil {
			l.broken()
			l.session.in.put(happening{kind: broke, err: fmt.Errorf("live: node %d: %w", l.session.node, err)})
			return
		}
		if !r.Buffered() {
			l.session.in.put(batch...)
			batch = batch[:0]
		}
	}
}

// answer takes one answer in. What answers nothing that is under way is a mistake
// of the node's.
func (l *line) answer(batch []happening, t wire.Type, body []byte) ([]happening, error) {
	if t != wire.TypeReply {
		return batch, fmt.Errorf("it answers a client with a %v", t)
	}
	reply, err := wire.ParseReply(body)
	if err != nil {
		return batch, err
	}
	s := l.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.line != l {
		return batch, nil // dropped
	}
	a, ok := l.done(reply.ID)
	if !ok || reply.Node != s.node {
		return batch, fmt.Errorf("it answers as node %d request %v, which is not under way", reply.Node, reply.ID)
	}
	return append(batch, s.replied(a, reply)), nil
}

// done takes an attempt off what is under way. Answers come in order, nearly always.
func (l *line) done(id protocols.RequestID) (attempt, bool) {
	for i := l.answered; i < len(l.underway); i++ {
		a := l.underway[i]
		if a.request.ID != id {
			continue
		}
		copy(l.underway[l.answered+1:i+1], l.underway[l.answered:i])
		if l.answered++; l.answered == len(l.underway) {
			l.underway, l.answered = l.underway[:0], 0
		}
		return a, true
	}
	return attempt{}, false
}
