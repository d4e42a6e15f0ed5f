package experiments

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"raftzab/bench/fault"
	"raftzab/bench/run"
	"raftzab/bench/workload"
	"raftzab/protocols"
)

// A validation asks of one cell whether its settings make sense together. What
// did not decode is reported already, and not judged.
type validation struct {
	r    *report
	d    *decoder
	tree *node
	file string
	s    *run.Settings

	world run.World
}

// at returns where a key of the cell was written, or where it should be.
func (v *validation) at(path string) origin {
	st, _ := steps(path)
	n, ok := v.tree.find(st)
	if ok {
		return n.at
	}
	return origin{v.file, n.at.line, path}
}

func (v *validation) fail(path, format string, args ...any) {
	v.r.add(v.at(path), format, args...)
}

// given reports whether a key is there.
func (v *validation) given(path string) bool {
	st, _ := steps(path)
	_, ok := v.tree.find(st)
	return ok
}

// Timeouts that a product has by itself, for timeouts = "defaults". The
// heartbeat of hashicorp/raft follows from its timeout.
var defaults = map[string]struct {
	raft run.Raft
	zab  run.Zab
}{
	"raft":      {raft: run.Raft{ElectionTimeout: run.Range{Min: 150 * millisecond, Max: 300 * millisecond}, Heartbeat: 75 * millisecond}},    // the paper's
	"etcd":      {raft: run.Raft{ElectionTimeout: run.Range{Min: 1000 * millisecond, Max: 2000 * millisecond}, Heartbeat: 100 * millisecond}}, // --election-timeout, --heartbeat-interval
	"hashicorp": {raft: run.Raft{ElectionTimeout: run.Range{Min: 1000 * millisecond, Max: 2000 * millisecond}}},                               // DefaultConfig
	"zab":       {zab: run.Zab{Tick: 2000 * millisecond, InitLimit: 10, SyncLimit: 5, FinalizeWait: 200 * millisecond}},                       // zoo_sample.cfg
	"zookeeper": {zab: run.Zab{Tick: 2000 * millisecond, InitLimit: 10, SyncLimit: 5, FinalizeWait: 200 * millisecond}},
}

const millisecond = run.Duration(1_000_000)

// resolve gives the timeouts their final values. What the section of the
// product itself says stays.
func (v *validation) resolve(system string) {
	s := v.s
	if !v.d.good("raft") || !v.d.good("zab") || !v.d.good("timeouts") {
		return
	}
	switch own := defaults[system]; s.Timeouts {
	case "matched":
		t := s.Raft.ElectionTimeout
		derive(v, "zab.tick", &s.Zab.Tick, (t.Min+t.Max)/2/run.Duration(s.Zab.SyncLimit))
	case "defaults":
		if own.raft != (run.Raft{}) {
			derive(v, "raft.election_timeout", &s.Raft.ElectionTimeout, own.raft.ElectionTimeout)
			derive(v, "raft.heartbeat", &s.Raft.Heartbeat, own.raft.Heartbeat)
		} else {
			derive(v, "zab.tick", &s.Zab.Tick, own.zab.Tick)
			derive(v, "zab.init_limit", &s.Zab.InitLimit, own.zab.InitLimit)
			derive(v, "zab.sync_limit", &s.Zab.SyncLimit, own.zab.SyncLimit)
			derive(v, "zab.finalize_wait", &s.Zab.FinalizeWait, own.zab.FinalizeWait)
		}
	}
	switch {
	case system == "hashicorp":
		s.Raft.Heartbeat = 0 // it has a rule of its own
	case s.Raft.Heartbeat == 0:
		s.Raft.Heartbeat = s.Raft.ElectionTimeout.Min / 2
	}
}

// derive sets a timeout to what follows from timeouts = "matched" or "defaults".
// A case, a sweep or a flag that says otherwise would be without effect.
func derive[T comparable](v *validation, path string, value *T, to T) {
	st, _ := steps(path)
	n, ok := v.tree.find(st)
	if ok && n.product {
		return
	}
	if ok && n.varied && *value != to {
		v.fail(path, "has no effect: timeouts = %q makes it %v; set timeouts = \"given\" as well", v.s.Timeouts, to)
	}
	*value = to
}

