package run

import (
	"fmt"

	"raftzab/bench"
	"raftzab/bench/fault"
	"raftzab/bench/kv"
	"raftzab/bench/random"
	"raftzab/protocols"
)

// A stage sets a trial up as the Raft paper's figure 16 has it (§9.3), where
// the fault would else find a cluster whose logs are all the same.
//
//  1. Up to the first heartbeats one server alone may stand, or a range of
//     timeouts without randomness would have no leader to lose.
//  2. Half-way through the warm-up a client writes once, and the entry does not
//     reach some followers: messages to them that carry entries of clients are
//     withheld, as where bulk has a slower road than heartbeats. A heartbeat
//     reaches them as ever, is refused for what they lack, and resets their timers.
//  3. From t0 on everything reaches everybody.
//
// The entry is committed, so those that lack it cannot win.
type stage struct {
	behind   int
	clock    func() Time
	election *election

	first    NodeID // stands alone at the beginning
	withheld []bool // by node: entries of clients do not reach it
	set      bool   // the entry is committed
	over     bool   // t0 has come
	seq      uint32 // of the last write asked for
	again    Time   // when to ask once more, for its leader may be gone

	beats     Time   // when somebody last sent something to all others at once
	beater    NodeID // who that was
	sender    NodeID // who sends at present,
	sending   Time   // since when,
	receivers int    // and to how many
}

// Staged reports whether the settings ask for what figure 16 measures.
func (s *Settings) Staged() bool {
	for i := range s.Faults {
		if s.Faults[i].Phase != "" {
			return true
		}
	}
	return s.Cluster.Behind > 0
}

// unstaged lists what a system cannot have of a stage, of the timers, and of terms to
// start in: only replicas of ours and etcd's stand on one.
func (s *System) unstaged(mode Mode, x *Settings) (lost []Unsupported) {
	ours := mode == Sim && s.Product != "hashicorp"
	if mode == Sim && !ours && x.CPU.Timer != (random.Distribution{}) {
		lost = append(lost, Unsupported{"cpu.timer", "its timers are the Go runtime's; take it out, or leave " + s.Name + " out"})
	}
	if mode == Sim && !ours && x.CPU.Message > 0 {
		lost = append(lost, Unsupported{"cpu.message", "its work takes no virtual time; take it out, or leave " + s.Name + " out"})
	}
	if ours && s.Protocol == "raft" {
		return lost
	}
	if x.Cluster.Behind > 0 {
		lost = append(lost, Unsupported{"cluster.behind", "only raft and etcd in mode \"sim\" can have servers that are behind; leave " + s.Name + " out"})
	}
	for i := range x.Faults {
		if x.Faults[i].Phase != "" {
			lost = append(lost, Unsupported{fmt.Sprintf("fault[%d].phase", i), "only the heartbeats of raft and etcd in mode \"sim\" can be seen; leave " + s.Name + " out"})
		}
	}
	for i := range x.Nodes {
		if x.Nodes[i].Term > 0 {
			lost = append(lost, Unsupported{fmt.Sprintf("node[%d].term", i), "only raft and etcd in mode \"sim\" can find a term on their disks when they first start; leave " + s.Name + " out"})
		}
	}
	return lost
}

func (g *stage) reset(nodes int, seed uint64, trial int) {
	g.first = NodeID(1 + random.Stream(seed, trial, random.Schedule, 3).IntN(nodes))
	g.beats, g.beater, g.sending = 0, protocols.None, 0
	g.withheld, g.set, g.over, g.seq, g.again = make([]bool, nodes+1), g.behind == 0, false, 0, 0
}

// How long the write that makes servers fall behind may take before it is tried
// again, and how often the stage looks.
const (
	patience = Time(100_000_000)
	look     = Time(10_000_000)
)

