package protocoltest

import (
	"fmt"
	"reflect"
	"slices"
	"sort"

	"raftzab/protocols"
)

// laws stands between a driver and a replica and checks, call by call, what
// the contract promises:
//
//  1. The same calls have the same outputs. A second replica gets every call
//     too, and must do the same.
//  2. Arguments and outputs are lent. What the first replica was given, and
//     what it gave, is overwritten after each call; the second's is not.
//  3. Every call sets Wake, a wake-up leaves no deadline behind, and an early
//     wake-up does nothing.
//  4. Writes count up by one, and each says what shall hold: its base not
//     behind its snapshot, neither going back, After a position of the log,
//     entries in order behind it. The log that the writes make ends where
//     Status says.
//  5. Committed goes on where it stopped, with what the log has there, and
//     no later write takes any of it back.
//  6. Restore goes forward, to a snapshot whose write is durable.
//  7. Only what was asked is answered, and once.
//  8. A cell that has been in an output is never written again.
//  9. A write names a snapshot from Recovered or Compact, or one of which all
//     chunks are here.
//  10. A chunk names a snapshot from Recovered or Compact, or one whose
//     installation is durable, not older than Snapshot of the last write.
//
// That nothing is promised before it is durable cannot be seen in one call:
// Conform looks for it in what a crash, or a disk that hangs, brings about.
type laws[M protocols.Message] struct {
	id            nodeID
	first, second protocols.Replica[M]
	out           protocols.Output[M] // of the first, reused
	booted        bool
	wake          instant
	written       protocols.Recovered // as all writes so far make it
	seq, durable  uint64
	snapshots     []named                      // that writes have named
	own           []protocols.EntryID          // snapshots from Recovered and Compact
	complete      func(protocols.EntryID) bool // all of a snapshot's chunks are here
	delivered     protocols.EntryID
	asked         []protocols.RequestID // proposals without an answer
	reading       []protocols.RequestID // reads without one
	loans         []loan
}

type named struct {
	seq uint64
	at  protocols.EntryID
}

type loan struct{ alias, copied []protocols.Entry }

// A breach is what laws panics with.
type breach string

func (b breach) Error() string { return string(b) }

const unset instant = -1 << 62

func watch[M protocols.Message](id nodeID, first, second protocols.Replica[M], r protocols.Recovered) *laws[M] {
	r.Entries = slices.Clone(r.Entries)
	return &laws[M]{id: id, first: first, second: second, written: r, delivered: r.Snapshot.At, snapshots: []named{{0, r.Snapshot.At}}, own: []protocols.EntryID{r.Snapshot.At}}
}

func (l *laws[M]) breach(format string, args ...any) {
	panic(breach(fmt.Sprintf("node %d: ", l.id) + fmt.Sprintf(format, args...)))
}

// --- the calls

func (l *laws[M]) Wake(now protocols.Time, out *protocols.Output[M]) {
	early, wake := l.booted && (l.wake == 0 || now < l.wake), l.wake
	l.booted = true
	l.call(out, func(r protocols.Replica[M], out *protocols.Output[M]) { r.Wake(now, out) })
	if o := &l.out; early && (len(o.Messages)+len(o.Writes)+len(o.Committed)+len(o.Reads)+len(o.Refused)+len(o.Events) > 0 || o.Abandoned || o.Wake != wake) {
		l.breach("woken at %d, %d before its deadline, it acts, or waits for %d now", now, wake-now, o.Wake)
	}
	if l.wake != 0 && l.wake <= now {
		l.breach("woken at %d, it wants to be woken at %d", now, l.wake)
	}
	l.scribble()
}

func (l *laws[M]) Receive(now protocols.Time, from protocols.NodeID, m M, out *protocols.Output[M]) {
	for _, es := range entries(&m) {
		l.loans = append(l.loans, loan{es, slices.Clone(es)})
	}
	lent, spoil := lend(m)
	l.twice(out, func(o *protocols.Output[M]) { l.first.Receive(now, from, lent, o); spoil() },
		func(o *protocols.Output[M]) { l.second.Receive(now, from, m, o) })
	l.scribble()
}

