package zookeeper

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"raftzab/protocols"
)

// Server 2 of ZooKeeper 3.8.0, when the leader of three servers, 3, is killed.
const takesOver = `
2026-11-22 21:08:55,936 WARN  [QuorumPeer[myid=2](plain=127.9.8.2:2181)(secure=disabled):Follower] - Exception when following the leader
java.io.EOFException
	at java.base/java.io.DataInputStream.readInt(DataInputStream.java:386)
2026-11-22 21:08:55,946 INFO  [QuorumPeer[myid=2](plain=127.9.8.2:2181)(secure=disabled):QuorumPeer] - Peer state changed: looking
2026-11-22 21:08:55,946 WARN  [QuorumPeer[myid=2](plain=127.9.8.2:2181)(secure=disabled):QuorumPeer] - PeerState set to LOOKING
2026-11-22 21:08:55,946 INFO  [QuorumPeer[myid=2](plain=127.9.8.2:2181)(secure=disabled):FastLeaderElection] - New election. My id = 2, proposed zxid=0x10000002a
2026-11-22 21:08:55,962 WARN  [QuorumConnectionThread-[myid=2]-3:QuorumCnxManager] - Cannot open channel to 3 at election address /127.9.8.3:3888
2026-11-22 21:08:55,976 INFO  [WorkerReceiver[myid=2]:FastLeaderElection$Messenger$WorkerReceiver] - Notification: my state:LOOKING; n.sid:2, n.state:LOOKING, n.leader:2, n.round:0x2, n.peerEpoch:0x1, n.zxid:0x10000002a, message format version:0x2, n.config version:0x0
2026-11-22 21:08:55,976 INFO  [WorkerReceiver[myid=2]:FastLeaderElection$Messenger$WorkerReceiver] - Notification: my state:LOOKING; n.sid:1, n.state:LOOKING, n.leader:1, n.round:0x2, n.peerEpoch:0x1, n.zxid:0x10000002a, message format version:0x2, n.config version:0x0
2026-11-22 21:08:55,977 INFO  [WorkerReceiver[myid=2]:FastLeaderElection$Messenger$WorkerReceiver] - Notification: my state:LOOKING; n.sid:1, n.state:FOLLOWING, n.leader:3, n.round:0x1, n.peerEpoch:0x1, n.zxid:0x0, message format version:0x2, n.config version:0x0
2026-11-22 21:08:56,100 INFO  [WorkerReceiver[myid=2]:FastLeaderElection$Messenger$WorkerReceiver] - Notification: my state:LOOKING; n.sid:2, n.state:LOOKING, n.leader:2, n.round:0x2, n.peerEpoch:0x1, n.zxid:0x10000002a, message format version:0x2, n.config version:0x0
2026-11-22 21:08:56,186 INFO  [QuorumPeer[myid=2](plain=127.9.8.2:2181)(secure=disabled):QuorumPeer] - Peer state changed: leading
2026-11-22 21:08:56,187 INFO  [QuorumPeer[myid=2](plain=127.9.8.2:2181)(secure=disabled):QuorumPeer] - LEADING
2026-11-22 21:08:56,220 INFO  [QuorumPeer[myid=2](plain=127.9.8.2:2181)(secure=disabled):Leader] - LEADING - LEADER ELECTION TOOK - 272 MS
2026-11-22 21:08:56,223 INFO  [QuorumPeer[myid=2](plain=127.9.8.2:2181)(secure=disabled):QuorumPeer] - Peer state changed: leading - discovery
2026-11-22 21:08:56,266 INFO  [QuorumPeer[myid=2](plain=127.9.8.2:2181)(secure=disabled):QuorumPeer] - Peer state changed: leading - synchronization
2026-11-22 21:08:56,267 INFO  [QuorumPeer[myid=2](plain=127.9.8.2:2181)(secure=disabled):Leader] - Have quorum of supporters, sids: [[1, 2]]; starting up and setting last processed zxid: 0x200000000
2026-11-22 21:08:56,307 INFO  [QuorumPeer[myid=2](plain=127.9.8.2:2181)(secure=disabled):QuorumPeer] - Peer state changed: leading - broadcast
`

