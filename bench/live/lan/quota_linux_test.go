package lan

import (
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// limitedLoopback is a network whose nodes get a fifth of a core each.
func limitedLoopback(t *testing.T, name string) Network {
	t.Helper()
	if err := Limitable(); err != nil {
		t.Skip(err)
	}
	n, err := Limit(loopbackOf(t, 2), 2, 0.2, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

func there(name string) (folders []string) {
	for _, dir := range GroupFolders(name) {
		if _, err := os.Stat(dir); err == nil {
			folders = append(folders, dir)
		}
	}
	return folders
}

// A process that would take a core all the time gets a fifth of it.
func TestANodeGetsNoMoreThanItsShare(t *testing.T) {
	const name = "raftzab-live-test-share"
	n := limitedLoopback(t, name)
	if len(there(name)) != 1 {
		t.Fatalf("groups %v", there(name))
	}
	cmd, _ := start(t, n, 1, "burner")
	before, begun := burnt(t, cmd.Process.Pid), time.Now()
	time.Sleep(time.Second)
	took := burnt(t, cmd.Process.Pid) - before
	if share := float64(took) / float64(time.Since(begun)); share > 0.3 {
		t.Errorf("it had %.2f cores, with a quota of 0.2", share)
	}
	for { // on a busy machine it may have less than its share for long
		told := strings.Join(n.Observed(), "\n")
		if strings.Contains(told, "cores: node 1 had used up its share in ") && !strings.Contains(told, "node 1 had used up its share in 0 ") {
			break
		}
		if time.Since(begun) > 20*time.Second {
			t.Fatalf("it says %s", told)
		}
		time.Sleep(100 * time.Millisecond)
	}
	cmd.Process.Kill()
	cmd.Wait()
	if err := n.Close(); err != nil || len(there(name)) > 0 {
		t.Errorf("closed with %v left: %v", there(name), err)
	}
}

// burnt is how much of the cores a process has had: its clock, as clock_getcpuclockid
// makes it.
func burnt(t *testing.T, pid int) time.Duration {
	t.Helper()
	var at unix.Timespec
	if err := unix.ClockGettime(int32(^pid)<<3|2, &at); err != nil {
		t.Fatal(err)
	}
	return time.Duration(at.Nano())
}

func TestAClosedLimitLeavesNothingEvenWithProcessesRunning(t *testing.T) {
	const name = "raftzab-live-test-close"
	n := limitedLoopback(t, name)
	cmd, _ := start(t, n, 2, "burner")
	if err := n.Close(); err != nil || len(there(name)) > 0 {
		t.Errorf("closed with %v left: %v", there(name), err)
	}
	gone(t, cmd.Process.Pid)
}
