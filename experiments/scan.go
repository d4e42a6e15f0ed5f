package experiments

import (
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
)

// The TOML library gives a line to mistakes of syntax only. This file finds the
// line of every key of a text that is known to be TOML: it reads keys, and skips
// over values. That it finds the same keys in the same order as the library is
// checked on every file (locate) and by a fuzz test.

// deepest is how far arrays and inline tables may nest. No key needs more than
// three; the library would take seconds to read a megabyte of brackets.
const deepest = 32

// A located is a key as the text has it.
type located struct {
	key  []string // with the tables it stands in, without places in arrays
	path string   // with them: fault[0].kind
	line int
}

// A scanner walks over a text once. On what is no TOML it ends somewhere with
// something: the library then says what is wrong.
type scanner struct {
	text    string
	pos     int
	line    int
	keys    []located
	values  map[string]int // line of each path, elements of arrays included
	order   map[string]int // in which order the paths came
	tables  map[string]int // how many [[headers]] of this path there were
	tooDeep int            // line where nesting passed deepest; 0: nowhere
}

// scan finds the keys of text.
func scan(text string) *scanner {
	s := &scanner{text: strings.TrimPrefix(text, "\xef\xbb\xbf"), line: 1, values: map[string]int{}, order: map[string]int{}, tables: map[string]int{}}
	var header []string
	for s.blank(true); s.pos < len(s.text) && s.tooDeep == 0; s.blank(true) {
		line := s.line
		if s.take('[') {
			array := s.take('[')
			header = s.name()
			path := s.resolve(header[:max(0, len(header)-1)], "")
			if len(header) > 0 {
				path = join(path, header[len(header)-1])
			}
			if array {
				s.note(path, line)
				s.tables[path]++
				path = element(path, s.tables[path]-1)
			}
			s.found(header, path, line)
			s.rest()
			continue
		}
		if !s.pair(header, s.resolve(header, ""), 0) {
			s.rest() // no TOML
		}
		s.rest()
	}
	return s
}

// pair reads key = value inside the table called outer.
func (s *scanner) pair(outer []string, path string, depth int) bool {
	line, start := s.line, s.pos
	name := s.name()
	if !s.take('=') || len(name) == 0 {
		return false
	}
	key := append(append([]string(nil), outer...), name...)
	path = join(s.resolve(name[:len(name)-1], path), name[len(name)-1])
	s.found(key, path, line)
	s.blank(false)
	s.value(key, path, depth)
	return s.pos > start
}

// value skips over a value; keys of inline tables in it are found.
func (s *scanner) value(key []string, path string, depth int) {
	if depth > deepest {
		s.tooDeep, s.pos = s.line, len(s.text)
		return
	}
	switch {
	case s.take('['):
		for i := 0; ; i++ {
			for s.blank(true); s.take(','); s.blank(true) {
			}
			if s.pos == len(s.text) || s.take(']') {
				return
			}
			start := s.pos
			s.note(element(path, i), s.line)
			s.value(key, element(path, i), depth+1)
			if s.pos == start {
				s.pos++ // no TOML
			}
		}
	case s.take('{'):
		for {
			for s.blank(true); s.take(','); s.blank(true) {
			}
			if s.pos == len(s.text) || s.take('}') {
				return
			}
			if start := s.pos; !s.pair(key, path, depth+1) && s.pos == start {
				s.pos++ // no TOML
			}
		}
	case strings.HasPrefix(s.text[s.pos:], `"""`), strings.HasPrefix(s.text[s.pos:], `'''`):
		s.long()
	case s.peek() == '"', s.peek() == '\'':
		s.short()
	default: // a number, a truth or a date: dates may hold a blank
		for s.pos < len(s.text) && !strings.ContainsRune(",]}#\n", rune(s.text[s.pos])) {
			s.pos++
		}
	}
}

// on is the origin of the first key of a line, of the line itself if it has none.
func (s *scanner) on(file string, line int) origin {
	for _, k := range s.keys {
		if k.line == line {
			return origin{file, line, k.path}
		}
	}
	return origin{file, line, ""}
}

