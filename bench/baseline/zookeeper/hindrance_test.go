package zookeeper

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"raftzab/bench/fault"
	"raftzab/bench/live/lan"
	"raftzab/protocols"
)

// Server 2 of ZooKeeper 3.8.0, follower of 3, which has just been killed. Server 1
// looks before it does, and then dials 2 before that listens.
const hinders = `
2026-11-23 08:27:28,122 WARN  [QuorumPeer[myid=2](plain=127.9.8.2:2181)(secure=disabled):Follower] - Exception when following the leader
2026-11-23 08:27:28,139 INFO  [WorkerReceiver[myid=2]:FastLeaderElection$Messenger$WorkerReceiver] - Notification: my state:FOLLOWING; n.sid:1, n.state:LOOKING, n.leader:1, n.round:0x4, n.peerEpoch:0x3, n.zxid:0x300000010, message format version:0x2, n.config version:0x0
2026-11-23 08:27:28,142 INFO  [QuorumPeer[myid=2](plain=127.9.8.2:2181)(secure=disabled):QuorumPeer] - Peer state changed: looking
2026-11-23 08:27:28,142 INFO  [WorkerReceiver[myid=2]:FastLeaderElection$Messenger$WorkerReceiver] - Notification: my state:FOLLOWING; n.sid:1, n.state:LOOKING, n.leader:1, n.round:0x4, n.peerEpoch:0x3, n.zxid:0x300000010, message format version:0x2, n.config version:0x0
2026-11-23 08:27:28,143 INFO  [QuorumPeer[myid=2](plain=127.9.8.2:2181)(secure=disabled):FastLeaderElection] - New election. My id = 2, proposed zxid=0x300000010
2026-11-23 08:27:28,148 INFO  [WorkerReceiver[myid=2]:FastLeaderElection$Messenger$WorkerReceiver] - Notification: my state:LOOKING; n.sid:1, n.state:LOOKING, n.leader:1, n.round:0x4, n.peerEpoch:0x3, n.zxid:0x300000010, message format version:0x2, n.config version:0x0
2026-11-23 08:27:28,149 INFO  [WorkerReceiver[myid=2]:FastLeaderElection$Messenger$WorkerReceiver] - Notification: my state:LOOKING; n.sid:2, n.state:LOOKING, n.leader:2, n.round:0x4, n.peerEpoch:0x3, n.zxid:0x300000010, message format version:0x2, n.config version:0x0
2026-11-23 08:27:28,150 INFO  [WorkerReceiver[myid=2]:FastLeaderElection$Messenger$WorkerReceiver] - Notification: my state:LOOKING; n.sid:1, n.state:LOOKING, n.leader:2, n.round:0x4, n.peerEpoch:0x3, n.zxid:0x300000010, message format version:0x2, n.config version:0x0
2026-11-23 08:27:28,352 INFO  [WorkerReceiver[myid=2]:FastLeaderElection$Messenger$WorkerReceiver] - Notification: my state:LEADING; n.sid:1, n.state:LOOKING, n.leader:2, n.round:0x4, n.peerEpoch:0x3, n.zxid:0x300000010, message format version:0x2, n.config version:0x0
2026-11-23 08:27:28,352 INFO  [QuorumPeer[myid=2](plain=127.9.8.2:2181)(secure=disabled):QuorumPeer] - Peer state changed: leading
2026-11-23 08:27:28,353 INFO  [WorkerReceiver[myid=2]:FastLeaderElection$Messenger$WorkerReceiver] - Notification: my state:LEADING; n.sid:1, n.state:LOOKING, n.leader:2, n.round:0x4, n.peerEpoch:0x3, n.zxid:0x300000010, message format version:0x2, n.config version:0x0
2026-11-23 08:27:28,368 INFO  [QuorumPeer[myid=2](plain=127.9.8.2:2181)(secure=disabled):QuorumPeer] - Peer state changed: leading - discovery
2026-11-23 08:27:28,476 INFO  [QuorumPeer[myid=2](plain=127.9.8.2:2181)(secure=disabled):Leader] - Have quorum of supporters, sids: [[1, 2]]; starting up and setting last processed zxid: 0x400000000
`

const dials = `
2026-11-23 08:27:28,351 WARN  [LeaderConnector-/127.9.8.2:2888:Learner$LeaderConnector] - Unexpected exception, tries=0, remaining init limit=2000, connecting to /127.9.8.2:2888
2026-11-23 08:27:28,452 INFO  [LeaderConnector-/127.9.8.2:2888:Learner$LeaderConnector] - Successfully connected to leader, using address: /127.9.8.2:2888
`

