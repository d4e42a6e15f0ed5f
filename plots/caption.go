package plots

import (
	"fmt"
	"slices"
	"strings"

	"raftzab/results"
)

// names says once in each caption what the systems are.
var names = map[string]string{
	"raft":      "raft and zab are this project's",
	"zab":       "raft and zab are this project's",
	"etcd":      "etcd is go.etcd.io/raft",
	"hashicorp": "hashicorp is hashicorp/raft",
	"zookeeper": "zookeeper is Apache ZooKeeper",
}

// A caption is sentences, one after the other, each said once.
type caption struct{ sentences []string }

func (c *caption) say(format string, args ...any) {
	s := fmt.Sprintf(format, args...)
	if !slices.Contains(c.sentences, s) {
		c.sentences = append(c.sentences, s)
	}
}

func (c *caption) String() string { return strings.Join(c.sentences, " ") + "\n" }

// conditions says which systems there are and what they met.
func (c *caption) conditions(panels []panel) {
	c.systems(panels)
	for i := range panels {
		c.circumstances(&panels[i], i, len(panels))
	}
	if has(panels, func(s *series) bool { return s.Mode == "live" }) {
		c.say("Live systems are real processes on one machine, with its loopback interface and its disk.")
	}
	c.timeouts(panels)
}

// reservations says what is missing, where systems were treated differently,
// and what else a reader must know.
func (c *caption) reservations(d *results.Data, panels []panel) {
	c.missing(d, panels)
	c.differences(panels)
	for _, p := range panels {
		for _, s := range p.Series {
			if s.Violated > 0 {
				c.say("An invariant was violated in %s of %s's trials (%s).", count(s.Violated), s.System, p.Case)
			}
		}
	}
	if d.Manifest.Interrupted {
		c.say("The run was interrupted: the figure shows the trials that had ended.")
	}
	for _, warning := range d.Warnings {
		c.say("%s.", warning)
	}
	c.say("Seed %d; commit %s.", d.Manifest.Seed, short(d.Manifest.Commit))
}

func has(panels []panel, what func(s *series) bool) bool {
	for i := range panels {
		for j := range panels[i].Series {
			if what(&panels[i].Series[j]) {
				return true
			}
		}
	}
	return false
}

// letter refers to a panel, where there are several.
func letter(i, of int) string {
	if of == 1 {
		return ""
	}
	return fmt.Sprintf("(%c) ", 'a'+i)
}

// in is where a sentence's subject is found, where there are several panels.
func in(i, of int) string {
	if of == 1 {
		return ""
	}
	return fmt.Sprintf(" in (%c)", 'a'+i)
}

func short(commit string) string {
	if len(commit) > 12 {
		return commit[:12]
	}
	return commit
}

func (c *caption) systems(panels []panel) {
	var said []string
	for _, system := range systems {
		for _, p := range panels {
			if slices.ContainsFunc(p.Series, func(s series) bool { return s.System == system }) && !slices.Contains(said, names[system]) {
				said = append(said, names[system])
			}
		}
	}
	if len(said) > 0 {
		c.say("%s.", upper(strings.Join(said, ", ")))
	}
}

// faults says what happens to the target, and who hears of it.
var faults = map[string]string{
	"crash":     "the %s's process is killed and its connections close",
	"power-off": "the %s's machine falls silent and nobody is told",
	"pause":     "the %s's process is stopped",
	"isolate":   "the %s is cut off",
}

// circumstances says what one panel shows, by the first system that is not live:
// a case is the same for all of them.
func (c *caption) circumstances(p *panel, i, of int) {
	first := max(0, slices.IndexFunc(p.Series, func(s series) bool { return s.Mode != "live" }))
	s, live := settingsOf(p.Series[first].cell), p.Series[first].Mode == "live"
	var parts []string
	if len(s.Faults) > 0 {
		if what, ok := faults[s.Faults[0].Kind]; ok {
			parts = append(parts, fmt.Sprintf(what, target(s.Faults[0].Target)))
		}
	}
	if s.Cluster.Voters > 0 {
		parts = append(parts, fmt.Sprintf("%d servers", s.Cluster.Voters))
	}
	if s.Network.Delay != "" && !live {
		parts = append(parts, "one-way delay "+plain(s.Network.Delay))
	}
	if s.Network.Loss > 0 && !live {
		parts = append(parts, fmt.Sprintf("loss %g %%", 100*s.Network.Loss))
	}
	if s.Disk.Fsync != "" && !live {
		parts = append(parts, "fsync "+plain(s.Disk.Fsync))
	}
	if len(parts) == 0 {
		return
	}
	name := p.Case
	if name == "" {
		name = "conditions"
	}
	c.say("%s: %s.", upper(letter(i, of)+name), strings.Join(parts, ", "))
}

