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
//  1. term never decreases; votedFor changes within a term only from None.
//  2. What is in the log up to commitIndex never changes.
//  3. While unsaved, nothing that rests on term or votedFor has been sent.
//  4. A leader only appends to its log (Leader Append-Only, figure 3).
type Replica struct {
	cfg Config
	rng *rand.Rand

	// Persistent state (figure 2). Registers are {term, votedFor}.
	term     uint64
	votedFor protocols.NodeID
	log      protocols.Log

	// Volatile state.
	role        protocols.Role
	leader      protocols.NodeID // of the current term, as far as known
	commitIndex uint64           // lastApplied is the node's; entries are handed over as they are committed
	voters      []progress       // in the order of Config.Voters
	self        *progress        // this server, in voters
	scratch     []uint64         // of advance

	// The way to the disk.
	seq       uint64 // of the last write
	persisted uint64 // writes up to here are durable
	unsaved   bool   // term or votedFor changed since the last write
	held      protocols.Outbox[Message]
	underway  []mark // a leader's writes that are not yet durable, in order

	// Deadlines. A leader has no electionAt, the others no heartbeatAt.
	electionAt  protocols.Time
	heartbeatAt protocols.Time
}

// New returns the server that cfg describes, as a follower, with what its disk
// holds. It panics if cfg is not valid, or if the log begins with a snapshot,
// since no Write of this package names one.
func New(cfg Config, recovered protocols.Recovered, rng *rand.Rand) *Replica {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	if recovered.Base != (protocols.EntryID{}) || recovered.Snapshot.At != (protocols.EntryID{}) {
		panic(fmt.Sprintf("raft: recovered a log that follows %v and a snapshot at %v", recovered.Base, recovered.Snapshot.At))
	}
	r := &Replica{
		cfg:      cfg,
		rng:      rng,
		term:     recovered.Registers[0],
		votedFor: protocols.NodeID(recovered.Registers[1]),
		log:      protocols.NewLog(recovered),
		voters:   make([]progress, len(cfg.Voters)),
		scratch:  make([]uint64, len(cfg.Voters)),
	}
	for i, v := range cfg.Voters {
		r.voters[i].id = v
	}
	r.self = r.voter(cfg.ID)
	return r
}

// Wake looks at the deadlines; the first call starts the election timer.
func (r *Replica) Wake(now protocols.Time, out *Output) {
	switch {
	case r.role == protocols.Leader:
		if now >= r.heartbeatAt {
			r.heartbeat(now, out)
		}
	case r.electionAt == 0:
		r.resetElectionTimer(now)
	case now >= r.electionAt:
		r.campaign(now, out)
	}
	r.alarm(out)
}

// Receive takes in one message.
func (r *Replica) Receive(now protocols.Time, from protocols.NodeID, m Message, out *Output) {
	if p := r.voter(from); p != nil { // others have no say: membership is fixed
		// §5.1: "If one server's current term is smaller than the other's, then it
		// updates its current term to the larger value. If a candidate or leader
		// discovers that its term is out of date, it immediately reverts to
		// follower state."
		if m.Term > r.term {
			r.enterTerm(m.Term)
			r.become(protocols.Follower, now, out)
		}
		switch m.Type {
		case RequestVote:
			r.requestVote(now, from, &m, out)
		case RequestVoteResponse:
			r.requestVoteResponse(now, p, &m, out)
		case AppendEntries:
			r.appendEntries(now, from, &m, out)
		case AppendEntriesResponse:
			r.appendEntriesResponse(p, &m, out)
		}
		r.save(out)
	}
	r.alarm(out)
}

// Disconnected makes a leader look again for what the peer has. It sends
// nothing before the next heartbeat: a peer that has died would break each new
// stream at once.
func (r *Replica) Disconnected(now protocols.Time, peer protocols.NodeID, out *Output) {
	if p := r.voter(peer); p != nil && r.role == protocols.Leader {
		p.lost()
	}
	r.alarm(out)
}

