package lan

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// dial connects from a machine. Only the making of the socket is bound to the
// machine's thread, so any number of attempts may wait for an answer at once.
func (m *machine) dial(to netip.AddrPort, timeout time.Duration) (net.Conn, error) {
	var fd int
	err := m.thread.try(func() (err error) {
		fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("lan: connect to %v: %w", to, err)
	}
	err = unix.Connect(fd, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()})
	file := os.NewFile(uintptr(fd), to.String()) // now, so that Go's poller does not see it unconnected
	defer file.Close()                           // the connection has a duplicate
	if errors.Is(err, unix.EINPROGRESS) {
		err = connected(file, timeout)
	}
	var c net.Conn
	if err == nil {
		c, err = net.FileConn(file)
	}
	if err != nil {
		return nil, fmt.Errorf("lan: connect to %v: %w", to, err)
	}
	return c, nil
}

// connected waits for the end of an attempt to connect.
func connected(file *os.File, timeout time.Duration) error {
	if timeout > 0 {
		if err := file.SetWriteDeadline(time.Now().Add(timeout)); err != nil {
			return err
		}
	}
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var result error
	err = raw.Write(func(fd uintptr) bool {
		code, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
		switch {
		case err != nil:
			result = err
		case code != 0:
			result = unix.Errno(code)
		default:
			_, err := unix.Getpeername(int(fd))
			return err == nil // or it is still under way
		}
		return true
	})
	return errors.Join(err, result)
}
