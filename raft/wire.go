package raft

import (
	"encoding/binary"
	"errors"
	"fmt"

	"raftzab/protocols"
)

// A message on the wire is its type, its flags, a set of the fields that are not
// zero, and these fields in their order. Nobody needs to know which field belongs
// to which type, and a message takes about the bytes that Size counts.

// Flags.
const (
	flagVoteGranted = 1 << iota
	flagSuccess
	flagData
	flagTransfer
	flagDone
	flagsEnd
)

// Fields.
const (
	hasTerm = 1 << iota
	hasRound
	hasLastLog
	hasPrevLog
	hasLeaderCommit
	hasMatchIndex
	hasConflict
	hasSnapshot
	hasEntries
	fieldsEnd
)

var (
	errType  = errors.New("raft: a message of an unknown type")
	errField = errors.New("raft: a message with unknown fields, or with one that is zero")
)

// AppendBinary appends the message to b. There is no error.
func (m Message) AppendBinary(b []byte) ([]byte, error) {
	fields := uint16(0)
	set := func(field uint16, present bool) {
		if present {
			fields |= field
		}
	}
	set(hasTerm, m.Term != 0)
	set(hasRound, m.Round != 0)
	set(hasLastLog, m.LastLog != protocols.EntryID{})
	set(hasPrevLog, m.PrevLog != protocols.EntryID{})
	set(hasLeaderCommit, m.LeaderCommit != 0)
	set(hasMatchIndex, m.MatchIndex != 0)
	set(hasConflict, m.Conflict != protocols.EntryID{})
	set(hasSnapshot, m.Snapshot != protocols.Chunk{})
	set(hasEntries, len(m.Entries) > 0)

	b = append(b, uint8(m.Type), m.flags())
	b = binary.BigEndian.AppendUint16(b, fields)
	if fields&hasTerm != 0 {
		b = binary.BigEndian.AppendUint64(b, m.Term)
	}
	if fields&hasRound != 0 {
		b = binary.BigEndian.AppendUint64(b, m.Round)
	}
	if fields&hasLastLog != 0 {
		b = protocols.AppendEntryID(b, m.LastLog)
	}
	if fields&hasPrevLog != 0 {
		b = protocols.AppendEntryID(b, m.PrevLog)
	}
	if fields&hasLeaderCommit != 0 {
		b = binary.BigEndian.AppendUint64(b, m.LeaderCommit)
	}
	if fields&hasMatchIndex != 0 {
		b = binary.BigEndian.AppendUint64(b, m.MatchIndex)
	}
	if fields&hasConflict != 0 {
		b = protocols.AppendEntryID(b, m.Conflict)
	}
	if fields&hasSnapshot != 0 {
		b = protocols.AppendEntryID(b, m.Snapshot.At)
		b = binary.BigEndian.AppendUint64(b, m.Snapshot.Offset)
		b = binary.BigEndian.AppendUint64(b, m.Snapshot.Length)
	}
	if fields&hasEntries != 0 {
		b = binary.BigEndian.AppendUint32(b, uint32(len(m.Entries)))
		for i := range m.Entries {
			b = protocols.AppendEntry(b, &m.Entries[i])
		}
	}
	return b, nil
}

// ParseMessage reads what AppendBinary has written, and nothing else. The message
// shares no memory with b.
func ParseMessage(b []byte) (Message, error) {
	s := protocols.Scan(b)
	m := Message{Type: MessageType(s.Uint8())}
	flags, fields := s.Uint8(), s.Uint16()
	m.VoteGranted, m.Success, m.Data = flags&flagVoteGranted != 0, flags&flagSuccess != 0, flags&flagData != 0
	m.Transfer, m.Done = flags&flagTransfer != 0, flags&flagDone != 0
	switch {
	case s.Err() != nil:
		return Message{}, fmt.Errorf("raft: a message %w", s.Err())
	case m.Type >= messageTypes || sizes[m.Type] == 0:
		return Message{}, errType
	case flags >= flagsEnd || fields >= fieldsEnd:
		return Message{}, errField
	}
	zero := false // a field that is there for nothing: each message has one encoding
	if fields&hasTerm != 0 {
		m.Term = s.Uint64()
		zero = zero || m.Term == 0
	}
	if fields&hasRound != 0 {
		m.Round = s.Uint64()
		zero = zero || m.Round == 0
	}
	if fields&hasLastLog != 0 {
		m.LastLog = s.EntryID()
		zero = zero || m.LastLog == protocols.EntryID{}
	}
	if fields&hasPrevLog != 0 {
		m.PrevLog = s.EntryID()
		zero = zero || m.PrevLog == protocols.EntryID{}
	}
	if fields&hasLeaderCommit != 0 {
		m.LeaderCommit = s.Uint64()
		zero = zero || m.LeaderCommit == 0
	}
	if fields&hasMatchIndex != 0 {
		m.MatchIndex = s.Uint64()
		zero = zero || m.MatchIndex == 0
	}
	if fields&hasConflict != 0 {
		m.Conflict = s.EntryID()
		zero = zero || m.Conflict == protocols.EntryID{}
	}
	if fields&hasSnapshot != 0 {
		m.Snapshot = protocols.Chunk{At: s.EntryID(), Offset: s.Uint64(), Length: s.Uint64()}
		zero = zero || m.Snapshot == protocols.Chunk{}
	}
	if fields&hasEntries != 0 {
		count := int(s.Uint32())
		if count > s.Len()/protocols.EntrySize { // or a few bytes could ask for any amount of memory
			return Message{}, fmt.Errorf("raft: a message with %d entries in %d bytes %w", count, s.Len(), protocols.ErrShort)
		}
		m.Entries = make([]protocols.Entry, count)
		for i := range m.Entries {
			m.Entries[i] = s.Entry()
		}
		zero = zero || count == 0
	}
	switch err := s.Done(); {
	case err != nil:
		return Message{}, fmt.Errorf("raft: %v %w", m.Type, err)
	case zero:
		return Message{}, errField
	}
	return m, nil
}

func (m *Message) flags() (f uint8) {
	for i, set := range [...]bool{m.VoteGranted, m.Success, m.Data, m.Transfer, m.Done} {
		if set {
			f |= 1 << i
		}
	}
	return f
}
