package etcdraft

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	pb "go.etcd.io/raft/v3/raftpb"

	"raftzab/protocols"
)

var _ protocols.Replica[Message] = (*Replica)(nil)

func message(t pb.MessageType, from, to NodeID, term uint64) Message {
	return Message{Message: &pb.Message{Type: t.Enum(), From: new(uint64(from)), To: new(uint64(to)), Term: new(term)}}
}

func TestElectionEndsInAnActiveLeader(t *testing.T) {
	w := newWorld(t, 5, 5*ms, 2*ms)
	w.until(2000*ms, "active leader", func() bool { return w.leader() != 0 })
	l := w.leader()
	first := slices.IndexFunc(w.events, func(e seen) bool { return e.Kind == protocols.RoundBegan })
	elected := slices.IndexFunc(w.events, func(e seen) bool { return e.Kind == protocols.Elected })
	activated := slices.IndexFunc(w.events, func(e seen) bool { return e.Kind == protocols.Activated })
	if first < 0 || elected < first || activated < elected || w.events[activated].node != l {
		t.Fatalf("events out of order: %v", w.events)
	}
	// The vote: request after an fsync, grant after an fsync, two delays; then the no-op: two delays and an fsync.
	if r := w.count(protocols.RoundBegan); r == 1 {
		if d := w.events[elected].at - w.events[first].at; d != 14*ms {
			t.Errorf("from candidacy to office: %d ns; want 2 fsyncs and 2 delays", d)
		}
		if d := w.events[activated].at - w.events[elected].at; d != 12*ms {
			t.Errorf("from office to activity: %d ns; want 2 delays and 1 fsync", d)
		}
	}
	if n := w.count(protocols.VoteCast); n < 3 {
		t.Errorf("%d votes", n)
	}
	w.run(100 * ms)
	for _, h := range w.hosts[1:] {
		if len(h.committed) != 1 || h.committed[0].ID != (protocols.EntryID{Epoch: h.rep.Status().Epoch, Index: 1}) {
			t.Errorf("server %d: %v; the log begins with the leader's no-op at index 1", h.id, h.committed)
		}
		if s := h.rep.Status(); s.Leader != l || s.Last != s.Committed || s.Last.Index != 1 {
			t.Errorf("server %d: %+v", h.id, s)
		}
	}
}

func TestVoteWaitsForTheDisk(t *testing.T) {
	w := newWorld(t, 3, 5*ms, 2*ms)
	h := w.hosts[1]
	w.now = h.wake
	w.call(1, func(out *Output) { h.rep.Wake(w.now, out) })
	if h.rep.Status().Role != protocols.Candidate || len(w.flying) != 0 {
		t.Fatalf("candidate with %d messages sent; its term is not durable", len(w.flying))
	}
	w.now += w.fsync
	w.persist(h)
	if len(w.flying) != 2 || w.flying[0].msg.Kind() != Vote {
		t.Fatalf("%v; want two requests for votes", w.flying)
	}
	v := w.hand(2, w.flying[0].msg)
	if len(v.Messages) != 0 || len(v.Writes) != 1 || v.Writes[0].Registers != (protocols.Registers{1, 1}) {
		t.Fatalf("a voter says %v and writes %v", v.Messages, v.Writes)
	}
	var out Output
	w.hosts[2].rep.Persisted(w.now, 1, &out)
	if len(out.Messages) != 1 || out.Messages[0].Msg.GetReject() || out.Messages[0].Msg.Kind() != VoteResp {
		t.Fatalf("%v; want the vote", out.Messages)
	}
}

func TestVoteSurvivesRestart(t *testing.T) {
	for _, durable := range []bool{true, false} {
		w := newWorld(t, 3, 5*ms, 2*ms)
		m := message(pb.MsgVote, 1, 2, 4)
		w.call(2, func(out *Output) { w.hosts[2].rep.Receive(w.now, 1, m, out) })
		kept := 0
		if durable {
			kept = 1
		}
		w.crash(2, kept)
		w.start(2)
		w.call(2, func(out *Output) { w.hosts[2].rep.Receive(w.now, 3, message(pb.MsgVote, 3, 2, 4), out) })
		w.run(10 * ms)
		cast, refused := w.count(protocols.VoteCast), w.count(protocols.VoteRefused)
		if durable && (cast != 1 || refused != 1) || !durable && (cast != 2 || refused != 0) {
			t.Errorf("vote durable=%t: %d votes cast, %d refused in one term", durable, cast, refused)
		}
	}
}

