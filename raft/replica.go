package raft

import (
	"fmt"
	"math/rand/v2"

	"raftzab/protocols"
)

// Output is what calls to a Replica want done.
type Output = protocols.Output[Message]

var _ protocols.Replica[Message] = (*Replica)(nil)

// A Replica is one server.
//
// Invariants, beyond those of each field:
//  1. currentTerm never decreases; votedFor changes within a term only from None.
//  2. What is in the log up to commitIndex never changes.
//  3. While unsaved, nothing that rests on currentTerm or votedFor has been sent.
//  4. A leader only appends to its log (Leader Append-Only, figure 3).
//  5. log.Base() <= snapshot.At <= delivered <= commitIndex <= log.Last(), but
//     delivered is behind snapshot.At while restoring.
type Replica struct {
	cfg Config
	rng *rand.Rand

	// Persistent state (figure 2). Registers are {currentTerm, votedFor}.
	currentTerm uint64
	votedFor    protocols.NodeID
	log         protocols.Log
	snapshot    protocols.Snapshot // §7: the state that recovery starts from, and what followers far behind are sent

	// Volatile state.
	role        protocols.Role
	leader      protocols.NodeID // of the current term, as far as known
	commitIndex uint64
	delivered   uint64     // lastApplied is the node's; up to here entries were handed over
	members     []progress // voters in the order of Config.Voters, then learners
	self        *progress  // this server, in members
	votes       bool       // this server is a voter
	scratch     []uint64   // of reached
	round       uint64     // of questions: PreVotes, or a leader's heartbeats

	// Of a candidate.
	canvassing bool // it asks for PreVotes, in the term as it was

	// Of a follower.
	loyalUntil protocols.Time     // before then it helps nobody to unseat the leader that it heard from
	incoming   protocols.Chunk    // the snapshot that is coming in: its chunks up to Length are here
	saved      protocols.Snapshot // the latest of the state machine's own
	restoring  uint64             // the write of an installed snapshot that is not yet durable; 0: none

	// Of a leader.
	firstIndex  uint64         // of the entries of its term
	confirmed   uint64         // a majority has answered this round
	confirmedAt protocols.Time // or a later one, begun then; at first when it was elected
	leased      bool           // confirmedAt is of a round
	asked       uint64         // the round that will move confirmedAt; 0: none
	askedAt     protocols.Time
	reads       []pendingRead // in the order of their rounds
	transferee  protocols.NodeID
	toTell      bool // that it shall stand
	handedOver  bool // somebody has been told so, in this term

	// The way to the disk.
	seq       uint64 // of the last write
	persisted uint64 // writes up to here are durable
	unsaved   bool   // currentTerm or votedFor changed since the last write
	held      protocols.Outbox[Message]
	underway  []mark // a leader's writes that are not yet durable, in order

	// Deadlines. A leader has no electionAt, the others only that.
	awake       bool
	electionAt  protocols.Time
	heartbeatAt protocols.Time
	nudgeAt     protocols.Time // a heartbeat from then on asks silent followers for their chunks again
	transferEnd protocols.Time // while there is a transferee
}

// New returns the server that cfg describes, as a follower, with what its disk
// holds. It panics if cfg is not valid.
func New(cfg Config, recovered protocols.Recovered, rng *rand.Rand) *Replica {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	at := recovered.Snapshot.At.Index
	r := &Replica{
		cfg:         cfg,
		rng:         rng,
		currentTerm: recovered.Registers[0],
		votedFor:    protocols.NodeID(recovered.Registers[1]),
		log:         protocols.NewLog(recovered),
		snapshot:    recovered.Snapshot,
		commitIndex: at,
		delivered:   at,
		members:     make([]progress, len(cfg.Voters)+len(cfg.Learners)),
		scratch:     make([]uint64, len(cfg.Voters)),
	}
	room := make([]uint64, 8*len(r.members)) // enough for most windows; those that need more grow
	for i := range r.members {
		p := &r.members[i]
		p.id, p.window = cfg.member(i), room[8*i:8*i:8*i+8]
	}
	r.self = r.member(cfg.ID)
	r.votes = r.isVoter(cfg.ID)
	r.role = r.resting()
	return r
}

