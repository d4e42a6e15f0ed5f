package wire

import (
	"encoding/binary"
	"fmt"

	"raftzab/protocols"
)

// A Hello opens a connection between two nodes. A life is named by the instant of
// CLOCK_MONOTONIC at which it began: the clock is one for all processes of the
// machine, so of two lives of a node the later has the greater name.
type Hello struct {
	From protocols.NodeID
	Life uint64 // of the caller
	Call uint64 // counts the caller's calls to this peer in this life, from 1
}

// A Welcome accepts a Hello. Whoever is called takes back its own calls with it:
// a Hello of one of them, which may still be on its way, is void.
type Welcome struct {
	Life  uint64 // of the called
	Calls uint64 // its own to the caller up to this one are void
}

// AppendHello appends the body of a Hello frame.
func AppendHello(b []byte, h Hello) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(h.From))
	b = binary.BigEndian.AppendUint64(b, h.Life)
	return binary.BigEndian.AppendUint64(b, h.Call)
}

// ParseHello reads what AppendHello has written.
func ParseHello(b []byte) (Hello, error) {
	s := protocols.Scan(b)
	h := Hello{From: protocols.NodeID(s.Uint16()), Life: s.Uint64(), Call: s.Uint64()}
	switch err := s.Done(); {
	case err != nil:
		return Hello{}, fmt.Errorf("wire: a hello %w", err)
	case h.From == protocols.None || h.Call == 0:
		return Hello{}, fmt.Errorf("wire: a hello of node %d, call %d; both count from 1", h.From, h.Call)
	}
	return h, nil
}

// AppendWelcome appends the body of a Welcome frame.
func AppendWelcome(b []byte, w Welcome) []byte {
	b = binary.BigEndian.AppendUint64(b, w.Life)
	return binary.BigEndian.AppendUint64(b, w.Calls)
}

// ParseWelcome reads what AppendWelcome has written.
func ParseWelcome(b []byte) (Welcome, error) {
	s := protocols.Scan(b)
	w := Welcome{Life: s.Uint64(), Calls: s.Uint64()}
	if err := s.Done(); err != nil {
		return Welcome{}, fmt.Errorf("wire: a welcome %w", err)
	}
	return w, nil
}

// AppendMessage appends a whole frame with a message of a protocol, and the content
// of its chunk where one travels with it.
func AppendMessage(b []byte, message func([]byte) ([]byte, error), chunk []byte) (_ []byte, err error) {
	at, t := len(b), TypeMessage
	if len(chunk) > 0 {
		t = TypeMessageChunk
	}
	b = Begin(b, t)
	if t == TypeMessageChunk {
		b = append(b, 0, 0, 0, 0)
	}
	from := len(b)
	if b, err = message(b); err != nil {
		return b[:at], err
	}
	if t == TypeMessageChunk {
		binary.BigEndian.PutUint32(b[from-4:], uint32(len(b)-from))
		b = append(b, chunk...)
	}
	if err := End(b, at); err != nil {
		return b[:at], err
	}
	return b, nil
}

// SplitMessage takes the body of a Message or a MessageChunk frame apart. Both parts
// are aliases.
func SplitMessage(t Type, body []byte) (message, chunk []byte, err error) {
	if t != TypeMessageChunk {
		return body, nil, nil
	}
	s := protocols.Scan(body)
	message = s.Take(int(s.Uint32()))
	chunk = s.Take(s.Len())
	switch {
	case s.Err() != nil:
		return nil, nil, fmt.Errorf("wire: a message with a chunk %w", s.Err())
	case len(chunk) == 0:
		return nil, nil, fmt.Errorf("wire: a message with a chunk of no bytes")
	}
	return message, chunk, nil
}
