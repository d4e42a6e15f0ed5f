//go:build linux

package host

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"raftzab/bench"
	"raftzab/bench/live/wire"
	"raftzab/bench/random"
	"raftzab/protocols"
	"raftzab/raft"
)

// both runs a test for each protocol.
func both(t *testing.T, f func(t *testing.T, protocol string)) {
	for _, protocol := range []string{"raft", "zab"} {
		t.Run(protocol, func(t *testing.T) { f(t, protocol) })
	}
}

// same waits until every node has the value and the version of each key, so that
// local reads there show the same state.
func (e *ensemble) same(want map[uint32]bench.Reply) {
	e.t.Helper()
	for _, id := range e.all() {
		s := e.session(1000+uint32(id), id)
		for key, w := range want {
			e.await(fmt.Sprintf("node %d has key %d at %d, version %d", id, key, w.Value, w.Version), func() bool {
				r, err := s.get(key, protocols.ReadLocal)
				if err == nil && r.Outcome == bench.OK && r.Version > w.Version {
					e.t.Fatalf("node %d has key %d at %d, version %d; the last write made %d, version %d", id, key, r.Value, r.Version, w.Value, w.Version)
				}
				return err == nil && r.Outcome == bench.OK && r.Value == w.Value && r.Version == w.Version
			})
		}
		s.close()
	}
}

// Sessions write and try again, each its own key, while every server is killed in
// turn, the leader first, and comes back on its disk. What was acknowledged is there,
// each write once, and on all servers alike.
func crashes(t *testing.T, protocol string, processes bool, rounds int) {
	e := newEnsemble(t, protocol, func(s *server) { s.Images, s.Trailing = 300, 20 })
	e.processes = processes
	e.start(e.all()...)
	e.leader()
	const sessions = 6
	var stop atomic.Bool
	var written [sessions]atomic.Uint64
	var all sync.WaitGroup
	for i := range uint32(sessions) {
		all.Go(func() {
			s := e.session(i+1, protocols.NodeID(1+i%3))
			defer s.close()
			for n := uint64(1); !stop.Load() && !t.Failed(); n++ {
				if r := s.put(i, n); r.Version != n {
					t.Errorf("session %d: write %d made version %d", i+1, n, r.Version)
				}
				written[i].Store(n)
			}
		})
	}
	progress := func() {
		t.Helper()
		var before [sessions]uint64
		for i := range written {
			before[i] = written[i].Load()
		}
		e.await("every session has written", func() bool {
			for i := range written {
				if written[i].Load() < before[i]+3 {
					return false
				}
			}
			return true
		})
	}
	progress()
	for range rounds {
		for k := range protocols.NodeID(3) {
			victim := e.leader()
			if k > 0 {
				victim = (victim+k-1)%3 + 1
			}
			e.kill(victim)
			progress()
			e.start(victim)
			progress()
		}
	}
	stop.Store(true)
	all.Wait()
	want := map[uint32]bench.Reply{}
	for i := range written {
		n := written[i].Load()
		want[uint32(i)] = bench.Reply{Value: n, Version: n}
	}
	e.same(want)
}

func TestAcknowledgedWritesSurviveCrashes(t *testing.T) {
	both(t, func(t *testing.T, protocol string) { crashes(t, protocol, false, 1) })
}

func TestAcknowledgedWritesSurviveKills(t *testing.T) {
	both(t, func(t *testing.T, protocol string) { crashes(t, protocol, true, 1) })
}

// A server that was away for longer than the log remembers gets a snapshot over TCP,
// in many chunks or in one, restores it, and has it on its disk.
func TestASnapshotTravelsInChunks(t *testing.T) {
	both(t, func(t *testing.T, protocol string) {
		e := newEnsemble(t, protocol, func(s *server) { s.Images, s.Trailing, s.Chunk = 20, 2, 100 })
		e.listen = wire.Listen{Events: protocols.Events(protocols.Restored), Sent: true}
		e.start(1, 2)
		leader := e.leader()
		s := e.session(1, leader)
		want := map[uint32]bench.Reply{}
		for i := range uint32(100) {
			s.put(i, uint64(i))
			want[i] = bench.Reply{Value: uint64(i), Version: 1}
		}
		e.start(3)
		e.await("node 3 has restored a snapshot", func() bool { return e.lives[3].count(protocols.Restored) > 0 })
		e.same(want)
		chunks := 0
		for _, l := range e.lives[1:] {
			for _, sent := range l.allSent() {
				if protocol == "raft" && sent.Kind == uint8(raft.InstallSnapshot) && sent.To == 3 {
					chunks++
				}
			}
		}
		if protocol == "raft" && chunks < 10 {
			t.Errorf("the snapshot of over 1600 bytes came in %d chunks of 100", chunks)
		}
		e.kill(3)
		e.start(3) // from its own snapshot
		e.same(want)
	})
}

