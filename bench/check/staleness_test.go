package check

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"raftzab/bench"
	"raftzab/bench/kv"
	"raftzab/bench/workload"
	"raftzab/protocols"
)

// acts tells operations in short words, "what start-end", in ms: "c1w2 0-5" is
// client 1's write of version 2, "c1r2 7-9" its read that saw version 2. The word may go on with
// "@n" (node n, 1), "/role" (follower), "*" (mode ReadIndex, not ReadLocal), "!"
// (refused), "?" (unknown), "kn" (key n, 0).
func acts(t *testing.T, words string) (ops []workload.Operation) {
	for _, line := range strings.Split(words, ", ") {
		if line == "" {
			continue
		}
		o := workload.Operation{Node: 1, Op: kv.Put}
		what, when, _ := strings.Cut(line, " ")
		var op rune
		var start, end float64
		if n, err := fmt.Sscanf(what, "c%d%c%d", &o.Client, &op, &o.Version); n != 3 {
			t.Fatalf("%q: %v", line, err)
		}
		if n, err := fmt.Sscanf(when, "%f-%f", &start, &end); n != 2 {
			t.Fatalf("%q: %v", line, err)
		}
		o.Start, o.End = ms(start), ms(end)
		if op == 'r' {
			o.Op = kv.Get
		}
		if i := strings.Index(what, "@"); i > 0 {
			fmt.Sscanf(what[i:], "@%d", &o.Node)
		}
		if i := strings.LastIndex(what, "k"); i > 0 {
			fmt.Sscanf(what[i:], "k%d", &o.Key)
		}
		for role := range protocols.Observer + 1 {
			if strings.Contains(what, "/"+role.String()) {
				o.Role = role
			}
		}
		if strings.Contains(what, "*") {
			o.Mode = protocols.ReadIndex
		}
		if strings.Contains(what, "!") {
			o.Outcome = bench.Refused
		}
		if strings.Contains(what, "?") {
			o.Outcome = bench.Unknown
		}
		ops = append(ops, o)
	}
	slices.SortStableFunc(ops, func(a, b workload.Operation) int { return int(a.End - b.End) })
	return ops
}

func ms(x float64) protocols.Time { return protocols.Time(x * 1e6) }

func measured(ops []workload.Operation) *Staleness {
	s := NewStaleness()
	for i := range ops {
		s.Record(&ops[i])
	}
	return s
}

