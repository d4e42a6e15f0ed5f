package wal

import (
	"strings"
	"testing"

	"raftzab/bench/kv"
	"raftzab/protocols"
)

// fresh is a store with one entry on a disk that does no harm.
func fresh(t *testing.T) *story {
	y := newStory(t, 1)
	y.open(true)
	must(t, y.append(protocols.Write{Entries: []protocols.Entry{entry(1, 10)}}), y.store.Sync())
	return y
}

// aside puts bytes from a to b of a snapshot aside, of content that need not be its own.
func (y *story) aside(id protocols.EntryID, content []byte, a, b int) error {
	return y.store.Aside(protocols.Chunk{At: id, Offset: uint64(a), Length: uint64(b - a)}, content[a:b])
}

// A write may name a snapshot only if it is there from its first byte to its last.
func TestSnapshotIsInstalledWhole(t *testing.T) {
	good := kv.AppendImage(nil, image(at(9)))
	n := len(good)
	damaged := append([]byte(nil), good...)
	damaged[n/2] ^= 1
	for _, c := range []struct {
		name    string
		content []byte
		id      protocols.EntryID
		spans   [][2]int
		want    string
	}{
		{"whole", good, at(9), [][2]int{{0, n}}, ""},
		{"in parts, of which some come twice", good, at(9), [][2]int{{100, n}, {0, 64}, {100, n}, {20, 80}, {64, 110}}, ""},
		{"nothing", good, at(9), nil, "of which nothing is there"},
		{"a gap", good, at(9), [][2]int{{0, 50}, {60, n}}, "bytes 50..60 never arrived"},
		{"no beginning", good, at(9), [][2]int{{1, n}}, "bytes 0..1 never arrived"},
		{"no end", good, at(9), [][2]int{{0, n - 1}}, "parts do not make it"},
		{"damaged", damaged, at(9), [][2]int{{0, n}}, "its CRC is"},
		{"another's", good, at(8), [][2]int{{0, n}}, "it is that of 1.9"},
	} {
		y := fresh(t)
		for _, s := range c.spans {
			must(t, y.aside(c.id, c.content, s[0], s[1]))
		}
		err := y.append(protocols.Write{Snapshot: c.id, Base: c.id, After: c.id})
		if c.want == "" {
			must(t, err)
			if y.store.Image(c.id) == nil {
				t.Errorf("%s: it is not there", c.name)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		y.disk.powerOff()
		y.open(true)
	}
}

func TestSnapshotIsKeptUntilALaterOneIsDurable(t *testing.T) {
	y := fresh(t)
	first, second := image(at(1)), image(at(7))
	must(t, y.store.Save(first), y.store.Save(second))
	must(t, y.append(protocols.Write{Snapshot: at(1), After: at(1)}), y.store.Sync())
	whole := protocols.Chunk{At: at(1), Length: first.Snapshot().Size}
	b, err := y.store.Chunk(whole)
	must(t, err, y.aside(at(5), b, 0, 10))
	must(t, y.append(protocols.Write{Snapshot: at(7), Base: at(7), After: at(7)}))
	if y.store.Image(at(1)) != first || len(y.disk.find("snapshot-1.1")) == 0 {
		t.Error("the write that names a later one is not durable, and the snapshot is gone")
	}
	must(t, y.store.Sync())
	if y.store.Image(at(1)) != nil || len(y.disk.find("snapshot-1.1")) != 0 || y.store.Image(at(7)) != second {
		t.Errorf("%v and %v are there, and the files %v", y.store.Image(at(1)), y.store.Image(at(7)), y.disk.find("snapshot-"))
	}
	if string(b) != string(kv.AppendImage(nil, first)) {
		t.Error("what was taken of it to be sent has changed")
	}
	if _, err := y.store.Chunk(whole); err == nil {
		t.Error("a part of it is to be had")
	}

	// What is behind is of no use any more.
	must(t, y.aside(at(6), b, 0, 10), y.store.Save(image(at(3))), y.store.Save(second))
	if len(y.store.shelf.aside) != 0 || y.store.Image(at(3)) != nil || len(y.disk.find("snapshot-")) != 1 {
		t.Errorf("parts %v, files %v", y.store.shelf.aside, y.disk.find("snapshot-"))
	}
	if err := y.append(protocols.Write{Snapshot: at(1), After: at(1)}); err == nil {
		t.Error("a write goes back to an earlier snapshot")
	}
}

func TestChunkIsWithinItsSnapshot(t *testing.T) {
	y := fresh(t)
	i := image(at(1))
	must(t, y.store.Save(i))
	size := i.Snapshot().Size
	for _, c := range []struct {
		offset, length uint64
		ok             bool
	}{{0, size, true}, {size, 0, true}, {size - 1, 1, true}, {size - 1, 2, false}, {size + 1, 0, false}, {1, ^uint64(0), false}, {^uint64(0), 1, false}} {
		if b, err := y.store.Chunk(protocols.Chunk{At: at(1), Offset: c.offset, Length: c.length}); (err == nil) != c.ok || uint64(len(b)) != c.length && c.ok {
			t.Errorf("%d bytes from %d of %d: %d, %v", c.length, c.offset, size, len(b), err)
		}
	}
	if err := y.store.Aside(protocols.Chunk{At: at(2), Length: 3}, make([]byte, 2)); err == nil {
		t.Error("two bytes pass for three")
	}
}
