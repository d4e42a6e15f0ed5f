package lan

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"raftzab/bench/live/clock"
)

// A packetSwitch carries packets from machine to machine. One goroutine a
// machine reads its device, each on a thread of its own; a packet that need not
// wait is written to its destination by the goroutine that has read it. The
// others go to the flight, from which the dispatcher writes them when they are
// due. Its timer is set early, because a sleeping processor wakes late, and it
// spins for the rest.
type packetSwitch struct {
	links *links
	ports []port // by NodeID; 0: the clients'
	tally tally
	stray atomic.Int64 // packets to no machine
	wrong atomic.Int64 // writes that failed

	mu      sync.Mutex
	flight  flight
	armed   int64        // when the timer rings; never: it does not; awake: the dispatcher is not asleep
	first   atomic.Int64 // the head of the flight, for the dispatcher while it spins
	timer   int          // timerfd
	closing bool
	ended   chan struct{}

	realtime atomic.Pointer[error] // what the kernel said to SCHED_FIFO last
}

// A port is where a machine is plugged in. The lock keeps its device open while
// it is written to.
type port struct {
	mu sync.RWMutex
	*machine
}

const (
	early = 100_000 // ns that the dispatcher wakes before a packet is due
	never = int64(1<<63 - 1)
	awake = int64(-1)
)

func newSwitch(ls *links) (*packetSwitch, error) {
	s := &packetSwitch{links: ls, ports: make([]port, ls.nodes+1), armed: awake, ended: make(chan struct{})}
	s.first.Store(never)
	var err error
	if s.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC); err != nil {
		return nil, fmt.Errorf("lan: timerfd_create: %w", err)
	}
	widen(s.threads())
	go locked(s.dispatch)
	return s, nil
}

// threads returns how many threads the switch has at work.
func (s *packetSwitch) threads() int { return len(s.ports) + 1 }

var widening sync.Mutex

// widen lets so many more threads of this process run Go at once. A thread that
// comes back from the kernel waits for one of these permits, which threads may
// hold that are not in a hurry, and that the kernel has put aside. With two busy
// goroutines here, and a load of 17 on two cores, a round trip of 10 ms took 34 ms
// (median) without this, and 10.1 to 10.3 ms with it.
func widen(by int) {
	widening.Lock()
	defer widening.Unlock()
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + by)
}

// plug puts a machine in a port and begins to read from it.
func (s *packetSwitch) plug(id NodeID, m *machine) {
	p := &s.ports[id]
	p.mu.Lock()
	p.machine = m
	p.mu.Unlock()
	go locked(func() {
		defer close(m.ended)
		s.read(id, m)
	})
}

// read takes in what a machine sends.
func (s *packetSwitch) read(from NodeID, m *machine) {
	s.hurry(readerPriority)
	s.mu.Lock()
	p := s.flight.take()
	s.mu.Unlock()
	for !m.ending.Load() {
		n, err := unix.Read(m.tun, p.data[:])
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil: // somebody took the device from the namespace
			s.wrong.Add(1)
			return
		case n < 20 || p.data[0]>>4 != 4: // no IPv4: neighbour discovery, where IPv6 could not be turned off
		default:
			p.size = n
			p = s.take(from, m, p)
		}
	}
	s.mu.Lock()
	s.flight.give(p)
	s.mu.Unlock()
}

// take decides what becomes of a packet, and returns a buffer for the next one.
func (s *packetSwitch) take(from NodeID, m *machine, p *packet) *packet {
	to, ok := machineAt([4]byte(p.data[16:20]))
	if !ok || int(to) > s.links.nodes {
		if [4]byte(p.data[16:20]) != nobody {
			s.stray.Add(1)
		}
		return p
	}
	p.link, p.to = s.links.link(from, to), to
	if m.off.Load() {
		add(&p.link.count.Sent, 1)
		add(&p.link.count.Dead, 1)
		return p
	}
	at, copies := p.link.send(clock.Monotonic(), p.size)
	if copies == 0 {
		return p
	}
	if at[0] == atOnce {
		for range copies {
			s.deliver(p)
		}
		return p
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if copies == 2 {
		q := s.flight.take()
		q.link, q.to, q.size = p.link, p.to, p.size
		copy(q.data[:q.size], p.bytes())
		s.flight.push(at[1], q)
	}
	s.flight.push(at[0], p)
	s.wake()
	return s.flight.take()
}

// wake sees to it that the dispatcher does not oversleep the head of the flight.
// The caller holds the lock.
func (s *packetSwitch) wake() {
	head, ok := s.flight.head()
	if !ok {
		head = never
	}
	s.first.Store(head)
	if s.armed != awake && ok && head-early < s.armed {
		s.arm(head - early)
	}
}

func (s *packetSwitch) arm(at int64) {
	s.armed = at
	spec := unix.ItimerSpec{}
	if at != never {
		spec.Value = unix.NsecToTimespec(max(at, 1)) // zero would disarm it
	}
	if err := unix.TimerfdSettime(s.timer, unix.TFD_TIMER_ABSTIME, &spec, nil); err != nil {
		panic(fmt.Sprintf("lan: timerfd_settime: %v", err)) // an instant that is none
	}
}

// dispatch writes delayed packets when they are due.
func (s *packetSwitch) dispatch() {
	defer close(s.ended)
	s.hurry(dispatcherPriority)
	var expirations [8]byte
	s.mu.Lock()
	for !s.closing {
		head, some := s.flight.head()
		now := clock.Monotonic()
		switch {
		case some && head <= now:
			p := s.flight.pop()
			s.mu.Unlock()
			s.tally.add(now - head)
			s.deliver(p)
			p.link.line.Add(-1)
			s.mu.Lock()
			s.flight.give(p)
			s.wake()
		case some && head-now <= early:
			s.mu.Unlock()
			for clock.Monotonic() < s.first.Load() {
			}
			s.mu.Lock()
		default:
			if s.armed = never; some {
				s.arm(head - early)
			}
			s.mu.Unlock()
			unix.Read(s.timer, expirations[:]) // an interruption is as good as a ring
			s.mu.Lock()
			s.armed = awake
		}
	}
	s.mu.Unlock()
}

// deliver writes a packet to the device of its destination.
func (s *packetSwitch) deliver(p *packet) {
	port := &s.ports[p.to]
	port.mu.RLock()
	defer port.mu.RUnlock()
	if port.machine == nil || port.off.Load() {
		add(&p.link.count.Dead, 1)
		return
	}
	if _, err := unix.Write(port.tun, p.bytes()); err != nil {
		s.wrong.Add(1)
		return
	}
	add(&p.link.count.Delivered, 1)
}

// Readers come before the dispatcher: it spins, and they are soon done.
const (
	readerPriority     = 11
	dispatcherPriority = 10
)

// hurry asks that the calling thread be run before all that are not in a hurry,
// and be woken exactly. Only root may; without it, packets are later while the
// machine is busy. What the thread starts is not in a hurry.
func (s *packetSwitch) hurry(priority uint32) {
	err := hurry(priority)
	s.realtime.Store(&err)
}

func hurry(priority uint32) error {
	unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	return unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: priority, Flags: unix.SCHED_FLAG_RESET_ON_FORK}, 0)
}

// close ends the dispatcher. What is in flight is lost.
func (s *packetSwitch) close() error {
	s.mu.Lock()
	s.closing = true
	s.first.Store(0) // no more spinning
	s.arm(1)
	s.mu.Unlock()
	<-s.ended
	widen(-s.threads())
	return unix.Close(s.timer)
}
