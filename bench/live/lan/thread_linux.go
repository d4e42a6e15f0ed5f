package lan

import (
	"errors"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A thread is an operating system thread that does one thing after another and
// lasts until it is told to end. Two things hang on threads. A network namespace
// is a thread's: what a process inherits and where a socket belongs is decided
// by the thread that makes it. And a child's parent-death signal comes when the
// thread that forked it ends, so a thread that the Go runtime may retire would
// take the servers with it.
type thread struct {
	id   int
	work chan func()
	end  chan struct{}
	once sync.Once
}

func newThread() *thread {
	t := &thread{work: make(chan func()), end: make(chan struct{})}
	begun := make(chan struct{})
	go locked(func() {
		t.id = unix.Gettid()
		close(begun)
		for {
			select {
			case f := <-t.work:
				f()
			case <-t.end:
				return
			}
		}
	})
	<-begun
	return t
}

// locked runs f on a thread of its own, which ends with it, since it is never
// unlocked. The process's first thread would not end, and what others see as the
// namespaces of the process are that thread's; so it is left out.
func locked(f func()) {
	runtime.LockOSThread()
	if unix.Gettid() != unix.Getpid() {
		f()
		return
	}
	moved := make(chan struct{})
	go func() { // elsewhere, for we hold the first thread
		runtime.LockOSThread()
		close(moved)
		f()
	}()
	<-moved
	runtime.UnlockOSThread()
}

var errEnded = errors.New("lan: the machine is gone")

// do runs f on the thread. It fails only if the thread has been told to end.
func (t *thread) do(f func()) error {
	done := make(chan struct{})
	select {
	case t.work <- func() { defer close(done); f() }:
		<-done
		return nil
	case <-t.end:
		return errEnded
	}
}

// try is do for what can fail.
func (t *thread) try(f func() error) error {
	var err error
	failed := t.do(func() { err = f() })
	return errors.Join(failed, err)
}

// start is cmd.Start on the thread.
func (t *thread) start(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	cmd.SysProcAttr.Pdeathsig, cmd.SysProcAttr.Setpgid = syscall.SIGKILL, true
	return t.try(cmd.Start)
}

// close ends the thread, and waits for it: from then on its children have had
// their signal.
func (t *thread) close() error {
	t.once.Do(func() { close(t.end) })
	for wait := time.Millisecond; wait < 2*time.Second; wait *= 2 {
		if unix.Tgkill(unix.Getpid(), t.id, 0) == unix.ESRCH {
			return nil
		}
		time.Sleep(wait)
	}
	return errors.New("lan: a machine's thread does not end")
}

// onThread does something on a thread that ends with it.
func onThread(f func() error) error {
	t := newThread()
	err := t.try(f)
	return errors.Join(err, t.close())
}
