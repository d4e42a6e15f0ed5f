package zab

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"raftzab/protocols"
)

type (
	Time    = protocols.Time
	NodeID  = protocols.NodeID
	Entry   = protocols.Entry
	Command = protocols.Command
	Event   = protocols.Event
	Output  = protocols.Output[Message]

	// A Zxid is a position of the history: ZooKeeper's 64 bits are an epoch of
	// 32 and a counter of 32, which starts again at 1 with each epoch. (e, 0) is
	// no transaction; it stands for the beginning of epoch e.
	Zxid = protocols.EntryID
)

// A Replica is one server. Its invariants, which valid checks:
//
//  1. acceptedEpoch >= currentEpoch, and acceptedEpoch >= epoch of the last zxid.
//  2. The history has each epoch's counters from 1 without a gap.
//  3. The snapshot and what is committed are in the history or its base, and the
//     snapshot is not ahead of what is committed.
//  4. While LOOKING exactly one of finalizeAt, notifyAt and lookAt is set, otherwise
//     none; only a learner has a read deadline, and an instant to connect only
//     without a connection; only a leader pings.
//  5. Who serves is in broadcast, and the other way round.
type Replica struct {
	cfg    Config
	rng    *rand.Rand
	others []NodeID // voters first
	voter  []bool   // by NodeID

	// On disk.
	acceptedEpoch uint64 // the paper's f.p
	currentEpoch  uint64 // the paper's f.a
	history       protocols.Log
	snapshot      protocols.Snapshot

	seq       uint64 // of the last write
	persisted uint64 // up to where writes are durable
	marks     []mark // of the writes that are not
	durable   Zxid   // where the durable log ends
	held      protocols.Outbox[Message]

	role      protocols.Role
	phase     protocols.Phase
	serving   bool
	leader    NodeID
	committed Zxid   // and delivered, or contained in a snapshot that is
	restoring uint64 // the write that installs the snapshot; 0: none, or durable

	// Fast leader election; deadlines here and below are zero when unset.
	clock                  uint64 // logicalclock, the round
	initial, proposal      Vote
	currentVote            Vote // the last decided
	recvset, outofelection []ballot
	unsent                 []Message // by NodeID: the notification that waits for the disk; round 0: none
	unsentSeq              uint64    // for this write
	resent                 []bool    // the last notification went out again after a break, and nothing came since
	backoff                Time
	notifyAt, finalizeAt   Time
	lookAt                 Time // an observer's, when it begins

	link   link                  // as a learner: the connection to the leader
	syncs  []protocols.RequestID // as a learner: asked of the leader, in order
	office office                // as the leader
}

// New returns the server that a disk with recovered on it makes. It panics on
// what no server of ours can have written; cfg must be valid. Only an observer
// draws on rng.
//
// ZooKeeper also refuses to start where currentEpoch is behind the last zxid.
// But a late joiner that crashes between its history and its epoch leaves just
// that. It does no harm: the vote is too modest, and the quorum that committed
// in that epoch has it as its currentEpoch.
func New(cfg Config, recovered protocols.Recovered, rng *rand.Rand) *Replica {
	if err := cfg.Validate(); err != nil {
		panic(fmt.Sprintf("server %d: %v", cfg.ID, err))
	}
	members := slices.Concat(cfg.Voters, cfg.Observers)
	n := slices.Max(members) + 1
	r := &Replica{
		cfg:           cfg,
		rng:           rng,
		voter:         make([]bool, n),
		acceptedEpoch: recovered.Registers[0],
		currentEpoch:  recovered.Registers[1],
		history:       protocols.NewLog(recovered),
		snapshot:      recovered.Snapshot,
		committed:     recovered.Snapshot.At,
		role:          protocols.Candidate,
		recvset:       make([]ballot, n),
		outofelection: make([]ballot, n),
		resent:        make([]bool, n),
		unsent:        make([]Message, n),
	}
	r.durable = r.history.Last()
	r.office.learners = make([]handler, n)
	for _, id := range cfg.Voters {
		r.voter[id] = true
	}
	r.others = slices.DeleteFunc(members, func(id NodeID) bool { return id == cfg.ID })
	r.currentVote = r.ownVote()
	if problem := r.validDisk(); problem != "" {
		panic(fmt.Sprintf("server %d: refuses to start from its disk: %s: %v", cfg.ID, problem, r))
	}
	return r
}

