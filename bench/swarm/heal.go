package swarm

import (
	"fmt"
	"strings"

	"raftzab/bench"
	"raftzab/bench/fault"
	"raftzab/bench/kv"
	"raftzab/protocols"
)

// After healing, every node gets a fresh write, handed in under a session of
// its own and taken to the leader if the node says so. It has come through when
// it is acknowledged and the node has applied all that was committed by then.

func (w *world[M]) session(id NodeID) uint32 { return clientSessions + uint32(id) }

func (w *world[M]) askAround() {
	for id := NodeID(1); int(id) <= w.n; id++ {
		if w.fresh[id] == 0 {
			w.ask(id, id)
		}
	}
	if w.rounds++; w.rounds%50 == 0 { // lost with a leader that fell
		for id := range w.fresh {
			if w.fresh[id] == 1 {
				w.fresh[id] = 0
			}
		}
	}
}

func (w *world[M]) ask(id, at NodeID) {
	w.fresh[id] = 1
	w.send(at, bench.Request{Command: protocols.Command{ID: protocols.RequestID{Session: w.session(id), Seq: 1}, Op: kv.Put,
		Key: uint32(keys + id), Size: putSize, Value: uint64(id)}})
}

func (w *world[M]) freshReply(r bench.Reply) {
	id := NodeID(r.ID.Session - clientSessions)
	switch {
	case w.fresh == nil || w.fresh[id] == 2:
	case r.Outcome == bench.OK:
		w.fresh[id] = 2
		if w.level.Less(r.At) {
			w.level = r.At
		}
	case r.Outcome == bench.Refused && r.Leader != 0 && r.Leader != r.Node:
		w.ask(id, r.Leader)
	default:
		w.fresh[id] = 0
	}
}

// done reports whether the ensemble has made progress: there is an active
// leader, and every node that can take part has its fresh write acknowledged and
// is level. A Zab server that has promised an epoch above the leader's cannot:
// it is turned away until the next election, here as in ZooKeeper.
func (w *world[M]) done() bool {
	if !w.healed {
		return false
	}
	leaders := (fault.Target{Who: fault.Leader}).Resolve(w.story.Voters, w.cluster, nil)
	if len(leaders) == 0 {
		return false
	}
	leader, _ := w.cluster.Status(leaders[0])
	w.report.TurnedAway = 0
	voters := 0
	for id := NodeID(1); int(id) <= w.n; id++ {
		if w.story.System == "zab" && w.accepted[id] > leader.Epoch {
			w.report.TurnedAway++
			if int(id) <= w.story.Voters {
				voters++
			}
			continue
		}
		if s, ok := w.cluster.Status(id); w.fresh[id] != 2 || !ok || s.Committed.Less(w.level) {
			return false
		}
	}
	return voters <= (w.story.Voters-1)/2
}

func (w *world[M]) stuck() string {
	var b strings.Builder
	fmt.Fprintf(&b, "no progress within %v s of healing:", float64(w.story.End-w.story.Heal)/float64(second))
	for id := NodeID(1); int(id) <= w.n; id++ {
		s, ok := w.cluster.Status(id)
		fmt.Fprintf(&b, " node %d: write %d, up %t, %v active %t epoch %d leader %d last %v committed %v;", id, w.fresh[id], ok, s.Role, s.Active, s.Epoch, s.Leader, s.Last, s.Committed)
	}
	return b.String()
}
