// Package raft answers how an ensemble agrees on one log by electing a strong
// leader: it is one server of Raft, as a pure state machine that implements
// protocols.Replica.
//
// The paper is "In Search of an Understandable Consensus Algorithm (Extended
// Version)" by D. Ongaro and J. Ousterhout, 2014; section numbers in this
// package are its own. "Dissertation" is Ongaro's "Consensus: Bridging Theory
// and Practice", 2014.
//
//	§5.1, figure 2  terms, persistent state, inputs     replica.go
//	§5.2            leader election                     election.go
//	§5.3            log replication, log repair         replication.go
//	                nextIndex and matchIndex            progress.go
//	                the log and what the disk has of it log.go
//	§5.4.1          election restriction                election.go (mayVote)
//	§5.4.2          committing entries of earlier terms replication.go (advance)
//	§5.6            timing and availability             config.go
//	§8              the no-op of a new leader           election.go (lead)
//	figure 2        RPCs                                message.go
//
// Deliberate deviations, and why:
//
//   - RPCs are two one-way messages. A replica does not wait, and a response
//     that comes late, twice or never is told by its term, not by a call it
//     belongs to. Nothing is sent again but by the next heartbeat or the next
//     election: retrying until somebody answers (§5.3, §5.5) is what streams do.
//   - AppendEntries is pipelined (dissertation, 10.2.2): nextIndex moves on when
//     entries are sent, not when they are acknowledged. A refusal, or a broken
//     stream, brings it back, and then one message at a time looks for the place
//     where the logs agree.
//   - A successful AppendEntriesResponse carries matchIndex, since pipelined
//     responses must say what they acknowledge. A refusal carries the position
//     behind which the logs certainly differ, so that one refusal skips a whole
//     term, as the end of §5.3 suggests.
//   - The leader writes to its disk while its followers do (dissertation,
//     10.2.1), and counts its own copy only when it is durable.
//   - A follower answers when its disk is done; messages behind that wait too.
//     RequestVote waits as well: it makes the new term and the vote for oneself
//     known, and a crash must not take either back.
//   - A leader begins its term with a no-op (§8), at once instead of an empty
//     heartbeat: the AppendEntries that asserts its authority carries it.
//
// A leader that can speak and hears nobody stays in office, as in the paper: only
// CheckQuorum (dissertation 6.2) would have it resign.
//
// Left to later work, with its place: PreVote, CheckQuorum and leadership transfer
// (election.go), ReadIndex and leases (replica.go, Read), InstallSnapshot (log.go
// holds the only arithmetic of positions), learners and a window for what may be
// under way (progress.go).
package raft
