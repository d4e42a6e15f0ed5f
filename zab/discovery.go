package zab

import (
	"fmt"
	"slices"

	"raftzab/protocols"
)

// Discovery: the leader-elect learns of every epoch that a quorum has accepted,
// takes a later one, and has a quorum promise to follow none before it.

// --- learner: Learner.connectToLeader, registerWithLeader

// A link is a learner's connection to its leader.
type link struct {
	conn      uint32 // counts the attempts of this life: packets of another are stale
	up        bool   // as far as we know
	tries     int    // since the election
	tried     Time   // the last of them
	connectAt Time   // the next
	giveUpAt  Time   // when no more begins
	timeout   Time   // of a read
	deadline  Time   // of this read, or of the wait to connect

	mode      protocols.Phase    // Diff, Trunc or Snap; Election before the header
	lastSeen  Zxid               // the last proposal, or what the header says to go on from
	snapshot  protocols.Snapshot // Snap: the leader's
	notLogged []Entry            // ZooKeeper's packetsNotLogged
	commits   int                // so many of them are committed
	epochSeq  uint64             // the write behind the acknowledgement of NEWLEADER; 0: no NEWLEADER yet
	acked     bool               // that has gone

	turnedAwayBy NodeID // who answered the last attempt and had no use for us
}

// follow begins discovery at a learner. One that promised a later epoch than
// its leader's is turned away until the next election; it takes a tick between
// two attempts, or it would go round through election and here at the speed of
// messages.
func (r *Replica) follow(now Time, out *Output) {
	l := &r.link
	l.mode, l.commits, l.epochSeq, l.acked, l.notLogged = protocols.Election, 0, 0, false, l.notLogged[:0]
	l.tries, l.timeout = 0, r.ticks(r.cfg.InitLimit)
	l.giveUpAt, l.deadline = now+l.timeout, now+l.timeout
	if again := l.tried + r.cfg.Tick; l.turnedAwayBy == r.leader && now < again {
		l.connectAt = again
		return
	}
	r.connect(now, out)
}

// connect opens the learner connection.
func (r *Replica) connect(now Time, out *Output) {
	l := &r.link
	l.conn++
	l.tries++
	l.up, l.tried, l.turnedAwayBy = true, now, protocols.None
	l.connectAt, l.deadline = 0, now+l.timeout
	info := Message{Type: FollowerInfo, Zxid: Zxid{Epoch: r.acceptedEpoch}}
	if r.isObserver() {
		info.Type = ObserverInfo
	}
	r.promiseLeader(info, out)
}

func (r *Replica) toLeader(m Message, out *Output) {
	m.Learner, m.Conn = r.cfg.ID, r.link.conn
	out.Send(r.leader, m)
}

// promiseLeader is toLeader for what waits for the disk.
func (r *Replica) promiseLeader(m Message, out *Output) {
	m.Learner, m.Conn = r.cfg.ID, r.link.conn
	r.promise(r.leader, m, out)
}

// connectAgain is what a refused connection leads to: the leader-elect may be
// still in its finalizeWait. A FOLLOWERINFO that waits for the disk belongs to
// the connection that is no more.
func (r *Replica) connectAgain(now Time, out *Output) {
	l := &r.link
	l.up = false
	r.held.Clear()
	if next := now + r.cfg.ConnectRetry; l.tries < connectTries && next < l.giveUpAt {
		l.connectAt = next
	} else {
		r.leave(now, out)
	}
}

// lostLeader is the end of the stream to the leader: of the connection, or of an
// attempt at one.
func (r *Replica) lostLeader(now Time, out *Output) {
	if r.phase == protocols.Discovery {
		r.connectAgain(now, out)
	} else {
		r.leave(now, out)
	}
}

// closeLeader hangs up.
func (r *Replica) closeLeader(out *Output) {
	l := &r.link
	if l.up {
		r.toLeader(Message{Type: Close}, out)
	}
	if r.phase == protocols.Synchronization {
		l.turnedAwayBy = r.leader
	}
	l.up, l.connectAt, l.deadline = false, 0, 0
}

// fromLeader takes a packet in. Every packet starts a new read.
func (r *Replica) fromLeader(now Time, m *Message, out *Output) {
	if m.Type == Refused && r.phase == protocols.Discovery {
		r.connectAgain(now, out)
		return
	}
	r.link.deadline = now + r.link.timeout
	switch {
	case m.Type == Close:
		r.link.up = false
		r.leave(now, out)
	case r.phase == protocols.Discovery && m.Type == LeaderInfo:
		r.leaderInfo(now, m.Zxid.Epoch, out)
	case r.phase == protocols.Synchronization:
		r.synchronizing(m, out)
	case r.phase == protocols.Broadcast:
		r.following(m, out)
	default:
		r.illegal(r.leader, m)
	}
}

