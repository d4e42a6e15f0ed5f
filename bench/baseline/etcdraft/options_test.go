package etcdraft

import (
	"testing"

	pb "go.etcd.io/raft/v3/raftpb"

	"raftzab/protocols"
)

// optioned returns a world of servers with options.
func optioned(t *testing.T, n int, set func(*Config)) *world {
	w := newWorld(t, n, 5*ms, 2*ms)
	for _, h := range w.hosts[1:] {
		cfg := h.rep.cfg
		set(&cfg)
		h.rep = New(cfg, protocols.Recovered{}, h.rep.rng)
		w.call(h.id, func(out *Output) { h.rep.Wake(w.now, out) })
	}
	return w
}

func TestWithPreVoteAServerThatIsAloneKeepsItsTerm(t *testing.T) {
	for _, pre := range []bool{false, true} {
		w := optioned(t, 3, func(c *Config) { c.PreVote, c.CheckQuorum = pre, pre })
		w.until(3000*ms, "leader", func() bool { return w.leader() != 0 })
		w.run(100 * ms)
		l := w.leader()
		term := w.hosts[l].rep.Status().Epoch
		alone := l%3 + 1
		w.cut = func(from, to NodeID) bool { return from == alone || to == alone }
		w.run(3000 * ms)
		if s := w.hosts[alone].rep.Status(); s.Role != protocols.Candidate || (s.Epoch == term) != pre {
			t.Errorf("PreVote %t: alone, it is %v in term %d, after %d", pre, s.Role, s.Epoch, term)
		}
		w.cut = nil
		w.run(2000 * ms)
		if got := w.leader(); pre && (got != l || w.hosts[got].rep.Status().Epoch != term) || !pre && w.hosts[got].rep.Status().Epoch <= term {
			t.Errorf("PreVote %t: %d leads in term %d, after %d in term %d", pre, got, w.hosts[got].rep.Status().Epoch, l, term)
		}
	}
}

func TestWithCheckQuorumALeaderAloneStepsDown(t *testing.T) {
	for _, check := range []bool{false, true} {
		w := optioned(t, 3, func(c *Config) { c.CheckQuorum = check })
		w.until(3000*ms, "leader", func() bool { return w.leader() != 0 })
		w.run(100 * ms)
		l := w.leader()
		w.cut = func(from, to NodeID) bool { return from == l || to == l }
		w.run(1000 * ms)
		if s := w.hosts[l].rep.Status(); (s.Role == protocols.Leader) == check {
			t.Errorf("CheckQuorum %t: alone for a second, it is %v", check, s.Role)
		}
		w.run(1000 * ms)
		if got := w.leader(); got == 0 || got == l {
			t.Errorf("CheckQuorum %t: %d leads the others: their leases on the old leader must have ended", check, got)
		}
	}
}

func TestWithCheckQuorumARequestIsIgnoredWhileTheLeaseLasts(t *testing.T) {
	w := optioned(t, 3, func(c *Config) { c.CheckQuorum = true })
	w.until(3000*ms, "leader", func() bool { return w.leader() != 0 })
	w.run(300 * ms)
	l := w.leader()
	voter := l%3 + 1
	other := voter%3 + 1
	term := w.hosts[l].rep.Status().Epoch
	request := func() {
		m := message(pb.MsgVote, other, voter, term+5)
		m.Index, m.LogTerm = new(uint64(99)), new(term+4)
		w.call(voter, func(out *Output) { w.hosts[voter].rep.Receive(w.now, other, m, out) })
	}
	if request(); w.hosts[voter].rep.Status().Epoch != term {
		t.Error("a server that hears from its leader took up a request for its vote")
	}
	h := w.hosts[voter].rep
	if w.now = h.startedAt + h.cfg.ElectionTimeout.Min; w.now >= h.electionAt {
		t.Fatal("its own timeout is over as well")
	}
	if request(); h.Status().Epoch != term+5 {
		t.Error("a server that has not heard from its leader for the least timeout ignored a request")
	}
}

func TestTransferElectsWhomItNames(t *testing.T) {
	w := optioned(t, 3, func(c *Config) { c.PreVote, c.CheckQuorum = true, true })
	w.until(3000*ms, "leader", func() bool { return w.leader() != 0 })
	w.run(300 * ms)
	l := w.leader()
	to := l%3 + 1
	w.call(l, func(out *Output) { w.hosts[l].rep.Transfer(w.now, to, out) })
	w.run(100 * ms)
	if got := w.leader(); got != to {
		t.Errorf("%d leads after %d handed over to %d", got, l, to)
	}
}

func TestATransferToNobodyIsGivenUp(t *testing.T) {
	w := newWorld(t, 3, 5*ms, 2*ms)
	w.until(3000*ms, "leader", func() bool { return w.leader() != 0 })
	w.run(300 * ms)
	l := w.leader()
	to := l%3 + 1
	w.cut = func(from, at NodeID) bool { return from == to || at == to }
	w.call(l, func(out *Output) { w.hosts[l].rep.Transfer(w.now, to, out) })
	w.propose(l, 1)
	if len(w.refused) != 1 {
		t.Errorf("a leader that hands over takes a proposal")
	}
	w.run(400 * ms)
	w.propose(l, 2)
	if len(w.refused) != 1 {
		t.Errorf("a leader refuses proposals for ever: %v", w.refused)
	}
}

func TestALearnerFollowsAndNeverStands(t *testing.T) {
	w := optioned(t, 4, func(c *Config) { c.Voters, c.Learners = []NodeID{1, 2, 3}, []NodeID{4} })
	w.until(3000*ms, "leader", func() bool { return w.leader() != 0 })
	w.propose(w.leader(), 1)
	w.run(300 * ms)
	learner := w.hosts[4]
	if s := learner.rep.Status(); s.Role != protocols.Observer || !s.Active || s.Last != w.hosts[w.leader()].rep.Status().Last || len(learner.committed) != 2 {
		t.Errorf("%+v, %v", s, learner.committed)
	}
	w.cut = func(from, to NodeID) bool { return from == 4 || to == 4 }
	w.run(3000 * ms)
	if s := learner.rep.Status(); s.Role != protocols.Observer || learner.wake != 0 {
		t.Errorf("alone, it is %v, and wakes at %d", s.Role, learner.wake)
	}
}
