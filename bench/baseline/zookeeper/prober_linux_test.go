package zookeeper

import (
	"fmt"
	"testing"
	"time"

	"raftzab/bench"
	"raftzab/bench/fault"
	"raftzab/bench/kv"
	"raftzab/protocols"
)

// A prober writes to every server, each through a session of its own and to a
// key of its own, and carries out faults.
type prober struct {
	e      *Ensemble
	every  protocols.Time
	faults []fault.Fault
	at     []protocols.Time // of the faults

	due  protocols.Time
	sent map[protocols.RequestID]protocols.Time

	replies []timed[bench.Reply]
	events  []timed[protocols.Event]
	last    protocols.Time
	errs    []error
}

type timed[V any] struct {
	at, sent protocols.Time
	node     protocols.NodeID
	value    V
}

func (p *prober) now(now protocols.Time) {
	if now < p.last {
		p.errs = append(p.errs, fmt.Errorf("time goes back from %d to %d", p.last, now))
	}
	p.last = now
}

func (p *prober) Wake(now protocols.Time) protocols.Time {
	p.now(now)
	for len(p.at) > 0 && p.at[0] <= now {
		if err := p.e.Inject(p.faults[0]); err != nil {
			p.errs = append(p.errs, err)
		}
		p.at, p.faults = p.at[1:], p.faults[1:]
	}
	if now >= p.due {
		p.due = now + p.every
		for _, s := range p.e.servers {
			p.submit(now, s.id, kv.Put, protocols.ReadLocal)
		}
	}
	if len(p.at) > 0 && p.at[0] < p.due {
		return p.at[0]
	}
	return p.due
}

// submit asks a server; the request's number is its value.
func (p *prober) submit(now protocols.Time, to protocols.NodeID, op uint8, mode protocols.ReadMode) {
	if p.sent == nil {
		p.sent = make(map[protocols.RequestID]protocols.Time)
	}
	id := protocols.RequestID{Session: uint32(to), Seq: uint32(len(p.sent) + 1)}
	p.sent[id] = now
	p.e.Submit(to, bench.Request{Command: protocols.Command{ID: id, Op: op, Key: uint32(to), Size: 64, Value: uint64(id.Seq)}, Mode: mode})
}

func (p *prober) Reply(now protocols.Time, r bench.Reply) {
	p.now(now)
	p.replies = append(p.replies, timed[bench.Reply]{now, p.sent[r.ID], r.Node, r})
}

func (p *prober) Listen() protocols.EventSet {
	return protocols.Events(protocols.RoleChanged, protocols.Elected, protocols.Activated)
}

func (p *prober) Observe(now protocols.Time, node protocols.NodeID, e protocols.Event) {
	p.now(now)
	p.events = append(p.events, timed[protocols.Event]{now, 0, node, e})
}

func (p *prober) run(t *testing.T, d time.Duration) {
	t.Helper()
	if err := p.e.Run(p, p.e.Now()+protocols.Time(d)); err != nil {
		t.Fatal(err)
	}
	for _, err := range p.errs {
		t.Error(err)
	}
}

// first returns when an event of the kind first came after t0, and from whom.
func (p *prober) first(t0 protocols.Time, match func(protocols.Event) bool) (protocols.Time, protocols.NodeID) {
	for _, e := range p.events {
		if e.at >= t0 && match(e.value) {
			return e.at - t0, e.node
		}
	}
	return 0, protocols.None
}

// until runs until something is so, for 10 s at most.
func (p *prober) until(t *testing.T, so func() bool) {
	t.Helper()
	for end := p.e.Now() + 10_000*ms; !so(); p.run(t, 20*time.Millisecond) {
		if p.e.Now() > end {
			t.Fatal("that has not come about in 10 s")
		}
	}
}

// untilAllWrite runs until clients get writes through every server.
func (p *prober) untilAllWrite(t *testing.T) {
	t.Helper()
	t0 := p.e.Now()
	p.until(t, func() bool {
		for _, s := range p.e.servers {
			if p.acknowledged(s.id, t0) == 0 {
				return false
			}
		}
		return true
	})
}

// untilReplaced runs until a server has taken the place of old, which a fault
// strikes at t0, and clients get writes through it. It returns who, and how long
// it took until the first of the others gave old up.
func (p *prober) untilReplaced(t *testing.T, old protocols.NodeID, t0 protocols.Time) (next protocols.NodeID, noticed protocols.Time) {
	t.Helper()
	p.until(t, func() bool {
		_, next = p.first(t0, func(e protocols.Event) bool { return e.Kind == protocols.Activated })
		return next != protocols.None && p.acknowledged(next, t0) > 0
	})
	for _, e := range p.events {
		if e.at >= t0 && e.node != old && e.value.Kind == protocols.RoleChanged && e.value.Role == protocols.Candidate {
			return next, e.at - t0
		}
	}
	return next, 0
}

// acknowledged counts the writes that began after t0 and got through a server.
func (p *prober) acknowledged(id protocols.NodeID, t0 protocols.Time) (n int) {
	for _, r := range p.replies {
		if r.node == id && r.sent > t0 && r.value.Outcome == bench.OK {
			n++
		}
	}
	return n
}