// The same server as it boots and follows 3.
const boots = `
2026-11-22 21:08:52,664 INFO  [QuorumPeer[myid=2](plain=127.9.8.2:2181)(secure=disabled):QuorumPeer] - LOOKING
2026-11-22 21:08:52,664 INFO  [QuorumPeer[myid=2](plain=127.9.8.2:2181)(secure=disabled):FastLeaderElection] - New election. My id = 2, proposed zxid=0x0
2026-11-22 21:08:52,700 INFO  [WorkerReceiver[myid=2]:FastLeaderElection$Messenger$WorkerReceiver] - Notification: my state:LOOKING; n.sid:2, n.state:LOOKING, n.leader:2, n.round:0x1, n.peerEpoch:0x0, n.zxid:0x0, message format version:0x2, n.config version:0x0
2026-11-22 21:08:52,782 INFO  [WorkerReceiver[myid=2]:FastLeaderElection$Messenger$WorkerReceiver] - Notification: my state:LOOKING; n.sid:2, n.state:LOOKING, n.leader:3, n.round:0x1, n.peerEpoch:0x0, n.zxid:0x0, message format version:0x2, n.config version:0x0
2026-11-22 21:08:52,986 INFO  [QuorumPeer[myid=2](plain=127.9.8.2:2181)(secure=disabled):QuorumPeer] - Peer state changed: following
2026-11-22 21:08:53,008 INFO  [QuorumPeer[myid=2](plain=127.9.8.2:2181)(secure=disabled):Follower] - FOLLOWING - LEADER ELECTION TOOK - 344 MS
2026-11-22 21:08:53,010 INFO  [QuorumPeer[myid=2](plain=127.9.8.2:2181)(secure=disabled):QuorumPeer] - Peer state changed: following - discovery
2026-11-22 21:08:53,145 INFO  [LeaderConnector-/127.9.8.3:2888:Learner$LeaderConnector] - Successfully connected to leader, using address: /127.9.8.3:2888
2026-11-22 21:08:53,187 INFO  [QuorumPeer[myid=2](plain=127.9.8.2:2181)(secure=disabled):QuorumPeer] - Peer state changed: following - synchronization
2026-11-22 21:08:53,217 INFO  [QuorumPeer[myid=2](plain=127.9.8.2:2181)(secure=disabled):QuorumPeer] - Peer state changed: following - synchronization - diff
2026-11-22 21:08:53,236 INFO  [QuorumPeer[myid=2](plain=127.9.8.2:2181)(secure=disabled):QuorumPeer] - Peer state changed: following - synchronization
2026-11-22 21:08:53,357 INFO  [QuorumPeer[myid=2](plain=127.9.8.2:2181)(secure=disabled):QuorumPeer] - Peer state changed: following - broadcast
`

// Server 4, an observer, as it boots and observes 3, until that is killed.
const observes = `
2026-11-26 14:53:27,628 INFO  [QuorumPeer[myid=4](plain=127.9.8.4:2181)(secure=disabled):QuorumPeer] - LOOKING
2026-11-26 14:53:27,629 INFO  [QuorumPeer[myid=4](plain=127.9.8.4:2181)(secure=disabled):FastLeaderElection] - New election. My id = 4, proposed zxid=0x8000000000000000
2026-11-26 14:53:27,914 INFO  [WorkerReceiver[myid=4]:FastLeaderElection$Messenger$WorkerReceiver] - Notification: my state:LOOKING; n.sid:1, n.state:FOLLOWING, n.leader:3, n.round:0x1, n.peerEpoch:0x0, n.zxid:0x0, message format version:0x2, n.config version:0x0
2026-11-26 14:53:27,927 INFO  [QuorumPeer[myid=4](plain=127.9.8.4:2181)(secure=disabled):QuorumPeer] - Peer state changed: observing
2026-11-26 14:53:27,957 INFO  [QuorumPeer[myid=4](plain=127.9.8.4:2181)(secure=disabled):QuorumPeer] - Peer state changed: observing - discovery
2026-11-26 14:53:27,958 INFO  [QuorumPeer[myid=4](plain=127.9.8.4:2181)(secure=disabled):Observer] - Observing new leader sid=3 addr=/127.9.8.3:2888
2026-11-26 14:53:27,977 INFO  [LeaderConnector-/127.9.8.3:2888:Learner$LeaderConnector] - Successfully connected to leader, using address: /127.9.8.3:2888
2026-11-26 14:53:27,991 INFO  [QuorumPeer[myid=4](plain=127.9.8.4:2181)(secure=disabled):QuorumPeer] - Peer state changed: observing - synchronization
2026-11-26 14:53:28,000 INFO  [QuorumPeer[myid=4](plain=127.9.8.4:2181)(secure=disabled):QuorumPeer] - Peer state changed: observing - synchronization - diff
2026-11-26 14:53:28,009 INFO  [QuorumPeer[myid=4](plain=127.9.8.4:2181)(secure=disabled):QuorumPeer] - Peer state changed: observing - synchronization
2026-11-26 14:53:28,054 INFO  [QuorumPeer[myid=4](plain=127.9.8.4:2181)(secure=disabled):QuorumPeer] - Peer state changed: observing - broadcast
2026-11-26 14:53:54,239 WARN  [QuorumPeer[myid=4](plain=127.9.8.4:2181)(secure=disabled):Observer] - Exception when observing the leader
2026-11-26 14:53:54,242 INFO  [QuorumPeer[myid=4](plain=127.9.8.4:2181)(secure=disabled):QuorumPeer] - Peer state changed: looking
2026-11-26 14:53:54,242 INFO  [QuorumPeer[myid=4](plain=127.9.8.4:2181)(secure=disabled):Observer] - Waiting for 137 ms before reconnecting with the leader
2026-11-26 14:53:54,379 INFO  [QuorumPeer[myid=4](plain=127.9.8.4:2181)(secure=disabled):QuorumPeer] - LOOKING
2026-11-26 14:53:54,380 INFO  [QuorumPeer[myid=4](plain=127.9.8.4:2181)(secure=disabled):FastLeaderElection] - New election. My id = 4, proposed zxid=0x8000000000000000
`

