package run

import (
	"context"
	"errors"
	"slices"

	"raftzab/bench"
	"raftzab/bench/check"
	"raftzab/bench/fault"
	"raftzab/bench/kv"
	"raftzab/protocols"
	"raftzab/results"
)

// slice is how long a system runs before the conductor looks whether all is
// measured.
const slice = Time(10_000_000)

// connecting is how long before the end of the warm-up live clients begin: they
// must connect first.
const connecting = Time(300_000_000)

// A conductor is the Handler of a trial. It lets faults strike on time, probes
// the service as clients do, and measures what comes of it; it is the same for
// every system, in virtual and in real time.
type conductor struct {
	cell     *Cell
	sys      bench.System
	checks   *check.Invariants // nil where the inside cannot be seen
	election election
	probes   prober
	load     *load // nil where the scenario asks for none
	schedule agenda
	stage    *stage // nil where the scenario asks for none
	window   window
	joins    join
	timers   timers
	rivals   rivals
	healing  healing
	timeline timeline
	trial    int
	base     Time // when the trial began, on the system's clock
	now      Time // how far it has come
	probed   bool
	deposed  bool // a trial goes on until the old leader has left its office
	struck   bool
	wreck    wreck
	err      error
}

// prepare makes ready for a trial that begins at base.
func (c *conductor) prepare(sys bench.System, trial int, probed bool, base Time) {
	c.sys, c.base, c.trial, c.probed, c.struck, c.err = sys, base, trial, probed, false, nil
	c.wreck = wreck{}
	s := &c.cell.Settings
	c.schedule = newAgenda(c.cell, trial)
	c.deposed = slices.Contains(s.Columns, "overlap_ms")
	c.election.reset()
	c.window.reset(s)
	c.joins.reset(s, probed)
	c.timers.reset(s)
	c.rivals.reset(s, probed)
	c.healing.reset(s)
	c.timeline.reset(s, trial, probed, base+s.Warmup.Time())
	if c.stage != nil {
		c.stage.reset(s.Cluster.Voters, c.cell.Seed, trial)
	}
	if len(s.Faults) == 0 {
		c.election.begun, c.election.t0 = true, base // nothing goes wrong: the first election is measured
		// Who leads in a term that is behind another server's will be deposed, and does not count.
		for _, r := range s.registers() {
			c.election.apart, c.election.oldEpoch = true, max(c.election.oldEpoch+1, r[0])-1
		}
	}
	start := base + s.Warmup.Time()
	if c.cell.Mode == Live {
		start = max(base, start-connecting)
	}
	c.probes.reset(s.Cluster.Voters, s.Probe.Interval.Time(), start)
	if c.load == nil {
		c.load = newLoad(c)
	}
	if c.load != nil {
		from := base + s.Warmup.Time()
		c.load.reset(c.cell.Seed, trial, max(base, from-connecting), from)
	}
	if c.checks != nil {
		c.checks.Reset()
	}
}

// restart begins the numbers of requests anew, where a trial has servers of its own.
func (c *conductor) restart() {
	c.probes.restart()
	c.rivals.restart()
	if c.load != nil {
		c.load.clients.Restart()
	}
}

// conduct runs the trial until all is measured, the limit is reached or the
// context ends.
func (c *conductor) conduct(ctx context.Context) error {
	limit := c.base + c.cell.Settings.Limit.Time()
	for t := c.base; t < limit && !c.done() && ctx.Err() == nil; {
		next := t + slice
		if !c.election.begun { // nothing can be over before the leader is struck
			next = max(next, c.base+c.schedule.Next())
		}
		t = c.window.until(min(next, limit))
		if err := c.sys.Run(c, t); err != nil {
			return err
		}
		c.now = t
		c.window.look(t, c.cell.Settings.members(), c.sys)
		if c.err != nil {
			return c.err
		}
	}
	return nil
}

func (c *conductor) done() bool {
	if c.checks != nil && c.checks.Violation() != nil {
		return true
	}
	if c.window.length > 0 {
		return c.window.over && (c.load == nil || c.load.clients.Idle())
	}
	rest := c.schedule.Next() == 0
	if !c.joins.over(rest) || !c.rivals.over(rest) {
		return false
	}
	if h := &c.healing; h.asked && !(h.t0 == 0 && rest) {
		return h.over(c.probed) && (!c.deposed || c.election.left != 0)
	}
	if !c.election.begun && rest {
		return true // nothing has struck the leader: there is nothing more to measure
	}
	return c.election.active != 0 && (c.stage == nil || c.election.followed()) && (!c.probed || c.probes.outage >= 0) && (!c.deposed || c.election.left != 0)
}

