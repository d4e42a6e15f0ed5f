package lan

import (
	"flag"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"testing"
	"time"

	"raftzab/bench/network"
	"raftzab/bench/random"
)

var measure = flag.Bool("measure", false, "measure the network: what it adds, and whether it does what it is asked to")

func init() {
	roles["pingpong"] = pingpong
}

// pingpong sends a byte there and back count times, and tells the median and the
// 99 % quantile in nanoseconds.
func pingpong(args []string) error {
	c, err := net.Dial("tcp4", args[0])
	if err != nil {
		return err
	}
	count, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	var took []time.Duration
	b := []byte{1}
	for i := range count + count/10 {
		began := time.Now()
		if _, err := c.Write(b); err != nil {
			return err
		}
		if _, err := io.ReadFull(c, b); err != nil {
			return err
		}
		if i >= count/10 { // warm
			took = append(took, time.Since(began))
		}
	}
	slices.Sort(took)
	fmt.Println(took[len(took)/2].Nanoseconds(), took[len(took)*99/100].Nanoseconds())
	return nil
}

// roundTrip measures from one machine to another.
func roundTrip(t *testing.T, n Network, count int) (p50, p99 time.Duration) {
	t.Helper()
	const port = ":21820"
	start(t, n, 2, "echo", n.Address(2).String()+port)
	_, line := start(t, n, 1, "pingpong", n.Address(2).String()+port, strconv.Itoa(count))
	if _, err := fmt.Sscan(line, (*int64)(&p50), (*int64)(&p99)); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	return p50, p99
}

func needMeasure(t *testing.T) {
	t.Helper()
	if !*measure {
		t.Skip("measured are times, which depend on what else the machine does; to have them: -measure")
	}
}

func row(t *testing.T, what, asked, measured, more string) {
	t.Helper()
	t.Logf("%-34s | %-22s | %-26s | %s", what, asked, measured, more)
}

func TestMeasureRoundTrips(t *testing.T) {
	needMeasure(t)
	row(t, "what", "asked", "measured", "beside it")
	base, base99 := roundTrip(t, loopbackOf(t, 2), 20_000)
	row(t, "round trip on loopback", "", base.String(), fmt.Sprintf("p99 %v", base99))
	for _, c := range []struct {
		delay Time
		count int
		most  time.Duration // of the median
	}{
		{0, 20_000, base + 150*time.Microsecond},
		{ms / 10, 5000, 0},
		{ms / 2, 2000, 0},
		{5 * ms, 500, 10500 * time.Microsecond},
	} {
		l := lanOf(t, 3, network.Quality{Delay: random.Always(c.delay)})
		p50, p99 := roundTrip(t, l, c.count)
		asked := ""
		if c.most > 0 {
			asked = fmt.Sprintf("%v to %v", 2*time.Duration(c.delay), c.most)
		}
		row(t, fmt.Sprintf("round trip, one way %v", time.Duration(c.delay)), asked, p50.String(), fmt.Sprintf("p99 %v; late p50 %v, p99 %v, at most %v", p99, l.Lateness().P50, l.Lateness().P99, l.Lateness().Max))
		if p50 < 2*time.Duration(c.delay) || c.most > 0 && p50 > c.most {
			t.Errorf("the median is out of bounds")
		}
		l.Close()
	}
}

