package wal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// FS is what a store asks of a file system. Tests, and faults of the disk, stand
// in between.
type FS interface {
	// MkdirAll makes a folder and those that it is in, durably.
	MkdirAll(dir string) error
	// Lock takes the folder for one store at a time; the lock ends with Close, and
	// with the process.
	Lock(dir string) (io.Closer, error)
	// List returns the names in a folder, in any order.
	List(dir string) ([]string, error)
	// Open opens a file to read and write, and makes it if it is not there.
	Open(name string) (File, error)
	Rename(from, to string) error
	Remove(name string) error
	// SyncDir makes durable which names a folder holds.
	SyncDir(dir string) error
}

// A File is an open file of an FS.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Size() (int64, error)
	// Reserve makes a new file of zeros, durable when it returns, of which parts can
	// be overwritten and synced with nothing to say about the file itself.
	Reserve(size int64) error
	// Sync makes the content durable: fdatasync.
	Sync() error
}

// OS returns the operating system's files, on which a store works unless its
// Options say otherwise.
func OS() FS { return system{} }

type system struct{}

func (system) Rename(from, to string) error { return os.Rename(from, to) }
func (system) Remove(name string) error     { return os.Remove(name) }

func (s system) MkdirAll(dir string) error {
	name := filepath.Clean(dir)
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
		if err := s.MkdirAll(filepath.Dir(name)); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(name, 0o755); err != nil {
		return err
	}
	return s.SyncDir(filepath.Dir(name))
}

func (system) List(dir string) (names []string, err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}

func (system) Open(name string) (File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	return file{f}, nil
}

func (system) SyncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return syncDir(f)
}

// remove removes a file that may be gone already.
func remove(files FS, name string) error {
	if err := files.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

type file struct{ *os.File }

func (f file) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (f file) Sync() error { return datasync(f.File) }

// piece is how much is written between two syncs of what nobody waits for, so
// that those of somebody who does are not held up for long.
const piece = 256 << 10

// Reserve writes the zeros, for of space that is merely allocated the file system
// has to write down, with the sync that somebody waits for, that it is in use.
// It is allocated first nevertheless: in one place, or else refused now.
func (f file) Reserve(size int64) error {
	if err := allocate(f.File, size); err != nil {
		return fmt.Errorf("no room for %d bytes: %w", size, err)
	}
	for at := int64(0); at < size; at += piece {
		if _, err := f.WriteAt(zeros[:min(piece, size-at)], at); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
	}
	return nil
}

var zeros [piece]byte
