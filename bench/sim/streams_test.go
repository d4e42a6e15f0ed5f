package sim

import (
	"fmt"
	"testing"

	"raftzab/bench/fault"
	"raftzab/bench/random"
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
	w.sends(2, 100*ms, 1)
	w.sends(2, 130*ms, 1)
	w.run(20 * ms)
	w.strike(fault.PowerOff, 1)
	w.strike(fault.Restart, 1)
	w.run(500 * ms)
	w.hears(2, 1, "120 disconnected 1")
	w.hears(1, 2, "140 receive 1.0 from 2")
}

// The reset waits for the way back to be open.
func TestResetIntoACutIsHeldLikeAnyPacket(t *testing.T) {
	w := tell(t, 2, nil)
	w.sends(2, 0, 1)
	w.sends(2, 100*ms, 1)
	w.run(20 * ms)
	w.strike(fault.PowerOff, 1)
	w.strike(fault.Restart, 1)
	w.inject(fault.Fault{Kind: fault.Cut, From: []NodeID{1}, To: []NodeID{2}})
	w.run(200 * ms)
	w.hears(2, 1)
	w.inject(fault.Fault{Kind: fault.Heal})
	w.run(500 * ms)
	w.hears(2, 1, "260 disconnected 1") // sent at 110, again at 130, 170, 250
}

// What is sent to a node that is down is lost. Where only its process died its
// machine refuses the connection, and the sender learns so at once; where the
// machine is off, when it is back.
func TestSenderToADeadNodeIsTold(t *testing.T) {
	for kind, want := range map[fault.Kind][]string{
		fault.Crash:    {"30 disconnected 1", "70 disconnected 1", "210 receive 2.0 from 1"},
		fault.PowerOff: {"210 disconnected 1", "210 receive 2.0 from 1"},
	} {
		w := tell(t, 2, nil)
		w.sends(2, 50*ms, 1)
		w.sends(1, 200*ms, 2)
		w.run(20 * ms)
		w.strike(kind, 1)
		w.run(100 * ms)
		w.strike(fault.Restart, 1)
		w.run(500 * ms)
		w.hears(2, 1, want...)
	}
}

// Where nothing was sent into the dead stream there is nothing to be told, and
// the first word arrives, whoever of the two died first and is back first.
func TestFirstWordBetweenNewLivesArrives(t *testing.T) {
	for _, kind := range []fault.Kind{fault.Crash, fault.PowerOff} {
		for order := range 8 {
			a, b := NodeID(1+order%2), NodeID(2-order%2)
			c, d := NodeID(1+order/2%2), NodeID(2-order/2%2)
			w := tell(t, 2, nil)
			w.sends(1, 0, 2)
			w.sends(2, 0, 1)
			w.run(40 * ms)
			speaker, listener := NodeID(1+order/4), NodeID(2-order/4)
			w.sends(speaker, 300*ms, listener)
			for _, id := range []NodeID{a, b} {
				w.strike(kind, id)
				w.run(w.c.Now() + 40*ms)
			}
			for _, id := range []NodeID{c, d} {
				w.strike(fault.Restart, id)
				w.run(w.c.Now() + 40*ms)
			}
			w.run(500 * ms)
			w.hears(listener, 2, fmt.Sprintf("310 receive 2.0 from %d", speaker))
			w.hears(speaker, 2)
		}
	}
}

// A node that is back at once is new all the same.
func TestNothingOfAnOldLifeReachesTheNew(t *testing.T) {
	for _, kind := range []fault.Kind{fault.Crash, fault.PowerOff} {
		w := tell(t, 2, nil)
		w.sends(1, 0, 2)
		w.sends(2, 19*ms, 1) // on its way to the first life
		w.run(20 * ms)
		w.strike(kind, 1)
		w.strike(fault.Restart, 1)
		w.run(100 * ms)
		w.hears(1, 2)
		want := []string{"10 receive 1.0 from 1", "30 disconnected 1"}
		if kind == fault.PowerOff {
			want[1] = "39 disconnected 1" // the reset
		}
		w.hears(2, 1, want...)
	}
}

// A new stream does not wait behind what is still under way of the old one.
func TestNewStreamOvertakesTheOld(t *testing.T) {
	w := tell(t, 2, nil)
	w.sends(1, 5*ms, 2)
	w.sends(1, 20*ms, 2)
	w.run(ms)
	slow := fault.Fault{Kind: fault.Link, From: []NodeID{1}, To: []NodeID{2}, Delay: random.Always(300 * ms)}
	w.inject(slow)
	w.run(10 * ms)
	slow.Back = true
	w.inject(slow)
	w.strike(fault.PowerOff, 1)
	w.strike(fault.Restart, 1)
	w.run(500 * ms)
	w.hears(2, 1, "30 disconnected 1", "30 receive 2.0 from 1")
}

