package plots

import (
	"fmt"
	"slices"

	"raftzab/results"
)

// outage shows how long clients cannot write, which is all that a black box
// shows, and so the same for every system.
func outage(d *results.Data) (drawing, string, bool) {
	panels := outagePanels(d)
	if len(panels) == 0 {
		return drawing{}, "", false
	}
	every := ""
	if s := settingsOf(panels[0].Series[0].cell); s.Probe.Interval != "" {
		every = fmt.Sprintf(", one write every %s through each server", plain(s.Probe.Interval))
	}
	var c caption
	c.say("Time from the fault to the first acknowledgement of a write submitted after it, as probing clients see it%s: %s.", every, shapeOf(panels))
	c.conditions(d, panels, func(live bool) string {
		switch {
		case !slices.ContainsFunc(d.Manifest.Cells, func(c results.Cell) bool { return c.Mode != "live" }):
			return "Outages and elections (other figures) come from trials with probing clients"
		case loaded(d):
			return "Outages and elections (other figures) come from trials with probing clients, simulated ones too"
		case live:
			return "Outages come from trials with probing clients, simulated elections (other figures) from trials without, live ones from trials with them"
		}
		return "Outages come from trials with probing clients, simulated elections (other figures) from trials without"
	})
	c.trials(panels)
	c.reservations(d, panels)
	return drawTimesOf(panels, "outage (ms)"), c.String(), true
}

func outagePanels(d *results.Data) []panel {
	if swept(d) || paired(d) || served(d) || joining(d) {
		return nil
	}
	return panelsOf(d, func(t *results.Trial) (results.Number, bool) { return t.OutageMS, t.Probed })
}
