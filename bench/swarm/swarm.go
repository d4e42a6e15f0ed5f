// Package swarm looks for the run that breaks a protocol. One seed makes one
// run: an ensemble with sizes, delays and timeouts of its own, clients that
// write, and faults of every kind, one on the heels of the other. First comes
// safety: every invariant of package check, all the time. Then everything is
// mended, and the ensemble must make progress. What a seed makes can be written
// down as a Story, and the story of a run that broke something can be shrunk to
// what is needed to break it.
package swarm

import (
	"fmt"

	"raftzab/bench/check"
	"raftzab/bench/fault"
	"raftzab/bench/trace"
	"raftzab/protocols"
)

type (
	Time   = protocols.Time
	NodeID = protocols.NodeID
)

const (
	ms     = Time(1_000_000)
	second = 1000 * ms

	// patience is how long after healing a fresh write may take to come through
	// at every node; three times as long where a round trip brings a log one entry
	// nearer (draw).
	patience = 10 * second

	never = Time(1<<63 - 1)
)

// A Report tells what one run caused and how it ended.
type Report struct {
	System           string
	Seed             uint64
	Voters, Learners int
	Settings         Settings // of a run that was drawn

	Faults        [fault.Kinds]int
	Partial       int // of the partitions, those with groups that overlap
	Failing       int // of the disk faults, those in which an fsync fails
	LeaderChanges int
	Transfers     int // of the leadership, that came to pass
	Commits       int
	Truncations   int
	Restores      int                     // snapshots installed
	Reads         [modesOfReading]int     // served, by mode
	Syncs         [protocols.Snap + 1]int // how Zab's leaders brought learners level, by phase
	Overflows     int                     // Zab: epochs used up to their last counter
	TurnedAway    int                     // Zab: servers that promised an epoch above the established one, out until the next election
	Verdict       check.Verdict           // of porcupine, where nothing else broke

	Events    uint64
	Checksum  uint64
	Violation string // what broke; empty: nothing
	At        Time   // when it broke
}

const modesOfReading = protocols.ReadSync + 1

// Replay is the command that shows the run again.
func (r *Report) Replay() string {
	return fmt.Sprintf("raftzab replay --swarm %d --system %s", r.Seed, r.System)
}

// Systems are the names that Run knows.
var Systems = []string{"raft", "zab"}

// Run makes the run of a seed. tell, where it is set, is told every event.
func Run(system string, seed uint64, tell func(*trace.Event)) *Report {
	s, chance := draw(system, seed)
	r := play(s, chance, nil, tell)
	r.Settings = settingsOf(s, chance)
	return r
}

// Record makes the run of a seed and writes it down.
func Record(system string, seed uint64) (*Story, *Report) {
	s, chance := draw(system, seed)
	r := play(s, chance, s, nil)
	r.Settings = settingsOf(s, chance)
	return s, r
}

// Play makes the run that s tells. A story that was recorded gives the same
// events again.
func (s *Story) Play(tell func(*trace.Event)) *Report {
	return play(s, &teller{story: s}, nil, tell)
}
