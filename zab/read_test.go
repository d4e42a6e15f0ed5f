package zab

import (
	"fmt"
	"slices"
	"testing"

	"raftzab/protocols"
)

func quorumSync(c *Config) { c.Sync = SyncQuorum }

// Leader.processSync: nothing outstanding, and SYNC goes back at once; else right
// behind the COMMIT of what had been proposed last, and not before.
func TestSyncLeavesBehindTheCommitThatItWaitsFor(t *testing.T) {
	s := established(t, protocols.Recovered{})
	s.fromLearner(1, Message{Type: SyncRequest})
	s.expect("nothing is outstanding", "1: SYNC 0.0")
	s.propose(1, 2)
	s.fromLearner(1, Message{Type: SyncRequest})
	s.propose(3)
	s.take()
	s.fromLearner(1, Message{Type: Ack, Zxid: zx(1, 1)})
	s.expect("the first is committed", "1: COMMIT 1.1")
	s.fromLearner(1, Message{Type: Ack, Zxid: zx(1, 3)})
	s.expect("all are", "1: COMMIT 1.2", "1: SYNC 1.2", "1: COMMIT 1.3")
}

// At the leader itself a sync asks nobody and waits for nothing.
func TestSyncAtTheLeaderIsLocal(t *testing.T) {
	s := established(t, protocols.Recovered{})
	s.propose(1)
	s.take()
	s.read(2, protocols.ReadSync)
	s.expect("nobody is asked")
	if fmt.Sprint(s.permits) != "[{{1 2} 0.0}]" {
		t.Errorf("permits %v", s.permits)
	}
}

// The learner's answers come in the order of its questions (a FIFO), each from
// where it stands then.
func TestSyncsAreAnsweredInOrder(t *testing.T) {
	s := served(t, protocols.Recovered{}, 1)
	s.read(1, protocols.ReadSync)
	s.read(2, protocols.ReadSync)
	s.expect("both are asked", "3: REQUEST-SYNC", "3: REQUEST-SYNC")
	s.fromLeader(Message{Type: Sync}, Message{Type: Proposal, Zxid: zx(1, 1)}, Message{Type: Commit, Zxid: zx(1, 1)}, Message{Type: Sync, Zxid: zx(1, 1)})
	if fmt.Sprint(s.permits) != "[{{1 1} 0.0} {{1 2} 1.1}]" {
		t.Errorf("permits %v", s.permits)
	}
	// With the connection they are gone, and clients are told.
	s.read(3, protocols.ReadSync)
	s.fromLeader(Message{Type: Close})
	if !s.abandoned || len(s.r.syncs) != 0 {
		t.Errorf("%d syncs are left: %v", len(s.r.syncs), s.r)
	}
	s.read(4, protocols.ReadSync)
	if s.refused != 1 {
		t.Error("who looks for a leader answers a sync")
	}
}

// ZOOKEEPER-1675: each sync is a transaction of its own. What is under way when it
// comes does not do: it may have been acknowledged before.
func TestQuorumSyncIsATransaction(t *testing.T) {
	s := established(t, protocols.Recovered{}, quorumSync)
	s.propose(1)
	s.take()
	s.fromLearner(1, Message{Type: SyncRequest})
	s.read(2, protocols.ReadSync)
	s.expect("one each", "1: PROPOSAL 1.2 of 0.0", "1: PROPOSAL 1.3 of 0.0")
	s.fromLearner(1, Message{Type: Ack, Zxid: zx(1, 1)})
	s.expect("what was under way", "1: COMMIT 1.1")
	if len(s.permits) != 0 {
		t.Fatalf("permits %v", s.permits)
	}
	s.fromLearner(1, Message{Type: Ack, Zxid: zx(1, 2)}, Message{Type: Ack, Zxid: zx(1, 3)})
	s.expect("the syncs", "1: COMMIT 1.2", "1: SYNC 1.2", "1: COMMIT 1.3")
	if fmt.Sprint(s.permits) != "[{{1 2} 1.3}]" || slices.ContainsFunc(s.done[1:], func(e Entry) bool { return e.Command != Command{} }) {
		t.Errorf("permits %v, delivered %v", s.permits, s.done)
	}
}

// A learner that has gone is answered nothing, nor is it on its next connection.
func TestSyncEndsWithTheConnection(t *testing.T) {
	s := established(t, protocols.Recovered{})
	s.propose(1)
	s.fromLearner(1, Message{Type: SyncRequest})
	s.call(func(r *Replica) { r.Disconnected(s.now, 1, &s.out) })
	again := Message{Type: FollowerInfo, Learner: 1, Conn: 2}
	for _, m := range []Message{again, {Type: AckEpoch, Learner: 1, Conn: 2}, {Type: AckNewLeader, Learner: 1, Conn: 2, Zxid: zx(1, 0)}} {
		s.receive(1, m)
	}
	s.take()
	s.receive(1, Message{Type: Ack, Learner: 1, Conn: 2, Zxid: zx(1, 1)})
	s.expect("committed", "1: COMMIT 1.1")
	if len(s.r.office.syncs) != 0 {
		t.Errorf("waiting: %v", s.r.office.syncs)
	}
}

// A sync that finds no number left is the end of the epoch, like a write.
func TestQuorumSyncMayUseTheEpochUp(t *testing.T) {
	s := established(t, protocols.Recovered{}, quorumSync, func(c *Config) { c.LastCounter = 1 })
	s.propose(1)
	s.read(2, protocols.ReadSync)
	if s.r.role != protocols.Candidate || !s.abandoned || len(s.permits) != 0 {
		t.Errorf("permits %v: %v", s.permits, s.r)
	}
	s = established(t, protocols.Recovered{}, quorumSync, func(c *Config) { c.LastCounter = 1 })
	s.propose(1)
	s.fromLearner(1, Message{Type: SyncRequest})
	if s.r.role != protocols.Candidate {
		t.Errorf("leads on: %v", s.r)
	}
}

// Exactly LastCounter transactions; the rest is refused for certain, and nobody is
// named who could do better yet.
func TestWhatTheEpochHasNoNumberForIsRefused(t *testing.T) {
	s := established(t, protocols.Recovered{}, func(c *Config) { c.LastCounter = 2 })
	s.propose(1, 2, 3, 4)
	if s.refused != 2 || s.r.history.Last() != zx(1, 2) || s.r.role != protocols.Candidate || !s.abandoned {
		t.Errorf("%d refused: %v", s.refused, s.r)
	}
}
