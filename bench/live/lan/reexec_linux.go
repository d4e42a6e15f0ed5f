package lan

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// containedKey tells a process that Reexec has started it.
const containedKey = "RAFTZAB_CONTAINED"

// Reexec sees to it that this process may make a LAN; call it before New, and
// before anything that should happen once. Where it may, as root, it returns. A
// user may only inside of namespaces that are the user's own: Reexec runs this
// program again, with the same arguments, as root of such namespaces, passes
// signals on to it, and exits with its exit code. It returns there, in the second
// process. An error says what is missing, as that of Possible does.
//
// Whatever ends the first process ends the second, and that ends all that it has
// started: it is the first of its namespace of processes.
func Reexec() error {
	if os.Getenv(containedKey) != "" {
		os.Unsetenv(containedKey)
		furnish()
		return ours()
	}
	if ours() == nil {
		return nil
	}
	if err := Possible(); err != nil {
		return err
	}
	code, err := again(os.Args[1:]...)
	if err != nil {
		return err
	}
	os.Exit(code)
	return nil
}

// furnish makes the namespaces that this process was born into livable. What
// does not succeed can be done without: other interfaces than loopback are the
// machines', and only what is told of single processes is wrong in an old /proc.
func furnish() {
	if s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err == nil {
		up(s, "lo")
		unix.Close(s)
	}
	if unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") == nil {
		unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
	}
}

// again runs this program in namespaces of its own and returns its exit code.
func again(args ...string) (code int, err error) {
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), containedKey+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = contained()
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	defer signal.Stop(signals)
	if err := newThread().start(cmd); err != nil { // a thread that lasts as long as we do
		return 0, fmt.Errorf("lan: this program in namespaces of its own: %w", err)
	}
	ended := make(chan struct{})
	go func() {
		for {
			select {
			case s := <-signals:
				cmd.Process.Signal(s)
			case <-ended:
				return
			}
		}
	}()
	err = cmd.Wait()
	close(ended)
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, nil
	case !errors.As(err, &exit):
		return 0, fmt.Errorf("lan: this program in namespaces of its own: %w", err)
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal()), nil // as shells have it
	}
	return exit.ExitCode(), nil
}
