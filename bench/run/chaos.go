package run

import (
	"math/rand/v2"

	"raftzab/bench/fault"
	"raftzab/bench/network"
	"raftzab/bench/random"
)

// A spell of chaos strikes again and again while it lasts, and at its end mends
// whatever it has broken. When it strikes, and how often, is drawn beforehand; what
// it draws then depends on who leads and who is down.
type spell struct {
	chaos *fault.Chaos
	rng   *rand.Rand // of the gaps
	gap   random.Distribution
	speed float64 // that links keep, bits per second
	next  Time    // when it strikes
	end   Time
	over  bool
	mend  []fault.Fault // what is still to be mended when it is over
}

// usualGap is between two strikes of a chaos that does not say. Most elections end
// within it, and some do not.
var usualGap = random.Distribution{Shape: random.Uniform, A: 200_000_000, B: 900_000_000}

// leastGap keeps a chaos from striking for ever at one instant.
const leastGap = Time(1_000_000)

// spell begins the i-th fault of the scenario, which is chaos.
func (c *Cell) spell(i, trial int, at Time) *spell {
	p := &c.Settings.Faults[i]
	s := &spell{chaos: fault.NewChaosOf(c.chaos, random.Stream(c.Seed, trial, random.Schedule, 1<<33+2*uint64(i))),
		rng: random.Stream(c.Seed, trial, random.Schedule, 1<<33+2*uint64(i)+1),
		gap: usualGap, speed: c.Settings.Network.Bandwidth, next: at, end: at + p.For.Time()}
	if p.Every != nil {
		s.gap = *p.Every
	}
	return s
}

// Next returns when the spell wants to be called; zero: all is mended.
func (s *spell) Next() Time {
	switch {
	case !s.over:
		return max(1, min(s.next, s.end))
	case len(s.mend) > 0:
		return s.end
	}
	return 0
}

// Due returns the next fault that is due, if there is one; call it until there is
// none.
func (s *spell) Due(now Time, v fault.View) (fault.Fault, bool) {
	if at := s.Next(); at == 0 || at > now {
		return fault.Fault{}, false
	}
	if s.next < s.end {
		f := s.chaos.Next(v)
		s.next += max(leastGap, s.gap.Draw(s.rng))
		if f.Kind == fault.Link && !f.Back {
			f.Bandwidth = s.speed
		}
		return f, true
	}
	if !s.over {
		s.over, s.mend = true, s.chaos.Settle(random.Distribution{})
	}
	if len(s.mend) == 0 {
		return fault.Fault{}, false
	}
	f := s.mend[0]
	if s.mend = s.mend[1:]; f.Kind == fault.Link { // to what the scenario says, not to no loss
		f = fault.Fault{Kind: f.Kind, From: f.From, To: f.To, Back: true}
	}
	return f, true
}

// How far clocks may go where nothing rests on them: a fifth faster or slower, and
// ahead by an election timeout or two.
const (
	wildDrift = 0.2
	wildSkew  = Time(300_000_000)
)

// unrest says what chaos may draw in a cell of this system: whatever the system can
// have there, and nothing that its leases do not allow for.
func (s *System) unrest(c *Cell) fault.Options {
	x, w := &c.Settings, c.World()
	o := fault.Options{Voters: x.Cluster.Voters, Observers: x.Cluster.Observers}
	for k := range fault.Kinds {
		if !s.Supports(w, k) {
			o.Without = append(o.Without, k)
		}
	}
	if s.Supports(w, fault.Clock) {
		if o.Drift, o.Skew = wildDrift, wildSkew; s.Protocol == "raft" && x.Raft.ClockDrift > 0 {
			o.Drift, o.Skew = x.Raft.ClockDrift, 0
		}
	}
	o.Transfer, o.Partial = s.Supports(w, fault.Transfer), s.Supports(w, fault.Partition)
	o.FailDisk = s.Supports(w, fault.Disk) && s.lacks["fault.fail"] == ""
	o.Datagram = w.Mode == Live || wires(x).Channel == network.Datagram // packets are, whatever stands on them
	return o
}
