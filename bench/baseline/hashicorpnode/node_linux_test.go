package hashicorpnode

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"

	"raftzab/bench"
	"raftzab/bench/baseline/hashicorp"
	"raftzab/bench/live/wire"
	"raftzab/protocols"
)

func TestALeaderIsReplacedAndComesBack(t *testing.T) {
	c := newCluster(t, nil)
	old := c.leader(0)
	l := c.client(1)
	l.at = old

	// Pipelined, and answered in order.
	var rs []bench.Request
	for i := range uint32(200) {
		if rs = append(rs, l.put(i, uint64(1000+i))); i%10 == 9 {
			rs = append(rs, l.get(i, protocols.ReadLeader))
		}
	}
	must(t, l.send(old, rs...))
	for _, r := range rs {
		a, err := l.receive(old)
		if err != nil || a.ID != r.ID || a.Node != old || a.Outcome != bench.OK || a.Value != uint64(1000+r.Key) || a.Version != 1 || a.At.Index == 0 {
			t.Fatalf("%+v is answered by %+v, %v", r, a, err)
		}
	}

	t0 := c.clock.Now()
	before := c.statuses()[old-1]
	c.server(old).kill()
	new := c.leader(old)
	role := -1
	var order []protocols.EventKind
	for i, e := range c.seen(t0) {
		if e.node == new && e.Kind != protocols.Applied && e.Kind != protocols.VoteRefused {
			order = append(order, e.Kind)
			if e.Kind == protocols.RoleChanged && e.Role == protocols.Candidate && role < 0 {
				role = i
			}
		}
		if e.Kind == protocols.Elected && e.Epoch <= before.Epoch {
			t.Errorf("elected in term %d after %d", e.Epoch, before.Epoch)
		}
	}
	// What a single round leaves; more rounds, more of the first three.
	single := []protocols.EventKind{protocols.RoleChanged, protocols.RoundBegan, protocols.VoteCast, protocols.RoleChanged, protocols.Elected, protocols.Activated}
	if role < 0 || !slices.Equal(order[:2], single[:2]) || !slices.Equal(order[len(order)-3:], single[3:]) || !slices.Contains(order, protocols.VoteCast) {
		t.Errorf("the winner tells of %v", order)
	}
	elected, _ := c.first(t0, new, protocols.Elected)
	activated, _ := c.first(t0, new, protocols.Activated)
	voted := 0
	for _, e := range c.seen(t0) {
		if e.Kind == protocols.VoteCast && e.Peer == new && e.Epoch == elected.Epoch {
			voted++
			if e.at > elected.at {
				t.Errorf("elected at %d, and voted for at %d", elected.at, e.at)
			}
		}
	}
	if voted != 2 || activated.Epoch != elected.Epoch {
		t.Errorf("%d votes for %+v, which is active as %+v", voted, elected, activated)
	}

	c.server(old).start()
	c.until("old leader back", func() bool {
		s := c.statuses()
		return s[old-1].Leader == new && s[old-1].Last == s[new-1].Last && s[old-1].Committed == s[new-1].Committed && s[old-1].Last.Index >= before.Last.Index
	})
	l.hangUp(old)
	for i := range uint32(200) {
		for id := NodeID(1); id <= 3; id++ {
			c.until("state", func() bool { // who knows of a commit has still to apply it
				a, err := l.ask(id, l.get(i, protocols.ReadLocal))
				return err == nil && a.Outcome == bench.OK && a.Value == uint64(1000+i) && a.Version == 1
			})
		}
	}
}

