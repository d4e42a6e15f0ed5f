package plots

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// faults says what happens to the target, and who hears of it.
var faults = map[string]string{
	"crash":     "the %s's process is killed and its connections close",
	"power-off": "the %s's machine falls silent and nobody is told",
	"pause":     "the %s's process is stopped",
	"isolate":   "the %s is cut off",
	"cut":       "nothing that the %s sends arrives at the others, and it hears them",
}

// String says what a fault does; empty for kinds that are not for captions.
func (f *planned) String() string {
	switch {
	case f.Kind == "partition":
		text := "only these hear each other: " + groups(f.Groups)
		if f.Target != "" {
			text += fmt.Sprintf(" (1 is the %s)", f.Target)
		}
		return text
	case f.Kind == "cut" && f.To != "":
		return fmt.Sprintf("nothing that the %s sends arrives at the %s", target(cmp.Or(f.From, f.Target)), f.To)
	case f.Kind == "start":
		return "a server that was not there before is started, on an empty disk"
	case f.Kind == "cut":
		return fmt.Sprintf(faults[f.Kind], target(cmp.Or(f.From, f.Target)))
	case f.Kind == "chaos":
		return "one fault after another every " + plain(f.Every) + ", half of them aimed at the leader"
	case faults[f.Kind] != "":
		return fmt.Sprintf(faults[f.Kind], target(f.Target))
	}
	return ""
}

// whole says what a fault does, and when it is undone.
func (f *planned) whole() string {
	text := f.String()
	if text == "" {
		return ""
	}
	if f.Kind == "chaos" {
		return text + ", for " + plain(f.For) + ", and then all is mended"
	}
	if long, err := time.ParseDuration(f.For); err == nil && long > 0 {
		text += ", undone after " + plain(f.For)
	}
	return text
}

// struckBy says what the first fault of a scenario does.
func struckBy(s *settings, _ *series) string {
	if len(s.Faults) == 0 {
		return ""
	}
	return s.Faults[0].String()
}

// A telling says something of the circumstances of a series; or nothing.
type telling func(s *settings, of *series) string

func serversOf(s *settings, _ *series) string {
	if s.Cluster.Voters == 0 {
		return ""
	}
	return fmt.Sprintf("%d servers", s.Cluster.Voters)
}

func delayOf(s *settings, of *series) string {
	if s.Network.Delay == "" || !of.delayed() {
		return ""
	}
	return "one-way delay " + plain(s.Network.Delay)
}

func lossOf(s *settings, of *series) string {
	if s.Network.Loss == 0 || !of.delayed() {
		return ""
	}
	text := fmt.Sprintf("loss %g %%", 100*s.Network.Loss)
	switch s.Network.Channel {
	case "datagram":
		if s.Network.Duplicate > 0 {
			text += fmt.Sprintf(", %g %% come twice", 100*s.Network.Duplicate)
		}
		if s.Network.Reorder > 0 {
			text += fmt.Sprintf(", %g %% out of order", 100*s.Network.Reorder)
		}
		return text + ", and nothing is sent again (datagrams)"
	case "stream":
		return text + ", and what is lost is sent again as in TCP"
	}
	return text
}

// fewLinks are told one by one.
const fewLinks = 3

// linksOf says which links are not as the others.
func linksOf(s *settings, of *series) string {
	var parts []string
	for _, l := range s.Links {
		var what []string
		if l.Delay != "" && l.Delay != s.Network.Delay {
			what = append(what, "delay "+plain(l.Delay))
		}
		if l.Loss != nil && *l.Loss != s.Network.Loss {
			what = append(what, fmt.Sprintf("loss %g %%", 100**l.Loss))
		}
		if len(what) > 0 {
			parts = append(parts, fmt.Sprintf("from %s to %s %s", numbers(l.From), numbers(l.To), strings.Join(what, ", ")))
		}
	}
	switch {
	case len(parts) == 0 || !of.delayed():
		return ""
	case len(parts) > fewLinks:
		return "links differ, and the scenario has their delays"
	}
	return strings.Join(parts, "; ")
}

// nodesOf says which servers are not as the others.
func nodesOf(s *settings, of *series) string {
	var texts []string
	with := map[string][]int{}
	for _, n := range s.Nodes {
		var what []string
		if skew := plain(n.ClockSkew); skew != "" && skew != "0 ms" {
			what = append(what, "a clock "+skew+" ahead")
		}
		if n.ClockDrift != 0 {
			what = append(what, fmt.Sprintf("a clock that is %g %% %s", 100*math.Abs(n.ClockDrift), pace(n.ClockDrift)))
		}
		if n.Timeout != "" {
			what = append(what, "an election timeout of "+plain(n.Timeout))
		}
		if n.Term > 0 {
			what = append(what, fmt.Sprintf("term %d", n.Term))
		}
		text := strings.Join(what, " and ")
		if text != "" && with[text] == nil {
			texts = append(texts, text)
		}
		with[text] = append(with[text], n.ID...)
	}
	for i, text := range texts {
		if texts[i] = "server "; len(with[text]) > 1 {
			texts[i] = "servers "
		}
		texts[i] += numbers(with[text]) + " with " + text
	}
	return strings.Join(texts, ", ")
}

func pace(drift float64) string {
	if drift < 0 {
		return "slow"
	}
	return "fast"
}

