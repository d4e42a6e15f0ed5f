package plots

import (
	"fmt"
	"slices"
	"strings"

	"raftzab/results"
)

// names says once in each caption what the systems are.
var names = map[string]string{
	"raft":      "raft is this project's",
	"zab":       "zab is this project's",
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

// conditions says which systems there are, what they met, and from which trials
// the figure is: of says that.
func (c *caption) conditions(d *results.Data, panels []panel, of func(live bool) string) {
	c.systems(panels)
	c.circumstances(panels)
	live := c.machine(panels)
	switch {
	case has(panels, func(s *series) bool { return s.Mode == "live" && s.cell.Switch }):
		c.disturbances(d)
	case live:
		c.observed(d)
	}
	c.timeouts(panels)
	c.probes(panels, of(live))
}

// machine says where live systems run, and whether there are any.
func (c *caption) machine(panels []panel) bool {
	var labels [2][]string // on loopback, over the switch
	for i := range panels {
		for j := range panels[i].Series {
			s := &panels[i].Series[j]
			if s.Mode != "live" {
				continue
			}
			to := &labels[0]
			if s.cell.Switch {
				to = &labels[1]
			}
			if !slices.Contains(*to, s.label()) {
				*to = append(*to, s.label())
			}
		}
	}
	const apart = "each server in a network namespace of its own behind a user-space switch that delays its packets"
	switch {
	case labels[0] != nil && labels[1] != nil:
		c.say("Live systems are real processes on one machine, with its disk: %s with its loopback interface, %s %s.", strings.Join(labels[0], ", "), strings.Join(labels[1], ", "), apart)
	case labels[0] != nil:
		c.say("Live systems are real processes on one machine, with its loopback interface and its disk.")
	case labels[1] != nil:
		c.say("Live systems are real processes on one machine, with its disk, %s.", apart)
	}
	return labels[0] != nil || labels[1] != nil
}

// probes says from which trials the figure is, and why that matters.
func (c *caption) probes(panels []panel, of string) {
	why := "probes load a system"
	if has(panels, func(s *series) bool { return s.System != "zab" && s.System != "zookeeper" }) {
		why = "probes move Raft's detection, since their stream of AppendEntries resets the followers' timers all the time"
	}
	c.say("%s: %s, so elect_ms must not be subtracted from outage_ms.", of, why)
}

// observed repeats what live cells said of their machine; what they said of single steps
// is a result, for which a caption has no room.
func (c *caption) observed(d *results.Data) {
	var said []string
	steps := false
	for _, o := range d.Run.Observed {
		if strings.Contains(o, ": medians of steps") {
			steps = true
		} else if o = clause(o); o != "" && !slices.Contains(said, o) {
			said = append(said, o)
		}
	}
	if steps {
		said = append(said, "run.json has the medians of single steps")
	}
	if len(said) > 0 {
		c.say("Observed: %s.", strings.Join(said, "; "))
	}
}

// clause makes what others wrote part of a sentence: its first line, without
// the punctuation at its end.
func clause(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	return strings.TrimRight(s, ".,:;! \t\r")
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
		c.say("%s.", clause(warning))
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

// trials says how much stands behind each curve.
func (c *caption) trials(panels []panel) {
	texts := make([]string, len(panels))
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
			if s.Without > 0 {
				part += fmt.Sprintf(" (and %s without such a time, left out)", count(s.Without))
			}
			if !slices.Contains(parts, part) {
				parts = append(parts, part)
			}
		}
		texts[i] = strings.Join(parts, ", ")
	}
	c.counted(texts)
	if has(panels, func(s *series) bool { return s.Censored > 0 }) {
		c.say("Censored trials hit the time limit; they stay in n, so their curve ends below 1.")
	}
}

// counted says the numbers of trials of each panel; panels with the same
// numbers share a sentence.
func (c *caption) counted(texts []string) {
	for i, text := range texts {
		if text == "" || slices.Contains(texts[:i], text) {
			continue
		}
		var where []string
		for j := range texts {
			if texts[j] == text {
				where = append(where, strings.TrimSpace(letter(j, len(texts))))
			}
		}
		if len(texts) == 1 {
			c.say("Trials: %s.", text)
		} else {
			c.say("Trials in %s: %s.", strings.Join(where, ", "), text)
		}
	}
}

// missing says which systems are not there and why.
func (c *caption) missing(d *results.Data, panels []panel) {
	for _, p := range panels {
		for _, a := range p.Absent {
			var where []string
			for i := range panels {
				if slices.Contains(panels[i].Absent, a) {
					where = append(where, strings.TrimSpace(letter(i, len(panels))))
				}
			}
			in := ""
			if len(panels) > 1 {
				in = " in " + strings.Join(where, " and ")
			}
			c.say("Missing%s: %s, %s.", in, a.Label, clause(a.Why))
		}
	}
	for _, l := range d.Run.LeftOut {
		c.say("%s (%s) did not run here: %s.", upper(l.System), l.Mode, clause(l.Reason))
	}
}

// differences repeats the notes of the manifest on fair treatment, by system;
// systems that share a note share the sentence.
func (c *caption) differences(panels []panel) {
	var notes []string
	of := map[string][]string{} // a note's systems
	for _, p := range panels {
		for i := range p.Series {
			label := p.Series[i].label()
			for _, note := range p.Series[i].cell.Notes {
				if note = clause(note); of[note] == nil {
					notes = append(notes, note)
				}
				if !slices.Contains(of[note], label) {
					of[note] = append(of[note], label)
				}
			}
		}
	}
	var who []string
	said := map[string][]string{}
	for _, note := range notes {
		labels := strings.Join(of[note], " and ")
		if said[labels] == nil {
			who = append(who, labels)
		}
		said[labels] = append(said[labels], note)
	}
	for _, labels := range who {
		c.say("Differences of %s: %s.", labels, strings.Join(said[labels], "; "))
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
