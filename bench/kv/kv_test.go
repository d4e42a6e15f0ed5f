package kv

import (
	"math/rand/v2"
	"testing"

	"raftzab/protocols"
)

func put(index uint64, session, seq, key uint32, value uint64) protocols.Entry {
	return protocols.Entry{ID: protocols.EntryID{Epoch: 1, Index: index}, Command: protocols.Command{ID: protocols.RequestID{Session: session, Seq: seq}, Key: key, Value: value, Op: Put}}
}

func reads(t *testing.T, s *Store, key uint32, value, version uint64) {
	t.Helper()
	if v, n := s.Read(key); v != value || n != version {
		t.Errorf("key %d is %d, version %d; want %d, version %d", key, v, n, value, version)
	}
}

func TestVersionsCountTheWritesOfAKey(t *testing.T) {
	var s Store
	reads(t, &s, 7, 0, 0)
	for i, c := range []struct {
		key     uint32
		version uint64
	}{{7, 1}, {7, 2}, {3, 1}, {7, 3}, {3, 2}} {
		n := uint32(i + 1)
		if got := s.Apply(put(uint64(n), 1, n, c.key, uint64(10*n))); got != c.version {
			t.Errorf("write %d makes version %d, want %d", n, got, c.version)
		}
	}
	reads(t, &s, 7, 40, 3)
	reads(t, &s, 3, 50, 2)
	reads(t, &s, 5, 0, 0)
	reads(t, &s, 1000, 0, 0)
}

// A write that is in the log twice takes effect once, and is answered with its
// first result as long as its session has not gone on.
func TestWriteTakesEffectOnce(t *testing.T) {
	var s Store
	first := s.Apply(put(1, 1, 1, 7, 10))
	s.Apply(put(2, 2, 1, 7, 20)) // another session
	if again := s.Apply(put(3, 1, 1, 7, 10)); again != first || first != 1 {
		t.Errorf("applied again: version %d, was %d", again, first)
	}
	reads(t, &s, 7, 20, 2)
	s.Apply(put(4, 1, 3, 7, 30)) // 2 is lost, or late
	for _, seq := range []uint32{1, 2} {
		if v := s.Apply(put(uint64(4+seq), 1, seq, 7, 99)); v != 0 {
			t.Errorf("write %d behind write 3: version %d; nobody can tell", seq, v)
		}
	}
	reads(t, &s, 7, 30, 3)
}

func TestResultTellsWhatBecameOfAWrite(t *testing.T) {
	var s Store
	s.Apply(put(1, 2, 5, 7, 10))
	for _, c := range []struct {
		session, seq uint32
		version      uint64
		done         bool
	}{{2, 5, 1, true}, {2, 4, 0, true}, {2, 6, 0, false}, {1, 1, 0, false}, {9, 1, 0, false}} {
		if v, done := s.Result(protocols.RequestID{Session: c.session, Seq: c.seq}); v != c.version || done != c.done {
			t.Errorf("%d.%d: version %d, done %t", c.session, c.seq, v, done)
		}
	}
}

// The empty command moves the position on and nothing else.
func TestEmptyCommandDoesNothing(t *testing.T) {
	var s Store
	s.Apply(put(1, 1, 1, 0, 10))
	at := protocols.EntryID{Epoch: 2, Index: 2}
	if v := s.Apply(protocols.Entry{ID: at}); v != 0 || s.At() != at {
		t.Errorf("version %d at %v", v, s.At())
	}
	get := put(3, 1, 2, 0, 99)
	get.Command.Op = Get
	if v := s.Apply(get); v != 0 {
		t.Errorf("a read in the log makes version %d", v)
	}
	reads(t, &s, 0, 10, 1)
	if v, done := s.Result(protocols.RequestID{Session: 1, Seq: 1}); v != 1 || !done {
		t.Errorf("the session: version %d, done %t", v, done)
	}
}

// An image stays as it was, whatever becomes of the store that it was made of
// and of those that were loaded from it.
func TestImageNeverChanges(t *testing.T) {
	var s Store
	s.Apply(put(1, 1, 1, 7, 10))
	image := s.Image()
	snapshot := image.Snapshot()
	var a, b Store
	a.Apply(put(5, 3, 1, 9, 1)) // replaced
	for i, store := range []*Store{&s, &a, &b} {
		if i > 0 {
			store.Load(image)
		}
		store.Apply(put(2, 1, 2, 7, uint64(20+i)))
		store.Apply(put(3, 1, 3, 8, uint64(30+i)))
	}
	for i, store := range []*Store{&s, &a, &b} {
		reads(t, store, 7, uint64(20+i), 2)
		reads(t, store, 8, uint64(30+i), 1)
		reads(t, store, 9, 0, 0)
	}
	var late Store
	late.Load(image)
	reads(t, &late, 7, 10, 1)
	reads(t, &late, 8, 0, 0)
	if v, done := late.Result(protocols.RequestID{Session: 1, Seq: 2}); done {
		t.Errorf("write 2 is done in the image: version %d", v)
	}
	if image.Snapshot() != snapshot || snapshot.At != (protocols.EntryID{Epoch: 1, Index: 1}) || snapshot.Size == 0 || late.At() != snapshot.At {
		t.Errorf("%+v, then %+v; loaded at %v", snapshot, image.Snapshot(), late.At())
	}
}

// A store that went through an image on the way, with duplicates in the log and
// commands of no effect, ends like one that did not, and both like a map.
func TestStoreIsAFunctionOfTheLog(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		var plain, jumpy Store
		values, versions := map[uint32]uint64{}, map[uint32]uint64{}
		latest := map[uint32]uint32{}
		for i := range uint64(300) {
			e := put(i+1, uint32(1+rng.IntN(4)), uint32(1+i/10)+uint32(rng.IntN(5)), uint32(rng.IntN(6)), rng.Uint64())
			if rng.IntN(10) == 0 {
				e.Command = protocols.Command{}
			}
			c := e.Command
			if c.Op == Put && c.ID.Seq > latest[c.ID.Session] {
				latest[c.ID.Session] = c.ID.Seq
				values[c.Key] = c.Value
				versions[c.Key]++
			}
			if a, b := plain.Apply(e), jumpy.Apply(e); a != b {
				t.Fatalf("entry %d: version %d, %d", i, a, b)
			}
			if rng.IntN(20) == 0 {
				image := jumpy.Image()
				jumpy = Store{}
				jumpy.Load(image)
			}
		}
		for key := range uint32(6) {
			reads(t, &plain, key, values[key], versions[key])
			reads(t, &jumpy, key, values[key], versions[key])
		}
	}
}
