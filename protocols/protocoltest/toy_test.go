package protocoltest

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"raftzab/protocols"
)

// A toy is the least protocol that can keep the contract: node 1 always leads,
// in an epoch for each of its lives, and sends its whole log each time. Without
// node 1 nothing goes on, so it is good for nothing but trying the driver, and
// the checks: flaw names a promise that it breaks.
type toy struct {
	flaw         string
	id           protocols.NodeID
	members      []protocols.NodeID
	rng          *rand.Rand
	epoch        uint64
	log          protocols.Log
	committed    int // entries
	seq, durable uint64
	lengths      []int // by seq-1: of the log that the write makes
	matched      []int // by NodeID
	held         protocols.Outbox[toyMessage]
	beat         protocols.Time
	fresh        bool // the epoch of this life has been written
	active       bool
	kept         []protocols.Command
}

type toyMessage struct {
	Ack     bool
	Epoch   uint64
	Entries []protocols.Entry
	Length  int
}

func (m toyMessage) Kind() uint8            { return 0 }
func (m toyMessage) Size() int              { return 16 + 40*len(m.Entries) }
func (m toyMessage) Chunk() protocols.Chunk { return protocols.Chunk{} }
func (m toyMessage) String() string {
	if m.Ack {
		return fmt.Sprintf("Ack epoch=%d length=%d", m.Epoch, m.Length)
	}
	return fmt.Sprintf("Log epoch=%d entries=%d committed=%d", m.Epoch, len(m.Entries), m.Length)
}

type toyOutput = protocols.Output[toyMessage]

func toyProtocol(flaw string) Protocol[toyMessage] {
	return Protocol[toyMessage]{
		New: func(id protocols.NodeID, members []protocols.NodeID, r protocols.Recovered, rng *rand.Rand) protocols.Replica[toyMessage] {
			return &toy{flaw: flaw, id: id, members: members, rng: rng, epoch: r.Registers[0], log: protocols.NewLog(r), matched: make([]int, len(members)+1)}
		},
		Candidate: "candidate", Round: "epoch", Epoch: "epoch",
	}
}

func (r *toy) write(after protocols.EntryID, es []protocols.Entry, out *toyOutput) {
	r.seq++
	w := protocols.Write{Seq: r.seq, Registers: protocols.Registers{r.epoch}, After: after, Entries: es}
	switch r.flaw {
	case "counts writes by two":
		w.Seq = 2 * r.seq
	case "keeps what it has not got":
		w.After.Index += 1000
	case "does not tell of its log":
		w.Entries = nil
	}
	out.Writes = append(out.Writes, w)
	r.lengths = append(r.lengths, r.log.Len())
}

func (r *toy) Wake(now protocols.Time, out *toyOutput) {
	switch {
	case r.id != 1:
	case !r.fresh:
		r.fresh = true
		r.epoch++
		out.Emit(protocols.Event{Kind: protocols.Elected, Epoch: r.epoch})
		r.append(now, out, protocols.Command{}) // as Raft: it commits what came before
	case now >= r.beat || r.flaw == "acts when woken early":
		r.broadcast(now, out)
	}
	r.done(out)
}

func (r *toy) done(out *toyOutput) {
	switch {
	case r.flaw == "forgets its deadline" && r.active:
	case r.flaw == "asks for the past" && r.active:
		out.Wake = 1
	default:
		out.Wake = r.beat
	}
}

func (r *toy) append(now protocols.Time, out *toyOutput, cs ...protocols.Command) {
	after, n := r.log.Last(), r.log.Len()
	for _, c := range cs {
		id := protocols.EntryID{Epoch: r.epoch, Index: r.log.Last().Index + 1}
		r.log.Append(protocols.Entry{ID: id, Command: c})
		out.Emit(protocols.Event{Kind: protocols.Proposed, At: id, ID: c.ID})
	}
	r.write(after, r.log.Slice(n, r.log.Len()), out)
	if r.flaw == "counts its own copy before it is durable" {
		r.matched[1] = r.log.Len()
	}
	r.broadcast(now, out)
}

// broadcast sends all of the log, before its own disk has the end of it. The
// epoch must be durable first, or the next life would use it again: it is with
// the first write.
func (r *toy) broadcast(now protocols.Time, out *toyOutput) {
	r.beat = now + 50*millisecond
	m := toyMessage{Epoch: r.epoch, Entries: r.log.Slice(0, r.log.Len()), Length: r.committed}
	if r.flaw == "is not deterministic" {
		toyCounter++
		m.Length = max(0, m.Length-toyCounter%2)
	}
	for _, p := range r.members {
		if p == r.id {
			continue
		}
		r.held.Hold(1, p, m)
	}
	r.held.Release(r.durable, out)
}

