package swarm

import (
	"math/rand/v2"
	"slices"

	"raftzab/bench"
	"raftzab/bench/fault"
	"raftzab/bench/network"
	"raftzab/bench/random"
	"raftzab/protocols"
	"raftzab/raft"
	"raftzab/zab"
)

// draw makes the world of a seed, and who directs what happens in it.
func draw(system string, seed uint64) (*Story, *chance) {
	rng := random.Stream(seed, 0, random.Swarm, 1)
	s := &Story{System: system, Seed: seed, Air: drawAir(rng)}
	// Timeouts leave room for one exchange on the mended network: below that no
	// leader lasts, and there is no progress to demand.
	turn := 2*s.Air.Delay.B + 2*s.Air.Fsync.B
	c := &chance{rng: rng}
	var faults fault.Options
	pace := Time(0)
	switch system {
	case "raft":
		s.Raft, pace = drawRaft(rng, turn)
		faults = drawWorld(rng, s)
	case "zab":
		s.Zab = drawZab(rng, turn)
		faults = drawZabWorld(rng, s)
	default:
		panic("swarm: no system " + system)
	}
	s.Voters = []int{1, 2, 3, 3, 3, 4, 5, 5, 5, 5, 6, 7}[rng.IntN(12)]
	faults.Voters, faults.Observers = s.Voters, s.Learners
	c.chaos = fault.NewChaosOf(faults, random.Stream(seed, 0, random.Swarm, 2))
	c.gap = within(rng, 150*ms, 900*ms)
	c.faultAt = within(rng, 200*ms, 1500*ms)
	s.Heal = within(rng, 12*second, 20*second)
	s.End = s.Heal + patience
	if pace > 100*ms {
		s.End += 2 * patience // an exchange for each entry that a server is behind
	}
	c.clients.begin(s.Voters+s.Learners, rng)
	switch system {
	case "zab":
		c.clients.beginReading(0, protocols.ReadSync, protocols.ReadLocal, protocols.ReadLeader, protocols.ReadSync)
	case "raft":
		c.clients.beginReading(pace, of(rng, protocols.ReadIndex, protocols.ReadLease),
			protocols.ReadLocal, protocols.ReadLeader, protocols.ReadIndex, protocols.ReadLease)
		c.timeout, c.coups = s.Raft.ElectionTimeout.Max, 16
		if s.Raft.CheckQuorum && s.Raft.ClockDrift > 0 {
			c.coups = 8
			c.clients.strict = of(rng, protocols.ReadLease, protocols.ReadLease, protocols.ReadIndex)
		}
	}
	return s, c
}

// of returns one of the values.
func of[T any](rng *rand.Rand, values ...T) T { return values[rng.IntN(len(values))] }

