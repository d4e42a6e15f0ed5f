package wal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"

	"raftzab/protocols"
)

// A segment is a file of records, one behind the other, in front of zeros. A
// record is a header, a body, and a pad up to the next multiple of 32:
//
//	 0  mark: a write, or the start of a segment
//	 4  length of the body
//	 8  durable: the part of the segment that was durable when the record was made
//	16  CRC of the body
//	20  sum of the record before, across segments
//	24  number of entries
//	28  sum: CRC of the 28 bytes before, beginning with a salt of segment and offset
//
// All numbers are little-endian, all CRCs are CRC32C, which the processor computes.
// What makes it possible to tell a torn record from a damaged one:
//
//  1. A sector is there as it was before or as it was to be. (A write that stopped
//     short may leave one of which only the beginning is new, with zeros to the end.)
//  2. A header lies within one sector.
//  3. Nothing but zeros was there before: segments are not used twice, and what is
//     behind a torn record is not written to. (startNext in segment.go.)
//  4. No sector of a record is all zeros: words are stored in a disguise, payloads
//     likewise, and the pad shows that the record was written to its end.
//  5. What is durable is known to all that comes later: field durable.
const (
	headerSize = 32
	align      = 32
	sector     = 512

	writeMark uint32 = 0x5752_4731
	startMark uint32 = 0x5347_4d31

	disguise = 0x5a5a_5a5a_5a5a_5a5a

	writeBody = 10 * 8
	startBody = 12 * 8
	entrySize = 6 * 8
	largest   = 1 << 30 // bytes of a body
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	payload    = bytes.Repeat([]byte{disguise & 0xff}, 4096) // what a command's payload looks like: zeros
)

// A header is what stands before a body.
type header struct {
	mark, length            uint32
	durable                 uint64
	body, previous, entries uint32
	sum                     uint32
}

// recordSize is the size of a record with so many bytes of body. There is at
// least one byte of pad.
func recordSize(body int64) int64 { return (headerSize+body)/align*align + align }

// salt is different for each offset of a segment, and for one offset in each
// segment, so that a record passes in its own place only.
func salt(segment uint64, offset int64) uint32 {
	return uint32(offset/align)*0x9e37_79b1 ^ uint32(segment)*0x85eb_ca77
}

// begin makes room for a header, which seal fills in.
func begin(b []byte) []byte { return append(b, payload[:headerSize]...) }

// seal ends the record that began at b[start:], at the offset of segment, and
// returns its sum beside the longer b.
func seal(b []byte, start int, h header, segment uint64, offset int64) ([]byte, uint32) {
	body := b[start+headerSize:]
	h.length, h.body = uint32(len(body)), checksum(body)
	b = append(b, payload[:int(recordSize(int64(len(body))))-headerSize-len(body)]...)
	r := b[start:]
	binary.LittleEndian.PutUint32(r[0:], h.mark)
	binary.LittleEndian.PutUint32(r[4:], h.length)
	binary.LittleEndian.PutUint64(r[8:], h.durable)
	binary.LittleEndian.PutUint32(r[16:], h.body)
	binary.LittleEndian.PutUint32(r[20:], h.previous)
	binary.LittleEndian.PutUint32(r[24:], h.entries)
	h.sum = crc32.Update(salt(segment, offset), castagnoli, r[:28])
	binary.LittleEndian.PutUint32(r[28:], h.sum)
	return b, h.sum
}

// parseHeader reads what begin and seal have written, in that place.
func parseHeader(b []byte, segment uint64, offset int64) (h header, ok bool) {
	h = header{
		mark:     binary.LittleEndian.Uint32(b[0:]),
		length:   binary.LittleEndian.Uint32(b[4:]),
		durable:  binary.LittleEndian.Uint64(b[8:]),
		body:     binary.LittleEndian.Uint32(b[16:]),
		previous: binary.LittleEndian.Uint32(b[20:]),
		entries:  binary.LittleEndian.Uint32(b[24:]),
		sum:      binary.LittleEndian.Uint32(b[28:]),
	}
	ok = (h.mark == writeMark || h.mark == startMark) && h.sum == crc32.Update(salt(segment, offset), castagnoli, b[:28])
	return h, ok
}

