package metric

import (
	"math/rand/v2"
	"testing"
)

// The answers are those of R's survival package for its data set aml, the
// maintained group: survfit(Surv(time, status) ~ 1, aml[aml$x == "Maintained", ]).
func TestKaplanMeierOfTheMaintainedPatients(t *testing.T) {
	var bins []Bin
	for _, x := range []struct {
		week  float64
		ended bool
	}{{9, true}, {13, true}, {13, false}, {18, true}, {23, true}, {28, false}, {31, true}, {34, true}, {45, false}, {48, true}, {161, false}} {
		b := Bin{At: x.week, Censored: 1}
		if x.ended {
			b = Bin{At: x.week, Ended: 1}
		}
		if n := len(bins); n > 0 && bins[n-1].At == x.week {
			bins[n-1].Ended += b.Ended
			bins[n-1].Censored += b.Censored
			continue
		}
		bins = append(bins, b)
	}
	c := KaplanMeier(bins)
	for week, alive := range map[float64]float64{0: 1, 8.9: 1, 9: 0.9091, 13: 0.8182, 18: 0.7159, 23: 0.6136, 30: 0.6136, 31: 0.4909, 34: 0.3682, 48: 0.1841, 500: 0.1841} {
		near(t, "alive", 1-c.At(week), alive, 5e-5)
	}
}

func TestKaplanMeierWithoutCensoringIsTheShare(t *testing.T) {
	c := KaplanMeier([]Bin{{At: 1, Ended: 1}, {At: 2, Ended: 2}, {At: 5, Ended: 1}})
	for x, want := range map[float64]float64{0: 0, 1: 0.25, 4: 0.75, 5: 1} {
		near(t, "share", c.At(x), want, 1e-12)
	}
	if c := KaplanMeier([]Bin{{At: 1, Censored: 3}}); len(c) != 0 || c.At(2) != 0 {
		t.Errorf("nothing ended, and the curve is %v", c)
	}
}

// Half of the waits are censored, at times that know nothing of them, and the
// curve is that of all.
func TestKaplanMeierIsNotMisledByCensoring(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	bins := make([]Bin, 1000)
	for range 40_000 {
		wait, until := rng.IntN(1000), rng.IntN(1000)
		if wait <= until {
			bins[wait].Ended++
		} else {
			bins[until].Censored++
		}
	}
	for i := range bins {
		bins[i].At = float64(i)
	}
	c := KaplanMeier(bins)
	for _, x := range []float64{100, 500, 800} {
		near(t, "share", c.At(x), x/1000, 0.01)
	}
}

func TestCurrentStatusPoolsWhatDescends(t *testing.T) {
	c := CurrentStatus([]Look{{0.2, 0, 0}, {1, 0, 4}, {2, 3, 4}, {3, 1, 4}, {4, 0, 0}, {5, 4, 4}})
	for x, want := range map[float64]float64{0.5: 0, 1: 0, 2: 0.5, 3: 0.5, 4: 0.5, 5: 1} {
		near(t, "share", c.At(x), want, 1e-12)
	}
	if len(c) != 3 || c[0].At != 1 {
		t.Errorf("%v", c)
	}
}

func TestCurrentStatusFindsTheDistribution(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	looks := make([]Look, 100)
	for i := range looks {
		looks[i].At = float64(i)
	}
	for range 200_000 {
		l := &looks[rng.IntN(100)]
		l.Of++
		if rng.IntN(100) <= int(l.At) {
			l.Over++
		}
	}
	c := CurrentStatus(looks)
	for _, x := range []float64{10, 50, 90} {
		near(t, "share", c.At(x), x/100, 0.03)
	}
}

// Trials that are all alike tell as much as their measurements; where each
// trial is all or nothing, they tell as much as so many trials.
func TestClusterShareIsAsWideAsTrialsDiffer(t *testing.T) {
	alike, split, of := make([]int, 100), make([]int, 100), make([]int, 100)
	for i := range of {
		of[i], alike[i], split[i] = 1000, 300, 1000*(i%10/7)
	}
	i := ClusterShare(alike, of, 0.95, 1)
	near(t, "alike, low", i.Low, 0.3, 1e-12)
	near(t, "alike, high", i.High, 0.3, 1e-12)
	i = ClusterShare(split, of, 0.95, 1)
	if !i.Contains(0.3) {
		t.Errorf("0.3 is not in %v", i)
	}
	near(t, "split, width", i.High-i.Low, 2*1.96*0.0458, 0.02) // sqrt(0.3*0.7/100) = 0.0458
	if again := ClusterShare(split, of, 0.95, 1); again != i {
		t.Errorf("one seed gave %v and %v", i, again)
	}
	if i := ClusterShare([]int{0}, []int{0}, 0.95, 1); i != (Interval{0, 1}) {
		t.Errorf("of nothing: %v", i)
	}
}

// A trial with more reads weighs more.
func TestClusterShareIsARatioOfSums(t *testing.T) {
	if i := ClusterShare([]int{1, 0}, []int{1, 99}, 0.5, 1); i.Low > 0.01 || i.High < 0.01 {
		t.Errorf("%v", i)
	}
}
