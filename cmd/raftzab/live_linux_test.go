package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"raftzab/bench/baseline/zookeeper"
	"raftzab/bench/live/lan"
)

// asUser in the environment of a root's process makes it the user of that number,
// for whom /dev/net/tun is open, before it becomes the command.
const asUser = "RAFTZAB_TEST_AS_USER"

// somebody is the user that root becomes: nobody, in most systems.
const somebody = 65534

func init() {
	id := os.Getenv(asUser)
	if id == "" {
		return
	}
	os.Unsetenv(asUser)
	if err := become(id); err != nil {
		fmt.Fprintln(os.Stderr, "cannot become another user:", err)
		os.Exit(nobodyHere)
	}
}

const nobodyHere = 99 // an exit code

const tun = 10<<8 | 200 // the number of /dev/net/tun

// become hides /dev/net/tun behind one that anybody may open, in this process's own
// namespace of mounts, and goes on as the user.
func become(id string) error {
	user, err := strconv.Atoi(id)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		return err
	}
	file := filepath.Join(dir, "tun")
	err = errors.Join(
		unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""),
		unix.Mknod(file, unix.S_IFCHR, tun),
		os.Chmod(file, 0o666),
		unix.Mount(file, "/dev/net/tun", "", unix.MS_BIND, ""),
		os.RemoveAll(dir),
		syscall.Setgroups(nil), syscall.Setgid(user), syscall.Setuid(user))
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return syscall.Exec(self, os.Args, os.Environ())
}

// A liveRun is a process of the command with a live scenario, in a folder of its own
// that has all that it needs and leaves.
type liveRun struct {
	*testing.T
	cmd  *exec.Cmd
	dir  string
	mark string // is in the environment of all processes that come of it
}

// start starts it: a million trials, unless filling says less.
func start(t *testing.T, user bool, filling ...string) *liveRun {
	t.Helper()
	if err := lan.Possible(); err != nil {
		t.Skip(err)
	}
	dir, err := os.MkdirTemp("", "raftzab-test-") // T.TempDir's are closed to other users
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	r := &liveRun{T: t, dir: dir, mark: "RAFTZAB_TEST_MARK=" + dir}
	r.cmd = process(t, liveIn(t, dir, append(filling, "QUOTA", "0.0", "TRIALS", "1000000", "LOOPBACK", "false", "KIND", "power-off")...)...)
	r.cmd.Dir = dir
	r.cmd.Env = append(r.cmd.Env, r.mark, "TMPDIR="+r.path("tmp"))
	said, err := os.Create(r.path("said"))
	if err == nil {
		r.cmd.Stderr = said
		defer said.Close()
		err = errors.Join(os.Mkdir(r.path("tmp"), 0o755), os.Mkdir(r.path("out"), 0o755), os.Chmod(dir, 0o755))
	}
	if user && os.Getuid() == 0 {
		r.cmd.Env = append(r.cmd.Env, fmt.Sprintf("%s=%d", asUser, somebody))
		r.cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS}
		program := r.cmd.Path // where it is built, only its owner may look
		r.cmd.Path = r.path("raftzab")
		err = errors.Join(err, copyProgram(r.cmd.Path, program), os.Chown(r.path("tmp"), somebody, somebody), os.Chown(r.path("out"), somebody, somebody))
	}
	if err == nil {
		err = r.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // whatever the test has found
		r.cmd.Process.Kill()
		r.cmd.Wait()
		for _, pid := range r.look().all {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	return r
}

func copyProgram(to, from string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o755)
}

func (r *liveRun) path(name string) string { return filepath.Join(r.dir, name) }

func (r *liveRun) said() string {
	text, _ := os.ReadFile(r.path("said"))
	return string(text)
}

// A sight is what there is of a run, at one moment.
type sight struct {
	all      []int           // processes
	servers  []int           // of them
	networks map[string]bool // namespaces that a thread of theirs is in, without the tests' own
	cables   int             // open /dev/net/tun
}

func (r *liveRun) look() sight {
	s := sight{networks: map[string]bool{}}
	ours, _ := os.Readlink("/proc/self/ns/net")
	for _, pid := range pids() {
		proc := fmt.Sprintf("/proc/%d/", pid)
		environment, _ := os.ReadFile(proc + "environ") // empty: it is over
		if !slices.Contains(strings.Split(string(environment), "\x00"), r.mark) {
			continue
		}
		s.all = append(s.all, pid)
		command, _ := os.ReadFile(proc + "cmdline")
		if args := strings.Split(string(command), "\x00"); slices.Contains(args, "node") || strings.Contains(string(command), ".QuorumPeerMain") {
			s.servers = append(s.servers, pid)
		}
		for _, name := range glob(proc + "task/*/ns/net") {
			if link, err := os.Readlink(name); err == nil && link != ours {
				s.networks[link] = true
			}
		}
		for _, name := range glob(proc + "fd/*") {
			var f unix.Stat_t
			if err := unix.Stat(name, &f); err == nil && f.Mode&unix.S_IFMT == unix.S_IFCHR && f.Rdev == tun {
				s.cables++
			}
		}
	}
	return s
}

