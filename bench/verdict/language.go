package verdict

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/types"

	"raftzab/results"
)

// What a rule may name:
//
//   - A system, with its columns: zab.rounds is a Column, raft.settled, which holds
//     words, a Words; zab.by_role.stale is of the reads file. Compared with a number or a text both become a Truth.
//   - Columns and swept keys by themselves, in conditions: case == "crash", rounds > 1,
//     cluster.voters == 5. They are Fields, and compared they become a Condition.
//   - where narrows a Column, Words or Truth by conditions; functions of statistics make
//     a Statistic of a Column or a Truth. Statistics and numbers add up, and compared
//     they give true or false.

// rows are the trials of a system that a column is about.
type rows struct {
	e       *evaluation
	system  string
	text    string // as an expression, without conditions
	where   []Condition
	outages bool // of a column that comes from trials with clients
	reads   bool // of the reads file
}

// A Column is a measure of a system's trials.
type Column struct {
	rows
	of func(t row) float64 // NaN: not there
}

// A Truth says of a system's trials whether something holds: 1 or 0, or NaN.
type Truth Column

// Words are what a system's trials have in a column of words.
type Words struct {
	rows
	name string
}

// A Field is a column or a swept key in a condition.
type Field string

// A Condition tells rows apart.
type Condition struct {
	text   string
	of     func(t row) bool
	trials bool   // it tells trials of one cell apart, and not only cells
	probed bool   // it says of which of a trial's two rows it speaks
	only   string // the column that it is about, if only one of the files has it
	reads  bool   // then: that is the reads file
}

// Columns that identify a row, and are no measure.
var identity = []string{"scenario", "case", "mode", "system", "trial", "seed", "probed"}

// Columns that not all systems have, and the words that say whose they are.
var owners = map[string][]string{
	"finalize_restarts": {"zab"},
	"connect_retries":   {"zab", "zookeeper"},
	"votes_unheard":     {"zab", "zookeeper"},
	"paper_ms":          {"raft", "etcd", "hashicorp"},
	"votes_refused":     {"raft", "etcd"},
	"winner_votes":      {"raft", "etcd"},
	"timer_min_ms":      {"raft"},
	"timer_max_ms":      {"raft"},
}

// Columns that say something of trials that are watched for a stated time: there a
// trial without a new leader is ok, and has no other.
var watched = append([]string{"outcome", "terms", "leader_changes", "down_ms", "up", "settled", "timer_min_ms", "timer_max_ms", "level",
	"read_hops", "read_messages", "write_hops", "write_messages", "resume_p50_ms", "resume_max_ms"}, results.OfClients...)

// environment returns all names, for a rule to be evaluated by e.
func environment(s Scope, e *evaluation) map[string]any {
	env := map[string]any{}
	header, ofReads := results.Header(nil, s.Columns...), []string(nil)
	if s.Reads {
		ofReads = results.ReadsHeader()
	}
	for _, name := range slices.Concat(header, ofReads) {
		env[name] = Field(name)
	}
	for _, c := range s.Cells {
		for _, k := range c.Swept {
			place(env, strings.Split(k.Key, "."), Field(k.Key))
		}
	}
	for _, c := range s.Cells {
		system := inner(env, c.System)
		for _, name := range header {
			if slices.Contains(identity, name) || owners[name] != nil && !slices.Contains(owners[name], c.System) || s.Watched && !slices.Contains(watched, name) {
				continue
			}
			system[name] = column(rows{e: e, system: c.System, text: c.System + "." + name, outages: name == "outage_ms"}, name, &results.Trial{})
		}
		for _, name := range ofReads {
			if !slices.Contains(identity, name) {
				inner(system, "by_role")[name] = column(rows{e: e, system: c.System, text: c.System + ".by_role." + name, reads: true}, name, &results.Reads{})
			}
		}
	}
	return env
}

// column is a Column, or a Words if a row as sample has words there.
func column(of rows, name string, sample row) any {
	if _, number := sample.Value(name).(results.Number); number {
		return Column{of, measured(name)}
	}
	return Words{of, name}
}

// place puts a swept key where its dotted name says. Places in lists are part of a
// name: fault[0].kind is fault["0"].kind within.
func place(env map[string]any, path []string, f Field) {
	for len(path) > 1 {
		name, index, indexed := strings.Cut(strings.TrimSuffix(path[0], "]"), "[")
		if env = inner(env, name); indexed {
			env = inner(env, index)
		}
		path = path[1:]
	}
	env[path[0]] = f
}

func inner(env map[string]any, name string) map[string]any {
	m, ok := env[name].(map[string]any)
	if !ok {
		m = map[string]any{}
		env[name] = m
	}
	return m
}

