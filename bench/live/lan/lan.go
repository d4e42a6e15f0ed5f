// Package lan answers where the processes of one live cell run and how they
// talk. A Network is a set of machines, one a node and one for all clients, with
// faults between them.
//
// There are two kinds. A LAN (New) gives each machine a network namespace of its
// own, with its own TCP/IP stack, addresses and settings, and one TUN device; a
// switch in this process carries IP packets from device to device and gives
// effect to delay, loss, cuts and silence (switch_linux.go). So what runs there
// is unmodified, and meets real retransmission and real silence. Loopback is the
// machine's own interface: nothing is between the processes, and no fault of the
// network is possible.
//
// A cut takes what is sent into it; what is in flight arrives, as in the
// simulator. What happens to a packet otherwise, and in which order packets
// arrive, is decided in link.go. A delay begins when the switch has read the
// packet; Lateness says by how much it then releases packets too late, and a few
// tens of microseconds of the kernel's own come on top.
//
// A LAN needs root, or user namespaces and a /dev/net/tun that is open to the
// user (Possible, Reexec, Facts).
package lan

import (
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"time"

	"raftzab/bench/fault"
	"raftzab/bench/network"
	"raftzab/protocols"
)

type (
	Time   = protocols.Time
	NodeID = protocols.NodeID
)

// Clients stands for the machine that all clients share.
const Clients = protocols.None

// Most is how many nodes a network has room for.
const Most = 200

// A Network is where the processes of one cell live and talk. Its methods may
// be called by several goroutines.
type Network interface {
	// Address returns where a machine is. Ports are alike everywhere.
	Address(id NodeID) netip.Addr

	// Start is cmd.Start on that machine, with its network. The process gets a
	// group of its own, so that an interrupt from the terminal is for us alone,
	// and dies with us whatever becomes of us, kill -9 included. It also dies
	// with Close, and with the PowerOn that replaces its machine.
	Start(id NodeID, cmd *exec.Cmd) error

	// Dial connects from the clients' machine, over the faulty network.
	Dial(to NodeID, port int, timeout time.Duration) (net.Conn, error)

	// Inside connects from inside a machine to itself: out of band, no fault
	// touches it.
	Inside(id NodeID, port int, timeout time.Duration) (net.Conn, error)

	// PowerOff makes a machine silent at once: nothing leaves or enters it any
	// more. Its processes are the caller's to kill, after this, so that the
	// network sees nothing of their end.
	PowerOff(id NodeID) error

	// PowerOn puts a new machine in the place of one that is off. It has the same
	// address, and nothing of the old one's kernel: no socket, no retransmission.
	PowerOn(id NodeID) error

	// Inject gives effect to a fault of the links: Partition, Isolate, Cut, Heal
	// or Link. It is done when Inject returns.
	Inject(f fault.Fault) error

	// Supports reports whether a kind of fault is possible here: those of Inject
	// and PowerOff on a LAN, none of them on Loopback. What concerns processes
	// only is not the network's.
	Supports(k fault.Kind) bool

	// Observed returns what run.json says of this network, a sentence each:
	// which settings the kernel took or refused, how late packets were, how many
	// were lost.
	Observed() []string

	// Lateness returns how late packets were released since the last Reset.
	Lateness() Lateness

	// Reset begins to measure lateness anew.
	Reset()

	// Close takes the network down with everything that runs on it. Nothing of
	// it remains: no process, namespace or device.
	Close() error
}

// A Config describes a LAN.
type Config struct {
	// Network says how many nodes there are, and what each direction of each link
	// does to packets. Its Channel and retransmission time-outs are of simulated
	// networks: here the kernels' are at work.
	Network network.Config

	// Seed decides, with trial 0, what chance does to each packet of a link in
	// turn; which packet that is, the machine decides.
	Seed uint64

	// Bandwidth returns the bits per second of one direction; nil, or zero: as
	// fast as it goes. Clients are protocols.None.
	Bandwidth func(from, to NodeID) float64

	// Queue is how many bytes may wait for a direction with a bandwidth; what
	// comes on top is lost. Zero stands for 256 KiB.
	Queue int
}

// Validate reports what cannot be.
func (c Config) Validate() error {
	if n := c.Network.Nodes; n < 1 || n > Most {
		return fmt.Errorf("lan: %d nodes; there may be 1 to %d", n, Most)
	}
	for _, o := range c.Network.Override {
		for _, id := range []NodeID{o.From, o.To} {
			if id < 1 || int(id) > c.Network.Nodes {
				return fmt.Errorf("lan: a link of node %d; there are 1 to %d", id, c.Network.Nodes)
			}
		}
	}
	if c.Queue < 0 {
		return fmt.Errorf("lan: a queue of %d bytes", c.Queue)
	}
	return nil
}

// A Fact is something about this machine on which live runs depend.
type Fact struct {
	Name    string
	State   string // as found
	Meaning string // what depends on it
	Remedy  string // what to do about it; empty where nothing need be done
}
