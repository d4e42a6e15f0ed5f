package run

import (
	"fmt"
	"strings"
	"time"

	"raftzab/bench/fault"
	"raftzab/bench/random"
	"raftzab/protocols"
)

// Settings are everything that a scenario file says about one cell, once its
// case and its sweep point are applied and what one product overrides is merged
// into [raft] or [zab]. The tags are the schema: package experiments reads
// files by them and makes the key reference from the `doc` tags.
type Settings struct {
	Timeouts string    `toml:"timeouts" default:"given" oneof:"given,matched,defaults" doc:"\"given\": as [raft] and [zab] say; \"matched\": [raft], and Zab's tick is the mean election timeout / sync_limit; \"defaults\": each product's own. A section of one product has the last word"`
	Warmup   Duration  `toml:"warmup" default:"1s" doc:"faults and measuring begin after it"`
	Limit    Duration  `toml:"limit" default:"60s" least:"1ms" doc:"virtual or real time per trial; past it: censored"`
	Observe  Duration  `toml:"observe" json:",omitzero" least:"1ms" doc:"a trial lasts this long from the first fault, whatever comes of it, and is measured to its end: terms, leader_changes, down_ms, up, settled; with [probe], every trial is probed; absent: a trial ends when the leader is replaced"`
	Columns  []string  `toml:"columns" json:",omitzero" oneof:"overlap_ms,connect_retries,votes_unheard,votes_refused,winner_votes,join_ms,timer_min_ms,timer_max_ms,level,minority_write,minority_write_ms,majority_write_ms,minority_kept,level_ms,minority_acknowledged,minority_refused,minority_unknown,minority_unanswered,follow_ms,recover_ms,follow_votes,follow_messages,read_hops,read_messages,write_hops,write_messages,resume_p50_ms,resume_max_ms" example:"[\"overlap_ms\"]" doc:"what is measured beyond the columns of all files: overlap_ms (a trial then goes on until the deposed leader has left its office), connect_retries, votes_unheard (both of Zab), votes_refused, winner_votes (simulated raft and etcd), join_ms (a trial with probes then goes on until the started server has joined; not of zookeeper), timer_min_ms, timer_max_ms (of simulated raft without prevote), level (with observe), minority_write, minority_write_ms, majority_write_ms, minority_kept, level_ms, minority_acknowledged, minority_refused, minority_unknown, minority_unanswered (of a leader that is cut off, with probes: two clients then write one key, one on either side, and a trial goes on until all servers have what the majority was told), follow_ms, recover_ms, follow_votes, follow_messages (of a fault that is mended: a trial then goes on until all servers serve under one leader and, with probes, a write is acknowledged), and of the operations of [workload] read_hops, read_messages, write_hops, write_messages (simulated raft, zab and etcd), resume_p50_ms, resume_max_ms; results/README.md says what they are"`
	Cluster  Cluster   `toml:"cluster"`
	Network  Network   `toml:"network"`
	Links    []Link    `toml:"link" doc:"overrides for some directed pairs of servers"`
	Nodes    []Node    `toml:"node" json:",omitzero" doc:"overrides for some servers; of raft, zab and etcd"`
	Clients  Clients   `toml:"clients"`
	Disk     Disk      `toml:"disk"`
	CPU      CPU       `toml:"cpu"`
	Raft     Raft      `toml:"raft" doc:"governs raft, etcd and hashicorp"`
	Zab      Zab       `toml:"zab" doc:"governs zab and zookeeper"`
	Probe    Probe     `toml:"probe"`
	Workload Workload  `toml:"workload" json:",omitzero" doc:"clients that read and write, beside or instead of [probe]: from the end of the warm-up for observe, which they need; a trial then runs once, under their load"`
	Faults   []Planned `toml:"fault" doc:"what goes wrong, in any order"`
}

// Cluster is who takes part.
type Cluster struct {
	Voters          int      `toml:"voters" required:"true" example:"5" least:"1" most:"31" doc:"servers that vote, named 1, 2, ..."`
	Observers       int      `toml:"observers" json:",omitzero" default:"0" least:"0" most:"1000" doc:"servers that receive and have no vote, named behind the voters; Raft's learners; of raft, etcd and zab"`
	Behind          int      `toml:"behind" default:"0" least:"0" most:"15" doc:"followers, drawn in each trial, whose logs are shorter when the leader is struck, so that they cannot win; of raft and etcd"`
	Absent          []NodeID `toml:"absent" json:",omitzero" example:"[4]" doc:"servers that are not started at first: their machines are there, their processes come with a fault of kind start; live, all servers are booted anew for each trial then; fewer than half of the voters"`
	SnapshotEntries int      `toml:"snapshot_entries" json:",omitzero" default:"0" least:"0" doc:"entries between two snapshots of a server's state, behind which its log may be given up; 0: never; of raft and zab"`
}

