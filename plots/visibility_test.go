package plots

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"raftzab/results"
)

func syntheticVisible(trials int) *results.Data { return waits(trials, 5, 1, 1.2, 4, 1) }

// waits returns invented results in which writes become visible after waits with these
// means in ms, in the order of the cells of syntheticLiveReads; those of one batch
// resemble each other.
func waits(trials int, means ...float64) *results.Data {
	d := syntheticReads(trials)
	for i, of := range []struct{ mode, system string }{{"live", "raft"}, {"live", "zab"}, {"live", "zookeeper"}, {"sim", "raft"}, {"sim", "zab"}} {
		cell := readCell{of.mode, map[string]string{"sim": "simulated", "live": "live"}[of.mode], of.system, nil,
			`"Workload":{"Clients":20,"Rate":1600,"Reads":0.5,"Keys":20,"ReadMode":"local","Batches":20}`, func(int, *rand.Rand, *results.Trial) {}}
		one := syntheticReads(trials, cell)
		d.Manifest.Cells, d.Trials = append(d.Manifest.Cells, one.Manifest.Cells...), append(d.Trials, one.Trials...)
		rng := rand.New(rand.NewPCG(7, uint64(i)))
		bounds := []float64{0, 0.5, 1, 2, 4, 8, 16, 32, 64}
		for batch := range 20 {
			mean := means[i] * (0.95 + 0.1*rng.Float64())
			for j := 1; j < len(bounds); j++ {
				r := results.NewVisibility(&one.Trials[0])
				r.Batch, r.Role, r.Source, r.From, r.To = batch, "follower", "read", results.Number(bounds[j-1]), results.Number(bounds[j])
				for range 400 {
					t := bounds[j-1] + (bounds[j]-bounds[j-1])*rng.Float64()
					if rng.ExpFloat64()*mean < t {
						r.Visible++
					} else {
						r.Invisible++
					}
				}
				d.Visible = append(d.Visible, r)
				if of.mode == "sim" {
					r.Source = "applied"
					r.Visible, r.Invisible = int(1000*(math.Exp(-bounds[j-1]/mean)-math.Exp(-bounds[j]/mean))), 0
					d.Visible = append(d.Visible, r)
				}
			}
		}
	}
	return d
}

func TestNumbersOfVisibilityAreTheseOfTestdata(t *testing.T) {
	d := syntheticVisible(40)
	_, caption, _ := visibility(d)
	golden(t, "visibility", visiblePanels(d), caption)
}

func TestVisibilityIsTheDistributionOfTheWaits(t *testing.T) {
	for _, p := range visiblePanels(syntheticVisible(40)) {
		for _, v := range p.Curves {
			mean := map[string]float64{"live raft": 5, "raft": 4, "live zab": 1, "zab": 1, "live zookeeper": 1.2}[v.Label]
			for _, x := range v.Points {
				want := 1 - math.Exp(-x.At/mean) // convex, so means of a range are a little lower
				if math.Abs(x.Share-want) > 0.04 {
					t.Errorf("%s (applied %t): %.3f at %g ms, not %.3f", v.Label, v.Applied, x.Share, x.At, want)
				}
			}
			for _, m := range v.Marks {
				if m.Low > m.Median || m.High < m.Median || m.High-m.Low > 0.05 {
					t.Errorf("%s: %+v", v.Label, m)
				}
			}
		}
	}
}

// Curves that differ are told from those that do not, beyond what batches make of chance.
func TestVisibilityTellsWhichCurvesDiffer(t *testing.T) {
	d := waits(40, 5, 1, 1.4, 4, 1)
	for _, c := range []struct {
		a, b    string
		differs bool
	}{{"raft", "live raft", true}, {"zab", "live zab", false}, {"zab", "live zookeeper", true}} {
		found := false
		for _, p := range visiblePanels(d) {
			i := slices.IndexFunc(p.Apart, func(x visiblyApart) bool { return x.A == c.a && x.B == c.b })
			if i < 0 {
				continue
			}
			x := p.Apart[i]
			if found = true; (x.Distance > x.Critical) != c.differs || (x.Adjusted <= 0.05) != c.differs || x.Adjusted < x.P {
				t.Errorf("%+v", x)
			}
		}
		if !found {
			t.Errorf("%s and %s are not compared", c.a, c.b)
		}
	}
	if rows := strings.Count(string(visibilityTable(d)), "\n"); rows != 1+1+3 {
		t.Errorf("%d lines:\n%s", rows, visibilityTable(d))
	}
}

// With few reads, ranges are joined until there are enough.
func TestThinRangesAreJoined(t *testing.T) {
	one := func(from, to float64, seen, not int) tally { return tally{from, to, []int{seen}, []int{not}} }
	got := pooled([]tally{one(0, 1, 10, 30), one(1, 2, 50, 30), one(2, 3, 100, 0), one(3, 4, 99, 1), one(4, 5, 3, 0)}, []int{1})
	if len(got) != 3 || got[0].to != 2 || got[0].seen[0] != 60 || got[2].from != 3 || got[2].to != 5 || got[2].seen[0] != 102 {
		t.Errorf("%+v", got)
	}
}
