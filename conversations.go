// Package raftzab holds the conversations of raft and zab, for programs that play
// them: texts can be compiled in from a folder above their own only.
package raftzab

import "embed"

// Conversations are raft/testdata and zab/testdata.
//
//go:embed raft/testdata/*.txt zab/testdata/*.txt
var Conversations embed.FS
