package plots

import (
	"fmt"

	"raftzab/results"
)

// electionSizeDelay shows how long it takes to replace a leader, by number of servers and
// delay.
func electionSizeDelay(d *results.Data) (drawing, string, bool) {
	panels := sizePanels(d)
	if len(panels) == 0 {
		return drawing{}, "", false
	}
	var c caption
	c.say("From the first server giving the leader up to a new leader that can commit, by the one-way delay and the number of servers; logarithmic time. Detection is left out.")
	c.say("Points are medians of the trials, whiskers reach from the 5th to the 95th percentile.")
	all := seriesOfSweep(panels)
	c.systems(all)
	c.circumstances(all)
	c.timeouts(all)
	c.reservations(d, all)
	return drawSwept(panels, "one-way delay (ms)", func(_ int, l *sweptLine) look { return lookOf(l.cell.System) }), c.String(), true
}

// sizePanels are those of a scenario that varies the number of servers and the delay, a panel a
// number.
func sizePanels(d *results.Data) []sweptPanel {
	if !sweeps(d, "cluster.voters", "network.delay") || len(splitPanels(d)) > 0 {
		return nil
	}
	return panelsOver(d, "network.delay", func(c *results.Cell) []measure {
		return []measure{{title: fmt.Sprintf("%g servers: time to elect (ms)", valueOf(c, "cluster.voters")), log: true, of: func(t *results.Trial) results.Number { return t.ElectMS - t.DetectMS }}}
	})
}