// numbers names servers.
func numbers(ids []int) string {
	var parts []string
	for _, id := range ids {
		parts = append(parts, fmt.Sprint(id))
	}
	return strings.Join(parts, "-")
}

func fsyncOf(s *settings, of *series) string {
	if s.Disk.Fsync == "" || of.Mode == "live" {
		return ""
	}
	return "fsync " + plain(s.Disk.Fsync)
}

// delayed reports whether the scenario's network is that of the series: not where
// real processes talk over the machine's loopback interface.
func (s *series) delayed() bool { return s.Mode != "live" || s.cell.Switch }

// circumstances says what each panel shows.
func (c *caption) circumstances(panels []panel) {
	c.tell(panels, struckBy, serversOf, delayOf, lossOf, linksOf, nodesOf, fsyncOf)
}

// tell says these things of each panel, by the first system in it that is not
// live: a case is the same for all of them. What panels share is said once.
func (c *caption) tell(panels []panel, tellings ...telling) {
	c.tellBy(panels, func(i int) string { return strings.TrimSpace(letter(i, len(panels))) }, tellings...)
}

// tellBy does, and calls panels by name.
func (c *caption) tellBy(panels []panel, name func(i int) string, tellings ...telling) {
	var parts []string
	for _, tell := range tellings {
		var texts []string
		where := map[string][]string{}
		for i := range panels {
			first := firstOf(&panels[i])
			s := common(first.cell)
			if text := tell(&s, first); text != "" {
				if where[text] == nil {
					texts = append(texts, text)
				}
				where[text] = append(where[text], name(i))
			}
		}
		for _, text := range texts {
			if len(where[text]) < len(panels) {
				text = "in " + strings.Join(where[text], ", ") + " " + text
			}
			parts = append(parts, text)
		}
	}
	if len(parts) > 0 {
		c.say("Conditions: %s.", strings.Join(parts, "; "))
	}
}

func firstOf(p *panel) *series {
	return &p.Series[max(0, slices.IndexFunc(p.Series, func(s series) bool { return s.Mode != "live" }))]
}

func target(t string) string {
	if t == "" {
		return "server"
	}
	return t
}

// kinds says what the names of timeouts mean.
var kinds = map[string]string{
	"matched":  " (matched: Zab's syncLimit times tick is the mean of Raft's election timeout)",
	"defaults": " (defaults: each product's own)",
}

// timeouts says what each system waits for; cells that differ say so one by one.
func (c *caption) timeouts(panels []panel) {
	var said []string
	who, kind := map[string][]string{}, ""
	where, waits := map[string][]string{}, map[string][]string{} // panels of a text; texts of a label
	for at, p := range panels {
		for i := range p.Series {
			s := common(p.Series[i].cell)
			if k := kinds[s.Timeouts]; k != "" {
				kind = k
			}
			text := timeoutsOf(p.Series[i].System, &s)
			if text == "" {
				continue
			}
			if !slices.Contains(said, text) {
				said = append(said, text)
			}
			label := p.Series[i].label()
			add(who, text, label)
			add(waits, label, text)
			add(where, text, strings.TrimSpace(letter(at, len(panels))))
		}
	}
	for i, text := range said {
		said[i] = strings.Join(who[text], ", ")
		if len(panels) > 1 && slices.ContainsFunc(who[text], func(label string) bool { return len(waits[label]) > 1 }) {
			said[i] += " in " + strings.Join(where[text], ", ")
		}
		said[i] += text
	}
	if len(said) > 0 {
		c.say("Timeouts%s: %s.", kind, strings.Join(said, "; "))
	}
}

// add puts a text under a key, once.
func add(m map[string][]string, key, text string) {
	if !slices.Contains(m[key], text) {
		m[key] = append(m[key], text)
	}
}

// timeoutsOf says what a system waits for, and whether it is an exception.
func timeoutsOf(system string, s *settings) string {
	switch system {
	case "zab", "zookeeper":
		var parts []string
		if s.Zab.Tick != "" {
			parts = append(parts, "tick "+plain(s.Zab.Tick))
		}
		if s.Zab.SyncLimit > 0 {
			parts = append(parts, fmt.Sprintf("syncLimit %d", s.Zab.SyncLimit))
		}
		if s.Zab.FinalizeWait != "" {
			parts = append(parts, "finalizeWait "+plain(s.Zab.FinalizeWait))
		}
		if len(parts) == 0 {
			return ""
		}
		text := ": " + strings.Join(parts, ", ")
		if s.Timeouts == "matched" && s.Zab.Tick != "" && !s.matched() {
			text = " (the exception, not matched)" + text
		}
		return text
	}
	if s.Raft.ElectionTimeout == "" {
		return ""
	}
	text := ": election timeout " + plain(s.Raft.ElectionTimeout)
	if h := plain(s.Raft.Heartbeat); h != "" && h != "0 ms" { // a library that has its own gets none
		text += ", heartbeat " + h
	}
	return text
}

// matched reports whether the tick is what "matched" makes it. A product's own
// section of a scenario may say otherwise.
func (s *settings) matched() bool {
	low, high, _ := strings.Cut(s.Raft.ElectionTimeout, "-")
	least, err1 := time.ParseDuration(low)
	most, err2 := time.ParseDuration(high)
	tick, err3 := time.ParseDuration(s.Zab.Tick)
	return err1 == nil && err2 == nil && err3 == nil && s.Zab.SyncLimit > 0 && tick == (least+most)/2/time.Duration(s.Zab.SyncLimit)
}
