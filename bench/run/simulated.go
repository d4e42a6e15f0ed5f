package run

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime/debug"

	"raftzab/bench/check"
	"raftzab/bench/network"
	"raftzab/bench/random"
	"raftzab/bench/sim"
	"raftzab/bench/trace"
	"raftzab/protocols"
	"raftzab/results"
)

// A worker runs trials of one cell, one after the other.
type worker interface {
	// trial returns the row, and a checksum over the trial's events where a
	// system has one. An error is the world's, and ends the cell.
	trial(trial int, probed bool) (row results.Trial, checksum uint64, broken *Breach, err error)
	// clients are what the clients of the trial's workload have to say; row is what trial returned.
	clients(row *results.Trial) Told
	close() error
}

// A Breach says what went wrong in a trial, and how to see it again.
type Breach struct {
	Cell   *Cell
	Trial  int
	Probed bool
	What   string
}

func (b *Breach) String() string {
	text := fmt.Sprintf("%s: trial %d: %s", b.Cell, b.Trial, b.What)
	if s, err := Lookup(b.Cell.System); err == nil && s.Reproducible && b.Cell.Mode == Sim {
		text += "\nto see it again: " + b.Cell.replay(b.Trial, b.Probed)
	}
	return text
}

// A maker returns the function that makes a node's replica under settings.
type maker[M protocols.Message] func(s *Settings, voters, observers []NodeID) func(NodeID, protocols.Recovered, *rand.Rand) protocols.Replica[M]

// simulated returns a factory of workers for replicas in virtual time. spoken says
// of which term a message is that only a leader sends; nil: no such timers are measured.
func simulated[M protocols.Message](protocol string, make maker[M], countable func(kind uint8) bool, kindName func(kind uint8) string, spoken func(M) (term uint64, leads bool)) func(context.Context, *Cell, func(*trace.Event)) (worker, error) {
	return func(ctx context.Context, cell *Cell, tell func(*trace.Event)) (worker, error) {
		s := &cell.Settings
		var members []NodeID
		for id := 1; id <= s.members(); id++ {
			members = append(members, NodeID(id))
		}
		w := &simulation[M]{ctx: ctx, checks: check.New(s.Cluster.Voters, invariants[protocol])}
		w.checks.Strict = check.ModesOf(s.strict()...)
		w.conductor = conductor{cell: cell, checks: w.checks, election: election{protocol: protocol, nodes: s.Cluster.Voters, observers: s.Cluster.Observers, countable: countable}, timers: timers{seen: spoken != nil}}
		grow := make(s, members[:s.Cluster.Voters], members[s.Cluster.Voters:])
		if w.conductor.timers.reset(s); w.conductor.timers.asked {
			grow = w.audible(grow, spoken)
		}
		if s.Staged() {
			grow = w.staged(grow, s, countable)
		}
		w.cluster = sim.New(sim.Config[M]{New: grow, Registers: s.registers(), Network: wires(s), Absent: s.Cluster.Absent, Fsync: s.Disk.Fsync, Timer: s.CPU.Timer, Message: s.CPU.Message.Time(), Images: s.Cluster.SnapshotEntries, Reads: reads(cell.System, Sim),
			Witness: witness{w.checks, &w.conductor}, Trace: tell, KindName: kindName}, cell.Seed, 0)
		return w, nil
	}
}

// invariants are the checks of each protocol.
var invariants = map[string]check.Protocol{"raft": check.Raft, "zab": check.Zab}

// wires describes the virtual network of a cell.
func wires(s *Settings) network.Config {
	q := network.Quality{Delay: s.Network.Delay, Loss: s.Network.Loss, Duplicate: s.Network.Duplicate, Reorder: s.Network.Reorder}
	cfg := network.Config{Nodes: s.members(), Default: q, RTOMin: s.Network.RTOMin.Time(), RTOMax: s.Network.RTOMax.Time(), Clients: s.Clients.Delay}
	if s.Network.Channel == datagram {
		cfg.Channel = network.Datagram
	}
	for _, l := range s.Links {
		o := q
		if l.Delay != nil {
			o.Delay = *l.Delay
		}
		if l.Loss != nil {
			o.Loss = *l.Loss
		}
		if l.Duplicate != nil {
			o.Duplicate = *l.Duplicate
		}
		if l.Reorder != nil {
			o.Reorder = *l.Reorder
		}
		for _, a := range l.From {
			for _, b := range l.To {
				cfg.Override = append(cfg.Override, network.Override{From: a, To: b, Quality: o})
			}
		}
	}
	return cfg
}

