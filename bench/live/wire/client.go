package wire

import (
	"encoding/binary"
	"fmt"

	"raftzab/bench"
	"raftzab/bench/kv"
	"raftzab/protocols"
)

// Sessions and keys are dense, so whoever receives them indexes with them. Numbers
// beyond these cannot be meant.
const (
	MaxSession = 1<<24 - 1
	MaxKey     = 1<<24 - 1
)

// AppendRequest appends the body of a Request frame: the fields, and as many bytes
// as the payload that the command stands for.
func AppendRequest(b []byte, r bench.Request) []byte {
	b = append(b, uint8(r.Mode))
	b = protocols.AppendEntryID(b, r.Seen)
	return protocols.AppendCommand(b, &r.Command)
}

// ParseRequest reads what AppendRequest has written.
func ParseRequest(b []byte) (r bench.Request, err error) {
	s := protocols.Scan(b)
	r.Mode = protocols.ReadMode(s.Uint8())
	r.Seen = s.EntryID()
	r.Command = s.Command()
	switch err := s.Done(); {
	case err != nil:
		return bench.Request{}, fmt.Errorf("wire: a request %w", err)
	case r.ID.Session == 0 || r.ID.Session > MaxSession || r.ID.Seq == 0 || r.Key > MaxKey:
		return bench.Request{}, fmt.Errorf("wire: request %d of session %d for key %d; sessions and requests count from 1, and sessions and keys end at %d", r.ID.Seq, r.ID.Session, r.Key, MaxKey)
	case r.Op != kv.Put && r.Op != kv.Get || r.Mode > protocols.ReadSync:
		return bench.Request{}, fmt.Errorf("wire: a request with operation %d in read mode %d", r.Op, r.Mode)
	}
	return r, nil
}

// AppendReply appends the body of a Reply frame.
func AppendReply(b []byte, r bench.Reply) []byte {
	b = binary.BigEndian.AppendUint32(b, r.ID.Session)
	b = binary.BigEndian.AppendUint32(b, r.ID.Seq)
	b = binary.BigEndian.AppendUint16(b, uint16(r.Node))
	b = append(b, uint8(r.Outcome))
	b = binary.BigEndian.AppendUint16(b, uint16(r.Leader))
	b = protocols.AppendEntryID(b, r.At)
	b = binary.BigEndian.AppendUint64(b, r.Value)
	b = binary.BigEndian.AppendUint64(b, r.Version)
	return binary.BigEndian.AppendUint16(b, r.Hops)
}

// ParseReply reads what AppendReply has written.
func ParseReply(b []byte) (r bench.Reply, err error) {
	s := protocols.Scan(b)
	r = bench.Reply{
		ID:      protocols.RequestID{Session: s.Uint32(), Seq: s.Uint32()},
		Node:    protocols.NodeID(s.Uint16()),
		Outcome: bench.Outcome(s.Uint8()),
		Leader:  protocols.NodeID(s.Uint16()),
		At:      s.EntryID(),
		Value:   s.Uint64(),
		Version: s.Uint64(),
		Hops:    s.Uint16(),
	}
	switch err := s.Done(); {
	case err != nil:
		return bench.Reply{}, fmt.Errorf("wire: a reply %w", err)
	case r.Outcome > bench.Unknown:
		return bench.Reply{}, fmt.Errorf("wire: a reply with outcome %d", r.Outcome)
	}
	return r, nil
}
