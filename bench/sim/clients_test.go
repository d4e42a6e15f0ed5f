package sim

import (
	"slices"
	"testing"

	"raftzab/bench"
	"raftzab/bench/fault"
	"raftzab/bench/kv"
	"raftzab/bench/random"
	"raftzab/protocols"
)

// A client is 10 ms away in these stories. Its requests take effect 1 ms after
// they came, where node 1 answers at all.
func clients(t testing.TB, answers bool) *told {
	w := tell(t, 2, nil)
	told := w.script
	w.script = func(r *recorder, call string, out *protocols.Output[note]) {
		told(r, call, out)
		if call == "wake" && answers {
			for len(r.waiting) > 0 {
				c := r.waiting[0]
				r.waiting = r.waiting[1:]
				if c.Op == kv.Get {
					out.Reads = append(out.Reads, protocols.ReadState{ID: c.ID})
				} else {
					r.applied++
					out.Committed = append(out.Committed, protocols.Entry{ID: protocols.EntryID{Epoch: 1, Index: r.applied}, Command: c})
				}
			}
		}
		if len(r.waiting) > 0 {
			r.wake = r.now + ms
		}
	}
	w.run(0) // the nodes boot
	return w
}

// replied compares how many replies each request has had.
func (w *told) replied(want ...int) {
	w.t.Helper()
	for i, n := range want {
		for id, a := range w.attempts {
			if int(id.Seq) == i+1 && a.replies != n {
				w.t.Errorf("request %d has had %d replies, want %d", i+1, a.replies, n)
			}
		}
	}
}

func TestRequestsArriveInOrderAndAreAnsweredOnce(t *testing.T) {
	w := clients(t, true)
	for range 3 {
		w.submit(1, 1, kv.Put)
		w.submit(1, 1, kv.Get)
	}
	w.run(20 * ms)
	w.replied(0, 0, 0, 0, 0, 0)
	w.hears(1, 1, "10 propose", "10 read", "10 propose", "10 read", "10 propose", "10 read")
	w.run(21 * ms)
	w.replied(1, 1, 1, 1, 1, 1)
	w.run(500 * ms)
	w.replied(1, 1, 1, 1, 1, 1)
}

// Dropping a connection voids the request on its way, the answer on its way and
// the answer that is still owed, and nothing of the next connection.
func TestDisconnectVoidsWhatIsUnderWay(t *testing.T) {
	for _, c := range []struct {
		name    string
		at      Time
		arrives bool
	}{{"request on its way", 5 * ms, false}, {"answer owed", 10 * ms, true}, {"answer on its way", 15 * ms, true}} {
		t.Run(c.name, func(t *testing.T) {
			w := clients(t, true)
			w.submit(1, 1, kv.Put)
			w.submit(2, 1, kv.Put) // another session
			w.run(c.at)
			w.disconnect(1, 1)
			w.disconnect(1, 2) // another node
			w.submit(1, 1, kv.Put)
			w.run(100 * ms)
			w.replied(0, 1, 1)
			if a := w.attempts[protocols.RequestID{Session: 1, Seq: 1}]; a.arrived != c.arrives {
				t.Errorf("arrived: %t", a.arrived)
			}
		})
	}
}

// A node that is back knows nothing of what its earlier life was asked.
func TestRequestsToOneLifeDoNotReachAnother(t *testing.T) {
	for _, kind := range []fault.Kind{fault.Crash, fault.PowerOff} {
		w := clients(t, true)
		w.submit(1, 1, kv.Put)
		w.run(5 * ms)
		w.strike(kind, 1)
		w.submit(1, 1, kv.Put) // to nobody
		w.strike(fault.Restart, 1)
		w.submit(1, 1, kv.Put)
		w.run(100 * ms)
		w.replied(0, 0, 1)
		w.hears(1, 1)
		w.hears(1, 2, "15 propose")
	}
}

// What a node answered before it died is on its way to the client.
func TestAnswerOutlivesTheNode(t *testing.T) {
	w := clients(t, true)
	w.submit(1, 1, kv.Put)
	w.run(12 * ms)
	w.strike(fault.Crash, 1)
	w.run(100 * ms)
	w.replied(1)
}

func TestPausedNodeTakesRequestsWhenItGoesOn(t *testing.T) {
	w := clients(t, true)
	w.submit(1, 1, kv.Put)
	w.submit(1, 1, kv.Put)
	w.submit(2, 1, kv.Put)
	w.run(5 * ms)
	w.strike(fault.Pause, 1)
	w.run(50 * ms)
	w.disconnect(2, 1) // before the process has seen the request
	w.strike(fault.Resume, 1)
	w.run(100 * ms)
	w.replied(1, 1, 0)
	w.hears(1, 1, "50 propose", "50 propose")
}

func TestClientsHaveADelayOfTheirOwn(t *testing.T) {
	quick := random.Always(2 * ms)
	w := tell(t, 1, func(c *Config[note]) { c.Network.Clients = &quick })
	w.run(0)
	w.submit(1, 1, kv.Put)
	w.run(100 * ms)
	w.hears(1, 1, "2 propose")
}

// The handler is woken when Run begins, when it asked to be, and not else; Run
// leaves off at its time and goes on where it was.
func TestHandlerIsWokenWhenItAskedToBe(t *testing.T) {
	w := tell(t, 1, nil)
	var woken []Time
	w.onWake = func(now Time) Time {
		woken = append(woken, now/ms)
		return []Time{30 * ms, 30 * ms, 70 * ms, 120 * ms, 0}[len(woken)-1]
	}
	w.run(50 * ms)
	if w.c.Now() != 50*ms {
		t.Errorf("Run left off at %v", w.c.Now())
	}
	w.run(200 * ms)
	if want := []Time{0, 30, 30, 50, 120}; !slices.Equal(woken, want) {
		t.Errorf("woken at %v, want %v", woken, want)
	}
}

func TestSimulatorSupportsEveryFaultAndTheReadsThatAreNamed(t *testing.T) {
	var c bench.System = tell(t, 1, nil).c
	for k := range fault.Kinds + 1 {
		if c.Supports(k) != (k < fault.Kinds) {
			t.Errorf("Supports(%d) is %t", k, c.Supports(k))
		}
	}
	for m := protocols.ReadLocal; m <= protocols.ReadSync; m++ {
		if c.SupportsRead(m) != (m <= protocols.ReadLeader) {
			t.Errorf("SupportsRead(%d) is %t", m, c.SupportsRead(m))
		}
		more := tell(t, 1, func(c *Config[note]) { c.Reads = []protocols.ReadMode{protocols.ReadLocal, protocols.ReadSync} }).c
		if more.SupportsRead(m) != (m == protocols.ReadLocal || m == protocols.ReadSync) {
			t.Errorf("where local and sync are named, SupportsRead(%d) is %t", m, more.SupportsRead(m))
		}
	}
	if c.Close() != nil {
		t.Error("Close fails")
	}
}
