//go:build !linux

package zookeeper

import (
	"errors"
	"os"
)

// Without a parent-death signal a killed experiment would leave its servers
// behind.
const supported = false

var errUnsupported = errors.New("zookeeper: the servers can be run on Linux only")

func pause(*os.Process) error  { return errUnsupported }
func resume(*os.Process) error { return errUnsupported }
