package wire

import (
	"encoding/binary"
	"fmt"
	"math"

	"raftzab/bench/random"
	"raftzab/protocols"
)

// What a node tells the process that started it. Ready has no body: the node
// listens, and its replica runs.

// A Happened has the events of one turn of a node, and the status behind it.
// Instants are on CLOCK_MONOTONIC, counted from the start of the run.
type Happened struct {
	At     protocols.Time
	Status protocols.Status
	Events []protocols.Event
}

// A Sent is a message to another node, in bytes as the protocol counts them.
type Sent struct {
	At   protocols.Time
	To   protocols.NodeID
	Kind uint8
	Size uint64
}

// What the process that started a node tells it.

// A Listen says what the node shall tell: which events, and whether messages.
type Listen struct {
	Events protocols.EventSet
	Sent   bool
}

// A Disk changes what an fsync does from now on.
type Disk struct {
	Fsync random.Distribution // the least that one takes, unless something below is set
	Fail  bool                // the next one fails
	Lie   bool                // they do nothing, and say that they have
	Back  bool                // to what the disk does by itself
}

// A Clock bends what the node takes for the time: it jumps by Skew, and runs
// 1+Drift times as fast from then on. Back ends the drift.
type Clock struct {
	Skew  protocols.Time
	Drift float64
	Back  bool
}

const (
	statusSize = 1 + 1 + 2 + 8 + 16 + 16
	eventSize  = 1 + 1 + 1 + 2 + 4 + 4 + 8 + 16
)

// AppendHappened appends the body of a Happened frame.
func AppendHappened(b []byte, h Happened) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(h.At))
	b = append(b, uint8(h.Status.Role), bit(h.Status.Active, 0))
	b = binary.BigEndian.AppendUint16(b, uint16(h.Status.Leader))
	b = binary.BigEndian.AppendUint64(b, h.Status.Epoch)
	b = protocols.AppendEntryID(b, h.Status.Last)
	b = protocols.AppendEntryID(b, h.Status.Committed)
	for i := range h.Events {
		e := &h.Events[i]
		b = append(b, uint8(e.Kind), uint8(e.Role), uint8(e.Phase))
		b = binary.BigEndian.AppendUint16(b, uint16(e.Peer))
		b = binary.BigEndian.AppendUint32(b, e.ID.Session)
		b = binary.BigEndian.AppendUint32(b, e.ID.Seq)
		b = binary.BigEndian.AppendUint64(b, e.Epoch)
		b = protocols.AppendEntryID(b, e.At)
	}
	return b
}

// ParseHappened reads what AppendHappened has written.
func ParseHappened(b []byte) (Happened, error) {
	s := protocols.Scan(b)
	h := Happened{At: protocols.Time(s.Uint64())}
	h.Status.Role = protocols.Role(s.Uint8())
	active := s.Uint8()
	h.Status.Active, h.Status.Leader = active == 1, protocols.NodeID(s.Uint16())
	h.Status.Epoch, h.Status.Last, h.Status.Committed = s.Uint64(), s.EntryID(), s.EntryID()
	wrong := h.Status.Role > protocols.Observer || active > 1
	if n := s.Len() / eventSize; n > 0 {
		h.Events = make([]protocols.Event, n)
	}
	for i := range h.Events {
		e := &h.Events[i]
		e.Kind, e.Role, e.Phase = protocols.EventKind(s.Uint8()), protocols.Role(s.Uint8()), protocols.Phase(s.Uint8())
		e.Peer, e.ID = protocols.NodeID(s.Uint16()), protocols.RequestID{Session: s.Uint32(), Seq: s.Uint32()}
		e.Epoch, e.At = s.Uint64(), s.EntryID()
		wrong = wrong || e.Kind >= protocols.EventKinds || e.Role > protocols.Observer || e.Phase > protocols.Snap
	}
	switch err := s.Done(); {
	case err != nil:
		return Happened{}, fmt.Errorf("wire: what happened %w", err)
	case wrong:
		return Happened{}, fmt.Errorf("wire: what happened has a role, an event or a phase that there is not")
	}
	return h, nil
}

// AppendSent appends the body of a Sent frame.
func AppendSent(b []byte, x Sent) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(x.At))
	b = binary.BigEndian.AppendUint16(b, uint16(x.To))
	b = append(b, x.Kind)
	return binary.BigEndian.AppendUint64(b, x.Size)
}

