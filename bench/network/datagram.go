package network

import "fmt"

// A Channel is what nodes speak over.
type Channel uint8

const (
	Stream   Channel = iota // TCP: in order, nothing lost while both ends live
	Datagram                // UDP: each message on its own
)

var channels = [...]string{"stream", "datagram"}

func (c Channel) String() string { return channels[c] }

// MarshalText is String.
func (c Channel) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads what String writes.
func (c *Channel) UnmarshalText(text []byte) error {
	for i, name := range channels {
		if name == string(text) {
			*c = Channel(i)
			return nil
		}
	}
	return fmt.Errorf("%q is no channel; there are stream, datagram", text)
}

// Channel returns what nodes speak over: Send is for streams, Cast for datagrams.
func (n *Network) Channel() Channel { return n.cfg.Channel }

// Arrivals are when a datagram is there, with its copy: none, once or twice.
type Arrivals struct {
	At    [2]Time
	Count int
}

// Cast returns when a datagram sent now arrives.
func (n *Network) Cast(now Time, from, to NodeID) (a Arrivals) {
	l := n.link(from, to)
	if l.cut || l.q.Loss > 0 && l.rng.Float64() < l.q.Loss {
		return a
	}
	a.At[0], a.Count = now+l.flight(), 1
	if l.q.Duplicate > 0 && l.rng.Float64() < l.q.Duplicate {
		a.At[1], a.Count = now+l.flight(), 2
	}
	return a
}

// flight draws how long one datagram is on its way.
func (l *link) flight() Time {
	t := l.q.Delay.Draw(l.rng)
	if l.q.Reorder > 0 && l.rng.Float64() < l.q.Reorder {
		for range 1 + l.rng.IntN(5) {
			t += l.q.Delay.Draw(l.rng)
		}
	}
	return t
}
