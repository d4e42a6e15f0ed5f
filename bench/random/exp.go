package random

import "math"

// exp is e to the x, the same bits on every machine. math.Exp is not: it takes
// another way on processors that have fused multiply-adds, and one last bit is
// enough to change a run. Conversions to float64 forbid fusing (Go specification,
// "Floating-point operators"). It is within two units in the last place.
func exp(x float64) float64 {
	const (
		ln2High = 6.93147180369123816490e-01 // its last bits are zero, so that k*ln2High is exact
		ln2Low  = 1.90821492927058770002e-10
		most    = 709.0
	)
	switch {
	case x > most:
		x = most
	case x < -most:
		return 0
	}
	// x = k ln 2 + r with |r| <= ln 2 / 2.
	k := math.Floor(float64(x/math.Ln2) + 0.5)
	r := float64(x-float64(k*ln2High)) - float64(k*ln2Low)
	sum := 0.0
	for i := len(inverseFactorials) - 1; i >= 0; i-- { // Horner
		sum = float64(float64(sum*r) + inverseFactorials[i])
	}
	return math.Ldexp(sum, int(k))
}

// inverseFactorials are 1/i!: with |r| < 0.35 the first one left out is below
// the last bit.
var inverseFactorials = [...]float64{1, 1, 1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720, 1.0 / 5040, 1.0 / 40320,
	1.0 / 362880, 1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800}
