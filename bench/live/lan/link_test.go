package lan

import (
	"math"
	"testing"

	"raftzab/bench/network"
	"raftzab/bench/random"
)

const (
	ms    = Time(1_000_000)
	began = int64(1_000_000_000) // links know no instant 0
)

func linkOf(q network.Quality) *link { return newLink(q, 0, 0, 1, 1) }

var jitter = random.Distribution{Shape: random.Uniform, A: 4 * ms, B: 6 * ms}

// within reports whether a count of n trials lies in the 99.9 % interval of the
// binomial distribution.
func within(got, n int64, p float64) bool {
	return math.Abs(float64(got)-float64(n)*p) <= 3.29*math.Sqrt(float64(n)*p*(1-p))+0.5
}

func TestPacketsStayInOrderWhateverTheirDelays(t *testing.T) {
	l := linkOf(network.Quality{Delay: jitter, Loss: 0.1, Duplicate: 0.2})
	now, last := began, int64(0)
	for range 20_000 {
		now += int64(ms) / 10
		at, copies := l.send(now, 100)
		for i := range copies {
			if at[i] < last || at[i] < now+int64(4*ms) || at[i] > now+int64(6*ms) {
				t.Fatalf("sent at %d it arrives at %d, the one before at %d", now, at[i], last)
			}
			last = at[i]
		}
	}
}

// A delay that a fault has made shorter lets nothing overtake what is in flight.
func TestNothingOvertakesWhatIsInFlight(t *testing.T) {
	l := linkOf(network.Quality{Delay: random.Always(50 * ms)})
	first, _ := l.send(began, 100)
	l.set(network.Quality{}, 0, false)
	second, copies := l.send(began+1, 100)
	if copies != 1 || second[0] < first[0] || second[0] == atOnce {
		t.Errorf("one arrives at %d, the one sent after it at %d", first[0], second[0])
	}
	l.line.Add(-2) // both are there
	if at, copies := l.send(began+int64(60*ms), 100); at[0] != atOnce || copies != 1 {
		t.Errorf("with nothing in flight it arrives at %d", at[0])
	}
}

func TestLossDuplicationAndReorderingAreAsOftenAsAsked(t *testing.T) {
	const n = 100_000
	l := linkOf(network.Quality{Delay: jitter, Loss: 0.1, Duplicate: 0.05, Reorder: 0.02})
	var arrived, twice, overtaken int64
	now, last := began, int64(0)
	for range n {
		now += int64(10 * ms) // farther apart than jitter: overtaken are those held back only
		at, copies := l.send(now, 100)
		l.line.Add(-int64(copies)) // there is room for more
		if copies == 2 {
			twice++
		}
		for i := range copies {
			arrived++
			if extra := at[i] - now - int64(6*ms); extra > int64(5*6*ms) {
				t.Fatalf("held back by %d", extra)
			}
			if at[i] > now+int64(6*ms) {
				overtaken++
			} else if at[i] < last {
				t.Fatal("one that was not held back is held up")
			} else {
				last = at[i]
			}
		}
	}
	c := l.counts()
	if c.Sent != n || c.Lost+arrived-twice != n || c.Duplicated != twice || c.HeldBack != overtaken {
		t.Errorf("%+v, where %d arrived, %d twice, %d late", c, arrived, twice, overtaken)
	}
	if !within(c.Lost, n, 0.1) || !within(twice, n-c.Lost, 0.05) || !within(c.HeldBack, arrived, 0.02) {
		t.Errorf("%+v", c)
	}
}

func TestACutTakesAllThatIsSentIntoIt(t *testing.T) {
	l := linkOf(network.Quality{Delay: random.Always(5 * ms)})
	l.send(began, 100)
	l.sever(true)
	for range 10 {
		if _, copies := l.send(began, 100); copies != 0 {
			t.Fatal("through a cut")
		}
	}
	l.sever(false)
	if at, copies := l.send(began+1, 100); copies != 1 || at[0] != began+1+int64(5*ms) {
		t.Errorf("after the cut: %d copies, the first at %d", copies, at[0])
	}
	if c := l.counts(); c.Cut != 10 || c.Sent != 12 {
		t.Errorf("%+v", c)
	}
}

// 8 Mbit/s are a byte a microsecond.
func TestALineSendsOnePacketAfterAnotherAndItsQueueIsBounded(t *testing.T) {
	l := newLink(network.Quality{Delay: random.Always(5 * ms)}, 8e6, 10_000, 1, 1)
	var arrivals []int64
	for range 100 {
		if at, copies := l.send(began, 1000); copies == 1 {
			arrivals = append(arrivals, at[0])
		}
	}
	for i, at := range arrivals {
		if want := began + int64(i+1)*int64(ms) + int64(5*ms); at != want {
			t.Fatalf("packet %d arrives at %d, want %d", i, at, want)
		}
	}
	if c := l.counts(); len(arrivals) != 11 || c.Overflowed != 89 { // 10 wait behind the first
		t.Errorf("%d got in, %+v", len(arrivals), c)
	}
	if at, copies := l.send(began+int64(100*ms), 500); copies != 1 || at[0] != began+int64(100*ms)+int64(ms)/2+int64(5*ms) {
		t.Errorf("on a line that is free again: %d copies, at %d", copies, at[0]-began)
	}
}

func TestALinkHoldsNoMoreThanItsShareOfMemory(t *testing.T) {
	l := linkOf(network.Quality{Delay: random.Always(3_600_000 * ms)})
	for range mostInFlight + 5 {
		l.send(began, 100)
	}
	if c := l.counts(); c.Overflowed != 5 || l.line.Load() != mostInFlight {
		t.Errorf("%d in flight, %+v", l.line.Load(), c)
	}
}

// Another number gives other chances; the same gives the same.
func TestChanceComesFromTheSeed(t *testing.T) {
	fates := func(seed, id uint64) (all []int) {
		l := newLink(network.Quality{Loss: 0.5}, 0, 0, seed, id)
		for range 64 {
			_, copies := l.send(began, 100)
			all = append(all, copies)
		}
		return all
	}
	same := func(a, b []int) bool {
		for i := range a {
			if a[i] != b[i] {
				return false
			}
		}
		return true
	}
	if !same(fates(1, 1), fates(1, 1)) || same(fates(1, 1), fates(2, 1)) || same(fates(1, 1), fates(1, 2)) {
		t.Error("chance does not follow from seed and link")
	}
}
