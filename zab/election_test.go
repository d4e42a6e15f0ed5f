package zab

import (
	"fmt"
	"slices"
	"testing"

	"raftzab/protocols"
)

func TestVoteOrder(t *testing.T) {
	ascending := []Vote{
		{Leader: 1}, {Leader: 2},
		{1, zx(1, 1), 0}, {1, zx(1, 2), 0}, {3, zx(1, 2), 0}, {1, zx(2, 1), 0},
		{1, zx(1, 1), 1}, {2, zx(1, 1), 1}, {1, zx(1, 9), 1}, {1, Zxid{}, 2},
	}
	for i, v := range ascending {
		for j, w := range ascending {
			if got := v.beats(w); got != (i > j) {
				t.Errorf("%+v beats %+v: %v", v, w, got)
			}
		}
	}
}

func TestVoteEquality(t *testing.T) {
	const L, F = protocols.Candidate, protocols.Follower
	v := Vote{2, zx(1, 5), 1}
	for _, c := range []struct {
		name         string
		a, b         ballot
		same         bool
		sameIfLooked bool // with one of the two LOOKING
	}{
		{name: "the same", a: ballot{vote: v, round: 3}, b: ballot{vote: v, round: 3}, same: true, sameIfLooked: true},
		{name: "another zxid", a: ballot{vote: v, round: 3}, b: ballot{vote: Vote{2, zx(1, 4), 1}, round: 3}, same: true},
		{name: "another round", a: ballot{vote: v, round: 3}, b: ballot{vote: v, round: 4}, same: true},
		{name: "another epoch", a: ballot{vote: v, round: 3}, b: ballot{vote: Vote{2, zx(1, 5), 2}, round: 3}},
		{name: "another leader", a: ballot{vote: v, round: 3}, b: ballot{vote: Vote{1, zx(1, 5), 1}, round: 3}},
	} {
		for _, states := range [][2]protocols.Role{{F, F}, {F, protocols.Leader}, {L, F}, {F, L}, {L, L}} {
			c.a.state, c.b.state = states[0], states[1]
			want := c.same
			if states[0] == L || states[1] == L {
				want = c.sameIfLooked
			}
			if got := c.a.same(&c.b); got != want {
				t.Errorf("%s, %v: %v", c.name, states, got)
			}
		}
	}
}

func TestGreatestEpochThenZxidThenIDIsElected(t *testing.T) {
	for _, c := range []struct {
		name  string
		disks [3]protocols.Recovered
		want  NodeID
	}{
		{"ids", [3]protocols.Recovered{}, 3},
		{"zxids", [3]protocols.Recovered{disk(1, 1, zx(1, 2)), disk(1, 1, zx(1, 3)), disk(1, 1, zx(1, 1))}, 2},
		{"epochs", [3]protocols.Recovered{disk(2, 2, zx(1, 2)), disk(2, 1, zx(1, 3)), disk(2, 1, zx(1, 3))}, 1},
	} {
		w := newWorld(t, 3)
		for i := range c.disks {
			w.servers[i+1].disk = c.disks[i]
		}
		w.startAll()
		if got := w.settle(); got != c.want {
			t.Errorf("%s: %d is elected, want %d", c.name, got, c.want)
		}
		if n := len(w.find(0, protocols.Elected)); n != 1 {
			t.Errorf("%s: %d elections", c.name, n)
		}
		if len(w.find(0, protocols.RoundBegan)) != 3 {
			t.Errorf("%s: more than one round", c.name)
		}
	}
}

// One delay until vote 3 is known, one until its adopters say so, 200 ms of
// silence, and then FOLLOWERINFO, LEADERINFO, ACKEPOCH, NEWLEADER and its
// acknowledgement with three fsyncs in between.
func TestTimeToElect(t *testing.T) {
	w := ensemble(t, 3)
	w.settle()
	elected, activated := w.find(0, protocols.Elected)[0], w.find(0, protocols.Activated)[0]
	if want := 2*w.delay + 200*millisecond; elected.at != want {
		t.Errorf("elected at %d us, want %d", elected.at/1000, want/1000)
	}
	if want := elected.at + 5*w.delay + 3*w.fsync; activated.at != want {
		t.Errorf("activated at %d us, want %d", activated.at/1000, want/1000)
	}
}

