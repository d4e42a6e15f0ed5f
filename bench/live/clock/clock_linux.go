package clock

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Go's monotonic clock is CLOCK_MONOTONIC, read without a system call, but from
// an origin that it does not tell. That is measured once, to within the shortest
// of many attempts: a tenth of a microsecond.
var origin, originAt = calibrate()

func calibrate() (time.Time, int64) {
	var best, at int64
	var origin time.Time
	for i := range 100 {
		before := system()
		now := time.Now()
		after := system()
		if i == 0 || after-before < best {
			best, origin, at = after-before, now, before+(after-before)/2
		}
	}
	return origin, at
}

func system() int64 {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		panic(fmt.Sprintf("clock: clock_gettime: %v", err)) // no Linux lacks this clock
	}
	return now.Nano()
}

// Monotonic returns CLOCK_MONOTONIC in nanoseconds.
func Monotonic() int64 { return originAt + int64(time.Since(origin)) }

// An Alarm rings on C once the time last set has passed; a ring of an earlier
// setting may be left in it. It is a timerfd, because an idle Go runtime rounds
// its own timers to milliseconds, and a live run waits for less than that.
// Spinning would take a core from the servers.
type Alarm struct {
	C    <-chan struct{}
	file *os.File
	fd   int
}

// NewAlarm returns an alarm that is not set.
func NewAlarm() (*Alarm, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("clock: timerfd_create: %w", err)
	}
	rings := make(chan struct{}, 1)
	a := &Alarm{C: rings, file: os.NewFile(uintptr(fd), "timerfd"), fd: fd}
	go func() {
		var expirations [8]byte
		for {
			if _, err := a.file.Read(expirations[:]); err != nil {
				return // closed
			}
			select {
			case rings <- struct{}{}:
			default:
			}
		}
	}()
	return a, nil
}

// Set has the alarm ring after d, and no more for what was set before. What has
// passed already rings at once.
func (a *Alarm) Set(d time.Duration) error {
	at := unix.ItimerSpec{Value: unix.NsecToTimespec(max(int64(d), 1))} // zero would disarm it
	if err := unix.TimerfdSettime(a.fd, 0, &at, nil); err != nil {
		return fmt.Errorf("clock: timerfd_settime: %w", err)
	}
	return nil
}

// Close frees the timer. Set must not be under way.
func (a *Alarm) Close() error { return a.file.Close() }
