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
