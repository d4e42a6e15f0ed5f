package plots

import (
	"slices"

	"raftzab/results"
)

// joins shows how long it takes a server that starts to follow the leader.
func joins(d *results.Data) (drawing, string, bool) {
	panels := joinPanels(d)
	if len(panels) == 0 {
		return drawing{}, "", false
	}
	var c caption
	c.say("Time from the start of a server's process to the first entry that it applies of the leader's term or epoch: %s.", shapeOf(panels))
	s := settingsOf(panels[0].Series[0].cell)
	c.say("Through each server a client writes every %s, so that there are entries to apply.", plain(s.Probe.Interval))
	c.systems(panels)
	c.tell(panels, func(s *settings, _ *series) string { return s.Faults[0].whole() }, serversOf, delayOf, lossOf, fsyncOf)
	c.machine(panels)
	c.timeouts(panels)
	c.trials(panels)
	c.reservations(d, panels)
	return drawTimesOf(panels, "time to follow (ms)"), c.String(), true
}

// joining reports whether the scenario measures how servers join a leader in office; elections
// are no matter of its figures.
func joining(d *results.Data) bool {
	return slices.ContainsFunc(d.Trials, func(t results.Trial) bool { return there(t.JoinMS) })
}

func joinPanels(d *results.Data) []panel {
	if swept(d) || !joining(d) {
		return nil
	}
	return panelsOf(d, func(t *results.Trial) (results.Number, bool) { return t.JoinMS, t.Probed })
}
