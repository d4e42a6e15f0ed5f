package zab

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"testing/quick"

	"raftzab/protocols"
)

// arrange brings a message whose fields are by chance into the range of each, and
// sets about half of them to zero, which is the usual case on the wire.
func (m *Message) arrange(rng *rand.Rand) {
	m.Command.Size %= 200

	v := reflect.ValueOf(m).Elem()
	for i := range v.NumField() {
		if rng.IntN(2) == 0 {
			v.Field(i).SetZero()
		}
	}
	m.Type %= MessageTypes
	m.State %= protocols.Role(len(stateNames))
}

// Every field travels: whoever adds one to Message and forgets the wire is told.
func TestMessagesTravelWithEveryField(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	whole := 0
	if err := quick.Check(func(m Message, all bool) bool {
		if !all {
			m.arrange(rng)
		} else {
			m.arrange(rand.New(ones{}))
			whole++
		}
		b, err := m.AppendBinary([]byte("before"))
		if err != nil || string(b[:6]) != "before" {
			t.Logf("%+v: %v", m, err)
			return false
		}
		got, err := ParseMessage(b[6:])
		if err != nil || !reflect.DeepEqual(got, m) {
			t.Logf("%+v\ncomes back as %+v, %v", m, got, err)
			return false
		}
		return true
	}, &quick.Config{MaxCount: 2000}); err != nil {
		t.Error(err)
	}
	if whole < 100 {
		t.Errorf("%d messages only had every field", whole)
	}
}

// ones draws what is never zero.
type ones struct{}

func (ones) Uint64() uint64 { return ^uint64(0) }

// What is cut short, or goes on, or has a field for nothing, is an error, and
// never half a message.
func TestMessagesThatAreNoneAreRefused(t *testing.T) {
	m := Message{Type: Proposal, Learner: 3, Conn: 2, Zxid: Zxid{Epoch: 2, Index: 8}, Command: Command{Size: 5, Op: 1}}
	whole, _ := m.AppendBinary(nil)
	for n := range whole {
		if got, err := ParseMessage(whole[:n]); !errors.Is(err, protocols.ErrShort) || !reflect.DeepEqual(got, Message{}) {
			t.Errorf("%d of %d bytes: %v, %v", n, len(whole), got, err)
		}
	}
	if _, err := ParseMessage(append(slices.Clone(whole), 0)); !errors.Is(err, protocols.ErrTrailing) {
		t.Errorf("a byte behind the end: %v", err)
	}
	for name, b := range map[string][]byte{
		"a type behind the last":  {uint8(MessageTypes), 0, 0},
		"a field behind the last": {0, fieldsEnd >> 8, 0},
		"a learner 0":             {0, 0, hasLearner, 0, 0},
		"a state of nobody":       {0, 0, hasState, 9},
	} {
		if got, err := ParseMessage(b); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func FuzzParseMessage(f *testing.F) {
	rng := rand.New(rand.NewPCG(3, 4))
	for t := MessageType(0); t < MessageTypes; t++ {
		m := Message{Type: Proposal, Learner: 3, Conn: 2, Zxid: Zxid{Epoch: 2, Index: 8}, Command: Command{Size: 5, Op: 1}}
		m.arrange(rng)
		b, _ := m.AppendBinary(nil)
		f.Add(b)
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseMessage(b)
		if err != nil {
			return
		}
		_, _, _ = m.String(), m.Kind(), m.Size() // a message that came in may be counted and traced
		again, _ := m.AppendBinary(nil)
		if len(again) != len(b) {
			t.Fatalf("%d bytes make %v, which takes %d", len(b), m, len(again))
		}
		if got, err := ParseMessage(again); err != nil || !reflect.DeepEqual(got, m) {
			t.Fatalf("%+v comes back as %+v, %v", m, got, err)
		}
	})
}
