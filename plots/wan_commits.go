package plots

import (
	"encoding/json"
	"fmt"

	"raftzab/results"
)

// wanCommits shows how long commits take by where the leader is, where links differ.
func wanCommits(d *results.Data) (drawing, string, bool) {
	panels, cells := placePanels(d)
	if len(panels) == 0 {
		return drawing{}, "", false
	}
	var c caption
	s := settingsOf(cells[0].cell)
	c.say("Median commit latency of a trial, at clients beside the leader, by the server that leads (numbers as in the scenario); dots are medians of the trials, whiskers reach from the 5th to the 95th percentile.")
	c.say("Links differ, and the scenario has their delays. A leader of %d servers needs the answers of %d others.", s.Cluster.Voters, s.Cluster.Voters/2)
	all := []panel{{Series: cells}}
	c.systems(all)
	c.tell(all, serversOf, fsyncOf)
	c.say("Clients: %d, %g operations a second in all; one way to their server %s.", s.Workload.Clients, s.Workload.Rate, plain(s.Clients.Delay))
	c.timeouts(all)
	c.trials(all)
	c.reservations(d, all)
	return drawRows(panels, "commit latency (ms)"), c.String(), true
}

// placePanels are the rows of a scenario whose links differ and which measures commits, and nothing else:
// a panel a system, a row for each server that has led.
func placePanels(d *results.Data) (panels []rowPanel, cells []series) {
	rows := rowsByCell(d)
	for i := range d.Manifest.Cells {
		cell := &d.Manifest.Cells[i]
		var s struct{ Links []json.RawMessage }
		if err := json.Unmarshal(cell.Settings, &s); err != nil || len(s.Links) == 0 || cell.Case != "" || len(cell.Swept) > 0 || len(settingsOf(cell).Faults) > 0 {
			return nil, nil
		}
		byLeader := map[int][]float64{}
		for _, t := range rows[cell] {
			if t.Outcome != results.Failed && there(t.Leader) && there(t.CommitP50) {
				byLeader[int(t.Leader)] = append(byLeader[int(t.Leader)], float64(t.CommitP50))
			}
		}
		p := rowPanel{Title: letter(len(panels), len(d.Manifest.Cells)) + cell.System}
		of := series{Mode: cell.Mode, System: cell.System, cell: cell}
		for id := 1; id <= settingsOf(cell).Cluster.Voters; id++ {
			if x, ok := spotOf(0, byLeader[id]); ok {
				p.Rows = append(p.Rows, row{fmt.Sprintf("server %d leads", id), cell.System, x.Median, x.Low, x.High, fmt.Sprintf("%.1f ms (n = %s)", x.Median, count(x.N))})
				of.N += x.N
			}
		}
		if len(p.Rows) > 0 {
			panels, cells = append(panels, p), append(cells, of)
		}
	}
	return panels, cells
}
