package sim

import (
	"slices"
	"testing"

	"raftzab/bench"
	"raftzab/bench/kv"
	"raftzab/protocols"
	"raftzab/raft"
)

// A queue of readers asks one server for the same at one instant, and notes when
// each is answered.
type readers struct {
	*world
	n     int
	after Time
	got   []Time
	asked bool
}

func (r *readers) Wake(now Time) Time {
	if now < r.after {
		return r.after
	}
	if !r.asked {
		r.asked = true
		for i := range r.n {
			r.Cluster.Submit(1, bench.Request{Command: protocols.Command{ID: protocols.RequestID{Session: uint32(i + 1), Seq: 1}, Op: kv.Get}})
		}
	}
	return 0
}

func (r *readers) Reply(now Time, _ bench.Reply) { r.got = append(r.got, now) }

// answered returns how long after the first of n readers each is answered, if each
// request costs so much.
func answered(t *testing.T, n int, cost Time) []Time {
	t.Helper()
	r := &readers{world: ensemble(t, 1, func(c *Config[raft.Message]) { c.Message = cost }), n: n, after: 1000 * ms}
	if err := r.Cluster.Run(r, 2000*ms); err != nil {
		t.Fatal(err)
	}
	if len(r.got) != n {
		t.Fatalf("%d of %d are answered", len(r.got), n)
	}
	return r.got
}

func TestAProcessorDealsWithOneRequestAfterTheOther(t *testing.T) {
	free, busy := answered(t, 10, 0), answered(t, 10, 3*ms)
	slices.Sort(free)
	for i := 1; i < 10; i++ {
		if d := busy[i] - busy[i-1]; d < ms || d > 6*ms {
			t.Errorf("answer %d comes %d ns after the one before", i, d)
		}
	}
	if d := busy[9] - free[9]; d < 20*ms || d > 31*ms {
		t.Errorf("ten requests at 3 ms each take %d ns longer", d)
	}
}
