package experiments

import (
	"cmp"
	"encoding"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"raftzab/bench/fault"
	"raftzab/bench/random"
	"raftzab/bench/run"
	"raftzab/protocols"
)

// A decoder reads nodes into the types of the schema and reports all that does
// not fit, each with its line.
type decoder struct {
	r *report

	// part: what is read is a part of a cell, to which cases and sweeps may add,
	// so that keys may be missing, and has no defaults.
	part bool
	bad  []string // paths that did not decode
}

// longest is the longest duration that a scenario may give: sums of a few stay
// far inside a Time.
const longest = 24 * time.Hour

func (d *decoder) fail(n *node, path, format string, args ...any) {
	d.r.add(n.at, format, args...)
	d.bad = append(d.bad, path)
}

// good reports whether all of a path decoded.
func (d *decoder) good(path string) bool {
	for _, b := range d.bad {
		if b == path || strings.HasPrefix(b, path) && strings.ContainsAny(b[len(path):][:1], ".[") {
			return false
		}
	}
	return true
}

// section reads a table into a struct. section is its path without places in lists.
func (d *decoder) section(n *node, v reflect.Value, section, path string) {
	t, ok := n.value.(*table)
	if !ok {
		d.fail(n, path, "%s is no section; write [%s] and its keys below", n.what(), path)
		return
	}
	for _, name := range t.names {
		if _, ok := lookup(v.Type(), name); !ok {
			d.fail(t.of[name], join(path, name), "unknown key; %s", suggest(section, path, name))
		}
	}
	for _, f := range fields(v.Type()) {
		here, target := join(path, f.name), v.FieldByIndex(f.index)
		if child := t.get(f.name); child != nil {
			d.value(child, target, f, join(section, f.name), here)
			continue
		}
		own := v.Type() == documentType || v.Type() == entryType || v.Type() == statedType
		switch {
		case f.required && (own || !d.part):
			d.fail(&node{at: origin{n.at.file, n.at.line, here}}, here, "is missing; write %s", example(f))
		case d.part:
		case f.standard != "":
			if err := standard(f, target); err != nil {
				panic(fmt.Sprintf("experiments: default of %s: %v", here, err))
			}
		case isSection(f.typ):
			d.section(&node{at: origin{n.at.file, n.at.line, here}, value: newTable()}, target, join(section, f.name), here)
		}
	}
}

// value reads one key.
func (d *decoder) value(n *node, v reflect.Value, f field, section, path string) {
	switch {
	case v.Type() == nodeType:
		v.Set(reflect.ValueOf(n))
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, v.Elem(), f, section, path)
	case isText(v.Type()):
		d.text(n, v, f, path)
	case v.Kind() == reflect.Struct:
		d.section(n, v, section, path)
	case v.Kind() == reflect.Slice:
		list, ok := n.value.([]*node)
		if !ok && isList(v.Type()) {
			d.fail(n, path, "%s is no list of sections; write [[%s]] and its keys below", n.what(), path)
			return
		}
		if !ok {
			d.fail(n, path, "%s is no list; write %s", n.what(), example(f))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), len(list), len(list)))
		for i, c := range list {
			d.value(c, v.Index(i), f, section, element(path, i))
		}
	default:
		d.scalar(n, v, f, path)
	}
}

// text reads a value that is written in quotes.
func (d *decoder) text(n *node, v reflect.Value, f field, path string) {
	s, ok := n.value.(string)
	if !ok {
		switch n.value.(type) {
		case int64, float64:
			if v.Type() == reflect.TypeFor[run.Duration]() || v.Type() == reflect.TypeFor[random.Distribution]() {
				d.fail(n, path, "%s has no unit; write \"%ss\" or \"%sms\"", n.text(), n.text(), n.text())
				return
			}
		}
		d.fail(n, path, "%s does not fit here; write %s", n.what(), example(f))
		return
	}
	if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(s)); err != nil {
		text := err.Error()
		if v.Type() == reflect.TypeFor[fault.Kind]() || v.Type() == reflect.TypeFor[fault.Target]() {
			text += fmt.Sprintf("; the nearest is %s", nearest(s, choices(v.Type())))
		}
		d.fail(n, path, "%s", text)
		return
	}
	low, high := extent(v.Interface())
	if high > longest {
		d.fail(n, path, "%q is longer than a day; write less", s)
	}
	if least, err := time.ParseDuration(f.least); err == nil && low < least {
		d.fail(n, path, "%q is below %s; write more", s, f.least)
	}
}

// extent returns the least and the greatest duration that x names.
func extent(x any) (low, high time.Duration) {
	switch x := x.(type) {
	case run.Duration:
		return time.Duration(x), time.Duration(x)
	case run.Range:
		return time.Duration(x.Min), time.Duration(x.Max)
	case random.Distribution:
		return time.Duration(x.Least()), time.Duration(max(x.A, x.B))
	}
	return 0, 0
}

