package wal

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// datasync is fdatasync(2): it leaves out the time of the last change, which for
// a file that has its full size already is all that there is besides the content.
func datasync(f *os.File) error {
	return again(func() error { return unix.Fdatasync(int(f.Fd())) })
}

func syncDir(f *os.File) error { return f.Sync() }

func allocate(f *os.File, size int64) error {
	err := again(func() error { return unix.Fallocate(int(f.Fd()), 0, 0, size) })
	if errors.Is(err, unix.EOPNOTSUPP) {
		return nil // the zeros will do it
	}
	return err
}

func again(call func() error) error {
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}
