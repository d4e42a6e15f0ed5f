package experiments

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
)

// An origin is where something was written.
type origin struct {
	file string
	line int
	key  string
}

// A node is a value of a scenario and where it was written. Cases, sweeps and
// flags are applied to trees of nodes, so that whatever turns out to be wrong
// with a cell is traced to the line that says so.
type node struct {
	at      origin
	varied  bool // by a case, a sweep or a flag
	product bool // by the section of one product
	value   any  // string, int64, float64, bool, time.Time, []*node or *table
}

// A table keeps the order of the file.
type table struct {
	names []string
	of    map[string]*node
}

func newTable() *table { return &table{of: map[string]*node{}} }

func (t *table) get(name string) *node { return t.of[name] }

func (t *table) set(name string, n *node) {
	if _, ok := t.of[name]; !ok {
		t.names = append(t.names, name)
	}
	t.of[name] = n
}

// locate makes the tree of a decoded text, with the lines that scan found. If
// scan and the library disagree about the keys, no line is better than a wrong one.
func locate(file string, decoded map[string]any, keys []toml.Key, s *scanner) *node {
	if !slices.EqualFunc(keys, s.keys, func(a toml.Key, b located) bool { return slices.Equal(a, b.key) }) {
		s = &scanner{}
	}
	return convert(file, "", decoded, s)
}

func convert(file, path string, v any, s *scanner) *node {
	n := &node{at: origin{file, s.values[path], path}, value: v}
	switch v := v.(type) {
	case map[string]any:
		t := newTable()
		for _, name := range slices.SortedFunc(maps.Keys(v), func(a, b string) int {
			if d := s.order[join(path, a)] - s.order[join(path, b)]; d != 0 {
				return d
			}
			return strings.Compare(a, b)
		}) {
			t.set(name, convert(file, join(path, name), v[name], s))
		}
		n.value = t
	case []map[string]any:
		list := make([]*node, len(v))
		for i := range v {
			list[i] = convert(file, element(path, i), v[i], s)
		}
		n.value = list
	case []any:
		list := make([]*node, len(v))
		for i := range v {
			list[i] = convert(file, element(path, i), v[i], s)
		}
		n.value = list
	}
	return n
}

// clone copies a tree, so that one cell's values do not reach another's.
func (n *node) clone() *node {
	c := *n
	switch v := n.value.(type) {
	case *table:
		t := newTable()
		for _, name := range v.names {
			t.set(name, v.of[name].clone())
		}
		c.value = t
	case []*node:
		list := make([]*node, len(v))
		for i := range v {
			list[i] = v[i].clone()
		}
		c.value = list
	}
	return &c
}

// from copies a tree as written elsewhere.
func (n *node) from(at origin) *node {
	c := n.clone()
	c.mark(func(n *node) { n.at, n.varied = at, true })
	return c
}

func (n *node) mark(f func(*node)) {
	f(n)
	switch v := n.value.(type) {
	case *table:
		for _, c := range v.of {
			c.mark(f)
		}
	case []*node:
		for _, c := range v {
			c.mark(f)
		}
	}
}

// A step of a path is a name, with the place in a list, or in lists of lists.
type step struct {
	name   string
	places []int
}

// steps reads a dotted path: fault[0].kind.
func steps(path string) ([]step, error) {
	var out []step
	for part := range strings.SplitSeq(path, ".") {
		name, rest, indexed := strings.Cut(part, "[")
		st := step{name: strings.TrimSpace(name)}
		for indexed {
			var place string
			place, rest, _ = strings.Cut(rest, "]")
			i, err := strconv.Atoi(place)
			if err != nil || i < 0 || rest != "" && rest[0] != '[' || !strings.HasSuffix(part, "]") {
				return nil, fmt.Errorf("%q is no place in a list; write for instance fault[0].kind", clip(part, 60))
			}
			st.places = append(st.places, i)
			rest, indexed = strings.CutPrefix(rest, "[")
		}
		if st.name == "" {
			return nil, fmt.Errorf("%q is no key; write for instance network.loss", clip(path, 60))
		}
		out = append(out, st)
	}
	return out, nil
}

// find returns the node at path; failing that, the deepest one on the way.
func (n *node) find(path []step) (*node, bool) {
	for _, st := range path {
		t, ok := n.value.(*table)
		if !ok || t.get(st.name) == nil {
			return n, false
		}
		n = t.get(st.name)
		for _, i := range st.places {
			list, ok := n.value.([]*node)
			if !ok || i >= len(list) {
				return n, false
			}
			n = list[i]
		}
	}
	return n, true
}

// assign puts v at path, with tables on the way where there are none. The path is
// one that the schema has (at): the last step has no place. An error says which
// list has no such place, and file is what it should have been in.
func (n *node) assign(path []step, v *node, file string) error {
	for i, st := range path {
		t, ok := n.value.(*table)
		if !ok {
			return fmt.Errorf("stands in %s, which is no section in %s; write it as one", path[i-1].name, file)
		}
		child := t.get(st.name)
		if i == len(path)-1 {
			t.set(st.name, v)
			return nil
		}
		if st.places == nil {
			if child == nil {
				child = &node{at: v.at, varied: v.varied, value: newTable()}
				t.set(st.name, child)
			}
			n = child
			continue
		}
		var list []*node
		if child != nil {
			list, _ = child.value.([]*node)
		}
		if st.places[0] >= len(list) {
			return fmt.Errorf("there is no %s: %s has %s; add it there, or name another", st, file, count(len(list), "[["+st.name+"]]"))
		}
		n = list[st.places[0]]
	}
	return nil
}

func (s step) String() string {
	for _, i := range s.places {
		s.name = element(s.name, i)
	}
	return s.name
}

// merge puts what one product overrides over the section of its protocol.
func (n *node) merge(section string, over *node) {
	root, ok := n.value.(*table)
	if !ok || over == nil {
		return
	}
	o, ok := over.value.(*table)
	if !ok {
		return
	}
	if root.get(section) == nil {
		root.set(section, &node{at: over.at, value: newTable()})
	}
	t, ok := root.get(section).value.(*table)
	if !ok {
		return
	}
	for _, name := range o.names {
		c := o.of[name].clone()
		c.mark(func(n *node) { n.product = true })
		t.set(name, c)
	}
}

// An assignment is a path and the value it gets.
type assignment struct {
	path  string
	value *node
}

// flatten turns a table of dotted keys into assignments. An unquoted dotted key
// is a table in TOML and means the same.
func flatten(t *table, prefix string) (out []assignment) {
	for _, name := range t.names {
		n, path := t.of[name], name
		if prefix != "" {
			path = prefix + "." + name
		}
		if inner, ok := n.value.(*table); ok && len(inner.names) > 0 {
			out = append(out, flatten(inner, path)...)
		} else {
			out = append(out, assignment{path, n})
		}
	}
	return out
}

// text writes a value as a column of results has it: strings without quotes.
func (n *node) text() string {
	switch v := n.value.(type) {
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	case time.Time:
		return v.Format(time.RFC3339)
	case []*node:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = v[i].text()
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return "a section"
}

// what names the kind of a value.
func (n *node) what() string {
	switch n.value.(type) {
	case string:
		return fmt.Sprintf("%q", clip(n.text(), 60))
	case *table:
		return "a section"
	case []*node:
		return "a list"
	case time.Time:
		return "a date"
	}
	return n.text()
}

func count(n int, what string) string {
	if n == 1 {
		return "one " + what
	}
	if n == 0 {
		return "no " + what
	}
	return fmt.Sprintf("%d %s", n, what)
}