func (l *life) allSent() []wire.Sent {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sent
}

// A disk whose fsync fails may have done anything: the process ends and says why.
func TestAFailingFsyncEndsTheLife(t *testing.T) {
	e := newEnsemble(t, "raft", nil)
	e.start(e.all()...)
	leader := e.leader()
	s := e.session(1, leader)
	s.put(1, 1)
	e.command(leader, wire.AppendFrame(nil, wire.TypeDisk, wire.AppendDisk, wire.Disk{Fail: true}))
	l := e.lives[leader]
	n := uint64(1)
	for ; len(l.over) == 0 && !t.Failed(); n++ { // until its disk has something to do
		s.put(1, n+1)
	}
	if err := l.wait(); !errors.Is(err, ErrDisk) {
		t.Errorf("the node ends with %v", err)
	}
	l.over <- nil // for kill
	e.await("the parent is told", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return strings.Contains(l.failed, "fsync")
	})
	e.kill(leader)
	e.start(leader)
	s.put(1, n+1)
	e.same(map[uint32]bench.Reply{1: {Value: n + 1, Version: n + 1}})
}

// A slow fsync holds up what waits for it; a lying one nothing.
func TestFsyncsLastAsLongAsTheyAreTold(t *testing.T) {
	e := newEnsemble(t, "raft", nil)
	e.start(e.all()...)
	leader := e.leader()
	s := e.session(1, leader)
	const slow = 40 * time.Millisecond // far less than an election timeout
	n := uint64(0)
	isSlow := func() bool {
		begin := time.Now()
		n++
		s.put(1, n)
		return time.Since(begin) >= slow
	}
	disks := func(d wire.Disk, ids ...protocols.NodeID) {
		for _, id := range ids {
			e.command(id, wire.AppendFrame(nil, wire.TypeDisk, wire.AppendDisk, d))
		}
	}
	isSlow()
	disks(wire.Disk{Fsync: random.Always(protocols.Time(slow))}, e.all()...)
	thrice := func() bool {
		for range 3 {
			if !isSlow() {
				return false
			}
		}
		return true
	}
	e.await("every majority has a slow disk", thrice)
	disks(wire.Disk{Back: true}, leader)
	if !thrice() {
		t.Error("the leader's disk was enough for a write")
	}
	disks(wire.Disk{Lie: true}, e.all()...)
	e.await("no disk does anything", func() bool { return !isSlow() })
	disks(wire.Disk{Back: true}, e.all()...)
	isSlow()
	e.same(map[uint32]bench.Reply{1: {Value: n, Version: n}})
}

// The life hangs on the pipe of its parent.
func TestANodeEndsWithItsParent(t *testing.T) {
	e := newEnsemble(t, "zab", nil)
	e.start(1)
	l := e.lives[1]
	l.commands.Close()
	if err := l.wait(); !errors.Is(err, ErrParent) {
		t.Errorf("the node ends with %v", err)
	}
	l.over <- nil
}

// Commands that are none end it too: somebody else is at the other end.
func TestNonsenseFromTheParentIsAnError(t *testing.T) {
	e := newEnsemble(t, "zab", nil)
	e.start(1)
	e.command(1, wire.AppendFrame(nil, wire.TypeReady, nil, 0))
	l := e.lives[1]
	if err := l.wait(); err == nil || !strings.Contains(err.Error(), "ready is no command") {
		t.Errorf("the node ends with %v", err)
	}
	l.over <- nil
}

