package zookeeper

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// An alarm rings on C once the time last set has passed; a ring of an earlier
// setting may be left in it. It is a timerfd, because an idle Go runtime rounds
// its own timers to milliseconds, and probes are 2 ms apart. Spinning would
// take a core from the servers.
type alarm struct {
	C    chan struct{}
	file *os.File
	fd   int
}

func newAlarm() (*alarm, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("zookeeper: timerfd_create: %w", err)
	}
	a := &alarm{C: make(chan struct{}, 1), file: os.NewFile(uintptr(fd), "timerfd"), fd: fd}
	go func() {
		var expirations [8]byte
		for {
			if _, err := a.file.Read(expirations[:]); err != nil {
				return // closed
			}
			select {
			case a.C <- struct{}{}:
			default:
			}
		}
	}()
	return a, nil
}

func (a *alarm) set(d time.Duration) error {
	at := unix.ItimerSpec{Value: unix.NsecToTimespec(max(int64(d), 1))} // zero would disarm it
	return unix.TimerfdSettime(a.fd, 0, &at, nil)
}

func (a *alarm) close() error { return a.file.Close() }
