package wal

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"raftzab/protocols"
)

// copyOf is a disk with the same files, all of which are durable.
func (d *disk) copyOf() *disk {
	c := newDisk(d.rng)
	for name, n := range d.names {
		c.names[name] = &inode{cached: bytes.Clone(n.cached), stable: bytes.Clone(n.cached)}
	}
	c.durable = maps.Clone(c.names)
	return c
}

// settled is a story without faults, whose store is closed and all is durable.
func settled(t testing.TB, seed uint64, size int64, acts int) *story {
	y := newStory(t, seed)
	y.opts.SegmentSize = size
	y.open(true)
	y.live(acts)
	if err := y.store.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := y.store.Close(); err != nil {
		t.Fatal(err)
	}
	return y
}

// opens recovers from a copy of a disk.
func (y *story) opens(d *disk) (protocols.Recovered, error) {
	d.kill()
	o := y.opts
	o.Files = d
	s, err := Open(folder, o)
	if err != nil {
		return protocols.Recovered{}, err
	}
	got, image := s.Recovered()
	if problem := contains(&got, image); problem != "" {
		y.fatalf("%s", problem)
	}
	return got, s.Close()
}

// An extent is where a record lies.
type extent struct {
	at, pad, end int64
	durable      int64 // at least so much of the file is, as this record says
}

// extents finds the records of a segment.
func extents(t testing.TB, d *disk, name string, number uint64) (all []extent) {
	r := &reader{name: name, number: number, file: &handle{d, d.names[name]}, size: int64(len(d.names[name].cached))}
	at, sum := int64(0), uint32(0)
	for {
		rec, err := r.next(at, sum)
		if err != nil {
			t.Fatal(err)
		}
		if !rec.kept {
			return all
		}
		all = append(all, extent{at, at + headerSize + int64(rec.length), at + rec.size, int64(rec.durable)})
		at, sum = at+rec.size, rec.sum
	}
}

// Whichever byte of what was durable is another, every third is tried: the store does not open, and says
// where. Or it is one of those that say nothing, and all is there.
func TestDamageIsToldWithFileAndOffset(t *testing.T) {
	t.Parallel()
	flips := map[bool]int{}
	for seed := range uint64(3) {
		y := settled(t, seed, 2048, 60)
		named := filepath.Join(folder, snapshotName(y.now().Snapshot.At))
		for name, n := range y.disk.names {
			var number uint64
			fmt.Sscanf(filepath.Base(name), "log-%d", &number)
			var records []extent
			if number > 0 {
				records = extents(t, y.disk, name, number)
			}
			for i := y.rng.IntN(5); i < len(n.cached); i += 1 + y.rng.IntN(5) {
				d := y.disk.copyOf()
				d.names[name].cached[i] ^= byte(1 + y.rng.IntN(255))
				where, counts := int64(0), name == named
				for _, r := range records {
					if int64(i) >= r.at && int64(i) < r.pad {
						where, counts = r.at, true
					}
				}
				got, err := y.opens(d)
				var damage *Damage
				switch {
				case counts && (!errors.As(err, &damage) || damage.File != name || damage.Offset != where):
					y.fatalf("%s, byte %d of the record at %d is another: %v", name, i, where, err)
				case err == nil && !same(&got, y.now()):
					y.fatalf("%s, byte %d is another: found %s, not %s", name, i, describe(&got), describe(y.now()))
				case err != nil && !errors.As(err, &damage):
					y.fatalf("%s, byte %d is another: %v", name, i, err)
				}
				flips[number > 0]++
			}
		}
	}
	if flips[true] < 5000 || flips[false] < 500 {
		t.Errorf("%d bytes of segments and %d of snapshots are few", flips[true], flips[false])
	}
}

// A sector that was durable and was lost looks like one that was never written;
// later records know better. That of the last sync has none behind it.
func TestLostSectorIsTold(t *testing.T) {
	told := 0
	for seed := range uint64(20) {
		y := settled(t, seed, 8192, 40)
		for i, seg := range y.store.log.segments {
			name := filepath.Join(folder, segmentName(seg.number))
			records := extents(t, y.disk, name, seg.number)
			last := records[len(records)-1]
			known := last.durable
			if i+1 < len(y.store.log.segments) {
				known = last.end
			}
			for at := int64(0); at+sector <= known; at += sector {
				d := y.disk.copyOf()
				clear(d.names[name].cached[at : at+sector])
				_, err := y.opens(d)
				var damage *Damage
				if !errors.As(err, &damage) || damage.File != name || damage.Offset >= at+sector {
					y.fatalf("%s lost its sector at %d: %v", name, at, err)
				}
				told++
			}
		}
	}
	if told < 100 {
		t.Errorf("%d sectors are few", told)
	}
}