// illegal: streams keep their order and connections their number, so a packet
// that has no business here is a mistake of ours.
func (r *Replica) illegal(from NodeID, m *Message) {
	panic(fmt.Sprintf("server %d: %v from %d has no business here: %v", r.cfg.ID, *m, from, r))
}

// leaderInfo answers LEADERINFO(epoch), the paper's NEWEPOCH, with ACKEPOCH.
func (r *Replica) leaderInfo(now Time, epoch uint64, out *Output) {
	if epoch < r.acceptedEpoch {
		r.link.turnedAwayBy = r.leader
		r.leave(now, out)
		return
	}
	ack := Message{Type: AckEpoch, CurrentEpoch: r.currentEpoch, Zxid: r.history.Last()}
	if epoch == r.acceptedEpoch {
		ack.CurrentEpoch = NoEpoch
	} else {
		r.acceptedEpoch = epoch
		r.writeEpochs(out)
	}
	r.enter(protocols.Synchronization, epoch, out)
	r.promiseLeader(ack, out)
}

// --- leader: Leader.lead, getEpochToPropose, waitForEpochAck

// An office is what a leader knows that a learner does not.
type office struct {
	learners []handler // by NodeID, ourselves among them
	epoch    uint64    // to propose; final when chosen
	chosen   bool
	durable  bool   // our promise of it: acceptedEpoch
	epochSeq uint64 // the write of acceptedEpoch, then that of currentEpoch; 0: none, or durable
	waitTill Time   // for this phase's quorum
	pingAt   Time
	halfTick bool // the tick is counted at every second ping
	tick     int
	proposed Zxid // lastProposed
	syncs    []pendingSync
	acks     []Zxid  // scratch
	entries  []Entry // scratch
}

// A handler is the leader's end of a learner connection: LearnerHandler.
type handler struct {
	conn     uint32 // the learner's number
	stage    stage
	last     Zxid // in ACKEPOCH
	counted  bool // and it was an acknowledgement
	acked    Zxid // the last proposal
	deadline Time // of this read, or of the wait for a quorum
	ackTick  int  // tickOfNextAckDeadline
	check    syncLimitCheck
}

// A stage is how far a learner has come on its connection.
type stage uint8

const (
	absent     stage = iota
	connected        // FOLLOWERINFO is here
	informed         // LEADERINFO is sent
	ackedEpoch       // ACKEPOCH is here
	syncing          // history and NEWLEADER are sent: proposals go to it
	inEpoch          // NEWLEADER is acknowledged
	upToDate         // UPTODATE is sent
)

// lead begins discovery at the leader-elect. It opens the port, so to speak: an
// earlier FOLLOWERINFO was refused.
func (r *Replica) lead(now Time, out *Output) {
	o := &r.office
	clear(o.learners)
	*o = office{learners: o.learners, syncs: o.syncs[:0], acks: o.acks[:0], entries: o.entries[:0]}
	o.waitTill = now + r.ticks(r.cfg.InitLimit)
	o.learners[r.cfg.ID] = handler{stage: connected}
	r.raiseEpoch(r.acceptedEpoch)
	r.chooseEpoch(now, out)
}

func (r *Replica) raiseEpoch(accepted uint64) {
	if r.office.epoch = max(r.office.epoch, accepted+1); r.office.epoch > maxCounter {
		panic(fmt.Sprintf("server %d: 32 bits of epochs are used up: %v", r.cfg.ID, r))
	}
}

// quorum counts ourselves and the learners that have come as far as s.
func (r *Replica) quorum(s stage) bool {
	count := 0
	for _, id := range r.cfg.Voters {
		if l := &r.office.learners[id]; l.stage >= s && (s != ackedEpoch || l.counted) {
			count++
		}
	}
	return r.isQuorum(count) && r.office.learners[r.cfg.ID].stage >= s
}

// closeLearners resigns.
func (r *Replica) closeLearners(out *Output) {
	for _, id := range r.others {
		r.closeLearner(id, out)
	}
	r.office.pingAt, r.office.waitTill = 0, 0
}

func (r *Replica) closeLearner(id NodeID, out *Output) {
	if l := &r.office.learners[id]; l.stage != absent {
		r.toLearner(id, Message{Type: Close}, out)
		r.forget(id)
	}
}

// forget drops a learner whose connection is no more, and what it waited for.
func (r *Replica) forget(id NodeID) {
	r.office.learners[id] = handler{}
	r.office.syncs = slices.DeleteFunc(r.office.syncs, func(s pendingSync) bool { return s.of == id })
}

func (r *Replica) toLearner(id NodeID, m Message, out *Output) {
	m.Learner, m.Conn = id, r.office.learners[id].conn
	out.Send(id, m)
}

