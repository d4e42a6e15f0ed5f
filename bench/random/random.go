// Package random answers where chance comes from: one number, the seed. Each
// purpose draws from a stream of its own, so that a new draw in one place does
// not shift any other.
package random

import "math/rand/v2"

// A Purpose names what a stream is drawn for.
type Purpose uint64

const (
	Replica  Purpose = iota + 1 // the protocol's own choices; id: node and life
	Link                        // delay and loss; id: from and to
	Disk                        // fsync latency, the prefix that survives; id: node
	Schedule                    // when faults strike, and whom
	Workload                    // clients; id: session
	Swarm                       // what a swarm run is made of
	Baseline                    // chance inside a system that is not ours; id: its own
	Timer                       // how late timers fire; id: node
)

// Stream returns the stream of (seed, trial, purpose, id).
func Stream(seed uint64, trial int, p Purpose, id uint64) *rand.Rand {
	return rand.New(Source(seed, trial, p, id))
}

// Source returns the generator behind Stream.
func Source(seed uint64, trial int, p Purpose, id uint64) *rand.PCG {
	return rand.NewPCG(Key(seed, trial, p, id))
}

// Key returns the two words that a generator is seeded with, for those who
// reuse one.
func Key(seed uint64, trial int, p Purpose, id uint64) (hi, lo uint64) {
	a := mix(seed)
	b := mix(a ^ uint64(trial)*0x9e3779b97f4a7c15)
	c := mix(b ^ uint64(p)<<56 ^ id)
	return c, mix(c)
}

// TrialSeed returns the number that stands for (seed, trial) where a system
// takes one seed only.
func TrialSeed(seed uint64, trial int) uint64 {
	return mix(mix(seed) ^ uint64(trial)*0x9e3779b97f4a7c15)
}

// mix is the finaliser of SplitMix64 (Steele, Lea, Flood 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
