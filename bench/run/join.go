package run

import (
	"slices"

	"raftzab/bench/fault"
	"raftzab/protocols"
	"raftzab/results"
)

// A join is the way back of servers that a fault starts, the first that does: from
// there to the last of them having applied an entry of the leader's, whose term or
// epoch the entry has. Who leads is looked up then: it may be another than before.
type join struct {
	asked  bool
	silent bool // the system does not tell what its servers apply
	begun  bool
	t0     Time
	left   []NodeID // they have yet to
	took   Time
}

// joinEvents is what a join listens to.
var joinEvents = protocols.Events(protocols.Applied, protocols.Restored)

func (j *join) reset(s *Settings, probed bool) {
	asked := probed && !j.silent && slices.Contains(s.Columns, "join_ms")
	*j = join{asked: asked, silent: j.silent, left: j.left[:0]}
}

// begin takes in that a fault strikes.
func (j *join) begin(now Time, f fault.Fault) {
	if j.asked && !j.begun && f.Kind == fault.Restart {
		j.begun, j.t0, j.left = true, now, append(j.left, f.Nodes...)
	}
}

func (j *join) observe(now Time, node NodeID, e protocols.Event, voters int, v fault.View) {
	if len(j.left) == 0 || e.Kind != protocols.Applied && e.Kind != protocols.Restored || !slices.Contains(j.left, node) {
		return
	}
	for _, leader := range (fault.Target{Who: fault.Leader}).Resolve(voters, v, nil) {
		if s, _ := v.Status(leader); s.Epoch == e.At.Epoch {
			if j.left = remove(j.left, []NodeID{node}); len(j.left) == 0 {
				j.took = now - j.t0
			}
		}
	}
}

// over reports whether there is nothing to wait for; rest: no fault is to come.
func (j *join) over(rest bool) bool {
	if j.begun {
		return len(j.left) == 0
	}
	return !j.asked || rest
}

func (j *join) report(row *results.Trial) {
	if j.begun && len(j.left) == 0 {
		row.JoinMS = milliseconds(j.took)
	}
}
