package sim

import (
	"math/rand/v2"
	"testing"

	"raftzab/bench/fault"
	"raftzab/protocols"
)

// A paused process does nothing. When it goes on, it finds all that came
// meanwhile in its old order, before what comes at that very moment.
func TestResumeFindsWhatCameInItsOrder(t *testing.T) {
	w := tell(t, 3, nil)
	w.writes(1, 0, 1)                                                                 // durable at 4, while it sleeps
	w.at(1, 25*ms, func(*recorder, *protocols.Output[note]) {})                       // its alarm
	w.sends(2, 2*ms, 1)                                                               // there at 12
	w.sends(3, 10*ms, 1)                                                              // at 20
	w.sends(2, 20*ms, 1)                                                              // at 30
	w.sends(2, 40*ms, 1)                                                              // at 50, when it goes on
	w.at(2, 41*ms, func(r *recorder, out *protocols.Output[note]) { r.send(1, out) }) // at 51
	resumed := false
	w.onWake = func(now Time) Time {
		switch {
		case now < ms:
			return ms
		case now == ms:
			w.strike(fault.Pause, 1)
			if _, ok := w.c.Status(1); ok {
				t.Error("a paused node answers")
			}
			return 50 * ms
		}
		resumed = true
		w.strike(fault.Resume, 1)
		if _, ok := w.c.Status(1); !ok {
			t.Error("a resumed node does not answer")
		}
		return 0
	}
	w.run(100 * ms)
	w.hears(1, 1, "50 persisted 1", "50 receive 1.0 from 2", "50 receive 1.0 from 3", "50 receive 1.1 from 2", "50 receive 1.2 from 2", "51 receive 1.3 from 2")
	if !resumed {
		t.Error("the handler was not woken")
	}
}

// A node that is absent is a machine without a process, and a connection to it is
// refused. It is started as any that is down, whoever is absent.
func TestAnAbsentNodeComesWithARestart(t *testing.T) {
	w := tell(t, 2, nil)
	w.c.cfg.Absent = []NodeID{1}
	w.sends(2, 2*ms, 1)  // refused at 12, which it hears at 22
	w.sends(2, 60*ms, 1) // at 70
	w.run(0)
	w.run(ms)
	if _, ok := w.c.Status(1); ok {
		t.Error("an absent node answers")
	}
	w.run(50 * ms)
	w.hears(2, 1, "22 disconnected 1")
	w.strike(fault.Restart, 1)
	if _, ok := w.c.Status(1); !ok {
		t.Error("a node that is started does not answer")
	}
	w.run(100 * ms)
	w.hears(1, 1, "70 receive 1.0 from 2") // the first on its stream
	w.c.Reset(1, 1)
	w.run(ms)
	_, absent := w.c.Status(1)
	if _, other := w.c.Status(2); absent || !other {
		t.Errorf("in the next trial node 1 is there: %t, and node 2: %t", absent, other)
	}
}

// The order holds even for what came at the moment of the resume, before it.
func TestResumeKeepsTheOrderWithinAnInstant(t *testing.T) {
	w := tell(t, 3, nil)
	w.sends(2, 10*ms, 1)
	w.sends(2, 10*ms, 1)
	w.sends(2, 10*ms, 1)
	w.run(5 * ms)
	w.strike(fault.Pause, 1)
	w.run(15 * ms)
	for w.c.queue.events[0].at < 20*ms { // step by hand, since a handler is not asked between two events of an instant
		w.c.step()
	}
	w.c.step()
	w.strike(fault.Resume, 1)
	w.run(100 * ms)
	w.hears(1, 1, "20 receive 1.0 from 2", "20 receive 1.1 from 2", "20 receive 1.2 from 2")
}

// A paused process that dies takes with it what it had not seen.
func TestWhatAPausedNodeHadNotSeenDiesWithIt(t *testing.T) {
	w := tell(t, 2, nil)
	w.sends(2, 2*ms, 1)
	w.run(ms)
	w.strike(fault.Pause, 1)
	w.run(20 * ms)
	w.strike(fault.PowerOff, 1)
	w.strike(fault.Restart, 1)
	w.run(100 * ms)
	w.hears(1, 1)
	w.hears(1, 2)
	w.hears(2, 1, "30 disconnected 1")
	if used, free := len(w.c.packets.cells), len(w.c.packets.free); used != free {
		t.Errorf("%d of %d packets are never used again", used-free, used)
	}
}

