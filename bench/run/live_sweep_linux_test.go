package run

import (
	"raftzab/bench"
	"raftzab/bench/fault"
	"raftzab/bench/kv"
	"raftzab/protocols"
)

// A sweep reads every key once, strictly, at one node.
type sweep struct {
	*siege
	node   NodeID
	leader bool // only a leader answers strict reads: it has to become one
	seen   []bench.Reply
	asked  []bool   // it was, and not refused
	of     []uint32 // the key of each request
	open   int      // reads under way
	from   int      // the keys before this one need not be asked for now
	missed int      // keys without an answer
	moved  Time     // when to ask for the leadership again
}

// abreast is how many reads are under way.
const abreast = 200

// sweep compares what each node has with what the clients know. Where strict reads
// are a leader's, each node becomes it in turn.
func (g *siege) sweep(byLeaders bool) {
	g.t.Helper()
	var seen [][]bench.Reply
	for id := NodeID(1); int(id) <= g.nodes; id++ {
		w := &sweep{siege: g, node: id, leader: byLeaders, seen: make([]bench.Reply, len(g.keys)), asked: make([]bool, len(g.keys)), missed: len(g.keys)}
		for limit := g.sys.Now() + 2*Time(settling); w.missed > 0; {
			if err := g.sys.Run(w, g.sys.Now()+50*Time(ms)); err != nil {
				g.t.Fatal(err)
			}
			if g.sys.Now() > limit {
				g.t.Fatalf("node %d has not answered for %d keys of %d: %s", id, w.missed, len(g.keys), g.states())
			}
		}
		seen = append(seen, w.seen)
	}
	wrong := 0
	for k, x := range g.keys {
		for i := range seen {
			if why := x.judge(&seen[i][k]); why != "" {
				if wrong++; wrong <= 10 {
					g.t.Errorf("key %d at node %d: %s; it has value %d, version %d", k, i+1, why, seen[i][k].Value, seen[i][k].Version)
				}
			}
			if a, b := &seen[0][k], &seen[i][k]; a.Value != b.Value || a.Version != b.Version {
				if wrong++; wrong <= 10 {
					g.t.Errorf("key %d: node 1 has value %d, version %d; node %d has value %d, version %d", k, a.Value, a.Version, i+1, b.Value, b.Version)
				}
			}
		}
	}
	if wrong > 10 {
		g.t.Errorf("and %d more", wrong-10)
	}
}

// judge says what a state of the key lacks of what was acknowledged, or has that
// nobody wrote.
func (x *key) judge(r *bench.Reply) string {
	for version := range x.acked {
		if version > r.Version {
			return "an acknowledged write is lost"
		}
	}
	if r.Version == 0 {
		if r.Value != 0 {
			return "a value without a version"
		}
		return ""
	}
	acked, written := x.written[r.Value]
	if value, known := x.acked[r.Version]; known && value != r.Value || !known && acked {
		return "the value is not that of the write which was acknowledged with the version"
	}
	if !written {
		return "nobody wrote the value"
	}
	if most := uint64(len(x.written)); r.Version > most {
		return "there are more versions than writes"
	}
	return ""
}

func (w *sweep) session() uint32 { return uint32(len(w.callers)) + uint32(w.node) }

func (w *sweep) Wake(now Time) Time {
	if st, ok := w.sys.Status(w.node); w.leader && (!ok || st.Role != protocols.Leader || !st.Active) && now > w.moved {
		w.moved = now + 500*Time(ms)
		if err := w.sys.Inject(fault.Fault{Kind: fault.Transfer, Nodes: []NodeID{w.node}}); err != nil {
			w.t.Fatal(err)
		}
		return now + pause
	}
	for ; w.open < abreast && w.from < len(w.keys); w.from++ {
		if !w.asked[w.from] {
			w.ask(now, uint32(w.from))
		}
	}
	if w.from == len(w.keys) && w.open == 0 && w.missed > 0 {
		w.from = 0 // some were refused
	}
	return now + pause
}

func (w *sweep) ask(now Time, k uint32) {
	w.open++
	w.asked[k] = true
	w.of = append(w.of, k)
	r := bench.Request{Command: protocols.Command{ID: protocols.RequestID{Session: w.session(), Seq: uint32(len(w.of))}, Op: kv.Get, Key: k}, Mode: w.mode}
	w.history.Asked(now, w.node, r)
	w.sys.Submit(w.node, r)
}

func (w *sweep) Reply(now Time, r bench.Reply) {
	if r.ID.Session != w.session() {
		return
	}
	k := w.of[r.ID.Seq-1]
	w.open--
	if r.Outcome != bench.OK {
		w.asked[k] = false
		return
	}
	w.history.Acknowledged(now, r)
	w.seen[k] = r
	w.missed--
}
