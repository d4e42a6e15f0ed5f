package random

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"raftzab/protocols"
)

const ms = protocols.Time(time.Millisecond)

// Everything that draws has a stream of its own, and finds it again.
func TestStreamsDifferInEachPartOfTheirKey(t *testing.T) {
	type key struct {
		seed  uint64
		trial int
		p     Purpose
		id    uint64
	}
	seen := map[[2]uint64]key{}
	for seed := range uint64(6) {
		for trial := range 6 {
			for p := Replica; p <= Baseline; p++ {
				for _, id := range []uint64{0, 1, 2, 3, 1 << 32, 1<<32 | 1, 2<<32 | 1} {
					k := key{seed, trial, p, id}
					a, b := Stream(seed, trial, p, id), Stream(seed, trial, p, id)
					draw := [2]uint64{a.Uint64(), a.Uint64()}
					if again := [2]uint64{b.Uint64(), b.Uint64()}; again != draw {
						t.Fatalf("%+v draws %x, then %x", k, draw, again)
					}
					if other, twice := seen[draw]; twice {
						t.Fatalf("%+v and %+v draw the same", k, other)
					}
					seen[draw] = k
				}
			}
		}
	}
}

// The first draws of neighbouring streams look independent: their mean and the
// correlation of neighbours are those of a fair generator.
func TestNeighbouringStreamsAreIndependent(t *testing.T) {
	const n = 20_000
	var sum, product, last float64
	for trial := range n {
		x := Stream(1, trial, Link, 7).Float64() - 0.5
		sum += x
		product += x * last
		last = x
	}
	if m := sum / n; math.Abs(m) > 5*math.Sqrt(1./12/n) {
		t.Errorf("mean %g", m+0.5)
	}
	if c := product / n * 12; math.Abs(c) > 5/math.Sqrt(n) {
		t.Errorf("correlation %g", c)
	}
}

// A generator that is seeded again with Key is as Stream's.
func TestKeySeedsTheSameStream(t *testing.T) {
	var pcg rand.PCG
	pcg.Seed(Key(3, 4, Disk, 5))
	if a, b := rand.New(&pcg).Uint64(), Stream(3, 4, Disk, 5).Uint64(); a != b {
		t.Errorf("%x, %x", a, b)
	}
	if a, b := Source(3, 4, Disk, 5).Uint64(), Stream(3, 4, Disk, 5).Uint64(); a != b {
		t.Errorf("%x, %x", a, b)
	}
}

func TestTrialSeedsDiffer(t *testing.T) {
	seen := map[uint64]bool{}
	for seed := range uint64(50) {
		for trial := range 50 {
			x := TrialSeed(seed, trial)
			if seen[x] || x != TrialSeed(seed, trial) {
				t.Fatalf("seed %d trial %d: %x", seed, trial, x)
			}
			seen[x] = true
		}
	}
}

var some = []struct {
	text string
	d    Distribution
	mean float64 // ms
	sd   float64 // of a draw, ms; what 5 standard errors of the mean are made of
}{
	{"constant(5ms)", Distribution{A: 5 * ms}, 5, 0},
	{"uniform(4ms, 6ms)", Distribution{Shape: Uniform, A: 4 * ms, B: 6 * ms}, 5, 2 / math.Sqrt(12)},
	{"uniform(0s, 150µs)", Distribution{Shape: Uniform, B: ms * 15 / 100}, 0.075, 0.15 / math.Sqrt(12)},
	{"normal(5ms, 1ms)", Distribution{Shape: Normal, A: 5 * ms, B: ms}, 5, 1},
	{"lognormal(1ms, 0.3)", Distribution{Shape: Lognormal, A: ms, Sigma: 0.3}, math.Exp(0.045), math.Sqrt(math.Expm1(0.09) * math.Exp(0.09))},
	{"exponential(1m30.5s)", Distribution{Shape: Exponential, A: 90_500 * ms}, 90_500, 90_500},
	{"pareto(4ms, 2.5)", Distribution{Shape: Pareto, A: 4 * ms, Sigma: 2.5}, 4 * 2.5 / 1.5, 4 * math.Sqrt(2.5/0.5) / 1.5},
}

func TestDistributionsReadWhatTheyWrite(t *testing.T) {
	for _, c := range some {
		var d Distribution
		if err := d.UnmarshalText([]byte(c.text)); err != nil || d != c.d {
			t.Errorf("%s: %+v, %v; want %+v", c.text, d, err, c.d)
		}
		if text, err := c.d.MarshalText(); err != nil || string(text) != c.text {
			t.Errorf("%+v: %s, %v; want %s", c.d, text, err, c.text)
		}
	}
	for text, want := range map[string]Distribution{
		"5ms": {A: 5 * ms}, "0s": {}, " 5ms ": {A: 5 * ms}, "uniform( 4ms ,6ms )": {Shape: Uniform, A: 4 * ms, B: 6 * ms}, "normal(0s,0s)": {Shape: Normal},
	} {
		d := Distribution{Sigma: 7}
		if err := d.UnmarshalText([]byte(text)); err != nil || d != want {
			t.Errorf("%q: %+v, %v; want %+v", text, d, err, want)
		}
	}
}

