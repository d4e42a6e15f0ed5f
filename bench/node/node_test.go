package node

import (
	"fmt"
	"slices"
	"testing"

	"raftzab/bench"
	"raftzab/bench/kv"
	"raftzab/protocols"
)

type nothing struct{}

func (nothing) Kind() uint8            { return 0 }
func (nothing) Size() int              { return 0 }
func (nothing) Chunk() protocols.Chunk { return protocols.Chunk{} }
func (nothing) String() string         { return "nothing" }

// A puppet is a replica that leaves what the test has put into its hand.
type puppet struct {
	heard []string
	next  protocols.Effects
}

func (p *puppet) leave(out *protocols.Output[nothing], format string, args ...any) {
	p.heard = append(p.heard, fmt.Sprintf(format, args...))
	out.Restore, out.Abandoned, out.Wake = p.next.Restore, p.next.Abandoned, p.next.Wake
	out.Committed = append(out.Committed, p.next.Committed...)
	out.Reads = append(out.Reads, p.next.Reads...)
	out.Refused = append(out.Refused, p.next.Refused...)
	p.next = protocols.Effects{}
}

func (p *puppet) Wake(_ protocols.Time, out *protocols.Output[nothing]) { p.leave(out, "wake") }
func (p *puppet) Receive(_ protocols.Time, from protocols.NodeID, _ nothing, out *protocols.Output[nothing]) {
	p.leave(out, "receive from %d", from)
}
func (p *puppet) Disconnected(_ protocols.Time, peer protocols.NodeID, out *protocols.Output[nothing]) {
	p.leave(out, "disconnected %d", peer)
}
func (p *puppet) Propose(_ protocols.Time, commands []protocols.Command, out *protocols.Output[nothing]) {
	var ids []string
	for _, c := range commands {
		ids = append(ids, fmt.Sprintf("%d.%d", c.ID.Session, c.ID.Seq))
	}
	p.leave(out, "propose %v", ids)
}
func (p *puppet) Read(_ protocols.Time, id protocols.RequestID, mode protocols.ReadMode, out *protocols.Output[nothing]) {
	p.leave(out, "read %d.%d in mode %d", id.Session, id.Seq, mode)
}
func (p *puppet) Persisted(_ protocols.Time, seq uint64, out *protocols.Output[nothing]) {
	p.leave(out, "persisted %d", seq)
}
func (p *puppet) Compact(_ protocols.Time, s protocols.Snapshot, out *protocols.Output[nothing]) {
	p.leave(out, "compact %v", s.At)
}
func (p *puppet) Transfer(_ protocols.Time, to protocols.NodeID, out *protocols.Output[nothing]) {
	p.leave(out, "transfer to %d", to)
}
func (p *puppet) Status() protocols.Status { return protocols.Status{Epoch: 7} }

// A show is a node on a puppet, told in short words.
type show struct {
	*Node[nothing]
	*puppet
	t     *testing.T
	out   protocols.Output[nothing]
	index uint64
}

func begin(t *testing.T, image *kv.Image, every int, saved func(protocols.EntryID) *kv.Image) *show {
	p := &puppet{}
	s := &show{Node: New[nothing](3, p, image, every, saved), puppet: p, t: t}
	s.out.Listen = protocols.AllEvents
	return s
}

func id(session, seq uint32) protocols.RequestID {
	return protocols.RequestID{Session: session, Seq: seq}
}

func write(session, seq, key uint32, value uint64) bench.Request {
	return bench.Request{Command: protocols.Command{ID: id(session, seq), Key: key, Value: value, Op: kv.Put}}
}

func read(session, seq, key uint32) bench.Request {
	return bench.Request{Command: protocols.Command{ID: id(session, seq), Key: key, Op: kv.Get}, Mode: protocols.ReadLeader}
}

func (s *show) submit(rs ...bench.Request) { s.Submit(0, rs, &s.out) }

// does has the replica leave e at the next call.
func (s *show) does(e protocols.Effects) {
	s.next = e
	s.Node.Wake(0, &s.out)
}

func (s *show) commits(rs ...bench.Request) {
	var e protocols.Effects
	for _, r := range rs {
		e.Committed = append(e.Committed, s.entry(r))
	}
	s.does(e)
}

func (s *show) entry(r bench.Request) protocols.Entry {
	s.index++
	return protocols.Entry{ID: at(s.index), Command: r.Command}
}

func at(index uint64) protocols.EntryID { return protocols.EntryID{Epoch: 1, Index: index} }

func (s *show) permits(r bench.Request, index uint64) {
	rs := protocols.ReadState{ID: r.ID}
	if index > 0 {
		rs.At = at(index)
	}
	s.does(protocols.Effects{Reads: []protocols.ReadState{rs}})
}

func (s *show) refuses(r bench.Request, leader protocols.NodeID) {
	s.does(protocols.Effects{Refused: []protocols.Refusal{{ID: r.ID, Leader: leader}}})
}

var outcomes = [...]string{"ok", "refused", "unknown"}

// replies compares the replies since the last look: request, outcome, value and version.
func (s *show) replies(want ...string) {
	s.t.Helper()
	var got []string
	for _, r := range s.Replies {
		text := fmt.Sprintf("%d.%d %s", r.ID.Session, r.ID.Seq, outcomes[r.Outcome])
		switch {
		case r.Outcome == bench.OK:
			text += fmt.Sprintf(" %d v%d", r.Value, r.Version)
		case r.Leader != 0:
			text += fmt.Sprintf(" leader %d", r.Leader)
		}
		if r.Node != 3 {
			s.t.Errorf("reply %+v; the node is 3", r)
		}
		got = append(got, text)
	}
	s.Replies = s.Replies[:0]
	if !slices.Equal(got, want) {
		s.t.Errorf("replies %q, want %q", got, want)
	}
}
