package lan

import (
	"fmt"
	"math/bits"
	"sync/atomic"
	"time"
)

// A Lateness says how late the switch released packets that it had to delay:
// each after the instant that was drawn for it. Packets without delay pass
// straight through and are not in it. P50 and P99 are the upper bounds of their
// buckets, so true values are up to a quarter lower.
type Lateness struct {
	Count         int64
	P50, P99, Max time.Duration
	Histogram     []Bucket // in ascending order, without empty ones
}

// A Bucket counts what was late by less than Below, and not by less than the
// bucket before.
type Bucket struct {
	Below time.Duration
	Count int64
}

// String writes a lateness for run.json.
func (l Lateness) String() string {
	if l.Count == 0 {
		return "no packet was delayed"
	}
	return fmt.Sprintf("%d packets were delayed; release was late by up to %v in half of them, %v in 99 %%, %v at most", l.Count, l.P50, l.P99, l.Max)
}

// Four buckets an octave, from 1 us to beyond an hour; the first is of all below.
const (
	octaves = 32
	buckets = 4 * octaves
)

// A tally is a lateness being measured: one goroutine adds, others read.
type tally struct {
	counts [buckets]atomic.Int64
	max    atomic.Int64
}

// bucket returns where a lateness in nanoseconds belongs. Steps are of 1024 ns,
// so that four buckets an octave need no division.
func bucket(late int64) int {
	units := uint64(max(late, 0)) >> 10
	if units < 4 {
		return int(units)
	}
	octave := bits.Len64(units) - 3 // units>>octave is 4 to 7
	return min(4*(octave+1)+int(units>>octave)-4, buckets-1)
}

// below returns the upper bound of a bucket.
func below(i int) time.Duration {
	if i < 4 {
		return time.Duration(i+1) << 10
	}
	return time.Duration(i%4+5) << (10 + i/4 - 1)
}

func (t *tally) add(late int64) {
	t.counts[bucket(late)].Add(1)
	if late > t.max.Load() {
		t.max.Store(late)
	}
}

func (t *tally) reset() {
	for i := range t.counts {
		t.counts[i].Store(0)
	}
	t.max.Store(0)
}

func (t *tally) lateness() Lateness {
	var l Lateness
	for i := range t.counts {
		if n := t.counts[i].Load(); n > 0 {
			l.Count += n
			l.Histogram = append(l.Histogram, Bucket{below(i), n})
		}
	}
	l.Max = time.Duration(t.max.Load())
	l.P50, l.P99 = l.quantile(0.5), l.quantile(0.99)
	return l
}

// Plus returns what both counted.
func (l Lateness) Plus(m Lateness) Lateness {
	sum := Lateness{Count: l.Count + m.Count, Max: max(l.Max, m.Max)}
	a, b := l.Histogram, m.Histogram
	for len(a)+len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0].Below < b[0].Below:
			sum.Histogram, a = append(sum.Histogram, a[0]), a[1:]
		case len(a) == 0 || b[0].Below < a[0].Below:
			sum.Histogram, b = append(sum.Histogram, b[0]), b[1:]
		default:
			sum.Histogram = append(sum.Histogram, Bucket{a[0].Below, a[0].Count + b[0].Count})
			a, b = a[1:], b[1:]
		}
	}
	sum.P50, sum.P99 = sum.quantile(0.5), sum.quantile(0.99)
	return sum
}

func (l Lateness) quantile(p float64) time.Duration {
	left := p * float64(l.Count)
	for _, b := range l.Histogram {
		if left -= float64(b.Count); left <= 0 {
			return min(b.Below, l.Max)
		}
	}
	return 0
}
