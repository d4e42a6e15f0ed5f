package trace

import (
	"slices"

	"raftzab/bench/fault"
)

// A Span is something that lasts.
type Span struct {
	From, To Time
	Kind     Kind   // Boot: a life; Changed: a state, of a node that is up; Fault
	Node     NodeID // of a life and a state
	Event    int    // the index of the event that began it
}

// Spans are the lives and states of nodes, and the faults, in the order in which
// they began. What has no end lasts to that of the trace. A fault that is over at
// once (a restart, the end of another one) is none.
func (t *Trace) Spans() []Span {
	b := book{trace: t, life: make([]int, t.Nodes()+1), state: make([]int, t.Nodes()+1), cuts: map[int]map[[2]NodeID]bool{}}
	for i := range b.life {
		b.life[i], b.state[i] = -1, -1
	}
	for i := range t.Events {
		switch e := &t.Events[i]; e.Kind {
		case Boot:
			b.life[e.Node] = b.open(i, e.Node)
			b.endFaults(e, func(f *fault.Fault) bool {
				return (f.Kind == fault.Crash || f.Kind == fault.PowerOff || f.Kind == fault.Disk && f.Fail) && slices.Contains(f.Nodes, e.Node)
			})
		case Stop:
			b.close(&b.state[e.Node], e.At)
			b.close(&b.life[e.Node], e.At)
		case Changed:
			b.close(&b.state[e.Node], e.At)
			b.state[e.Node] = b.open(i, e.Node)
		case Fault:
			b.strike(i, e)
		}
	}
	return b.spans
}

// A book keeps the spans that are open.
type book struct {
	trace       *Trace
	spans       []Span
	life, state []int                      // by node: which span; -1: none
	faults      []int                      // spans of faults that stand
	cuts        map[int]map[[2]NodeID]bool // by such a span: the directions that are cut
}

func (b *book) open(event int, node NodeID) int {
	e := &b.trace.Events[event]
	b.spans = append(b.spans, Span{From: e.At, To: b.trace.To, Kind: e.Kind, Node: node, Event: event})
	return len(b.spans) - 1
}

func (b *book) close(span *int, at Time) {
	if *span >= 0 {
		b.spans[*span].To = at
	}
	*span = -1
}

// endFaults ends the standing faults that match.
func (b *book) endFaults(e *Event, over func(*fault.Fault) bool) {
	b.faults = slices.DeleteFunc(b.faults, func(s int) bool {
		if over(b.trace.Events[b.spans[s].Event].Fault) {
			b.spans[s].To = e.At
			return true
		}
		return false
	})
}

// strike takes in a fault: it may end others, and stand itself.
func (b *book) strike(i int, e *Event) {
	f := e.Fault
	sameNodes := func(x *fault.Fault) bool { return slices.Equal(x.Nodes, f.Nodes) }
	switch f.Kind {
	case fault.Restart, fault.Transfer:
		return // the boot ends what the restart ends
	case fault.Resume:
		b.endFaults(e, func(x *fault.Fault) bool {
			return x.Kind == fault.Pause && slices.ContainsFunc(x.Nodes, func(n NodeID) bool { return slices.Contains(f.Nodes, n) })
		})
		return
	case fault.Disk, fault.Clock:
		b.endFaults(e, func(x *fault.Fault) bool { return x.Kind == f.Kind && sameNodes(x) })
		if f.Back {
			return
		}
	case fault.Link:
		b.endFaults(e, func(x *fault.Fault) bool {
			return x.Kind == f.Kind && slices.Equal(x.From, f.From) && slices.Equal(x.To, f.To)
		})
		if f.Back {
			return
		}
	case fault.Partition: // it takes the place of every earlier cut
		b.endFaults(e, cutting)
	case fault.Heal:
		b.heal(e, f)
		return
	}
	s := b.open(i, 0)
	b.faults = append(b.faults, s)
	b.cuts[s] = b.directions(f)
}

func cutting(f *fault.Fault) bool {
	return f.Kind == fault.Partition || f.Kind == fault.Isolate || f.Kind == fault.Cut
}

// heal ends cuts: all, or those of which no direction is left.
func (b *book) heal(e *Event, f *fault.Fault) {
	if len(f.From) == 0 {
		b.endFaults(e, cutting)
		return
	}
	b.faults = slices.DeleteFunc(b.faults, func(s int) bool {
		cut := b.cuts[s]
		for _, x := range f.From {
			for _, y := range f.To {
				delete(cut, [2]NodeID{x, y})
			}
		}
		over := len(cut) == 0 && cutting(b.trace.Events[b.spans[s].Event].Fault)
		if over {
			b.spans[s].To = e.At
		}
		return over
	})
}

// directions are those that a fault cuts.
func (b *book) directions(f *fault.Fault) map[[2]NodeID]bool {
	cut := map[[2]NodeID]bool{}
	for x := NodeID(1); int(x) <= b.trace.Nodes(); x++ {
		for y := NodeID(1); int(y) <= b.trace.Nodes(); y++ {
			var is bool
			switch f.Kind {
			case fault.Partition:
				is = !slices.ContainsFunc(f.Groups, func(g []NodeID) bool { return slices.Contains(g, x) && slices.Contains(g, y) })
			case fault.Isolate:
				is = slices.Contains(f.Nodes, x) || slices.Contains(f.Nodes, y)
			case fault.Cut:
				is = slices.Contains(f.From, x) && slices.Contains(f.To, y)
			}
			if is && x != y {
				cut[[2]NodeID{x, y}] = true
			}
		}
	}
	return cut
}