// typed returns the types of an environment.
func typed(env map[string]any) types.Map {
	m := types.Map{}
	for name, v := range env {
		if in, ok := v.(map[string]any); ok {
			m[name] = typed(in)
		} else {
			m[name] = types.TypeOf(v)
		}
	}
	return m
}

// comparison is an operator that makes truths, conditions and booleans.
type comparison struct {
	sign, name string
	holds      func(a, b float64) bool
}

var comparisons = []comparison{
	{"<", "less", func(a, b float64) bool { return a < b }},
	{"<=", "atMost", func(a, b float64) bool { return a <= b }},
	{">", "greater", func(a, b float64) bool { return a > b }},
	{">=", "atLeast", func(a, b float64) bool { return a >= b }},
	{"==", "equal", func(a, b float64) bool { return a == b }},
	{"!=", "different", func(a, b float64) bool { return a != b }},
}

// options are the language, for expr.
func options(s Scope) []expr.Option {
	o := []expr.Option{expr.Env(typed(environment(s, &evaluation{}))), expr.AsBool(),
		expr.DisableAllBuiltins(),  // of lists and texts; there are none
		expr.DisableShortCircuit(), // so that all numbers are told, and all names tried
	}
	define := func(sign, name string, f func(...any) (any, error), types ...any) {
		o = append(o, expr.Function(name, f, types...))
		if sign != "" {
			o = append(o, expr.Operator(sign, name))
		}
	}
	for _, c := range comparisons {
		define(c.sign, c.name, c.apply,
			new(func(Column, int) Truth), new(func(Column, float64) Truth),
			new(func(Field, int) Condition), new(func(Field, float64) Condition),
			new(func(Statistic, Statistic) bool),
			new(func(Statistic, int) bool), new(func(Statistic, float64) bool), new(func(int, Statistic) bool), new(func(float64, Statistic) bool))
	}
	for _, c := range comparisons[4:] {
		define(c.sign, c.name+"Text", c.applyText, new(func(Words, string) Truth), new(func(Field, string) Condition), new(func(Field, bool) Condition))
	}
	for sign, both := range map[string]func(a, b bool) bool{"&&": func(a, b bool) bool { return a && b }, "||": func(a, b bool) bool { return a || b }} {
		name := map[string]string{"&&": "both", "||": "either"}[sign]
		define(sign, name, func(p ...any) (any, error) { return join(p[0], p[1], sign, both) }, new(func(Condition, Condition) Condition), new(func(Truth, Truth) Truth))
	}
	define("", "where", where, new(func(Words, ...Condition) Words), new(func(Truth, ...Condition) Truth), new(func(Column, ...Condition) Column))
	o = append(o, statistics()...)
	return append(o, expr.Patch(forget{}))
}

// forget takes the types of calls away, so that the library checks each call again
// when operators in its arguments have got their meaning. It would keep the first.
type forget struct{}

func (forget) Visit(node *ast.Node) {
	if call, ok := (*node).(*ast.CallNode); ok {
		call.SetType(nil)
	}
}

// Reset and ShouldRepeat have it run as often as the library's own visitors of operators.
func (forget) Reset()             {}
func (forget) ShouldRepeat() bool { return false }

// apply compares what is not text.
func (c *comparison) apply(p ...any) (any, error) {
	switch a := p[0].(type) {
	case Column:
		b, of := number(p[1]), a.of
		a.text += " " + c.sign + " " + digits(b)
		a.of = func(t row) float64 { return truth(of(t), func(x float64) bool { return c.holds(x, b) }) }
		return Truth(a), nil
	case Field:
		b := number(p[1])
		return a.condition(c.sign, digits(b), func(v any) bool {
			switch v := v.(type) {
			case results.Number:
				return c.holds(float64(v), b)
			case string:
				x, err := strconv.ParseFloat(v, 64)
				return err == nil && c.holds(x, b)
			}
			return false
		}), nil
	}
	return compare(p[0], p[1], c)
}

func (c *comparison) applyText(p ...any) (any, error) {
	want, equal := fmt.Sprint(p[1]), c.sign == "=="
	switch a := p[0].(type) {
	case Words:
		a.text += " " + c.sign + " " + strconv.Quote(want)
		return Truth{a.rows, func(t row) float64 {
			text, _ := t.Value(a.name).(string)
			return truth(0, func(float64) bool { return (text == want) == equal })
		}}, nil
	case Field:
		text := want
		if _, quoted := p[1].(string); quoted {
			text = strconv.Quote(want)
		}
		return a.condition(c.sign, text, func(v any) bool { return (fmt.Sprint(v) == want) == equal }), nil
	}
	panic(fmt.Sprintf("verdict: %T compared with a text", p[0]))
}

