package experiments

var badTogether = []wrong{
	{`a fault that nothing mends`, `[[fault]]
at = "2s"
kind = "isolate"
target = "leader"
[[case]]
name = "a"
columns = ["recover_ms"]
`,
		`x.toml:16: case[0].columns: recover_ms begins with a fault that mends another, and there is none; give a fault a "for", or take it out`},
	{`two leaders without clients`, `[[fault]]
at = "2s"
kind = "isolate"
target = "leader"
for = "2s"
[[case]]
name = "a"
columns = ["follow_ms", "level_ms"]
observe = "5s"
`,
		`x.toml:17: case[0].columns: level_ms is of clients that write, and there are none; write interval = "20ms" in [probe], or take it out
x.toml:17: case[0].columns: level_ms cannot stand beside [workload], observe, cluster.behind or a fault's phase; take one of the two out`},
	{`two leaders, and nobody is cut off`, `[probe]
interval = "20ms"
[[fault]]
at = "2s"
kind = "crash"
target = "leader"
for = "2s"
[[case]]
name = "a"
columns = ["minority_write"]
`,
		`x.toml:19: case[0].columns: minority_write is of a leader that is cut off for a while: no fault does that; write one of kind partition or isolate with a "for", or take it out`},
	{`a timeline of nobody's writes`, `[probe]
timeline = "50ms"
`,
		`x.toml:11: probe.timeline: is of clients that write, and there are none; write interval = "20ms" beside it, or take it out`},
}
