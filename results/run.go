package results

import (
	"cmp"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

// A Run says what the machine had its hand in: another one, or another day,
// gives another run.json beside the same manifest.json.
type Run struct {
	Machine   Machine      `json:"machine"`
	Go        string       `json:"go"`
	Java      string       `json:"java,omitempty"`
	ZooKeeper string       `json:"zookeeper,omitempty"`
	Dirty     bool         `json:"dirty"`             // the checkout had changes that no commit holds
	Program   string       `json:"program,omitempty"` // SHA-256 of the executable
	Resumed   []time.Time  `json:"resumed,omitempty"` // when it went on after its last interruption; Started is the same
	Started   time.Time    `json:"started"`
	Ended     time.Time    `json:"ended"`
	Load      string       `json:"load,omitempty"` // load averages at the start
	Cells     []CellRun    `json:"cells"`
	Files     []File       `json:"files,omitempty"`    // those that do not come again byte by byte
	LeftOut   []LeftOut    `json:"left_out,omitempty"` // what could not run here
	Compared  []Comparison `json:"compared,omitempty"` // live cells with the simulated ones of the same case and swept values
	Observed  []string     `json:"observed,omitempty"` // what live cells measured of the machine and asked of their system, a sentence each
	Verdicts  []Verdict    `json:"verdicts,omitempty"` // of data some of which do not come again byte by byte
	Violated  int          `json:"violated,omitempty"` // trials in which an invariant was broken
	Warnings  []string     `json:"warnings,omitempty"`
}

// A Machine is what the run ran on.
type Machine struct {
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	OS     string `json:"os"`
	Arch   string `json:"arch"`
	Kernel string `json:"kernel"`
}

// A CellRun is a cell's share of the run.
type CellRun struct {
	Mode    string    `json:"mode"`
	Case    string    `json:"case"`
	System  string    `json:"system"`
	Swept   []Setting `json:"swept,omitempty"`
	Rows    int       `json:"rows"`
	Seconds float64   `json:"seconds"` // wall time
	Live    *LiveRun  `json:"live,omitempty"`
}

// A LiveRun says of a live cell what the machine did to it.
type LiveRun struct {
	Spoilt   int       `json:"spoilt"`             // trials that were run again since the cores were too busy
	Kept     int       `json:"kept"`               // trials that were as bad each time and taken as they were
	Lateness *Lateness `json:"lateness,omitempty"` // of the switch, in all trials, those run again included; nil: no switch, or nothing was delayed
}

// A Lateness says how long after the instant that its delay asked for the switch
// released a packet. P50 and P99 are upper bounds of buckets.
type Lateness struct {
	Count   int64    `json:"count"` // packets with a delay
	P50     float64  `json:"p50_ms"`
	P99     float64  `json:"p99_ms"`
	Max     float64  `json:"max_ms"`
	Buckets []Bucket `json:"buckets"` // ascending, without empty ones
}

// A Bucket counts what was late by less than Below, and not by less than the
// bucket before.
type Bucket struct {
	Below float64 `json:"below_ms"`
	Count int64   `json:"count"`
}

// Plus is what the machine did in both; either may be nil.
func (l *LiveRun) Plus(o *LiveRun) *LiveRun {
	if l == nil || o == nil {
		return cmp.Or(l, o)
	}
	return &LiveRun{Spoilt: l.Spoilt + o.Spoilt, Kept: l.Kept + o.Kept, Lateness: l.Lateness.plus(o.Lateness)}
}

func (l *Lateness) plus(o *Lateness) *Lateness {
	if l == nil || o == nil {
		return cmp.Or(l, o)
	}
	sum := &Lateness{Count: l.Count + o.Count, Max: max(l.Max, o.Max)}
	for _, b := range slices.Concat(l.Buckets, o.Buckets) {
		i, found := slices.BinarySearchFunc(sum.Buckets, b, func(a, b Bucket) int { return cmp.Compare(a.Below, b.Below) })
		if !found {
			sum.Buckets = slices.Insert(sum.Buckets, i, Bucket{Below: b.Below})
		}
		sum.Buckets[i].Count += b.Count
	}
	sum.P50, sum.P99 = sum.below(0.5), sum.below(0.99)
	return sum
}

// below is the end of the bucket in which the p-quantile falls, or the greatest.
func (l *Lateness) below(p float64) float64 {
	n := int64(0)
	for _, b := range l.Buckets {
		if n += b.Count; float64(n) >= p*float64(l.Count) {
			return min(b.Below, l.Max)
		}
	}
	return l.Max
}

// LeftOut is a system that could not run here.
type LeftOut struct {
	Mode   string `json:"mode"`
	System string `json:"system"`
	Reason string `json:"reason"`
}

// NewRun returns a run that begins now on this machine.
func NewRun() Run {
	return Run{
		Machine: Machine{CPU: cpu(), Cores: runtime.NumCPU(), OS: runtime.GOOS, Arch: runtime.GOARCH, Kernel: kernel()},
		Go:      runtime.Version(),
		Started: time.Now().UTC().Round(time.Millisecond),
		Load:    strings.Join(firstFields("/proc/loadavg", 3), " "),
	}
}

// cpu returns the model of the processor; empty where the system does not tell
// in one of these ways.
func cpu() string {
	switch runtime.GOOS {
	case "darwin":
		return output("sysctl", "-n", "machdep.cpu.brand_string")
	case "windows":
		return os.Getenv("PROCESSOR_IDENTIFIER")
	}
	text, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func kernel() string {
	if runtime.GOOS == "windows" {
		return output("cmd", "/c", "ver")
	}
	return output("uname", "-r")
}

func output(name string, args ...string) string {
	text, err := exec.Command(name, args...).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

func firstFields(path string, n int) []string {
	text, _ := os.ReadFile(path)
	fields := strings.Fields(string(text))
	return fields[:min(n, len(fields))]
}
