package protocols

// An EventKind is something that a probe may want to know.
type EventKind uint8

const (
	RoleChanged    EventKind = iota // Role, Epoch
	RoundBegan                      // somebody stands: Epoch is the term, or FLE's logicalclock
	VoteCast                        // for Peer in round Epoch; Zab casts one with each change of mind
	VoteRefused                     // to Peer in round Epoch
	Elected                         // has the votes for Epoch
	PhaseEntered                    // Zab: Phase, Epoch
	Activated                       // may commit new writes in Epoch
	Proposed                        // the leader gave At to ID
	CommitAdvanced                  // to At
	LogTruncated                    // to At
	SyncChosen                      // the leader brings Peer level from At by Phase
	Applied                         // the state machine took At, of ID; emitted by the node, not the replica
	Restored                        // the state machine took the snapshot At; likewise
	WaitRestarted                   // Zab: finalizeWait of round Epoch was left for a better vote
	EventKinds                      // how many kinds there are
)

var eventNames = [EventKinds]string{"RoleChanged", "RoundBegan", "VoteCast", "VoteRefused", "Elected", "PhaseEntered", "Activated",
	"Proposed", "CommitAdvanced", "LogTruncated", "SyncChosen", "Applied", "Restored", "WaitRestarted"}

func (k EventKind) String() string { return eventNames[k] }

// An EventSet is a set of kinds, as bits.
type EventSet uint32

// Events returns the set of the given kinds.
func Events(kinds ...EventKind) EventSet {
	var s EventSet
	for _, k := range kinds {
		s |= 1 << k
	}
	return s
}

// AllEvents is every kind.
const AllEvents EventSet = 1<<EventKinds - 1

// A Phase is where Zab stands, or how its leader brings a learner level.
type Phase uint8

const (
	Election Phase = iota
	Discovery
	Synchronization
	Broadcast
	Diff
	Trunc
	Snap
)

var phaseNames = [...]string{"Election", "Discovery", "Synchronization", "Broadcast", "Diff", "Trunc", "Snap"}

func (p Phase) String() string { return phaseNames[p] }

// An Event is a value that a replica leaves for probes. It carries no instant:
// the driver stamps it, on the one clock that all nodes share in its world.
type Event struct {
	Kind  EventKind
	Role  Role
	Phase Phase
	Peer  NodeID
	ID    RequestID
	Epoch uint64
	At    EntryID
}

// Emit leaves ev for whoever listens; where nobody does, it is one test.
func (e *Effects) Emit(ev Event) {
	if e.Listen&(1<<ev.Kind) != 0 {
		e.Events = append(e.Events, ev)
	}
}
