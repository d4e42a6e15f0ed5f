// Package bench holds the one seam between the experiments and everything
// they can measure.
package bench

import (
	"raftzab/bench/fault"
	"raftzab/protocols"
)

// A Request is a client operation on its way to a node. A client's requests to
// one node arrive in the order in which they were submitted, or not at all.
type Request struct {
	protocols.Command                    // Op is kv.Get for a read
	Mode              protocols.ReadMode // of a read
	Seen              protocols.EntryID  // the greatest Reply.At of the session: a node that is behind it refuses
}

// An Outcome tells what a client may conclude.
type Outcome uint8

const (
	OK      Outcome = iota
	Refused         // certainly without effect: it may be tried elsewhere
	Unknown         // perhaps it has had, or will have, its effect: the history stays open
)

// A Reply ends one attempt at a request. Node and ID tell which: the same
// request may have been tried at several nodes.
type Reply struct {
	ID      protocols.RequestID
	Node    protocols.NodeID // where it was submitted, and so where it ends
	Outcome Outcome
	Leader  protocols.NodeID  // of a refusal: who may do better, if known
	At      protocols.EntryID // the last entry applied at Node when it answered; ZooKeeper's reply zxid
	Value   uint64            // what the read saw
	Version uint64            // writes of the key up to and including this one, or up to what the read saw; ZooKeeper's Stat.version
	Hops    uint16            // messages on the way from the client to this answer, each waiting for the one before, request and reply included; 0: nobody has counted
}

// A System is a replicated service seen from outside: by its clients, by the
// fault injector and by the probes. The simulated cluster, the live ensemble,
// hashicorp/raft and ZooKeeper are Systems, and nothing above this interface
// tells them apart.
//
// Submit, Inject and Status are for the Handler, from inside its own methods.
type System interface {
	// Run drives the service and h until the given time. It is the only method
	// that waits, and it calls h from one goroutine, one call at a time. It may
	// be called again with a later time. An error is the world's: an fsync, a
	// process that will not start; what the faults of the run do is no error.
	Run(h Handler, until protocols.Time) error

	// Submit sends a request to a node. At most one reply comes back; none if
	// the node or the link dies first. Time-outs are the client's own.
	Submit(to protocols.NodeID, r Request)

	// Disconnect drops the session's connection to the node and all that is
	// under way on it, in both directions; what had arrived may still take effect.
	Disconnect(session uint32, node protocols.NodeID)

	// Inject gives effect to a fault that Supports allows.
	Inject(f fault.Fault) error

	// Status reports what the node says of itself, and whether it answers.
	Status(id protocols.NodeID) (protocols.Status, bool)

	// Supports and SupportsRead are constant: scenarios are checked against
	// them when they are loaded.
	Supports(k fault.Kind) bool
	SupportsRead(m protocols.ReadMode) bool

	// Close frees processes, files and devices. It is safe after an error.
	Close() error
}

// A Handler is the other side: workload, fault schedule, probes and checks.
// All instants are on the one clock of the run, not on a node's.
type Handler interface {
	// Wake is called when Run begins, and then at each time it last asked for;
	// zero asks for none.
	Wake(now protocols.Time) (next protocols.Time)

	Reply(now protocols.Time, r Reply)

	// Listen is asked once, when Run begins; Observe then gets these events,
	// from those systems that have them.
	Listen() protocols.EventSet
	Observe(now protocols.Time, node protocols.NodeID, e protocols.Event)
}

// A Witness is told what a system whose inside is ours does: all that checks
// and message counts are made of. Its arguments are lent for the call. All
// instants are on the clock of the run.
type Witness interface {
	// Booted comes at each start of a life, with what the node found on its disk.
	Booted(now protocols.Time, node protocols.NodeID, r protocols.Recovered)

	// Wrote comes when the replica asks for w to be durable, not when it is.
	Wrote(now protocols.Time, node protocols.NodeID, w protocols.Write)

	// Persisted comes when every write of the node's present life up to seq is
	// durable, before the replica is told.
	Persisted(now protocols.Time, node protocols.NodeID, seq uint64)

	// Delivered comes when the state machine takes a snapshot or entries.
	Delivered(now protocols.Time, node protocols.NodeID, restore protocols.EntryID, committed []protocols.Entry)

	// Sent comes for each message to another node; kind and size are its own.
	Sent(now protocols.Time, from, to protocols.NodeID, kind uint8, size int)
}