const aMS protocols.Time = 1_000_000

// three are three servers of which the third leads, and observers behind them.
func three(observers int) *Ensemble {
	const voters = 3
	e := &Ensemble{cfg: Config{Voters: voters, Observers: observers}}
	for id := protocols.NodeID(1); int(id) <= e.cfg.members(); id++ {
		s := &server{id: id, voter: int(id) <= voters, address: netip.AddrFrom4([4]byte{127, 9, 8, byte(id)})}
		s.life = &life{server: s, view: newView(id)}
		s.life.view.role, s.life.view.leader, s.life.view.epoch = protocols.Follower, 3, 3
		e.servers = append(e.servers, s)
	}
	return e
}

// hear takes a server's log in, a line a millisecond.
func (e *Ensemble) hear(id protocols.NodeID, from protocols.Time, log string) {
	for line := range strings.Lines(log) {
		if f, ok := parse(line); ok {
			from += aMS
			e.deliver(happening{at: from, life: e.servers[id-1].life, fact: f}, func(protocols.NodeID, protocols.Event) {}, nil)
		}
	}
}

func TestLogsTellWhatHinderedAnElection(t *testing.T) {
	e := three(0)
	e.hear(2, 0, hinders) // nobody asks
	e = three(0)
	e.Mark()
	e.servers[2].life.killed = true
	e.hear(2, 100*aMS, hinders)
	if h, want := e.Hindered(), (Hindrances{Noticed: 101 * aMS, Listening: 112 * aMS, Quorum: 113 * aMS, Unheard: []int{0, 2, 0, 0}}); !reflect.DeepEqual(h, want) {
		t.Errorf("%+v, want %+v", h, want)
	}
	e.Mark()
	e.hear(1, 200*aMS, dials)
	if h, want := e.Hindered(), (Hindrances{Connected: 202 * aMS, Refused: 1, Unheard: []int{0, 0, 0, 0}}); !reflect.DeepEqual(h, want) {
		t.Errorf("%+v, want %+v", h, want)
	}
}

// A server that joins is answered by followers of a leader that lives: that is no
// vote that came too early.
func TestAVoteToThoseWhoHaveALivingLeaderIsNotUnheard(t *testing.T) {
	e := three(0)
	e.Mark()
	e.hear(2, 0, strings.Split(hinders, "\n")[2])
	if n := e.Hindered().Unheard[1]; n != 0 {
		t.Errorf("%d votes unheard", n)
	}
}

// What an observer meets hinders no election.
func TestObserversDoNotHinder(t *testing.T) {
	e := three(1)
	e.Mark()
	e.servers[2].life.killed = true
	e.hear(4, 0, hinders)
	e.hear(4, 0, dials)
	if h, want := e.Hindered(), (Hindrances{Unheard: []int{0, 0, 0, 0}}); !reflect.DeepEqual(h, want) {
		t.Errorf("%+v", h)
	}
}

// Who is cut off is no longer heard, though it lives; once all is mended it is the
// vote of a newcomer again.
func TestVotesAreUnheardWhereTheLeaderIsCutOff(t *testing.T) {
	e := three(0)
	e.network = deaf{}
	vote := strings.Split(hinders, "\n")[2]
	for k, c := range []struct {
		f    fault.Fault
		want int
	}{
		{fault.Fault{Kind: fault.Isolate, Nodes: []protocols.NodeID{3}}, 1},
		{fault.Fault{Kind: fault.Link, Loss: 0.1}, 1},
		{fault.Fault{Kind: fault.Heal, From: []protocols.NodeID{1}, To: []protocols.NodeID{3}}, 1},
		{fault.Fault{Kind: fault.Heal}, 0},
	} {
		if err := e.Inject(c.f); err != nil {
			t.Fatal(err)
		}
		e.Mark()
		e.hear(2, 0, vote)
		if n := e.Hindered().Unheard[1]; n != c.want {
			t.Errorf("after fault %d, %v: %d votes unheard, want %d", k, c.f, n, c.want)
		}
	}
}

// A deaf network takes faults and does nothing.
type deaf struct{ lan.Network }

func (deaf) Supports(fault.Kind) bool { return true }
func (deaf) Inject(fault.Fault) error { return nil }
