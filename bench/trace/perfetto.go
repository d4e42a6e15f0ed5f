package trace

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
)

// A slice, an instant or an arrow of Chrome's trace-event format, which Perfetto
// opens. Times are in microseconds.
type chrome struct {
	Phase    string         `json:"ph"`
	Process  int            `json:"pid"`
	Track    int            `json:"tid"`
	Name     string         `json:"name"`
	Category string         `json:"cat,omitempty"`
	At       micros         `json:"ts"`
	Duration micros         `json:"dur,omitempty"`
	ID       string         `json:"id,omitempty"`
	Binding  string         `json:"bp,omitempty"` // e: an arrow ends at the slice that encloses it
	Scope    string         `json:"s,omitempty"`
	Args     map[string]any `json:"args,omitempty"`
}

type micros Time

func (t micros) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(t)/1e3, 'f', -1, 64), nil
}

// moment is how long a slice lasts that stands for an instant: an arrow needs one
// to begin and to end at, and two instants are never closer.
const moment = micros(1)

// WritePerfetto writes traces in Chrome's trace-event format, for
// ui.perfetto.dev. Each trace is a process. It has a track of faults, and of each
// node one with its roles, and under these its life, and one with what it sends,
// receives and says; messages are arrows between the latter.
func WritePerfetto(w io.Writer, traces ...*Trace) error {
	if _, err := io.WriteString(w, `{"displayTimeUnit":"ms","traceEvents":[`); err != nil {
		return err
	}
	p := &perfetto{out: w}
	for i, t := range traces {
		p.process, p.trace = i+1, t
		p.all()
	}
	if p.err != nil {
		return p.err
	}
	_, err := io.WriteString(w, "\n]}\n")
	return err
}

type perfetto struct {
	out     io.Writer
	trace   *Trace
	process int
	begun   bool
	err     error
}

// The tracks of a trace: faults and the phases of an election, and two of each node.
func roles(n NodeID) int { return 2 * int(n) }
func says(n NodeID) int  { return 2*int(n) + 1 }

func (p *perfetto) all() {
	t := p.trace
	p.name("process_name", 0, t.Name)
	p.name("thread_name", 0, "faults")
	p.name("thread_name", 1, "election")
	for n := NodeID(1); int(n) <= t.Nodes(); n++ {
		p.name("thread_name", roles(n), fmt.Sprintf("node %d", n))
		p.name("thread_name", says(n), fmt.Sprintf("node %d: messages", n))
	}
	for i := range t.Marks[min(1, len(t.Marks)):] {
		a, b := t.Marks[i], t.Marks[i+1]
		if b.At > t.From && a.At < t.To {
			p.write(chrome{Phase: "X", Track: 1, Name: b.Name, At: micros(a.At), Duration: micros(b.At - a.At)})
		}
	}
	for _, s := range t.Spans() {
		p.span(s)
	}
	for i := range t.Events {
		p.event(&t.Events[i])
	}
}

func (p *perfetto) write(c chrome) {
	c.Process = p.process
	text, err := json.Marshal(c)
	if p.err != nil || err != nil {
		p.err = firstError(p.err, err)
		return
	}
	lead := "\n"
	if p.begun {
		lead = ",\n"
	}
	p.begun = true
	_, p.err = p.out.Write(append([]byte(lead), text...))
}

func firstError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

func (p *perfetto) name(what string, track int, name string) {
	p.write(chrome{Phase: "M", Track: track, Name: what, Args: map[string]any{"name": name}})
	if what == "thread_name" {
		p.write(chrome{Phase: "M", Track: track, Name: "thread_sort_index", Args: map[string]any{"sort_index": track}})
	}
}

func (p *perfetto) span(s Span) {
	e := &p.trace.Events[s.Event]
	c := chrome{Phase: "X", At: micros(s.From), Duration: micros(s.To - s.From)}
	switch s.Kind {
	case Boot:
		return // the states of a node say that it is up
	case Changed:
		c.Track, c.Category = roles(s.Node), "role"
		c.Name = fmt.Sprintf("%s, %s %d", e.State.Role, p.trace.Epoch(), e.State.Epoch)
		c.Args = map[string]any{"active": e.State.Active, "leader": e.State.Leader, "last": e.State.Last.String(), "committed": e.State.Committed.String()}
	case Fault: // several may stand at a time, and need not be nested
		c.Category, c.Name, c.ID = "fault", e.Text, strconv.Itoa(e.Order)
		end := c
		c.Phase, end.Phase, end.At = "b", "e", micros(s.To)
		c.Duration, end.Duration = 0, 0
		p.write(c)
		p.write(end)
		return
	}
	p.write(c)
}

// event writes what takes no time. Perfetto binds an arrow to the slice that was
// written before it.
func (p *perfetto) event(e *Event) {
	if e.At < p.trace.From && e.Kind != Message {
		return // it stands for what lasts, which span has written
	}
	c := chrome{Phase: "X", Track: says(e.Node), At: micros(e.At), Duration: moment, Category: string(e.Kind), Name: e.Type, Args: map[string]any{"text": e.Text}}
	switch e.Kind {
	case Message:
		c.Name = "send " + e.Type
		c.Args["to"] = e.Peer
		if e.Lost != "" {
			c.Name, c.Args["lost"] = "send "+e.Type+" (lost)", e.Lost
		}
		p.write(c)
		if e.Lost != "" || e.Arrived == 0 {
			return
		}
		arrow := chrome{Phase: "s", Track: c.Track, Name: e.Type, Category: "message", At: c.At, ID: strconv.Itoa(e.Order)}
		p.write(arrow)
		c.Name, c.Track, c.At, c.Args = "receive "+e.Type, says(e.Peer), micros(e.Arrival), map[string]any{"text": e.Text, "from": e.Node}
		p.write(c)
		arrow.Phase, arrow.Track, arrow.At, arrow.Binding = "f", c.Track, c.At, "e"
		p.write(arrow)
		return
	case Fault:
		c.Phase, c.Duration, c.Track, c.Name, c.Scope = "i", 0, 0, e.Text, "p"
	case Replica:
		c.Phase, c.Duration, c.Scope = "i", 0, "t"
	case Changed:
		return
	default:
		c.Phase, c.Duration, c.Scope, c.Name = "i", 0, "t", string(e.Kind)
	}
	p.write(c)
}
