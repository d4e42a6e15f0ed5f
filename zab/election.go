package zab

import "raftzab/protocols"

// Fast leader election: FastLeaderElection.lookForLeader, with its two loops
// turned inside out. ZooKeeper's thread waits for the next notification in one
// of two places: the main loop, which repeats the own vote when nothing comes
// for the back-off (notifyAt), and finalizeWait, which ends the election when
// nothing comes for that long (finalizeAt). Exactly one of the two is set while
// LOOKING. Both wait anew after every notification, whatever it says.

// lookForLeader begins an election. Whoever calls it has left its office. An
// observer that lost its leader takes its time, so that the voters have theirs
// (QuorumPeer.run, Observer.waitForObserverElectionDelay).
func (r *Replica) lookForLeader(now Time, out *Output) {
	r.role, r.leader = protocols.Candidate, protocols.None
	out.Emit(Event{Kind: protocols.RoleChanged, Role: r.role, Epoch: r.currentEpoch})
	r.enter(protocols.Election, r.currentEpoch, out)
	if r.isObserver() && r.clock > 0 && r.cfg.ObserverElectionDelay > 0 {
		r.lookAt = now + Time(r.rng.Int64N(int64(r.cfg.ObserverElectionDelay)))
		if r.lookAt > now {
			return
		}
	}
	r.beginRound(now, out)
}

// enter begins a phase of office in an epoch.
func (r *Replica) enter(p protocols.Phase, epoch uint64, out *Output) {
	r.phase = p
	out.Emit(Event{Kind: protocols.PhaseEntered, Phase: p, Role: r.role, Peer: r.leader, Epoch: epoch})
}

// beginRound is the beginning of FastLeaderElection.lookForLeader.
func (r *Replica) beginRound(now Time, out *Output) {
	r.clock++
	r.initial = r.ownVote()
	clear(r.recvset)
	clear(r.outofelection)
	r.backoff = r.cfg.MinNotificationInterval
	r.finalizeAt, r.notifyAt, r.lookAt = 0, now+r.backoff, 0
	out.Emit(Event{Kind: protocols.RoundBegan, Epoch: r.clock})
	r.cast(r.initial, out)
}

// ownVote is what a server begins with. An observer's is worse than any voter's.
func (r *Replica) ownVote() Vote {
	if r.isObserver() {
		return Vote{}
	}
	return Vote{Leader: r.cfg.ID, Zxid: r.history.Last(), PeerEpoch: r.currentEpoch}
}

// cast makes v the proposal and tells all voters, oneself included: the own vote
// counts when its loopback copy comes in, like any other. Observers tell voters
// too, and nobody counts them.
func (r *Replica) cast(v Vote, out *Output) {
	r.proposal = v
	if !r.isObserver() {
		out.Emit(Event{Kind: protocols.VoteCast, Peer: v.Leader, Epoch: r.clock})
	}
	r.sendNotifications(out)
}

func (r *Replica) sendNotifications(out *Output) {
	clear(r.resent)
	for _, id := range r.cfg.Voters {
		r.notify(id, out)
	}
}

// notify sends the live proposal. It waits for the disk: the initial vote states
// what our log ends with, and a restart must not find less. What waits is
// ZooKeeper's queue of one per peer, in which the newest replaces the oldest.
func (r *Replica) notify(to NodeID, out *Output) {
	if r.persisted == r.seq {
		out.Send(to, r.notification(r.proposal))
		return
	}
	r.unsent[to], r.unsentSeq = r.notification(r.proposal), r.seq
}

// sendUnsent sends what waited for the disk.
func (r *Replica) sendUnsent(out *Output) {
	if r.unsentSeq == 0 || r.unsentSeq > r.persisted {
		return
	}
	for _, id := range r.cfg.Voters {
		if m := r.unsent[id]; m.ElectionEpoch != 0 {
			out.Send(id, m)
		}
	}
	clear(r.unsent)
	r.unsentSeq = 0
}

func (r *Replica) notification(v Vote) Message {
	return Message{Type: Notification, State: r.role, Leader: v.Leader, Zxid: v.Zxid, PeerEpoch: v.PeerEpoch, ElectionEpoch: r.clock}
}

// repeatNotification is the back-off of the main loop.
func (r *Replica) repeatNotification(now Time, out *Output) {
	r.backoff = min(2*r.backoff, r.cfg.MaxNotificationInterval)
	r.notifyAt = now + r.backoff
	r.sendNotifications(out)
}

// answerObserver is the receiver thread's answer to who has no vote: the last
// decision, even while the next one is under way. So an observer may learn of a
// leader that is no more, and look for it in vain, here as in ZooKeeper.
func (r *Replica) answerObserver(from NodeID, out *Output) {
	if !r.isObserver() {
		out.Send(from, r.notification(r.currentVote))
	}
}

