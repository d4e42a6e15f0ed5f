package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"raftzab/bench/run"
	"raftzab/experiments"
	"raftzab/results"
)

// A progress shows how far a run is, and how long it still takes: a bar where somebody
// watches a terminal, and one line when a cell ends where nobody does. Nil shows nothing.
type progress struct {
	out       io.Writer
	watching  bool
	scenarios int
	number    int // of the present one, from 1
	pace      pace

	all   *mpb.Progress // of the present cells
	bar   *mpb.Bar
	total int // their trials
	ran   int // of these, in this process
	cells []*run.Cell
	began time.Time
}

func newProgress(w io.Writer, out string, scenarios []*experiments.Scenario, shard [2]int) *progress {
	p := &progress{out: w, watching: terminal(w), scenarios: len(scenarios), pace: pace{expected: map[*run.Cell]time.Duration{}}}
	for _, s := range scenarios {
		p.pace.expect(s, shard, filepath.Join(out, s.Name), filepath.Join("results", s.Name))
	}
	if len(scenarios) > 1 {
		fmt.Fprintf(w, "%d scenarios, about %s\n", len(scenarios), rough(p.pace.left(0)))
	}
	return p
}

// scenario begins the next scenario.
func (p *progress) scenario(s *experiments.Scenario) {
	p.number++
	fmt.Fprintf(p.out, "%s%s: %s\n", p.where(), s.Name, s.Title)
}

// where says which scenario this is, where there are several.
func (p *progress) where() string {
	if p.scenarios < 2 {
		return ""
	}
	return fmt.Sprintf("%d/%d ", p.number, p.scenarios)
}

// begin is for one cell, or for several that take turns.
func (p *progress) begin(turns []*turn) {
	if p == nil {
		return
	}
	p.total, p.ran, p.cells, p.began = 0, 0, nil, time.Now()
	there := 0
	for _, t := range turns {
		p.total, there, p.cells = p.total+t.total, there+len(t.kept.trials), append(p.cells, t.cell)
	}
	if !p.watching || there == p.total {
		return
	}
	name := turns[0].cell.String()
	if len(turns) > 1 {
		name = fmt.Sprintf("%s: %d cells in turns", turns[0].cell.Scenario, len(turns))
	}
	p.all = mpb.New(mpb.WithOutput(p.out), mpb.WithAutoRefresh())
	p.bar = p.all.AddBar(int64(p.total), mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name(p.where()+name+" "), decor.CountersNoUnit("%d / %d trials")),
		mpb.AppendDecorators(decor.AverageSpeed(0, "%.0f/s "), decor.Any(func(s decor.Statistics) string {
			return rough(p.pace.left(float64(s.Current)/float64(s.Total), p.cells...)) + " left"
		})))
	p.bar.SetRefill(int64(there))
	p.bar.SetCurrent(int64(there))
}

func (p *progress) done() {
	if p == nil {
		return
	}
	p.ran++
	if p.bar != nil {
		p.bar.Increment()
	}
}

// end leaves one line about each cell.
func (p *progress) end(turns []*turn, sums []*run.Summary) {
	if p == nil {
		return
	}
	if p.bar != nil {
		if !p.bar.Completed() {
			p.bar.Abort(true)
		}
		p.all.Wait()
		p.bar = nil
	}
	p.pace.took(time.Since(p.began), float64(p.ran)/float64(max(1, p.total)), p.cells...)
	for i, s := range sums {
		fmt.Fprintf(p.out, "%s%s: %d rows in %v", p.where(), s.Cell, s.Rows, s.Wall.Round(10*time.Millisecond))
		for _, o := range []results.Outcome{results.Censored, results.Violated, results.Failed} {
			if n := s.Counts[o]; n > 0 {
				fmt.Fprintf(p.out, ", %d %s", n, o)
			}
		}
		if left := p.pace.left(0); i == len(turns)-1 && !p.watching && left >= time.Second {
			fmt.Fprintf(p.out, "; about %s left", rough(left))
		}
		fmt.Fprintln(p.out)
	}
}

// A pace reckons how long a run takes: what cells took the last time, by as much as those
// that have ended were quicker or slower this time.
type pace struct {
	expected map[*run.Cell]time.Duration // of those that have not ended
	asked    [2]time.Duration            // expected of those that have: simulated, live
	spent    [2]time.Duration            // and what they took
}

// guess is what a simulated trial takes of which nothing is known.
const guess = 5 * time.Millisecond

// expect reckons with a scenario, by the first of the folders that holds a run of it.
func (p *pace) expect(s *experiments.Scenario, shard [2]int, folders ...string) {
	var known []results.CellRun
	for _, dir := range folders {
		if d, err := results.Describe(dir); err == nil && len(d.Run.Cells) > 0 {
			known = d.Run.Cells
			break
		}
	}
	share := run.Options{Shard: shard}
	for i := range s.Cells {
		cell := &s.Cells[i]
		p.expected[cell] = cost(cell, share.Trials(cell), known)
	}
}

// cost is what so many trials of a cell took the last time.
func cost(cell *run.Cell, trials int, known []results.CellRun) time.Duration {
	reckoned := time.Duration(trials) * guess
	if cell.Mode == run.Live {
		reckoned = run.Estimate(cell)
	}
	for _, c := range known {
		if c.Rows > 0 && c.Mode == string(cell.Mode) && c.Case == cell.Case && c.System == cell.System && slices.Equal(c.Swept, cell.Swept) {
			rows, all := trials*len(cell.Passes()), time.Duration(c.Seconds*float64(time.Second))
			if cell.Mode == run.Live && !cell.Turns { // it boots, and runs one trial that is not counted
				boot := min(run.Boot, all/2)
				return boot + (all-boot)*time.Duration(rows+1)/time.Duration(c.Rows+1)
			}
			return all * time.Duration(rows) / time.Duration(c.Rows)
		}
	}
	return reckoned
}

// only reckons with no other cells.
func (p *pace) only(these func(*run.Cell) bool) {
	maps.DeleteFunc(p.expected, func(cell *run.Cell, _ time.Duration) bool { return !these(cell) })
}

// left is how long all takes that has not ended, when a part of these cells has.
func (p *pace) left(part float64, now ...*run.Cell) (left time.Duration) {
	factor := [2]float64{1, 1}
	for i := range factor {
		if p.asked[i] > 0 {
			factor[i] = float64(p.spent[i]) / float64(p.asked[i])
		}
	}
	for cell, d := range p.expected {
		left += time.Duration(float64(d) * factor[kind(cell)])
	}
	for _, cell := range now {
		left -= time.Duration(float64(p.expected[cell]) * part * factor[kind(cell)])
	}
	return left
}

// took learns what a part of cells took that have ended.
func (p *pace) took(d time.Duration, part float64, cells ...*run.Cell) {
	for _, cell := range cells {
		p.asked[kind(cell)] += time.Duration(float64(p.expected[cell]) * part)
		delete(p.expected, cell)
	}
	p.spent[kind(cells[0])] += d
}

func kind(cell *run.Cell) int {
	if cell.Mode == run.Live {
		return 1
	}
	return 0
}

// rough rounds to what an estimate is worth.
func rough(d time.Duration) string {
	switch {
	case d >= 10*time.Minute:
		return fmt.Sprintf("%.0f min", d.Minutes())
	case d >= time.Minute:
		return fmt.Sprintf("%.1f min", d.Minutes())
	}
	return fmt.Sprintf("%.0f s", max(0, d.Seconds()))
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
