package zab

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"raftzab/protocols"
	"raftzab/protocols/protocoltest"
)

// underTest is this core as conversations and conformance drive it. The tick
// makes syncLimit the mean of Raft's election timeouts, so that the stories of
// the two lie side by side.
var underTest = protocoltest.Protocol[Message]{
	New: func(e protocoltest.Ensemble, id protocols.NodeID, r protocols.Recovered, _ *rand.Rand) (protocols.Replica[Message], error) {
		if len(e.Options) > 0 {
			return nil, fmt.Errorf("%s is no option of Zab", e.Options[0].Key)
		}
		c := Default()
		c.ID, c.Voters, c.Tick = id, e.Voters, 45*millisecond
		return New(c, r), nil
	},
	Candidate: "looking", Round: "round", Epoch: "epoch",
}

func TestConversations(t *testing.T) { protocoltest.Converse(t, "testdata", underTest) }

func TestConformance(t *testing.T) { protocoltest.Conform(t, underTest) }
