package experiments

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"raftzab/bench/fault"
	"raftzab/bench/random"
	"raftzab/bench/run"
	"raftzab/protocols"
)

// parameters of each kind of fault, besides at and kind. Each one of any is
// enough.
var parameters = [fault.PlanKinds]struct{ need, may, any []string }{
	fault.Crash:     {need: []string{"target"}, may: []string{"for", "phase"}},
	fault.PowerOff:  {need: []string{"target"}, may: []string{"for", "phase"}},
	fault.Restart:   {need: []string{"target"}},
	fault.Pause:     {need: []string{"target"}, may: []string{"for", "phase"}},
	fault.Resume:    {need: []string{"target"}},
	fault.Partition: {need: []string{"groups"}, may: []string{"for", "target"}},
	fault.Isolate:   {need: []string{"target"}, may: []string{"for", "phase"}},
	fault.Cut:       {may: []string{"to", "for"}, any: []string{"from", "target"}},
	fault.Heal:      {may: []string{"from", "to"}},
	fault.Link:      {need: []string{"from"}, may: []string{"to", "for"}, any: []string{"delay", "loss", "duplicate", "reorder", "bandwidth"}},
	fault.Disk:      {need: []string{"target"}, may: []string{"for"}, any: []string{"fsync", "fail"}},
	fault.Clock:     {need: []string{"target"}, may: []string{"for"}, any: []string{"skew", "drift"}},
	fault.Transfer:  {need: []string{"target"}},
	fault.Chaotic:   {need: []string{"for"}, may: []string{"every"}},
	fault.Start:     {need: []string{"target"}},
	fault.Flapping:  {need: []string{"for", "down", "up"}, may: []string{"to"}, any: []string{"target", "from"}},
}

// A planned is a fault of the schedule with when it may begin and end.
type planned struct {
	path         string
	p            *run.Planned
	first, last  protocols.Time // it begins
	until, ended protocols.Time // it is undone; past all times: never
}

const never = protocols.Time(1<<63 - 1)

// faults checks each fault, and then whether they contradict each other.
func (v *validation) faults() {
	var plan []planned
	for i := range v.s.Faults {
		path, p := element("fault", i), &v.s.Faults[i]
		if v.d.good(join(path, "kind")) {
			v.parameters(path, p)
			v.targets(path, p)
		}
		first, last, ok := v.when(path, p)
		if ok && v.d.good(path) {
			x := planned{path, p, first, last, never, never}
			if p.For > 0 {
				x.until, x.ended = first+p.For.Time(), last+p.For.Time()
			}
			plan = append(plan, x)
		}
	}
	if len(plan) < len(v.s.Faults) {
		return // how they follow each other cannot be told
	}
	slices.SortStableFunc(plan, func(a, b planned) int { return cmp.Compare(a.first, b.first) })
	v.lives(plan)
	v.heals(plan)
	v.alone(plan)
}

func (v *validation) parameters(path string, p *run.Planned) {
	can := parameters[p.Kind]
	for _, name := range can.need {
		if !v.given(join(path, name)) {
			f, _ := lookup(plannedType, name)
			v.fail(join(path, name), "is missing: kind = \"%s\" needs it; write %s", p.Kind, example(f))
		}
	}
	if can.any != nil && !slices.ContainsFunc(can.any, func(name string) bool { return v.given(join(path, name)) }) {
		v.fail(path, "changes nothing: kind = \"%s\" needs %s; write one", p.Kind, strings.Join(can.any, " or "))
	}
	known := slices.Concat(can.need, can.may, can.any, []string{"at", "kind"})
	for _, f := range fields(plannedType) {
		if !slices.Contains(known, f.name) && v.given(join(path, f.name)) {
			v.fail(join(path, f.name), "kind = \"%s\" has no such parameter; take it out", p.Kind)
		}
	}
	if p.Kind == fault.Heal && v.given(join(path, "to")) && !v.given(join(path, "from")) {
		v.fail(join(path, "to"), `has no "from" beside it; write both, or neither to heal all`)
	}
	if p.Phase != "" && p.Target.Who != fault.Leader && slices.Contains(can.may, "phase") && v.d.good(join(path, "target")) {
		v.fail(join(path, "phase"), `is that of the leader's heartbeats; write target = "leader", or take it out`)
	}
	if p.Loss != nil && *p.Loss == 1 {
		v.fail(join(path, "loss"), "1 lets nothing through: a stream would send again forever; write less, or kind = \"cut\"")
	}
	v.datagrams(path, p.Duplicate, p.Reorder)
	v.bandwidth(path, p.Bandwidth)
	switch p.Kind {
	case fault.Disk:
		v.disk(path, p)
	case fault.Clock:
		v.clock(path, p)
	case fault.Chaotic:
		v.lasting(join(path, "every"), p.Every, "between two strikes")
	case fault.Flapping:
		v.lasting(join(path, "down"), p.Down, "without the link")
		v.lasting(join(path, "up"), p.Up, "with the link")
		if v.given(join(path, "target")) && v.given(join(path, "from")) {
			v.fail(join(path, "target"), "has a \"from\" beside it: all links of a server, or those from some to others; take one of the two out")
		}
		if v.given(join(path, "to")) && !v.given(join(path, "from")) {
			v.fail(join(path, "to"), `has no "from" beside it; write it, or take this out`)
		}
	}
}