func pids() (all []int) {
	for _, name := range glob("/proc/[0-9]*") {
		if pid, err := strconv.Atoi(filepath.Base(name)); err == nil {
			all = append(all, pid)
		}
	}
	return all
}

func glob(pattern string) []string {
	names, _ := filepath.Glob(pattern)
	return names
}

// foreign returns who else holds one of the namespaces, by a thread or a file. What
// the run has started since s is its own; until that has become the program that it
// will be, it looks like a stranger, so a stranger is who is one for a second.
func (r *liveRun) foreign(s sight) (holders []string) {
	for begun := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		if holders = r.strangers(s); len(holders) == 0 || time.Since(begun) > time.Second {
			return holders
		}
	}
}

func (r *liveRun) strangers(s sight) (holders []string) {
	running := pids()
	own := append(r.look().all, s.all...)
	for _, pid := range running {
		if slices.Contains(own, pid) {
			continue
		}
		for _, name := range append(glob(fmt.Sprintf("/proc/%d/task/*/ns/net", pid)), glob(fmt.Sprintf("/proc/%d/fd/*", pid))...) {
			if link, err := os.Readlink(name); err == nil && s.networks[link] {
				holders = append(holders, name)
			}
		}
	}
	return holders
}

const patience = 2 * time.Minute

// middle waits until so many trials have ended, the one that does not count included,
// and the next one is in the time without a leader: of three servers, and those that
// have taken a fallen one's place, one has fallen.
func (r *liveRun) middle(trials int) sight {
	r.Helper()
	seen := map[int]bool{}
	for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		s := r.look()
		for _, pid := range s.servers {
			seen[pid] = true
		}
		if len(seen) >= 3+trials && len(s.servers) == 2 {
			return s
		}
		if len(s.all) == 0 || time.Since(begun) > patience {
			r.Fatalf("%d servers were seen, and not so many trials\n%s", len(seen), r.said())
		}
	}
}

// gone waits until nothing is left.
func (r *liveRun) gone() {
	r.Helper()
	for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		s := r.look()
		files, err := os.ReadDir(r.path("tmp"))
		if len(s.all) == 0 && len(files) == 0 && err == nil {
			return
		}
		if time.Since(begun) > 30*time.Second {
			for _, pid := range s.all {
				command, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
				r.Errorf("process %d is left: %q", pid, command)
			}
			r.Errorf("%d network namespaces and %d devices are left, and the files %v (%v)", len(s.networks), s.cables, files, err)
			return
		}
	}
}

// existing are those of some folders that are there.
func existing(folders []string) []string {
	return slices.DeleteFunc(folders, func(dir string) bool { _, err := os.Stat(dir); return err != nil })
}

func interfaces(t *testing.T) (names []string) {
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range all {
		names = append(names, i.Name)
	}
	return names
}