func (r *Replica) isVoter(id NodeID) bool { return int(id) < len(r.voter) && r.voter[id] }

func (r *Replica) isObserver() bool { return !r.voter[r.cfg.ID] }

// learns reports whether this server follows or observes a leader.
func (r *Replica) learns() bool {
	return r.role == protocols.Follower || r.role == protocols.Observer
}

// isQuorum is QuorumMaj.
func (r *Replica) isQuorum(count int) bool { return count > len(r.cfg.Voters)/2 }

func (r *Replica) ticks(n int) Time { return Time(n) * r.cfg.Tick }

// Wake looks at each deadline.
func (r *Replica) Wake(now Time, out *Output) {
	due := func(t Time) bool { return t != 0 && now >= t }
	switch {
	case r.clock == 0: // boot
		r.lookForLeader(now, out)
	case r.role == protocols.Candidate:
		switch {
		case due(r.finalizeAt):
			r.decide(now, r.proposal, out)
		case due(r.notifyAt):
			r.repeatNotification(now, out)
		case due(r.lookAt):
			r.beginRound(now, out)
		}
	case r.role == protocols.Leader:
		r.wakeLeader(now, out)
	case due(r.link.deadline):
		r.leave(now, out)
	case due(r.link.connectAt):
		r.connect(now, out)
	}
	r.done(out)
}

// Receive takes a notification, or a packet of the learner connection that is
// up: what comes on an earlier one is dropped.
func (r *Replica) Receive(now Time, from NodeID, m Message, out *Output) {
	switch {
	case m.Type == Notification && !r.isVoter(from):
		r.answerObserver(from, out)
	case m.Type == Notification:
		r.receiveNotification(now, from, &m, out)
	case m.Learner == from && r.role == protocols.Leader:
		r.fromLearner(now, from, &m, out)
	case m.Type == FollowerInfo || m.Type == ObserverInfo: // the port is not open
		out.Send(from, Message{Type: Refused, Learner: from, Conn: m.Conn})
	case r.learns() && r.link.up && m.Learner == r.cfg.ID && m.Conn == r.link.conn && from == r.leader:
		r.fromLeader(now, &m, out)
	}
	r.done(out)
}

// Disconnected means the end of the learner connection with peer, and of its
// election connection, on which ZooKeeper repeats the last message when it is
// up again (QuorumCnxManager). We repeat once and then wait for a word from
// there or for the back-off: a dead peer breaks every stream that we open.
func (r *Replica) Disconnected(now Time, peer NodeID, out *Output) {
	switch {
	case peer == r.cfg.ID:
	case r.role == protocols.Candidate:
		if r.isVoter(peer) && !r.resent[peer] && r.lookAt == 0 {
			r.notify(peer, out)
			r.resent[peer] = true
		}
	case r.role == protocols.Leader:
		r.forget(peer)
	case peer == r.leader:
		r.link.up = false
		r.lostLeader(now, out)
	}
	r.done(out)
}

// Propose orders the commands, or has the leader order them: a learner's own
// COMMIT brings the answer.
func (r *Replica) Propose(now Time, commands []Command, out *Output) {
	switch {
	case !r.serving:
		r.refuse(commands, out)
	case r.role == protocols.Leader:
		if n := r.propose(now, commands, out); n < len(commands) {
			r.leave(now, out)
			r.refuse(commands[n:], out)
		}
	default:
		for i := range commands {
			r.toLeader(Message{Type: Request, Command: commands[i]}, out)
		}
	}
	r.done(out)
}