func TestConflictIsRepaired(t *testing.T) {
	w := newWorld(t, 3, 5*ms, 2*ms)
	w.until(2000*ms, "leader", func() bool { return w.leader() != 0 })
	old := w.leader()
	w.run(100 * ms)
	w.cut = func(from, to NodeID) bool { return from == old || to == old }
	for seq := uint32(1); seq <= 3; seq++ { // these reach nobody
		w.propose(old, seq)
	}
	w.until(2000*ms, "second leader", func() bool { return w.leader() != old })
	next := w.leader()
	w.propose(next, 4)
	w.run(50 * ms)
	w.cut = nil
	w.run(500 * ms)
	if n := w.hosts[old].abandoned; n != 1 {
		t.Errorf("the deposed leader gave its proposals up %d times", n)
	}
	if n := w.count(protocols.LogTruncated); n != 1 {
		t.Errorf("%d truncations", n)
	}
	want := w.hosts[next].disk.Entries
	for _, h := range w.hosts[1:] {
		if !slices.Equal(h.disk.Entries, want) || !slices.Equal(h.committed, want) {
			t.Errorf("server %d has on disk %v, applied %v; want %v", h.id, h.disk.Entries, h.committed, want)
		}
	}
	for i, e := range want {
		if e.ID.Index != uint64(i+1) {
			t.Errorf("entry %d is at %v", i, e.ID)
		}
	}
	if last := want[len(want)-1].Command.ID.Seq; last != 4 {
		t.Errorf("the last command is %d", last)
	}
	w.propose(old, 5)
	if r := w.refused; len(r) != 1 || r[0].Leader != next {
		t.Errorf("a follower answers %v; want a refusal that names %d", r, next)
	}
}

func TestTimerStartsAndIsDrawnAsInRaftGo(t *testing.T) {
	w := newWorld(t, 3, 5*ms, 2*ms)
	h := w.hosts[1]
	after := func(at Time, m Message) Time {
		w.now = at
		out := w.hand(1, m)
		return out.Wake - at
	}
	newTerm := after(10*ms, message(pb.MsgHeartbeat, 2, 1, 1))
	for _, at := range []Time{60 * ms, 110 * ms} {
		if d := after(at, message(pb.MsgHeartbeat, 2, 1, 1)); d != newTerm {
			t.Errorf("a heartbeat sets the timer to %d ns; the length of this term is %d", d, newTerm)
		}
	}
	rejected := message(pb.MsgApp, 2, 1, 1)
	rejected.Index, rejected.LogTerm = new(uint64(9)), new(uint64(1))
	if d := after(120*ms, rejected); d != newTerm {
		t.Errorf("a MsgApp that does not fit sets the timer to %d ns", d)
	}
	w.now = 130 * ms
	if d := after(130*ms, message(pb.MsgHeartbeat, 3, 1, 0)); d != newTerm-10*ms {
		t.Errorf("a message of an old term sets the timer to %d ns", d)
	}
	second := after(140*ms, message(pb.MsgVote, 3, 1, 2)) // higher term and a granted vote
	if second == newTerm {
		t.Error("a new term keeps the length of the old one's timer")
	}
	if d := after(150*ms, message(pb.MsgVote, 2, 1, 2)); d != second-10*ms {
		t.Errorf("a refused vote sets the timer to %d ns", d)
	}
	if d := after(160*ms, message(pb.MsgVote, 3, 1, 2)); d != second {
		t.Errorf("the same vote once more sets the timer to %d ns; want %d", d, second)
	}
	w.now = 160*ms + second
	w.call(1, func(out *Output) { h.rep.Wake(w.now, out) })
	w.run(3 * ms)
	if h.rep.Status().Role != protocols.Candidate || h.wake < w.now+100*ms {
		t.Fatalf("%+v until %d", h.rep.Status(), h.wake)
	}
	// Two refusals: a majority, so the candidacy is over and the timer is drawn anew.
	before := h.wake
	for _, from := range []NodeID{2, 3} {
		m := message(pb.MsgVoteResp, from, 1, 3)
		m.Reject = new(true)
		w.call(1, func(out *Output) { h.rep.Receive(w.now, from, m, out) })
	}
	if h.rep.Status().Role != protocols.Follower || h.wake == before {
		t.Errorf("after refusals by a majority: %+v, timer %d", h.rep.Status(), h.wake)
	}
}

