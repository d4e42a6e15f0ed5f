//go:build !linux

package clock

import (
	"errors"
	"time"
)

var began = time.Now()

// Monotonic returns nanoseconds since this process began: nothing live runs
// here, so there is no second process to agree with.
func Monotonic() int64 { return int64(time.Since(began)) }

var errUnsupported = errors.New("clock: exact alarms are made of timerfd, which is Linux's")

// An Alarm rings on C once the time last set has passed.
type Alarm struct{ C <-chan struct{} }

// NewAlarm says that there is none here.
func NewAlarm() (*Alarm, error) { return nil, errUnsupported }

// Set says that there is none here.
func (a *Alarm) Set(time.Duration) error { return errUnsupported }

// Close has nothing to free.
func (a *Alarm) Close() error { return nil }
