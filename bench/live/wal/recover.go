package wal

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"raftzab/protocols"
)

// A Damage is what no crash explains, if disk and file system keep their word:
// what had been durable is no longer what it was.
type Damage struct {
	File   string
	Offset int64
	What   string
}

func (d *Damage) Error() string {
	return fmt.Sprintf("wal: %s is damaged at offset %d: %s", d.File, d.Offset, d.What)
}

// A reader finds the records of one segment.
type reader struct {
	name   string
	number uint64
	file   File
	size   int64
	window []byte // of the file, from offset at
	at     int64
	began  start
}

// A record as it is found. The body is valid until the next one is asked for.
type record struct {
	header
	kept bool // it is there; if not: the log ends here
	torn bool // and not all that follows is zeros
	body []byte
	size int64
}

const windowSize = piece // as many as there are zeros to compare with

// bytes returns n bytes of the file, valid until it is called again.
func (r *reader) bytes(offset, n int64) ([]byte, error) {
	if offset < r.at || offset+n > r.at+int64(len(r.window)) {
		size := max(n, min(windowSize, r.size-offset))
		r.window, r.at = slices.Grow(r.window[:0], int(size))[:size], offset
		if got, err := r.file.ReadAt(r.window, offset); int64(got) < size {
			r.window = r.window[:0]
			if err == nil || err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, fmt.Errorf("wal: reading %s: %w", r.name, err)
		}
	}
	return r.window[offset-r.at:][:n:n], nil
}

func (r *reader) damaged(offset int64, format string, args ...any) error {
	return &Damage{r.name, offset, fmt.Sprintf(format, args...)}
}

// next reads the record at offset, which follows the one with the sum previous.
func (r *reader) next(offset int64, previous uint32) (record, error) {
	if r.size-offset < headerSize {
		return record{}, nil
	}
	b, err := r.bytes(offset, headerSize)
	if err != nil {
		return record{}, err
	}
	h, ok := parseHeader(b, r.number, offset)
	if !ok {
		return r.judge(offset, nil)
	}
	size := recordSize(int64(h.length))
	if size > r.size-offset {
		return record{}, r.damaged(offset, "a record of %d bytes, and the file ends before it does, at %d", size, r.size)
	}
	if offset > 0 && h.previous != previous {
		return record{}, r.damaged(offset, "the record follows one with the sum %08x, not %08x, which is before it", h.previous, previous)
	}
	if h.durable > uint64(offset) {
		return record{}, r.damaged(offset, "the record says that %d bytes before it were durable", h.durable)
	}
	if b, err = r.bytes(offset, size); err != nil {
		return record{}, err
	}
	body := b[headerSize:][:h.length]
	if checksum(body) != h.body {
		return r.judge(offset, &h)
	}
	return record{header: h, kept: true, body: body, size: size}, nil
}

// judge says why the record at offset is not whole: because nothing was written
// there, or it was torn by a crash, or it is damaged. The header is nil if it is
// not whole either. See the list in record.go.
func (r *reader) judge(offset int64, h *header) (record, error) {
	end, witness, err := r.rest(offset)
	switch {
	case err != nil:
		return record{}, err
	case end <= offset:
		return record{}, nil
	case witness > 0:
		return record{}, r.damaged(offset, "the record is not whole, and the one at %d says that it was durable", witness)
	}
	torn := record{torn: true}
	if h == nil {
		b, err := r.bytes(offset, headerSize)
		switch {
		case err != nil:
			return record{}, err
		case isZero(b): // its sector was not written
			return torn, nil
		case end < offset+headerSize: // its write stopped short
			return torn, nil
		}
		return record{}, r.damaged(offset, "the header's CRC is wrong")
	}
	size := recordSize(int64(h.length))
	b, err := r.bytes(offset, size)
	if err != nil {
		return record{}, err
	}
	for at := (offset/sector + 1) * sector; at < offset+size; at += sector {
		if isZero(b[at-offset : min(at-offset+sector, size)]) {
			return torn, nil
		}
	}
	if end <= offset+headerSize+int64(h.length) { // its write stopped short: there is no pad
		return torn, nil
	}
	return record{}, r.damaged(offset, "the body's CRC is wrong")
}

