package plots

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"raftzab/bench/metric"
	"raftzab/results"
)

// failover sets real processes beside the simulation of the same systems, by what
// strikes the leader: how long until there is a new one.
func failover(d *results.Data) (drawing, string, bool) { return failoverOf(d, &elections) }

// failoverOutage does the same for what clients see.
func failoverOutage(d *results.Data) (drawing, string, bool) { return failoverOf(d, &outages) }

func failoverTable(d *results.Data) []byte       { return failoverNumbers(failoverPanels(d, &elections)) }
func failoverOutageTable(d *results.Data) []byte { return failoverNumbers(failoverPanels(d, &outages)) }

// A replacement is how the time that it takes to replace a leader is measured.
type replacement struct {
	name, what, axis string
	of               func(t *results.Trial) results.Number
}

var (
	elections = replacement{"failover", "Time from the fault to a new leader that can commit new writes", "time to a new active leader (ms)",
		func(t *results.Trial) results.Number { return t.ElectMS }}
	outages = replacement{"failover-outage", "Time from the fault to the first acknowledgement of a write submitted after it, as probing clients see it", "outage (ms)",
		func(t *results.Trial) results.Number { return t.OutageMS }}
)

// paired reports whether a scenario has real processes beside the simulation of
// the same system in several cases.
func paired(d *results.Data) bool {
	type name struct{ mode, in, system string }
	ran := map[name]bool{}
	for i := range d.Trials {
		t := &d.Trials[i]
		ran[name{t.Mode, t.Case, t.System}] = true
	}
	cases := map[string]bool{}
	for n := range ran {
		if n.mode == "live" && ran[name{"sim", n.in, n.system}] {
			cases[n.in] = true
		}
	}
	return len(cases) > 1
}

// A failoverPanel is one size of the cluster. All panels have the same rows.
type failoverPanel struct {
	Title string
	Rows  []failoverRow
	panel panel // the same, as captions know it
}

// A failoverRow is one system in one case, as far as it was measured.
type failoverRow struct {
	Case, System    string
	Live, Simulated *standing
}

// A standing is where the trials of a cell are, in milliseconds. What falls among
// the censored has no number.
type standing struct {
	N, Censored int
	Median      results.Number
	Low, High   results.Number // 95 % interval of the median; equal to it below 6 trials
	P5, P95     results.Number // the least and the greatest below 20
}

const (
	leastForMedian = 6
	leastForTails  = 20
)

func standingOf(x metric.Sample, seed uint64) *standing {
	s := &standing{N: len(x), Censored: x.Censored()}
	number := func(x float64) results.Number { return results.Number(x) }
	s.Median, s.P5, s.P95 = number(x.Median()), number(x[0]), number(x[len(x)-1])
	s.Low, s.High = s.Median, s.Median
	if s.N >= leastForMedian {
		i := x.MedianInterval(0.95, seed)
		s.Low, s.High = number(i.Low), number(i.High)
	}
	if s.N >= leastForTails {
		s.P5, s.P95 = number(x.Quantile(0.05)), number(x.Quantile(0.95))
	}
	return s
}