func TestStalenessByHand(t *testing.T) {
	for _, c := range []struct {
		name, acts string
		k          uint64
		t          float64 // ms
		notMono    int
		notOwn     int
	}{
		{"nothing is written", "c1r0 1-2", 0, 0, 0, 0},
		{"the newest is seen", "c1w1 0-1, c2r1 2-3", 0, 0, 0, 0},
		{"the initial value, behind one", "c1w1 0-1, c2r0 3-4", 1, 2, 0, 0},
		{"behind one", "c1w1 0-1, c1w2 2-3, c2r1 5-6", 1, 2, 0, 0},
		{"behind two: time counts from the first that it misses", "c1w1 0-1, c1w2 2-3, c1w3 4-5, c2r1 7-8", 2, 4, 0, 0},
		{"acknowledged in the instant in which the read starts", "c1w1 0-2, c2r0 2-3", 0, 0, 0, 0},
		{"acknowledged just before", "c1w1 0-1.999999, c2r0 2-3", 1, 0.000001, 0, 0},
		{"acknowledged while the read is under way", "c1w1 0-3, c2r0 2-4", 0, 0, 0, 0},
		{"under way all the time", "c1w1 0-9, c2r0 2-4", 0, 0, 0, 0},
		{"under way, and seen", "c1w1 0-9, c2r1 2-4", 0, 0, 0, 0},
		{"a concurrent write on top of one that was missed", "c1w1 0-1, c3w2 2-9, c2r0 4-5", 1, 3, 0, 0},
		{"seen more than was acknowledged", "c1w1 0-1, c3w2 2-9, c2r2 4-5", 0, 0, 0, 0},
		{"no acknowledgement: nobody knows", "c1w1? 0-1, c2r0 3-4", 0, 0, 0, 0},
		{"refused: it never was", "c1w1! 0-1, c2r0 3-4", 0, 0, 0, 0},
		{"lost acknowledgement: known by that of the next", "c1w1? 0-1, c3w2 2-3, c2r0 5-6", 2, 2, 0, 0},
		{"lost in the middle", "c1w1 0-1, c1w2? 2-3, c3w3 4-5, c2r1 7-8", 2, 2, 0, 0},
		{"acknowledged against the log's order", "c1w1 0-9, c3w2 0-2, c2r0 5-6", 2, 3, 0, 0},
		{"the other key was written", "c1w1k1 0-1, c2r0k2 3-4", 0, 0, 0, 0},
		{"own write", "c1w1 0-1, c1r0 3-4", 1, 2, 0, 1},
		{"own write under way", "c1w1 0-4, c1r0 3-5", 0, 0, 0, 0},
		{"own write, acknowledged in the instant in which the read starts", "c1w1 0-3, c1r0 3-5", 0, 0, 0, 1},
		{"own write of another key", "c1w1k1 0-1, c1r0k2 3-4", 0, 0, 0, 0},
		{"own write, and another's behind it", "c1w1 0-1, c2w2 0-2, c1r1 3-4", 1, 1, 0, 0},
		{"own write whose acknowledgement is lost", "c1w1? 0-1, c1r0 3-4", 0, 0, 0, 0},
		{"back behind an own read", "c1w1 0-9, c2r1 1-2, c2r0 3-4", 0, 0, 1, 0},
		{"back behind an own read, answered in the instant in which the next starts", "c1w1 0-9, c2r1 1-2, c2r0 2-4", 0, 0, 1, 0},
		{"back behind an own read that was under way", "c1w1 0-9, c2r1 1-3, c2r0 2-4", 0, 0, 0, 0},
		{"back behind another's read", "c1w1 0-9, c2r1 1-2, c3r0 3-4", 0, 0, 0, 0},
		{"back behind a read that failed", "c1w1 0-9, c2r1? 1-2, c2r0 3-4", 0, 0, 0, 0},
		{"back behind an own read of another key", "c1w1k1 0-9, c1w1k2 0-9, c2r1k1 1-2, c2r0k2 3-4", 0, 0, 0, 0},
		{"behind and back, twice", "c1w1 0-1, c1w2 0-2, c2r2 3-4, c2r1 5-6, c2r0 7-8", 2, 6, 2, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := measured(acts(t, c.acts))
			r := s.Reads(protocols.Follower, protocols.ReadLocal)
			stale := 0
			for range c.k {
				stale = 1
			}
			if c.name == "behind and back, twice" {
				stale = 2
			}
			if r.MostBehind != c.k || r.MostLate != ms(c.t) || r.Stale != stale || r.NonMonotonic != c.notMono || r.NotOwn != c.notOwn || r.Clipped != 0 {
				t.Errorf("k %d, t %v, %d stale, %d not monotonic, %d not own, %d clipped; want k %d, t %v ms, %d, %d, %d",
					r.MostBehind, clock(r.MostLate), r.Stale, r.NonMonotonic, r.NotOwn, r.Clipped, c.k, c.t, stale, c.notMono, c.notOwn)
			}
			if s.Violation() != nil {
				t.Errorf("a local read promises nothing: %v", s.Violation())
			}
		})
	}
}