// What the parent asks for is told, with the instants of the run; and a leader hands
// over to whom the parent names.
func TestTheParentSeesAndCommands(t *testing.T) {
	e := newEnsemble(t, "raft", nil)
	e.listen = wire.Listen{Events: protocols.AllEvents, Sent: true}
	e.start(e.all()...)
	leader := e.leader()
	l := e.lives[leader]
	if l.count(protocols.Elected) != 1 || l.count(protocols.Activated) != 1 {
		t.Errorf("the leader was elected %d times and activated %d times", l.count(protocols.Elected), l.count(protocols.Activated))
	}
	s := e.session(1, leader)
	s.put(1, 1)
	e.await("everybody has applied the write and says where its log ends", func() bool {
		for _, id := range e.all() {
			if x := e.lives[id]; x.count(protocols.Applied) < 2 || x.now().Committed != l.now().Last {
				return false
			}
		}
		return true
	})
	heir := leader%3 + 1
	e.command(leader, wire.AppendFrame(nil, wire.TypeTransfer, wire.AppendTransfer, heir))
	e.await("another leads", func() bool { return e.lives[heir].now().Role == protocols.Leader })
	// A follower whose clock jumps believes that it has waited for long.
	jumper := heir%3 + 1
	before := e.lives[jumper].count(protocols.RoundBegan)
	e.command(jumper, wire.AppendFrame(nil, wire.TypeClock, wire.AppendClock, wire.Clock{Skew: 3600 * 1000 * ms}))
	e.await("it stands", func() bool { return e.lives[jumper].count(protocols.RoundBegan) > before })
	for id, x := range e.lives {
		if x == nil {
			continue
		}
		x.mu.Lock()
		last, sent := protocols.Time(0), map[protocols.NodeID]int{}
		for _, h := range x.events {
			if h.At < last || h.At <= 0 || h.At > 60*1000*ms {
				t.Errorf("node %d: something happened at %v, after %v", id, time.Duration(h.At), time.Duration(last))
			}
			last = h.At
		}
		for _, m := range x.sent {
			sent[m.To]++
		}
		if len(sent) == 0 || sent[protocols.NodeID(id)] > 0 || sent[0] > 0 {
			t.Errorf("node %d has sent %v", id, sent)
		}
		x.mu.Unlock()
	}
}

// Where a log ends is told without events too, a little later.
func TestTheParentLearnsOfPositionsWithoutListening(t *testing.T) {
	e := newEnsemble(t, "zab", nil)
	e.start(e.all()...)
	s := e.session(1, e.leader())
	at := s.put(1, 1).At
	for _, id := range e.all() {
		e.await("the parent knows of the write", func() bool { return e.lives[id].now().Committed == at })
	}
}

// A replica that breaks its promises ends the life with an error that says how.
func TestAPanicOfTheReplicaIsAnError(t *testing.T) {
	e := newEnsemble(t, "raft", nil)
	cfg := Config[raft.Message]{Settings: e.servers[1].Settings, Parse: raft.ParseMessage,
		New: func(protocols.Recovered, *rand.Rand) protocols.Replica[raft.Message] { panic("broken") }}
	if err := Serve(context.Background(), cfg); err == nil || !strings.Contains(err.Error(), "broken") {
		t.Errorf("Serve returns %v", err)
	}
}

func TestSettingsThatCannotWorkAreNamed(t *testing.T) {
	good := Settings{ID: 1, Peers: map[protocols.NodeID]netip.AddrPort{1: netip.MustParseAddrPort("127.0.0.1:2888")},
		Clients: netip.MustParseAddrPort("127.0.0.1:2181"), Dir: "x"}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(*Settings){
		"no number":        func(s *Settings) { s.ID = 0 },
		"not among":        func(s *Settings) { s.ID = 2 },
		"node 3 is at":     func(s *Settings) { s.Peers = map[protocols.NodeID]netip.AddrPort{1: s.Peers[1], 3: {}} },
		"no address":       func(s *Settings) { s.Clients = netip.AddrPort{} },
		"no folder":        func(s *Settings) { s.Dir = "" },
		"every -1 entries": func(s *Settings) { s.Images = -1 },
	} {
		s := good
		if spoil(&s); s.Validate() == nil || !strings.Contains(s.Validate().Error(), want) {
			t.Errorf("%v, want something with %q", s.Validate(), want)
		}
	}
}

// A learner has nothing to say before it is spoken to; its streams are there all the
// same.
func TestANodeGreetsItsPeersWhenItsLifeBegins(t *testing.T) {
	e := newEnsemble(t, "raft", func(s *server) { s.Voters = 2 })
	port, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(e.servers[3].Peers[1]))
	if err != nil {
		t.Fatal(err)
	}
	defer port.Close()
	e.start(3)
	port.SetDeadline(time.Now().Add(patience))
	conn, err := port.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	if kind, _, err := wire.NewReader(conn, 64).Next(); kind != wire.TypeHello {
		t.Errorf("the peer hears %v, %v", kind, err)
	}
}