// ParseSent reads what AppendSent has written.
func ParseSent(b []byte) (Sent, error) {
	s := protocols.Scan(b)
	x := Sent{At: protocols.Time(s.Uint64()), To: protocols.NodeID(s.Uint16()), Kind: s.Uint8(), Size: s.Uint64()}
	if err := s.Done(); err != nil {
		return Sent{}, fmt.Errorf("wire: what was sent %w", err)
	}
	return x, nil
}

// AppendText appends the body of a Failed frame: why, in words.
func AppendText(b []byte, text string) []byte { return append(b, text...) }

// ParseText reads what AppendText has written; any text will do.
func ParseText(b []byte) (string, error) { return string(b), nil }

// AppendListen appends the body of a Listen frame.
func AppendListen(b []byte, l Listen) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(l.Events))
	return append(b, bit(l.Sent, 0))
}

// ParseListen reads what AppendListen has written.
func ParseListen(b []byte) (Listen, error) {
	s := protocols.Scan(b)
	l := Listen{Events: protocols.EventSet(s.Uint32())}
	sent := s.Uint8()
	l.Sent = sent == 1
	switch err := s.Done(); {
	case err != nil:
		return Listen{}, fmt.Errorf("wire: listen %w", err)
	case sent > 1 || l.Events&^protocols.AllEvents != 0:
		return Listen{}, fmt.Errorf("wire: listen to events that there are not: %#x", uint32(l.Events))
	}
	return l, nil
}

// AppendTransfer appends the body of a Transfer frame: whom to hand the leadership to.
func AppendTransfer(b []byte, to protocols.NodeID) []byte {
	return binary.BigEndian.AppendUint16(b, uint16(to))
}

// ParseTransfer reads what AppendTransfer has written.
func ParseTransfer(b []byte) (protocols.NodeID, error) {
	s := protocols.Scan(b)
	to := protocols.NodeID(s.Uint16())
	if err := s.Done(); err != nil {
		return 0, fmt.Errorf("wire: transfer %w", err)
	}
	return to, nil
}

// AppendDisk appends the body of a Disk frame.
func AppendDisk(b []byte, d Disk) []byte {
	b = append(b, bit(d.Fail, 0)|bit(d.Lie, 1)|bit(d.Back, 2), uint8(d.Fsync.Shape))
	b = binary.BigEndian.AppendUint64(b, uint64(d.Fsync.A))
	b = binary.BigEndian.AppendUint64(b, uint64(d.Fsync.B))
	return binary.BigEndian.AppendUint64(b, math.Float64bits(d.Fsync.Sigma))
}

// ParseDisk reads what AppendDisk has written.
func ParseDisk(b []byte) (Disk, error) {
	s := protocols.Scan(b)
	flags := s.Uint8()
	d := Disk{Fail: flags&1 != 0, Lie: flags&2 != 0, Back: flags&4 != 0}
	d.Fsync = random.Distribution{Shape: random.Shape(s.Uint8()), A: protocols.Time(s.Uint64()), B: protocols.Time(s.Uint64()), Sigma: math.Float64frombits(s.Uint64())}
	switch f := &d.Fsync; {
	case s.Done() != nil:
		return Disk{}, fmt.Errorf("wire: disk %w", s.Done())
	case flags > 7 || f.Shape > random.Pareto || f.A < 0 || f.B < 0 || !(f.Sigma >= 0) || math.IsInf(f.Sigma, 0) || f.Shape == random.Pareto && f.Sigma == 0:
		return Disk{}, fmt.Errorf("wire: disk with an fsync that there is not: %+v", *f)
	}
	return d, nil
}

// AppendClock appends the body of a Clock frame.
func AppendClock(b []byte, c Clock) []byte {
	b = append(b, bit(c.Back, 0))
	b = binary.BigEndian.AppendUint64(b, uint64(c.Skew))
	return binary.BigEndian.AppendUint64(b, math.Float64bits(c.Drift))
}

// ParseClock reads what AppendClock has written. No clock goes back.
func ParseClock(b []byte) (Clock, error) {
	s := protocols.Scan(b)
	back := s.Uint8()
	c := Clock{Back: back == 1, Skew: protocols.Time(s.Uint64()), Drift: math.Float64frombits(s.Uint64())}
	switch err := s.Done(); {
	case err != nil:
		return Clock{}, fmt.Errorf("wire: clock %w", err)
	case back > 1 || c.Skew < 0 || !(c.Drift > -1) || math.IsInf(c.Drift, 0):
		return Clock{}, fmt.Errorf("wire: a clock that jumps by %d and gains %g; it does not go back", c.Skew, c.Drift)
	}
	return c, nil
}

// bit returns 1<<i if x is true.
func bit(x bool, i int) byte {
	if x {
		return 1 << i
	}
	return 0
}
