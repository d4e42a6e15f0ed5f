package experiments

import (
	"slices"
	"testing"
)

// A wrong is a way to get a scenario wrong, and the words that say so. The text
// is added to least, which has nine lines.
type wrong struct{ name, add, want string }

var badSettings = []wrong{
	// Keys.
	{`a key that does not exist`, `[raft]
hartbeat = "5ms"
`,
		`x.toml:11: raft.hartbeat: unknown key; the nearest is raft.heartbeat`},
	{`a section that does not exist`, `[netwrok]
delay = "5ms"
loss = 2
`,
		`x.toml:10: netwrok: unknown key; the nearest is network`},
	{`a key in the wrong section`, `delay = "5ms"
`,
		`x.toml:10: cluster.delay: unknown key; the nearest is network.delay`},
	{`a key of the top below a header`, `warmup = "5ms"
`,
		`x.toml:10: cluster.warmup: unknown key; the nearest is warmup, which stands above the first [section]`},
	{`a key of a fault that does not exist`, `[[fault]]
at = "2s"
kind = "crash"
target = "leader"
targt = "leader"
`,
		`x.toml:14: fault[0].targt: unknown key; the nearest is fault[0].target`},
	{`a key of a case that does not exist`, `[[case]]
name = "a"
"network.los" = 0.1
`,
		`x.toml:12: case[0]."network.los": unknown key; the nearest is network.loss`},
	{`an unquoted key of a case that does not exist`, `[[case]]
name = "a"
network.los = 0.1
`,
		`x.toml:12: case[0].network.los: unknown key; the nearest is network.loss`},
	{`a swept key that does not exist`, `[sweep]
"fault[0].knd" = ["crash"]
`,
		`x.toml:11: sweep."fault[0].knd"[0]: unknown key; the nearest is fault[0].kind`},
	{`a key of a product that does not exist`, `[zookeeper]
heartbeat = "5ms"
`,
		`x.toml:11: zookeeper.heartbeat: unknown key; the nearest is raft.heartbeat`},
	{`a list of sections written as one`, `[fault]
at = "2s"
`,
		`x.toml:10: fault: a section is no list of sections; write [[fault]] and its keys below`},
	{`a section written as a list`, `[[disk]]
fsync = "1ms"
`,
		`x.toml:10: disk: a list is no section; write [disk] and its keys below`},
	{`a section written as a key`, `[link]
x = 1
[raft.heartbeat]
y = 1
`,
		`x.toml:10: link: a section is no list of sections; write [[link]] and its keys below
x.toml:12: raft.heartbeat: a section does not fit here; write heartbeat = "150ms"`},
	// Values.
	{`a bad duration`, `[probe]
interval = "3 s"
`,
		`x.toml:11: probe.interval: "3 s" is not a duration; write "3s"`},
	{`a word for a duration`, `[probe]
interval = "soon"
`,
		`x.toml:11: probe.interval: "soon" is not a duration; write for instance "150ms"`},
	{`a duration without a unit`, `[probe]
interval = 1
`,
		`x.toml:11: probe.interval: 1 has no unit; write "1s" or "1ms"`},
	{`a negative duration`, `[probe]
interval = "-1s"
`,
		`x.toml:11: probe.interval: "-1s" is negative; write a duration from 0`},
	{`a duration of a century`, `[probe]
interval = "876000h"
`,
		`x.toml:11: probe.interval: "876000h" is longer than a day; write less`},
	{`a list for a duration`, `[probe]
interval = ["1s"]
`,
		`x.toml:11: probe.interval: a list does not fit here; write interval = "150ms"`},
	{`a time-out of nothing`, `[raft]
election_timeout = "0s-1s"
`,
		`x.toml:11: raft.election_timeout: "0s-1s" is below 1us; write more`},
	{`a range upside down`, `[raft]
election_timeout = "300ms-150ms"
`,
		`x.toml:11: raft.election_timeout: "300ms-150ms" is upside down; write "150ms-300ms"`},
	{`no range`, `[raft]
election_timeout = "300ms"
`,
		`x.toml:11: raft.election_timeout: "300ms" is not a range; write for instance "150ms-300ms"`},
	{`two keys that make a range upside down`, `[zab]
max_notification_interval = "1ms"
`,
		`x.toml:11: zab.max_notification_interval: 1ms is below min_notification_interval (200ms); write more`},
	{`a longest wait below the least`, `[network]
rto_max = "1ms"
`,
		`x.toml:11: network.rto_max: 1ms is below rto_min (200ms); write more`},
	{`a distribution upside down`, `[network]
delay = "uniform(6ms, 4ms)"
`,
		`x.toml:11: network.delay: "uniform(6ms, 4ms)" is upside down; write "uniform(4ms, 6ms)"`},
	{`a distribution that does not exist`, `[network]
delay = "unifrom(4ms, 6ms)"
`,
		`x.toml:11: network.delay: "unifrom" is no distribution; there are constant, uniform, normal, lognormal, exponential, pareto`},
	{`a probability over 1`, `[network]
loss = 1.5
`,
		`x.toml:11: network.loss: 1.5 is no probability; write a number from 0 to 1, for instance 0.05`},
	{`a negative probability`, `[network]
loss = -0.1
`,
		`x.toml:11: network.loss: -0.1 is no probability; write a number from 0 to 1, for instance 0.05`},
	{`a probability that is no number`, `[network]
loss = nan
`,
		`x.toml:11: network.loss: NaN is no number; write loss = 0.05`},
	{`a probability in percent`, `[network]
loss = "5%"
`,
		`x.toml:11: network.loss: "5%" is no number; write loss = 0.05`},
	{`a network that loses everything`, `[network]
loss = 1
`,
		`x.toml:11: network.loss: 1 lets nothing through: a stream would send again forever; write less, or a fault of kind partition`},
	{`a negative count`, `[zab]
sync_limit = -1
`,
		`x.toml:11: zab.sync_limit: -1 is too few; write a number from 1`},
	{`a broken count`, `[zab]
sync_limit = 1.5
`,
		`x.toml:11: zab.sync_limit: 1.5 is no whole number; write sync_limit = 5`},
	{`a word that is none of the choices`, `[[case]]
name = "a"
timeouts = "mached"
`,
		`x.toml:12: case[0].timeouts: "mached" is not known; write "given" or "matched" or "defaults"`},
	{`a warmup as long as the trial`, `[[case]]
name = "a"
limit = "1s"
`,
		`x.toml:12: case[0].limit: 1s is not above warmup (1s): nothing would be measured; write more`},
	{`a time-out that follows from another`, `[[case]]
name = "a"
timeouts = "matched"
"zab.tick" = "1s"
"cluster.voters" = 3
`,
		`x.toml:13: case[0]."zab.tick": has no effect: timeouts = "matched" makes it 45ms; set timeouts = "given" as well`},
	// Syntax.
	{`no TOML`, `x = = 1
`,
		`x.toml:10: cluster.x: is not TOML: expected value but found '=' instead; text and durations stand in quotes (warmup = "1s"), and a key stands once in its section`},
	{`a duration without quotes`, `x = 5ms
`,
		`x.toml:10: cluster.x: is not TOML: expected a top-level item to end with a newline, comment, or EOF, but got 'm' instead; text and durations stand in quotes (warmup = "1s"), and a key stands once in its section`},
	{`a section twice`, `[cluster]
voters = 3
`,
		`x.toml:10: cluster: is not TOML: Key 'cluster' has already been defined; text and durations stand in quotes (warmup = "1s"), and a key stands once in its section`},
	{`a text that does not end`, `x = "abc
`,
		`x.toml:10: cluster.x: is not TOML: strings cannot contain newlines; text and durations stand in quotes (warmup = "1s"), and a key stands once in its section`},
	{`a control character`, "\x1b[31m\n",
		`x.toml:10: is not TOML: TOML files cannot contain control characters: '0x1b'; text and durations stand in quotes (warmup = "1s"), and a key stands once in its section`},
	{`brackets without end`, `x = [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[
`,
		`x.toml:10: nests deeper than 32; no key of a scenario needs that: take brackets out`},
}

func TestBadInputIsNamedWithLineKeyAndRemedy(t *testing.T) {
	for _, c := range slices.Concat(badSettings, badPlans, badComing, badOptions, badWorkloads, badTogether) {
		t.Run(c.name, func(t *testing.T) {
			_, err := Load([]string{write(t, least+c.add)}, Options{})
			if err == nil {
				t.Fatal("no error")
			}
			if got := err.Error(); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}
