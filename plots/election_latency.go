package plots

import (
	"slices"

	"raftzab/results"
)

// electionLatency shows how long a system is without an active leader: a
// distribution a system, a panel a case.
func electionLatency(d *results.Data) (drawing, string, bool) {
	panels := latencyPanels(d)
	if len(panels) == 0 {
		return drawing{}, "", false
	}
	var c caption
	c.say("Time from %s to a new leader that can commit new writes: %s.", origin(d), shapeOf(panels))
	c.conditions(d, panels, electionsOf(d, "elections"))
	c.trials(panels)
	c.reservations(d, panels)
	return drawTimesOf(panels, "time to a new active leader (ms)"), c.String(), true
}

func latencyPanels(d *results.Data) []panel {
	if swept(d) || paired(d) || served(d) || joining(d) {
		return nil
	}
	elects := Electing(d)
	return panelsOf(d, func(t *results.Trial) (results.Number, bool) { return t.ElectMS, elects(t) })
}

// electionsOf says from which trials elections are: see electing.
func electionsOf(d *results.Data, what string) func(live bool) string {
	return func(live bool) string {
		switch {
		case !slices.ContainsFunc(d.Manifest.Cells, func(c results.Cell) bool { return c.Mode != "live" }):
			return "All " + what + " were measured with probing clients"
		case loaded(d):
			return "All " + what + " were measured with probing clients, simulated ones too"
		case live:
			return "Simulated " + what + " were measured without probing clients, live ones with them, as all outages (another figure) were"
		}
		return "Simulated " + what + " were measured without probing clients, outages (another figure) with them"
	}
}
