package wal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"raftzab/protocols"
)

// FuzzOpen opens a folder with whatever content. It opens or it says why not; what
// opens goes on as a log does, and is found again.
func FuzzOpen(f *testing.F) {
	y := settled(f, 3, 2048, 60)
	name := filepath.Join(folder, segmentName(y.store.log.segments[0].number))
	f.Add(y.disk.names[name].cached, uint8(asFile))
	f.Add([]byte{}, uint8(asFile))
	f.Add(make([]byte, 4096), uint8(asFile))
	f.Add([]byte{0, 0, 0, 3, 0xff, 0, 1, 0, 1, 2, 0, 5, 1}, uint8(asChanges))
	f.Add(appendWrite(nil, &protocols.Write{After: protocols.EntryID{Index: 1}}), uint8(asBodies))
	f.Add(appendWrite([]byte{200, 1}, &protocols.Write{Entries: y.entries(protocols.EntryID{Epoch: 3})}), uint8(asBodies))
	f.Fuzz(func(t *testing.T, b []byte, how uint8) {
		d := y.disk.copyOf()
		switch first := filepath.Join(folder, segmentName(1)); how % 3 {
		case asFile:
			d = with(first, b)
		case asBodies:
			d = with(first, sealed(b))
		case asChanges:
			changed(d, b)
		}
		goesOnWith(t, d)
	})
}

const (
	asFile    = iota // the bytes are a segment
	asBodies         // the bytes are bodies, each in front of which is its length; the records are well made
	asChanges        // the bytes are changes of a good folder: number of the file, position, new byte
)

func with(name string, content []byte) *disk {
	d := newDisk(rand.New(rand.NewPCG(1, 1)))
	d.names[name] = &inode{cached: content}
	return d.copyOf()
}

func sealed(b []byte) []byte {
	const size = 8192
	out, sum := seal(appendStart(begin(nil), &start{size: size}), 0, header{mark: startMark}, 1, 0)
	for len(b) > 3 {
		n, entries := min(int(b[0])<<3|int(b[1])&7, len(b)-2), uint32(b[1]>>3)
		at := len(out)
		out, sum = seal(append(begin(out), b[2:2+n]...), at, header{mark: writeMark, previous: sum, entries: entries, durable: uint64(b[1]) << 5}, 1, int64(at))
		b = b[2+n:]
	}
	if len(out) < size {
		out = append(out, make([]byte, size-len(out))...)
	}
	return out
}

func changed(d *disk, b []byte) {
	names := d.find("")
	for ; len(b) >= 4; b = b[4:] {
		content := d.names[names[int(b[0])%len(names)]].cached
		if at := int(binary.BigEndian.Uint16(b[1:])); at < len(content) {
			content[at] = b[3]
		}
	}
}

func goesOnWith(t *testing.T, d *disk) {
	open := func() (*Store, protocols.Recovered, error) {
		s, err := Open(folder, Options{Files: d, SegmentSize: 2048, inline: true})
		if err != nil {
			return nil, protocols.Recovered{}, err
		}
		got, _ := s.Recovered()
		return s, got, nil
	}
	s, got, err := open()
	if err != nil {
		var damage *Damage
		if !errors.As(err, &damage) {
			t.Fatalf("not damage, but %v", err)
		}
		return
	}
	w := protocols.Write{Snapshot: got.Snapshot.At, Base: got.Base, After: lastOf(&got), Entries: []protocols.Entry{{ID: protocols.EntryID{Epoch: 1 << 63, Index: 1}, Command: protocols.Command{Size: 700}}}}
	if err := errors.Join(s.Append([]protocols.Write{w}), s.Sync(), s.Close()); err != nil {
		t.Fatal(err)
	}
	d.powerOff()
	got.Apply(w)
	if _, again, err := open(); err != nil || !same(&again, &got) {
		t.Fatalf("found %s, not %s: %v", describe(&again), describe(&got), err)
	}
}

func TestBodiesThatMakeNoSenseAreRefused(t *testing.T) {
	e := protocols.Entry{ID: protocols.EntryID{Epoch: 1, Index: 1}, Command: protocols.Command{Size: 9, Op: 3, Value: 5}}
	good := appendWrite(nil, &protocols.Write{Entries: []protocols.Entry{e, e}})
	if w, err := parseWrite(good, 2, nil); err != nil || len(w.Entries) != 2 || w.Entries[1] != e {
		t.Fatalf("%+v, %v", w, err)
	}
	for n := range good {
		if _, err := parseWrite(good[:n], 2, nil); err == nil {
			t.Errorf("%d bytes of %d pass", n, len(good))
		}
	}
	for _, n := range []uint32{0, 1, 3, 1 << 31} {
		if _, err := parseWrite(good, n, nil); err == nil {
			t.Errorf("two entries pass for %d", n)
		}
	}
	op := bytes.Clone(good)
	op[writeBody+entrySize-1] ^= 1
	if _, err := parseWrite(op, 2, nil); err == nil {
		t.Error("an operation over 255 passes")
	}
}
