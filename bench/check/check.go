// Package check judges what replicas did and says why. Invariants watches one
// trial from outside the replicas: it sees what they ask their disks for and what
// is durable, what they give to their state machines, what they say of themselves
// and what clients are told, and stops at the first thing that should never be.
// History is the clients' side alone. README.md lists what is checked.
package check

import (
	"fmt"
	"time"

	"raftzab/bench"
	"raftzab/protocols"
)

// A Protocol says how registers and events are to be read.
type Protocol uint8

const (
	Raft Protocol = iota // registers: currentTerm, votedFor
	Zab                  // registers: acceptedEpoch, currentEpoch
)

// tenure is the register with the epoch that a replica works in: what it
// delivers, it knows to be committed in this epoch or before.
func (p Protocol) tenure() int { return int(p) } // currentTerm is the first, currentEpoch the second

// follows reports whether a log may have id right behind prev: no holes. Raft's
// index runs on, Zab's counter starts again at 1 with each epoch.
func (p Protocol) follows(prev, id protocols.EntryID) bool {
	if prev.Epoch == id.Epoch || p == Raft {
		return prev.Epoch <= id.Epoch && id.Index == prev.Index+1
	}
	return prev.Epoch < id.Epoch && id.Index == 1
}

// A Violation is the first thing in a trial that should never be.
type Violation struct {
	Invariant string // a name of README.md
	At        protocols.Time
	Node      protocols.NodeID // whose doing showed it
	Text      string           // what it did, and what that contradicts
}

func (v *Violation) Error() string {
	return fmt.Sprintf("%s violated at %v by node %d: %s", v.Invariant, clock(v.At), v.Node, v.Text)
}

// Names of the invariants, as README.md explains them.
const (
	ElectionSafety     = "ElectionSafety"
	VoteOnce           = "VoteOnce"
	VoteDurable        = "VoteDurable"
	EpochDurable       = "EpochDurable"
	EpochsGrow         = "EpochsGrow"
	LogMatching        = "LogMatching"
	LeaderAppendOnly   = "LeaderAppendOnly"
	HistoryConsistency = "HistoryConsistency"
	LeaderCompleteness = "LeaderCompleteness"
	HistoryBeforeEpoch = "HistoryBeforeEpoch"
	CommitOwnTerm      = "CommitOwnTerm"
	StateMachineSafety = "StateMachineSafety"
	LocalPrimaryOrder  = "LocalPrimaryOrder"
	PrimaryIntegrity   = "PrimaryIntegrity"
	CommitConsistency  = "CommitConsistency"
	DeliveredLogged    = "DeliveredLogged"
	CommitDurable      = "CommitDurable"
	CommittedDurable   = "CommittedDurable"
	RestoreForward     = "RestoreForward"
	Integrity          = "Integrity"
	AcknowledgedKept   = "AcknowledgedKept"
	RefusedKept        = "RefusedKept"
	StateMatches       = "StateMatches"
	SessionForward     = "SessionForward"
	RealTime           = "RealTime"
	ReadFresh          = "ReadFresh"

	NeverStale          = "NeverStale"   // of Staleness
	LinearizableHistory = "Linearizable" // of History.Check
)

// Invariants is a bench.Witness, and takes events as a bench.Handler does. It
// allocates nothing once its tables have grown to a trial's size.
type Invariants struct {
	// Strict names the modes whose reads must be linearizable. New sets it.
	Strict Modes

	protocol Protocol
	voters   int
	first    *Violation

	nodes    []node     // by NodeID
	epochs   []epoch    // by epoch: every entry that ever was in a log, and who led
	order    []delivery // what was delivered anywhere, in the one order
	keys     [][]change // by key: what the order makes of it
	sessions []session  // by session: what clients asked for and were told
	attempts []attempt  // at requests
	clients  bool       // Asked or Submitted is in use
	known    int        // order[:known] is known, to some client, to have happened
	primary  uint64     // Zab: the greatest epoch in which somebody has broadcast
}

