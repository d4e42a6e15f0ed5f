// Package protocols is the vocabulary of the testbed and the contract between
// a replicated-log protocol and whoever drives it. Start with Replica, then
// read Output: together they are the whole of the inner seam.
package protocols

import (
	"cmp"
	"strconv"
)

// A Time is an instant on a node's own clock, in nanoseconds since the run
// began. It never goes back within one life of the node. Clocks of two nodes,
// or of two lives, need not agree, so a Time is never written to disk and
// never sent.
type Time int64

// A NodeID names a member of the ensemble, from 1. None names nobody.
type NodeID uint16

// None is the NodeID of nobody.
const None NodeID = 0

// A RequestID names one operation of a client: ZooKeeper's (sessionId, cxid),
// the (clientId, sequenceNum) of Ongaro's dissertation, section 6.3. The client
// numbers its operations from 1, reads included, and keeps the number when it
// tries again. Sessions are dense from 1: drivers index slices with them.
type RequestID struct{ Session, Seq uint32 }

// A Command is one operation on the replicated state machine. It holds no
// pointer, so that a log of ten million entries costs the collector nothing:
// Size is the length of the payload that it stands for, which drivers model or
// synthesise. Protocols copy commands and never look inside, with one
// exception: the zero Command does nothing, and they may order it themselves.
type Command struct {
	ID    RequestID
	Key   uint32
	Size  uint32 // bytes
	Value uint64
	Op    uint8 // 0 does nothing; the others belong to the state machine
}

// An EntryID is a position of the replicated log: Raft's (term, index) and
// Zab's zxid, (epoch, counter). Along one log both orders agree: IDs strictly
// increase, epoch first. Index runs on across terms in Raft and starts again
// at 1 with each epoch in Zab, so nobody but the protocol subtracts two of them.
type EntryID struct{ Epoch, Index uint64 }

// Compare orders positions by epoch, then by index.
func (a EntryID) Compare(b EntryID) int {
	if c := cmp.Compare(a.Epoch, b.Epoch); c != 0 {
		return c
	}
	return cmp.Compare(a.Index, b.Index)
}

// Less reports whether a comes before b.
func (a EntryID) Less(b EntryID) bool {
	return a.Epoch < b.Epoch || a.Epoch == b.Epoch && a.Index < b.Index
}

// String writes a position as epoch.index.
func (a EntryID) String() string {
	return strconv.FormatUint(a.Epoch, 10) + "." + strconv.FormatUint(a.Index, 10)
}

// An Entry is one position of the log and the command that it holds.
type Entry struct {
	ID      EntryID
	Command Command
}

// A Snapshot stands for the state after every entry up to At. Replicas name
// snapshots and never hold one: the content belongs to the state machine, and
// At identifies it, since the committed log determines the state.
type Snapshot struct {
	At   EntryID
	Size uint64 // bytes; positive unless At is zero, which is the empty state
}

// A Chunk is the part of a snapshot that travels with a message.
type Chunk struct {
	At             EntryID
	Offset, Length uint64 // bytes; Length 0: no part of any snapshot
}

// Registers are the few words a replica keeps durable beside its log:
// currentTerm and votedFor in Raft, acceptedEpoch and currentEpoch in Zab.
type Registers [4]uint64

// A Write asks for durability. It says in full what shall hold once it is done,
// so one kind of record serves a vote, an append, a truncation, a compaction
// and an installed snapshot. Recovered.Apply is its meaning in code. A write is
// atomic, and the writes of one life become durable in the order of Seq.
type Write struct {
	Seq       uint64 // 1, 2, 3, … within a life
	Registers Registers
	Snapshot  EntryID // recovery starts from this snapshot, which is durable no later than the write
	Base      EntryID // the log holds what follows Base, Base <= Snapshot;
	After     EntryID // it keeps its entries up to After
	Entries   []Entry // and goes on with these
}

// Recovered is what a node finds on its disk at boot; zero on an empty disk.
type Recovered struct {
	Registers Registers
	Snapshot  Snapshot
	Base      EntryID
	Entries   []Entry
}

// A Message is what one replica says to another, as a plain value. Each
// protocol brings its own type, with the field names of its paper.
type Message interface {
	Kind() uint8    // for counters and filters; small, from 0
	Size() int      // bytes on the wire, without those of the chunk
	Chunk() Chunk   // the part of a snapshot that goes with it
	String() string // for traces and conversations
}

// An Envelope is an addressed message.
type Envelope[M Message] struct {
	To  NodeID
	Msg M
}

// A ReadMode says what a read must be sure of.
type ReadMode uint8

const (
	ReadLocal  ReadMode = iota // nothing: this node's state as it is
	ReadLeader                 // that this node believes to lead
	ReadIndex                  // that this node led after the read began (dissertation 6.4)
	ReadLease                  // the same, from a lease and a bound on clock drift (6.4.1)
	ReadSync                   // ZooKeeper's sync, as zab's configuration defines it
)

