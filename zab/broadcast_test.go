package zab

import (
	"fmt"
	"testing"

	"raftzab/protocols"
)

func TestProposalLeavesBeforeTheLeadersFsync(t *testing.T) {
	s := established(t, protocols.Recovered{})
	s.slow, s.writes = true, nil
	s.propose(1, 2)
	s.expect("to the learner", "1: PROPOSAL 1.1 of 1.1", "1: PROPOSAL 1.2 of 1.2")
	if len(s.writes) != 1 || len(s.writes[0].Entries) != 2 {
		t.Errorf("writes %+v, want one of both", s.writes)
	}
	// The leader's own copy does not count before it is durable.
	s.fromLearner(1, Message{Type: Ack, Zxid: zx(1, 1)})
	if s.r.committed != (Zxid{}) {
		t.Fatal("commits on one disk of three")
	}
	s.propose(3)
	s.fromLearner(1, Message{Type: Ack, Zxid: zx(1, 2)}, Message{Type: Ack, Zxid: zx(1, 3)})
	s.take()
	s.persisted(s.r.seq - 1)
	s.expect("with the first write durable", "1: COMMIT 1.1", "1: COMMIT 1.2")
	if s.r.committed != zx(1, 2) || len(s.done) != 2 {
		t.Errorf("%v", s.r)
	}
}

// The leader's disk is one of the quorum's, or not: two learners of three will
// do. COMMITs keep the order, one each, also when one acknowledgement moves the
// quorum by several.
func TestCommitNeedsAQuorumOfDisks(t *testing.T) {
	s := established(t, protocols.Recovered{})
	s.fromLearner(2, Message{Type: FollowerInfo}, Message{Type: AckEpoch}, Message{Type: AckNewLeader})
	s.slow = true
	s.propose(1, 2, 3)
	s.take()
	s.fromLearner(1, Message{Type: Ack, Zxid: zx(1, 1)}, Message{Type: Ack, Zxid: zx(1, 2)}, Message{Type: Ack, Zxid: zx(1, 3)})
	s.expect("one learner")
	s.fromLearner(2, Message{Type: Ack, Zxid: zx(1, 2)})
	s.expect("two", "1: COMMIT 1.1", "2: COMMIT 1.1", "1: COMMIT 1.2", "2: COMMIT 1.2")
	if len(s.done) != 2 || s.done[0].ID != zx(1, 1) || s.r.committed != zx(1, 2) {
		t.Errorf("delivered %v", s.done)
	}
}

// Acknowledgements belong to a connection. What a learner acknowledged before it
// lost the leader may have been cut from its log since.
func TestAcknowledgementsEndWithTheConnection(t *testing.T) {
	s := established(t, protocols.Recovered{})
	s.slow = true
	s.propose(1)
	s.fromLearner(1, Message{Type: Ack, Zxid: zx(1, 1)})
	s.call(func(r *Replica) { r.Disconnected(s.now, 1, &s.out) })
	s.persisted(s.r.seq)
	if s.r.committed != (Zxid{}) {
		t.Fatalf("%v", s.r)
	}
	s.take()
	s.fromLearner(1, Message{Type: FollowerInfo, Zxid: Zxid{Epoch: 1}}, Message{Type: AckEpoch, CurrentEpoch: NoEpoch, Zxid: zx(1, 1)})
	s.expect("back", "1: LEADERINFO epoch 1", "1: TRUNC 0.0", "1: PROPOSAL 1.1 of 1.1", "1: NEWLEADER epoch 1")
	s.fromLearner(1, Message{Type: AckNewLeader}, Message{Type: Ack, Zxid: zx(1, 1)})
	s.expect("acknowledged again", "1: UPTODATE", "1: COMMIT 1.1")
}

