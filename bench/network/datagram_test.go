package network

import (
	"math"
	"slices"
	"testing"

	"raftzab/bench/random"
)

func datagrams(q Quality) *Network {
	return New(Config{Nodes: 3, Channel: Datagram, RTOMin: 200 * ms, Default: q}, 1, 0)
}

func TestChannelsReadWhatTheyWrite(t *testing.T) {
	for _, c := range []Channel{Stream, Datagram} {
		text, _ := c.MarshalText()
		back := Channel(9)
		if err := back.UnmarshalText(text); err != nil || back != c {
			t.Errorf("%s: %v, %v", text, back, err)
		}
		if got := New(Config{Nodes: 1, Channel: c}, 1, 0).Channel(); got != c {
			t.Errorf("a network of %v says %v", c, got)
		}
	}
	var c Channel
	if err := c.UnmarshalText([]byte("pigeon")); err == nil || err.Error() != `"pigeon" is no channel; there are stream, datagram` {
		t.Errorf("%v", err)
	}
}

// near reports whether a count of n trials is within five standard deviations.
func near(got, n int, p float64) bool {
	return math.Abs(float64(got)-float64(n)*p) <= 5*math.Sqrt(float64(n)*p*(1-p))
}

// Each is lost, doubled and held back as often as its chances say, whatever became
// of the others; a copy has a delay of its own, and may be held back on its own.
func TestDatagramsHaveFatesOfTheirOwn(t *testing.T) {
	const count = 100_000
	n := datagrams(Quality{Delay: random.Distribution{Shape: random.Uniform, A: 4 * ms, B: 6 * ms}, Loss: 0.2, Duplicate: 0.3, Reorder: 0.1})
	var lost, twice, held, apart, most int
	for i := range count {
		now := Time(i) * ms
		a := n.Cast(now, 1, 2)
		switch a.Count {
		case 0:
			lost++
		case 2:
			if twice++; a.At[0] != a.At[1] {
				apart++
			}
		}
		for _, at := range a.At[:a.Count] {
			switch d := at - now; {
			case d < 4*ms || d >= 36*ms:
				t.Fatalf("a delay of %v", d)
			case d >= 6*ms: // a second delay makes it at least 8 ms
				if held++; d < 8*ms {
					t.Fatalf("a delay of %v", d)
				}
				if d >= 24*ms {
					most++
				}
			}
		}
	}
	arrived := count - lost
	if !near(lost, count, 0.2) || !near(twice, arrived, 0.3) || !near(held, arrived+twice, 0.1) {
		t.Errorf("of %d lost %d, twice %d, held back %d", count, lost, twice, held)
	}
	if apart < twice*99/100 || most < held/6 {
		t.Errorf("of %d copies %d come at another time; %d of %d are held back for long", twice, apart, most, held)
	}
}

// A later one overtakes an earlier one where their delays say so, which no stream does.
func TestDatagramsOvertakeEachOther(t *testing.T) {
	n := datagrams(Quality{Delay: random.Distribution{Shape: random.Uniform, B: 10 * ms}})
	overtaken := 0
	last := Time(0)
	for i := range 1000 {
		a := n.Cast(Time(i)*ms, 1, 2)
		if a.Count != 1 {
			t.Fatalf("%d arrivals where nothing is lost or doubled", a.Count)
		}
		if a.At[0] < last {
			overtaken++
		}
		last = a.At[0]
	}
	if overtaken < 200 {
		t.Errorf("%d of 1000 overtake the one before", overtaken)
	}
}

// A cut takes what is sent into it, in its direction, and leaves nothing behind.
func TestDatagramsIntoACutAreLost(t *testing.T) {
	n := datagrams(Quality{Delay: random.Always(5 * ms)})
	n.Cut(1, 2)
	if a := n.Cast(ms, 1, 2); a.Count != 0 {
		t.Errorf("through a cut: %v", a)
	}
	if a := n.Cast(ms, 2, 1); a.Count != 1 || a.At[0] != 6*ms {
		t.Errorf("the other way: %v", a)
	}
	n.Mend(1000*ms, 1, 2)
	if a := n.Cast(1000*ms, 1, 2); a.Count != 1 || a.At[0] != 1005*ms {
		t.Errorf("after the cut: %v", a)
	}
}

func TestCertainLossTakesEveryDatagram(t *testing.T) {
	n := datagrams(Quality{Delay: random.Always(5 * ms), Loss: 1, Duplicate: 1})
	for range 1000 {
		if a := n.Cast(0, 1, 2); a.Count != 0 {
			t.Fatalf("%v", a)
		}
	}
}

// On a stream, chances of datagrams draw nothing and change nothing.
func TestStreamsKnowNoCopiesAndNoReordering(t *testing.T) {
	plain := arrivals(New(lossy(nil), 1, 0), 1, 2, 500)
	odd := arrivals(New(lossy(func(c *Config) { c.Default.Duplicate, c.Default.Reorder = 0.5, 0.5 }), 1, 0), 1, 2, 500)
	if !slices.Equal(plain, odd) {
		t.Error("arrivals differ")
	}
}

// Clients are on streams either way.
func TestClientsOfADatagramNetworkSpeakInOrder(t *testing.T) {
	n := datagrams(Quality{Delay: random.Distribution{Shape: random.Uniform, B: 100 * ms}, Loss: 0.3})
	last := Time(0)
	for i := range 1000 {
		at := n.Request(Time(i)*ms, 1, 1)
		if at < last {
			t.Fatalf("request %d at %v, the one before at %v", i, at, last)
		}
		last = at
	}
}
