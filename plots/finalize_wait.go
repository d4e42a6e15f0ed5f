package plots

import (
	"fmt"
	"image/color"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"raftzab/results"
)

// finalizeWait shows what Zab's wait after a quorum of votes costs and saves.
func finalizeWait(d *results.Data) (drawing, string, bool) {
	panels := waitPanels(d)
	if len(panels) == 0 {
		return drawing{}, "", false
	}
	var c caption
	c.say("Zab by its finalizeWait, the silence that must follow a quorum of votes (ZooKeeper: 200 ms, a constant).")
	c.say("(a) From the first server giving the leader up until somebody has won; (b) from the fault to a new leader that can commit: medians, whiskers from the 5th to the 95th percentile.")
	c.say("(c) Elections that another server won than the best, that with the greatest (epoch, zxid, myid); (d) elections in which the winner went through more than one round: shares of trials with Wilson's 95 %% interval.")
	all := panel{}
	for _, l := range panels[0].Lines {
		all.Series = append(all.Series, series{Mode: l.cell.Mode, System: l.cell.System, cell: l.cell})
	}
	c.say("%s.", upper(strings.Join(waitCases(&panels[0]), "; ")))
	c.systems([]panel{all})
	s := common(panels[0].Lines[0].cell)
	c.say("Conditions: the leader's process is killed and its connections close; %d servers; fsync %s; votes are repeated after %s.", s.Cluster.Voters, plain(s.Disk.Fsync), plain(s.Zab.MinNotification))
	c.say("Elections were measured without probing clients.")
	c.waits(d)
	var trials []string
	for _, l := range panels[0].Lines {
		trials = append(trials, l.Label+" "+trialsOf(panels, l.Label))
	}
	c.say("Trials a point: %s.", strings.Join(trials, ", "))
	c.reservations(d, []panel{all})
	return drawWaits(panels), c.String(), true
}

const finalizeKey = "zab.finalize_wait"

// waitMeasures are the panels: a number of each trial, or whether something was so.
var waitMeasures = []struct {
	title  string
	number func(t *results.Trial) results.Number
	truth  func(t *results.Trial) (is, told bool)
}{
	{title: "vote phase (ms)", number: func(t *results.Trial) results.Number { return t.VoteMS }},
	{title: "time to a new active leader (ms)", number: func(t *results.Trial) results.Number { return t.ElectMS }},
	{title: "won by another than the best (%)", truth: func(t *results.Trial) (bool, bool) { return t.BestLeader == 0, there(t.BestLeader) }},
	{title: "took more than one round (%)", truth: func(t *results.Trial) (bool, bool) { return t.Rounds > 1, there(t.Rounds) }},
}

// waitPanels sorts the rows of a scenario that varies finalizeWait, and nothing
// else, into the four panels.
func waitPanels(d *results.Data) (panels []sweptPanel) {
	if !sweeps(d, finalizeKey) {
		return nil
	}
	rows := rowsByCell(d)
	for i, measure := range waitMeasures {
		p := sweptPanel{Title: letter(i, len(waitMeasures)) + measure.title}
		for j := range d.Manifest.Cells {
			c := &d.Manifest.Cells[j]
			var values []float64
			var all portion
			for _, t := range rows[c] {
				if t.Probed || t.Outcome == results.Failed {
					continue
				}
				if measure.number != nil {
					if v := measure.number(t); there(v) {
						values = append(values, float64(v))
					}
				} else if is, told := measure.truth(t); told {
					all.add(is)
				}
			}
			x, ok := spotOf(valueOf(c, finalizeKey), values)
			if all.N > 0 {
				in := all.Interval()
				x, ok = spot{valueOf(c, finalizeKey), all.N, 100 * all.Share(), 100 * in.Low, 100 * in.High}, true
			}
			if ok {
				p.add(c.Case, c, x)
			}
		}
		if len(p.Lines) == 0 {
			return nil
		}
		panels = append(panels, p)
	}
	return panels
}

// waitCases says what the lines differ by.
func waitCases(p *sweptPanel) (texts []string) {
	for _, l := range p.Lines {
		s := settingsOf(l.cell)
		text := fmt.Sprintf("%s: one-way delay %s", l.Label, plain(s.Network.Delay))
		if s.Network.Loss > 0 {
			text += fmt.Sprintf(", loss %g %%", 100*s.Network.Loss)
		}
		texts = append(texts, text)
	}
	return texts
}

// waits says in numbers what a wait of 0 does, and beside it ZooKeeper's.
func (c *caption) waits(d *results.Data) {
	rows := rowsByCell(d)
	for i := range d.Manifest.Cells {
		cell := &d.Manifest.Cells[i]
		wait := valueOf(cell, finalizeKey)
		if wait != 0 && wait != 200 {
			continue
		}
		var wrong, probed, again portion
		for _, t := range rows[cell] {
			switch {
			case t.Outcome == results.Failed || !there(t.BestLeader):
			case t.Probed:
				probed.add(t.BestLeader == 0)
			default:
				wrong.add(t.BestLeader == 0)
				again.add(t.Rounds > 1)
			}
		}
		if wrong.N == 0 {
			continue
		}
		text := fmt.Sprintf("%s, finalizeWait %g ms: another than the best won %s elections", cell.Case, wait, wrong)
		if probed.N > 0 {
			text += fmt.Sprintf(" (with clients that write all the while %s)", probed)
		}
		c.say("%s, and %s took more than one round.", upper(text), again)
	}
}

func drawWaits(panels []sweptPanel) drawing {
	return drawSwept(panels, "finalizeWait (ms)", func(i int, _ *sweptLine) look { return caseLook(i) })
}

// caseLook tells cases of one system apart, by colour, dash and marker.
func caseLook(i int) look {
	colours := []color.Color{black, vermilion, blue, bluishGreen, reddishPurple, orange}
	dashes := [][]vg.Length{nil, {4, 1.5}, {1.2, 1.2}, {7, 1.5, 1, 1.5}}
	markers := []draw.GlyphDrawer{draw.CircleGlyph{}, draw.SquareGlyph{}, draw.TriangleGlyph{}, draw.PyramidGlyph{}, draw.CrossGlyph{}, draw.PlusGlyph{}}
	c := colours[i%len(colours)]
	return look{draw.LineStyle{Color: c, Width: 1.1, Dashes: dashes[i%len(dashes)]}, draw.GlyphStyle{Color: c, Radius: 1.8, Shape: markers[i%len(markers)]}}
}
