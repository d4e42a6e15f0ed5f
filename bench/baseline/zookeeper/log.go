package zookeeper

import (
	"math"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"raftzab/protocols"
)

// A fact is what one line of a server's log tells.
type fact struct {
	kind  factKind
	state string            // of stateChanged: "leading - broadcast"
	from  protocols.NodeID  // of notified: the server that votes,
	peer  protocols.NodeID  // for whom,
	heard bool              // whether it counts here: this server is looking too,
	round uint64            // in which round,
	epoch uint64            // and that one's currentEpoch; of quorum: the epoch that the leader establishes
	last  protocols.EntryID // of newElection: the server's last zxid
	where netip.Addr        // of connected: the leader's address
}

type factKind uint8

const (
	stateChanged factKind = iota // QuorumPeer: Peer state changed: …
	newElection                  // FastLeaderElection.lookForLeader begins
	notified                     // FastLeaderElection took in a notification, its own included
	connected                    // Learner: reached its leader
	quorum                       // Leader: a quorum has acknowledged NEWLEADER
	lost                         // Follower: the connection to the leader has ended
	refused                      // Learner: the elected leader's port is not open yet; it waits and dials again
)

const (
	stateText     = "Peer state changed: "
	electionText  = "New election. My id = "
	connectedText = "Successfully connected to leader, using address: "
	quorumText    = "Have quorum of supporters, "
	lostText      = "Exception when following the leader"
	refusedText   = "Unexpected exception, tries="
	notifiedText  = " Notification: my state:" // the spaced form spares the regular expression
)

var (
	notification = regexp.MustCompile(`my state:([A-Z]+); n\.sid:(\d+), n\.state:LOOKING, n\.leader:(\d+), n\.round:0x([0-9a-f]+), n\.peerEpoch:0x([0-9a-f]+)`)
	proposedZxid = regexp.MustCompile(`proposed zxid=0x([0-9a-f]+)`)
	lastZxid     = regexp.MustCompile(`setting last processed zxid: 0x([0-9a-f]+)`)
)

// parse reads a line of the log, wherever the layout put the message in it.
func parse(line string) (fact, bool) {
	if _, state, ok := strings.Cut(line, stateText); ok {
		return fact{kind: stateChanged, state: strings.TrimSpace(state)}, true
	}
	if strings.Contains(line, electionText) {
		f := fact{kind: newElection}
		if m := proposedZxid.FindStringSubmatch(line); m != nil {
			if z := int64(hex(m[1])); z != math.MinInt64 { // an observer's: it proposes what nobody would follow
				f.last = zxid(z)
			}
		}
		return f, true
	}
	if strings.Contains(line, notifiedText) {
		m := notification.FindStringSubmatch(line)
		if m == nil {
			return fact{}, false // of a server that is not looking
		}
		return fact{kind: notified, heard: m[1] == "LOOKING", from: node(m[2]), peer: node(m[3]), round: hex(m[4]), epoch: hex(m[5])}, true
	}
	if _, address, ok := strings.Cut(line, connectedText); ok {
		// InetSocketAddress.toString: "name/address:port", and the name is empty.
		where, err := netip.ParseAddrPort(strings.TrimSpace(address[strings.LastIndexByte(address, '/')+1:]))
		return fact{kind: connected, where: where.Addr()}, err == nil
	}
	if strings.Contains(line, lostText) {
		return fact{kind: lost}, true
	}
	if strings.Contains(line, refusedText) {
		return fact{kind: refused}, true
	}
	if strings.Contains(line, quorumText) {
		if m := lastZxid.FindStringSubmatch(line); m != nil {
			return fact{kind: quorum, epoch: zxid(int64(hex(m[1]))).Epoch}, true
		}
	}
	return fact{}, false
}

// The patterns let nothing but digits through, and ZooKeeper's numbers fit.
func node(digits string) protocols.NodeID {
	n, _ := strconv.ParseUint(digits, 10, 16)
	return protocols.NodeID(n)
}

func hex(digits string) uint64 {
	n, _ := strconv.ParseUint(digits, 16, 64)
	return n
}

// zxid splits ZooKeeper's 64 bits into epoch and counter.
func zxid(z int64) protocols.EntryID {
	return protocols.EntryID{Epoch: uint64(z) >> 32, Index: uint64(z) & 0xffffffff}
}