func TestOnlyALeaderAnswersWhatALeaderMust(t *testing.T) {
	c := newCluster(t, nil)
	leader := c.leader(0)
	follower := leader%3 + 1
	l := c.client(1)
	refuses := func(id NodeID, r bench.Request, by NodeID) {
		t.Helper()
		a, err := l.ask(id, r)
		if err != nil || a.Outcome != bench.Refused || a.Leader != by || a.ID != r.ID || a.Node != id {
			t.Errorf("server %d under %d answers %+v with %+v, %v", id, leader, r, a, err)
		}
	}
	refuses(follower, l.put(1, 1), leader)
	refuses(follower, l.get(1, protocols.ReadLeader), leader)
	refuses(follower, l.get(1, protocols.ReadIndex), leader)
	refuses(leader, l.get(1, protocols.ReadSync), 0)
	ahead := l.get(1, protocols.ReadLocal)
	ahead.Seen = protocols.EntryID{Epoch: 100, Index: 100}
	refuses(leader, ahead, 0)

	w := l.put(1, 7)
	first, err := l.ask(leader, w)
	must(t, err)
	again, err := l.ask(leader, w)
	must(t, err)
	if first.Outcome != bench.OK || first.Version != 1 || again.Outcome != bench.OK || again.Version != 1 || !first.At.Less(again.At) {
		t.Errorf("once more: %+v, then %+v", first, again)
	}
	late := l.put(1, 8)
	if a, err := l.ask(leader, l.put(1, 9)); err != nil || a.Version != 2 {
		t.Errorf("%+v, %v", a, err)
	}
	if a, err := l.ask(leader, late); err != nil || a.Outcome != bench.Unknown || a.Version != 0 {
		t.Errorf("a write behind which its session has gone on: %+v, %v", a, err)
	}
	for range 3 { // the first waits for a barrier, the others do not
		if a, err := l.ask(leader, l.get(1, protocols.ReadIndex)); err != nil || a.Outcome != bench.OK || a.Value != 9 || a.Version != 2 {
			t.Errorf("a linearizable read sees %+v, %v", a, err)
		}
	}
	// Between the first and this one three attempts more, and one barrier.
	if a, err := l.ask(leader, l.put(2, 1)); err != nil || a.At != (protocols.EntryID{Epoch: first.At.Epoch, Index: first.At.Index + 5}) {
		t.Errorf("after a write at %v: %+v, %v", first.At, a, err)
	}

	// One connection is one session.
	must(t, l.send(leader, c.client(2).get(1, protocols.ReadLocal)))
	if a, err := l.receive(leader); err == nil {
		t.Errorf("another session is answered by %+v", a)
	}
	l.hangUp(leader)

	// A frame that is no request ends the connection and nothing else.
	must(t, l.send(leader))
	if _, err := l.conns[leader].Write([]byte("GET / HTTP/1.1\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if a, err := l.receive(leader); err == nil {
		t.Errorf("noise is answered by %+v", a)
	}
	l.hangUp(leader)
	if a, err := l.ask(leader, l.get(1, protocols.ReadLocal)); err != nil || a.Value != 9 {
		t.Errorf("after noise: %+v, %v", a, err)
	}

	target := follower%3 + 1
	if target == leader {
		target = follower
	}
	t0 := c.clock.Now()
	for _, s := range c.servers { // only the leader can
		s.order(wire.AppendFrame(nil, wire.TypeTransfer, wire.AppendTransfer, target))
	}
	if got := c.leader(leader); got != target {
		t.Errorf("the leadership went to %d instead of %d", got, target)
	}
	c.until("follower in the old leader", func() bool {
		e, ok := c.first(t0, leader, protocols.RoleChanged)
		return ok && e.Role == protocols.Follower
	})
}

// Clients write all the while one server after the other is killed and started
// again, and logs are cut behind snapshots.
func TestAcknowledgedWritesOutliveEveryServer(t *testing.T) {
	c := newCluster(t, func(s *Settings) { s.Images, s.Trailing, s.Segment = 200, 50, 16<<10 })
	c.leader(0)
	const sessions = 8
	stop := make(chan struct{})
	var acknowledged, begun [sessions + 1]uint64
	var all sync.WaitGroup
	for i := uint32(1); i <= sessions; i++ {
		l := c.client(i)
		all.Go(func() {
			for value := uint64(1); ; value++ {
				select {
				case <-stop:
					return
				default:
				}
				begun[i] = value
				a, ok := l.insist(l.put(i, value), stop)
				if !ok {
					return
				}
				if acknowledged[i] = value; a.Version != value {
					t.Errorf("write %d of session %d made version %d", value, i, a.Version)
					return
				}
			}
		})
	}
	t0 := c.clock.Now()
	for round := range 6 {
		victim := c.servers[round%3]
		victim.kill()
		if c.leader(victim.ID); round > 3 { // let the others go on without it, and cut their logs
			behind := c.statuses()[victim.ID-1].Last.Index
			c.until("cut", func() bool {
				for _, s := range c.servers {
					// The older of two is there only if the log was cut behind the other.
					if all := s.snapshots(); s != victim && (len(all) < 2 || all[0] < behind+uint64(s.Trailing)) {
						return false
					}
				}
				return true
			})
		}
		var committed uint64
		for _, s := range c.statuses() {
			committed = max(committed, s.Committed.Index)
		}
		victim.start()
		c.until("server back", func() bool { return c.statuses()[victim.ID-1].Committed.Index >= committed })
	}
	close(stop)
	all.Wait()
	reader := c.client(sessions + 1)
	for i := uint32(1); i <= sessions; i++ {
		a, ok := reader.insist(reader.get(i, protocols.ReadIndex), nil)
		if !ok || a.Value < acknowledged[i] || a.Value > begun[i] || a.Version != a.Value {
			t.Errorf("session %d: %d acknowledged, %d begun, and now %+v", i, acknowledged[i], begun[i], a)
		}
	}
	if _, ok := c.first(t0, 0, protocols.Restored); !ok {
		t.Error("nobody took a snapshot: they were to be behind")
	}
	t.Logf("acknowledged %v", acknowledged[1:])
}

// A vote that was cast may be asked for again, and is granted without the disk; it
// is refused to anybody else, before and after a restart.
func TestVotesAreToldAsTheyAreGiven(t *testing.T) {
	c := newCluster(t, nil)
	voter := c.servers[0]
	c.servers[1].kill() // alone, a server raises no term
	c.servers[2].kill()
	c.until("server alone", func() bool {
		return voter.isReady() && c.statuses()[0].Role == protocols.Candidate
	})
	trans, err := raft.NewTCPTransportWithLogger("127.0.0.1:0", nil, 1, 5*time.Second, hclog.NewNullLogger())
	must(t, err)
	defer trans.Close()
	ask := func(whom NodeID) bool {
		request := raft.RequestVoteRequest{Term: 1000, LastLogIndex: 1000, LastLogTerm: 1000,
			RPCHeader: raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: []byte(hashicorp.ServerID(whom)), Addr: []byte(voter.address(whom))}}
		var answer raft.RequestVoteResponse
		must(t, trans.RequestVote(hashicorp.ServerID(1), voter.address(1), &request, &answer))
		return answer.Granted
	}
	for life := range 2 {
		t0 := c.clock.Now()
		if given := []bool{ask(2), ask(2), ask(3)}; !slices.Equal(given, []bool{true, true, false}) {
			t.Errorf("to 2, 2 and 3 the votes are %v", given)
		}
		c.until("refusal", func() bool {
			_, ok := c.first(t0, 1, protocols.VoteRefused)
			return ok || ask(3) // it may not have listened yet
		})
		if life == 0 {
			voter.kill()
			trans.CloseStreams()
			voter.start()
			c.until("server again", func() bool { return voter.isReady() })
		}
	}
	cast := 0
	for _, e := range c.seen(0) {
		if e.Epoch == 1000 && (e.Kind == protocols.VoteCast || e.Kind == protocols.VoteRefused) {
			if e.Kind == protocols.VoteCast {
				cast++
			}
			if (e.Kind == protocols.VoteCast) != (e.Peer == 2) {
				t.Errorf("it tells of %+v", e)
			}
		}
	}
	if cast != 1 {
		t.Errorf("one vote was cast, and told %d times", cast)
	}
}

func TestTheStatusIsToldWithoutAnEvent(t *testing.T) {
	c := newCluster(t, nil)
	l := c.client(1)
	l.at = c.leader(0)
	for _, s := range c.servers {
		s.order(listenFor(0))
	}
	var last protocols.EntryID
	for range 10 { // of which the first may still be events
		a, _ := l.insist(l.put(1, 1), nil)
		last = a.At
	}
	c.until("status", func() bool {
		for _, s := range c.statuses() {
			if s.Last.Less(last) || s.Committed.Less(last) {
				return false
			}
		}
		return true
	})
}

func TestAServerEndsWithWhoeverStartedIt(t *testing.T) {
	c := newCluster(t, nil)
	c.leader(0)
	s := c.servers[0]
	s.in.Close()
	if err := s.cmd.Wait(); s.cmd.ProcessState.ExitCode() != 3 {
		t.Errorf("it ends with %v", err)
	}
}
