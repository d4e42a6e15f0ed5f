package run

import (
	"slices"
	"testing"
	"time"

	"raftzab/bench/live/lan"
	"raftzab/results"
)

func TestALiveCellTellsWhatTheMachineDidToIt(t *testing.T) {
	late := lan.Lateness{Count: 7, P50: 2048, P99: 1500 * time.Microsecond, Max: 1500 * time.Microsecond, Histogram: []lan.Bucket{{Below: 2048, Count: 6}, {Below: 2 * time.Millisecond, Count: 1}}}
	d := (&processed{tallies: map[*Cell]*tally{nil: {3, 1, late}}}).disturbed()
	if d.Spoilt != 3 || d.Kept != 1 {
		t.Errorf("%+v", d)
	}
	if l := d.Lateness; l == nil || l.Count != 7 || l.P50 != 0.002048 || l.P99 != 1.5 || l.Max != 1.5 || !slices.Equal(l.Buckets, []results.Bucket{{Below: 0.002048, Count: 6}, {Below: 2, Count: 1}}) {
		t.Errorf("%+v", l)
	}
	if d := (&processed{}).disturbed(); d.Lateness != nil {
		t.Errorf("nothing was delayed, and its lateness is %+v", d.Lateness)
	}
}

// A worker that lacks one of these says nothing at all.
func TestEveryWorkerOfLiveCellsReports(t *testing.T) {
	for _, w := range []worker{&processed{}, &ensemble{}} {
		if _, ok := w.(reporter); !ok {
			t.Errorf("%T does not", w)
		}
	}
}
