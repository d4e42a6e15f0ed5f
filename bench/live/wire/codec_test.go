package wire

import (
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
	"testing/quick"

	"raftzab/bench"
	"raftzab/bench/random"
	"raftzab/protocols"
)

// A codec is one pair of functions, seen from tests.
type codec struct {
	name   string
	append func(any) []byte
	parse  func([]byte) (any, error)
	random func(*rand.Rand) any // in the ranges that the codec has, else any value of each field
}

func pair[X any](name string, enc func([]byte, X) []byte, dec func([]byte) (X, error), arrange func(*X)) codec {
	return codec{
		name:   name,
		append: func(x any) []byte { return enc(nil, x.(X)) },
		parse:  func(b []byte) (any, error) { return dec(b) },
		random: func(rng *rand.Rand) any {
			var x X
			fill(reflect.ValueOf(&x).Elem(), rng)
			arrange(&x)
			return x
		},
	}
}

// fill gives every field a value by chance, one in four of them zero.
func fill(v reflect.Value, rng *rand.Rand) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), rng)
		}
		return
	case reflect.Slice:
		if n := rng.IntN(4); n > 0 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
			for i := range n {
				fill(v.Index(i), rng)
			}
		}
		return
	}
	if rng.IntN(4) == 0 {
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(rng.Uint64() >> (64 - v.Type().Bits()))
	case reflect.Int64:
		v.SetInt(int64(rng.Uint64()))
	case reflect.Float64:
		v.SetFloat(rng.NormFloat64() * 1e9)
	case reflect.String:
		v.SetString(string([]byte{byte(rng.Uint32()), byte(rng.Uint32())}))
	default:
		panic("cannot fill a " + v.Kind().String())
	}
}

var codecs = []codec{
	pair("Request", AppendRequest, ParseRequest, func(r *bench.Request) {
		r.Mode %= protocols.ReadSync + 1
		r.Op = 1 + r.Op%2
		r.Size %= 300
		r.ID.Session, r.ID.Seq, r.Key = 1+r.ID.Session%MaxSession, max(r.ID.Seq, 1), r.Key%(MaxKey+1)
	}),
	pair("Reply", AppendReply, ParseReply, func(r *bench.Reply) { r.Outcome %= bench.Unknown + 1 }),
	pair("Hello", AppendHello, ParseHello, func(h *Hello) { h.From, h.Call = max(h.From, 1), max(h.Call, 1) }),
	pair("Welcome", AppendWelcome, ParseWelcome, func(*Welcome) {}),
	pair("Happened", AppendHappened, ParseHappened, func(h *Happened) {
		h.Status.Role %= protocols.Observer + 1
		for i := range h.Events {
			e := &h.Events[i]
			e.Kind, e.Role, e.Phase = e.Kind%protocols.EventKinds, e.Role%(protocols.Observer+1), e.Phase%(protocols.Snap+1)
		}
	}),
	pair("Sent", AppendSent, ParseSent, func(*Sent) {}),
	pair("Text", AppendText, ParseText, func(*string) {}),
	pair("Listen", AppendListen, ParseListen, func(l *Listen) { l.Events &= protocols.AllEvents }),
	pair("Transfer", AppendTransfer, ParseTransfer, func(*protocols.NodeID) {}),
	pair("Disk", AppendDisk, ParseDisk, func(d *Disk) {
		d.Fsync.Shape %= random.Pareto + 1
		d.Fsync.A &= math.MaxInt64
		d.Fsync.B &= math.MaxInt64
		d.Fsync.Sigma = max(math.Abs(d.Fsync.Sigma), 1)
	}),
	pair("Clock", AppendClock, ParseClock, func(c *Clock) { c.Skew, c.Drift = c.Skew&math.MaxInt64, max(c.Drift, -0.5) }),
}

// Whoever adds a field to one of these types and forgets its codec is told.
func TestEverythingTravelsWithEveryField(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, c := range codecs {
		for range 2000 {
			x := c.random(rng)
			got, err := c.parse(c.append(x))
			if err != nil || !reflect.DeepEqual(got, x) {
				t.Fatalf("%s: %+v comes back as %+v, %v", c.name, got, x, err)
			}
		}
	}
}

// A body that is cut short or goes on is an error, and never half a value.
func TestBodiesOfAnotherLengthAreRefused(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, c := range codecs {
		if c.name == "Text" {
			continue // any length will do
		}
		for range 50 {
			b := c.append(c.random(rng))
			for n := range b {
				got, err := c.parse(b[:n])
				if c.name == "Happened" && err == nil && (n-statusSize-8)%eventSize == 0 {
					continue // one event less
				}
				if !errors.Is(err, protocols.ErrShort) && !errors.Is(err, protocols.ErrTrailing) || !reflect.ValueOf(got).IsZero() {
					t.Fatalf("%s: %d of %d bytes give %+v, %v", c.name, n, len(b), got, err)
				}
			}
			if got, err := c.parse(append(b, 0)); !errors.Is(err, protocols.ErrTrailing) || !reflect.ValueOf(got).IsZero() {
				t.Fatalf("%s: a byte behind the end gives %+v, %v", c.name, got, err)
			}
		}
	}
}

