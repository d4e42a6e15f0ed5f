package raft

import (
	"errors"
	"fmt"
	"slices"

	"raftzab/protocols"
)

const millisecond protocols.Time = 1_000_000

// A Timeout is a range from which a timeout is drawn anew each time, uniformly
// on [Min, Max). With Max equal to Min it is always Min: the paper's curve
// without randomness (figure 16).
type Timeout struct{ Min, Max protocols.Time }

// A Config is what one server must know. Voters is kept, not copied: it is the
// same, and stays the same, for all servers.
type Config struct {
	ID     protocols.NodeID
	Voters []protocols.NodeID // ID among them

	// ElectionTimeout is how long a follower waits for a leader, and a candidate
	// for votes, before it stands (§5.2).
	ElectionTimeout Timeout

	// Heartbeat is the time between two heartbeats of a leader. The paper has
	// half the least election timeout (§9.3).
	Heartbeat protocols.Time
}

// Default returns the paper's choice, an election timeout of 150 to 300 ms
// (§9.3), for an ensemble that is still to be named.
func Default() Config {
	return Config{
		ElectionTimeout: Timeout{Min: 150 * millisecond, Max: 300 * millisecond},
		Heartbeat:       75 * millisecond,
	}
}

// Validate names everything that keeps c from working.
func (c Config) Validate() error {
	var problems []error
	wrong := func(format string, args ...any) { problems = append(problems, fmt.Errorf("raft: "+format, args...)) }
	if !slices.Contains(c.Voters, c.ID) {
		wrong("server %d is not among the voters %v", c.ID, c.Voters)
	}
	for i, v := range c.Voters {
		if v == protocols.None {
			wrong("voter %d is number 0; servers count from 1", i)
		}
		if slices.Contains(c.Voters[:i], v) {
			wrong("server %d is twice among the voters", v)
		}
	}
	if t := c.ElectionTimeout; t.Min <= 0 || t.Max < t.Min {
		wrong("election timeout from %d to %d ns; it must be positive, and the right way round", t.Min, t.Max)
	}
	if c.Heartbeat <= 0 || c.Heartbeat >= c.ElectionTimeout.Min {
		wrong("a heartbeat every %d ns; it must be positive, and less than the least election timeout of %d ns, or a healthy leader is deposed", c.Heartbeat, c.ElectionTimeout.Min)
	}
	return errors.Join(problems...)
}
