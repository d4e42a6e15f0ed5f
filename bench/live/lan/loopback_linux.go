package lan

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os/exec"
	"time"

	"golang.org/x/sys/unix"

	"raftzab/bench/fault"
)

// loopback is the machine's own interface. Node i is at 127.x.y.i; x and y are
// drawn, and kept from other runs on this machine by a port that is held there.
type loopback struct {
	nodes  int
	net    [4]byte // of the clients
	held   int     // socket
	thread *thread
}

const (
	clientsHost = 254  // the clients' last byte
	heldPort    = 2180 // below those of ZooKeeper, above those of root
)

// Loopback returns a network of nodes 1 to nodes without any fault in it.
func Loopback(nodes int) (Network, error) {
	if nodes < 1 || nodes > Most {
		return nil, fmt.Errorf("lan: %d nodes; there may be 1 to %d", nodes, Most)
	}
	l := &loopback{nodes: nodes}
	var err error
	for range 100 {
		l.net = [4]byte{127, byte(1 + rand.IntN(254)), byte(rand.IntN(256)), clientsHost}
		if l.held, err = hold(l.net); err == nil {
			l.thread = newThread()
			return l, nil
		}
	}
	return nil, fmt.Errorf("lan: no free net on the loopback interface: %w", err)
}

// hold binds the port that stands for a net.
func hold(ip [4]byte) (fd int, err error) {
	if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return 0, err
	}
	if err = unix.Bind(fd, &unix.SockaddrInet4{Port: heldPort, Addr: ip}); err != nil {
		unix.Close(fd)
		return 0, err
	}
	return fd, nil
}

func (l *loopback) Address(id NodeID) netip.Addr {
	ip := l.net
	if id != Clients {
		ip[3] = byte(id)
	}
	return netip.AddrFrom4(ip)
}

func (l *loopback) check(id NodeID) error {
	if int(id) > l.nodes {
		return fmt.Errorf("lan: there is no node %d", id)
	}
	return nil
}

func (l *loopback) Start(id NodeID, cmd *exec.Cmd) error {
	if err := l.check(id); err != nil {
		return err
	}
	return l.thread.start(cmd)
}

func (l *loopback) Dial(to NodeID, port int, timeout time.Duration) (net.Conn, error) {
	if err := l.check(to); err != nil {
		return nil, err
	}
	return net.DialTimeout("tcp4", netip.AddrPortFrom(l.Address(to), uint16(port)).String(), timeout)
}

func (l *loopback) Inside(id NodeID, port int, timeout time.Duration) (net.Conn, error) {
	return l.Dial(id, port, timeout)
}

var errNoSwitch = errors.New("lan: on the loopback interface nothing stands between the nodes, so the network has no faults; take a LAN")

func (l *loopback) PowerOff(NodeID) error      { return errNoSwitch }
func (l *loopback) PowerOn(NodeID) error       { return errNoSwitch }
func (l *loopback) Inject(fault.Fault) error   { return errNoSwitch }
func (l *loopback) Supports(k fault.Kind) bool { return false }
func (l *loopback) Lateness() Lateness         { return Lateness{} }
func (l *loopback) Reset()                     {}

func (l *loopback) Observed() []string {
	return []string{fmt.Sprintf("network: loopback, nodes at %v and on", l.Address(1))}
}

func (l *loopback) Close() error {
	return errors.Join(l.thread.close(), unix.Close(l.held))
}
