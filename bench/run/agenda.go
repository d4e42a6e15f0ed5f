package run

import (
	"slices"

	"raftzab/bench/fault"
	"raftzab/bench/random"
	"raftzab/protocols"
)

// An agenda says what goes wrong when: a schedule of all the faults whose times
// are known, and those that wait for the leader's heartbeats.
type agenda struct {
	sources   []source
	waiting   []phased
	heartbeat Time
	begin     func(p ...fault.Plan) *fault.Schedule
	others    func() []int // puts the numbers from 0 up to those of the voters in a drawn order
	roles     []NodeID     // by number in a partition with a target; nil: not drawn yet
}

// A source of faults is called at Next, when it is not zero, and then tells one
// after the other until there is none.
type source interface {
	Next() Time
	Due(now Time, v fault.View) (fault.Fault, bool)
}

// A phased fault waits, from the time of its plan on, for the leader to send
// its heartbeats, and fires a share of a heartbeat interval later.
type phased struct {
	plan  fault.Plan
	share float64
	look  Time // when to look next whether they were sent
}

// looks is how often a heartbeat interval is looked at for the heartbeats: a
// fault is late by one part in so many at most.
const looks = 1000

func newAgenda(c *Cell, trial int) agenda {
	s, seed := &c.Settings, c.Seed
	a := agenda{heartbeat: s.Raft.Heartbeat.Time()}
	a.begin = func(p ...fault.Plan) *fault.Schedule {
		return fault.NewSchedule(p, s.Cluster.Voters, seed, trial).Observers(s.Cluster.Observers)
	}
	rng := random.Stream(seed, trial, random.Schedule, 2)
	var plans []fault.Plan
	for i := range s.Faults {
		p := plan(&s.Faults[i], s)
		p.At = s.Faults[i].At.Draw(rng)
		switch {
		case p.Fault.Kind == fault.Chaotic:
			a.sources = append(a.sources, c.spell(i, trial, p.At))
		case s.Faults[i].Kind == fault.Flapping:
			a.sources = append(a.sources, c.flap(i, trial, p.At, a.begin(p)))
		case s.Faults[i].Phase == "":
			plans = append(plans, p)
		default:
			a.waiting = append(a.waiting, phased{p, rng.Float64(), p.At})
		}
	}
	a.sources = append(a.sources, a.begin(plans...))
	a.others = func() []int { return random.Stream(seed, trial, random.Schedule, 1<<32).Perm(s.Cluster.Voters) }
	return a
}

// plan is a fault of the scenario without its time.
func plan(f *Planned, s *Settings) fault.Plan {
	p := fault.Plan{For: f.For.Time(), Target: f.Target, From: f.From, To: f.To,
		Fault: fault.Fault{Kind: f.Kind, Groups: f.Groups, Delay: s.Network.Delay, Loss: s.Network.Loss, Duplicate: s.Network.Duplicate,
			Reorder: s.Network.Reorder, Bandwidth: s.Network.Bandwidth, Fsync: s.Disk.Fsync, Fail: f.Fail, Skew: f.Skew.Time(), Drift: f.Drift}}
	switch {
	case f.Kind == fault.Start:
		p.Fault.Kind = fault.Restart
	case f.Kind == fault.Flapping && f.From.Who != fault.Nobody:
		p.Fault.Kind, p.For = fault.Cut, 0
	case f.Kind == fault.Flapping:
		p.Fault.Kind, p.For = fault.Isolate, 0
	case f.Kind == fault.Cut && f.From.Who == fault.Nobody: // so that cases can set the kind alone
		p.From, p.Target = f.Target, fault.Target{}
	}
	if f.Delay != nil {
		p.Fault.Delay = *f.Delay
	}
	if f.Loss != nil {
		p.Fault.Loss = *f.Loss
	}
	if f.Duplicate != nil {
		p.Fault.Duplicate = *f.Duplicate
	}
	if f.Reorder != nil {
		p.Fault.Reorder = *f.Reorder
	}
	if f.Bandwidth != nil {
		p.Fault.Bandwidth = *f.Bandwidth
	}
	if f.Fsync != nil {
		p.Fault.Fsync = *f.Fsync
	}
	return p
}

// Next returns when the agenda wants to be called; zero: it is done.
func (a *agenda) Next() (next Time) {
	for _, s := range a.sources {
		if at := s.Next(); at != 0 && (next == 0 || at < next) {
			next = at
		}
	}
	for i := range a.waiting {
		if at := max(a.waiting[i].look, 1); next == 0 || at < next {
			next = at
		}
	}
	return next
}

// Due returns the next fault that is due, if there is one; call it until there
// is none. sent is when the leader last sent its heartbeats.
func (a *agenda) Due(now, sent Time, v fault.View) (fault.Fault, bool) {
	for i := 0; i < len(a.waiting); i++ {
		p := &a.waiting[i]
		switch {
		case p.look > now:
		case sent < p.plan.At:
			p.look = now + max(1, a.heartbeat/looks)
		default:
			p.plan.At = sent + Time(p.share*float64(a.heartbeat))
			a.sources = append(a.sources, a.begin(p.plan))
			a.waiting = append(a.waiting[:i], a.waiting[i+1:]...)
			i--
		}
	}
	for _, s := range a.sources {
		if f, ok := s.Due(now, v); ok {
			if f.Kind == fault.Partition && len(f.Nodes) > 0 {
				f.Groups, f.Nodes = a.cast(f.Groups, f.Nodes[0]), nil
			}
			return f, true
		}
	}
	return fault.Fault{}, false
}

// cast puts servers in the place of the numbers in groups: 1 is whom the first
// such partition was aimed at, and the others are 2, 3, ... in a drawn order, for
// the whole trial. Observers keep their numbers.
func (a *agenda) cast(groups [][]NodeID, first NodeID) (out [][]NodeID) {
	if a.roles == nil {
		a.roles = []NodeID{protocols.None, first}
		for _, i := range a.others() {
			if id := NodeID(i + 1); id != first {
				a.roles = append(a.roles, id)
			}
		}
	}
	for _, g := range groups {
		g = slices.Clone(g)
		for i, role := range g {
			if int(role) < len(a.roles) {
				g[i] = a.roles[role]
			}
		}
		out = append(out, g)
	}
	return out
}
