package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"raftzab/bench/metric"
	"raftzab/results"
)

// A Table is one that a reader can sort.
type Table struct {
	Caption string
	Head    []string
	Rows    [][]string
}

// Number reports whether a column is one of numbers, so that they stand below
// each other. An interval sorts by its first number.
func (t *Table) Number(column int) bool {
	some := false
	for _, row := range t.Rows {
		cell := strings.ReplaceAll(row[column], ",", "")
		if cell == "" || cell == "censored" {
			continue
		}
		if _, err := strconv.ParseFloat(cell, 64); err != nil {
			return false
		}
		some = true
	}
	return some
}

// Tables are the numbers of a scenario: its cells, what was measured in each as far as
// the trials are here, live beside simulated, and those of figures.
func (s *Scenario) Tables() (all []*Table, err error) {
	if s.Data == nil {
		return nil, nil
	}
	for _, t := range []*Table{s.cells(), s.measures(), s.compared()} {
		if len(t.Rows) > 0 {
			all = append(all, t)
		}
	}
	for _, f := range s.Figures {
		if f.Table == nil {
			continue
		}
		rows, err := csv.NewReader(bytes.NewReader(f.Table)).ReadAll()
		if err != nil || len(rows) == 0 {
			return nil, fmt.Errorf("the numbers of figure %s of %s: %w", f.Name, s.Name, err)
		}
		all = append(all, &Table{"Numbers of the figure " + f.Name, rows[0], rows[1:]})
	}
	return all, nil
}

// sweptKeys are the swept keys of a scenario, in its order.
func (s *Scenario) sweptKeys() (keys []string) {
	for _, c := range s.Data.Manifest.Cells {
		for _, x := range c.Swept {
			if !slices.Contains(keys, x.Key) {
				keys = append(keys, x.Key)
			}
		}
	}
	return keys
}

// place names a cell, in as many columns as it takes.
func place(system, mode, of string, swept []results.Setting, keys []string) []string {
	row := []string{system, mode, of}
	for _, key := range keys {
		value := ""
		for _, x := range swept {
			if x.Key == key {
				value = x.Value
			}
		}
		row = append(row, value)
	}
	return row
}

func (s *Scenario) cells() *Table {
	keys := s.sweptKeys()
	t := &Table{Caption: "Cells", Head: slices.Concat([]string{"system", "mode", "case"}, keys, []string{"trials", "rows", "seconds", "event checksum"})}
	for _, c := range s.Data.Manifest.Cells {
		rows, seconds := "", ""
		for _, r := range s.Data.Run.Cells {
			if r.System == c.System && r.Mode == c.Mode && r.Case == c.Case && slices.Equal(r.Swept, c.Swept) {
				rows, seconds = strconv.Itoa(r.Rows), fmt.Sprintf("%.1f", r.Seconds)
			}
		}
		t.Rows = append(t.Rows, append(place(c.System, c.Mode, c.Case, c.Swept, keys), strconv.Itoa(c.Trials), rows, seconds, c.Checksum))
	}
	return t
}

// measured are the columns of trials that the table of measures has, where a cell has
// numbers in them, and of which kind of trial they are, where a cell has both kinds.
var measured = []struct {
	column string
	probed bool
}{
	{"elect_ms", false}, {"detect_ms", false}, {"vote_ms", false}, {"activate_ms", false}, {"outage_ms", true},
	{"rounds", false}, {"votes", false}, {"messages", false}, {"paper_ms", false}, {"overlap_ms", true}, {"join_ms", true},
	{"terms", true}, {"leader_changes", true}, {"down_ms", true}, {"throughput_ops_s", true}, {"read_p50_ms", true}, {"commit_p50_ms", true},
	{"stale", true}, {"t_p99_ms", true}, {"apply_lag_p50_ms", true}, {"apply_lag_p95_ms", true},
	{"read_hops", true}, {"write_hops", true}, {"read_messages", true}, {"write_messages", true}, {"resume_p50_ms", true}, {"resume_max_ms", true},
	{"timer_min_ms", false}, {"timer_max_ms", false}, {"winner_votes", false}, {"votes_refused", false},
	{"minority_write_ms", true}, {"majority_write_ms", true}, {"level_ms", true}, {"follow_ms", true}, {"recover_ms", true},
}

// leastForInterval and leastForP95 are from how many trials on a median has an
// interval, and a 95th percentile says anything.
const (
	leastForInterval = 6
	leastForP95      = 20
)

