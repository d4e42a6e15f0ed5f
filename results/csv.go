package results

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
	"slices"
	"sync"
)

// A Writer writes one file, row by row, beside its final place; the
// Folder puts it there when the run is over. Rows may come from several
// goroutines and in any order: they are written in the order of their
// positions, so the bytes do not depend on who finished first.
type Writer[T any] struct {
	mu      sync.Mutex
	name    string // final name, without folder
	file    *os.File
	buffer  *bufio.Writer
	hash    hash.Hash
	row     T        // the row being encoded,
	columns []column // bound to it
	swept   []string
	header  []string
	decoder *decoder[T]    // of what Format has written; nil: none was asked for
	text    []byte         // scratch
	waiting map[int]parcel // what came before its turn
	next    int            // the position whose turn it is
	rows    int
	closed  bool
	err     error
}

// A parcel is what stands at one position: encoded rows.
type parcel struct {
	text []byte
	rows int
}

func create[T any](path, name string, swept []string, asked ...string) (*Writer[T], error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("cannot write results: %w", err)
	}
	w := &Writer[T]{name: name, file: file, hash: sha256.New(), swept: slices.Clone(swept), header: names[T](swept, asked...), waiting: map[int]parcel{}}
	w.columns = columnsOf(&w.row, asked...)
	w.buffer = bufio.NewWriterSize(io.MultiWriter(file, w.hash), 1<<16)
	w.write(parcel{text: w.head()})
	return w, w.err
}

// head is the file's first line.
func (w *Writer[T]) head() (line []byte) {
	for i, name := range w.header {
		if i > 0 {
			line = append(line, ',')
		}
		line = appendText(line, name)
	}
	return append(line, '\n')
}

// Put gives the rows of a finished trial their place: position counts the
// trials of the file from 0, over all its cells, and is used once. Positions
// that never come are left out at the end, as those of an interrupted run are.
func (w *Writer[T]) Put(position int, rows ...T) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, twice := w.waiting[position]; twice || position < w.next || w.closed {
		panic(fmt.Sprintf("results: %s: position %d came twice, or after the end", w.name, position))
	}
	w.text = w.text[:0]
	for i := range rows {
		w.encode(&rows[i])
	}
	if position > w.next {
		w.waiting[position] = parcel{slices.Clone(w.text), len(rows)}
		return w.err
	}
	w.write(parcel{w.text, len(rows)})
	for w.next++; ; w.next++ {
		p, ok := w.waiting[w.next]
		if !ok {
			return w.err
		}
		delete(w.waiting, w.next)
		w.write(p)
	}
}

func (w *Writer[T]) encode(row *T) {
	w.row = *row
	for i := range w.columns {
		if p, ok := w.columns[i].field.(*[]Setting); ok {
			if !slices.EqualFunc(*p, w.swept, func(s Setting, key string) bool { return s.Key == key }) {
				panic(fmt.Sprintf("results: %s has the swept keys %v; a row has %v", w.name, w.swept, *p))
			}
			if len(*p) == 0 {
				continue
			}
		}
		if i > 0 {
			w.text = append(w.text, ',')
		}
		w.text = w.columns[i].append(w.text)
	}
	w.text = append(w.text, '\n')
}

func (w *Writer[T]) write(p parcel) {
	w.rows += p.rows
	if _, err := w.buffer.Write(p.text); err != nil && w.err == nil {
		w.err = fmt.Errorf("writing %s: %w", w.name, err)
	}
}

// close writes what still waits and returns what the file came to.
func (w *Writer[T]) close() (File, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var positions []int
	for p := range w.waiting {
		positions = append(positions, p)
	}
	slices.Sort(positions)
	for _, p := range positions {
		w.write(w.waiting[p])
	}
	w.closed = true
	for _, step := range []func() error{w.buffer.Flush, w.file.Sync, w.file.Close} {
		if err := step(); err != nil && w.err == nil {
			w.err = fmt.Errorf("writing %s: %w", w.name, err)
		}
	}
	return File{Name: w.name, Rows: w.rows, SHA256: hex.EncodeToString(w.hash.Sum(nil))}, w.err
}

// final is the name that the file will have.
func (w *Writer[T]) final() string { return w.name }

// ReadTrials reads a trials file; name is what errors call it. It is strict:
// columns are those of the schema, in order, with the swept keys in their
// place, and every field must be what its column holds.
func ReadTrials(name string, text []byte) ([]Trial, error) { return read[Trial](name, text) }

func read[T any](name string, text []byte) ([]T, error) {
	r := csv.NewReader(bytes.NewReader(text))
	r.ReuseRecord = true
	header, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("%s: no header: %w", name, err)
	}
	d := decoder[T]{row: blank[T](), known: map[string]string{}}
	if err := d.bind(slices.Clone(header)); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return d.rows(name, r)
}

// rows decodes all that is left.
func (d *decoder[T]) rows(name string, r *csv.Reader) (rows []T, err error) {
	for {
		fields, err := r.Read()
		if err == io.EOF {
			return rows, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if column, err := d.decode(fields); err != nil {
			line, _ := r.FieldPos(0)
			return nil, fmt.Errorf("%s:%d: %s: %w", name, line, column, err)
		}
		rows = append(rows, d.row)
	}
}

// A decoder turns fields into its row.
type decoder[T any] struct {
	row     T
	columns []column // bound to row
	swept   []string
	known   map[string]string // one copy of each text, since the same few come in every row
}

// bind finds the swept keys in a header: what stands where the schema has its
// one column for all of them.
func (d *decoder[T]) bind(header []string) error {
	var asked []string
	for _, c := range columnsOf(&d.row, "*") {
		if c.asked && slices.Contains(header, c.name) {
			asked = append(asked, c.name)
		}
	}
	d.columns = columnsOf(&d.row, asked...)
	before := slices.IndexFunc(d.columns, func(c column) bool { _, ok := c.field.(*[]Setting); return ok })
	after := len(d.columns) - before - 1
	if len(header) >= before+after {
		d.swept = header[before : len(header)-after]
	}
	if want := names[T](d.swept, asked...); !slices.Equal(header, want) {
		for i := range want {
			if i >= len(header) || header[i] != want[i] {
				return fmt.Errorf("column %d is not %q: written by another version", i+1, want[i])
			}
		}
	}
	return nil
}

// decode fills the row; on an error it names the column.
func (d *decoder[T]) decode(fields []string) (string, error) {
	for i := range d.columns {
		c := &d.columns[i]
		if p, ok := c.field.(*[]Setting); ok {
			if !slices.EqualFunc(*p, fields[:len(d.swept)], func(s Setting, v string) bool { return s.Value == v }) {
				*p = make([]Setting, len(d.swept)) // rows of one cell share theirs
				for j, key := range d.swept {
					(*p)[j] = Setting{key, d.intern(fields[j])}
				}
			}
			fields = fields[len(d.swept):]
			continue
		}
		s := fields[0]
		switch c.field.(type) {
		case *string, *Outcome:
			s = d.intern(s)
		}
		if err := c.parse(s); err != nil {
			return c.name, err
		}
		fields = fields[1:]
	}
	return "", nil
}

func (d *decoder[T]) intern(s string) string {
	if _, ok := d.known[s]; !ok {
		s = string([]byte(s))
		d.known[s] = s
	}
	return d.known[s]
}
