package experiments

// Who comes late, and what comes and goes.
var badComing = []wrong{
	// Absent servers.
	{`servers that are nobody, twice`, `absent = [6, 4, 4]
`,
		`x.toml:10: cluster.absent[0]: there is no server 6: cluster.voters is 5; name one from 1 to 5
x.toml:10: cluster.absent[2]: 4 stands twice; leave one`},
	{`no majority to begin with`, `absent = [3, 4, 5]
`,
		`x.toml:10: cluster.absent: leaves 2 of 5 voters, who are no majority: there would be no leader to begin with; leave out 2 at most`},
	{`a stage without all`, `absent = [5]
behind = 1
`,
		`x.toml:10: cluster.absent: cannot stand beside cluster.behind or a fault's phase: these set the stage with all servers; take one of the two out`},
	{`a start of a server that runs`, `[[fault]]
at = "2s"
kind = "start"
target = "node:1"
`,
		`x.toml:10: fault[0]: starts node:1, which runs; this is for servers of cluster.absent, once for each: write it there, or take this out`},
	{`a start of whoever is there`, `[[fault]]
at = "2s"
kind = "start"
target = "random"
`,
		`x.toml:13: fault[0].target: random is found among servers that run: kind = "start" needs one of cluster.absent; write for instance "node:5"`},
	{`starts that come twice, or of who has crashed`, `absent = [5]
[[fault]]
at = "2s"
kind = "start"
target = "node:5"
[[fault]]
at = "3s"
kind = "start"
target = "node:5"
[[fault]]
at = "4s"
kind = "crash"
target = "node:5"
[[fault]]
at = "5s"
kind = "start"
target = "node:5"
`,
		`x.toml:15: fault[1]: starts node:5, which runs; this is for servers of cluster.absent, once for each: write it there, or take this out
x.toml:23: fault[3]: starts node:5, which is down since fault[2]; write kind = "restart"`},
	{`what only those suffer who are there`, `absent = [4, 5]
[[fault]]
at = "2s"
kind = "crash"
target = "node:5"
for = "500ms"
[[fault]]
at = "2s"
kind = "restart"
target = "node:4"
[[fault]]
at = "3s"
kind = "chaos"
for = "5s"
`,
		`x.toml:11: fault[0]: crashes node:5, which is absent; let a fault of kind start come before it
x.toml:16: fault[1]: restarts node:4, which is absent; let a fault of kind start come before it
x.toml:20: fault[2]: knows of no server that is absent, as 4 is; let a fault of kind start come before it
x.toml:20: fault[2]: knows of no server that is absent, as 5 is; let a fault of kind start come before it`},
	// Flaps.
	{`a flap of nothing, for no time`, `[[fault]]
at = "2s"
kind = "flap"
down = "10us"
up = "constant(0s)"
to = "leader"
`,
		`x.toml:10: fault[0].for: is missing: kind = "flap" needs it; write for = "5s"
x.toml:10: fault[0]: changes nothing: kind = "flap" needs target or from; write one
x.toml:13: fault[0].down: constant(10µs) leaves no time without the link, which is 1ms at least; write for instance "uniform(200ms, 900ms)"
x.toml:14: fault[0].up: constant(0s) leaves no time with the link, which is 1ms at least; write for instance "uniform(200ms, 900ms)"
x.toml:15: fault[0].to: has no "from" beside it; write it, or take this out`},
	{`a flap of a server and of some of its links`, `[[fault]]
at = "2s"
kind = "flap"
for = "5s"
down = "10ms"
up = "10ms"
target = "leader"
from = "leader"
`,
		`x.toml:16: fault[0].target: has a "from" beside it: all links of a server, or those from some to others; take one of the two out`},
	{`cuts of links that flap`, `[[fault]]
at = "2s"
kind = "flap"
for = "5s"
down = "10ms"
up = "10ms"
target = "leader"
[[fault]]
at = "6s"
kind = "isolate"
target = "random"
[[fault]]
at = "7.5s"
kind = "crash"
target = "node:1"
[[fault]]
at = "6.5s"
kind = "flap"
for = "5s"
down = "10ms"
up = "10ms"
from = "node:1"
to = "node:2"
`,
		`x.toml:17: fault[1]: may come while the links of fault[0] flap: each would mend what the other has cut; let the one end before the other begins
x.toml:17: fault[1]: may come while the links of fault[3] flap: each would mend what the other has cut; let the one end before the other begins
x.toml:25: fault[3]: may come while the links of fault[0] flap: each would mend what the other has cut; let the one end before the other begins`},
	{`a flap where links have no faults`, `[[run]]
mode = "live"
systems = ["zab"]
trials = 1
loopback = true
[[fault]]
at = "2s"
kind = "flap"
for = "5s"
down = "10ms"
up = "10ms"
target = "leader"
`,
		`x.toml:17: fault[0].kind: zab cannot have this: no fault of kind flap when live on loopback; name another kind, or leave zab out`},
}