// lasting checks that a time is long enough to tell what was before from what is
// after.
func (v *validation) lasting(path string, x *random.Distribution, what string) {
	if x == nil || !v.d.good(path) {
		return
	}
	if most, bounded := x.Most(); bounded && most < millisecond.Time() {
		v.fail(path, "%s leaves no time %s, which is 1ms at least; write for instance \"uniform(200ms, 900ms)\"", x, what)
	}
}

// disk checks that a fault of a disk is one thing: a slow disk, or one failure.
func (v *validation) disk(path string, p *run.Planned) {
	switch {
	case p.Fail && p.Fsync != nil:
		v.fail(join(path, "fail"), "an fsync that fails takes no other time; take this or fsync out")
	case p.Fail && p.For > 0:
		v.fail(join(path, "for"), "is too late to undo a failure: it is over when it has happened; take it out")
	case v.given(join(path, "fail")) && !p.Fail && p.Fsync == nil:
		v.fail(join(path, "fail"), "false changes nothing; write true, or fsync in its place")
	}
}

func (v *validation) clock(path string, p *run.Planned) {
	v.drift(join(path, "drift"), p.Drift)
	switch {
	case !v.d.good(join(path, "skew")) || !v.d.good(join(path, "drift")):
	case p.Skew == 0 && p.Drift == 0 && (v.given(join(path, "skew")) || v.given(join(path, "drift"))) && !slices.ContainsFunc(v.s.Nodes, func(n run.Node) bool { return n.ClockDrift != 0 }):
		v.fail(path, "changes nothing: the clock neither jumps nor drifts; write skew or drift")
	case p.Drift == 0 && p.Skew > 0 && p.For > 0:
		v.fail(join(path, "for"), "would undo nothing: a clock that has jumped does not go back; take it out, or give it a drift")
	}
}

// targets checks that there can be whom a fault concerns.
func (v *validation) targets(path string, p *run.Planned) {
	n, watching := v.s.Cluster.Voters, v.s.Cluster.Observers
	for _, t := range []struct {
		name string
		fault.Target
	}{{"target", p.Target}, {"from", p.From}, {"to", p.To}} {
		here := join(path, t.name)
		switch {
		case !v.d.good(here):
		case n == 1 && (t.Who == fault.Follower || t.Who == fault.Majority):
			v.fail(here, "there is no %s: cluster.voters is 1; write more voters, or another target", t.Target)
		case t.Who == fault.Observer && watching == 0:
			v.fail(here, "there is no observer: cluster.observers is 0; write more, or another target")
		case t.name == "target" && p.Kind == fault.Transfer && (t.Who == fault.Leader || t.Who == fault.Minority || t.Who == fault.Majority || v.watches(t.Target)):
			v.fail(here, "%s cannot be whom a leader hands over to: that is one voter who does not lead; write for instance \"follower\"", t.Target)
		case t.name == "target" && p.Kind == fault.Partition && (t.Who == fault.Minority || t.Who == fault.Majority || v.watches(t.Target)):
			v.fail(here, "%s is not one voter: that is whom the groups call 1; write for instance \"leader\"", t.Target)
		case t.Who == fault.Fixed:
			v.server(here, t.Node)
		case t.name == "target" && t.Who != fault.Nobody && p.Kind == fault.Start:
			v.fail(here, "%s is found among servers that run: kind = \"start\" needs one of cluster.absent; write for instance \"node:%d\"", t.Target, n)
		case t.name == "target" && t.Who != fault.Nobody && (p.Kind == fault.Restart || p.Kind == fault.Resume):
			v.fail(here, "%s is found among servers that run: kind = \"%s\" needs a fixed one; write \"node:1\", or give the earlier fault a \"for\"", t.Target, p.Kind)
		}
	}
	if p.From.Who == fault.Fixed && p.From == p.To {
		v.fail(join(path, "to"), "%s is where it comes from: nobody has a link to itself; name another server", p.To)
	}
	for i, g := range p.Groups {
		v.servers(element(join(path, "groups"), i), g)
	}
	if p.Kind == fault.Partition && p.Groups != nil && (len(p.Groups) == 0 || whole(p.Groups, n+watching)) {
		v.fail(join(path, "groups"), "separates nobody; write for instance [[1], [2, 3]]")
	}
}