// check asks what no single key can tell.
func (v *validation) check() {
	s, good := v.s, v.d.good
	if ok := good("warmup") && good("limit") && s.Warmup >= s.Limit; ok && !v.given("warmup") {
		v.fail("limit", "%v is not above warmup (%v): nothing would be measured; write more", s.Limit, s.Warmup)
	} else if ok {
		v.fail("warmup", "%v is not below limit (%v): nothing would be measured; write less", s.Warmup, s.Limit)
	}
	if good("network") && s.Network.Loss == 1 {
		v.fail("network.loss", "1 lets nothing through: a stream would send again forever; write less, or a fault of kind partition")
	}
	if n := s.Network; good("network") && n.RTOMax < n.RTOMin {
		v.fail("network.rto_max", "%v is below rto_min (%v); write more", n.RTOMax, n.RTOMin)
	}
	if n := s.Network; good("network") {
		v.datagrams("network", &n.Duplicate, &n.Reorder)
		v.bandwidth("network", &n.Bandwidth)
	}
	if d := s.Raft.ClockDrift; good("raft") && (d < 0 || d >= 1) {
		v.fail("raft.clock_drift", "%g is no bound that a clock keeps; write a number from 0, below 1, for instance 0.01", d)
	}
	v.observed()
	v.workload()
	v.columns()
	if z := s.Zab; good("zab") && z.MaxNotification < z.MinNotification {
		v.fail("zab.max_notification_interval", "%v is below min_notification_interval (%v); write more", z.MaxNotification, z.MinNotification)
	} else if good("zab") && z.FinalizeWait > 0 && z.MaxNotification <= z.FinalizeWait {
		v.fail("zab.max_notification_interval", "%v is not above finalize_wait (%v): servers that repeat their votes so often would never let the others' wait end; write more", z.MaxNotification, z.FinalizeWait)
	}
	if !good("cluster") {
		return // who exists?
	}
	if most := (s.Cluster.Voters - 1) / 2; s.Cluster.Behind > most {
		v.fail("cluster.behind", "%d are too many: what they lack must be on a majority of %d voters to be committed; write a number up to %d", s.Cluster.Behind, s.Cluster.Voters, most)
	}
	v.absent()
	for i := range s.Links {
		v.link(element("link", i), &s.Links[i])
	}
	v.nodes()
	v.faults()
}

// absent checks that those who are there can elect a leader, before a stage that has
// a place for everybody.
func (v *validation) absent() {
	s, path := v.s, "cluster.absent"
	if len(s.Cluster.Absent) == 0 {
		return
	}
	v.servers(path, s.Cluster.Absent)
	most := (s.Cluster.Voters - 1) / 2
	if away := voters(s.Cluster.Absent, s.Cluster.Voters); away > most {
		v.fail(path, "leaves %d of %d voters, who are no majority: there would be no leader to begin with; leave out %d at most", s.Cluster.Voters-away, s.Cluster.Voters, most)
	}
	if s.Staged() {
		v.fail(path, "cannot stand beside cluster.behind or a fault's phase: these set the stage with all servers; take one of the two out")
	}
}

// voters counts those among ids that have a vote.
func voters(ids []protocols.NodeID, n int) (count int) {
	for _, id := range ids {
		if int(id) <= n {
			count++
		}
	}
	return count
}

