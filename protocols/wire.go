package protocols

import (
	"encoding/binary"
	"errors"
)

// How the vocabulary travels between processes: fields in their full width,
// big-endian, none left out. A command is followed by as many bytes as the
// payload that it stands for, so that payloads cost a wire what they cost; they
// are zero, and nobody looks at them.

const (
	entryIDSize = 8 + 8
	// CommandSize and EntrySize are the bytes of a command and of an entry, without the payload.
	CommandSize = 4 + 4 + 4 + 4 + 8 + 1
	EntrySize   = entryIDSize + CommandSize
)

// AppendEntryID appends a position.
func AppendEntryID(b []byte, id EntryID) []byte {
	b = binary.BigEndian.AppendUint64(b, id.Epoch)
	return binary.BigEndian.AppendUint64(b, id.Index)
}

// AppendCommand appends a command and its payload.
func AppendCommand(b []byte, c *Command) []byte {
	b = binary.BigEndian.AppendUint32(b, c.ID.Session)
	b = binary.BigEndian.AppendUint32(b, c.ID.Seq)
	b = binary.BigEndian.AppendUint32(b, c.Key)
	b = binary.BigEndian.AppendUint32(b, c.Size)
	b = binary.BigEndian.AppendUint64(b, c.Value)
	b = append(b, c.Op)
	return append(b, make([]byte, c.Size)...)
}

// AppendEntry appends a position and the command there.
func AppendEntry(b []byte, e *Entry) []byte {
	return AppendCommand(AppendEntryID(b, e.ID), &e.Command)
}

// What a Scanner finds wrong.
var (
	ErrShort    = errors.New("ends too early")
	ErrTrailing = errors.New("bytes behind the end")
)

// A Scanner takes the fields off the front of what was received. Once a field is
// cut short all that come after it are zero, so one look at Err, or at Done, is
// enough.
type Scanner struct {
	rest  []byte
	short bool
}

// Scan returns a Scanner of b, which it does not change.
func Scan(b []byte) Scanner { return Scanner{rest: b} }

// Take returns the next n bytes, an alias; nil where there are not as many.
func (s *Scanner) Take(n int) []byte {
	if n < 0 || n > len(s.rest) {
		s.rest, s.short = nil, true
		return nil
	}
	b := s.rest[:n:n]
	s.rest = s.rest[n:]
	return b
}

// Len returns how many bytes are left.
func (s *Scanner) Len() int { return len(s.rest) }

func (s *Scanner) Uint8() uint8 {
	if b := s.Take(1); b != nil {
		return b[0]
	}
	return 0
}

func (s *Scanner) Uint16() uint16 {
	if b := s.Take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (s *Scanner) Uint32() uint32 {
	if b := s.Take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (s *Scanner) Uint64() uint64 {
	if b := s.Take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (s *Scanner) EntryID() (id EntryID) {
	if b := s.Take(entryIDSize); b != nil {
		id = EntryID{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}
	}
	return id
}

// Command takes a command, and the payload with it.
func (s *Scanner) Command() (c Command) {
	if b := s.Take(CommandSize); b != nil {
		c = Command{
			ID:    RequestID{binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])},
			Key:   binary.BigEndian.Uint32(b[8:]),
			Size:  binary.BigEndian.Uint32(b[12:]),
			Value: binary.BigEndian.Uint64(b[16:]),
			Op:    b[24],
		}
		s.Take(int(c.Size))
	}
	return c
}

func (s *Scanner) Entry() Entry { return Entry{s.EntryID(), s.Command()} }

// Err is ErrShort once something was.
func (s *Scanner) Err() error {
	if s.short {
		return ErrShort
	}
	return nil
}

// Done is Err, or ErrTrailing where something is left.
func (s *Scanner) Done() error {
	if !s.short && len(s.rest) > 0 {
		return ErrTrailing
	}
	return s.Err()
}