func (s *Scenario) measures() *Table {
	keys := s.sweptKeys()
	t := &Table{Caption: "Measured, by cell", Head: slices.Concat([]string{"system", "mode", "case"}, keys, []string{"measure", "n", "median", "from", "to", "95th percentile", "censored"})}
	for _, c := range s.Data.Manifest.Cells {
		var rows []*results.Trial
		both := [2]bool{}
		for i := range s.Data.Trials {
			r := &s.Data.Trials[i]
			if r.System == c.System && r.Mode == c.Mode && r.Case == c.Case && r.Outcome != results.Failed && governed(r.Swept, c.Swept) {
				rows = append(rows, r)
				if r.Probed {
					both[1] = true
				} else {
					both[0] = true
				}
			}
		}
		for _, m := range measured {
			var values []float64
			for _, r := range rows {
				if both == [2]bool{true, true} && r.Probed != m.probed {
					continue
				}
				x, _ := r.Value(m.column).(results.Number)
				switch {
				case !math.IsNaN(float64(x)):
					values = append(values, float64(x))
				case r.Outcome == results.Censored && (math.IsNaN(float64(r.ElectMS)) || m.probed):
					values = append(values, math.Inf(1))
				}
			}
			if x := metric.NewSample(values); len(x) > x.Censored() {
				t.Rows = append(t.Rows, append(append(place(c.System, c.Mode, c.Case, c.Swept, keys), m.column), spread(x, s.Data.Manifest.Seed)...))
			}
		}
	}
	return t
}

// governed reports whether a row with a value, maybe an empty one, for each swept key is
// of the cell that has those which govern it.
func governed(row, cell []results.Setting) bool {
	return !slices.ContainsFunc(row, func(x results.Setting) bool { return x.Value != "" && !slices.Contains(cell, x) }) &&
		!slices.ContainsFunc(cell, func(x results.Setting) bool { return !slices.Contains(row, x) })
}

// spread is n, median and its interval, 95th percentile, and the censored.
func spread(x metric.Sample, seed uint64) []string {
	row := []string{strconv.Itoa(len(x)), number(x.Median()), "", "", "", strconv.Itoa(x.Censored())}
	if len(x) >= leastForInterval {
		i := metric.Interval{Low: x[0], High: x[0]}
		if x[0] != x[len(x)-1] {
			i = x.MedianInterval(0.95, seed)
		}
		row[2], row[3] = number(i.Low), number(i.High)
	}
	if len(x) >= leastForP95 {
		row[4] = number(x.Quantile(0.95))
	}
	return row
}

// number writes a measured number with the digits that matter; none among the censored.
func number(x float64) string {
	switch {
	case math.IsInf(x, 1):
		return "censored"
	case math.IsNaN(x):
		return ""
	case x == math.Trunc(x) && math.Abs(x) < 1e9:
		return strconv.FormatFloat(x, 'f', 0, 64)
	case math.Abs(x) >= 100:
		return strconv.FormatFloat(x, 'f', 1, 64)
	}
	return strconv.FormatFloat(x, 'g', 4, 64)
}

func (s *Scenario) compared() *Table {
	keys := s.sweptKeys()
	t := &Table{Caption: "Live beside simulated, both with clients that write where the last column says so",
		Head: slices.Concat([]string{"live", "simulated", "case"}, keys, []string{"measure", "n live", "n simulated", "median live, ms", "median simulated, ms", "difference, ms", "from", "to", "Kolmogorov-Smirnov distance", "critical at 5 %", "clients wrote in the simulation"})}
	for _, c := range s.Data.Run.Compared {
		for _, m := range c.Measures {
			row := append(place(c.Live, c.Simulated, c.Case, c.Swept, keys), m.Measure, strconv.Itoa(m.Live.N), strconv.Itoa(m.Simulated.N),
				number(float64(m.Live.Median)), number(float64(m.Simulated.Median)), number(float64(m.Difference)))
			low, high, distance, critical := "", "", "", ""
			if m.Interval != nil {
				low, high = number(float64(m.Interval[0])), number(float64(m.Interval[1]))
			}
			if m.KS != nil {
				distance, critical = fmt.Sprintf("%.3f", m.KS.Distance), fmt.Sprintf("%.3f", m.KS.Critical)
			}
			clients := "no"
			if m.Simulated.Probed {
				clients = "yes"
			}
			t.Rows = append(t.Rows, append(row, low, high, distance, critical, clients))
		}
	}
	return t
}