func TestOwnVoteCountsWhenItsLoopbackCopyComes(t *testing.T) {
	s := single(t, 3, 3, protocols.Recovered{}, func(c *Config) { c.FinalizeWait = 0 })
	s = &solo{t: t, r: New(s.r.cfg, protocols.Recovered{}, nil), hold: true}
	s.call(func(r *Replica) { r.Wake(0, &s.out) })
	s.receive(1, looking(1, Vote{Leader: 3}))
	if s.r.role != protocols.Candidate {
		t.Fatal("elected by one vote of three")
	}
	if len(s.held) != 1 {
		t.Fatalf("notifications to itself: %v", s.held)
	}
	s.receive(3, s.held[0])
	if s.r.role != protocols.Leader {
		t.Error("its own vote and another are a quorum")
	}
}

// A vote states what its sender has, so a crash must not take that away.
func TestNotificationLeavesWhenTheLogIsDurable(t *testing.T) {
	s := served(t, disk(1, 1), 2)
	s.slow = true
	s.fromLeader(Message{Type: Proposal, Zxid: zx(2, 1)})
	s.call(func(r *Replica) { r.Disconnected(s.now, 3, &s.out) })
	s.receive(2, looking(3, Vote{Leader: 2}))
	s.receive(3, looking(8, Vote{3, zx(2, 1), 2}))
	s.expect("before the fsync")
	// Of the vote for itself, the answer to 2 and the vote for 3, the newest is left.
	s.persisted(s.r.seq)
	const vote = "NOTIFICATION round 8: LOOKING votes for 3 (epoch 2, zxid 2.1)"
	s.expect("after the fsync", "2: "+vote, "3: "+vote)
}

func TestNotificationBackOff(t *testing.T) {
	s := single(t, 1, 3, protocols.Recovered{}, func(c *Config) { c.MaxNotificationInterval = 2 * second })
	var at []Time
	for range 8000 {
		if len(s.take()) > 0 {
			at = append(at, s.now/millisecond)
		}
		s.advance(millisecond)
	}
	if want := []Time{0, 200, 600, 1400, 3000, 5000, 7000}; !slices.Equal(at, want) {
		t.Errorf("notifications at %v ms, want %v", at, want)
	}
}

func TestAnyNotificationRestartsTheBackOff(t *testing.T) {
	s := single(t, 3, 5, protocols.Recovered{}, nil)
	s.advance(150 * millisecond)
	s.receive(1, looking(1, Vote{Leader: 1}))
	s.take()
	s.advance(199 * millisecond)
	s.expect("199 ms after a notification")
	s.advance(millisecond)
	if got := len(s.take()); got != 4 {
		t.Errorf("200 ms after it: %d notifications", got)
	}
}

func TestFinalizeWaitIsSilence(t *testing.T) {
	s := single(t, 3, 5, protocols.Recovered{}, nil)
	mine := Vote{Leader: 3}
	s.receive(1, looking(1, mine))
	s.receive(2, looking(1, mine)) // with its own, a quorum
	s.advance(150 * millisecond)
	s.receive(2, looking(1, Vote{Leader: 2})) // not better, and so thrown away
	s.advance(199 * millisecond)
	if s.r.role != protocols.Candidate {
		t.Fatal("decides 200 ms after the quorum, not after the last notification")
	}
	s.advance(millisecond)
	if s.r.role != protocols.Leader {
		t.Error("does not decide after 200 ms of silence")
	}
	if n := s.count(protocols.WaitRestarted); n != 0 {
		t.Errorf("%d restarts", n)
	}
}

