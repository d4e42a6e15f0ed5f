package kv

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"raftzab/protocols"
)

// The binary form of an image is Snapshot().Size bytes long: a header, and 16
// bytes for each cell and each session. All numbers are big-endian.
//
//	 0  "kvimage1"
//	 8  the position: epoch, index
//	24  the number of cells
//	32  the number of sessions
//	40  four zeros; CRC32C of all that is not these eight bytes
//	48  zeros
//	64  cells: value, version; sessions: seq, four zeros, version
//
// There is one form of each image and no other: what ParseImage takes in,
// AppendImage gives back, byte for byte. So parts of one snapshot from several
// servers fit together.
const (
	imageMark   = "kvimage1"
	imageHeader = 64
	imageCell   = 16
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errImage = errors.New("kv: not an image")

// AppendImage appends the binary form of i to b.
func AppendImage(b []byte, i *Image) []byte {
	start, s := len(b), &i.s
	b = append(b, imageMark...)
	for _, word := range [...]uint64{s.at.Epoch, s.at.Index, uint64(len(s.cells)), uint64(len(s.sessions)), 0, 0, 0} {
		b = binary.BigEndian.AppendUint64(b, word)
	}
	for _, c := range s.cells {
		b = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, c.value), c.version)
	}
	for _, c := range s.sessions {
		b = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, uint64(c.seq)<<32), c.version)
	}
	image := b[start:]
	binary.BigEndian.PutUint64(image[40:], uint64(imageSum(image)))
	return b
}

// ParseImage reads the binary form of an image, which b is, from its first byte
// to its last. It refuses everything else.
func ParseImage(b []byte) (*Image, error) {
	if len(b) < imageHeader || string(b[:len(imageMark)]) != imageMark {
		return nil, fmt.Errorf("%w: the header is wrong", errImage)
	}
	word := func(at int) uint64 { return binary.BigEndian.Uint64(b[at:]) }
	cells, sessions := word(24), word(32)
	most := uint64(len(b)-imageHeader) / imageCell
	if cells > most || sessions > most || cells+sessions != most || uint64(len(b)) != imageHeader+imageCell*most {
		return nil, fmt.Errorf("%w: %d bytes do not hold %d cells and %d sessions", errImage, len(b), cells, sessions)
	}
	if got, want := uint64(imageSum(b)), word(40); got != want {
		return nil, fmt.Errorf("%w: its CRC is %08x, and it says %08x", errImage, got, want)
	}
	if word(48) != 0 || word(56) != 0 {
		return nil, fmt.Errorf("%w: the header does not end in zeros", errImage)
	}
	s := Store{at: protocols.EntryID{Epoch: word(8), Index: word(16)}}
	at := imageHeader
	if cells > 0 {
		s.cells = make([]cell, cells)
	}
	for i := range s.cells {
		s.cells[i] = cell{value: word(at), version: word(at + 8)}
		at += imageCell
	}
	if sessions > 0 {
		s.sessions = make([]session, sessions)
	}
	for i := range s.sessions {
		seq := word(at)
		if seq != seq>>32<<32 {
			return nil, fmt.Errorf("%w: session %d has the number %#x", errImage, i, seq)
		}
		s.sessions[i] = session{seq: uint32(seq >> 32), version: word(at + 8)}
		at += imageCell
	}
	return &Image{s}, nil
}

// imageSum is the CRC of all but its own place.
func imageSum(image []byte) uint32 {
	return crc32.Update(crc32.Checksum(image[:40], castagnoli), castagnoli, image[48:])
}