// failoverPanels sorts the rows of a scenario of paired cases that varies the
// number of servers, or nothing, into a panel a number.
func failoverPanels(d *results.Data, m *replacement) (panels []failoverPanel) {
	if swept(d) && !sweeps(d, voters) || !paired(d) || served(d) {
		return nil
	}
	rows := rowsByCell(d)
	elects := Electing(d)
	of := func(t *results.Trial) (results.Number, bool) { return m.of(t), elects(t) }
	var cases, sizes []string
	var all []failoverRow
	for i := range d.Manifest.Cells {
		c := &d.Manifest.Cells[i]
		if !slices.Contains(cases, c.Case) {
			cases = append(cases, c.Case)
		}
		if size := sizeOf(c); !slices.Contains(sizes, size) {
			sizes = append(sizes, size)
			panels = append(panels, failoverPanel{panel: panel{Case: size}})
		}
		if !slices.ContainsFunc(all, func(r failoverRow) bool { return r.Case == c.Case && r.System == c.System }) {
			all = append(all, failoverRow{Case: c.Case, System: c.System})
		}
	}
	slices.SortStableFunc(all, func(a, b failoverRow) int {
		return cmp.Or(slices.Index(cases, a.Case)-slices.Index(cases, b.Case), rank(a.System)-rank(b.System))
	})
	some := false
	for i := range panels {
		p := &panels[i]
		if p.Title = sizes[i]; len(panels) > 1 {
			p.Title = letter(i, len(panels)) + p.Title
		}
		p.Rows = slices.Clone(all)
		missing := map[absence][]string{} // cases
		cells := map[string]int{}         // by label
		for j := range d.Manifest.Cells {
			c := &d.Manifest.Cells[j]
			if sizeOf(c) != sizes[i] {
				continue
			}
			s, why := seriesOfCell(c, rows[c], of)
			if cells[s.label()]++; why != "" {
				a := absence{s.label(), why}
				missing[a] = append(missing[a], c.Case)
				continue
			}
			some = true
			p.panel.Series = append(p.panel.Series, s)
			r := &p.Rows[slices.IndexFunc(all, func(r failoverRow) bool { return r.Case == c.Case && r.System == c.System })]
			if x := standingOf(s.sample, d.Manifest.Seed); c.Mode == "live" {
				r.Live = x
			} else {
				r.Simulated = x
			}
		}
		p.panel.Absent = absences(missing, cells)
		slices.SortStableFunc(p.panel.Series, func(a, b series) int {
			return cmp.Or(rank(a.System)-rank(b.System), cmp.Compare(b.Mode, a.Mode)) // sim before live
		})
	}
	if !some {
		return nil
	}
	return slices.DeleteFunc(panels, func(p failoverPanel) bool { return len(p.panel.Series) == 0 })
}

// absences names the cases that a system is missing in, unless these are all.
func absences(missing map[absence][]string, cells map[string]int) (all []absence) {
	for a, cases := range missing {
		if len(cases) < cells[a.Label] {
			a.Label += " in " + strings.Join(cases, ", ")
		}
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b absence) int { return cmp.Or(cmp.Compare(a.Label, b.Label), cmp.Compare(a.Why, b.Why)) })
	return all
}

// sizeOf says how many servers a cell has.
func sizeOf(c *results.Cell) string {
	if n := settingsOf(c).Cluster.Voters; n > 0 {
		return fmt.Sprintf("%d servers", n)
	}
	return ""
}

func failoverOf(d *results.Data, m *replacement) (drawing, string, bool) {
	panels := failoverPanels(d, m)
	if len(panels) == 0 {
		return drawing{}, "", false
	}
	all := make([]panel, len(panels))
	for i := range panels {
		all[i] = panels[i].panel
	}
	var c caption
	every := ""
	if s := settingsOf(all[0].Series[0].cell); m == &outages && s.Probe.Interval != "" {
		every = fmt.Sprintf(", one write every %s through each server", plain(s.Probe.Interval))
	}
	c.say("%s%s, by what strikes the leader: real processes (filled) and the same systems in the simulation (hollow).", m.what, every)
	c.marks(panels)
	c.casesOf(all)
	c.systems(all)
	c.surroundings(all)
	if c.machine(all) {
		c.disturbances(d)
	}
	c.timeouts(all)
	c.standings(panels, m)
	c.medians(panels)
	c.say("All trials have probing clients; these move Raft's detection, since their stream of AppendEntries resets the followers' timers all the time.")
	c.reservations(d, all)
	return drawFailover(panels, m.axis), c.String(), true
}

// marks says how the figure is to be read.
func (c *caption) marks(panels []failoverPanel) {
	tails, censored := "", false
	each(panels, func(_ *failoverRow, s *standing, _ bool) {
		if s.N < leastForTails {
			tails = ", of fewer than 20 trials from the least to the greatest"
		}
		censored = censored || s.Censored > 0
	})
	scale := ""
	if _, _, _, logarithmic := failoverSpan(panels); logarithmic {
		scale = "; logarithmic time"
	}
	c.say("Marks are medians, thick lines their bootstrap 95 %% intervals, and thin lines reach from the 5th to the 95th percentile%s%s.", tails, scale)
	if censored {
		c.say("Censored trials hit the time limit; they stay in n as longer than all others, and an arrow leads to what falls among them.")
	}
}

