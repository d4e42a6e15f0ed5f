package hashicorpnode

import (
	"slices"
	"sync"
	"testing"
	"time"
)

// Closed-loop clients at a leader, with fsync on, as in the benchmark of our own
// nodes (bench/live/host); with writes gathered before they enter the log, as in
// Vault, and without, as is the library's default.
func BenchmarkWrites(b *testing.B) {
	b.Run("gathered", func(b *testing.B) { writes(b, true, 64) })
	b.Run("single", func(b *testing.B) { writes(b, false, 64) })
}

func writes(b *testing.B, gathered bool, clients int) {
	c := newCluster(b, func(s *Settings) { s.Images, s.BatchApply = 100_000, gathered })
	leader := c.leader(0)
	for _, s := range c.servers { // nobody listens to entries
		s.order(listenFor(0))
	}
	var sessions []*client
	for i := range clients {
		l := c.client(uint32(i + 1))
		l.at = leader
		l.insist(l.put(uint32(i), 0), nil)
		sessions = append(sessions, l)
	}
	took := make([][]time.Duration, clients)
	b.ResetTimer()
	begin := time.Now()
	var all sync.WaitGroup
	for i, l := range sessions {
		n := (b.N + i) / clients
		all.Go(func() {
			for range n {
				sent := time.Now()
				l.insist(l.put(uint32(i), 1), nil)
				took[i] = append(took[i], time.Since(sent))
			}
		})
	}
	all.Wait()
	elapsed := time.Since(begin)
	b.StopTimer()
	latencies := slices.Concat(took...)
	slices.Sort(latencies)
	b.ReportMetric(float64(b.N)/elapsed.Seconds(), "writes/s")
	b.ReportMetric(float64(latencies[len(latencies)/2])/1e6, "p50-ms")
	b.ReportMetric(float64(latencies[len(latencies)*99/100])/1e6, "p99-ms")
}
