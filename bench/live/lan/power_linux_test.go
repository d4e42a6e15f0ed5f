package lan

import (
	"errors"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"raftzab/bench/network"
	"raftzab/bench/random"
)

// The kernel of a machine without power closes the connections of its dead
// processes, and says so; nobody may hear it. Its successor knows nothing of
// them.
func TestPowerOffIsSilentAndPowerOnForgets(t *testing.T) {
	l := lanOf(t, 2, network.Quality{})
	cmd, _ := start(t, l, 1, "echo", "0.0.0.0:2181")
	c, err := l.Dial(1, 2181, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	echoes(t, c)
	if err := l.PowerOn(1); err == nil {
		t.Error("a machine that is on can be put on")
	}
	if err := l.PowerOff(1); err != nil {
		t.Fatal(err)
	}
	before := l.Counts(1, Clients)
	cmd.Process.Kill()
	cmd.Wait()
	until(t, func() bool { return l.Counts(1, Clients).Dead > before.Dead }) // its FIN
	c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if n, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the client hears something: %d bytes, %v", n, err)
	}
	if l.Counts(1, Clients).Delivered != before.Delivered {
		t.Error("a machine without power was heard")
	}
	if _, err := l.Dial(1, 2181, 50*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a dead machine answers a connection: %v", err)
	}
	if err := l.Start(1, role("echo", "0.0.0.0:2181")); err == nil {
		t.Error("a machine without power starts a process")
	}

	if err := l.PowerOn(1); err != nil {
		t.Fatal(err)
	}
	start(t, l, 1, "echo", "0.0.0.0:2181")
	fresh, err := l.Dial(1, 2181, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	echoes(t, fresh)
	fresh.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	c.Write([]byte("are you there?"))
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the old connection ends with %v", err)
	}
}

func TestNothingEntersAMachineWithoutPower(t *testing.T) {
	l := lanOf(t, 2, network.Quality{})
	in, out := l.udp(t, 1, 9000), l.udp(t, 2, 9000)
	to := netip.AddrPortFrom(l.Address(1), 9000)
	out.WriteToUDPAddrPort([]byte("on"), to)
	if got := hear(t, in); got != "on" {
		t.Errorf("it hears %q", got)
	}
	l.PowerOff(1)
	out.WriteToUDPAddrPort([]byte("off"), to)
	until(t, func() bool { return l.Counts(2, 1).Dead == 1 })
	in.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if n, err := in.Read(make([]byte, 10)); err == nil {
		t.Errorf("it hears %d bytes", n)
	}
}

// The caller may be slow to kill: what a machine runs dies when it is replaced.
func TestPowerOnEndsWhatStillRuns(t *testing.T) {
	l := lanOf(t, 1, network.Quality{})
	cmd, _ := start(t, l, 1, "echo", "0.0.0.0:2181")
	l.PowerOff(1)
	if err := l.PowerOn(1); err != nil {
		t.Fatal(err)
	}
	gone(t, cmd.Process.Pid)
}

// Threads, descriptors and processes are what namespaces and devices live by.
func TestClosingALANLeavesNothing(t *testing.T) {
	lanOf(t, 3, network.Quality{}).Close() // Go's own threads and descriptors come with the first
	threads, files := entries(t, "/proc/self/task"), entries(t, "/proc/self/fd")
	for range 3 {
		useAndClose(t)
	}
	if now := entries(t, "/proc/self/fd"); now > files {
		t.Errorf("%d descriptors, %d before", now, files)
	}
	if now := entries(t, "/proc/self/task"); now >= threads+3*7 { // 13 a LAN; Go's own are a few more or less
		t.Errorf("%d threads, %d before", now, threads)
	}
	spaces := map[string]bool{}
	names, _ := os.ReadDir("/proc/self/task")
	for _, n := range names {
		if space, err := os.Readlink("/proc/self/task/" + n.Name() + "/ns/net"); err == nil {
			spaces[space] = true
		}
	}
	if len(spaces) != 1 {
		t.Errorf("threads are in %d network namespaces", len(spaces))
	}
}

func useAndClose(t *testing.T) {
	l := lanOf(t, 5, network.Quality{Delay: random.Always(ms)})
	cmd, _ := start(t, l, 3, "echo", "0.0.0.0:2181")
	c, err := l.Dial(3, 2181, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	echoes(t, c)
	c.Close()
	l.PowerOff(4)
	l.PowerOn(4)
	l.PowerOff(5)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	gone(t, cmd.Process.Pid)
	cmd.Process.Kill()
	cmd.Wait()
	if err := l.Close(); err != nil {
		t.Errorf("once more: %v", err)
	}
	if err := l.Start(1, role("echo", "0.0.0.0:1")); err == nil {
		t.Error("a closed LAN starts processes")
	}
	if err := l.PowerOn(4); err == nil {
		t.Error("a closed LAN makes machines")
	}
}

func entries(t *testing.T, dir string) int {
	t.Helper()
	names, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}
