package lan

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"raftzab/bench/fault"
	"raftzab/bench/network"
	"raftzab/bench/random"
)

// lanOf returns a LAN, or skips the test with the reason why there is none here.
func lanOf(t *testing.T, nodes int, q network.Quality) *lan {
	t.Helper()
	return lanAs(t, Config{Network: network.Config{Nodes: nodes, Default: q}, Seed: 1})
}

func lanAs(t *testing.T, cfg Config) *lan {
	t.Helper()
	if err := ours(); err != nil {
		t.Skipf("no LAN can be made in this process: %v (with Reexec: %v)", err, Possible())
	}
	n, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n.(*lan)
}

// udp returns a socket on a machine.
func (l *lan) udp(t *testing.T, id NodeID, port int) *net.UDPConn {
	t.Helper()
	m, err := l.machine(id)
	if err != nil {
		t.Fatal(err)
	}
	var c *net.UDPConn
	if err := m.thread.try(func() (err error) {
		c, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(l.Address(id), uint16(port))))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// sendNumbers sends datagrams that count from 0, from machine 1 to machine 2, and
// returns them in the order in which they arrive.
func (l *lan) sendNumbers(t *testing.T, count int) (got []int) {
	t.Helper()
	const port = 9000
	in, out := l.udp(t, 2, port), l.udp(t, 1, port)
	defer in.Close()
	defer out.Close()
	to := netip.AddrPortFrom(l.Address(2), port)
	begun := l.Counts(1, 2)
	b := make([]byte, 8)
	for i := range count {
		binary.BigEndian.PutUint64(b, uint64(i))
		if _, err := out.WriteToUDPAddrPort(b, to); err != nil {
			t.Fatal(err)
		}
		if i%64 == 63 || i == count-1 { // or the socket's buffer runs over
			got = l.receive(t, in, got, begun, int64(i+1))
		}
	}
	return got
}

// receive reads numbers until all that were sent have arrived, or are lost.
func (l *lan) receive(t *testing.T, in *net.UDPConn, got []int, begun Counts, sent int64) []int {
	t.Helper()
	b := make([]byte, 8)
	limit := time.Now().Add(20 * time.Second)
	in.SetReadDeadline(limit)
	for {
		if time.Now().After(limit) {
			t.Fatalf("%d of %d sent have come; the switch says %+v", len(got), sent, l.Counts(1, 2))
		}
		c := l.Counts(1, 2)
		arriving := c.Delivered - begun.Delivered
		taken := c.Sent-begun.Sent == sent && l.sw.links.link(1, 2).line.Load() == 0
		if taken && l.Counts(1, 2).Delivered == c.Delivered && int64(len(got)) == arriving {
			return got
		}
		if int64(len(got)) >= arriving {
			time.Sleep(50 * time.Microsecond)
			continue
		}
		if _, err := io.ReadFull(in, b); err != nil {
			t.Fatalf("%d of %d sent have come: %v", len(got), sent, err)
		}
		got = append(got, int(binary.BigEndian.Uint64(b)))
	}
}

func TestMachinesTalkOverTheNetworkAndToThemselves(t *testing.T) {
	l := lanOf(t, 3, network.Quality{})
	for id := NodeID(1); id <= 3; id++ {
		start(t, l, id, "echo", "0.0.0.0:2181") // the same port everywhere
		for _, dial := range []dialer{l.Dial, l.Inside} {
			c, err := dial(id, 2181, 10*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			echoes(t, c)
			if want := netip.AddrPortFrom(l.Address(id), 2181).String(); c.RemoteAddr().String() != want {
				t.Errorf("the other end is %v, want %v", c.RemoteAddr(), want)
			}
			c.Close()
		}
	}
	if _, err := l.Dial(1, 2182, 10*time.Second); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("where nobody listens: %v", err)
	}
	if _, err := l.Dial(4, 2181, time.Second); err == nil {
		t.Error("there is a node 4 of 3")
	}
	for id := NodeID(1); id <= 3; id++ {
		if l.Counts(Clients, id).Delivered == 0 || l.Counts(id, Clients).Delivered == 0 {
			t.Errorf("clients reached node %d without the switch", id)
		}
	}
}

func TestEveryMachineIsSetUpAlike(t *testing.T) {
	l := lanOf(t, 2, network.Quality{})
	for id := Clients; id <= 2; id++ {
		m, err := l.machine(id)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.thread.do(func() {
			i, err := net.InterfaceByName(device)
			if err != nil {
				t.Error(err)
				return
			}
			addresses, _ := i.Addrs()
			if want := l.Address(id).String() + "/16"; i.MTU != 1500 || len(addresses) != 1 || addresses[0].String() != want {
				t.Errorf("MTU %d, addresses %v; want 1500 and %s", i.MTU, addresses, want)
			}
			r, _ := unix.NewIfreq(device)
			s, _ := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
			defer unix.Close(s)
			if err := unix.IoctlIfreq(s, unix.SIOCGIFTXQLEN, r); err != nil || r.Uint32() != queueLength {
				t.Errorf("queue length %d, %v", r.Uint32(), err)
			}
			for _, set := range m.told {
				text, err := os.ReadFile("/proc/sys/" + strings.ReplaceAll(set.name, ".", "/"))
				if got := strings.TrimSpace(string(text)); set.err == nil && (err != nil || got != set.value) {
					t.Errorf("%s is %q (%v), and was said to be %s", set.name, got, err, set.value)
				}
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// Sockets that no reader empties in time do not count: the sender waits.
func TestLossOnTheWireIsWithinTheBoundsOfItsChance(t *testing.T) {
	for _, loss := range []float64{0.01, 0.1} {
		const n = 20_000
		l := lanOf(t, 2, network.Quality{Loss: loss})
		got := l.sendNumbers(t, n)
		lost := int64(n - len(got))
		if c := l.Counts(1, 2); c.Lost != lost || c.Sent != n || !within(lost, n, loss) {
			t.Errorf("loss of %v: %d of %d are missing; the switch says %+v", loss, lost, n, c)
		}
		l.Close()
	}
}

func TestDatagramsOnTheWireAreDoubledAndOvertaken(t *testing.T) {
	const n = 20_000
	l := lanOf(t, 2, network.Quality{Delay: random.Distribution{Shape: random.Uniform, A: ms / 20, B: ms / 10}, Duplicate: 0.05, Reorder: 0.02})
	got := l.sendNumbers(t, n)
	seen := make([]int, n)
	twice, overtaken, most := int64(0), 0, -1
	for _, i := range got {
		if seen[i]++; seen[i] == 2 {
			twice++
		}
		if i < most {
			overtaken++
		}
		most = max(most, i)
	}
	c := l.Counts(1, 2)
	if len(got) != n+int(twice) || c.Duplicated != twice || !within(twice, n, 0.05) {
		t.Errorf("%d came of %d, %d of them twice; the switch says %+v", len(got), n, twice, c)
	}
	if !within(c.HeldBack, n+twice, 0.02) || overtaken == 0 {
		t.Errorf("%d came late; the switch says %+v", overtaken, c)
	}
}

func TestDatagramsOnTheWireStayInOrderWithoutReordering(t *testing.T) {
	l := lanOf(t, 2, network.Quality{Delay: random.Distribution{Shape: random.Uniform, B: ms}})
	got := l.sendNumbers(t, 5000)
	for i, n := range got {
		if n != i {
			t.Fatalf("number %d is %d", i, n)
		}
	}
	if len(got) != 5000 || l.Lateness().Count < 5000 {
		t.Errorf("%d of 5000 came; %v", len(got), l.Lateness())
	}
	until(t, func() bool { // every buffer is free again, but those that three readers wait with
		l.sw.mu.Lock()
		defer l.sw.mu.Unlock()
		return (len(l.sw.flight.free)+3)%slab == 0
	})
}

func TestACutIsOneWayAndLetsArriveWhatIsInFlight(t *testing.T) {
	l := lanOf(t, 3, network.Quality{Delay: random.Always(300 * ms)})
	one, two := l.udp(t, 1, 9000), l.udp(t, 2, 9000)
	at := func(id NodeID) netip.AddrPort { return netip.AddrPortFrom(l.Address(id), 9000) }
	one.WriteToUDPAddrPort([]byte("before"), at(2))
	until(t, func() bool { return l.Counts(1, 2).Sent == 1 })
	if err := l.Inject(fault.Fault{Kind: fault.Cut, From: ids{1}, To: ids{2}}); err != nil {
		t.Fatal(err)
	}
	one.WriteToUDPAddrPort([]byte("into it"), at(2))
	two.WriteToUDPAddrPort([]byte("back"), at(1))
	until(t, func() bool { return l.Counts(1, 2).Sent == 2 })
	if got := hear(t, two); got != "before" {
		t.Errorf("machine 2 hears %q", got)
	}
	if err := l.Inject(fault.Fault{Kind: fault.Heal}); err != nil {
		t.Fatal(err)
	}
	one.WriteToUDPAddrPort([]byte("after"), at(2))
	if got := hear(t, two); got != "after" {
		t.Errorf("machine 2 hears %q", got)
	}
	if got := hear(t, one); got != "back" {
		t.Errorf("machine 1 hears %q", got)
	}
	if c := l.Counts(1, 2); c.Cut != 1 {
		t.Errorf("%+v", c)
	}
}

func hear(t *testing.T, c *net.UDPConn) string {
	t.Helper()
	b := make([]byte, 100)
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	n, err := c.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:n])
}

// A partition parts nodes, which TCP notices by time-outs only; clients go on
// talking to both sides.
func TestAPartitionPartsNodesAndNotClients(t *testing.T) {
	l := lanOf(t, 3, network.Quality{})
	for id := NodeID(1); id <= 3; id++ {
		start(t, l, id, "echo", "0.0.0.0:2181")
	}
	between := func(from, to NodeID) error {
		c, err := l.dial(from, to, 2181, 200*time.Millisecond)
		if err == nil {
			c.Close()
		}
		return err
	}
	if err := l.Inject(fault.Fault{Kind: fault.Partition, Groups: []ids{{1, 2}, {2, 3}}}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		from, to NodeID
		parted   bool
	}{{1, 2, false}, {2, 3, false}, {1, 3, true}, {3, 1, true}, {Clients, 1, false}, {Clients, 3, false}} {
		for try := 0; ; try++ { // one that does not get through in time may yet
			err := between(c.from, c.to)
			if c.parted == errors.Is(err, os.ErrDeadlineExceeded) && (c.parted || err == nil) {
				break
			}
			if try == 5 {
				t.Errorf("%d->%d: %v", c.from, c.to, err)
				break
			}
		}
	}
	if err := l.Inject(fault.Fault{Kind: fault.Heal}); err != nil {
		t.Fatal(err)
	}
	if c, err := l.dial(1, 3, 2181, 10*time.Second); err != nil {
		t.Errorf("after the heal: %v", err)
	} else {
		echoes(t, c)
		c.Close()
	}
}

func TestALinkFaultTakesEffectOnTheWire(t *testing.T) {
	l := lanOf(t, 2, network.Quality{})
	f := fault.Fault{Kind: fault.Link, From: ids{1}, To: ids{2}, Loss: 1}
	if err := l.Inject(f); err != nil {
		t.Fatal(err)
	}
	if got := l.sendNumbers(t, 100); len(got) != 0 {
		t.Errorf("%d of 100 pass a link that loses all", len(got))
	}
	f.Back = true
	if err := l.Inject(f); err != nil {
		t.Fatal(err)
	}
	if got := l.sendNumbers(t, 100); len(got) != 100 {
		t.Errorf("%d of 100 pass a link that loses none", len(got))
	}
}

func TestALANSupportsFaultsOfLinksAndPower(t *testing.T) {
	l := lanOf(t, 1, network.Quality{})
	for k := range fault.Kinds {
		if want := linkFault(k) || k == fault.PowerOff; l.Supports(k) != want {
			t.Errorf("%v: %t", k, !want)
		}
	}
}

func TestObservedTellsSettingsAndCounts(t *testing.T) {
	l := lanOf(t, 2, network.Quality{Delay: random.Always(ms / 10)})
	l.sendNumbers(t, 100)
	text := strings.Join(l.Observed(), "\n")
	for _, want := range []string{"tcp_congestion_control=reno", "100 packets were delayed", "of 100 packets 100 were delivered"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	l.Reset()
	if n := l.Lateness().Count; n != 0 {
		t.Errorf("%d after a reset", n)
	}
}

func TestForwardingAllocatesNothing(t *testing.T) {
	null, err := unix.Open("/dev/null", unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(null)
	for _, q := range []network.Quality{{}, {Delay: jitter, Loss: 0.1, Duplicate: 0.1, Reorder: 0.1}} {
		s := &packetSwitch{links: newLinks(Config{Network: network.Config{Nodes: 2, Default: q}}), ports: make([]port, 3), armed: awake}
		m := &machine{tun: null}
		s.ports[2].machine = m
		p := s.flight.take()
		round := func() {
			for range 200 {
				p.size = 100
				copy(p.data[16:20], []byte{10, 77, 0, 2})
				p = s.take(1, m, p)
			}
			for range len(s.flight.heap) {
				q := s.flight.pop()
				s.deliver(q)
				q.link.line.Add(-1)
				s.flight.give(q)
			}
		}
		round()
		if n := testing.AllocsPerRun(10, round); n > 0.5 {
			t.Errorf("%+v: %v allocations in 200 packets", q, n)
		}
		if c := s.links.link(1, 2).counts(); c.Delivered != c.Sent-c.Lost+c.Duplicated || c.Delivered == 0 {
			t.Errorf("%+v", c)
		}
	}
}