// each calls f for all standings, from top to bottom, live before simulated.
func each(panels []failoverPanel, f func(r *failoverRow, s *standing, live bool)) {
	for i := range panels {
		for j := range panels[i].Rows {
			r := &panels[i].Rows[j]
			for _, live := range []bool{true, false} {
				if s := r.of(live); s != nil {
					f(r, s, live)
				}
			}
		}
	}
}

func (r *failoverRow) of(live bool) *standing {
	if live {
		return r.Live
	}
	return r.Simulated
}

// casesOf says what each case is.
func (c *caption) casesOf(panels []panel) {
	var parts, ends []string
	for _, p := range panels {
		for i := range p.Series {
			cell := p.Series[i].cell
			s := settingsOf(cell)
			text := struckBy(&s, nil)
			if text == "" {
				continue
			}
			if cell.Case != "" {
				text = cell.Case + ": " + text
			}
			if !slices.Contains(parts, text) {
				parts = append(parts, text)
			}
			if end := plain(s.Faults[0].For); end != "" && end != "0 ms" && !slices.Contains(ends, end) {
				ends = append(ends, end)
			}
		}
	}
	if len(parts) > 0 {
		c.say("%s.", upper(strings.Join(parts, "; ")))
	}
	if len(ends) > 0 {
		c.say("Each is undone after %s.", strings.Join(ends, " or "))
	}
}

// surroundings says what all cells meet: delay and loss, and in the simulation
// the disk. Where cells differ, each value is said.
func (c *caption) surroundings(panels []panel) {
	var parts []string
	for _, x := range []struct {
		tell telling
		add  string
	}{{delayOf, ""}, {lossOf, ""}, {fsyncOf, " (simulated; live systems have the machine's disk)"}} {
		var texts []string
		for _, p := range panels {
			for i := range p.Series {
				s := settingsOf(p.Series[i].cell)
				if text := x.tell(&s, &p.Series[i]); text != "" && !slices.Contains(texts, text) {
					texts = append(texts, text)
				}
			}
		}
		if len(texts) > 0 {
			parts = append(parts, strings.Join(texts, " or ")+x.add)
		}
	}
	if len(parts) > 0 {
		c.say("Conditions: %s.", strings.Join(parts, "; "))
	}
}

// disturbances says what the machine did to the live cells, the worst of them.
func (c *caption) disturbances(d *results.Data) {
	spoilt, kept, late := 0, 0, 0.0
	for _, cell := range d.Run.Cells {
		if l := cell.Live; l != nil {
			spoilt, kept = spoilt+l.Spoilt, kept+l.Kept
			if l.Lateness != nil {
				late = max(late, l.Lateness.P99)
			}
		}
	}
	if late > 0 {
		c.say("In each live cell the switch released 99 %% of the packets at most %s late.", inMS(late))
	}
	if spoilt > 0 {
		c.say("Live trials that were run again since the machine was too busy: %s.", count(spoilt))
	}
	if kept > 0 {
		c.say("Live trials in which it was too busy each time, and which are in n: %s.", count(kept))
	}
}

// standings says how many trials stand behind the marks, and what has no mark.
func (c *caption) standings(panels []failoverPanel, m *replacement) {
	var least, most [2]int
	var censored, cells [2]int
	each(panels, func(_ *failoverRow, s *standing, live bool) {
		i := 0
		if live {
			i = 1
		}
		if cells[i]++; least[i] == 0 || s.N < least[i] {
			least[i] = s.N
		}
		most[i] = max(most[i], s.N)
		censored[i] += s.Censored
	})
	var parts []string
	for i, mode := range []string{"simulated", "live"} {
		if cells[i] == 0 {
			continue
		}
		text := mode + " " + count(least[i])
		if most[i] > least[i] {
			text += " to " + count(most[i])
		}
		if censored[i] > 0 {
			text += fmt.Sprintf(" (%s censored in all)", count(censored[i]))
		}
		parts = append(parts, text)
	}
	c.say("Trials a mark: %s; %s.csv has the numbers of each.", strings.Join(parts, ", "), m.name)
	c.unpaired(panels)
}

