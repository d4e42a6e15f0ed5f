package lan

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// quotaPeriod is how often a node gets its share anew. The kernel's usual 100 ms
// would stop a busy node for longer than an election may take.
const quotaPeriod = 10 * time.Millisecond

// A hierarchy is the kernel's tree of cgroups that has the controller of cores: of
// version 2, or the one of version 1 that is cpu's.
type hierarchy struct {
	root    string
	unified bool // version 2
}

// hierarchies are where it may be mounted.
var hierarchies = []hierarchy{{"/sys/fs/cgroup", true}, {"/sys/fs/cgroup/cpu", false}, {"/sys/fs/cgroup/cpu,cpuacct", false}}

// cores finds it.
func cores() (h hierarchy, ok bool) {
	for _, h := range hierarchies {
		if h.unified {
			text, _ := os.ReadFile(filepath.Join(h.root, "cgroup.controllers"))
			ok = slices.Contains(strings.Fields(string(text)), "cpu")
		} else {
			_, err := os.Stat(filepath.Join(h.root, "tasks"))
			ok = err == nil
		}
		if ok {
			return h, true
		}
	}
	return h, false
}

// GroupFolders are the folders in which Limit may make groups under a name.
func GroupFolders(name string) (folders []string) {
	for _, h := range hierarchies {
		folders = append(folders, filepath.Join(h.root, name))
	}
	return folders
}

// limit makes a folder whose processes get so many cores together.
func (h hierarchy) limit(dir string, cores float64) error {
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	quota, period := strconv.FormatInt(int64(cores*float64(quotaPeriod.Microseconds())), 10), strconv.FormatInt(quotaPeriod.Microseconds(), 10)
	write := func(file, text string) error { return os.WriteFile(filepath.Join(dir, file), []byte(text), 0) }
	if h.unified {
		return write("cpu.max", quota+" "+period)
	}
	return errors.Join(write("cpu.cfs_period_us", period), write("cpu.cfs_quota_us", quota))
}

// Limitable reports whether Limit can be had here; its error says what is missing,
// and the remedy.
func Limitable() error {
	h, ok := cores()
	if !ok {
		return &lack{"there is no cgroup controller of cores", "mount cgroup version 2, as current distributions do; for a container: --cgroupns=private and a writable /sys/fs/cgroup"}
	}
	name := fmt.Sprintf("raftzab-live-try-%d", os.Getpid())
	l := &limited{hierarchy: h, dir: filepath.Join(h.root, name)}
	err := l.group(1, 0.5)
	if err = errors.Join(err, l.remove()); err != nil {
		return &lack{fmt.Sprintf("cgroups cannot be made here: %v", err), "run as root; for a container: --cgroupns=private and a writable /sys/fs/cgroup"}
	}
	return nil
}

// limited is a Network whose nodes have a group of processes each.
type limited struct {
	Network
	hierarchy
	dir  string // of all groups
	made []NodeID
}

// Limit gives each node's processes no more than so many cores together, so that
// nodes do not take them from each other; n is closed with it. The kernel's groups for
// that are in GroupFolders of a name, which no other run may have.
func Limit(n Network, nodes int, quota float64, name string) (Network, error) {
	h, ok := cores()
	if !ok {
		return nil, Limitable()
	}
	l := &limited{Network: n, hierarchy: h, dir: filepath.Join(h.root, name)}
	for id := NodeID(1); int(id) <= nodes; id++ {
		if err := l.group(id, quota); err != nil {
			return nil, errors.Join(fmt.Errorf("lan: a quota of cores for node %d: %w", id, err), l.remove())
		}
	}
	return l, nil
}

func (l *limited) folder(id NodeID) string { return filepath.Join(l.dir, fmt.Sprintf("node%d", id)) }

func (l *limited) group(id NodeID, quota float64) error {
	if err := os.Mkdir(l.dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if l.unified {
		for _, dir := range []string{l.root, l.dir} { // children have the controllers that their parent gives away
			if err := os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+cpu"), 0); err != nil {
				return err
			}
		}
	}
	l.made = append(l.made, id)
	return l.limit(l.folder(id), quota)
}

// Start puts the process into its node's group as soon as there is one.
func (l *limited) Start(id NodeID, cmd *exec.Cmd) error {
	if err := l.Network.Start(id, cmd); err != nil {
		return err
	}
	err := os.WriteFile(filepath.Join(l.folder(id), "cgroup.procs"), []byte(strconv.Itoa(cmd.Process.Pid)), 0)
	if err != nil && !errors.Is(err, os.ErrProcessDone) && !strings.Contains(err.Error(), "no such process") {
		cmd.Process.Kill()
		cmd.Wait()
		return fmt.Errorf("lan: a quota of cores for node %d: %w", id, err)
	}
	return nil
}

// Observed says how often nodes had used up their share.
func (l *limited) Observed() []string {
	lines := l.Network.Observed()
	for _, id := range l.made {
		text, err := os.ReadFile(filepath.Join(l.folder(id), "cpu.stat"))
		if err != nil {
			continue
		}
		var periods, throttled int
		for line := range strings.Lines(string(text)) {
			fmt.Sscanf(line, "nr_periods %d", &periods)
			fmt.Sscanf(line, "nr_throttled %d", &throttled)
		}
		lines = append(lines, fmt.Sprintf("cores: node %d had used up its share in %d of the %d periods of %v in which it ran", id, throttled, periods, quotaPeriod))
	}
	return lines
}

func (l *limited) Close() error { return errors.Join(l.Network.Close(), l.remove()) }

// remove takes the groups away. Their last processes may be dying still.
func (l *limited) remove() (err error) {
	for range 100 {
		err = nil
		for _, id := range l.made {
			if e := os.Remove(l.folder(id)); !errors.Is(e, fs.ErrNotExist) {
				err = errors.Join(err, e)
			}
		}
		if e := os.Remove(l.dir); !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, e)
		}
		if err == nil {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("lan: groups of processes: %w", err)
}

func quotaFact() Fact {
	f := Fact{Name: "quota of cores", State: "possible", Meaning: "a share of a core for each live server ([cpu] quota), so that servers do not take it from each other"}
	var l *lack
	if errors.As(Limitable(), &l) {
		f.State, f.Remedy = "impossible: "+l.what, l.remedy
	}
	return f
}