// watches reports whether a target is a server without a vote.
func (v *validation) watches(t fault.Target) bool {
	n := v.s.Cluster.Voters
	return t.Who == fault.Observer || t.Who == fault.Fixed && int(t.Node) > n && int(t.Node) <= n+v.s.Cluster.Observers
}

// whole reports whether every two of n servers are in some group together.
func whole(groups [][]protocols.NodeID, n int) bool {
	for a := range protocols.NodeID(n) {
		for b := range a {
			if !slices.ContainsFunc(groups, func(g []protocols.NodeID) bool { return slices.Contains(g, a+1) && slices.Contains(g, b+1) }) {
				return false
			}
		}
	}
	return true
}

// when returns the least and the greatest time at which a fault may fire.
func (v *validation) when(path string, p *run.Planned) (first, last protocols.Time, ok bool) {
	at, warmup, limit := p.At, v.s.Warmup, v.s.Limit
	first = at.Least()
	last, bounded := at.Most()
	if p.Phase != "" { // up to one interval until the heartbeats, and up to one from them
		last += 2 * v.s.Raft.Heartbeat.Time()
	}
	here := join(path, "at")
	if !v.d.good("warmup") || !v.d.good("limit") || !v.d.good(here) || warmup >= limit {
		return first, last, false
	}
	if first < warmup.Time() {
		v.fail(here, "may fire at %v, before warmup (%v) is over; write %s", time.Duration(first), warmup, within(warmup, limit))
		return first, last, false
	}
	if !bounded {
		v.fail(here, "%s may fire at any time, past limit (%v) too; write %s", at, limit, within(warmup, limit))
		return first, last, false
	}
	if last >= limit.Time() {
		v.fail(here, "may fire at %v, when limit (%v) has ended the trial; write %s", time.Duration(last), limit, within(warmup, limit))
		return first, last, false
	}
	return first, last, true
}

// within writes a time that a fault may have.
func within(warmup, limit run.Duration) string {
	return fmt.Sprintf("\"uniform(%v, %v)\"", warmup, min(warmup+75*millisecond, limit-1))
}

// lives follows each server that faults name by its number: it may crash while it
// runs, start while it is down, and stop and go on while it runs.
func (v *validation) lives(plan []planned) {
	for id := range protocols.NodeID(v.s.Cluster.Voters+v.s.Cluster.Observers) + 1 {
		var before *planned // what has taken the server out last, or begun again
		for i := range plan {
			x := &plan[i]
			if x.p.Target.Who != fault.Fixed || x.p.Target.Node != id || !slices.Contains(vital, x.p.Kind) {
				continue
			}
			v.life(before, x)
			before = x
		}
	}
}

var vital = []fault.Kind{fault.Crash, fault.PowerOff, fault.Restart, fault.Pause, fault.Resume, fault.Start}

