// Package clock answers what time it is for all processes of one machine, and
// wakes on time. Its clock is CLOCK_MONOTONIC, which every process reads alike,
// whatever its namespaces; so nodes stamp what happens to them themselves, and
// the stamps of several nodes can be put in one order.
package clock

import (
	"time"

	"raftzab/protocols"
)

// A Clock tells the time since an instant that several processes agree on: the
// start of a run. Its zero value counts from the machine's own start.
type Clock struct{ start int64 }

// At returns the clock that began at an instant of Monotonic.
func At(start int64) Clock { return Clock{start} }

// Start returns when c began, for another process to call At with.
func (c Clock) Start() int64 { return c.start }

// Now returns the time since c began.
func (c Clock) Now() protocols.Time { return protocols.Time(Monotonic() - c.start) }

// Until returns how long it is from now to an instant of c; negative if it has passed.
func (c Clock) Until(t protocols.Time) time.Duration { return time.Duration(t - c.Now()) }
