package zab

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"raftzab/protocols"
)

// Whatever crashes, goes silent, is cut off or loses a stream, at whatever
// moment: all servers deliver one sequence (the world checks it at each
// delivery), nothing delivered is ever missing, and when the world is well again
// every server that has not promised a later epoch serves, and orders a write.
func TestRandomFaultsKeepOneOrder(t *testing.T) {
	const seeds = 300
	var how [protocols.Snap + 1]int
	outside, commits, cuts, epochs, abandoned := 0, 0, 0, 0, 0
	for seed := range uint64(seeds) {
		var w *world
		if !t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) { w = soak(t, seed) }) {
			t.FailNow()
		}
		for _, p := range w.probes {
			switch p.Kind {
			case protocols.SyncChosen:
				how[p.Phase]++
			case protocols.LogTruncated:
				cuts++
			}
		}
		commits += len(w.order)
		epochs += len(w.established)
		abandoned += len(w.abandoned)
		for _, s := range w.servers[1:] {
			if s.r.acceptedEpoch > w.servers[w.leader()].r.currentEpoch {
				outside++
			}
		}
	}
	t.Logf("%d seeds: %d commits, %d epochs, %d proposals abandoned, %d logs cut; DIFF %d, TRUNC %d, SNAP %d; %d left outside",
		seeds, commits, epochs, abandoned, cuts, how[protocols.Diff], how[protocols.Trunc], how[protocols.Snap], outside)
	// A soak that reaches none of the rare paths shows nothing.
	if commits < 30*seeds || epochs < 3*seeds || cuts < seeds/10 || how[protocols.Trunc] == 0 || how[protocols.Snap] == 0 {
		t.Errorf("too little happened")
	}
}

func soak(t *testing.T, seed uint64) *world {
	rng := rand.New(rand.NewPCG(seed, 1))
	n := 3 + 2*rng.IntN(2)
	w := newWorld(t, n)
	w.fsync = Time(1+rng.IntN(30)) * millisecond // long enough to crash in
	w.startAll()
	w.run(Time(rng.IntN(400)) * millisecond)
	seq := uint32(0)
	write := func(id NodeID) {
		if w.servers[id].up {
			seq++
			w.propose(id, seq)
		}
	}
	anyone := func() NodeID { return NodeID(1 + rng.IntN(n)) }
	fallen := func(id NodeID) {
		switch s := w.servers[id]; {
		case !s.up:
			w.start(id)
		case rng.IntN(2) == 0:
			w.crash(id, rng.IntN(5))
		default:
			w.powerOff(id, rng.IntN(5))
		}
	}
	for range 150 {
		w.run(Time(rng.IntN(60)) * millisecond)
		switch rng.IntN(24) {
		case 0:
			fallen(anyone())
		case 1:
			if l := w.leader(); l != 0 {
				fallen(l)
			}
		case 2, 3, 4:
			if s := w.servers[anyone()]; !s.up {
				w.start(s.id)
			}
		case 5:
			if a, b := anyone(), anyone(); a != b {
				w.breakStream(a, b)
			}
		case 6:
			alone := anyone()
			if l := w.leader(); l != 0 && rng.IntN(2) == 0 {
				alone = l
			}
			w.cutOff(alone)
			for range rng.IntN(4) {
				write(alone)
			}
		case 7, 8, 9:
			w.heal()
		case 10:
			if rng.IntN(5) == 0 { // the lights go out
				for _, s := range w.servers[1:] {
					if s.up {
						w.crash(s.id, rng.IntN(5))
					}
				}
			}
		default:
			for range rng.IntN(5) {
				write(anyone())
			}
		}
	}

	w.heal()
	for _, s := range w.servers[1:] {
		if !s.up {
			w.start(s.id)
		}
	}
	inside := func(s *server) bool {
		return s.r.acceptedEpoch <= w.servers[w.leader()].r.currentEpoch
	}
	w.run(second / 2) // what was on its way when the faults ended
	w.runUntil("all serve again", 10*second, func() bool {
		l := w.leader()
		if l == 0 {
			return false
		}
		for _, s := range w.servers[1:] {
			if inside(s) && (!s.r.serving || s.r.leader != l) {
				return false
			}
		}
		return true
	})
	before := len(w.order)
	for _, s := range w.servers[1:] {
		if inside(s) {
			write(s.id)
			w.runUntil("a write after healing", second, func() bool { return w.done[seq] != 0 })
		}
	}
	if got := w.servers[w.leader()].delivered; got <= before {
		t.Fatalf("the leader delivered %d, and %d were delivered before it", got, before)
	}
	return w
}
