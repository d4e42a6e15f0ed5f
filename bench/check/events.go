package check

import "raftzab/protocols"

// Listen returns the events that Observe needs.
func (c *Invariants) Listen() protocols.EventSet {
	if c.protocol == Zab {
		return protocols.Events(protocols.PhaseEntered, protocols.Activated, protocols.Proposed)
	}
	return protocols.Events(protocols.RoleChanged, protocols.VoteCast, protocols.Elected, protocols.CommitAdvanced)
}

// Observe takes in what a replica says of itself.
func (c *Invariants) Observe(now protocols.Time, id protocols.NodeID, e protocols.Event) {
	if c.first != nil {
		return
	}
	if c.protocol == Zab {
		c.observeZab(now, id, e)
		return
	}
	switch n := c.node(id); e.Kind {
	case protocols.RoleChanged:
		n.leads = 0
		if e.Role == protocols.Leader {
			n.leads = e.Epoch
			c.leads(now, id, e.Epoch, "leads term")
		}
	case protocols.Elected:
		c.leads(now, id, e.Epoch, "is elected in term")
		c.complete(LeaderCompleteness, now, id, e.Epoch, "is elected in term")
		c.votesDurable(now, id, e.Epoch)
	case protocols.VoteCast:
		// Of one life only: a vote that a crash kept from the disk was never told.
		// Across lives the registers show it.
		if e.Epoch == n.votedIn && e.Peer != n.votedFor {
			c.fail(VoteOnce, now, id, "it votes for %d in term %d, and has voted for %d", e.Peer, e.Epoch, n.votedFor)
		}
		n.votedIn, n.votedFor = e.Epoch, e.Peer
	case protocols.CommitAdvanced:
		if n.leads != 0 && e.At.Epoch != n.leads {
			c.fail(CommitOwnTerm, now, id, "as leader of term %d it commits up to entry %v of an earlier term, by counting replicas", n.leads, e.At)
		}
	}
}

// leads checks that nobody else leads in e, nor the same server in another life:
// a leader that crashed has lost its office, and may not win its term again.
func (c *Invariants) leads(now protocols.Time, id protocols.NodeID, e uint64, what string) {
	if int(id) > c.voters {
		c.fail(ElectionSafety, now, id, "it %s %d, and is no voter: those are 1 to %d", what, e, c.voters)
		return
	}
	x := c.epoch(now, id, e)
	if x == nil {
		return
	}
	life := c.node(id).life
	if x.leader == protocols.None {
		x.leader, x.life, x.at = id, life, now
	} else if x.leader != id || x.life != life {
		c.fail(ElectionSafety, now, id, "it %s %d, which node %d has led since %v (its life %d, here life %d)", what, e, x.leader, clock(x.at), x.life, life)
	}
}
