// Package wire answers what the processes of a live run say to each other: clients
// to nodes, nodes to nodes, and over inherited pipes the nodes and the process that
// started them. What one protocol's replicas say is in their own packages; here it
// is bytes.
//
// Everything is a frame: four bytes of length, one of type, and a body. Codecs come
// in pairs, AppendX and ParseX. A body that is cut short, goes on behind its end, or
// holds what cannot be is an error, never a panic: frames come from the network.
package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// A Type says what a frame's body is.
type Type uint8

const (
	_ Type = iota

	// Between clients and nodes. One connection is one session.
	TypeRequest // client -> node
	TypeReply   // node -> client

	// Between nodes. One connection carries both directions of a pair.
	TypeHello        // caller -> called
	TypeWelcome      // called -> caller: messages may begin, both ways
	TypeBusy         // called -> caller: my own call to you is on its way
	TypeMessage      // of the protocol
	TypeMessageChunk // of the protocol, and a part of a snapshot

	// From a node to the process that started it.
	TypeReady
	TypeHappened
	TypeSent
	TypeFailed

	// From the process that started a node to it.
	TypeListen
	TypeTransfer
	TypeDisk
	TypeClock

	types
)

var typeNames = [types]string{"frame of no type", "request", "reply", "hello", "welcome", "busy", "message", "message with a chunk",
	"ready", "happened", "sent", "failed", "listen", "transfer", "disk", "clock"}

func (t Type) String() string {
	if t < types {
		return typeNames[t]
	}
	return fmt.Sprintf("frame of type %d", uint8(t))
}

// MaxBody is the greatest length of a body.
const MaxBody = 64 << 20

const headerSize = 4 + 1

// ErrTooLong is of a frame whose body is, or claims to be, longer than MaxBody.
var ErrTooLong = errors.New("wire: a frame of over 64 MiB")

// Begin appends the header of a frame to b. The body follows, and then End.
func Begin(b []byte, t Type) []byte { return append(b, 0, 0, 0, 0, byte(t)) }

// End completes the frame that began at b[at:].
func End(b []byte, at int) error {
	n := len(b) - at - headerSize
	if n > MaxBody {
		return ErrTooLong
	}
	binary.BigEndian.PutUint32(b[at:], uint32(n))
	return nil
}

// AppendFrame appends a frame whose body is none, or what a codec makes of x; such
// bodies are short.
func AppendFrame[X any](b []byte, t Type, body func([]byte, X) []byte, x X) []byte {
	at := len(b)
	b = Begin(b, t)
	if body != nil {
		b = body(b, x)
	}
	if err := End(b, at); err != nil {
		panic(fmt.Sprintf("wire: a %v: %v", t, err))
	}
	return b
}

// A Reader takes frames from a stream. It reads as much as there is at once, so
// that many small frames share a system call.
type Reader struct {
	from io.Reader
	buf  []byte
	at   int // the frames up to here have been taken
	end  int // and this is how much has been read
}

// NewReader returns a Reader that begins with a buffer of size bytes. The buffer
// grows with what has arrived, not with what a header promises.
func NewReader(from io.Reader, size int) *Reader {
	return &Reader{from: from, buf: make([]byte, max(size, headerSize))}
}

// Next returns the next frame. The body is lent until the next call. At the end of
// the stream the error is io.EOF between two frames and io.ErrUnexpectedEOF inside one.
func (r *Reader) Next() (Type, []byte, error) {
	if err := r.fill(headerSize); err != nil {
		return 0, nil, err
	}
	n := int64(binary.BigEndian.Uint32(r.buf[r.at:]))
	t := Type(r.buf[r.at+4])
	if n > MaxBody {
		return 0, nil, ErrTooLong
	}
	if t == 0 || t >= types {
		return 0, nil, fmt.Errorf("wire: a %v", t)
	}
	whole := headerSize + int(n)
	if err := r.fill(whole); err != nil {
		return 0, nil, err
	}
	body := r.buf[r.at+headerSize : r.at+whole : r.at+whole]
	r.at += whole
	return t, body, nil
}

// Buffered reports whether Next would return without reading. Whoever collects
// frames does so until there is none.
func (r *Reader) Buffered() bool {
	have := r.end - r.at
	return have >= headerSize && have-headerSize >= int(min(binary.BigEndian.Uint32(r.buf[r.at:]), MaxBody))
}

// fill reads until n bytes are there.
func (r *Reader) fill(n int) error {
	if r.at == r.end {
		r.at, r.end = 0, 0
	}
	for r.end-r.at < n {
		if r.at > 0 && r.at+n > len(r.buf) {
			r.end = copy(r.buf, r.buf[r.at:r.end])
			r.at = 0
		}
		if r.end == len(r.buf) {
			r.buf = append(r.buf, make([]byte, min(len(r.buf), n-len(r.buf)))...)
		}
		m, err := r.from.Read(r.buf[r.end:])
		r.end += m
		if r.end-r.at < n && err != nil {
			if err == io.EOF && r.end > r.at {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
	}
	return nil
}
