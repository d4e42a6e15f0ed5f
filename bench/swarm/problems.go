package swarm

import (
	"fmt"
	"strings"
)

// problems gathers what is wrong with a file.
type problems struct {
	file  string
	text  []byte
	found []error
}

func (p *problems) add(line int, key, format string, args ...any) {
	at := p.file
	if line > 0 {
		at = fmt.Sprintf("%s:%d", at, line)
	}
	p.found = append(p.found, fmt.Errorf("%s: %s: %s", at, key, fmt.Sprintf(format, args...)))
}

// each adds what a configuration says of itself.
func (p *problems) each(section string, err error) {
	if err == nil {
		return
	}
	for line := range strings.Lines(err.Error()) {
		p.add(p.line(section, -1, "", 0), section, "%s", strings.TrimPrefix(strings.TrimSpace(line), section+": "))
	}
}

func (p *problems) node(table string, i int, key string, id NodeID, n int) {
	if id < 1 || int(id) > n {
		p.add(p.line(table, i, key, 0), table, "there is no node %d; they are numbered from 1 to %d", id, n)
	}
}

// line returns the line of a key in a table, of the table's own if it is not in
// it: in its i-th [[table]], from 0, or with i = -1 in all of them, there the one
// after skip others. Values of many lines are no values that Encode writes.
func (p *problems) line(table string, i int, key string, skip int) int {
	here, count, n, head := "", -1, 0, 0
	for line := range strings.Lines(string(p.text)) {
		n++
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			if here = strings.Trim(line, "[] "); here == table {
				count++
			}
			if here == table && (i < 0 || count == i) && head == 0 {
				head = n
			}
			continue
		}
		name, _, _ := strings.Cut(line, "=")
		if key != "" && here == table && (i < 0 || count == i) && strings.Trim(name, " \"'") == key {
			if skip == 0 {
				return n
			}
			skip--
		}
	}
	return head
}
