// Package conversation answers what Raft and Zab say in the conversations of their
// folders, raft/testdata and zab/testdata. It has the texts, and tells protocoltest
// how the servers of each protocol are made.
package conversation

import (
	"fmt"
	"io/fs"
	"strings"

	"raftzab"
	"raftzab/protocols/protocoltest"
)

// Names lists the conversations of a protocol, "raft" or "zab", in alphabetical order.
func Names(protocol string) (names []string) {
	files, err := fs.Glob(raftzab.Conversations, protocol+"/testdata/*.txt")
	if err != nil {
		panic(err) // a pattern of ours
	}
	for _, f := range files {
		names = append(names, strings.TrimSuffix(f[len(protocol+"/testdata/"):], ".txt"))
	}
	return names
}

// Play plays a conversation of a protocol by its name, and says where it does not go
// word by word as it is written; empty: nowhere.
func Play(protocol, name string) (played protocoltest.Played, wrong string) {
	file := fmt.Sprintf("%s/testdata/%s.txt", protocol, name)
	text, err := raftzab.Conversations.ReadFile(file)
	if err != nil {
		return played, err.Error()
	}
	return play(protocol, file, string(text))
}

func play(protocol, file, text string) (played protocoltest.Played, wrong string) {
	var err error
	switch protocol {
	case "raft":
		played, err = protocoltest.Play(text, Raft)
	case "zab":
		played, err = protocoltest.Play(text, Zab)
	default:
		panic("conversation: " + protocol + " has none")
	}
	if err != nil {
		return played, fmt.Sprintf("%s: %v", file, err)
	}
	if wrong = protocoltest.Differ(played.Text, text); wrong != "" {
		wrong = file + ": " + wrong
	}
	return played, wrong
}