func TestWhatCannotBeIsRefused(t *testing.T) {
	request := bench.Request{Command: protocols.Command{ID: protocols.RequestID{Session: 1, Seq: 1}, Op: 1}}
	if _, err := ParseRequest(AppendRequest(nil, request)); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*bench.Request){
		"session 0":           func(r *bench.Request) { r.ID.Session = 0 },
		"a session too great": func(r *bench.Request) { r.ID.Session = MaxSession + 1 },
		"seq 0":               func(r *bench.Request) { r.ID.Seq = 0 },
		"a key too great":     func(r *bench.Request) { r.Key = MaxKey + 1 },
		"no operation":        func(r *bench.Request) { r.Op = 0 },
		"an operation 3":      func(r *bench.Request) { r.Op = 3 },
		"a read mode":         func(r *bench.Request) { r.Mode = protocols.ReadSync + 1 },
	} {
		r := request
		if spoil(&r); passes(ParseRequest(AppendRequest(nil, r))) {
			t.Errorf("a request with %s passes", name)
		}
	}
	for name, passed := range map[string]bool{
		"a reply's outcome": passes(ParseReply(AppendReply(nil, bench.Reply{Outcome: 3}))),
		"a hello of nobody": passes(ParseHello(AppendHello(nil, Hello{Call: 1}))),
		"a hello's call 0":  passes(ParseHello(AppendHello(nil, Hello{From: 1}))),
		"a role":            passes(ParseHappened(AppendHappened(nil, Happened{Status: protocols.Status{Role: 4}}))),
		"an event's kind":   passes(ParseHappened(AppendHappened(nil, Happened{Events: []protocols.Event{{Kind: protocols.EventKinds}}}))),
		"an event's role":   passes(ParseHappened(AppendHappened(nil, Happened{Events: []protocols.Event{{Role: 4}}}))),
		"an event's phase":  passes(ParseHappened(AppendHappened(nil, Happened{Events: []protocols.Event{{Phase: 7}}}))),
		"a set of events":   passes(ParseListen(AppendListen(nil, Listen{Events: protocols.AllEvents + 1}))),
		"a shape":           passes(ParseDisk(AppendDisk(nil, Disk{Fsync: random.Distribution{Shape: 6}}))),
		"a negative fsync":  passes(ParseDisk(AppendDisk(nil, Disk{Fsync: random.Always(-1)}))),
		"a sigma":           passes(ParseDisk(AppendDisk(nil, Disk{Fsync: random.Distribution{Sigma: math.NaN()}}))),
		"a clock back":      passes(ParseClock(AppendClock(nil, Clock{Skew: -1}))),
		"a clock that goes": passes(ParseClock(AppendClock(nil, Clock{Drift: -1}))),
		"a drift":           passes(ParseClock(AppendClock(nil, Clock{Drift: math.NaN()}))),
	} {
		if passed {
			t.Errorf("%s that there is not passes", name)
		}
	}
}

func passes[X any](_ X, err error) bool { return err == nil }

// A message and its chunk come apart where they were put together.
func TestMessagesAndChunks(t *testing.T) {
	if err := quick.Check(func(message, chunk []byte) bool {
		b, err := AppendMessage([]byte("x"), func(b []byte) ([]byte, error) { return append(b, message...), nil }, chunk)
		if err != nil || b[0] != 'x' || len(b) > 1+headerSize+4+len(message)+len(chunk) {
			return false
		}
		kind := Type(b[5])
		m, c, err := SplitMessage(kind, b[6:])
		return err == nil && string(m) == string(message) && string(c) == string(chunk) && (kind == TypeMessage) == (len(chunk) == 0)
	}, nil); err != nil {
		t.Error(err)
	}
	for _, b := range [][]byte{{}, {0, 0, 0}, {0, 0, 0, 4, 1, 2, 3}, {255, 255, 255, 255, 1}, {0, 0, 0, 1, 1}} {
		if m, c, err := SplitMessage(TypeMessageChunk, b); err == nil {
			t.Errorf("% x: message % x, chunk % x", b, m, c)
		}
	}
	failed := errors.New("failed")
	if b, err := AppendMessage([]byte("x"), func(b []byte) ([]byte, error) { return append(b, 1), failed }, nil); err != failed || string(b) != "x" {
		t.Errorf("where the codec fails: %q, %v", b, err)
	}
	if b, err := AppendMessage([]byte("x"), func(b []byte) ([]byte, error) { return b, nil }, make([]byte, MaxBody)); err != ErrTooLong || string(b) != "x" {
		t.Errorf("a chunk that is too long: %d bytes, %v", len(b), err)
	}
}

// What parses goes back to the bytes that it came from, but for payloads.
func FuzzBodies(f *testing.F) {
	rng := rand.New(rand.NewPCG(5, 6))
	for i, c := range codecs {
		f.Add(uint8(i), c.append(c.random(rng)))
	}
	f.Fuzz(func(t *testing.T, which uint8, b []byte) {
		c := codecs[int(which)%len(codecs)]
		x, err := c.parse(b)
		if err != nil {
			return
		}
		again := c.append(x)
		if len(again) != len(b) {
			t.Fatalf("%s: %d bytes give %+v, which takes %d", c.name, len(b), x, len(again))
		}
		if got, err := c.parse(again); err != nil || !reflect.DeepEqual(got, x) {
			t.Fatalf("%s: %+v comes back as %+v, %v", c.name, x, got, err)
		}
	})
}

func BenchmarkRequest(b *testing.B) {
	r := bench.Request{Command: protocols.Command{ID: protocols.RequestID{Session: 1, Seq: 1}, Op: 1, Size: 128}}
	var buffer []byte
	b.ReportAllocs()
	for b.Loop() {
		buffer = AppendFrame(buffer[:0], TypeRequest, AppendRequest, r)
		if _, err := ParseRequest(buffer[headerSize:]); err != nil {
			b.Fatal(err)
		}
	}
}