func appendWord(b []byte, w uint64) []byte { return binary.LittleEndian.AppendUint64(b, w^disguise) }

func appendID(b []byte, id protocols.EntryID) []byte {
	return appendWord(appendWord(b, id.Epoch), id.Index)
}

// writeSize is the size of a write's body.
func writeSize(w *protocols.Write) int64 {
	n := writeBody + entrySize*int64(len(w.Entries))
	for i := range w.Entries {
		n += int64(w.Entries[i].Command.Size)
	}
	return n
}

// appendWrite appends the body of a write.
func appendWrite(b []byte, w *protocols.Write) []byte {
	for _, r := range w.Registers {
		b = appendWord(b, r)
	}
	b = appendID(appendID(appendID(b, w.Snapshot), w.Base), w.After)
	for i := range w.Entries {
		e := &w.Entries[i]
		c := &e.Command
		b = appendID(b, e.ID)
		b = appendWord(b, uint64(c.ID.Session)<<32|uint64(c.ID.Seq))
		b = appendWord(b, uint64(c.Key)<<32|uint64(c.Size))
		b = appendWord(b, c.Value)
		b = appendWord(b, uint64(c.Op))
		for n := int(c.Size); n > 0; n -= len(payload) {
			b = append(b, payload[:min(n, len(payload))]...)
		}
	}
	return b
}

var errBody = errors.New("the content makes no sense, though its CRC is right")

// words reads a body from its front.
type words struct {
	b []byte
}

func (r *words) word() uint64 {
	w := binary.LittleEndian.Uint64(r.b) ^ disguise
	r.b = r.b[8:]
	return w
}

func (r *words) id() protocols.EntryID { return protocols.EntryID{Epoch: r.word(), Index: r.word()} }

func (r *words) registers() (all protocols.Registers) {
	for i := range all {
		all[i] = r.word()
	}
	return all
}

// parseWrite reads a body with so many entries, which it puts into space.
func parseWrite(b []byte, entries uint32, space []protocols.Entry) (w protocols.Write, err error) {
	if len(b) < writeBody || uint64(len(b)-writeBody) < entrySize*uint64(entries) {
		return w, errBody
	}
	r := words{b}
	w = protocols.Write{Registers: r.registers(), Snapshot: r.id(), Base: r.id(), After: r.id(), Entries: space[:0]}
	for range entries {
		if len(r.b) < entrySize {
			return w, errBody
		}
		e := protocols.Entry{ID: r.id()}
		who, what, value, op := r.word(), r.word(), r.word(), r.word()
		e.Command = protocols.Command{
			ID:  protocols.RequestID{Session: uint32(who >> 32), Seq: uint32(who)},
			Key: uint32(what >> 32), Size: uint32(what), Value: value, Op: uint8(op),
		}
		if op > 0xff || uint64(e.Command.Size) > uint64(len(r.b)) {
			return w, errBody
		}
		r.b = r.b[e.Command.Size:]
		w.Entries = append(w.Entries, e)
	}
	if len(r.b) > 0 {
		return w, errBody
	}
	return w, nil
}

// A start is what the first record of a segment says, so that all before it can be
// deleted once its entries are of no use.
type start struct {
	state        // when the segment began
	size  int64  // of the segment
	ended int64  // the record before it ended there, in the segment before
	sum   uint32 // of that record
}

func appendStart(b []byte, s *start) []byte {
	for _, r := range s.registers {
		b = appendWord(b, r)
	}
	b = appendID(appendID(appendID(b, s.snapshot), s.base), s.last)
	return appendWord(appendWord(b, uint64(s.size)), uint64(s.ended))
}

func parseStart(b []byte) (s start, err error) {
	if len(b) != startBody {
		return s, errBody
	}
	r := words{b}
	s.state = state{r.registers(), r.id(), r.id(), r.id()}
	s.size, s.ended = int64(r.word()), int64(r.word())
	return s, nil
}

func checksum(b []byte) uint32 { return crc32.Update(0, castagnoli, b) }
