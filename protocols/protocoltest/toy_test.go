package protocoltest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"

	"raftzab/protocols"
)

// A toy is the least protocol that can keep the contract: node 1 always leads,
// in an epoch for each of its lives, and sends its whole log each time, or its
// snapshot in parts to whoever lacks what is below it. Without node 1 nothing
// goes on, so it is good for nothing but trying the driver, and the checks: flaw
// names a promise that it breaks.
type toy struct {
	flaw            string
	id              protocols.NodeID
	voters, members []protocols.NodeID
	rng             *rand.Rand
	chunk, trailing uint64 // options

	epoch        uint64
	log          protocols.Log // index runs on across epochs
	snapshot     protocols.Snapshot
	older        protocols.Snapshot // the one before
	committed    uint64             // index
	seq, durable uint64
	lengths      []uint64 // by seq-1: the last index of the log that the write makes
	matched      []uint64 // by NodeID: the last index
	held         protocols.Outbox[toyMessage]
	beat         protocols.Time
	fresh        bool // the epoch of this life has been written
	active       bool
	kept         []protocols.Command
	coming       coming
}

// coming is a snapshot on its way to a toy.
type coming struct {
	at    protocols.EntryID
	parts []bool // which have come
	seq   uint64 // of the write that installs it
}

type toyType uint8

const (
	toyLog toyType = iota
	toyAck
	toyWant // a snapshot, to go on from
	toyPart
	toyLead // leadership, handed to one who cannot take it
)

type toyMessage struct {
	Type    toyType
	Epoch   uint64
	Base    protocols.EntryID
	Entries []protocols.Entry
	Length  uint64
	Total   uint64
	Part    protocols.Chunk
}

func (m toyMessage) Kind() uint8            { return uint8(m.Type) }
func (m toyMessage) Size() int              { return 16 + 40*len(m.Entries) }
func (m toyMessage) Chunk() protocols.Chunk { return m.Part }
func (m toyMessage) String() string {
	switch m.Type {
	case toyAck:
		return fmt.Sprintf("Ack epoch=%d length=%d", m.Epoch, m.Length)
	case toyWant:
		return fmt.Sprintf("Want epoch=%d", m.Epoch)
	case toyPart:
		return fmt.Sprintf("Part epoch=%d of=%v offset=%d length=%d", m.Epoch, m.Part.At, m.Part.Offset, m.Part.Length)
	case toyLead:
		return fmt.Sprintf("Lead epoch=%d", m.Epoch)
	}
	behind := ""
	if m.Base.Index > 0 {
		behind = fmt.Sprintf(" behind=%v", m.Base)
	}
	return fmt.Sprintf("Log epoch=%d%s entries=%d committed=%d", m.Epoch, behind, len(m.Entries), m.Length)
}

type toyOutput = protocols.Output[toyMessage]

func toyProtocol(flaw string) Protocol[toyMessage] {
	return Protocol[toyMessage]{
		New: func(e Ensemble, id protocols.NodeID, r protocols.Recovered, rng *rand.Rand) (protocols.Replica[toyMessage], error) {
			t := &toy{flaw: flaw, id: id, voters: e.Voters, members: slices.Concat(e.Voters, e.Observers), rng: rng, chunk: 100,
				epoch: r.Registers[0], log: protocols.NewLog(r), snapshot: r.Snapshot, committed: r.Snapshot.At.Index}
			t.matched = make([]uint64, len(t.members)+1)
			for _, o := range e.Options {
				n, err := strconv.ParseUint(o.Value, 10, 16)
				switch {
				case err != nil:
					return nil, err
				case o.Key == "chunk" && n > 0:
					t.chunk = n
				case o.Key == "trailing":
					t.trailing = n
				default:
					return nil, fmt.Errorf("%s=%s is no option of the toy", o.Key, o.Value)
				}
			}
			return t, nil
		},
		Candidate: "candidate", Round: "epoch", Epoch: "epoch",
		Reads:     []protocols.ReadMode{protocols.ReadLeader, protocols.ReadIndex, protocols.ReadLease},
		Observers: true, Datagram: true,
		Variants: []string{"", "trailing=3", "chunk=16 trailing=1"},
	}
}