// wake makes servers fall behind, and returns when to be called again.
func (g *stage) wake(now Time, c *conductor) Time {
	s := &c.cell.Settings
	if start := c.base + s.Warmup.Time()/2; now < start {
		return start
	}
	n := s.Cluster.Voters
	leader := (fault.Target{Who: fault.Leader}).Resolve(n, c.sys, nil)
	if now < g.again || len(leader) == 0 {
		return now + look
	}
	g.again = now + patience
	g.seq++
	clear(g.withheld)
	left := g.behind
	for _, i := range random.Stream(c.cell.Seed, c.trial, random.Schedule, 4+uint64(g.seq)).Perm(n) {
		if id := NodeID(i + 1); id != leader[0] && left > 0 {
			g.withheld[id] = true
			left--
		}
	}
	session := g.session(n)
	c.submit(now, leader[0], bench.Request{Command: protocols.Command{ID: protocols.RequestID{Session: session, Seq: g.seq},
		Key: session, Size: 8, Op: kv.Put, Value: uint64(g.seq)}})
	return now + look
}

// session is that of the one write: the probes have those up to the number of servers.
func (g *stage) session(nodes int) uint32 { return uint32(nodes) + 1 }

func (g *stage) reply(r bench.Reply, nodes int) {
	if r.ID.Session == g.session(nodes) && r.ID.Seq == g.seq && r.Outcome == bench.OK {
		g.set = true
	}
}

// sent takes in a message. A leader's heartbeats go out to all others at one
// instant.
func (g *stage) sent(now Time, from NodeID) {
	if g.over {
		return
	}
	if from != g.sender || now != g.sending {
		g.sender, g.sending, g.receivers = from, now, 0
	}
	if g.receivers++; g.receivers == g.election.nodes-1 {
		g.beats, g.beater = now, from
	}
}

// heartbeats is when the leader last sent them; 0: not yet.
func (g *stage) heartbeats(v fault.View) Time {
	if g.beater == protocols.None {
		return 0
	}
	if s, ok := v.Status(g.beater); !ok || s.Role != protocols.Leader {
		return 0 // candidates speak to all as well
	}
	return g.beats
}

// end is t0.
func (g *stage) end() {
	g.over = true
	clear(g.withheld)
}

// An actor is a replica on the stage.
type actor[M protocols.Message] struct {
	protocols.Replica[M]
	id        NodeID
	stage     *stage
	countable func(kind uint8) bool
	awake     bool // it may stand
	booted    bool
}

func (a *actor[M]) Wake(now Time, out *protocols.Output[M]) {
	if a.booted && !a.awake && a.id != a.stage.first && !a.stage.over {
		out.Wake = now + look
		return
	}
	a.booted = true
	a.Replica.Wake(now, out)
	a.withhold(out)
}

func (a *actor[M]) Receive(now Time, from NodeID, m M, out *protocols.Output[M]) {
	a.Replica.Receive(now, from, m, out)
	a.withhold(out)
	if !a.awake || a.stage.over {
		if s := a.Replica.Status(); s.Leader == from && from != a.id {
			a.awake = true
			a.stage.election.heard(a.stage.clock(), a.id, s.Epoch)
		}
	}
}

func (a *actor[M]) Disconnected(now Time, peer NodeID, out *protocols.Output[M]) {
	a.Replica.Disconnected(now, peer, out)
	a.withhold(out)
}

func (a *actor[M]) Propose(now Time, commands []protocols.Command, out *protocols.Output[M]) {
	a.Replica.Propose(now, commands, out)
	a.withhold(out)
}

func (a *actor[M]) Persisted(now Time, seq uint64, out *protocols.Output[M]) {
	a.Replica.Persisted(now, seq, out)
	a.withhold(out)
}

// Transfer hands over to another server, where the replica can.
func (a *actor[M]) Transfer(now Time, to NodeID, out *protocols.Output[M]) {
	if t, ok := a.Replica.(protocols.Transferrer[M]); ok {
		t.Transfer(now, to, out)
	}
	a.withhold(out)
}

// withhold takes back what carries entries of clients to servers that are to be
// behind.
func (a *actor[M]) withhold(out *protocols.Output[M]) {
	kept := out.Messages[:0]
	for _, m := range out.Messages {
		if !a.stage.withheld[m.To] || a.countable(m.Msg.Kind()) {
			kept = append(kept, m)
		}
	}
	out.Messages = kept
}
