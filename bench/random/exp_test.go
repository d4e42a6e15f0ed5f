package random

import (
	"math"
	"testing"
)

// exp agrees with math.Exp to the last bits, and a few values are pinned, so that
// another machine with other bits is found out.
func TestExpIsTheExponentialAndTheSameEverywhere(t *testing.T) {
	for x := -30.0; x < 30; x += 0.0137 {
		if got, want := exp(x), math.Exp(x); math.Abs(got-want) > 4e-16*want {
			t.Fatalf("exp(%v) = %v, want %v", x, got, want)
		}
	}
	for x, bits := range map[float64]uint64{0: 0x3ff0000000000000, 1: 0x4005bf0a8b14576a, -0.3: 0x3fe7b4c869c37c05, 2.5: 0x40285d6fd931e0bb} {
		if got := math.Float64bits(exp(x)); got != bits {
			t.Errorf("exp(%v) has bits %#x, want %#x", x, got, bits)
		}
	}
	if exp(-1000) != 0 || math.IsInf(exp(1000), 1) {
		t.Errorf("exp(-1000) = %v, exp(1000) = %v", exp(-1000), exp(1000))
	}
}