func (r *Replica) refuse(commands []Command, out *Output) {
	for i := range commands {
		out.Refused = append(out.Refused, protocols.Refusal{ID: commands[i].ID, Leader: r.leader})
	}
}

// Persisted lets go of what waited for the disk.
func (r *Replica) Persisted(now Time, seq uint64, out *Output) {
	r.reached(seq, out)
	switch {
	case r.role == protocols.Leader:
		r.persistedLeader(now, out)
	case r.learns():
		r.persistedLearner(now)
	}
	r.done(out)
}

// Status is what a probe may see.
func (r *Replica) Status() protocols.Status {
	return protocols.Status{Role: r.role, Active: r.serving, Leader: r.leader, Epoch: r.currentEpoch, Last: r.history.Last(), Committed: r.committed}
}

// leave gives the office or the leader up: the connection ends, and so does
// hope for the answers that were to come over it. The log stays as it is; the
// notifications wait until the disk has all of it (ZOOKEEPER-4712, 2845).
func (r *Replica) leave(now Time, out *Output) {
	if r.role == protocols.Leader {
		r.closeLearners(out)
	} else {
		r.closeLeader(out)
	}
	out.Abandoned = out.Abandoned || r.serving
	r.serving = false
	r.held.Clear()
	clear(r.unsent)
	r.syncs = r.syncs[:0]
	r.lookForLeader(now, out)
}

// done leaves the earliest deadline.
func (r *Replica) done(out *Output) {
	out.Wake = 0
	switch r.role {
	case protocols.Candidate:
		out.Wake = earlier(earlier(r.finalizeAt, r.notifyAt), r.lookAt)
	case protocols.Leader:
		out.Wake = r.nextLeader()
	default:
		out.Wake = earlier(r.link.deadline, r.link.connectAt)
	}
}

// earlier returns the earlier of two deadlines; zero is none.
func earlier(a, b Time) Time {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// valid names the invariant that does not hold, or returns "".
func (r *Replica) valid() string {
	if problem := r.validDisk(); problem != "" {
		return problem
	}
	_, found := r.history.UpTo(r.committed)
	if _, under := r.history.UpTo(r.snapshot.At); !found || !under && !r.snapshot.At.Less(r.history.Base()) || r.committed.Less(r.snapshot.At) {
		return "3: what is committed, or the snapshot, is not in the history"
	}
	waits := 0
	for _, t := range [...]Time{r.finalizeAt, r.notifyAt, r.lookAt} {
		if t != 0 {
			waits++
		}
	}
	if looking := r.role == protocols.Candidate; looking && waits != 1 || !looking && waits != 0 ||
		(r.link.deadline != 0) != r.learns() || r.link.connectAt != 0 && (r.link.up || !r.learns()) ||
		r.role != protocols.Leader && r.office.pingAt != 0 {
		return "4: deadlines of another role"
	}
	if r.serving != (r.phase == protocols.Broadcast) {
		return "5: serving outside broadcast, or not serving in it"
	}
	return ""
}

// validDisk is valid for what is on disk.
func (r *Replica) validDisk() string {
	if r.acceptedEpoch < r.currentEpoch || r.acceptedEpoch < r.history.Last().Epoch {
		return "1: an epoch beyond acceptedEpoch"
	}
	for i, last := 0, r.history.Base(); i < r.history.Len(); i++ {
		z := r.history.At(i).ID
		if !follows(last, z) {
			return fmt.Sprintf("2: %v behind %v", z, last)
		}
		last = z
	}
	return ""
}

func (r *Replica) String() string {
	return fmt.Sprintf("%s in %v, round %d, leader %d, accepted epoch %d, current epoch %d, last %v, committed %v, wrote %d, persisted %d",
		stateNames[r.role], r.phase, r.clock, r.leader, r.acceptedEpoch, r.currentEpoch, r.history.Last(), r.committed, r.seq, r.persisted)
}
