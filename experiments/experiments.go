// Package experiments answers what a scenario file asks to be run. It reads
// TOML files, says all that is wrong with them at once, each with its line and
// what to write instead, and expands them into cells, which package run measures.
//
// The way of a file: read (a text with limits), scan (lines of keys), locate (a
// tree of values that know their line), decode (the tree by the types of
// document and run.Settings), expand (a tree per cell: base, then case, sweep
// point and flags, then what one product overrides), validate (each cell).
package experiments

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"raftzab/bench/run"
	"raftzab/bench/verdict"
	"raftzab/results"
)

// A Scenario is a file, read and expanded.
type Scenario struct {
	Name      string // of the file, without .toml: names its folder of results
	Path      string
	Title     string
	Question  string
	Claims    []string
	Minutes   float64 // that all of it takes on two cores; 0: the file does not say
	Seed      uint64
	Text      []byte   // as read
	SweptKeys []string // in the order of the file
	Cells     []run.Cell
	Rules     []*verdict.Rule // by which its claims are judged: those of the file, whatever flags say

	skipped []results.Skipped
}

// Skipped returns the cells that unsupported = "skip" leaves out, and why.
func (s *Scenario) Skipped() []results.Skipped { return s.skipped }

// Asked returns the columns that the scenario asks for, beyond those of all.
func (s *Scenario) Asked() (columns []string) {
	if slices.ContainsFunc(s.Cells, func(c run.Cell) bool { return c.Settings.Staged() }) {
		columns = append(columns, "paper_ms")
	}
	for _, name := range []string{"overlap_ms", "connect_retries", "votes_unheard", "votes_refused", "winner_votes", "join_ms", "timer_min_ms", "timer_max_ms", "level",
		"minority_write", "minority_write_ms", "majority_write_ms", "minority_kept", "level_ms", "minority_acknowledged", "minority_refused", "minority_unknown", "minority_unanswered",
		"follow_ms", "recover_ms", "follow_votes", "follow_messages", "read_hops", "read_messages", "write_hops", "write_messages", "resume_p50_ms", "resume_max_ms"} {
		if slices.ContainsFunc(s.Cells, func(c run.Cell) bool { return slices.Contains(c.Settings.Columns, name) }) {
			columns = append(columns, name)
		}
	}
	if slices.ContainsFunc(s.Cells, func(c run.Cell) bool { return c.Settings.Observe > 0 }) {
		columns = append(columns, "terms", "leader_changes", "down_ms", "up", "settled")
	}
	if slices.ContainsFunc(s.Cells, func(c run.Cell) bool { return c.Mode == run.Live }) {
		columns = append(columns, "cpu_pressure", "late_ms")
	}
	if slices.ContainsFunc(s.Cells, func(c run.Cell) bool { return c.Settings.Workload.Clients > 0 }) {
		columns = append(columns, results.OfClients...)
	}
	return columns
}

// Reads reports whether some cell has clients that read: there is a reads file then.
func (s *Scenario) Reads() bool {
	return slices.ContainsFunc(s.Cells, func(c run.Cell) bool { return c.Settings.Workload.Reads > 0 })
}

// Windows reports whether some cell has a time series: there is a windows file then.
func (s *Scenario) Windows() bool {
	return slices.ContainsFunc(s.Cells, func(c run.Cell) bool { return c.Settings.Workload.Window > 0 })
}

// Timeline reports whether some cell has a timeline: there is a timeline file then.
func (s *Scenario) Timeline() bool {
	return slices.ContainsFunc(s.Cells, func(c run.Cell) bool { return c.Settings.Probe.Timeline > 0 })
}

// Histograms reports whether some cell tells how soon writes are visible: there is a
// histograms file then.
func (s *Scenario) Histograms() bool {
	return slices.ContainsFunc(s.Cells, func(c run.Cell) bool { return c.Settings.Workload.Batches > 0 })
}

// Options are the flags of the command that change what runs. Zero values leave
// all as the files have it.
type Options struct {
	Set     []string // key=value, for any key of a scenario
	Trials  int      // of every cell
	Seed    *uint64
	Systems []string // only these
	Mode    string   // only this
	Case    string   // only this
	Tier    string   // Quick or Full; empty: Full
}

// largest is the size in bytes from which on a file is no scenario.
const largest = 1 << 20