// Of ten reads, 0 to 9 versions behind, and as many seconds.
func TestStalenessHasQuantilesByRoleAndMode(t *testing.T) {
	words := "c1w1 0-1000, c1w2 0-2000, c1w3 0-3000, c1w4 0-4000, c1w5 0-5000, c1w6 0-6000, c1w7 0-7000, c1w8 0-8000, c1w9 0-9000"
	for v := range 10 {
		words += fmt.Sprintf(", c2r%d/observer 10000-10001", v)
	}
	words += ", c3r9/leader* 10000-10002, c3r9/leader*! 10000-10003, c3r9/leader*? 10000-10004, c3r9/leader*? 10000-10005"
	s := measured(acts(t, words))
	r := s.Reads(protocols.Observer, protocols.ReadLocal)
	if r.Completed != 10 || r.Stale != 9 || r.Behind(0.5) != 4 || r.Behind(1) != 9 || math.Abs(r.Late(1)-9000) > 90 || math.Abs(r.Late(0.5)-4000) > 40 || r.Failed() != 0 {
		t.Errorf("%+v: k %v to %v, t %v to %v", r, r.Behind(0.5), r.Behind(1), r.Late(0.5), r.Late(1))
	}
	r = s.Reads(protocols.Leader, protocols.ReadIndex)
	if r.Completed != 1 || r.Refused != 1 || r.Unknown != 2 || r.Failed() != 0.75 || r.Stale != 0 {
		t.Errorf("%+v", r)
	}
	if r = s.Reads(protocols.Follower, protocols.ReadLocal); r.Completed != 0 || !math.IsNaN(r.Late(0.5)) || !math.IsNaN(r.Failed()) {
		t.Errorf("%+v", r)
	}
}

// The gate: what promises linearizability is never behind.
func TestStaleStrictReadIsAViolation(t *testing.T) {
	ops := acts(t, "c1w1 0-1, c1w2 0-2, c2r2*@3 3-4, c2r0@2 3-5, c2r1*@3/leader 5-6, c2r0*@2 7-8")
	v := measured(ops).Violation()
	want := "NeverStale violated at 6ms by node 3: it answers a read of key 0 by client 2, asked for at 5ms in mode ReadIndex, with version 1; version 2 had been acknowledged at 2ms: 1 versions and 3ms behind"
	if v == nil || v.Error() != want {
		t.Errorf("%v; want %s", v, want)
	}
	s := NewStaleness()
	s.Strict = ModesOf(protocols.ReadSync)
	for i := range ops {
		s.Record(&ops[i])
	}
	if s.Violation() != nil {
		t.Errorf("a mode that is not named strict: %v", s.Violation())
	}
}

func TestOperationsComeInTheOrderOfTheirEnds(t *testing.T) {
	ops := acts(t, "c1w1 0-1, c2r0 3-4")
	slices.Reverse(ops)
	defer func() {
		if recover() == nil {
			t.Error("a write that ended before a read was taken in behind it")
		}
	}()
	measured(ops)
}

// A brute-force model keeps everything and looks at all of it.
func bruteForce(ops []workload.Operation) (cells map[[2]int]*Reads) {
	cells = map[[2]int]*Reads{}
	for i := range ops {
		o := &ops[i]
		if o.Op != kv.Get {
			continue
		}
		r := cells[[2]int{int(o.Role), int(o.Mode)}]
		if r == nil {
			r = &Reads{}
			cells[[2]int{int(o.Role), int(o.Mode)}] = r
		}
		switch o.Outcome {
		case bench.Refused:
			r.Refused++
			continue
		case bench.Unknown:
			r.Unknown++
			continue
		}
		r.Completed++
		a := func(version uint64) (at protocols.Time) { // a_i
			at = math.MaxInt64
			for j := range ops {
				if w := &ops[j]; w.Op == kv.Put && w.Outcome == bench.OK && w.Key == o.Key && w.Version >= version {
					at = min(at, w.End)
				}
			}
			return at
		}
		k := uint64(0)
		for a(o.Version+k+1) < o.Start {
			k++
		}
		if k > 0 {
			r.Stale++
			r.MostBehind = max(r.MostBehind, k)
			r.MostLate = max(r.MostLate, o.Start-a(o.Version+1))
		}
		back, own := 0, 0
		for j := range ops[:i] { // of two that end in one instant, one came first
			if x := &ops[j]; x.Client == o.Client && x.Key == o.Key && x.Outcome == bench.OK && x.End <= o.Start && x.Version > o.Version {
				if x.Op == kv.Get {
					back = 1
				} else {
					own = 1
				}
			}
		}
		r.NonMonotonic += back
		r.NotOwn += own
	}
	return cells
}

