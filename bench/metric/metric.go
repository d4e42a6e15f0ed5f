// Package metric answers what a handful of numbers says of the distribution
// that they were drawn from, and how sure one may be of it.
//
// A trial that hit its limit is censored: its value is known to be larger than
// everything measured, and no more. Such a trial stays in the sample as +Inf,
// so that a system cannot look faster by failing to finish. Quantiles and
// distances between distributions take it for what it is; means turn infinite.
package metric

import (
	"math"
	"slices"
)

// A Sample is a set of measurements in ascending order, +Inf for each censored one.
type Sample []float64

// NewSample returns the sample of values, without those that are not there (NaN).
func NewSample(values []float64) Sample {
	s := make(Sample, 0, len(values))
	for _, x := range values {
		if !math.IsNaN(x) {
			s = append(s, x)
		}
	}
	slices.Sort(s)
	return s
}

// Censored returns how many measurements of s are censored.
func (s Sample) Censored() int {
	return len(s) - s.upTo(math.MaxFloat64)
}

// upTo returns how many measurements are at most x.
func (s Sample) upTo(x float64) int {
	n, found := slices.BinarySearch(s, x)
	for found && n < len(s) && s[n] == x {
		n++
	}
	return n
}

// Fraction returns the share of measurements that are at most x: the empirical
// distribution function, which stays below 1 where some are censored.
func (s Sample) Fraction(x float64) float64 {
	return float64(s.upTo(x)) / float64(len(s))
}

// Quantile returns the p-quantile, 0 <= p <= 1, interpolated between order
// statistics as R (type 7), NumPy and pandas do it by themselves; NaN for an
// empty sample, +Inf where it falls among, or just before, the censored.
func (s Sample) Quantile(p float64) float64 {
	if len(s) == 0 {
		return math.NaN()
	}
	i, share := place(p, len(s))
	return between(s[i], s[min(i+1, len(s)-1)], share)
}

// place is where the p-quantile of n measurements lies: so far behind the i-th.
func place(p float64, n int) (i int, share float64) {
	below, share := math.Modf(p * float64(n-1))
	return int(below), share
}

// between is so far on the way from one measurement to the next.
func between(a, b, share float64) float64 {
	switch {
	case share == 0 || a == b:
		return a
	case math.IsInf(b, 1):
		return b
	}
	return a + share*(b-a)
}

// Median is the quantile of one half.
func (s Sample) Median() float64 { return s.Quantile(0.5) }

// Mean returns the arithmetic mean; NaN for an empty sample.
func (s Sample) Mean() float64 {
	sum := 0.0
	for _, x := range s {
		sum += x
	}
	return sum / float64(len(s))
}

// Supports reports whether a sample of n is large enough to state its
// p-quantile: at least ten measurements beyond it once it lies past p95, so p99
// from n = 1000 and p99.9 from n = 10 000.
func Supports(n int, p float64) bool {
	const rounding = 1e-9
	return n > 0 && (p <= 0.95 || float64(n)*(1-p) >= 10-rounding)
}
