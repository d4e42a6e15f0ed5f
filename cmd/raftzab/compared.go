package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"

	"raftzab/bench/metric"
	"raftzab/bench/run"
	"raftzab/results"
)

// Phases are what the elections of a cell took, in all and by phase.
type phases struct {
	elect []float64
	parts [3][]float64 // detect, vote, activate
}

// add takes in an election. A phase that a trial without a new leader did not end
// counts as larger than all; where there is a new leader, a phase that is missing
// is one that the system cannot give.
func (p *phases) add(r *results.Trial) {
	p.elect = measured(p.elect, r.ElectMS, r.Outcome)
	outcome := r.Outcome
	if !math.IsNaN(float64(r.ElectMS)) {
		outcome = results.OK
	}
	for i, x := range [...]results.Number{r.DetectMS, r.VoteMS, r.ActivateMS} {
		p.parts[i] = measured(p.parts[i], x, outcome)
	}
}

// likeLive are the elections that can be set beside those of live trials, which
// clients load with their writes: likewise where there are such.
func (s *sample) likeLive() (p *phases, busy bool) {
	if len(s.busy.elect) > 0 {
		return &s.busy, true
	}
	return &s.calm, false
}

// leastForKS is from how many trials on each side on the critical value of the
// Kolmogorov-Smirnov distance is good.
const leastForKS = 100

// simulationOf names the simulated system that a live one is compared with.
func simulationOf(system string) string {
	if system == "zookeeper" {
		return "zab"
	}
	return system
}

// compare sets each live cell beside the simulated one of the same case and the
// same swept values.
func (t *summary) compare(seed uint64) (all []results.Comparison) {
	for _, a := range t.rows {
		if a.cell.Mode != run.Live {
			continue
		}
		i := slices.IndexFunc(t.rows, func(b *sample) bool {
			return b.cell.Mode == run.Sim && b.cell.System == simulationOf(a.cell.System) && b.cell.Case == a.cell.Case && slices.Equal(b.cell.Swept, a.cell.Swept)
		})
		if i < 0 {
			continue
		}
		b := t.rows[i]
		c := results.Comparison{Case: a.cell.Case, Swept: a.cell.Swept, Live: a.cell.System, Simulated: b.cell.System}
		for _, m := range []struct {
			name   string
			values func(s *sample) ([]float64, bool) // and whether clients wrote
		}{
			{"elect_ms", func(s *sample) ([]float64, bool) { p, busy := s.likeLive(); return p.elect, busy }},
			{"detect_ms", func(s *sample) ([]float64, bool) { p, busy := s.likeLive(); return p.parts[0], busy }},
			{"vote_ms", func(s *sample) ([]float64, bool) { p, busy := s.likeLive(); return p.parts[1], busy }},
			{"activate_ms", func(s *sample) ([]float64, bool) { p, busy := s.likeLive(); return p.parts[2], busy }},
			{"outage_ms", func(s *sample) ([]float64, bool) { return s.outage, true }},
		} {
			if x, ok := comparedIn(m.name, a, b, m.values, seed); ok {
				c.Measures = append(c.Measures, x)
			}
		}
		if len(c.Measures) > 0 {
			all = append(all, c)
		}
	}
	adjust(all)
	return all
}

// adjust has each distance judged as one of all: of twenty between equals, one passes
// its critical value.
func adjust(all []results.Comparison) {
	var distances []*results.KS
	var chances []float64
	for i := range all {
		for _, m := range all[i].Measures {
			if m.KS != nil {
				distances = append(distances, m.KS)
				chances = append(chances, metric.KSP(m.KS.Distance, m.Live.N, m.Simulated.N))
			}
		}
	}
	for i, p := range metric.Holm(chances) {
		distances[i].Adjusted = p
	}
}

