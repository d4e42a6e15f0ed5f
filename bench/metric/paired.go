package metric

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// A Paired is a sample whose measurements say of which trial they are. Trials
// have the same number in all samples that are compared: common random numbers.
type Paired struct {
	Sample
	Trials []int // of each measurement
}

// NewPaired returns the sample of values, one of each of trials, without those
// that are not there (NaN). A trial may occur more than once.
func NewPaired(values []float64, trials []int) Paired {
	order := make([]int, 0, len(values))
	for i, x := range values {
		if !math.IsNaN(x) {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(i, j int) int {
		return cmp.Or(cmp.Compare(values[i], values[j]), cmp.Compare(trials[i], trials[j]))
	})
	p := Paired{make(Sample, len(order)), make([]int, len(order))}
	for i, j := range order {
		p.Sample[i], p.Trials[i] = values[j], trials[j]
	}
	return p
}

// BootstrapPaired returns the percentile bootstrap interval of a statistic of
// several samples, at the given level. What is drawn with replacement is trials,
// each with all that it measured in all samples, so what a seed does to all of
// them alike cancels in their differences and ratios. Trials that
// measured in the same samples are drawn among themselves: each sample keeps its
// number of trials. The same seed gives the same interval. Statistic must not keep
// its argument. A statistic that is NaN in a resample, as of two medians among the
// censored, leaves no bound: the interval is then from -Inf to +Inf.
func BootstrapPaired(samples []Paired, level float64, seed uint64, statistic func([]Sample) float64) Interval {
	strata, trials := strata(samples)
	times := make([]int32, trials)
	rng := rand.New(rand.NewPCG(seed, uint64(trials)))
	resamples := make([]Sample, len(samples))
	values := make([]float64, Resamples)
	for i := range values {
		clear(times)
		for _, s := range strata {
			for range s {
				times[s[rng.IntN(len(s))]]++
			}
		}
		for j, from := range samples {
			to := resamples[j][:0]
			for k, x := range from.Sample {
				for range times[from.Trials[k]] {
					to = append(to, x)
				}
			}
			resamples[j] = to
		}
		if values[i] = statistic(resamples); math.IsNaN(values[i]) {
			return Interval{math.Inf(-1), math.Inf(1)}
		}
	}
	return middle(values, level)
}

// strata groups trials by the samples that they measured in, and returns how many
// numbers of trials there are, from 0.
func strata(samples []Paired) (groups [][]int, trials int) {
	for _, s := range samples {
		for _, t := range s.Trials {
			trials = max(trials, t+1)
		}
	}
	// Refined sample by sample: trials of one group that are in it part from those that are not.
	group, sizes := make([]int, trials), 1
	for _, s := range samples {
		in := make([]bool, trials)
		for _, t := range s.Trials {
			in[t] = true
		}
		next := map[int]int{}
		for t := range group {
			key := 2 * group[t]
			if in[t] {
				key++
			}
			if _, ok := next[key]; !ok {
				next[key] = len(next)
			}
			group[t] = next[key]
		}
		sizes = len(next)
	}
	groups = make([][]int, sizes)
	for t, g := range group {
		groups[g] = append(groups[g], t)
	}
	return groups, trials
}
