package kv

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"reflect"
	"testing"

	"raftzab/protocols"
)

// drawn returns the image of a store that so many random writes have made.
func drawn(rng *rand.Rand, writes int) *Image {
	var s Store
	for i := range writes {
		s.Apply(put(uint64(i+1), uint32(1+rng.IntN(5)), uint32(i+1), uint32(rng.IntN(20)), rng.Uint64()))
	}
	return s.Image()
}

func TestImageGoesThroughBytes(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for n := range 100 {
		image := drawn(rng, n)
		before := []byte("before")
		b := AppendImage(before, image)[len(before):]
		if uint64(len(b)) != image.Snapshot().Size {
			t.Fatalf("%d writes: %d bytes, and the snapshot is %+v", n, len(b), image.Snapshot())
		}
		got, err := ParseImage(b)
		if err != nil {
			t.Fatalf("%d writes: %v", n, err)
		}
		if got.Snapshot() != image.Snapshot() || !reflect.DeepEqual(got, image) {
			t.Fatalf("%d writes: %+v came back as %+v", n, image, got)
		}
	}
}

// Every byte counts: another one in its place is found out, and so is a length
// that is not the image's.
func TestImageThatChangedOnTheWayIsRefused(t *testing.T) {
	b := AppendImage(nil, drawn(rand.New(rand.NewPCG(5, 6)), 12))
	for i := range b {
		for _, flip := range []byte{1, 0x80, 0xff} {
			changed := bytes.Clone(b)
			changed[i] ^= flip
			if _, err := ParseImage(changed); err == nil {
				t.Errorf("byte %d of %d may be %#x instead of %#x", i, len(b), changed[i], b[i])
			}
		}
	}
	for n := range len(b) {
		if _, err := ParseImage(b[:n]); err == nil {
			t.Errorf("%d bytes of %d pass for an image", n, len(b))
		}
	}
	if _, err := ParseImage(append(bytes.Clone(b), 0)); err == nil {
		t.Error("an image with a byte more passes")
	}
}

// What the CRC does not find, because it was made over it.
func TestImageHasOneForm(t *testing.T) {
	good := AppendImage(nil, drawn(rand.New(rand.NewPCG(7, 8)), 12))
	for name, change := range map[string]func(b []byte){
		"a header that goes on":       func(b []byte) { b[48] = 1 },
		"a session that goes on":      func(b []byte) { b[len(b)-9] = 1 },
		"more cells than bytes":       func(b []byte) { binary.BigEndian.PutUint64(b[24:], 1<<60) },
		"more sessions than bytes":    func(b []byte) { binary.BigEndian.PutUint64(b[32:], 1<<60) },
		"counts whose sum comes over": func(b []byte) { b[24], b[32] = 0xff, 1 },
	} {
		b := bytes.Clone(good)
		change(b)
		binary.BigEndian.PutUint64(b[40:], uint64(imageSum(b)))
		if _, err := ParseImage(b); err == nil {
			t.Errorf("%s passes", name)
		}
	}
}

func FuzzParseImage(f *testing.F) {
	rng := rand.New(rand.NewPCG(9, 10))
	for _, n := range []int{0, 1, 7, 30} {
		f.Add(AppendImage(nil, drawn(rng, n)), false)
	}
	f.Add([]byte(imageMark), true)
	f.Add(make([]byte, imageHeader+3*imageCell), true)
	f.Fuzz(func(t *testing.T, b []byte, sealed bool) {
		if sealed && len(b) >= imageHeader { // let it come past the checks of mark and CRC
			copy(b, imageMark)
			binary.BigEndian.PutUint64(b[40:], uint64(imageSum(b)))
		}
		image, err := ParseImage(b)
		if err != nil {
			return
		}
		if again := AppendImage(nil, image); !bytes.Equal(again, b) {
			t.Errorf("% x became % x", b, again)
		}
		if s := image.Snapshot(); s.Size != uint64(len(b)) || s.Size == 0 {
			t.Errorf("%d bytes are %+v", len(b), s)
		}
		var s Store
		s.Load(image)
		s.Apply(put(1, 1, 1, 1, 1))
		if s.Result(protocols.RequestID{Session: 1, Seq: 1}); s.At().Index != 1 {
			t.Errorf("the store is at %v", s.At())
		}
	})
}
