package swarm

import (
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"raftzab/bench"
	"raftzab/bench/check"
	"raftzab/bench/fault"
	"raftzab/bench/kv"
	"raftzab/bench/network"
	"raftzab/bench/random"
	"raftzab/bench/sim"
	"raftzab/bench/workload"
	"raftzab/protocols"
	"raftzab/raft"
	"raftzab/zab"
)

// The gate of reads that promise linearizability (check.NeverStale) has one
// situation for each way to keep the promise in which whoever breaks it is found
// out: a leader is replaced that does not know of it, clients write to the next
// one, and ask the old one.

const (
	gateNodes  = 5
	gateWriter = gateNodes + 1 // its session; readers have those of their nodes
)

// A gate is one situation. It is a client at each node that reads every 2 ms,
// and one that writes every 5 ms to whoever leads in the greatest epoch.
type gate struct {
	name string
	mode protocols.ReadMode
	run  func(g *gate, seed uint64) *gateTrial
	raft raft.Config
	zab  zab.Config
	upon func(x *gateTrial, old NodeID) // strikes the leader; clients write no more until there is another
}

var gates = []gate{
	{
		// The leader's clock is as slow as it may be, all others are as fast; nobody
		// hears from it any more, and they elect another while its own lease may seem
		// to last.
		name: "raft-lease", mode: protocols.ReadLease, run: raftGate, raft: gateRaft(true),
		upon: func(x *gateTrial, old NodeID) {
			x.strike(fault.Fault{Kind: fault.Isolate, Nodes: []NodeID{old}})
		},
	},
	{
		// One server does not hear from the leader and replaces it, while the answers to
		// the leader's last round are on a slow road.
		name: "raft-readindex", mode: protocols.ReadIndex, run: raftGate, raft: gateRaft(false),
		upon: func(x *gateTrial, old NodeID) {
			others := x.others(old)
			x.strike(fault.Fault{Kind: fault.Link, From: others, To: []NodeID{old}, Delay: random.Distribution{Shape: random.Constant, A: 700 * ms}})
			x.strike(fault.Fault{Kind: fault.Cut, From: []NodeID{old}, To: others[:1]})
		},
	},
	{
		// The leader's clock is slow, and it is cut off: the others give it up before
		// it notices.
		name: "zab-sync", mode: protocols.ReadSync, run: zabGate, zab: gateZab(zab.SyncQuorum),
		upon: func(x *gateTrial, old NodeID) {
			x.strike(fault.Fault{Kind: fault.Isolate, Nodes: []NodeID{old}})
		},
	},
}

const gateDrift = 0.3

var gateVoters = []NodeID{1, 2, 3, 4, 5}

func gateRaft(lease bool) raft.Config {
	cfg := raft.Default()
	cfg.Heartbeat = 30 * ms
	if lease {
		cfg.CheckQuorum, cfg.ClockDrift = true, gateDrift
	}
	return cfg
}

func gateZab(mode zab.SyncMode) zab.Config {
	cfg := zab.Default()
	cfg.Tick, cfg.FinalizeWait, cfg.Sync = 40*ms, 20*ms, mode
	return cfg
}

func raftGate(g *gate, seed uint64) *gateTrial {
	return tryGate(g, seed, g.raft.ClockDrift, func(id NodeID, voters []NodeID, r protocols.Recovered, rng *rand.Rand) protocols.Replica[raft.Message] {
		cfg := g.raft
		cfg.ID, cfg.Voters = id, voters
		return raft.New(cfg, r, rng)
	})
}

func zabGate(g *gate, seed uint64) *gateTrial {
	return tryGate(g, seed, gateDrift, func(id NodeID, voters []NodeID, r protocols.Recovered, rng *rand.Rand) protocols.Replica[zab.Message] {
		cfg := g.zab
		cfg.ID, cfg.Voters = id, voters
		return zab.New(cfg, r, rng)
	})
}

