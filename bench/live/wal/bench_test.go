package wal

import (
	"fmt"
	"testing"

	"raftzab/protocols"
)

// A flow is appends to one log without end, of which the base follows behind.
type flow struct {
	ws      []protocols.Write
	entries []protocols.Entry
	index   uint64
}

// newFlow makes batches of so many writes of one entry.
func newFlow(writes int, size uint32) *flow {
	f := &flow{ws: make([]protocols.Write, writes), entries: make([]protocols.Entry, writes)}
	for i := range f.entries {
		f.entries[i].Command = protocols.Command{Key: 7, Size: size, Value: 1, Op: 1}
	}
	return f
}

func (f *flow) next() []protocols.Write {
	for i := range f.ws {
		after := protocols.EntryID{Epoch: 1, Index: f.index}
		f.index++
		f.entries[i].ID = protocols.EntryID{Epoch: 1, Index: f.index}
		f.ws[i] = protocols.Write{Registers: protocols.Registers{1, 1}, After: after, Entries: f.entries[i : i+1]}
		if f.index > 1000 { // not the case of a real log, whose base has a snapshot
			f.ws[i].Base = protocols.EntryID{Epoch: 1, Index: f.index - 1000}
		}
	}
	return f.ws
}

func openReal(t testing.TB, o Options) *Store {
	t.Helper()
	s, err := Open(t.TempDir(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func (f *flow) append(t testing.TB, s *Store) {
	if err := s.Append(f.next()); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkAppendAndSync(b *testing.B) {
	for _, writes := range []int{1, 64} {
		b.Run(fmt.Sprint(writes), func(b *testing.B) {
			s, f := openReal(b, Options{}), newFlow(writes, 128)
			b.ReportAllocs()
			for b.Loop() {
				f.append(b, s)
				if err := s.Sync(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N*writes)/b.Elapsed().Seconds(), "writes/s")
		})
	}
}

// Without a sync: what the processor does, for a disk that swallows everything.
func BenchmarkAppend(b *testing.B) {
	for _, writes := range []int{1, 64} {
		b.Run(fmt.Sprint(writes), func(b *testing.B) {
			s, f := openReal(b, Options{Files: abyss{OS()}}), newFlow(writes, 128)
			b.ReportAllocs()
			for b.Loop() {
				f.append(b, s)
			}
			b.SetBytes(int64(len(s.log.buffer)))
		})
	}
}

// An abyss writes nothing.
type abyss struct{ FS }

func (a abyss) Open(name string) (File, error) {
	f, err := a.FS.Open(name)
	return nothing{f}, err
}

type nothing struct{ File }

func (nothing) WriteAt(b []byte, _ int64) (int, error) { return len(b), nil }
func (nothing) Reserve(int64) error                    { return nil }
func (nothing) Sync() error                            { return nil }

func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	s, err := Open(dir, Options{})
	if err != nil {
		b.Fatal(err)
	}
	f := newFlow(64, 128)
	for range 1000 {
		f.append(b, s)
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(1000 * int64(len(s.log.buffer)))
	for b.Loop() {
		s, err := Open(dir, Options{})
		if err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
}

// Once its buffer is there, appending allocates nothing.
func TestAppendAllocatesNothing(t *testing.T) {
	s, f := openReal(t, Options{SegmentSize: 8 << 20}), newFlow(64, 128)
	for range 110 { // into the second segment, past the half of it, where the third is made
		f.append(t, s)
	}
	s.work.wait()
	if n := testing.AllocsPerRun(30, func() {
		f.append(t, s)
		if err := s.Sync(); err != nil {
			t.Error(err)
		}
	}); n > 0 {
		t.Errorf("%.2f allocations per Append and Sync", n)
	}
}