// An error quotes what stands there and says what to write instead.
func TestErrorsSayWhatToWrite(t *testing.T) {
	for text, want := range map[string]string{
		"":                    `"" is no distribution; write for instance "5ms" or "uniform(4ms, 6ms)"`,
		"5":                   `"5" is no distribution; write for instance "5ms" or "uniform(4ms, 6ms)"`,
		"-5ms":                `"-5ms" is negative; write a duration from 0`,
		"gamma(1ms)":          `"gamma" is no distribution; there are constant, uniform, normal, lognormal, exponential, pareto`,
		"uniform(4ms)":        `"uniform(4ms)" needs 2 argument(s) in brackets; write for instance "uniform(4ms, 6ms)"`,
		"uniform(4ms, 6ms":    `"uniform(4ms, 6ms" needs 2 argument(s) in brackets; write for instance "uniform(4ms, 6ms)"`,
		"constant(4ms, 6ms)":  `"constant(4ms, 6ms)" needs 1 argument(s) in brackets; write for instance "constant(4ms)"`,
		"constant()":          `"constant()": "" is no duration from 0; write for instance "constant(4ms)"`,
		"normal(5ms, -1ms)":   `"normal(5ms, -1ms)": "-1ms" is no duration from 0; write for instance "normal(5ms, 1ms)"`,
		"lognormal(1ms, 1ms)": `"lognormal(1ms, 1ms)": "1ms" is no positive number; write for instance "lognormal(1ms, 0.3)"`,
		"lognormal(1ms, NaN)": `"lognormal(1ms, NaN)": "NaN" is no positive number; write for instance "lognormal(1ms, 0.3)"`,
		"pareto(4ms, 0)":      `"pareto(4ms, 0)": "0" is no positive number; write for instance "pareto(4ms, 2.5)"`,
		"pareto(4ms, inf)":    `"pareto(4ms, inf)": "inf" is no positive number; write for instance "pareto(4ms, 2.5)"`,
		"uniform(6ms, 4ms)":   `"uniform(6ms, 4ms)" is upside down; write "uniform(4ms, 6ms)"`,
	} {
		d := Always(3)
		if err := d.UnmarshalText([]byte(text)); err == nil || err.Error() != want {
			t.Errorf("%q:\n%v, want\n%s", text, err, want)
		}
		if d != Always(3) {
			t.Errorf("%q: left %+v behind", text, d)
		}
	}
}

// 100 000 draws have the mean that Mean promises, and stay within Least and Most.
func TestDrawsHaveTheirMeanAndTheirBounds(t *testing.T) {
	const n = 100_000
	for _, c := range some {
		r := Stream(1, 0, Disk, 1)
		sum := 0.0
		most, bounded := c.d.Most()
		for range n {
			x := c.d.Draw(r)
			if x < c.d.Least() || bounded && (x > most || x == most && c.d.Shape == Uniform) {
				t.Fatalf("%v draws %v", c.d, time.Duration(x))
			}
			sum += float64(x) / float64(ms)
		}
		if got := sum / n; math.Abs(got-c.mean) > 5*c.sd/math.Sqrt(n)+1e-5*c.mean {
			t.Errorf("%v: mean of the draws %g ms, want %g", c.d, got, c.mean)
		}
		if got := float64(c.d.Mean()) / float64(ms); math.Abs(got-c.mean) > 1e-6*c.mean {
			t.Errorf("%v: Mean is %g ms, want %g", c.d, got, c.mean)
		}
	}
}

// Half of the draws are below the median of each shape, a quarter below the
// quartile: the mean alone would not tell a shape.
func TestDrawsHaveTheirQuartiles(t *testing.T) {
	const n = 100_000
	for text, q := range map[string][2]float64{ // ms, from the distributions' inverses
		"uniform(4ms, 6ms)":   {4.5, 5},
		"normal(5ms, 1ms)":    {5 - 0.6744898, 5},
		"lognormal(1ms, 0.3)": {math.Exp(-0.3 * 0.6744898), 1},
		"exponential(5ms)":    {5 * -math.Log(0.75), 5 * math.Ln2},
		"pareto(4ms, 2.5)":    {4 * math.Pow(0.75, -1/2.5), 4 * math.Pow(0.5, -1/2.5)},
	} {
		var d Distribution
		if err := d.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
		r := Stream(1, 0, Disk, 2)
		var below [2]int
		for range n {
			x := float64(d.Draw(r)) / float64(ms)
			for i := range q {
				if x < q[i] {
					below[i]++
				}
			}
		}
		for i, want := range []float64{0.25, 0.5} {
			if got := float64(below[i]) / n; math.Abs(got-want) > 0.008 { // 5 standard deviations
				t.Errorf("%s: %g of the draws are below the quantile %g", text, got, want)
			}
		}
	}
}

func TestDrawsAreNeverNegativeNorEndless(t *testing.T) {
	r := Stream(1, 0, Disk, 3)
	low, wild := Distribution{Shape: Normal, A: ms, B: 5 * ms}, Distribution{Shape: Pareto, A: ms, Sigma: 0.05}
	zero, hour := 0, 0
	for range 10_000 {
		if x := low.Draw(r); x == 0 {
			zero++
		} else if x < 0 {
			t.Fatalf("%v draws %v", low, time.Duration(x))
		}
		if x := wild.Draw(r); x == protocols.Time(time.Hour) {
			hour++
		} else if x > protocols.Time(time.Hour) || x < ms {
			t.Fatalf("%v draws %v", wild, time.Duration(x))
		}
	}
	if zero == 0 || hour == 0 {
		t.Errorf("%d draws at 0, %d at an hour", zero, hour)
	}
	if wild.Mean() != math.MaxInt64 {
		t.Errorf("%v has the mean %v", wild, wild.Mean())
	}
}

// A constant draws nothing, so that it does not shift what else its stream is for.
func TestConstantDrawsNothing(t *testing.T) {
	for _, d := range []Distribution{Always(5 * ms), {}, {Shape: Uniform, A: 5 * ms, B: 5 * ms}} {
		r := Stream(1, 0, Link, 1)
		if x := d.Draw(r); x != d.A {
			t.Errorf("%v draws %v", d, x)
		}
		if r.Uint64() != Stream(1, 0, Link, 1).Uint64() {
			t.Errorf("%v moved its stream on", d)
		}
	}
}