// A gateTrial is the Handler of one run.
type gateTrial struct {
	gate             *gate
	sys              bench.System
	rng              *rand.Rand
	stale            *check.Staleness
	drift            float64
	asked            map[protocols.RequestID]workload.Operation
	seq              [gateWriter + 1]uint32
	next             [gateWriter + 1]Time
	strikeAt, mendAt Time
	old              NodeID // the leader that was struck; 0: none is at present
	epoch            uint64 // of that leader
}

func tryGate[M protocols.Message](g *gate, seed uint64, drift float64, grow func(NodeID, []NodeID, protocols.Recovered, *rand.Rand) protocols.Replica[M]) *gateTrial {
	delay := random.Distribution{Shape: random.Uniform, A: ms / 2, B: 2 * ms}
	x := &gateTrial{gate: g, rng: rand.New(rand.NewPCG(seed, 1)), stale: check.NewStaleness(), drift: drift, asked: map[protocols.RequestID]workload.Operation{}, strikeAt: 2 * second}
	x.stale.Strict = check.ModesOf(g.mode)
	c := sim.New(sim.Config[M]{
		New: func(id NodeID, r protocols.Recovered, rng *rand.Rand) protocols.Replica[M] {
			return grow(id, gateVoters, r, rng)
		},
		Network: network.Config{Nodes: gateNodes, Default: network.Quality{Delay: delay}, RTOMin: 50 * ms, RTOMax: second},
		Fsync:   random.Distribution{Shape: random.Constant, A: ms / 10},
		Reads:   []protocols.ReadMode{g.mode},
	}, seed, 0)
	x.sys = c
	if err := c.Run(x, 12*second); err != nil {
		panic(err)
	}
	return x
}

func (x *gateTrial) strike(f fault.Fault) {
	if err := x.sys.Inject(f); err != nil {
		panic(err)
	}
}

func (x *gateTrial) others(than NodeID) (others []NodeID) {
	for id := NodeID(1); id <= gateNodes; id++ {
		if id != than {
			others = append(others, id)
		}
	}
	x.rng.Shuffle(len(others), func(i, j int) { others[i], others[j] = others[j], others[i] })
	return others
}

func (x *gateTrial) leader() (id NodeID, epoch uint64) {
	if ids := (fault.Target{Who: fault.Leader}).Resolve(gateNodes, x.sys, nil); len(ids) > 0 {
		s, _ := x.sys.Status(ids[0])
		return ids[0], s.Epoch
	}
	return 0, 0
}

// Wake strikes each leader for a second, and lets clients ask.
func (x *gateTrial) Wake(now Time) Time {
	lead, epoch := x.leader()
	switch {
	case x.old == 0 && now >= x.strikeAt && lead != 0:
		x.old, x.epoch, x.mendAt = lead, epoch, now+second
		for id := NodeID(1); id <= gateNodes; id++ {
			drift := x.drift
			if id == lead {
				drift = -drift
			}
			x.strike(fault.Fault{Kind: fault.Clock, Nodes: []NodeID{id}, Drift: drift})
		}
		x.gate.upon(x, lead)
	case x.old != 0 && now >= x.mendAt:
		x.strike(fault.Fault{Kind: fault.Heal})
		x.strike(fault.Fault{Kind: fault.Link, From: gateVoters, To: gateVoters, Back: true})
		x.old, x.strikeAt = 0, now+second+Time(x.rng.Int64N(int64(100*ms)))
	}
	for session := 1; session <= gateWriter; session++ {
		if x.next[session] > now {
			continue
		}
		r := bench.Request{Command: protocols.Command{ID: protocols.RequestID{Session: uint32(session), Seq: x.seq[session] + 1}, Op: kv.Get}, Mode: x.gate.mode}
		to := NodeID(session)
		x.next[session] = now + 2*ms
		if session == gateWriter {
			x.next[session] = now + 5*ms
			if lead == 0 || lead == x.old || x.old != 0 && epoch <= x.epoch {
				continue
			}
			r.Op, r.Value, to = kv.Put, uint64(r.ID.Seq), lead
		}
		x.seq[session]++
		x.asked[r.ID] = workload.Operation{Client: uint32(session), Op: r.Op, Mode: r.Mode, Start: now}
		x.sys.Submit(to, r)
	}
	return now + ms
}

