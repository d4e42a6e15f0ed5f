package raft

import (
	"fmt"

	"raftzab/protocols"
)

// A MessageType is one of the paper's RPCs, or the answer to one (figure 2).
type MessageType uint8

const (
	RequestVote MessageType = iota
	RequestVoteResponse
	AppendEntries
	AppendEntriesResponse
	messageTypes
)

// A message's kind is its type, unless it carries client commands or answers
// one that did: those are the load, not the election, and are counted apart.
const (
	AppendEntriesData         = uint8(messageTypes) + iota // AppendEntries with client commands
	AppendEntriesDataResponse                              // its answer
	Kinds                                                  // how many kinds there are
)

var kindNames = [Kinds]string{"RequestVote", "RequestVoteResponse", "AppendEntries", "AppendEntriesResponse",
	"AppendEntriesData", "AppendEntriesDataResponse"}

// KindName returns the name under which messages of a kind are counted.
func KindName(kind uint8) string { return kindNames[kind] }

// ElectionKind reports whether messages of a kind elect and activate a leader:
// all but those of client commands.
func ElectionKind(kind uint8) bool { return kind < uint8(messageTypes) }

func (t MessageType) String() string { return kindNames[t] }

// A Message is one of the paper's RPCs or its answer, with the fields of
// figure 2. Pairs of (term, index) are one EntryID. candidateId and leaderId
// are the sender.
type Message struct {
	Type         MessageType
	VoteGranted  bool              // RequestVoteResponse
	Success      bool              // AppendEntriesResponse
	Data         bool              // AppendEntries: Entries hold client commands; its response: so did the request
	Term         uint64            // of the sender
	LastLog      protocols.EntryID // RequestVote: lastLogTerm, lastLogIndex
	PrevLog      protocols.EntryID // AppendEntries: prevLogTerm, prevLogIndex
	LeaderCommit uint64            // AppendEntries
	Entries      []protocols.Entry // AppendEntries; none in a heartbeat
	MatchIndex   uint64            // success: the logs agree up to here, durably at the sender
	Conflict     protocols.EntryID // no success: what the sender holds last that the leader may hold too
}

// headerSize is every field but Entries at its full width, and a length.
const headerSize = 4 + 8 + 16 + 16 + 8 + 8 + 16 + 4

// entrySize is an entry without the payload that its command stands for:
// position, request, key, size, value, operation.
const entrySize = 16 + 8 + 4 + 4 + 8 + 1

// Kind tells messages with client commands from those that elect.
func (m Message) Kind() uint8 {
	if m.Data {
		return AppendEntriesData + uint8(m.Type-AppendEntries)
	}
	return uint8(m.Type)
}

// Size returns the bytes on the wire.
func (m Message) Size() int {
	n := headerSize + entrySize*len(m.Entries)
	for i := range m.Entries {
		n += int(m.Entries[i].Command.Size)
	}
	return n
}

// Chunk is none: no message carries a part of a snapshot.
func (m Message) Chunk() protocols.Chunk { return protocols.Chunk{} }

// String writes the fields that the type has.
func (m Message) String() string {
	s := fmt.Sprintf("%v term=%d", m.Type, m.Term)
	switch {
	case m.Type == RequestVote:
		return fmt.Sprintf("%s lastLog=%v", s, m.LastLog)
	case m.Type == RequestVoteResponse:
		return fmt.Sprintf("%s voteGranted=%t", s, m.VoteGranted)
	case m.Type == AppendEntries:
		s += fmt.Sprintf(" prevLog=%v", m.PrevLog)
		if n := len(m.Entries); n > 0 {
			s += fmt.Sprintf(" entries=%v", m.Entries[0].ID)
			if n > 1 {
				s += fmt.Sprintf("..%v", m.Entries[n-1].ID)
			}
		}
		return fmt.Sprintf("%s leaderCommit=%d", s, m.LeaderCommit)
	case m.Success:
		return fmt.Sprintf("%s success=true matchIndex=%d", s, m.MatchIndex)
	}
	return fmt.Sprintf("%s success=false conflict=%v", s, m.Conflict)
}

// holdsCommands reports whether a client's command is among es.
func holdsCommands(es []protocols.Entry) bool {
	for i := range es {
		if es[i].Command.Op != 0 {
			return true
		}
	}
	return false
}
