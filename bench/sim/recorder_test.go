package sim

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"raftzab/bench/kv"
	"raftzab/protocols"
)

// What a driver promises a replica, judged by a replica that promises nothing:
// it sends, writes, refuses and commits as chance has it, or as a test tells it
// to, and a ledger that all nodes share compares each call with the promises.

// A note is a message that knows where it belongs.
type note struct {
	id       int // in the ledger
	from, to NodeID
	life     int // of the sender
	toLife   int // of the receiver when it was sent; 0: it was down
	tag      int // how many times the sender had lost its stream to the receiver
	n        int // from 0, of those with this tag
	part     protocols.Chunk
}

func (note) Kind() uint8              { return 0 }
func (note) Size() int                { return 10 }
func (m note) Chunk() protocols.Chunk { return m.part }
func (m note) String() string {
	return fmt.Sprintf("note %d (life %d of %d to life %d of %d, stream %d, place %d)", m.id, m.life, m.from, m.toLife, m.to, m.tag, m.n)
}

// A posted note is one that was sent: when, and since when the sender had the stream.
type posted struct {
	note
	step, opened int
	delivered    bool
	copies       int // of a datagram
}

// An attempt is a request on its way.
type attempt struct {
	node       NodeID
	life       int // 0: the node was down
	connection int
	arrived    bool
	replies    int
}

// A ledger is what was asked for and what came of it.
type ledger struct {
	t                    testing.TB
	c                    *Cluster[note]
	step                 int
	lives                [][]*recorder // by node and life, from 1
	up                   []bool
	paused               []bool
	sent                 []posted
	self                 []note // messages of a node to itself that must come next
	talk                 bool   // replicas send of their own accord
	roll                 Time   // since when each speaks once to every other; 0: no
	rng                  *rand.Rand
	sents, wrotes, boots int // what the witness saw
	bytes                int
	wrote                int
	kept                 [3]int // after a death with writes under way: none, some, all of them were there
	grouped              int    // calls of Persisted that covered several writes

	slack              Time // a fast clock may skip an instant
	datagrams          bool
	doubled, overtaken int // datagrams that came twice, or behind a later one

	attempts    map[protocols.RequestID]*attempt
	connections map[[2]int]int
	failed      bool
	script      func(r *recorder, call string, out *protocols.Output[note]) // what replicas do; nil: as chance has it
}

// A stretch is what a life has had of a stream: how many messages, and the steps
// of the first and of the latest.
type stretch struct{ count, began, latest int }

// A recorder is one life of a node.
type recorder struct {
	*ledger
	id        NodeID
	life      int
	chance    *rand.Rand
	boot      int // step
	calls     int
	now       Time
	wake      Time
	resumed   Time
	found     protocols.Recovered
	asked     []protocols.Write
	persisted uint64
	last      protocols.EntryID // of its log
	snapshot  protocols.EntryID // and base, of its latest write
	base      protocols.EntryID
	applied   uint64
	lost      []int               // by peer: the step of the last Disconnected
	tag, n    []int               // by peer
	got       map[[3]int]*stretch // by sender, its life, its tag
	stream    []*stretch          // by peer: where the latest message came from
	newest    []int               // datagrams by peer: the latest sent of those that came
	waiting   []protocols.Command
	latest    map[uint32]uint32 // by session
	spoke     Time              // at the last roll call
	role      protocols.Role
	heard     []string // where there is a script
}

func (l *ledger) fail(format string, args ...any) {
	if !l.failed { // the first breach is the one to look at
		l.t.Errorf("step %d, %v: %s", l.step, l.c.Now(), fmt.Sprintf(format, args...))
	}
	l.failed = true
}

func (l *ledger) current(id NodeID) *recorder {
	if n := len(l.lives[id]); n > 0 && l.up[id] {
		return l.lives[id][n-1]
	}
	return nil
}

