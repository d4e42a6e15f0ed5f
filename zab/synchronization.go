package zab

import (
	"fmt"

	"raftzab/protocols"
)

// Synchronisation: every learner gets the leader's history, and then the live
// stream, on a path of its own. NEWLEADER only says that the history is over.

// --- leader: LearnerHandler.syncFollower, Leader.startForwarding

// synchronize chooses what brings the learner level and sends it. What counts
// as committed is, before activation, the leader's whole log. A SNAP's entries
// come behind it as in a DIFF. Of what is not committed an observer hears
// nothing until it is.
func (r *Replica) synchronize(now Time, to NodeID, out *Output) {
	l := &r.office.learners[to]
	end := r.history.Len()
	if r.phase == protocols.Broadcast {
		end, _ = r.history.UpTo(r.committed)
	}
	how, header, from := r.chooseSync(l.last, end)
	out.Emit(Event{Kind: protocols.SyncChosen, Peer: to, Phase: how, At: l.last})
	r.toLearner(to, header, out)
	for i := from; i < end; i++ {
		r.sendProposal(to, r.history.At(i), out)
		r.toLearner(to, Message{Type: Commit, Zxid: r.history.At(i).ID}, out)
	}
	for i := end; i < r.history.Len() && r.isVoter(to); i++ { // outstanding
		r.sendProposal(to, r.history.At(i), out)
	}
	// Behind what has been queued (ZOOKEEPER-3104), and before what comes: from
	// here on the learner is sent every proposal and every COMMIT.
	r.toLearner(to, Message{Type: NewLeader, Zxid: Zxid{Epoch: r.office.epoch}}, out)
	l.stage, l.deadline = syncing, now+r.ticks(r.cfg.InitLimit)
}

// chooseSync is the decision table: how to bring a learner level whose last
// zxid is p, when the first end entries of our log are committed; with the
// header, and the first entry to send behind it. ZooKeeper walks its
// committedLog and below that the log on disk; here one log serves down to its
// base. There is no cut across the border of an epoch.
func (r *Replica) chooseSync(p Zxid, end int) (how protocols.Phase, header Message, from int) {
	last := r.history.Base()
	if end > 0 {
		last = r.history.At(end - 1).ID
	}
	diff, trunc := Message{Type: Diff, Zxid: last}, Message{Type: Trunc, Zxid: last}
	newEpoch := p.Index == 0 // of nothing that anybody logs: an empty log, or an epoch without a transaction
	n, found := r.history.UpTo(p)
	switch {
	case p == last:
		return protocols.Diff, diff, end
	case last.Less(p) && newEpoch:
		return protocols.Diff, diff, end
	case last.Less(p):
		return protocols.Trunc, trunc, end
	case found || newEpoch && r.history.Base().Less(p):
		return protocols.Diff, diff, n
	case n > 0 && r.history.At(n).ID.Epoch == p.Epoch:
		// p is unknown here, and by invariant 2 no log of ours has such a gap; a
		// history that began in a ZooKeeper may.
		trunc.Zxid = r.history.At(n - 1).ID
		return protocols.Trunc, trunc, n
	}
	// p is unknown and no cut within its epoch reaches what we share, or it is from
	// before our log. Our first snapshot is the empty state.
	n, _ = r.history.UpTo(r.snapshot.At)
	return protocols.Snap, Message{Type: Snap, Zxid: r.snapshot.At, SnapshotSize: r.snapshot.Size}, n
}

// ackNewLeader counts a learner whose disk has the history and the epoch.
func (r *Replica) ackNewLeader(now Time, from NodeID, out *Output) {
	l := &r.office.learners[from]
	l.stage, l.check.started = inEpoch, true
	if r.phase == protocols.Broadcast {
		r.sendUpToDate(now, from, out)
	} else {
		r.activate(now, out)
	}
}

// persistedLeader counts our own writes.
func (r *Replica) persistedLeader(now Time, out *Output) {
	o := &r.office
	if o.epochSeq != 0 && o.epochSeq <= r.persisted {
		o.epochSeq = 0
		if !o.durable {
			r.epochDurable(now, out)
		} else {
			o.learners[r.cfg.ID].stage = inEpoch
			r.activate(now, out)
		}
	}
	o.learners[r.cfg.ID].acked = r.durable
	r.tryToCommit(out)
}

// activate takes office when a quorum is in the epoch: our history is now that
// of every leader to come.
func (r *Replica) activate(now Time, out *Output) {
	if r.phase != protocols.Synchronization || !r.quorum(inEpoch) {
		return
	}
	o := &r.office
	r.serving = true
	r.enter(protocols.Broadcast, o.epoch, out)
	r.currentVote.PeerEpoch = o.epoch // or who joins later never sees a quorum of equal votes
	o.proposed = Zxid{Epoch: o.epoch}
	o.waitTill, o.pingAt = 0, now+r.cfg.Tick/2
	out.Emit(Event{Kind: protocols.Activated, Role: r.role, Epoch: o.epoch})
	r.commit(r.history.Last(), out)
	for _, id := range r.others {
		if o.learners[id].stage == inEpoch {
			r.sendUpToDate(now, id, out)
		}
	}
}

