package plots

import (
	"fmt"
	"slices"
	"strings"

	"raftzab/results"
)

const (
	lengthKey = "fault[0].for"    // how long a partition lasts
	rtoMinKey = "network.rto_min" // how long TCP waits before it sends again for the first time
)

// recovery shows how soon a cluster is whole again when a partition ends, by how long it has
// lasted, or by TCP's first wait.
func recovery(d *results.Data) (drawing, string, bool) {
	panels := recoveryPanels(d)
	if len(panels) == 0 {
		return drawing{}, "", false
	}
	var c caption
	by, axis := "the length of the partition", "length of the partition (s)"
	if sweeps(d, rtoMinKey) {
		most := inMilliseconds(settingsOf(&d.Manifest.Cells[0]).Network.RTOMax) / 1000
		by = fmt.Sprintf("how long TCP waits before it sends again for the first time (rto_min; rto_max is %g s)", most)
		axis = "rto_min (ms)"
	}
	c.say("From the end of a partition to all servers serving under one leader (all follow), and to the first acknowledgement of a write that was submitted after it (served), by %s; logarithmic time.", by)
	c.say("Points are medians of the trials, whiskers reach from the 5th to the 95th percentile.")
	c.say("What was sent into the partition TCP sends again at intervals that double, up to rto_max; 120 s is Linux's. Live machines have 1 s where their kernel can.")
	all := seriesOfSweep(panels)
	c.systems(all)
	c.circumstances(all)
	c.machine(all)
	c.timeouts(all)
	c.reservations(d, all)
	return drawSwept(panels, axis, func(_ int, l *sweptLine) look { return liveLook(l.cell.Mode, l.cell.System) }), c.String(), true
}

// recoveryPanels are those of a scenario that varies the length of a fault and measures
// what comes of its end, or varies rto_min. Where it varies rto_max as well there are panels for each.
func recoveryPanels(d *results.Data) []sweptPanel {
	key, unit := lengthKey, 1000.0
	switch {
	case sweeps(d, rtoMinKey):
		key, unit = rtoMinKey, 1
	case !sweeps(d, lengthKey) && !sweeps(d, lengthKey, "network.rto_max"):
		return nil
	}
	panels := panelsOver(d, key, func(c *results.Cell) (list []measure) {
		add := func(what string, probed bool, of func(t *results.Trial) results.Number) {
			var in []string
			if c.Case != "" {
				in = append(in, c.Case)
			}
			if i := slices.IndexFunc(c.Swept, func(s results.Setting) bool { return s.Key == "network.rto_max" }); i >= 0 {
				in = append(in, fmt.Sprintf("rto_max %g s", inMilliseconds(c.Swept[i].Value)/1000))
			}
			title := what + " (ms)"
			if len(in) > 0 {
				title = strings.Join(in, ", ") + ": " + title
			}
			list = append(list, measure{title, true, probed, of})
		}
		add("all follow", false, func(t *results.Trial) results.Number { return t.FollowMS })
		if key == rtoMinKey {
			add("all follow, with clients that write", true, func(t *results.Trial) results.Number { return t.FollowMS })
		}
		if f := settingsOf(c).Faults; len(f) > 0 && f[0].Kind == "partition" { // else there is a majority, which goes on
			add("served", true, func(t *results.Trial) results.Number { return t.RecoverMS })
		}
		return list
	})
	for i := range panels {
		for j := range panels[i].Lines {
			for k := range panels[i].Lines[j].Points {
				x := &panels[i].Lines[j].Points[k]
				x.X /= unit
				x.Low, x.Median, x.High = max(x.Low, 1), max(x.Median, 1), max(x.High, 1) // the axis has no 0
			}
		}
	}
	return panels
}
