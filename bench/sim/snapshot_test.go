package sim

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"raftzab/bench/fault"
	"raftzab/protocols"
)

// In these stories node 1 has an image of every third entry. An image takes three
// fsyncs of 4 ms to be durable, a message 10 ms to arrive, and each image has 64 bytes.

func index(i uint64) protocols.EntryID { return protocols.EntryID{Epoch: 1, Index: i} }

// shots returns nodes of which the first has applied so many entries by 10 ms, has
// an image by 22 ms, and has named it by 29 ms. (No more than 9.)
func shots(t testing.TB, entries uint64) *told {
	w := tell(t, 2, func(c *Config[note]) { c.Images = 3 })
	for i := range entries {
		w.commits(1, Time(i+1)*ms, i+1)
	}
	w.names(1, 25*ms, 3)
	return w
}

func (w *told) commits(id NodeID, at Time, i uint64) {
	w.at(id, at, func(_ *recorder, out *protocols.Output[note]) {
		out.Committed = append(out.Committed, protocols.Entry{ID: index(i)})
	})
}

// names has a node write that recovery starts from a snapshot, and that its log
// does too.
func (w *told) names(id NodeID, at Time, i uint64) {
	w.at(id, at, func(r *recorder, out *protocols.Output[note]) {
		r.snapshot, r.base = index(i), index(i)
		r.asks(out, index(i))
	})
}

func (w *told) sendsPart(from NodeID, at Time, to NodeID, i, offset, length uint64) {
	w.at(from, at, func(r *recorder, out *protocols.Output[note]) {
		r.sendPart(to, protocols.Chunk{At: index(i), Offset: offset, Length: length}, out)
	})
}

func (w *told) restores(id NodeID, at Time, i uint64) {
	w.at(id, at, func(_ *recorder, out *protocols.Output[note]) { out.Restore = index(i) })
}

// breaks demands that the run ends with a panic that says what is wrong.
func (w *told) breaks(until Time, want string) {
	w.t.Helper()
	defer func() {
		if p := fmt.Sprint(recover()); !strings.Contains(p, want) {
			w.t.Errorf("panic %q, want one that says %q", p, want)
		}
	}()
	w.run(until)
}

// holds compares which snapshots a node's disk has.
func (w *told) holds(id NodeID, want ...uint64) {
	w.t.Helper()
	var ids []protocols.EntryID
	for _, i := range want {
		ids = append(ids, index(i))
	}
	if got := w.c.hosts[id].names(); fmt.Sprint(got) != fmt.Sprint(ids) {
		w.t.Errorf("node %d holds %v, want %v", id, got, ids)
	}
}

// An image of the store is reported once durable, from the disk of a node that
// lives on; recovery starts from it once a write has named it.
func TestImageIsDurableBeforeItIsReported(t *testing.T) {
	w := shots(t, 3)
	w.run(10 * ms)
	w.strike(fault.PowerOff, 1)
	w.holds(1)
	w.strike(fault.Restart, 1)
	w.run(20 * ms)
	w.hears(1, 1)
	w.hears(1, 2)

	w = shots(t, 3)
	w.run(50 * ms)
	w.hears(1, 1, "15 compact 1.3", "29 persisted 1")
	w.strike(fault.PowerOff, 1)
	w.strike(fault.Restart, 1)
	if got := w.lives[1][1].found.Snapshot; got.At != index(3) || got.Size != 64 {
		t.Errorf("the next life finds %v", got)
	}
	w.commits(1, 51*ms, 4) // the state is that of the snapshot, or this would be out of order
	w.commits(1, 52*ms, 5)
	w.commits(1, 53*ms, 6)
	w.run(100 * ms)
	w.hears(1, 2, "65 compact 1.6")
	w.holds(1, 3, 6)
}

// An image that no durable write has named is nothing that the next life knows of.
func TestImageThatNobodyNamedIsForgotten(t *testing.T) {
	w := shots(t, 3)
	w.run(24 * ms)
	w.holds(1, 3)
	w.strike(fault.Crash, 1)
	w.holds(1)
	w.strike(fault.Restart, 1)
	w.breaks(30*ms, "node 1 installs a snapshot of which no byte ever arrived: 1.3")
}