// rest looks at what follows offset. Behind end there are only zeros. The witness
// is a record that knows of more than offset that it was durable, or 0.
func (r *reader) rest(offset int64) (end, witness int64, err error) {
	for at := offset; at < r.size; at += windowSize {
		b, err := r.bytes(at, min(windowSize, r.size-at))
		if err != nil {
			return 0, 0, err
		}
		if isZero(b) {
			continue
		}
		end = at + int64(len(bytes.TrimRight(b, "\x00")))
		for i := 0; witness == 0 && i+headerSize <= len(b); i += align {
			if h, ok := parseHeader(b[i:], r.number, at+int64(i)); ok && h.durable > uint64(offset) {
				witness = at + int64(i)
			}
		}
	}
	return end, witness, nil
}

func isZero(b []byte) bool { return bytes.Equal(b, zeros[:len(b)]) }

// A recovery reads a log from its files.
type recovery struct {
	*log
	readers []*reader // of the segments, each of which is the next of the one before
	found   protocols.Recovered
	claimed int64 // what the records of the last segment say of it that is durable
	space   []protocols.Entry
}

// recover finds the log in the files with these names, and what it comes to.
func (l *log) recover(names []string) (protocols.Recovered, error) {
	var numbers []uint64
	for _, name := range names {
		var n uint64
		if _, err := fmt.Sscanf(name, "log-%d", &n); err == nil && name == segmentName(n) {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	v := recovery{log: l}
	defer func() {
		for _, r := range v.readers {
			if r.file != l.file {
				r.file.Close()
			}
		}
	}()
	if err := v.find(numbers); err != nil {
		return protocols.Recovered{}, err
	}
	if err := v.replay(); err != nil {
		return protocols.Recovered{}, err
	}
	if err := v.settle(); err != nil {
		return protocols.Recovered{}, err
	}
	for _, n := range numbers { // older ones, and those that had not begun
		if len(l.segments) == 0 || n < l.segments[0].number || n > l.number() {
			if err := remove(l.files, filepath.Join(l.dir, segmentName(n))); err != nil {
				return protocols.Recovered{}, err
			}
		}
	}
	return v.found, nil
}

// find opens the segments: the last one that has begun, and those before it up to
// a gap. Later ones were made, and nothing of them was durable.
func (v *recovery) find(numbers []uint64) error {
	for _, number := range slices.Backward(numbers) {
		n := len(v.readers)
		if n > 0 && v.readers[n-1].number != number+1 {
			break
		}
		r, err := v.open(number)
		if err != nil {
			return err
		}
		v.readers = append(v.readers, r)
		begun, err := r.start()
		switch {
		case err != nil:
			return err
		case !begun && n > 0:
			return r.damaged(0, "the segment does not begin with a start, and the one after it does")
		case !begun:
			v.readers = v.readers[:0]
			r.file.Close()
		}
	}
	if len(v.readers) == 0 && len(numbers) > 0 && numbers[0] > 1 {
		return v.missing(numbers[0]-1, "it is gone, and those after it hold nothing")
	}
	slices.Reverse(v.readers)
	return nil
}

func (l *log) open(number uint64) (*reader, error) {
	name := filepath.Join(l.dir, segmentName(number))
	file, err := l.files.Open(name)
	if err != nil {
		return nil, err
	}
	size, err := file.Size()
	if err != nil {
		file.Close()
		return nil, err
	}
	return &reader{name: name, number: number, file: file, size: size}, nil
}

// start reads the first record of a segment; there may be none yet.
func (r *reader) start() (begun bool, err error) {
	rec, err := r.next(0, 0)
	if err != nil || !rec.kept {
		return false, err
	}
	if rec.mark != startMark {
		return false, r.damaged(0, "the segment does not begin with a start")
	}
	if r.began, err = parseStart(rec.body); err != nil {
		return false, r.damaged(0, "%v", err)
	}
	if r.began.sum = rec.previous; r.began.size != r.size {
		return false, r.damaged(0, "the file has %d bytes and was made with %d", r.size, r.began.size)
	}
	return true, nil
}

// replay goes through the segments.
func (v *recovery) replay() error {
	if len(v.readers) == 0 {
		return nil
	}
	first := v.readers[0]
	s := &first.began
	if first.number == 1 && (s.ended != 0 || s.state != (state{})) {
		return first.damaged(0, "the first segment says that it follows another")
	}
	v.asked, v.lost = s.state, s.last
	v.found = protocols.Recovered{Registers: s.registers, Snapshot: protocols.Snapshot{At: s.snapshot}, Base: s.base}
	for i, r := range v.readers {
		var next *start
		if i+1 < len(v.readers) {
			next = &v.readers[i+1].began
		}
		if err := v.segment(r, next); err != nil {
			return err
		}
	}
	// Segments are deleted when the base has passed all that they hold; so it has in
	// what is found, or the files are gone for another reason.
	if first.number > 1 && v.found.Base.Less(v.lost) {
		return v.missing(first.number-1, fmt.Sprintf("it is gone, and the log from %v on to %v was in it or before", v.found.Base, v.lost))
	}
	return nil
}

func (v *recovery) missing(number uint64, what string) error {
	return &Damage{filepath.Join(v.dir, segmentName(number)), 0, what}
}

// segment replays one segment, up to where the next one says that it ended.
func (v *recovery) segment(r *reader, next *start) error {
	if r.began.state != v.asked {
		return r.damaged(0, "the segment begins with %+v, and the one before ends with %+v", r.began.state, v.asked)
	}
	v.segments = append(v.segments, segment{r.number, v.asked.last})
	v.file, v.room, v.end, v.claimed, v.torn = r.file, r.size, 0, 0, false
	for next == nil || v.end < next.ended {
		rec, err := r.next(v.end, v.sum)
		if err != nil {
			return err
		}
		if !rec.kept {
			if next != nil {
				return r.damaged(v.end, "the next segment says that this one ends at %d; here is no record", next.ended)
			}
			v.torn = rec.torn
			return nil
		}
		if err := v.record(r, &rec); err != nil {
			return err
		}
		v.end += rec.size
		v.sum, v.claimed = rec.sum, int64(rec.durable)
	}
	if v.end > next.ended || v.sum != next.sum {
		return r.damaged(v.end, "the next segment says that this one ends at %d with the sum %08x; it ends with %08x", next.ended, next.sum, v.sum)
	}
	return nil
}

func (v *recovery) record(r *reader, rec *record) error {
	if (rec.mark == startMark) != (v.end == 0) {
		return r.damaged(v.end, "a record of the wrong kind")
	}
	if rec.mark == startMark {
		return nil
	}
	w, err := parseWrite(rec.body, rec.entries, v.space)
	if err != nil {
		return r.damaged(v.end, "%v", err)
	}
	v.space = w.Entries
	v.found.Apply(w)
	v.apply(&w)
	return nil
}

// settle makes durable what has been found, for from now on it counts as such. A
// process may have died between write and sync, or of a failed sync, after which
// the system takes its pages for clean; so what no record vouches for is written
// once more. The bytes are the same: no crash on the way does any harm.
func (v *recovery) settle() error {
	if v.file == nil {
		return nil
	}
	b := make([]byte, min(windowSize, v.end-v.claimed))
	for at := v.claimed; at < v.end; at += windowSize {
		b = b[:min(windowSize, v.end-at)]
		if _, err := v.file.ReadAt(b, at); err != nil {
			return fmt.Errorf("wal: reading %s: %w", segmentName(v.number()), err)
		}
		if _, err := v.file.WriteAt(b, at); err != nil {
			return fmt.Errorf("wal: writing %s again: %w", segmentName(v.number()), err)
		}
	}
	if err := v.file.Sync(); err != nil {
		return fmt.Errorf("wal: syncing %s: %w", segmentName(v.number()), err)
	}
	v.durable, v.safe = v.end, v.asked
	return nil
}