func TestFinalizeWaitIsLeftForABetterVote(t *testing.T) {
	s := single(t, 3, 5, protocols.Recovered{}, nil)
	mine := Vote{Leader: 3}
	s.receive(1, looking(1, mine))
	s.receive(2, looking(1, mine))
	s.advance(150 * millisecond)
	s.take()
	s.receive(4, looking(1, Vote{Leader: 4}))
	if s.count(protocols.WaitRestarted) != 1 || s.r.proposal.Leader != 4 {
		t.Fatalf("after a better vote: %v", s.r.proposal)
	}
	if got := len(s.take()); got != 4 {
		t.Errorf("told %d others of its new vote", got)
	}
	// No quorum has the new vote. The back-off runs again: what the others owe may
	// have been lost.
	s.advance(200 * millisecond)
	if got := len(s.take()); got != 4 || s.r.role != protocols.Candidate {
		t.Errorf("200 ms later: %d notifications, %v", got, s.r)
	}
	s.receive(1, looking(1, Vote{Leader: 4}))
	s.advance(200 * millisecond)
	if s.r.role != protocols.Follower || s.r.leader != 4 {
		t.Errorf("with a quorum for 4: %v", s.r)
	}
}

// A better vote of an older round leaves the wait too, since only the triple is
// looked at, and then counts for nothing.
func TestFinalizeWaitLooksOnlyAtTheTriple(t *testing.T) {
	s := single(t, 3, 5, protocols.Recovered{}, nil)
	s.receive(1, looking(2, Vote{Leader: 3}))
	s.receive(2, looking(2, Vote{Leader: 3}))
	s.take()
	s.receive(4, looking(1, Vote{Leader: 4}))
	s.expect("to a vote of round 1", "4: NOTIFICATION round 2: LOOKING votes for 3 (epoch 0, zxid 0.0)")
	if s.r.finalizeAt != 0 || s.r.proposal.Leader != 3 || s.count(protocols.WaitRestarted) != 1 {
		t.Errorf("wait until %d, proposal %v", s.r.finalizeAt, s.r.proposal)
	}
}

func TestHigherRoundFallsBackToTheInitialVote(t *testing.T) {
	s := single(t, 2, 5, disk(1, 1, zx(1, 2)), nil)
	s.receive(3, looking(1, Vote{3, zx(1, 2), 1}))
	s.take()
	// Worse than the proposal and the initial vote: back to the latter, with what
	// was received forgotten.
	s.receive(1, looking(5, Vote{1, zx(1, 2), 1}))
	const vote = "NOTIFICATION round 5: LOOKING votes for 2 (epoch 1, zxid 1.2)"
	s.expect("to round 5", "1: "+vote, "3: "+vote, "4: "+vote, "5: "+vote)
	if s.r.recvset[3].present {
		t.Error("a vote of round 1 is still counted")
	}
	// Better than the initial vote: adopted, though it is worse than the proposal.
	s.receive(5, looking(5, Vote{5, zx(1, 2), 1}))
	s.receive(4, looking(6, Vote{4, zx(1, 2), 1}))
	if s.r.proposal.Leader != 4 || s.r.clock != 6 {
		t.Errorf("%v in round %d", s.r.proposal, s.r.clock)
	}
	// An older round is answered and not counted.
	s.take()
	s.receive(5, looking(3, Vote{5, zx(1, 9), 1}))
	s.expect("to round 3", "5: NOTIFICATION round 6: LOOKING votes for 4 (epoch 1, zxid 1.2)")
	if s.r.recvset[5].present || s.r.proposal.Leader != 4 {
		t.Error("a vote of an older round is counted")
	}
}

