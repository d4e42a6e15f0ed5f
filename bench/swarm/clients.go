package swarm

import (
	"math/rand/v2"
	"slices"

	"raftzab/bench"
	"raftzab/bench/fault"
	"raftzab/bench/kv"
	"raftzab/protocols"
)

// clientSessions is how many clients there are. The careful ones have one request
// in doubt at most, and try it again under its own number until they know; the
// streaming ones write all the time wherever they are, and never try again. Where
// there is more than one way to read, the careful ones read as well, in any of
// them, and two do nothing else than to ask for the latest state. The loyal reader
// stays where it is until it is sent away: with a leader that was deposed and has
// not heard of it. The roving one asks anybody, and so hears of the next leader
// before all others.
const (
	careful        = 4
	streaming      = careful + 2
	loyal          = streaming + 1
	roving         = loyal + 1
	clientSessions = roving
	keys           = 5
	putSize        = 16 // bytes
)

type clients struct {
	n   int // nodes
	rng *rand.Rand
	of  [clientSessions + 1]client

	modes  []protocols.ReadMode // in which the careful clients read; nil: nobody reads
	strict protocols.ReadMode   // of the loyal reader
	latest protocols.ReadMode   // of the roving one
	hush   Time                 // until then nobody writes
}

type client struct {
	seq      uint32
	node     NodeID
	waiting  bool
	deadline Time // of the answer; or when to ask next; zero: never
	think    Time
	asked    bench.Request     // what it waits for
	seen     protocols.EntryID // the latest state that it was told of
}

func (c *clients) begin(n int, rng *rand.Rand) {
	c.n, c.rng = n, rng
	for i := 1; i <= streaming; i++ {
		c.of[i] = client{node: c.anyone(), think: within(rng, 10*ms, 100*ms), deadline: 100 * ms}
	}
}

// beginReading adds what reads. No client asks for anything more often than every
// so often.
func (c *clients) beginReading(every Time, strict protocols.ReadMode, modes ...protocols.ReadMode) {
	c.modes, c.strict, c.latest = modes, strict, protocols.ReadIndex
	if !slices.Contains(modes, c.latest) {
		c.latest = strict
	}
	for i := 1; i <= streaming; i++ {
		c.of[i].think = max(c.of[i].think, every)
	}
	c.of[loyal] = client{node: c.anyone(), think: within(c.rng, 3*ms, 30*ms), deadline: 100 * ms}
	c.of[roving] = client{node: c.anyone(), think: within(c.rng, 10*ms, 60*ms), deadline: 100 * ms}
}

func (c *clients) anyone() NodeID { return NodeID(1 + c.rng.IntN(c.n)) }

// leader is whoever leads; while nobody does, anybody.
func (c *clients) leader(on stage) NodeID {
	if ids := (fault.Target{Who: fault.Leader}).Resolve(c.n, on, c.rng); len(ids) > 0 {
		return ids[0]
	}
	return c.anyone()
}

func (c *clients) wake(now Time, on stage) (next Time) {
	next = never
	for i := 1; i <= clientSessions; i++ {
		x := &c.of[i]
		if x.deadline == 0 {
			continue
		}
		if x.deadline <= now {
			switch {
			case i <= streaming && now < c.hush:
				x.deadline = c.hush + within(c.rng, 0, x.think)
			case i > careful:
				x.seq++
				x.deadline = now + x.think
				if i <= streaming && c.rng.IntN(10) == 0 || i == loyal && c.rng.IntN(30) == 0 {
					x.node = c.anyone()
				}
				switch i {
				case loyal:
					on.submit(x.node, c.get(i, c.strict))
				case roving:
					x.node = c.leader(on)
					on.submit(x.node, c.get(i, c.latest))
				default:
					on.submit(x.node, c.put(i))
				}
			case x.waiting: // no answer: the same again, elsewhere
				x.node = c.anyone()
				c.ask(i, now, on)
			default:
				x.seq++
				if c.modes != nil && c.rng.IntN(3) == 0 {
					x.asked = c.get(i, c.modes[c.rng.IntN(len(c.modes))])
				} else {
					x.asked = c.put(i)
				}
				c.ask(i, now, on)
			}
		}
		next = min(next, x.deadline)
	}
	return next
}

func (c *clients) ask(i int, now Time, on stage) {
	x := &c.of[i]
	x.waiting, x.deadline = true, now+within(c.rng, 200*ms, 800*ms)
	on.submit(x.node, x.asked)
}

func (c *clients) put(i int) bench.Request {
	seq := c.of[i].seq
	return bench.Request{Command: protocols.Command{ID: protocols.RequestID{Session: uint32(i), Seq: seq}, Op: kv.Put,
		Key: (uint32(i) + seq) % keys, Size: putSize, Value: uint64(i)*1_000_000 + uint64(seq)}} // a value tells whose it is
}

func (c *clients) get(i int, mode protocols.ReadMode) bench.Request {
	x := &c.of[i]
	return bench.Request{Command: protocols.Command{ID: protocols.RequestID{Session: uint32(i), Seq: x.seq}, Op: kv.Get,
		Key: uint32(c.rng.IntN(keys))}, Mode: mode, Seen: x.seen}
}

func (c *clients) reply(now Time, r bench.Reply) {
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
		if x.seen.Less(r.At) {
			x.seen = r.At
		}
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