// Load reads and expands scenario files. An error is of type Problems: all that
// is wrong with all files and flags.
func Load(paths []string, o Options) ([]*Scenario, error) {
	var files []*source
	for _, path := range paths {
		files = append(files, open(path))
	}
	return loadAll(files, o)
}

// LoadText is Load of a text, as a manifest keeps it; path is what errors call it and
// what its cells are from, and names the scenario. A claim in it may lack a verdict, as in
// the files of earlier versions.
func LoadText(path string, text []byte, o Options) (*Scenario, error) {
	f := &source{path: path, name: nameOf(path), kept: true, r: &report{}}
	f.plant(text)
	all, err := loadAll([]*source{f}, o)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

func loadAll(files []*source, o Options) ([]*Scenario, error) {
	var all Problems
	flags := &report{}
	sets := parseSets(o.Set, flags)
	if o.Tier != "" && o.Tier != Quick && o.Tier != Full {
		flags.add(origin{file: "--tier"}, "%q is no tier; write quick or full", o.Tier)
	}
	if o.Trials < 0 {
		flags.add(origin{file: "--trials"}, "%d is too few; write a number from 1", o.Trials)
	}
	for i, f := range files {
		for _, other := range files[:i] {
			if other.name == f.name && other.root != nil && f.root != nil {
				f.r.add(origin{file: f.path}, "has the name of %s, and so the same folder of results; give it another", other.path)
			}
		}
		if f.root != nil {
			f.read(sets, o)
			f.judge(o)
		}
	}
	choose(files, o, flags)
	all = append(all, flags.found...)
	var out []*Scenario
	for _, f := range files {
		for _, p := range f.r.sorted() {
			if !slices.Contains(all, p) {
				all = append(all, p)
			}
		}
		out = append(out, f.scenario)
	}
	if len(all) > 0 {
		return nil, all
	}
	return out, nil
}

// A source is a file on its way to a scenario.
type source struct {
	path, name string
	kept       bool // in a manifest: a file of an earlier version
	text       []byte
	root       *node // nil: not read, or no TOML
	r          *report
	scenario   *Scenario
	expansion  *expansion

	systems, modes, cases []string // what it names, for flags to choose from
}

func nameOf(path string) string { return strings.TrimSuffix(filepath.Base(path), ".toml") }

// open reads a file as far as its tree.
func open(path string) *source {
	f := &source{path: path, name: nameOf(path), r: &report{}}
	whole := origin{file: path}
	text, err := readLimited(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.r.add(whole, "there is no such file%s", neighbour(path))
		return f
	case errors.Is(err, errFolder):
		f.r.add(whole, "is a folder; name a scenario file, for instance %s", filepath.Join(path, "election-latency.toml"))
		return f
	case errors.Is(err, errLarge):
		f.r.add(whole, "is larger than 1 MiB, so it is no scenario; name a scenario file")
		return f
	case err != nil:
		f.r.add(whole, "cannot be read (%v); check the name and its permissions", err)
		return f
	}
	f.plant(text)
	return f
}

// plant makes the tree of a text.
func (f *source) plant(text []byte) {
	path, whole := f.path, origin{file: f.path}
	f.text = text
	s := scan(string(text))
	if s.tooDeep > 0 {
		f.r.add(origin{path, s.tooDeep, ""}, "nests deeper than %d; no key of a scenario needs that: take brackets out", deepest)
		return
	}
	tree, keys, err := parse(string(text))
	if err != nil {
		var syntax toml.ParseError
		if !errors.As(err, &syntax) {
			f.r.add(whole, "is not TOML: %v; write it as the other scenarios are", err)
			return
		}
		f.r.add(s.on(path, max(1, syntax.Position.Line)),
			`is not TOML: %s; text and durations stand in quotes (warmup = "1s"), and a key stands once in its section`, strings.TrimSuffix(syntax.Message, "."))
		return
	}
	f.root = locate(path, tree, keys, s)
	f.root.at.line = 1
}

// parse lets the library read text. It panics where it meets a bug of its own.
func parse(text string) (tree map[string]any, keys []toml.Key, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the reader gave up (%v)", p)
		}
	}()
	meta, err := toml.Decode(text, &tree)
	return tree, meta.Keys(), err
}

