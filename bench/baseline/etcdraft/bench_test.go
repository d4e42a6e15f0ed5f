package etcdraft

import (
	"math/rand/v2"
	"testing"

	"raftzab/bench"
	"raftzab/bench/fault"
	"raftzab/bench/network"
	"raftzab/bench/random"
	"raftzab/bench/sim"
	"raftzab/protocols"
)

// A killer crashes each leader as it becomes active and starts the one before.
type killer struct {
	sys       bench.System
	down      NodeID
	elections int
}

func (k *killer) Wake(Time) Time             { return 0 }
func (k *killer) Reply(Time, bench.Reply)    {}
func (k *killer) Listen() protocols.EventSet { return protocols.Events(protocols.Activated) }
func (k *killer) Observe(now Time, node NodeID, _ protocols.Event) {
	k.elections++
	_ = k.sys.Inject(fault.Fault{Kind: fault.Crash, Nodes: []NodeID{node}})
	if k.down != protocols.None {
		_ = k.sys.Inject(fault.Fault{Kind: fault.Restart, Nodes: []NodeID{k.down}})
	}
	k.down = node
}

// BenchmarkElections is the control's side of the comparison with our own Raft:
// five servers, 150 to 300 ms, in the same simulator.
func BenchmarkElections(b *testing.B) {
	voters := []NodeID{1, 2, 3, 4, 5}
	c := sim.New(sim.Config[Message]{
		New: func(id NodeID, r protocols.Recovered, rng *rand.Rand) protocols.Replica[Message] {
			return New(Config{ID: id, Voters: voters, ElectionTimeout: Timeout{150 * ms, 300 * ms}, Heartbeat: 75 * ms}, r, rng)
		},
		Network: network.Config{Nodes: 5, RTOMin: 200 * ms, Default: network.Quality{Delay: random.Distribution{Shape: random.Uniform, A: 5 * ms, B: 10 * ms}}},
	}, 1, 0)
	b.ReportAllocs()
	done := 0
	for trial := 0; done < b.N; trial++ {
		c.Reset(1, trial)
		k := &killer{sys: c}
		if err := c.Run(k, 4000*ms); err != nil {
			b.Fatal(err)
		}
		done += k.elections
	}
	b.ReportMetric(float64(done)/b.Elapsed().Seconds(), "elections/s")
}
