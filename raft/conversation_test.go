package raft

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"raftzab/protocols"
	"raftzab/protocols/protocoltest"
)

// underTest is this core as conversations and conformance drive it: with the
// paper's timeouts.
var underTest = protocoltest.Protocol[Message]{
	New: func(e protocoltest.Ensemble, id protocols.NodeID, r protocols.Recovered, rng *rand.Rand) (protocols.Replica[Message], error) {
		if len(e.Options) > 0 {
			return nil, fmt.Errorf("%s is no option of Raft", e.Options[0].Key)
		}
		c := Default()
		c.ID, c.Voters = id, e.Voters
		return New(c, r, rng), nil
	},
	Candidate: "candidate", Round: "term", Epoch: "term",
}

func TestConversations(t *testing.T) { protocoltest.Converse(t, "testdata", underTest) }

func TestConformance(t *testing.T) { protocoltest.Conform(t, underTest) }