// comparedIn compares two cells in one measure; not where one has nothing of it.
func comparedIn(name string, live, sim *sample, values func(s *sample) ([]float64, bool), seed uint64) (results.Compared, bool) {
	side := func(s *sample) (metric.Sample, results.Side) {
		v, probed := values(s)
		x := metric.NewSample(v)
		return x, results.Side{N: len(x), Censored: x.Censored(), Probed: probed, Median: results.Number(x.Median())}
	}
	a, l := side(live)
	b, s := side(sim)
	if l.N == 0 || s.N == 0 {
		return results.Compared{}, false
	}
	c := results.Compared{Measure: name, Live: l, Simulated: s, Difference: results.None, Relative: results.None}
	if finite(l.Median) && finite(s.Median) {
		if c.Difference = l.Median - s.Median; s.Median > 0 {
			c.Relative = c.Difference / s.Median
		}
	}
	// Of two medians among the censored nobody knows which is the larger.
	if min(l.N, s.N) >= leastForInterval && (finite(l.Median) || finite(s.Median)) {
		i := metric.MedianDifference(a, b, 0.95, seed)
		c.Interval = &[2]results.Number{results.Number(i.Low), results.Number(i.High)}
	}
	if min(l.N, s.N) >= leastForKS {
		c.KS = &results.KS{Distance: metric.KS(a, b), Critical: metric.KSCritical(0.05, l.N, s.N)}
	}
	return c, true
}

func finite(x results.Number) bool { return !math.IsInf(float64(x), 0) && !math.IsNaN(float64(x)) }

// printCompared writes the comparisons as a table.
func printCompared(out io.Writer, all []results.Comparison) {
	if len(all) == 0 {
		return
	}
	fmt.Fprintln(out)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "live and simulated\tmeasure\tn\tmedian ms\tn\tmedian ms\tlive - simulated ms [95 %]\trelative\tKS distance (5 %)")
	for i := range all {
		c := &all[i]
		name := c.Live
		if c.Simulated != c.Live {
			name += " and " + c.Simulated
		}
		if c.Case != "" {
			name += " " + c.Case
		}
		for _, s := range c.Swept {
			if s.Value != "" {
				name += " " + s.Key + "=" + s.Value
			}
		}
		for _, m := range c.Measures {
			fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%d\t%s\t%s\n", name, m.Measure, m.Live.N, reached(float64(m.Live.Median)), m.Simulated.N, reached(float64(m.Simulated.Median)), apart(&m))
			name = ""
		}
	}
	w.Flush()
	if slices.ContainsFunc(all, func(c results.Comparison) bool {
		return slices.ContainsFunc(c.Measures, func(m results.Compared) bool { return m.Measure != "outage_ms" && m.Live.Probed })
	}) {
		fmt.Fprintln(out, "Both sides are trials with probing clients, so elect_ms here is not that of the first table.")
	} else {
		fmt.Fprintln(out, "Neither side has probing clients; where the scenario has [workload], its clients ask on both.")
	}
	fmt.Fprintln(out, `zookeeper is compared with our zab.
In brackets the distance that chance alone passes one time in twenty. An asterisk: for all distances here together, chance alone leads to one or more one time in twenty at most (Holm). No interval below n = 6, no distance below n = 100.`)
}

// apart is difference, relative difference and distance, as three columns.
func apart(m *results.Compared) string {
	difference, relative, distance := "-", "-", "-"
	if finite(m.Difference) {
		difference = fmt.Sprintf("%+.1f", m.Difference)
	}
	if m.Interval != nil {
		difference += fmt.Sprintf(" [%s, %s]", bound(m.Interval[0]), bound(m.Interval[1]))
	}
	if finite(m.Relative) {
		relative = fmt.Sprintf("%+.1f %%", 100*m.Relative)
	}
	if m.KS != nil {
		distance = fmt.Sprintf("%.3f (%.3f)", m.KS.Distance, m.KS.Critical)
		if m.KS.Adjusted <= 0.05 {
			distance += " *"
		}
	}
	return difference + "\t" + relative + "\t" + distance
}

// bound writes an end of an interval.
func bound(x results.Number) string {
	if !finite(x) {
		return "no bound"
	}
	return fmt.Sprintf("%+.1f", x)
}
