package conversation

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"raftzab/protocols"
	"raftzab/protocols/protocoltest"
	"raftzab/raft"
)

// Raft is our Raft as conversations and conformance drive it: with the paper's
// timeouts.
var Raft = protocoltest.Protocol[raft.Message]{
	New: func(e protocoltest.Ensemble, id protocols.NodeID, r protocols.Recovered, rng *rand.Rand) (protocols.Replica[raft.Message], error) {
		c := raft.Default()
		c.ID, c.Voters, c.Learners = id, e.Voters, e.Observers
		for _, o := range e.Options {
			if err := raftOption(&c, o); err != nil {
				return nil, fmt.Errorf("%s=%s: %w", o.Key, o.Value, err)
			}
		}
		return raft.New(c, r, rng), nil
	},
	Candidate: "candidate", Round: "term", Epoch: "term",
	Reads:     []protocols.ReadMode{protocols.ReadLeader, protocols.ReadIndex, protocols.ReadLease},
	Observers: true,
	Datagram:  true,
	Variants: []string{
		"trailing=0 chunk=64",
		"prevote trailing=3",
		"checkquorum trailing=0 chunk=100",
		"checkquorum drift=0.3 trailing=2",
		"prevote checkquorum drift=0.05 window=2 entries=3 commit_notice=eager trailing=0 chunk=64",
		"backtrack=one window=1 trailing=1",
		"commit_notice=eager entries=1 prevote trailing=10",
		"checkquorum window=1 backtrack=one candidate=50ms trailing=0 chunk=16",
	},
}

// raftOption sets what a conversation calls an option.
func raftOption(c *raft.Config, o protocoltest.Option) (err error) {
	switch o.Key {
	case "prevote":
		c.PreVote, err = strconv.ParseBool(o.Value)
	case "checkquorum":
		c.CheckQuorum, err = strconv.ParseBool(o.Value)
	case "drift":
		c.ClockDrift, err = strconv.ParseFloat(o.Value, 64)
	case "commit_notice":
		i := slices.Index([]string{"heartbeat", "eager"}, o.Value)
		if c.CommitNotice = raft.CommitNotice(i); i < 0 {
			err = fmt.Errorf("write heartbeat or eager")
		}
	case "backtrack":
		i := slices.Index([]string{"term", "one"}, o.Value)
		if c.Backtrack = raft.Backtrack(i); i < 0 {
			err = fmt.Errorf("write term or one")
		}
	case "candidate":
		d, bad := time.ParseDuration(o.Value)
		c.CandidateTimeout, err = raft.Timeout{Min: protocols.Time(d), Max: 2 * protocols.Time(d)}, bad
	case "window":
		c.Window, err = strconv.Atoi(o.Value)
	case "entries":
		c.MaxEntries, err = strconv.Atoi(o.Value)
	case "chunk":
		c.ChunkSize, err = strconv.ParseUint(o.Value, 10, 32)
	case "trailing":
		c.Trailing, err = strconv.ParseUint(o.Value, 10, 32)
	default:
		err = fmt.Errorf("no such option")
	}
	return err
}
