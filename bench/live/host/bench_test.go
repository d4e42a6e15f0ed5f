//go:build linux

package host

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Closed-loop clients at a leader, with fsync on: what the runtime is made for. In
// processes of their own the nodes are as in an experiment; in this one they can be
// profiled.
func BenchmarkWrites(b *testing.B) {
	for _, protocol := range []string{"raft", "zab"} {
		for _, place := range []string{"processes", "inside"} {
			for _, clients := range []int{64, 1} {
				b.Run(fmt.Sprintf("%s/%s/%d", protocol, place, clients), func(b *testing.B) {
					writes(b, protocol, place == "processes", clients)
				})
			}
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
	begin, spent := time.Now(), cpu()
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
	for _, id := range e.all() { // what children have spent is known at their end
		e.kill(id)
	}
	latencies := slices.Concat(took...)
	slices.Sort(latencies)
	b.ReportMetric(float64(b.N)/elapsed.Seconds(), "writes/s")
	b.ReportMetric(float64(cpu()-spent)/1e3/float64(b.N), "cpu-µs/write")
	b.ReportMetric(float64(latencies[len(latencies)/2])/1e6, "p50-ms")
	b.ReportMetric(float64(latencies[len(latencies)*99/100])/1e6, "p99-ms")
	for _, s := range sessions {
		s.close()
	}
}

// cpu is the time that this process and its ended children have had a core for. On a
// machine that is shared it says more than the time that has passed.
func cpu() (total time.Duration) {
	for _, who := range []int{unix.RUSAGE_SELF, unix.RUSAGE_CHILDREN} {
		var used unix.Rusage
		if err := unix.Getrusage(who, &used); err != nil {
			panic(err)
		}
		total += time.Duration(used.Utime.Nano() + used.Stime.Nano())
	}
	return total
}