// A run is ended in the middle of a trial. The switch is part of the process of the
// command: what crashes the switch crashes that, as a panic or SIGQUIT does, and
// kill -9 leaves it no time for anything. The kernel then kills the servers, the
// namespaces go with their last process, the devices with the switch, and the reaper
// removes the files.
func TestNothingIsLeftOfALiveRun(t *testing.T) {
	quota := "0.5"
	if lan.Limitable() != nil {
		quota = "0.0"
	}
	for _, c := range []struct {
		name, system string
		user         bool
		by           syscall.Signal
		code         int
		quota        string
	}{
		{"Ctrl-C", "raft", false, syscall.SIGINT, exitInterrupted, quota},
		{"a crash of the switch", "raft", false, syscall.SIGQUIT, 2, "0.0"}, // Go's, after a panic
		{"kill -9", "raft", false, syscall.SIGKILL, -1, quota},
		{"kill -9 of a user's", "raft", true, syscall.SIGKILL, -1, "0.0"},
		{"kill -9 beside JVMs", "zookeeper", false, syscall.SIGKILL, -1, "0.0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if _, err := zookeeper.Find(); err != nil && c.system == "zookeeper" {
				t.Skip(err)
			}
			before := interfaces(t)
			r := start(t, c.user, "SYSTEMS", strconv.Quote(c.system), "QUOTA", c.quota)
			r.skipIfNobody(c.user)
			trials := 1
			if c.code == exitInterrupted {
				trials += 3 // on a busy machine a trial is run as often before there is a row
			}
			s := r.middle(trials)
			if len(s.networks) < 4 || s.cables < 4 { // of three servers and the clients
				t.Errorf("%d network namespaces and %d devices are seen: the test is blind", len(s.networks), s.cables)
			}
			for _, h := range r.foreign(s) {
				t.Errorf("%s holds a namespace of the run", h)
			}
			files, err := os.ReadDir(r.path("tmp"))
			if len(files) != 1 {
				t.Fatalf("files %v (%v), want one folder with all of them", files, err)
			}
			if groups := existing(lan.GroupFolders(files[0].Name())); (len(groups) > 0) != (c.quota != "0.0") {
				t.Errorf("there are groups of processes %v, with a quota of %s", groups, c.quota)
			}
			if err := r.cmd.Process.Signal(c.by); err != nil {
				t.Fatal(err)
			}
			r.cmd.Wait()
			if code := r.cmd.ProcessState.ExitCode(); code != c.code {
				t.Errorf("it ends with %v, want %d\n%s", r.cmd.ProcessState, c.code, r.said())
			}
			r.gone()
			for begun := time.Now(); len(existing(lan.GroupFolders(files[0].Name()))) > 0; time.Sleep(20 * time.Millisecond) {
				if time.Since(begun) > 12*time.Second {
					t.Fatalf("groups of processes are left: %v", existing(lan.GroupFolders(files[0].Name())))
				}
			}
			if c.code == exitInterrupted {
				r.kept()
			}
			for _, name := range interfaces(t) {
				if !slices.Contains(before, name) {
					t.Errorf("the interface %s is left", name)
				}
			}
		})
	}
}

// kept looks for the trials that had ended, and for no other.
func (r *liveRun) kept() {
	r.Helper()
	dir := filepath.Join(r.path("out"), "live")
	data := load(r.T, dir)
	if !data.Manifest.Interrupted || len(data.Trials) == 0 {
		r.Errorf("%d rows are kept; the manifest says that it was interrupted: %t", len(data.Trials), data.Manifest.Interrupted)
	}
	for _, row := range data.Trials {
		if !replaced(&row) {
			r.Errorf("the row of a trial that had not ended: %+v", row)
		}
	}
	if left := glob(filepath.Join(dir, "*.partial")); len(left) > 0 {
		r.Errorf("%v is left", left)
	}
}

// skipIfNobody skips where there is no other user to be, or none that may have
// namespaces.
func (r *liveRun) skipIfNobody(user bool) {
	r.Helper()
	for begun := time.Now(); user && time.Since(begun) < patience; time.Sleep(20 * time.Millisecond) {
		begins := len(r.look().servers) > 0 || over(r.cmd.Process.Pid)
		if said := r.said(); strings.Contains(said, "cannot become another user") || strings.Contains(said, "is left out") {
			r.Skip(strings.TrimSpace(said))
		}
		if begins {
			return
		}
	}
}

// over reports whether a process has ended, and waits to be reaped.
func over(pid int) bool {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(text), ") ")
	return rest == "" || rest[0] == 'Z'
}

// A user's run makes its machines in namespaces of the user's own, and what it
// leaves is the user's.
func TestAUserRunsLiveCellsOverTheSwitch(t *testing.T) {
	t.Parallel()
	r := start(t, true, "SYSTEMS", `"raft"`, "TRIALS", "1")
	r.skipIfNobody(true)
	r.cmd.Wait()
	if code := r.cmd.ProcessState.ExitCode(); code != exitHeld {
		t.Fatalf("it ends with %v\n%s", r.cmd.ProcessState, r.said())
	}
	data := load(t, filepath.Join(r.path("out"), "live"))
	if len(data.Trials) != 1 || !replaced(&data.Trials[0]) {
		t.Errorf("rows %+v\n%s", data.Trials, r.said())
	}
	r.gone()
	owner := os.Getuid()
	if owner == 0 {
		owner = somebody
	}
	files := 0
	err := filepath.WalkDir(r.path("out"), func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		files++
		if id := info.Sys().(*syscall.Stat_t).Uid; int(id) != owner {
			t.Errorf("%s belongs to %d, not to %d", name, id, owner)
		}
		return nil
	})
	if err != nil || files < 5 {
		t.Errorf("%d files and folders: %v", files, err)
	}
}
