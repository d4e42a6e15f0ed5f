package fault

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"raftzab/bench/random"
	"raftzab/protocols"
)

// A Target says whom a fault concerns; who that is comes out when it fires.
type Target struct {
	Who  Who
	Node protocols.NodeID // of Fixed
}

// A Who is a way to choose.
type Who uint8

const (
	Nobody   Who = iota // not given
	Fixed               // one named node
	Leader              // the active leader of the greatest epoch
	Follower            // a voter that runs and does not lead
	Best                // the voter that would win by data and then by number: Zab's choice
	Random              // any node that runs
	Minority            // the leader and as many followers as still are no majority
	Majority            // as many followers as make a majority
	Observer            // a node that runs and receives without a vote
)

var whos = [...]string{"", "node:", "leader", "follower", "best", "random", "minority", "majority", "observer"}

func (t Target) String() string {
	if t.Who == Fixed {
		return whos[Fixed] + strconv.Itoa(int(t.Node))
	}
	return whos[t.Who]
}

// MarshalText is String.
func (t Target) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads what String writes.
func (t *Target) UnmarshalText(text []byte) error {
	s := string(text)
	if id, ok := strings.CutPrefix(s, whos[Fixed]); ok {
		n, err := strconv.ParseUint(id, 10, 16)
		if err != nil || n == 0 {
			return fmt.Errorf("%q: %q is no server; write for instance \"node:3\"", s, id)
		}
		*t = Target{Fixed, protocols.NodeID(n)}
		return nil
	}
	if i := slices.Index(whos[:], s); i > int(Fixed) {
		*t = Target{Who: Who(i)}
		return nil
	}
	return fmt.Errorf("%q is no target; there are leader, follower, best, random, minority, majority, observer, node:3", s)
}

// A View is what targets are resolved from.
type View interface {
	// Status reports what a node says of itself, and whether it answers.
	Status(id protocols.NodeID) (protocols.Status, bool)
}

// Resolve returns who t is among the voters 1 to n, or nil if nobody is just now.
func (t Target) Resolve(n int, v View, rng *rand.Rand) []protocols.NodeID {
	return t.Among(n, 0, v, rng)
}

// Among returns who t is among the voters 1 to n and the observers behind them.
// Random may be an observer; what is said of leaders, followers and majorities
// concerns voters.
func (t Target) Among(n, observers int, v View, rng *rand.Rand) []protocols.NodeID {
	var up, watching []protocols.NodeID
	var leader, best protocols.NodeID
	var leading, great protocols.Status
	for id := protocols.NodeID(1); int(id) <= n; id++ {
		s, ok := v.Status(id)
		if !ok {
			continue
		}
		up = append(up, id)
		if s.Role == protocols.Leader && s.Active && (leader == 0 || leading.Epoch < s.Epoch) {
			leader, leading = id, s
		}
		if best == 0 || !s.Last.Less(great.Last) {
			best, great = id, s
		}
	}
	running := up
	for id := protocols.NodeID(n + 1); int(id) <= n+observers; id++ {
		if s, ok := v.Status(id); ok {
			running = append(running, id)
			if s.Role == protocols.Observer {
				watching = append(watching, id)
			}
		}
	}
	switch t.Who {
	case Fixed:
		return []protocols.NodeID{t.Node}
	case Leader:
		return some(leader)
	case Best:
		return some(best)
	case Random:
		return one(running, rng)
	case Observer:
		return one(watching, rng)
	}
	if leader == protocols.None {
		return nil
	}
	followers := slices.DeleteFunc(up, func(id protocols.NodeID) bool { return id == leader })
	rng.Shuffle(len(followers), func(i, j int) { followers[i], followers[j] = followers[j], followers[i] })
	switch t.Who {
	case Follower:
		return followers[:min(1, len(followers))]
	case Minority:
		ids := append([]protocols.NodeID{leader}, followers[:min(max(0, (n-1)/2-1), len(followers))]...)
		slices.Sort(ids)
		return ids
	case Majority:
		ids := followers[:min(n/2+1, len(followers))]
		slices.Sort(ids)
		return ids
	}
	return nil
}

func one(of []protocols.NodeID, rng *rand.Rand) []protocols.NodeID {
	if len(of) == 0 {
		return nil
	}
	return some(of[rng.IntN(len(of))])
}

func some(id protocols.NodeID) []protocols.NodeID {
	if id == protocols.None {
		return nil
	}
	return []protocols.NodeID{id}
}

