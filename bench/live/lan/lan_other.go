//go:build !linux

package lan

import (
	"errors"
	"runtime"
)

var errUnsupported = errors.New("lan: live runs need Linux: its network namespaces, and signals at a parent's death")

// Possible says that no LAN can be made here.
func Possible() error { return errUnsupported }

// New says that no LAN can be made here.
func New(Config) (Network, error) { return nil, errUnsupported }

// Loopback says that nothing can be kept from outliving us here.
func Loopback(int) (Network, error) { return nil, errUnsupported }

// Limit says that there are no quotas here.
func Limit(Network, int, float64, string) (Network, error) { return nil, errUnsupported }

// Limitable says so too.
func Limitable() error { return errUnsupported }

// Reexec says that there is nothing to gain.
func Reexec() error { return errUnsupported }

// Facts has one only.
func Facts() []Fact {
	return []Fact{{"live runs", "none on " + runtime.GOOS, "our own nodes and ZooKeeper as real processes on a faulty network", "take Linux, 5.4 or later; simulated runs need nothing"}}
}