// unpaired says which live systems have no simulation beside them.
func (c *caption) unpaired(panels []failoverPanel) {
	var order []string
	cases, without := map[string][]string{}, map[string][]string{}
	each(panels, func(r *failoverRow, _ *standing, live bool) {
		if !live || slices.Contains(cases[r.System], r.Case) {
			return
		}
		if cases[r.System] == nil {
			order = append(order, r.System)
		}
		if cases[r.System] = append(cases[r.System], r.Case); r.Simulated == nil {
			without[r.System] = append(without[r.System], r.Case)
		}
	})
	var parts []string
	for _, system := range order {
		switch n := len(without[system]); {
		case n == 0:
		case n < len(cases[system]):
			parts = append(parts, system+" in "+strings.Join(without[system], ", "))
		case system == "zookeeper":
			parts = append(parts, system+" (compare it with the simulated zab)")
		default:
			parts = append(parts, system)
		}
	}
	if len(parts) > 0 {
		c.say("Not simulated: %s.", strings.Join(parts, "; "))
	}
}

// medians says how far the live medians are from the simulated ones.
func (c *caption) medians(panels []failoverPanel) {
	var order []string
	low, high, unknown := map[string]float64{}, map[string]float64{}, map[string]int{}
	for i := range panels {
		for _, r := range panels[i].Rows {
			sim := r.Simulated
			if r.System == "zookeeper" {
				sim = panels[i].simulatedZab(r.Case)
			}
			if r.Live == nil || sim == nil {
				continue
			}
			if !slices.Contains(order, r.System) {
				order = append(order, r.System)
			}
			x := float64(r.Live.Median/sim.Median) - 1
			if math.IsInf(x, 0) || math.IsNaN(x) || math.IsInf(float64(sim.Median), 0) {
				unknown[r.System]++
				continue
			}
			if _, ok := low[r.System]; !ok {
				low[r.System], high[r.System] = x, x
			}
			low[r.System], high[r.System] = min(low[r.System], x), max(high[r.System], x)
		}
	}
	slices.SortFunc(order, func(a, b string) int { return rank(a) - rank(b) })
	var parts []string
	for _, system := range order {
		text := system
		if system == "zookeeper" {
			text += " (from zab's)"
		}
		if l, ok := low[system]; ok {
			from, to := percent(l), percent(high[system])
			if text += " " + from; from != to {
				text += " to " + to
			}
		}
		if n := unknown[system]; n > 0 {
			text += fmt.Sprintf(" (and unknown in %s, where a median is among the censored)", count(n))
		}
		parts = append(parts, text)
	}
	if len(parts) > 0 {
		c.say("Live medians differ from the simulated ones, from case to case, by: %s.", strings.Join(parts, "; "))
	}
}

func percent(x float64) string { return fmt.Sprintf("%+.0f %%", 100*x) }

func (p *failoverPanel) simulatedZab(in string) *standing {
	for i := range p.Rows {
		if r := &p.Rows[i]; r.System == "zab" && r.Case == in {
			return r.Simulated
		}
	}
	return nil
}

// failoverNumbers are the numbers of the figure, a line a mark.
func failoverNumbers(panels []failoverPanel) []byte {
	var b strings.Builder
	b.WriteString("servers,case,system,mode,n,censored,median_ms,low_ms,high_ms,p5_ms,p95_ms\n")
	for i := range panels {
		size := strings.TrimSuffix(panels[i].panel.Case, " servers")
		each(panels[i:i+1], func(r *failoverRow, s *standing, live bool) {
			mode := "sim"
			if live {
				mode = "live"
			}
			fmt.Fprintf(&b, "%s,%s,%s,%s,%d,%d", size, r.Case, r.System, mode, s.N, s.Censored)
			for _, x := range []results.Number{s.Median, s.Low, s.High, s.P5, s.P95} {
				b.WriteByte(',')
				if there(x) && !math.IsInf(float64(x), 0) {
					fmt.Fprintf(&b, "%.3f", x)
				}
			}
			b.WriteByte('\n')
		})
	}
	return []byte(b.String())
}
