package experiments

import (
	"slices"

	"raftzab/bench/run"
)

// Tiers say how much of each scenario runs: all of it, or what somebody waits for.
const (
	Full  = "full"
	Quick = "quick"
)

// A quickly is the section [quick]: what of cases and sweeps the quick tier keeps.
type quickly struct {
	cases  []string            // nil: all
	values map[string][]string // by swept key, as text
}

// readQuick reads [quick], whose keys are cases and swept keys.
func (x *expansion) readQuick() {
	x.quick.values = map[string][]string{}
	if x.doc.Quick == nil {
		return
	}
	t, ok := x.doc.Quick.value.(*table)
	if !ok || len(t.names) == 0 {
		x.f.r.add(x.doc.Quick.at, `names no key; write for instance cases = ["crash"] or "cluster.voters" = [3], or take it out`)
		return
	}
	for _, a := range flatten(t, "") {
		there, known := x.choices(a.path)
		if !known {
			x.f.r.add(a.value.at, "is neither cases nor a swept key; the nearest is %s", nearest(a.path, append([]string{"cases"}, x.f.scenario.SweptKeys...)))
			continue
		}
		if x.isSet(a.path) { // a flag has put its value in the place of all
			continue
		}
		list, ok := a.value.value.([]*node)
		if !ok || len(list) == 0 {
			x.f.r.add(a.value.at, "has no values to keep; write a list of them")
			continue
		}
		var kept []string
		for _, v := range list {
			if text := v.text(); slices.Contains(there, text) {
				kept = append(kept, text)
			} else {
				x.f.r.add(v.at, "the file has no %s here; the nearest is %s", text, nearest(text, there))
			}
		}
		if a.path == "cases" {
			x.quick.cases = kept
		} else {
			x.quick.values[a.path] = kept
		}
	}
}

// choices are the values from which a key of [quick] may choose.
func (x *expansion) choices(path string) (texts []string, known bool) {
	if path == "cases" {
		for _, c := range x.cases {
			texts = append(texts, c.name)
		}
		return texts, true
	}
	for _, s := range x.sweep {
		if s.path == path {
			for _, v := range s.values {
				texts = append(texts, v.text())
			}
			return texts, true
		}
	}
	return nil, false
}

// trials is how many trials a cell has, 0 where its tier leaves it out. A flag has the
// last word of how many, but not of whether.
func (x *expansion) trials(e *entry, cell *run.Cell) int {
	n := e.Trials
	if x.o.Tier == Quick {
		if e.Quick != nil {
			n = *e.Quick
		}
		if x.quick.cases != nil && !slices.Contains(x.quick.cases, cell.Case) {
			n = 0
		}
		for _, s := range cell.Swept {
			if kept, ok := x.quick.values[s.Key]; ok && s.Value != "" && !slices.Contains(kept, s.Value) {
				n = 0
			}
		}
	}
	if n > 0 && x.o.Trials > 0 && cell.Mode != run.Conversation {
		n = x.o.Trials
	}
	return n
}

// isSet reports whether a flag gives a key its value.
func (x *expansion) isSet(path string) bool {
	return slices.ContainsFunc(x.sets, func(a assignment) bool { return a.path == path })
}
