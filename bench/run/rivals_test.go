package run

import (
	"context"
	"slices"
	"strings"
	"testing"

	"raftzab/bench"
	"raftzab/bench/fault"
	"raftzab/bench/random"
	"raftzab/protocols"
	"raftzab/results"
)

// split is the cell of a leader that a partition leaves with one follower for a second,
// on messages of 5 ms.
func split(system string, trials int, columns ...string) *Cell {
	c := failover(system, fault.Partition, trials)
	x := &c.Settings
	x.Columns, x.Limit = columns, 8000*ms
	x.Network.Delay, x.Disk.Fsync = random.Always(5*Time(ms)), random.Always(Time(ms))
	x.Network.RTOMax, x.Probe.Interval = 120_000*ms, 20*ms
	x.Faults[0].Groups, x.Faults[0].For = [][]NodeID{{1, 2}, {3, 4, 5}}, 1000*ms
	return c
}

// A leader in the minority cannot say what becomes of a write. It says so when it leaves
// its office: after the heal, or, with CheckQuorum and in Zab, in the minority already. The
// majority's write goes through meanwhile, and to everybody after the heal.
func TestAWriteInTheMinorityIsUnknownAndNeverKept(t *testing.T) {
	for _, c := range []struct {
		system string
		quorum bool // raft.check_quorum
		early  bool // the client is told before the heal
	}{{"raft", false, false}, {"raft", true, true}, {"etcd", false, false}, {"etcd", true, true}, {"zab", false, true}, {"hashicorp", true, true}} {
		cell := split(c.system, 10, ofRivals...)
		cell.Settings.Raft.CheckQuorum = &c.quorum
		rows, sum := measure(t, cell, 1)
		for _, r := range rows {
			if !r.Probed {
				if r.MinorityWrite != "" || there(r.LevelMS) {
					t.Errorf("%s, trial %d: without clients a client was told %q", c.system, r.Trial, r.MinorityWrite)
				}
				continue
			}
			if r.Outcome != results.OK || r.MinorityWrite != results.Unknown || r.MinorityKept != 0 || r.MinorityAcks != 0 || !(r.MinorityOpen > 0) || !(r.LevelMS > 0) {
				t.Errorf("%s %t, trial %d: %v, %q, kept %v, %v acknowledged, %v unknown, level after %v ms", c.system, c.quorum, r.Trial, r.Outcome, r.MinorityWrite, r.MinorityKept, r.MinorityAcks, r.MinorityOpen, r.LevelMS)
			}
			if early := r.MinorityTook < 950; early != c.early {
				t.Errorf("%s %t, trial %d: the client was told after %v ms", c.system, c.quorum, r.Trial, r.MinorityTook)
			}
			if r.MajorityTook < r.ElectMS || r.MajorityTook > r.ElectMS+60 { // a probe interval, a round trip to the client, one to the others
				t.Errorf("%s, trial %d: active after %v ms, the majority's write acknowledged after %v ms", c.system, r.Trial, r.ElectMS, r.MajorityTook)
			}
			if all := r.MinorityAcks + r.MinorityRefuse + r.MinorityOpen + r.MinorityMute; all < 99 || all > 101 { // two servers for a second
				t.Errorf("%s, trial %d: %v writes to the minority", c.system, r.Trial, all)
			}
		}
		if len(rows) != 20 {
			t.Errorf("%s: %d rows", c.system, len(rows))
		}
		if system, _ := Lookup(c.system); system.Reproducible {
			if _, again := measure(t, cell, 2); again.Checksum != sum.Checksum {
				t.Errorf("%s: the same seed, another run", c.system)
			}
		}
	}
}

func there(x results.Number) bool { return x == x }

// The versions of the key tell whether a write came through that nobody acknowledged.
func TestAWriteThatComesThroughIsSeen(t *testing.T) {
	for _, through := range []uint64{0, 1} {
		s := &Settings{Columns: ofRivals}
		s.Cluster.Voters, s.Probe.Interval = 3, 20*ms
		var r rivals
		r.reset(s, true)
		id := func(server, seq uint32) protocols.RequestID {
			return protocols.RequestID{Session: 3 + server, Seq: seq}
		}
		read := func(now Time, seq uint32, value, version uint64) {
			for server := uint32(1); server <= 3; server++ {
				r.waiting[server] = seq
				r.reply(now, bench.Reply{ID: id(server, seq), Value: value, Version: version})
			}
		}
		read(50, 1, 0, 4) // of earlier trials
		p := &prober{seq: []uint32{0, 7, 8, 9}}
		r.struck(100, fault.Fault{Kind: fault.Isolate, Nodes: []NodeID{1}}, 1, p)
		r.reply(110, bench.Reply{ID: protocols.RequestID{Session: 1, Seq: 7}}) // submitted before
		r.reply(110, bench.Reply{ID: protocols.RequestID{Session: 1, Seq: 8}, Outcome: bench.Refused})
		r.reply(110, bench.Reply{ID: protocols.RequestID{Session: 2, Seq: 9}}) // on the other side
		r.minority.id, r.minority.sent = id(1, 2), 120
		r.majority.id, r.majority.sent = id(2, 2), 130
		r.reply(140, bench.Reply{ID: r.majority.id, Version: 5 + through})
		p.seq[1] = 9
		r.struck(200, fault.Fault{Kind: fault.Heal}, 2, p)
		r.reply(210, bench.Reply{ID: protocols.RequestID{Session: 1, Seq: 10}}) // submitted after
		read(300, 3, valueOf(r.majority.id), 5+through)
		row := results.NewTrial()
		if r.report(&row); row.MinorityKept != results.Number(through) || row.LevelMS != milliseconds(100) || row.MinorityWrite != results.Unanswered {
			t.Errorf("kept %v of %d, level after %v ms, %q", row.MinorityKept, through, row.LevelMS, row.MinorityWrite)
		}
		if row.MinorityAcks != 0 || row.MinorityRefuse != 1 || row.MinorityOpen != 0 || row.MinorityMute != 1 {
			t.Errorf("%v acknowledged, %v refused, %v unknown, %v unanswered", row.MinorityAcks, row.MinorityRefuse, row.MinorityOpen, row.MinorityMute)
		}
	}
}

