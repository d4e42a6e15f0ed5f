package workload

import (
	"math"
	"math/rand/v2"
	"sort"
)

// A choice draws keys from 0 up.
type choice struct {
	keys int
	sums []uint64 // of the weights up to a key; nil: all are alike
}

// weight is that of the first key. Weights are whole numbers, so that the last bits
// of a power, which differ between processors, hardly ever matter.
const weight = 1 << 40

// newChoice returns the zipf distribution with an exponent, any from 0 (rand.Zipf
// has those above 1 only).
func newChoice(keys int, skew float64) choice {
	c := choice{keys: keys}
	if skew == 0 {
		return c
	}
	c.sums = make([]uint64, keys)
	sum := uint64(0)
	for i := range c.sums {
		sum += uint64(math.Round(weight * math.Pow(float64(i+1), -skew)))
		c.sums[i] = sum
	}
	return c
}

func (c *choice) draw(rng *rand.Rand) uint32 {
	if c.sums == nil {
		return uint32(rng.IntN(c.keys))
	}
	x := rng.Uint64N(c.sums[c.keys-1])
	return uint32(sort.Search(c.keys-1, func(i int) bool { return c.sums[i] > x }))
}
