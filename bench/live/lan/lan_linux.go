package lan

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"sync"
	"time"

	"raftzab/bench/fault"
)

// Node i is at 10.77.0.i, the clients at 10.77.1.1. Addresses are the same in
// all runs: no other run, and nothing else on this computer, can see them.
var (
	clientsAddress = [4]byte{10, 77, 1, 1}
	nobody         = [4]byte{10, 77, 255, 254}
)

func addressOf(id NodeID) [4]byte {
	if id == Clients {
		return clientsAddress
	}
	return [4]byte{10, 77, 0, byte(id)}
}

func machineAt(a [4]byte) (NodeID, bool) {
	switch {
	case a == clientsAddress:
		return Clients, true
	case a[0] == 10 && a[1] == 77 && a[2] == 0 && a[3] > 0:
		return NodeID(a[3]), true
	}
	return 0, false
}

// A lan is a Network of machines around one switch.
type lan struct {
	mu     sync.Mutex // one change at a time: of power, of faults, the end
	sw     *packetSwitch
	closed bool
}

// New builds the machines and the network between them.
func New(cfg Config) (Network, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	sw, err := newSwitch(newLinks(cfg))
	if err != nil {
		return nil, err
	}
	l := &lan{sw: sw}
	for id := range sw.ports {
		m, err := boot(l.Address(NodeID(id)))
		if err != nil {
			return nil, errors.Join(err, l.Close())
		}
		sw.plug(NodeID(id), m)
	}
	return l, nil
}

func (l *lan) Address(id NodeID) netip.Addr { return netip.AddrFrom4(addressOf(id)) }

// machine returns what is in a port now.
func (l *lan) machine(id NodeID) (*machine, error) {
	if int(id) > l.sw.links.nodes {
		return nil, fmt.Errorf("lan: there is no node %d", id)
	}
	p := &l.sw.ports[id]
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.machine == nil {
		return nil, fmt.Errorf("lan: there is no machine in the place of node %d", id)
	}
	return p.machine, nil
}

func (l *lan) Start(id NodeID, cmd *exec.Cmd) error {
	m, err := l.machine(id)
	if err != nil {
		return err
	}
	if m.off.Load() {
		return fmt.Errorf("lan: the machine of node %d is off", id)
	}
	return m.thread.start(cmd)
}

func (l *lan) Dial(to NodeID, port int, timeout time.Duration) (net.Conn, error) {
	return l.dial(Clients, to, port, timeout)
}

func (l *lan) Inside(id NodeID, port int, timeout time.Duration) (net.Conn, error) {
	return l.dial(id, id, port, timeout)
}

func (l *lan) dial(from, to NodeID, port int, timeout time.Duration) (net.Conn, error) {
	m, err := l.machine(from)
	if err != nil {
		return nil, err
	}
	if _, err := l.machine(to); err != nil {
		return nil, err
	}
	return m.dial(netip.AddrPortFrom(l.Address(to), uint16(port)), timeout)
}

func (l *lan) PowerOff(id NodeID) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	m, err := l.machine(id)
	if err != nil {
		return err
	}
	m.off.Store(true)
	return nil
}

func (l *lan) PowerOn(id NodeID) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return errEnded
	}
	m, err := l.machine(id)
	if err == nil && !m.off.Load() {
		return fmt.Errorf("lan: the machine of node %d is on", id)
	}
	if err := l.unplug(id); err != nil {
		return err
	}
	if m, err = boot(l.Address(id)); err != nil {
		return err
	}
	l.sw.plug(id, m)
	return nil
}

// unplug takes a machine away, and ends it.
func (l *lan) unplug(id NodeID) error {
	p := &l.sw.ports[id]
	p.mu.Lock()
	m := p.machine
	p.machine = nil
	p.mu.Unlock()
	if m == nil {
		return nil
	}
	m.ending.Store(true)
	for range 500 {
		m.nudge()
		select {
		case <-m.ended:
			return m.close()
		case <-time.After(10 * time.Millisecond): // the nudge was lost
		}
	}
	return fmt.Errorf("lan: the device of %v cannot be stopped", l.Address(id))
}

func (l *lan) Inject(f fault.Fault) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sw.links.inject(f)
}

func (l *lan) Supports(k fault.Kind) bool { return linkFault(k) || k == fault.PowerOff }

func (l *lan) Lateness() Lateness { return l.sw.tally.lateness() }
func (l *lan) Reset()             { l.sw.tally.reset() }

// Counts returns what became of the packets of one direction so far.
func (l *lan) Counts(from, to NodeID) Counts { return l.sw.links.link(from, to).counts() }

func (l *lan) Observed() (lines []string) {
	var all Counts
	for _, link := range l.sw.links.all {
		all.plus(link.counts())
	}
	var dropped int64
	for id := range l.sw.ports {
		if m, err := l.machine(NodeID(id)); err == nil {
			if id == int(Clients) {
				lines = describe(m.told)
			}
			dropped += m.dropped()
		}
	}
	if err := l.sw.realtime.Load(); err != nil && *err != nil {
		lines = append(lines, fmt.Sprintf("network: SCHED_FIFO was refused to the switch (%v): packets are later while the machine is busy", *err))
	}
	lines = append(lines, fmt.Sprintf("network: %v", l.Lateness()),
		fmt.Sprintf("network: of %d packets %d were delivered, %d lost by chance, %d cut off, %d had no room, %d came from or to a machine without power; %d were doubled, %d held back",
			all.Sent, all.Delivered, all.Lost, all.Cut, all.Overflowed, all.Dead, all.Duplicated, all.HeldBack))
	if stray, wrong := l.sw.stray.Load(), l.sw.wrong.Load(); dropped+stray+wrong > 0 {
		lines = append(lines, fmt.Sprintf("network: %d packets found a device's queue full, %d could not be written to a device, %d went to no machine", dropped, wrong, stray))
	}
	return lines
}

func (l *lan) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	var errs []error
	for id := range l.sw.ports {
		errs = append(errs, l.unplug(NodeID(id)))
	}
	return errors.Join(append(errs, l.sw.close())...)
}
