//go:build linux

package host

import (
	"slices"
	"sync"
	"testing"
	"time"
)

// Closed-loop clients at a leader, with fsync on: what the runtime is made for. In
// processes of their own the nodes are as in an experiment; in this one they can be
// profiled.
func BenchmarkWrites(b *testing.B) {
	for _, protocol := range []string{"raft", "zab"} {
		for _, processes := range []bool{true, false} {
			name := protocol + "/inside"
			if processes {
				name = protocol + "/processes"
			}
			b.Run(name, func(b *testing.B) { writes(b, protocol, processes, 64) })
		}
	}
}

func writes(b *testing.B, protocol string, processes bool, clients int) {
	e := newEnsemble(b, protocol, func(s *server) { s.Images = 100_000 })
	e.processes = processes
	e.start(e.all()...)
	leader := e.leader()
	var sessions []*session
	for i := range clients {
		s := e.session(uint32(i+1), leader)
		s.put(uint32(i), 0)
		sessions = append(sessions, s)
	}
	took := make([][]time.Duration, clients)
	b.ResetTimer()
	begin := time.Now()
	var all sync.WaitGroup
	for i, s := range sessions {
		n := (b.N + i) / clients
		all.Go(func() {
			for range n {
				sent := time.Now()
				s.put(uint32(i), 1)
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
	for _, s := range sessions {
		s.close()
	}
}
