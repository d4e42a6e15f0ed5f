package wal

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
)

// A disk is a file system in memory that does its worst: when the power goes, what
// was synced is there, and of the rest whatever the draw says, sector by sector and
// name by name. Processes see their own writes until then, as with a page cache.
type disk struct {
	rng     *rand.Rand
	names   map[string]*inode // as processes see them
	durable map[string]*inode // as they are after a loss of power
	changes []change          // of names, from the one to the other
	locked  map[string]bool

	left  int  // calls until the process dies in the middle of one; negative: it lives on
	dies  bool // it has died
	fault fault
	after int // calls until the fault strikes
	lies  bool
	calls int
}

type fault uint8

const (
	none       fault = iota
	shortWrite       // a write ends early, with an error
	failedSync       // a sync fails, and what it was for is clean in the cache and not on the disk
)

type inode struct {
	cached, stable []byte
	writes         []written // since the last sync
}

type written struct {
	offset int
	data   []byte
}

// A change gives names to files, or takes them away, all at once.
type change struct {
	dir   string
	names map[string]*inode
}

var (
	errDead  = errors.New("the process is dead")
	errFault = errors.New("the test makes this fail")
)

func newDisk(rng *rand.Rand) *disk {
	return &disk{rng: rng, names: map[string]*inode{}, durable: map[string]*inode{}, locked: map[string]bool{}, left: -1}
}

// step counts a call. It is the last one where cut is true.
func (d *disk) step() (cut bool, err error) {
	if d.dies {
		return false, errDead
	}
	d.calls++
	if d.left == 0 {
		d.dies = true
		return true, errDead
	}
	d.left--
	return false, nil
}

func (d *disk) strikes(f fault) bool {
	if d.fault != f {
		return false
	}
	if d.after > 0 {
		d.after--
		return false
	}
	d.fault = none
	return true
}

// kill ends the process; the machine goes on.
func (d *disk) kill() {
	clear(d.locked)
	d.left, d.dies, d.fault = -1, false, none
}

// powerOff ends the process and loses the cache.
func (d *disk) powerOff() {
	d.kill()
	mode := d.rng.IntN(4) // all, none, or any of the names
	for _, c := range d.changes {
		if mode == 0 || mode > 1 && d.rng.IntN(2) == 0 {
			d.apply(c)
		}
	}
	d.changes, d.names = nil, map[string]*inode{}
	for _, name := range slices.Sorted(maps.Keys(d.durable)) {
		n := d.durable[name]
		n.lose(d.rng)
		d.names[name] = n
	}
}

func (d *disk) apply(c change) {
	for name, n := range c.names {
		if n == nil {
			delete(d.durable, name)
		} else {
			d.durable[name] = n
		}
	}
}

// lose leaves of what was not synced: all, nothing, the first writes and a part of
// the next one, or for each sector some version since the last sync.
func (n *inode) lose(rng *rand.Rand) {
	var kept func(write, sector int) bool
	switch mode := rng.IntN(5); mode {
	case 0:
		kept = func(int, int) bool { return true }
	case 1:
		kept = func(int, int) bool { return false }
	case 2:
		last := rng.IntN(len(n.writes) + 1)
		kept = func(w, _ int) bool { return w < last || w == last && rng.IntN(2) == 0 }
	default:
		versions := map[int]int{}
		kept = func(w, s int) bool {
			if _, ok := versions[s]; !ok {
				versions[s] = rng.IntN(len(n.writes) + 1)
				if mode == 4 && rng.IntN(4) > 0 {
					versions[s] = len(n.writes) // few are missing
				}
			}
			return w < versions[s]
		}
	}
	for i, w := range n.writes {
		for at := w.offset; at < w.offset+len(w.data); {
			next := min((at/sector+1)*sector, w.offset+len(w.data))
			if kept(i, at/sector) {
				n.stable = put(n.stable, at, w.data[at-w.offset:next-w.offset])
			}
			at = next
		}
	}
	n.cached, n.writes = bytes.Clone(n.stable), nil
}

func put(b []byte, at int, data []byte) []byte {
	if more := at + len(data) - len(b); more > 0 {
		b = append(b, make([]byte, more)...)
	}
	copy(b[at:], data)
	return b
}

