package experiments

import (
	"reflect"
	"slices"

	"raftzab/bench/run"
	"raftzab/bench/verdict"
)

// Rules returns the rules of a scenario's text, as a manifest keeps it; path is what
// errors, of type Problems, call it.
func Rules(path string, text []byte) ([]*verdict.Rule, error) {
	f := &source{path: path, r: &report{}}
	if f.plant(text); f.root != nil {
		f.read(nil, Options{})
		f.judge(Options{})
	}
	if len(f.r.found) > 0 {
		return nil, f.r.sorted()
	}
	return f.scenario.Rules, nil
}

// judge compiles the rules of a file. They are about all of it: flags that choose
// or vary cells leave them as they are, so the file is read once more without any.
func (f *source) judge(o Options) {
	if len(f.r.found) > 0 || len(f.expansion.doc.Verdicts)+len(f.expansion.doc.Claims) == 0 {
		return
	}
	x := f.expansion
	if o.Tier == Quick || o.Mode != "" || o.Case != "" || len(o.Systems)+len(o.Set) > 0 {
		bare := &source{path: f.path, name: f.name, r: f.r}
		if bare.plant(f.text); bare.root != nil {
			bare.read(nil, Options{})
		}
		if len(f.r.found) > 0 {
			return
		}
		x = bare.expansion
	}
	cells := x.f.scenario.Cells
	scope := verdict.Scope{Cells: x.all, Columns: x.f.scenario.Asked(), Reads: x.f.scenario.Reads(), Watched: slices.ContainsFunc(cells, func(c run.Cell) bool { return c.Settings.Observe > 0 })}
	for i, v := range x.doc.Verdicts {
		path := element("verdict", i)
		if !slices.Contains(x.doc.Claims, v.Claim) {
			f.r.add(x.where(path+".claim", -1), "%q is not in claims; add it there, or take this verdict out", v.Claim)
		}
		if (v.Limited == "") != (v.Limit == "") {
			f.r.add(x.where(path, -1), "has one of limited and limit; write both, the rule and what it means in words, or neither")
		}
		rule, problems := verdict.Compile(verdict.Rule{Claim: v.Claim, Says: v.Says, N: v.N, Each: v.Each, Holds: v.Holds, Limited: v.Limited, Limit: v.Limit, Refuted: v.Refuted}, scope)
		for _, p := range problems {
			f.r.add(x.where(join(path, p.Key), -1), "%s", p.Text)
		}
		f.scenario.Rules = append(f.scenario.Rules, rule)
	}
	for i, id := range x.doc.Claims {
		if !f.kept && !slices.ContainsFunc(x.doc.Verdicts, func(v stated) bool { return v.Claim == id }) {
			f.r.add(x.where("claims", i), "%s has no verdict; write a [[verdict]] with claim = %q, or take it out", id, id)
		}
	}
}

// Alike reports whether two texts of a scenario ask for the same. Comments, layout, the order of
// sections, and what minutes and the quick tier say make no difference.
func Alike(a, b []byte) bool {
	var of [2]map[string]any
	for i, text := range [][]byte{a, b} {
		tree, _, err := parse(string(text))
		if err != nil {
			return false
		}
		delete(tree, "minutes")
		delete(tree, "quick")
		if runs, ok := tree["run"].([]map[string]any); ok {
			for _, r := range runs {
				delete(r, "quick")
			}
		}
		of[i] = tree
	}
	return reflect.DeepEqual(of[0], of[1])
}
