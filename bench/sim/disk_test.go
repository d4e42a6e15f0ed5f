package sim

import (
	"slices"
	"testing"

	"raftzab/bench/fault"
	"raftzab/bench/random"
	"raftzab/protocols"
)

// An fsync takes 4 ms in these stories.

func (w *told) writes(id NodeID, at Time, count int) {
	w.at(id, at, func(r *recorder, out *protocols.Output[note]) {
		for range count {
			r.append(out, r.last)
		}
	})
}

func TestWhatGathersBehindAnFsyncSharesTheNext(t *testing.T) {
	w := tell(t, 1, nil)
	w.writes(1, 0, 1)
	w.writes(1, ms, 1)
	w.writes(1, 3*ms, 2)
	w.writes(1, 20*ms, 1)
	w.run(100 * ms)
	w.hears(1, 1, "4 persisted 1", "8 persisted 4", "24 persisted 5")
}

func TestDiskFaultConcernsTheNextFsyncAndIsTakenBack(t *testing.T) {
	w := tell(t, 2, nil)
	for _, at := range []Time{0, 2 * ms, 50 * ms} {
		w.writes(1, at, 1)
		w.writes(2, at, 1)
	}
	w.run(ms)
	f := fault.Fault{Kind: fault.Disk, Nodes: []NodeID{1}, Fsync: random.Always(20 * ms)}
	w.inject(f)
	w.run(40 * ms)
	back, _ := f.Undo()
	w.inject(back)
	w.run(100 * ms)
	w.hears(1, 1, "4 persisted 1", "24 persisted 2", "54 persisted 3")
	w.hears(2, 1, "4 persisted 1", "8 persisted 2", "54 persisted 3")
}

// What is Persisted survives a death; of what is under way, in the fsync or
// behind it, each prefix survives about equally often.
func TestEveryPrefixOfTheWritesUnderWaySurvives(t *testing.T) {
	const seeds = 1000
	for _, kind := range []fault.Kind{fault.Crash, fault.PowerOff} {
		var count [6]int
		w := tell(t, 1, nil)
		for seed := range uint64(seeds) {
			w.lives[1], w.up[1] = nil, true
			w.c.Reset(seed, 0)
			w.writes(1, 0, 2)
			w.writes(1, 5*ms, 1)
			w.writes(1, 6*ms, 2)
			w.run(8 * ms)
			w.strike(kind, 1)
			w.strike(fault.Restart, 1)
			found := w.lives[1][1].found
			if len(found.Entries) != int(found.Registers[1]) {
				t.Fatalf("seed %d: a write is half there: %v", seed, found)
			}
			count[len(found.Entries)]++
		}
		if count[0]+count[1] > 0 {
			t.Errorf("%v: writes that were Persisted are gone: %v", kind, count)
		}
		for kept, n := range count[2:] {
			if n < seeds/4-60 || n > seeds/4+60 { // over 4 standard deviations
				t.Errorf("%v: %d of 3 writes under way survived %d times in %d", kind, kept, n, seeds)
			}
		}
	}
}

// A death ends the fsync under way: the next life is told of its own only.
func TestFsyncOfOneLifeIsNotReportedToTheNext(t *testing.T) {
	w := tell(t, 1, nil)
	w.writes(1, 0, 1)
	w.run(2 * ms)
	w.strike(fault.Crash, 1)
	w.writes(1, 3*ms, 1)
	w.strike(fault.Restart, 1)
	w.run(100 * ms)
	w.hears(1, 1)
	w.hears(1, 2, "7 persisted 1")
}

// A failing fsync ends the life as a crash does: a prefix of what was under way is
// there, peers are told, and the next life's disk works.
func TestFailingFsyncEndsTheLife(t *testing.T) {
	var count [3]int
	for seed := range uint64(300) {
		w := tell(t, 2, nil)
		w.c.Reset(seed, 0)
		w.writes(1, 0, 1)
		w.writes(1, 5*ms, 2)
		w.writes(2, 5*ms, 1)
		w.run(6 * ms)
		f := fault.Fault{Kind: fault.Disk, Nodes: []NodeID{1}, Fail: true}
		w.inject(f)
		w.run(8 * ms)
		if _, up := w.c.Status(1); !up {
			t.Fatal("dead before the fsync was due")
		}
		w.run(30 * ms)
		if _, up := w.c.Status(1); up {
			t.Fatal("node 1 outlives its fsync")
		}
		w.hears(1, 1, "4 persisted 1")
		w.hears(2, 1, "9 persisted 1", "19 disconnected 1")
		w.up[1] = false
		w.strike(fault.Restart, 1)
		count[len(w.lives[1][1].found.Entries)-1]++
		w.writes(1, 40*ms, 1)
		w.run(60 * ms)
		w.hears(1, 2, "44 persisted 1")
	}
	if slices.Min(count[:]) < 60 {
		t.Errorf("none, one and two of the writes under way were there %v times", count)
	}
}

// It is the disk that fails, whoever uses it next, unless it is mended before.
func TestFailingDiskWaitsForTheNextFsync(t *testing.T) {
	w := tell(t, 2, nil)
	w.run(0)
	fail := fault.Fault{Kind: fault.Disk, Nodes: []NodeID{1, 2}, Fail: true}
	w.inject(fail)
	w.inject(fault.Fault{Kind: fault.Disk, Nodes: []NodeID{2}, Back: true})
	w.strike(fault.Crash, 1)
	w.strike(fault.Restart, 1)
	w.writes(1, 50*ms, 1)
	w.writes(2, 50*ms, 1)
	w.run(100 * ms)
	w.hears(1, 2)
	if _, up := w.c.Status(1); up {
		t.Error("the disk of node 1 has forgotten that it fails")
	}
	w.hears(2, 1, "54 persisted 1", "64 disconnected 1")

	w = shots(t, 3) // the fsync of an image is one too
	w.run(6 * ms)
	w.inject(fail)
	w.run(20 * ms)
	w.hears(1, 1)
	if _, up := w.c.Status(1); up {
		t.Error("node 1 outlives the fsync of its image")
	}
}