// An image that a snapshot from elsewhere has overtaken is neither kept nor reported.
func TestImageThatWasOvertakenIsDropped(t *testing.T) {
	w := shots(t, 6)
	w.names(1, 40*ms, 6)
	w.sendsPart(1, 50*ms, 2, 6, 0, 64)
	w.run(55 * ms)
	for i := range uint64(3) { // the image of 1.3 is durable 12 ms after
		w.commits(2, 59*ms, i+1)
	}
	w.names(2, 61*ms, 6)
	w.restores(2, 66*ms, 6)
	w.run(100 * ms)
	w.hears(2, 1, "60 receive 1.0 from 1", "65 persisted 1")
	w.holds(2, 6)
}

// The chunks of a snapshot may come in any order, and again: it is installed by
// the write that names it, and from then on the node starts from it.
func TestSnapshotIsInstalledFromItsChunks(t *testing.T) {
	w := shots(t, 3)
	for i, c := range [][2]uint64{{40, 24}, {0, 10}, {40, 24}, {0, 20}, {5, 40}} {
		w.sendsPart(1, Time(30+i)*ms, 2, 3, c[0], c[1])
	}
	w.run(45 * ms)
	w.names(2, 50*ms, 3)
	w.restores(2, 60*ms, 3)
	w.commits(2, 61*ms, 4)
	w.run(53 * ms)
	w.holds(2)
	w.run(80 * ms)
	w.holds(2, 3)
	if n := len(w.c.hosts[2].aside); n != 0 {
		t.Errorf("%d snapshots are still put aside", n)
	}
	if want := 5*10 + 24 + 10 + 24 + 20 + 40; w.bytes != want {
		t.Errorf("%d bytes on the wire, want %d", w.bytes, want)
	}
	w.strike(fault.Crash, 2)
	w.strike(fault.Restart, 2)
	if got := w.lives[2][1].found; got.Snapshot.At != index(3) || got.Snapshot.Size != 64 || got.Base != index(3) {
		t.Errorf("the next life finds %v", got)
	}
	w.sendsPart(2, 90*ms, 1, 3, 0, 64) // and may send it on
	w.commits(2, 91*ms, 4)
	w.run(120 * ms)
}

// What is asked of the disk must have arrived.
func TestSnapshotWithBytesMissingIsNotInstalled(t *testing.T) {
	for want, chunks := range map[string][][2]uint64{
		"which bytes 20..24 never arrived": {{0, 20}, {24, 40}},
		"which bytes 0..1 never arrived":   {{1, 63}},
		"which bytes 63..64 never arrived": {{0, 63}},
		"which no byte ever arrived":       nil,
	} {
		w := shots(t, 3)
		for _, c := range chunks {
			w.sendsPart(1, 30*ms, 2, 3, c[0], c[1])
		}
		w.names(2, 50*ms, 3)
		w.breaks(100*ms, "node 2 installs a snapshot of "+want)
	}
}

// What was put aside is in memory: it does not outlive the process.
func TestChunksPutAsideAreLostInACrash(t *testing.T) {
	for _, kind := range []fault.Kind{fault.Crash, fault.PowerOff} {
		w := shots(t, 3)
		w.sends(2, 29*ms, 1) // word from the new life, below, has to break no stream first
		w.sendsPart(1, 30*ms, 2, 3, 0, 40)
		w.run(45 * ms)
		w.strike(kind, 2)
		w.strike(fault.Restart, 2)
		w.sends(2, 46*ms, 1)
		w.sendsPart(1, 60*ms, 2, 3, 40, 24)
		w.names(2, 80*ms, 3)
		w.breaks(100*ms, "bytes 0..40 never arrived")
	}
}

// A crash in the fsync of the installing write leaves the old state or the new,
// each with its content.
func TestCrashWhileInstallingLeavesOldOrNew(t *testing.T) {
	var count [2]int
	for seed := range uint64(200) {
		w := shots(t, 3)
		w.c.Reset(seed, 0)
		w.sendsPart(1, 30*ms, 2, 3, 0, 64)
		w.names(2, 50*ms, 3)
		w.run(52 * ms)
		w.strike(fault.Crash, 2)
		w.strike(fault.Restart, 2)
		switch got := w.lives[2][1].found.Snapshot; got.At {
		case index(3):
			count[1]++
			w.holds(2, 3)
			w.commits(2, 60*ms, 4)
			w.run(70 * ms)
		case protocols.EntryID{}:
			count[0]++
			w.holds(2)
			w.writes(2, 60*ms, 1) // nothing holds it to what its predecessor asked for
			w.run(70 * ms)
			w.hears(2, 2, "64 persisted 1")
		default:
			t.Fatalf("seed %d: %v", seed, got)
		}
	}
	if count[0] < 60 || count[1] < 60 {
		t.Errorf("old %d times, new %d times", count[0], count[1])
	}
}

