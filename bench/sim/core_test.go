package sim

import (
	"testing"

	"raftzab/bench/fault"
	"raftzab/bench/kv"
	"raftzab/protocols"
	"raftzab/raft"
)

// slow is a cluster of cores that take 3 ms for a message.
func slow(t *testing.T, n int) *told {
	return tell(t, n, func(c *Config[note]) { c.Message = 3 * ms })
}

// A core handles what comes one after the other: three messages that arrive
// together take three times as long as one. A message takes its sender as long.
func TestACoreDoesOneThingAtATime(t *testing.T) {
	w := slow(t, 4)
	w.sends(2, ms, 1) // leaves at 4, there at 14, handled at 17
	w.sends(3, ms, 1)
	w.sends(4, ms, 1)
	w.run(100 * ms)
	w.hears(1, 1, "17 receive 1.0 from 2", "20 receive 1.0 from 3", "23 receive 1.0 from 4")
}

// What one call sends leaves one message after the other.
func TestMessagesLeaveOneAfterTheOther(t *testing.T) {
	w := slow(t, 4)
	for id := NodeID(2); id <= 4; id++ {
		w.sends(1, ms, id) // they leave at 4, 7 and 10
	}
	w.run(100 * ms)
	for id, want := range []string{"17 receive", "20 receive", "23 receive"} {
		w.hears(NodeID(id+2), 1, want+" 1.0 from 1")
	}
}

// Requests take time, and so does nobody's own fsync; but it waits for its turn,
// as an alarm does.
func TestRequestsTakeTimeAndAllElseWaits(t *testing.T) {
	w := slow(t, 2)
	w.writes(1, 8*ms, 1)                                        // durable at 12
	w.at(1, 14*ms, func(*recorder, *protocols.Output[note]) {}) // its alarm
	w.slack = 10 * ms
	w.run(ms / 2)
	for range 2 {
		w.submit(1, 1, kv.Put) // both there at 10.5, handled at 13.5 and 16.5
	}
	w.run(100 * ms)
	w.hears(1, 1, "13 propose", "16 propose", "16 persisted 1")
}

// While a node is paused its core does nothing, and afterwards it goes on where it was.
func TestAPauseStopsTheCore(t *testing.T) {
	w := slow(t, 3)
	w.sends(2, ms, 1) // there at 14
	w.sends(3, ms, 1)
	w.sends(3, 31*ms, 1) // there at 44
	w.run(15 * ms)
	w.strike(fault.Pause, 1)
	w.run(45 * ms)
	w.strike(fault.Resume, 1)
	w.run(100 * ms)
	w.hears(1, 1, "47 receive 1.0 from 2", "50 receive 1.0 from 3", "53 receive 1.1 from 3")
}

// What a process has not come to dies with it, and the next life has an idle core.
func TestWhatWaitsForTheCoreDiesWithItsNode(t *testing.T) {
	w := slow(t, 3)
	for range 5 {
		w.sends(2, ms, 1) // there at 14, ...
	}
	w.run(18 * ms)
	w.strike(fault.PowerOff, 1)
	w.strike(fault.Restart, 1)
	w.sends(3, 20*ms, 1) // there at 33
	w.run(200 * ms)
	w.hears(1, 1, "17 receive 1.0 from 2")
	w.hears(1, 2, "36 receive 1.0 from 3")
	if used, free := len(w.c.packets.cells), len(w.c.packets.free); used != free {
		t.Errorf("%d of %d packets are never used again", used-free, used)
	}
}

// A core that is busy makes a cluster slow, and the same seed the same events.
func TestTheCoreLimitsThroughput(t *testing.T) {
	run := func(message Time) (replies int, sum uint64) {
		w := ensemble(t, 3, func(c *Config[raft.Message]) { c.Message = message })
		w.run(1000 * ms)
		leader, seq := w.leader(), uint32(0)
		w.onWake = func(now Time) Time {
			for range 10 {
				seq++
				w.Submit(leader, put(1, seq, 1, uint64(seq)))
			}
			return now + ms
		}
		w.run(2000 * ms)
		_, sum = w.Events()
		return len(w.replies), sum
	}
	idle, _ := run(0)
	busy, sum := run(ms / 5)
	if idle < 9_000 || busy > idle/5 || busy < 100 {
		t.Errorf("%d writes are answered in a second, %d with a slow core", idle, busy)
	}
	if _, again := run(ms / 5); again != sum {
		t.Error("the same seed gives other events")
	}
}