// lifeOf returns the number of the present life, 0 while the node is down.
func (l *ledger) lifeOf(id NodeID) int {
	switch {
	case !l.up[id]:
		return 0
	case len(l.lives[id]) == 0: // all nodes start together, whatever the order in which they are made
		return 1
	}
	return len(l.lives[id])
}

// born is Config.New.
func (l *ledger) born(id NodeID, found protocols.Recovered, rng *rand.Rand) protocols.Replica[note] {
	n := len(l.up)
	r := &recorder{ledger: l, id: id, life: len(l.lives[id]) + 1, chance: rng, latest: map[uint32]uint32{}, boot: l.step, lost: make([]int, n), tag: make([]int, n), n: make([]int, n), got: map[[3]int]*stretch{}, stream: make([]*stretch, n), newest: make([]int, n)}
	r.found = protocols.Recovered{Registers: found.Registers, Snapshot: found.Snapshot, Base: found.Base, Entries: slices.Clone(found.Entries)}
	if r.life > 1 {
		l.recovered(l.lives[id][r.life-2], found)
	} else if found.Registers != (protocols.Registers{}) || len(found.Entries) > 0 {
		l.fail("node %d finds %v on an empty disk", id, found)
	}
	r.last, r.snapshot, r.base = last(&found), found.Snapshot.At, found.Base
	l.lives[id] = append(l.lives[id], r)
	return r
}

// recovered judges what a life finds of its predecessor's writes: the effect of
// a prefix of them, at least those that were Persisted.
func (l *ledger) recovered(before *recorder, found protocols.Recovered) {
	model := protocols.Recovered{Registers: before.found.Registers, Snapshot: before.found.Snapshot, Base: before.found.Base, Entries: slices.Clone(before.found.Entries)}
	k := 0
	for k < len(before.asked) && model.Registers != found.Registers { // registers name life and write
		model.Apply(before.asked[k])
		k++
	}
	if model.Registers != found.Registers || model.Base != found.Base || model.Snapshot.At != found.Snapshot.At || !slices.Equal(model.Entries, found.Entries) {
		l.fail("node %d: what life %d left is no prefix of its writes: %v", before.id, before.life, found)
	}
	if uint64(k) < before.persisted {
		l.fail("node %d: %d writes of life %d are there, %d were Persisted", before.id, k, before.life, before.persisted)
	}
	switch under := len(before.asked) - int(before.persisted); {
	case under < 2:
	case k == int(before.persisted):
		l.kept[0]++
	case k == len(before.asked):
		l.kept[2]++
	default:
		l.kept[1]++
	}
}

// called judges what all calls have in common.
func (r *recorder) called(now Time, format string, args ...any) {
	call := fmt.Sprintf(format, args...)
	r.step++
	r.calls++
	switch {
	case r.current(r.id) != r:
		r.fail("node %d: %s reaches life %d, which is over", r.id, call, r.life)
	case (r.calls == 1) != (call == "boot"):
		r.fail("node %d: call %d is %s", r.id, r.calls, call)
	case now < r.now:
		r.fail("node %d: %s: time went back from %v to %v", r.id, call, r.now, now)
	case r.wake != 0 && now > max(r.wake+r.slack, r.resumed):
		r.fail("node %d: %s at %v, but it wanted to be woken at %v", r.id, call, now, r.wake)
	case r.paused[r.id]:
		r.fail("node %d: %s while paused", r.id, call)
	}
	if len(r.self) > 0 && call != "self" {
		r.fail("node %d: %s before the messages %v of a node to itself", r.id, call, r.self)
	}
	r.now, r.wake = now, 0
	if r.script != nil {
		r.heard = append(r.heard, fmt.Sprintf("%d %s", now/ms, call))
	}
}

// acts ends a call.
func (r *recorder) acts(call string, out *protocols.Output[note]) {
	if r.script != nil {
		r.script(r, call, out)
	} else {
		r.acted(out)
	}
	out.Wake = r.wake
}

