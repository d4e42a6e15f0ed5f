package lan

import (
	"flag"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"raftzab/bench/network"
	"raftzab/bench/random"
)

var measure = flag.Bool("measure", false, "measure the switch: delays, and what it adds")

func init() {
	roles["pingpong"] = pingpong
}

// pingpong goes there and back count times, and tells the quantiles of how long
// it takes in microseconds.
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
	for i := range count + count/10 + 10 {
		began := time.Now()
		if _, err := c.Write(b); err != nil {
			return err
		}
		if _, err := io.ReadFull(c, b); err != nil {
			return err
		}
		if i >= count/10+10 {
			took = append(took, time.Since(began))
		}
	}
	slices.Sort(took)
	fmt.Println(took[len(took)/2].Nanoseconds(), took[len(took)*99/100].Nanoseconds())
	return nil
}

// roundTrip measures from one machine to another.
func roundTrip(t *testing.T, n Network, from, to NodeID, count int) (p50, p99 time.Duration) {
	t.Helper()
	start(t, n, to, "echo", n.Address(to).String()+":7")
	_, line := start(t, n, from, "pingpong", n.Address(to).String()+":7", strconv.Itoa(count))
	for i, field := range strings.Fields(line) {
		ns, err := strconv.Atoi(field)
		if err != nil {
			t.Fatalf("%q", line)
		}
		*[]*time.Duration{&p50, &p99}[i] = time.Duration(ns)
	}
	return p50, p99
}

func TestMeasureRoundTrips(t *testing.T) {
	if !*measure {
		t.Skip("times depend on what else the machine does: -measure")
	}
	base := loopbackOf(t, 2)
	start(t, base, 1, "echo", base.Address(1).String()+":21820")
	_, line := start(t, base, 2, "pingpong", base.Address(1).String()+":21820", "20000")
	var b50, b99 int64
	fmt.Sscan(line, &b50, &b99)
	t.Logf("%-22s p50 %10v p99 %10v", "loopback", time.Duration(b50), time.Duration(b99))
	for _, c := range []struct {
		delay Time
		count int
	}{{0, 20000}, {0, 20000}, {100_000, 4000}, {500_000, 2000}, {5_000_000, 400}, {5_000_000, 400}} {
		n, err := New(Config{Network: network.Config{Nodes: 3, Default: network.Quality{Delay: random.Always(c.delay)}}})
		if err != nil {
			t.Fatal(err)
		}
		p50, p99 := roundTrip(t, n, 1, 2, c.count)
		t.Logf("one way %-14v p50 %10v p99 %10v  %v", time.Duration(c.delay), p50, p99, n.Lateness())
		for _, line := range n.Observed() {
			t.Log(line)
		}
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