func (x *gateTrial) Reply(now Time, r bench.Reply) {
	o := x.asked[r.ID]
	delete(x.asked, r.ID)
	o.Node, o.Outcome, o.Version, o.At, o.End = r.Node, r.Outcome, r.Version, r.At, now
	if s, ok := x.sys.Status(r.Node); ok {
		o.Role = s.Role
	}
	x.stale.Record(&o)
}

func (x *gateTrial) Listen() protocols.EventSet                       { return 0 }
func (x *gateTrial) Observe(now Time, node NodeID, e protocols.Event) {}

// Under the faults that find broken promises out, none is broken.
func TestReadsThatPromiseLinearizabilityAreNeverStale(t *testing.T) {
	for i := range gates {
		g := &gates[i]
		t.Run(g.name, func(t *testing.T) {
			completed := 0
			for seed := range uint64(10) {
				x := g.run(g, seed)
				if v := x.stale.Violation(); v != nil {
					t.Fatalf("seed %d: %v", seed, v)
				}
				for role := range protocols.Observer + 1 {
					r := x.stale.Reads(role, g.mode)
					completed += r.Completed
					if r.Completed > 0 && r.MostBehind != 0 {
						t.Errorf("seed %d: %d versions behind", seed, r.MostBehind)
					}
				}
			}
			if completed < 10_000 {
				t.Errorf("%d reads were answered: that proves little", completed)
			}
		})
	}
}

// stale returns how many of ten trials have a stale read in the gate's mode.
func stale(t *testing.T, g gate) (trials int) {
	for seed := range uint64(10) {
		if v := g.run(&g, seed).stale.Violation(); v != nil {
			if v.Invariant != check.NeverStale || !strings.Contains(v.Text, "versions and") {
				t.Errorf("%v", v)
			}
			trials++
		}
	}
	return trials
}

// Settings under which a promise cannot be kept are found out as well.
func TestGateFailsWhereThePromiseDoesNotHold(t *testing.T) {
	lease, sync := gates[0], gates[2]
	lease.run = func(g *gate, seed uint64) *gateTrial { // the clocks drift ten times as much as they may
		return tryGate(g, seed, gateDrift, func(id NodeID, voters []NodeID, r protocols.Recovered, rng *rand.Rand) protocols.Replica[raft.Message] {
			cfg := g.raft
			cfg.ID, cfg.Voters, cfg.ClockDrift = id, voters, gateDrift/10
			return raft.New(cfg, r, rng)
		})
	}
	if n := stale(t, lease); n < 5 {
		t.Errorf("a lease with clocks that drift beyond its bound: stale in %d of 10 trials", n)
	}
	sync.zab = gateZab(zab.SyncZooKeeper)
	if n := stale(t, sync); n < 5 {
		t.Errorf("a sync without a quorum: stale in %d of 10 trials", n)
	}
}

// Of the zoo, those bugs that break such a promise. Each is planted in the sources,
// and then the test above fails at its gate.
func TestGateFailsOnPlantedBugs(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ bug, gate string }{
		{"raft-lease-without-bound", "raft-lease"},
		{"raft-reuses-read-round", "raft-readindex"},
		{"zab-quorum-sync-asks-nobody", "zab-sync"},
	} {
		t.Run(c.bug, func(t *testing.T) {
			t.Parallel()
			bugs := Bugs()
			i := slices.IndexFunc(bugs, func(b Bug) bool { return b.Name == c.bug })
			overlay, err := bugs[i].Overlay(t.TempDir(), root)
			if err != nil {
				t.Fatal(err)
			}
			test := exec.Command("go", "test", "-overlay", overlay, "-vet", "off", "-run", "^TestReadsThatPromiseLinearizabilityAreNeverStale$/^"+c.gate+"$", ".")
			if out, err := test.CombinedOutput(); err == nil || !strings.Contains(string(out), check.NeverStale+" violated") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
