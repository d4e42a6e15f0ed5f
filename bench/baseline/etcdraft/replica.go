package etcdraft

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"

	"raftzab/protocols"
)

type (
	Time   = protocols.Time
	NodeID = protocols.NodeID
	Output = protocols.Output[Message]
)

var _ protocols.Transferrer[Message] = (*Replica)(nil)

// A Replica is one server of the library, driven through the contract.
type Replica struct {
	cfg   Config
	rng   *rand.Rand
	lib   *raft.RawNode
	store *raft.MemoryStorage // what the library reads of its log: the durable part

	// What the library has told, as of the last Ready.
	role       raft.StateType
	term       uint64
	vote       uint64
	commit     uint64
	leader     NodeID
	log        protocols.Log // what it has asked to be written
	delivered  uint64        // index up to which entries were committed
	activeTerm uint64        // the last of the own terms with a committed entry

	// The timer (see the package comment).
	timeout    Time
	startedAt  Time // when electionElapsed was 0
	electionAt Time // zero before the first Wake, and for learners
	heartAt    Time // of a leader
	votes      bool // this server is a voter

	seq, durable uint64
	waiting      []waiting
	buf          []protocols.Entry
}

// waiting is a message that a write backs: to others, to be sent when it is
// durable, or a MsgStorageAppend, whose responses are to be delivered then.
type waiting struct {
	seq  uint64
	msg  *pb.Message
	data bool // it answers a message with client commands
}

// New returns the server c.ID with what its disk has.
func New(c Config, recovered protocols.Recovered, rng *rand.Rand) *Replica {
	if err := c.Validate(); err != nil {
		panic(err)
	}
	if recovered.Base != (protocols.EntryID{}) {
		panic(fmt.Sprintf("etcdraft: a log that begins at %v; this server never compacts", recovered.Base))
	}
	r := &Replica{cfg: c, rng: rng, store: raft.NewMemoryStorage(), log: protocols.NewLog(recovered),
		term: recovered.Registers[0], vote: recovered.Registers[1]}
	r.votes = slices.Contains(c.Voters, c.ID)
	members := &pb.ConfState{}
	for _, v := range c.Voters {
		members.Voters = append(members.Voters, uint64(v))
	}
	for _, l := range c.Learners {
		members.Learners = append(members.Learners, uint64(l))
	}
	must(r.store.ApplySnapshot(&pb.Snapshot{Metadata: &pb.SnapshotMetadata{ConfState: members}}))
	if r.term > 0 {
		must(r.store.SetHardState(&pb.HardState{Term: new(r.term), Vote: new(r.vote), Commit: new(uint64(0))}))
	}
	must(r.store.Append(inside(recovered.Entries)))
	lib, err := raft.NewRawNode(c.library(r.store))
	must(err)
	r.lib = lib
	r.drawTimeout()
	return r
}

func must(err error) {
	if err != nil {
		panic(fmt.Sprintf("etcdraft: %v", err))
	}
}

// Wake looks at the own deadlines.
func (r *Replica) Wake(now Time, out *Output) {
	switch {
	case r.electionAt == 0: // boot
		r.restartTimer(now)
	case r.role == raft.StateLeader:
		if now >= r.heartAt {
			r.heartAt = now + r.cfg.Heartbeat
			r.lib.Tick()
		}
	case now >= r.electionAt:
		r.restartTimer(now) // tickElection: electionElapsed = 0
		must(r.lib.Campaign())
	}
	r.drain(now, false, out)
}

// Receive takes in a message.
func (r *Replica) Receive(now Time, _ NodeID, m Message, out *Output) {
	msg := m.Message
	if r.leaseIsOver(now, msg) {
		msg = &pb.Message{Type: m.Type, To: m.To, From: m.From, Term: m.Term, LogTerm: m.LogTerm, Index: m.Index, Context: leaseOver}
	}
	// The library drops what it cannot use by returning an error.
	_ = r.lib.Step(msg)
	r.drain(now, m.data, out)
	switch m.GetType() {
	case pb.MsgApp, pb.MsgHeartbeat, pb.MsgSnap:
		if r.role == raft.StateFollower && m.GetTerm() == r.term { // stepFollower: electionElapsed = 0
			r.restartTimer(now)
			out.Wake = r.electionAt
		}
	}
}

// leaseOver is the context of a request for votes that the library takes up
// whatever its lease says (raft.go: campaignTransfer).
var leaseOver = []byte("CampaignTransfer")

