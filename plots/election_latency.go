package plots

import "raftzab/results"

// electionLatency shows how long a system is without an active leader: a
// distribution a system, a panel a case.
func electionLatency(d *results.Data) (drawing, string, bool) {
	panels := latencyPanels(d)
	if len(panels) == 0 {
		return drawing{}, "", false
	}
	var c caption
	c.say("Time from the fault to a new leader that can commit new writes: empirical distribution functions, logarithmic time.")
	c.conditions(panels)
	c.trials(panels)
	if has(panels, func(s *series) bool { return s.Mode == "live" }) {
		c.say("Simulated elections were measured without probing clients, live ones with.")
	}
	c.reservations(d, panels)
	return drawCDFs(cdfPanels(panels), "time to a new active leader (ms)"), c.String(), true
}

func latencyPanels(d *results.Data) []panel {
	if swept(d) {
		return nil
	}
	return panelsOf(d, func(t *results.Trial) (results.Number, bool) { return t.ElectMS, unprobed(t) })
}