func TestFollowerAcknowledgesOnlyWhatIsDurable(t *testing.T) {
	s := served(t, protocols.Recovered{}, 1)
	s.slow = true
	s.fromLeader(Message{Type: Proposal, Zxid: zx(1, 1)}, Message{Type: Proposal, Zxid: zx(1, 2)}, Message{Type: Proposal, Zxid: zx(1, 3)})
	s.expect("before the fsync")
	s.persisted(s.r.seq - 1)
	s.expect("after the second", "3: ACK 1.1", "3: ACK 1.2")
	// COMMIT does not wait for our disk: it is durable elsewhere.
	s.fromLeader(Message{Type: Commit, Zxid: zx(1, 1)}, Message{Type: Commit, Zxid: zx(1, 2)}, Message{Type: Commit, Zxid: zx(1, 3)})
	if len(s.done) != 3 {
		t.Errorf("delivered %v", s.done)
	}
}

func TestCountersStartAgainWithEachEpoch(t *testing.T) {
	w := ensemble(t, 3)
	w.settle()
	w.propose(3, 1, 2)
	w.settle()
	w.crash(3, 0)
	w.settle()
	w.propose(2, 3)
	w.settle()
	if got := fmt.Sprint(w.order[0].ID, w.order[1].ID, w.order[2].ID); got != "1.1 1.2 2.1" {
		t.Errorf("zxids %s", got)
	}
}

// ZOOKEEPER-1277: the last counter of an epoch is used, and the next command
// makes the leader resign. It is not proposed, and so refused for certain.
func TestCounterOverflowBeginsANewEpoch(t *testing.T) {
	s := established(t, protocols.Recovered{})
	const maxCounter = 0xffffffff
	s.r.office.proposed.Index = maxCounter - 1
	s.r.history = protocols.NewLog(protocols.Recovered{Base: zx(1, maxCounter-1)})
	s.r.committed = s.r.history.Last()
	s.propose(1, 2)
	if s.r.role != protocols.Candidate || s.refused != 1 || !s.abandoned || s.r.history.Last() != zx(1, maxCounter) {
		t.Errorf("%v, %d refused", s.r, s.refused)
	}

	s = established(t, protocols.Recovered{})
	s.r.office.proposed.Index = maxCounter
	s.fromLearner(1, Message{Type: Request})
	if s.r.role != protocols.Candidate || s.refused != 0 {
		t.Errorf("asked by a learner: %v, %d refused", s.r, s.refused)
	}
}

// REQUEST, PROPOSAL, fsync, ACK, COMMIT: four delays and the learner's disk.
func TestWriteAtALearnerIsAnsweredThere(t *testing.T) {
	w := ensemble(t, 3)
	w.settle()
	from := w.now
	w.propose(1, 1)
	w.run(10 * millisecond)
	if got, want := w.done[1]-from, 4*w.delay+w.fsync; got != want {
		t.Errorf("answered after %d us, want %d", got/1000, want/1000)
	}
}

func TestWhoDoesNotServeRefuses(t *testing.T) {
	for name, s := range map[string]*solo{
		"looking":      single(t, 1, 3, protocols.Recovered{}, nil),
		"learner":      learner(t, protocols.Recovered{}),
		"leader-elect": elect(t, 3, protocols.Recovered{}),
	} {
		s.propose(1, 2)
		s.call(func(r *Replica) { r.Read(s.now, command(3).ID, protocols.ReadLocal, &s.out) })
		if s.refused != 3 || s.reads != 0 {
			t.Errorf("%s: %d refused", name, s.refused)
		}
	}
	for name, c := range map[string]struct {
		s              *solo
		reads, refused int // a follower asks its leader for a sync
	}{
		"follower": {served(t, protocols.Recovered{}, 1), 1, 3},
		"leader":   {established(t, protocols.Recovered{}), 3, 2},
	} {
		s := c.s
		for mode := protocols.ReadLocal; mode <= protocols.ReadSync; mode++ {
			s.call(func(r *Replica) { r.Read(s.now, command(3).ID, mode, &s.out) })
		}
		if s.refused != c.refused || s.reads != c.reads {
			t.Errorf("%s: %d reads, %d refused, want %d and %d", name, s.reads, s.refused, c.reads, c.refused)
		}
	}
}

