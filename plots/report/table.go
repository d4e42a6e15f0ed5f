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

// Tables are the numbers of a scenario: its cells, what was measured in each, live beside
// simulated, and those of figures.
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

// measures tells what the summaries say of each cell.
func (s *Scenario) measures() *Table {
	keys := s.sweptKeys()
	t := &Table{Caption: "Measured, by cell", Head: slices.Concat([]string{"system", "mode", "case"}, keys, []string{"measure", "n", "median", "from", "to", "5th percentile", "95th percentile", "censored"})}
	for _, m := range s.Summaries {
		told := func(x results.Number, least int) string {
			switch {
			case m.N < least:
				return ""
			case math.IsNaN(float64(x)):
				return "censored"
			}
			return number(float64(x))
		}
		t.Rows = append(t.Rows, append(place(m.System, m.Mode, m.Case, m.Swept, keys), m.Measure, strconv.Itoa(m.N), told(m.Median, 1), told(m.Low, results.LeastForInterval), told(m.High, results.LeastForInterval),
			told(m.P5, results.LeastForTails), told(m.P95, results.LeastForTails), strconv.Itoa(m.Censored)))
	}
	return t
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
