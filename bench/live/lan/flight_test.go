package lan

import (
	"math/rand/v2"
	"testing"
)

func TestPacketsArriveByInstantAndThenInTheOrderOfSending(t *testing.T) {
	var f flight
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		sent := map[*packet]int{}
		for i := range 300 {
			p := f.take()
			p.size = rng.IntN(20) // the instant: many are at the same one
			sent[p] = i
			f.push(int64(p.size), p)
			if rng.IntN(3) == 0 {
				head, _ := f.head()
				if q := f.pop(); int64(q.size) != head {
					t.Fatalf("the head was due at %d, and %d came", head, q.size)
				} else {
					delete(sent, q)
					f.give(q)
				}
			}
		}
		at, last := -1, -1
		for range len(sent) {
			p := f.pop()
			if p.size < at || p.size == at && sent[p] < last {
				t.Fatalf("packet %d due at %d comes behind packet %d due at %d", sent[p], p.size, last, at)
			}
			at, last = p.size, sent[p]
			f.give(p)
		}
		if _, some := f.head(); some {
			t.Fatal("one is left")
		}
	}
}

func TestPacketsInFlightAllocateNothing(t *testing.T) {
	var f flight
	round := func() {
		for i := range int64(500) {
			f.push(i*7919%503, f.take())
		}
		for range 500 {
			f.give(f.pop())
		}
	}
	round()
	if n := testing.AllocsPerRun(20, round); n > 0 {
		t.Errorf("%v allocations", n)
	}
	if len(f.free) != (500+slab-1)/slab*slab {
		t.Errorf("%d buffers are free where 500 were needed", len(f.free))
	}
}
