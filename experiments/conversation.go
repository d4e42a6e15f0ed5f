package experiments

import (
	"slices"

	"raftzab/bench/run"
)

// conversations makes the cells of a [[run]] that plays conversations, whose names
// are its cases, and reports whether it has any.
func (x *expansion) conversations(i int) bool {
	e, path := &x.doc.Runs[i], element("run", i)
	r, chosen := x.f.r, x.chosen(e, path)
	for _, key := range []struct {
		name  string
		given bool
	}{{"loopback", e.Loopback}, {"turns", e.Turns}, {"unsupported", e.Unsupported != ""}} {
		if key.given {
			r.add(x.where(path+"."+key.name, -1), "says nothing of conversations; take it out")
		}
	}
	if e.Trials > 1 {
		r.add(x.where(path+".trials", -1), "%d are too many: a conversation goes the same way each time; write 1", e.Trials)
	}
	x.f.systems, x.f.modes = append(x.f.systems, e.Systems...), append(x.f.modes, e.Mode)
	if e.Cases != nil && len(e.Cases) == 0 {
		r.add(x.where(path+".cases", -1), "is empty; name a conversation, or take it out to play all")
	}
	made := false
	for _, s := range chosen {
		names := s.Conversations()
		for j, name := range e.Cases {
			switch where := x.where(path+".cases", j); {
			case !slices.Contains(names, name):
				r.add(where, "%s has no conversation %q; the nearest is %s", s.Name, name, nearest(name, names))
			case slices.Contains(e.Cases[:j], name):
				r.add(where, "%q stands twice; leave one", name)
			}
		}
		for _, name := range names {
			if e.Cases == nil || slices.Contains(e.Cases, name) {
				x.f.cases = append(x.f.cases, name)
				made = x.cell(i, oneCase{name: name}, 0, s) || made
			}
		}
	}
	return made
}

// idle says that settings have no effect where all runs are conversations.
func (x *expansion) idle() {
	if slices.ContainsFunc(x.doc.Runs, func(e entry) bool { return run.Mode(e.Mode) != run.Conversation }) {
		return
	}
	for _, name := range append(slices.Clone(x.base.value.(*table).names), "case", "sweep") {
		if n := x.f.root.value.(*table).get(name); n != nil {
			x.f.r.add(n.at, "has no effect: conversations say themselves what happens; take it out, or add a [[run]] of another mode")
		}
	}
}
