package metric

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// drawn returns two samples of n trials in which b is a plus delta and hardly
// any noise, while trials differ a lot.
func drawn(n int, delta float64, seed uint64) (a, b Paired) {
	rng := rand.New(rand.NewPCG(seed, 0))
	var x, y []float64
	var trials []int
	for i := range n {
		common := 100 * rng.Float64()
		x, y, trials = append(x, common), append(y, common+delta+0.1*rng.NormFloat64()), append(trials, i)
	}
	return NewPaired(x, trials), NewPaired(y, trials)
}

func meanDifference(s []Sample) float64 { return s[1].Mean() - s[0].Mean() }

func TestPairingTakesOutWhatTrialsHaveInCommon(t *testing.T) {
	a, b := drawn(200, 1, 1)
	paired := BootstrapPaired([]Paired{a, b}, 0.95, 1, meanDifference)
	if paired.Low > 1 || paired.High < 1 || paired.High-paired.Low > 0.1 {
		t.Errorf("paired: %v, want a narrow interval around 1", paired)
	}
	for i := range b.Trials {
		b.Trials[i] += 200 // other trials
	}
	apart := BootstrapPaired([]Paired{a, b}, 0.95, 1, meanDifference)
	if apart.High-apart.Low < 50*(paired.High-paired.Low) {
		t.Errorf("of other trials: %v, which should be far wider than %v", apart, paired)
	}
}

func TestOneSampleHasTheIntervalOfThePlainBootstrap(t *testing.T) {
	a, _ := drawn(400, 0, 2)
	got := BootstrapPaired([]Paired{a}, 0.95, 3, func(s []Sample) float64 { return s[0].Median() })
	want := a.MedianInterval(0.95, 3)
	if math.Abs(got.Low-want.Low) > 3 || math.Abs(got.High-want.High) > 3 {
		t.Errorf("got %v, want about %v", got, want)
	}
}

func TestEachSampleKeepsItsNumberOfTrials(t *testing.T) {
	a := NewPaired([]float64{3, 1, 2, math.NaN()}, []int{0, 1, 2, 3})
	b := NewPaired([]float64{5, 4}, []int{2, 1})
	if !slices.Equal(a.Sample, Sample{1, 2, 3}) || !slices.Equal(a.Trials, []int{1, 2, 0}) {
		t.Fatalf("%v", a)
	}
	BootstrapPaired([]Paired{a, b}, 0.95, 1, func(s []Sample) float64 {
		if len(s[0]) != 3 || len(s[1]) != 2 || !slices.IsSorted(s[0]) {
			t.Fatalf("resamples %v", s)
		}
		// Trial 0 is in a alone and is drawn among its like, so 3 is there once.
		if s[0][2] != 3 || s[0][1] == 3 {
			t.Fatalf("resample %v", s[0])
		}
		return 0
	})
}

func TestTheSameSeedGivesTheSamePairedInterval(t *testing.T) {
	a, b := drawn(50, 1, 4)
	first := BootstrapPaired([]Paired{a, b}, 0.95, 9, meanDifference)
	if again := BootstrapPaired([]Paired{a, b}, 0.95, 9, meanDifference); again != first {
		t.Errorf("%v, then %v", first, again)
	}
	if other := BootstrapPaired([]Paired{a, b}, 0.95, 10, meanDifference); other == first {
		t.Error("another seed gives the same")
	}
}

func TestWhatIsUndefinedInAResampleHasNoBound(t *testing.T) {
	inf := math.Inf(1)
	a := NewPaired([]float64{1, 2, inf, inf, inf}, []int{0, 1, 2, 3, 4})
	got := BootstrapPaired([]Paired{a, a}, 0.95, 1, func(s []Sample) float64 { return s[0].Median() - s[1].Median() })
	if !math.IsInf(got.Low, -1) || !math.IsInf(got.High, 1) {
		t.Errorf("%v", got)
	}
}