// acted does as chance has it.
func (r *recorder) acted(out *protocols.Output[note]) {
	n := len(r.up) - 1
	if r.talk {
		for r.chance.IntN(3) == 0 {
			r.send(NodeID(1+r.chance.IntN(n)), out)
		}
	}
	if r.roll > r.spoke && r.now >= r.roll {
		r.spoke = r.roll
		for to := range n {
			r.send(NodeID(to+1), out)
		}
	}
	for r.chance.IntN(3) == 0 {
		r.write(out)
	}
	if len(r.waiting) > 0 && r.chance.IntN(3) == 0 {
		r.answer(out)
	}
	if r.wake = r.now + Time(1+r.chance.IntN(int(5*ms))); !r.talk {
		r.wake += 200 * ms
	}
}

func (r *recorder) send(to NodeID, out *protocols.Output[note]) {
	r.sendPart(to, protocols.Chunk{}, out)
}

func (r *recorder) sendPart(to NodeID, part protocols.Chunk, out *protocols.Output[note]) {
	m := note{len(r.sent), r.id, to, r.life, r.lifeOf(to), r.tag[to], r.n[to], part}
	r.n[to]++
	r.sent = append(r.sent, posted{note: m, step: r.step, opened: max(r.boot, r.lost[to])})
	if to == r.id {
		r.self = append(r.self, m)
	}
	out.Send(to, m)
}

// write appends an entry, now and then in place of the last one.
func (r *recorder) write(out *protocols.Output[note]) {
	after := r.last
	if n := len(r.asked); n > 0 && r.chance.IntN(4) == 0 {
		after = r.asked[n-1].After
	}
	r.append(out, after)
}

func (r *recorder) append(out *protocols.Output[note], after protocols.EntryID) {
	r.last = protocols.EntryID{Epoch: uint64(r.life), Index: uint64(len(r.asked) + 1)}
	r.asks(out, after, protocols.Entry{ID: r.last, Command: protocols.Command{Value: r.last.Index}})
}

// asks writes entries behind after, and snapshot and base as they are to be.
func (r *recorder) asks(out *protocols.Output[note], after protocols.EntryID, es ...protocols.Entry) {
	seq := uint64(len(r.asked) + 1)
	w := protocols.Write{Seq: seq, Registers: protocols.Registers{uint64(r.life), seq}, Snapshot: r.snapshot, Base: r.base, After: after, Entries: es}
	r.asked = append(r.asked, w)
	r.wrote++
	out.Writes = append(out.Writes, w)
}

// answer says something about what was proposed.
func (r *recorder) answer(out *protocols.Output[note]) {
	switch r.chance.IntN(8) {
	case 0:
		out.Abandoned = true
		r.waiting = r.waiting[:0]
		return
	case 1:
		out.Refused = append(out.Refused, protocols.Refusal{ID: r.waiting[0].ID})
	default:
		if c := r.waiting[0]; c.Op == kv.Get {
			out.Reads = append(out.Reads, protocols.ReadState{ID: c.ID})
		} else {
			r.applied++
			out.Committed = append(out.Committed, protocols.Entry{ID: protocols.EntryID{Epoch: 1, Index: r.applied}, Command: c})
		}
	}
	r.waiting = r.waiting[1:]
}

func (r *recorder) Wake(now Time, out *protocols.Output[note]) {
	call := "wake"
	if r.calls == 0 {
		call = "boot"
	}
	r.called(now, "%s", call)
	r.acts(call, out)
}