// Wake looks at the deadlines; the first call starts the election timer.
func (r *Replica) Wake(now protocols.Time, out *Output) {
	switch {
	case !r.awake:
		r.start(now)
	case r.role == protocols.Leader:
		r.reign(now, out)
	case r.electionAt != 0 && now >= r.electionAt:
		r.timedOut(now, out)
	}
	r.alarm(out)
}

// start begins a life. Where leases may rest on it, this server may have promised
// in the life before to wait for its leader, and nobody has told it for how long.
func (r *Replica) start(now protocols.Time) {
	r.awake = true
	if r.cfg.CheckQuorum {
		r.loyalUntil = now + r.cfg.ElectionTimeout.Min
	}
	if r.votes {
		r.resetElectionTimer(now)
	}
}

// reign looks at a leader's deadlines.
func (r *Replica) reign(now protocols.Time, out *Output) {
	if r.cfg.CheckQuorum && now >= r.quorumEnd() {
		r.leader = protocols.None
		r.become(protocols.Follower, now, out)
		return
	}
	if r.transferee != protocols.None && now >= r.transferEnd {
		r.transferee = protocols.None
	}
	if now >= r.heartbeatAt {
		r.heartbeat(now, out)
	}
}

// Receive takes in one message.
func (r *Replica) Receive(now protocols.Time, from protocols.NodeID, m Message, out *Output) {
	if p := r.member(from); p != nil && !r.ignores(now, &m) { // others have no say: membership is fixed
		// §5.1: "If one server's current term is smaller than the other's, then it
		// updates its current term to the larger value. If a candidate or leader
		// discovers that its term is out of date, it immediately reverts to
		// follower state." A PreVote asks about a term, and brings none.
		if m.Term > r.currentTerm && m.Type != PreVote {
			r.enterTerm(m.Term)
			r.become(r.resting(), now, out)
		}
		switch m.Type {
		case RequestVote:
			r.requestVote(now, from, &m, out)
		case RequestVoteResponse:
			r.requestVoteResponse(now, p, &m, out)
		case PreVote:
			r.preVote(now, from, &m, out)
		case PreVoteResponse:
			r.preVoteResponse(now, p, &m, out)
		case AppendEntries:
			r.appendEntries(now, from, &m, out)
		case AppendEntriesResponse:
			r.appendEntriesResponse(now, p, &m, out)
		case InstallSnapshot:
			r.installSnapshot(now, from, &m, out)
		case InstallSnapshotResponse:
			r.installSnapshotResponse(now, p, &m, out)
		case TimeoutNow:
			r.timeoutNow(now, from, &m, out)
		}
		r.save(out)
	}
	r.alarm(out)
}

// ignores reports whether a request for a vote comes too soon (dissertation
// 4.2.3): "if a server receives a RequestVote request within the minimum election
// timeout of hearing from a current leader, it does not update its term or grant
// its vote", unless that leader wants it. Learners have no vote.
func (r *Replica) ignores(now protocols.Time, m *Message) bool {
	switch m.Type {
	case RequestVote:
		return !r.votes || r.cfg.CheckQuorum && !m.Transfer && r.loyal(now)
	case PreVote:
		return !r.votes
	}
	return false
}

// Disconnected makes a leader look again for what the peer has. It sends
// nothing before the next heartbeat: a peer that has died would break each new
// stream at once.
func (r *Replica) Disconnected(now protocols.Time, peer protocols.NodeID, out *Output) {
	if p := r.member(peer); p != nil && r.role == protocols.Leader {
		p.lost()
		r.compact()
	}
	r.alarm(out)
}

// Propose appends the commands at the leader, and refuses them elsewhere, and
// while the leadership is on its way to another.
func (r *Replica) Propose(now protocols.Time, commands []protocols.Command, out *Output) {
	if r.role == protocols.Leader && r.transferee == protocols.None {
		r.appendOwn(commands, out)
	} else {
		leader := r.leader
		if r.transferee != protocols.None {
			leader = r.transferee
		}
		for i := range commands {
			r.refuse(commands[i].ID, leader, out)
		}
	}
	r.alarm(out)
}

