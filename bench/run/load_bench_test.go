package run

import (
	"context"
	"runtime"
	"testing"
	"time"

	"raftzab/results"
)

// loaded is a cell without faults whose clients ask for ten thousand operations a
// second, for so long.
func loaded(system string, length Duration) *Cell {
	cell := failover(system, 0, 1)
	s := &cell.Settings
	s.Faults, s.Probe, s.Observe, s.Limit = nil, Probe{}, length, length+10_000*ms
	s.Workload = Workload{Clients: 100, Rate: 10_000, Reads: 0.5, Keys: 1000}
	s.Workload.complete(map[string]string{"zab": "zab"}[system])
	return cell
}

// BenchmarkLoad simulates 60 s of ten thousand operations a second on five servers,
// with every check, and says what memory it took at the most.
func BenchmarkLoad(b *testing.B) {
	for _, system := range []string{"raft", "zab", "etcd"} {
		b.Run(system, func(b *testing.B) {
			cell := loaded(system, 60_000*ms)
			cell.Settings.Cluster.SnapshotEntries = map[string]int{"raft": 10_000, "zab": 10_000}[system]
			s, err := Lookup(system)
			if err != nil {
				b.Fatal(err)
			}
			var events uint64
			var most runtime.MemStats
			start := time.Now()
			for b.Loop() {
				w, err := s.open(context.Background(), cell, nil)
				if err != nil {
					b.Fatal(err)
				}
				row, _, broken, err := w.trial(0, false)
				if err != nil || broken != nil || row.Outcome != results.OK || row.ReadsFailed+row.WritesFailed > 0 {
					b.Fatal(err, broken, row)
				}
				runtime.ReadMemStats(&most)
				events += w.(counted).events()
			}
			wall := time.Since(start).Seconds()
			b.ReportMetric(float64(events)/wall, "events/s")
			b.ReportMetric(float64(events)/float64(b.N), "events/op")
			b.ReportMetric(float64(most.Sys)/(1<<20), "MiB")
		})
	}
}
