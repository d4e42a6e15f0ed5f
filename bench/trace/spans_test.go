package trace

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"raftzab/bench/fault"
	"raftzab/protocols"
)

// told is a trace of five nodes, of events whose instants are their places.
func told(events ...Event) *Trace {
	t := &Trace{Header: Header{Voters: 5, Protocol: "raft"}}
	for i := range events {
		events[i].At = Time(i)
		t.Add(&events[i])
	}
	return t
}

func struck(f fault.Fault) Event { return Event{Kind: Fault, Fault: &f, Text: f.String()} }

// spelt lists spans as what, from-to.
func spelt(t *Trace) string {
	var all []string
	for _, s := range t.Spans() {
		e := &t.Events[s.Event]
		what := string(s.Kind)
		switch {
		case s.Kind == Fault:
			what = e.Text
		case e.State != nil:
			what = e.State.Role.String()
		}
		all = append(all, fmt.Sprintf("%s %d-%d", what, s.From, s.To))
	}
	return strings.Join(all, "; ")
}

func TestSpansEndWhereWhatTheyStandForEnds(t *testing.T) {
	nodes := func(ids ...NodeID) []NodeID { return ids }
	boot, stop, quiet := Event{Kind: Boot, Node: 3}, Event{Kind: Stop, Node: 3}, Event{Kind: Replica, Node: 1}
	leads := Event{Kind: Changed, Node: 3, State: &protocols.Status{Role: protocols.Leader}}
	follows := Event{Kind: Changed, Node: 3, State: &protocols.Status{Role: protocols.Follower}}
	for _, c := range []struct {
		name   string
		events []Event
		want   string
	}{
		{"a life and its states", []Event{boot, follows, leads, stop, boot}, "boot 0-3; follower 1-2; leader 2-3; boot 4-4"},
		{"a crash, until the node is back", []Event{struck(fault.Fault{Kind: fault.Crash, Nodes: nodes(3)}), quiet, struck(fault.Fault{Kind: fault.Restart, Nodes: nodes(3)}), boot, quiet},
			"crash [3] 0-3; boot 3-4"},
		{"a pause", []Event{struck(fault.Fault{Kind: fault.Pause, Nodes: nodes(3)}), struck(fault.Fault{Kind: fault.Resume, Nodes: nodes(3)}), quiet}, "pause [3] 0-1"},
		{"a partition in the place of a cut", []Event{struck(fault.Fault{Kind: fault.Cut, From: nodes(1), To: nodes(2)}), struck(fault.Fault{Kind: fault.Partition, Groups: [][]NodeID{{1, 2}, {3, 4, 5}}}), quiet,
			struck(fault.Fault{Kind: fault.Heal}), quiet}, "cut [1]->[2] 0-1; partition [[1 2] [3 4 5]] 1-3"},
		{"an isolation that is healed one way at a time", []Event{struck(fault.Fault{Kind: fault.Isolate, Nodes: nodes(3)}), struck(fault.Fault{Kind: fault.Heal, From: nodes(3), To: nodes(1, 2, 4, 5)}), quiet,
			struck(fault.Fault{Kind: fault.Heal, From: nodes(1, 2, 4, 5), To: nodes(3)}), quiet}, "isolate [3] 0-3"},
		{"what nothing ends", []Event{struck(fault.Fault{Kind: fault.PowerOff, Nodes: nodes(3)}), struck(fault.Fault{Kind: fault.Heal}), quiet}, "power-off [3] 0-2"},
		{"a clock that is set back to its pace", []Event{struck(fault.Fault{Kind: fault.Clock, Nodes: nodes(3), Drift: .1}), quiet, struck(fault.Fault{Kind: fault.Clock, Nodes: nodes(3), Back: true}), quiet},
			"clock [3] skew 0s drift 0.1 0-2"},
	} {
		if got := spelt(told(c.events...)); got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}

func TestAWindowBeginsWithWhatStands(t *testing.T) {
	message := func(number uint32, kind Kind) Event { return Event{Kind: kind, Node: 1, Peer: 3, Message: number} }
	all := told(
		Event{Kind: Boot, Node: 3}, Event{Kind: Changed, Node: 3, State: &protocols.Status{Role: protocols.Candidate}}, // 0, 1
		Event{Kind: Changed, Node: 3, State: &protocols.Status{Role: protocols.Leader}}, // 2
		struck(fault.Fault{Kind: fault.Isolate, Nodes: []NodeID{2}}),                    // 3
		message(1, Message), message(2, Message), message(1, Received), // 4, 5, 6
		Event{Kind: Replica, Node: 3, Text: "in"}, message(3, Message), message(2, Lost), // 7, 8, 9
		Event{Kind: Replica, Node: 3, Text: "out"}) // 10
	got := all.Cut(7, 9)
	var orders []int
	for i := range got.Events {
		orders = append(orders, got.Events[i].Order)
	}
	// Its life, that it leads, the fault; the messages that were under way; what happened.
	if want := []int{1, 3, 4, 6, 8, 9}; !slices.Equal(orders, want) || got.From != 7 || got.To != 9 {
		t.Errorf("events %v from %d to %d; want %v", orders, got.From, got.To, want)
	}
	if len(all.Events) != 9 {
		t.Errorf("the trace itself has %d events left", len(all.Events))
	}
}

func TestElectionsAreCutToOneWindow(t *testing.T) {
	with := func(begin, active Time) *Trace {
		return &Trace{Header: Header{To: 1000, Marks: []Mark{{begin, "begin"}, {begin + 1, "detect"}, {active, "activate"}}}}
	}
	cut := CutElections(10, 20, with(100, 150), with(90, 120), &Trace{Header: Header{To: 1000}})
	for i, x := range cut {
		if x.From != 80 || x.To != 170 {
			t.Errorf("the trace %d is from %d to %d", i, x.From, x.To)
		}
	}
	if whole := CutElections(10, 20, &Trace{Header: Header{To: 1000}})[0]; whole.To != 1000 {
		t.Errorf("without an election it ends at %d", whole.To)
	}
}
