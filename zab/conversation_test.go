package zab

import (
	"math/rand/v2"
	"testing"

	"raftzab/protocols"
	"raftzab/protocols/protocoltest"
)

// underTest is this core as conversations and conformance drive it. The tick
// makes syncLimit the mean of Raft's election timeouts, so that the stories of
// the two lie side by side.
var underTest = protocoltest.Protocol[Message]{
	New: func(id protocols.NodeID, members []protocols.NodeID, r protocols.Recovered, _ *rand.Rand) protocols.Replica[Message] {
		c := Default()
		c.ID, c.Voters, c.Tick = id, members, 45*millisecond
		return New(c, r)
	},
	Candidate: "looking", Round: "round", Epoch: "epoch",
}

func TestConversations(t *testing.T) { protocoltest.Converse(t, "testdata", underTest) }

func TestConformance(t *testing.T) { protocoltest.Conform(t, underTest) }
