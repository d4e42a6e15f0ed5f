package raft

import (
	"testing"

	"raftzab/protocols"
)

// pump is a trio that works without the harness, which allocates.
type pump struct {
	servers [3]*Replica
	outs    [3]Output
	seqs    [3]uint64
	letters []letter
	taken   []letter
	now     protocols.Time
}

func newPump(t testing.TB) *pump {
	e := newEnsemble(t, 3)
	e.elect(1)
	p := &pump{now: e.now}
	for i, s := range e.servers {
		p.servers[i], p.seqs[i] = s.Replica, s.seq
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

// No call allocates in the steady state, with every event listened to. What the
// log's windows need, a doubling now and then, is far less than one a call.
func TestSteadyStateAllocatesNothing(t *testing.T) {
	p := newPump(t)
	commands := []protocols.Command{{ID: protocols.RequestID{Session: 1, Seq: 1}, Op: 1}}
	for range 5000 { // buffers grow, and the log gets room for what follows
		p.propose(commands)
		p.beat()
	}
	if got := testing.AllocsPerRun(1000, p.beat); got != 0 {
		t.Errorf("%v allocations in a round of heartbeats", got)
	}
	if got := testing.AllocsPerRun(1000, func() { p.propose(commands) }); got != 0 {
		t.Errorf("%v allocations in a committed write", got)
	}
	last := p.servers[0].log.Last().Index
	for _, s := range p.servers {
		if s.log.Last().Index != last || last < 6000 || s.commitIndex+1 < last {
			t.Errorf("no steady state: %v", s)
		}
	}
}

func BenchmarkHeartbeat(b *testing.B) {
	p := newPump(b)
	b.ReportAllocs()
	for b.Loop() {
		p.beat()
	}
}

func BenchmarkCommittedWrite(b *testing.B) {
	p := newPump(b)
	commands := []protocols.Command{{ID: protocols.RequestID{Session: 1, Seq: 1}, Op: 1}}
	b.ReportAllocs()
	for b.Loop() {
		p.propose(commands)
	}
}
