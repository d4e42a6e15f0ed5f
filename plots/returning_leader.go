package plots

import (
	"fmt"
	"slices"

	"raftzab/results"
)

// returningLeader shows what it takes a leader that was away to follow its successor.
func returningLeader(d *results.Data) (drawing, string, bool) {
	panels, cells := returnPanels(d)
	if len(panels) == 0 {
		return drawing{}, "", false
	}
	var c caption
	c.say("A leader that was away is back: time to all servers serving under one leader. Beside it, where servers tell: votes that it casts until then, and messages to and from it, of the kinds that elect and activate; medians.")
	c.say("Dots are medians of the trials, whiskers reach from the 5th to the 95th percentile.")
	all := []panel{{Series: cells}}
	c.systems(all)
	c.tell(all, serversOf, delayOf, fsyncOf)
	c.timeouts(all)
	c.trials(all)
	c.reservations(d, all)
	return drawRows(panels, "time to follow (ms)"), c.String(), true
}

// returnPanels are the rows of a scenario that measures the return, and varies nothing but
// cases, by case.
func returnPanels(d *results.Data) (panels []rowPanel, cells []series) {
	if swept(d) {
		return nil, nil
	}
	rows := rowsByCell(d)
	for i := range d.Manifest.Cells {
		cell := &d.Manifest.Cells[i]
		of := series{Mode: cell.Mode, System: cell.System, cell: cell}
		var follow, votes, messages []float64
		for _, t := range rows[cell] {
			if t.Outcome == results.Failed || t.Probed && cell.Mode != "live" || !there(t.FollowMS) {
				continue
			}
			follow = append(follow, float64(t.FollowMS))
			if there(t.FollowVotes) {
				votes, messages = append(votes, float64(t.FollowVotes)), append(messages, float64(t.FollowMessages))
			}
		}
		x, ok := spotOf(0, follow)
		if !ok || cell.Case == "" {
			continue
		}
		text := fmt.Sprintf("%.0f ms", x.Median)
		if v, ok := spotOf(0, votes); ok {
			m, _ := spotOf(0, messages)
			text += fmt.Sprintf("; votes %g, messages %g", v.Median, m.Median)
		}
		at := slices.IndexFunc(panels, func(p rowPanel) bool { return p.Title == cell.Case })
		if at < 0 {
			at = len(panels)
			panels = append(panels, rowPanel{Title: cell.Case})
		}
		panels[at].Rows = append(panels[at].Rows, row{of.label(), cell.System, x.Median, x.Low, x.High, text})
		of.N = x.N
		cells = append(cells, of)
	}
	for i := range panels {
		panels[i].Title = letter(i, len(panels)) + panels[i].Title
		slices.SortStableFunc(panels[i].Rows, func(a, b row) int { return rank(a.System) - rank(b.System) })
	}
	return panels, cells
}
