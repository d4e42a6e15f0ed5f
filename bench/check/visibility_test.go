package check

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"raftzab/bench/kv"
	"raftzab/bench/metric"
	"raftzab/bench/workload"
	"raftzab/protocols"
)

// watched tells a trial in short words, an event a word: "2+3@5" is node 2 applies
// entry 1.3 at 5 ms, "2^3@5" installs the snapshot 1.3, "2:leader@5" is its role from then
// on, "!3@5" acknowledges 1.3, "end@9".
func watched(t *testing.T, voters, observers int, words string) *Visibility {
	v := NewVisibility(voters, observers)
	for _, word := range strings.Fields(words) {
		what, at, _ := strings.Cut(word, "@")
		var when float64
		fmt.Sscanf(at, "%f", &when)
		now := ms(when)
		var node, index int
		var role string
		switch {
		case what == "end":
			v.End(now)
		case what[0] == '!':
			fmt.Sscanf(what, "!%d", &index)
			v.Record(&workload.Operation{Op: kv.Put, At: at1(index), End: now})
		case strings.Contains(what, "+"):
			fmt.Sscanf(what, "%d+%d", &node, &index)
			v.Observe(now, NodeID(node), protocols.Event{Kind: protocols.Applied, At: at1(index)})
		case strings.Contains(what, "^"):
			fmt.Sscanf(what, "%d^%d", &node, &index)
			v.Observe(now, NodeID(node), protocols.Event{Kind: protocols.Restored, At: at1(index)})
		default:
			fmt.Sscanf(what, "%d:%s", &node, &role)
			for r := range protocols.Observer + 1 {
				if r.String() == role {
					v.Observe(now, NodeID(node), protocols.Event{Kind: protocols.RoleChanged, Role: r})
				}
			}
		}
	}
	return v
}

func at1(index int) protocols.EntryID { return protocols.EntryID{Epoch: 1, Index: uint64(index)} }

func TestVisibilityByHand(t *testing.T) {
	for _, c := range []struct {
		name, words string
		role        protocols.Role
		seen        int
		censored    int
		curve       string // "t:V t:V"
	}{
		{"applied before it is acknowledged", "1:leader@0 1+1@1 2+1@1 !1@2 end@9", protocols.Follower, 1, 1, "0:0.5 8:0.5"},
		{"one at once, two later", "1+1@1 !1@2 2+1@3 3+1@6 end@9", protocols.Follower, 3, 0, "0:0.3333 0.9:0.3333 1:0.6667 4:1"},
		{"never applied", "1+1@1 !1@2 end@9", protocols.Follower, 1, 2, "0:0.3333 7:0.3333 99:0.3333"},
		{"one censored before another applies", "1+1@1 2+1@1 3+1@1 !1@1 1+2@5 !2@5 2+2@6 end@7", protocols.Follower, 5, 1, "0:0.6667 1:0.8333"},
		{"censored early says nothing of later", "!1@0 !2@10 1+2@10 2+2@10 3+1@11 end@12", protocols.Follower, 5, 1, "0:0.3333 9.9:0.3333 10:0.7778 11:1"},
		{"a later entry brings the earlier", "!1@1 !2@2 1+2@4 2+2@4 3+2@4 end@9", protocols.Follower, 6, 0, "1.9:0 2:0.5 3:1"},
		{"a snapshot brings all up to it", "!1@1 !2@2 1^2@4 2^2@4 3^1@4 end@9", protocols.Follower, 5, 1, "2:0.3333 3:0.8333"},
		{"acknowledged against the log's order", "1+2@1 2+1@1 !2@2 !1@3 2+2@4 3+2@5 end@9", protocols.Follower, 6, 0, "0:0.5 1.5:0.5 2:0.8333 3:1"},
		{"applied again after a crash", "1+1@1 1+2@2 !2@3 1+1@8 1+2@9 2+2@4 3+2@4 end@10", protocols.Follower, 3, 0, "0:0.3333 1:1"},
		{"applied again after a crash, up to less than is acknowledged meanwhile", "1+1@1 1+2@2 1+1@3 !2@4 2+2@4 3+2@4 1+2@9 end@10", protocols.Follower, 3, 0, "0:1"},
		{"told of late", "!1@2 1+1@1.5 2+1@2 3+1@2 end@9", protocols.Follower, 3, 0, "0:1"},
		{"censored when others are seen", "!1@0 1+1@2 2+1@2 3+1@2 !2@7 1+2@7 2+2@7 end@9", protocols.Follower, 5, 1, "0:0.3333 2:0.8333"},
		{"by role: the leader's", "1:leader@0 1+1@1 !1@2 2+1@3 3+1@4 4+1@5 end@9", protocols.Leader, 1, 0, "0:1"},
		{"by role: the followers'", "1:leader@0 1+1@1 !1@2 2+1@3 3+1@4 4+1@5 end@9", protocols.Follower, 2, 0, "0:0 1:0.5 2:1"},
		{"by role: the observer's", "1:leader@0 1+1@1 !1@2 2+1@3 3+1@4 4+1@5 end@9", protocols.Observer, 1, 0, "2.9:0 3:1"},
		{"the role is that at the acknowledgement", "!1@2 1:leader@3 1+1@4 2+1@4 3+1@4 end@9", protocols.Leader, 0, 0, "9:0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := watched(t, 3, 1, c.words).Lags(c.role)
			if seen, censored := l.Count(); seen != c.seen || censored != c.censored {
				t.Errorf("%d seen, %d censored; want %d, %d", seen, censored, c.seen, c.censored)
			}
			curve := l.Curve()
			for _, point := range strings.Fields(c.curve) {
				var at, want float64
				fmt.Sscanf(point, "%f:%f", &at, &want)
				if got := curve.At(at); math.Abs(got-want) > 1e-3 {
					t.Errorf("V(%v) = %v, want %v; %v", at, got, want, curve)
				}
			}
		})
	}
}