// "bob": a proposal whose leader is lost is neither done nor refused, wherever it
// was made.
func TestLostLeaderAbandonsProposals(t *testing.T) {
	w := ensemble(t, 3)
	w.settle()
	w.cutOff(3)
	w.propose(3, 1)
	w.propose(2, 2)
	w.run(second)
	if len(w.open) > 0 || len(w.refused) > 0 || w.abandoned[1] == 0 || w.abandoned[2] == 0 {
		t.Errorf("open %v, refused %v, abandoned %v", w.open, w.refused, w.abandoned)
	}
	w.heal()
	w.settle()
	if len(w.order) != 0 {
		t.Errorf("delivered %v", w.order)
	}
}

// In the steady state neither a write nor a sync costs an allocation anywhere,
// beyond the windows of the log: with an observer, and with snapshots behind
// which the log is given up.
func TestSteadyBroadcastAllocatesNothing(t *testing.T) {
	for _, mode := range []SyncMode{SyncZooKeeper, SyncQuorum} {
		steadyBroadcast(t, mode)
	}
}

func steadyBroadcast(t *testing.T, mode SyncMode) {
	const n = 4 // the last observes
	servers := make([]*Replica, n+1)
	outs := make([]Output, n+1)
	now := Time(1)
	type packet struct {
		from, to NodeID
		m        Message
	}
	var queue []packet
	carry := func(id NodeID) {
		o := &outs[id]
		for _, e := range o.Messages {
			queue = append(queue, packet{id, e.To, e.Msg})
		}
		seq := uint64(0)
		if n := len(o.Writes); n > 0 {
			seq = o.Writes[n-1].Seq
		}
		o.Reset()
		if seq > 0 {
			servers[id].Persisted(now, seq, o)
			for _, e := range o.Messages {
				queue = append(queue, packet{id, e.To, e.Msg})
			}
			o.Reset()
		}
	}
	drain := func() {
		for i := 0; i < len(queue); i++ {
			p := queue[i]
			servers[p.to].Receive(now, p.from, p.m, &outs[p.to])
			carry(p.to)
		}
		queue = queue[:0]
	}
	wake := func() {
		for id := NodeID(1); id <= n; id++ {
			servers[id].Wake(now, &outs[id])
			carry(id)
		}
		drain()
	}
	for id := NodeID(1); id <= n; id++ {
		c := testConfig(3)
		c.ID, c.Observers, c.Sync, c.CommittedLog = id, []NodeID{n}, mode, 10
		servers[id] = New(c, protocols.Recovered{}, nil)
	}
	for range 1000 {
		now += millisecond
		wake()
	}
	if !servers[3].serving || !servers[n].serving {
		t.Fatalf("%v\n%v", servers[3], servers[n])
	}
	const runs = 2000
	cs := []Command{command(1)}
	round := 0
	got := testing.AllocsPerRun(runs, func() {
		if round++; round%10 == 0 {
			now += servers[3].cfg.Tick / 2
			wake() // pings
		}
		if round%100 == 0 {
			for id := NodeID(1); id <= n; id++ {
				servers[id].Compact(now, protocols.Snapshot{At: servers[id].committed, Size: 1}, &outs[id])
				carry(id)
			}
		}
		for id := NodeID(1); id <= n; id++ {
			servers[id].Propose(now, cs, &outs[id])
			carry(id)
			servers[id].Read(now, cs[0].ID, protocols.ReadSync, &outs[id])
			carry(id)
			drain()
		}
	})
	if got != 0 {
		t.Errorf("%v allocations for four writes and four syncs, %v", got, mode)
	}
	if k := servers[1].history.Last().Index; k < 4*runs || servers[1].committed != servers[3].committed || servers[n].committed != servers[3].committed {
		t.Errorf("%d entries; %v; %v; %v", k, servers[1], servers[n], servers[3])
	}
}
