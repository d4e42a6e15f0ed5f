package lan

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"raftzab/bench/network"
)

func init() {
	roles["outer"] = outer
	roles["user"] = user
}

// outer runs itself again in namespaces of its own, whoever runs it, and there
// does what its argument says.
func outer(args []string) error {
	if os.Getenv(containedKey) != "" {
		if err := Reexec(); err != nil {
			return err
		}
		return contents(args)
	}
	code, err := again()
	if err != nil {
		return err
	}
	os.Exit(code)
	return nil
}

// user does the same as a program would: only where it has to.
func user(args []string) error {
	if err := Reexec(); err != nil {
		return err
	}
	return contents(args)
}

// contents is a cell: one process on a LAN, which is talked to.
func contents(args []string) error {
	n, err := New(Config{Network: network.Config{Nodes: 2}})
	if err != nil {
		return err
	}
	cmd := role("echo", "0.0.0.0:2181")
	cmd.Stdin = os.Stdin
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := n.Start(1, cmd); err != nil {
		return err
	}
	if _, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
		return err
	}
	c, err := n.Dial(1, 2181, 10*time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.Write([]byte("x")); err != nil {
		return err
	}
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		return err
	}
	switch args[0] {
	case "close":
		fmt.Println("works, as process", os.Getpid(), "and user", os.Getuid())
		return n.Close()
	case "exit":
		fmt.Println("works")
		os.Exit(7)
	case "wait": // an interrupt ends it with code 3
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, os.Interrupt)
		fmt.Println("works")
		<-signals
		os.Exit(3)
	}
	return errors.New("to do what?")
}

func needNamespaces(t *testing.T) {
	t.Helper()
	if l := tunOpens(); l != nil {
		t.Skip(l)
	}
	if l := userNamespaces(); l != nil {
		t.Skip(l)
	}
}

func TestALANWorksInNamespacesOfTheUsersOwn(t *testing.T) {
	needNamespaces(t)
	cmd := role("outer", "close")
	if line := begin(t, cmd, cmd.Start); line != "works, as process 1 and user 0" {
		t.Errorf("it %s", line)
	}
	if code := code(t, cmd); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestTheExitCodeOfTheContainedProcessIsOurs(t *testing.T) {
	needNamespaces(t)
	cmd := role("outer", "exit")
	begin(t, cmd, cmd.Start)
	if code := code(t, cmd); code != 7 {
		t.Errorf("exit code %d", code)
	}
}

func TestSignalsReachTheContainedProcess(t *testing.T) {
	needNamespaces(t)
	cmd := role("outer", "wait")
	begin(t, cmd, cmd.Start)
	cmd.Process.Signal(os.Interrupt)
	if code := code(t, cmd); code != 3 {
		t.Errorf("exit code %d", code)
	}
}

// kill -9 of the first process: the second has no other reason to end, nor has
// the server that it has started.
func TestNothingOutlivesTheProcessThatWasRunAgain(t *testing.T) {
	needNamespaces(t)
	cmd := role("outer", "wait")
	begin(t, cmd, cmd.Start)
	all := descendants(t, cmd.Process.Pid)
	if len(all) != 2 {
		t.Fatalf("%d processes have come of it", len(all))
	}
	cmd.Process.Kill() // and no Wait, which would close their standard input
	for _, pid := range all {
		gone(t, pid)
	}
}

func descendants(t *testing.T, pid int) (all []int) {
	t.Helper()
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, thread := range threads {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, thread.Name()))
		if err != nil {
			t.Skipf("this kernel does not list children: %v", err)
		}
		for _, field := range strings.Fields(string(text)) {
			child, _ := strconv.Atoi(field)
			all = append(append(all, child), descendants(t, child)...)
		}
	}
	return all
}

// As root this tries it as the user nobody; where the device is closed to nobody,
// what is said has to tell so.
func TestAUserWithoutPowerGetsALANOrARemedy(t *testing.T) {
	if inside {
		t.Skip("these tests are themselves what a user gets")
	}
	cmd := role("user", "close")
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	text, err := cmd.Output()
	var exit *exec.ExitError
	switch said := strings.TrimSpace(string(text)); {
	case err == nil && strings.HasPrefix(said, "works, as process 1 "):
	case errors.As(err, &exit) && exit.ExitCode() == 1 && tunIsClosed(t) && said == "lan: /dev/net/tun is closed to this user; run as root, or open it until the next boot: sudo chmod 666 /dev/net/tun":
		t.Skip("no LAN for users here, which is said as it should be:", said)
	case errors.As(err, &exit) && exit.ExitCode() == 1 && (strings.Contains(said, "user namespaces") || strings.Contains(said, "there is no /dev/net/tun")):
		t.Skip("no LAN for users here:", said)
	default:
		t.Errorf("it says %q and ends with %v", said, err)
	}
}

func tunIsClosed(t *testing.T) bool {
	t.Helper()
	var s unix.Stat_t
	if err := unix.Stat("/dev/net/tun", &s); err != nil {
		t.Fatal(err)
	}
	return s.Mode&0o006 != 0o006
}

func TestFactsSayWhatIsAndWhatToDo(t *testing.T) {
	names := map[string]bool{}
	for _, f := range Facts() {
		t.Logf("%s: %s; %s; %s", f.Name, f.State, f.Meaning, f.Remedy)
		if f.Name == "" || f.State == "" || f.Meaning == "" || names[f.Name] {
			t.Errorf("%+v", f)
		}
		names[f.Name] = true
		if strings.HasPrefix(f.State, "impossible") && f.Remedy == "" {
			t.Errorf("%s: no remedy", f.Name)
		}
	}
	if err := Possible(); (err == nil) == strings.HasPrefix(switchFact().State, "impossible") {
		t.Errorf("%v, but %+v", err, switchFact())
	}
}