// Network describes the links: the simulated ones, and those of the switch in live
// runs, below TCP there.
type Network struct {
	Delay     random.Distribution `toml:"delay" default:"constant(5ms)" doc:"one way, each message"`
	Loss      float64             `toml:"loss" unit:"probability" doc:"chance that a packet is lost, below 1; on a stream, retransmission makes it a delay"`
	Channel   string              `toml:"channel" json:",omitzero" default:"stream" oneof:"stream,datagram" doc:"between servers; \"stream\": as TCP, in order and nothing lost while both ends live; \"datagram\": as UDP, each message on its own, for raft and etcd; clients have streams"`
	Duplicate float64             `toml:"duplicate" json:",omitzero" unit:"probability" doc:"chance that a packet arrives twice; simulated, of datagrams only; live, over the switch, below TCP"`
	Reorder   float64             `toml:"reorder" json:",omitzero" unit:"probability" doc:"chance that a packet is held back for 1 to 5 further delays, so that later ones overtake it; simulated, of datagrams only; live, over the switch, below TCP"`
	Bandwidth float64             `toml:"bandwidth" json:",omitzero" example:"10_000_000" doc:"bits per second of each direction of each link, between servers and, unless [clients] has a delay, to their clients; 256 KiB may wait for it, and what comes on top is lost; 0: as fast as it goes; live, over the switch"`
	RTOMin    Duration            `toml:"rto_min" default:"200ms" least:"1us" doc:"least retransmission time-out of a stream; doubles with each loss in a row"`
	RTOMax    Duration            `toml:"rto_max" default:"120s" least:"1us" doc:"where it stops doubling; 120s is Linux's"`
}

// Link overrides the network for the pairs From x To.
type Link struct {
	From      []protocols.NodeID   `toml:"from" required:"true" doc:"senders"`
	To        []protocols.NodeID   `toml:"to" required:"true" doc:"receivers"`
	Delay     *random.Distribution `toml:"delay" doc:"one way; absent: as [network]"`
	Loss      *float64             `toml:"loss" unit:"probability" doc:"absent: as [network]"`
	Duplicate *float64             `toml:"duplicate" json:",omitzero" unit:"probability" doc:"of datagrams, and live of packets; absent: as [network]"`
	Reorder   *float64             `toml:"reorder" json:",omitzero" unit:"probability" doc:"of datagrams, and live of packets; absent: as [network]"`
	Bandwidth *float64             `toml:"bandwidth" json:",omitzero" example:"10_000_000" doc:"bits per second; 0: as fast as it goes; live, over the switch; absent: as [network]"`
}

// Node overrides what all servers have.
type Node struct {
	ID         []protocols.NodeID `toml:"id" required:"true" example:"[3]" doc:"the servers"`
	ClockSkew  Duration           `toml:"clock_skew" json:",omitzero" doc:"how far their clocks are ahead of the trial's"`
	ClockDrift float64            `toml:"clock_drift" json:",omitzero" example:"0.01" doc:"their clocks run 1 + clock_drift times as fast; between -1 and 1"`
	Timeout    Range              `toml:"election_timeout" json:",omitzero" least:"1us" doc:"theirs in the place of [raft]'s; of raft and etcd"`
	Term       int                `toml:"term" json:",omitzero" least:"1" most:"1000000" example:"1000" doc:"the term that is on their disks when they first start; absent: 0; of simulated raft and etcd"`
}

// Clients are endpoints of the same network.
type Clients struct {
	Delay *random.Distribution `toml:"delay" doc:"between a client and the server it talks to, one way; absent: as between servers"`
}

// Disk describes the simulated disks.
type Disk struct {
	Fsync random.Distribution `toml:"fsync" default:"constant(0s)" doc:"time that one fsync takes; writes that come meanwhile share the next"`
}

// CPU describes the machines' processors.
type CPU struct {
	Message Duration            `toml:"message" json:",omitzero" example:"\"20us\"" doc:"what a server's one core takes for each message that it receives or sends, and for each read and write that it is asked for; messages leave one after the other, and whatever comes meanwhile waits, timeouts and finished fsyncs too; absent: no time; simulated; of raft, zab and etcd"`
	Quota   float64             `toml:"quota" json:",omitzero" example:"0.2" doc:"cores that all processes of a server get together, anew every 10 ms, so that servers do not take them from each other; below 1 or above; absent: as many as there are; live, and where it cannot be had (raftzab doctor says why) the cell is left out"`
	Timer   random.Distribution `toml:"timer" default:"constant(0s)" doc:"how late a server acts on a timeout that has ended; of raft, zab and etcd"`
}

