package sim

import (
	"math/rand/v2"
	"testing"

	"raftzab/bench"
	"raftzab/bench/fault"
	"raftzab/bench/kv"
	"raftzab/bench/network"
	"raftzab/bench/random"
	"raftzab/protocols"
	"raftzab/raft"
)

const ms = Time(1_000_000)

// A world is a Raft cluster with a handler that tests steer.
type world struct {
	*Cluster[raft.Message]
	t       testing.TB
	events  []observation
	replies []bench.Reply
	onWake  func(now Time) Time
	listen  protocols.EventSet
	seq     uint32 // of the latest write
}

func (w *world) Wake(now Time) Time {
	if w.onWake != nil {
		return w.onWake(now)
	}
	return 0
}
func (w *world) Reply(_ Time, r bench.Reply) { w.replies = append(w.replies, r) }
func (w *world) Listen() protocols.EventSet  { return w.listen }
func (w *world) Observe(_ Time, n NodeID, e protocols.Event) {
	w.events = append(w.events, observation{n, e})
}

func ensemble(t testing.TB, n int, edit func(*Config[raft.Message])) *world {
	var voters []NodeID
	for id := 1; id <= n; id++ {
		voters = append(voters, NodeID(id))
	}
	cfg := Config[raft.Message]{
		New: func(id NodeID, r protocols.Recovered, rng *rand.Rand) protocols.Replica[raft.Message] {
			c := raft.Default()
			c.ID, c.Voters = id, voters
			return raft.New(c, r, rng)
		},
		Network: network.Config{Nodes: n, Default: network.Quality{Delay: random.Distribution{Shape: random.Uniform, A: 4 * ms, B: 6 * ms}}, RTOMin: 200 * ms},
		Fsync:   random.Distribution{Shape: random.Lognormal, A: ms, Sigma: 0.3},
	}
	if edit != nil {
		edit(&cfg)
	}
	return &world{Cluster: New(cfg, 1, 0), t: t, listen: protocols.AllEvents}
}

func (w *world) run(until Time) {
	w.t.Helper()
	if err := w.Run(w, until); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) inject(k fault.Kind, nodes ...NodeID) {
	w.t.Helper()
	if err := w.Inject(fault.Fault{Kind: k, Nodes: nodes}); err != nil {
		w.t.Fatal(err)
	}
}

// leader returns the active leader of the greatest epoch.
func (w *world) leader() (id NodeID) {
	var best uint64
	for i := 1; i < len(w.hosts); i++ {
		if s, ok := w.Status(NodeID(i)); ok && s.Role == protocols.Leader && s.Active && s.Epoch > best {
			id, best = NodeID(i), s.Epoch
		}
	}
	return id
}

func put(session, seq, key uint32, value uint64) bench.Request {
	return bench.Request{Command: protocols.Command{ID: protocols.RequestID{Session: session, Seq: seq}, Key: key, Value: value, Op: kv.Put, Size: 8}}
}

func TestClusterElectsAndReplacesALeader(t *testing.T) {
	w := ensemble(t, 5, nil)
	w.run(1000 * ms)
	old := w.leader()
	if old == 0 {
		t.Fatal("no leader after a second")
	}
	w.Submit(old, put(1, 1, 1, 10))
	w.run(1100 * ms)
	if len(w.replies) != 1 || w.replies[0].Outcome != bench.OK || w.replies[0].Version != 1 {
		t.Fatalf("replies %+v", w.replies)
	}
	w.inject(fault.Crash, old)
	w.run(2000 * ms)
	if l := w.leader(); l == 0 || l == old {
		t.Fatalf("leader %d after the crash of %d", l, old)
	}
	w.inject(fault.Restart, old)
	w.run(3000 * ms)
	w.Submit(old, bench.Request{Command: protocols.Command{ID: protocols.RequestID{Session: 2, Seq: 1}, Key: 1, Op: kv.Get}})
	w.run(3100 * ms)
	if r := w.replies[len(w.replies)-1]; r.Value != 10 {
		t.Errorf("the restarted node reads %+v, want 10", r)
	}
}

// The same seed gives the same events; another trial gives others; and a
// cluster that is used again is as good as a new one.
func TestSameSeedSameEvents(t *testing.T) {
	sum := func(w *world, trial int) uint64 {
		w.Reset(7, trial)
		w.run(1000 * ms)
		w.inject(fault.PowerOff, w.leader())
		w.run(2000 * ms)
		_, s := w.Events()
		return s
	}
	w := ensemble(t, 5, nil)
	first := sum(w, 3)
	if other := sum(w, 4); other == first {
		t.Error("trials 3 and 4 have the same events")
	}
	if again := sum(w, 3); again != first {
		t.Errorf("the same trial on a used cluster: %x, %x", first, again)
	}
	if fresh := sum(ensemble(t, 5, nil), 3); fresh != first {
		t.Errorf("the same trial on a new cluster: %x, %x", first, fresh)
	}
}

// driven keeps a cluster under load for a benchmark or an allocation count.
func driven(t testing.TB) *world {
	w := ensemble(t, 5, nil)
	w.listen = protocols.Events(protocols.RoleChanged)
	w.run(1000 * ms)
	seq, leader := uint32(0), w.leader()
	next := w.now + ms
	w.onWake = func(now Time) Time {
		if now >= next {
			seq++
			w.Submit(leader, put(1, seq, 1, uint64(seq)))
			next = now + ms
		}
		w.replies, w.events = w.replies[:0], w.events[:0]
		return next
	}
	w.run(w.now + 2000*ms)
	return w
}

// Nothing is allocated per event. What is left is the windows of the logs,
// which grow by doubling.
func TestNoAllocationPerEvent(t *testing.T) {
	w := driven(t)
	before, _ := w.Events()
	allocs := testing.AllocsPerRun(1, func() { w.run(w.now + 2000*ms) })
	after, _ := w.Events()
	per := allocs / (float64(after-before) / 2) // AllocsPerRun runs once to warm up
	t.Logf("%.0f allocations in %d events", allocs, (after-before)/2)
	if per > 0.001 {
		t.Errorf("%.4f allocations per event", per)
	}
}

func BenchmarkEvents(b *testing.B) {
	w := driven(b)
	start, _ := w.Events()
	b.ReportAllocs()
	for b.Loop() {
		w.run(w.now + 10*ms)
	}
	end, _ := w.Events()
	b.ReportMetric(float64(end-start)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(end-start), "ns/event")
}

func BenchmarkElections(b *testing.B) {
	w := ensemble(b, 5, nil)
	w.listen = 0
	var events uint64
	trial := 0
	for b.Loop() {
		w.Reset(1, trial)
		trial++
		t := 500 * ms
		w.run(t)
		for w.leader() == 0 {
			t += 10 * ms
			w.run(t)
		}
		w.inject(fault.PowerOff, w.leader())
		for w.leader() == 0 {
			t += 10 * ms
			w.run(t)
		}
		n, _ := w.Events()
		events += n
	}
	b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(trial)/b.Elapsed().Seconds(), "elections/s")
}
