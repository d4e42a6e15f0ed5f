package lan

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// A lack is what keeps a LAN from being made here, and what to do about it.
type lack struct{ what, remedy string }

func (l *lack) Error() string { return "lan: " + l.what + "; " + l.remedy }

// Possible reports whether a LAN can be made here, by this process or by the one
// that Reexec starts. Its error says what is missing, and the remedy. It does not
// change while the process runs.
func Possible() error { return possible() }

var possible = sync.OnceValue(func() error {
	if ours() == nil {
		return nil
	}
	if l := tunOpens(); l != nil {
		return l
	}
	if l := userNamespaces(); l != nil {
		return l
	}
	return nil
})

// ours makes a namespace and a device as every machine has them, in this process.
func ours() error {
	return onThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("lan: new network namespace: %w", err)
		}
		tun, err := openTUN()
		if err != nil {
			return fmt.Errorf("lan: %w", err)
		}
		return unix.Close(tun)
	})
}

// tunOpens says why /dev/net/tun cannot be opened.
func tunOpens() *lack {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	switch {
	case err == nil:
		unix.Close(fd)
		return nil
	case errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM):
		return &lack{"/dev/net/tun is closed to this user", "run as root, or open it until the next boot: sudo chmod 666 /dev/net/tun"}
	case errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENXIO):
		return &lack{"there is no /dev/net/tun", "sudo modprobe tun; for a container: --device /dev/net/tun"}
	}
	return &lack{fmt.Sprintf("/dev/net/tun cannot be opened: %v", err), "see whether the kernel has CONFIG_TUN"}
}

// forbidding are settings of the kernel and distributions that keep users from
// making namespaces, with the value that does.
var forbidding = [...]struct{ file, value, remedy string }{
	{"user/max_user_namespaces", "0", "sudo sysctl user.max_user_namespaces=10000"},
	{"kernel/unprivileged_userns_clone", "0", "sudo sysctl kernel.unprivileged_userns_clone=1"},
	{"kernel/apparmor_restrict_unprivileged_userns", "1", "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0"},
}

// userNamespaces says why this process cannot start one that has power over its
// own network. It tries with a program that does nothing.
func userNamespaces() *lack {
	path, err := exec.LookPath("true")
	if err != nil {
		return nil // Reexec will see
	}
	cmd := exec.Command(path)
	cmd.SysProcAttr = contained()
	if err = cmd.Run(); err == nil {
		return nil
	}
	for _, f := range forbidding {
		if text, err := os.ReadFile("/proc/sys/" + f.file); err == nil && strings.TrimSpace(string(text)) == f.value {
			return &lack{"user namespaces are turned off", f.remedy + ", or run as root"}
		}
	}
	return &lack{fmt.Sprintf("user namespaces cannot be made here: %v", err),
		"run as root; for a container: --cap-add SYS_ADMIN --cap-add NET_ADMIN --device /dev/net/tun"}
}

// contained are the attributes of a process in namespaces of its own, in which
// it is root. The one of processes has everything in it die with it; the one of
// mounts is for a /proc that shows these processes.
func contained() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNET | unix.CLONE_NEWPID | unix.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
}