// Raft's timeouts.
type Raft struct {
	ElectionTimeout  Range    `toml:"election_timeout" default:"150ms-300ms" least:"1us" doc:"drawn uniformly from this range each time the timer is set"`
	Heartbeat        Duration `toml:"heartbeat" least:"1us" doc:"the leader's interval; absent: half the least election timeout"`
	CandidateTimeout Range    `toml:"candidate_timeout" json:",omitzero" least:"1us" doc:"drawn where a candidate waits for votes; absent: as election_timeout; of raft and hashicorp"`
	PreVote          *bool    `toml:"prevote" json:",omitzero" doc:"a server asks whether it would get the votes before it raises its term; absent: false, but true for hashicorp, as in the product"`
	CheckQuorum      *bool    `toml:"check_quorum" json:",omitzero" doc:"a leader that has not heard from a majority steps down, and servers that hear from a leader ignore requests for votes; absent: false, but true for hashicorp, which cannot do without"`
	ClockDrift       float64  `toml:"clock_drift" json:",omitzero" example:"0.01" doc:"the bound on every clock's drift that leases reckon with, below 1; 0: no leases; needs check_quorum; of raft"`
	CommitNotice     string   `toml:"commit_notice" json:",omitzero" oneof:"heartbeat,eager" doc:"when followers hear of a commit: \"heartbeat\": with the next AppendEntries, whatever sends it (absent: this); \"eager\": at once; governs raft alone"`
	Backtrack        string   `toml:"backtrack" json:",omitzero" oneof:"term,one" doc:"how a leader finds where a log agrees with its own: \"term\": a term at a time (absent: this); \"one\": an entry at a time; of raft"`
	Window           int      `toml:"window" json:",omitzero" least:"1" doc:"AppendEntries with entries that may be under way to a server; absent: 64, and 512 for etcd, as in the product; of raft and etcd"`
	MaxEntries       int      `toml:"max_entries" json:",omitzero" least:"1" doc:"in one AppendEntries; absent: 1024, and 64 for hashicorp, as in the product; of raft and hashicorp"`
	ChunkSize        int      `toml:"chunk_size" json:",omitzero" least:"1" doc:"bytes of a snapshot in one message; absent: 65536; of raft"`
	Trailing         *int     `toml:"trailing" json:",omitzero" least:"0" doc:"entries behind a snapshot that the log keeps; absent: 1024; of raft"`
}

// Zab's timeouts, in ZooKeeper's terms.
type Zab struct {
	Tick            Duration `toml:"tick" default:"2s" least:"1us" doc:"ZooKeeper's tickTime"`
	InitLimit       int      `toml:"init_limit" default:"10" least:"1" doc:"ticks that a learner may take to connect and synchronise"`
	SyncLimit       int      `toml:"sync_limit" default:"5" least:"1" doc:"ticks of silence after which a learner or its leader gives the other up"`
	FinalizeWait    Duration `toml:"finalize_wait" default:"200ms" doc:"silence that must follow a quorum of votes; a constant in ZooKeeper"`
	MinNotification Duration `toml:"min_notification_interval" default:"200ms" least:"1us" doc:"first wait before votes are sent again; doubles each time"`
	MaxNotification Duration `toml:"max_notification_interval" default:"60s" least:"1us" doc:"longest such wait"`
	ConnectRetry    Duration `toml:"connect_retry" json:",omitzero" default:"100ms" least:"1us" doc:"wait before a learner tries again to connect to the leader, which it does five times; of zab"`
	ObserverDelay   Duration `toml:"observer_election_delay" json:",omitzero" default:"200ms" doc:"an observer that lost its leader waits up to so long, drawn uniformly, before it looks for one; of zab"`
	CommittedLog    *int     `toml:"committed_log" json:",omitzero" least:"0" doc:"entries behind its newest snapshot that a server keeps, to bring learners level without it; absent: 500; of zab"`
	Sync            string   `toml:"sync" json:",omitzero" oneof:"zookeeper,quorum" doc:"what a client's sync waits for: \"zookeeper\": that what the leader has proposed is committed (absent: this); \"quorum\": for a transaction of its own; of zab"`
	JVM             []string `toml:"jvm" json:",omitzero" example:"[\"-Xmx512m\"]" doc:"flags of the servers' JVMs; absent: small heaps and the quick compiler alone, with which servers start soon; of zookeeper"`
	LastCounter     int      `toml:"last_counter" json:",omitzero" least:"1" doc:"of an epoch's transactions, at which its leader resigns; absent: 2^32-1; of zab"`
}

