package lan

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// A machine is a network namespace with one TUN device, which is the machine's
// end of the cable. The namespace has no name: it lasts as long as its thread,
// the processes in it and its open sockets. The device lasts as long as tun is
// open.
type machine struct {
	thread *thread
	tun    int
	off    atomic.Bool // without power: it neither sends nor gets anything
	ending atomic.Bool // its reader is to return
	ended  chan struct{}
	told   []setting // what the kernel said to the settings
}

const device = "tun0"

// A setting is one of the kernel's for a machine, and what it said to it.
type setting struct {
	name, value string
	err         error
}

// settings are what every machine gets. Differences between kernels would show
// as differences between systems, so what decides is set, and run.json tells
// what a kernel did not take.
var settings = []setting{
	{name: "net.ipv6.conf.all.disable_ipv6", value: "1"}, // or it talks to neighbours that are not there
	{name: "net.ipv6.conf.default.disable_ipv6", value: "1"},
	{name: "net.ipv4.tcp_congestion_control", value: "reno"}, // every kernel has it; distributions differ in their default
	{name: "net.ipv4.tcp_rto_max_ms", value: "1000"},         // or the back-off of a cut grows to two minutes and outlasts it
	{name: "net.ipv4.tcp_no_metrics_save", value: "1"},       // or a connection learns from those before it
	{name: "net.ipv4.tcp_tw_reuse", value: "1"},              // or clients that come again and again run out of ports
}

// queueLength is that of the device, in packets. The usual 500 overflow in bursts,
// silently.
const queueLength = 20_000

// boot makes a machine with an address. The error says what was attempted.
func boot(address netip.Addr) (*machine, error) {
	m := &machine{thread: newThread(), tun: -1, ended: make(chan struct{})}
	if err := m.thread.try(func() error { return m.setup(address) }); err != nil {
		m.close()
		return nil, fmt.Errorf("lan: machine %v: %w", address, err)
	}
	return m, nil
}

func (m *machine) setup(address netip.Addr) error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("new network namespace: %w", err)
	}
	for _, s := range settings { // before the device is there, for IPv6's sake
		s.err = os.WriteFile("/proc/sys/"+strings.ReplaceAll(s.name, ".", "/"), []byte(s.value), 0)
		m.told = append(m.told, s)
	}
	var err error
	if m.tun, err = openTUN(); err != nil {
		return err
	}
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	if err := setQueueLength(device, queueLength); err != nil {
		return fmt.Errorf("queue length of %s: %w", device, err)
	}
	for _, step := range []struct {
		what    string
		request uint
		prepare func(r *unix.Ifreq) error
	}{
		{"MTU", unix.SIOCSIFMTU, func(r *unix.Ifreq) error { r.SetUint32(mtu); return nil }},
		{"address", unix.SIOCSIFADDR, func(r *unix.Ifreq) error { return r.SetInet4Addr(address.AsSlice()) }},
		{"network mask", unix.SIOCSIFNETMASK, func(r *unix.Ifreq) error { return r.SetInet4Addr([]byte{255, 255, 0, 0}) }},
	} {
		r, err := unix.NewIfreq(device)
		if err == nil {
			err = step.prepare(r)
		}
		if err == nil {
			err = unix.IoctlIfreq(s, step.request, r)
		}
		if err != nil {
			return fmt.Errorf("%s of %s: %w", step.what, device, err)
		}
	}
	for _, name := range []string{device, "lo"} {
		if err := up(s, name); err != nil {
			return fmt.Errorf("%s up: %w", name, err)
		}
	}
	return nil
}

// openTUN makes the device in the namespace of the calling thread, and returns
// its other end. Reads from it block: a reader that Go's poller has to wake is
// later.
func openTUN() (fd int, err error) {
	if fd, err = unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0); err != nil {
		return -1, fmt.Errorf("open /dev/net/tun: %w", err)
	}
	r, err := unix.NewIfreq(device)
	if err == nil {
		r.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, r)
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("new TUN device: %w", err)
	}
	return fd, nil
}

func up(socket int, name string) error {
	r, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(socket, unix.SIOCGIFFLAGS, r); err != nil {
		return err
	}
	r.SetUint16(r.Uint16() | unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, r)
}

// setQueueLength asks over netlink: the ioctl for it wants root itself, this
// only power over the namespace.
func setQueueLength(name string, length uint32) error {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return err
	}
	s, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	const header, body, attribute = unix.SizeofNlMsghdr, unix.SizeofIfInfomsg, unix.SizeofRtAttr + 4
	b, native := make([]byte, header+body+attribute), binary.NativeEndian
	native.PutUint32(b[0:], uint32(len(b)))
	native.PutUint16(b[4:], unix.RTM_NEWLINK)
	native.PutUint16(b[6:], unix.NLM_F_REQUEST|unix.NLM_F_ACK)
	native.PutUint32(b[header+4:], uint32(i.Index))
	native.PutUint16(b[header+body:], attribute)
	native.PutUint16(b[header+body+2:], unix.IFLA_TXQLEN)
	native.PutUint32(b[header+body+4:], length)
	if err := unix.Sendto(s, b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(s, answer, 0)
	if err != nil {
		return err
	}
	if n < header+4 || native.Uint16(answer[4:]) != unix.NLMSG_ERROR {
		return errors.New("netlink gives no answer")
	}
	if code := int32(native.Uint32(answer[header:])); code != 0 {
		return syscall.Errno(-code)
	}
	return nil
}

// nudge has the reader of the device return from its read: it gets a packet to
// nobody.
func (m *machine) nudge() {
	m.thread.do(func() {
		if s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err == nil {
			unix.Sendto(s, nil, 0, &unix.SockaddrInet4{Port: 9, Addr: nobody})
			unix.Close(s)
		}
	})
}

// dropped returns how many packets the device had no room for.
func (m *machine) dropped() (n int64) {
	m.thread.do(func() {
		text, _ := os.ReadFile("/proc/thread-self/net/dev")
		for line := range strings.Lines(string(text)) {
			if name, rest, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == device {
				if fields := strings.Fields(rest); len(fields) > 11 {
					fmt.Sscan(fields[11], &n) // 8 of receiving; bytes, packets, errs, drop of sending
				}
			}
		}
	})
	return n
}

// close ends the machine's thread, and with it its processes; its reader must
// have returned.
func (m *machine) close() error {
	var err error
	if m.tun >= 0 {
		err = unix.Close(m.tun)
	}
	return errors.Join(err, m.thread.close())
}

// describe says which settings the kernel took and which not.
func describe(told []setting) (lines []string) {
	var took []string
	for _, s := range told {
		switch {
		case s.err == nil:
			took = append(took, s.name+"="+s.value)
		case errors.Is(s.err, fs.ErrNotExist):
			lines = append(lines, fmt.Sprintf("network: this kernel has no %s, which was to be %s", s.name, s.value))
		default:
			lines = append(lines, fmt.Sprintf("network: %s=%s was refused: %v", s.name, s.value, s.err))
		}
	}
	if len(took) > 0 {
		lines = append([]string{"network: set on each machine: " + strings.Join(took, ", ")}, lines...)
	}
	return lines
}
