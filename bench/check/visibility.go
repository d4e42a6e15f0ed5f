package check

import (
	"slices"
	"sort"

	"raftzab/bench"
	"raftzab/bench/kv"
	"raftzab/bench/metric"
	"raftzab/bench/workload"
	"raftzab/protocols"
)

// Visibility answers how soon a write is visible at the replicas: V(t) is the
// chance that a read which starts t after the acknowledgement a_i at a random
// replica of a role returns a version >= i. It is made of the instants at which
// replicas applied what was acknowledged, as they tell them by events, or by an installed snapshot.
//
//   - What a replica applies before the acknowledgement is visible at t = 0.
//   - A replica belongs to the role that it has at a_i.
//   - A replica that is down, cut off or paused has not made the write visible, and goes on
//     counting: a read there does not return it. One that applied it and then
//     crashed has made it visible once; that counts.
//   - What is not applied when the trial ends is censored then.
//
// A write that nobody acknowledged has no a_i and is left out. It is found by
// Reply.At, which is its own place in the log, since a node answers a write as it
// applies it; where a snapshot brought it, its end.
type Visibility struct {
	voters   int
	replicas []replica // by NodeID
	acks     []ack     // by at: those that somebody has still to apply
	roles    [protocols.Observer + 1]Lags
}

type replica struct {
	applied protocols.EntryID
	next    int // acks[:next] it has applied
	roles   []stint
}

// A stint is since when a replica has had a role.
type stint struct {
	since protocols.Time
	role  protocols.Role
}

// An ack is a write that a client knows of.
type ack struct {
	at   protocols.EntryID
	when protocols.Time
}

var _ workload.Recorder = (*Visibility)(nil)

// NewVisibility returns the measurement of one trial with voters and observers.
func NewVisibility(voters, observers int) *Visibility {
	v := &Visibility{voters: voters, replicas: make([]replica, 1+voters+observers)}
	v.Reset()
	return v
}

// Reset begins another trial, in the same memory.
func (v *Visibility) Reset() {
	for id := range v.replicas {
		role := protocols.Follower
		if id > v.voters {
			role = protocols.Observer
		}
		v.replicas[id] = replica{roles: append(v.replicas[id].roles[:0], stint{0, role})}
	}
	v.acks = v.acks[:0]
	for i := range v.roles {
		v.roles[i].reset()
	}
}

// Listen returns the events that Observe needs.
func (v *Visibility) Listen() protocols.EventSet {
	return protocols.Events(protocols.RoleChanged, protocols.Applied, protocols.Restored)
}

// Observe takes in what a node tells.
func (v *Visibility) Observe(now protocols.Time, id protocols.NodeID, e protocols.Event) {
	r := &v.replicas[id]
	switch e.Kind {
	case protocols.RoleChanged:
		r.roles = append(r.roles, stint{now, e.Role})
	case protocols.Applied, protocols.Restored:
		if !r.applied.Less(e.At) { // it applies again what a crash took from it
			return
		}
		r.applied = e.At
		for ; r.next < len(v.acks) && !e.At.Less(v.acks[r.next].at); r.next++ {
			a := &v.acks[r.next]
			v.roles[r.role(a.when)].seen.add(int64(max(0, now-a.when))) // two nodes may be told of in the wrong order
		}
	}
}

// Record takes in a write that was acknowledged.
func (v *Visibility) Record(o *workload.Operation) {
	if o.Op != kv.Put || o.Outcome != bench.OK || o.At == (protocols.EntryID{}) {
		return
	}
	i := len(v.acks)
	for i > 0 && o.At.Less(v.acks[i-1].at) { // nearly in order
		i--
	}
	v.acks = slices.Insert(v.acks, i, ack{o.At, o.End})
	least := len(v.acks)
	for id := 1; id < len(v.replicas); id++ {
		r := &v.replicas[id]
		if !r.applied.Less(o.At) {
			r.next++
			v.roles[r.role(o.End)].seen.add(0)
		}
		least = min(least, r.next)
	}
	// What all have applied is of no more interest; it goes once it is most of what
	// there is.
	if least > len(v.acks)/2 {
		v.acks = v.acks[:copy(v.acks, v.acks[least:])]
		for id := range v.replicas[1:] {
			v.replicas[1+id].next -= least
		}
	}
}

// End ends the trial: what is still to be applied is censored.
func (v *Visibility) End(now protocols.Time) {
	for id := 1; id < len(v.replicas); id++ {
		r := &v.replicas[id]
		for ; r.next < len(v.acks); r.next++ {
			a := &v.acks[r.next]
			v.roles[r.role(a.when)].censored.add(int64(max(0, now-a.when)))
		}
	}
}

// Lags returns what was measured at replicas of a role. It is lent until Reset.
func (v *Visibility) Lags(role protocols.Role) *Lags { return &v.roles[role] }

// role returns the role at t.
func (r *replica) role(t protocols.Time) protocols.Role {
	i := sort.Search(len(r.roles), func(i int) bool { return r.roles[i].since > t })
	return r.roles[max(0, i-1)].role
}

// Lags is how long after their acknowledgement writes became visible at
// replicas: one for each write and replica, in ns.
type Lags struct{ seen, censored histogram }

// Add takes in the lags of another trial.
func (l *Lags) Add(o *Lags) {
	l.seen.merge(o.seen)
	l.censored.merge(o.censored)
}

func (l *Lags) reset() {
	l.seen.reset()
	l.censored.reset()
}

// Count returns how many lags there are, and how many more are censored.
func (l *Lags) Count() (seen, censored int) { return l.seen.count(), l.censored.count() }

// Curve returns V(t), t in milliseconds, by Kaplan and Meier.
func (l *Lags) Curve() metric.Curve {
	var bins []metric.Bin
	seen, censored := l.seen.bars(), l.censored.bars()
	for len(seen)+len(censored) > 0 {
		var b metric.Bin
		if len(censored) == 0 || len(seen) > 0 && seen[0].From <= censored[0].From {
			b.At, b.Ended, seen = float64(seen[0].From)/1e6, int(seen[0].Count), seen[1:]
		} else {
			b.At, b.Censored, censored = float64(censored[0].From)/1e6, int(censored[0].Count), censored[1:]
		}
		bins = append(bins, b)
	}
	return metric.KaplanMeier(bins)
}
