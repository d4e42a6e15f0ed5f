package run

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"raftzab/bench/baseline/etcdraft"
	"raftzab/bench/baseline/hashicorp"
	"raftzab/bench/fault"
	"raftzab/protocols"
	"raftzab/raft"
	"raftzab/zab"
)

// What [raft] may leave open, each system fills in with what it has by itself.
// What a system cannot have is told at load, never passed over: the one
// exception is commit_notice, which by its meaning governs our Raft alone.

// raftConfig is what our Raft gets, without the members.
func raftConfig(s *Settings) raft.Config {
	x, cfg := &s.Raft, raft.Default()
	cfg.ElectionTimeout = raft.Timeout{Min: x.ElectionTimeout.Min.Time(), Max: x.ElectionTimeout.Max.Time()}
	cfg.CandidateTimeout = raft.Timeout{Min: x.CandidateTimeout.Min.Time(), Max: x.CandidateTimeout.Max.Time()}
	cfg.Heartbeat = x.Heartbeat.Time()
	cfg.PreVote, cfg.CheckQuorum, cfg.ClockDrift = is(x.PreVote), is(x.CheckQuorum), x.ClockDrift
	if x.CommitNotice == eager {
		cfg.CommitNotice = raft.NoticeEager
	}
	if x.Backtrack == byOne {
		cfg.Backtrack = raft.BacktrackOne
	}
	cfg.Window = cmp.Or(x.Window, cfg.Window)
	cfg.MaxEntries = cmp.Or(x.MaxEntries, cfg.MaxEntries)
	cfg.ChunkSize = cmp.Or(uint64(x.ChunkSize), cfg.ChunkSize)
	if x.Trailing != nil {
		cfg.Trailing = uint64(*x.Trailing)
	}
	return cfg
}

// Values that are words.
const (
	byHeartbeat, eager = "heartbeat", "eager"
	byTerm, byOne      = "term", "one"
	datagram           = "datagram" // of [network]
)

func is(key *bool) bool { return key != nil && *key }

func completeRaft(x *Settings) {
	cfg := raftConfig(x)
	r := &x.Raft
	r.PreVote, r.CheckQuorum, r.Trailing = new(cfg.PreVote), new(cfg.CheckQuorum), new(int(cfg.Trailing))
	r.CommitNotice, r.Backtrack = cmp.Or(r.CommitNotice, byHeartbeat), cmp.Or(r.Backtrack, byTerm)
	r.Window, r.MaxEntries, r.ChunkSize = cfg.Window, cfg.MaxEntries, int(cfg.ChunkSize)
}

// zabConfig is what our Zab gets, without the members.
func zabConfig(s *Settings) zab.Config {
	x, cfg := &s.Zab, zab.Default()
	cfg.Tick, cfg.InitLimit, cfg.SyncLimit = x.Tick.Time(), x.InitLimit, x.SyncLimit
	cfg.FinalizeWait = x.FinalizeWait.Time()
	cfg.MinNotificationInterval, cfg.MaxNotificationInterval = x.MinNotification.Time(), x.MaxNotification.Time()
	cfg.ConnectRetry, cfg.ObserverElectionDelay = x.ConnectRetry.Time(), x.ObserverDelay.Time()
	if x.CommittedLog != nil {
		cfg.CommittedLog = *x.CommittedLog
	}
	if x.Sync == zab.SyncQuorum.String() {
		cfg.Sync = zab.SyncQuorum
	}
	cfg.LastCounter = cmp.Or(uint64(x.LastCounter), cfg.LastCounter)
	return cfg
}

func completeZab(x *Settings) {
	cfg := zabConfig(x)
	z := &x.Zab
	z.CommittedLog, z.Sync, z.LastCounter = new(cfg.CommittedLog), cfg.Sync.String(), int(cfg.LastCounter)
}

func etcdConfig(s *Settings) etcdraft.Config {
	x := &s.Raft
	return etcdraft.Config{
		ElectionTimeout: etcdraft.Timeout{Min: x.ElectionTimeout.Min.Time(), Max: x.ElectionTimeout.Max.Time()},
		Heartbeat:       x.Heartbeat.Time(),
		PreVote:         is(x.PreVote), CheckQuorum: is(x.CheckQuorum),
		Window: cmp.Or(x.Window, etcdraft.DefaultWindow),
	}
}

