// Package raft answers how an ensemble agrees on one log by electing a strong
// leader: it is one server of Raft, as a pure state machine that implements
// protocols.Replica.
//
// The paper is "In Search of an Understandable Consensus Algorithm (Extended
// Version)" by D. Ongaro and J. Ousterhout, 2014; section numbers with § are its
// own. "Dissertation" is Ongaro's "Consensus: Bridging Theory and Practice",
// 2014, whose chapters go further.
//
//	§5.1, figure 2      terms, persistent state, inputs       replica.go
//	§5.2                leader election                       election.go
//	§5.3                log replication, log repair           replication.go
//	                    nextIndex, matchIndex, the window     progress.go
//	                    the log and what the disk has of it   log.go
//	§5.4.1              election restriction                  election.go (mayVote)
//	§5.4.2              committing entries of earlier terms   replication.go (advance)
//	§5.5                crashes of followers and candidates   progress.go (lost)
//	§5.6, §9.3          timing                                config.go
//	§6                  membership change                     left out, see below
//	§7, figure 13       log compaction, InstallSnapshot       snapshot.go
//	§8                  the no-op of a new leader             election.go (lead)
//	                    exactly once                          bench/kv: the session table
//	figures 2 and 13    RPCs                                  message.go
//	dissertation 3.10   leadership transfer                   transfer.go
//	             4.2.1  learners                              config.go, progress.go (voters)
//	             4.2.3  disruptive servers                    replica.go (ignores)
//	             6.2    a leader that has lost its quorum     replica.go (reign), read.go (quorumEnd)
//	             6.3    sessions                              bench/kv, bench/node
//	             6.4    ReadIndex                             read.go
//	             6.4.1  leases                                read.go (leaseEnd)
//	             9.6    PreVote                               election.go (canvass)
//	             10.2.1 the leader writes while others do     replication.go (appendOwn)
//	             10.2.2 batching and pipelining               replication.go (replicate)
//
// Figure 2's names, and where they are:
//
//	currentTerm, votedFor, log[]      Replica.currentTerm, votedFor, log
//	commitIndex, lastApplied          Replica.commitIndex; the node's store (delivered is what it was handed)
//	nextIndex[], matchIndex[]         progress.nextIndex, matchIndex
//	term                              Message.Term
//	candidateId, leaderId             the sender of the message
//	lastLogIndex, lastLogTerm         Message.LastLog
//	prevLogIndex, prevLogTerm         Message.PrevLog
//	entries[], leaderCommit           Message.Entries, LeaderCommit
//	voteGranted, success              Message.VoteGranted, Success
//	lastIncludedIndex and -Term       Message.Snapshot.At (figure 13)
//	offset, data[], done              Message.Snapshot.Offset, Length, Done
//
// Deliberate deviations, and why:
//
//   - RPCs are two one-way messages. A replica does not wait, and a response
//     that comes late, twice or never is told by its term and its round, not by a
//     call it belongs to. Nothing is sent again but by the next heartbeat or the
//     next election: retrying until somebody answers (§5.3, §5.5) is what streams
//     do. So channels may also be datagrams, which lose, repeat and reorder.
//   - AppendEntries is pipelined (dissertation 10.2.2): nextIndex moves on when
//     entries are sent, as far as a window allows, not when they are acknowledged.
//     A refusal, or a broken stream, brings it back, and then one message at a
//     time looks for the place where the logs agree.
//   - A successful AppendEntriesResponse carries matchIndex, since pipelined
//     responses must say what they acknowledge. A refusal carries the position
//     behind which the logs certainly differ, so that one refusal skips a whole
//     term, as the end of §5.3 suggests; BacktrackOne has one entry a refusal, until
//     the leader knows of a place where the logs agree, and then goes there. A
//     refusal also says what it refuses: on datagrams late ones would otherwise set
//     a repair going again and again.
//   - The leader writes to its disk while its followers do (dissertation
//     10.2.1), and counts its own copy only when it is durable.
//   - A follower answers when its disk is done; messages behind that wait too,
//     answers to heartbeats among them. RequestVote waits as well: it makes the
//     new term and the vote for oneself known, and a crash must not take either
//     back.
//   - A leader begins its term with a no-op (§8), at once instead of an empty
//     heartbeat: the AppendEntries that asserts its authority carries it.
//   - Every AppendEntries carries the number of the leader's latest round of
//     heartbeats, and the answer returns it. ReadIndex, leases and CheckQuorum
//     are one question: which round has a majority answered, and when did it begin?
//   - A PreVote carries the term as it is, not the one that would come, so nobody
//     learns a term from it that nobody has entered.
//   - CheckQuorum has both halves that belong together: a leader without its
//     quorum steps down, and servers that hear from a leader ignore requests for
//     votes. A server that starts again waits as if it had just heard from one,
//     for it may have: without that, a lease would not survive a restart.
//   - A lease is counted from the beginning of a round of heartbeats, shortened by
//     the bound on clock drift on both sides. Once a leader has told another to
//     stand it holds none in that term, since that message may come late.
//   - InstallSnapshotResponse says what is wanted next. Chunks go one at a time, and
//     a newer snapshot waits until nobody takes in the present one. A snapshot whose
//     last entry the log holds is not installed: committing up to it leads to the
//     same state (figure 13, step 6, discards less than it could).
//   - The log keeps a tail below the snapshot (Trailing), as etcd and hashicorp do:
//     followers a little behind are brought level by entries.
//
// What the tutorial that this project tests says of Raft, claim by claim, and the
// conversation in testdata that plays it (R1 to R11, as scenarios name them):
//
//	R1   roles, random timeouts, what resets the timer       elect, leader-crash, timer-reset
//	R2   a majority makes a leader, heartbeats keep it       elect, leader-crash
//	R3   an old leader returns and steps down                old-leader-returns, leader-crash
//	R4   four servers, two candidates, nobody wins           split-vote
//	R5   a candidate that stands too late                    late-candidate, split-vote
//	R6   the way of a write                                  one-write
//	R7   a partition: an entry undone, another committed     partition
//	R8   six followers' logs come level                      figure7
//	R9   no vote for a log that is behind                    figure8, check LeaderCompleteness
//	R10  an earlier term's entry is not committed by count   figure8, check CommitOwnTerm
//	R11  duels repeat, and seldom                            split-vote; experiments/split-votes.toml
//
// Membership change (§6) is left out: the members are the same for a whole run.
// The comparison with Zab, whose paper has none, does not need it, and it would
// change every quorum in the code that a reader has come to understand. Proposals
// and reads are not forwarded: a server that does not lead refuses them, and
// names the leader.
package raft
