package plots

import (
	"raftzab/results"
)

// commitMessages shows how many messages a commit takes, by the number of servers.
func commitMessages(d *results.Data) (drawing, string, bool) {
	panels := commitPanels(d)
	if len(panels) == 0 {
		return drawing{}, "", false
	}
	var c caption
	c.say("Messages between servers that a write causes, those that nobody waits for too, by the number of servers; heartbeats and pings do not count. Clients ask the leader, or a follower, which in Raft sends them to the leader.")
	c.say("Points are medians of the trials, of each the mean of its writes.")
	all := seriesOfSweep(panels)
	c.systems(all)
	c.tell(all, delayOf)
	c.timeouts(all)
	c.reservations(d, all)
	return drawSwept(panels, "servers", func(_ int, l *sweptLine) look { return lookOf(l.cell.System) }), c.String(), true
}

// commitPanels are those of a scenario that varies the number of servers and counts the messages
// of writes, a panel a case.
func commitPanels(d *results.Data) []sweptPanel {
	if !sweeps(d, "cluster.voters") {
		return nil
	}
	return panelsOver(d, "cluster.voters", func(c *results.Cell) []measure {
		return []measure{{title: c.Case + ": messages of a write", of: func(t *results.Trial) results.Number { return t.WriteMessages }}}
	})
}
