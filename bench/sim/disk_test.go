package sim

import (
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

// An image of the store is reported once durable, from the disk of a node that
// lives on; recovery starts from it once a write has named it.
func TestImageIsDurableBeforeItIsReported(t *testing.T) {
	for _, crash := range []bool{false, true} {
		w := tell(t, 1, func(c *Config[note]) { c.Images = 3 })
		commits := func(at Time, index uint64) {
			w.at(1, at, func(_ *recorder, out *protocols.Output[note]) {
				out.Committed = append(out.Committed, protocols.Entry{ID: protocols.EntryID{Epoch: 1, Index: index}})
			})
		}
		for i := range uint64(3) {
			commits(Time(i)*ms, i+1)
		}
		at := protocols.EntryID{Epoch: 1, Index: 3}
		w.at(1, 20*ms, func(r *recorder, out *protocols.Output[note]) {
			r.asked = append(r.asked, protocols.Write{Seq: 1, Registers: protocols.Registers{1, 1}, Snapshot: at})
			r.wrote++
			out.Writes = append(out.Writes, r.asked[0])
		})
		if crash {
			w.run(10 * ms)
			w.strike(fault.PowerOff, 1)
			w.strike(fault.Restart, 1)
			w.run(15 * ms)
			w.hears(1, 1)
			continue
		}
		w.run(50 * ms)
		w.hears(1, 1, "14 compact 1.3", "24 persisted 1")
		w.strike(fault.PowerOff, 1)
		w.strike(fault.Restart, 1)
		if s := w.c.hosts[1].disk.Snapshot; s.At != at || w.c.hosts[1].image(at) == nil {
			t.Errorf("the snapshot %v is gone: %v", at, s)
		}
		if got := w.lives[1][1].found.Snapshot; got.At != at || got.Size == 0 {
			t.Errorf("the next life finds %v, want %v", got, at)
		}
	}
}
