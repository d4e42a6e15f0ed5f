// Package hashicorpnode answers how hashicorp/raft does as people run it: Serve is
// one unmodified server as a process of its own, on a real disk and real
// connections, with the client port and the control pipes of our own nodes.
//
//	serve.go      a life: boot, bootstrap, end
//	config.go     settings: those of package hashicorp, and what only a process has
//	disk.go       hashicorp/raft-wal and the snapshot files, and what they show
//	machine.go    the state machine: bench/kv
//	clients.go    client connections: sessions, pipelining, reads
//	tell.go       the control pipes: what happens goes out, what to listen to comes in
//	telemetry.go  what the library measures about itself, as a source of events
//
// What is the product's and what is ours. The library, its TCP transport and
// raft-wal are as they come; around them stands what Consul and Vault put there: a
// cache of 512 entries before the log, connections kept to three a peer and
// deadlines of 10 s, two snapshots kept, commands that gather before they enter the
// log (BatchApplyCh) and are applied in batches. Ours are the state machine and the
// port.
//
// Events are stamped on CLOCK_MONOTONIC, in the goroutine in which they come about.
// RoleChanged, RoundBegan and Elected come from the library's observations and
// from the term on its way to the disk; VoteCast from the vote on the disk;
// LogTruncated from the log; Applied and Restored from the state machine. Two
// instants only the library's telemetry shows: Activated is the first measurement
// of a commit at or behind the first entry of the leader's term, which it takes
// right after it has set its commit index; VoteRefused is the end of a RequestVote
// that has left no vote on the disk. Messages are not told: the library does not
// show them.
package hashicorpnode

// Notes say where this system is treated unlike the others, or differs by its
// own design, for whoever compares live results.
var Notes = []string{
	"pre-vote is on, and CommitTimeout is 50 ms, as in the product; the leader's lease is half the timeout, in the product's proportion",
	"timeouts are drawn from [T, 2T); a follower's timer is not set again at a heartbeat: it looks every U[T, 2T) whether the last contact is older than T",
	"a server that believes in a leader refuses votes and pre-votes, so a majority must miss the leader itself",
	"a heartbeat goes to each peer every U[T/10, T/5), and waits for the answer before the next; of AppendEntries two can be under way to a peer, with up to 64 entries each, as in the product",
	"its log is hashicorp/raft-wal with one fsync for each batch of entries; a vote costs candidate and voter three transactions of bbolt one after the other, with two fsyncs each",
	"a leader writes before it sends",
	"an RPC into silence ends after the product's 10 s; two servers share up to three connections in each direction",
	"writes gather before they enter the log, up to 64 (BatchApplyCh, as in Vault), and are applied in batches",
	"a linearizable read (readindex) is VerifyLeader, which asks a majority by a heartbeat, and then the state machine; the first one of a term waits for a Barrier in the log, which Consul has each new leader write",
	"its messages are not counted",
}
