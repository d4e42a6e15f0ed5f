package trace

import (
	"encoding/json"
	"io"
	"strconv"

	"raftzab/protocols"
)

// Version is that of the JSON schema.
const Version = 1

// A header is the first line of a trace in JSON.
type header struct {
	Kind      string   `json:"kind"` // header
	Version   int      `json:"version"`
	Name      string   `json:"name"`
	System    string   `json:"system"`
	Protocol  string   `json:"protocol"`
	Seed      uint64   `json:"seed"`
	Trial     int      `json:"trial"`
	Probed    bool     `json:"probed"`
	Voters    int      `json:"voters"`
	Observers int      `json:"observers"`
	From      instant  `json:"from_ms"`
	To        instant  `json:"to_ms"`
	Marks     []marked `json:"marks"`
}

type marked struct {
	At   instant `json:"at_ms"`
	Name string  `json:"name"`
}

// A record is each further line; Fields says what it holds.
type record struct {
	Order    int      `json:"order"`
	At       instant  `json:"at_ms"`
	Kind     Kind     `json:"kind"`
	Node     NodeID   `json:"node,omitempty"`
	Peer     NodeID   `json:"peer,omitempty"`
	Client   uint32   `json:"client,omitempty"`
	Type     string   `json:"type,omitempty"`
	Epoch    uint64   `json:"epoch,omitempty"`
	ID       string   `json:"id,omitempty"`
	Position position `json:"position,omitzero"`
	State    *state   `json:"state,omitempty"`
	Text     string   `json:"text,omitempty"`
	Received instant  `json:"received_ms,omitempty"`
	Gone     instant  `json:"lost_ms,omitempty"`
	Lost     string   `json:"lost,omitempty"`
	Arrived  int      `json:"arrived_order,omitempty"`
}

type state struct {
	Role      string   `json:"role"`
	Active    bool     `json:"active"`
	Leader    NodeID   `json:"leader"`
	Epoch     uint64   `json:"epoch"`
	Last      position `json:"last"`
	Committed position `json:"committed"`
}

// An instant is written in milliseconds.
type instant Time

func (t instant) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(t)/1e6, 'f', -1, 64), nil
}

type position protocols.EntryID

func (p position) MarshalJSON() ([]byte, error) {
	return json.Marshal(protocols.EntryID(p).String())
}

// WriteJSON writes a trace as JSON lines, as the package says.
func WriteJSON(w io.Writer, t *Trace) error {
	e := json.NewEncoder(w)
	if err := e.Encode(t.Header); err != nil {
		return err
	}
	for i := range t.Events {
		if err := e.Encode(&t.Events[i]); err != nil {
			return err
		}
	}
	return nil
}

// MarshalJSON writes the first line of WriteJSON.
func (h Header) MarshalJSON() ([]byte, error) {
	marks := []marked{}
	for _, m := range h.Marks {
		marks = append(marks, marked{instant(m.At), m.Name})
	}
	return json.Marshal(header{Kind: "header", Version: Version, Name: h.Name, System: h.System, Protocol: h.Protocol, Seed: h.Seed, Trial: h.Trial,
		Probed: h.Probed, Voters: h.Voters, Observers: h.Observers, From: instant(h.From), To: instant(h.To), Marks: marks})
}

// MarshalJSON writes one of its further lines.
func (e *Event) MarshalJSON() ([]byte, error) {
	r := record{Order: e.Order, At: instant(e.At), Kind: e.Kind, Node: e.Node, Peer: e.Peer, Client: e.Client, Type: e.Type, Epoch: e.Epoch,
		ID: e.ID, Position: position(e.Position), Text: e.Text, Arrived: e.Arrived, Lost: e.Lost}
	if r.Received = instant(e.Arrival); e.Lost != "" {
		r.Received, r.Gone = 0, instant(e.Arrival)
	}
	if s := e.State; s != nil {
		r.State = &state{s.Role.String(), s.Active, s.Leader, s.Epoch, position(s.Last), position(s.Committed)}
	}
	return json.Marshal(r)
}