// Wake does what is due.
func (c *conductor) Wake(now Time) Time {
	if c.stage != nil && !c.stage.set {
		return c.stage.wake(now, c)
	}
	for {
		f, ok := c.schedule.Due(now-c.base, c.broadcast()-c.base, c.sys)
		if !ok {
			break
		}
		c.watch(now)
		c.joins.begin(now, f)
		c.rivals.struck(now, f, c.leader(), &c.probes)
		c.healing.struck(now, f, c.leader(), &c.probes)
		c.timeline.struck(f)
		if !c.struck && c.deposes(f) {
			c.struck = true
			c.election.begin(now, f, c.sys)
			if c.stage != nil {
				c.stage.end()
			}
			c.probes.begin(now)
			if c.load != nil {
				c.load.deposed(now)
			}
		}
		if err := c.inject(f); err != nil {
			c.err = err
		}
		if c.load != nil {
			c.load.struck(now, f.Kind)
		}
		if c.wreck.take(f); (f.Kind == fault.Crash || f.Kind == fault.PowerOff) && slices.Contains(f.Nodes, c.election.old) {
			c.election.leaves(now)
		}
	}
	calm := c.calm(now)
	var next Time
	if at := c.schedule.Next(); at != 0 {
		next = c.base + at
	}
	if c.probed {
		next = sooner(next, c.probes.wake(now, c))
	}
	if c.load != nil {
		next = sooner(next, c.load.clients.Wake(now))
	}
	next = sooner(next, c.rivals.wake(now, c))
	next = sooner(next, c.healing.wake(now, c.sys))
	next = sooner(next, c.timeline.wake(now, &c.probes, c.sys))
	return sooner(next, calm)
}