// observed checks that there is something to watch, and time for it.
func (v *validation) observed() {
	s := v.s
	if s.Observe == 0 || !v.d.good("observe") {
		return
	}
	if !v.given("fault") && !v.given("workload.clients") {
		v.fail("observe", "begins with the first fault, and there is none; write a [[fault]] or a [workload], or take it out")
	}
	if !v.d.good("fault") || !v.d.good("limit") {
		return
	}
	begins := s.Warmup.Time() // at the latest; without a fault
	for i := range s.Faults {
		if most, bounded := s.Faults[i].At.Most(); bounded && first(s.Faults, i) {
			begins = max(begins, most)
		}
	}
	end := begins + s.Observe.Time()
	if w := s.Workload; w.Clients > 0 && v.d.good("workload") {
		if patience := cmp.Or(w.Timeout.Time(), workload.Default().Timeout); end <= s.Limit.Time() && end+patience > s.Limit.Time() {
			v.fail("limit", "%v is not enough: observe ends as late as %v, and clients wait up to %v more for their last answers; write more", s.Limit, time.Duration(end), time.Duration(patience))
		}
	}
	if end > s.Limit.Time() {
		v.fail("observe", "ends as late as %v, when limit (%v) has ended the trial; write less, or a greater limit", time.Duration(end), s.Limit)
	}
	for i := range s.Faults {
		if least := s.Faults[i].At.Least(); least >= end {
			v.fail(element("fault", i)+".at", "fires at %v, when observe (%v) has ended the trial; write less, or a greater observe", time.Duration(least), s.Observe)
		}
	}
}

// columns checks that what is asked for beside the columns of all files can be
// measured.
func (v *validation) columns() {
	s := v.s
	if !v.d.good("columns") {
		return
	}
	for i, name := range s.Columns {
		if slices.Contains(s.Columns[:i], name) {
			v.fail("columns", "%q stands twice; leave one", name)
		}
	}
	if slices.Contains(s.Columns, "join_ms") {
		if v.d.good("fault") && !slices.ContainsFunc(s.Faults, starts) {
			v.fail("columns", "join_ms is of a server that is started: no fault does that; write one of kind start, give a crash or power-off a \"for\", or take it out")
		}
		if v.d.good("probe") && s.Probe.Interval == 0 {
			v.fail("columns", "join_ms ends with an entry of the leader's, and nobody writes any; write interval = \"2ms\" in [probe], or take it out")
		}
	}
	if slices.Contains(s.Columns, "level") && s.Observe <= run.Duration(time.Second) && v.d.good("observe") {
		v.fail("columns", "level compares the last second of observe with its end; write observe = \"10s\", or take it out")
	}
	v.together()
	if !slices.Contains(s.Columns, "overlap_ms") {
		return
	}
	if v.d.good("fault") && !slices.ContainsFunc(s.Faults, func(p run.Planned) bool { return slices.Contains(sparing, p.Kind) }) {
		v.fail("columns", "overlap_ms is of a leader that is deposed and lives: no fault does that; write one of kind isolate, partition, cut or pause, or take it out")
	}
	if s.Observe > 0 && v.d.good("observe") {
		v.fail("columns", "overlap_ms has a trial go on until the deposed leader has left, and observe for a stated time; take one of the two out")
	}
}

// starts reports whether a fault starts a server in the end.
func starts(p run.Planned) bool {
	return p.Kind == fault.Start || p.Kind == fault.Restart || p.For > 0 && (p.Kind == fault.Crash || p.Kind == fault.PowerOff)
}

// sparing are the kinds of fault that depose a leader and let it live.
var sparing = []fault.Kind{fault.Isolate, fault.Partition, fault.Cut, fault.Pause, fault.Transfer, fault.Flapping}

// first reports whether no fault is sure to come before the i-th.
func first(faults []run.Planned, i int) bool {
	return !slices.ContainsFunc(faults, func(p run.Planned) bool {
		most, bounded := p.At.Most()
		return bounded && most < faults[i].At.Least()
	})
}

// datagrams checks that what only datagrams suffer is asked of datagrams. In life
// packets suffer it, below whatever channel there is.
func (v *validation) datagrams(path string, duplicate, reorder *float64) {
	if v.world.Mode == run.Live {
		return
	}
	for _, p := range []struct {
		name string
		x    *float64
	}{{"duplicate", duplicate}, {"reorder", reorder}} {
		if key := join(path, p.name); p.x != nil && *p.x > 0 && v.d.good(key) && v.d.good("network.channel") && v.s.Network.Channel != "datagram" {
			v.fail(key, "has no effect on streams, which put all in order again; write channel = \"datagram\" in [network], or take it out")
		}
	}
}

