package raft

import (
	"fmt"

	"raftzab/protocols"
)

// A MessageType is one of the paper's RPCs, or the answer to one (figures 2 and
// 13; PreVote and TimeoutNow: dissertation 9.6 and 3.10).
type MessageType uint8

const (
	RequestVote MessageType = iota
	RequestVoteResponse
	AppendEntries
	AppendEntriesResponse
	_ // the kinds AppendEntriesData and
	_ // AppendEntriesDataResponse
	PreVote
	PreVoteResponse
	InstallSnapshot
	InstallSnapshotResponse
	TimeoutNow
	messageTypes
)

// A message's kind is its type, unless it carries client commands or answers
// one that did: those are the load, not the election, and are counted apart.
const (
	AppendEntriesData         = uint8(AppendEntries) + 2 // AppendEntries with client commands
	AppendEntriesDataResponse = uint8(AppendEntriesResponse) + 2
	Kinds                     = uint8(messageTypes) // how many kinds there are
)

var kindNames = [Kinds]string{"RequestVote", "RequestVoteResponse", "AppendEntries", "AppendEntriesResponse",
	"AppendEntriesData", "AppendEntriesDataResponse", "PreVote", "PreVoteResponse",
	"InstallSnapshot", "InstallSnapshotResponse", "TimeoutNow"}

// KindName returns the name under which messages of a kind are counted.
func KindName(kind uint8) string { return kindNames[kind] }

// ElectionKind reports whether messages of a kind elect and activate a leader:
// all but those of client commands and of snapshots.
func ElectionKind(kind uint8) bool {
	switch kind {
	case AppendEntriesData, AppendEntriesDataResponse, uint8(InstallSnapshot), uint8(InstallSnapshotResponse):
		return false
	}
	return true
}

func (t MessageType) String() string { return kindNames[t] }

// A Message is one of the paper's RPCs or its answer, with the fields of figures
// 2 and 13. Pairs of (term, index) are one EntryID. candidateId and leaderId are
// the sender.
type Message struct {
	Type         MessageType
	VoteGranted  bool              // RequestVoteResponse, PreVoteResponse
	Success      bool              // AppendEntriesResponse; InstallSnapshotResponse: the state is there
	Data         bool              // AppendEntries: Entries hold client commands; its response: so did the request
	Transfer     bool              // RequestVote: the leader wants it (dissertation 4.2.3)
	Done         bool              // InstallSnapshot: this is the last chunk
	Term         uint64            // of the sender
	Round        uint64            // AppendEntries, InstallSnapshot, PreVote: counts the sender's rounds of questions; the response returns it
	LastLog      protocols.EntryID // RequestVote, PreVote: lastLogTerm, lastLogIndex
	PrevLog      protocols.EntryID // AppendEntries: prevLogTerm, prevLogIndex; a refusal returns them
	LeaderCommit uint64            // AppendEntries
	Entries      []protocols.Entry // AppendEntries; none in a heartbeat
	MatchIndex   uint64            // success: the logs agree up to here, durably at the sender
	Conflict     protocols.EntryID // no success: what the sender holds last that the leader may hold too

	// Snapshot is, in InstallSnapshot, lastIncludedTerm and lastIncludedIndex (At),
	// offset, and the length of data[]; in its response At and the offset that is
	// wanted next.
	Snapshot protocols.Chunk
}

// entrySize is an entry without the payload that its command stands for:
// position, request, key, size, value, operation.
const entrySize = 16 + 8 + 4 + 4 + 8 + 1

// sizes are the bytes of the fields that a type has, each at its full width,
// flags and the type in four, and a length: without entries and chunks.
var sizes = [messageTypes]int{
	RequestVote:             4 + 4 + 8 + 16,
	RequestVoteResponse:     4 + 4 + 8,
	AppendEntries:           4 + 4 + 8 + 8 + 16 + 8,
	AppendEntriesResponse:   4 + 4 + 8 + 8 + 16 + 8 + 16,
	PreVote:                 4 + 4 + 8 + 8 + 16,
	PreVoteResponse:         4 + 4 + 8 + 8,
	InstallSnapshot:         4 + 4 + 8 + 8 + 32,
	InstallSnapshotResponse: 4 + 4 + 8 + 8 + 8 + 24,
	TimeoutNow:              4 + 4 + 8,
}

// Kind tells messages with client commands from those that elect.
func (m Message) Kind() uint8 {
	if m.Data {
		return uint8(m.Type) + 2
	}
	return uint8(m.Type)
}

// Size returns the bytes on the wire, without those of the chunk.
func (m Message) Size() int {
	n := sizes[m.Type] + entrySize*len(m.Entries)
	for i := range m.Entries {
		n += int(m.Entries[i].Command.Size)
	}
	return n
}

// Chunk returns the part of a snapshot that travels with an InstallSnapshot.
func (m Message) Chunk() protocols.Chunk {
	if m.Type == InstallSnapshot {
		return m.Snapshot
	}
	return protocols.Chunk{}
}

// String writes the fields that the type has.
func (m Message) String() string {
	s := fmt.Sprintf("%v term=%d", m.Type, m.Term)
	switch m.Type {
	case RequestVote, PreVote:
		s += fmt.Sprintf(" lastLog=%v", m.LastLog)
		if m.Transfer {
			s += " transfer=true"
		}
	case RequestVoteResponse, PreVoteResponse:
		s += fmt.Sprintf(" voteGranted=%t", m.VoteGranted)
	case AppendEntries:
		s += fmt.Sprintf(" prevLog=%v", m.PrevLog)
		if n := len(m.Entries); n > 0 {
			s += fmt.Sprintf(" entries=%v", m.Entries[0].ID)
			if n > 1 {
				s += fmt.Sprintf("..%v", m.Entries[n-1].ID)
			}
		}
		s += fmt.Sprintf(" leaderCommit=%d", m.LeaderCommit)
	case InstallSnapshot:
		s += fmt.Sprintf(" lastIncluded=%v offset=%d length=%d done=%t", m.Snapshot.At, m.Snapshot.Offset, m.Snapshot.Length, m.Done)
	case AppendEntriesResponse, InstallSnapshotResponse:
		s += fmt.Sprintf(" success=%t", m.Success)
		switch {
		case m.Success:
			s += fmt.Sprintf(" matchIndex=%d", m.MatchIndex)
		case m.Type == AppendEntriesResponse:
			s += fmt.Sprintf(" conflict=%v", m.Conflict)
		default:
			s += fmt.Sprintf(" lastIncluded=%v offset=%d", m.Snapshot.At, m.Snapshot.Offset)
		}
	}
	return s
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
