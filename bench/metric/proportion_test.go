package metric

import (
	"math"
	"math/big"
	"testing"
)

// The answers for 8 in 10 are those of R's prop.test(correct = FALSE) and
// binom.test.
func TestProportionIntervalsOfEightInTen(t *testing.T) {
	w, e := Wilson(8, 10, 0.95), ClopperPearson(8, 10, 0.95)
	near(t, "Wilson, low", w.Low, 0.4901625, 1e-7)
	near(t, "Wilson, high", w.High, 0.9433178, 1e-7)
	near(t, "exact, low", e.Low, 0.4439045, 1e-7)
	near(t, "exact, high", e.High, 0.9747893, 1e-7)
}

func TestProportionIntervalsAtTheEnds(t *testing.T) {
	for _, level := range []float64{0.95, 0.999} {
		// Nothing in n: (1-p)^n = (1-level)/2 has a closed form.
		want := 1 - math.Pow((1-level)/2, 1.0/20000)
		near(t, "none, exact", ClopperPearson(0, 20000, level).High, want, 1e-12)
		near(t, "all, exact", ClopperPearson(20000, 20000, level).Low, 1-want, 1e-12)
		for _, interval := range []func(k, n int, level float64) Interval{Wilson, ClopperPearson} {
			near(t, "none", interval(0, 50, level).Low, 0, 0)
			near(t, "all", interval(50, 50, level).High, 1, 0)
			near(t, "no trials, low", interval(0, 0, level).Low, 0, 0)
			near(t, "no trials, high", interval(0, 0, level).High, 1, 0)
		}
	}
}

// At each bound of the exact interval, a result as extreme as the one seen has
// the chance (1-level)/2. Arithmetic of 200 bits is the judge.
func TestExactIntervalOfTwentyThousandHasTheTailsItPromises(t *testing.T) {
	const n, level = 20000, 0.999
	for _, k := range []int{1, 12, 280, 1040, 3620, 19990} {
		i := ClopperPearson(k, n, level)
		near(t, "low", exactAtLeast(k, n, i.Low), (1-level)/2, 1e-9)
		near(t, "high", 1-exactAtLeast(k+1, n, i.High), (1-level)/2, 1e-9)
	}
}

func exactAtLeast(k, n int, p float64) float64 {
	real := func(x float64) *big.Float { return new(big.Float).SetPrec(200).SetFloat64(x) }
	q := new(big.Float).Sub(real(1), real(p))
	term, odds := real(1), new(big.Float).Quo(real(p), q)
	for range n {
		term.Mul(term, q)
	}
	sum := real(0)
	for i := 0; i <= n; i++ {
		if i >= k {
			sum.Add(sum, term)
		}
		term.Mul(term, odds)
		term.Mul(term, real(float64(n-i)))
		term.Quo(term, real(float64(i+1)))
	}
	x, _ := sum.Float64()
	return x
}

func TestWilsonCoversAsOftenAsItSays(t *testing.T) {
	const n, p, level = 200, 0.05, 0.95
	covered := 0.0
	for k := range n + 1 {
		if Wilson(k, n, level).Contains(p) {
			covered += chance(k, n, p)
		}
	}
	near(t, "coverage", covered, level, 0.02)
}
