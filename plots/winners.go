package plots

import (
	"encoding/json"
	"slices"

	"raftzab/results"
)

// winners shows who wins, where servers or the links between them differ.
func winners(d *results.Data) (drawing, string, bool) {
	panels := winnerPanels(d)
	if len(panels) == 0 {
		return drawing{}, "", false
	}
	var c caption
	all := seriesOfSweep(panels)
	c.say("Share of the trials in which each server is the new leader, by its number, with Wilson's 95 %% interval.")
	if s := settingsOf(all[0].Series[0].cell); len(s.Faults) > 0 {
		c.say("The old leader cannot win, and who that is the servers have decided among themselves before.")
	}
	c.systems(all)
	c.circumstances(all)
	c.timeouts(all)
	c.reservations(d, all)
	return drawSwept(panels, "server", func(_ int, l *sweptLine) look { return lookOf(l.cell.System) }), c.String(), true
}

// winnerPanels are those of a scenario that elects, and in which not all servers, or not all
// links, are the same: a panel a case, a line a system, a point a server.
func winnerPanels(d *results.Data) (panels []sweptPanel) {
	if swept(d) || served(d) || joining(d) || !slices.ContainsFunc(d.Manifest.Cells, uneven) {
		return nil
	}
	rows, elects := rowsByCell(d), Electing(d)
	for i := range d.Manifest.Cells {
		cell := &d.Manifest.Cells[i]
		won := make([]portion, settingsOf(cell).Cluster.Voters)
		for _, t := range rows[cell] {
			if !elects(t) || !there(t.Leader) && t.Outcome != results.Censored {
				continue
			}
			for id := range won {
				won[id].add(t.Leader == results.Number(id+1))
			}
		}
		if len(won) == 0 || won[0].N == 0 {
			continue
		}
		title := "share won"
		if cell.Case != "" {
			title = cell.Case + ": share won"
		}
		at := slices.IndexFunc(panels, func(p sweptPanel) bool { return p.Title == title })
		if at < 0 {
			at = len(panels)
			panels = append(panels, sweptPanel{Title: title, Share: true})
		}
		of := series{Mode: cell.Mode, System: cell.System}
		for id, p := range won {
			in := p.Interval()
			panels[at].add(of.label(), cell, spot{float64(id + 1), p.N, p.Share(), in.Low, in.High})
		}
	}
	for i := range panels {
		panels[i].Title = letter(i, len(panels)) + panels[i].Title
		slices.SortStableFunc(panels[i].Lines, func(a, b sweptLine) int { return rank(a.cell.System) - rank(b.cell.System) })
	}
	return panels
}

// uneven reports whether a cell says something of single servers or links.
func uneven(c results.Cell) bool {
	var s struct{ Links, Nodes []json.RawMessage }
	return json.Unmarshal(c.Settings, &s) == nil && len(s.Links)+len(s.Nodes) > 0
}
