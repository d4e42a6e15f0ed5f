package experiments

const watchedFor5s = `[[case]]
name = "a"
observe = "5s"
`

var badWorkloads = []wrong{
	{`a workload of nobody`, `[workload]
rate = 100
`,
		`x.toml:10: workload.clients: is missing; write for instance clients = 10`},
	{`a workload without end`, `[workload]
clients = 10
`,
		`x.toml:11: workload.clients: work for a stated time, and there is none; write observe = "10s" above the first [section]`},
	{`a workload past the limit`, `[workload]
clients = 10
timeout = "3s"
[[case]]
name = "a"
observe = "57s"
`,
		`x.toml:1: limit: 1m0s is not enough: observe ends as late as 58s, and clients wait up to 3s more for their last answers; write more`},
	{`a share above one`, `[workload]
clients = 10
reads = 90
` + watchedFor5s,
		`x.toml:12: workload.reads: 90 is no probability; write a number from 0 to 1, for instance 0.05`},
	{`rates and exponents out of range`, `[workload]
clients = 10
rate = 2e6
skew = -1
` + watchedFor5s,
		`x.toml:12: workload.rate: 2e+06 is no rate; write operations per second, up to 1e+06, or take it out for a closed loop
x.toml:13: workload.skew: -1 is no exponent for zipf; write a number from 0 to 10`},
	{`visibility that nobody looks for`, `[workload]
clients = 10
visibility_batches = 20
` + watchedFor5s,
		`x.toml:12: workload.visibility_batches: are of reads, and nobody reads; write for instance reads = 0.5, or take it out`},
	{`arrivals in a closed loop`, `[workload]
clients = 10
arrivals = "constant"
` + watchedFor5s,
		`x.toml:12: workload.arrivals: is of an open loop; write a rate, or take it out`},
	{`a mode that there is not`, `[workload]
clients = 10
read_mode = "linearizable"
` + watchedFor5s,
		`x.toml:12: workload.read_mode: "linearizable" is not known; write "local" or "leader" or "lease" or "readindex" or "sync"`},
	{`modes that systems cannot have`, `[workload]
clients = 10
read_mode = "sync"
[[case]]
name = "a"
observe = "5s"
[[case]]
name = "b"
observe = "5s"
"workload.read_mode" = "readindex"
[[run]]
mode = "sim"
systems = ["zab", "etcd", "hashicorp"]
trials = 10
cases = ["b"]
`,
		`x.toml:12: workload.read_mode: raft cannot have this: no reads of mode "sync" when simulated; write "local" or "leader" or "readindex" or "lease", or leave raft out
x.toml:19: case[1]."workload.read_mode": zab cannot have this: no reads of mode "readindex" when simulated; write "local" or "leader" or "sync", or leave zab out
x.toml:19: case[1]."workload.read_mode": etcd cannot have this: no reads of mode "readindex" when simulated; write "local" or "leader", or leave etcd out
x.toml:19: case[1]."workload.read_mode": hashicorp cannot have this: no reads of mode "readindex" when simulated; write "local" or "leader", or leave hashicorp out`},
	{`a lease without a bound`, `[workload]
clients = 10
read_mode = "lease"
` + watchedFor5s,
		`x.toml:12: workload.read_mode: raft cannot have this: a lease needs a bound on the clocks' drift; write clock_drift = 0.01 and check_quorum = true in [raft]`},
	{`the leader's reads elsewhere`, `[workload]
clients = 10
read_mode = "readindex"
attach = "followers"
` + watchedFor5s,
		`x.toml:13: workload.attach: reads of mode "readindex" are the leader's; write "leader", or take it out`},
	{`observers that there are not`, `[workload]
clients = 10
attach = "observers"
` + watchedFor5s,
		`x.toml:12: workload.attach: there are no observers; write cluster.observers, or "any"`},
	{`clients that level the logs`, `behind = 1
[workload]
clients = 10
` + watchedFor5s,
		`x.toml:12: workload.clients: would undo what cluster.behind and phase are for: logs that differ; take one of them out`},
	{`what ZooKeeper's clients do not tell each other`, `[[run]]
mode = "live"
systems = ["zookeeper"]
trials = 10
[zab]
tick = "45ms"
[workload]
clients = 10
monotonic = true
` + watchedFor5s,
		`x.toml:18: workload.monotonic: zookeeper cannot have this: its clients have a connection of their own to each server here; take it out, or leave zookeeper out`},
}