// name reads a dotted key, and the bracket that ends a header.
func (s *scanner) name() (parts []string) {
	for {
		s.blank(false)
		switch c := s.peek(); {
		case c == '"' || c == '\'':
			parts = append(parts, unquote(s.short()))
		default:
			start := s.pos
			for bare(s.peek()) {
				s.pos++
			}
			if start == s.pos {
				return parts
			}
			parts = append(parts, s.text[start:s.pos])
		}
		s.blank(false)
		if !s.take('.') {
			return parts
		}
	}
}

// short skips over a string of one line and returns it with its quotes.
func (s *scanner) short() string {
	start, quote := s.pos, s.text[s.pos]
	for s.pos++; s.pos < len(s.text) && s.text[s.pos] != quote && s.text[s.pos] != '\n'; s.pos++ {
		if s.text[s.pos] == '\\' && quote == '"' && s.pos+1 < len(s.text) && s.text[s.pos+1] != '\n' {
			s.pos++
		}
	}
	s.take(quote)
	return s.text[start:s.pos]
}

// long skips over a string of many lines. It may end in up to two quotes of its own.
func (s *scanner) long() {
	quote := s.text[s.pos]
	end := strings.Repeat(string(quote), 3)
	for s.pos += 3; s.pos < len(s.text); s.pos++ {
		if strings.HasPrefix(s.text[s.pos:], end) {
			s.pos += 3
			for range 2 {
				s.take(quote)
			}
			return
		}
		if s.text[s.pos] == '\\' && quote == '"' && s.pos+1 < len(s.text) {
			s.pos++
		}
		if s.text[s.pos] == '\n' {
			s.line++
		}
	}
}

// blank skips over blanks; with lines, over comments and ends of lines too.
func (s *scanner) blank(lines bool) {
	for ; s.pos < len(s.text); s.pos++ {
		switch c := s.text[s.pos]; {
		case c == ' ' || c == '\t' || c == '\r':
		case lines && c == '\n':
			s.line++
		case lines && c == '#':
			for s.pos+1 < len(s.text) && s.text[s.pos+1] != '\n' {
				s.pos++
			}
		default:
			return
		}
	}
}

// rest skips to the end of the line.
func (s *scanner) rest() {
	for s.pos < len(s.text) && s.text[s.pos] != '\n' {
		s.pos++
	}
}

func (s *scanner) peek() byte {
	if s.pos < len(s.text) {
		return s.text[s.pos]
	}
	return 0
}

func (s *scanner) take(c byte) bool {
	if s.peek() != c || s.pos == len(s.text) {
		return false
	}
	s.pos++
	return true
}

func (s *scanner) found(key []string, path string, line int) {
	s.keys = append(s.keys, located{key, path, line})
	s.note(path, line)
}

// note remembers the first line of a path.
func (s *scanner) note(path string, line int) {
	if _, ok := s.values[path]; !ok {
		s.values[path], s.order[path] = line, len(s.order)
	}
}

// resolve appends names to a path. A name that is an array of tables means its
// last element.
func (s *scanner) resolve(names []string, path string) string {
	for _, name := range names {
		path = join(path, name)
		if n := s.tables[path]; n > 0 {
			path = element(path, n-1)
		}
		s.note(path, s.line)
	}
	return path
}

// join appends a name to a path, quoted if TOML wants it so.
func join(path, name string) string {
	for i := range len(name) {
		if !bare(name[i]) {
			name = strconv.Quote(name)
			break
		}
	}
	if name == "" {
		name = `""`
	}
	if path == "" {
		return name
	}
	return path + "." + name
}

func element(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

func bare(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
}

// unquote returns what a quoted key means; the library knows the escapes.
func unquote(s string) string {
	if !strings.Contains(s, `\`) || s[0] == '\'' {
		return strings.Trim(s, s[:1])
	}
	var v struct{ K string }
	if _, err := toml.Decode("K = "+s, &v); err != nil {
		return s
	}
	return v.K
}
