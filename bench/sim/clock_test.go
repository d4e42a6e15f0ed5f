package sim

import (
	"math/rand/v2"
	"slices"
	"testing"

	"raftzab/bench/fault"
	"raftzab/protocols"
)

// wakes has a node do nothing at an instant of its own clock, and notes when that
// was on the clock of the run.
func (w *told) wakes(id NodeID, at Time, into *[]Time) {
	w.at(id, at, func(*recorder, *protocols.Output[note]) { *into = append(*into, w.c.Now()/ms) })
}

func clockFault(id NodeID, skew Time, drift float64) fault.Fault {
	return fault.Fault{Kind: fault.Clock, Nodes: []NodeID{id}, Skew: skew, Drift: drift}
}

// A clock that drifts is late or early by so much; it keeps what it has gained when
// the drift ends, and everybody else's is right.
func TestDriftConcernsANodesOwnTimeOnly(t *testing.T) {
	for _, c := range []struct {
		drift      float64
		wake, want []Time // on its clock; on the run's, whose 50 is its 50
	}{
		{1, []Time{60, 100, 210}, []Time{55, 75, 160}}, // at 100 it says 150
		{-0.5, []Time{55, 75, 210}, []Time{60, 100, 235}},
		{0, []Time{60, 90, 210}, []Time{60, 90, 210}},
	} {
		w := tell(t, 2, nil)
		w.slack = 1
		w.run(50 * ms)
		w.inject(clockFault(1, 0, c.drift))
		var got, other []Time
		for _, at := range c.wake {
			w.wakes(1, at*ms, &got)
			w.wakes(2, at*ms, &other)
		}
		w.run(100 * ms)
		back, _ := clockFault(1, 0, c.drift).Undo()
		w.inject(back)
		w.run(500 * ms)
		if !slices.Equal(got, c.want) {
			t.Errorf("drift %g: woken at %v, want %v", c.drift, got, c.want)
		}
		if !slices.Equal(other, c.wake) {
			t.Errorf("drift %g: the other is woken at %v", c.drift, other)
		}
	}
}

// A jump past an alarm rings it at once, and messages come at the new time.
func TestSkewJumpsForwardAndStays(t *testing.T) {
	w := tell(t, 2, nil)
	var got []Time
	w.wakes(1, 100*ms, &got)
	w.wakes(1, 300*ms, &got)
	w.sends(2, 60*ms, 1)
	w.run(50 * ms)
	w.inject(clockFault(1, 80*ms, 0))
	w.run(150 * ms)
	w.hears(1, 1, "150 receive 1.0 from 2") // at 70
	w.inject(fault.Fault{Kind: fault.Clock, Nodes: []NodeID{1}, Back: true})
	w.run(500 * ms)
	if !slices.Equal(got, []Time{50, 220}) {
		t.Errorf("woken at %v", got)
	}
}

// The clock is the machine's: a death does not set it right. A fault while the
// process sleeps is there when it goes on.
func TestClockOutlivesTheProcess(t *testing.T) {
	w := tell(t, 2, nil)
	w.run(10 * ms)
	w.inject(clockFault(1, 30*ms, 0))
	w.strike(fault.Crash, 1)
	w.inject(clockFault(1, 30*ms, 0))
	w.strike(fault.Restart, 1)
	w.strike(fault.Pause, 1)
	w.inject(clockFault(1, 30*ms, 0))
	w.sends(2, 12*ms, 1)
	w.run(30 * ms)
	w.strike(fault.Resume, 1)
	w.writes(1, 200*ms, 1) // at 110
	w.run(200 * ms)
	w.hears(1, 2, "120 receive 1.0 from 2", "204 persisted 1")
}

// The reading of any clock grows with the run's time, and when is the first
// instant at which it has got to where it shall.
func TestClockReadsForwardAndWhenIsItsInverse(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		var k clock
		now, last := Time(0), Time(0)
		for range 50 {
			now += Time(rng.Int64N(1 << rng.IntN(40)))
			if rng.IntN(5) == 0 {
				k.set(now, Time(rng.Int64N(1000*int64(ms)))*Time(rng.IntN(2)), []float64{0, rng.Float64()*1.9 - 0.95, 1e-6}[rng.IntN(3)])
			}
			got := k.read(now)
			if got < last || k.read(now+1) < got {
				t.Fatalf("%+v: back from %d to %d, then %d", k, last, got, k.read(now+1))
			}
			last = got
			goal := got + Time(rng.Int64N(1<<rng.IntN(40)))
			at := k.when(goal, now)
			if at < now || k.read(at) < goal || at > now && k.read(at-2) >= goal {
				t.Fatalf("%+v: at %d it says %d, at %d %d; the goal is %d", k, at, k.read(at), at-2, k.read(at-2), goal)
			}
			if past := k.when(got-1, now); past != now {
				t.Fatalf("%+v: %d is past, and due at %d; now is %d", k, got-1, past, now)
			}
		}
	}
	slow := clock{drift: -0.999999999}
	if at := slow.when(1<<62, 0); at < 1<<59 {
		t.Errorf("an instant past all runs is due at %d", at)
	}
}