// life checks one fault against the one before it on the same server.
func (v *validation) life(before, x *planned) {
	state := "runs" // when x comes
	if before == nil {
		if slices.Contains(v.s.Cluster.Absent, x.p.Target.Node) {
			state = "is absent"
		}
	} else {
		switch k := before.p.Kind; {
		case x.first < before.last:
			v.fail(x.path, "may come before %s, which starts as late as %v: chance would order them; let their times not overlap", before.path, time.Duration(before.last))
			return
		case before.ended <= x.first: // undone
		case k == fault.Pause:
			state = "is paused"
		case k == fault.Crash || k == fault.PowerOff:
			state = "is down"
		}
	}
	who, since := x.p.Target, ""
	if before != nil && state != "runs" {
		since = fmt.Sprintf(" since %s", before.path)
	}
	switch k := x.p.Kind; {
	case k == fault.Start && state == "is down":
		v.fail(x.path, "starts %s, which %s%s; write kind = \"restart\"", who, state, since)
	case k == fault.Start && state != "is absent":
		v.fail(x.path, "starts %s, which %s%s; this is for servers of cluster.absent, once for each: write it there, or take this out", who, state, since)
	case state == "is absent" && k != fault.Start:
		v.fail(x.path, "%s %s, which is absent; let a fault of kind start come before it", verbs[k], who)
	case k == fault.Restart && state != "is down":
		v.fail(x.path, "restarts %s, which %s%s; crash it before, or take this out", who, state, since)
	case k == fault.Restart && before.p.For > 0:
		v.fail(x.path, `restarts %s, which starts again by itself: %s has a "for"; take one of the two out`, who, before.path)
	case k == fault.Resume && state != "is paused":
		v.fail(x.path, "resumes %s, which %s%s; pause it before, or take this out", who, verb(state), since)
	case k == fault.Resume && before.p.For > 0:
		v.fail(x.path, `resumes %s, which goes on by itself: %s has a "for"; take one of the two out`, who, before.path)
	case (k == fault.Crash || k == fault.PowerOff || k == fault.Pause) && state != "runs":
		v.fail(x.path, "%s %s, which %s%s; let the one end before the other begins", verbs[k], who, state, since)
	}
}

var verbs = map[fault.Kind]string{fault.Crash: "crashes", fault.PowerOff: "switches off", fault.Pause: "pauses", fault.Restart: "restarts", fault.Resume: "resumes"}

func verb(state string) string {
	if state == "runs" {
		return "is not paused"
	}
	return state
}

// heals checks that there is something to heal.
func (v *validation) heals(plan []planned) {
	for i := range plan {
		x := &plan[i]
		if x.p.Kind != fault.Heal {
			continue
		}
		open := false
		for j := range plan[:i] {
			y := &plan[j]
			switch y.p.Kind {
			case fault.Partition, fault.Isolate, fault.Cut:
				open = open || y.last <= x.first && y.ended > x.first
			case fault.Heal:
				open = open && y.p.From.Who != fault.Nobody // the other kind heals all
			}
		}
		if !open {
			v.fail(x.path, "has nothing to heal at %v; let a partition, isolate or cut come before it, or take it out", time.Duration(x.first))
		}
	}
}

// alone checks that nothing else goes wrong while there is chaos: it would strike
// whom the chaos believes to be well, and the chaos would mend what is not its own.
// Likewise, nothing else cuts links while some flap.
func (v *validation) alone(plan []planned) {
	for i := range plan {
		x := &plan[i]
		if x.p.Kind != fault.Chaotic && x.p.Kind != fault.Flapping || x.p.For == 0 {
			continue
		}
		for j := range plan {
			y := &plan[j]
			if i == j || y.p.Kind == x.p.Kind && j < i || y.first >= x.ended || max(y.last, y.lasts()) < x.first {
				continue
			}
			switch {
			case x.p.Kind == fault.Chaotic:
				v.fail(y.path, "may come while %s lasts, which is chaos: it mends all, and knows of nothing but its own; let the one end before the other begins", x.path)
			case slices.Contains(cutting, y.p.Kind):
				v.fail(y.path, "may come while the links of %s flap: each would mend what the other has cut; let the one end before the other begins", x.path)
			}
		}
		if x.p.Kind == fault.Chaotic {
			for _, id := range v.s.Cluster.Absent {
				if !slices.ContainsFunc(plan, func(y planned) bool { return y.p.Kind == fault.Start && y.p.Target.Node == id && y.last < x.first }) {
					v.fail(x.path, "knows of no server that is absent, as %d is; let a fault of kind start come before it", id)
				}
			}
		}
	}
}

// cutting are the kinds of fault that cut links, or end the cuts.
var cutting = []fault.Kind{fault.Partition, fault.Isolate, fault.Cut, fault.Heal, fault.Flapping}

// lasts is until when a fault may have its effect.
func (x *planned) lasts() protocols.Time {
	switch f := x.p; {
	case f.Kind == fault.Restart, f.Kind == fault.Start, f.Kind == fault.Resume, f.Kind == fault.Heal, f.Kind == fault.Transfer,
		f.Kind == fault.Clock && f.Drift == 0: // what has jumped stays ahead, and that is all
		return x.last
	}
	return x.ended
}
