package etcdraft

import (
	"encoding/binary"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"

	"raftzab/protocols"
)

// A Message is the library's own. Receivers share it, and nobody changes it.
type Message struct {
	*pb.Message
	data bool // carries client commands, or answers a message that did
}

// Kinds of messages, to count by. Client commands are the load, not the
// election, and are counted apart.
const (
	Vote uint8 = iota
	VoteResp
	App
	AppResp
	Heartbeat
	HeartbeatResp
	other // none of these occurs
	AppData
	AppDataResp
	PreVote
	PreVoteResp
	TimeoutNow
	Kinds // how many kinds there are
)

var kindNames = [Kinds]string{"MsgVote", "MsgVoteResp", "MsgApp", "MsgAppResp", "MsgHeartbeat", "MsgHeartbeatResp", "other",
	"MsgApp with commands", "MsgAppResp to commands", "MsgPreVote", "MsgPreVoteResp", "MsgTimeoutNow"}

// KindName returns the name under which messages of a kind are counted.
func KindName(kind uint8) string { return kindNames[kind] }

// ElectionKind reports whether messages of a kind elect and activate a leader:
// all but those of client commands.
func ElectionKind(kind uint8) bool { return kind != AppData && kind != AppDataResp }

// Kind tells messages with client commands from those that elect.
func (m Message) Kind() uint8 {
	switch m.GetType() {
	case pb.MsgVote:
		return Vote
	case pb.MsgVoteResp:
		return VoteResp
	case pb.MsgApp:
		if m.data {
			return AppData
		}
		return App
	case pb.MsgAppResp:
		if m.data {
			return AppDataResp
		}
		return AppResp
	case pb.MsgHeartbeat:
		return Heartbeat
	case pb.MsgHeartbeatResp:
		return HeartbeatResp
	case pb.MsgPreVote:
		return PreVote
	case pb.MsgPreVoteResp:
		return PreVoteResp
	case pb.MsgTimeoutNow:
		return TimeoutNow
	}
	return other
}

// Sizes are those of our Raft's messages, which have the same fields: so bytes
// differ by what is sent and not by how it is encoded.
const (
	headerSize = 80
	entrySize  = 16 + 8 + 4 + 4 + 8 + 1
)

// Size returns the bytes on the wire.
func (m Message) Size() int {
	n := headerSize + entrySize*len(m.GetEntries())
	if m.data {
		for _, e := range m.GetEntries() {
			n += int(payload(e))
		}
	}
	return n
}

// Chunk is none: the log is never compacted.
func (m Message) Chunk() protocols.Chunk { return protocols.Chunk{} }

// String writes the message as the library describes it.
func (m Message) String() string {
	return raft.DescribeMessage(m.Message, func(data []byte) string {
		e := protocols.Entry{}
		decode(data, &e.Command)
		return protocols.EntryID{Epoch: uint64(e.Command.ID.Session), Index: uint64(e.Command.ID.Seq)}.String()
	})
}

// holdsCommands reports whether a client's command is among es.
func holdsCommands(es []*pb.Entry) bool {
	for _, e := range es {
		if len(e.GetData()) > 0 {
			return true
		}
	}
	return false
}

// commandSize is the length of an encoded command; the library's own no-op has
// no data.
const commandSize = 4 + 4 + 4 + 4 + 8 + 1

func encode(b []byte, c *protocols.Command) []byte {
	le := binary.LittleEndian
	b = le.AppendUint32(b, c.ID.Session)
	b = le.AppendUint32(b, c.ID.Seq)
	b = le.AppendUint32(b, c.Key)
	b = le.AppendUint32(b, c.Size)
	b = le.AppendUint64(b, c.Value)
	return append(b, c.Op)
}

func decode(b []byte, c *protocols.Command) {
	if len(b) == 0 {
		return
	}
	le := binary.LittleEndian
	c.ID = protocols.RequestID{Session: le.Uint32(b), Seq: le.Uint32(b[4:])}
	c.Key, c.Size, c.Value, c.Op = le.Uint32(b[8:]), le.Uint32(b[12:]), le.Uint64(b[16:]), b[24]
}

// payload is the Size of the command that an entry holds.
func payload(e *pb.Entry) uint32 {
	if b := e.GetData(); len(b) > 0 {
		return binary.LittleEndian.Uint32(b[12:])
	}
	return 0
}

// outside translates entries of the library's log. Positions are the same: the
// log starts behind an empty snapshot at index 0, not behind the customary one
// at (1, 1).
func outside(es []*pb.Entry, buf []protocols.Entry) []protocols.Entry {
	for _, e := range es {
		t := protocols.Entry{ID: protocols.EntryID{Epoch: e.GetTerm(), Index: e.GetIndex()}}
		decode(e.GetData(), &t.Command)
		buf = append(buf, t)
	}
	return buf
}

// inside is the reverse.
func inside(es []protocols.Entry) []*pb.Entry {
	ts := make([]*pb.Entry, len(es))
	for i := range es {
		ts[i] = &pb.Entry{Term: new(es[i].ID.Epoch), Index: new(es[i].ID.Index)}
		if es[i].Command != (protocols.Command{}) {
			ts[i].Data = encode(make([]byte, 0, commandSize), &es[i].Command)
		}
	}
	return ts
}
