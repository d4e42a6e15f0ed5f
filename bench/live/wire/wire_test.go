package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// stream returns frames of many sizes one behind the other, and what they are.
func stream() (b []byte, kinds []Type, bodies [][]byte) {
	rng := rand.New(rand.NewPCG(1, 2))
	for i, n := range []int{0, 1, 5, 100, 4091, 4096, 10_000, 0, 3} {
		t := Type(1 + i)
		body := make([]byte, n)
		for k := range body {
			body[k] = byte(rng.Uint32())
		}
		b = AppendFrame(b, t, func(b, x []byte) []byte { return append(b, x...) }, body)
		kinds, bodies = append(kinds, t), append(bodies, body)
	}
	return b, kinds, bodies
}

// However the stream is cut into reads, the frames come out whole and in order.
func TestFramesComeOutAsTheyWentIn(t *testing.T) {
	b, kinds, bodies := stream()
	for name, from := range map[string]io.Reader{
		"at once":                        bytes.NewReader(b),
		"byte by byte":                   iotest.OneByteReader(bytes.NewReader(b)),
		"by halves":                      iotest.HalfReader(bytes.NewReader(b)),
		"the end comes with the last":    iotest.DataErrReader(bytes.NewReader(b)),
		"in pieces unlike the frames":    &pieces{b: b, n: 7},
		"in pieces greater than buffers": &pieces{b: b, n: 5000},
	} {
		r := NewReader(from, 16)
		for i := range kinds {
			kind, body, err := r.Next()
			if err != nil || kind != kinds[i] || !bytes.Equal(body, bodies[i]) {
				t.Fatalf("%s: frame %d is a %v of %d bytes, %v; want a %v of %d", name, i, kind, len(body), err, kinds[i], len(bodies[i]))
			}
		}
		if _, _, err := r.Next(); err != io.EOF {
			t.Errorf("%s: at the end %v", name, err)
		}
	}
}

type pieces struct {
	b []byte
	n int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.b) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.b[:min(p.n, len(p.b))])
	p.b = p.b[n:]
	return n, nil
}

// A stream that ends inside a frame has lost something; one that ends between two
// has not.
func TestTheEndInsideAFrameIsUnexpected(t *testing.T) {
	b, _, bodies := stream()
	ends := map[int]bool{}
	at := 0
	for _, body := range bodies {
		ends[at] = true
		at += headerSize + len(body)
	}
	for n := range b[:300] {
		r := NewReader(bytes.NewReader(b[:n]), 16)
		var err error
		for err == nil {
			_, _, err = r.Next()
		}
		if want := map[bool]error{true: io.EOF, false: io.ErrUnexpectedEOF}[ends[n]]; err != want {
			t.Errorf("after %d bytes: %v, want %v", n, err, want)
		}
	}
	broken := errors.New("broken")
	r := NewReader(io.MultiReader(bytes.NewReader(b[:9]), iotest.ErrReader(broken)), 16)
	r.Next()
	if _, _, err := r.Next(); err != broken {
		t.Errorf("where reading fails: %v", err)
	}
}

// Buffered tells whether to go on collecting: exactly when a whole frame is there.
func TestBufferedMeansThatNextDoesNotRead(t *testing.T) {
	b, _, bodies := stream()
	from := &pieces{b: b, n: 600}
	r := NewReader(from, 64)
	answers := map[bool]int{}
	for range bodies {
		buffered, left := r.Buffered(), len(from.b)
		if _, _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
		if read := len(from.b) != left; read == buffered {
			t.Fatalf("Buffered is %t, and then Next reads: %t", buffered, read)
		}
		answers[buffered]++
	}
	if answers[true] == 0 || answers[false] == 0 {
		t.Errorf("answers %v; the test looks at one case only", answers)
	}
}

// A header may promise anything. It gets no memory before bytes come.
func TestALengthGetsNoMemoryByItself(t *testing.T) {
	for _, n := range []uint32{MaxBody + 1, 1 << 31, 1<<32 - 1} {
		b := append(binary.BigEndian.AppendUint32(nil, n), byte(TypeMessage))
		r := NewReader(bytes.NewReader(b), 16)
		if _, _, err := r.Next(); err != ErrTooLong {
			t.Errorf("length %d: %v", n, err)
		}
	}
	b := append(binary.BigEndian.AppendUint32(nil, MaxBody), byte(TypeMessage))
	r := NewReader(bytes.NewReader(append(b, make([]byte, 40)...)), 16)
	if _, _, err := r.Next(); err != io.ErrUnexpectedEOF || len(r.buf) > 128 {
		t.Errorf("%v, with a buffer of %d bytes", err, len(r.buf))
	}
	big := make([]byte, headerSize+MaxBody+1)
	if err := End(big, 0); err != ErrTooLong {
		t.Errorf("a frame of one byte too many: %v", err)
	}
	if err := End(big[:headerSize+MaxBody], 0); err != nil {
		t.Errorf("the longest frame: %v", err)
	}
}

func TestUnknownTypesAreErrors(t *testing.T) {
	for _, x := range []Type{0, types, 255} {
		r := NewReader(bytes.NewReader([]byte{0, 0, 0, 0, byte(x)}), 16)
		if _, _, err := r.Next(); err == nil || !strings.Contains(err.Error(), "type") {
			t.Errorf("type %d: %v", x, err)
		}
	}
}

func FuzzReader(f *testing.F) {
	b, _, _ := stream()
	f.Add(b[:200], uint8(3))
	f.Add([]byte{255, 255, 255, 255, 6}, uint8(1))
	f.Add([]byte{0, 0, 0, 1, 6, 9, 0}, uint8(200))
	f.Fuzz(func(t *testing.T, b []byte, n uint8) {
		r := NewReader(&pieces{b: slices.Clone(b), n: 1 + int(n)}, 8)
		var again []byte
		for {
			kind, body, err := r.Next()
			if err != nil {
				break
			}
			again = AppendFrame(again, kind, func(b, x []byte) []byte { return append(b, x...) }, body)
		}
		if !bytes.HasPrefix(b, again) || len(r.buf) > 2*len(b)+16 {
			t.Fatalf("% x was read as % x, in a buffer of %d bytes", b, again, len(r.buf))
		}
	})
}

func BenchmarkReader(b *testing.B) {
	var frames []byte
	for range 1000 {
		frames = AppendFrame(frames, TypeRequest, func(b []byte, n int) []byte { return append(b, make([]byte, n)...) }, 170)
	}
	b.SetBytes(175)
	from := bytes.NewReader(frames)
	r := NewReader(from, 1<<16)
	for b.Loop() {
		if _, _, err := r.Next(); err != nil {
			from.Reset(frames)
		}
	}
}
