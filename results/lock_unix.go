//go:build linux || darwin

package results

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// taken locks a folder, and reports whether somebody else has it. A file system that
// cannot lock has nobody.
func taken(folder *os.File) bool {
	return errors.Is(unix.Flock(int(folder.Fd()), unix.LOCK_EX|unix.LOCK_NB), unix.EWOULDBLOCK)
}