func TestLeaderDeliversOnlyWhatItsOwnDiskHas(t *testing.T) {
	w := newWorld(t, 3, 5*ms, 2*ms)
	w.until(2000*ms, "leader", func() bool { return w.leader() != 0 })
	l := w.hosts[w.leader()]
	w.run(100 * ms)
	before := len(l.committed)
	w.propose(l.id, 1)
	if len(l.writes) != 1 || len(w.flying) < 2 || w.flying[len(w.flying)-1].msg.Kind() != AppData {
		t.Fatalf("a leader sends commands (%v) while it writes them (%v)", w.flying, l.writes)
	}
	l.syncAt = w.now + 400*ms // a slow disk
	w.run(30 * ms)
	if s := l.rep.Status(); len(l.committed) != before || s.Committed.Index != 2 {
		t.Fatalf("delivered %d entries, commit at %v; the followers have committed it, the leader's disk has it not", len(l.committed)-before, s.Committed)
	}
	w.run(400 * ms)
	if len(l.committed) != before+1 {
		t.Errorf("delivered %d entries", len(l.committed)-before)
	}
}

func TestKindsTellClientCommandsApart(t *testing.T) {
	w := newWorld(t, 3, 5*ms, 0)
	kinds := map[uint8]int{}
	sizes := map[uint8]int{}
	look := func() {
		for _, p := range w.flying {
			kinds[p.msg.Kind()]++
			sizes[p.msg.Kind()] = p.msg.Size()
		}
	}
	w.until(2000*ms, "leader", func() bool { look(); return w.leader() != 0 })
	w.until(200*ms, "heartbeat", func() bool { look(); return kinds[HeartbeatResp] > 0 })
	if kinds[AppData]+kinds[AppDataResp]+kinds[other] != 0 || kinds[Vote] == 0 || kinds[VoteResp] == 0 || kinds[App] == 0 || kinds[AppResp] == 0 {
		t.Errorf("an election without load sends %v", kinds)
	}
	w.propose(w.leader(), 1)
	w.until(200*ms, "answer", func() bool { look(); return kinds[AppDataResp] > 0 })
	if kinds[AppData] == 0 || sizes[AppData] != headerSize+entrySize+100 || sizes[Vote] != headerSize {
		t.Errorf("kinds %v, sizes %v", kinds, sizes)
	}
	m := Message{Message: &pb.Message{Type: pb.MsgApp.Enum(), From: new(uint64(1)), To: new(uint64(2)), Entries: inside([]protocols.Entry{
		{ID: protocols.EntryID{Epoch: 3, Index: 4}, Command: protocols.Command{ID: protocols.RequestID{Session: 5, Seq: 6}, Op: 1}}})}}
	if s := m.String(); !strings.Contains(s, "1->2 MsgApp") || !strings.Contains(s, "3/4 EntryNormal 5.6") {
		t.Errorf("a message reads %q", s)
	}
	for k := range Kinds {
		if ElectionKind(k) != (k != AppData && k != AppDataResp) {
			t.Errorf("ElectionKind(%s)", KindName(k))
		}
	}
}

// A smaller cousin of the swarm: leaders crash in the midst of writes, messages
// overtake each other, and everybody ends up with the same log, in which every
// acknowledged command stands.
func TestLogsAgreeAfterCrashes(t *testing.T) {
	for seed := range uint64(20) {
		w := newWorld(t, 3, 5*ms, 4*ms)
		w.jitter = rand.New(rand.NewPCG(seed, 1))
		rng := rand.New(rand.NewPCG(seed, 2))
		acked := map[uint32]bool{}
		seq := uint32(0)
		for range 6 {
			w.until(20_000*ms, "leader", func() bool { return w.leader() != 0 })
			l := w.leader()
			for range 3 {
				seq++
				w.propose(l, seq)
				w.run(Time(rng.Int64N(int64(8 * ms))))
			}
			w.run(Time(rng.Int64N(int64(30 * ms))))
			for _, e := range w.hosts[l].committed {
				acked[e.Command.ID.Seq] = true
			}
			w.crash(l, rng.IntN(3))
			w.run(Time(rng.Int64N(int64(400 * ms))))
			w.start(l)
		}
		w.until(20_000*ms, "leader", func() bool { return w.leader() != 0 })
		w.run(1000 * ms)
		l := w.hosts[w.leader()]
		for _, h := range w.hosts[1:] {
			if !slices.Equal(h.committed, l.committed) || !slices.Equal(h.disk.Entries, l.disk.Entries) {
				t.Fatalf("seed %d: server %d has %v, the leader %v", seed, h.id, h.committed, l.committed)
			}
		}
		for _, e := range l.committed {
			delete(acked, e.Command.ID.Seq)
		}
		if len(acked) > 0 {
			t.Fatalf("seed %d: acknowledged and lost: %v", seed, acked)
		}
	}
}
