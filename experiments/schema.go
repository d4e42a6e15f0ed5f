package experiments

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"

	"raftzab/bench/run"
)

// A document is a scenario file. What it says about cells is run.Settings, and
// the tags there and here are the whole schema: the decoder reads by them,
// and Reference is made of them.
type document struct {
	Title    string   `toml:"title" required:"true" example:"\"Split votes\"" doc:"what the figure is called"`
	Question string   `toml:"question" required:"true" example:"\"How often are votes shared out?\"" doc:"what the experiment answers, as a sentence"`
	Claims   []string `toml:"claims" example:"[\"R3\"]" doc:"ids of the claims that it tests: R1-R11, D1-D5, E1-E6"`
	Minutes  float64  `toml:"minutes" doc:"about how long all of it takes, in minutes, on two cores; for readers, it decides nothing; absent: nobody has said"`
	Seed     uint64   `toml:"seed" required:"true" doc:"decides every draw of every trial"`
	Runs     []entry  `toml:"run" doc:"what runs where; at least one"`
	settings
	Cases    *node    `toml:"case" doc:"settings that go together: a name, and any keys as \"network.loss\" or \"fault[0].kind\"; each case runs, for the systems that one of its keys governs"`
	Verdicts []stated `toml:"verdict" doc:"a rule by which the data decide about a part of a claim; every id in claims has one or more. See Verdicts, above"`
	Quick    *node    `toml:"quick" doc:"what of cases and sweeps the quick tier keeps: cases = [names], and lists of values for swept keys, as \"cluster.voters\" = [3]; absent: all"`
	Sweep    *node    `toml:"sweep" doc:"lists of values for any keys, as \"cluster.voters\" = [3, 5]; every combination runs, for the systems that the keys govern"`
}

// settings are what cases, sweeps and flags may vary.
type settings struct {
	run.Settings
	Etcd      run.Raft `toml:"etcd" doc:"[raft] for etcd alone"`
	Hashicorp run.Raft `toml:"hashicorp" doc:"[raft] for hashicorp alone"`
	Zookeeper run.Zab  `toml:"zookeeper" doc:"[zab] for zookeeper alone"`
}

// An entry is one [[run]].
type entry struct {
	Mode        string   `toml:"mode" required:"true" oneof:"sim,live,conversation" doc:"\"sim\" (virtual time), \"live\" (real processes), or \"conversation\" (the texts of raft/testdata or zab/testdata are played; they say what happens, and no other section has an effect on them)"`
	Systems     []string `toml:"systems" required:"true" example:"[\"raft\", \"zab\"]" doc:"raft, zab, etcd, hashicorp, zookeeper"`
	Trials      int      `toml:"trials" required:"true" example:"1000" least:"1" doc:"per cell; of conversations 1"`
	Quick       *int     `toml:"quick" least:"0" doc:"per cell in the quick tier (raftzab run --tier quick), which is all that somebody waits for; 0: none, the run is left to the full tier; absent: as trials"`
	Cases       []string `toml:"cases" example:"[\"crash\"]" doc:"names of the cases that it runs; absent: all; of conversations their files' names, without .txt"`
	Unsupported string   `toml:"unsupported" oneof:"skip" doc:"\"skip\": leave out a cell whose system cannot have a setting, and say so in the manifest; absent: an error"`
	Turns       bool     `toml:"turns" doc:"live: the first trial of each cell, then the second of each, and so on, so that whatever else the machine does strikes all alike; all servers are up meanwhile, and cells that differ in nothing but what their clients ask for ([workload], without clients and keys) have the same; absent: a cell after the other"`
	Loopback    bool     `toml:"loopback" doc:"live: on the loopback interface, without a network of its own: [network], [[link]] and [clients] do not apply, and links have no faults; absent: a machine for each server and one for the clients, with a switch between them that does what these sections say"`
}

// A stated is one [[verdict]]: verdict.Rule as a file has it.
type stated struct {
	Claim   string   `toml:"claim" required:"true" example:"\"E4\"" doc:"one of claims"`
	Says    string   `toml:"says" required:"true" example:"\"One round of Zab always elects.\"" doc:"what of the claim is tested, as a sentence"`
	N       int      `toml:"n" required:"true" example:"1000" least:"1" doc:"trials that each cell must have of which the rule reads; with fewer it is not measured"`
	Each    []string `toml:"each" example:"[\"cluster.voters\"]" doc:"mode, case or swept keys: the rule must be true for every combination of their values; absent: once"`
	Holds   string   `toml:"holds" required:"true" example:"\"share(zab.rounds == 1) == 1\"" doc:"an expression: if it is true, the claim holds"`
	Limited string   `toml:"limited" example:"\"share(zab.rounds == 1) > 0.99\"" doc:"an expression: if this is true instead, it holds with a limit; if neither is, it is refuted"`
	Limit   string   `toml:"limit" example:"\"in all but 1 % of elections\"" doc:"the limit, in words"`
	Refuted string   `toml:"refuted" example:"\"high(share(zab.rounds == 1)) < 0.9\"" doc:"an expression: if neither of the two is true and this is, it is refuted; if this is not either, it is not measured, since the data do not decide; absent: refuted whenever neither is"`
}