func completeEtcd(x *Settings) {
	cfg := etcdConfig(x)
	x.Raft.PreVote, x.Raft.CheckQuorum, x.Raft.Window = new(cfg.PreVote), new(cfg.CheckQuorum), cfg.Window
}

func etcdNotes(s *Settings) []string {
	notes := []string{noSockets,
		"it stands on timers of ours (RawNode.Campaign), so that its timeouts are exact and reproducible, and draws a timeout anew only when its term or role changes, as etcd does",
		"unless the scenario says otherwise, PreVote and CheckQuorum are off, as in our Raft; the product etcd has both on"}
	switch pre, quorum := is(s.Raft.PreVote), is(s.Raft.CheckQuorum); {
	case quorum:
		notes = append(notes, "with CheckQuorum a leader looks once in a least election timeout, rounded up to heartbeats, whether a majority has spoken since the last look, where ours steps down when a majority has been silent for a greatest election timeout")
	case pre:
		notes = append(notes, "with PreVote alone a server grants it though it hears from a leader, which our Raft, as the dissertation (9.6), refuses")
	}
	if s.Raft.CommitNotice != "" {
		notes = append(notes, "it tells followers of a commit at once, whatever commit_notice says")
	}
	return append(notes, "a new leader probes each follower, so that entries behind its no-op wait one round trip more before they are acknowledged")
}

// hashicorpConfig has the scenario's timeouts for followers and candidates. The
// lease keeps the product's proportion, half the timeout; what a scenario does
// not speak of stays as the product has it.
func hashicorpConfig(s *Settings, seed uint64) hashicorp.Config {
	x, cfg := &s.Raft, hashicorp.Default()
	t := x.ElectionTimeout.Min.Time()
	cfg.Voters, cfg.Absent, cfg.HeartbeatTimeout, cfg.ElectionTimeout, cfg.LeaderLease = s.Cluster.Voters, s.Cluster.Absent, t, t, t/2
	cfg.ElectionTimeout = cmp.Or(x.CandidateTimeout.Min.Time(), t)
	if x.PreVote != nil {
		cfg.PreVote = *x.PreVote
	}
	cfg.MaxEntries = cmp.Or(x.MaxEntries, cfg.MaxEntries)
	cfg.Network, cfg.Fsync, cfg.Seed = wires(s), s.Disk.Fsync, seed
	return cfg
}

func hashicorpNotes(s *Settings) []string {
	if s.Raft.PreVote == nil || *s.Raft.PreVote {
		return hashicorp.Notes
	}
	notes := slices.Clone(hashicorp.Notes)
	notes[0] = strings.Replace(notes[0], "pre-vote is on", "pre-vote is off, which it is not in the product", 1)
	return notes
}

func zookeeperNotes(s *Settings) []string {
	servers := "JVMs with small heaps and the quick compiler only"
	if s.Zab.JVM != nil {
		servers = "JVMs with the flags " + strings.Join(s.Zab.JVM, " ")
	}
	notes := []string{"it runs in real time with the disk of the machine (forceSync=yes); its ensemble is booted once a cell, one trial is not counted, and what a trial took down is brought back for the next",
		"its servers are " + servers + ", which share the machine's cores with each other and with the clients"}
	if len(s.Faults) > 0 {
		notes = append(notes, "its phases are the instants at which its log lines \"Peer state changed\" arrive; a server that loses its leader closes its clients' connections, which must come back before a write counts")
	}
	if s.Workload.Clients > 0 {
		notes = append(notes, "its clients are go-zookeeper/zk, in which each request has a goroutine that waits for it; the other systems have a client of this project")
	}
	return notes
}

func completeHashicorp(x *Settings) {
	cfg := hashicorpConfig(x, 0)
	x.Raft.PreVote, x.Raft.CheckQuorum, x.Raft.MaxEntries = new(cfg.PreVote), new(true), cfg.MaxEntries
}

// Complete fills in what settings leave to the system, so that the manifest says
// what it got.
func (s *System) Complete(x *Settings) {
	for i := range x.Faults {
		if f := &x.Faults[i]; f.Kind == fault.Chaotic && f.Every == nil {
			f.Every = new(usualGap)
		}
	}
	x.Workload.complete(s.Protocol)
	if s.complete != nil {
		s.complete(x)
	}
}

// An asked is a key whose value asks for what not every system has: its name,
// and the feature under which a system says that it lacks it.
type asked struct{ key, feature string }