func TestLostFileIsTold(t *testing.T) {
	segments, snapshots := 0, 0
	for seed := range uint64(40) {
		y := settled(t, seed, 2048, 40)
		for i, seg := range y.store.log.segments {
			name := filepath.Join(folder, segmentName(seg.number))
			short := y.disk.copyOf()
			short.names[name].cached = short.names[name].cached[:len(short.names[name].cached)-sector]
			lost := y.disk.copyOf()
			delete(lost.names, name)
			for what, d := range map[string]*disk{"shorter": short, "gone": lost} {
				got, err := y.opens(d)
				var damage *Damage
				needed := err != nil || !same(&got, y.now())
				last := i+1 == len(y.store.log.segments) // which might never have been there
				if !errors.As(err, &damage) && (needed && !last || what == "shorter") {
					y.fatalf("%s is %s: %v; found %s, not %s", name, what, err, describe(&got), describe(y.now()))
				}
			}
			segments++
		}
		if at := y.now().Snapshot.At; at != (protocols.EntryID{}) {
			name := filepath.Join(folder, snapshotName(at))
			d := y.disk.copyOf()
			delete(d.names, name)
			_, err := y.opens(d)
			var damage *Damage
			if !errors.As(err, &damage) || damage.File != name {
				y.fatalf("%s is gone: %v", name, err)
			}
			snapshots++
		}
	}
	if segments < 80 || snapshots < 10 {
		t.Errorf("%d segments and %d snapshots are few", segments, snapshots)
	}
}

// A segment of another log, or of another place in this one, does not pass.
func TestSegmentPassesInItsPlaceOnly(t *testing.T) {
	y := settled(t, 3, 1024, 100)
	segments := y.store.log.segments
	if len(segments) < 3 {
		t.Fatalf("%d segments are few", len(segments))
	}
	name := func(i int) string { return filepath.Join(folder, segmentName(segments[i].number)) }
	swapped := y.disk.copyOf()
	swapped.names[name(0)], swapped.names[name(1)] = swapped.names[name(1)], swapped.names[name(0)]
	other := y.disk.copyOf()
	for seed := uint64(4); ; seed++ {
		if n := settled(t, seed, 1024, 100).disk.names[name(1)]; n != nil {
			other.names[name(1)] = n
			break
		}
	}
	for what, d := range map[string]*disk{"swapped": swapped, "other": other} {
		var damage *Damage
		if got, err := y.opens(d); !errors.As(err, &damage) {
			t.Errorf("%s: %v; found %s", what, err, describe(&got))
		}
	}
}

// Nor does a record, though it were the right one there but for that.
func TestRecordPassesInItsPlaceOnly(t *testing.T) {
	b, _ := seal(append(begin(nil), "body"...), 0, header{mark: writeMark}, 3, 96)
	for segment := range uint64(7) {
		for offset := int64(0); offset < 1<<12; offset += align {
			if _, ok := parseHeader(b, segment, offset); ok != (segment == 3 && offset == 96) {
				t.Errorf("a record of segment 3 at 96 passes in segment %d at %d: %t", segment, offset, ok)
			}
		}
	}
}

// Two logs that are alike but for the content of an entry.
func TestSegmentOfATwinDoesNotPass(t *testing.T) {
	var twins [2]*story
	for i := range twins {
		y := newStory(t, 1)
		y.opts.SegmentSize = 2048
		y.open(true)
		for n := uint64(1); n < 20; n++ {
			e := entry(n, 300)
			if n == 2 {
				e.Command.Value = uint64(100 + i)
			}
			must(t, y.append(protocols.Write{After: at(n - 1), Entries: []protocols.Entry{e}}))
		}
		must(t, y.store.Sync(), y.store.Close())
		twins[i] = y
	}
	name := filepath.Join(folder, segmentName(1))
	d := twins[0].disk.copyOf()
	d.names[name] = twins[1].disk.copyOf().names[name]
	var damage *Damage
	if got, err := twins[0].opens(d); !errors.As(err, &damage) || damage.File != name {
		t.Errorf("%v; found %s", err, describe(&got))
	}
}

// torn builds a store with a batch at the end, and returns it without and with
// the batch, the name of the file and the states after each write of the batch.
func torn(t *testing.T, batch []uint32) (y *story, before, after *disk, name string, states []protocols.Recovered) {
	y = newStory(t, 1)
	y.opts.SegmentSize = 1 << 15
	y.open(true)
	add := func(sizes ...uint32) {
		r := *y.now()
		var ws []protocols.Write
		for _, size := range sizes {
			next := protocols.EntryID{Epoch: 1, Index: lastOf(&r).Index + 1}
			w := protocols.Write{Registers: protocols.Registers{next.Index}, After: lastOf(&r), Entries: []protocols.Entry{{ID: next, Command: protocols.Command{Size: size}}}}
			r.Apply(w)
			ws = append(ws, w)
		}
		if err := y.append(ws...); err != nil {
			t.Fatal(err)
		}
	}
	add(300, 5)
	if err := y.store.Sync(); err != nil {
		t.Fatal(err)
	}
	before, states = y.disk.copyOf(), nil
	from := len(y.states) - 1
	add(batch...)
	return y, before, y.disk.copyOf(), filepath.Join(folder, segmentName(1)), y.states[from:]
}