func TestMeasureChances(t *testing.T) {
	needMeasure(t)
	const n = 100_000
	check := func(what string, got, of int64, p float64) {
		row(t, what, fmt.Sprintf("%g %%", 100*p), fmt.Sprintf("%.3f %%", 100*float64(got)/float64(of)), fmt.Sprintf("%d of %d", got, of))
		if !within(got, of, p) {
			t.Errorf("%s is out of the 99.9 %% interval", what)
		}
	}
	for _, p := range []float64{0.01, 0.1} {
		l := lanOf(t, 2, network.Quality{Loss: p})
		check("loss", n-int64(len(l.sendNumbers(t, n))), n, p)
		l.Close()
	}
	l := lanOf(t, 2, network.Quality{Duplicate: 0.05})
	check("duplication", int64(len(l.sendNumbers(t, n)))-n, n, 0.05)
	l.Close()
	l = lanOf(t, 2, network.Quality{Delay: random.Distribution{Shape: random.Uniform, A: ms / 20, B: ms / 10}, Reorder: 0.02})
	got, most, overtaken := l.sendNumbers(t, n), -1, 0
	for _, i := range got {
		if most = max(most, i); i < most {
			overtaken++
		}
	}
	check("reordering: held back", l.Counts(1, 2).HeldBack, n, 0.02)
	row(t, "reordering: overtaken", "fewer", fmt.Sprint(overtaken), "one held back while nothing is sent is not overtaken")
}

// stream sends bytes from machine 1 to machine 2 and returns bits per second of
// payload, from the first byte's arrival to the last's.
func (l *lan) stream(t *testing.T, bytes int) float64 {
	t.Helper()
	const port = 9001
	m, err := l.machine(2)
	if err != nil {
		t.Fatal(err)
	}
	var in net.Listener
	if err := m.thread.try(func() (err error) {
		in, err = net.Listen("tcp4", fmt.Sprintf("%v:%d", l.Address(2), port))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	go func() {
		c, err := l.dial(1, 2, port, 10*time.Second)
		if err != nil {
			t.Error(err)
			in.Close()
			return
		}
		defer c.Close()
		b := make([]byte, 64<<10)
		for left := bytes; left > 0; left -= len(b) {
			if _, err := c.Write(b[:min(left, len(b))]); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	c, err := in.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	n, err := io.Copy(io.Discard, c)
	if err != nil {
		t.Fatal(err)
	}
	return float64(n) * 8 / time.Since(began).Seconds()
}

func TestMeasureBandwidth(t *testing.T) {
	needMeasure(t)
	const payload = 1448.0 / 1500 // of a full packet: IP, TCP and its time stamps take 52 bytes
	for _, speed := range []float64{1e6, 10e6, 100e6} {
		l := lanAs(t, Config{Network: network.Config{Nodes: 2, Default: network.Quality{Delay: random.Always(ms)}}, Seed: 1,
			Bandwidth: func(from, to NodeID) float64 { return speed }})
		got := l.stream(t, int(speed/8)) / payload
		row(t, "bandwidth", fmt.Sprintf("%g Mbit/s", speed/1e6), fmt.Sprintf("%.2f Mbit/s", got/1e6), fmt.Sprintf("%d packets had no room", l.Counts(1, 2).Overflowed))
		if got < 0.9*speed || got > 1.02*speed {
			t.Errorf("bandwidth is out of bounds")
		}
		l.Close()
	}
	for _, delay := range []Time{0, 5 * ms} {
		l := lanOf(t, 2, network.Quality{Delay: random.Always(delay)})
		got := l.stream(t, 64<<20)
		m, _ := l.machine(1)
		row(t, fmt.Sprintf("no limit, one way %v", time.Duration(delay)), "", fmt.Sprintf("%.0f Mbit/s", got/1e6), fmt.Sprintf("%d packets dropped by the device", m.dropped()))
		l.Close()
	}
}

func TestMeasureMachines(t *testing.T) {
	needMeasure(t)
	began := time.Now()
	l := lanOf(t, 5, network.Quality{})
	row(t, "six machines", "", time.Since(began).Round(10*time.Microsecond).String(), "")
	l.PowerOff(1)
	began = time.Now()
	l.PowerOn(1)
	row(t, "another in the place of one", "", time.Since(began).Round(10*time.Microsecond).String(), "")
	began = time.Now()
	l.Close()
	row(t, "the end of all", "", time.Since(began).Round(10*time.Microsecond).String(), "")
}
