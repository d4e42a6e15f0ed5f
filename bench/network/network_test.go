package network

import (
	"math"
	"slices"
	"testing"

	"raftzab/bench/random"
)

const ms = Time(1_000_000)

// lossy is a network of three whose links have chance in them, unless edited.
func lossy(edit func(*Config)) Config {
	cfg := Config{Nodes: 3, RTOMin: 200 * ms, RTOMax: 800 * ms,
		Default: Quality{Delay: random.Distribution{Shape: random.Uniform, A: 4 * ms, B: 6 * ms}, Loss: 0.3}}
	if edit != nil {
		edit(&cfg)
	}
	return cfg
}

func steady(loss float64) func(*Config) {
	return func(c *Config) { c.Default = Quality{Delay: random.Always(5 * ms), Loss: loss} }
}

// arrivals sends a message each millisecond and returns when they are there, -1: not
// for now.
func arrivals(n *Network, from, to NodeID, count int) (at []Time) {
	for i := range count {
		t, ok := n.Send(Time(i)*ms, from, to)
		if !ok {
			t = -1
		}
		at = append(at, t)
	}
	return at
}

func TestMessagesOfADirectionArriveInOrder(t *testing.T) {
	n := New(lossy(nil), 1, 0)
	var last [4][4]Time
	for i := range 2000 {
		now := Time(i) * ms
		for from := NodeID(1); from <= 3; from++ {
			for to := NodeID(1); to <= 3; to++ {
				at, ok := n.Send(now, from, to)
				if !ok || at < last[from][to] || at < now+4*ms {
					t.Fatalf("%d->%d: sent at %v, there at %v, %t; the one before at %v", from, to, now, at, ok, last[from][to])
				}
				last[from][to] = at
			}
		}
	}
	for session := range uint32(3) {
		var request, reply Time
		for i := range 1000 {
			now := Time(i) * ms
			if at := n.Request(now, session, 1); at < request || at < now+4*ms {
				t.Fatalf("request of %d at %v, the one before at %v", session, at, request)
			} else {
				request = at
			}
			if at := n.Reply(now, session, 1); at < reply || at < now+4*ms {
				t.Fatalf("reply to %d at %v, the one before at %v", session, at, reply)
			} else {
				reply = at
			}
		}
	}
}

// A lost packet comes after the time-out, a packet lost k times after k of them,
// each twice the last, up to the limit; and so often as the chance of loss says.
func TestLossIsARetransmissionDelayThatDoubles(t *testing.T) {
	const count = 100_000
	n := New(lossy(steady(0.3)), 1, 0)
	after := map[Time]int{}
	for i := range count {
		now := Time(i) * 1_000_000 * ms // far apart: nothing waits behind anything
		at, _ := n.Send(now, 1, 2)
		after[at-now-5*ms]++
	}
	delay, step, left := Time(0), 200*ms, count
	for k := range 8 {
		got := after[delay]
		if want := float64(left) * 0.7; float64(got) < want-5*math.Sqrt(want) || float64(got) > want+5*math.Sqrt(want) {
			t.Errorf("lost %d times: %d of %d, want %.0f", k, got, left, want)
		}
		left -= got
		delete(after, delay)
		delay += step
		step = min(2*step, 800*ms)
	}
	for d := range after {
		if (d-delay)%(800*ms) != 0 || d < delay {
			t.Errorf("a packet is %v late", d)
		}
	}
}

// Without a limit above the least time-out, it does not double.
func TestRetransmissionLimitIsAtLeastTheLeastTimeout(t *testing.T) {
	n := New(lossy(func(c *Config) { steady(0.6)(c); c.RTOMax = 0 }), 1, 0)
	for i := range 1000 {
		now := Time(i) * 1_000_000 * ms
		if at, _ := n.Send(now, 1, 2); (at-now-5*ms)%(200*ms) != 0 {
			t.Fatalf("%v late", at-now)
		}
	}
}

func TestCertainLossDeliversNothingWithinAnyTrial(t *testing.T) {
	n := New(lossy(steady(1)), 1, 0)
	if at, ok := n.Send(ms, 1, 2); !ok || at < 3_600_000*ms {
		t.Errorf("there at %v, %t", at, ok)
	}
}

// What comes behind a lost packet waits for it.
func TestLostPacketHoldsUpThoseBehindIt(t *testing.T) {
	n := New(lossy(steady(0.3)), 1, 0)
	at := arrivals(n, 1, 2, 100)
	for i, x := range at[:99] {
		if x > Time(i)*ms+5*ms { // lost, or behind one that was
			if at[i+1] < x {
				t.Errorf("message %d is there at %v, the next at %v", i, x, at[i+1])
			}
			return
		}
	}
	t.Error("nothing was lost")
}

