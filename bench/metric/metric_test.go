package metric

import (
	"math"
	"math/rand/v2"
	"testing"
)

var (
	inf = math.Inf(1)
	nan = math.NaN()
)

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if got != want && !(math.Abs(got-want) <= tolerance) && !(math.IsNaN(got) && math.IsNaN(want)) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// normal returns n draws around mean, as an independent sample for each seed.
func normal(n int, mean float64, seed uint64) Sample {
	rng := rand.New(rand.NewPCG(seed, 1))
	values := make([]float64, n)
	for i := range values {
		values[i] = mean + rng.NormFloat64()
	}
	return NewSample(values)
}

// The finite answers are those of numpy.quantile with its default method.
func TestQuantilesAgreeWithNumPyAndKeepTheCensored(t *testing.T) {
	for _, c := range []struct {
		values  []float64
		p, want float64
	}{
		{nil, 0.5, nan},
		{[]float64{nan}, 0.5, nan},
		{[]float64{7}, 0.99, 7},
		{[]float64{4, 1, 3, 2}, 0, 1},
		{[]float64{4, 1, 3, 2}, 0.25, 1.75},
		{[]float64{4, 1, 3, 2}, 0.5, 2.5},
		{[]float64{4, 1, 3, 2}, 0.9, 3.7},
		{[]float64{4, 1, 3, 2}, 1, 4},
		{[]float64{1, nan, 3}, 0.5, 2},
		{[]float64{inf, 1, 2, 3, 4}, 0.5, 3},
		{[]float64{inf, 1, 2, 3, 4}, 0.75, 4},
		{[]float64{inf, 1, 2, 3, 4}, 0.76, inf},
		{[]float64{inf, inf, 1}, 0.5, inf},
		{[]float64{inf, inf, 1}, 0.75, inf},
	} {
		near(t, "quantile", NewSample(c.values).Quantile(c.p), c.want, 1e-12)
	}
}

func TestCensoredTrialsStayInTheDistribution(t *testing.T) {
	s := NewSample([]float64{inf, 10, 20, 20})
	if s.Censored() != 1 {
		t.Errorf("%d censored", s.Censored())
	}
	for x, want := range map[float64]float64{9: 0, 10: 0.25, 20: 0.75, 1e9: 0.75} {
		near(t, "fraction", s.Fraction(x), want, 0)
	}
	near(t, "mean", s.Mean(), inf, 0)
	near(t, "mean without", s[:3].Mean(), 50.0/3, 1e-12)
}

func TestTailQuantilesNeedTenMeasurementsBeyondThem(t *testing.T) {
	for _, c := range []struct {
		n    int
		p    float64
		want bool
	}{{0, 0.5, false}, {10, 0.5, true}, {999, 0.99, false}, {1000, 0.99, true}, {9999, 0.999, false}, {10000, 0.999, true}} {
		if Supports(c.n, c.p) != c.want {
			t.Errorf("n=%d p=%v: not %v", c.n, c.p, c.want)
		}
	}
}

func TestBootstrapIntervalsHaveTheWidthThatTheoryGives(t *testing.T) {
	const n = 2000
	s := normal(n, 5, 1)
	// Standard errors of a normal sample: 1/sqrt(n), and sqrt(pi/2n) for the median.
	for _, c := range []struct {
		name     string
		got      Interval
		at, wide float64
	}{
		{"mean", s.MeanInterval(0.95, 1), s.Mean(), 2 * 1.96 / math.Sqrt(n)},
		{"median", s.MedianInterval(0.95, 1), s.Median(), 2 * 1.96 * math.Sqrt(math.Pi/2/n)},
		{"difference", MedianDifference(s, normal(n, 4, 2), 0.95, 1), 1, 2 * 1.96 * math.Sqrt(math.Pi/n)},
	} {
		if !c.got.Contains(c.at) {
			t.Errorf("%s: %v is not in %v", c.name, c.at, c.got)
		}
		near(t, c.name, c.got.High-c.got.Low, c.wide, 0.15*c.wide)
	}
}

func TestBootstrapIsAFunctionOfTheSeed(t *testing.T) {
	s := normal(100, 0, 1)
	a, b, c := s.MedianInterval(0.95, 7), s.MedianInterval(0.95, 7), s.MedianInterval(0.95, 8)
	if a != b {
		t.Errorf("one seed gave %v and %v", a, b)
	}
	if a == c {
		t.Errorf("two seeds gave %v", a)
	}
}

