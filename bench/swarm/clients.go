package swarm

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"raftzab/bench"
	"raftzab/bench/fault"
	"raftzab/bench/kv"
	"raftzab/protocols"
)

// clientSessions is how many clients there are. The first ones have one write
// in doubt at most, and try it again under its own number until they know; the
// others write all the time wherever they are, and never try again.
const (
	clientSessions = 6
	careful        = 4
	keys           = 5
)

type submitter interface{ submit(NodeID, bench.Request) }

type clients struct {
	n   int
	rng *rand.Rand
	of  [clientSessions + 1]client
}

type client struct {
	seq      uint32
	node     NodeID
	waiting  bool
	deadline Time // of the answer; or when to write next
	think    Time
}

func (c *clients) begin(n int, rng *rand.Rand) {
	c.n, c.rng = n, rng
	for i := 1; i <= clientSessions; i++ {
		c.of[i] = client{node: c.anyone(), think: within(rng, 10*ms, 100*ms), deadline: 100 * ms}
	}
}

func (c *clients) anyone() NodeID { return NodeID(1 + c.rng.IntN(c.n)) }

func (c *clients) wake(now Time, s submitter) (next Time) {
	for i := 1; i <= clientSessions; i++ {
		x := &c.of[i]
		if x.deadline <= now {
			switch {
			case i > careful:
				x.seq++
				if c.rng.IntN(10) == 0 {
					x.node = c.anyone()
				}
				x.deadline = now + x.think
				s.submit(x.node, c.put(i))
			case x.waiting: // no answer: the same write again, elsewhere
				x.node = c.anyone()
				c.write(i, now, s)
			default:
				x.seq++
				c.write(i, now, s)
			}
		}
		if next == 0 || x.deadline < next {
			next = x.deadline
		}
	}
	return next
}

func (c *clients) write(i int, now Time, s submitter) {
	x := &c.of[i]
	x.waiting, x.deadline = true, now+within(c.rng, 200*ms, 800*ms)
	s.submit(x.node, c.put(i))
}

func (c *clients) put(i int) bench.Request {
	seq := c.of[i].seq
	return bench.Request{Command: protocols.Command{ID: protocols.RequestID{Session: uint32(i), Seq: seq}, Op: kv.Put,
		Key: (uint32(i) + seq) % keys, Size: 16, Value: uint64(i)<<32 | uint64(seq)}}
}

func (c *clients) reply(now Time, r bench.Reply, s submitter) {
	i := int(r.ID.Session)
	x := &c.of[i]
	if i > careful {
		if r.Outcome == bench.Refused && r.Leader != 0 {
			x.node = r.Leader
		}
		return
	}
	if !x.waiting || r.ID.Seq != x.seq || r.Node != x.node {
		return // an earlier attempt's
	}
	switch r.Outcome {
	case bench.OK:
		x.waiting, x.deadline = false, now+within(c.rng, ms, x.think)
	case bench.Refused:
		if x.node = r.Leader; x.node == 0 {
			x.node = c.anyone()
		}
		x.deadline = now + 20*ms // then again
	case bench.Unknown:
		x.node = c.anyone()
		x.deadline = now + 20*ms
	}
}

// After healing, every node gets a fresh write, handed in under a session of
// its own and taken to the leader if the node says so. It has come through when
// it is acknowledged and the node has applied all that was committed by then.

func (w *world[M]) session(id NodeID) uint32 { return clientSessions + uint32(id) }

func (w *world[M]) askAround(now Time) {
	for id := NodeID(1); int(id) <= w.n; id++ {
		if w.fresh[id] == 0 {
			w.ask(id, id)
		}
	}
	if now > w.healAt && (now-w.healAt)%(500*ms) < 50*ms { // lost with a leader that fell
		for id := range w.fresh {
			if w.fresh[id] == 1 {
				w.fresh[id] = 0
			}
		}
	}
}

func (w *world[M]) ask(id, at NodeID) {
	w.fresh[id] = 1
	w.submit(at, bench.Request{Command: protocols.Command{ID: protocols.RequestID{Session: w.session(id), Seq: 1}, Op: kv.Put,
		Key: uint32(keys + id), Size: 16, Value: uint64(id)}})
}

func (w *world[M]) freshReply(now Time, r bench.Reply) {
	id := NodeID(r.ID.Session - clientSessions)
	switch {
	case w.fresh == nil || w.fresh[id] == 2:
	case r.Outcome == bench.OK:
		w.fresh[id] = 2
		if w.level.Less(r.At) {
			w.level = r.At
		}
	case r.Outcome == bench.Refused && r.Leader != 0 && r.Leader != r.Node:
		w.ask(id, r.Leader)
	default:
		w.fresh[id] = 0
	}
}

// done reports whether the ensemble has made progress: there is an active
// leader, and every node that can take part has its fresh write acknowledged and
// is level. A Zab server that has promised an epoch above the leader's cannot:
// it is turned away until the next election, here as in ZooKeeper.
func (w *world[M]) done() bool {
	if !w.healed {
		return false
	}
	leaders := (fault.Target{Who: fault.Leader}).Resolve(w.n, w.cluster, w.rng)
	if len(leaders) == 0 {
		return false
	}
	leader, _ := w.cluster.Status(leaders[0])
	w.report.TurnedAway = 0
	for id := NodeID(1); int(id) <= w.n; id++ {
		if w.system == "zab" && w.accepted[id] > leader.Epoch {
			w.report.TurnedAway++
			continue
		}
		if s, ok := w.cluster.Status(id); w.fresh[id] != 2 || !ok || s.Committed.Less(w.level) {
			return false
		}
	}
	return w.report.TurnedAway <= (w.n-1)/2
}

func (w *world[M]) stuck() string {
	var b strings.Builder
	fmt.Fprintf(&b, "no progress within %v s of healing:", float64(patience)/float64(second))
	for id := NodeID(1); int(id) <= w.n; id++ {
		s, ok := w.cluster.Status(id)
		fmt.Fprintf(&b, " node %d: write %d, up %t, %v active %t epoch %d leader %d last %v committed %v;", id, w.fresh[id], ok, s.Role, s.Active, s.Epoch, s.Leader, s.Last, s.Committed)
	}
	return b.String()
}
