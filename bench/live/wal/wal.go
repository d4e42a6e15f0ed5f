// Package wal is the disk of a live node. It answers what a node that has been
// killed, or whose machine lost its power, still holds when it comes back: the
// effect of some prefix of the writes that were asked for, at least of those that
// a Sync has covered, and nothing else.
//
// A folder holds
//
//	log-0000000001 …   segments of records, each of which is one protocols.Write (record.go, segment.go)
//	snapshot-3.1200    the content of the snapshot at that position (snapshot.go)
//	lock               held by the one store that works here
//
// recover.go reads it. A record that was torn by a crash ends the log; a record
// that had been durable and is not what it was is a Damage, with file and offset,
// and the store does not open. What lies about durability cannot be helped: if a
// disk loses a suffix of what it said was synced, it looks as if it had never been
// written.
package wal

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"raftzab/bench/kv"
	"raftzab/protocols"
)

// Options say how a store works. The zero value will do.
type Options struct {
	SegmentSize int64 // bytes, preallocated; 0: 64 MiB. The first ones are smaller
	Files       FS    // nil: the operating system's

	inline bool // what goes on beside the rest is done in between: for tests
}

// A Store is a node's durable state. Append and Sync belong to one goroutine at a
// time; the other methods may be called beside them, and from several goroutines.
type Store struct {
	dir    string
	files  FS
	lock   io.Closer
	work   background
	log    log
	shelf  shelf
	named  protocols.EntryID // by the latest write asked for
	found  protocols.Recovered
	image  *kv.Image
	saving sync.Mutex
}

var (
	errInUse  = errors.New("another store is open there, in this process or another")
	errClosed = errors.New("wal: the store is closed")
)

const lockName = "lock"

// Open recovers what is durable in a folder, which it makes if it is not there.
// What Recovered returns is durable when Open does.
func Open(dir string, o Options) (*Store, error) {
	s := &Store{dir: dir, files: o.Files, work: background{inline: o.inline}}
	if s.files == nil {
		s.files = OS()
	}
	s.log = log{dir: dir, files: s.files, size: o.SegmentSize, work: &s.work}
	if s.log.size <= 0 {
		s.log.size = defaultSize
	}
	s.shelf = shelf{dir: dir, files: s.files, work: &s.work}
	if err := s.files.MkdirAll(dir); err != nil {
		return nil, fmt.Errorf("wal: %w", err)
	}
	lock, err := s.files.Lock(dir)
	if err != nil {
		return nil, fmt.Errorf("wal: %s: %w", dir, err)
	}
	s.lock = lock
	if err := s.recover(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Store) recover() (err error) {
	names, err := s.files.List(s.dir)
	if err != nil {
		return fmt.Errorf("wal: %w", err)
	}
	if s.found, err = s.log.recover(names); err != nil {
		return err
	}
	s.named = s.found.Snapshot.At
	if s.image, err = s.shelf.recover(names, s.named); err != nil {
		return err
	}
	if s.image != nil {
		s.found.Snapshot = s.image.Snapshot()
	}
	s.log.release()
	if s.log.file == nil || s.log.torn || s.log.end > s.log.room/2 {
		s.log.reserve()
	}
	return nil
}

// Recovered returns what Open found, and the content of the snapshot that it
// starts from; nil for the empty state. The first Append forgets the entries.
func (s *Store) Recovered() (protocols.Recovered, *kv.Image) { return s.found, s.image }

// Append writes ws, which the next Sync makes durable, in one call to the system:
// except that a segment which is full is synced before the next one begins, and
// that a snapshot which one of ws names anew is made durable before it.
func (s *Store) Append(ws []protocols.Write) error {
	if err := s.work.failed(); err != nil || len(ws) == 0 {
		return err
	}
	s.found.Entries, s.image = nil, nil
	for i := range ws {
		if at := ws[i].Snapshot; at != s.named {
			if at.Less(s.named) {
				return s.work.fail(fmt.Errorf("a write goes back from snapshot %v to %v: %+v", s.named, at, ws[i]))
			}
			if err := s.shelf.claim(at); err != nil {
				return s.work.fail(err)
			}
			s.named = at
		}
	}
	if err := s.log.append(ws); err != nil {
		return s.work.fail(fmt.Errorf("appending: %w", err))
	}
	return nil
}

// Sync makes durable what has been appended. If it fails, nobody knows what is
// durable, nor will a second try tell: the store is dead, and every call fails.
func (s *Store) Sync() error {
	if err := s.work.failed(); err != nil {
		return err
	}
	if err := s.log.sync(); err != nil {
		return s.work.fail(fmt.Errorf("syncing: %w", err))
	}
	if at := s.log.safe.snapshot; at != s.shelf.named { // nobody else writes it
		s.shelf.drop(at)
	}
	return nil
}

// Save makes an image durable. One that is behind the snapshot of a durable write
// is of no use to anybody, and Image does not know it afterwards.
func (s *Store) Save(i *kv.Image) error {
	s.saving.Lock()
	defer s.saving.Unlock()
	if err := s.work.failed(); err != nil {
		return err
	}
	if err := s.shelf.save(i); err != nil {
		return s.work.fail(err)
	}
	return nil
}

// Image returns the content of a snapshot that is durable here; nil if none is.
// Snapshots are dropped when a durable write names a later one.
func (s *Store) Image(at protocols.EntryID) *kv.Image {
	if k := s.shelf.find(at); k != nil {
		return k.image
	}
	return nil
}

// Chunk returns the bytes of a part of a snapshot that is durable here. They never
// change, and stay valid when the snapshot is dropped.
func (s *Store) Chunk(c protocols.Chunk) ([]byte, error) { return s.shelf.chunk(c) }

// Aside keeps a part of a snapshot on its way in, until a write names it or a
// later one. The data are lent.
func (s *Store) Aside(c protocols.Chunk, data []byte) error {
	if err := s.work.failed(); err != nil {
		return err
	}
	return s.shelf.putAside(c, data)
}

// Close lets others open the folder. It makes nothing durable.
func (s *Store) Close() error {
	s.saving.Lock()
	defer s.saving.Unlock()
	dead := s.work.failed()
	if dead == errClosed {
		return nil
	}
	s.work.wait()
	err := s.log.close()
	s.work.end()
	if unlocked := s.lock.Close(); err == nil {
		err = unlocked
	}
	if err != nil && dead == nil {
		return fmt.Errorf("wal: closing %s: %w", s.dir, err)
	}
	return nil
}
