package experiments

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"raftzab/bench/run"
	"raftzab/bench/verdict"
	"raftzab/results"
)

// most is how many cells one file may expand to.
const most = 10_000

// An expansion makes the cells of one file.
type expansion struct {
	f     *source
	o     Options
	doc   document
	base  *node // what cells share: the settings of the file
	sets  []assignment
	cases []oneCase
	sweep []swept
	quick quickly
	made  map[string]int // the run that made a cell
	all   []verdict.Cell // also those that flags leave out
}

type oneCase struct {
	name string
	sets []assignment
}

type swept struct {
	path   string
	at     origin
	values []*node
}

// read decodes the document and expands it.
func (f *source) read(sets []assignment, o Options) {
	x := &expansion{f: f, o: o, made: map[string]int{}}
	root := f.root.value.(*table)
	x.base = &node{at: f.root.at, value: newTable()}
	for _, s := range sets {
		if st, _ := steps(s.path); isSetting(st[0].name) {
			x.sets = append(x.sets, s)
		} else if err := f.root.assign(st, s.value, f.path); err != nil {
			f.r.add(s.value.at, "%v", err)
		}
	}
	for _, name := range root.names {
		if isSetting(name) {
			x.base.value.(*table).set(name, root.of[name])
		}
	}
	d := &decoder{r: f.r, part: true}
	d.section(f.root, reflect.ValueOf(&x.doc).Elem(), "", "")
	if len(x.doc.Runs) == 0 && d.good("run") {
		f.r.add(origin{f.path, f.root.at.line, "run"}, "is missing; write [[run]] with mode, systems and trials")
	}
	for i, c := range x.doc.Claims {
		if ClaimOf(c) == nil {
			f.r.add(x.where("claims", i), "%q is no claim; the nearest is %s", c, nearest(c, claimIDs()))
		} else if slices.Contains(x.doc.Claims[:i], c) {
			f.r.add(x.where("claims", i), "%q stands twice; leave one", c)
		}
	}
	if x.doc.Minutes < 0 {
		f.r.add(x.where("minutes", -1), "%g is no time; write how many minutes all of it takes, for instance 2.5", x.doc.Minutes)
	}
	for _, s := range x.sets { // does the place in a list exist?
		x.fits(s)
	}
	x.readCases()
	x.readSweep()
	f.scenario = &Scenario{Name: f.name, Path: f.path, Title: x.doc.Title, Question: x.doc.Question, Claims: x.doc.Claims, Minutes: x.doc.Minutes, Seed: x.doc.Seed, Text: f.text}
	if o.Seed != nil {
		f.scenario.Seed = *o.Seed
	}
	for _, s := range x.sweep {
		f.scenario.SweptKeys = append(f.scenario.SweptKeys, s.path)
	}
	x.readQuick()
	ran := false
	for i := range x.doc.Runs {
		switch path := element("run", i); {
		case d.good(path):
			ran = x.run(i) || ran
		case d.good(path + ".systems"):
			x.chosen(&x.doc.Runs[i], path) // for what is wrong with them
		}
	}
	f.expansion = x
	if len(x.doc.Runs) > 0 {
		x.idle()
	}
	if !ran { // nothing has asked for the required settings
		d := &decoder{r: f.r}
		d.section(x.base.clone(), reflect.ValueOf(new(settings)).Elem(), "", "")
	}
}

// isSetting reports whether a key of the top level is part of a cell.
func isSetting(name string) bool {
	_, ok := lookup(settingsType, name)
	return ok
}

// where is the origin of a key of the file, or of its place i where that is not negative.
func (x *expansion) where(path string, i int) origin {
	st, _ := steps(path)
	n, ok := x.f.root.find(st)
	if list, is := n.value.([]*node); ok && is && i >= 0 && i < len(list) {
		n = list[i]
	}
	if !ok {
		return origin{x.f.path, n.at.line, path}
	}
	return n.at
}

