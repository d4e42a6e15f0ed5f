package experiments

import (
	"fmt"
	"slices"

	"raftzab/bench/run"
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
	for i := range s.Links {
		v.link(element("link", i), &s.Links[i])
	}
	v.faults()
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
	if l.Delay == nil && l.Loss == nil {
		v.fail(path, `changes nothing; write delay = "constant(40ms)" or loss = 0.05`)
	}
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
	if n := v.s.Cluster.Voters; int(id) > n {
		v.fail(path, "there is no server %d: cluster.voters is %d; name one from 1 to %d", id, n, n)
	}
}

// unsupported lists what a system cannot have.
func (v *validation) unsupported(mode run.Mode, s *run.System) (lost []run.Unsupported) {
	for i, p := range v.s.Faults {
		path := element("fault", i) + ".kind"
		if v.d.good(path) && v.given(path) && !s.Supports(mode, p.Kind) {
			lost = append(lost, run.Unsupported{Key: path, Reason: fmt.Sprintf("no fault of kind %s when %s; name another kind, or leave %s out", p.Kind, worlds[mode], s.Name)})
		}
	}
	if len(v.d.bad) > 0 {
		return lost
	}
	return append(lost, s.Check(mode, v.s)...)
}

var worlds = map[run.Mode]string{run.Sim: "simulated", run.Live: "live"}
