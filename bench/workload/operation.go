package workload

import (
	"raftzab/bench"
	"raftzab/protocols"
)

type (
	Time   = protocols.Time
	NodeID = protocols.NodeID
)

// An Operation is one read or write of a client that has ended, as the client saw
// it. All instants are on the clock of the run.
type Operation struct {
	Client  uint32             // from 1: who asked. A client's reads are one session of the system, its writes another
	Node    NodeID             // that answered; where nobody did, that was asked last
	Role    protocols.Role     // of Node when the answer came, as far as the system told; Follower where it did not
	Op      uint8              // kv.Put or kv.Get
	Mode    protocols.ReadMode // of a read
	Outcome bench.Outcome      // OK: Value, Version and At count. Refused: without effect. Unknown: a write may still have its effect
	Key     uint32
	Value   uint64            // what a read saw (0: nothing yet), or a write wrote: no two writes of a run have the same
	Version uint64            // writes of the key up to this one, or up to what the read saw
	At      protocols.EntryID // the last entry applied at Node when it answered
	Due     Time              // when the open loop meant it to begin; latency counts from here. In a closed loop it is Start
	Start   Time              // when it was first submitted
	End     Time              // when the answer came, or the client gave up
	Hops    int               // messages in a row, over all servers that were asked; 0: nobody has counted
}

// A Recorder is told of every operation that has ended, in the order of End. The
// operation is lent for the call.
type Recorder interface {
	Record(o *Operation)
}
