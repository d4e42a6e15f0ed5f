package wal

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"raftzab/bench/kv"
	"raftzab/protocols"
)

// A shelf holds the snapshots: those that are durable, and the parts of those that
// are on their way in. Content is kept in memory beside the files, so that a
// restore and a part to send wait for no disk.
type shelf struct {
	dir   string
	files FS
	work  *background

	mu    sync.Mutex
	kept  []*kept
	aside []*parts
	named protocols.EntryID // by the latest durable write: earlier ones are of no use
	made  int               // temporary files so far
}

type kept struct {
	image *kv.Image
	once  sync.Once
	bytes []byte // for chunks; whoever sends one holds on to them
}

// The parts of a snapshot, by offset.
type parts struct {
	at     protocols.EntryID
	pieces []part
}

type part struct {
	offset uint64
	data   []byte
}

func (p part) end() uint64 { return p.offset + uint64(len(p.data)) }

const unfinished = ".tmp" // in the name of a file that is not yet what it is to be

func snapshotName(at protocols.EntryID) string {
	return fmt.Sprintf("snapshot-%d.%d", at.Epoch, at.Index)
}

// find returns the durable snapshot at that position, or nil.
func (s *shelf) find(at protocols.EntryID) *kept {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.kept {
		if k.image.Snapshot().At == at {
			return k
		}
	}
	return nil
}

// save makes an image durable, unless a later one has been named meanwhile.
func (s *shelf) save(image *kv.Image) error {
	at := image.Snapshot().At
	if s.find(at) != nil || !s.wants(at) {
		return nil
	}
	return s.put(image, kv.AppendImage(make([]byte, 0, image.Snapshot().Size), image))
}

func (s *shelf) wants(at protocols.EntryID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.named.Less(at)
}

// put writes a snapshot's file, and takes it into the shelf when it is durable.
func (s *shelf) put(image *kv.Image, content []byte) error {
	at := image.Snapshot().At
	name := filepath.Join(s.dir, snapshotName(at))
	if err := s.write(name, content); err != nil {
		return fmt.Errorf("snapshot %v: %w", at, err)
	}
	s.mu.Lock()
	overtaken := at.Less(s.named)
	twice := slices.ContainsFunc(s.kept, func(k *kept) bool { return k.image.Snapshot().At == at })
	if !overtaken && !twice { // saved and installed at the same time
		s.kept = append(s.kept, &kept{image: image})
	}
	s.mu.Unlock()
	if overtaken {
		return remove(s.files, name)
	}
	return nil
}

// write makes the file durable under another name, and then renames it.
func (s *shelf) write(name string, content []byte) error {
	s.mu.Lock()
	s.made++
	temporary := fmt.Sprintf("%s-%d%s", name, s.made, unfinished)
	s.mu.Unlock()
	f, err := s.files.Open(temporary)
	if err != nil {
		return err
	}
	for at := 0; at < len(content) && err == nil; at += piece {
		if _, err = f.WriteAt(content[at:min(at+piece, len(content))], int64(at)); err == nil {
			err = f.Sync()
		}
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = s.files.Rename(temporary, name)
	}
	if err == nil {
		err = s.files.SyncDir(s.dir)
	}
	return err
}

// putAside keeps the content of a chunk, unless the snapshot is there, or a later one.
func (s *shelf) putAside(c protocols.Chunk, data []byte) error {
	if uint64(len(data)) != c.Length {
		return fmt.Errorf("wal: %d bytes for the %d of a chunk of snapshot %v", len(data), c.Length, c.At)
	}
	if c.Length == 0 || s.find(c.At) != nil || !s.wants(c.At) {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.aside, func(p *parts) bool { return p.at == c.At })
	if i < 0 {
		i = len(s.aside)
		s.aside = append(s.aside, &parts{at: c.At})
	}
	s.aside[i].add(part{c.Offset, data})
	return nil
}

// add copies a part to its place, unless its bytes are there. A part that is
// there twice in part stays so.
func (p *parts) add(n part) {
	i := 0
	for ; i < len(p.pieces) && p.pieces[i].offset <= n.offset; i++ {
		if p.pieces[i].end() >= n.end() {
			return
		}
	}
	n.data = slices.Clone(n.data)
	p.pieces = slices.Insert(p.pieces, i, n)
}