// receiveNotification is the receiver thread (WorkerReceiver.run), which
// answers, and behind it the queue, which while LOOKING is empty by the time we
// return.
//
// An observer answers nobody: whoever looks would answer with the same, and so
// on, at the speed of messages until a leader is found.
func (r *Replica) receiveNotification(now Time, from NodeID, m *Message, out *Output) {
	n := m.ballot()
	r.resent[from] = false
	if r.role != protocols.Candidate {
		if n.state == protocols.Candidate && !r.isObserver() {
			// At once, for it rests on no write of ours: it says whom we follow.
			out.Send(from, r.notification(r.currentVote))
		}
		return
	}
	if r.lookAt != 0 {
		return
	}
	if n.state == protocols.Candidate && n.round < r.clock && !r.isObserver() {
		r.notify(from, out)
	}
	if r.finalizeAt != 0 {
		// Only the triple is looked at: not who sends it, nor in which round.
		if !n.vote.beats(r.proposal) {
			r.finalizeAt = now + r.cfg.FinalizeWait
			return
		}
		r.finalizeAt = 0
		out.Emit(Event{Kind: protocols.WaitRestarted, Epoch: r.clock})
	}
	r.notifyAt = now + r.backoff
	switch {
	case !r.isVoter(n.vote.Leader):
	case n.state == protocols.Candidate:
		r.receiveVote(now, from, n, out)
	case n.state == protocols.Follower || n.state == protocols.Leader:
		r.receiveResult(now, from, n, out)
	}
}

// receiveVote takes the vote of a server that is looking too.
func (r *Replica) receiveVote(now Time, from NodeID, n ballot, out *Output) {
	switch {
	case n.round > r.clock:
		// What was proposed in the old round is forgotten: the comparison is with
		// the initial vote.
		r.clock = n.round
		clear(r.recvset)
		if n.vote.beats(r.initial) {
			r.cast(n.vote, out)
		} else {
			r.cast(r.initial, out)
		}
	case n.round < r.clock:
		return // answered above; and not recorded
	case n.vote.beats(r.proposal):
		r.cast(n.vote, out)
	}
	r.recvset[from] = n
	if r.quorumOf(r.recvset, ballot{vote: r.proposal, round: r.clock, state: protocols.Candidate}) {
		r.finalizeAt, r.notifyAt = now+r.cfg.FinalizeWait, 0
		if r.cfg.FinalizeWait == 0 {
			r.decide(now, r.proposal, out)
		}
	}
}

// receiveResult takes the vote of a server that has found its leader. There is
// no finalizeWait here, and no round is adopted without a quorum.
func (r *Replica) receiveResult(now Time, from NodeID, n ballot, out *Output) {
	if n.round == r.clock {
		r.recvset[from] = n
		if r.quorumOf(r.recvset, n) && r.checkLeader(r.recvset, n) {
			r.decide(now, n.vote, out)
			return
		}
	}
	r.outofelection[from] = n
	if r.quorumOf(r.outofelection, n) && r.checkLeader(r.outofelection, n) {
		r.clock = n.round
		r.decide(now, n.vote, out)
	}
}

// quorumOf counts the voters of which set holds the same vote as n.
func (r *Replica) quorumOf(set []ballot, n ballot) bool {
	count := 0
	for _, id := range r.cfg.Voters {
		if b := &set[id]; b.present && b.same(&n) {
			count++
		}
	}
	return r.isQuorum(count)
}

// checkLeader keeps the followers of a dead leader from electing it again, for
// want of its own word that it leads, and us from taking an office that we held
// in an older round.
func (r *Replica) checkLeader(set []ballot, n ballot) bool {
	if n.vote.Leader == r.cfg.ID {
		return r.clock == n.round
	}
	l := &set[n.vote.Leader]
	return l.present && l.state == protocols.Leader
}

// decide ends the election.
func (r *Replica) decide(now Time, v Vote, out *Output) {
	r.currentVote = v
	r.finalizeAt, r.notifyAt = 0, 0
	r.leader = v.Leader
	switch {
	case r.leader == r.cfg.ID:
		r.role = protocols.Leader
		out.Emit(Event{Kind: protocols.Elected, Role: r.role, Epoch: r.clock})
	case r.isObserver():
		r.role = protocols.Observer
	default:
		r.role = protocols.Follower
	}
	out.Emit(Event{Kind: protocols.RoleChanged, Role: r.role, Epoch: r.currentEpoch})
	r.enter(protocols.Discovery, r.currentEpoch, out)
	if r.role == protocols.Leader {
		r.lead(now, out)
	} else {
		r.follow(now, out)
	}
}
