//go:build !linux

package wal

import (
	"os"
	"runtime"
)

func datasync(f *os.File) error { return f.Sync() }

// A folder cannot be synced on Windows, which keeps its names in a journal.
func syncDir(f *os.File) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	return f.Sync()
}

func allocate(*os.File, int64) error { return nil } // the zeros will do it
