package check

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"raftzab/bench"
	"raftzab/bench/kv"
	"raftzab/protocols"
)

// A tape is a history told in short words: "w1" asks for a write of value 1 by
// a session of its own, "w1=3" acknowledges it with version 3, "r2@1" asks for
// read 2 at node 1, "r2@1=7,3" answers it with value 7, version 3.
func tape(words string) *History { return tapeOn(NewHistory(), words) }

func tapeOn(h *History, words string) *History {
	for i, word := range strings.Fields(words) {
		now := protocols.Time(i) * 1_000_000
		var id, node uint32
		var value, version uint64
		ask, answer, answered := strings.Cut(word, "=")
		if word[0] == 'w' {
			fmt.Sscanf(ask, "w%d", &id)
			fmt.Sscanf(answer, "%d", &version)
			value = uint64(id)
		} else {
			fmt.Sscanf(ask, "r%d@%d", &id, &node)
			fmt.Sscanf(answer, "%d,%d", &value, &version)
		}
		c := protocols.Command{ID: protocols.RequestID{Session: id, Seq: 1}, Op: kv.Put, Value: uint64(id)}
		if word[0] == 'r' {
			c = protocols.Command{ID: protocols.RequestID{Session: 100 + id, Seq: 1}, Op: kv.Get}
		}
		if answered {
			h.Acknowledged(now, bench.Reply{ID: c.ID, Node: NodeID(node), Value: value, Version: version})
		} else {
			h.Asked(now, NodeID(node), bench.Request{Command: c, Mode: protocols.ReadIndex})
		}
	}
	return h
}

type NodeID = protocols.NodeID

const patience = 10 * time.Second

func TestHistoriesAreJudged(t *testing.T) {
	for _, c := range []struct {
		name, tape string
		want       Verdict
		text       string
	}{
		{"nothing", "", Linearizable, ""},
		{"one after the other", "w1 w1=1 r1@1 r1@1=1,1 w2 w2=2 r2@1 r2@1=2,2", Linearizable, ""},
		{"at the same time, either way round", "w1 w2 w2=1 w1=2 r1@1 r1@1=1,2", Linearizable, ""},
		{"a read beside a write sees the old", "w1 w1=1 w2 r1@1 r1@1=1,1 w2=2", Linearizable, ""},
		{"a read beside a write sees the new", "w1 w1=1 w2 r1@1 r1@1=2,2 w2=2", Linearizable, ""},
		{"nobody knows, and it happened", "w1 r1@1 r1@1=1,1", Linearizable, ""},
		{"nobody knows, and it did not happen", "w1 r1@1 r1@1=0,0", Linearizable, ""},
		{"nobody knows, and it happened late", "w1 r1@1 r1@1=0,0 w2 w2=2 r2@1 r2@1=2,2", Linearizable, ""},
		{"a read tried again at another node; the late answer is right for its own time", "r1@1 w1 w1=1 r1@2 r1@2=1,1 r1@1=0,0", Linearizable, ""},
		{"a write acknowledged twice", "w1 w1 w1=1 w2 w2=2 w1=1", Linearizable, ""},
		{"a stale read", "w1 w1=1 r1@1 r1@1=0,0", NotLinearizable, "Linearizable violated at 3ms by node 1: key 0: behind write 1/1 (value 1, version 1, asked for at 0s, answered at 1ms) none of these can come next: read at node 1 101/1 (value 0, version 0"},
		{"a stale answer to the second attempt", "r1@1 w1 w1=1 r1@2 r1@2=0,0", NotLinearizable, "read at node 2 101/1"},
		{"a read goes back behind a read", "w1 w1=1 w2 r1@1 r1@1=2,2 r2@1 r2@1=1,1", NotLinearizable, "read at node 1 102/1"},
		{"a value from nowhere", "w1 w1=1 r1@1 r1@1=9,2", NotLinearizable, ""},
		{"a value before it was asked for", "r1@1 r1@1=1,1 w1 w1=1", NotLinearizable, ""},
		{"two writes of one version", "w1 w1=1 w2 w2=1", NotLinearizable, ""},
		{"a version without a write", "w1 w1=2", NotLinearizable, ""},
		{"writes against their order in time", "w1 w1=2 w2 w2=1", NotLinearizable, ""},
		{"an unacknowledged write happens twice", "w1 w2 w2=2 w3 w3=4", NotLinearizable, ""},
		{"two values of one version", "w1 w2 r1@1 r1@1=1,1 r2@1 r2@1=2,1", NotLinearizable, ""},
		{"a version beyond all reason", "w1 w1=1000000000000", NotLinearizable, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, v := tape(c.tape).Check(patience, nil)
			if got != c.want || (v != nil) != (got == NotLinearizable) || v != nil && !strings.Contains(v.Error(), c.text) {
				t.Errorf("%v, %v; want %v, %q", got, v, c.want, c.text)
			}
		})
	}
}