// members is how many servers there are, with and without a vote.
func (s *Settings) members() int { return s.Cluster.Voters + s.Cluster.Observers }

type simulation[M protocols.Message] struct {
	ctx       context.Context
	conductor conductor
	cluster   *sim.Cluster[M]
	checks    *check.Invariants
}

// staged puts replicas on a stage.
func (w *simulation[M]) staged(grow func(NodeID, protocols.Recovered, *rand.Rand) protocols.Replica[M], s *Settings, countable func(uint8) bool) func(NodeID, protocols.Recovered, *rand.Rand) protocols.Replica[M] {
	g := &stage{behind: s.Cluster.Behind, election: &w.conductor.election, clock: func() Time { return w.cluster.Now() }}
	w.conductor.stage = g
	return func(id NodeID, r protocols.Recovered, rng *rand.Rand) protocols.Replica[M] {
		return &actor[M]{Replica: grow(id, r, rng), id: id, stage: g, countable: countable}
	}
}

// audible lets the timers know what replicas hear.
func (w *simulation[M]) audible(grow func(NodeID, protocols.Recovered, *rand.Rand) protocols.Replica[M], spoken func(M) (uint64, bool)) func(NodeID, protocols.Recovered, *rand.Rand) protocols.Replica[M] {
	return func(id NodeID, r protocols.Recovered, rng *rand.Rand) protocols.Replica[M] {
		return &audible[M]{Replica: grow(id, r, rng), spoken: spoken, heard: func() { w.conductor.timers.start(w.cluster.Now(), id) }}
	}
}

func (w *simulation[M]) close() error { return nil }

func (w *simulation[M]) clients(row *results.Trial) Told {
	return w.conductor.clients(row)
}

func (w *simulation[M]) trial(trial int, probed bool) (row results.Trial, checksum uint64, broken *Breach, err error) {
	c := &w.conductor
	w.cluster.Reset(c.cell.Seed, trial)
	c.prepare(w.cluster, trial, probed, 0)
	c.restart()
	for _, f := range c.cell.Settings.clocks() {
		if err := w.cluster.Inject(f); err != nil {
			return row, 0, nil, err
		}
	}
	what, err := guarded(func() error { return c.conduct(w.ctx) })
	row = c.row(trial, true)
	events, sum := w.cluster.Events()
	if what == "" {
		if v := w.checks.Violation(); v != nil {
			what = v.Error()
		} else {
			what = c.breach()
		}
	}
	if what != "" {
		row.Outcome = results.Violated
		broken = &Breach{c.cell, trial, probed, what}
	}
	return row, sum ^ events*0x9e3779b97f4a7c15, broken, err
}

// goOn runs the world of a trial that is over. What it does now counts for nothing.
func (w *simulation[M]) goOn(time Time) (protocol string, marks []trace.Mark) {
	e := &w.conductor.election
	protocol, marks = e.protocol, e.marks()
	if w.checks.Violation() == nil {
		guarded(func() error { return w.cluster.Run(&w.conductor, w.cluster.Now()+time) })
	}
	return protocol, marks
}

// guarded runs f and says what broke: an assertion inside a replica. An error is
// the world's.
func guarded(f func() error) (what string, err error) {
	defer func() {
		if p := recover(); p != nil {
			what = fmt.Sprintf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return "", f()
}

// combine folds a trial's checksum into the cell's, in whatever order trials end.
func combine(sum uint64, trial int, probed bool, checksum uint64) uint64 {
	n := 2 * trial
	if probed {
		n++
	}
	return sum + random.TrialSeed(checksum, n)
}