// whole puts the parts together.
func (p *parts) whole() ([]byte, error) {
	var content []byte
	for _, n := range p.pieces {
		there := uint64(len(content))
		if n.offset > there {
			return nil, fmt.Errorf("bytes %d..%d never arrived", there, n.offset)
		}
		if n.end() > there {
			content = append(content, n.data[there-n.offset:]...)
		}
	}
	return content, nil
}

// claim makes sure that a snapshot which a write is about to name is durable: it
// is, or all its parts are there and it is made so now.
func (s *shelf) claim(at protocols.EntryID) error {
	if s.find(at) != nil {
		return nil
	}
	s.mu.Lock()
	i := slices.IndexFunc(s.aside, func(p *parts) bool { return p.at == at })
	if i < 0 {
		s.mu.Unlock()
		return fmt.Errorf("a write names snapshot %v, of which nothing is there", at)
	}
	content, err := s.aside[i].whole()
	s.mu.Unlock()
	if err != nil {
		return fmt.Errorf("a write names snapshot %v, of which %w", at, err)
	}
	image, err := kv.ParseImage(content)
	if err == nil && image.Snapshot().At != at {
		err = fmt.Errorf("it is that of %v", image.Snapshot().At)
	}
	if err != nil {
		return fmt.Errorf("a write names snapshot %v, whose parts do not make it: %w", at, err)
	}
	if err := s.put(image, content); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.aside = slices.DeleteFunc(s.aside, func(p *parts) bool { return p.at == at })
	return nil
}

// drop gives up what is of no use now that a durable write names at.
func (s *shelf) drop(at protocols.EntryID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.named = at
	s.aside = slices.DeleteFunc(s.aside, func(p *parts) bool { return !at.Less(p.at) })
	s.kept = slices.DeleteFunc(s.kept, func(k *kept) bool {
		old := k.image.Snapshot().At
		if !old.Less(at) {
			return false
		}
		name := filepath.Join(s.dir, snapshotName(old))
		s.work.do(func() error { return remove(s.files, name) })
		return true
	})
}

// chunk returns bytes of a durable snapshot, which never change.
func (s *shelf) chunk(c protocols.Chunk) ([]byte, error) {
	k := s.find(c.At)
	if k == nil {
		return nil, fmt.Errorf("wal: a chunk of snapshot %v, which is not durable here", c.At)
	}
	size := k.image.Snapshot().Size
	if c.Offset > size || c.Length > size-c.Offset {
		return nil, fmt.Errorf("wal: %d bytes from %d on of snapshot %v, which has %d", c.Length, c.Offset, c.At, size)
	}
	k.once.Do(func() { k.bytes = kv.AppendImage(make([]byte, 0, size), k.image) })
	return k.bytes[c.Offset:][:c.Length:c.Length], nil
}

// recover reads the snapshot at that position, which the log names, and removes the others.
func (s *shelf) recover(names []string, at protocols.EntryID) (*kv.Image, error) {
	s.named = at
	there := false
	for _, name := range names {
		var id protocols.EntryID
		_, err := fmt.Sscanf(name, "snapshot-%d.%d", &id.Epoch, &id.Index)
		switch {
		case strings.HasSuffix(name, unfinished) || err == nil && name == snapshotName(id) && id != at:
			if err := remove(s.files, filepath.Join(s.dir, name)); err != nil {
				return nil, err
			}
		case err == nil && id == at:
			there = true
		}
	}
	if at == (protocols.EntryID{}) {
		return nil, nil
	}
	name := filepath.Join(s.dir, snapshotName(at))
	if !there {
		return nil, &Damage{name, 0, "it is not there, and the log begins with it"}
	}
	content, err := s.read(name)
	if err != nil {
		return nil, err
	}
	image, err := kv.ParseImage(content)
	if err == nil && image.Snapshot().At != at {
		err = fmt.Errorf("it is that of %v", image.Snapshot().At)
	}
	if err != nil {
		return nil, &Damage{name, 0, err.Error()}
	}
	s.kept = append(s.kept, &kept{image: image})
	return image, nil
}

func (s *shelf) read(name string) ([]byte, error) {
	f, err := s.files.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	r := reader{name: name, file: f, size: size}
	return r.bytes(0, size)
}
