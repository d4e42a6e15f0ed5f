package swarm

import (
	"flag"
	"testing"
)

var (
	seeds = flag.Uint64("seeds", 200, "how many seeds a protocol")
	first = flag.Uint64("first", 1, "the first seed")
)

// TestSwarm is the unmodified swarm: nothing breaks, and there is progress
// after healing.
func TestSwarm(t *testing.T) {
	for _, system := range Systems {
		t.Run(system, func(t *testing.T) {
			var total Tally
			for seed := *first; seed < *first+*seeds; seed++ {
				r := Run(system, seed, nil)
				if total.Add(r); r.Violation != "" {
					t.Fatalf("seed %d: %s\nto see it again: %s", seed, r.Violation, r.Replay())
				}
			}
			t.Logf("\n%v", &total)
		})
	}
}