// Probe is the black box's view: clients that write all the time.
type Probe struct {
	Interval Duration `toml:"interval" doc:"between two writes of the client pinned to each voter; absent: no probes, outage_ms empty"`
	Timeline Duration `toml:"timeline" json:",omitzero" least:"1ms" example:"\"50ms\"" doc:"resolution of the time series by server of the first trial, who leads in its eyes and what became of the writes to it, which goes into timeline-<mode>-<system>.csv; absent: no such file"`
}

// Workload is clients that read and write. Without Clients there is none.
type Workload struct {
	Clients    int      `toml:"clients" least:"1" most:"10000" example:"10" doc:"how many; each has one session for its reads and one for its writes"`
	Rate       float64  `toml:"rate" example:"1000.0" doc:"operations per second that begin, of all clients together, whatever becomes of those before (open loop; latency counts from the instant that was meant); absent: each client asks when it has been answered (closed loop)"`
	Arrivals   string   `toml:"arrivals" oneof:"poisson,constant" doc:"of an open loop: at random instants, or at even intervals; absent: poisson"`
	Reads      float64  `toml:"reads" unit:"probability" example:"0.9" doc:"share of reads; the others are writes"`
	ReadMode   string   `toml:"read_mode" oneof:"local,leader,lease,readindex,sync" doc:"what a read is sure of; local: nothing, it is the state of the server that is asked (absent: this); leader: that this server believes to lead; lease: the same, from a lease and a bound on clock drift (raft); readindex: that it led after the read began (raft; hashicorp live: VerifyLeader); sync: ZooKeeper's sync, then local (zab, as its sync says; zookeeper)"`
	Attach     string   `toml:"attach" oneof:"any,leader,followers,observers" doc:"to which servers sessions of reads attach themselves, and those of writes where any server takes them (zab, zookeeper; elsewhere they are the leader's); absent: any, or leader where read_mode is leader, lease or readindex"`
	FindLeader string   `toml:"find_leader" json:",omitzero" oneof:"known,asked,each" doc:"how a client finds the leader, where an operation is the leader's; known: it is told whenever it attaches itself, as by a discovery service (absent: this); asked: it asks one server after the other, goes where that one sends it, and stays there; each: likewise, but each operation begins at the server that attach says"`
	Keys       int      `toml:"keys" least:"1" most:"1000000" doc:"absent: 100"`
	Skew       float64  `toml:"skew" example:"0.99" doc:"key i is chosen in proportion to i^-skew (zipf); absent: all alike"`
	ValueSize  int      `toml:"value_size" least:"8" most:"1048576" doc:"bytes; absent: 128"`
	Timeout    Duration `toml:"timeout" least:"1ms" doc:"after which a client gives an operation up, and moves to another server; absent: 1s"`
	Monotonic  *bool    `toml:"monotonic" doc:"a session tells each server how new a state it has seen, and one that is behind it refuses; absent: true for zab, as in ZooKeeper, else false"`
	Warmup     Duration `toml:"warmup" least:"1ms" example:"\"10s\"" doc:"live: for so long the clients work once before the first trial, when nothing goes wrong and nobody measures: a JVM compiles meanwhile; absent: the one trial that is not counted has to do"`
	Window     Duration `toml:"window" least:"1ms" example:"\"10ms\"" doc:"resolution of the time series of ended operations, which goes into windows-<mode>-<system>.csv; absent: no such file"`
	Batches    int      `toml:"visibility_batches" json:",omitzero" least:"10" most:"1000" example:"20" doc:"how soon writes are visible, as whole curves, goes into histograms-<mode>-<system>.csv, counted over so many batches of trials a cell, from which intervals are made; absent: no such file"`
}