func (r *Replica) sendUpToDate(now Time, to NodeID, out *Output) {
	l := &r.office.learners[to]
	l.stage, l.deadline = upToDate, now+r.ticks(r.cfg.SyncLimit)
	r.toLearner(to, Message{Type: UpToDate}, out)
}

// --- learner: Learner.syncWithLeader

// synchronizing takes what comes between ACKEPOCH and UPTODATE.
func (r *Replica) synchronizing(m *Message, out *Output) {
	l := &r.link
	headed := l.mode != protocols.Election
	if headed {
		r.checkStream(m, l.lastSeen, l.epochSeq != 0)
	}
	switch {
	case m.Type == Diff && !headed:
		l.mode, l.lastSeen = protocols.Diff, r.history.Last()
	case m.Type == Trunc && !headed:
		l.mode, l.lastSeen = protocols.Trunc, m.Zxid
		r.cut(m.Zxid, out)
		r.write(m.Zxid, nil, out)
	case m.Type == Snap && !headed:
		l.mode, l.lastSeen = protocols.Snap, m.Zxid // the log stays until NEWLEADER
		l.snapshot = protocols.Snapshot{At: m.Zxid, Size: m.SnapshotSize}
	case (m.Type == Proposal || m.Type == Inform) && headed:
		l.lastSeen = m.Zxid
		l.notLogged = append(l.notLogged, Entry{ID: m.Zxid, Command: m.Command})
		if m.Type == Inform {
			l.commits++ // an observer is sent nothing else than what is committed
		}
	case m.Type == Commit && headed:
		if l.commits == len(l.notLogged) || l.notLogged[l.commits].ID != m.Zxid {
			panic(fmt.Sprintf("server %d: COMMIT %v, of %d proposals the first %d are committed: %v", r.cfg.ID, m.Zxid, len(l.notLogged), l.commits, r))
		}
		l.commits++
	case m.Type == NewLeader && headed && l.epochSeq == 0 && m.Zxid.Epoch == r.acceptedEpoch:
		r.newLeader(m.Zxid.Epoch, out)
	case m.Type == UpToDate && l.acked:
		r.serve(out)
	case m.Type == Ping: // no answer before UPTODATE
	default:
		r.illegal(r.leader, m)
	}
}

// newLeader answers NEWLEADER. The order of the two writes is the point: the
// history, and behind it the epoch that vouches for it (ZOOKEEPER-4643, 4785);
// then, when both are durable, the acknowledgement (3911, 4646). Proposals
// without a COMMIT are kept back, neither logged nor acknowledged (4394, 4685).
func (r *Replica) newLeader(epoch uint64, out *Output) {
	l := &r.link
	history := l.notLogged[:l.commits]
	switch {
	case l.mode == protocols.Snap && r.committed.Less(l.snapshot.At):
		r.install(l.snapshot, history, out)
	case l.mode == protocols.Snap:
		r.keep(history, out)
	case len(history) > 0:
		r.log(history, out)
	}
	r.keepProposals(l.commits)

	r.currentEpoch = epoch
	r.writeEpochs(out)
	l.epochSeq = r.seq
	r.promiseLeader(Message{Type: AckNewLeader, Zxid: Zxid{Epoch: epoch}}, out)
}

// keepProposals drops the first n of those that are not logged.
func (r *Replica) keepProposals(n int) {
	l := &r.link
	l.notLogged = l.notLogged[:copy(l.notLogged, l.notLogged[n:])]
	l.commits = 0
}

// persistedLearner starts the reads that come behind the acknowledgement of
// NEWLEADER: from here on the leader is to be heard every syncLimit.
func (r *Replica) persistedLearner(now Time) {
	l := &r.link
	if l.epochSeq == 0 || l.epochSeq > r.persisted || l.acked {
		return
	}
	l.acked, l.timeout = true, r.ticks(r.cfg.SyncLimit)
	l.deadline = now + l.timeout
}

// serve answers UPTODATE, the paper's COMMIT-LD: the history is delivered, and
// what came behind it goes on as in broadcast.
func (r *Replica) serve(out *Output) {
	l := &r.link
	r.serving = true
	r.enter(protocols.Broadcast, r.currentEpoch, out)
	r.currentVote.PeerEpoch = r.currentEpoch // or who joins later never sees a quorum of equal votes
	r.toLeader(Message{Type: AckNewLeader, Zxid: Zxid{Epoch: r.currentEpoch}}, out)
	r.commit(r.history.Last(), out)
	if len(l.notLogged) > 0 {
		r.log(l.notLogged, out)
	}
	for i := range l.notLogged {
		if r.isObserver() {
			break // it is not asked
		}
		r.promiseLeader(Message{Type: Ack, Zxid: l.notLogged[i].ID}, out)
	}
	if l.commits > 0 {
		r.commit(l.notLogged[l.commits-1].ID, out)
	}
}
