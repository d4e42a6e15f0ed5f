// Package spacetime draws what happened in runs as space-time diagrams that can be
// walked through: time goes to the right, each node is a line, each message an
// arrow from where and when it was sent to where and when it was received.
//
// A diagram is HTML with everything in it, and asks no other host for anything.
// The traces of one diagram, Raft and Zab on one seed for instance, lie one below
// the other on one axis of time, and move together. Roles, message types and faults
// differ by shape and dash as well as by colour, so a grey print can be read.
package spacetime

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"

	"raftzab/bench/trace"
)

//go:embed spacetime.css
var style string

//go:embed model.js
var model string

//go:embed draw.js
var draw string

//go:embed control.js
var control string

// A panel is one trace as the script reads it.
type panel struct {
	Title  string        `json:"title"`
	Epoch  string        `json:"epoch"` // term, or epoch
	Header trace.Header  `json:"header"`
	Events []trace.Event `json:"events"`
	Spans  []span        `json:"spans"`
}

// A span is a trace.Span; instants in milliseconds.
type span struct {
	From  float64        `json:"from_ms"`
	To    float64        `json:"to_ms"`
	Kind  trace.Kind     `json:"kind"`
	Node  trace.NodeID   `json:"node"`
	Nodes []trace.NodeID `json:"nodes"` // of a fault: those that it stops
	Event int            `json:"event"` // index in Events
}

var fragment = template.Must(template.New("").Parse(`<section class="spacetime" tabindex="0" aria-label="Space-time diagram of {{.Titles}}">
<style>{{.Style}}</style>
<noscript>This diagram needs JavaScript.</noscript>
<script type="application/json">{{.Data}}</script>
<script>{{.Script}}</script>
</section>
`))

// Fragment writes one diagram, a section of a page, of traces under these titles,
// one each. It may be used several times in a page. Whole runs make large pages:
// see trace.Trace.Cut.
func Fragment(w io.Writer, titles []string, traces []*trace.Trace) error {
	if len(titles) != len(traces) || len(traces) == 0 {
		return fmt.Errorf("spacetime: %d titles for %d traces; give one each", len(titles), len(traces))
	}
	panels := []panel{}
	names := ""
	for i, t := range traces {
		p := panel{Title: titles[i], Epoch: t.Epoch(), Header: t.Header, Events: t.Events, Spans: []span{}}
		for _, s := range t.Spans() {
			x := span{From: float64(s.From) / 1e6, To: float64(s.To) / 1e6, Kind: s.Kind, Node: s.Node, Event: s.Event}
			if f := t.Events[s.Event].Fault; f != nil {
				x.Nodes = f.Nodes
			}
			p.Spans = append(p.Spans, x)
		}
		panels = append(panels, p)
		if i > 0 {
			names += " and "
		}
		names += titles[i]
	}
	data, err := json.Marshal(panels) // it writes < and > as \u003c and \u003e, so no tag can end it
	if err != nil {
		return err
	}
	return fragment.Execute(w, map[string]any{"Titles": names, "Style": template.CSS(style), "Data": template.JS(data),
		"Script": template.JS("(() => {\n\"use strict\";\n" + model + draw + control + "})();")})
}

var page = template.Must(template.New("").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.}}</title>
<style>body { margin: 1rem auto; padding: 0 1rem; max-width: 110rem; font-family: system-ui, sans-serif; color: #1a1a1a; background: #fff } h1 { font-size: 1.25rem }</style>
<h1>{{.}}</h1>
`))

// Page writes a page that holds one diagram.
func Page(w io.Writer, title string, titles []string, traces []*trace.Trace) error {
	if err := page.Execute(w, title); err != nil {
		return err
	}
	return Fragment(w, titles, traces)
}
