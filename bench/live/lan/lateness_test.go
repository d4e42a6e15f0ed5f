package lan

import (
	"testing"
	"time"
)

func TestEachLatenessIsInTheBucketThatBoundsIt(t *testing.T) {
	for late := int64(0); late < int64(time.Hour); late += 1 + late/97 {
		i := bucket(late)
		if i > 0 && late < int64(below(i-1)) || late >= int64(below(i)) {
			t.Fatalf("%v is in the bucket from %v to %v", time.Duration(late), below(i-1), below(i))
		}
		if i >= 4 && below(i)-below(i-1) > below(i)/4 {
			t.Fatalf("the bucket below %v begins at %v", below(i), below(i-1))
		}
	}
	if bucket(-1) != 0 || bucket(1<<62) != buckets-1 {
		t.Errorf("out of bounds: %d, %d", bucket(-1), bucket(1<<62))
	}
}

func TestLatenessIsThatSinceTheLastReset(t *testing.T) {
	var y tally
	for range 98 {
		y.add(10_000)
	}
	y.add(50_000)
	y.add(3_000_000)
	l := y.lateness()
	var sum int64
	for _, b := range l.Histogram {
		sum += b.Count
	}
	if l.Count != 100 || sum != 100 || len(l.Histogram) != 3 || l.Max != 3*time.Millisecond {
		t.Errorf("%+v", l)
	}
	if l.P50 < 10*time.Microsecond || l.P50 > 13*time.Microsecond || l.P99 < 50*time.Microsecond || l.P99 > 63*time.Microsecond {
		t.Errorf("p50 %v, p99 %v", l.P50, l.P99)
	}
	y.reset()
	if l := y.lateness(); l.Count != 0 || l.Max != 0 || l.String() != "no packet was delayed" {
		t.Errorf("after a reset: %v", l)
	}
}
