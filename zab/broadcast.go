package zab

import (
	"fmt"

	"raftzab/protocols"
)

// Broadcast: proposals in the order of zxid on FIFO streams, an acknowledgement
// of each after its fsync, and COMMIT in the same order.

// maxCounter is the last counter of an epoch, and the last epoch.
const maxCounter = 1<<32 - 1

// --- leader: Leader.propose, processAck, tryToCommit

// propose orders commands, as many as the epoch has counters left for, and sends
// them out before its own disk has them. The others are not proposed: the leader
// has to resign, so that a new epoch begins (ZOOKEEPER-1277).
func (r *Replica) propose(now Time, commands []Command, out *Output) int {
	o := &r.office
	room := min(len(commands), int(r.cfg.LastCounter-o.proposed.Index))
	o.entries = o.entries[:0]
	for i := range room {
		o.proposed.Index++
		o.entries = append(o.entries, Entry{ID: o.proposed, Command: commands[i]})
		out.Emit(Event{Kind: protocols.Proposed, At: o.proposed, ID: commands[i].ID})
		for _, id := range r.cfg.Voters {
			if l := &o.learners[id]; l.stage >= syncing && id != r.cfg.ID {
				r.sendProposal(id, &o.entries[i], out)
				l.check.proposed(o.proposed, now)
			}
		}
	}
	if room > 0 {
		r.log(o.entries, out)
	}
	return room
}

// request proposes what a client asked of a learner. The answer is with the
// learner: its own COMMIT, or the end of its connection.
func (r *Replica) request(now Time, m *Message, out *Output) {
	one := [1]Command{m.Command}
	if r.propose(now, one[:], out) == 0 {
		r.leave(now, out)
	}
}

func (r *Replica) sendProposal(to NodeID, e *Entry, out *Output) {
	r.toLearner(to, Message{Type: Proposal, Zxid: e.ID, Command: e.Command}, out)
}

// ack counts a learner's copy. It has all before z too: acknowledgements come in
// the order of zxid.
func (r *Replica) ack(from NodeID, z Zxid, out *Output) {
	l := &r.office.learners[from]
	if z.Epoch != r.office.epoch || r.office.proposed.Less(z) || !l.acked.Less(z) {
		panic(fmt.Sprintf("server %d: ACK %v from %d, which has acknowledged %v of the %v proposed: %v", r.cfg.ID, z, from, l.acked, r.office.proposed, r))
	}
	l.acked = z
	l.check.acked(z)
	r.tryToCommit(out)
}

// tryToCommit commits what a quorum has on disk. ZooKeeper looks at one zxid per
// acknowledgement, and at no other when that commits; taking all up to the
// quorum's is the same as long as acknowledgements keep their order, and needs
// no such argument. Our own disk is one of the quorum's or not, as it comes.
func (r *Replica) tryToCommit(out *Output) {
	if r.phase != protocols.Broadcast {
		return
	}
	o := &r.office
	o.acks = o.acks[:0]
	for _, id := range r.cfg.Voters { // the greatest first
		i := len(o.acks)
		o.acks = append(o.acks, o.learners[id].acked)
		for ; i > 0 && o.acks[i-1].Less(o.acks[i]); i-- {
			o.acks[i-1], o.acks[i] = o.acks[i], o.acks[i-1]
		}
	}
	z := o.acks[len(r.cfg.Voters)/2]
	if !r.committed.Less(z) {
		return // in particular where it is of an earlier epoch
	}
	i, _ := r.history.UpTo(r.committed)
	for ; i < r.history.Len() && !z.Less(r.history.At(i).ID); i++ {
		e := r.history.At(i)
		for _, id := range r.others {
			switch {
			case o.learners[id].stage < syncing:
			case r.isVoter(id):
				r.toLearner(id, Message{Type: Commit, Zxid: e.ID}, out)
			default:
				r.toLearner(id, Message{Type: Inform, Zxid: e.ID, Command: e.Command}, out)
			}
		}
		r.answerSyncs(e.ID, out)
	}
	r.commit(z, out)
}

// --- learner: Follower.processPacket, Observer.processPacket

// checkStream: each transaction is the next one behind last. Of one in the live
// stream, behind NEWLEADER, an observer hears by INFORM and by nothing else, and
// of INFORM nobody hears otherwise.
func (r *Replica) checkStream(m *Message, last Zxid, live bool) {
	informed := live && r.isObserver()
	switch m.Type {
	case Proposal, Inform:
		if informed != (m.Type == Inform) || !follows(last, m.Zxid) {
			r.illegal(r.leader, m)
		}
	case Commit:
		if informed {
			r.illegal(r.leader, m)
		}
	}
}

// following takes what comes behind UPTODATE.
func (r *Replica) following(m *Message, out *Output) {
	r.checkStream(m, r.history.Last(), true)
	switch m.Type {
	case Proposal:
		r.logOne(Entry{ID: m.Zxid, Command: m.Command}, out)
		r.promiseLeader(Message{Type: Ack, Zxid: m.Zxid}, out)
	case Commit:
		// The head of what is pending, or nothing: ZooKeeper's follower ends its
		// process here.
		if i, _ := r.history.UpTo(r.committed); i == r.history.Len() || r.history.At(i).ID != m.Zxid {
			panic(fmt.Sprintf("server %d: COMMIT %v is not of the next proposal: %v", r.cfg.ID, m.Zxid, r))
		}
		r.commit(m.Zxid, out)
	case Inform:
		r.logOne(Entry{ID: m.Zxid, Command: m.Command}, out)
		r.commit(m.Zxid, out)
	case Sync:
		r.synced(m, out)
	case Ping:
		r.toLeader(Message{Type: Ping}, out)
	default:
		r.illegal(r.leader, m)
	}
}
