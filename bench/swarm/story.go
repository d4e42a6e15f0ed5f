package swarm

import (
	"slices"

	"raftzab/bench"
	"raftzab/bench/fault"
	"raftzab/bench/network"
	"raftzab/bench/random"
	"raftzab/raft"
	"raftzab/zab"
)

// A Story is a run written down: the world in which it takes place, and
// everything that befalls it, with its time. Nothing in it is left to be found
// out, except what the cluster itself draws from Seed: delays, losses, fsyncs and
// timeouts.
type Story struct {
	System   string
	Seed     uint64
	Voters   int
	Learners int         // numbered behind the voters
	Images   int         // entries between two images of a store; zero: never
	Raft     raft.Config // of a raft; without the members
	Zab      zab.Config  // of a zab; likewise
	Air      Air

	Faults   []Strike // in order of time
	Requests []Ask    // likewise
	Heal     Time     // everything is mended, and then there must be progress; zero: never
	End      Time     // it is over, if nothing broke and no progress was made before
}

// An Air is what a run's messages and writes pass through.
type Air struct {
	Channel                  network.Channel
	Delay, Fsync             random.Distribution
	Loss, Duplicate, Reorder float64 // until everything is mended
	RTOMin, RTOMax           Time
}

// A Strike is a fault with its time.
type Strike struct {
	At    Time
	Fault fault.Fault
}

// An Ask is a client's request on its way to a node.
type Ask struct {
	At      Time
	To      NodeID
	Request bench.Request
}

// A teller is the director of a run that is told again.
type teller struct {
	story       *Story
	fault, next int
}

func (t *teller) wake(now Time, on stage) Time {
	fs, rs := t.story.Faults, t.story.Requests
	for ; t.fault < len(fs) && fs[t.fault].At <= now; t.fault++ {
		on.inject(fs[t.fault].Fault)
	}
	for ; t.next < len(rs) && rs[t.next].At <= now; t.next++ {
		on.submit(rs[t.next].To, rs[t.next].Request)
	}
	due := never
	if t.fault < len(fs) {
		due = fs[t.fault].At
	}
	if t.next < len(rs) {
		due = min(due, rs[t.next].At)
	}
	return due
}

func (t *teller) reply(Time, bench.Reply) {}

// clone returns a copy whose lists may be changed.
func (s *Story) clone() *Story {
	c := *s
	c.Faults, c.Requests = slices.Clone(s.Faults), slices.Clone(s.Requests)
	return &c
}

// until returns s without what comes after t.
func (s *Story) until(t Time) *Story {
	c := s.clone()
	c.Faults = slices.DeleteFunc(c.Faults, func(x Strike) bool { return x.At > t })
	c.Requests = slices.DeleteFunc(c.Requests, func(x Ask) bool { return x.At > t })
	return c
}

// without returns s with an ensemble that has no node gone; those above it move
// down by one. Faults of it alone are dropped, and so are its requests, unless
// they are handed to others.
func (s *Story) without(gone NodeID, hand bool) *Story {
	c := s.clone()
	if int(gone) <= c.Voters {
		c.Voters--
	} else {
		c.Learners--
	}
	c.Faults = c.Faults[:0]
	for _, x := range s.Faults {
		f, ok := spare(x.Fault, gone)
		if ok {
			c.Faults = append(c.Faults, Strike{x.At, f})
		}
	}
	c.Requests = c.Requests[:0]
	for _, x := range s.Requests {
		switch {
		case x.To == gone && !hand:
			continue
		case x.To == gone:
			x.To = 1 + NodeID(x.Request.ID.Session)%NodeID(c.Voters+c.Learners)
		case x.To > gone:
			x.To--
		}
		c.Requests = append(c.Requests, x)
	}
	return c
}

// spare takes a node out of a fault; false: nothing of it is left.
func spare(f fault.Fault, gone NodeID) (fault.Fault, bool) {
	out := func(ids []NodeID) (left []NodeID) {
		for _, id := range ids {
			if id > gone {
				id--
			} else if id == gone {
				continue
			}
			left = append(left, id)
		}
		return left
	}
	was := f
	f.Nodes, f.From, f.To, f.Groups = out(f.Nodes), out(f.From), out(f.To), nil
	for _, g := range was.Groups {
		if g = out(g); len(g) > 0 {
			f.Groups = append(f.Groups, g)
		}
	}
	emptied := func(was, is int) bool { return was > 0 && is == 0 }
	return f, !emptied(len(was.Nodes), len(f.Nodes)) && !emptied(len(was.From), len(f.From)) &&
		!emptied(len(was.To), len(f.To)) && !emptied(len(was.Groups), len(f.Groups))
}

// nodes returns the numbers of all nodes.
func (s *Story) nodes() (ids []NodeID) {
	for id := NodeID(1); int(id) <= s.Voters+s.Learners; id++ {
		ids = append(ids, id)
	}
	return ids
}
