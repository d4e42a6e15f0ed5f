package raft

import (
	"math/rand/v2"
	"testing"

	"raftzab/protocols"
	"raftzab/protocols/protocoltest"
)

// underTest is this core as conversations and conformance drive it: with the
// paper's timeouts.
var underTest = protocoltest.Protocol[Message]{
	New: func(id protocols.NodeID, members []protocols.NodeID, r protocols.Recovered, rng *rand.Rand) protocols.Replica[Message] {
		c := Default()
		c.ID, c.Voters = id, members
		return New(c, r, rng)
	},
	Candidate: "candidate", Round: "term", Epoch: "term",
}

func TestConversations(t *testing.T) { protocoltest.Converse(t, "testdata", underTest) }

func TestConformance(t *testing.T) { protocoltest.Conform(t, underTest) }