func TestMediansAreThoseOfMedianInterval(t *testing.T) {
	m := NewMedians(3)
	for _, n := range []int{1, 2, 3, 10, 51, 200} {
		for seed := range uint64(3) {
			s := normal(n, 10, seed)
			for i := range int(seed) * n / 3 {
				s[n-1-i] = math.Inf(1)
			}
			if got, want := m.Interval(s, 0.95), s.MedianInterval(0.95, 3); got != want {
				t.Errorf("%d of %d censored: %v, want %v", int(seed)*n/3, n, got, want)
			}
		}
	}
}

func TestBootstrapReachesInfinityWhereCensoringMay(t *testing.T) {
	s := NewSample([]float64{1, 2, 3, 4, 5, inf, inf, inf, inf})
	i := s.MedianInterval(0.95, 1)
	if i.High != inf || i.Low > 4 {
		t.Errorf("median of nine with four censored in %v", i)
	}
	if d := MedianDifference(s, s, 0.95, 1); math.IsNaN(d.Low) || math.IsNaN(d.High) {
		t.Errorf("difference of two censored samples in %v", d)
	}
}

func TestKSDistance(t *testing.T) {
	for _, c := range []struct {
		a, b []float64
		want float64
	}{
		{[]float64{1, 2, 3}, []float64{1, 2, 3}, 0},
		{[]float64{1, 2}, []float64{3, 4}, 1},
		{[]float64{1, 2, 3, 4}, []float64{3, 4, 5, 6}, 0.5},
		{[]float64{1, 1, 1, 5}, []float64{1, 5}, 0.25},
		{[]float64{1, inf}, []float64{1, 2}, 0.5},
		{[]float64{1, inf}, []float64{1, inf}, 0},
	} {
		near(t, "KS", KS(NewSample(c.a), NewSample(c.b)), c.want, 1e-12)
	}
}

// c(0.05) = 1.3581 and c(0.01) = 1.6276 stand in every table.
func TestKSCriticalValues(t *testing.T) {
	near(t, "5 %", KSCritical(0.05, 1000, 1000), 1.35810*math.Sqrt(2.0/1000), 1e-6)
	near(t, "1 %", KSCritical(0.01, 100, 400), 1.62762*math.Sqrt(500.0/40000), 1e-6)
	near(t, "one in six", KSCritical(1/6.09, 1000, 1000), 0.05, 1e-4)
}

func TestKSPassesItsCriticalValueAsOftenAsItSays(t *testing.T) {
	const pairs, n, alpha = 400, 200, 0.1
	over := 0
	for i := range uint64(pairs) {
		if KS(normal(n, 0, 2*i), normal(n, 0, 2*i+1)) > KSCritical(alpha, n, n) {
			over++
		}
	}
	// The asymptotic value errs on the safe side at n = 200.
	if i := ClopperPearson(over, pairs, 0.999); i.Low > alpha || i.High < alpha/2 {
		t.Errorf("%d of %d pairs from one distribution were over the critical value: %v", over, pairs, i)
	}
}

func TestHodgesLehmannIsTheMedianOfAllDifferences(t *testing.T) {
	near(t, "by hand", HodgesLehmann(Sample{1, 2, 4}, Sample{0, 1}), 1.5, 0)
	near(t, "empty", HodgesLehmann(Sample{}, Sample{1}), nan, 0)
	near(t, "same", HodgesLehmann(Sample{1, 2}, Sample{1, 2}), 0, 0)
	near(t, "censored", HodgesLehmann(Sample{1, inf, inf}, Sample{1}), inf, 0)
	near(t, "both censored", HodgesLehmann(Sample{inf}, Sample{inf}), 0, 0)
	for seed := range uint64(20) {
		a, b := normal(7+int(seed), 3, seed), normal(12, 1, seed+100)
		var all []float64
		for _, x := range a {
			for _, y := range b {
				all = append(all, x-y)
			}
		}
		near(t, "by listing", HodgesLehmann(a, b), NewSample(all).Median(), 1e-12)
	}
	near(t, "large", HodgesLehmann(normal(10_000, 3, 1), normal(10_000, 1, 2)), 2, 0.05)
}