// A Condition is a setting and the values that cells have of it.
type Condition struct{ What, Is string }

// conditions are the settings that a page tells, by where the manifest has them and
// whose they are.
var conditions = []struct{ path, what, of string }{
	{"Cluster.Voters", "voters", ""}, {"Cluster.Observers", "observers", ""},
	{"Network.Delay", "delay, one way", "network"}, {"Network.Loss", "loss", "network"}, {"Network.Channel", "channels", "sim"},
	{"Disk.Fsync", "fsync", "sim"}, {"CPU.Message", "computing, per message", "sim"},
	{"Timeouts", "timeouts", ""}, {"Raft.ElectionTimeout", "Raft: election timeout", "raft"}, {"Raft.Heartbeat", "Raft: heartbeat", "raft"},
	{"Zab.Tick", "Zab: tick", "zab"}, {"Zab.SyncLimit", "Zab: syncLimit", "zab"}, {"Zab.FinalizeWait", "Zab: finalizeWait", "zab"},
	{"Probe.Interval", "a probe each", ""}, {"Workload.Clients", "clients", ""}, {"Workload.Rate", "operations per second", ""},
	{"Workload.Reads", "share of reads", ""}, {"Workload.ReadMode", "reads are", "reads"}, {"Observe", "watched for", ""}, {"Limit", "censored after", ""},
}

// Conditions tells under what conditions a scenario ran: what its cells have in
// common, and the values of what differs.
func (s *Scenario) Conditions() (all []Condition) {
	if s.Data == nil {
		return nil
	}
	values := make([][]string, len(conditions))
	var faults []string
	for i := range s.Data.Manifest.Cells {
		c := &s.Data.Manifest.Cells[i]
		var settings map[string]any
		if c.Mode == "conversation" || json.Unmarshal(c.Settings, &settings) != nil {
			continue // the text has its own; and of a form that this version does not know nothing is told
		}
		for j, k := range conditions {
			if text := told(settings, k.path); text != "" && applies(k.of, c, settings) && !slices.Contains(values[j], text) {
				values[j] = append(values[j], text)
			}
		}
		if text := struck(settings); !slices.Contains(faults, text) {
			faults = append(faults, text)
		}
	}
	for j, k := range conditions {
		if len(values[j]) > 0 {
			all = append(all, Condition{k.what, some(values[j])})
		}
	}
	if len(faults) > 0 {
		all = append(all, Condition{"faults", some(faults)})
	}
	return all
}

// some lists values, and of many the first.
func some(values []string) string {
	if n := len(values); n > 9 {
		values = append(slices.Clone(values[:8]), fmt.Sprintf("and %d more", n-8))
	}
	return strings.Join(values, "; ")
}

// told is a setting as text; empty where it is not there or says nothing.
func told(settings map[string]any, path string) string {
	var x any = settings
	for part := range strings.SplitSeq(path, ".") {
		section, _ := x.(map[string]any)
		x = section[part]
	}
	switch text := fmt.Sprint(x); text {
	case "<nil>", "0", "0s", "", "constant(0s)":
		return ""
	default:
		return text
	}
}

// applies reports whether a cell has a use for a setting.
func applies(of string, c *results.Cell, settings map[string]any) bool {
	switch of {
	case "network":
		return c.Mode != "live" || c.Switch
	case "sim":
		return c.Mode != "live"
	case "raft":
		return c.System != "zab" && c.System != "zookeeper"
	case "zab":
		return c.System == "zab" || c.System == "zookeeper"
	case "reads":
		return told(settings, "Workload.Reads") != ""
	}
	return true
}

// struck says what goes wrong in a cell, one fault after the other.
func struck(settings map[string]any) string {
	list, _ := settings["Faults"].([]any)
	var faults []string
	for _, x := range list {
		fault, _ := x.(map[string]any)
		text := told(fault, "Kind")
		for _, k := range []struct{ key, before string }{{"Target", "of "}, {"From", "from "}, {"To", "to "}, {"At", "at "}, {"For", "for "}} {
			if v := told(fault, k.key); v != "" {
				text += " " + k.before + v
			}
		}
		faults = append(faults, text)
	}
	if len(faults) == 0 {
		return "none"
	}
	return strings.Join(faults, ", then ")
}