// leaseIsOver reports whether the library would ignore a request for votes though
// it shall not. With CheckQuorum it does while it has a leader and the least
// election timeout has not passed since its timer began, by ticks that a server
// which does not lead never gets here. Leaders get theirs.
func (r *Replica) leaseIsOver(now Time, m *pb.Message) bool {
	if t := m.GetType(); !r.cfg.CheckQuorum || t != pb.MsgVote && t != pb.MsgPreVote {
		return false
	}
	return r.role == raft.StateFollower && now >= r.startedAt+r.cfg.ElectionTimeout.Min
}

// Disconnected makes a leader probe where the peer's log ends.
func (r *Replica) Disconnected(now Time, peer NodeID, out *Output) {
	r.lib.ReportUnreachable(uint64(peer))
	r.drain(now, false, out)
}

// Propose appends the commands at a leader, as one proposal.
func (r *Replica) Propose(now Time, commands []protocols.Command, out *Output) {
	refused := r.role != raft.StateLeader
	if !refused {
		es := make([]*pb.Entry, len(commands))
		for i := range commands {
			es[i] = &pb.Entry{Data: encode(make([]byte, 0, commandSize), &commands[i])}
		}
		refused = r.lib.Step(&pb.Message{Type: pb.MsgProp.Enum(), From: new(uint64(r.cfg.ID)), Entries: es}) != nil
	}
	if refused {
		for i := range commands {
			out.Refused = append(out.Refused, protocols.Refusal{ID: commands[i].ID, Leader: r.leader})
		}
	}
	r.drain(now, false, out)
}

// Read permits ReadLocal, ReadLeader at a leader, and nothing else.
func (r *Replica) Read(now Time, id protocols.RequestID, mode protocols.ReadMode, out *Output) {
	if mode == protocols.ReadLocal || mode == protocols.ReadLeader && r.role == raft.StateLeader {
		out.Reads = append(out.Reads, protocols.ReadState{ID: id})
	} else {
		out.Refused = append(out.Refused, protocols.Refusal{ID: id, Leader: r.leader})
	}
	r.drain(now, false, out)
}

// Transfer hands the leadership over, or gives up after an election timeout.
func (r *Replica) Transfer(now Time, to NodeID, out *Output) {
	if r.role == raft.StateLeader {
		r.lib.TransferLeader(uint64(to))
	}
	r.drain(now, false, out)
}

// Persisted releases what waited for the writes up to seq.
func (r *Replica) Persisted(now Time, seq uint64, out *Output) {
	r.durable = seq
	n := 0
	for n < len(r.waiting) && r.waiting[n].seq <= seq {
		r.release(r.waiting[n], out)
		n++
	}
	r.waiting = append(r.waiting[:0], r.waiting[n:]...)
	r.drain(now, false, out)
}

// Compact does nothing: the control keeps its whole log.
func (r *Replica) Compact(now Time, _ protocols.Snapshot, out *Output) { r.drain(now, false, out) }

// Status is what a probe may see.
func (r *Replica) Status() protocols.Status {
	return protocols.Status{
		Role:      r.as(r.role),
		Active:    r.role == raft.StateLeader && r.activeTerm == r.term || r.role == raft.StateFollower && r.leader != protocols.None,
		Leader:    r.leader,
		Epoch:     r.term,
		Last:      r.log.Last(),
		Committed: r.at(r.commit),
	}
}

// as says what the contract calls a state of this server.
func (r *Replica) as(s raft.StateType) protocols.Role {
	switch {
	case s == raft.StateLeader:
		return protocols.Leader
	case s != raft.StateFollower:
		return protocols.Candidate // or pre-candidate
	case r.votes:
		return protocols.Follower
	}
	return protocols.Observer
}

// at returns the position with an index.
func (r *Replica) at(index uint64) protocols.EntryID {
	if index == 0 {
		return protocols.EntryID{}
	}
	return r.log.At(int(index) - 1).ID
}

// drawTimeout is resetRandomizedElectionTimeout.
func (r *Replica) drawTimeout() {
	r.timeout = r.cfg.ElectionTimeout.Min
	if d := r.cfg.ElectionTimeout.Max - r.timeout; d > 0 {
		r.timeout += Time(r.rng.Int64N(int64(d)))
	}
}

// restartTimer is electionElapsed = 0. Learners never stand.
func (r *Replica) restartTimer(now Time) {
	if r.startedAt = now; r.votes {
		r.electionAt = now + r.timeout
	}
}
