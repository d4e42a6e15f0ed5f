package experiments

import (
	"context"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"raftzab/bench/metric"
	"raftzab/bench/run"
	"raftzab/plots"
	"raftzab/protocols"
)

// fit is how long the hardware profile of raft-figure16.toml is fitted again.
// What comes of it is printed; the file is edited by hand.
var fit = flag.Duration("fit", 0, "fit the hardware profile of raft-figure16.toml for so long, and print how sensitive it is")

// figure16 returns the cells of raft-figure16.toml by election timeout.
func figure16(t *testing.T, o Options) map[string]*run.Cell {
	t.Helper()
	scenarios, err := Load([]string{"raft-figure16.toml"}, o)
	if err != nil {
		t.Fatal(err)
	}
	cells := map[string]*run.Cell{}
	for i := range scenarios[0].Cells {
		c := &scenarios[0].Cells[i]
		cells[c.Settings.Raft.ElectionTimeout.String()] = c
	}
	return cells
}

// paper returns the sample of paper_ms of a cell.
func paper(t *testing.T, cell *run.Cell) metric.Sample {
	t.Helper()
	var values []float64
	sum, err := run.Run(context.Background(), cell, run.Options{Ended: func(_ int, t *run.Told) {
		for _, r := range t.Rows {
			if x := float64(r.PaperMS); math.IsNaN(x) {
				values = append(values, math.Inf(1))
			} else {
				values = append(values, x)
			}
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range sum.Breaches {
		t.Fatal(b)
	}
	return metric.NewSample(values)
}

// 8 % on average over p10, p25, p50, p75, p90, p95 and p99 of each of
// the three curves that are known, with one hardware profile.
func TestQuantilesAreThoseOfThePapersFigure16(t *testing.T) {
	cells := figure16(t, Options{})
	for _, p := range plots.Figure16() {
		cell := cells[p.ElectionTimeout]
		if cell == nil {
			t.Fatalf("no cell with %s", p.ElectionTimeout)
		}
		each, mean := p.Distances(paper(t, cell))
		t.Logf("%s: %.1f %%: %s", p.ElectionTimeout, 100*mean, percent(each))
		if !(mean <= 0.08) {
			t.Errorf("%s: %.1f %% from the published quantiles: %s", p.ElectionTimeout, 100*mean, percent(each))
		}
	}
}

func percent(shares []float64) string {
	var parts []string
	for _, x := range shares {
		parts = append(parts, fmt.Sprintf("%+.1f", 100*x))
	}
	return strings.Join(parts, " ")
}

// "In the absence of randomness, leader election consistently took longer than 10
// seconds in our tests due to many split votes."
func TestWithoutRandomnessNobodyWinsWithinTenSeconds(t *testing.T) {
	cell := figure16(t, Options{Trials: 100})["150ms-150ms"]
	if s := paper(t, cell); s.Censored() != len(s) {
		t.Errorf("%d of %d trials found a leader", len(s)-s.Censored(), len(s))
	}
}

// A profile is what of a cell is fitted: its numbers that are not zero.
type profile struct {
	names   []string
	numbers []func(s *run.Settings) (*protocols.Time, *float64)
}

func profileOf(s *run.Settings) (p profile) {
	for _, d := range []struct {
		name string
		of   func(s *run.Settings) (a, b *protocols.Time, sigma *float64)
	}{
		{"network.delay", func(s *run.Settings) (a, b *protocols.Time, sigma *float64) {
			return &s.Network.Delay.A, &s.Network.Delay.B, &s.Network.Delay.Sigma
		}},
		{"disk.fsync", func(s *run.Settings) (a, b *protocols.Time, sigma *float64) {
			return &s.Disk.Fsync.A, &s.Disk.Fsync.B, &s.Disk.Fsync.Sigma
		}},
		{"cpu.timer", func(s *run.Settings) (a, b *protocols.Time, sigma *float64) {
			return &s.CPU.Timer.A, &s.CPU.Timer.B, &s.CPU.Timer.Sigma
		}},
	} {
		a, b, sigma := d.of(s)
		add := func(which string, number func(s *run.Settings) (*protocols.Time, *float64)) {
			p.names, p.numbers = append(p.names, d.name+which), append(p.numbers, number)
		}
		if *a > 0 {
			add(", first", func(s *run.Settings) (*protocols.Time, *float64) { a, _, _ := d.of(s); return a, nil })
		}
		if *b > 0 {
			add(", second", func(s *run.Settings) (*protocols.Time, *float64) { _, b, _ := d.of(s); return b, nil })
		}
		if *sigma > 0 {
			add(", second", func(s *run.Settings) (*protocols.Time, *float64) { _, _, x := d.of(s); return nil, x })
		}
	}
	return p
}

// scaled returns the settings with each number of the profile times a factor.
func (p *profile) scaled(s run.Settings, by []float64) run.Settings {
	for i, number := range p.numbers {
		if a, sigma := number(&s); a != nil {
			*a = protocols.Time(float64(*a) * by[i])
		} else {
			*sigma *= by[i]
		}
	}
	return s
}

// TestFitOfFigure16 looks for a better profile near that of the file, by steps of
// chance that grow smaller, and says what a fifth more or less of each number does.
// One seed makes it easy to fit chance: it averages over a few.
func TestFitOfFigure16(t *testing.T) {
	if *fit == 0 {
		t.Skip("fits for as long as -fit says")
	}
	cells, published := figure16(t, Options{}), plots.Figure16()
	base := cells[published[0].ElectionTimeout].Settings
	p := profileOf(&base)
	distances := func(by []float64, seeds uint64) (means []float64, score float64) {
		for _, q := range published {
			cell, mean := *cells[q.ElectionTimeout], 0.0
			cell.Settings = p.scaled(cell.Settings, by)
			for cell.Seed = 1; cell.Seed <= seeds; cell.Seed++ {
				_, m := q.Distances(paper(t, &cell))
				mean += m / float64(seeds)
			}
			means, score = append(means, mean), score+mean/float64(2*len(published))
		}
		return means, score + slices.Max(means)/2 // the worst curve counts for half
	}
	const seeds = 4
	best := slices.Repeat([]float64{1}, len(p.names))
	means, score := distances(best, seeds)
	t.Logf("the file's: %s: %.1f %%", percent(means), 100*score)
	rng := rand.New(rand.NewPCG(1, 2))
	for start := time.Now(); time.Since(start) < *fit; {
		width := 0.3 * (1 - float64(time.Since(start))/float64(*fit))
		try := slices.Clone(best)
		for i := range try {
			try[i] *= math.Exp(width * rng.NormFloat64())
		}
		if m, s := distances(try, seeds); s < score {
			best, means, score = try, m, s
		}
	}
	s := p.scaled(base, best)
	t.Logf("the best found: delay %v, fsync %v, timer %v: %s: %.1f %%", s.Network.Delay, s.Disk.Fsync, s.CPU.Timer, percent(means), 100*score)
	for i, name := range p.names {
		for _, by := range []float64{0.8, 1.2} {
			try := slices.Repeat([]float64{1}, len(p.names))
			try[i] = by
			means, _ := distances(try, seeds)
			t.Logf("the file's with %s times %.1f: %s", name, by, percent(means))
		}
	}
}
