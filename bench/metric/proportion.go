package metric

import "math"

// Wilson returns the score interval (Wilson 1927) of a share of which k in n
// were seen, at the given level, for instance 0.95.
func Wilson(k, n int, level float64) Interval {
	if n == 0 {
		return Interval{0, 1}
	}
	z := math.Sqrt2 * math.Erfinv(level)
	total, p := float64(n), float64(k)/float64(n)
	centre := p + z*z/(2*total)
	reach := z * math.Sqrt(p*(1-p)/total+z*z/(4*total*total))
	i := Interval{(centre - reach) / (1 + z*z/total), (centre + reach) / (1 + z*z/total)}
	// Both hold exactly, and rounding would miss them.
	if k == 0 {
		i.Low = 0
	}
	if k == n {
		i.High = 1
	}
	return i
}

// ClopperPearson returns the exact interval (Clopper, Pearson 1934) of a share
// of which k in n were seen: all p for which neither k or more nor k or fewer
// is rarer than (1-level)/2.
func ClopperPearson(k, n int, level float64) Interval {
	tail, i := (1-level)/2, Interval{0, 1}
	if k > 0 {
		i.Low = bisect(func(p float64) bool { return atLeast(k, n, p) < tail })
	}
	if k < n {
		i.High = bisect(func(p float64) bool { return atLeast(n-k, n, 1-p) >= tail })
	}
	return i
}

// bisect returns where in [0, 1] holds stops being true.
func bisect(holds func(p float64) bool) float64 {
	low, high := 0.0, 1.0
	for range 60 {
		if mid := (low + high) / 2; holds(mid) {
			low = mid
		} else {
			high = mid
		}
	}
	return (low + high) / 2
}

// atLeast returns the chance of k or more in n, each with probability p. It
// sums the shorter way from k outwards, each term made from the one before.
func atLeast(k, n int, p float64) float64 {
	switch {
	case k <= 0 || p >= 1:
		return 1
	case p <= 0:
		return 0
	case float64(k) <= float64(n)*p: // most of it is here: sum the rest
		return 1 - atLeast(n-k+1, n, 1-p)
	}
	sum, odds := 0.0, p/(1-p)
	for i, term := k, chance(k, n, p); i <= n && term > sum*1e-17; i++ {
		sum += term
		term *= odds * float64(n-i) / float64(i+1)
	}
	return sum
}

// chance returns the binomial probability of exactly k in n, 0 < p < 1.
func chance(k, n int, p float64) float64 {
	return math.Exp(logFactorial(n) - logFactorial(k) - logFactorial(n-k) + float64(k)*math.Log(p) + float64(n-k)*math.Log1p(-p))
}

func logFactorial(n int) float64 {
	x, _ := math.Lgamma(float64(n) + 1)
	return x
}