// choices lists what a kind of fault or a target may be.
func choices(t reflect.Type) (names []string) {
	if t == reflect.TypeFor[fault.Kind]() {
		for k := range fault.PlanKinds {
			names = append(names, k.String())
		}
		return names
	}
	for who := fault.Leader; who <= fault.Observer; who++ {
		names = append(names, fault.Target{Who: who}.String())
	}
	return append(names, fault.Target{Who: fault.Fixed, Node: 1}.String())
}

// scalar reads a number, a truth or a plain text.
func (d *decoder) scalar(n *node, v reflect.Value, f field, path string) {
	switch v.Kind() {
	case reflect.String:
		s, ok := n.value.(string)
		switch {
		case !ok:
			d.fail(n, path, "%s is no text; write %s", n.what(), example(f))
		case f.oneof != nil:
			for _, o := range f.oneof {
				if s == o {
					v.SetString(s)
					return
				}
			}
			d.fail(n, path, "%q is not known; write \"%s\"", s, strings.Join(f.oneof, `" or "`))
		case strings.TrimSpace(s) == "":
			d.fail(n, path, "is empty; write %s", example(f))
		default:
			v.SetString(s)
		}
	case reflect.Bool:
		b, ok := n.value.(bool)
		if !ok {
			d.fail(n, path, "%s is neither true nor false; write true or false", n.what())
		}
		v.SetBool(b)
	case reflect.Float64:
		x, ok := n.value.(float64)
		if i, whole := n.value.(int64); whole {
			x, ok = float64(i), true
		}
		switch {
		case !ok || math.IsNaN(x):
			d.fail(n, path, "%s is no number; write %s", n.what(), example(f))
		case f.unit == "probability" && (x < 0 || x > 1):
			d.fail(n, path, "%s is no probability; write a number from 0 to 1, for instance 0.05", n.text())
		default:
			v.SetFloat(x)
		}
	case reflect.Int, reflect.Uint16, reflect.Uint64:
		d.whole(n, v, f, path)
	default:
		panic(fmt.Sprintf("experiments: %s has type %v", path, v.Type()))
	}
}

func (d *decoder) whole(n *node, v reflect.Value, f field, path string) {
	i, ok := n.value.(int64)
	if !ok {
		d.fail(n, path, "%s is no whole number; write %s", n.what(), example(f))
		return
	}
	if v.Type() == reflect.TypeFor[protocols.NodeID]() {
		if i < 1 || i > math.MaxUint16 {
			d.fail(n, path, "%d is no server; servers are numbered from 1", i)
			return
		}
		v.SetUint(uint64(i))
		return
	}
	if least, err := strconv.ParseInt(f.least, 10, 64); err == nil && i < least || i < 0 {
		d.fail(n, path, "%d is too few; write a number from %d", i, max(least, 0))
		return
	}
	if most, err := strconv.ParseInt(f.most, 10, 64); err == nil && i > most {
		d.fail(n, path, "%d is too many; write a number up to %d", i, most)
		return
	}
	if v.Kind() == reflect.Int {
		v.SetInt(i)
	} else {
		v.SetUint(uint64(i))
	}
}

// standard sets v to the default of its key.
func standard(f field, v reflect.Value) error {
	switch {
	case isText(v.Type()):
		return v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(f.standard))
	case v.Kind() == reflect.String:
		v.SetString(f.standard)
	case v.Kind() == reflect.Int:
		i, err := strconv.Atoi(f.standard)
		v.SetInt(int64(i))
		return err
	default:
		return fmt.Errorf("no defaults for %v", v.Type())
	}
	return nil
}

// example says how a key is written.
func example(f field) string {
	t := f.typ
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	value := cmp.Or(f.example, f.standard)
	switch {
	case value != "" && (f.example != "" || t.Kind() == reflect.Int):
	case value != "":
		value = strconv.Quote(value)
	case f.oneof != nil:
		value = strconv.Quote(f.oneof[0])
	case t == reflect.TypeFor[run.Duration]():
		value = `"150ms"`
	case t == reflect.TypeFor[random.Distribution]():
		value = `"uniform(4ms, 6ms)"`
	case t == reflect.TypeFor[fault.Kind]():
		value = `"crash"`
	case t == reflect.TypeFor[fault.Target]():
		value = `"leader"`
	case f.unit == "probability":
		value = "0.05"
	case t.Kind() == reflect.Bool:
		value = "true"
	case t.Kind() == reflect.Slice:
		value = "[1]"
	default:
		value = "1"
	}
	return f.name + " = " + value
}