// randomly returns operations that might be of a trial, in the order of End; few
// instants, so that many are the same.
func randomly(rng *rand.Rand, n int) (ops []workload.Operation) {
	versions := make([]uint64, 3)
	for range n {
		o := workload.Operation{Client: 1 + rng.Uint32N(3), Node: 1, Role: protocols.Role(rng.IntN(4)), Op: kv.Get, Mode: protocols.ReadMode(rng.IntN(5)), Key: rng.Uint32N(3)}
		o.Start = protocols.Time(rng.IntN(4 * n))
		o.End = o.Start + protocols.Time(rng.IntN(n))
		if rng.IntN(10) == 0 {
			o.Outcome = bench.Outcome(1 + rng.IntN(2))
		}
		if rng.IntN(3) == 0 {
			o.Op = kv.Put
			versions[o.Key]++
			o.Version = versions[o.Key]
		} else {
			o.Version = rng.Uint64N(versions[o.Key] + 1)
		}
		ops = append(ops, o)
	}
	slices.SortStableFunc(ops, func(a, b workload.Operation) int { return int(a.End - b.End) })
	return ops
}

func TestStalenessAgreesWithBruteForce(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	s := NewStaleness()
	stale, back, own := 0, 0, 0
	for range 3000 {
		ops := randomly(rng, 1+rng.IntN(40))
		s.Reset()
		for i := range ops {
			s.Record(&ops[i])
		}
		want := bruteForce(ops)
		for role := range protocols.Observer + 1 {
			for mode := range protocols.ReadSync + 1 {
				got, want := *s.Reads(role, mode), want[[2]int{int(role), int(mode)}]
				if want == nil {
					want = &Reads{}
				}
				got.behind, got.late, got.looks, got.over = histogram{}, histogram{}, histogram{}, histogram{}
				if got != *want {
					t.Fatalf("%v reads in mode %v: %+v; by brute force %+v\n%+v", role, modeNames[mode], got, *want, ops)
				}
				stale, back, own = stale+got.Stale, back+got.NonMonotonic, own+got.NotOwn
			}
		}
	}
	if min(stale, back, own) < 1000 {
		t.Errorf("%d stale, %d not monotonic, %d not own: one of them proves little", stale, back, own)
	}
}

// However many writes there are, memory is bounded; k stays exact, and what t
// was measured too small for is counted.
func TestWhatIsForgottenIsCounted(t *testing.T) {
	s := NewStaleness()
	const n = 3 * ackedSteps
	for i := range n {
		s.Record(&workload.Operation{Client: 1, Op: kv.Put, Version: uint64(i + 1), Start: protocols.Time(i), End: protocols.Time(i)})
	}
	if got := len(s.acked[0].steps); got > ackedSteps {
		t.Errorf("%d steps are kept", got)
	}
	read := func(v uint64) Reads {
		before := *s.Reads(0, 0)
		s.Record(&workload.Operation{Client: 2, Op: kv.Get, Version: v, Start: n, End: n})
		r := *s.Reads(0, 0)
		return Reads{Stale: r.Stale - before.Stale, MostBehind: r.MostBehind, MostLate: r.MostLate, Clipped: r.Clipped - before.Clipped}
	}
	forgot := s.acked[0].forgot
	if got, want := read(n-10), (Reads{Stale: 1, MostBehind: 10, MostLate: 10}); got != want {
		t.Errorf("a recent version: %+v", got)
	}
	if got, want := read(forgot), (Reads{Stale: 1, MostBehind: n - forgot, MostLate: protocols.Time(n - forgot)}); got != want {
		t.Errorf("the oldest that is known: %+v, want %+v", got, want)
	}
	if got, want := read(7), (Reads{Stale: 1, MostBehind: n - 7, MostLate: protocols.Time(n - forgot), Clipped: 1}); got != want {
		t.Errorf("one that is forgotten: %+v, want %+v", got, want)
	}
	before := s.Reads(0, 0).Clipped
	s.Record(&workload.Operation{Client: 2, Op: kv.Get, Version: 1, Start: 5, End: n})
	if s.Reads(0, 0).Clipped != before+1 {
		t.Error("a read that began before all that is known is not counted as clipped")
	}
}