// drawRaft turns every option on or off, and makes every size large, or so small
// that it binds. No client shall write more often than at the pace: a message at a
// time with an entry at a time carries no more.
func drawRaft(rng *rand.Rand, turn Time) (cfg raft.Config, pace Time) {
	cfg = raft.Default()
	cfg.ElectionTimeout.Min = turn + within(rng, 50*ms, 300*ms)
	cfg.ElectionTimeout.Max = cfg.ElectionTimeout.Min + within(rng, 20*ms, 300*ms)
	cfg.Heartbeat = cfg.ElectionTimeout.Min / Time(2+rng.IntN(3))
	if rng.IntN(3) == 0 {
		cfg.CandidateTimeout.Min = turn + within(rng, 20*ms, 100*ms)
		cfg.CandidateTimeout.Max = cfg.CandidateTimeout.Min + within(rng, 20*ms, 200*ms)
	}
	cfg.PreVote = of(rng, false, true)
	cfg.CheckQuorum = of(rng, false, true)
	cfg.ClockDrift = of(rng, 0, 0, 0.002, 0.1+0.3*rng.Float64())
	if cfg.CheckQuorum && cfg.ClockDrift > 0 {
		// Leases that are long against an election: else nobody is elected in time to
		// show that one has lasted too long.
		longer := within(rng, 0, 500*ms)
		cfg.ElectionTimeout.Min += longer
		cfg.ElectionTimeout.Max += longer
		least := float64(cfg.ElectionTimeout.Min) * (1 - cfg.ClockDrift) / (1 + cfg.ClockDrift)
		cfg.Heartbeat = min(cfg.Heartbeat, Time(least/2))
	}
	cfg.CommitNotice = of(rng, raft.NoticeByHeartbeat, raft.NoticeEager)
	cfg.Backtrack = of(rng, raft.BacktrackTerm, raft.BacktrackOne)
	cfg.Window = of(rng, 1, 2+rng.IntN(4), cfg.Window)
	cfg.MaxEntries = of(rng, 1, 2+rng.IntN(8), cfg.MaxEntries)
	cfg.ChunkSize = of(rng, 48, 64+rng.Uint64N(200), cfg.ChunkSize)
	cfg.Trailing = of(rng, 0, 1+rng.Uint64N(30), cfg.Trailing)
	// A server that was away for all of a run has so many entries to fetch.
	pace = 18 * turn / Time(min(cfg.Window*cfg.MaxEntries, 1000))
	if cfg.Backtrack == raft.BacktrackOne {
		pace = max(pace, 300*ms)
	}
	return cfg, pace
}

// drawWorld adds what a Raft can live with: learners, images, datagrams, and
// clocks that drift, within the bound of leases where there may be any.
func drawWorld(rng *rand.Rand, s *Story) (o fault.Options) {
	s.Learners = of(rng, 0, 0, 0, 0, 0, 1, 1, 1, 2, 3)
	s.Images = of(rng, 0, 0, 2+rng.IntN(15), 20+rng.IntN(200))
	if of(rng, false, true) {
		s.Air.Channel = network.Datagram
		s.Air.Loss = of(rng, 0, 0.1, 0.3) * rng.Float64()
		s.Air.Duplicate, s.Air.Reorder = of(rng, 0, 0.3)*rng.Float64(), of(rng, 0, 0.3)*rng.Float64()
	}
	o.Datagram = s.Air.Channel == network.Datagram
	o.Drift = s.Raft.ClockDrift
	if o.Drift == 0 && of(rng, false, true) { // nothing rests on clocks
		o.Drift, o.Skew = 0.2, 300*ms
	}
	o.Transfer, o.FailDisk, o.Partial = of(rng, false, true), of(rng, false, true), of(rng, false, true)
	return o
}

func drawZab(rng *rand.Rand, turn Time) zab.Config {
	cfg := zab.Default()
	cfg.InitLimit, cfg.SyncLimit = 5+rng.IntN(10), 2+rng.IntN(5)
	cfg.Tick = 2*turn/Time(cfg.SyncLimit) + within(rng, 20*ms, 120*ms)
	cfg.FinalizeWait = []Time{0, 20 * ms, 50 * ms, 200 * ms}[rng.IntN(4)]
	cfg.MinNotificationInterval = within(rng, 50*ms, 200*ms)
	// A server that has its quorum waits for silence as long as FinalizeWait: if
	// one that has not may repeat its vote more often than that for ever, neither
	// gets on.
	cfg.MaxNotificationInterval = max(cfg.MinNotificationInterval*Time(1+rng.IntN(8)), 2*cfg.FinalizeWait+turn)
	cfg.ConnectRetry = within(rng, 10*ms, 100*ms)
	cfg.ObserverElectionDelay = of(rng, 0, cfg.ObserverElectionDelay)
	cfg.CommittedLog = of(rng, 0, 1+rng.IntN(30), cfg.CommittedLog)
	cfg.Sync = of(rng, zab.SyncZooKeeper, zab.SyncQuorum)
	cfg.LastCounter = of(rng, cfg.LastCounter, cfg.LastCounter, 50+rng.Uint64N(500))
	return cfg
}