func target(t string) string {
	if t == "" {
		return "server"
	}
	return t
}

// timeouts says what each system waits for; cells that differ say so one by one.
func (c *caption) timeouts(panels []panel) {
	var said []string
	who, kind := map[string][]string{}, ""
	for _, p := range panels {
		for i := range p.Series {
			s := settingsOf(p.Series[i].cell)
			if s.Timeouts == "matched" || s.Timeouts == "defaults" {
				kind = " (" + s.Timeouts + ")"
			}
			text := ""
			switch system := p.Series[i].System; system {
			case "zab", "zookeeper":
				if s.Zab.Tick != "" {
					text = fmt.Sprintf("tick %s, syncLimit %d, finalizeWait %s", plain(s.Zab.Tick), s.Zab.SyncLimit, plain(s.Zab.FinalizeWait))
				}
			default:
				if s.Raft.ElectionTimeout != "" {
					text = "election timeout " + plain(s.Raft.ElectionTimeout)
					if h := plain(s.Raft.Heartbeat); h != "" && h != "0 ms" {
						text += ", heartbeat " + h
					}
				}
			}
			if text == "" {
				continue
			}
			if !slices.Contains(said, text) {
				said = append(said, text)
			}
			if !slices.Contains(who[text], p.Series[i].label()) {
				who[text] = append(who[text], p.Series[i].label())
			}
		}
	}
	for i, text := range said {
		said[i] = strings.Join(who[text], ", ") + ": " + text
	}
	if len(said) > 0 {
		c.say("Timeouts%s: %s.", kind, strings.Join(said, "; "))
	}
}

// trials says how much stands behind each curve.
func (c *caption) trials(panels []panel) {
	var said []string
	where := map[string][]string{} // panels with the same numbers share a sentence
	for i := range panels {
		var parts []string
		for _, s := range panels[i].Series {
			part := fmt.Sprintf("%s %s", s.label(), count(s.N))
			if s.Censored > 0 {
				part += fmt.Sprintf(" (%s of them censored)", count(s.Censored))
			}
			if s.Failed > 0 {
				part += fmt.Sprintf(" (and %s failed, not counted)", count(s.Failed))
			}
			parts = append(parts, part)
		}
		text := strings.Join(parts, ", ")
		if !slices.Contains(said, text) {
			said = append(said, text)
		}
		where[text] = append(where[text], strings.TrimSpace(letter(i, len(panels))))
	}
	for _, text := range said {
		in := ""
		if len(panels) > 1 {
			in = " in " + strings.Join(where[text], " and ")
		}
		c.say("Trials%s: %s.", in, text)
	}
	if has(panels, func(s *series) bool { return s.Censored > 0 }) {
		c.say("Censored trials hit the time limit; they stay in n, so their curve ends below 1.")
	}
}

// missing says which systems are not there and why.
func (c *caption) missing(d *results.Data, panels []panel) {
	for i, p := range panels {
		for _, a := range p.Absent {
			c.say("Missing%s: %s, %s.", in(i, len(panels)), a.Label, a.Why)
		}
	}
	for _, l := range d.Run.LeftOut {
		c.say("%s (%s) did not run here: %s.", upper(l.System), l.Mode, strings.TrimRight(l.Reason, ". \n"))
	}
}

// differences repeats the notes of the manifest on fair treatment, by system.
func (c *caption) differences(panels []panel) {
	var who []string
	notes := map[string][]string{}
	for _, p := range panels {
		for i := range p.Series {
			label := p.Series[i].label()
			for _, note := range p.Series[i].cell.Notes {
				if notes[label] == nil {
					who = append(who, label)
				}
				if note = strings.TrimRight(note, ". \n"); !slices.Contains(notes[label], note) {
					notes[label] = append(notes[label], note)
				}
			}
		}
	}
	for _, label := range who {
		c.say("Differences of %s: %s.", label, strings.Join(notes[label], "; "))
	}
}

// upper begins a sentence; names of systems stay as the data have them.
func upper(s string) string {
	if s == "" {
		return s
	}
	for _, system := range systems {
		if strings.HasPrefix(s, system) {
			return s
		}
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