// slowest is the least bandwidth: a packet of full size takes 12 s.
const slowest = 1000

// bandwidth checks that a link gets something through, if it says how much.
func (v *validation) bandwidth(path string, x *float64) {
	if key := join(path, "bandwidth"); x != nil && v.d.good(key) && (*x < slowest && *x != 0 || math.IsInf(*x, 0)) {
		v.fail(key, "%g is no bandwidth: it is in bits per second; write for instance 10_000_000, or 0 for as fast as it goes", *x)
	}
}

// nodes checks what single servers have of their own.
func (v *validation) nodes() {
	var all []protocols.NodeID
	for i := range v.s.Nodes {
		path, n := element("node", i), &v.s.Nodes[i]
		v.servers(join(path, "id"), n.ID)
		for j, id := range n.ID {
			if slices.Contains(all, id) {
				v.fail(element(join(path, "id"), j), "%d has a [[node]] already; write all of it there", id)
			}
		}
		all = append(all, n.ID...)
		v.drift(join(path, "clock_drift"), n.ClockDrift)
		if v.d.good(path) && n.ClockDrift == 0 && n.ClockSkew == 0 && n.Timeout == (run.Range{}) && n.Term == 0 {
			v.fail(path, "changes nothing; write clock_drift = 0.01, clock_skew = \"10ms\", election_timeout = \"150ms-300ms\" or term = 1000")
		}
	}
}

func (v *validation) drift(path string, x float64) {
	if v.d.good(path) && (x <= -1 || x >= 1) {
		v.fail(path, "%g is no drift that a clock has; write a number between -1 and 1, for instance 0.01", x)
	}
}

func (v *validation) link(path string, l *run.Link) {
	v.servers(path+".from", l.From)
	v.servers(path+".to", l.To)
	if !v.d.good(path) {
		return
	}
	if len(l.From) == 1 && slices.Equal(l.From, l.To) {
		v.fail(path+".to", "[%d] is where it comes from: nobody has a link to itself; name another server", l.To[0])
	}
	if l.Delay == nil && l.Loss == nil && l.Duplicate == nil && l.Reorder == nil && l.Bandwidth == nil {
		v.fail(path, `changes nothing; write delay = "constant(40ms)" or loss = 0.05`)
	}
	v.datagrams(path, l.Duplicate, l.Reorder)
	v.bandwidth(path, l.Bandwidth)
	if l.Loss != nil && *l.Loss == 1 {
		v.fail(path+".loss", "1 lets nothing through: a stream would send again forever; write less, or a fault of kind cut")
	}
}

// servers checks a list of servers: some, that exist, each once.
func (v *validation) servers(path string, ids []protocols.NodeID) {
	if !v.d.good(path) {
		return
	}
	if len(ids) == 0 {
		v.fail(path, "is empty; name a server, for instance [1]")
	}
	for i, id := range ids {
		v.server(element(path, i), id)
		if slices.Contains(ids[:i], id) {
			v.fail(element(path, i), "%d stands twice; leave one", id)
		}
	}
}

func (v *validation) server(path string, id protocols.NodeID) {
	n, watching, besides := v.s.Cluster.Voters, v.s.Cluster.Observers, ""
	if watching > 0 {
		besides = fmt.Sprintf(" and cluster.observers %d", watching)
	}
	if int(id) > n+watching {
		v.fail(path, "there is no server %d: cluster.voters is %d%s; name one from 1 to %d", id, n, besides, n+watching)
	}
}

// unsupported lists what a system cannot have.
func (v *validation) unsupported(w run.World, s *run.System) (lost []run.Unsupported) {
	for i, p := range v.s.Faults {
		path := element("fault", i) + ".kind"
		if v.d.good(path) && v.given(path) && !s.Supports(w, p.Kind) {
			lost = append(lost, run.Unsupported{Key: path, Reason: fmt.Sprintf("no fault of kind %s when %s; name another kind, or leave %s out", p.Kind, w, s.Name)})
		}
	}
	if len(v.d.bad) > 0 {
		return lost
	}
	return append(lost, s.Check(w.Mode, v.s)...)
}
