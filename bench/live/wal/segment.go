package wal

import (
	"fmt"
	"path/filepath"

	"raftzab/protocols"
)

// A log is the segments of a store. One goroutine owns it.
type log struct {
	dir   string
	files FS
	size  int64 // of a segment, in the long run
	work  *background

	segments []segment // oldest first; records go to the last
	file     File      // of the last
	room     int64     // its size
	end      int64     // of its last record
	durable  int64     // the part of it that is durable
	sum      uint32    // of the last record
	torn     bool      // what is behind end is not zeros

	asked, safe state             // after all writes; after those that are durable
	lost        protocols.EntryID // as segment.last, of those that were deleted before this life

	buffer []byte
	next   chan reserved // the segment that is being made, if there is one
}

type segment struct {
	number uint64
	last   protocols.EntryID // no later entry of the log is in this segment or one before
}

// A state is what becomes of writes, without the entries.
type state struct {
	registers            protocols.Registers
	snapshot, base, last protocols.EntryID
}

type reserved struct {
	number uint64
	file   File
	size   int64
	err    error
}

// A young log has small segments, so that the many that never get old are made quickly.
const (
	firstSize   = 1 << 20
	defaultSize = 64 << 20
)

func segmentName(number uint64) string { return fmt.Sprintf("log-%010d", number) }

// append writes the records of ws behind the last one.
func (l *log) append(ws []protocols.Write) error {
	var size int64
	for i := range ws {
		n := writeSize(&ws[i])
		if n > largest {
			return fmt.Errorf("a write of %d bytes; %d are the most", n, largest)
		}
		size += recordSize(n)
	}
	b := l.buffer[:0]
	if l.file == nil || l.torn || l.end+size > l.room {
		began, err := l.startNext(recordSize(startBody) + size)
		if err != nil {
			return err
		}
		b = appendStart(begin(b), &began)
		b, l.sum = seal(b, 0, header{mark: startMark, previous: began.sum}, l.number(), 0)
	}
	for i := range ws {
		w, from := &ws[i], len(b)
		b = appendWrite(begin(b), w)
		h := header{mark: writeMark, durable: uint64(l.durable), previous: l.sum, entries: uint32(len(w.Entries))}
		b, l.sum = seal(b, from, h, l.number(), l.end+int64(from))
		l.apply(w)
	}
	l.buffer = b
	if n, err := l.file.WriteAt(b, l.end); err != nil {
		return err
	} else if n < len(b) {
		return fmt.Errorf("%d of %d bytes were written", n, len(b))
	}
	l.end += int64(len(b))
	if l.next == nil && l.end > l.room/2 {
		l.reserve()
	}
	return nil
}

func (l *log) number() uint64 {
	if len(l.segments) == 0 {
		return 0
	}
	return l.segments[len(l.segments)-1].number
}

// apply notes what w leaves. Entries that it drops are in no segment any more.
func (l *log) apply(w *protocols.Write) {
	if w.After.Less(l.asked.last) {
		l.asked.last = w.After
		for i := range l.segments {
			l.segments[i].last = lesser(l.segments[i].last, w.After)
		}
		l.lost = lesser(l.lost, w.After)
	}
	if n := len(w.Entries); n > 0 {
		l.asked.last = w.Entries[n-1].ID
		l.segments[len(l.segments)-1].last = l.asked.last
	}
	l.asked.registers, l.asked.snapshot, l.asked.base = w.Registers, w.Snapshot, w.Base
}

func lesser(a, b protocols.EntryID) protocols.EntryID {
	if b.Less(a) {
		return b
	}
	return a
}

// sync makes durable what has been appended.
func (l *log) sync() error {
	if l.durable < l.end {
		if err := l.file.Sync(); err != nil {
			return err
		}
		l.durable = l.end
	}
	l.safe = l.asked
	l.release()
	return nil
}

// release deletes the segments that hold nothing of the log. The last one stays.
// Deletions may be durable in any order: see recovery.replay.
func (l *log) release() {
	for len(l.segments) > 1 && !l.safe.base.Less(l.segments[0].last) {
		name := filepath.Join(l.dir, segmentName(l.segments[0].number))
		l.segments = l.segments[:copy(l.segments, l.segments[1:])]
		l.work.do(func() error { return remove(l.files, name) })
	}
}

// startNext goes on to a new segment, with room for so many bytes. The one before
// is made durable first: who finds the start of a segment knows that all before it
// must be there. If that one ends in a torn record, the start says where.
func (l *log) startNext(need int64) (start, error) {
	if l.file != nil {
		if err := l.sync(); err != nil {
			return start{}, err
		}
		if err := l.file.Close(); err != nil {
			return start{}, err
		}
		l.file = nil
	}
	if l.next == nil {
		l.reserve()
	}
	r := <-l.next
	l.next = nil
	if r.err == nil && r.size < need { // a single write that is larger than a segment
		if r.err = r.file.Close(); r.err == nil {
			r = l.makeSegment(r.number, need)
		}
	}
	if r.err != nil {
		return start{}, fmt.Errorf("making %s: %w", segmentName(r.number), r.err)
	}
	began := start{l.asked, r.size, l.end, l.sum}
	l.segments = append(l.segments, segment{r.number, l.asked.last})
	l.file, l.room, l.end, l.durable, l.torn = r.file, r.size, 0, 0, false
	return began, nil
}

// reserve has the next segment made, beside what goes on.
func (l *log) reserve() {
	next, number := make(chan reserved, 1), l.number()+1
	size := min(l.size, firstSize)
	for n := uint64(1); n < number && size < l.size; n++ {
		size = min(2*size, l.size)
	}
	l.next = next
	l.work.do(func() error {
		next <- l.makeSegment(number, size)
		return nil
	})
}

// makeSegment makes a file of zeros, durably. Until its start is written, it is
// of no meaning.
func (l *log) makeSegment(number uint64, size int64) reserved {
	size = (size + sector - 1) / sector * sector
	name := filepath.Join(l.dir, segmentName(number))
	file, err := l.files.Open(name)
	if err != nil {
		return reserved{number: number, err: err}
	}
	if err = file.Reserve(size); err == nil {
		err = l.files.SyncDir(l.dir)
	}
	if err != nil {
		file.Close()
		return reserved{number: number, err: err}
	}
	return reserved{number, file, size, nil}
}

func (l *log) close() (err error) {
	if l.file != nil {
		err = l.file.Close()
		l.file = nil
	}
	if l.next != nil {
		if r := <-l.next; r.err == nil {
			err = r.file.Close()
		}
		l.next = nil
	}
	return err
}