// fits checks a value that a case, a sweep or a flag gives to a key: the key
// exists, and can have the value.
func (x *expansion) fits(a assignment) bool {
	st, err := steps(a.path)
	if err != nil {
		x.f.r.add(a.value.at, "%v", err)
		return false
	}
	f, err := at(settingsType, st)
	if err != nil {
		if _, known := lookup(documentType, st[0].name); known && !isSetting(st[0].name) {
			err = fmt.Errorf("is the same for all cells: it cannot be varied; take it out")
		}
		x.f.r.add(a.value.at, "%v", err)
		return false
	}
	if err := x.base.clone().assign(st, a.value, x.f.path); err != nil {
		x.f.r.add(a.value.at, "%v", err)
		return false
	}
	d := &decoder{r: x.f.r, part: true}
	return d.fits(a.value, f)
}

// fits reports whether n can be the value of f, and says why not.
func (d *decoder) fits(n *node, f field) bool {
	d.value(n, reflect.New(f.typ).Elem(), f, f.name, f.name)
	return len(d.bad) == 0
}

func (x *expansion) readCases() {
	defer func() {
		if x.cases == nil {
			x.cases = []oneCase{{}}
		}
	}()
	if x.doc.Cases == nil {
		return
	}
	list, ok := x.doc.Cases.value.([]*node)
	if !ok {
		x.f.r.add(x.doc.Cases.at, "%s is no list of sections; write [[case]] and its keys below", x.doc.Cases.what())
		return
	}
	for _, n := range list {
		t, ok := n.value.(*table)
		if !ok {
			x.f.r.add(n.at, "%s is no section; write [[case]] and its keys below", n.what())
			continue
		}
		c, named := oneCase{}, false
		if name := t.get("name"); name == nil {
			x.f.r.add(origin{n.at.file, n.at.line, join(n.at.key, "name")}, `is missing; write name = "crash"`)
		} else {
			c.name, _ = name.value.(string)
			switch {
			case c.name == "" || strings.Trim(c.name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != "":
				x.f.r.add(name.at, `%s is no name of a case; write letters, digits and hyphens, for instance "power-off"`, name.what())
			case slices.ContainsFunc(x.cases, func(o oneCase) bool { return o.name == c.name }):
				x.f.r.add(name.at, "%q stands twice; give each case a name of its own", c.name)
			default:
				named = true
			}
		}
		for _, a := range flatten(t, "") {
			if a.path != "name" && x.fits(a) {
				a.value = a.value.from(a.value.at)
				c.sets = append(c.sets, a)
			}
		}
		if named {
			x.cases = append(x.cases, c)
		}
	}
}

func (x *expansion) readSweep() {
	if x.doc.Sweep == nil {
		return
	}
	t, ok := x.doc.Sweep.value.(*table)
	if !ok || len(t.names) == 0 {
		x.f.r.add(x.doc.Sweep.at, `names no key; write for instance "cluster.voters" = [3, 5], or take it out`)
		return
	}
	for _, a := range flatten(t, "") {
		list, ok := a.value.value.([]*node)
		if !ok || len(list) == 0 {
			x.f.r.add(a.value.at, "has no values to sweep; write a list of them, for instance [3, 5]")
			continue
		}
		s := swept{path: a.path, at: a.value.at}
		for i, v := range list {
			if !x.fits(assignment{a.path, v}) {
				continue
			}
			if j := slices.IndexFunc(s.values, func(o *node) bool { return o.text() == v.text() }); j >= 0 {
				x.f.r.add(v.at, "%s stands twice; leave one", list[i].text())
				continue
			}
			s.values = append(s.values, v.from(v.at))
		}
		for _, c := range x.cases {
			for _, b := range c.sets {
				if b.path == s.path {
					x.f.r.add(s.at, "is set by case %q too; take it out of one of the two", c.name)
				}
			}
		}
		for _, set := range x.sets {
			if set.path == s.path {
				s.values = []*node{set.value}
			}
		}
		if len(s.values) > 0 {
			x.sweep = append(x.sweep, s)
		}
	}
}

// run makes the cells of one [[run]], and reports whether it has any.
func (x *expansion) run(i int) bool {
	e, path := &x.doc.Runs[i], element("run", i)
	mode := run.Mode(e.Mode)
	r := x.f.r
	if mode == run.Conversation {
		return x.conversations(i)
	}
	if mode == run.Sim && e.Loopback {
		r.add(x.where(path+".loopback", -1), `simulated runs have no loopback; take it out, or set network.delay = "constant(10us)"`)
	}
	if mode == run.Sim && e.Turns {
		r.add(x.where(path+".turns", -1), "nothing else disturbs simulated trials; take it out")
	}
	if e.Quick != nil && *e.Quick > e.Trials && e.Trials > 0 {
		r.add(x.where(path+".quick", -1), "%d is more than trials, %d; write less, or raise trials", *e.Quick, e.Trials)
	}
	chosen, cases := x.chosen(e, path), x.cases
	if e.Cases != nil {
		cases = x.named(e, path)
	}
	x.f.systems, x.f.modes = append(x.f.systems, e.Systems...), append(x.f.modes, e.Mode)
	points := 1
	for _, s := range x.sweep {
		points *= len(s.values)
		if points*max(1, len(cases))*max(1, len(chosen)) > most {
			r.add(x.where("sweep", -1), "makes more than %d cells; write fewer values, or several files", most)
			return true
		}
	}
	made := false
	for _, c := range cases {
		if c.name != "" {
			x.f.cases = append(x.f.cases, c.name)
		}
		for point := range points {
			for _, s := range chosen {
				made = x.cell(i, c, point, s) || made
			}
		}
	}
	return made
}

// chosen returns the systems that a run names.
func (x *expansion) chosen(e *entry, path string) (out []*run.System) {
	if len(e.Systems) == 0 {
		x.f.r.add(x.where(path+".systems", -1), `is empty; write for instance systems = ["raft", "zab"]`)
	}
	for j, name := range e.Systems {
		s, where := lookupSystem(name), x.where(path+".systems", j)
		switch {
		case s == nil:
			x.f.r.add(where, "there is no system %q; the nearest is %s", name, nearest(name, systemNames()))
		case slices.Contains(e.Systems[:j], name):
			x.f.r.add(where, "%q stands twice; leave one", name)
		case e.Mode == "": // did not decode
		case !slices.Contains(s.Modes, run.Mode(e.Mode)):
			x.f.r.add(where, "%s does not run in mode %q; write %q, or leave it out", name, e.Mode, s.Modes[0])
		default:
			out = append(out, s)
		}
	}
	return out
}

// named returns the cases that a run names.
func (x *expansion) named(e *entry, path string) (out []oneCase) {
	var names []string
	for _, c := range x.cases {
		if c.name != "" {
			names = append(names, c.name)
		}
	}
	if len(e.Cases) == 0 {
		x.f.r.add(x.where(path+".cases", -1), "is empty; name a case, or take it out to run all")
	}
	for j, name := range e.Cases {
		k, where := slices.IndexFunc(x.cases, func(c oneCase) bool { return c.name == name && name != "" }), x.where(path+".cases", j)
		switch {
		case len(names) == 0:
			x.f.r.add(where, "there is no case %q; write a [[case]] of this name", name)
		case k < 0:
			x.f.r.add(where, "there is no case %q; the nearest is %s", name, nearest(name, names))
		case slices.Contains(e.Cases[:j], name):
			x.f.r.add(where, "%q stands twice; leave one", name)
		default:
			out = append(out, x.cases[k])
		}
	}
	return out
}

// cell makes one cell, and reports whether there is such a cell.
func (x *expansion) cell(i int, c oneCase, point int, s *run.System) bool {
	e, path := &x.doc.Runs[i], element("run", i)
	if len(c.sets) > 0 && !slices.ContainsFunc(c.sets, func(a assignment) bool { return governs(a.path, s, e) }) {
		return false
	}
	tree := x.base.clone()
	put := func(path string, v *node) {
		st, _ := steps(path)
		tree.assign(st, v.clone(), x.f.path) // fits has tried it
	}
	for _, a := range c.sets {
		put(a.path, a.value)
	}
	settingsOf := make([]results.Setting, len(x.sweep))
	for k := len(x.sweep) - 1; k >= 0; k-- { // the last key runs fastest
		w := x.sweep[k]
		v := w.values[point%len(w.values)]
		settingsOf[k].Key = w.path
		if governs(w.path, s, e) {
			settingsOf[k].Value = v.text()
			put(w.path, v)
		} else if point%len(w.values) > 0 {
			return false // the same cell as at the first value
		}
		point /= len(w.values)
	}
	for _, a := range x.sets {
		put(a.path, a.value)
	}
	id := fmt.Sprint(e.Mode, "\x00", c.name, "\x00", s.Name, "\x00", settingsOf)
	if other, ok := x.made[id]; ok {
		x.f.r.add(x.where(path, -1), "makes the same cell as run[%d] (%s); name other cases or systems", other, strings.Join(nonempty(e.Mode, s.Name, c.name), ", "))
		return true
	}
	x.made[id] = i
	x.all = append(x.all, verdict.Cell{Mode: e.Mode, Case: c.name, System: s.Name, Swept: settingsOf})
	if !x.o.wanted(run.Mode(e.Mode), c.name, s.Name) {
		return true
	}
	cell := run.Cell{Scenario: x.f.name, File: x.f.path, Flags: x.o.Set, Case: c.name, Mode: run.Mode(e.Mode), System: s.Name, Swept: settingsOf, Loopback: e.Loopback, Turns: e.Turns, Seed: x.f.scenario.Seed}
	if len(settingsOf) == 0 {
		cell.Swept = nil
	}
	if cell.Trials = x.trials(e, &cell); cell.Trials == 0 {
		return true
	}
	x.finish(&cell, tree, e, path, s)
	return true
}

// finish decodes and checks the settings of a cell, and keeps it.
func (x *expansion) finish(cell *run.Cell, tree *node, e *entry, path string, s *run.System) {
	root := tree.value.(*table)
	if s.Product != "" {
		tree.merge(s.Protocol, root.get(s.Product))
	}
	if cell.Mode == run.Conversation {
		x.f.scenario.Cells = append(x.f.scenario.Cells, *cell)
		return
	}
	d := &decoder{r: x.f.r}
	var all settings
	d.section(tree, reflect.ValueOf(&all).Elem(), "", "")
	cell.Settings = all.Settings
	v := &validation{r: x.f.r, d: d, tree: tree, file: x.f.path, s: &cell.Settings, world: cell.World()}
	v.resolve(s.Name)
	v.check()
	lost := v.unsupported(cell.World(), s)
	s.Complete(&cell.Settings)
	if e.Loopback {
		cell.Settings.Network, cell.Settings.Links, cell.Settings.Clients = run.Network{}, nil, run.Clients{}
	}
	if cell.Mode == run.Live {
		cell.Settings.Disk, cell.Settings.CPU = run.Disk{}, run.CPU{Quota: cell.Settings.CPU.Quota}
	} else {
		cell.Settings.CPU.Quota = 0
	}
	if len(lost) == 0 {
		x.f.scenario.Cells = append(x.f.scenario.Cells, *cell)
		return
	}
	x.all = x.all[:len(x.all)-1]
	for _, u := range lost {
		if e.Unsupported == "" {
			x.f.r.add(v.at(u.Key), "%s cannot have this: %s", s.Name, u.Reason)
			continue
		}
		k := results.Skipped{Mode: e.Mode, Case: cell.Case, System: s.Name, Reason: u.Key + ": " + u.Reason}
		if !slices.Contains(x.f.scenario.skipped, k) {
			x.f.scenario.skipped = append(x.f.scenario.skipped, k)
		}
	}
}

func nonempty(words ...string) []string {
	return slices.DeleteFunc(words, func(s string) bool { return s == "" })
}