// A write that nobody acknowledged and nobody delivered explains nothing.
func TestWhatNobodyDeliveredIsLeftOut(t *testing.T) {
	h := tape("w1 r1@1 r1@1=1,1")
	if got, _ := h.Check(patience, func(protocols.RequestID) bool { return false }); got != NotLinearizable {
		t.Errorf("%v", got)
	}
}

// What promised nothing is no evidence.
func TestOnlyStrictReadsAreRecorded(t *testing.T) {
	h := NewHistory()
	for seq, mode := range []protocols.ReadMode{protocols.ReadLocal, protocols.ReadLeader, protocols.ReadIndex, protocols.ReadLease, protocols.ReadSync} {
		h.Asked(0, 1, bench.Request{Command: protocols.Command{ID: protocols.RequestID{Session: 1, Seq: uint32(seq)}, Op: kv.Get}, Mode: mode})
	}
	if len(h.ops) != 2 {
		t.Errorf("%d reads", len(h.ops))
	}
}

func TestTimeMayBeOver(t *testing.T) {
	h := NewHistory()
	// Writes of one value leave everything to the search, and this has no answer.
	for i := range uint32(40) {
		h.Asked(0, 1, bench.Request{Command: protocols.Command{ID: protocols.RequestID{Session: i, Seq: 1}, Op: kv.Put, Value: 1}})
	}
	id := protocols.RequestID{Session: 50, Seq: 1}
	h.Asked(0, 1, bench.Request{Command: protocols.Command{ID: id, Op: kv.Get}, Mode: protocols.ReadIndex})
	h.Acknowledged(1, bench.Reply{ID: id, Node: 1, Value: 2, Version: 20})
	if got, _ := h.Check(20*time.Millisecond, nil); got != Unknown {
		t.Errorf("%v", got)
	}
}

// A search that would take all the memory there is ends with no verdict, and soon.
func TestMemoryMayBeUsedUp(t *testing.T) {
	h := NewHistory()
	h.Memory = 4 << 20
	record := func() {
		for i := range uint32(40) { // as in TestTimeMayBeOver
			h.Asked(0, 1, bench.Request{Command: protocols.Command{ID: protocols.RequestID{Session: i, Seq: 1}, Op: kv.Put, Value: 1}})
		}
		id := protocols.RequestID{Session: 50, Seq: 1}
		h.Asked(0, 1, bench.Request{Command: protocols.Command{ID: id, Op: kv.Get}, Mode: protocols.ReadIndex})
		h.Acknowledged(1, bench.Reply{ID: id, Node: 1, Value: 2, Version: 20})
	}
	record()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if got, v := h.Check(patience, nil); got != Unknown || v != nil {
		t.Errorf("%v, %v", got, v)
	}
	runtime.ReadMemStats(&after)
	if took := int(after.TotalAlloc - before.TotalAlloc); took > 2*h.Memory || took < h.Memory/16 {
		t.Errorf("%d bytes were allocated in all, with a bound of %d", took, h.Memory)
	}
	// The key that nobody can tell hides no breach of another.
	h.Reset()
	record()
	id := protocols.RequestID{Session: 51, Seq: 1}
	h.Asked(2, 1, bench.Request{Command: protocols.Command{ID: id, Op: kv.Get, Key: 1}, Mode: protocols.ReadIndex})
	h.Acknowledged(3, bench.Reply{ID: id, Node: 1, Value: 2, Version: 1})
	if got, v := h.Check(patience, nil); got != NotLinearizable || v == nil {
		t.Errorf("%v, %v", got, v)
	}
}

