package raft_test

import (
	"flag"
	"testing"

	"raftzab/bench/conversation"
	"raftzab/protocols/protocoltest"
)

var rewrite = flag.Bool("rewrite", false, "write down what comes out of the conversations")

func TestConversations(t *testing.T) {
	protocoltest.Converse(t, "testdata", *rewrite, conversation.Raft)
}

func TestConformance(t *testing.T) { protocoltest.Conform(t, conversation.Raft) }