// drawZabWorld adds what a Zab can live with: observers, images, and clocks that
// drift and jump, for nothing in it rests on clocks. Its channels are streams.
func drawZabWorld(rng *rand.Rand, s *Story) (o fault.Options) {
	s.Learners = of(rng, 0, 0, 0, 1, 1, 2, 3, 4)
	s.Images = of(rng, 0, 0, 2+rng.IntN(15), 20+rng.IntN(200))
	if of(rng, false, true) {
		o.Drift, o.Skew = 0.2, 300*ms
	}
	o.FailDisk, o.Partial = of(rng, false, true), of(rng, false, true)
	return o
}

func drawAir(rng *rand.Rand) Air {
	slowest := within(rng, ms, 25*ms)
	fsync := within(rng, ms/10, 30*ms) // long against the schedule, so that crashes fall into it
	a := Air{Delay: random.Distribution{Shape: random.Uniform, A: slowest / 4, B: slowest},
		Fsync: random.Distribution{Shape: random.Uniform, A: fsync / 2, B: fsync}, RTOMin: within(rng, 20*ms, 200*ms), RTOMax: second}
	if rng.IntN(3) == 0 {
		a.Loss = 0.1 * rng.Float64()
	}
	return a
}

func within(rng *rand.Rand, low, high Time) Time { return low + Time(rng.Int64N(int64(high-low)+1)) }

// A chance is the director of a seed's run: it draws faults and requests as the
// run goes, for whom they concern depends on who leads, and on what clients are
// told.
type chance struct {
	rng     *rand.Rand
	chaos   *fault.Chaos
	faultAt Time
	gap     Time // mean between two faults
	clients clients

	follow  []Strike // what goes with a fault, a little later
	begun   bool
	timeout Time // the longest election timeout; zero: no coups
	coups   int  // every so many faults there is one
}

// look is how often clients look whether there is an answer.
const look = 10 * ms

func (c *chance) wake(now Time, on stage) Time {
	if !on.mended() {
		if !c.begun {
			c.begun = true
			c.wind(on)
		}
		for i := 0; i < len(c.follow); i++ {
			if x := c.follow[i]; x.At <= now {
				c.follow = slices.Delete(c.follow, i, i+1)
				i--
				on.inject(x.Fault)
			}
		}
		if now >= c.faultAt {
			c.faultAt = now + Time(float64(c.gap)*c.rng.ExpFloat64()) + ms
			if c.timeout == 0 || c.rng.IntN(c.coups) > 0 || !c.coup(now, on) {
				f := c.chaos.Next(on)
				c.pursue(now, &f, on)
				on.inject(f)
			}
		}
	}
	next := min(c.clients.wake(now, on), now+look)
	if !on.mended() {
		next = min(next, c.faultAt)
		for i := range c.follow {
			next = min(next, c.follow[i].At)
		}
	}
	return next
}

// wind sets the clocks' pace, where they have one of their own: most of them
// as slow or as fast as they may be.
func (c *chance) wind(on stage) {
	if c.chaos.Drift == 0 {
		return
	}
	for id := NodeID(1); int(id) <= c.chaos.Voters+c.chaos.Observers; id++ {
		drift := of(c.rng, -1, 1, 2*c.rng.Float64()-1) * c.chaos.Drift
		on.inject(fault.Fault{Kind: fault.Clock, Nodes: []NodeID{id}, Drift: drift})
	}
}

