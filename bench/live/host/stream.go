package host

import (
	"fmt"
	"net"
	"time"

	"raftzab/bench/live/wire"
)

const (
	streamBuffer = 64 << 10
	writeSize    = 256 << 10       // bytes that are encoded before they are written, about
	drainWithin  = 1 * time.Second // what came before the end, once we cannot write any more
)

// A stream is a connection to a peer that both ends have agreed on. Its reader lives
// as long as it does, and reports its end; the writer is told by it.
type stream[M Message] struct {
	l     *link[M]
	conn  *net.TCPConn
	first []byte        // to be sent before any message
	ready chan struct{} // holds one token while there may be something to write
	over  chan struct{} // closed when the reader has reported the end
}

func newStream[M Message](l *link[M], conn *net.TCPConn) *stream[M] {
	s := &stream[M]{l: l, conn: conn, ready: make(chan struct{}, 1), over: make(chan struct{})}
	s.wake() // for what waits already
	return s
}

func (s *stream[M]) wake() {
	select {
	case s.ready <- struct{}{}:
	default:
	}
}

// run reads until the stream breaks. What has come at once goes in at once.
func (s *stream[M]) run(r *wire.Reader) {
	l, h := s.l, s.l.h
	h.goes(s.write)
	var got []arrival[M]
	for {
		m, err := s.read(r)
		if err != nil {
			if h.ctx.Err() == nil {
				h.log("node %d: the stream with node %d breaks: %v", h.cfg.ID, l.peer, err)
			}
			break
		}
		got = append(got, arrival[M]{from: l.peer, msg: m})
		if !r.Buffered() {
			h.in.arrive(got...)
			clear(got)
			got = got[:0]
		}
	}
	h.in.arrive(got...)
	s.conn.Close()
	l.mu.Lock()
	l.stream = nil
	l.lose()
	l.mu.Unlock()
	close(s.over)
}

// read returns the next message. A part of a snapshot that comes with it is put
// aside first.
func (s *stream[M]) read(r *wire.Reader) (m M, err error) {
	t, body, err := r.Next()
	if err != nil {
		return m, err
	}
	if t != wire.TypeMessage && t != wire.TypeMessageChunk {
		return m, fmt.Errorf("a %v among messages", t)
	}
	message, content, err := wire.SplitMessage(t, body)
	if err != nil {
		return m, err
	}
	if m, err = s.l.h.cfg.Parse(message); err != nil {
		return m, err
	}
	c := m.Chunk()
	if c.Length != uint64(len(content)) {
		return m, fmt.Errorf("%d bytes of a snapshot come with %v", len(content), m)
	}
	if c.Length > 0 {
		if err := s.l.h.store.Aside(c, content); err != nil {
			s.l.h.fail(fmt.Errorf("%w: node %d: %w", ErrDisk, s.l.h.cfg.ID, err))
			return m, err
		}
	}
	return m, nil
}

// write sends what is in the queue, and then waits for more. A message is encoded
// here and not by the owner; what it refers to does not change.
func (s *stream[M]) write() {
	var b []byte
	var taken []parcel[M]
	for {
		select {
		case <-s.ready:
		case <-s.over:
			return
		}
		if b = append(b, s.first...); len(b) > 0 {
			s.first = nil
		}
		for {
			clear(taken)
			if taken = s.take(taken); len(taken) == 0 {
				break
			}
			for i := 0; i < len(taken); {
				i, b = s.encode(taken, i, b)
				if !s.flush(b) {
					return
				}
				b = b[:0]
			}
			s.l.written(taken)
		}
		if len(b) > 0 && !s.flush(b) {
			return
		}
		b = b[:0]
	}
}

// take swaps the queue for an empty one; none if this stream is not the link's any
// more. While a break is mourned there is none.
func (s *stream[M]) take(empty []parcel[M]) []parcel[M] {
	l := s.l
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stream != s {
		return empty[:0]
	}
	taken := l.queue
	l.queue = empty[:0]
	return taken
}

// encode appends messages to b, from taken[i] on, until there is enough for a write.
func (s *stream[M]) encode(taken []parcel[M], i int, b []byte) (int, []byte) {
	for ; i < len(taken) && len(b) < writeSize; i++ {
		p := &taken[i]
		var err error
		if b, err = wire.AppendMessage(b, p.msg.AppendBinary, p.chunk); err != nil {
			s.l.h.fail(fmt.Errorf("host: node %d sends %d %v: %w", s.l.h.cfg.ID, s.l.peer, p.msg, err))
		}
	}
	return i, b
}

// flush reports whether the bytes are with the kernel. If they are not the stream is
// broken, and its reader gets to know it, behind what came before.
func (s *stream[M]) flush(b []byte) bool {
	if _, err := s.conn.Write(b); err != nil {
		s.conn.SetReadDeadline(time.Now().Add(drainWithin))
		return false
	}
	return true
}

// written gives back the room of what is with the kernel.
func (l *link[M]) written(ps []parcel[M]) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range ps {
		l.bytes = max(0, l.bytes-ps[i].size)
	}
}
