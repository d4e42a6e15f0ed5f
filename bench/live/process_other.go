//go:build !linux

package live

import (
	"errors"
	"os"
)

var errUnsupported = errors.New("live: node processes run on Linux only")

func pause(*os.Process) error  { return errUnsupported }
func resume(*os.Process) error { return errUnsupported }
func widen(*os.File)           {}

// Scratch says that nothing here needs a folder.
func Scratch() (done func() error, err error) { return nil, errUnsupported }

// Group is the name that a run's groups of processes would have.
func Group() string { return "raftzab-live" }
