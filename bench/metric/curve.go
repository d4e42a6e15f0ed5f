package metric

import (
	"math"
	"sort"
)

// A Point is where a Curve takes a step: from At on it is Share.
type Point struct{ At, Share float64 }

// A Curve is a distribution function in steps, ascending in both. It is 0 before
// its first point, and stays below 1 where it is not known to end.
type Curve []Point

// At returns the curve at x.
func (c Curve) At(x float64) float64 {
	i := sort.Search(len(c), func(i int) bool { return c[i].At > x })
	if i == 0 {
		return 0
	}
	return c[i-1].Share
}

// Quantile returns the least x at which the curve is at least p; NaN where it
// does not get there.
func (c Curve) Quantile(p float64) float64 {
	if i := sort.Search(len(c), func(i int) bool { return c[i].Share >= p }); i < len(c) {
		return c[i].At
	}
	return math.NaN()
}

// A Bin counts waits of one length: those that ended, and those that were
// censored, for nobody looked any longer.
type Bin struct {
	At              float64
	Ended, Censored int
}

// KaplanMeier estimates how waits are distributed that were not all watched to
// their end (Kaplan, Meier 1958): the share that has ended at each length. Bins
// ascend. One that is censored at a length counts as watched up to and including
// it.
func KaplanMeier(bins []Bin) Curve {
	watched := 0
	for _, b := range bins {
		watched += b.Ended + b.Censored
	}
	var c Curve
	left := 1.0
	for _, b := range bins {
		if b.Ended > 0 {
			left *= 1 - float64(b.Ended)/float64(watched)
			c = append(c, Point{b.At, 1 - left})
		}
		watched -= b.Ended + b.Censored
	}
	return c
}

// A Look counts how often somebody looked whether a wait of one length was over,
// and how often it was.
type Look struct {
	At       float64
	Over, Of int
}

// CurrentStatus estimates how waits are distributed of which each was looked at
// once, so that it is only known whether it was over by then: the ascending curve
// of greatest likelihood (Ayer et al. 1955), by pooling neighbours that descend.
// Looks ascend in At.
func CurrentStatus(looks []Look) Curve {
	var pools []Look
	for _, l := range looks {
		if l.Of == 0 {
			continue
		}
		pools = append(pools, l)
		for n := len(pools); n > 1 && pools[n-2].Over*pools[n-1].Of >= pools[n-1].Over*pools[n-2].Of; n = len(pools) {
			pools[n-2].Over += pools[n-1].Over
			pools[n-2].Of += pools[n-1].Of
			pools = pools[:n-1]
		}
	}
	var c Curve
	for _, p := range pools {
		c = append(c, Point{p.At, float64(p.Over) / float64(p.Of)})
	}
	return c
}
