package run

import (
	"context"
	"testing"

	"raftzab/bench/fault"
)

// counted is a worker of a simulated system.
type counted interface {
	worker
	events() uint64
}

func (w *simulation[M]) events() uint64 {
	n, _ := w.cluster.Events()
	return n
}

// benchmark measures whole trials: boot, warm-up, the leader's end and its
// replacement, with every invariant checked. An event is a queue pop that
// reaches a handler.
func benchmark(b *testing.B, system string, probed bool) {
	cell := failover(system, fault.PowerOff, 1)
	s, err := Lookup(system)
	if err != nil {
		b.Fatal(err)
	}
	w, err := s.open(context.Background(), cell, nil)
	if err != nil {
		b.Fatal(err)
	}
	var events uint64
	trial := 0
	b.ReportAllocs()
	for b.Loop() {
		if _, _, broken, err := w.trial(trial, probed); err != nil || broken != nil {
			b.Fatal(err, broken)
		}
		events += w.(counted).events()
		trial++
	}
	b.ReportMetric(float64(trial)/b.Elapsed().Seconds(), "elections/s")
	b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(events)/float64(trial), "events/trial")
}

func BenchmarkElection(b *testing.B) {
	for _, system := range []string{"raft", "zab", "etcd"} {
		b.Run(system, func(b *testing.B) { benchmark(b, system, false) })
	}
}

func BenchmarkProbedElection(b *testing.B) {
	for _, system := range []string{"raft", "zab", "etcd"} {
		b.Run(system, func(b *testing.B) { benchmark(b, system, true) })
	}
}