// A Plan is one fault of a schedule, its targets still to be found.
type Plan struct {
	At       protocols.Time // from the start of the trial
	For      protocols.Time // undone after this; zero: never
	Fault    Fault          // what is known of it beforehand
	Target   Target         // fills Nodes
	From, To Target         // fill From and To; To given by nobody: all the others
}

// A Schedule carries out plans in order of time. A fault whose target is nobody
// waits until it is somebody.
type Schedule struct {
	plans     []Plan
	voters    int
	observers int
	rng       *rand.Rand
	undo      []timed
	next      int
	since     protocols.Time // when the next plan began to wait
}

type timed struct {
	at protocols.Time
	f  Fault
}

// patience is how long a fault whose target is nobody waits before it looks again.
const patience = protocols.Time(1_000_000)

// NewSchedule returns the schedule of plans for voters 1 to n.
func NewSchedule(plans []Plan, n int, seed uint64, trial int) *Schedule {
	s := &Schedule{plans: slices.Clone(plans), voters: n, rng: random.Stream(seed, trial, random.Schedule, 1)}
	slices.SortStableFunc(s.plans, func(a, b Plan) int { return int(a.At - b.At) })
	return s
}

// Observers says that there are m observers behind the voters, and returns s.
func (s *Schedule) Observers(m int) *Schedule {
	s.observers = m
	return s
}

// Next returns when the schedule wants to be called; zero: it is done.
func (s *Schedule) Next() protocols.Time {
	plan, isPlan := s.plan()
	undo, isUndo := s.earliest()
	switch {
	case isPlan && (!isUndo || plan < s.undo[undo].at):
		return max(plan, 1)
	case isUndo:
		return s.undo[undo].at
	}
	return 0
}

// plan returns when the next plan is due.
func (s *Schedule) plan() (protocols.Time, bool) {
	if s.next == len(s.plans) {
		return 0, false
	}
	return max(s.plans[s.next].At, s.since), true
}

// earliest returns which fault is to be undone first.
func (s *Schedule) earliest() (first int, ok bool) {
	for i, u := range s.undo {
		if u.at < s.undo[first].at {
			first = i
		}
	}
	return first, len(s.undo) > 0
}

// Due returns the next fault that is due, if there is one; call it until there
// is none.
func (s *Schedule) Due(now protocols.Time, v View) (Fault, bool) {
	plan, isPlan := s.plan()
	if i, ok := s.earliest(); ok && s.undo[i].at <= now && (!isPlan || s.undo[i].at <= plan) {
		f := s.undo[i].f
		s.undo = slices.Delete(s.undo, i, i+1)
		return f, true
	}
	if !isPlan || plan > now {
		return Fault{}, false
	}
	p := &s.plans[s.next]
	f := p.Fault
	if p.Target.Who != Nobody {
		f.Nodes = p.Target.Among(s.voters, s.observers, v, s.rng)
	}
	if p.From.Who != Nobody {
		f.From = p.From.Among(s.voters, s.observers, v, s.rng)
		if f.To = s.others(f.From); p.To.Who != Nobody {
			f.To = p.To.Among(s.voters, s.observers, v, s.rng)
		}
	}
	if p.Target.Who != Nobody && len(f.Nodes) == 0 || p.From.Who != Nobody && (len(f.From) == 0 || len(f.To) == 0) {
		s.since = now + patience
		return Fault{}, false
	}
	s.next++
	if undo, ok := f.Undo(); ok && p.For > 0 {
		s.undo = append(s.undo, timed{now + p.For, undo})
	}
	return f, true
}

func (s *Schedule) others(of []protocols.NodeID) (ids []protocols.NodeID) {
	for id := protocols.NodeID(1); int(id) <= s.voters+s.observers; id++ {
		if !slices.Contains(of, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// Undo returns the fault that takes f back, where there is one.
func (f Fault) Undo() (Fault, bool) {
	switch f.Kind {
	case Crash, PowerOff:
		return Fault{Kind: Restart, Nodes: f.Nodes}, true
	case Pause:
		return Fault{Kind: Resume, Nodes: f.Nodes}, true
	case Partition, Isolate:
		return Fault{Kind: Heal}, true
	case Cut:
		return Fault{Kind: Heal, From: f.From, To: f.To}, true
	case Link:
		return Fault{Kind: Link, From: f.From, To: f.To, Back: true}, true
	case Disk:
		if !f.Fail { // which is over when it has happened
			return Fault{Kind: Disk, Nodes: f.Nodes, Back: true}, true
		}
	case Clock:
		return Fault{Kind: Clock, Nodes: f.Nodes, Back: true}, true
	}
	return Fault{}, false
}
