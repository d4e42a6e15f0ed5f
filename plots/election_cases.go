package plots

import (
	"fmt"
	"math"
	"slices"

	"raftzab/bench/metric"
	"raftzab/results"
)

// electionCases shows, where one election meets many conditions, how long it takes in each and
// whether one round is enough: a panel a system, a row a case.
func electionCases(d *results.Data) (drawing, string, bool) {
	panels, cases := casePanels(d)
	if len(panels) == 0 {
		return drawing{}, "", false
	}
	var c caption
	c.say("Time from %s to a new leader that can commit new writes, by case: dots are medians of the trials, whiskers reach from the 5th to the 95th percentile; logarithmic.", origin(d))
	c.say("Beside them: the median with its 95 %% bootstrap interval; rounds (Raft: terms) in the mean, and the share of elections that took another one after the first, with Wilson's interval; n counts the censored.")
	c.systems(cases)
	c.tellBy(cases, func(i int) string { return cases[i].Case }, struckBy, serversOf, delayOf, lossOf, linksOf, nodesOf, fsyncOf)
	c.timeouts(cases)
	c.reservations(d, cases)
	return drawLogRows(panels, "time to a new active leader (ms)"), c.String(), true
}

// enough cases are worth a figure of their own.
const enough = 4

// casePanels are the rows of a scenario that has so many cases, all of the same fault or of none,
// with the series of which they are, by case.
func casePanels(d *results.Data) (rows []rowPanel, cases []panel) {
	if cases = latencyPanels(d); len(cases) < enough {
		return nil, nil
	}
	kind := func(c *results.Cell) string {
		if f := settingsOf(c).Faults; len(f) > 0 {
			return f[0].Kind
		}
		return ""
	}
	for i := range d.Manifest.Cells {
		if kind(&d.Manifest.Cells[i]) != kind(&d.Manifest.Cells[0]) {
			return nil, nil
		}
	}
	for i := range cases {
		for j := range cases[i].Series {
			s := &cases[i].Series[j]
			at := slices.IndexFunc(rows, func(p rowPanel) bool { return p.Title == s.label() })
			if at < 0 {
				at = len(rows)
				rows = append(rows, rowPanel{Title: s.label()})
			}
			rows[at].Rows = append(rows[at].Rows, caseRow(cases[i].Case, s, d.Manifest.Seed))
		}
	}
	slices.SortStableFunc(rows, func(a, b rowPanel) int { return rank(a.Rows[0].System) - rank(b.Rows[0].System) })
	for i := range rows {
		rows[i].Title = letter(i, len(rows)) + rows[i].Title
	}
	return rows, cases
}

// caseRow is one case of one system.
func caseRow(in string, s *series, seed uint64) row {
	var again portion
	rounds := 0.0
	for _, t := range s.rows {
		if there(t.Rounds) {
			again.add(t.Rounds > 1)
			rounds += float64(t.Rounds)
		}
	}
	x := s.sample
	between := x.MedianInterval(0.95, seed)
	text := fmt.Sprintf("%s ms (%s-%s)", brief(x.Median()), brief(between.Low), brief(between.High))
	if again.N > 0 {
		in := again.Interval()
		text += fmt.Sprintf("; rounds %.2f, again %.1f %% (%.1f-%.1f)", rounds/float64(again.N), 100*again.Share(), 100*in.Low, 100*in.High)
	}
	text += fmt.Sprintf("; n = %s", count(s.N))
	if s.Censored > 0 {
		text += fmt.Sprintf(" (%s censored)", count(s.Censored))
	}
	finite := x[:len(x)-s.Censored]
	if len(finite) == 0 {
		finite = metric.Sample{0}
	}
	most := finite[len(finite)-1] // the axis has no room for the censored
	return row{in, s.System, min(x.Median(), most), min(x.Quantile(0.05), most), min(x.Quantile(0.95), most), text}
}

// brief writes milliseconds with as many digits as tell them apart.
func brief(ms float64) string {
	switch {
	case math.IsInf(ms, 1):
		return "censored"
	case ms < 1000:
		return fmt.Sprintf("%.1f", ms)
	}
	return fmt.Sprintf("%.0f", ms)
}

// origin is what elections are measured from.
func origin(d *results.Data) string {
	if slices.ContainsFunc(d.Manifest.Cells, func(c results.Cell) bool { return len(settingsOf(&c).Faults) > 0 }) {
		return "the fault"
	}
	return "the start of all servers"
}
