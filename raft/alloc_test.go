package raft

import (
	"testing"

	"raftzab/protocols"
)

// pump is an ensemble led by server 1 that works without the harness, which allocates.
type pump struct {
	servers []*Replica
	outs    []Output
	seqs    []uint64
	letters []letter
	taken   []letter
	now     protocols.Time
}

func newPump(t testing.TB, n int, edit func(*Config)) *pump {
	e := configured(t, n, edit)
	e.elect(1)
	p := &pump{now: e.now, outs: make([]Output, n)}
	for i, s := range e.servers {
		p.servers, p.seqs = append(p.servers, s.Replica), append(p.seqs, s.seq)
		p.outs[i].Listen = protocols.AllEvents
	}
	return p
}

// drain carries out everything that the calls so far want done.
func (p *pump) drain() {
	for busy := true; busy; {
		busy = false
		for i := range p.servers {
			out := &p.outs[i]
			for _, env := range out.Messages {
				p.letters = append(p.letters, letter{p.servers[i].cfg.ID, env.To, env.Msg})
			}
			writes := len(out.Writes)
			out.Reset()
			if writes > 0 {
				busy = true
				p.seqs[i] += uint64(writes)
				p.servers[i].Persisted(p.now, p.seqs[i], out)
			}
		}
		p.taken, p.letters = p.letters, p.taken[:0]
		for _, l := range p.taken {
			busy = true
			p.servers[l.to-1].Receive(p.now, l.from, l.m, &p.outs[l.to-1])
		}
	}
}

func (p *pump) beat() {
	p.now += 75 * millisecond
	p.servers[0].Wake(p.now, &p.outs[0])
	p.drain()
}

func (p *pump) propose(commands []protocols.Command) {
	p.servers[0].Propose(p.now, commands, &p.outs[0])
	p.drain()
}

func (p *pump) read(mode protocols.ReadMode) {
	p.now++
	p.servers[0].Read(p.now, protocols.RequestID{Session: 1, Seq: 1}, mode, &p.outs[0])
	p.drain()
}

// burst proposes more than the window has room for, and then reads.
func (p *pump) burst(commands []protocols.Command) {
	for range 5 {
		p.servers[0].Propose(p.now, commands, &p.outs[0])
	}
	p.servers[0].Read(p.now, protocols.RequestID{Session: 1, Seq: 1}, protocols.ReadIndex, &p.outs[0])
	p.servers[0].Read(p.now, protocols.RequestID{Session: 1, Seq: 2}, protocols.ReadIndex, &p.outs[0])
	p.drain()
}

// No call allocates in the steady state, with every event listened to and whatever
// options are on. What the log needs, a doubling now and then, is far less than one a
// call.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		servers int
		edit    func(*Config)
	}{
		"default": {3, unchanged},
		"every option": {5, func(c *Config) {
			learning(2)(c)
			leases(c)
			c.PreVote, c.CommitNotice, c.Window, c.MaxEntries = true, NoticeEager, 2, 2
		}},
	} {
		p := newPump(t, c.servers, c.edit)
		commands := []protocols.Command{{ID: protocols.RequestID{Session: 1, Seq: 1}, Op: 1}}
		for range 5000 { // buffers grow, and the log gets room for what follows
			p.burst(commands)
			p.beat()
		}
		for what, f := range map[string]func(){
			"a round of heartbeats":                 p.beat,
			"a committed write":                     func() { p.propose(commands) },
			"a read by its own round":               func() { p.read(protocols.ReadIndex) },
			"a read by lease":                       func() { p.read(protocols.ReadLease) },
			"writes behind a full window and reads": func() { p.burst(commands) },
		} {
			// AllocsPerRun rounds down, so 200 times are one run; the log may move to a larger array once or twice.
			if got := testing.AllocsPerRun(1, func() {
				for range 200 {
					f()
				}
			}); got > 2 {
				t.Errorf("%s: %v allocations in 200 times %s", name, got, what)
			}
		}
		p.beat()
		last := p.servers[0].log.Last().Index
		for _, s := range p.servers {
			if s.log.Last().Index != last || last < 25000 || s.commitIndex != last {
				t.Errorf("%s: no steady state: %v", name, s)
			}
		}
	}
}

func BenchmarkHeartbeat(b *testing.B) {
	p := newPump(b, 3, unchanged)
	b.ReportAllocs()
	for b.Loop() {
		p.beat()
	}
}

func BenchmarkCommittedWrite(b *testing.B) {
	p := newPump(b, 3, unchanged)
	commands := []protocols.Command{{ID: protocols.RequestID{Session: 1, Seq: 1}, Op: 1}}
	b.ReportAllocs()
	for b.Loop() {
		p.propose(commands)
	}
}

func BenchmarkReadIndex(b *testing.B) {
	p := newPump(b, 3, unchanged)
	b.ReportAllocs()
	for b.Loop() {
		p.read(protocols.ReadIndex)
	}
}
