// Package etcdraft answers whether our Raft is representative: it puts
// go.etcd.io/raft, unmodified, behind the same contract, so that the same
// simulator, faults and checks run it as a control.
//
// The library is a pure state machine already. Its AsyncStorageWrites mode fits
// the contract: a MsgStorageAppend is a Write, and the responses that it carries
// are what waits for Persisted.
//
// Time. The library counts ticks and draws its timeouts from crypto/rand, on a
// grid of ticks. Here the replica calls Campaign at exact instants that it draws
// itself; Tick is called for the leader's heartbeats only, so that no follower's
// own timer ever runs out. When the timer starts again, and when its length is
// drawn anew, are two rules in raft.go (v3.7.0), mirrored here:
//
//   - reset, which is part of becomeFollower, becomeCandidate and becomeLeader,
//     starts the timer and draws its length. That is whenever term or role change,
//     but for becoming a pre-candidate: a higher term is seen, a campaign begins, a
//     candidate wins, hears from its term's leader, or counts refusals from a
//     majority; a leader has lost its quorum.
//   - electionElapsed = 0 starts the timer and keeps its length: a follower takes
//     MsgApp, MsgHeartbeat or MsgSnap of its term, accepted or not; a server
//     grants a vote; it asks for PreVotes.
//
// So a follower of etcd waits for the same length in every heartbeat interval of
// a leader's term, where the paper, and our Raft, draw at each heartbeat.
//
// PreVote and CheckQuorum are the library's own. A leader counts its ticks, one a
// heartbeat: once in so many as make the least election timeout it looks whether
// a majority has been heard from since the last look. The other half, that
// servers who hear from a leader ignore requests for votes, rests on ticks that a
// follower does not get, so the replica looks at the clock instead, and marks a
// request that comes late enough as one that the library takes up in any case (as
// it does those of a transfer). At a boot the library knows of no leader, so it
// ignores nothing: no lease could rest on it.
//
// Disk. As etcd itself does (server/etcdserver/raft.go), a server that does not
// lead sends only when what it has asked to be written is durable, MsgVote
// included; a leader sends at once. As MustSync has it, a commit index that
// moves asks for no write. It is not kept at all, so a restarted server learns it
// from the leader, as with our Raft.
//
// What else differs from our Raft and may be seen in results:
//
//   - Without CheckQuorum a PreVote is granted by the log alone, by servers that
//     hear from a leader too, where the dissertation (9.6), and our Raft, refuse it.
//   - With PreVote or CheckQuorum a server answers the leader of an older term, who
//     then steps down; our Raft answers without either.
//   - A higher term starts the timer even where the vote is refused, so a server
//     with a short log can put off one with a long log; with timeouts from a range
//     not much wider than a delay, for long.
//   - A new leader probes: entries behind its no-op leave for a follower only when
//     that one has acknowledged the no-op, so the first write takes a round trip
//     more.
//   - Heartbeats are messages of their own beside MsgApp, at the leader's fixed
//     period: sending entries does not put the next one off.
//   - A follower hears of a commit at once, by an empty MsgApp.
//   - A refusal by a majority ends a candidacy.
//   - Entries are applied only when the own disk has them, the leader included.
//
// The log is never compacted: Compact does nothing, and MsgSnap never occurs.
package etcdraft