func (r *Replica) refuse(id protocols.RequestID, leader protocols.NodeID, out *Output) {
	out.Refused = append(out.Refused, protocols.Refusal{ID: id, Leader: leader})
}

// Persisted lets out what waited for the disk, and counts the leader's own copy.
func (r *Replica) Persisted(now protocols.Time, seq uint64, out *Output) {
	if seq < r.persisted || seq > r.seq {
		panic(fmt.Sprintf("raft: write %d persisted, of %d after %d: %v", seq, r.seq, r.persisted, r))
	}
	r.persisted = seq
	r.held.Release(seq, out)
	r.restore(out)
	n := 0
	for n < len(r.underway) && r.underway[n].seq <= seq {
		n++
	}
	if n > 0 {
		r.self.matchIndex = r.underway[n-1].last
		r.underway = r.underway[:copy(r.underway, r.underway[n:])]
		r.advance(out)
		r.notify(out)
		r.confirm(now, out)
	}
	r.alarm(out)
}

// Status is what a probe may see.
func (r *Replica) Status() protocols.Status {
	return protocols.Status{
		Role:      r.role,
		Active:    r.active(),
		Leader:    r.leader,
		Epoch:     r.currentTerm,
		Last:      r.log.Last(),
		Committed: r.entryID(r.commitIndex),
	}
}

// String writes the state for a panic.
func (r *Replica) String() string {
	return fmt.Sprintf("server %d, %v in term %d, voted %d, leader %d, log %v to %v, snapshot %v, committed %d, delivered %d, writes %d of %d durable",
		r.cfg.ID, r.role, r.currentTerm, r.votedFor, r.leader, r.log.Base(), r.log.Last(), r.snapshot.At, r.commitIndex, r.delivered, r.persisted, r.seq)
}

// active reports whether the leader is known and has committed an entry of its
// term, as far as this server has heard.
func (r *Replica) active() bool {
	return r.leader != protocols.None && r.entryID(r.commitIndex).Epoch == r.currentTerm
}

// alarm ends every call: it asks to be woken at the earliest deadline.
func (r *Replica) alarm(out *Output) {
	if r.role != protocols.Leader {
		out.Wake = r.electionAt
		return
	}
	out.Wake = r.heartbeatAt
	if r.cfg.CheckQuorum {
		out.Wake = min(out.Wake, r.quorumEnd())
	}
	if r.transferee != protocols.None {
		out.Wake = min(out.Wake, r.transferEnd)
	}
}

// enterTerm begins a term that is new to this server. What is held back was
// said in an older one and interests nobody.
func (r *Replica) enterTerm(term uint64) {
	r.currentTerm, r.votedFor, r.leader, r.unsaved = term, protocols.None, protocols.None, true
	r.canvassing = false
	r.held.Clear()
}

// resting is the role of a server that neither leads nor stands.
func (r *Replica) resting() protocols.Role {
	if r.votes {
		return protocols.Follower
	}
	return protocols.Observer
}

// become changes the role. The election timer goes on as it was, or a server
// with an old log could keep those with a newer one from ever standing; only a
// leader, who had none, starts it.
func (r *Replica) become(role protocols.Role, now protocols.Time, out *Output) {
	r.canvassing = false
	if role == r.role {
		return
	}
	if r.role == protocols.Leader {
		r.resign(now, out)
	}
	r.role = role
	out.Emit(protocols.Event{Kind: protocols.RoleChanged, Role: role, Epoch: r.currentTerm})
}

// resign ends an office. Its entries may survive in its successor's log, or may
// not; its reads have no answer.
func (r *Replica) resign(now protocols.Time, out *Output) {
	out.Abandoned = true
	r.underway, r.reads = r.underway[:0], r.reads[:0]
	r.transferee, r.handedOver = protocols.None, false
	for i := range r.members {
		r.members[i].installing = protocols.Snapshot{}
	}
	r.compact()
	r.resetElectionTimer(now)
}
