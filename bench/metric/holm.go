package metric

import (
	"cmp"
	"math"
	"slices"
)

// Holm adjusts the p-values of comparisons that are made at once (Holm 1979): whoever
// takes those for real whose adjusted value is at most alpha is wrong anywhere among
// them with probability alpha at most, however they depend on each other. The result
// is in the order of p.
func Holm(p []float64) []float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(p[i], p[j]) })
	adjusted, least := make([]float64, len(p)), 0.0
	for rank, i := range order {
		least = max(least, min(1, float64(len(p)-rank)*p[i]))
		adjusted[i] = least
	}
	return adjusted
}

// KSP returns the probability that two samples of n and m from one continuous
// distribution are at least that distance apart: Smirnov's limit, good from about 100
// on either side, of which KSCritical is the inverse where it is small.
func KSP(distance float64, n, m int) float64 {
	x := distance * math.Sqrt(float64(n)*float64(m)/float64(n+m))
	if x < 0.2 { // there it is 1 to twelve digits, and the sum below takes long
		return 1
	}
	p, sign := 0.0, 1.0
	for k := 1.0; k <= 100; k++ {
		term := 2 * math.Exp(-2*k*k*x*x)
		if p += sign * term; term < 1e-16 {
			break
		}
		sign = -sign
	}
	return max(0, min(1, p))
}
