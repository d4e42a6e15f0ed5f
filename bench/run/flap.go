package run

import (
	"math/rand/v2"

	"raftzab/bench/fault"
	"raftzab/bench/random"
)

// A flap has links go down and come up again, and again, while it lasts: all those
// of a server, or one direction of some. Whose they are is found when it begins.
type flap struct {
	whom      *fault.Schedule // finds it
	cut       fault.Fault     // what that says, once it has
	mends     []fault.Fault   // undo it, and no other cut
	everybody []NodeID
	down, up  random.Distribution
	rng       *rand.Rand
	isDown    bool
	next      Time // when that changes
	end       Time
	left      []fault.Fault // of mends, still to be told
}

// flap begins the i-th fault of the scenario, which flaps.
func (c *Cell) flap(i, trial int, at Time, whom *fault.Schedule) *flap {
	p := &c.Settings.Faults[i]
	var everybody []NodeID
	for id := range c.Settings.members() {
		everybody = append(everybody, NodeID(id+1))
	}
	return &flap{whom: whom, everybody: everybody, down: *p.Down, up: *p.Up, rng: random.Stream(c.Seed, trial, random.Schedule, 1<<34+uint64(i)), next: at, end: at + p.For.Time()}
}

// Next returns when the flap wants to be called; zero: it is over.
func (f *flap) Next() Time {
	switch {
	case f.isDown:
		return min(f.next, f.end)
	case f.next >= f.end:
		return 0
	}
	return max(1, f.next, f.whom.Next())
}

// Due returns the next fault that is due, if there is one; call it until there is
// none. Links stay down and up for leastGap, even where it is called late.
func (f *flap) Due(now Time, v fault.View) (fault.Fault, bool) {
	if len(f.left) == 0 {
		switch at := f.Next(); {
		case at == 0 || at > now:
			return fault.Fault{}, false
		case f.isDown:
			f.isDown, f.next, f.left = false, now+max(leastGap, f.up.Draw(f.rng)), f.mends
		case now >= f.end:
			f.next = f.end
			return fault.Fault{}, false
		default:
			return f.strike(now, v)
		}
	}
	x := f.left[0]
	f.left = f.left[1:]
	return x, true
}

func (f *flap) strike(now Time, v fault.View) (fault.Fault, bool) {
	if f.mends == nil {
		found, ok := f.whom.Due(now, v)
		if !ok {
			return found, false
		}
		f.cut, f.mends = found, []fault.Fault{{Kind: fault.Heal, From: found.From, To: found.To}}
		if found.Kind == fault.Isolate {
			f.mends = []fault.Fault{{Kind: fault.Heal, From: found.Nodes, To: f.everybody}, {Kind: fault.Heal, From: f.everybody, To: found.Nodes}}
		}
	}
	f.isDown, f.next = true, now+max(leastGap, f.down.Draw(f.rng))
	return f.cut, true
}