// A view is what the log of one life of a server has told so far.
type view struct {
	id      protocols.NodeID
	looking bool
	role    protocols.Role
	phase   protocols.Phase
	leader  protocols.NodeID
	epoch   uint64 // established, as far as known
	round   uint64 // FastLeaderElection's logicalclock
	vote    protocols.NodeID
	last    protocols.EntryID // when the last election began
}

// A newView is a server's that has logged nothing yet.
func newView(id protocols.NodeID) view { return view{id: id, role: protocols.Candidate} }

// status is what a server says of itself. How far its history goes it says only
// when it stands for election, so that Last is zero at other times.
func (v *view) status() protocols.Status {
	s := protocols.Status{Role: v.role, Active: v.phase == protocols.Broadcast, Leader: v.leader, Epoch: v.epoch}
	if v.looking {
		s.Last = v.last
	}
	return s
}

// take takes the next fact in and passes on the events that it means. RoundBegan,
// VoteCast and Elected carry the round of the election, which is all that
// fast leader election knows; the other events the epoch. Established is the
// greatest epoch that any leader of the ensemble has established: learners do
// not log theirs. LeaderAt tells whose address it is.
func (v *view) take(f fact, established uint64, leaderAt func(netip.Addr) protocols.NodeID, emit func(protocols.Event)) {
	switch f.kind {
	case stateChanged:
		v.changeState(f.state, established, emit)
	case newElection:
		v.look(emit) // a server that boots is looking without having changed to it
		// lookForLeader begins by advancing the logical clock; own
		// notifications correct it where others are ahead.
		v.round++
		v.vote, v.last = protocols.None, f.last
		emit(protocols.Event{Kind: protocols.RoundBegan, Epoch: v.round})
	case notified:
		if f.from != v.id || f.round == v.round && f.peer == v.vote {
			return // another's, or our own repeated
		}
		v.round, v.vote = f.round, f.peer
		if f.peer == v.id {
			v.epoch = f.epoch // a server that boots has not logged it before
		}
		emit(protocols.Event{Kind: protocols.VoteCast, Peer: f.peer, Epoch: f.round})
	case connected:
		v.leader = leaderAt(f.where)
	case quorum:
		v.epoch = f.epoch
	}
}

func (v *view) look(emit func(protocols.Event)) {
	if v.looking {
		return
	}
	v.looking, v.role, v.phase, v.leader, v.vote = true, protocols.Candidate, protocols.Election, protocols.None, protocols.None
	emit(protocols.Event{Kind: protocols.RoleChanged, Role: protocols.Candidate, Epoch: v.epoch})
	emit(protocols.Event{Kind: protocols.PhaseEntered, Phase: protocols.Election, Epoch: v.epoch})
}

// changeState takes the server's state and Zab's: "following",
// "leading - discovery", "following - synchronization - diff", "observing - broadcast".
func (v *view) changeState(state string, established uint64, emit func(protocols.Event)) {
	role, rest, _ := strings.Cut(state, " - ")
	zab, _, _ := strings.Cut(rest, " - ")
	switch role {
	case "looking":
		v.look(emit)
		return
	case "leading":
		v.become(protocols.Leader, emit)
	case "following":
		v.become(protocols.Follower, emit)
	case "observing":
		v.become(protocols.Observer, emit)
	default:
		return
	}
	var phase protocols.Phase
	switch zab {
	case "discovery":
		phase = protocols.Discovery
	case "synchronization":
		phase = protocols.Synchronization
	case "broadcast":
		phase = protocols.Broadcast
	default:
		return
	}
	if phase == v.phase {
		return // synchronization is logged again when its kind is settled, and when it is over
	}
	v.phase = phase
	if phase == protocols.Broadcast && v.role != protocols.Leader {
		v.epoch = max(v.epoch, established)
	}
	emit(protocols.Event{Kind: protocols.PhaseEntered, Phase: phase, Epoch: v.epoch})
	if phase == protocols.Broadcast && v.role == protocols.Leader {
		emit(protocols.Event{Kind: protocols.Activated, Epoch: v.epoch})
	}
}

// become leaves fast leader election.
func (v *view) become(r protocols.Role, emit func(protocols.Event)) {
	if !v.looking && v.role == r {
		return
	}
	v.looking, v.role, v.phase = false, r, protocols.Election
	if r == protocols.Leader {
		v.leader = v.id
		emit(protocols.Event{Kind: protocols.Elected, Role: r, Epoch: v.round})
	}
	emit(protocols.Event{Kind: protocols.RoleChanged, Role: r, Epoch: v.epoch})
}
