package plots

import (
	"fmt"

	"raftzab/results"
)

// findLeader shows how soon clients go on when the leader changes.
func findLeader(d *results.Data) (drawing, string, bool) {
	panels, cells := findPanels(d)
	if len(panels) == 0 {
		return drawing{}, "", false
	}
	var c caption
	s := settingsOf(cells[0].cell)
	c.say("From the fault: until a new leader can commit; and until a client had its first success with a write that it began after the fault, the median one of %d clients and the last.", s.Workload.Clients)
	c.say("Dots are medians, whiskers reach from the 5th to the 95th percentile of the trials.")
	c.say("any: a client may talk to any server; known: it is told who leads, whenever it must move; asked: it asks one server after the other, and goes where that one sends it.")
	c.say("A client that is not answered gives up after %s, and moves; one that is refused asks again after 10 ms.", plain(s.Workload.Timeout))
	all := []panel{{Series: cells}}
	c.systems(all)
	c.circumstances(all)
	c.timeouts(all)
	c.trials(all)
	c.reservations(d, all)
	return drawRows(panels, "time from the fault (ms)"), c.String(), true
}

// findPanels are the rows of a scenario that measures when clients resume, and varies
// nothing but cases.
func findPanels(d *results.Data) (panels []rowPanel, cells []series) {
	if swept(d) {
		return nil, nil
	}
	rows := rowsByCell(d)
	measures := []struct {
		title string
		of    func(t *results.Trial) results.Number
	}{
		{"a new leader", func(t *results.Trial) results.Number { return t.ElectMS }},
		{"the median client's first success", func(t *results.Trial) results.Number { return t.ResumeP50 }},
		{"the last client's first success", func(t *results.Trial) results.Number { return t.ResumeMost }},
	}
	for i, measure := range measures {
		p := rowPanel{Title: letter(i, len(measures)) + measure.title}
		for j := range d.Manifest.Cells {
			cell := &d.Manifest.Cells[j]
			var values []float64
			for _, t := range rows[cell] {
				if v := measure.of(t); there(v) && t.Outcome != results.Failed && there(t.ResumeP50) {
					values = append(values, float64(v))
				}
			}
			x, ok := spotOf(0, values)
			if !ok {
				continue
			}
			of := series{Mode: cell.Mode, System: cell.System, N: x.N, cell: cell}
			p.Rows = append(p.Rows, row{of.label() + ", " + cell.Case, cell.System, x.Median, x.Low, x.High, fmt.Sprintf("%.0f ms (n = %s)", x.Median, count(x.N))})
			if i == 0 {
				cells = append(cells, of)
			}
		}
		if len(p.Rows) == 0 {
			return nil, nil
		}
		panels = append(panels, p)
	}
	return panels, cells
}
