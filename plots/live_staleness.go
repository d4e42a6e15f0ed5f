package plots

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"

	"raftzab/bench/metric"
	"raftzab/results"
)

// liveStaleness shows how the share of stale reads is distributed over trials,
// live beside simulated.
func liveStaleness(d *results.Data) (drawing, string, bool) {
	panels := shareFamilies(d)
	if len(panels) == 0 {
		return drawing{}, "", false
	}
	var c caption
	c.say("Reads of a trial that were stale, where clients read from a follower's own state: a later write of the key had been acknowledged before the read began. Distributions over trials; each panel has an axis of its own.")
	c.systems(panels)
	c.machine(panels)
	c.disturbances(d)
	s := settingsOf(firstOf(&panels[0]).cell)
	c.say("Conditions: %d servers; one-way delay %s, and %s from clients to their server; simulated fsync %s; %g operations a second, half of them reads, on %d keys; nothing goes wrong.",
		s.Cluster.Voters, plain(s.Network.Delay), plain(s.Clients.Delay), plain(s.Disk.Fsync), s.Workload.Rate, s.Workload.Keys)
	c.timeouts(panels)
	for i, p := range panels {
		var parts []string
		for _, x := range distancesOf(&p, d.Manifest.Seed) {
			if sameSystem(x.A, x.B) {
				parts = append(parts, x.String())
			}
		}
		if len(parts) > 0 {
			c.say("%s", upper(fmt.Sprintf("%sdifference of medians in %% of reads with its bootstrap 95 %% interval, and from 100 trials on the Kolmogorov-Smirnov distance (in brackets what chance alone passes one time in twenty, and p adjusted for all distances of the panel by Holm): %s.", letter(i, len(panels)), strings.Join(parts, "; "))))
		}
	}
	c.say("live-read-staleness.csv has all pairs.")
	c.trials(panels)
	c.reservations(d, panels)
	return drawFamilies(panels), c.String(), true
}

// shareFamilies are two panels, of Rafts and of Zabs, of a scenario without faults
// whose reads are live and simulated.
func shareFamilies(d *results.Data) (families []panel) {
	calm := all(d, func(s *settings) bool {
		return len(s.Faults) == 0 && s.Workload.Reads > 0 && s.Workload.ReadMode == "local"
	})
	if !calm || !slices.ContainsFunc(d.Manifest.Cells, func(c results.Cell) bool { return c.Mode == "live" }) {
		return nil
	}
	cases := panelsOf(d, func(t *results.Trial) (results.Number, bool) { return 100 * t.Stale, true })
	for _, zab := range []bool{false, true} {
		of := func(system string) bool { return (system == "zab" || system == "zookeeper") == zab }
		p := panel{Case: map[bool]string{false: "Raft's family", true: "Zab's family"}[zab]}
		for _, c := range cases {
			for _, s := range c.Series {
				if of(s.System) {
					p.Series = append(p.Series, s)
				}
			}
			for _, a := range c.Absent {
				if fields := strings.Fields(a.Label); of(fields[len(fields)-1]) {
					p.Absent = append(p.Absent, a)
				}
			}
		}
		slices.SortStableFunc(p.Series, func(a, b series) int { return rank(a.System) - rank(b.System) })
		if len(p.Series) > 0 {
			families = append(families, p)
		}
	}
	return families
}

// Apart is how far two series of a panel are from each other.
type apart struct {
	A, B         string
	N, M         int
	Difference   float64 // of medians, A - B, in %
	Interval     metric.Interval
	KS, Critical float64 // 0: too few trials
	Adjusted     float64 // the chance of such a distance, by Holm for all of the panel
}

func (x apart) String() string {
	text := fmt.Sprintf("%s - %s %+.2f [%+.2f, %+.2f]", x.A, x.B, x.Difference, x.Interval.Low, x.Interval.High)
	if x.Critical > 0 {
		p := "p < 0.001"
		if x.Adjusted >= 0.001 {
			p = fmt.Sprintf("p %.2g", x.Adjusted)
		}
		text += fmt.Sprintf(", %.2f (%.2f; %s)", x.KS, x.Critical, p)
	}
	return text
}

// sameSystem reports whether two labels are of one system, live and simulated.
func sameSystem(a, b string) bool {
	return strings.TrimPrefix(a, "live ") == strings.TrimPrefix(b, "live ")
}

// enoughForKS is from how many trials on each side on a distance is told.
const enoughForKS = 100

// distancesOf compares each series of a panel with each other.
func distancesOf(p *panel, seed uint64) (all []apart) {
	var told []int // those with a distance
	var chances []float64
	for i := range p.Series {
		for j := i + 1; j < len(p.Series); j++ {
			a, b := &p.Series[i], &p.Series[j]
			x := apart{A: a.label(), B: b.label(), N: a.N, M: b.N, Difference: a.sample.Median() - b.sample.Median(), Interval: metric.MedianDifference(a.sample, b.sample, 0.95, seed)}
			if min(a.N, b.N) >= enoughForKS {
				x.KS, x.Critical = metric.KS(a.sample, b.sample), metric.KSCritical(0.05, a.N, b.N)
				told, chances = append(told, len(all)), append(chances, metric.KSP(x.KS, a.N, b.N))
			}
			all = append(all, x)
		}
	}
	for i, p := range metric.Holm(chances) {
		all[told[i]].Adjusted = p
	}
	return all
}

// liveStalenessTable has the distances as CSV.
func liveStalenessTable(d *results.Data) []byte {
	var b bytes.Buffer
	fmt.Fprintln(&b, "a,b,n_a,n_b,median_difference_percent,low,high,ks_distance,ks_critical,p_holm")
	for _, p := range shareFamilies(d) {
		for _, x := range distancesOf(&p, d.Manifest.Seed) {
			ks := ",,"
			if x.Critical > 0 {
				ks = fmt.Sprintf("%.4f,%.4f,%.4f", x.KS, x.Critical, x.Adjusted)
			}
			fmt.Fprintf(&b, "%s,%s,%d,%d,%.4f,%.4f,%.4f,%s\n", x.A, x.B, x.N, x.M, x.Difference, x.Interval.Low, x.Interval.High, ks)
		}
	}
	return b.Bytes()
}

func familyPanels(panels []panel) []cdfPanel {
	all := cdfPanels(panels)
	for i := range all {
		all[i].Title = letter(i, len(all)) + panels[i].Case
	}
	return all
}

func drawFamilies(panels []panel) drawing {
	all := familyPanels(panels)
	heads := make([]head, len(all))
	for i, p := range all {
		heads[i] = head{p.Title, p.Notes}
	}
	g := gridOf(heads, legendOf(all), "stale reads of a trial (%)", "share of trials", 1.85*vg.Inch)
	return g.drawing(func(i int) *plot.Plot {
		p := newPanel()
		// Families have an axis each: what they differ by is many times what systems of one do.
		_, high := span(all[i : i+1])
		p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, high, 0, 1.02
		p.X.Tick.Marker, p.Y.Tick.Marker = plot.ConstantTicks(roundTicks(high)), plot.ConstantTicks(shareTicks)
		p.Add(gridLines())
		for j := range all[i].Curves {
			p.Add(&all[i].Curves[j])
		}
		return p
	})
}
