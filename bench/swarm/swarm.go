// Package swarm looks for the run that breaks a protocol. One seed makes one
// run: an ensemble with sizes, delays and timeouts of its own, clients that
// write, and faults of every kind, one on the heels of the other. First comes
// safety: every invariant of package check, all the time. Then everything is
// mended, and the ensemble must make progress.
package swarm

import (
	"fmt"
	"math/rand/v2"
	"runtime/debug"

	"raftzab/bench"
	"raftzab/bench/check"
	"raftzab/bench/fault"
	"raftzab/bench/network"
	"raftzab/bench/random"
	"raftzab/bench/sim"
	"raftzab/protocols"
	"raftzab/raft"
	"raftzab/zab"
)

type (
	Time   = protocols.Time
	NodeID = protocols.NodeID
)

const (
	ms     = Time(1_000_000)
	second = 1000 * ms

	// patience is how long after healing a fresh write may take to come through
	// at every node.
	patience = 10 * second
)

// A Report tells what one run caused and how it ended.
type Report struct {
	System        string
	Seed          uint64
	Voters        int
	Faults        [fault.Kinds]int
	LeaderChanges int
	Commits       int
	Truncations   int
	Syncs         [protocols.Snap + 1]int // how Zab's leaders brought learners level, by phase
	TurnedAway    int                     // Zab: servers that promised an epoch above the established one, out until the next election
	Events        uint64
	Checksum      uint64
	Violation     string // what broke; empty: nothing
}

// Replay is the command that shows the run again.
func (r *Report) Replay() string {
	return fmt.Sprintf("raftzab replay --swarm %d --system %s", r.Seed, r.System)
}

// Systems are the names that Run knows.
var Systems = []string{"raft", "zab"}

// Run makes the run of a seed. trace, where it is set, is told every event.
func Run(system string, seed uint64, trace func(Time, string)) *Report {
	rng := random.Stream(seed, 0, random.Swarm, 1)
	air := draw(rng)
	// Timeouts leave room for one exchange on the mended network: below that no
	// leader lasts, and there is no progress to demand.
	turn := 2*air.delay.B + 2*air.fsync.B
	switch system {
	case "raft":
		cfg := raft.Default()
		cfg.ElectionTimeout.Min = turn + within(rng, 50*ms, 300*ms)
		cfg.ElectionTimeout.Max = cfg.ElectionTimeout.Min + within(rng, 20*ms, 300*ms)
		cfg.Heartbeat = cfg.ElectionTimeout.Min / Time(2+rng.IntN(3))
		return play(&world[raft.Message]{system: system, air: air, rules: check.Raft, seed: seed, rng: rng,
			replica: func(id NodeID, voters []NodeID, r protocols.Recovered, rng *rand.Rand) protocols.Replica[raft.Message] {
				cfg := cfg
				cfg.ID, cfg.Voters = id, voters
				return raft.New(cfg, r, rng)
			}}, trace)
	case "zab":
		cfg := zab.Default()
		cfg.InitLimit, cfg.SyncLimit = 5+rng.IntN(10), 2+rng.IntN(5)
		cfg.Tick = 2*turn/Time(cfg.SyncLimit) + within(rng, 20*ms, 120*ms)
		cfg.FinalizeWait = []Time{0, 20 * ms, 50 * ms, 200 * ms}[rng.IntN(4)]
		cfg.MinNotificationInterval = within(rng, 50*ms, 200*ms)
		// A server that has its quorum waits for silence as long as FinalizeWait: if
		// one that has not may repeat its vote more often than that for ever, neither
		// gets on.
		cfg.MaxNotificationInterval = max(cfg.MinNotificationInterval*Time(1+rng.IntN(8)), 2*cfg.FinalizeWait+turn)
		return play(&world[zab.Message]{system: system, air: air, rules: check.Zab, seed: seed, rng: rng,
			replica: func(id NodeID, voters []NodeID, r protocols.Recovered, _ *rand.Rand) protocols.Replica[zab.Message] {
				cfg := cfg
				cfg.ID, cfg.Voters = id, voters
				return zab.New(cfg, r)
			}}, trace)
	}
	panic("swarm: no system " + system)
}

// An air is what a run's messages and writes pass through.
type air struct {
	delay, fsync random.Distribution
	loss         float64 // until everything is mended
	rto          Time
}

func draw(rng *rand.Rand) air {
	slowest := within(rng, ms, 25*ms)
	fsync := within(rng, ms/10, 30*ms) // long against the schedule, so that crashes fall into it
	a := air{delay: random.Distribution{Shape: random.Uniform, A: slowest / 4, B: slowest},
		fsync: random.Distribution{Shape: random.Uniform, A: fsync / 2, B: fsync}, rto: within(rng, 20*ms, 200*ms)}
	if rng.IntN(3) == 0 {
		a.loss = 0.1 * rng.Float64()
	}
	return a
}

func within(rng *rand.Rand, low, high Time) Time { return low + Time(rng.Int64N(int64(high-low)+1)) }

// A world is one run: the Handler of its cluster.
type world[M protocols.Message] struct {
	system  string
	rules   check.Protocol
	seed    uint64
	rng     *rand.Rand
	replica func(NodeID, []NodeID, protocols.Recovered, *rand.Rand) protocols.Replica[M]

	air     air
	n       int
	cluster *sim.Cluster[M]
	checks  *check.Invariants
	chaos   *fault.Chaos
	clients clients
	report  *Report
	leader  NodeID

	faultAt  Time
	gap      Time // mean between two faults
	healAt   Time
	healed   bool
	accepted []uint64          // Zab: acceptedEpoch by server, as asked for
	level    protocols.EntryID // where the state was when the latest fresh write was acknowledged
	fresh    []int             // after healing, by node: its fresh write is 0 not sent, 1 under way, 2 acknowledged
	err      error
}

