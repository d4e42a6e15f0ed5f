package metric

import (
	"math/rand/v2"
)

// An Interval is a confidence interval.
type Interval struct{ Low, High float64 }

// Contains reports whether x lies in the interval, bounds included.
func (i Interval) Contains(x float64) bool { return i.Low <= x && x <= i.High }

// Resamples is how many resamples a bootstrap interval is made of: enough for
// the bounds of a 95 % interval to settle within a few percent of its width.
const Resamples = 1000

// Bootstrap returns the percentile bootstrap interval (Efron 1979) of a
// statistic at the given level, for instance 0.95. The same seed gives the same
// interval. Statistic must not keep its argument. It takes Resamples * len(s)
// draws: 0.15 s for 10 000 measurements.
func (s Sample) Bootstrap(level float64, seed uint64, statistic func(Sample) float64) Interval {
	r := newResampler(s, seed)
	values := make([]float64, Resamples)
	for i := range values {
		values[i] = statistic(r.next())
	}
	return middle(values, level)
}

// QuantileInterval returns the bootstrap interval of the p-quantile.
func (s Sample) QuantileInterval(p, level float64, seed uint64) Interval {
	return s.Bootstrap(level, seed, func(s Sample) float64 { return s.Quantile(p) })
}

// MedianInterval returns the bootstrap interval of the median.
func (s Sample) MedianInterval(level float64, seed uint64) Interval {
	return s.QuantileInterval(0.5, level, seed)
}

// Medians gives intervals of the medians of many samples, each the same as
// MedianInterval: what that draws depends on seed and size alone, so it is drawn once
// for all samples of a size.
type Medians struct {
	seed  uint64
	drawn map[int][][2]int32 // by size: of each resample, where in the sample the two are that its median lies between
}

// NewMedians returns Medians with a seed.
func NewMedians(seed uint64) *Medians { return &Medians{seed, map[int][][2]int32{}} }

// Interval is the bootstrap interval of the median of a sample that is not empty.
func (m *Medians) Interval(s Sample, level float64) Interval {
	i, share := place(0.5, len(s))
	drawn, ok := m.drawn[len(s)]
	if !ok {
		numbers := make(Sample, len(s))
		for j := range numbers {
			numbers[j] = float64(j)
		}
		for r := newResampler(numbers, m.seed); len(drawn) < Resamples; {
			x := r.next()
			drawn = append(drawn, [2]int32{int32(x[i]), int32(x[min(i+1, len(x)-1)])})
		}
		m.drawn[len(s)] = drawn
	}
	values := make([]float64, Resamples)
	for j, at := range drawn {
		values[j] = between(s[at[0]], s[at[1]], share)
	}
	return middle(values, level)
}

// MeanInterval returns the bootstrap interval of the mean.
func (s Sample) MeanInterval(level float64, seed uint64) Interval {
	return s.Bootstrap(level, seed, Sample.Mean)
}

// MedianDifference returns the bootstrap interval of a's median less b's, for
// samples that were drawn independently. It is what to compare by where there
// are fewer than 100 trials on a side.
func MedianDifference(a, b Sample, level float64, seed uint64) Interval {
	ra, rb := newResampler(a, seed), newResampler(b, ^seed)
	values := make([]float64, Resamples)
	for i := range values {
		values[i] = difference(ra.next().Median(), rb.next().Median())
	}
	return middle(values, level)
}

// middle returns the part of the values that lies between the two tails.
func middle(values []float64, level float64) Interval {
	s := NewSample(values)
	return Interval{s.Quantile((1 - level) / 2), s.Quantile((1 + level) / 2)}
}

// A resampler draws from a sample with replacement. Counting how often each
// measurement was drawn yields the resample in ascending order without sorting.
type resampler struct {
	from  Sample
	to    Sample
	times []int32
	rng   *rand.Rand
}

func newResampler(s Sample, seed uint64) *resampler {
	return &resampler{s, make(Sample, len(s)), make([]int32, len(s)), rand.New(rand.NewPCG(seed, uint64(len(s))))}
}

func (r *resampler) next() Sample {
	clear(r.times)
	for range r.from {
		r.times[r.rng.IntN(len(r.times))]++
	}
	i := 0
	for j, x := range r.from {
		for range r.times[j] {
			r.to[i] = x
			i++
		}
	}
	return r.to
}