// A history that outgrows its memory is judged as far as it goes.
func TestHistoriesEndWhenMemoryIsUsedUp(t *testing.T) {
	const words = "w1 w1=1 r1@1 r1@1=1,1 w2 w2=2 r2@1 r2@1=2,2"
	for _, c := range []struct {
		name, tape string
		operations int
		want       Verdict
	}{
		{"all of it fits", words, 5, Linearizable},
		{"the rest is not known", words, 2, Unknown},
		{"it broke before", "w1 w1=1 r1@1 r1@1=0,0 w2 w2=2 r2@1 r2@1=2,2", 2, NotLinearizable},
		{"it broke after", "w1 w1=1 r1@1 r1@1=1,1 w2 w2=2 r2@1 r2@1=0,0", 2, Unknown},
		{"a read that would see what is not recorded", "w1 w1=1 r1@1 w2 w2=2 r1@1=2,2", 2, Unknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := NewHistory()
			h.Memory = 1 << 20
			spare := h.Memory/2/perOperation - c.operations // operations of another key take up room
			for i := range uint32(spare) {
				id := protocols.RequestID{Session: 1000, Seq: i + 1}
				h.Asked(0, 1, bench.Request{Command: protocols.Command{ID: id, Op: kv.Get, Key: 1}, Mode: protocols.ReadIndex})
			}
			tapeOn(h, c.tape)
			if got, v := h.Check(patience, nil); got != c.want {
				t.Errorf("%v, %v; want %v", got, v, c.want)
			}
			h.Reset()
			tapeOn(h, words)
			if got, v := h.Check(patience, nil); got != Linearizable {
				t.Errorf("the next trial: %v, %v", got, v)
			}
		})
	}
}

// What has too many operations to list is told in short.
func TestLongViolationsAreToldInShort(t *testing.T) {
	l := newLife(1, 1, 600, 300, 0)
	for i := len(l.steps) / 2; ; i++ {
		if r := l.steps[i].told; r != nil && r.Version > 1 && l.asks(r.ID).Op == kv.Get {
			r.Version--
			break
		}
	}
	h := NewHistory()
	h.Memory = 4 << 20
	if got, v := l.check(h); got != NotLinearizable || !strings.Contains(v.Text, "operations goes beyond version") || v.Node != 1 || v.At == 0 {
		t.Errorf("%v: %v", got, v)
	}
}

// The versions that settle gives change no verdict: they only spare the search.
func TestSettledHistoriesAreJudgedAsPlainOnes(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var seen [2]int
	for range 6_000 {
		var words []string
		writes, reads := 1+rng.IntN(5), rng.IntN(4)
		var open []string
		for writes+reads+len(open) > 0 {
			switch k := rng.IntN(writes + reads + len(open)); {
			case k < writes:
				w := fmt.Sprintf("w%d", writes)
				words, writes = append(words, w), writes-1
				if rng.IntN(2) == 0 {
					open = append(open, w)
				}
			case k < writes+reads:
				r := fmt.Sprintf("r%d@1", reads)
				words, open, reads = append(words, r), append(open, r), reads-1
			default:
				k -= writes + reads
				if w := open[k]; w[0] == 'w' {
					words = append(words, fmt.Sprintf("%s=%d", w, 1+rng.IntN(4)))
				} else {
					v := rng.IntN(4)
					words = append(words, fmt.Sprintf("%s=%d,%d", w, min(v, 1)*(1+rng.IntN(4)), v))
				}
				open = slices.Delete(open, k, k+1)
			}
		}
		text := strings.Join(words, " ")
		h := tape(text)
		got, _ := h.Check(patience, nil)
		var plain []porcupine.Operation
		for i := range h.ops {
			x := h.ops[i]
			if x.end == forever {
				if x.read {
					continue
				}
				x.version = 0
			}
			plain = append(plain, porcupine.Operation{Input: &x, Call: x.call, Return: x.end})
		}
		want := NotLinearizable
		if porcupine.CheckOperations((&search{left: 1 << 40}).model(), plain) {
			want = Linearizable
		}
		if seen[want]++; got != want {
			t.Fatalf("%s: %v; plainly it is %v", text, got, want)
		}
	}
	if seen[Linearizable] < 1000 || seen[NotLinearizable] < 1000 {
		t.Errorf("%d histories linearizable, %d not: one of them proves little", seen[Linearizable], seen[NotLinearizable])
	}
}

// A life is a random linearizable history, like those of the swarm: clients of
// which some go on before they have an answer, writes that nobody acknowledges.
type life struct {
	happened map[protocols.RequestID]bool
	steps    []step
}

type step struct {
	at   protocols.Time
	ask  *bench.Request
	told *bench.Reply
}