// A paused node learns of a broken stream when it goes on, even if it was down
// when its peer died.
func TestPausedNodeIsNotToldOfBrokenStreams(t *testing.T) {
	w := tell(t, 2, nil)
	w.sends(1, 0, 2)
	w.sends(2, 0, 1)
	w.run(20 * ms)
	w.strike(fault.PowerOff, 1)
	w.strike(fault.Crash, 2)
	w.strike(fault.Restart, 1)
	w.strike(fault.Pause, 1)
	w.run(100 * ms)
	w.strike(fault.Restart, 2)
	w.run(200 * ms)
	w.strike(fault.Resume, 1)
	w.run(300 * ms)
	w.hears(1, 2)
}

// Faults that rest on chance may strike nodes that are in the wrong state.
func TestFaultsOfNodesInTheWrongStateDoNothing(t *testing.T) {
	w := tell(t, 2, nil)
	w.sends(2, 50*ms, 1)
	w.run(ms)
	do := func(k fault.Kind) { w.inject(fault.Fault{Kind: k, Nodes: []NodeID{1}}) }
	do(fault.Restart)
	do(fault.Resume)
	w.run(100 * ms)
	w.hears(1, 1, "60 receive 1.0 from 2")
	w.strike(fault.Crash, 1)
	for _, k := range []fault.Kind{fault.Crash, fault.PowerOff, fault.Pause, fault.Resume} {
		do(k)
	}
	w.run(200 * ms)
	if _, ok := w.c.Status(1); ok || len(w.lives[1]) != 1 {
		t.Errorf("node 1 answers: %t, lives: %d", ok, len(w.lives[1]))
	}
	w.hears(2, 1, "110 disconnected 1")
	w.strike(fault.Restart, 1)
	if _, ok := w.c.Status(1); !ok || len(w.lives[1]) != 2 {
		t.Errorf("node 1 is not back: answers: %t, lives: %d", ok, len(w.lives[1]))
	}
}

func TestFaultThatCannotBeIsAnError(t *testing.T) {
	w := tell(t, 3, nil)
	for _, f := range []fault.Fault{
		{Kind: fault.Crash, Nodes: []NodeID{4}},
		{Kind: fault.Crash, Nodes: []NodeID{0}},
		{Kind: fault.Cut, From: []NodeID{1}, To: []NodeID{4}},
		{Kind: fault.Cut, From: []NodeID{4}, To: []NodeID{1}},
		{Kind: fault.Partition, Groups: [][]NodeID{{1, 2}, {3, 4}}},
		{Kind: fault.Transfer, Nodes: []NodeID{4}},
		{Kind: fault.Clock, Nodes: []NodeID{1}, Skew: -1},
		{Kind: fault.Clock, Nodes: []NodeID{1}, Drift: -1},
	} {
		if w.c.Inject(f) == nil {
			t.Errorf("%v: no error", f)
		}
	}
}

// Each that leads, or believes to, is asked; who follows, sleeps, is dead or cannot
// hand over is not.
func TestTransferAsksWhoLeads(t *testing.T) {
	w := tell(t, 6, nil)
	w.c.cfg.New = func(id NodeID, r protocols.Recovered, rng *rand.Rand) protocols.Replica[note] {
		x := w.born(id, r, rng)
		if id == 6 {
			return struct{ protocols.Replica[note] }{x} // no Transferrer
		}
		return x
	}
	w.run(0)
	for _, id := range []NodeID{1, 3, 4, 5, 6} {
		w.current(id).role = protocols.Leader
	}
	w.strike(fault.Pause, 4)
	w.strike(fault.PowerOff, 5)
	w.run(5 * ms)
	w.inject(fault.Fault{Kind: fault.Transfer, Nodes: []NodeID{2}})
	w.run(100 * ms)
	w.hears(1, 1, "5 transfer to 2")
	w.hears(3, 1, "5 transfer to 2")
	for _, id := range []NodeID{2, 4, 5, 6} {
		w.hears(id, 1)
	}
}

// In a partial partition a pair may talk if some group holds both.
func TestGroupsOfAPartitionMayOverlap(t *testing.T) {
	w := tell(t, 3, nil)
	w.run(0)
	w.inject(fault.Fault{Kind: fault.Partition, Groups: [][]NodeID{{1, 2}, {2, 3}}})
	for _, pair := range [][2]NodeID{{1, 2}, {2, 1}, {1, 3}, {3, 1}, {2, 3}, {3, 2}} {
		w.sends(pair[0], 5*ms, pair[1])
	}
	w.run(100 * ms)
	w.hears(1, 1, "15 receive 1.0 from 2")
	w.hears(2, 1, "15 receive 1.0 from 1", "15 receive 1.0 from 3")
	w.hears(3, 1, "15 receive 1.0 from 2")
}