// A field is one key of the schema.
type field struct {
	name     string
	index    []int
	typ      reflect.Type
	doc      string
	standard string // the default, as text
	unit     string
	example  string
	least    string
	most     string
	oneof    []string
	required bool
}

// fields lists the keys of a section in the order of its type, those of embedded
// types where they stand.
func fields(t reflect.Type) (out []field) {
	for _, f := range reflect.VisibleFields(t) {
		name, ok := f.Tag.Lookup("toml")
		if !ok {
			continue
		}
		x := field{name: name, index: f.Index, typ: f.Type, doc: f.Tag.Get("doc"), standard: f.Tag.Get("default"), unit: f.Tag.Get("unit"),
			example: f.Tag.Get("example"), least: f.Tag.Get("least"), most: f.Tag.Get("most"), required: f.Tag.Get("required") != ""}
		if s := f.Tag.Get("oneof"); s != "" {
			x.oneof = strings.Split(s, ",")
		}
		out = append(out, x)
	}
	return out
}

func lookup(t reflect.Type, name string) (field, bool) {
	for _, f := range fields(t) {
		if f.name == name {
			return f, true
		}
	}
	return field{}, false
}

var (
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	documentType    = reflect.TypeFor[document]()
	settingsType    = reflect.TypeFor[settings]()
	entryType       = reflect.TypeFor[entry]()
	statedType      = reflect.TypeFor[stated]()
	nodeType        = reflect.TypeFor[*node]()
	plannedType     = reflect.TypeFor[run.Planned]()
)

func isText(t reflect.Type) bool { return reflect.PointerTo(t).Implements(textUnmarshaler) }

// isSection reports whether t is a [section]; isList, whether it is an array of them.
func isSection(t reflect.Type) bool { return t.Kind() == reflect.Struct && !isText(t) }
func isList(t reflect.Type) bool    { return t.Kind() == reflect.Slice && isSection(t.Elem()) }

// at returns the field that a path names under t, which is a single setting and
// no section.
func at(t reflect.Type, path []step) (field, error) {
	section, said := "", ""
	for i, st := range path {
		f, ok := lookup(t, st.name)
		if !ok {
			return f, fmt.Errorf("unknown key; %s", suggest(section, said, st.name))
		}
		last := i == len(path)-1
		section, said = join(section, st.name), join(said, st.name)
		switch {
		case isList(f.typ) && len(st.places) != 1:
			return f, fmt.Errorf("%s is a list of sections; write for instance %s[0]%s", st.name, st.name, firstKey(f.typ.Elem()))
		case !isList(f.typ) && st.places != nil:
			return f, fmt.Errorf("%s is set as a whole; write it without [%d]", st.name, st.places[0])
		case isList(f.typ) && !last:
			t, said = f.typ.Elem(), element(said, st.places[0])
		case isSection(f.typ) && !last:
			t = f.typ
		case isList(f.typ) || isSection(f.typ):
			t := f.typ
			if isList(t) {
				t = t.Elem()
			}
			return f, fmt.Errorf("is a section; name a key in it, for instance %s%s", st, firstKey(t))
		case f.typ == nodeType:
			return f, fmt.Errorf("cannot be set from outside; change the file")
		case !last:
			return f, fmt.Errorf("%s is no section; end the key there", st.name)
		default:
			return f, nil
		}
	}
	return field{}, fmt.Errorf("names no key")
}

func firstKey(t reflect.Type) string { return "." + fields(t)[0].name }

// A known is a key that exists.
type known struct{ section, name string }

// every key of the schema, sections included, in its order.
var every = func() (out []known) {
	var walk func(t reflect.Type, section string)
	walk = func(t reflect.Type, section string) {
		for _, f := range fields(t) {
			out = append(out, known{section, f.name})
			if isSection(f.typ) {
				walk(f.typ, join(section, f.name))
			} else if isList(f.typ) {
				walk(f.typ.Elem(), join(section, f.name))
			}
		}
	}
	walk(documentType, "")
	return out
}()

// suggest names the known key nearest to name in section. One of the same section
// is nearer than one of another, by half a letter: a key of the right name is
// often only in the wrong place. said is the section with places in lists.
func suggest(section, said, name string) string {
	best, least := known{}, -1
	for _, k := range every {
		d := 2 * distance(name, k.name)
		if k.section != section {
			d++
		}
		if least < 0 || d < least {
			best, least = k, d
		}
	}
	switch {
	case least > len(name):
		said = "; experiments/README.md has all" // the nearest is far
	case best.section == "" && section != "":
		said = ", which stands above the first [section]"
	case best.section == section:
		best.section, said = said, ""
	default:
		said = ""
	}
	return "the nearest is " + join(best.section, best.name) + said
}
