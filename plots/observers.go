package plots

import (
	"fmt"

	"raftzab/results"
)

const observersKey = "cluster.observers"

// observerThroughput shows what servers without a vote do to reads and writes.
func observerThroughput(d *results.Data) (drawing, string, bool) {
	panels := throughputPanels(d)
	if len(panels) == 0 {
		return drawing{}, "", false
	}
	var c caption
	c.say("Throughput of clients that ask again as soon as they are answered, and latency of writes at a fixed rate, by the number of servers without a vote (Zab's observers, Raft's learners).")
	c.say("Clients are spread over all servers; reads are answered there.")
	c.observers(d, panels)
	return drawObservers(panels), c.String(), true
}

func throughputPanels(d *results.Data) []sweptPanel {
	return observerPanels(d, func(_ string, s *settings) []measure {
		w := &s.Workload
		switch {
		case w.Clients == 0:
			return nil
		case w.Rate > 0:
			return []measure{{title: fmt.Sprintf("median commit latency (ms), %g writes/s", w.Rate*(1-w.Reads)), of: func(t *results.Trial) results.Number { return t.CommitP50 }}}
		case w.Reads == 0:
			return []measure{{title: "writes/s", of: func(t *results.Trial) results.Number { return t.Throughput }}}
		case w.Reads == 1:
			return []measure{{title: "reads/s", of: func(t *results.Trial) results.Number { return t.Throughput }}}
		}
		return []measure{{title: fmt.Sprintf("operations/s, %g %% reads", 100*w.Reads), of: func(t *results.Trial) results.Number { return t.Throughput }}}
	})
}

// observerPanels sorts the rows of a scenario that varies the number of observers, and
// nothing else, into a panel for each case and measure that it has.
func observerPanels(d *results.Data, measures func(in string, s *settings) []measure) []sweptPanel {
	if !sweeps(d, observersKey) {
		return nil
	}
	return panelsOver(d, observersKey, func(c *results.Cell) []measure {
		s := settingsOf(c)
		return measures(c.Case, &s)
	})
}

// seriesOfSweep returns the panels as captions know them.
func seriesOfSweep(panels []sweptPanel) (all []panel) {
	for _, p := range panels {
		x := panel{Case: p.Lines[0].cell.Case}
		for _, l := range p.Lines {
			x.Series = append(x.Series, series{Mode: l.cell.Mode, System: l.cell.System, N: l.Points[0].N, cell: l.cell})
		}
		all = append(all, x)
	}
	return all
}

// observers says what the panels have in common.
func (c *caption) observers(d *results.Data, panels []sweptPanel) {
	all := seriesOfSweep(panels)
	c.say("Points are medians of the trials, whiskers reach from the 5th to the 95th percentile.")
	c.systems(all)
	c.circumstances(all)
	c.machine(all)
	if s := settingsOf(panels[0].Lines[0].cell); s.CPU.Message != "" {
		c.say("A simulated server has one core, which takes %s for each message that it receives or sends, and for each read and write that it is asked for.", plain(s.CPU.Message))
	}
	for _, p := range panels {
		for _, l := range p.Lines {
			if s := settingsOf(l.cell); s.CPU.Quota > 0 {
				c.say("A live server has %g of a core, so that servers do not take it from each other.", s.CPU.Quota)
			}
		}
	}
	c.timeouts(all)
	c.reservations(d, all)
}

// liveLook is how a live system is drawn beside its simulation.
func liveLook(mode, system string) look {
	style := lookOf(system)
	if mode == "live" {
		style.line.Width = 0.7
		style.marker.Radius = 2.6
	}
	return style
}

func drawObservers(panels []sweptPanel) drawing {
	return drawSwept(panels, "servers without a vote", func(_ int, l *sweptLine) look { return liveLook(l.cell.Mode, l.cell.System) })
}
