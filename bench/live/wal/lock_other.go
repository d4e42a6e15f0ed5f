//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package wal

import (
	"errors"
	"io"
)

// Lock refuses: two stores in one folder would destroy it, and a lock that
// outlives a killed process would have to be broken by hand.
func (system) Lock(string) (io.Closer, error) {
	return nil, errors.New("this system has no flock(2), without which a store is not safe")
}