func (r *recorder) Receive(now Time, from NodeID, m note, out *protocols.Output[note]) {
	p := &r.sent[m.id]
	if m.from == r.id {
		if len(r.self) == 0 || r.self[0] != m || r.now != now {
			r.fail("node %d gets its own %v, due are %v", r.id, m, r.self)
		} else {
			r.called(now, "self")
			r.self = r.self[1:]
			p.delivered = true
		}
		r.acts("self", out)
		return
	}
	r.called(now, "receive %d.%d from %d", m.life, m.n, from)
	if r.datagrams {
		r.receivedDatagram(from, m, p)
		r.acts("receive", out)
		return
	}
	key := [3]int{int(from), m.life, m.tag}
	if r.got[key] == nil {
		r.got[key] = &stretch{began: r.step}
	}
	had := r.got[key]
	sender := r.lives[from][m.life-1]
	switch {
	case from != m.from || m.to != r.id:
		r.fail("node %d gets %+v from %d", r.id, m, from)
	case m.toLife != r.life:
		r.fail("life %d of node %d gets %+v, sent to another life", r.life, r.id, m)
	case p.delivered:
		r.fail("node %d gets %+v twice", r.id, m)
	case m.n != had.count:
		r.fail("node %d gets %+v; of this stream it has had %d", r.id, m, had.count)
	case sender == r.current(from) && sender.tag[r.id] != m.tag:
		r.fail("node %d gets %+v, sent before the sender's Disconnected", r.id, m)
	case r.stream[from] != nil && r.stream[from] != had && r.lost[from] < r.stream[from].latest:
		r.fail("node %d gets %+v of another stream than before, and no Disconnected between", r.id, m)
	case r.lost[from] > had.began:
		r.fail("node %d gets %+v of a stream that was Disconnected here", r.id, m)
	}
	had.count++
	had.latest = r.step
	r.stream[from] = had
	p.delivered = true
	r.acts("receive", out)
}

// receivedDatagram judges a message that has no place in any order.
func (r *recorder) receivedDatagram(from NodeID, m note, p *posted) {
	switch {
	case from != m.from || m.to != r.id:
		r.fail("node %d gets %+v from %d", r.id, m, from)
	case m.toLife != r.life:
		r.fail("life %d of node %d gets %+v, sent to another life", r.life, r.id, m)
	case p.copies == 2:
		r.fail("node %d gets %+v a third time", r.id, m)
	case m.id < r.newest[from]:
		r.overtaken++
	}
	r.newest[from] = max(r.newest[from], m.id)
	if p.copies++; p.copies == 2 {
		r.doubled++
	}
	p.delivered = true
}

func (r *recorder) Disconnected(now Time, peer NodeID, out *protocols.Output[note]) {
	r.called(now, "disconnected %d", peer)
	if r.datagrams {
		r.fail("node %d: Disconnected from %d, and there are no streams", r.id, peer)
	}
	r.lost[peer] = r.step
	r.tag[peer]++
	r.n[peer] = 0
	r.acts("disconnected", out)
}

func (r *recorder) Propose(now Time, commands []protocols.Command, out *protocols.Output[note]) {
	r.called(now, "propose")
	for _, c := range commands {
		r.arrived(c.ID)
		r.waiting = append(r.waiting, c)
	}
	r.acts("propose", out)
}

func (r *recorder) Read(now Time, id protocols.RequestID, _ protocols.ReadMode, out *protocols.Output[note]) {
	r.called(now, "read")
	r.arrived(id)
	r.waiting = append(r.waiting, protocols.Command{ID: id, Op: kv.Get})
	r.acts("read", out)
}

func (r *recorder) Persisted(now Time, seq uint64, out *protocols.Output[note]) {
	r.called(now, "persisted %d", seq)
	if seq <= r.persisted || seq > uint64(len(r.asked)) {
		r.fail("node %d: Persisted(%d) after %d, asked for %d", r.id, seq, r.persisted, len(r.asked))
	}
	if seq > r.persisted+1 {
		r.grouped++
	}
	r.persisted = seq
	r.acts("persisted", out)
}

func (r *recorder) Compact(now Time, s protocols.Snapshot, out *protocols.Output[note]) {
	r.called(now, "compact %v", s.At)
	r.acts("compact", out)
}

func (r *recorder) Transfer(now Time, to NodeID, out *protocols.Output[note]) {
	r.called(now, "transfer to %d", to)
	r.acts("transfer", out)
}

func (r *recorder) Status() protocols.Status { return protocols.Status{Role: r.role} }
