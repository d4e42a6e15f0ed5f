package zab

import (
	"encoding/binary"
	"errors"
	"fmt"

	"raftzab/protocols"
)

// A message on the wire is its type, a set of the fields that are not zero, and
// these fields in their order. Nobody needs to know which field belongs to which
// type. A PROPOSAL takes a few bytes more than ZooKeeper's, for the connection,
// which there is the socket.

// Fields.
const (
	hasState = 1 << iota
	hasLearner
	hasConn
	hasLeader
	hasElectionEpoch
	hasPeerEpoch
	hasCurrentEpoch
	hasZxid
	hasSnapshotSize
	hasCommand
	fieldsEnd
)

var (
	errType  = errors.New("zab: a message of an unknown type")
	errField = errors.New("zab: a message with unknown fields, or with one that is zero or out of range")
)

// AppendBinary appends the message to b. There is no error.
func (m Message) AppendBinary(b []byte) ([]byte, error) {
	fields := uint16(0)
	set := func(field uint16, present bool) {
		if present {
			fields |= field
		}
	}
	set(hasState, m.State != 0)
	set(hasLearner, m.Learner != 0)
	set(hasConn, m.Conn != 0)
	set(hasLeader, m.Leader != 0)
	set(hasElectionEpoch, m.ElectionEpoch != 0)
	set(hasPeerEpoch, m.PeerEpoch != 0)
	set(hasCurrentEpoch, m.CurrentEpoch != 0)
	set(hasZxid, m.Zxid != Zxid{})
	set(hasSnapshotSize, m.SnapshotSize != 0)
	set(hasCommand, m.Command != Command{})

	b = append(b, uint8(m.Type))
	b = binary.BigEndian.AppendUint16(b, fields)
	if fields&hasState != 0 {
		b = append(b, uint8(m.State))
	}
	if fields&hasLearner != 0 {
		b = binary.BigEndian.AppendUint16(b, uint16(m.Learner))
	}
	if fields&hasConn != 0 {
		b = binary.BigEndian.AppendUint32(b, m.Conn)
	}
	if fields&hasLeader != 0 {
		b = binary.BigEndian.AppendUint16(b, uint16(m.Leader))
	}
	if fields&hasElectionEpoch != 0 {
		b = binary.BigEndian.AppendUint64(b, m.ElectionEpoch)
	}
	if fields&hasPeerEpoch != 0 {
		b = binary.BigEndian.AppendUint64(b, m.PeerEpoch)
	}
	if fields&hasCurrentEpoch != 0 {
		b = binary.BigEndian.AppendUint64(b, m.CurrentEpoch)
	}
	if fields&hasZxid != 0 {
		b = protocols.AppendEntryID(b, m.Zxid)
	}
	if fields&hasSnapshotSize != 0 {
		b = binary.BigEndian.AppendUint64(b, m.SnapshotSize)
	}
	if fields&hasCommand != 0 {
		b = protocols.AppendCommand(b, &m.Command)
	}
	return b, nil
}

// ParseMessage reads what AppendBinary has written, and nothing else. The message
// shares no memory with b.
func ParseMessage(b []byte) (Message, error) {
	s := protocols.Scan(b)
	m := Message{Type: MessageType(s.Uint8())}
	fields := s.Uint16()
	switch {
	case s.Err() != nil:
		return Message{}, fmt.Errorf("zab: a message %w", s.Err())
	case m.Type >= MessageTypes:
		return Message{}, errType
	case fields >= fieldsEnd:
		return Message{}, errField
	}
	wrong := false // a field that is there for nothing: each message has one encoding
	if fields&hasState != 0 {
		m.State = protocols.Role(s.Uint8())
		wrong = wrong || m.State == 0 || int(m.State) >= len(stateNames)
	}
	if fields&hasLearner != 0 {
		m.Learner = NodeID(s.Uint16())
		wrong = wrong || m.Learner == 0
	}
	if fields&hasConn != 0 {
		m.Conn = s.Uint32()
		wrong = wrong || m.Conn == 0
	}
	if fields&hasLeader != 0 {
		m.Leader = NodeID(s.Uint16())
		wrong = wrong || m.Leader == 0
	}
	if fields&hasElectionEpoch != 0 {
		m.ElectionEpoch = s.Uint64()
		wrong = wrong || m.ElectionEpoch == 0
	}
	if fields&hasPeerEpoch != 0 {
		m.PeerEpoch = s.Uint64()
		wrong = wrong || m.PeerEpoch == 0
	}
	if fields&hasCurrentEpoch != 0 {
		m.CurrentEpoch = s.Uint64()
		wrong = wrong || m.CurrentEpoch == 0
	}
	if fields&hasZxid != 0 {
		m.Zxid = s.EntryID()
		wrong = wrong || m.Zxid == Zxid{}
	}
	if fields&hasSnapshotSize != 0 {
		m.SnapshotSize = s.Uint64()
		wrong = wrong || m.SnapshotSize == 0
	}
	if fields&hasCommand != 0 {
		m.Command = s.Command()
		wrong = wrong || m.Command == Command{}
	}
	switch err := s.Done(); {
	case err != nil:
		return Message{}, fmt.Errorf("zab: %v %w", m.Type, err)
	case wrong:
		return Message{}, errField
	}
	return m, nil
}