func (d *disk) MkdirAll(string) error { _, err := d.step(); return err }

type lock struct {
	*disk
	dir string
}

func (l lock) Close() error { delete(l.locked, l.dir); return nil }

func (d *disk) Lock(dir string) (io.Closer, error) {
	if d.locked[dir] {
		return nil, errInUse
	}
	d.locked[dir] = true
	return lock{d, dir}, nil
}

func (d *disk) List(dir string) (names []string, err error) {
	if _, err := d.step(); err != nil {
		return nil, err
	}
	for name := range d.names {
		if filepath.Dir(name) == dir {
			names = append(names, filepath.Base(name))
		}
	}
	slices.Sort(names)
	return names, nil
}

func (d *disk) change(dir string, names map[string]*inode) {
	for name, n := range names {
		if n == nil {
			delete(d.names, name)
		} else {
			d.names[name] = n
		}
	}
	d.changes = append(d.changes, change{dir, names})
}

func (d *disk) Open(name string) (File, error) {
	if cut, err := d.step(); err != nil && !cut {
		return nil, err
	}
	if d.names[name] == nil {
		d.change(filepath.Dir(name), map[string]*inode{name: {}})
	}
	if d.dies {
		return nil, errDead
	}
	return &handle{d, d.names[name]}, nil
}

func (d *disk) Rename(from, to string) error {
	if _, err := d.step(); err != nil {
		return err
	}
	if d.names[from] == nil {
		return fs.ErrNotExist
	}
	d.change(filepath.Dir(to), map[string]*inode{from: nil, to: d.names[from]})
	return nil
}

func (d *disk) Remove(name string) error {
	if _, err := d.step(); err != nil {
		return err
	}
	if d.names[name] == nil {
		return fs.ErrNotExist
	}
	d.change(filepath.Dir(name), map[string]*inode{name: nil})
	return nil
}

func (d *disk) SyncDir(dir string) error {
	if _, err := d.step(); err != nil {
		return err
	}
	if d.strikes(failedSync) {
		return errFault
	}
	d.changes = slices.DeleteFunc(d.changes, func(c change) bool {
		if c.dir != dir {
			return false
		}
		d.apply(c)
		return true
	})
	return nil
}

type handle struct {
	*disk
	n *inode
}

func (h *handle) Close() error         { return nil }
func (h *handle) Size() (int64, error) { return int64(len(h.n.cached)), nil }

func (h *handle) ReadAt(b []byte, at int64) (int, error) {
	if _, err := h.step(); err != nil {
		return 0, err
	}
	if at >= int64(len(h.n.cached)) {
		return 0, io.EOF
	}
	n := copy(b, h.n.cached[at:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (h *handle) WriteAt(b []byte, at int64) (int, error) {
	cut, err := h.step()
	if err != nil && !cut {
		return 0, err
	}
	whole := len(b)
	if h.strikes(shortWrite) {
		cut, err = true, errFault
	}
	if cut {
		b = b[:h.rng.IntN(len(b)+1)]
	}
	h.n.cached = put(h.n.cached, int(at), b)
	h.n.writes = append(h.n.writes, written{int(at), bytes.Clone(b)})
	if len(b) < whole && err == nil {
		err = io.ErrShortWrite
	}
	return len(b), err
}

func (h *handle) Sync() error {
	cut, err := h.step()
	if err != nil && !cut {
		return err
	}
	if cut || h.strikes(failedSync) { // some of it may have been done
		before := h.n.cached
		h.n.lose(h.rng)
		h.n.cached = before
		return errors.Join(err, errFault)
	}
	if h.lies {
		return nil
	}
	for _, w := range h.n.writes {
		h.n.stable = put(h.n.stable, w.offset, w.data)
	}
	h.n.writes = nil
	return nil
}

func (h *handle) Reserve(size int64) error {
	if _, err := h.WriteAt(make([]byte, size), 0); err != nil {
		return err
	}
	return h.Sync()
}

// find returns the names of files that begin so, in order.
func (d *disk) find(prefix string) (names []string) {
	for name := range d.names {
		if strings.HasPrefix(filepath.Base(name), prefix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
