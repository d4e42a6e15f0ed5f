package sim

import (
	"testing"

	"raftzab/bench/fault"
	"raftzab/protocols"
)

// A message takes 10 ms in these stories, a lost one 20 ms more, then 40 ms.

func TestWhatTheFirstCallSendsReachesEveryone(t *testing.T) {
	w := tell(t, 3, nil)
	for from := NodeID(1); from <= 3; from++ {
		for to := NodeID(1); to <= 3; to++ {
			w.sends(from, 0, to)
		}
	}
	w.run(100 * ms)
	w.hears(1, 1, "0 self", "10 receive 1.0 from 2", "10 receive 1.0 from 3")
	w.hears(2, 1, "0 self", "10 receive 1.0 from 1", "10 receive 1.0 from 3")
	w.hears(3, 1, "0 self", "10 receive 1.0 from 1", "10 receive 1.0 from 2")
}

// What comes back to a node at once comes before all else, and so does what it
// says to itself in answer.
func TestSelfSendsComeRightAfterTheCall(t *testing.T) {
	w := tell(t, 2, nil)
	w.sends(2, 0, 1)
	w.sends(2, 0, 1)
	told := w.script
	selves := 0
	w.script = func(r *recorder, call string, out *protocols.Output[note]) {
		told(r, call, out)
		if r.id == 1 && selves < 3 && (call == "receive" || call == "self") {
			selves++
			r.send(1, out)
		}
	}
	w.run(100 * ms)
	w.hears(1, 1, "10 receive 1.0 from 2", "10 self", "10 self", "10 self", "10 receive 1.1 from 2")
	if w.sents != 2 {
		t.Errorf("%d messages on the network, want 2: what a node tells itself is no traffic", w.sents)
	}
}

func TestCrashIsHeardBehindWhatWasSentBefore(t *testing.T) {
	w := tell(t, 3, nil)
	w.sends(1, 5*ms, 2)
	w.run(6 * ms)
	w.strike(fault.Crash, 1)
	w.run(100 * ms)
	w.hears(2, 1, "15 receive 1.0 from 1", "16 disconnected 1")
	w.hears(3, 1, "16 disconnected 1")
}

func TestPowerOffIsSilentUntilTheNodeSpeaksAgain(t *testing.T) {
	w := tell(t, 2, nil)
	w.sends(1, 5*ms, 2)
	w.sends(2, 50*ms, 1)
	w.run(6 * ms)
	w.strike(fault.PowerOff, 1)
	w.run(500 * ms)
	w.hears(2, 1, "15 receive 1.0 from 1")
	w.sends(1, 600*ms, 2)
	w.strike(fault.Restart, 1)
	w.run(1000 * ms)
	w.hears(2, 1, "15 receive 1.0 from 1", "610 disconnected 1", "610 receive 2.0 from 1")
	w.hears(1, 2)
}

// A peer that has not noticed a power-off speaks into a dead stream: the word
// is lost, the answer is a reset, and the next word begins a new stream.
func TestPacketIntoADeadStreamBreaksIt(t *testing.T) {
	w := tell(t, 2, nil)
	w.sends(2, 0, 1)
	w.run(20 * ms)
	w.strike(fault.PowerOff, 1)
	w.strike(fault.Restart, 1)
	w.sends(2, 100*ms, 1)
	w.at(2, 120*ms, func(r *recorder, out *protocols.Output[note]) { r.send(1, out) })
	w.tasks[2] = append(w.tasks[2], task{})[:2]
	wakeNow(w, 2)
	w.run(500 * ms)
	w.hears(2, 1, "120 disconnected 1")
	w.hears(1, 2, "130 receive 1.0 from 2")
}