// The server with the address 127.9.8.3 is 3.
func byLastByte(a netip.Addr) protocols.NodeID { return protocols.NodeID(a.As4()[3]) }

// play gives a view the lines of a log and returns what it tells.
func play(v *view, text string, established uint64) (events []protocols.Event) {
	for line := range strings.Lines(text) {
		if f, ok := parse(line); ok {
			v.take(f, established, byLastByte, func(e protocols.Event) { events = append(events, e) })
		}
	}
	return events
}

func TestLogTellsThePhasesOfTheZabPaper(t *testing.T) {
	type event = protocols.Event
	v := newView(2)

	got := play(&v, boots, 1)
	want := []event{
		{Kind: protocols.RoleChanged, Role: protocols.Candidate},
		{Kind: protocols.PhaseEntered, Phase: protocols.Election},
		{Kind: protocols.RoundBegan, Epoch: 1},
		{Kind: protocols.VoteCast, Peer: 2, Epoch: 1},
		{Kind: protocols.VoteCast, Peer: 3, Epoch: 1},
		{Kind: protocols.RoleChanged, Role: protocols.Follower},
		{Kind: protocols.PhaseEntered, Phase: protocols.Discovery},
		{Kind: protocols.PhaseEntered, Phase: protocols.Synchronization},
		{Kind: protocols.PhaseEntered, Phase: protocols.Broadcast, Epoch: 1},
	}
	if !slices.Equal(got, want) {
		t.Errorf("booting: got\n%+v\nwant\n%+v", got, want)
	}
	if s, want := v.status(), (protocols.Status{Role: protocols.Follower, Active: true, Leader: 3, Epoch: 1}); s != want {
		t.Errorf("booted: status %+v, want %+v", s, want)
	}

	got = play(&v, takesOver, 1)
	want = []event{
		{Kind: protocols.RoleChanged, Role: protocols.Candidate, Epoch: 1},
		{Kind: protocols.PhaseEntered, Phase: protocols.Election, Epoch: 1},
		{Kind: protocols.RoundBegan, Epoch: 2},
		{Kind: protocols.VoteCast, Peer: 2, Epoch: 2}, // its repetition is no second vote, and others' are not its own
		{Kind: protocols.Elected, Role: protocols.Leader, Epoch: 2},
		{Kind: protocols.RoleChanged, Role: protocols.Leader, Epoch: 1},
		{Kind: protocols.PhaseEntered, Phase: protocols.Discovery, Epoch: 1},
		{Kind: protocols.PhaseEntered, Phase: protocols.Synchronization, Epoch: 1},
		{Kind: protocols.PhaseEntered, Phase: protocols.Broadcast, Epoch: 2},
		{Kind: protocols.Activated, Epoch: 2},
	}
	if !slices.Equal(got, want) {
		t.Errorf("taking over: got\n%+v\nwant\n%+v", got, want)
	}
	if s, want := v.status(), (protocols.Status{Role: protocols.Leader, Active: true, Leader: 2, Epoch: 2}); s != want {
		t.Errorf("having taken over: status %+v, want %+v", s, want)
	}
}

