package experiments

import "strings"

// onlyFor runs the scenario for one system more.
func onlyFor(system string) string {
	return "[[run]]\nmode = \"sim\"\nsystems = [\"" + system + "\"]\ntrials = 10\n"
}

var badOptions = []wrong{
	// Options of Raft.
	{`an option that is no truth`, `[raft]
prevote = "yes"
`,
		`x.toml:11: raft.prevote: "yes" is neither true nor false; write true or false`},
	{`a word that is no backtrack`, `[raft]
backtrack = "two"
`,
		`x.toml:11: raft.backtrack: "two" is not known; write "term" or "one"`},
	{`a lease without the servers' loyalty`, `[raft]
clock_drift = 0.01
`,
		`x.toml:11: raft.clock_drift: raft cannot have this: a lease rests on servers that ignore requests for votes; write check_quorum = true as well, or take it out`},
	{`a bound that no clock keeps`, `[raft]
check_quorum = true
clock_drift = 1.5
`,
		`x.toml:12: raft.clock_drift: 1.5 is no bound that a clock keeps; write a number from 0, below 1, for instance 0.01`},
	{`a window of nothing`, `[raft]
window = 0
`,
		`x.toml:11: raft.window: 0 is too few; write a number from 1`},
	{`what etcd cannot have`, onlyFor("etcd") + `[raft]
candidate_timeout = "1s-2s"
backtrack = "one"
max_entries = 5
chunk_size = 5
trailing = 0
`,
		`x.toml:15: raft.candidate_timeout: etcd cannot have this: it has one timeout for followers and candidates; take it out, or leave etcd out
x.toml:16: raft.backtrack: etcd cannot have this: it looks for the end of a follower's log in its own way; take it out, or leave etcd out
x.toml:17: raft.max_entries: etcd cannot have this: it bounds a message by its bytes; take it out, or leave etcd out
x.toml:18: raft.chunk_size: etcd cannot have this: it keeps its whole log here; take it out, or leave etcd out
x.toml:19: raft.trailing: etcd cannot have this: it keeps its whole log here; take it out, or leave etcd out`},
	{`what hashicorp cannot have`, onlyFor("hashicorp") + `[raft]
check_quorum = false
window = 3
`,
		`x.toml:15: raft.check_quorum: hashicorp cannot have this: its leaders always step down without a majority, and its servers always refuse votes while they have a leader; take it out, or leave hashicorp out
x.toml:16: raft.window: hashicorp cannot have this: it sends a server one AppendEntries at a time here; take it out, or leave hashicorp out`},
	{`timeouts and batches that hashicorp cannot have`, onlyFor("hashicorp") + `[raft]
candidate_timeout = "100ms-150ms"
max_entries = 5000
`,
		`x.toml:15: raft.candidate_timeout: hashicorp cannot have this: hashicorp/raft always draws from T to 2T, and no T below that of election_timeout; write for instance "150ms-300ms", or another range for it alone in [hashicorp]
x.toml:16: raft.max_entries: hashicorp cannot have this: 5000 are too many for hashicorp/raft; write a number up to 1024, or another for it alone in [hashicorp]`},
	// Processes.
	{`turns of trials that nothing disturbs`, strings.Replace(onlyFor("zab"), "trials", "turns = true\ntrials", 1),
		`x.toml:13: run[1].turns: nothing else disturbs simulated trials; take it out`},
	{`flags for what is no JVM`, onlyFor("zab") + `[zab]
jvm = ["-Xmx512m"]
`,
		`x.toml:15: zab.jvm: zab cannot have this: it is no JVM; take it out, or leave zab out`},
	{`flags that are no list`, `[zookeeper]
jvm = "-Xmx512m"
`,
		`x.toml:11: zookeeper.jvm: "-Xmx512m" is no list; write jvm = ["-Xmx512m"]`},
	// Who takes part.
	{`observers where there are none`, `observers = 1
` + onlyFor("hashicorp"),
		`x.toml:10: cluster.observers: hashicorp cannot have this: it has no observers here; take it out, or leave hashicorp out`},
	{`snapshots where the log is kept`, `snapshot_entries = 100
` + onlyFor("etcd"),
		`x.toml:10: cluster.snapshot_entries: etcd cannot have this: it keeps its whole log here; take it out, or leave etcd out`},
	{`an observer that is not there`, `[[fault]]
at = "2s"
kind = "crash"
target = "observer"
`,
		`x.toml:13: fault[0].target: there is no observer: cluster.observers is 0; write more, or another target`},
	{`a server beyond the observers`, `observers = 2
[[fault]]
at = "2s"
kind = "crash"
target = "node:8"
`,
		`x.toml:14: fault[0].target: there is no server 8: cluster.voters is 5 and cluster.observers 2; name one from 1 to 7`},
	// Channels.
	{`datagrams where order is needed`, `[network]
channel = "datagram"
` + onlyFor("zab"),
		`x.toml:11: network.channel: zab cannot have this: it needs channels that keep the order, and lose nothing while both ends live; take it out, or leave zab out`},
	{`a channel that is not known`, `[network]
channel = "udp"
`,
		`x.toml:11: network.channel: "udp" is not known; write "stream" or "datagram"`},
	{`copies on a stream`, `[network]
duplicate = 0.1
[[link]]
from = [1]
to = [2]
reorder = 0.1
[[fault]]
at = "2s"
kind = "link"
from = "leader"
duplicate = 0.1
`,
		`x.toml:11: network.duplicate: has no effect on streams, which put all in order again; write channel = "datagram" in [network], or take it out
x.toml:15: link[0].reorder: has no effect on streams, which put all in order again; write channel = "datagram" in [network], or take it out
x.toml:20: fault[0].duplicate: has no effect on streams, which put all in order again; write channel = "datagram" in [network], or take it out`},
	{`bandwidths that are none, and where none is`, `[network]
bandwidth = 10
[[link]]
from = [1]
to = [2]
bandwidth = 1e6
[[link]]
from = [2]
to = [1]
bandwidth = -1
[[fault]]
at = "2s"
kind = "link"
from = "leader"
bandwidth = inf
`,
		`x.toml:11: network.bandwidth: 10 is no bandwidth: it is in bits per second; write for instance 10_000_000, or 0 for as fast as it goes
x.toml:11: network.bandwidth: raft cannot have this: simulated messages take no time on the line, whatever their size; take it out, or write mode = "live"
x.toml:15: link[0].bandwidth: raft cannot have this: simulated messages take no time on the line, whatever their size; take it out, or write mode = "live"
x.toml:19: link[1].bandwidth: -1 is no bandwidth: it is in bits per second; write for instance 10_000_000, or 0 for as fast as it goes
x.toml:19: link[1].bandwidth: raft cannot have this: simulated messages take no time on the line, whatever their size; take it out, or write mode = "live"
x.toml:24: fault[0].bandwidth: +Inf is no bandwidth: it is in bits per second; write for instance 10_000_000, or 0 for as fast as it goes
x.toml:24: fault[0].bandwidth: raft cannot have this: simulated messages take no time on the line, whatever their size; take it out, or write mode = "live"`},
	// Single servers.
	{`a node without a number`, `[[node]]
clock_drift = 0.1
`,
		`x.toml:10: node[0].id: is missing; write id = [3]`},
	{`a node that is as before, and one told twice`, `[[node]]
id = [1]
[[node]]
id = [2, 1, 9]
clock_drift = 2
`,
		`x.toml:10: node[0]: changes nothing; write clock_drift = 0.01, clock_skew = "10ms", election_timeout = "150ms-300ms" or term = 1000
x.toml:13: node[1].id[2]: there is no server 9: cluster.voters is 5; name one from 1 to 5
x.toml:13: node[1].id[1]: 1 has a [[node]] already; write all of it there
x.toml:14: node[1].clock_drift: 2 is no drift that a clock has; write a number between -1 and 1, for instance 0.01`},
	{`clocks of servers that have none of their own`, `[[node]]
id = [1]
clock_skew = "1s"
` + onlyFor("hashicorp"),
		`x.toml:10: node: hashicorp cannot have this: its servers are all alike here; take it out, or leave hashicorp out`},
	{`a timeout of one server that is upside down`, `[[node]]
id = [1]
election_timeout = "200ms-100ms"
`,
		`x.toml:12: node[0].election_timeout: "200ms-100ms" is upside down; write "100ms-200ms"`},
	{`a timeout of a system that has none`, `[[node]]
id = [1]
election_timeout = "100ms-200ms"
` + onlyFor("zab"),
		`x.toml:12: node[0].election_timeout: zab cannot have this: it has no election timeout, but ticks; take it out, or leave zab out`},
	{`a term of a system that has none`, `[[node]]
id = [1]
term = 7
` + onlyFor("zab"),
		`x.toml:12: node[0].term: zab cannot have this: only raft and etcd in mode "sim" can find a term on their disks when they first start; leave zab out`},
	{`a term that is none`, `[[node]]
id = [1]
term = 0
`,
		`x.toml:12: node[0].term: 0 is too few; write a number from 1`},
	{`a timeout that heartbeats are not below, and a lease that would not last`, `[raft]
check_quorum = true
clock_drift = 0.01
[[node]]
id = [1]
election_timeout = "60ms-200ms"
`,
		`x.toml:10: raft.heartbeat: raft cannot have this: 75ms is not below the least election timeout 60ms; write for instance "30ms"
x.toml:15: node[0].election_timeout: raft cannot have this: a lease rests on servers that all wait as long; take this or clock_drift out`},
	// Faults.
	{`a failing disk that is slow too`, `[[fault]]
at = "2s"
kind = "disk"
target = "leader"
fail = true
fsync = "1s"
`,
		`x.toml:14: fault[0].fail: an fsync that fails takes no other time; take this or fsync out`},
	{`a failure that is undone`, `[[fault]]
at = "2s"
kind = "disk"
target = "leader"
fail = true
for = "1s"
`,
		`x.toml:15: fault[0].for: is too late to undo a failure: it is over when it has happened; take it out`},
	{`a disk that does not fail`, `[[fault]]
at = "2s"
kind = "disk"
target = "leader"
fail = false
`,
		`x.toml:14: fault[0].fail: false changes nothing; write true, or fsync in its place`},
	{`a clock that goes on as before`, `[[fault]]
at = "2s"
kind = "clock"
target = "leader"
drift = 0
`,
		`x.toml:10: fault[0]: changes nothing: the clock neither jumps nor drifts; write skew or drift`},
	{`a clock that runs backwards`, `[[fault]]
at = "2s"
kind = "clock"
target = "leader"
drift = -1
`,
		`x.toml:14: fault[0].drift: -1 is no drift that a clock has; write a number between -1 and 1, for instance 0.01`},
	{`a jump that is undone`, `[[fault]]
at = "2s"
kind = "clock"
target = "leader"
skew = "1s"
for = "1s"
`,
		`x.toml:15: fault[0].for: would undo nothing: a clock that has jumped does not go back; take it out, or give it a drift`},
	{`a transfer to the leader, and one that Zab cannot have`, `[[fault]]
at = "2s"
kind = "transfer"
target = "leader"
[[fault]]
at = "3s"
kind = "transfer"
target = "follower"
` + onlyFor("zab"),
		`x.toml:12: fault[0].kind: zab cannot have this: no fault of kind transfer when simulated; name another kind, or leave zab out
x.toml:13: fault[0].target: leader cannot be whom a leader hands over to: that is one voter who does not lead; write for instance "follower"
x.toml:16: fault[1].kind: zab cannot have this: no fault of kind transfer when simulated; name another kind, or leave zab out`},
	{`a transfer to who has no vote`, `observers = 1
[[fault]]
at = "2s"
kind = "transfer"
target = "node:6"
`,
		`x.toml:14: fault[0].target: node:6 cannot be whom a leader hands over to: that is one voter who does not lead; write for instance "follower"`},
	{`a partition around several`, `[[fault]]
at = "2s"
kind = "partition"
target = "minority"
groups = [[1, 2], [2, 3]]
`,
		`x.toml:13: fault[0].target: minority is not one voter: that is whom the groups call 1; write for instance "leader"`},
	{`groups that overlap until nobody is apart`, `[[fault]]
at = "2s"
kind = "partition"
groups = [[1, 2, 3], [3, 4, 5, 1, 2], [3, 5, 4]]
`,
		`x.toml:13: fault[0].groups: separates nobody; write for instance [[1], [2, 3]]`},
	{`what ZooKeeper cannot have`, `[[run]]
mode = "live"
systems = ["zookeeper"]
trials = 1
loopback = true
[zab]
sync = "quorum"
committed_log = 100
connect_retry = "50ms"
`,
		`x.toml:16: zab.sync: zookeeper cannot have this: it has one kind of sync; take it out, or leave zookeeper out
x.toml:17: zab.committed_log: zookeeper cannot have this: its committed log is left as the product has it; take it out, or leave zookeeper out
x.toml:18: zab.connect_retry: zookeeper cannot have this: 50ms: ZooKeeper runs with its own delay here; write "100ms"`},
	{`a sync that there is not`, `[zab]
sync = "leader"
last_counter = 0
`,
		`x.toml:11: zab.sync: "leader" is not known; write "zookeeper" or "quorum"
x.toml:12: zab.last_counter: 0 is too few; write a number from 1`},
	// The time watched.
	{`nothing to watch`, `[[case]]
name = "a"
observe = "5s"
`,
		`x.toml:12: case[0].observe: begins with the first fault, and there is none; write a [[fault]] or a [workload], or take it out`},
	{`a watch past the limit`, `[[case]]
name = "a"
observe = "59s"
[[fault]]
at = "2s"
kind = "crash"
target = "leader"
`,
		`x.toml:12: case[0].observe: ends as late as 1m1s, when limit (1m0s) has ended the trial; write less, or a greater limit`},
	{`a fault when nobody watches any more`, `[[case]]
name = "a"
observe = "5s"
[[fault]]
at = "2s"
kind = "crash"
target = "leader"
for = "1s"
[[fault]]
at = "uniform(8s, 9s)"
kind = "isolate"
target = "leader"
`,
		`x.toml:19: fault[1].at: fires at 8s, when observe (5s) has ended the trial; write less, or a greater observe`},
	// Columns that must be asked for.
	{`columns that are none, or stand twice`, `[[case]]
name = "a"
columns = ["overlap", "votes_unheard", "votes_unheard"]
`,
		`x.toml:12: case[0].columns[0]: "overlap" is not known; write "overlap_ms" or "connect_retries" or "votes_unheard" or "votes_refused" or "winner_votes" or "join_ms" or "timer_min_ms" or "timer_max_ms" or "level" or "minority_write" or "minority_write_ms" or "majority_write_ms" or "minority_kept" or "level_ms" or "minority_acknowledged" or "minority_refused" or "minority_unknown" or "minority_unanswered" or "follow_ms" or "recove…`},
	{`a column twice`, `[[case]]
name = "a"
columns = ["votes_unheard", "votes_unheard"]
`,
		`x.toml:12: case[0].columns: "votes_unheard" stands twice; leave one`},
	{`levels of a trial that has no second before its end`, `[[case]]
name = "a"
columns = ["level"]
`,
		`x.toml:12: case[0].columns: level compares the last second of observe with its end; write observe = "10s", or take it out`},
	{`an overlap with a leader that is dead`, `[[fault]]
at = "2s"
kind = "crash"
target = "leader"
[[case]]
name = "a"
columns = ["overlap_ms"]
`,
		`x.toml:16: case[0].columns: overlap_ms is of a leader that is deposed and lives: no fault does that; write one of kind isolate, partition, cut or pause, or take it out`},
	{`a join of nobody, to entries that nobody writes`, `[[fault]]
at = "2s"
kind = "crash"
target = "leader"
[[case]]
name = "a"
columns = ["join_ms"]
`,
		`x.toml:16: case[0].columns: join_ms is of a server that is started: no fault does that; write one of kind start, give a crash or power-off a "for", or take it out
x.toml:16: case[0].columns: join_ms ends with an entry of the leader's, and nobody writes any; write interval = "2ms" in [probe], or take it out`},
	{`an overlap within a stated time`, `[[fault]]
at = "2s"
kind = "isolate"
target = "leader"
[[case]]
name = "a"
observe = "5s"
columns = ["overlap_ms"]
`,
		`x.toml:17: case[0].columns: overlap_ms has a trial go on until the deposed leader has left, and observe for a stated time; take one of the two out`},
}