func TestWhoHasALeaderAnswersOnlyWhoLooks(t *testing.T) {
	s := learner(t, protocols.Recovered{})
	s.take()
	const found = "2: NOTIFICATION round 7: FOLLOWING votes for 3 (epoch 9, zxid 0.0)"
	s.receive(2, looking(1, Vote{Leader: 2}))
	s.expect("to an old round", found)
	s.receive(2, looking(99, Vote{Leader: 2}))
	s.expect("to a later round", found)
	s.receive(2, following(7, Vote{Leader: 3}))
	s.expect("to a follower")
	if s.r.clock != 7 {
		t.Errorf("round %d, want that of the ensemble", s.r.clock)
	}
}

// The followers of a dead leader still name it; without its own word that it
// leads, nobody joins.
func TestCheckLeader(t *testing.T) {
	v := Vote{Leader: 5, PeerEpoch: 4}
	s := single(t, 1, 5, protocols.Recovered{}, nil)
	for id := NodeID(2); id <= 4; id++ {
		s.receive(id, following(3, v))
	}
	s.receive(5, looking(3, v)) // it votes for itself: that isn't leading
	s.receive(5, following(3, v))
	if s.r.role != protocols.Candidate {
		t.Fatal("follows a leader that does not lead")
	}
	s.receive(5, leads(3, v))
	if s.r.role != protocols.Follower || s.r.leader != 5 || s.r.clock != 3 {
		t.Errorf("%v", s.r)
	}

	// Who is named as the leader of an older round no longer is.
	s = single(t, 5, 5, protocols.Recovered{}, nil)
	for id := NodeID(1); id <= 3; id++ {
		s.receive(id, following(3, v))
	}
	if s.r.role != protocols.Candidate {
		t.Fatal("takes an office of round 3 in round 1")
	}
	// In its own round it is.
	s = single(t, 5, 5, protocols.Recovered{}, nil)
	for id := NodeID(1); id <= 3; id++ {
		s.receive(id, following(1, v))
	}
	if s.r.role != protocols.Leader {
		t.Error("elected in its own round, and does not lead")
	}
}

func TestResultsNeedAQuorum(t *testing.T) {
	s := single(t, 1, 5, protocols.Recovered{}, nil)
	v := Vote{Leader: 5, PeerEpoch: 4}
	s.receive(5, leads(3, v))
	s.receive(2, following(8, Vote{5, zx(1, 1), 4})) // who joined later names another round and zxid
	s.receive(3, following(3, Vote{Leader: 5, PeerEpoch: 3}))
	if s.r.role != protocols.Candidate || s.r.clock != 1 {
		t.Fatalf("two of five agree: %v", s.r)
	}
	s.receive(4, following(3, v))
	if s.r.role != protocols.Follower {
		t.Errorf("three of five agree: %v", s.r)
	}
}

// In one round, a vote cast while looking counts with a result, if all of it
// agrees.
func TestResultOfTheOwnRoundCountsWithVotes(t *testing.T) {
	for _, c := range []struct {
		epoch uint64
		want  protocols.Role
	}{{0, protocols.Follower}, {1, protocols.Candidate}} {
		s := single(t, 1, 5, protocols.Recovered{}, nil)
		s.receive(2, looking(1, Vote{Leader: 5})) // and 1 adopts it
		s.receive(5, leads(1, Vote{Leader: 5, PeerEpoch: c.epoch}))
		if s.r.role != c.want {
			t.Errorf("the leader speaks of epoch %d: %v", c.epoch, s.r)
		}
	}
}

// A newcomer joins whoever leads, whatever its own id, zxid or epoch.
func TestNewcomerJoinsTheRunningEnsemble(t *testing.T) {
	w := newWorld(t, 5)
	for id := NodeID(1); id <= 3; id++ {
		w.start(id)
	}
	if l := w.settle(); l != 3 {
		t.Fatalf("leader %d", l)
	}
	w.start(4)
	w.settle()
	w.crash(1, 0)
	// 2 elected the leader, 4 joined it: their votes agree only because 2 has
	// brought its own up to the new epoch.
	from := w.now
	w.start(5)
	w.runUntil("5 serves", 20*millisecond, func() bool { return w.servers[5].r.serving })
	if l := w.servers[5].r.leader; l != 3 || len(w.established) != 1 {
		t.Errorf("5 follows %d, epochs %v", l, w.established)
	}
	if n := len(w.find(from, protocols.WaitRestarted)); n != 0 || w.servers[5].r.clock != w.servers[3].r.clock {
		t.Errorf("round %d, the ensemble's is %d", w.servers[5].r.clock, w.servers[3].r.clock)
	}
}

