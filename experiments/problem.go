package experiments

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Problem is one thing that a user can put right: where it is, and what to
// write instead.
type Problem struct {
	File string // as given on the command line, or the flag at fault
	Line int    // from 1; 0: the whole file, or a flag
	Key  string // as the file has it; empty: none in particular
	Text string
}

func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	if p.Key != "" {
		b.WriteString(": " + p.Key)
	}
	return b.String() + ": " + p.Text
}

// Problems are all that is wrong with some files.
type Problems []Problem

// Error puts one problem on a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// A report gathers the problems of one file. The cells of a scenario share most
// of their settings, so the same problem may come many times: it counts once.
type report struct {
	found Problems
	seen  map[Problem]bool
}

func (r *report) add(at origin, format string, args ...any) {
	p := Problem{File: at.file, Line: at.line, Key: clip(at.key, 120), Text: clip(fmt.Sprintf(format, args...), 400)}
	if r.seen[p] {
		return
	}
	if r.seen == nil {
		r.seen = map[Problem]bool{}
	}
	r.seen[p] = true
	r.found = append(r.found, p)
}

// sorted returns the problems in the order of lines.
func (r *report) sorted() Problems {
	slices.SortStableFunc(r.found, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	return r.found
}

// clip keeps a value of a megabyte out of a message.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}

// nearest returns the known name with the least edit distance from name; of
// several, the first.
func nearest(name string, known []string) string {
	best, least := "", 0
	for _, k := range known {
		if d := distance(name, k); best == "" || d < least {
			best, least = k, d
		}
	}
	return best
}

// distance is Levenshtein's, of names cut to a length no key has.
func distance(a, b string) int {
	a, b = a[:min(len(a), 64)], b[:min(len(b), 64)]
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			substitute := diagonal
			if a[i] != b[j] {
				substitute++
			}
			diagonal = row[j+1]
			row[j+1] = min(substitute, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