func TestLogTellsThePhasesOfAnObserver(t *testing.T) {
	type event = protocols.Event
	v := newView(4)
	before, after, _ := strings.Cut(observes, "Exception when observing the leader")

	got := play(&v, before, 1)
	want := []event{
		{Kind: protocols.RoleChanged, Role: protocols.Candidate},
		{Kind: protocols.PhaseEntered, Phase: protocols.Election},
		{Kind: protocols.RoundBegan, Epoch: 1}, // and it casts no vote
		{Kind: protocols.RoleChanged, Role: protocols.Observer},
		{Kind: protocols.PhaseEntered, Phase: protocols.Discovery},
		{Kind: protocols.PhaseEntered, Phase: protocols.Synchronization},
		{Kind: protocols.PhaseEntered, Phase: protocols.Broadcast, Epoch: 1},
	}
	if !slices.Equal(got, want) {
		t.Errorf("booting: got\n%+v\nwant\n%+v", got, want)
	}
	if s, want := v.status(), (protocols.Status{Role: protocols.Observer, Active: true, Leader: 3, Epoch: 1}); s != want {
		t.Errorf("booted: status %+v, want %+v", s, want)
	}

	got = play(&v, after, 1)
	want = []event{
		{Kind: protocols.RoleChanged, Role: protocols.Candidate, Epoch: 1},
		{Kind: protocols.PhaseEntered, Phase: protocols.Election, Epoch: 1},
		{Kind: protocols.RoundBegan, Epoch: 2},
	}
	if !slices.Equal(got, want) {
		t.Errorf("its leader is lost: got\n%+v\nwant\n%+v", got, want)
	}
	// The zxid that it proposes is no position in its history.
	if s, want := v.status(), (protocols.Status{Role: protocols.Candidate, Epoch: 1}); s != want {
		t.Errorf("its leader is lost: status %+v, want %+v", s, want)
	}
}

// While it stands, and only then, a server tells how far its history goes: who
// was best is made of this.
func TestStatusHasTheLastZxidDuringAnElection(t *testing.T) {
	v := newView(2)
	before, _, _ := strings.Cut(takesOver, "2026-11-22 21:08:56,186") // up to the end of the election
	play(&v, before, 1)
	want := protocols.Status{Role: protocols.Candidate, Epoch: 1, Last: protocols.EntryID{Epoch: 1, Index: 0x2a}}
	if s := v.status(); s != want {
		t.Errorf("status %+v, want %+v", s, want)
	}
}

// An observer that has not noticed that its leader is gone says that it serves; so
// does a leader that is cut off.
func TestNobodyIsReadyBeforeAllHaveTheSameLeader(t *testing.T) {
	ready := func(spoil func(by []*life)) bool {
		e := three(1)
		var by []*life
		for _, s := range e.servers {
			by = append(by, s.life)
			s.life.view.phase = protocols.Broadcast
		}
		by[2].view.role, by[3].view.role = protocols.Leader, protocols.Observer
		spoil(by)
		return e.settled()
	}
	lead := func(v *view) { v.role, v.leader = protocols.Leader, v.id }
	for _, c := range []struct {
		what string
		want bool
		by   func(by []*life)
	}{
		{"all serve", true, func([]*life) {}},
		{"a follower is dead", true, func(by []*life) { by[0].killed = true }},
		{"the observer is dead", true, func(by []*life) { by[3].killed = true }},
		{"a follower synchronises", false, func(by []*life) { by[0].view.phase = protocols.Synchronization }},
		{"the observer looks", false, func(by []*life) { by[3].view.look(func(protocols.Event) {}) }},
		{"the leader is dead, and nobody has noticed", false, func(by []*life) { by[2].killed = true }},
		{"the leader is paused, and nobody has noticed", false, func(by []*life) { by[2].paused = true }},
		{"two lead", false, func(by []*life) { lead(&by[0].view) }},
		{"the old leader follows the new one, and the observer has not noticed", false, func(by []*life) {
			lead(&by[0].view)
			by[1].view.leader, by[2].view.leader, by[2].view.role = 1, 1, protocols.Follower
		}},
		{"nobody leads", false, func(by []*life) { by[2].view.role = protocols.Follower }},
		{"all are dead", false, func(by []*life) {
			for _, l := range by {
				l.killed = true
			}
		}},
	} {
		if got := ready(c.by); got != c.want {
			t.Errorf("%s: ready %v", c.what, got)
		}
	}
}

func TestZxidIsEpochAndCounter(t *testing.T) {
	if got, want := zxid(0x7_0000_002a), (protocols.EntryID{Epoch: 7, Index: 42}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}
