package run

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"time"
)

// A Latency is what so many measurements of the machine came to.
type Latency struct {
	Median, P95, Most time.Duration
	N                 int
}

func latencyOf(took []time.Duration) Latency {
	slices.Sort(took)
	n := len(took)
	return Latency{took[n/2].Round(100), took[n*95/100].Round(100), took[n-1].Round(100), n}
}

func (l Latency) String() string {
	return fmt.Sprintf("%v (median), %v (p95), %v at most, of %d", l.Median, l.P95, l.Most, l.N)
}

// Fsyncs is how many writes FsyncLatency times.
const Fsyncs = 200

// FsyncLatency writes and syncs small records in a folder and says how long that
// takes.
func FsyncLatency(dir string) (l Latency, err error) {
	f, err := os.CreateTemp(dir, "fsync-*")
	if err != nil {
		return l, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	var took []time.Duration
	for range Fsyncs {
		start := time.Now()
		if _, err := f.Write(make([]byte, 512)); err != nil {
			return l, err
		}
		if err := f.Sync(); err != nil {
			return l, err
		}
		took = append(took, time.Since(start))
	}
	return latencyOf(took), nil
}

// RoundTrips is how many LoopbackDelay times.
const RoundTrips = 2000

// LoopbackDelay sends small messages there and back over a TCP connection of
// the loopback interface and says how long one way takes: half a round trip, with
// what it takes to wake whoever waits.
func LoopbackDelay() (l Latency, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("measuring loopback: %w", err)
		}
	}()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return l, err
	}
	defer listener.Close()
	echoed := make(chan error, 1)
	go func() {
		c, err := listener.Accept()
		if err == nil {
			_, err = io.Copy(c, struct{ io.Reader }{c}) // the type hidden, or the kernel would do it alone
			err = errors.Join(err, c.Close())
		}
		echoed <- err
	}()
	c, err := net.Dial("tcp4", listener.Addr().String())
	if err != nil {
		listener.Close()
		return l, errors.Join(err, <-echoed)
	}
	took, err := roundTrips(c)
	if err = errors.Join(err, c.Close(), <-echoed); err != nil {
		return l, err
	}
	for i := range took {
		took[i] /= 2
	}
	return latencyOf(took), nil
}

func roundTrips(c io.ReadWriter) (took []time.Duration, err error) {
	message := make([]byte, 64)
	for range RoundTrips {
		start := time.Now()
		if _, err := c.Write(message); err != nil {
			return took, err
		}
		if _, err := io.ReadFull(c, message); err != nil {
			return took, err
		}
		took = append(took, time.Since(start))
	}
	return took, nil
}