// coup is what leases and confirmed reads are there for: a server that has not heard from the leader
// stands again and again, and at some time finds those who would wait for the
// leader free to vote. Either they are gone for a moment, and know nothing of it
// any more; or they no longer hear from it either. What they tell the leader may
// arrive late, or not at all. Nothing else goes wrong meanwhile: few coups succeed.
func (c *chance) coup(now Time, on stage) bool {
	lead := (fault.Target{Who: fault.Leader}).Resolve(c.chaos.Voters, on, c.rng)
	if len(lead) == 0 || c.chaos.Voters < 3 {
		return false
	}
	var others []NodeID
	for id := NodeID(1); int(id) <= c.chaos.Voters; id++ {
		if id != lead[0] {
			others = append(others, id)
		}
	}
	c.rng.Shuffle(len(others), func(i, j int) { others[i], others[j] = others[j], others[i] })
	rival, helpers := others[:1:1], others[1:1+c.chaos.Voters/2]
	at := now + within(c.rng, c.timeout, 3*c.timeout)
	end := at + within(c.rng, c.timeout, 3*c.timeout)
	c.faultAt = end
	if c.rng.IntN(2) == 0 {
		c.clients.hush = at // or the rival's log is too old for anybody's vote
	}
	on.inject(fault.Fault{Kind: fault.Heal})
	on.inject(fault.Fault{Kind: fault.Resume, Nodes: others})
	on.inject(fault.Fault{Kind: fault.Restart, Nodes: others})
	later := func(t Time, f fault.Fault) { c.follow = append(c.follow, Strike{t, f}) }
	on.inject(fault.Fault{Kind: fault.Cut, From: lead, To: rival})
	on.inject(fault.Fault{Kind: fault.Cut, From: rival, To: lead})
	switch c.rng.IntN(3) {
	case 0:
		late := random.Always(within(c.rng, 20*ms, 200*ms))
		on.inject(fault.Fault{Kind: fault.Link, From: helpers, To: lead, Delay: late})
		later(end, fault.Fault{Kind: fault.Link, From: helpers, To: lead, Back: true})
	case 1:
		later(at, fault.Fault{Kind: fault.Cut, From: helpers, To: lead})
	}
	blink := c.rng.IntN(2) == 0
	if blink {
		for _, id := range helpers {
			dies := at + within(c.rng, 0, 10*ms)
			later(dies, fault.Fault{Kind: of(c.rng, fault.Crash, fault.PowerOff), Nodes: []NodeID{id}})
			later(dies+within(c.rng, ms/2, 10*ms), fault.Fault{Kind: fault.Restart, Nodes: []NodeID{id}})
		}
	}
	if !blink || c.rng.IntN(3) > 0 {
		later(at, fault.Fault{Kind: fault.Cut, From: lead, To: others})
	}
	later(end, fault.Fault{Kind: fault.Heal, From: lead, To: others})
	later(end, fault.Fault{Kind: fault.Heal, From: others, To: lead})
	return true
}

// pursue draws what chance alone would hardly ever put so close together: a
// server that is back before its leader has missed it, and a leader that is cut
// off just when it hands over.
func (c *chance) pursue(now Time, f *fault.Fault, on stage) {
	if c.clients.modes == nil {
		return
	}
	later := func(low, high Time, f fault.Fault) {
		c.follow = append(c.follow, Strike{now + within(c.rng, low, high), f})
	}
	switch f.Kind {
	case fault.Crash, fault.PowerOff:
		if c.rng.IntN(3) == 0 {
			later(ms, 100*ms, fault.Fault{Kind: fault.Restart, Nodes: f.Nodes})
		}
	case fault.Transfer:
		lead := (fault.Target{Who: fault.Leader}).Resolve(c.chaos.Voters, on, c.rng)
		if len(lead) == 0 || c.rng.IntN(2) == 0 {
			return
		}
		var others []NodeID
		for id := NodeID(1); int(id) <= c.chaos.Voters; id++ {
			if id != lead[0] {
				others = append(others, id)
			}
		}
		if len(others) == 0 {
			return
		}
		if c.rng.IntN(2) == 0 { // only who takes over
			others = f.Nodes
		}
		later(ms, 60*ms, fault.Fault{Kind: fault.Cut, From: others, To: lead})
		later(400*ms, 1500*ms, fault.Fault{Kind: fault.Heal, From: others, To: lead})
	}
}

func (c *chance) reply(now Time, r bench.Reply) { c.clients.reply(now, r) }