// asks lists what the settings ask for, in the order of the sections.
func (x *Settings) asks(mode Mode) (list []asked) {
	r := &x.Raft
	for _, o := range []struct {
		key string
		is  bool
	}{
		{"cluster.observers", x.Cluster.Observers > 0},
		{"cluster.snapshot_entries", x.Cluster.SnapshotEntries > 0},
		{"network.channel", mode == Sim && x.Network.Channel == datagram},
		{"node", len(x.Nodes) > 0},
		{"raft.candidate_timeout", r.CandidateTimeout != Range{}},
		{"raft.check_quorum", r.CheckQuorum != nil && !*r.CheckQuorum},
		{"raft.clock_drift", r.ClockDrift > 0},
		{"raft.backtrack", r.Backtrack != ""},
		{"raft.window", r.Window > 0},
		{"raft.max_entries", r.MaxEntries > 0},
		{"raft.chunk_size", r.ChunkSize > 0},
		{"raft.trailing", r.Trailing != nil},
		{"zab.committed_log", x.Zab.CommittedLog != nil},
		{"zab.jvm", x.Zab.JVM != nil},
		{"zab.sync", x.Zab.Sync == zab.SyncQuorum.String()},
		{"zab.last_counter", x.Zab.LastCounter > 0},
	} {
		if o.is {
			list = append(list, asked{o.key, o.key})
		}
	}
	for i := range x.Faults {
		if x.Faults[i].Fail {
			list = append(list, asked{fmt.Sprintf("fault[%d].fail", i), "fault.fail"})
		}
	}
	for i := range x.Nodes {
		if x.Nodes[i].Timeout != (Range{}) {
			list = append(list, asked{fmt.Sprintf("node[%d].election_timeout", i), "node.election_timeout"})
		}
	}
	return list
}

// optionless lists what the settings ask for and the system lacks.
func (s *System) optionless(mode Mode, x *Settings) (lost []Unsupported) {
	for _, a := range x.asks(mode) {
		if why, ok := s.lacks[a.feature]; ok {
			lost = append(lost, Unsupported{a.key, why + "; take it out, or leave " + s.Name + " out"})
		}
	}
	return lost
}

// Why systems lack what they lack.
const (
	noObservers = "it has no observers here"
	noSnapshots = "it keeps its whole log here"
	noDatagrams = "it needs channels that keep the order, and lose nothing while both ends live"
	noNodes     = "its servers are all alike here"
)

var etcdLacks = map[string]string{
	"cluster.snapshot_entries": noSnapshots,
	"raft.candidate_timeout":   "it has one timeout for followers and candidates",
	"raft.clock_drift":         "it has no lease reads here",
	"raft.backtrack":           "it looks for the end of a follower's log in its own way",
	"raft.max_entries":         "it bounds a message by its bytes",
	"raft.chunk_size":          noSnapshots,
	"raft.trailing":            noSnapshots,
}

var hashicorpLacks = map[string]string{
	"cluster.observers":        noObservers,
	"cluster.snapshot_entries": noSnapshots,
	"network.channel":          noDatagrams,
	"node":                     noNodes,
	"raft.check_quorum":        "its leaders always step down without a majority, and its servers always refuse votes while they have a leader",
	"raft.clock_drift":         "it has no lease reads here",
	"raft.backtrack":           "it looks for the end of a follower's log in its own way",
	"raft.window":              "it sends a server one AppendEntries at a time here",
	"raft.chunk_size":          noSnapshots,
	"raft.trailing":            noSnapshots,
	"fault.fail":               "its disks do not fail here",
}

var zabLacks = map[string]string{
	"zab.jvm":               "it is no JVM",
	"network.channel":       noDatagrams,
	"node.election_timeout": "it has no election timeout, but ticks",
}

var zookeeperLacks = map[string]string{
	"cluster.snapshot_entries": "its snapshots are left as the product has them",
	"zab.committed_log":        "its committed log is left as the product has it",
	"zab.sync":                 "it has one kind of sync",
	"zab.last_counter":         "it counts to 2^32-1",
	"node":                     noNodes,
	"fault.fail":               "its disks do not fail here",
}

// own returns the settings of one server of Raft, which may have a timeout of its own.
func (x *Settings) own(id NodeID) *Settings {
	for i := range x.Nodes {
		if n := &x.Nodes[i]; n.Timeout != (Range{}) && slices.Contains(n.ID, id) {
			of := *x
			of.Raft.ElectionTimeout = n.Timeout
			return &of
		}
	}
	return x
}

