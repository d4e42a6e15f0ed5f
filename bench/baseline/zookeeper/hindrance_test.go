package zookeeper

import (
	"reflect"
	"strings"
	"testing"

	"raftzab/protocols"
)

// Server 2 of ZooKeeper 3.8.0, follower of 3, which has just been killed. Server 1
// looks before it does, and then dials 2 before that listens.
const hinders = `
2026-11-23 08:27:28,122 WARN  [QuorumPeer[myid=2](plain=127.0.0.1:27182)(secure=disabled):Follower] - Exception when following the leader
2026-11-23 08:27:28,139 INFO  [WorkerReceiver[myid=2]:FastLeaderElection$Messenger$WorkerReceiver] - Notification: my state:FOLLOWING; n.sid:1, n.state:LOOKING, n.leader:1, n.round:0x4, n.peerEpoch:0x3, n.zxid:0x300000010, message format version:0x2, n.config version:0x0
2026-11-23 08:27:28,142 INFO  [QuorumPeer[myid=2](plain=127.0.0.1:27182)(secure=disabled):QuorumPeer] - Peer state changed: looking
2026-11-23 08:27:28,142 INFO  [WorkerReceiver[myid=2]:FastLeaderElection$Messenger$WorkerReceiver] - Notification: my state:FOLLOWING; n.sid:1, n.state:LOOKING, n.leader:1, n.round:0x4, n.peerEpoch:0x3, n.zxid:0x300000010, message format version:0x2, n.config version:0x0
2026-11-23 08:27:28,143 INFO  [QuorumPeer[myid=2](plain=127.0.0.1:27182)(secure=disabled):FastLeaderElection] - New election. My id = 2, proposed zxid=0x300000010
2026-11-23 08:27:28,148 INFO  [WorkerReceiver[myid=2]:FastLeaderElection$Messenger$WorkerReceiver] - Notification: my state:LOOKING; n.sid:1, n.state:LOOKING, n.leader:1, n.round:0x4, n.peerEpoch:0x3, n.zxid:0x300000010, message format version:0x2, n.config version:0x0
2026-11-23 08:27:28,149 INFO  [WorkerReceiver[myid=2]:FastLeaderElection$Messenger$WorkerReceiver] - Notification: my state:LOOKING; n.sid:2, n.state:LOOKING, n.leader:2, n.round:0x4, n.peerEpoch:0x3, n.zxid:0x300000010, message format version:0x2, n.config version:0x0
2026-11-23 08:27:28,150 INFO  [WorkerReceiver[myid=2]:FastLeaderElection$Messenger$WorkerReceiver] - Notification: my state:LOOKING; n.sid:1, n.state:LOOKING, n.leader:2, n.round:0x4, n.peerEpoch:0x3, n.zxid:0x300000010, message format version:0x2, n.config version:0x0
2026-11-23 08:27:28,352 INFO  [WorkerReceiver[myid=2]:FastLeaderElection$Messenger$WorkerReceiver] - Notification: my state:LEADING; n.sid:1, n.state:LOOKING, n.leader:2, n.round:0x4, n.peerEpoch:0x3, n.zxid:0x300000010, message format version:0x2, n.config version:0x0
2026-11-23 08:27:28,352 INFO  [QuorumPeer[myid=2](plain=127.0.0.1:27182)(secure=disabled):QuorumPeer] - Peer state changed: leading
2026-11-23 08:27:28,353 INFO  [WorkerReceiver[myid=2]:FastLeaderElection$Messenger$WorkerReceiver] - Notification: my state:LEADING; n.sid:1, n.state:LOOKING, n.leader:2, n.round:0x4, n.peerEpoch:0x3, n.zxid:0x300000010, message format version:0x2, n.config version:0x0
2026-11-23 08:27:28,368 INFO  [QuorumPeer[myid=2](plain=127.0.0.1:27182)(secure=disabled):QuorumPeer] - Peer state changed: leading - discovery
2026-11-23 08:27:28,476 INFO  [QuorumPeer[myid=2](plain=127.0.0.1:27182)(secure=disabled):Leader] - Have quorum of supporters, sids: [[1, 2]]; starting up and setting last processed zxid: 0x400000000
`

const dials = `
2026-11-23 08:27:28,351 WARN  [LeaderConnector-/127.0.0.1:28882:Learner$LeaderConnector] - Unexpected exception, tries=0, remaining init limit=2000, connecting to /127.0.0.1:28882
2026-11-23 08:27:28,452 INFO  [LeaderConnector-/127.0.0.1:28882:Learner$LeaderConnector] - Successfully connected to leader, using address: /127.0.0.1:28882
`

const aMS protocols.Time = 1_000_000

// three are three servers of which the third leads.
func three() *Ensemble {
	e := &Ensemble{cfg: Config{Voters: 3}}
	for id := protocols.NodeID(1); id <= 3; id++ {
		s := &server{id: id, ports: ports{quorum: 28880 + int(id)}}
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
	e := three()
	e.hear(2, 0, hinders) // nobody asks
	e = three()
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
	e := three()
	e.Mark()
	e.hear(2, 0, strings.Split(hinders, "\n")[2])
	if n := e.Hindered().Unheard[1]; n != 0 {
		t.Errorf("%d votes unheard", n)
	}
}
