package host

import (
	"math/rand/v2"
	"testing"

	"raftzab/protocols"
)

// A node's clock never goes back, whatever bends it, jumps by what it is told, and
// runs as fast as it is told.
func TestABentClockNeverGoesBack(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var k bend
		at := rng.Int64N(1 << 50)
		k.begin(at)
		if k.read(at) <= 0 {
			t.Fatalf("a life begins at %d, which is no time", k.read(at))
		}
		drift, own := 0.0, k.read(at)
		for range 50 {
			step := rng.Int64N(1 << 32)
			at += step
			now := k.read(at)
			if want := float64(own) + float64(step)*(1+drift); now < own || float64(now)-want > 1+want/1e12 || want-float64(now) > 1+want/1e12 {
				t.Fatalf("%d ns later at drift %g it is %d, after %d", step, drift, now, own)
			}
			own = now
			if rng.IntN(2) == 0 {
				skew := protocols.Time(rng.Int64N(1 << 40))
				drift = rng.Float64()*1.9 - 0.95
				if rng.IntN(3) == 0 {
					drift = 0
				}
				if k.set(at, skew, drift); k.read(at) != now+skew {
					t.Fatalf("told to jump by %d, it jumps from %d to %d", skew, now, k.read(at))
				}
				own = k.read(at)
			}
			// An alarm set for when it reaches an instant rings then, give or take a rounding.
			goal := own + protocols.Time(rng.Int64N(1<<34))
			if got := k.read(k.when(goal)); got > goal+1000 || got < goal-1000 {
				t.Fatalf("when it should be %d it is %d", goal, got)
			}
		}
	}
}