func TestCutHoldsOneDirectionOnly(t *testing.T) {
	n := New(lossy(steady(0)), 1, 0)
	n.Cut(1, 2)
	for from := NodeID(1); from <= 3; from++ {
		for to := NodeID(1); to <= 3; to++ {
			at, ok := n.Send(ms, from, to)
			if cut := from == 1 && to == 2; ok == cut || n.IsCut(from, to) != cut || ok && at != 6*ms {
				t.Errorf("%d->%d: %v, %t; cut: %t", from, to, at, ok, n.IsCut(from, to))
			}
		}
	}
}

// What a cut held gets through with the first retransmission after its end; the
// back-off counts from the first message held.
func TestMendGoesOnWithTheNextRetransmission(t *testing.T) {
	for _, c := range []struct{ sent, mend, through Time }{
		{100, 101, 300}, // sent at 100, again at 300, 700, 1500, then every 800
		{100, 299, 300},
		{100, 300, 300},
		{100, 301, 700},
		{100, 701, 1500},
		{100, 1501, 2300},
		{100, 9000, 9500},
		{100, 100, 100},
	} {
		n := New(lossy(steady(0)), 1, 0)
		n.Cut(1, 2)
		n.Send(c.sent*ms, 1, 2)
		n.Send((c.sent+50)*ms, 1, 2)
		n.Mend(c.mend*ms, 1, 2)
		at, ok := n.Send(c.mend*ms, 1, 2)
		if want := (c.through + 5) * ms; !ok || at != want {
			t.Errorf("sent at %d, mended at %d: there at %v, %t, want %v", c.sent, c.mend, at, ok, want)
		}
		if at, _ := n.Send((c.through+1)*ms, 1, 2); at != (c.through+6)*ms {
			t.Errorf("sent at %d, mended at %d: the next is there at %v", c.sent, c.mend, at)
		}
	}
}

// A cut into which nobody spoke leaves nothing behind, and neither does the one
// before last.
func TestMendOfASilentCutCostsNothing(t *testing.T) {
	n := New(lossy(steady(0)), 1, 0)
	n.Cut(1, 2)
	n.Send(100*ms, 1, 2)
	n.Mend(150*ms, 1, 2) // 300
	n.Cut(1, 2)
	n.Mend(5000*ms, 1, 2)
	if at, ok := n.Send(5000*ms, 1, 2); !ok || at != 5005*ms {
		t.Errorf("there at %v, %t", at, ok)
	}
}

// Each link draws from a stream of its own, clients from another.
func TestLinksDrawApart(t *testing.T) {
	alone := arrivals(New(lossy(nil), 1, 0), 1, 2, 200)
	busy := New(lossy(nil), 1, 0)
	var among []Time
	for i := range 200 {
		now := Time(i) * ms
		busy.Send(now, 2, 1)
		busy.Send(now, 3, 2)
		busy.Request(now, 1, 2)
		at, _ := busy.Send(now, 1, 2)
		among = append(among, at)
		busy.Send(now, 1, 3)
		busy.Reply(now, 1, 2)
	}
	if !slices.Equal(alone, among) {
		t.Error("traffic on other links shifts a link's draws")
	}
	for i, link := range [][2]NodeID{{2, 1}, {1, 3}, {3, 1}, {2, 3}, {3, 2}} {
		if slices.Equal(alone, arrivals(New(lossy(nil), 1, 0), link[0], link[1], 200)) {
			t.Errorf("link %d draws what 1->2 draws", i)
		}
	}
}

// A network that has been through everything is as good as new after Reset.
func TestResetEqualsNew(t *testing.T) {
	used := New(lossy(nil), 1, 0)
	arrivals(used, 1, 2, 50)
	used.Request(ms, 1, 1)
	used.Cut(1, 2)
	used.Cut(2, 3)
	used.Send(ms, 1, 2)
	used.Send(ms, 2, 3)
	used.Mend(1000*ms, 2, 3)
	used.Set(3, 1, &Quality{Delay: random.Always(99 * ms)})
	used.Reset(7, 5)
	fresh := New(lossy(nil), 7, 5)
	other := New(lossy(nil), 7, 6)
	same := true
	for from := NodeID(1); from <= 3; from++ {
		for to := NodeID(1); to <= 3; to++ {
			want := arrivals(fresh, from, to, 100)
			if !slices.Equal(arrivals(used, from, to, 100), want) {
				t.Errorf("%d->%d differs", from, to)
			}
			same = same && slices.Equal(arrivals(other, from, to, 100), want)
		}
		if a, b := used.Request(0, 1, from), fresh.Request(0, 1, from); a != b {
			t.Errorf("client to %d: %v, %v", from, a, b)
		}
	}
	if same {
		t.Error("another trial draws the same")
	}
}