// The content travels with the message: the snapshot may be gone at its sender
// when the packet arrives. Once it is gone, nobody may send of it.
func TestChunkOutlivesItsSnapshotAtTheSender(t *testing.T) {
	w := shots(t, 6)
	w.sendsPart(1, 36*ms, 2, 3, 0, 64)
	w.names(1, 37*ms, 6) // durable at 41
	w.names(2, 50*ms, 3)
	w.run(40 * ms)
	w.holds(1, 3, 6)
	w.run(45 * ms)
	w.holds(1, 6)
	w.run(60 * ms)
	w.holds(2, 3)
	w.sendsPart(1, 70*ms, 2, 3, 0, 64)
	w.breaks(100*ms, "node 1 sends 2 a chunk of snapshot 1.3, which is not on its disk")
}

func TestChunkIsWithinItsSnapshot(t *testing.T) {
	w := shots(t, 3)
	w.sendsPart(1, 30*ms, 2, 3, 60, 5)
	w.breaks(100*ms, "bytes 60..65 of snapshot 1.3, which has 64")
}

// Chunks of what the disk has, or of what is older, take no room.
func TestChunksOfAnOldSnapshotAreNotKept(t *testing.T) {
	w := shots(t, 6)
	w.sendsPart(1, 30*ms, 2, 3, 0, 64)
	w.sendsPart(1, 31*ms, 2, 6, 0, 64)
	w.names(2, 50*ms, 6)
	w.sendsPart(1, 51*ms, 2, 3, 0, 64)
	w.sendsPart(1, 51*ms, 2, 6, 0, 64)
	w.run(100 * ms)
	w.holds(2, 6)
	if n := len(w.c.hosts[2].aside); n != 0 {
		t.Errorf("%d snapshots are put aside", n)
	}
}

func TestSnapshotsOnlyGoForward(t *testing.T) {
	w := shots(t, 6)
	w.names(1, 40*ms, 6)
	w.names(1, 41*ms, 3)
	w.breaks(100*ms, "node 1 goes back from snapshot 1.6 to 1.3")
}

// A state is replaced only by what is durable.
func TestRestoreOfWhatIsNotDurableIsTheReplicasFault(t *testing.T) {
	w := shots(t, 3)
	w.sendsPart(1, 30*ms, 2, 3, 0, 64)
	w.names(2, 50*ms, 3)
	w.restores(2, 52*ms, 3)
	w.breaks(100*ms, "node 2: restore 1.3, which is no snapshot that is durable here")
}

// A cluster that is used again has no disk, no clock and no chunk of the trial before.
func TestResetForgetsTheWorldBefore(t *testing.T) {
	w := shots(t, 3)
	w.sendsPart(1, 30*ms, 2, 3, 0, 40)
	w.run(45 * ms)
	for id := NodeID(1); id <= 2; id++ {
		w.inject(fault.Fault{Kind: fault.Disk, Nodes: []NodeID{id}, Fail: true})
		w.inject(clockFault(id, 100*ms, 0.5))
	}
	w.c.Reset(2, 0)
	for id := range w.lives {
		w.lives[id], w.tasks[id] = nil, nil
	}
	w.writes(1, 10*ms, 1)
	w.run(50 * ms)
	w.hears(1, 1, "14 persisted 1")
	w.holds(1)
	w.names(2, 60*ms, 3)
	w.breaks(100*ms, "no byte ever arrived")
}

// Whatever spans arrive in whatever order, what is missing is the first byte that
// none of them has.
func TestSpansCoverWhatTheyCover(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		const size = 40
		var there [size]bool
		var p part
		for range rng.IntN(20) {
			a := rng.Uint64N(size)
			b := a + 1 + rng.Uint64N(size-a)
			p.cover(span{a, b})
			for i := a; i < b; i++ {
				there[i] = true
			}
			want := span{size, size}
			for i := range uint64(size) {
				if !there[i] {
					for want = (span{i, i}); want.b < size && !there[want.b]; want.b++ {
					}
					break
				}
			}
			for i := range p.spans[1:] { // as few spans as can be
				if p.spans[i].b >= p.spans[i+1].a {
					t.Fatalf("%v touch or are out of order", p.spans)
				}
			}
			if got := p.missing(size); got != want {
				t.Fatalf("%v: %v is missing, want %v", p.spans, got, want)
			}
		}
	}
}
