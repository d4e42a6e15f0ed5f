package experiments

var badPlans = []wrong{
	// What figure 16 wants.
	{`more servers behind than a commit can miss`, `behind = 3
`,
		`x.toml:10: cluster.behind: 3 are too many: what they lack must be on a majority of 5 voters to be committed; write a number up to 2`},
	{`servers behind in a system that cannot have them`, `behind = 1
[[run]]
mode = "sim"
systems = ["zab"]
trials = 10
`,
		`x.toml:10: cluster.behind: zab cannot have this: only raft and etcd in mode "sim" can have servers that are behind; leave zab out`},
	{`a phase that is not known`, `[[fault]]
at = "2s"
phase = "moon"
kind = "crash"
target = "leader"
`,
		`x.toml:12: fault[0].phase: "moon" is not known; write "heartbeat"`},
	{`a phase of somebody who sends no heartbeats`, `[[fault]]
at = "2s"
phase = "heartbeat"
kind = "crash"
target = "follower"
`,
		`x.toml:12: fault[0].phase: is that of the leader's heartbeats; write target = "leader", or take it out`},
	{`a phase of what strikes no server`, `[[fault]]
at = "2s"
phase = "heartbeat"
kind = "partition"
groups = [[1], [2, 3]]
`,
		`x.toml:12: fault[0].phase: kind = "partition" has no such parameter; take it out`},
	{`a phase past the limit`, `[[fault]]
at = "59.9s"
phase = "heartbeat"
kind = "crash"
target = "leader"
`,
		`x.toml:11: fault[0].at: may fire at 1m0.05s, when limit (1m0s) has ended the trial; write "uniform(1s, 1.075s)"`},
	{`cores that are slow where nothing computes in virtual time`, `[cpu]
message = "20us"
[[run]]
mode = "sim"
systems = ["hashicorp"]
trials = 10
`,
		`x.toml:11: cpu.message: hashicorp cannot have this: its work takes no virtual time; take it out, or leave hashicorp out`},
	{`late timers where the runtime has them`, `[cpu]
timer = "1ms"
[[run]]
mode = "sim"
systems = ["hashicorp"]
trials = 10
`,
		`x.toml:11: cpu.timer: hashicorp cannot have this: its timers are the Go runtime's; take it out, or leave hashicorp out`},
	// Faults.
	{`a restart of a server that runs`, `[[fault]]
at = "2s"
kind = "restart"
target = "node:1"
`,
		`x.toml:10: fault[0]: restarts node:1, which runs; crash it before, or take this out`},
	{`a restart of whoever leads`, `[[fault]]
at = "2s"
kind = "restart"
target = "leader"
`,
		`x.toml:13: fault[0].target: leader is found among servers that run: kind = "restart" needs a fixed one; write "node:1", or give the earlier fault a "for"`},
	{`a restart of a server that restarts by itself`, `[[fault]]
at = "2s"
kind = "crash"
target = "node:1"
for = "5s"
[[fault]]
at = "3s"
kind = "restart"
target = "node:1"
`,
		`x.toml:15: fault[1]: restarts node:1, which starts again by itself: fault[0] has a "for"; take one of the two out`},
	{`a crash of a server that is down`, `[[fault]]
at = "2s"
kind = "crash"
target = "node:1"
[[fault]]
at = "3s"
kind = "power-off"
target = "node:1"
`,
		`x.toml:14: fault[1]: switches off node:1, which is down since fault[0]; let the one end before the other begins`},
	{`a crash of a server that is paused`, `[[fault]]
at = "2s"
kind = "pause"
target = "node:1"
for = "2s"
[[fault]]
at = "3s"
kind = "crash"
target = "node:1"
`,
		`x.toml:15: fault[1]: crashes node:1, which is paused since fault[0]; let the one end before the other begins`},
	{`a pause of a server that is down`, `[[fault]]
at = "2s"
kind = "crash"
target = "node:1"
for = "2s"
[[fault]]
at = "3s"
kind = "pause"
target = "node:1"
`,
		`x.toml:15: fault[1]: pauses node:1, which is down since fault[0]; let the one end before the other begins`},
	{`a resumption of a server that is not paused`, `[[fault]]
at = "2s"
kind = "resume"
target = "node:1"
`,
		`x.toml:10: fault[0]: resumes node:1, which is not paused; pause it before, or take this out`},
	{`an order left to chance`, `[[fault]]
at = "uniform(2s, 4s)"
kind = "crash"
target = "node:1"
[[fault]]
at = "3s"
kind = "restart"
target = "node:1"
`,
		`x.toml:14: fault[1]: may come before fault[0], which starts as late as 4s: chance would order them; let their times not overlap`},
	{`a heal with nothing to heal`, `[[fault]]
at = "2s"
kind = "heal"
`,
		`x.toml:10: fault[0]: has nothing to heal at 2s; let a partition, isolate or cut come before it, or take it out`},
	{`a heal of what has healed`, `[[fault]]
at = "2s"
kind = "isolate"
target = "leader"
for = "500ms"
[[fault]]
at = "3s"
kind = "heal"
`,
		`x.toml:15: fault[1]: has nothing to heal at 3s; let a partition, isolate or cut come before it, or take it out`},
	{`a fault before the warmup is over`, `[[fault]]
at = "500ms"
kind = "crash"
target = "leader"
`,
		`x.toml:11: fault[0].at: may fire at 500ms, before warmup (1s) is over; write "uniform(1s, 1.075s)"`},
	{`a fault past the limit`, `[[fault]]
at = "61s"
kind = "crash"
target = "leader"
`,
		`x.toml:11: fault[0].at: may fire at 1m1s, when limit (1m0s) has ended the trial; write "uniform(1s, 1.075s)"`},
	{`a fault that may come at any time`, `[[fault]]
at = "pareto(2s, 2)"
kind = "crash"
target = "leader"
`,
		`x.toml:11: fault[0].at: pareto(2s, 2) may fire at any time, past limit (1m0s) too; write "uniform(1s, 1.075s)"`},
	{`a target that does not exist`, `[[fault]]
at = "2s"
kind = "crash"
target = "node:9"
`,
		`x.toml:13: fault[0].target: there is no server 9: cluster.voters is 5; name one from 1 to 5`},
	{`a target of no kind`, `[[fault]]
at = "2s"
kind = "crash"
target = "leeder"
`,
		`x.toml:13: fault[0].target: "leeder" is no target; there are leader, follower, best, random, minority, majority, observer, node:3; the nearest is leader`},
	{`a target that a case takes away`, `[[fault]]
at = "2s"
kind = "crash"
target = "node:4"
[[case]]
name = "small"
"cluster.voters" = 3
`,
		`x.toml:13: fault[0].target: there is no server 4: cluster.voters is 3; name one from 1 to 3`},
	{`a follower of nobody`, `[[fault]]
at = "2s"
kind = "crash"
target = "follower"
[sweep]
"cluster.voters" = [1, 3]
`,
		`x.toml:13: fault[0].target: there is no follower: cluster.voters is 1; write more voters, or another target`},
	{`a kind that does not exist`, `[[fault]]
at = "2s"
kind = "poweroff"
target = "leader"
`,
		`x.toml:12: fault[0].kind: "poweroff" is no kind of fault; there are crash, power-off, restart, pause, resume, partition, isolate, cut, heal, link, disk, clock, transfer, chaos, start, flap; the nearest is power-off`},
	{`a fault that says nothing`, `[[fault]]
`,
		`x.toml:10: fault[0].at: is missing; write at = "uniform(1s, 1.075s)"
x.toml:10: fault[0].kind: is missing; write kind = "crash"`},
	{`a parameter that is missing`, `[[fault]]
kind = "disk"
`,
		`x.toml:10: fault[0].at: is missing; write at = "uniform(1s, 1.075s)"
x.toml:10: fault[0].target: is missing: kind = "disk" needs it; write target = "leader"
x.toml:10: fault[0]: changes nothing: kind = "disk" needs fsync or fail; write one`},
	{`a parameter of another kind`, `[[fault]]
at = "2s"
kind = "crash"
target = "leader"
groups = [[1], [2]]
`,
		`x.toml:14: fault[0].groups: kind = "crash" has no such parameter; take it out`},
	{`an end for what has none`, `[[fault]]
at = "2s"
kind = "heal"
for = "1s"
`,
		`x.toml:10: fault[0]: has nothing to heal at 2s; let a partition, isolate or cut come before it, or take it out
x.toml:13: fault[0].for: kind = "heal" has no such parameter; take it out`},
	{`an end at once`, `[[fault]]
at = "2s"
kind = "crash"
target = "leader"
for = "0s"
`,
		`x.toml:14: fault[0].for: "0s" is below 1us; write more`},
	{`groups that overlap, miss and are empty`, `[[fault]]
at = "2s"
kind = "partition"
groups = [[1, 2], [2, 7], []]
`,
		`x.toml:13: fault[0].groups[1][1]: there is no server 7: cluster.voters is 5; name one from 1 to 5
x.toml:13: fault[0].groups[2]: is empty; name a server, for instance [1]`},
	{`groups that separate nobody`, `[[fault]]
at = "2s"
kind = "partition"
groups = [[1, 2, 3, 4, 5]]
`,
		`x.toml:13: fault[0].groups: separates nobody; write for instance [[1], [2, 3]]`},
	{`a cut from a server to itself`, `[[fault]]
at = "2s"
kind = "cut"
from = "node:1"
to = "node:1"
`,
		`x.toml:14: fault[0].to: node:1 is where it comes from: nobody has a link to itself; name another server`},
	{`a link that is as before`, `[[fault]]
at = "2s"
kind = "link"
from = "node:1"
`,
		`x.toml:10: fault[0]: changes nothing: kind = "link" needs delay or loss or duplicate or reorder or bandwidth; write one`},
	{`chaos that says not how long`, `[[fault]]
at = "2s"
kind = "chaos"
target = "leader"
`,
		`x.toml:10: fault[0].for: is missing: kind = "chaos" needs it; write for = "5s"
x.toml:13: fault[0].target: kind = "chaos" has no such parameter; take it out`},
	{`chaos that never rests, and a gap where there is none`, `[[fault]]
at = "2s"
kind = "chaos"
for = "1s"
every = "0s"
[[fault]]
at = "4s"
kind = "isolate"
target = "leader"
every = "1s"
`,
		`x.toml:14: fault[0].every: constant(0s) leaves no time between two strikes, which is 1ms at least; write for instance "uniform(200ms, 900ms)"
x.toml:19: fault[1].every: kind = "isolate" has no such parameter; take it out`},
	{`what else goes wrong in chaos`, `[[fault]]
at = "uniform(2s, 3s)"
kind = "chaos"
for = "2s"
[[fault]]
at = "1s"
kind = "crash"
target = "leader"
[[fault]]
at = "1s"
kind = "clock"
target = "leader"
skew = "1s"
[[fault]]
at = "1s"
kind = "pause"
target = "node:2"
for = "999ms"
[[fault]]
at = "5s"
kind = "pause"
target = "node:2"
[[fault]]
at = "4.5s"
kind = "chaos"
for = "1s"
`,
		`x.toml:14: fault[1]: may come while fault[0] lasts, which is chaos: it mends all, and knows of nothing but its own; let the one end before the other begins
x.toml:14: fault[1]: may come while fault[5] lasts, which is chaos: it mends all, and knows of nothing but its own; let the one end before the other begins
x.toml:28: fault[4]: may come while fault[5] lasts, which is chaos: it mends all, and knows of nothing but its own; let the one end before the other begins
x.toml:32: fault[5]: may come while fault[0] lasts, which is chaos: it mends all, and knows of nothing but its own; let the one end before the other begins`},
	{`links to nobody`, `[[link]]
from = [1]
to = [1]
[[link]]
from = [0]
to = [9]
loss = 0.1
`,
		`x.toml:10: link[0]: changes nothing; write delay = "constant(40ms)" or loss = 0.05
x.toml:12: link[0].to: [1] is where it comes from: nobody has a link to itself; name another server
x.toml:14: link[1].from[0]: 0 is no server; servers are numbered from 1
x.toml:15: link[1].to[0]: there is no server 9: cluster.voters is 5; name one from 1 to 5`},
	// Runs.
	{`no trials`, `[[run]]
mode = "sim"
systems = ["zab"]
trials = 0
`,
		`x.toml:13: run[1].trials: 0 is too few; write a number from 1`},
	{`a mode and a system that do not exist`, `[[run]]
mode = "sin"
systems = ["rafft"]
trials = 1
`,
		`x.toml:11: run[1].mode: "sin" is not known; write "sim" or "live" or "conversation"
x.toml:12: run[1].systems[0]: there is no system "rafft"; the nearest is raft`},
	{`no systems`, `[[run]]
mode = "sim"
systems = []
trials = 1
`,
		`x.toml:12: run[1].systems: is empty; write for instance systems = ["raft", "zab"]`},
	{`a system in a world that it cannot run in`, `[[run]]
mode = "sim"
systems = ["zookeeper"]
trials = 1
`,
		`x.toml:12: run[1].systems[0]: zookeeper does not run in mode "sim"; write "live", or leave it out`},
	{`a fault that no live system has`, `[[run]]
mode = "live"
systems = ["hashicorp"]
trials = 1
[[fault]]
at = "2s"
kind = "clock"
target = "leader"
drift = 0.01
`,
		`x.toml:16: fault[0].kind: hashicorp cannot have this: no fault of kind clock when live; name another kind, or leave hashicorp out`},
	{`a simulated run with loopback`, `[[run]]
mode = "sim"
systems = ["zab"]
trials = 1
loopback = true
`,
		`x.toml:14: run[1].loopback: simulated runs have no loopback; take it out, or set network.delay = "constant(10us)"`},
	{`a case that does not exist`, `[[run]]
mode = "sim"
systems = ["zab"]
trials = 1
cases = ["crush"]
[[case]]
name = "crash"
`,
		`x.toml:14: run[1].cases[0]: there is no case "crush"; the nearest is crash`},
	{`a case without any`, `[[run]]
mode = "sim"
systems = ["zab"]
trials = 1
cases = ["crash"]
`,
		`x.toml:14: run[1].cases[0]: there is no case "crash"; write a [[case]] of this name`},
	{`two runs of the same cell`, `[[run]]
mode = "sim"
systems = ["zab", "raft"]
trials = 1
`,
		`x.toml:10: run[1]: makes the same cell as run[0] (sim, raft); name other cases or systems`},
	{`two cases of the same name, and one of none`, `[[case]]
name = "a"
[[case]]
name = "a"
[[case]]
`,
		`x.toml:13: case[1].name: "a" stands twice; give each case a name of its own
x.toml:14: case[2].name: is missing; write name = "crash"`},
	{`a name that is no name of a file`, `[[case]]
name = "../a"
`,
		`x.toml:11: case[0].name: "../a" is no name of a case; write letters, digits and hyphens, for instance "power-off"`},
	{`a setting that the system cannot have`, `[raft]
heartbeat = "200ms"
`,
		`x.toml:11: raft.heartbeat: raft cannot have this: 200ms is not below the least election timeout 150ms; write for instance "75ms"`},
	{`a time-out that hashicorp cannot have`, `[[run]]
mode = "sim"
systems = ["hashicorp"]
trials = 1
[hashicorp]
election_timeout = "150ms-200ms"
`,
		`x.toml:15: hashicorp.election_timeout: hashicorp cannot have this: hashicorp/raft always draws from T to 2T; write for instance "150ms-300ms", or another range for it alone in [hashicorp]`},
	{`a wait that ZooKeeper cannot have`, `[[run]]
mode = "live"
systems = ["zookeeper"]
trials = 1
loopback = true
[zab]
finalize_wait = "100ms"
`,
		`x.toml:16: zab.finalize_wait: zookeeper cannot have this: 100ms: in ZooKeeper it is a constant; write "200ms"`},
	{`a fault that ZooKeeper cannot have`, `[[run]]
mode = "live"
systems = ["zookeeper"]
trials = 1
loopback = true
[[fault]]
at = "2s"
kind = "power-off"
target = "leader"
`,
		`x.toml:17: fault[0].kind: zookeeper cannot have this: no fault of kind power-off when live on loopback; name another kind, or leave zookeeper out`},
	// Sweeps.
	{`an empty sweep`, `[sweep]
`,
		`x.toml:10: sweep: names no key; write for instance "cluster.voters" = [3, 5], or take it out`},
	{`a sweep of no values`, `[sweep]
"network.loss" = []
`,
		`x.toml:11: sweep."network.loss": has no values to sweep; write a list of them, for instance [3, 5]`},
	{`a sweep of one value without brackets`, `[sweep]
"network.loss" = 0.5
`,
		`x.toml:11: sweep."network.loss": has no values to sweep; write a list of them, for instance [3, 5]`},
	{`the same value twice`, `[sweep]
"network.loss" = [0, 0.0]
`,
		`x.toml:11: sweep."network.loss"[1]: 0 stands twice; leave one`},
	{`a value that does not fit`, `[sweep]
"network.loss" = [
  0,
  3,
]
`,
		`x.toml:13: sweep."network.loss"[1]: 3 is no probability; write a number from 0 to 1, for instance 0.05`},
	{`a section`, `[sweep]
"network" = [1]
`,
		`x.toml:11: sweep.network[0]: is a section; name a key in it, for instance network.delay`},
	{`what is the same for all cells`, `[sweep]
"title" = ["a"]
`,
		`x.toml:11: sweep.title[0]: is the same for all cells: it cannot be varied; take it out`},
	{`a fault that does not exist`, `[sweep]
"fault[0].kind" = ["crash"]
`,
		`x.toml:11: sweep."fault[0].kind"[0]: there is no fault[0]: x.toml has no [[fault]]; add it there, or name another`},
	{`a list without a place`, `[sweep]
"fault.kind" = ["crash"]
`,
		`x.toml:11: sweep."fault.kind"[0]: fault is a list of sections; write for instance fault[0].at`},
	{`what a case sets too`, `[[case]]
name = "a"
"network.loss" = 0.1
[sweep]
"network.loss" = [0, 0.2]
`,
		`x.toml:14: sweep."network.loss": is set by case "a" too; take it out of one of the two`},
	{`ten thousand cells and more`, `[sweep]
"cluster.voters" = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
"network.loss" = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
"zab.sync_limit" = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
"zab.init_limit" = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]
`,
		`x.toml:10: sweep: makes more than 10000 cells; write fewer values, or several files`},
}
