package experiments

import (
	"fmt"
	"reflect"
	"strings"

	"raftzab/bench/fault"
	"raftzab/bench/random"
	"raftzab/bench/run"
	"raftzab/protocols"
)

// Reference returns all keys of a scenario file as Markdown, from the schema.
func Reference() string {
	var b strings.Builder
	reference(&b, documentType, "At the top, above the first section", "")
	return b.String()
}

// reference writes a table for the keys of t, and then one for each section in it.
func reference(b *strings.Builder, t reflect.Type, title, doc string) {
	paragraph(b, title, doc)
	var inner []field
	head := "| key | value | default | meaning |\n|---|---|---|---|\n"
	for _, f := range fields(t) {
		if isSection(f.typ) || isList(f.typ) || f.typ == nodeType {
			inner = append(inner, f)
			continue
		}
		fmt.Fprintf(b, "%s| `%s` | %s | %s | %s |\n", head, f.name, shape(f), absent(f), f.doc)
		head = ""
	}
	b.WriteString("\n")
	for _, f := range inner {
		switch {
		case f.typ == nodeType && f.name == "case":
			paragraph(b, "`[[case]]`", f.doc)
		case f.typ == nodeType:
			paragraph(b, "`["+f.name+"]`", f.doc)
		case isList(f.typ):
			reference(b, f.typ.Elem(), "`[["+f.name+"]]`", f.doc)
		case strings.HasSuffix(f.doc, "alone"): // a product's section has the keys of its protocol's
			paragraph(b, "`["+f.name+"]`", f.doc)
		default:
			reference(b, f.typ, "`["+f.name+"]`", f.doc)
		}
	}
}

func paragraph(b *strings.Builder, title, doc string) {
	fmt.Fprintf(b, "### %s\n\n", title)
	if doc != "" {
		fmt.Fprintf(b, "%s.\n\n", strings.ToUpper(doc[:1])+doc[1:])
	}
}

// shape says what the value of a key looks like.
func shape(f field) string {
	t := f.typ
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t {
	case reflect.TypeFor[run.Duration]():
		return "duration"
	case reflect.TypeFor[run.Range]():
		return "range of durations"
	case reflect.TypeFor[random.Distribution]():
		return "distribution"
	case reflect.TypeFor[fault.Kind]():
		return "one of " + strings.Join(choices(t), ", ")
	case reflect.TypeFor[fault.Target]():
		return "target"
	case reflect.TypeFor[[]protocols.NodeID]():
		return "list of servers"
	case reflect.TypeFor[[][]protocols.NodeID]():
		return "list of lists of servers"
	case reflect.TypeFor[[]string]():
		return "list of names"
	}
	switch {
	case f.oneof != nil:
		return "`\"" + strings.Join(f.oneof, "\"` or `\"") + "\"`"
	case f.unit == "probability":
		return "number from 0 to 1"
	case t.Kind() == reflect.Float64:
		return "number"
	case t.Kind() == reflect.Bool:
		return "`true` or `false`"
	case t.Kind() == reflect.String:
		return "text"
	case f.most != "":
		return "whole number from " + f.least + " to " + f.most
	case f.least != "":
		return "whole number from " + f.least
	}
	return "whole number from 0"
}

func absent(f field) string {
	switch {
	case f.required:
		return "required"
	case f.standard != "":
		return "`" + strings.TrimPrefix(example(field{name: f.name, typ: f.typ, standard: f.standard}), f.name+" = ") + "`"
	case f.typ.Kind() == reflect.Float64:
		return "`0`"
	case f.typ.Kind() == reflect.Bool:
		return "`false`"
	}
	return ""
}