// What a cut holds goes out when the sender next retransmits after the cut, the
// back-off counted from the first message held, and in its old order.
func TestWhatACutHoldsComesWithTheNextRetransmission(t *testing.T) {
	w := tell(t, 2, nil)
	w.sends(1, 5*ms, 2)
	w.sends(1, 30*ms, 2)
	w.sends(2, 30*ms, 1) // the other way is open
	w.sends(1, 51*ms, 2)
	w.run(ms)
	w.inject(fault.Fault{Kind: fault.Cut, From: []NodeID{1}, To: []NodeID{2}})
	w.run(50 * ms)
	w.inject(fault.Fault{Kind: fault.Heal, From: []NodeID{1}, To: []NodeID{2}})
	w.run(100 * ms)
	w.hears(1, 1, "40 receive 1.0 from 2")
	w.hears(2, 1, "75 receive 1.0 from 1", "75 receive 1.1 from 1", "75 receive 1.2 from 1") // sent at 5, again at 25 and 65
}

func TestWhatWasOnItsWayBeforeACutArrives(t *testing.T) {
	w := tell(t, 2, nil)
	w.sends(1, 0, 2)
	w.run(5 * ms)
	w.inject(fault.Fault{Kind: fault.Isolate, Nodes: []NodeID{1}})
	w.run(50 * ms)
	w.hears(2, 1, "10 receive 1.0 from 1")
}

// One partition takes the place of another. A pair that both keep apart stays
// apart meanwhile.
func TestPartitionAfterPartitionLetsNothingThroughBetween(t *testing.T) {
	w := tell(t, 3, nil)
	w.sends(1, 5*ms, 2)
	w.sends(1, 5*ms, 3)
	w.run(ms)
	w.inject(fault.Fault{Kind: fault.Partition, Groups: [][]NodeID{{1}, {2, 3}}})
	w.run(50 * ms)
	w.inject(fault.Fault{Kind: fault.Partition, Groups: [][]NodeID{{1, 3}, {2}}})
	w.run(500 * ms)
	w.hears(2, 1)
	w.hears(3, 1, "75 receive 1.0 from 1")
	w.inject(fault.Fault{Kind: fault.Heal})
	w.run(1000 * ms)
	w.hears(2, 1, "515 receive 1.0 from 1") // sent at 5, again at 25, 65, 145, 305, and 200 later, the most
}

// A kernel goes on sending for a process that died; a machine that is off does not.
func TestWhatACutHoldsOutlivesTheProcessAndNotTheMachine(t *testing.T) {
	for _, kind := range []fault.Kind{fault.Crash, fault.PowerOff} {
		w := tell(t, 2, nil)
		w.sends(1, 5*ms, 2)
		w.run(ms)
		w.inject(fault.Fault{Kind: fault.Cut, From: []NodeID{1}, To: []NodeID{2}})
		w.run(10 * ms)
		w.strike(kind, 1)
		w.inject(fault.Fault{Kind: fault.Heal})
		w.run(100 * ms)
		if kind == fault.Crash {
			w.hears(2, 1, "35 receive 1.0 from 1", "35 disconnected 1")
		} else {
			w.hears(2, 1)
		}
	}
}

// Who is isolated hears nobody, not even another who is.
func TestIsolatedNodesHearNobody(t *testing.T) {
	w := tell(t, 4, nil)
	for from := NodeID(1); from <= 4; from++ {
		for to := NodeID(1); to <= 4; to++ {
			if from != to {
				w.sends(from, 5*ms, to)
			}
		}
	}
	w.run(ms)
	w.inject(fault.Fault{Kind: fault.Isolate, Nodes: []NodeID{1, 2}})
	w.run(100 * ms)
	w.hears(1, 1)
	w.hears(2, 1)
	w.hears(3, 1, "15 receive 1.0 from 4")
	w.hears(4, 1, "15 receive 1.0 from 3")
}

func TestLinkFaultConcernsItsDirectionUntilItIsTakenBack(t *testing.T) {
	w := tell(t, 2, nil)
	w.sends(1, 5*ms, 2)
	w.sends(2, 5*ms, 1)
	w.sends(1, 100*ms, 2)
	w.run(ms)
	f := fault.Fault{Kind: fault.Link, From: []NodeID{1}, To: []NodeID{2}, Delay: random.Always(30 * ms)}
	w.inject(f)
	w.run(50 * ms)
	back, _ := f.Undo()
	w.inject(back)
	w.run(200 * ms)
	w.hears(1, 1, "15 receive 1.0 from 2")
	w.hears(2, 1, "35 receive 1.0 from 1", "110 receive 1.1 from 1")
}
