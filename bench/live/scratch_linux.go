package live

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"raftzab/bench/live/lan"
)

// scratchKey tells a process that it has a scratch folder already: this program is
// run again, by lan.Reexec.
const scratchKey = "RAFTZAB_SCRATCH"

// reaper waits until nobody holds the other end of its input, and then removes a
// folder, and folders of the kernel's groups of processes, which are empty but for
// files that go with them. It looks again after a moment, for the last processes of a
// run may be dying still, and gives up after ten seconds.
const reaper = `read -r end; n=0; left=1
while [ -n "$left" ] && [ $n -lt 50 ]; do
	rm -rf -- "$1"; left=
	for g; do rmdir "$g"/*/ "$g" 2>/dev/null; done
	sleep 0.2; n=$((n+1))
	for g; do if [ -e "$g" ]; then left=1; fi; done
done`

// Group is the name under which this run may make groups of processes (lan.Limit):
// that of its scratch folder, so that they go with it; without one, a name of its own.
func Group() string {
	if dir := os.Getenv(scratchKey); dir != "" {
		return filepath.Base(dir)
	}
	return fmt.Sprintf("raftzab-live-%d", os.Getpid())
}

// Scratch makes a folder for what a run needs only while it lasts, its nodes' disks
// above all, and has TMPDIR name it: for this process and for those that it starts.
//
// The folder is gone when done returns. If the process ends otherwise, kill -9 and
// panics included, a shell removes it: it waits at a pipe whose other end only this
// process has. The shell has a session of its own, so that what is meant for us does
// not reach it, and it is started here, before lan.Reexec, so that it is not one of
// the processes that die with their namespace.
func Scratch() (done func() error, err error) {
	before, set := os.LookupEnv("TMPDIR")
	dir := os.Getenv(scratchKey)
	if dir != "" {
		return func() error { return os.RemoveAll(dir) }, nil
	}
	if dir, err = os.MkdirTemp("", "raftzab-live-"); err != nil {
		return nil, fmt.Errorf("live: a folder for the nodes: %w", err)
	}
	if dir, err = filepath.Abs(dir); err != nil { // the shell is elsewhere
		return nil, fmt.Errorf("live: a folder for the nodes: %w", err)
	}
	var pipe [2]int // by number: an os.File is closed when it is collected
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return nil, errors.Join(fmt.Errorf("live: pipe: %w", err), os.Remove(dir))
	}
	end, held := os.NewFile(uintptr(pipe[0]), "the reaper's"), pipe[1]
	defer end.Close()
	watcher := exec.Command("sh", append([]string{"-c", reaper, "raftzab-reaper", dir}, lan.GroupFolders(filepath.Base(dir))...)...)
	watcher.Dir, watcher.Stdin, watcher.SysProcAttr = "/", end, &syscall.SysProcAttr{Setsid: true}
	if err := watcher.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("live: a shell to remove %s: %w", dir, err), unix.Close(held), os.Remove(dir))
	}
	os.Setenv("TMPDIR", dir)
	os.Setenv(scratchKey, dir)
	return func() error {
		os.Unsetenv(scratchKey)
		if os.Unsetenv("TMPDIR"); set {
			os.Setenv("TMPDIR", before)
		}
		return errors.Join(os.RemoveAll(dir), unix.Close(held), watcher.Wait())
	}, nil
}