func TestLastNotificationIsSentAgainOnceAfterABreak(t *testing.T) {
	s := single(t, 1, 3, protocols.Recovered{}, nil)
	s.take()
	const vote = "2: NOTIFICATION round 1: LOOKING votes for 1 (epoch 0, zxid 0.0)"
	broken := func() { s.call(func(r *Replica) { r.Disconnected(s.now, 2, &s.out) }) }
	broken()
	s.expect("after a break", vote)
	broken()
	s.expect("after another with no word in between")
	s.receive(2, looking(1, Vote{}))
	broken()
	s.expect("after a word and a break", vote)
	s.advance(200 * millisecond)
	s.take()
	broken()
	s.expect("after the back-off and a break", vote)
}

func TestSingleServerElectsItself(t *testing.T) {
	w := ensemble(t, 1)
	w.settle()
	w.propose(1, 1)
	w.run(millisecond)
	if w.done[1] == 0 {
		t.Errorf("no commit: %v", w.servers[1].r)
	}
}

func TestBootRefusesOnlyWhatNobodyWrites(t *testing.T) {
	for _, c := range []struct {
		name string
		disk protocols.Recovered
		ok   bool
	}{
		{"empty", protocols.Recovered{}, true},
		{"level", disk(2, 2, zx(1, 3), zx(2, 1)), true},
		{"crashed between history and epoch", disk(2, 1, zx(1, 3), zx(2, 1)), true},
		{"a log beyond acceptedEpoch", disk(1, 1, zx(1, 3), zx(2, 1)), false},
		{"currentEpoch beyond acceptedEpoch", disk(1, 2), false},
		{"a hole", protocols.Recovered{Registers: protocols.Registers{1, 1}, Entries: []Entry{{ID: zx(1, 2)}}}, false},
	} {
		func() {
			defer func() {
				if got := recover() == nil; got != c.ok {
					t.Errorf("%s: starts: %v", c.name, got)
				}
			}()
			cfg := testConfig(3)
			cfg.ID = 1
			New(cfg, c.disk, nil)
		}()
	}
}

func TestConfigValidate(t *testing.T) {
	good := testConfig(3)
	good.ID = 2
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for i, spoil := range []func(*Config){
		func(c *Config) { c.ID = 4 },
		func(c *Config) { c.Voters = []NodeID{2, 0} },
		func(c *Config) { c.Voters = []NodeID{2, 2} },
		func(c *Config) { c.Observers = []NodeID{1} },
		func(c *Config) { c.Observers = []NodeID{4, 4} },
		func(c *Config) { c.ConnectRetry = 0 },
		func(c *Config) { c.ObserverElectionDelay = -1 },
		func(c *Config) { c.CommittedLog = -1 },
		func(c *Config) { c.Sync = 2 },
		func(c *Config) { c.LastCounter = 0 },
		func(c *Config) { c.LastCounter = 1 << 32 },
		func(c *Config) { c.Tick = 0 },
		func(c *Config) { c.InitLimit = 0 },
		func(c *Config) { c.SyncLimit = -1 },
		func(c *Config) { c.FinalizeWait = -1 },
		func(c *Config) { c.MinNotificationInterval = 0 },
		func(c *Config) { c.MaxNotificationInterval = 1 },
	} {
		c := good
		spoil(&c)
		if err := c.Validate(); err == nil {
			t.Errorf("case %d passes: %s", i, fmt.Sprintf("%+v", c))
		}
	}
}
