package hashicorp

import (
	"encoding/binary"

	"github.com/hashicorp/raft"

	"raftzab/protocols"
)

// Kinds of messages, to count by. A request's kind is even, and its answer's the
// next. Client commands are the load, not the election, and are counted apart.
const (
	RequestVote uint8 = iota
	RequestVoteResponse
	RequestPreVote
	RequestPreVoteResponse
	AppendEntries
	AppendEntriesResponse
	TimeoutNow
	TimeoutNowResponse
	AppendEntriesData
	AppendEntriesDataResponse
	Kinds // how many kinds there are
)

var kindNames = [Kinds]string{"RequestVote", "RequestVoteResponse", "RequestPreVote", "RequestPreVoteResponse", "AppendEntries",
	"AppendEntriesResponse", "TimeoutNow", "TimeoutNowResponse", "AppendEntriesData", "AppendEntriesDataResponse"}

// KindName returns the name under which messages of a kind are counted.
func KindName(kind uint8) string { return kindNames[kind] }

// ElectionKind reports whether messages of a kind elect and activate a leader:
// all but those of client commands.
func ElectionKind(kind uint8) bool { return kind < AppendEntriesData }

// appendKind tells a request with client commands from one that elects.
func appendKind(a *raft.AppendEntriesRequest) uint8 {
	for _, e := range a.Entries {
		if e.Type == raft.LogCommand {
			return AppendEntriesData
		}
	}
	return AppendEntries
}

// Sizes are those of our Raft's messages, which have the same fields: so bytes
// differ by what is sent and not by how it is encoded.
const (
	headerSize = 80
	entrySize  = 16 + 8 + 4 + 4 + 8 + 1
)

// size returns the bytes that a request or an answer counts for on the wire.
func size(message any) int {
	n := headerSize
	if a, ok := message.(*raft.AppendEntriesRequest); ok {
		for _, e := range a.Entries {
			n += entrySize
			if e.Type == raft.LogCommand {
				n += int(decode(e.Data).Size)
			}
		}
	}
	return n
}

// commandSize is the length of an encoded command.
const commandSize = 4 + 4 + 4 + 4 + 8 + 1

func encode(c *protocols.Command) []byte {
	le, b := binary.LittleEndian, make([]byte, 0, commandSize)
	b = le.AppendUint32(b, c.ID.Session)
	b = le.AppendUint32(b, c.ID.Seq)
	b = le.AppendUint32(b, c.Key)
	b = le.AppendUint32(b, c.Size)
	b = le.AppendUint64(b, c.Value)
	return append(b, c.Op)
}

func decode(b []byte) (c protocols.Command) {
	le := binary.LittleEndian
	c.ID = protocols.RequestID{Session: le.Uint32(b), Seq: le.Uint32(b[4:])}
	c.Key, c.Size, c.Value, c.Op = le.Uint32(b[8:]), le.Uint32(b[12:]), le.Uint64(b[16:]), b[24]
	return c
}