func (f Field) condition(sign, value string, of func(v any) bool) Condition {
	name := string(f)
	inTrials, inReads := new(results.Trial).Value(name) != nil, new(results.Reads).Value(name) != nil
	c := Condition{text: name + " " + sign + " " + value, of: func(t row) bool { return of(t.Value(name)) },
		trials: (inTrials || inReads) && name != "case" && name != "mode", probed: name == "probed"}
	if inTrials != inReads {
		c.only, c.reads = name, inReads
	}
	return c
}

// truth is 1 or 0 for what is there.
func truth(x float64, holds func(float64) bool) float64 {
	switch {
	case x != x:
		return x
	case holds(x):
		return 1
	}
	return 0
}

// join makes one condition or truth of two.
func join(a, b any, sign string, both func(a, b bool) bool) (any, error) {
	switch a := a.(type) {
	case Condition:
		b, of := b.(Condition), a.of
		if b.only != "" {
			a.only, a.reads = b.only, b.reads
		}
		a.text, a.trials, a.probed = "("+a.text+" "+sign+" "+b.text+")", a.trials || b.trials, a.probed || b.probed
		a.of = func(t row) bool { return both(of(t), b.of(t)) }
		return a, nil
	case Truth:
		b, of := b.(Truth), a.of
		if err := a.beside(b.rows); err != nil {
			return nil, err
		}
		a.text = a.text + " " + sign + " " + b.text
		a.of = func(t row) float64 {
			x, y := of(t), b.of(t)
			return truth(x+y, func(float64) bool { return both(x == 1, y == 1) })
		}
		return a, nil
	}
	panic(fmt.Sprintf("verdict: %T %s", a, sign))
}

// beside refuses to join what is not of the same trials.
func (r rows) beside(o rows) error {
	if r.system != o.system || r.outages != o.outages || r.reads != o.reads || conditions(r.where) != conditions(o.where) {
		return fmt.Errorf("%s and %s are of other trials; join columns of one system, and write where around both", r, o)
	}
	return nil
}

// where narrows.
func where(p ...any) (any, error) {
	narrow := func(r *rows) error {
		r.where = slices.Clone(r.where)
		for _, c := range p[1:] {
			c := c.(Condition)
			if c.only != "" && c.reads != r.reads {
				return fmt.Errorf("%s has no %s; %s", r.text, c.only, map[bool]string{true: "columns of by_role have it", false: "columns without by_role have it"}[c.reads])
			}
			r.where = append(r.where, c)
		}
		return nil
	}
	switch x := p[0].(type) {
	case Column:
		err := narrow(&x.rows)
		return x, err
	case Truth:
		err := narrow(&x.rows)
		return x, err
	case Words:
		err := narrow(&x.rows)
		return x, err
	}
	panic(fmt.Sprintf("verdict: where of %T", p[0]))
}

func conditions(all []Condition) string {
	var texts []string
	for _, c := range all {
		texts = append(texts, c.text)
	}
	return strings.Join(texts, ", ")
}

// String is the column as an expression.
func (r rows) String() string {
	if len(r.where) == 0 {
		return r.text
	}
	return "where(" + r.text + ", " + conditions(r.where) + ")"
}

func number(x any) float64 {
	if i, ok := x.(int); ok {
		return float64(i)
	}
	return x.(float64)
}

// digits writes a number with at most six significant digits.
func digits(x float64) string { return strconv.FormatFloat(x, 'g', 6, 64) }

// explain says what is wrong with an expression, where in it, and what to write.
func explain(err error, text string, s Scope) string {
	var at *file.Error
	if !errors.As(err, &at) {
		return err.Error()
	}
	message := strings.ReplaceAll(at.Message, "verdict.", "")
	var own *missing
	if errors.As(err, &own) {
		message = own.reason
	}
	if runes := []rune(text); at.From < len(runes) {
		rest := strings.Join(strings.Fields(string(runes[at.From:min(len(runes), at.From+40)])), " ")
		message += fmt.Sprintf(", at %q", rest)
	}
	env := environment(s, nil)
	if strings.HasPrefix(at.Message, "unknown name ") {
		return fmt.Sprintf("%s; there are %s", message, strings.Join(append(slices.Sorted(maps.Keys(env)), functions...), ", "))
	}
	if strings.HasPrefix(at.Message, "unknown field ") {
		before := strings.TrimRight(string([]rune(text)[:at.From]), ". ")
		section := before[strings.LastIndexAny(before, " (&|<>=!+-*/,\n")+1:]
		for part := range strings.SplitSeq(section, ".") {
			env = inner(env, part)
		}
		return fmt.Sprintf("%s; in %s there are %s", message, section, strings.Join(slices.Sorted(maps.Keys(env)), ", "))
	}
	return message + "; experiments/README.md says what a rule may say"
}
