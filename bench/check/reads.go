package check

import (
	"math"

	"github.com/HdrHistogram/hdrhistogram-go"

	"raftzab/bench/metric"
	"raftzab/protocols"
)

// Reads is what Staleness measured of a kind of reads.
type Reads struct {
	Completed        int // with an answer: all below is of these
	Refused, Unknown int // without one: nobody served them, or the client gave up. A system that does not answer looks fresh
	Stale            int // k >= 1
	MostBehind       uint64
	MostLate         protocols.Time
	NonMonotonic     int
	NotOwn           int // missed a write of the same client
	Clipped          int // k or t is too small, for what would tell is not remembered

	behind, late histogram // k, and t in ns
	looks, over  histogram // ns from the acknowledgement of the newest version to a read; to those that saw it
}

// count takes in k and t of a read.
func (r *Reads) count(behind uint64, late protocols.Time) {
	r.MostBehind, r.MostLate = max(r.MostBehind, behind), max(r.MostLate, late)
	r.behind.add(int64(min(behind, math.MaxInt64)))
	r.late.add(int64(late))
}

// look takes in a read that started t after a version was acknowledged: it was
// there, or not.
func (r *Reads) look(t protocols.Time, over bool) {
	if r.looks.add(int64(t)); over {
		r.over.add(int64(t))
	}
}

func (r *Reads) reset() {
	kept := [...]histogram{r.behind, r.late, r.looks, r.over}
	for i := range kept {
		kept[i].reset()
	}
	*r = Reads{behind: kept[0], late: kept[1], looks: kept[2], over: kept[3]}
}

// Add takes in the reads of another trial, or of another kind.
func (r *Reads) Add(o *Reads) {
	r.Completed += o.Completed
	r.Refused += o.Refused
	r.Unknown += o.Unknown
	r.Stale += o.Stale
	r.MostBehind, r.MostLate = max(r.MostBehind, o.MostBehind), max(r.MostLate, o.MostLate)
	r.NonMonotonic += o.NonMonotonic
	r.NotOwn += o.NotOwn
	r.Clipped += o.Clipped
	r.behind.merge(o.behind)
	r.late.merge(o.late)
	r.looks.merge(o.looks)
	r.over.merge(o.over)
}

// Behind returns the p-quantile of k, to 1 %; NaN without reads.
func (r *Reads) Behind(p float64) float64 { return r.behind.quantile(p) }

// Late returns the p-quantile of t in milliseconds, to 1 %; NaN without reads.
func (r *Reads) Late(p float64) float64 { return r.late.quantile(p) / 1e6 }

// Failed returns the share of reads without an answer; NaN without reads.
func (r *Reads) Failed() float64 {
	failed := r.Refused + r.Unknown
	return float64(failed) / float64(r.Completed+failed)
}

// Visibility estimates from reads alone what Visibility measures: the chance that a read sees a version so
// many milliseconds after its acknowledgement. Each read is one look at
// the newest version that had been acknowledged when it started.
func (r *Reads) Visibility() metric.Curve {
	var looks []metric.Look
	over := r.over.bars()
	for _, b := range r.looks.bars() {
		l := metric.Look{At: float64(b.From) / 1e6, Of: int(b.Count)}
		if len(over) > 0 && over[0].From == b.From {
			l.Over = int(over[0].Count)
			over = over[1:]
		}
		looks = append(looks, l)
	}
	return metric.CurrentStatus(looks)
}

// StaleShare returns the share of completed reads that were stale, over all
// trials, with two intervals: Wilson's, which takes reads for independent, and
// that of a bootstrap which draws whole trials.
func StaleShare(trials []Reads, level float64, seed uint64) (share float64, wilson, clustered metric.Interval) {
	stale, of := make([]int, len(trials)), make([]int, len(trials))
	k, n := 0, 0
	for i := range trials {
		stale[i], of[i] = trials[i].Stale, trials[i].Completed
		k, n = k+stale[i], n+of[i]
	}
	return float64(k) / float64(n), metric.Wilson(k, n, level), metric.ClusterShare(stale, of, level, seed)
}

// A histogram counts values from 0 up to 2^42, which is 73 minutes in ns, each to
// 1 %; what is above counts as this.
type histogram struct{ h *hdrhistogram.Histogram } // nil: empty

const mostCounted = 1 << 42

func (x *histogram) add(v int64) {
	if x.h == nil {
		x.h = hdrhistogram.New(1, mostCounted, 2)
	}
	if err := x.h.RecordValue(min(v, mostCounted)); err != nil {
		panic(err) // negative: whoever counts knows better
	}
}

func (x *histogram) merge(o histogram) {
	if o.h == nil {
		return
	}
	if x.h == nil {
		x.h = hdrhistogram.New(1, mostCounted, 2)
	}
	x.h.Merge(o.h)
}

func (x *histogram) reset() {
	if x.h != nil {
		x.h.Reset()
	}
}

func (x *histogram) count() int {
	if x.h == nil {
		return 0
	}
	return int(x.h.TotalCount())
}

func (x *histogram) quantile(p float64) float64 {
	if x.count() == 0 {
		return math.NaN()
	}
	return float64(x.h.ValueAtPercentile(100 * p))
}

// bars returns the counts that are not zero, ascending.
func (x *histogram) bars() (bars []hdrhistogram.Bar) {
	if x.h == nil {
		return nil
	}
	for _, b := range x.h.Distribution() {
		if b.Count > 0 {
			bars = append(bars, b)
		}
	}
	return bars
}
