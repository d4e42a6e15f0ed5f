// Package hashicorp answers how the Raft that people run in production does in
// the same world as ours: github.com/hashicorp/raft, unmodified, in virtual time.
//
// The library is goroutines and timers. Inside a bubble of testing/synctest all
// of them live on a virtual clock that moves when everybody waits; a trial is one
// bubble (bubble.go). Its network is bench/network, its disks sleep the fsync that
// everybody's disk sleeps, and from outside a Cluster is a bench.System:
//
//	cluster.go    Run, clients, Status: one goroutine, the handler's
//	inject.go     faults
//	node.go       a life of a server: start, death, its state machine
//	watch.go      events and status: what the library shows, in everybody's words
//	store.go      log and stable store with fsync
//	transport.go  RPCs over bench/network
//
// Instants are exact: the handler's goroutine acts only when every other one
// waits, at the virtual instant at which something happened. Results are
// reproducible in distribution only. The library draws its timeouts from the
// process-wide source of math/rand, and the runtime chooses among what is ready at
// one instant; neither can be seeded. Network and disk do follow seed and trial.
//
// Package hashicorpnode runs the same library as a process, in real time, with
// the settings, the events and the answers that are defined here.
//
// The inside of this system is not ours, so no witness sees its writes; its
// safety is not checked here.
package hashicorp

// Notes say where this system is treated unlike the others, or differs by its
// own design, for whoever compares results.
var Notes = []string{
	"pre-vote is on, and CommitTimeout is 50 ms, as in the product; the leader's lease is half the timeout, in the product's proportion",
	"timeouts are drawn from [T, 2T); a follower's timer is not set again at a heartbeat: it looks every U[T, 2T) whether the last contact is older than T",
	"a server that believes in a leader refuses votes and pre-votes, so a majority must miss the leader itself",
	"a heartbeat goes to each peer every U[T/10, T/5), and waits for the answer before the next; entries travel one AppendEntries at a time per peer (no pipelining)",
	"a vote costs candidate and voter three fsyncs one after the other, as the library orders them, where our Raft has one; the write of its term at boot takes no time",
	"a leader writes before it sends: its first AppendEntries mostly leaves empty, so activation takes two round trips",
	"an RPC into silence ends after the product's 10 s; two servers share one stream in each direction, where the product opens up to three, at no cost; no snapshots",
	"reproducible in distribution only",
}
