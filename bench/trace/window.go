package trace

import "slices"

// Election returns the window from so long before the election that was measured
// began, with its fault, until so long after the new leader became active; false: the trace
// has no such election.
func (t *Trace) Election(before, after Time) (from, to Time, ok bool) {
	last := slices.IndexFunc(t.Marks, func(m Mark) bool { return m.Name == "activate" })
	if last < 0 {
		return t.From, t.To, false
	}
	return max(t.From, t.Marks[0].At-before), min(t.To, t.Marks[last].At+after), true
}

// CutElections cuts traces to one window that holds the election of each, as
// Election has it. A trace without one stays whole if none has one.
func CutElections(before, after Time, traces ...*Trace) (cut []*Trace) {
	from, to := Time(-1), Time(-1)
	for _, t := range traces {
		if a, b, ok := t.Election(before, after); ok {
			if from < 0 || a < from {
				from = a
			}
			to = max(to, b)
		}
	}
	for _, t := range traces {
		if to >= 0 {
			t = t.Cut(from, to)
		}
		cut = append(cut, t)
	}
	return cut
}

// Cut returns what happened from one instant to another: messages that were under
// way between them, other events, and before these what stood at the first: who
// was up, in what state, and under which faults. So a window can be understood
// without what was before it.
func (t *Trace) Cut(from, to Time) *Trace {
	c := &Trace{Header: t.Header}
	c.From, c.To = max(from, t.From), min(to, t.To)
	stands := map[int]bool{}
	for _, s := range t.Spans() {
		if s.From < c.From && s.To > c.From {
			stands[s.Event] = true
		}
	}
	for i := range t.Events {
		e := &t.Events[i]
		over := e.At
		if e.Kind == Message {
			if over = e.Arrival; over == 0 {
				over = t.To
			}
		}
		if e.At <= c.To && over >= c.From || stands[i] {
			c.Events = append(c.Events, *e)
		}
	}
	return c
}
