package plots

import (
	"fmt"

	"raftzab/results"
)

// hops shows how many messages an operation takes, by the server that is asked.
func hops(d *results.Data) (drawing, string, bool) {
	panels, cells := hopPanels(d)
	if len(panels) == 0 {
		return drawing{}, "", false
	}
	var c caption
	c.say("Hops: messages on the path of an operation, each waiting for the one before, the client's request and its answer included; beside them all messages between servers that the operation caused, those that nobody waited for too.")
	c.say("Clients ask the leader, a follower or an observer (in Raft: a learner); a Raft server that does not lead refuses a write and names the leader, to whom the client goes then.")
	c.say("Reads are answered from the state of the server that is asked; with readindex the leader asks a majority before, with sync a server of Zab asks the leader.")
	all := []panel{{Series: cells}}
	c.systems(all)
	c.tell(all, serversOf, delayOf)
	s := settingsOf(cells[0].cell)
	c.say("%d client, which asks for one thing after the other; %d observer; disks and cores take no time.", s.Workload.Clients, s.Cluster.Observers)
	c.say("Dots are medians of %s trials, whiskers reach from the 5th to the 95th percentile; of each trial the mean of its operations.", count(cells[0].N))
	c.reservations(d, all)
	return drawRows(panels, "hops"), c.String(), true
}

// hopPanels are the rows of a scenario that counts hops and varies nothing but cases:
// those of writes, and below them those of reads.
func hopPanels(d *results.Data) (panels []rowPanel, cells []series) {
	if swept(d) {
		return nil, nil
	}
	rows := rowsByCell(d)
	var p rowPanel
	for _, measure := range []struct {
		name           string
		hops, messages func(t *results.Trial) results.Number
	}{
		{"write", func(t *results.Trial) results.Number { return t.WriteHops }, func(t *results.Trial) results.Number { return t.WriteMessages }},
		{"read", func(t *results.Trial) results.Number { return t.ReadHops }, func(t *results.Trial) results.Number { return t.ReadMessages }},
	} {
		for j := range d.Manifest.Cells {
			cell := &d.Manifest.Cells[j]
			var h, m []float64
			for _, t := range rows[cell] {
				if there(measure.hops(t)) {
					h, m = append(h, float64(measure.hops(t))), append(m, float64(measure.messages(t)))
				}
			}
			x, ok := spotOf(0, h)
			if !ok || measure.name == "write" && settingsOf(cell).Workload.ReadMode != "local" { // the same writes again
				continue
			}
			many, _ := spotOf(0, m)
			p.Rows = append(p.Rows, row{fmt.Sprintf("%s, %s: %s", cell.System, cell.Case, measure.name), cell.System, x.Median, x.Low, x.High, fmt.Sprintf("%.3g hops, %.3g messages", x.Median, many.Median)})
			cells = append(cells, series{Mode: cell.Mode, System: cell.System, N: x.N, cell: cell})
		}
	}
	if len(p.Rows) > 0 {
		panels = append(panels, p)
	}
	return panels, cells
}