var (
	errFolder = errors.New("a folder")
	errLarge  = errors.New("too large")
)

// readLimited reads a file that is not too large; of one that is, nothing.
func readLimited(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, errFolder
	case info.Size() > largest:
		return nil, errLarge
	}
	text, err := io.ReadAll(io.LimitReader(file, largest+1)) // a device says that it is empty
	if len(text) > largest {
		return nil, errLarge
	}
	return text, err
}

// neighbour names the scenario of the same folder whose name is nearest.
func neighbour(path string) string {
	there, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*.toml"))
	if len(there) == 0 {
		return "; name a scenario file, for instance experiments/election-latency.toml"
	}
	for i := range there {
		there[i] = filepath.Base(there[i])
	}
	return "; the nearest there is " + filepath.Join(filepath.Dir(path), nearest(filepath.Base(path), there))
}

// parseSets reads the flags --set key=value. A value is TOML; what is no TOML is text.
func parseSets(flags []string, r *report) (out []assignment) {
	for _, s := range flags {
		path, text, ok := strings.Cut(s, "=")
		path = strings.TrimSpace(path)
		where := origin{file: "--set", key: path}
		if !ok || path == "" {
			r.add(origin{file: "--set"}, "%q is no key=value; write for instance --set network.loss=0.1", s)
			continue
		}
		st, err := steps(path)
		if err != nil {
			r.add(where, "%v", err)
			continue
		}
		f, err := at(documentType, st)
		if err != nil {
			r.add(where, "%v", err)
			continue
		}
		var tree struct{ Value any }
		if _, err := toml.Decode("Value = "+text, &tree); err != nil || strings.Contains(text, "\n") {
			tree.Value = strings.TrimSpace(text)
		}
		n := convert("--set", "", tree.Value, &scanner{}).from(where)
		if scratch := (&decoder{r: r, part: true}); !scratch.fits(n, f) {
			continue
		}
		if i := slices.IndexFunc(out, func(a assignment) bool { return a.path == path }); i >= 0 {
			r.add(where, "is set twice; leave one")
			continue
		}
		out = append(out, assignment{path, n})
	}
	return out
}

// choose keeps the cells that the flags ask for. A name that no file has is a
// problem; that a file has none of the cells is one if no file has any.
func choose(files []*source, o Options, r *report) {
	check := func(flag, name string, names func(*source) []string, all []string) bool {
		for _, f := range files {
			if f.root == nil || slices.Contains(names(f), name) {
				return true
			}
			all = append(all, names(f)...)
		}
		if len(all) == 0 {
			if slices.ContainsFunc(files, func(f *source) bool { return len(f.r.found) > 0 }) {
				return false // the file has worse problems
			}
			r.add(origin{file: flag}, "%q: no file has any; leave the flag out", name)
			return false
		}
		slices.Sort(all)
		r.add(origin{file: flag}, "there is no %q in these files; the nearest is %s", name, nearest(name, all))
		return false
	}
	ok := true
	for _, s := range o.Systems {
		ok = check("--systems", s, func(f *source) []string { return f.systems }, nil) && ok
	}
	if o.Mode != "" {
		ok = check("--mode", o.Mode, func(f *source) []string { return f.modes }, nil) && ok
	}
	if o.Case != "" {
		ok = check("--case", o.Case, func(f *source) []string { return f.cases }, nil) && ok
	}
	if !ok || o.Mode == "" && o.Case == "" && len(o.Systems) == 0 {
		return
	}
	for _, f := range files {
		if f.scenario == nil || len(f.scenario.Cells)+len(f.scenario.skipped) > 0 || len(f.r.found) > 0 {
			return
		}
	}
	r.add(origin{file: cmp.Or(flagOf(o.Case, "--case"), flagOf(o.Mode, "--mode"), "--systems")}, "nothing is left to run; see what there is with raftzab check")
}

func flagOf(value, flag string) string {
	if value == "" {
		return ""
	}
	return flag
}

// wanted reports whether the flags let a cell through.
func (o *Options) wanted(mode run.Mode, cases, system string) bool {
	return (o.Mode == "" || o.Mode == string(mode)) && (o.Case == "" || o.Case == cases) && (len(o.Systems) == 0 || slices.Contains(o.Systems, system))
}