// registers are those of Raft's servers, by id, where some start in a term; else nil.
func (x *Settings) registers() (all []protocols.Registers) {
	for i := range x.Nodes {
		n := &x.Nodes[i]
		if n.Term > 0 && all == nil {
			all = make([]protocols.Registers, x.members()+1)
		}
		for _, id := range n.ID {
			if n.Term > 0 {
				all[id][0] = uint64(n.Term)
			}
		}
	}
	return all
}

// leases need CheckQuorum, and one least election timeout for all: for so long the others
// stay loyal.
func leases(x *Settings) (lost []Unsupported) {
	if x.Raft.ClockDrift == 0 {
		return nil
	}
	if !is(x.Raft.CheckQuorum) {
		lost = append(lost, Unsupported{"raft.clock_drift", "a lease rests on servers that ignore requests for votes; write check_quorum = true as well, or take it out"})
	}
	for i := range x.Nodes {
		if x.Nodes[i].Timeout != (Range{}) {
			lost = append(lost, Unsupported{fmt.Sprintf("node[%d].election_timeout", i), "a lease rests on servers that all wait as long; take this or clock_drift out"})
		}
	}
	return lost
}

// heartbeatBelowTimeout keeps a healthy Raft leader from being deposed.
func heartbeatBelowTimeout(_ Mode, s *Settings) []Unsupported {
	h, t := s.Raft.Heartbeat, s.Raft.ElectionTimeout.Min
	for i := range s.Nodes {
		if own := s.Nodes[i].Timeout; own != (Range{}) {
			t = min(t, own.Min)
		}
	}
	if h >= t {
		return []Unsupported{{"raft.heartbeat", fmt.Sprintf("%v is not below the least election timeout %v; write for instance \"%v\"", h, t, t/2)}}
	}
	return nil
}

// hashicorpRanges is what hashicorp/raft cannot have otherwise: its timeouts are
// drawn from T to 2T, a candidate's T is not below a follower's, and batches are
// bounded.
func hashicorpRanges(_ Mode, s *Settings) (lost []Unsupported) {
	r, c := s.Raft.ElectionTimeout, s.Raft.CandidateTimeout
	if r.Max != 2*r.Min {
		lost = append(lost, Unsupported{"raft.election_timeout", "hashicorp/raft always draws from T to 2T; write for instance \"" + Range{r.Min, 2 * r.Min}.String() +
			"\", or another range for it alone in [hashicorp]"})
	}
	if least := max(r.Min, c.Min); c != (Range{}) && (c.Max != 2*c.Min || c.Min < r.Min) {
		lost = append(lost, Unsupported{"raft.candidate_timeout", "hashicorp/raft always draws from T to 2T, and no T below that of election_timeout; write for instance \"" +
			Range{least, 2 * least}.String() + "\", or another range for it alone in [hashicorp]"})
	}
	const most = 1024 // ValidateConfig
	if n := s.Raft.MaxEntries; n > most {
		lost = append(lost, Unsupported{"raft.max_entries", fmt.Sprintf("%d are too many for hashicorp/raft; write a number up to %d, or another for it alone in [hashicorp]", n, most)})
	}
	return lost
}

// clocks are the faults that give servers the clocks that the settings say.
func (x *Settings) clocks() (faults []fault.Fault) {
	for _, n := range x.Nodes {
		if n.ClockSkew == 0 && n.ClockDrift == 0 {
			continue
		}
		faults = append(faults, fault.Fault{Kind: fault.Clock, Nodes: n.ID, Skew: n.ClockSkew.Time(), Drift: n.ClockDrift})
	}
	return faults
}

// pace gives back to servers whose drift has ended the one that the settings say.
func (x *Settings) pace(ids []NodeID) (faults []fault.Fault) {
	for _, n := range x.Nodes {
		for _, id := range ids {
			if n.ClockDrift != 0 && slices.Contains(n.ID, id) {
				faults = append(faults, fault.Fault{Kind: fault.Clock, Nodes: []NodeID{id}, Drift: n.ClockDrift})
			}
		}
	}
	return faults
}

// wants reports whether the scenario asks for one of these columns.
func (x *Settings) wants(columns ...string) bool {
	return slices.ContainsFunc(columns, func(name string) bool { return slices.Contains(x.Columns, name) })
}