// A ReadState permits the read ID once everything up to At is applied. At is
// zero where the state will do as it is.
type ReadState struct {
	ID RequestID
	At EntryID
}

// A Refusal says that the proposal or read ID has had no effect and will have
// none, and who may do better; Leader is None if the replica cannot tell.
type Refusal struct {
	ID     RequestID
	Leader NodeID
}

// Effects are what one or more calls to a replica want done, except for the
// messages: the part that is the same for every protocol.
type Effects struct {
	Writes []Write

	// What reaches the state machine. A driver takes these after every call,
	// Restore first, then Committed, then the rest.
	Restore   EntryID // not zero: replace the state by this durable snapshot
	Committed []Entry // apply, in this order
	Reads     []ReadState
	Refused   []Refusal
	Abandoned bool // the fate of every unanswered proposal is unknown; unanswered reads fail

	// Wake is when the replica next wants Wake to be called; zero is never.
	// Every call sets it anew, so a driver keeps only the latest.
	Wake Time

	Events []Event
	Listen EventSet // set by the driver: which events are wanted
}

// An Output collects what calls to a Replica want done. The driver owns it and
// reuses it: a replica appends, and keeps nothing of it. All of it may be acted
// on at once and in any order; what must wait for the disk is not put here
// until Persisted says that the disk is done.
//
// Slices of entries, in writes and in messages, may alias the replica's log.
// They stay as they are for good: see Log.
type Output[M Message] struct {
	Messages []Envelope[M]
	Effects
}

// Send posts m. A message to oneself comes back through Receive as soon as the
// call is over; it is no network traffic and no fault touches it.
func (o *Output[M]) Send(to NodeID, m M) {
	o.Messages = append(o.Messages, Envelope[M]{to, m})
}

// Reset empties the output, and keeps its buffers and Listen.
func (o *Output[M]) Reset() {
	o.Messages = o.Messages[:0]
	o.Writes, o.Events, o.Wake = o.Writes[:0], o.Events[:0], 0
	o.ResetDeliveries()
}

// ResetDeliveries empties what reaches the state machine, and nothing else.
func (e *Effects) ResetDeliveries() {
	e.Restore, e.Abandoned = EntryID{}, false
	e.Committed, e.Reads, e.Refused = e.Committed[:0], e.Reads[:0], e.Refused[:0]
}

// A Replica is one member of a replicated log, as a pure state machine: it
// neither waits nor looks at a clock, and the same calls in the same order
// produce the same outputs. It is made by its package's New from a
// configuration, what was Recovered and a source of randomness.
//
// Arguments are lent for the length of the call: a replica copies entries and
// commands that it keeps.
type Replica[M Message] interface {
	// Wake is called once at boot, before anything else, and then at or after
	// the time last asked for. It may also come early: a replica looks at its
	// own deadlines.
	Wake(now Time, out *Output[M])

	// Receive takes in a message. If it came with a chunk, the driver has put
	// the chunk's content aside already.
	Receive(now Time, from NodeID, m M, out *Output[M])

	// Disconnected reports that the stream between this node and peer broke:
	// what either side had sent and the other not received is lost, and what
	// comes from peer after this call was sent on a new stream. The next Send
	// to peer opens one. It is no proof that the peer is dead.
	Disconnected(now Time, peer NodeID, out *Output[M])

	// Propose asks for the commands to be ordered, in this order. Each is
	// answered by Committed, Refused or Abandoned, at this node, whichever
	// node orders it.
	Propose(now Time, commands []Command, out *Output[M])

	// Read asks when the read id may be served here. It is answered by Reads,
	// Refused or Abandoned.
	Read(now Time, id RequestID, mode ReadMode, out *Output[M])

	// Persisted reports that every write up to seq is durable.
	Persisted(now Time, seq uint64, out *Output[M])

	// Compact reports that the state machine has made s durable. The replica
	// may give up the log before it, with its next write.
	Compact(now Time, s Snapshot, out *Output[M])

	// Status is what a probe may see.
	Status() Status
}

// A Transferrer is a Replica that can hand its leadership over on demand.
type Transferrer[M Message] interface {
	Transfer(now Time, to NodeID, out *Output[M])
}

// A Role is what a replica takes itself for.
type Role uint8

const (
	Follower  Role = iota
	Candidate      // has given the leader up: Raft's (pre-)candidate, Zab's LOOKING
	Leader
	Observer // receives without a vote: Raft's learner, Zab's observer
)

var roleNames = [...]string{"follower", "candidate", "leader", "observer"}

func (r Role) String() string { return roleNames[r] }

// Status is a replica's public state.
type Status struct {
	Role      Role
	Active    bool // a leader that may commit new writes, or a member that serves clients under one
	Leader    NodeID
	Epoch     uint64  // Raft's currentTerm, Zab's currentEpoch
	Last      EntryID // of the log
	Committed EntryID // as far as this replica knows
}