// TCP sends again 200, 600, 1400 ms after the first packet that was lost, so an old leader of
// Raft that a cut of a second has isolated is spoken to some 400 ms after the heal, and may
// cost the others an election then; one that was down, with the next heartbeat.
func TestFollowingTakesARetransmissionAfterACutAndAHeartbeatAfterACrash(t *testing.T) {
	for _, c := range []struct {
		kind        fault.Kind
		system      string
		least, most results.Number
	}{{fault.Isolate, "raft", 390, 900}, {fault.Isolate, "etcd", 390, 900}, {fault.Crash, "raft", 1, 100}, {fault.Crash, "zab", 30, 60}, {fault.Pause, "raft", 0, 30}} {
		cell := split(c.system, 20, ofHealing...)
		f := &cell.Settings.Faults[0]
		f.Kind, f.Groups = c.kind, nil
		rows, _ := measure(t, cell, 1)
		for _, r := range rows {
			if r.Outcome != results.OK || !(r.FollowMS >= c.least && r.FollowMS <= c.most) || !(r.FollowMessages > 0) || r.Probed != (r.RecoverMS > 0) {
				t.Errorf("%s %v, trial %d, probed %t: %v, followed after %v ms and %v messages, recovered after %v ms", c.system, c.kind, r.Trial, r.Probed, r.Outcome, r.FollowMS, r.FollowMessages, r.RecoverMS)
			}
			if c.kind == fault.Crash && c.system == "raft" && r.FollowVotes != 0 || c.system == "zab" && r.FollowVotes == 0 {
				t.Errorf("%s %v, trial %d: %v votes", c.system, c.kind, r.Trial, r.FollowVotes)
			}
		}
		if len(rows) != 40 {
			t.Errorf("%s %v: %d rows", c.system, c.kind, len(rows))
		}
	}
}

// Without a majority anywhere nobody is served until the heal.
func TestRecoveryIsOfWritesAfterTheHeal(t *testing.T) {
	cell := split("zab", 10, ofHealing...)
	cell.Settings.Faults[0].Groups = [][]NodeID{{1, 2}, {3, 4}, {5}}
	rows, _ := measure(t, cell, 1)
	for _, r := range rows {
		if r.Probed && (r.Outcome != results.OK || !(r.RecoverMS > 200) || r.OutageMS < r.RecoverMS+1000-20) {
			t.Errorf("trial %d: %v, recovered after %v ms, outage of %v ms", r.Trial, r.Outcome, r.RecoverMS, r.OutageMS)
		}
	}
}

// The first trial leaves its timeline: every window of every server, with all writes.
func TestATimelineHasEveryWindowOfTheFirstTrial(t *testing.T) {
	cell := split("raft", 3, ofRivals...)
	cell.Settings.Probe.Timeline, cell.Settings.Faults[0].At = 50*ms, random.Always(Time(1200*ms))
	var all []results.Moment
	_, err := Run(context.Background(), cell, Options{Jobs: 2, Ended: func(i int, said *Told) {
		if i > 0 && len(said.Moments) > 0 {
			t.Errorf("trial %d has a timeline", i)
		}
		all = append(all, said.Moments...)
	}})
	if err != nil {
		t.Fatal(err)
	}
	if len(all)%5 != 0 || len(all) < 5*20 {
		t.Fatalf("%d moments", len(all))
	}
	before, after := -1, -1
	for i, m := range all {
		if m.Trial != 0 || m.Server != i%5+1 || m.At != results.Number(50*(i/5)) {
			t.Fatalf("%d: trial %d, server %d at %v ms", i, m.Trial, m.Server, m.At)
		}
		if n := m.Acknowledged + m.Refused + m.Unknown + m.Unanswered; n < 2 || n > 3 { // 50 ms by 20 ms
			t.Errorf("%v ms, server %d: %d writes", m.At, m.Server, n)
		}
		if m.Server == 1 && strings.HasPrefix(m.Faults, "partition [[") {
			before = i - 5
		}
		if m.Server == 1 && m.Faults == "heal" {
			after = i - 5
		}
	}
	if before < 0 || after < 0 {
		t.Fatal("no partition, or no heal")
	}
	leaders := func(at int) (ids []results.Number) {
		for _, m := range all[at : at+5] {
			ids = append(ids, m.Leader)
		}
		slices.Sort(ids)
		return slices.Compact(ids)
	}
	if a, b := leaders(before), leaders(after); len(a) != 1 || len(b) != 2 || !slices.Contains(b, a[0]) {
		t.Errorf("before the partition servers are under %v, before the heal under %v", a, b)
	}
}