func (r *toy) write(after protocols.EntryID, es []protocols.Entry, out *toyOutput) {
	r.seq++
	w := protocols.Write{Seq: r.seq, Registers: protocols.Registers{r.epoch}, Snapshot: r.snapshot.At, Base: r.log.Base(), After: after, Entries: es}
	switch r.flaw {
	case "counts writes by two":
		w.Seq = 2 * r.seq
	case "keeps what it has not got":
		w.After.Index += 1000
	case "does not tell of its log":
		w.Entries = nil
	case "has its log begin behind its snapshot":
		w.Snapshot = r.older.At
	case "goes back to an older snapshot":
		if r.seq%2 == 0 && !r.older.At.Less(w.Base) {
			w.Snapshot = r.older.At
		}
	}
	out.Writes = append(out.Writes, w)
	r.lengths = append(r.lengths, r.log.Last().Index)
}

// --- positions

func (r *toy) slice(from, to uint64) []protocols.Entry { // the entries behind index from, up to index to
	base := r.log.Base().Index
	return r.log.Slice(int(from-base), int(to-base))
}

func (r *toy) position(index uint64) protocols.EntryID {
	if base := r.log.Base(); index == base.Index {
		return base
	}
	return r.slice(index-1, index)[0].ID
}

// --- the calls

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
	after := r.log.Last()
	for _, c := range cs {
		id := protocols.EntryID{Epoch: r.epoch, Index: r.log.Last().Index + 1}
		r.log.Append(protocols.Entry{ID: id, Command: c})
		out.Emit(protocols.Event{Kind: protocols.Proposed, At: id, ID: c.ID})
	}
	r.write(after, r.slice(after.Index, r.log.Last().Index), out)
	if r.flaw == "counts its own copy before it is durable" {
		r.matched[1] = r.log.Last().Index
	}
	r.broadcast(now, out)
}

// broadcast sends all of the log, before its own disk has the end of it. The
// epoch must be durable first, or the next life would use it again: it is with
// the first write.
func (r *toy) broadcast(now protocols.Time, out *toyOutput) {
	r.beat = now + 50*millisecond
	m := toyMessage{Epoch: r.epoch, Base: r.log.Base(), Entries: r.log.Slice(0, r.log.Len()), Length: r.committed}
	if r.flaw == "is not deterministic" {
		toyCounter++
		m.Length -= min(m.Length, toyCounter%2)
	}
	for _, p := range r.members {
		if p == r.id {
			continue
		}
		r.held.Hold(1, p, m)
	}
	r.held.Release(r.durable, out)
}

var toyCounter uint64 // what the toy that is not deterministic looks at

func (r *toy) Receive(now protocols.Time, from protocols.NodeID, m toyMessage, out *toyOutput) {
	switch {
	case m.Type == toyAck && m.Epoch == r.epoch:
		r.matched[from] = max(r.matched[from], m.Length)
		r.commitMajority(out)
	case m.Type == toyWant && m.Epoch == r.epoch:
		r.sendSnapshot(from, out)
	case m.Epoch < r.epoch || r.coming.seq != 0: // old, or too early
	case m.Type == toyLog:
		r.follow(from, m, out)
	case m.Type == toyPart:
		r.take(m, out)
	}
	r.done(out)
}