var toyCounter int // what the toy that is not deterministic looks at

func (r *toy) Receive(now protocols.Time, from protocols.NodeID, m toyMessage, out *toyOutput) {
	switch {
	case m.Ack && m.Epoch == r.epoch:
		r.matched[from] = max(r.matched[from], m.Length)
		r.commitMajority(out)
	case !m.Ack && m.Epoch >= r.epoch:
		r.follow(from, m, out)
	}
	r.done(out)
}

// follow takes the leader's log over.
func (r *toy) follow(from protocols.NodeID, m toyMessage, out *toyOutput) {
	n := 0
	for n < r.log.Len() && n < len(m.Entries) && *r.log.At(n) == m.Entries[n] {
		n++
	}
	if n < len(m.Entries) || m.Epoch > r.epoch || n < r.log.Len() {
		r.epoch = m.Epoch
		after := protocols.EntryID{}
		if n > 0 {
			after = m.Entries[n-1].ID
		}
		if n < r.log.Len() {
			out.Emit(protocols.Event{Kind: protocols.LogTruncated, At: after})
			if r.flaw == "rewrites a cell" {
				clear(r.log.Slice(n, r.log.Len()))
			}
			r.log.Truncate(after)
		}
		r.write(after, r.log.Append(m.Entries[n:]...), out)
	}
	ack := toyMessage{Ack: true, Epoch: r.epoch, Length: len(m.Entries)}
	if r.flaw == "acknowledges before it is durable" {
		out.Send(from, ack)
	} else {
		r.held.Hold(r.seq, from, ack)
		r.held.Release(r.durable, out)
	}
	r.commitTo(m.Length, out)
}

func (r *toy) commitMajority(out *toyOutput) {
	s := []int{}
	for _, p := range r.members {
		s = append(s, r.matched[p])
	}
	slices.Sort(s)
	n := min(s[(len(s)-1)/2], r.matched[1]) // what 1 has lost is lost: nobody else ever leads
	if n > 0 && r.log.At(n-1).ID.Epoch == r.epoch {
		if !r.active {
			r.active = true
			out.Emit(protocols.Event{Kind: protocols.Activated, Epoch: r.epoch})
		}
		r.commitTo(n, out)
	}
}

func (r *toy) commitTo(n int, out *toyOutput) {
	if n <= r.committed {
		return
	}
	es := r.log.Slice(r.committed, n)
	switch r.flaw {
	case "delivers twice":
		es = append(slices.Clone(es), es[len(es)-1])
	case "leaves one out":
		es = es[len(es)/2:]
	}
	out.Committed = append(out.Committed, es...)
	r.committed = n
	out.Emit(protocols.Event{Kind: protocols.CommitAdvanced, At: r.log.At(n - 1).ID})
}

func (r *toy) Disconnected(now protocols.Time, peer protocols.NodeID, out *toyOutput) { r.done(out) }

func (r *toy) Propose(now protocols.Time, cs []protocols.Command, out *toyOutput) {
	switch {
	case r.id == 1 && r.flaw == "keeps what it was lent":
		r.append(now, out, r.kept...)
		r.kept = cs
	case r.id == 1:
		r.append(now, out, cs...)
	case r.flaw == "does not answer":
	default:
		for i := range cs {
			out.Refused = append(out.Refused, protocols.Refusal{ID: cs[i].ID, Leader: 1})
		}
		if r.flaw == "answers twice" {
			out.Refused = append(out.Refused, out.Refused[0])
		}
	}
	if r.id == 1 && r.flaw == "refuses what it has ordered" {
		out.Refused = append(out.Refused, protocols.Refusal{ID: cs[0].ID})
	}
	r.done(out)
}

func (r *toy) Read(now protocols.Time, id protocols.RequestID, mode protocols.ReadMode, out *toyOutput) {
	out.Reads = append(out.Reads, protocols.ReadState{ID: id})
	r.done(out)
}

func (r *toy) Persisted(now protocols.Time, seq uint64, out *toyOutput) {
	r.durable = seq
	r.held.Release(seq, out)
	if r.id == 1 {
		r.matched[1] = r.lengths[seq-1]
		if r.flaw == "commits without a majority" {
			r.matched[2], r.matched[3] = r.matched[1], r.matched[1]
		}
		r.commitMajority(out)
	}
	r.done(out)
}

func (r *toy) Compact(now protocols.Time, s protocols.Snapshot, out *toyOutput) { r.done(out) }

func (r *toy) Status() protocols.Status {
	s := protocols.Status{Leader: 1, Epoch: r.epoch, Active: r.active, Last: r.log.Last()}
	if r.id == 1 {
		s.Role = protocols.Leader
	}
	if r.committed > 0 {
		s.Committed = r.log.At(r.committed - 1).ID
	}
	return s
}
