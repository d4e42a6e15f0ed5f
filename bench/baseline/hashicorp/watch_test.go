package hashicorp

import (
	"errors"
	"testing"

	"github.com/hashicorp/raft"

	"raftzab/bench"
)

type answered struct {
	raft.ApplyFuture
	err     error
	version uint64
}

func (a answered) Error() error  { return a.err }
func (a answered) Response() any { return a.version }

// What the library answers before a write enters the log has no effect; of the
// rest nobody knows.
func TestWhatAClientMayConclude(t *testing.T) {
	for _, c := range []struct {
		answer answered
		want   bench.Reply
	}{
		{answered{version: 3}, bench.Reply{Outcome: bench.OK, Value: 7, Version: 3}},
		{answered{version: 0}, bench.Reply{Outcome: bench.Unknown}},
		{answered{err: raft.ErrNotLeader}, bench.Reply{Outcome: bench.Refused, Leader: 2}},
		{answered{err: raft.ErrLeadershipTransferInProgress}, bench.Reply{Outcome: bench.Refused}},
		{answered{err: raft.ErrLeadershipLost}, bench.Reply{Outcome: bench.Unknown}},
		{answered{err: raft.ErrRaftShutdown}, bench.Reply{Outcome: bench.Unknown}},
		{answered{err: errors.New("no space left on device")}, bench.Reply{Outcome: bench.Unknown}},
	} {
		var r bench.Reply
		if Conclude(&r, 7, c.answer, func() NodeID { return 2 }); r != c.want {
			t.Errorf("%v, version %d: %+v; want %+v", c.answer.err, c.answer.version, r, c.want)
		}
	}
}