// play carries the run out. An assertion inside a replica is a violation too.
func play[M protocols.Message](w *world[M], trace func(Time, string)) (report *Report) {
	rng := w.rng
	w.n = []int{1, 2, 3, 3, 3, 4, 5, 5, 5, 5, 6, 7}[rng.IntN(12)]
	var voters []NodeID
	for id := 1; id <= w.n; id++ {
		voters = append(voters, NodeID(id))
	}
	report = &Report{System: w.system, Seed: w.seed, Voters: w.n}
	w.report = report
	w.checks = check.New(w.n, w.rules)
	w.chaos = fault.NewChaos(w.n, random.Stream(w.seed, 0, random.Swarm, 2))
	w.accepted = make([]uint64, w.n+1)
	w.gap = within(rng, 150*ms, 900*ms)
	w.faultAt = within(rng, 200*ms, 1500*ms)
	w.healAt = within(rng, 12*second, 20*second)
	w.clients.begin(w.n, rng)
	w.cluster = sim.New(sim.Config[M]{
		New: func(id NodeID, r protocols.Recovered, rng *rand.Rand) protocols.Replica[M] {
			return w.replica(id, voters, r, rng)
		},
		Network: network.Config{Nodes: w.n, Default: network.Quality{Delay: w.air.delay, Loss: w.air.loss}, RTOMin: w.air.rto, RTOMax: second},
		Fsync:   w.air.fsync,
		Witness: w, Trace: trace,
	}, w.seed, 0)
	defer func() {
		if p := recover(); p != nil {
			report.Violation = fmt.Sprintf("panic: %v\n%s", p, debug.Stack())
		}
		report.Faults = w.chaos.Count
		report.Commits = w.checks.Commits()
		report.Events, report.Checksum = w.cluster.Events()
	}()
	end := w.healAt + patience
	for t := Time(0); t < end && !w.done() && w.checks.Violation() == nil; {
		t += 10 * ms
		w.cluster.Run(w, t)
	}
	switch v := w.checks.Violation(); {
	case v != nil:
		report.Violation = v.Error()
	case w.err != nil:
		report.Violation = w.err.Error()
	case !w.done():
		report.Violation = w.stuck()
	}
	return report
}

// Wake lets faults strike and clients speak.
func (w *world[M]) Wake(now Time) Time {
	if !w.healed && now >= w.healAt {
		w.healed = true
		for _, f := range w.chaos.Settle(w.air.delay) {
			w.inject(f)
		}
		w.fresh = make([]int, w.n+1)
	}
	if !w.healed && now >= w.faultAt {
		w.inject(w.chaos.Next(w.cluster))
		w.faultAt = now + Time(float64(w.gap)*w.rng.ExpFloat64()) + ms
	}
	next := w.clients.wake(now, w)
	if w.healed {
		w.askAround(now)
		return min(next, now+50*ms)
	}
	return min(next, w.faultAt, w.healAt)
}

func (w *world[M]) inject(f fault.Fault) {
	if err := w.cluster.Inject(f); err != nil {
		w.err = err
	}
}

func (w *world[M]) submit(to NodeID, r bench.Request) {
	w.checks.Submitted(r.Command)
	w.cluster.Submit(to, r)
}

// Reply takes in what clients are told.
func (w *world[M]) Reply(now Time, r bench.Reply) {
	w.checks.Acknowledged(now, r)
	if int(r.ID.Session) > clientSessions {
		w.freshReply(now, r)
		return
	}
	w.clients.reply(now, r, w)
}

// Listen names the events that are counted or checked.
func (w *world[M]) Listen() protocols.EventSet {
	return w.checks.Listen() | protocols.Events(protocols.Activated, protocols.LogTruncated, protocols.SyncChosen)
}

// Observe counts.
func (w *world[M]) Observe(now Time, node NodeID, e protocols.Event) {
	w.checks.Observe(now, node, e)
	switch e.Kind {
	case protocols.Activated:
		if w.leader != 0 {
			w.report.LeaderChanges++
		}
		w.leader = node
	case protocols.LogTruncated:
		w.report.Truncations++
	case protocols.SyncChosen:
		w.report.Syncs[e.Phase]++
	}
}

// Booted, Wrote, Delivered and Sent make the world the cluster's witness.
func (w *world[M]) Booted(now Time, node NodeID, r protocols.Recovered) {
	w.accepted[node] = r.Registers[0]
	w.checks.Booted(now, node, r)
}

func (w *world[M]) Wrote(now Time, node NodeID, x protocols.Write) {
	w.accepted[node] = x.Registers[0]
	w.checks.Wrote(now, node, x)
}

func (w *world[M]) Persisted(now Time, node NodeID, seq uint64) { w.checks.Persisted(now, node, seq) }

func (w *world[M]) Delivered(now Time, node NodeID, restore protocols.EntryID, committed []protocols.Entry) {
	w.checks.Delivered(now, node, restore, committed)
}

func (w *world[M]) Sent(now Time, from, to NodeID, kind uint8, size int) {}
