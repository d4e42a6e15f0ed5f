package experiments

import (
	"slices"
	"strings"

	"raftzab/bench/fault"
	"raftzab/bench/run"
)

// together checks that what is measured of a cluster that comes together again has
// something to begin with.
func (v *validation) together() {
	s := v.s
	asks := func(prefixes ...string) string {
		i := slices.IndexFunc(s.Columns, func(name string) bool {
			return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
		})
		if i < 0 {
			return ""
		}
		return s.Columns[i]
	}
	if name := asks("follow_", "recover_ms"); name != "" && v.d.good("fault") && !slices.ContainsFunc(s.Faults, mends) {
		v.fail("columns", "%s begins with a fault that mends another, and there is none; give a fault a \"for\", or take it out", name)
	}
	if s.Probe.Timeline > 0 && s.Probe.Interval == 0 && v.d.good("probe") {
		v.fail("probe.timeline", "is of clients that write, and there are none; write interval = \"20ms\" beside it, or take it out")
	}
	name := asks("minority_", "majority_write_ms", "level_ms")
	if name == "" {
		return
	}
	if v.d.good("fault") && !slices.ContainsFunc(s.Faults, splits) {
		v.fail("columns", "%s is of a leader that is cut off for a while: no fault does that; write one of kind partition or isolate with a \"for\", or take it out", name)
	}
	if v.d.good("probe") && s.Probe.Interval == 0 {
		v.fail("columns", "%s is of clients that write, and there are none; write interval = \"20ms\" in [probe], or take it out", name)
	}
	if s.Workload.Clients > 0 || s.Observe > 0 || s.Staged() {
		v.fail("columns", "%s cannot stand beside [workload], observe, cluster.behind or a fault's phase; take one of the two out", name)
	}
}

// mends reports whether a fault undoes another, or is undone.
func mends(p run.Planned) bool {
	return slices.Contains([]fault.Kind{fault.Heal, fault.Restart, fault.Resume, fault.Start}, p.Kind) || p.For > 0
}

// splits reports whether a fault cuts off servers and lets them come back.
func splits(p run.Planned) bool {
	return (p.Kind == fault.Partition || p.Kind == fault.Isolate) && p.For > 0
}