// goesOn checks that what is found is one of the states, and that the log goes on
// behind it.
func (y *story) goesOn(d *disk, states []protocols.Recovered) (found int, problem string) {
	got, err := y.opens(d)
	if err != nil {
		return 0, err.Error()
	}
	for found = range states {
		if same(&got, &states[found]) {
			break
		}
	}
	if !same(&got, &states[found]) {
		return 0, fmt.Sprintf("found %s", describe(&got))
	}
	o := y.opts
	o.Files = d
	s, err := Open(folder, o)
	if err != nil {
		return found, "again: " + err.Error()
	}
	w := protocols.Write{Registers: protocols.Registers{77}, After: lastOf(&got), Entries: y.entries(lastOf(&got))}
	if err := errors.Join(s.Append([]protocols.Write{w}), s.Sync(), s.Close()); err != nil {
		return found, err.Error()
	}
	got.Apply(w)
	if again, err := y.opens(d); err != nil || !same(&again, &got) {
		return found, fmt.Sprintf("went on, and found %s, not %s: %v", describe(&again), describe(&got), err)
	}
	return found, ""
}

// A write that stops short, after whichever byte, is cut to a prefix.
func TestAppendMayStopAfterAnyByte(t *testing.T) {
	y, before, after, name, states := torn(t, []uint32{0, 700, 30, 1})
	records := extents(t, after, name, 1)
	records = records[len(records)-4:]
	for end := records[0].at; end <= records[3].end; end++ {
		want := 0
		for _, r := range records {
			if end >= r.pad {
				want++
			}
		}
		d := before.copyOf()
		copy(d.names[name].cached[records[0].at:end], after.names[name].cached[records[0].at:end])
		if found, problem := y.goesOn(d, states); problem != "" || found != want {
			t.Fatalf("the append stopped at %d: found state %d, want %d; %s", end, found, want, problem)
		}
	}
}

// A record whose last byte is gone, with the pad behind it there, is no torn one.
func TestPadShowsThatARecordWasWrittenToItsEnd(t *testing.T) {
	for size := range uint32(2 * align) {
		y, _, d, name, _ := torn(t, []uint32{size})
		records := extents(t, d, name, 1)
		d.names[name].cached[records[len(records)-1].pad-1] = 0
		var damage *Damage
		if got, err := y.opens(d); !errors.As(err, &damage) {
			t.Errorf("a payload of %d bytes: %v; found %s", size, err, describe(&got))
		}
	}
}

// So is one of which any sectors are there and others are not.
func TestAnySectorsOfAnAppendMayBeThere(t *testing.T) {
	y, before, after, name, states := torn(t, []uint32{0, 1500, 30, 900, 0, 400})
	old, new := before.names[name].cached, after.names[name].cached
	var sectors []int
	for at := 0; at < len(new); at += sector {
		if !bytes.Equal(old[at:at+sector], new[at:at+sector]) {
			sectors = append(sectors, at)
		}
	}
	found := map[int]int{}
	for set := range 1 << len(sectors) {
		d := before.copyOf()
		for i, at := range sectors {
			if set>>i&1 == 1 {
				copy(d.names[name].cached[at:], new[at:at+sector])
			}
		}
		i, problem := y.goesOn(d, states)
		if problem != "" {
			t.Fatalf("sectors %b of %v are there: %s", set, sectors, problem)
		}
		found[i]++
	}
	if len(sectors) < 7 || len(found) < 5 || found[len(states)-1] == 0 {
		t.Errorf("%d sectors, found %v", len(sectors), found)
	}
}

// After a failed sync the system may take for clean what is not on the disk. A
// process that comes back and finds it must not take it for durable as it is.
func TestWhatAFailedSyncLeftIsWrittenAgain(t *testing.T) {
	y := newStory(t, 1)
	y.disk.rng = rand.New(fixed{}) // nothing survives
	y.open(true)
	if err := y.append(protocols.Write{Registers: protocols.Registers{1}}); err != nil {
		t.Fatal(err)
	}
	y.disk.fault = failedSync
	if err := y.store.Sync(); !errors.Is(err, errFault) {
		t.Fatalf("a failed sync: %v", err)
	}
	y.disk.kill()
	y.open(false) // the cache has it, so it is found
	if y.now().Registers[0] != 1 {
		t.Fatalf("found %s: this test tests nothing", describe(y.now()))
	}
	y.disk.powerOff()
	y.open(true)
}

// fixed draws 1 of 2, 4 or 5.
type fixed struct{}

func (fixed) Uint64() uint64 { return 1 << 62 }
