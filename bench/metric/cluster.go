package metric

import "math/rand/v2"

// ClusterShare returns the bootstrap interval of a share that was counted in
// clusters: hits[i] of of[i] in cluster i. Measurements of one trial resemble each
// other, so Wilson's interval of the pooled counts is too narrow; here whole
// trials are drawn, with replacement (Davison, Hinkley 1997, section 3.8), and the
// share of a resample is the ratio of its sums. The same seed gives the same
// interval; it is [0, 1] where nothing was counted.
func ClusterShare(hits, of []int, level float64, seed uint64) Interval {
	values := make([]float64, 0, Resamples)
	Clusters(len(of), seed, func(times []int) {
		k, n := 0, 0
		for i, t := range times {
			k, n = k+t*hits[i], n+t*of[i]
		}
		if n > 0 {
			values = append(values, float64(k)/float64(n))
		}
	})
	if len(values) == 0 {
		return Interval{0, 1}
	}
	return middle(values, level)
}

// Clusters calls resample Resamples times, each time with how often each of n clusters
// is drawn, for statistics of what was counted in clusters. The same seed draws the same.
func Clusters(n int, seed uint64, resample func(times []int)) {
	rng := rand.New(rand.NewPCG(seed, uint64(n)))
	times := make([]int, n)
	for range Resamples {
		clear(times)
		for range n {
			times[rng.IntN(n)]++
		}
		resample(times)
	}
}
