package results

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// A column is one column of a file, bound to a field of the one row that an
// encoder or a decoder works on. So the tags are read once and a row costs no
// reflection.
type column struct {
	name, unit, doc string
	asked           bool // only in files of scenarios that ask for it
	field           any  // *string, *Outcome, *int, *uint64, *bool, *Number or *[]Setting
}

// columnsOf returns the columns of a row, in the order of its fields; of those that
// must be asked for, the ones that asked names, or every one if it names "*".
func columnsOf[T any](row *T, asked ...string) []column {
	v := reflect.ValueOf(row).Elem()
	var columns []column
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag
		c := column{tag.Get("csv"), tag.Get("unit"), tag.Get("doc"), tag.Get("asked") != "", v.Field(i).Addr().Interface()}
		if !c.asked || slices.Contains(asked, c.name) || slices.Contains(asked, "*") {
			columns = append(columns, c)
		}
	}
	return columns
}

// Header returns the names of the columns of a trials file with these swept
// keys, and with these columns that must be asked for.
func Header(swept []string, asked ...string) []string { return names[Trial](swept, asked...) }

// ReadsHeader is Header of a reads file, without swept keys.
func ReadsHeader() []string { return names[Reads](nil) }

func names[T any](swept []string, asked ...string) []string {
	var list []string
	for _, c := range columnsOf(new(T), asked...) {
		if _, ok := c.field.(*[]Setting); ok {
			list = append(list, swept...)
		} else {
			list = append(list, c.name)
		}
	}
	return list
}

// Dictionary returns what each column holds, as tables in Markdown: of trials
// files, reads files, windows files, timeline files, histograms files and summaries.
func Dictionary() string {
	return dictionary[Trial]() + "\nOf `reads-…` files:\n\n" + dictionary[Reads]() + "\nOf `windows-…` files:\n\n" + dictionary[Window]() +
		"\nOf `timeline-…` files:\n\n" + dictionary[Moment]() + "\nOf `histograms-…` files:\n\n" + dictionary[Visibility]() +
		"\nOf `summary.csv.gz`:\n\n" + dictionary[Summary]()
}

func dictionary[T any]() string {
	var b strings.Builder
	b.WriteString("| column | unit | meaning |\n|---|---|---|\n")
	for _, c := range columnsOf(new(T), "*") {
		name := "`" + c.name + "`"
		if _, ok := c.field.(*[]Setting); ok {
			name = "*one a swept key*"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", name, c.unit, c.doc)
	}
	return b.String()
}

// Value returns what a row holds in the column of this name: a string, bool or
// Number; nil if there is no such column. Whole numbers are Numbers too. The
// value of a swept key is its text.
func (t *Trial) Value(name string) any { return value(t, placesOfTrial, t.Swept, name) }

// Value is as that of a Trial.
func (r *Reads) Value(name string) any { return value(r, placesOfReads, r.Swept, name) }

func value[T any](row *T, places map[string]int, swept []Setting, name string) any {
	i, ok := places[name]
	if !ok {
		for _, s := range swept {
			if s.Key == name {
				return s.Value
			}
		}
		return nil
	}
	switch x := reflect.ValueOf(row).Elem().Field(i).Interface().(type) {
	case int:
		return Number(x)
	case uint64:
		return Number(x)
	case Outcome:
		return string(x)
	default:
		return x
	}
}

var placesOfTrial, placesOfReads = places[Trial](), places[Reads]()

// places are the fields of a row by the names of their columns.
func places[T any]() map[string]int {
	places := map[string]int{}
	for i, c := range columnsOf(new(T), "*") {
		if _, swept := c.field.(*[]Setting); !swept {
			places[c.name] = i
		}
	}
	return places
}

// append writes the value of the column to the end of a row.
func (c *column) append(row []byte) []byte {
	switch p := c.field.(type) {
	case *string:
		return appendText(row, *p)
	case *Outcome:
		return appendText(row, string(*p))
	case *int:
		return strconv.AppendInt(row, int64(*p), 10)
	case *uint64:
		return strconv.AppendUint(row, *p, 10)
	case *bool:
		return strconv.AppendBool(row, *p)
	case *Number:
		x := float64(*p)
		if math.IsInf(x, 0) {
			panic(fmt.Sprintf("results: %s is infinite; what was not reached is None", c.name))
		}
		if math.IsNaN(x) {
			return row
		}
		return strconv.AppendFloat(row, x, 'f', -1, 64)
	case *[]Setting:
		for i, s := range *p {
			if i > 0 {
				row = append(row, ',')
			}
			row = appendText(row, s.Value)
		}
		return row
	}
	panic(fmt.Sprintf("results: no encoding for column %s", c.name))
}

// appendText quotes what RFC 4180 wants quoted.
func appendText(row []byte, s string) []byte {
	if !strings.ContainsAny(s, ",\"\r\n") {
		return append(row, s...)
	}
	row = append(row, '"')
	for i := range len(s) {
		if s[i] == '"' {
			row = append(row, '"')
		}
		row = append(row, s[i])
	}
	return append(row, '"')
}

// parse reads one field; a column of settings is not parsed here.
func (c *column) parse(s string) (err error) {
	switch p := c.field.(type) {
	case *string:
		*p = s
	case *Outcome:
		switch *p = Outcome(s); *p {
		case OK, Censored, Violated, Failed:
		default:
			return fmt.Errorf("%q is none of ok, censored, violated, failed", s)
		}
	case *int:
		*p, err = strconv.Atoi(s)
	case *uint64:
		*p, err = strconv.ParseUint(s, 10, 64)
	case *bool:
		if *p = s == "true"; !*p && s != "false" {
			return fmt.Errorf("%q is neither true nor false", s)
		}
	case *Number:
		if *p = None; s == "" {
			return nil
		}
		x, err := strconv.ParseFloat(s, 64)
		if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("%q is no number; what is missing is empty", s)
		}
		*p = Number(x)
	}
	if err != nil {
		return fmt.Errorf("%q is no whole number", s)
	}
	return nil
}
