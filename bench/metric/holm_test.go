package metric

import "testing"

// The answers are those of R: p.adjust(p, "holm").
func TestHolmAgreesWithR(t *testing.T) {
	for _, c := range []struct{ p, want []float64 }{
		{nil, nil},
		{[]float64{0.04}, []float64{0.04}},
		{[]float64{0.01, 0.04, 0.03, 0.005}, []float64{0.03, 0.06, 0.06, 0.02}},
		{[]float64{0.02, 0.021, 0.9}, []float64{0.06, 0.06, 0.9}}, // the second is held up by the first
		{[]float64{0.5, 0.4, 0.5}, []float64{1, 1, 1}},
		{[]float64{0.01, 0.01}, []float64{0.02, 0.02}},
	} {
		got := Holm(c.p)
		if len(got) != len(c.want) {
			t.Fatalf("%v: %v", c.p, got)
		}
		for i := range got {
			near(t, "adjusted", got[i], c.want[i], 1e-12)
		}
	}
}

// Kolmogorov's distribution has 0.05 at 1.3581, 0.01 at 1.6276, and 0.2700 at 1
// (Smirnov 1948, table I).
func TestKSPAgreesWithSmirnovsTable(t *testing.T) {
	for x, want := range map[float64]float64{0: 1, 0.28: 0.999999, 0.5: 0.963945, 1: 0.270000, 1.3581: 0.05, 1.6276: 0.01, 2: 0.000671} {
		near(t, "p", KSP(x/10, 200, 200), want, 2e-6)
	}
	near(t, "at the critical distance", KSP(KSCritical(0.05, 300, 100), 300, 100), 0.05, 1e-4)
}
