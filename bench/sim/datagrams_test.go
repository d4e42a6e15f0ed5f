package sim

import (
	"slices"
	"testing"

	"raftzab/bench/fault"
	"raftzab/bench/network"
	"raftzab/bench/random"
)

// Datagrams take 10 ms in these stories.
func datagrams(t testing.TB, n int) *told {
	return tell(t, n, func(c *Config[note]) { c.Network.Channel = network.Datagram })
}

func TestNobodyIsToldOfWhoDiesAmongDatagrams(t *testing.T) {
	for _, kind := range []fault.Kind{fault.Crash, fault.PowerOff} {
		w := datagrams(t, 2)
		w.sends(1, 0, 2)
		w.sends(1, 15*ms, 2)
		w.sends(2, 15*ms, 1) // on its way to the first life
		w.sends(2, 25*ms, 1) // to nobody
		w.run(20 * ms)
		w.strike(kind, 1)
		w.run(30 * ms)
		w.strike(fault.Restart, 1)
		w.sends(1, 40*ms, 2)
		w.sends(2, 40*ms, 1)
		w.run(100 * ms)
		w.hears(1, 2, "50 receive 1.2 from 2")
		w.hears(2, 1, "10 receive 1.0 from 1", "25 receive 1.1 from 1", "50 receive 2.0 from 1")
		if used, free := len(w.c.packets.cells), len(w.c.packets.free); used != free {
			t.Errorf("%d of %d packets are never used again", used-free, used)
		}
	}
}

// What reaches a node in its sleep was for this life, unless it dies in it.
func TestDatagramsWaitForAPausedProcess(t *testing.T) {
	w := datagrams(t, 2)
	w.sends(2, 0, 1)
	w.run(ms)
	w.strike(fault.Pause, 1)
	w.run(20 * ms)
	w.strike(fault.Resume, 1)
	w.sends(2, 25*ms, 1)
	w.run(30 * ms)
	w.strike(fault.Pause, 1)
	w.run(40 * ms)
	w.strike(fault.PowerOff, 1)
	w.strike(fault.Restart, 1)
	w.run(100 * ms)
	w.hears(1, 1, "20 receive 1.0 from 2")
	w.hears(1, 2)
}

func TestDatagramsIntoACutAreGone(t *testing.T) {
	w := datagrams(t, 2)
	w.sends(1, 0, 2)
	w.sends(1, 10*ms, 2)
	w.sends(1, 60*ms, 2)
	w.run(5 * ms)
	w.inject(fault.Fault{Kind: fault.Cut, From: []NodeID{1}, To: []NodeID{2}})
	w.run(50 * ms)
	w.inject(fault.Fault{Kind: fault.Heal})
	w.run(1000 * ms)
	w.hears(2, 1, "10 receive 1.0 from 1", "70 receive 1.2 from 1")
	if n := len(w.c.held); n != 0 {
		t.Errorf("%d packets are held", n)
	}
}

// A link fault makes a link unruly, and is taken back.
func TestLinkFaultDuplicatesAndReorders(t *testing.T) {
	w := datagrams(t, 2)
	w.sends(1, 0, 2)
	w.sends(1, 100*ms, 2)
	w.run(0)
	f := fault.Fault{Kind: fault.Link, From: []NodeID{1}, To: []NodeID{2}, Delay: random.Always(10 * ms), Duplicate: 1}
	w.inject(f)
	for i := range 3 {
		w.sends(1, Time(10+i)*ms, 2)
	}
	w.run(50 * ms)
	w.hears(2, 1, "10 receive 1.0 from 1", "20 receive 1.1 from 1", "20 receive 1.1 from 1", "21 receive 1.2 from 1", "21 receive 1.2 from 1", "22 receive 1.3 from 1", "22 receive 1.3 from 1")
	back, _ := f.Undo()
	w.inject(back)
	w.run(200 * ms)
	if got := w.lives[2][0].heard; !slices.Contains(got, "110 receive 1.4 from 1") || w.doubled != 3 {
		t.Errorf("%d doubled; heard %q", w.doubled, got)
	}
	f.Duplicate, f.Reorder = 0, 1
	w.inject(f)
	w.sends(1, 300*ms, 2)
	w.run(500 * ms)
	last := w.lives[2][0].heard[len(w.lives[2][0].heard)-1]
	if late := []string{"320", "330", "340", "350", "360"}; !slices.ContainsFunc(late, func(at string) bool { return last == at+" receive 1.5 from 1" }) {
		t.Errorf("held back: %q", last)
	}
}

// The checksum of a run on streams is what it was before there were datagrams:
// other packages pin it. On datagrams the same seed gives the same too.
func TestSameSeedSameDatagrams(t *testing.T) {
	sum := func(seed uint64) uint64 {
		_, s := brew(t, seed, true, true, unruly).c.Events()
		return s
	}
	if a, b, c := sum(1), sum(1), sum(2); a != b || a == c {
		t.Errorf("seed 1: %x, %x; seed 2: %x", a, b, c)
	}
}