// A node is what is known of one server.
type node struct {
	life   int
	booted protocols.Registers // as recovered

	asked    disk // as it will be once all its writes are durable
	durable  disk // as it is at least; after a crash too, until the next boot tells
	pending  []pending
	queued   []protocols.EntryID // the entries of pending
	promises []promise           // of all lives

	// Of the present life.
	delivered int               // it has given its state machine order[:delivered]
	unsettled bool              // one of the next two is still to be seen
	owed      protocols.EntryID // in its log, since it is delivered
	owedAt    protocols.Time
	heirTo    uint64 // Zab: delivered, all that was there when it became leader of this epoch; 0: none
	heirAt    protocols.Time

	leads    uint64 // the term that it leads, as its events say; 0: none
	votedIn  uint64 // its last vote in this life, as its events say
	votedFor protocols.NodeID
}

// An epoch is what is known of a term or an epoch.
type epoch struct {
	leader protocols.NodeID
	life   int // of the leader
	at     protocols.Time
	office        // Zab
	low    uint64 // index of entries[0]
	table  []cell
}

// A cell is the first that was seen of an entry.
type cell struct {
	prev    protocols.EntryID // what is before it in every log
	command protocols.Command
	at      protocols.Time
	place   int              // order[place-1] is it; 0: nobody delivered it
	node    protocols.NodeID // None: never seen
}

// A delivery is one place of the order in which all state machines go.
type delivery struct {
	protocols.Entry
	epoch uint64 // the least that it is known to be committed in
	at    protocols.Time
	node  protocols.NodeID // the first that delivered it
}

var _ bench.Witness = (*Invariants)(nil)

// New returns the checks of one trial with voters 1 to voters; whoever has a
// greater number is an observer, and no majority counts it.
func New(voters int, p Protocol) *Invariants {
	return &Invariants{protocol: p, voters: voters, nodes: make([]node, voters+1), Strict: Strict}
}

// Reset begins another trial, with the same voters and in the same memory.
func (c *Invariants) Reset() {
	c.first = nil
	for i := range c.nodes {
		n := &c.nodes[i]
		*n = node{asked: disk{log: n.asked.log[:0]}, durable: disk{log: n.durable.log[:0]},
			pending: n.pending[:0], queued: n.queued[:0], promises: n.promises[:0]}
	}
	for i := range c.epochs {
		c.epochs[i] = epoch{table: c.epochs[i].table[:0]}
	}
	c.epochs, c.order = c.epochs[:0], c.order[:0]
	for i := range c.keys {
		c.keys[i] = c.keys[i][:0]
	}
	for i := range c.sessions {
		c.sessions[i] = session{requests: c.sessions[i].requests[:0]}
	}
	c.attempts, c.clients, c.known, c.primary = c.attempts[:0], false, 0, 0
}

// Violation returns the first violation, or nil.
func (c *Invariants) Violation() *Violation { return c.first }

// Commits returns how many entries have been delivered somewhere.
func (c *Invariants) Commits() int { return len(c.order) }

func (c *Invariants) fail(invariant string, now protocols.Time, id protocols.NodeID, format string, args ...any) {
	if c.first == nil {
		c.first = &Violation{invariant, now, id, fmt.Sprintf(format, args...)}
	}
}

// node returns what is known of id.
func (c *Invariants) node(id protocols.NodeID) *node {
	for int(id) >= len(c.nodes) {
		c.nodes = append(c.nodes, node{})
	}
	return &c.nodes[id]
}

func (c *Invariants) majority() int { return c.voters/2 + 1 }

func clock(t protocols.Time) time.Duration { return time.Duration(t) }

// describe writes a command for a person.
func describe(c *protocols.Command) string {
	if *c == (protocols.Command{}) {
		return "the no-op"
	}
	return fmt.Sprintf("request %d/%d (key %d, value %d)", c.ID.Session, c.ID.Seq, c.Key, c.Value)
}
