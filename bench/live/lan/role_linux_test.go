package lan

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"raftzab/bench/network"
)

// Processes of these tests are this test binary in another role.
const roleKey = "LAN_TEST_ROLE"

// roles are what a process of these tests may be. It ends when its standard
// input does, at the latest.
var roles = map[string]func(args []string) error{
	"echo":   echo,
	"holder": holder,
	"burner": burner,
}

func TestMain(m *testing.M) {
	if words := strings.Fields(os.Getenv(roleKey)); len(words) > 0 {
		go func() {
			io.Copy(io.Discard, os.Stdin)
			os.Exit(0)
		}()
		if err := roles[words[0]](words[1:]); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		return
	}
	if inside = os.Getenv(containedKey) != ""; inside || os.Getuid() != 0 {
		Reexec() // where it fails, the tests that need a LAN skip themselves, and say why
	}
	os.Exit(m.Run())
}

// inside reports whether these tests run in namespaces of the user's own.
var inside bool

// echo sends back what it gets, byte by byte, at any address of its machine.
func echo(args []string) error {
	l, err := net.Listen("tcp4", args[0])
	if err != nil {
		return err
	}
	fmt.Println("ready")
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			io.Copy(c, c)
		}()
	}
}

// burner wants a core all the time.
func burner([]string) error {
	fmt.Println("ready")
	for i := uint64(1); i != 0; i++ {
	}
	return nil
}

// holder keeps a network with one process on it, and tells its number.
func holder(args []string) error {
	n, err := Loopback(1)
	if args[0] == "lan" {
		n, err = New(Config{Network: network.Config{Nodes: 1}})
	}
	if err != nil {
		return err
	}
	cmd := role("echo", n.Address(1).String()+":0")
	cmd.Stdin = os.Stdin // open until the test ends
	if err := n.Start(1, cmd); err != nil {
		return err
	}
	fmt.Println(cmd.Process.Pid)
	return cmd.Wait()
}

type dialer = func(id NodeID, port int, timeout time.Duration) (net.Conn, error)

func role(words ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), roleKey+"="+strings.Join(words, " "))
	return cmd
}

// start starts a role on a machine and returns its first line.
func start(t *testing.T, n Network, id NodeID, words ...string) (*exec.Cmd, string) {
	t.Helper()
	cmd := role(words...)
	return cmd, begin(t, cmd, func() error { return n.Start(id, cmd) })
}

func begin(t *testing.T, cmd *exec.Cmd, start func() error) string {
	t.Helper()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		cmd.Process.Kill()
		cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("%v says %q, then %v", cmd.Env[len(cmd.Env)-1], line, err)
	}
	return strings.TrimSpace(line)
}

// until waits for what must come soon.
func until(t *testing.T, done func() bool) {
	t.Helper()
	for range 2000 {
		if done() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("it does not come")
}

// code returns the exit code of a process that is to end by itself.
func code(t *testing.T, cmd *exec.Cmd) int {
	t.Helper()
	ended := make(chan bool)
	go func() {
		cmd.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return cmd.ProcessState.ExitCode()
	case <-time.After(10 * time.Second):
		cmd.Process.Kill()
		<-ended
		t.Fatal("it does not end")
		return 0
	}
}

// gone waits until a process is no more, or a zombie.
func gone(t *testing.T, pid int) {
	t.Helper()
	for range 200 {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(stat), ") Z ") || errors.Is(unix.Kill(pid, 0), unix.ESRCH) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("process %d lives on", pid)
}

// echoes sends bytes over a connection and expects them back.
func echoes(t *testing.T, c net.Conn) {
	t.Helper()
	want := "as it was"
	if _, err := io.WriteString(c, want); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(want))
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != want {
		t.Fatalf("sent %q, got %q (%v)", want, got, err)
	}
}
