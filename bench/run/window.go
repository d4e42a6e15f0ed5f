package run

import (
	"slices"

	"raftzab/bench"
	"raftzab/protocols"
	"raftzab/results"
)

// A window watches a service for a stated time from the first fault on, whatever
// comes of it, where an election is watched only until it has a winner. It asks
// how many terms and leaders there were, how long nobody was served, and whether
// things have settled when it ends.
type window struct {
	length   Time // 0: none is asked for
	interval Time // between two writes of a client; 0: nobody writes
	begun    bool
	over     bool
	t0, end  Time
	epoch    uint64            // the greatest that any server had at t0
	terms    uint64            // so many more at the end
	reign    uint64            // the greatest epoch whose leader has been active
	changes  int               // new active leaders
	acked    Time              // when a write was last acknowledged, or t0
	down     Time              // the sum of all gaps
	asked    bool              // level is
	mark     protocols.EntryID // the farthest that was known to be committed, shortly before the end
	level    int               // servers that know so much at the end

	// Of the last third.
	lateChanges, lateAcks, lateRounds int
}

// A gap is a time without acknowledgements that is longer than two intervals: a
// client whose server serves it is answered once in an interval, and its first
// answer from another server comes an interval later at most.
const gap = 2

// spread is how long what is committed has to reach every server.
const spread = Time(1_000_000_000)

// restless is how many new leaders, or rounds of voting that serve nobody, in the
// last third of a window say that things do not settle. One may be an accident
// that is over.
const restless = 2

func (w *window) reset(s *Settings) {
	*w = window{length: s.Observe.Time(), interval: s.Probe.Interval.Time(), asked: slices.Contains(s.Columns, "level")}
}

// begin marks the first fault, which is about to strike.
func (w *window) begin(now Time, servers int, v bench.System) {
	if w.length == 0 || w.begun {
		return
	}
	w.begun, w.t0, w.end, w.acked = true, now, now+w.length, now
	w.epoch = greatest(servers, v)
}

// greatest is the greatest epoch that a server which answers is in.
func greatest(servers int, v bench.System) (epoch uint64) {
	for id := NodeID(1); int(id) <= servers; id++ {
		if s, ok := v.Status(id); ok {
			epoch = max(epoch, s.Epoch)
		}
	}
	return epoch
}

// until is when the window ends, if it does before t.
func (w *window) until(t Time) Time {
	if w.begun && !w.over && w.end < t {
		return w.end
	}
	return t
}

// look ends the window if it is time.
func (w *window) look(now Time, servers int, v bench.System) {
	none := protocols.EntryID{}
	if w.asked && w.begun && w.mark == none && now >= w.end-spread {
		for id := NodeID(1); int(id) <= servers; id++ {
			if s, ok := v.Status(id); ok && w.mark.Less(s.Committed) {
				w.mark = s.Committed
			}
		}
	}
	if w.begun && !w.over && now >= w.end {
		w.over = true
		w.pass(w.end)
		w.terms = max(greatest(servers, v), w.epoch) - w.epoch
		for id := NodeID(1); int(id) <= servers; id++ {
			if s, ok := v.Status(id); ok && w.mark != none && !s.Committed.Less(w.mark) {
				w.level++
			}
		}
	}
}

// late reports whether now is in the last third.
func (w *window) late(now Time) bool { return now > w.end-w.length/3 }

func (w *window) observe(now Time, e protocols.Event) {
	watched := w.begun && !w.over
	switch {
	case e.Kind == protocols.RoundBegan && watched && w.late(now):
		w.lateRounds++
	case e.Kind == protocols.Activated && e.Epoch > w.reign:
		if w.reign = e.Epoch; watched {
			w.changes++
			if w.late(now) {
				w.lateChanges++
			}
		}
	}
}

func (w *window) reply(now Time, r bench.Reply) {
	if w.begun && !w.over && r.Outcome == bench.OK {
		w.pass(now)
		if w.late(now) {
			w.lateAcks++
		}
	}
}

// pass takes in that nothing was acknowledged from the last time up to now.
func (w *window) pass(now Time) {
	if d := now - w.acked; d > gap*w.interval {
		w.down += d
	}
	w.acked = now
}

// report fills the row. What clients would tell is left out where there are none.
func (w *window) report(row *results.Trial) {
	if !w.over {
		return
	}
	row.Terms, row.LeaderChanges = results.Number(w.terms), results.Number(w.changes)
	if w.asked {
		row.Level = results.Number(w.level)
	}
	if w.interval == 0 {
		return
	}
	row.DownMS, row.Up = milliseconds(w.down), 1-results.Number(w.down)/results.Number(w.length)
	switch {
	case w.lateChanges >= restless, w.lateAcks == 0 && w.lateRounds >= restless:
		row.Settled = results.Livelock
	case w.lateAcks == 0:
		row.Settled = results.Deadlock
	default:
		row.Settled = results.Stable
	}
}