func (l *laws[M]) Disconnected(now protocols.Time, peer protocols.NodeID, out *protocols.Output[M]) {
	l.call(out, func(r protocols.Replica[M], out *protocols.Output[M]) { r.Disconnected(now, peer, out) })
	l.scribble()
}

func (l *laws[M]) Propose(now protocols.Time, commands []protocols.Command, out *protocols.Output[M]) {
	for _, c := range commands {
		l.asked = append(l.asked, c.ID)
	}
	lent, kept := slices.Clone(commands), slices.Clone(commands)
	l.twice(out, func(o *protocols.Output[M]) { l.first.Propose(now, lent, o); clear(lent) },
		func(o *protocols.Output[M]) { l.second.Propose(now, kept, o) })
	l.scribble()
}

func (l *laws[M]) Read(now protocols.Time, id protocols.RequestID, mode protocols.ReadMode, out *protocols.Output[M]) {
	l.reading = append(l.reading, id)
	l.call(out, func(r protocols.Replica[M], out *protocols.Output[M]) { r.Read(now, id, mode, out) })
	l.scribble()
}

func (l *laws[M]) Persisted(now protocols.Time, seq uint64, out *protocols.Output[M]) {
	l.durable = seq
	l.call(out, func(r protocols.Replica[M], out *protocols.Output[M]) { r.Persisted(now, seq, out) })
	l.scribble()
}

func (l *laws[M]) Compact(now protocols.Time, s protocols.Snapshot, out *protocols.Output[M]) {
	l.own = append(l.own, s.At)
	l.call(out, func(r protocols.Replica[M], out *protocols.Output[M]) { r.Compact(now, s, out) })
	l.scribble()
}

// Transfer is for replicas that are Transferrers.
func (l *laws[M]) Transfer(now protocols.Time, to protocols.NodeID, out *protocols.Output[M]) {
	l.call(out, func(r protocols.Replica[M], out *protocols.Output[M]) {
		r.(protocols.Transferrer[M]).Transfer(now, to, out)
	})
	l.scribble()
}

func (l *laws[M]) Status() protocols.Status { return l.first.Status() }

// unchanged looks whether every loan is as it was: whenever the log is cut, and
// when a life is over.
func (l *laws[M]) unchanged() {
	for _, n := range l.loans {
		if !slices.Equal(n.alias, n.copied) {
			l.breach("entries %v that were handed out have become %v", n.copied, n.alias)
		}
	}
}

// --- the checks

func (l *laws[M]) call(out *protocols.Output[M], f func(protocols.Replica[M], *protocols.Output[M])) {
	l.twice(out, func(o *protocols.Output[M]) { f(l.first, o) }, func(o *protocols.Output[M]) { f(l.second, o) })
}

// twice makes the call on both replicas and adds what the first one did to out.
func (l *laws[M]) twice(out *protocols.Output[M], first, second func(*protocols.Output[M])) {
	o := &l.out
	o.Listen, o.Wake = out.Listen, unset
	first(o)
	fresh := protocols.Output[M]{Effects: protocols.Effects{Listen: out.Listen, Wake: unset}}
	second(&fresh)
	if !same(o, &fresh) {
		l.breach("the same calls, and arguments overwritten after them, have two outputs:\n%+v\n%+v", *o, fresh)
	}
	if o.Wake == unset {
		l.breach("a call leaves Wake as it was")
	}
	l.wake = o.Wake
	for i := range o.Messages {
		if o.Messages[i].To == protocols.None {
			l.breach("sends %v to nobody", o.Messages[i].Msg)
		}
		for _, es := range entries(&o.Messages[i].Msg) {
			l.loans = append(l.loans, loan{es, slices.Clone(es)})
		}
	}
	for _, w := range o.Writes {
		l.write(w)
	}
	for i := range o.Messages {
		l.chunk(o.Messages[i].Msg)
	}
	l.deliveries(o)
	if s := l.first.Status(); s.Last != l.last() {
		l.breach("Status says that the log ends at %v, and its writes say %v", s.Last, l.last())
	}
	out.Messages = append(out.Messages, o.Messages...)
	out.Writes = append(out.Writes, o.Writes...)
	out.Committed = append(out.Committed, o.Committed...)
	out.Reads = append(out.Reads, o.Reads...)
	out.Refused = append(out.Refused, o.Refused...)
	out.Events = append(out.Events, o.Events...)
	out.Abandoned = out.Abandoned || o.Abandoned
	if o.Restore != (protocols.EntryID{}) {
		out.Restore = o.Restore
	}
	out.Wake = o.Wake
}

