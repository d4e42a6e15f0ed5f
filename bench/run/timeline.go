package run

import (
	"slices"
	"strings"

	"raftzab/bench"
	"raftzab/bench/fault"
	"raftzab/protocols"
	"raftzab/results"
)

// A timeline is a trial as its servers and their clients see it, in windows of equal
// length: who leads in whose eyes at the end of each, and what became of the writes
// that began in it. It is kept of the first trial of a cell.
type timeline struct {
	width Time // 0: none is kept
	from  Time // the end of the warm-up
	at    Time // when the next window begins
	marks []mark
	views [][]view // by window, by server
}

// A mark is a fault that struck in a window.
type mark struct {
	window int
	text   string
}

// A view is what is known of one server in a window.
type view struct {
	first  uint32 // the number of the first write to it that began in the window, or later
	told   [bench.Unknown + 1]int
	status protocols.Status // at the window's end
	up     bool
}

func (l *timeline) reset(s *Settings, trial int, probed bool, from Time) {
	*l = timeline{marks: l.marks[:0], views: l.views[:0]}
	if trial == 0 && probed {
		l.width, l.from, l.at = s.Probe.Timeline.Time(), from, from
	}
}

// wake ends a window and begins the next one, and says when that ends.
func (l *timeline) wake(now Time, p *prober, v fault.View) Time {
	if l.width == 0 {
		return 0
	}
	for ; now >= l.at; l.at += l.width {
		l.look(v)
		next := make([]view, p.servers+1)
		for i, seq := range p.seq {
			next[i].first = seq + 1
		}
		l.views = append(l.views, next)
	}
	return l.at
}

// look completes the last window.
func (l *timeline) look(v fault.View) {
	if len(l.views) == 0 {
		return
	}
	last := l.views[len(l.views)-1]
	for id := 1; id < len(last); id++ {
		last[id].status, last[id].up = v.Status(NodeID(id))
	}
}

func (l *timeline) struck(f fault.Fault) {
	if len(l.views) > 0 {
		l.marks = append(l.marks, mark{len(l.views) - 1, f.String()})
	}
}

func (l *timeline) reply(r bench.Reply) {
	for i := len(l.views) - 1; i >= 0; i-- {
		if w := &l.views[i][r.ID.Session]; r.ID.Seq >= w.first {
			w.told[r.Outcome]++
			return
		}
	}
}

// rows are those of the trial that row reports.
func (l *timeline) rows(row *results.Trial) (rows []results.Moment) {
	for i, w := range l.views {
		if i == len(l.views)-1 {
			break // it has no end
		}
		var faults []string
		for _, m := range l.marks {
			if m.window == i {
				faults = append(faults, m.text)
			}
		}
		for id := 1; id < len(w); id++ {
			x := &w[id]
			m := results.NewMoment(row)
			m.At, m.Server, m.Faults = milliseconds(l.width*Time(i)), id, strings.Join(faults, "; ")
			if x.up {
				m.Role, m.Epoch = x.status.Role.String(), results.Number(x.status.Epoch)
				if x.status.Active && x.status.Leader != protocols.None {
					m.Leader = results.Number(x.status.Leader)
				}
			}
			m.Acknowledged, m.Refused, m.Unknown = x.told[bench.OK], x.told[bench.Refused], x.told[bench.Unknown]
			m.Unanswered = int(l.views[i+1][id].first-x.first) - m.Acknowledged - m.Refused - m.Unknown
			rows = append(rows, m)
		}
	}
	return slices.Clip(rows)
}
