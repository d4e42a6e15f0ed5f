package raft

import "raftzab/protocols"

var _ protocols.Transferrer[Message] = (*Replica)(nil)

// Transfer hands the leadership to another voter (dissertation 3.10): the leader
// takes no more proposals, brings the other's log level with its own, and tells
// it to stand at once. If an election timeout passes, it goes on as before.
func (r *Replica) Transfer(now protocols.Time, to protocols.NodeID, out *Output) {
	if r.role == protocols.Leader && r.isVoter(to) && to != r.cfg.ID && r.transferee == protocols.None {
		r.transferee, r.transferEnd, r.toTell = to, now+r.cfg.ElectionTimeout.Max, true
		r.handOver(out)
	}
	r.alarm(out)
}

// handOver tells the transferee to stand once it has the whole log. From here on
// no lease holds in this term: the message may come late.
func (r *Replica) handOver(out *Output) {
	if r.transferee == protocols.None || !r.toTell {
		return
	}
	if p := r.member(r.transferee); p.matchIndex == r.log.Last().Index {
		r.toTell, r.handedOver = false, true
		out.Send(p.id, Message{Type: TimeoutNow, Term: r.currentTerm})
	}
}

// timeoutNow stands, whatever the timer says, and asks nobody before.
func (r *Replica) timeoutNow(now protocols.Time, from protocols.NodeID, m *Message, out *Output) {
	if m.Term == r.currentTerm && from == r.leader && r.role == protocols.Follower {
		r.campaign(now, true, out)
	}
}