// Planned is a fault of the schedule.
type Planned struct {
	At        random.Distribution  `toml:"at" required:"true" example:"\"uniform(1s, 1.075s)\"" doc:"from the start of the trial; a distribution spreads it over a heartbeat interval"`
	Phase     string               `toml:"phase" oneof:"heartbeat" doc:"of a fault of the leader: from at on it waits for the leader's next heartbeats, and fires uniformly within the interval that they begin; of raft and etcd"`
	Kind      fault.Kind           `toml:"kind" required:"true" doc:"what goes wrong; chaos: one thing after another, drawn from all that the system can have where it runs, half of it aimed at the leader, and mended about as often; start: of a server of cluster.absent; flap: links go down and come up again and again, all those of target, or from one side to the other"`
	Target    fault.Target         `toml:"target" doc:"whom: leader, follower, best, random, minority, majority, observer or node:3; found when the fault fires; of transfer: to whom; of cut: the same as from; of partition: whom the groups call 1, while the others, drawn, are 2, 3, ... in all such partitions of a trial"`
	For       Duration             `toml:"for" least:"1us" example:"\"5s\"" doc:"undone after this; absent: never; of chaos and flap: how long it lasts, and then all is mended"`
	Every     *random.Distribution `toml:"every" json:",omitzero" example:"\"uniform(200ms, 900ms)\"" doc:"of chaos: between two strikes, 1ms at least; absent: uniform(200ms, 900ms)"`
	Down      *random.Distribution `toml:"down" json:",omitzero" example:"\"uniform(200ms, 900ms)\"" doc:"of flap: how long the links are down each time, 1ms at least"`
	Up        *random.Distribution `toml:"up" json:",omitzero" example:"\"uniform(200ms, 900ms)\"" doc:"of flap: how long they are up in between, 1ms at least"`
	Groups    [][]protocols.NodeID `toml:"groups" example:"[[1, 2], [3, 4, 5]]" doc:"of partition: who can talk to whom; a server that is in several hears those who do not hear each other"`
	From      fault.Target         `toml:"from" doc:"of cut, heal, link and flap: senders"`
	To        fault.Target         `toml:"to" doc:"of cut, heal, link and flap: receivers; absent: all the others"`
	Delay     *random.Distribution `toml:"delay" doc:"of link: one way"`
	Loss      *float64             `toml:"loss" unit:"probability" doc:"of link; below 1"`
	Duplicate *float64             `toml:"duplicate" json:",omitzero" unit:"probability" doc:"of link, of datagrams, and live of packets"`
	Reorder   *float64             `toml:"reorder" json:",omitzero" unit:"probability" doc:"of link, of datagrams, and live of packets"`
	Bandwidth *float64             `toml:"bandwidth" json:",omitzero" example:"10_000_000" doc:"of link: bits per second; 0: as fast as it goes; live, over the switch"`
	Fsync     *random.Distribution `toml:"fsync" doc:"of disk"`
	Fail      bool                 `toml:"fail" json:",omitzero" doc:"of disk: the next fsync fails, which ends the process as a crash does"`
	Skew      Duration             `toml:"skew" json:",omitzero" doc:"of clock: it jumps forward by this"`
	Drift     float64              `toml:"drift" json:",omitzero" example:"0.01" doc:"of clock: it runs 1 + drift times as fast from then on; between -1 and 1"`
}

// A Duration is written as "150ms".
type Duration protocols.Time

// Time returns d in the terms of the protocols.
func (d Duration) Time() protocols.Time { return protocols.Time(d) }

func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText is String.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what String writes; its errors say what to write instead.
func (d *Duration) UnmarshalText(text []byte) error {
	t, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%q is not a duration; write %s", text, instead(string(text)))
	}
	if t < 0 {
		return fmt.Errorf("%q is negative; write a duration from 0", text)
	}
	*d = Duration(t)
	return nil
}

// instead suggests the text with its blanks taken out, if that makes a duration.
func instead(s string) string {
	t := strings.ReplaceAll(s, " ", "")
	if _, err := time.ParseDuration(t); err == nil {
		return fmt.Sprintf("%q", t)
	}
	return "for instance \"150ms\""
}

// A Range is written as "150ms-300ms".
type Range struct{ Min, Max Duration }

func (r Range) String() string { return r.Min.String() + "-" + r.Max.String() }

// MarshalText is String.
func (r Range) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what String writes; its errors say what to write instead.
func (r *Range) UnmarshalText(text []byte) error {
	low, high, ok := strings.Cut(string(text), "-")
	if !ok {
		return fmt.Errorf("%q is not a range; write for instance \"150ms-300ms\"", text)
	}
	var x Range
	if err := x.Min.UnmarshalText([]byte(strings.TrimSpace(low))); err != nil {
		return err
	}
	if err := x.Max.UnmarshalText([]byte(strings.TrimSpace(high))); err != nil {
		return err
	}
	if x.Max < x.Min {
		return fmt.Errorf("%q is upside down; write \"%v-%v\"", text, x.Max, x.Min)
	}
	*r = x
	return nil
}