// same compares two outputs; most are nearly empty, so it looks at lengths first.
func same[M protocols.Message](a, b *protocols.Output[M]) bool {
	if a.Wake != b.Wake || a.Abandoned != b.Abandoned || a.Restore != b.Restore || len(a.Messages) != len(b.Messages) || len(a.Writes) != len(b.Writes) ||
		!slices.Equal(a.Events, b.Events) || !slices.Equal(a.Committed, b.Committed) || !slices.Equal(a.Reads, b.Reads) || !slices.Equal(a.Refused, b.Refused) {
		return false
	}
	for i := range a.Messages {
		if !reflect.DeepEqual(a.Messages[i], b.Messages[i]) {
			return false
		}
	}
	for i := range a.Writes {
		x, y := a.Writes[i], b.Writes[i]
		if !slices.Equal(x.Entries, y.Entries) {
			return false
		}
		if x.Entries, y.Entries = nil, nil; !reflect.DeepEqual(x, y) {
			return false
		}
	}
	return true
}

func (l *laws[M]) last() protocols.EntryID {
	if n := len(l.written.Entries); n > 0 {
		return l.written.Entries[n-1].ID
	}
	return l.written.Base
}

// upTo returns how many entries of the log have positions up to id, and
// whether id is one of them, or the base.
func (l *laws[M]) upTo(id protocols.EntryID) (n int, found bool) {
	es := l.written.Entries
	n = sort.Search(len(es), func(i int) bool { return id.Less(es[i].ID) })
	return n, n > 0 && es[n-1].ID == id || n == 0 && id == l.written.Base
}

func (l *laws[M]) write(w protocols.Write) {
	if w.Seq != l.seq+1 {
		l.breach("write %d follows write %d", w.Seq, l.seq)
	}
	l.seq = w.Seq
	switch _, found := l.upTo(w.After); {
	case w.Snapshot.Less(w.Base):
		l.breach("write %d has its base %v behind its snapshot %v", w.Seq, w.Base, w.Snapshot)
	case w.Base.Less(l.written.Base) || w.Snapshot.Less(l.written.Snapshot.At):
		l.breach("write %d goes back: base %v, snapshot %v, after base %v, snapshot %v", w.Seq, w.Base, w.Snapshot, l.written.Base, l.written.Snapshot.At)
	case w.After.Less(w.Base):
		l.breach("write %d keeps entries up to %v, before its base %v", w.Seq, w.After, w.Base)
	case !found && w.After != w.Base:
		l.breach("write %d keeps entries up to %v, which its log does not have", w.Seq, w.After)
	case w.After.Less(l.delivered):
		l.breach("write %d cuts the log to %v, and it has delivered up to %v", w.Seq, w.After, l.delivered)
	}
	if w.After.Less(l.last()) {
		l.unchanged()
	}
	at := w.After
	for _, e := range w.Entries {
		if !at.Less(e.ID) {
			l.breach("write %d has %v behind %v", w.Seq, e.ID, at)
		}
		at = e.ID
	}
	if len(w.Entries) > 0 {
		l.loans = append(l.loans, loan{w.Entries, slices.Clone(w.Entries)})
	}
	if w.Snapshot != l.written.Snapshot.At {
		if !slices.Contains(l.own, w.Snapshot) && !l.complete(w.Snapshot) {
			l.breach("write %d names the snapshot %v, of which not all is here", w.Seq, w.Snapshot)
		}
		l.snapshots = append(l.snapshots, named{w.Seq, w.Snapshot})
	}
	l.written.Apply(w)
}

