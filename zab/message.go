package zab

import (
	"fmt"

	"raftzab/protocols"
)

// A MessageType is ZooKeeper's packet type. Two come in addition: the
// acknowledgement of NEWLEADER is apart from that of a proposal, since the one
// elects and the other carries load (on ZooKeeper's wire both are ACK, and a
// counter of 0 tells them apart); and what TCP says for ZooKeeper, the end of a
// connection and its refusal, is said here by Close and Refused.
type MessageType uint8

// The message types, in the order of an ensemble's life.
const (
	Notification MessageType = iota // FLE: my vote

	FollowerInfo // learner -> leader: acceptedEpoch; opens the learner connection
	ObserverInfo // the same, of an observer
	LeaderInfo   // leader -> learner: the new epoch
	AckEpoch     // learner -> leader: currentEpoch and last zxid

	Diff         // leader -> learner: keep your log, more follows
	Trunc        // leader -> learner: cut your log after Zxid
	Snap         // leader -> learner: start from the snapshot at Zxid
	NewLeader    // leader -> learner: that was the history
	AckNewLeader // learner -> leader: it is on my disk, and so is the epoch
	UpToDate     // leader -> learner: a quorum has it; serve

	Request     // learner -> leader: a client's write
	SyncRequest // learner -> leader: a client's sync; ZooKeeper's is a REQUEST too
	Sync        // leader -> learner: what was committed before the oldest such request is with you
	Proposal    // leader -> follower
	Ack         // follower -> leader: the proposal is on my disk
	Commit      // leader -> follower
	Inform      // leader -> observer: PROPOSAL and COMMIT in one

	Ping    // both ways
	Close   // both ways: the FIN of the learner connection
	Refused // the RST where nobody listens: FollowerInfo reached a server that does not lead

	MessageTypes // how many there are
)

var typeNames = [MessageTypes]string{"NOTIFICATION", "FOLLOWERINFO", "OBSERVERINFO", "LEADERINFO", "ACKEPOCH", "DIFF", "TRUNC", "SNAP", "NEWLEADER", "ACK-NEWLEADER",
	"UPTODATE", "REQUEST", "REQUEST-SYNC", "SYNC", "PROPOSAL", "ACK", "COMMIT", "INFORM", "PING", "CLOSE", "REFUSED"}

func (t MessageType) String() string { return typeNames[t] }

// KindName returns the name of a Message's Kind.
func KindName(kind uint8) string { return typeNames[kind] }

// ElectionKind reports whether messages of this kind elect and activate a
// leader: notifications, discovery, the headers of synchronisation, NEWLEADER,
// UPTODATE and their acknowledgements. The history itself is data.
func ElectionKind(kind uint8) bool { return MessageType(kind) <= UpToDate }

// Traffic reports whether messages of this kind are packets. Close and Refused
// stand for flags in TCP's own headers and are not counted.
func Traffic(kind uint8) bool { return MessageType(kind) < Close }

// NoEpoch is ACKEPOCH's −1: this learner may follow, but has promised the epoch
// before, so it isn't an acknowledgement.
const NoEpoch = ^uint64(0)

// A Message is one packet, with the fields of ZooKeeper's under their names
// there. Fields that a type does not name are zero.
type Message struct {
	Type  MessageType
	State protocols.Role // Notification: the sender's

	// All but Notification: the learner connection. The learner counts its own.
	Learner NodeID
	Conn    uint32

	// Notification: the vote. Zxid is the proposed leader's last.
	Leader        NodeID
	ElectionEpoch uint64 // the sender's logicalclock
	PeerEpoch     uint64 // the proposed leader's currentEpoch

	CurrentEpoch uint64 // AckEpoch: the learner's, or NoEpoch

	// AckEpoch: of the learner's last entry. Diff: of the leader's last committed.
	// Trunc: of the last entry to keep. Snap: of the snapshot. Proposal, Ack,
	// Commit, Inform: of the entry. Sync: what it waited for. FollowerInfo, ObserverInfo: (acceptedEpoch, 0).
	// LeaderInfo, NewLeader, AckNewLeader: (epoch, 0). Ping from the leader: the
	// last proposed.
	Zxid         Zxid
	SnapshotSize uint64  // Snap: bytes, which go with it
	Command      Command // Request, Proposal, Inform
}

// Kind is the message's type.
func (m Message) Kind() uint8 { return uint8(m.Type) }

// Chunk is a Snap's snapshot, as a whole: the stream takes it as fast as it can.
func (m Message) Chunk() protocols.Chunk {
	if m.SnapshotSize == 0 { // no SNAP, or one of the empty state
		return protocols.Chunk{}
	}
	return protocols.Chunk{At: m.Zxid, Length: m.SnapshotSize}
}

// Size is what ZooKeeper's packet takes, without the configuration in
// notifications and NEWLEADER: a notification's length and 40 bytes, or a
// QuorumPacket (type, zxid, two lengths) and its data.
func (m Message) Size() int {
	const packet = 4 + 8 + 4 + 4
	switch m.Type {
	case Notification:
		return 4 + 40
	case FollowerInfo, ObserverInfo: // LearnerInfo: sid, protocol version, configuration version
		return packet + 8 + 4 + 8
	case LeaderInfo, AckEpoch:
		return packet + 4
	case Request, SyncRequest: // session, cxid, opcode
		return packet + 8 + 4 + 4 + int(m.Command.Size)
	case Proposal, Inform: // TxnHeader: session, cxid, zxid, time, type
		return packet + 8 + 4 + 8 + 8 + 4 + int(m.Command.Size)
	case Close, Refused:
		return 0
	}
	return packet
}

func (m Message) String() string {
	switch m.Type {
	case Notification:
		return fmt.Sprintf("%v round %d: %s votes for %d (epoch %d, zxid %v)", m.Type, m.ElectionEpoch, stateNames[m.State], m.Leader, m.PeerEpoch, m.Zxid)
	case AckEpoch:
		if m.CurrentEpoch == NoEpoch {
			return fmt.Sprintf("%v epoch -1 zxid %v", m.Type, m.Zxid)
		}
		return fmt.Sprintf("%v epoch %d zxid %v", m.Type, m.CurrentEpoch, m.Zxid)
	case FollowerInfo, ObserverInfo, LeaderInfo, NewLeader, AckNewLeader:
		return fmt.Sprintf("%v epoch %d", m.Type, m.Zxid.Epoch)
	case Diff, Trunc, Snap, Sync, Ack, Commit:
		return fmt.Sprintf("%v %v", m.Type, m.Zxid)
	case Proposal, Inform:
		return fmt.Sprintf("%v %v of %d.%d", m.Type, m.Zxid, m.Command.ID.Session, m.Command.ID.Seq)
	case Request:
		return fmt.Sprintf("%v %d.%d", m.Type, m.Command.ID.Session, m.Command.ID.Seq)
	}
	return m.Type.String()
}

// stateNames are ZooKeeper's ServerStates for our roles.
var stateNames = [...]string{protocols.Follower: "FOLLOWING", protocols.Candidate: "LOOKING", protocols.Leader: "LEADING", protocols.Observer: "OBSERVING"}