func newLife(seed uint64, keys uint32, writes, reads int, unknown float64) *life {
	rng := rand.New(rand.NewPCG(seed, 1))
	within := func(least, most int) protocols.Time {
		return protocols.Time(least+rng.IntN(most-least)) * 1_000_000
	}
	l := &life{happened: map[protocols.RequestID]bool{}}
	type effect struct {
		at    protocols.Time
		told  *bench.Reply
		key   uint32
		value uint64
		write bool
	}
	var effects []*effect
	for i := range writes + reads {
		id := protocols.RequestID{Session: uint32(1 + i%6), Seq: uint32(1 + i/6)}
		r := &bench.Request{Command: protocols.Command{ID: id, Op: kv.Put, Key: rng.Uint32N(keys), Value: uint64(id.Session)<<32 | uint64(id.Seq)}}
		write := rng.IntN(writes+reads) < writes
		if !write {
			r.Op, r.Value, r.Mode = kv.Get, 0, protocols.ReadIndex
		}
		asked := protocols.Time(id.Seq)*130_000_000 + within(0, 100)
		takes := within(5, 105)
		e := &effect{asked + protocols.Time(rng.Int64N(int64(takes))), &bench.Reply{ID: id, Node: 1}, r.Key, r.Value, write}
		l.steps = append(l.steps, step{at: asked, ask: r})
		if !write || rng.Float64() >= unknown {
			l.steps = append(l.steps, step{at: asked + takes, told: e.told})
		} else {
			e.at = asked + within(0, 2000)
			if rng.IntN(2) == 0 {
				continue
			}
		}
		effects = append(effects, e)
	}
	slices.SortFunc(effects, func(a, b *effect) int { return int(a.at - b.at) })
	state := make([]outcome, keys)
	for _, e := range effects {
		if s := &state[e.key]; e.write {
			*s = outcome{e.value, s.version + 1}
			l.happened[e.told.ID] = true
		}
		e.told.Value, e.told.Version = state[e.key].value, state[e.key].version
	}
	slices.SortFunc(l.steps, func(a, b step) int { return int(a.at - b.at) })
	return l
}

func (l *life) record(h *History) {
	h.Reset()
	for _, s := range l.steps {
		if s.ask != nil {
			h.Asked(s.at, 1, *s.ask)
		} else {
			h.Acknowledged(s.at, *s.told)
		}
	}
}

func (l *life) check(h *History) (Verdict, *Violation) {
	l.record(h)
	return h.Check(patience, func(id protocols.RequestID) bool { return l.happened[id] })
}

// Histories of the swarm's size are judged, right ones and wrong ones, and
// judging them leaves no time-out to wait for.
func TestLongHistoriesAreJudged(t *testing.T) {
	h := NewHistory()
	for seed := range uint64(20) {
		l := newLife(seed, 5+uint32(seed)%8, 600, 300, 0.1)
		if got, v := l.check(h); got != Linearizable {
			t.Fatalf("seed %d: %v: %v", seed, got, v)
		}
		// One read in the middle sees the version before.
		for i := len(l.steps) / 2; ; i++ {
			if r := l.steps[i].told; r != nil && r.Version > 1 && l.asks(r.ID).Op == kv.Get {
				r.Version--
				break
			}
		}
		if got, v := l.check(h); got != NotLinearizable || !strings.Contains(v.Text, "none of these can come next") {
			t.Fatalf("seed %d, with a wrong read: %v: %v", seed, got, v)
		}
	}
}

func (l *life) asks(id protocols.RequestID) *bench.Request {
	i := slices.IndexFunc(l.steps, func(s step) bool { return s.ask != nil && s.ask.ID == id })
	return l.steps[i].ask
}

// One op is the history of one run of the swarm, recorded and judged.
func BenchmarkHistory(b *testing.B) {
	for _, c := range []struct {
		keys    uint32
		unknown float64
	}{{5, 0.05}, {5, 0.10}, {12, 0.10}} {
		b.Run(fmt.Sprintf("keys=%d/unknown=%v", c.keys, c.unknown), func(b *testing.B) {
			h := NewHistory()
			var lives []*life
			for seed := range uint64(16) {
				lives = append(lives, newLife(seed, c.keys, 600, 300, c.unknown))
			}
			b.ReportAllocs()
			for i := range b.N {
				if got, v := lives[i%len(lives)].check(h); got != Linearizable {
					b.Fatal(got, v)
				}
			}
		})
	}
}