// Propose appends the commands at the leader, and refuses them elsewhere.
func (r *Replica) Propose(now protocols.Time, commands []protocols.Command, out *Output) {
	if r.role == protocols.Leader {
		r.appendOwn(commands, out)
	} else {
		for i := range commands {
			r.refuse(commands[i].ID, out)
		}
	}
	r.alarm(out)
}

// Read permits at once what needs no more than this server's own opinion.
func (r *Replica) Read(now protocols.Time, id protocols.RequestID, mode protocols.ReadMode, out *Output) {
	switch {
	case mode == protocols.ReadLocal,
		mode == protocols.ReadLeader && r.role == protocols.Leader && r.active():
		out.Reads = append(out.Reads, protocols.ReadState{ID: id})
	default:
		r.refuse(id, out)
	}
	r.alarm(out)
}

func (r *Replica) refuse(id protocols.RequestID, out *Output) {
	out.Refused = append(out.Refused, protocols.Refusal{ID: id, Leader: r.leader})
}

// Persisted lets out what waited for the disk, and counts the leader's own copy.
func (r *Replica) Persisted(now protocols.Time, seq uint64, out *Output) {
	if seq < r.persisted || seq > r.seq {
		panic(fmt.Sprintf("raft: write %d persisted, of %d after %d: %v", seq, r.seq, r.persisted, r))
	}
	r.persisted = seq
	r.held.Release(seq, out)
	n := 0
	for n < len(r.underway) && r.underway[n].seq <= seq {
		n++
	}
	if n > 0 {
		r.self.matchIndex = r.underway[n-1].last
		r.underway = r.underway[:copy(r.underway, r.underway[n:])]
		r.advance(out)
	}
	r.alarm(out)
}

// Compact has no effect: the log is kept whole, and no image is asked for.
func (r *Replica) Compact(now protocols.Time, s protocols.Snapshot, out *Output) { r.alarm(out) }

// Status is what a probe may see.
func (r *Replica) Status() protocols.Status {
	return protocols.Status{
		Role:      r.role,
		Active:    r.active(),
		Leader:    r.leader,
		Epoch:     r.term,
		Last:      r.log.Last(),
		Committed: r.entryID(r.commitIndex),
	}
}

// String writes the state for a panic.
func (r *Replica) String() string {
	return fmt.Sprintf("server %d, %v in term %d, voted %d, leader %d, log to %v, committed %d, writes %d of %d durable",
		r.cfg.ID, r.role, r.term, r.votedFor, r.leader, r.log.Last(), r.commitIndex, r.persisted, r.seq)
}

// active reports whether the leader is known and has committed an entry of its
// term, as far as this server has heard.
func (r *Replica) active() bool {
	return r.leader != protocols.None && r.entryID(r.commitIndex).Epoch == r.term
}

// alarm ends every call: it asks to be woken at the earliest deadline.
func (r *Replica) alarm(out *Output) {
	if out.Wake = r.electionAt; r.role == protocols.Leader {
		out.Wake = r.heartbeatAt
	}
}

// enterTerm begins a term that is new to this server. What is held back was
// said in an older one and interests nobody.
func (r *Replica) enterTerm(term uint64) {
	r.term, r.votedFor, r.leader, r.unsaved = term, protocols.None, protocols.None, true
	r.held.Clear()
}

// become changes the role. The election timer goes on as it was, or a server
// with an old log could keep those with a newer one from ever standing; only a
// leader, who had none, starts it.
func (r *Replica) become(role protocols.Role, now protocols.Time, out *Output) {
	if role == r.role {
		return
	}
	if r.role == protocols.Leader {
		// Its entries may survive in its successor's log, or may not.
		out.Abandoned = true
		r.underway = r.underway[:0]
		r.resetElectionTimer(now)
	}
	r.role = role
	out.Emit(protocols.Event{Kind: protocols.RoleChanged, Role: role, Epoch: r.term})
}
