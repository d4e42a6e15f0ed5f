// Package zab is Zab as Apache ZooKeeper runs it, from scratch: how servers elect
// the one with the most recent history, bring everybody level with it, and have
// it order all writes from there on.
//
// It is a protocols.Replica: a state machine without clock, goroutine or disk.
// The driver hands it time, messages and the news that a write is durable. The
// names are those of Junqueira, Reed, Serafini, "Zab: High-performance broadcast
// for primary-backup systems" (DSN 2011) and of ZooKeeper's source (read at
// commit 53a78e36, 3.10-dev).
//
// # The paper, ZooKeeper, here
//
//	the paper                 ZooKeeper                           here
//	-----------------------   ---------------------------------   ------------------
//	phase 0, an oracle        FastLeaderElection, Vote            election.go vote.go
//	CEPOCH(f.p)               FOLLOWERINFO, OBSERVERINFO          discovery.go
//	NEWEPOCH(e')              LEADERINFO                          discovery.go
//	ACK-E(f.a, h_f)           ACKEPOCH                            discovery.go
//	NEWLEADER(e', I): I       DIFF TRUNC SNAP, PROPOSAL COMMIT    synchronization.go
//	NEWLEADER(e', I): e'      NEWLEADER                           synchronization.go
//	ACK-LD                    ACK((e,0)), AckNewLeader here       synchronization.go
//	COMMIT-LD                 UPTODATE                            synchronization.go
//	a client's write          REQUEST                             broadcast.go
//	PROPOSE, ACK, COMMIT      PROPOSAL, ACK, COMMIT               broadcast.go
//	(not in the paper)        INFORM, observerElectionDelay       broadcast.go election.go
//	(not in the paper)        SYNC; a read needs no message       read.go
//	(histories are whole)     snapshots, committedLog             snapshot.go
//	heartbeats                PING, read time-outs, SyncLimit     liveness.go
//	f.p, f.a, h_f             acceptedEpoch, currentEpoch, log    history.go
//	a channel                 Learner, LearnerHandler sockets     link, handler in discovery.go; Close, Refused
//
// replica.go has the state, its invariants and the entry points, message.go the
// packets, config.go the settings. A server's life: lookForLeader and decide
// (election.go), then lead or follow (discovery.go), synchronize or
// synchronizing, activate or serve (synchronization.go), propose or following
// (broadcast.go), and leave (replica.go) back to the start.
//
// The two differ more than in names. The paper's leader collects the best history
// of a quorum; ZooKeeper's election finds the server that has it, and the
// leader refuses a follower more recent than itself. The paper's NEWLEADER is
// accepted in one atomic step; in ZooKeeper it is two writes, the history and
// then the epoch, and the order of these two and of the acknowledgement has been
// the source of most of its bugs (newLeader).
//
// # Where it departs from ZooKeeper, on purpose
//
//   - Boot. ZooKeeper refuses to start where currentEpoch is behind the last zxid,
//     which a crash between the two writes at NEWLEADER leaves behind. We refuse
//     only where the last zxid is beyond acceptedEpoch (New).
//   - Delivery goes one way. The initial history reaches the state machine at
//     activation (leader) and at UPTODATE (learner), the paper's COMMIT-LD, and
//     is never taken back. ZooKeeper applies its whole log at boot, and repairs
//     the tree when the log is cut.
//   - SNAP sends the newest snapshot, and the log behind it follows as PROPOSAL +
//     COMMIT; it does not send the live tree. A learner whose state is ahead of it
//     keeps the state and cuts its log there. In either case one write brings the
//     history, so there is no moment at which a crash finds half of it.
//   - The log down to its base serves where ZooKeeper has a committedLog in memory
//     and the log on disk behind it, with a limit by size. It keeps CommittedLog
//     entries at least behind the newest snapshot.
//   - An observer logs its history at NEWLEADER as a follower does, where ZooKeeper's
//     does so at UPTODATE; nobody counts its acknowledgement there or here. An
//     observer answers nobody's notification: in ZooKeeper it answers, gets the
//     same again, and so on for as long as one of the two is LOOKING.
//   - A leader-elect closes the connection of an observer that is more recent than
//     itself, as ZooKeeper does with anybody.
//   - One stream per pair carries both of ZooKeeper's connections. The learner
//     counts its connections, and each packet says which it belongs to; Close is
//     the FIN, Refused the RST of a port that is not open yet. Disconnected while
//     LOOKING sends the last notification again, as a new election connection
//     does: once, until something is heard from there. Notifications wait until the
//     disk has what they state, in a queue of one per peer as there.
//   - A refused connection is tried again as there (5 tries 100 ms apart, within
//     initLimit), and here so is one that breaks before LEADERINFO, on which
//     ZooKeeper goes back to LOOKING: a stream without a handshake cannot tell the
//     two apart. So it may take up to four ConnectRetry more to give up a leader
//     that dies in discovery. But a learner that its
//     leader has answered and found no use for waits one tick before it tries
//     the same leader again. In ZooKeeper a server whose acceptedEpoch exceeds the
//     established epoch goes round at the speed of messages. Here as there it
//     stays outside until the next election.
//   - A leader-elect that has refused a more recent voter resigns at once; in
//     ZooKeeper it waits for others until initLimit. A better leader is up and
//     can be reached, so another election is the shorter way.
//   - A learner's FOLLOWERINFO, ACKEPOCH and NEWLEADER's ACK count while its
//     connection lasts. ZooKeeper keeps them after it has ended. To count fewer is
//     always safe, and so what is known of a learner is in one place (handler).
//   - A proposal's acknowledgements too belong to the connection, so a follower
//     whose unacknowledged tail was cut on its return is not counted for it.
//   - A COMMIT that is not of the next proposal panics, before UPTODATE as well: the
//     stream is FIFO, so it's a mistake of ours. ZooKeeper's follower ends its
//     process, or throws and looks for a leader when it comes before UPTODATE.
//     For the same reason a PROPOSAL or INFORM that leaves a gap panics, where
//     ZooKeeper throws and looks for a leader (4925), and in broadcast only warns;
//     the first behind the header is checked too, and a later epoch has to begin
//     with its first. A packet that has no business where it comes panics too: of
//     the live stream observers get INFORM alone, and nobody else gets it; ZooKeeper
//     lets most of them pass.
//   - A connection opens without TCP's handshake, so activation is one round trip
//     shorter than ZooKeeper's, where FOLLOWERINFO comes behind SYN and SYN-ACK.
//   - History and currentEpoch are two writes, in this order, and may share one
//     fsync; ZooKeeper waits for the first before it begins the second. The disk
//     keeps the order, so a crash between them leaves the same as there, and the
//     wait would cost every election an fsync more.
//   - A vote names the last zxid of the log. In ZooKeeper a server whose epoch had
//     no transaction yet, but was established at it, names (e,0), which beats
//     those that were not: here they are equal, and the greater myid wins. (e,0)
//     is on no disk and does not outlive a restart, so nothing can rest on it; a
//     vote here states what a restart would find.
//   - So no learner of ours names an (e,0) beyond the leader's log. To one that
//     does chooseSync sends DIFF, where ZooKeeper's table ends in SNAP: it has
//     nothing that the leader lacks.
//   - An empty disk is a new server's, with a zxid of 0.0. ZooKeeper can be told to
//     take it for a lost one, whose zxid is -1 and whose vote does not count; which
//     of the two it is, is for an operator to know.
//   - Notifications have no version: all are of today's. ZooKeeper records a result
//     of the own round without version, and so compares such results by leader
//     alone; we compare leader and epoch, as it does for those of other rounds.
//
// Left out for good: dynamic configuration, hierarchical quorums, ObserverMaster,
// disloyal voters, read-only mode, local sessions, throttles, digests,
// back-pressure on clients; and of sessions their creation and expiry as
// transactions, the touches in PING, and REVALIDATE: a session here is a number
// that its client brings along. None of them changes what the protocol promises
// to whom.
//
// # As a member of another's ensemble
//
// A core like this can sit among real ZooKeeper servers, behind a codec. What that
// needs is there: commands and snapshots are opaque; the leader says which zxid it
// gave to which request (Proposed) in the call that sends the proposal, so that a
// transaction can be built that contains it; every packet of a learner connection
// has its number, so that it maps to one of ZooKeeper's sockets; and Close and
// Refused are that socket's end. The codec has to hang up on a stream that would
// panic here and may come from a ZooKeeper: one with a gap; and an INFORM that has
// slipped in before NEWLEADER is to be handed on as PROPOSAL and COMMIT.
// ZooKeeper numbers AckNewLeader as an ACK with
// counter 0, and SyncRequest as a REQUEST.
package zab