// chunk checks the part of a snapshot that leaves with a message.
func (l *laws[M]) chunk(m M) {
	c := m.Chunk()
	if c.Length == 0 {
		return
	}
	durable := slices.ContainsFunc(l.snapshots, func(n named) bool { return n.at == c.At && n.seq <= l.durable })
	if !durable && !slices.Contains(l.own, c.At) || c.At == (protocols.EntryID{}) {
		l.breach("sends of the snapshot %v, which it does not have", c.At)
	}
	if c.At.Less(l.written.Snapshot.At) {
		l.breach("sends of the snapshot %v, and its last write names %v", c.At, l.written.Snapshot.At)
	}
}

func (l *laws[M]) deliveries(o *protocols.Output[M]) {
	if at := o.Restore; at != (protocols.EntryID{}) {
		i := slices.IndexFunc(l.snapshots, func(n named) bool { return n.at == at && n.seq <= l.durable })
		if i < 0 || at.Less(l.delivered) {
			l.breach("restores %v at %v; durable are the writes up to %d", at, l.delivered, l.durable)
		}
		l.delivered = at
	}
	for _, e := range o.Committed {
		n, found := l.upTo(l.delivered)
		if !found && l.delivered != l.written.Snapshot.At || n >= len(l.written.Entries) || l.written.Entries[n] != e {
			l.breach("delivers %v behind %v; its log is %v", e, l.delivered, l.written.Entries)
		}
		l.delivered = e.ID
		l.answer(&l.asked, e.Command.ID)
	}
	for _, r := range o.Reads {
		if !l.answer(&l.reading, r.ID) {
			l.breach("permits the read %v, which nobody waits for", r.ID)
		}
	}
	for _, r := range o.Refused {
		if !l.answer(&l.asked, r.ID) && !l.answer(&l.reading, r.ID) {
			l.breach("refuses %v, which nobody waits for", r.ID)
		}
	}
	if o.Abandoned {
		l.asked, l.reading = l.asked[:0], l.reading[:0]
	}
}

func (l *laws[M]) answer(open *[]protocols.RequestID, id protocols.RequestID) bool {
	i := slices.Index(*open, id)
	if i >= 0 {
		*open = slices.Delete(*open, i, i+1)
	}
	return i >= 0
}

// scribble overwrites what the first replica gave: the driver may reuse it.
func (l *laws[M]) scribble() {
	o := &l.out
	clear(o.Messages)
	clear(o.Writes)
	clear(o.Committed)
	clear(o.Reads)
	clear(o.Refused)
	clear(o.Events)
	o.Reset()
}

// --- messages are the protocol's own types, so what is in them takes reflection

// lend returns m with slices of its own, and what overwrites them.
func lend[M protocols.Message](m M) (lent M, spoil func()) {
	lent = m
	var copies []reflect.Value
	slicesIn(reflect.ValueOf(&lent).Elem(), func(s reflect.Value) {
		c := reflect.MakeSlice(s.Type(), s.Len(), s.Len())
		reflect.Copy(c, s)
		s.Set(c)
		copies = append(copies, c)
	})
	return lent, func() {
		for _, c := range copies {
			c.Clear()
		}
	}
}

// entries returns the slices of entries in m.
func entries[M protocols.Message](m *M) (all [][]protocols.Entry) {
	slicesIn(reflect.ValueOf(m).Elem(), func(s reflect.Value) {
		if es, ok := s.Interface().([]protocols.Entry); ok {
			all = append(all, es)
		}
	})
	return all
}

// slicesIn visits the exported fields of v that are slices with something in them.
func slicesIn(v reflect.Value, visit func(reflect.Value)) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); f.CanSet() {
				slicesIn(f, visit)
			}
		}
	case reflect.Slice:
		if v.Len() > 0 {
			visit(v)
		}
	}
}
