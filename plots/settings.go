package plots

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"raftzab/results"
)

// settings are what figures say of the circumstances of a cell. The manifest
// has them all; one that another version does not write stays empty and is not
// mentioned.
type settings struct {
	Timeouts string
	Limit    string
	Cluster  struct{ Voters, Observers, Behind int }
	Network  struct {
		Delay, Channel, RTOMax   string
		Loss, Duplicate, Reorder float64
	}
	Links []override
	Nodes []single
	Disk  struct{ Fsync string }
	CPU   struct {
		Timer, Message string
		Quota          float64
	}
	Raft struct{ ElectionTimeout, Heartbeat string }
	Zab  struct {
		JVM             []string
		Tick            string
		SyncLimit       int
		FinalizeWait    string
		MinNotification string
		Sync            string
	}
	Probe    struct{ Interval, Timeline string }
	Clients  struct{ Delay string }
	Workload struct {
		Clients                      int
		Rate, Reads                  float64
		ReadMode, Attach, FindLeader string
		Keys, ValueSize              int
		Warmup, Window, Timeout      string
		Batches                      int
	}
	Warmup, Observe string
	Faults          []planned
}

// override is what figures say of some links.
type override struct {
	From, To []int
	Delay    string
	Loss     *float64
}

// single is what figures say of single servers.
type single struct {
	ID                 []int
	ClockSkew, Timeout string
	ClockDrift         float64
	Term               int
}

// planned is what figures say of a fault.
type planned struct {
	At, Phase, Kind, Target, For, Every, From, To string
	Groups                                        [][]int
}

func settingsOf(c *results.Cell) (s settings) {
	// Fields of another type are as good as missing, and the others are kept.
	_ = json.Unmarshal(c.Settings, &s)
	return s
}

// common are the settings of a cell without those that the scenario sweeps: what
// all points of a curve share.
func common(c *results.Cell) settings {
	s := settingsOf(c)
	for _, x := range c.Swept {
		switch x.Key {
		case "cluster.voters":
			s.Cluster.Voters = 0
		case "network.delay":
			s.Network.Delay = ""
		case "zab.tick":
			s.Zab.Tick = ""
		case "zab.sync_limit":
			s.Zab.SyncLimit = 0
		case "zab.finalize_wait":
			s.Zab.FinalizeWait = ""
		case "raft.election_timeout":
			s.Raft.ElectionTimeout, s.Raft.Heartbeat = "", ""
		}
	}
	return s
}

var call = regexp.MustCompile(`^([a-z]+)\((.*)\)$`)

// plain writes a distribution, a range or a duration of a scenario as a paper
// would: "uniform(4ms, 6ms)" is "4-6 ms".
func plain(s string) string {
	if low, high, ok := strings.Cut(s, "-"); ok && !strings.Contains(s, "(") {
		return join(low, high)
	}
	m := call.FindStringSubmatch(s)
	if m == nil {
		return milliseconds(s)
	}
	args := strings.Split(m[2], ",")
	for i := range args {
		args[i] = strings.TrimSpace(args[i])
	}
	switch {
	case m[1] == "constant":
		return milliseconds(args[0])
	case m[1] == "uniform" && len(args) == 2:
		return join(args[0], args[1])
	case m[1] == "lognormal" && len(args) == 2:
		return fmt.Sprintf("lognormal with median %s, sigma %s", milliseconds(args[0]), args[1])
	case m[1] == "normal" && len(args) == 2:
		return fmt.Sprintf("normal with mean %s, standard deviation %s", milliseconds(args[0]), milliseconds(args[1]))
	case m[1] == "pareto" && len(args) == 2:
		return fmt.Sprintf("pareto with least %s, alpha %s", milliseconds(args[0]), args[1])
	case m[1] == "exponential":
		return "exponential with mean " + milliseconds(args[0])
	}
	return s
}

var central = regexp.MustCompile(` with (median|mean|least) ([^,]*)`)

// typical names a delay where there is no room for its distribution: "median delay 5 ms".
func typical(delay string) string {
	text := plain(delay)
	if m := central.FindStringSubmatch(text); m != nil {
		return m[1] + " delay " + m[2]
	}
	return "delay " + text
}

func join(low, high string) string {
	low, high = milliseconds(low), milliseconds(high)
	if low == high {
		return low
	}
	return strings.TrimSuffix(low, " ms") + "-" + high
}

// milliseconds writes a duration in the one unit that figures use, in letters
// that every font and every PDF encoding has.
func milliseconds(s string) string {
	d, err := time.ParseDuration(s)
	if err != nil {
		return s
	}
	return fmt.Sprintf("%g ms", float64(d)/float64(time.Millisecond))
}

// title names a panel: its letter if there are several, its case, how many
// servers and how far apart.
func (p *panel) title(i, of int) string {
	var parts []string
	if p.Case != "" {
		parts = append(parts, p.Case)
	}
	for j := range p.Series {
		s := settingsOf(p.Series[j].cell)
		if s.Cluster.Voters > 0 && p.Series[j].delayed() {
			parts = append(parts, fmt.Sprintf("%d servers, %s", s.Cluster.Voters, typical(s.Network.Delay)))
			break
		}
	}
	title := strings.Join(parts, ": ")
	if of > 1 {
		title = fmt.Sprintf("(%c) %s", 'a'+i, title)
	}
	return title
}