// What is applied by all leaves nothing behind.
func TestVisibilityKeepsOnlyWhatIsStillToBeApplied(t *testing.T) {
	v := NewVisibility(3, 0)
	for i := 1; i < 10_000; i++ {
		now := protocols.Time(i) * 1000
		v.Record(&workload.Operation{Op: kv.Put, At: at1(i), End: now})
		for id := NodeID(1); id <= 3; id++ {
			v.Observe(now+protocols.Time(id), id, protocols.Event{Kind: protocols.Applied, At: at1(i)})
		}
	}
	if len(v.acks) > 4 || cap(v.acks) > 16 {
		t.Errorf("%d acknowledgements are kept, with room for %d", len(v.acks), cap(v.acks))
	}
	if seen, censored := v.Lags(protocols.Follower).Count(); seen != 3*9999 || censored != 0 {
		t.Errorf("%d seen, %d censored", seen, censored)
	}
}

// One world, told by replicas and by readers: writes of one key that replicas
// apply after random times. The lags are those of a model that keeps all, and both
// curves are the distribution of these times.
func TestVisibilityAgreesWithBruteForceAndWithProbes(t *testing.T) {
	const writes, replicas, apart = 20_000, 3, 10 // ms
	rng := rand.New(rand.NewPCG(1, 2))
	type event struct {
		now  protocols.Time
		node NodeID
		op   *workload.Operation
		at   int
	}
	var events []event
	applied := make([][]protocols.Time, replicas+1)
	last := protocols.Time(0)
	for i := range writes {
		now := ms(apart * float64(i))
		events = append(events, event{now: now, op: &workload.Operation{Op: kv.Put, Client: 1, Version: uint64(i + 1), At: at1(i + 1), Start: now, End: now}})
		for id := 1; id <= replicas; id++ {
			when := now + ms(8*rng.Float64()) - ms(1)
			applied[id] = append(applied[id], when)
			events = append(events, event{now: when, node: NodeID(id), at: i + 1})
		}
		last = now
	}
	for range 8 * writes {
		now, id := protocols.Time(rng.Int64N(int64(last))), 1+rng.IntN(replicas)
		version, _ := slices.BinarySearch(applied[id], now)
		events = append(events, event{now: now, op: &workload.Operation{Op: kv.Get, Client: 2, Node: NodeID(id), Version: uint64(version), Start: now, End: now}})
	}
	slices.SortStableFunc(events, func(a, b event) int { return int(a.now - b.now) })
	v, s := NewVisibility(replicas, 0), NewStaleness()
	for _, e := range events {
		if e.op == nil {
			v.Observe(e.now, e.node, protocols.Event{Kind: protocols.Applied, At: at1(e.at)})
			continue
		}
		v.Record(e.op)
		s.Record(e.op)
	}
	v.End(last)
	var lags []float64
	for id := 1; id <= replicas; id++ {
		for i, when := range applied[id] {
			lags = append(lags, max(0, float64(when-ms(apart*float64(i)))/1e6))
		}
	}
	exact, told, probed := metric.NewSample(lags), v.Lags(protocols.Follower).Curve(), s.Reads(protocols.Follower, protocols.ReadLocal).Visibility()
	for _, x := range []float64{0, 0.5, 1, 3, 5, 6.5, 8} {
		if got, want := told.At(x), exact.Fraction(x*1.005); math.Abs(got-want) > 0.005 {
			t.Errorf("V(%v) = %v, by listing %v", x, got, want)
		}
		if got, want := probed.At(x), exact.Fraction(x); x > 0 && math.Abs(got-want) > 0.05 {
			t.Errorf("V(%v) = %v by probes, by listing %v", x, got, want)
		}
	}
}

// What is counted in buckets is what there is, each in the one whose bounds it lies in.
func TestBucketsHaveEverythingOnce(t *testing.T) {
	v := watched(t, 3, 0, "1+1@1 !1@2 2+1@2.1 3+1@7 1+2@7 !2@7 end@8.25")
	want := []Bucket{{0, 0, 2, 0}, {0, ms(0.1), 1, 0}, {ms(1), ms(1.25), 0, 2}, {ms(4), ms(5), 1, 0}}
	if got := v.Lags(protocols.Follower).Buckets(); !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	rng := rand.New(rand.NewPCG(5, 6))
	r := &Reads{}
	looks, over := 1000, 0
	for range looks {
		there := rng.IntN(3) > 0
		if there {
			over++
		}
		r.look(protocols.Time(math.Exp(rng.Float64()*math.Log(mostCounted))), there)
	}
	last := protocols.Time(0)
	for _, b := range r.Buckets() {
		if b.From < last || b.To <= b.From && b.To > 0 || b.Visible < 0 || b.Invisible < 0 {
			t.Errorf("%+v after %v", b, last)
		}
		last = b.To
		looks, over = looks-b.Visible-b.Invisible, over-b.Visible
	}
	if looks != 0 || over != 0 {
		t.Errorf("%d reads are missing, %d of them of those that saw the version", looks, over)
	}
}
