package protocols

import (
	"errors"
	"testing"
	"testing/quick"
)

// Every field travels: whoever adds one to a Command or an Entry and forgets it
// here is told.
func TestEntriesTravelWithEveryField(t *testing.T) {
	if err := quick.Check(func(e Entry, before, after uint8) bool {
		e.Command.Size %= 500
		b := AppendEntry([]byte{before}, &e)
		if len(b) != 1+EntrySize+int(e.Command.Size) {
			t.Logf("%+v takes %d bytes", e, len(b))
			return false
		}
		s := Scan(append(b, after))
		return s.Uint8() == before && s.Entry() == e && s.Len() == 1 && s.Uint8() == after && s.Done() == nil
	}, nil); err != nil {
		t.Error(err)
	}
}

// The payload is zero whatever the buffer held before.
func TestPayloadsAreZero(t *testing.T) {
	buffer := make([]byte, 100)
	for i := range buffer {
		buffer[i] = 7
	}
	b := AppendCommand(buffer[:0], &Command{Size: 50})
	for i, x := range b[CommandSize:] {
		if x != 0 {
			t.Fatalf("byte %d of the payload is %d", i, x)
		}
	}
}

func TestScannerSaysWhatIsMissingAndWhatIsLeft(t *testing.T) {
	whole := AppendEntry(nil, &Entry{EntryID{3, 4}, Command{Size: 5, Value: 6}})
	for n := range whole {
		s := Scan(whole[:n])
		if s.Entry(); !errors.Is(s.Done(), ErrShort) || !errors.Is(s.Err(), ErrShort) {
			t.Errorf("%d of %d bytes: %v", n, len(whole), s.Done())
		}
		if s.Uint8() != 0 || s.Uint16() != 0 || s.Uint32() != 0 || s.Uint64() != 0 || s.EntryID() != (EntryID{}) || s.Command() != (Command{}) {
			t.Errorf("%d of %d bytes: a field behind the end", n, len(whole))
		}
	}
	s := Scan(append(whole, 1))
	if s.Entry(); !errors.Is(s.Done(), ErrTrailing) || s.Err() != nil {
		t.Errorf("one byte more: %v", s.Done())
	}
	if s := Scan(whole); s.Take(-1) != nil || s.Err() == nil {
		t.Error("took a negative number of bytes")
	}
}
