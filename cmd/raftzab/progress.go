package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"raftzab/bench/run"
	"raftzab/results"
)

// A progress shows how far a cell is: a bar where somebody watches a terminal,
// and one line when the cell ends where nobody does.
type progress struct {
	out      io.Writer
	name     string
	all      *mpb.Progress
	bar      *mpb.Bar
	watching bool
}

// newProgress is for one cell, or for several that take turns.
func newProgress(w io.Writer, cells []*run.Cell, shard [2]int) *progress {
	p := &progress{out: w, name: cells[0].String(), watching: terminal(w)}
	if len(cells) > 1 {
		p.name = fmt.Sprintf("%s: %d cells in turns", cells[0].Scenario, len(cells))
	}
	if !p.watching {
		return p
	}
	n := 0
	for _, cell := range cells {
		if shard[1] > 0 {
			n += (cell.Trials - shard[0] + shard[1] - 1) / shard[1]
		} else {
			n += cell.Trials
		}
	}
	p.all = mpb.New(mpb.WithOutput(w), mpb.WithAutoRefresh())
	p.bar = p.all.AddBar(int64(n), mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name(p.name+" "), decor.CountersNoUnit("%d / %d trials")),
		mpb.AppendDecorators(decor.AverageSpeed(0, "%.0f/s "), decor.OnComplete(decor.AverageETA(decor.ET_STYLE_GO), ""), decor.Name(" left")))
	return p
}

func (p *progress) done() {
	if p.bar != nil {
		p.bar.Increment()
	}
}

// end leaves one line about each cell.
func (p *progress) end(sums ...*run.Summary) {
	if p.bar != nil {
		if !p.bar.Completed() {
			p.bar.Abort(true)
		}
		p.all.Wait()
	}
	for _, s := range sums {
		fmt.Fprintf(p.out, "%s: %d rows in %v", s.Cell, s.Rows, s.Wall.Round(10*time.Millisecond))
		for _, o := range []results.Outcome{results.Censored, results.Violated, results.Failed} {
			if n := s.Counts[o]; n > 0 {
				fmt.Fprintf(p.out, ", %d %s", n, o)
			}
		}
		fmt.Fprintln(p.out)
	}
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
