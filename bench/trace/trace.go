// Package trace answers what happened in one run, event by event, for people and
// for programs: it keeps what a world tells, finds a window of it, and writes it
// as JSON lines, for Perfetto and for ShiViz.
//
// WriteJSON writes one JSON object a line. The first is the Header. Each further
// one is an Event, by order; Fields and Kinds say which fields it has and what they
// mean. Instants (_ms) are milliseconds since the run began, on the clock of the
// run, to the nanosecond. Nodes are numbered from 1. A position of the log is
// written as epoch.index.
package trace

import (
	"fmt"

	"raftzab/bench/fault"
	"raftzab/protocols"
)

type (
	Time   = protocols.Time
	NodeID = protocols.NodeID
)

// A Kind is a kind of event.
type Kind string

// The kinds of events in a trace.
const (
	Boot    Kind = "boot"
	Stop    Kind = "stop"
	Changed Kind = "state"
	Replica Kind = "event"
	Message Kind = "message"
	Broken  Kind = "broken"
	Disk    Kind = "disk"
	Fault   Kind = "fault"
	Request Kind = "request"
	Reply   Kind = "reply"
)

// What a world tells of a message after it was sent; Add enters it in the message.
const (
	Received Kind = "received"
	Lost     Kind = "lost" // Text says why
)

// An Event is one thing that happened; the package says which fields its kind has.
type Event struct {
	Order    int
	At       Time
	Kind     Kind
	Node     NodeID
	Peer     NodeID
	Client   uint32 // its session
	Type     string
	Epoch    uint64
	ID       string            // of a request: session.number
	Position protocols.EntryID // of the log
	State    *protocols.Status // Changed
	Fault    *fault.Fault      // Fault
	Text     string            //
	Quiet    bool              // not in a trace of text lines
	Message  uint32            // Message, Received, Lost: the world's own number of it, from 1
	Arrival  Time              // Message: when it was received or lost; 0: neither
	Arrived  int               // Message: its Order when it was received or lost
	Lost     string            // Message: why; empty: it is not
}

// String writes an event as a trace of text lines has it, without its instant.
func (e *Event) String() string {
	switch e.Kind {
	case Message, Received, Lost:
		return fmt.Sprintf("%d -> %d: %s", e.Node, e.Peer, e.Text)
	case Request:
		return fmt.Sprintf("client %d -> %d: %s", e.Client, e.Node, e.Text)
	case Reply:
		return fmt.Sprintf("%d -> client %d: %s", e.Node, e.Client, e.Text)
	case Fault:
		return "fault: " + e.Text
	}
	return fmt.Sprintf("%d: %s", e.Node, e.Text)
}

// A Header says what was run.
type Header struct {
	Name      string // for people
	System    string
	Protocol  string // raft or zab: what an epoch is called
	Seed      uint64
	Trial     int
	Probed    bool   // with probing clients
	Voters    int    // numbered from 1,
	Observers int    // and those without a vote behind them
	From, To  Time   // the trace has what happened between
	Marks     []Mark // of the election that was measured
}

// A Mark is an instant of an election.
type Mark struct {
	At   Time
	Name string // "begin": the fault, or the first instant where there is none; or the phase that ends here: "detect", "vote" or "activate", as in detect_ms
}

// A Trace is a run, or a window of one.
type Trace struct {
	Header
	Events []Event // by order

	order    int
	messages map[uint32]int // where in Events, by the world's number
}

// Add takes in what a world tells. What e refers to is kept.
func (t *Trace) Add(e *Event) {
	t.order++
	t.To = e.At
	switch e.Kind {
	case Received, Lost:
		if m := &t.Events[t.messages[e.Message]]; e.Kind == Received {
			m.Arrival, m.Arrived = e.At, t.order
		} else {
			m.Arrival, m.Arrived, m.Lost = e.At, t.order, e.Text
		}
		return
	case Message:
		if t.messages == nil {
			t.messages = map[uint32]int{}
		}
		t.messages[e.Message] = len(t.Events)
	}
	t.Events = append(t.Events, *e)
	t.Events[len(t.Events)-1].Order = t.order
}

// Epoch is what the protocol calls an epoch.
func (h *Header) Epoch() string {
	if h.Protocol == "raft" {
		return "term"
	}
	return "epoch"
}

// Nodes is how many there are.
func (h *Header) Nodes() int { return h.Voters + h.Observers }
