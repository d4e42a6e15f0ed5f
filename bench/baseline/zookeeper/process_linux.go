package zookeeper

import (
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

const supported = true

// The forker starts processes from one thread that lasts as long as this
// process. A child's parent-death signal comes when the thread that forked it
// ends, not the process, so a thread that the Go runtime may retire would take
// the servers with it.
var forker = sync.OnceValue(func() chan<- func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range work {
			f()
		}
	}()
	return work
})

// spawn starts cmd so that it dies with us, kill -9 included, and so that an
// interrupt from the terminal is for us alone.
func spawn(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	done := make(chan error)
	forker() <- func() { done <- cmd.Start() }
	return <-done
}

func pause(p *os.Process) error  { return p.Signal(syscall.SIGSTOP) }
func resume(p *os.Process) error { return p.Signal(syscall.SIGCONT) }