// fromLearner takes a packet in, of the connection that is up or for a new one.
func (r *Replica) fromLearner(now Time, from NodeID, m *Message, out *Output) {
	l := &r.office.learners[from]
	if m.Type == FollowerInfo || m.Type == ObserverInfo {
		r.learnerInfo(now, from, m, out)
		return
	}
	if l.stage == absent || m.Conn != l.conn {
		return
	}
	l.heard(r, now)
	switch {
	case m.Type == Close:
		r.forget(from)
	case m.Type == AckEpoch && l.stage == informed:
		r.ackEpoch(now, from, m, out)
	case m.Type == AckNewLeader && m.Zxid != (Zxid{Epoch: r.office.epoch}), m.Type == Ack && !r.isVoter(from):
		r.illegal(from, m)
	case m.Type == AckNewLeader && l.stage == syncing:
		r.ackNewLeader(now, from, out)
	case l.stage != upToDate:
		r.illegal(from, m)
	case m.Type == Ack:
		r.ack(from, m.Zxid, out)
	case m.Type == Request:
		r.request(now, m, out)
	case m.Type == SyncRequest:
		r.sync(now, pendingSync{of: from}, out)
	case m.Type == AckNewLeader || m.Type == Ping:
	default:
		r.illegal(from, m)
	}
}

// learnerInfo accepts a learner, the paper's CEPOCH. An observer too raises the
// epoch, and is counted nowhere.
func (r *Replica) learnerInfo(now Time, from NodeID, m *Message, out *Output) {
	o := &r.office
	r.forget(from)
	o.learners[from] = handler{
		conn:     m.Conn,
		stage:    connected,
		deadline: now + r.ticks(r.cfg.InitLimit),
		ackTick:  o.tick + r.cfg.InitLimit + r.cfg.SyncLimit,
	}
	switch {
	case o.durable:
		r.inform(now, from, out)
	case !o.chosen:
		r.raiseEpoch(m.Zxid.Epoch)
		r.chooseEpoch(now, out)
	}
}

// chooseEpoch settles the epoch when a quorum has said what it had accepted.
func (r *Replica) chooseEpoch(now Time, out *Output) {
	o := &r.office
	if !r.quorum(connected) {
		return
	}
	o.chosen = true
	o.waitTill = now + r.ticks(r.cfg.InitLimit)
	r.acceptedEpoch = o.epoch
	r.writeEpochs(out)
	o.epochSeq = r.seq
}

// epochDurable goes on when our own promise of the epoch is durable.
func (r *Replica) epochDurable(now Time, out *Output) {
	o := &r.office
	o.durable = true
	self := &o.learners[r.cfg.ID]
	self.stage, self.counted = ackedEpoch, true
	for _, id := range r.others {
		if o.learners[id].stage == connected {
			r.inform(now, id, out)
		}
	}
	r.epochAcked(now, out)
}

// inform sends LEADERINFO, the paper's NEWEPOCH.
func (r *Replica) inform(now Time, to NodeID, out *Output) {
	l := &r.office.learners[to]
	l.stage, l.deadline = informed, now+r.ticks(r.cfg.InitLimit)
	r.toLearner(to, Message{Type: LeaderInfo, Zxid: Zxid{Epoch: r.office.epoch}}, out)
}

// ackEpoch compares what the learner has with what we have: the leader refuses
// a more recent follower, and never pulls history. Until a quorum has
// acknowledged, that means there is a better leader than us, and we resign, where
// ZooKeeper's leader goes on without that learner and waits for others.
func (r *Replica) ackEpoch(now Time, from NodeID, m *Message, out *Output) {
	l := &r.office.learners[from]
	l.stage, l.last = ackedEpoch, m.Zxid
	if r.phase != protocols.Discovery {
		r.synchronize(now, from, out)
		return
	}
	if m.CurrentEpoch == NoEpoch {
		return // it waits with the others
	}
	if m.CurrentEpoch > r.currentEpoch || m.CurrentEpoch == r.currentEpoch && r.history.Last().Less(m.Zxid) {
		if r.isVoter(from) {
			r.leave(now, out)
		} else { // it may have followed a leader that was never established
			r.closeLearner(from, out)
		}
		return
	}
	l.counted = true
	r.epochAcked(now, out)
}

// epochAcked ends discovery when a quorum, none of it more recent than we are,
// has promised to follow nobody earlier.
func (r *Replica) epochAcked(now Time, out *Output) {
	if !r.quorum(ackedEpoch) {
		return
	}
	o := &r.office
	r.enter(protocols.Synchronization, o.epoch, out)
	o.waitTill = now + r.ticks(r.cfg.InitLimit)
	r.currentEpoch = o.epoch
	r.writeEpochs(out)
	o.epochSeq = r.seq
	for _, id := range r.others {
		if o.learners[id].stage == ackedEpoch {
			r.synchronize(now, id, out)
		}
	}
}
