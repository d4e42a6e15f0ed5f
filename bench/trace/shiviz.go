package trace

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"raftzab/protocols"
)

// shivizPattern is how ShiViz reads the log: its first line.
const shivizPattern = `(?<at>\d+\.\d+) (?<event>.*)\n(?<host>\S+) (?<clock>\{.*\})`

// WriteShiViz writes a trace with vector clocks, as ShiViz
// (https://bestchai.bitbucket.io/shiviz) reads it from a file: the pattern, an
// empty line, since there is one execution, and two lines an event, whose instant
// is in milliseconds. Hosts are node1, node2, …; faults that are none of one node
// are events of a host of their own. A message that is lost is an event of its sender alone.
func WriteShiViz(w io.Writer, t *Trace) error {
	v := &vectors{out: w, clocks: make([][]int, t.Nodes()+1), sent: map[int][]int{}}
	for i := range v.clocks {
		v.clocks[i] = make([]int, t.Nodes()+1)
	}
	v.print(shivizPattern + "\n\n")
	for _, s := range t.steps() {
		e := &t.Events[s.event]
		switch {
		case s.receipt && e.At < t.From: // its sending is not in the window
			v.event(e.Peer, s.at, fmt.Sprintf("receives from %d: %s", e.Node, e.Text))
		case s.receipt:
			v.merge(e.Peer, v.sent[e.Order])
			v.event(e.Peer, s.at, fmt.Sprintf("receives from %d: %s", e.Node, e.Text))
		case s.at < t.From: // what stands at the beginning
		case e.Kind == Message:
			v.event(e.Node, s.at, fmt.Sprintf("sends to %d: %s", e.Peer, e.Text)+lostNote(e))
			v.sent[e.Order] = slices.Clone(v.clocks[e.Node])
		case e.Kind == Fault && e.Fault != nil && len(e.Fault.Nodes) > 0:
			for _, n := range e.Fault.Nodes {
				v.event(n, s.at, e.String())
			}
		case e.Kind == Fault:
			v.event(0, s.at, e.String())
		case e.Kind == Changed:
			v.event(e.Node, s.at, fmt.Sprintf("is %s of %s %d, leader %d", e.State.Role, t.Epoch(), e.State.Epoch, e.State.Leader))
		case e.Kind == Request:
			v.event(e.Node, s.at, fmt.Sprintf("receives from client %d: %s", e.Client, e.Text))
		case e.Kind == Reply, e.Type == protocols.RoleChanged.String(): // it reaches the client, who is no host; it is told by the state
		default:
			v.event(e.Node, s.at, e.Text)
		}
	}
	return v.err
}

func lostNote(e *Event) string {
	if e.Lost == "" {
		return ""
	}
	return " (lost: " + e.Lost + ")"
}

// A step is an event, or the receipt of the message that it is.
type step struct {
	order, event int
	at           Time
	receipt      bool
}

// steps are all steps in their order.
func (t *Trace) steps() (all []step) {
	for i := range t.Events {
		e := &t.Events[i]
		all = append(all, step{e.Order, i, e.At, false})
		if e.Kind == Message && e.Arrived != 0 && e.Lost == "" && e.Arrival <= t.To {
			all = append(all, step{e.Arrived, i, e.Arrival, true})
		}
	}
	slices.SortFunc(all, func(a, b step) int { return cmp.Compare(a.order, b.order) })
	return all
}

// vectors are the clocks of all hosts; that of faults is the first.
type vectors struct {
	out    io.Writer
	clocks [][]int
	sent   map[int][]int // by a message's order: its sender's clock
	err    error
}

func (v *vectors) print(text string) {
	if v.err == nil {
		_, v.err = io.WriteString(v.out, text)
	}
}

// merge takes in what a message knows.
func (v *vectors) merge(node NodeID, clock []int) {
	mine := v.clocks[node]
	for i := range clock {
		mine[i] = max(mine[i], clock[i])
	}
}

func (v *vectors) event(node NodeID, at Time, text string) {
	v.clocks[node][node]++
	var b strings.Builder
	fmt.Fprintf(&b, "%.6f %s\n%s {", float64(at)/1e6, text, host(node))
	lead := ""
	for i, n := range v.clocks[node] {
		if n > 0 {
			fmt.Fprintf(&b, "%s%q:%d", lead, host(NodeID(i)), n)
			lead = ", "
		}
	}
	b.WriteString("}\n")
	v.print(b.String())
}

func host(n NodeID) string {
	if n == 0 {
		return "faults"
	}
	return fmt.Sprintf("node%d", n)
}