func TestOverrideAndSetConcernOneDirection(t *testing.T) {
	slow := Quality{Delay: random.Always(40 * ms)}
	n := New(lossy(func(c *Config) { steady(0)(c); c.Override = []Override{{1, 2, slow}} }), 1, 0)
	expect := func(what string, from, to NodeID, now, want Time) {
		t.Helper()
		if at, _ := n.Send(now, from, to); at != want {
			t.Errorf("%s: %d->%d there at %v, want %v", what, from, to, at, want)
		}
	}
	expect("override", 1, 2, 0, 40*ms)
	expect("override", 2, 1, 0, 5*ms)
	n.Set(1, 2, &Quality{Delay: random.Always(2 * ms)})
	n.Set(2, 1, &Quality{Delay: random.Always(7 * ms)})
	expect("set", 1, 2, 100*ms, 102*ms)
	expect("set", 2, 1, 100*ms, 107*ms)
	n.Set(1, 2, nil)
	n.Set(2, 1, nil)
	expect("back", 1, 2, 200*ms, 240*ms)
	expect("back", 2, 1, 200*ms, 205*ms)
	n.Set(1, 2, &Quality{Delay: random.Always(2 * ms)})
	n.Reset(1, 1)
	expect("reset", 1, 2, 0, 40*ms)
}

// A new stream does not wait for the packets of the old one, in neither
// direction, and no other link has a part in it.
func TestRenewBeginsANewStream(t *testing.T) {
	for _, renew := range [][2]NodeID{{1, 2}, {2, 1}} {
		n := New(lossy(steady(0)), 1, 0)
		n.Set(1, 2, &Quality{Delay: random.Always(500 * ms)})
		n.Set(1, 3, &Quality{Delay: random.Always(500 * ms)})
		n.Send(0, 1, 2)
		n.Send(0, 1, 3)
		n.Set(1, 2, nil)
		n.Set(1, 3, nil)
		n.Cut(2, 1)
		n.Send(ms, 2, 1)
		n.Renew(renew[0], renew[1])
		if at, _ := n.Send(10*ms, 1, 2); at != 15*ms {
			t.Errorf("there at %v: behind the old stream", at)
		}
		if at, _ := n.Send(10*ms, 1, 3); at != 500*ms {
			t.Errorf("another link: there at %v", at)
		}
		if _, ok := n.Send(20*ms, 2, 1); ok {
			t.Error("a new stream ends a cut")
		}
		n.Mend(30*ms, 2, 1)
		if at, _ := n.Send(30*ms, 2, 1); at != 225*ms {
			t.Errorf("there at %v: the back-off is the old stream's", at)
		}
	}
}

func TestClientsHaveTheNodesQualityOrTheirOwn(t *testing.T) {
	n := New(lossy(steady(0)), 1, 0)
	if a, b := n.Request(0, 1, 2), n.Reply(10*ms, 1, 2); a != 5*ms || b != 15*ms {
		t.Errorf("there at %v, back at %v", a, b)
	}
	n = New(lossy(func(c *Config) { c.Default = Quality{Delay: random.Distribution{Shape: random.Uniform, B: 100 * ms}} }), 1, 0)
	for session := range uint32(100) { // no direction, node or session waits behind another
		late := n.Request(1000*ms, session, 1)
		if early := n.Reply(0, session, 1); early > 100*ms {
			t.Fatalf("a reply waits behind a request: there at %v, the request at %v", early, late)
		}
		if early := n.Request(0, session, 2); early > 100*ms {
			t.Fatalf("a request waits behind another node's: there at %v", early)
		}
	}
	quick := random.Always(ms)
	n = New(lossy(func(c *Config) { steady(0.9)(c); c.Clients = &quick }), 1, 0)
	for session := range uint32(100) {
		if a, b := n.Request(0, session, 2), n.Reply(10*ms, session, 2); a != ms || b != 11*ms {
			t.Fatalf("there at %v, back at %v: no loss was asked for", a, b)
		}
	}
}