// follow takes the leader's log over.
func (r *toy) follow(from protocols.NodeID, m toyMessage, out *toyOutput) {
	base := r.log.Base()
	if _, found := r.log.UpTo(m.Base); !found && !m.Base.Less(base) || r.flaw == "goes back to the leader's snapshot" && m.Base.Index > 0 && r.rng.IntN(4) == 0 {
		out.Send(from, toyMessage{Type: toyWant, Epoch: m.Epoch})
		return
	}
	last := m.Base.Index + uint64(len(m.Entries))
	es, n := m.Entries, 0 // what is left to compare, and how many of our entries are the leader's
	if m.Base.Less(base) {
		es = es[min(len(es), int(base.Index-m.Base.Index)):]
	} else {
		n = int(m.Base.Index - base.Index)
	}
	for n < r.log.Len() && len(es) > 0 && *r.log.At(n) == es[0] {
		n, es = n+1, es[1:]
	}
	if len(es) > 0 || m.Epoch > r.epoch || r.flaw == "trusts the order of datagrams" && n < r.log.Len() {
		r.epoch = m.Epoch
		after := r.position(base.Index + uint64(n))
		if n < r.log.Len() {
			out.Emit(protocols.Event{Kind: protocols.LogTruncated, At: after})
			if r.flaw == "rewrites a cell" {
				clear(r.log.Slice(n, r.log.Len()))
			}
			r.log.Truncate(after)
		}
		r.write(after, r.log.Append(es...), out)
	}
	ack := toyMessage{Type: toyAck, Epoch: r.epoch, Length: last}
	if r.flaw == "acknowledges before it is durable" {
		out.Send(from, ack)
	} else {
		r.held.Hold(r.seq, from, ack)
		r.held.Release(r.durable, out)
	}
	r.commitTo(m.Length, out)
}

func (r *toy) commitMajority(out *toyOutput) {
	s := []uint64{}
	for _, p := range r.members {
		if slices.Contains(r.voters, p) || r.flaw == "counts an observer" {
			s = append(s, r.matched[p])
		}
	}
	slices.Sort(s)
	n := s[(len(s)-1)/2]
	if r.flaw == "counts an observer" {
		n = s[len(s)-len(r.voters)/2-1]
	}
	n = min(n, r.matched[1]) // what 1 has lost is lost: nobody else ever leads
	if n >= r.log.Base().Index && r.position(n).Epoch == r.epoch {
		if !r.active {
			r.active = true
			out.Emit(protocols.Event{Kind: protocols.Activated, Epoch: r.epoch})
		}
		r.commitTo(n, out)
	}
}

func (r *toy) commitTo(n uint64, out *toyOutput) {
	if n <= r.committed {
		return
	}
	es := r.slice(r.committed, n)
	switch r.flaw {
	case "delivers twice":
		es = append(slices.Clone(es), es[len(es)-1])
	case "leaves one out":
		es = es[len(es)/2:]
	}
	out.Committed = append(out.Committed, es...)
	r.committed = n
	out.Emit(protocols.Event{Kind: protocols.CommitAdvanced, At: r.position(n)})
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

// Read has an easy task: nobody but node 1 ever commits anything.
func (r *toy) Read(now protocols.Time, id protocols.RequestID, mode protocols.ReadMode, out *toyOutput) {
	switch {
	case mode == protocols.ReadLocal || r.flaw == "reads what is old":
		out.Reads = append(out.Reads, protocols.ReadState{ID: id})
	case r.id == 1 && r.active:
		out.Reads = append(out.Reads, protocols.ReadState{ID: id, At: r.position(r.committed)})
	default:
		out.Refused = append(out.Refused, protocols.Refusal{ID: id, Leader: 1})
	}
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
	if r.coming.seq != 0 && r.coming.seq <= seq {
		r.installed(out)
	}
	r.done(out)
}

// Transfer has no effect but a message: nobody else can lead.
func (r *toy) Transfer(now protocols.Time, to protocols.NodeID, out *toyOutput) {
	if r.id == 1 && to != 1 {
		out.Send(to, toyMessage{Type: toyLead, Epoch: r.epoch})
	}
	r.done(out)
}

func (r *toy) Status() protocols.Status {
	s := protocols.Status{Leader: 1, Epoch: r.epoch, Active: r.active, Last: r.log.Last()}
	if r.id == 1 {
		s.Role = protocols.Leader
	} else if !slices.Contains(r.voters, r.id) {
		s.Role = protocols.Observer
	}
	if r.coming.seq == 0 {
		s.Committed = r.position(r.committed)
	}
	return s
}
