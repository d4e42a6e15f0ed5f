package raft

import "raftzab/protocols"

// A pendingRead waits for a round of heartbeats that began after it came
// (dissertation 6.4).
type pendingRead struct {
	id           protocols.RequestID
	index, round uint64
}

// Read permits at once what needs no more than this server's own opinion. Reads
// that must be sure are the leader's: nobody else forwards them.
//
// A ReadLease is a ReadIndex that saves itself the round of heartbeats while the
// lease lasts.
func (r *Replica) Read(now protocols.Time, id protocols.RequestID, mode protocols.ReadMode, out *Output) {
	leads := r.role == protocols.Leader
	switch {
	case mode == protocols.ReadLocal,
		mode == protocols.ReadLeader && leads && r.active():
		out.Reads = append(out.Reads, protocols.ReadState{ID: id})
	case mode == protocols.ReadLease && leads && r.active() && now < r.leaseEnd():
		out.Reads = append(out.Reads, protocols.ReadState{ID: id, At: r.entryID(r.commitIndex)})
	case (mode == protocols.ReadIndex || mode == protocols.ReadLease) && leads:
		// Dissertation 6.4: the round must begin after the read came. One serves all
		// that gathered while the one before was under way.
		r.reads = append(r.reads, pendingRead{id, r.commitIndex, r.round + 1})
		if r.confirmed == r.round {
			r.heartbeat(now, out)
		}
	default:
		r.refuse(id, r.leader, out)
	}
	r.alarm(out)
}

// ask begins a round: messages from here on carry its number, and who answers
// one of them followed this leader after now.
func (r *Replica) ask(now protocols.Time) {
	if r.round++; r.asked == 0 {
		r.asked, r.askedAt = r.round, now
	}
}

// confirm looks how far a majority has answered. Whoever they are, this server
// led when that round began.
func (r *Replica) confirm(now protocols.Time, out *Output) {
	if r.role != protocols.Leader {
		return
	}
	r.self.answered = r.round
	r.confirmed = max(r.confirmed, r.reached(func(p *progress) uint64 { return p.answered }))
	if r.asked != 0 && r.asked <= r.confirmed {
		r.confirmedAt, r.leased, r.asked = r.askedAt, true, 0
	}
	if !r.active() {
		return // it does not know yet what is committed (dissertation 6.4, step 1)
	}
	n := 0
	for ; n < len(r.reads) && r.reads[n].round <= r.confirmed; n++ {
		// What an earlier leader committed lies before the first entry of this one.
		at := r.entryID(max(r.reads[n].index, r.firstIndex, r.log.Base().Index))
		out.Reads = append(out.Reads, protocols.ReadState{ID: r.reads[n].id, At: at})
	}
	r.reads = r.reads[:copy(r.reads, r.reads[n:])]
	if len(r.reads) > 0 && r.confirmed == r.round {
		r.heartbeat(now, out)
	}
}

// quorumEnd is when a leader that checks for its quorum gives up: a majority has
// answered nothing that it asked since an election timeout (dissertation 6.2).
func (r *Replica) quorumEnd() protocols.Time { return r.confirmedAt + r.cfg.ElectionTimeout.Max }

// leaseEnd is until when nobody else can have been elected (dissertation 6.4.1).
// A majority heard from this leader after confirmedAt, and votes for nobody
// until its clocks have gone a minimum election timeout further: theirs may be
// fast, and this one slow. Who has been told to stand is not bound by that.
func (r *Replica) leaseEnd() protocols.Time {
	drift := r.cfg.ClockDrift
	if !r.cfg.CheckQuorum || drift == 0 || !r.leased || r.handedOver {
		return 0
	}
	return r.confirmedAt + protocols.Time(float64(r.cfg.ElectionTimeout.Min)*(1-drift)/(1+drift))
}