func TestReadsOfTrialsAddUp(t *testing.T) {
	var sum Reads
	for _, words := range []string{"c1w1 0-1, c2r0 2-3, c2r1 4-5, c2r0! 6-7", "c1w1 0-1, c1w2 0-2, c2r0 12-13, c2r1 14-15"} {
		sum.Add(measured(acts(t, words)).Reads(protocols.Follower, protocols.ReadLocal))
	}
	if sum.Completed != 4 || sum.Stale != 3 || sum.MostBehind != 2 || sum.MostLate != ms(12) || sum.Refused != 1 || sum.Behind(1) != 2 || sum.Behind(0.25) != 0 || math.Abs(sum.Late(1)-12) > 0.12 {
		t.Errorf("%+v, t up to %v", sum, sum.Late(1))
	}
	part := Reads{Refused: 1, Unknown: 2, NonMonotonic: 3, NotOwn: 4, Clipped: 5}
	twice := part
	if twice.Add(&part); twice != (Reads{Refused: 2, Unknown: 4, NonMonotonic: 6, NotOwn: 8, Clipped: 10}) {
		t.Errorf("%+v", twice)
	}
	share, wilson, clustered := StaleShare([]Reads{sum, {Completed: 4}}, 0.95, 1)
	if share != 3.0/8 || !wilson.Contains(share) || clustered.Low != 0 || clustered.High != 0.75 {
		t.Errorf("%v, %v, %v", share, wilson, clustered)
	}
}

// One op is a trial of 10 million reads and a million writes by 100 clients of
// 100 keys, which must take less than 30 s and 1 GiB. Replicas are up to 20 ms
// behind.
func BenchmarkStaleness(b *testing.B) {
	const reads, perWrite, clients, keys = 10_000_000, 10, 100, 100
	var before, after runtime.MemStats
	for range b.N {
		rng := rand.New(rand.NewPCG(1, 2))
		runtime.GC()
		runtime.ReadMemStats(&before)
		s := NewStaleness()
		versions := make([]uint64, keys)
		now := protocols.Time(0)
		for i := range reads + reads/perWrite {
			now += 10_000 // a hundred thousand a second
			key := rng.Uint32N(keys)
			o := workload.Operation{Client: 1 + rng.Uint32N(clients), Node: 1, Key: key, Op: kv.Get, Role: protocols.Role(rng.IntN(4)), Mode: protocols.ReadMode(rng.IntN(2)),
				Start: now - protocols.Time(rng.IntN(5_000_000)), End: now}
			if i%(perWrite+1) == 0 {
				versions[key]++
				o.Op, o.Version = kv.Put, versions[key]
			} else {
				o.Version = versions[key] - min(versions[key], rng.Uint64N(3))
			}
			s.Record(&o)
		}
		runtime.ReadMemStats(&after)
		r := s.Reads(protocols.Follower, protocols.ReadLocal)
		if r.Stale == 0 || r.Clipped > 0 {
			b.Fatalf("%+v", *r)
		}
		b.ReportMetric(float64(after.Sys)/(1<<20), "MiB-of-process")
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MiB-kept")
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(reads*(1+1.0/perWrite)), "ns/operation")
}

func TestReadsLeaveOnlyCountsBehind(t *testing.T) {
	s := NewStaleness()
	w := workload.Operation{Client: 1, Op: kv.Put, Version: 1, End: 1}
	s.Record(&w)
	r := workload.Operation{Client: 1, Op: kv.Get, Start: 2, End: 3}
	s.Record(&r)
	r.Version = 1
	s.Record(&r)
	if n := testing.AllocsPerRun(1000, func() { s.Record(&r) }); n != 0 {
		t.Errorf("%v allocations a read", n)
	}
}

// However long ago, and whatever came in one instant.
func TestRisesAreFound(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var x rises
		at, version := protocols.Time(0), uint64(0)
		for range 50 {
			at += protocols.Time(rng.IntN(3))
			version += rng.Uint64N(3)
			x.rise(at, version, 100)
		}
		for now := range at + 2 {
			var want, when = uint64(0), protocols.Time(0)
			for _, s := range x.steps {
				if s.at < now {
					want, when = s.version, s.at
				}
			}
			if got, at := x.before(now); got != want || at != when {
				t.Fatalf("before %d: version %d at %d, want %d at %d; %v", now, got, at, want, when, x.steps)
			}
		}
	}
}
