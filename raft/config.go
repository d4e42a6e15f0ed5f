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

// A Config is what one server must know. Voters and Learners are kept, not
// copied: they are the same, and stay the same, for all servers.
type Config struct {
	ID     protocols.NodeID
	Voters []protocols.NodeID

	// Learners receive the log and count for nothing: they neither vote, nor
	// stand, nor make a majority (dissertation 4.2.1). ID is among them or the
	// voters.
	Learners []protocols.NodeID

	// ElectionTimeout is how long a follower waits for a leader, and a candidate
	// for votes, before it stands (§5.2).
	ElectionTimeout Timeout

	// CandidateTimeout, where it is not zero, is how long a candidate waits for
	// votes (H. Howard et al., "Raft Refloated", 2015, section 4.1).
	CandidateTimeout Timeout

	// Heartbeat is the time between two heartbeats of a leader. The paper has
	// half the least election timeout (§9.3).
	Heartbeat protocols.Time

	// PreVote makes a server ask, before it raises its term, whether it would get
	// the votes (dissertation 9.6).
	PreVote bool

	// CheckQuorum makes a leader step down that has not heard from a majority for
	// ElectionTimeout.Max (dissertation 6.2), and a server ignore requests for
	// votes until ElectionTimeout.Min after it has heard from a leader, or has
	// started (4.2.3). Leases rest on the second.
	CheckQuorum bool

	// ClockDrift is how much faster or slower than true time any server's clock
	// may run, as a share: the bound that a lease needs (dissertation 6.4.1).
	// ReadLease wants it, and CheckQuorum; without both it is a ReadIndex. A lease
	// that is shorter than Heartbeat is over before the next round renews it.
	ClockDrift float64

	CommitNotice CommitNotice
	Backtrack    Backtrack

	Window     int    // AppendEntries with entries under way to one server at a time, at most
	MaxEntries int    // in one AppendEntries
	ChunkSize  uint64 // bytes of a snapshot in one InstallSnapshot, at most
	Trailing   uint64 // entries below a snapshot that the log keeps, for followers a little behind
}

// A CommitNotice says when followers hear that an entry is committed.
type CommitNotice uint8

const (
	NoticeByHeartbeat CommitNotice = iota // with the next AppendEntries, whatever sends it (§5.3)
	NoticeEager                           // at once, with an AppendEntries of its own
)

// A Backtrack says how a leader finds the place where a log agrees with its own.
type Backtrack uint8

const (
	BacktrackTerm Backtrack = iota // a term at a time, as the end of §5.3 suggests
	BacktrackOne                   // one entry at a time, as §5.3 tells it first
)

// Default returns the paper's choice, an election timeout of 150 to 300 ms
// (§9.3), for an ensemble that is still to be named.
func Default() Config {
	return Config{
		ElectionTimeout: Timeout{Min: 150 * millisecond, Max: 300 * millisecond},
		Heartbeat:       75 * millisecond,
		Window:          64,
		MaxEntries:      1024,
		ChunkSize:       1 << 16,
		Trailing:        1024,
	}
}

// member returns the i-th member: voters come first.
func (c *Config) member(i int) protocols.NodeID {
	if i < len(c.Voters) {
		return c.Voters[i]
	}
	return c.Learners[i-len(c.Voters)]
}

// Validate names everything that keeps c from working.
func (c Config) Validate() error {
	var problems []error
	wrong := func(format string, args ...any) { problems = append(problems, fmt.Errorf("raft: "+format, args...)) }
	if !slices.Contains(c.Voters, c.ID) && !slices.Contains(c.Learners, c.ID) {
		wrong("server %d is not among the voters %v and the learners %v", c.ID, c.Voters, c.Learners)
	}
	if len(c.Voters) == 0 {
		wrong("there are no voters")
	}
	for i := range len(c.Voters) + len(c.Learners) {
		if c.member(i) == protocols.None {
			wrong("member %d is number 0; servers count from 1", i)
		}
		for k := range i {
			if c.member(i) == c.member(k) {
				wrong("server %d is twice among the members", c.member(i))
			}
		}
	}
	if t := c.ElectionTimeout; t.Min <= 0 || t.Max < t.Min {
		wrong("election timeout from %d to %d ns; it must be positive, and the right way round", t.Min, t.Max)
	}
	if t := c.CandidateTimeout; t != (Timeout{}) && (t.Min <= 0 || t.Max < t.Min) {
		wrong("candidate timeout from %d to %d ns; it must be positive, and the right way round, or zero", t.Min, t.Max)
	}
	if c.Heartbeat <= 0 || c.Heartbeat >= c.ElectionTimeout.Min {
		wrong("a heartbeat every %d ns; it must be positive, and less than the least election timeout of %d ns, or a healthy leader is deposed", c.Heartbeat, c.ElectionTimeout.Min)
	}
	if c.ClockDrift < 0 || c.ClockDrift >= 1 {
		wrong("clocks that drift by up to %g; it must be a share from 0 to 1", c.ClockDrift)
	}
	if c.Window < 1 || c.MaxEntries < 1 || c.ChunkSize < 1 {
		wrong("a window of %d messages, of %d entries at most, and chunks of %d bytes; each must be at least 1", c.Window, c.MaxEntries, c.ChunkSize)
	}
	return errors.Join(problems...)
}