// sooner is the earlier of two instants, of which zero is none.
func sooner(a, b Time) Time {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// watch begins the time that the service is watched for.
func (c *conductor) watch(now Time) {
	if c.window.begin(now, c.cell.Settings.members(), c.sys); c.window.begun && c.load != nil {
		c.load.end(c.window.end)
	}
}

// calm begins that time where nothing goes wrong, when the warm-up is over, and
// says when to be called for it.
func (c *conductor) calm(now Time) Time {
	s := &c.cell.Settings
	if s.Observe == 0 || len(s.Faults) > 0 || c.window.begun {
		return 0
	}
	at := c.base + s.Warmup.Time()
	if now >= at {
		c.watch(now)
		return 0
	}
	return at
}

// broadcast is when a leader last sent its heartbeats; 0: never, or nobody saw it.
func (c *conductor) broadcast() Time {
	if c.stage == nil {
		return 0
	}
	return c.stage.heartbeats(c.sys)
}

// deposes reports whether a fault is one that may cost the present leader its
// place: t0 is the first such.
func (c *conductor) deposes(f fault.Fault) bool {
	leader := c.leader()
	if leader == protocols.None {
		return false
	}
	switch f.Kind {
	case fault.Crash, fault.PowerOff, fault.Pause, fault.Isolate:
		return slices.Contains(f.Nodes, leader)
	case fault.Cut:
		return slices.Contains(f.From, leader) || slices.Contains(f.To, leader)
	case fault.Transfer:
		return f.Nodes[0] != leader
	case fault.Partition:
		return true
	}
	return false
}

// leader is who leads now.
func (c *conductor) leader() NodeID {
	for _, id := range (fault.Target{Who: fault.Leader}).Resolve(c.cell.Settings.Cluster.Voters, c.sys, nil) {
		return id
	}
	return protocols.None
}

// inject gives effect to a fault. A clock whose drift ends keeps the one that the
// settings give its server.
func (c *conductor) inject(f fault.Fault) error {
	err := c.sys.Inject(f)
	if f.Kind == fault.Clock && f.Back {
		for _, pace := range c.cell.Settings.pace(f.Nodes) {
			err = errors.Join(err, c.sys.Inject(pace))
		}
	}
	return err
}

// submit sends a client's request, and lets the checks know.
func (c *conductor) submit(now Time, to NodeID, r bench.Request) {
	if c.checks != nil {
		c.checks.Asked(now, to, r)
	}
	c.sys.Submit(to, r)
}

// Reply takes in what clients are told.
func (c *conductor) Reply(now Time, r bench.Reply) {
	if c.checks != nil {
		c.checks.Acknowledged(now, r)
	}
	if c.stage != nil {
		c.stage.reply(r, c.cell.Settings.Cluster.Voters)
	}
	if int(r.ID.Session) <= c.cell.Settings.Cluster.Voters {
		c.probes.reply(now, r)
		c.window.reply(now, r)
		c.healing.reply(now, r)
		c.timeline.reply(r)
	}
	c.rivals.reply(now, r)
	if c.load != nil {
		c.load.clients.Reply(now, r)
	}
}

// Listen names the events that the measurement and the checks need.
func (c *conductor) Listen() protocols.EventSet {
	events := electionEvents
	if c.joins.asked {
		events |= joinEvents
	}
	if c.timers.asked {
		events |= timerEvents
	}
	if c.healing.asked {
		events |= healingEvents
	}
	if c.checks != nil {
		events |= c.checks.Listen()
	}
	if c.load != nil && c.load.visible != nil {
		events |= c.load.visible.Listen()
	}
	return events
}

// Observe takes in what a node has done.
func (c *conductor) Observe(now Time, node NodeID, e protocols.Event) {
	if c.checks != nil {
		c.checks.Observe(now, node, e)
	}
	c.election.observe(now, node, e, c.sys)
	c.window.observe(now, e)
	c.timers.observe(now, node, e)
	c.healing.observe(node, e)
	c.joins.observe(now, node, e, c.cell.Settings.Cluster.Voters, c.sys)
	if c.load != nil && c.load.visible != nil {
		c.load.visible.Observe(now, node, e)
	}
}

// sent takes in a message between servers.
func (c *conductor) sent(from, to NodeID, kind uint8, size int) {
	c.election.sent(from, to, kind, size)
	if c.election.countable(kind) {
		c.healing.sent(from, to)
	}
}

// breach says what broke a promise to clients; empty: nothing did.
func (c *conductor) breach() string {
	if c.load != nil {
		if v := c.load.stale.Violation(); v != nil {
			return v.Error()
		}
	}
	return ""
}

// broken is that as a Breach; nil: nothing did.
func (c *conductor) broken(trial int, probed bool) *Breach {
	if what := c.breach(); what != "" {
		return &Breach{c.cell, trial, probed, what}
	}
	return nil
}

// clients are what the trial that row reports has to say of them.
func (c *conductor) clients(row *results.Trial) (told Told) {
	told.Moments = c.timeline.rows(row)
	if c.load == nil {
		return told
	}
	w := &c.cell.Settings.Workload
	told.Reads, told.Windows = c.load.reads(row, w.mode()), c.load.series(row)
	if w.Batches > 0 {
		told.Visible = c.load.histograms(row, w.mode(), row.Trial*w.Batches/c.cell.Trials)
	}
	return told
}

// remove takes ids out of a list.
func remove(list, ids []NodeID) []NodeID {
	return slices.DeleteFunc(list, func(id NodeID) bool { return slices.Contains(ids, id) })
}

// row reports the trial; inside says whether messages and waits could be seen.
func (c *conductor) row(trial int, inside bool) results.Trial {
	row := c.cell.row(trial, c.probed)
	c.election.report(&row, inside)
	c.window.report(&row)
	c.joins.report(&row)
	c.timers.report(&row)
	c.rivals.report(&row)
	c.healing.report(&row, inside)
	if c.load != nil {
		c.load.report(&row, c.now, c.cell.Settings.Workload.mode())
	}
	if c.probed && c.probes.outage >= 0 {
		row.OutageMS = milliseconds(c.probes.outage)
	}
	if !c.done() {
		row.Outcome = results.Censored
	}
	if c.breach() != "" {
		row.Outcome = results.Violated
	}
	return row
}

// A prober is one client pinned to each server. Each writes at a fixed rate,
// whatever becomes of the writes before (open loop), so an outage is seen with
// the same eyes in every system. They take turns, evenly spaced.
type prober struct {
	servers  int
	interval Time
	start    Time
	sent     int      // so many writes in this trial
	seq      []uint32 // by server, which is also its client's session; never starts over within a run
	first    []uint32 // by server: the first write submitted after t0
	begun    bool
	t0       Time
	outage   Time // t0 to the first acknowledgement of a write submitted after t0; -1: none yet
}

func (p *prober) reset(servers int, interval, start Time) {
	if p.servers != servers {
		p.servers, p.seq, p.first = servers, make([]uint32, servers+1), make([]uint32, servers+1)
	}
	p.interval, p.start, p.sent, p.begun, p.outage = interval, start, 0, false, -1
}

// restart begins numbering anew, where a trial has servers of its own.
func (p *prober) restart() { clear(p.seq) }

func (p *prober) begin(now Time) {
	p.begun, p.t0 = true, now
	for i := range p.seq {
		p.first[i] = p.seq[i] + 1
	}
}

// next is when the next write is due.
func (p *prober) next() Time { return p.start + p.interval*Time(p.sent)/Time(p.servers) }

// wake submits what is due and returns when to be called again.
func (p *prober) wake(now Time, c *conductor) Time {
	for ; p.next() <= now; p.sent++ {
		session := uint32(p.sent%p.servers) + 1
		p.seq[session]++
		seq := p.seq[session]
		c.submit(now, NodeID(session), bench.Request{Command: protocols.Command{ID: protocols.RequestID{Session: session, Seq: seq},
			Key: session, Op: kv.Put, Size: 8, Value: uint64(session)<<32 | uint64(seq)}})
	}
	return p.next()
}

func (p *prober) reply(now Time, r bench.Reply) {
	if p.begun && p.outage < 0 && r.Outcome == bench.OK && r.ID.Seq >= p.first[r.ID.Session] {
		p.outage = now - p.t0
	}
}
