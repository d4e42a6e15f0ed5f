package run

import (
	"testing"

	"raftzab/bench/fault"
	"raftzab/bench/random"
	"raftzab/protocols"
	"raftzab/results"
)

// What starts a server's timer, by the paper, and what does not.
func TestTimersStartWhenAServerIsToldToWait(t *testing.T) {
	role := func(r protocols.Role) protocols.Event { return protocols.Event{Kind: protocols.RoleChanged, Role: r} }
	stands := protocols.Event{Kind: protocols.RoundBegan}
	for _, c := range []struct {
		name  string
		at100 func(*timers) // what happens to server 1 at 100 ms; it has started at 0, and stands at 300 ms
		waits results.Number
	}{
		{"nothing", func(*timers) {}, 300},
		{"a granted vote", func(x *timers) {
			x.observe(100*Time(ms), 1, protocols.Event{Kind: protocols.VoteCast, Peer: 2})
		}, 200},
		{"the vote of another", func(x *timers) {
			x.observe(100*Time(ms), 2, protocols.Event{Kind: protocols.VoteCast, Peer: 3})
		}, 300},
		{"a refusal", func(x *timers) {
			x.observe(100*Time(ms), 1, protocols.Event{Kind: protocols.VoteRefused, Peer: 2})
		}, 300},
		{"a newer term", func(x *timers) { x.observe(100*Time(ms), 1, role(protocols.Follower)) }, 300},
		{"the end of an office", func(x *timers) {
			x.observe(0, 1, role(protocols.Leader))
			x.observe(100*Time(ms), 1, role(protocols.Follower))
		}, 200},
		{"the leader's word", func(x *timers) { x.start(100*Time(ms), 1) }, 200},
	} {
		x := timers{seen: true}
		x.reset(&Settings{Cluster: Cluster{Voters: 3}, Columns: []string{"timer_max_ms"}})
		x.start(0, 1)
		c.at100(&x)
		x.observe(300*Time(ms), 1, stands)
		x.observe(450*Time(ms), 1, stands) // its own candidacy starts it, too
		row := results.NewTrial()
		x.report(&row)
		if row.TimerMost != c.waits || row.TimerLeast != 150 {
			t.Errorf("%s: waits from %v to %v ms, want 150 and %v", c.name, row.TimerLeast, row.TimerMost, c.waits)
		}
	}
}

// A trial that is measured so is the same trial; and who does not hear what starts the
// timers finds waits that are too long.
func TestTimeoutsOfRaftAreThoseOfItsRange(t *testing.T) {
	cell := failover("raft", fault.Crash, 100)
	_, without := measure(t, cell, 1)
	cell.Settings.Columns = []string{"timer_min_ms"}
	cell.Settings.Network.Loss, cell.Settings.Probe.Interval = 0, 2*ms
	rows, with := measure(t, cell, 1)
	if with.Checksum != without.Checksum {
		t.Error("measuring the timers changes the events")
	}
	for _, r := range rows {
		if !(r.TimerLeast >= 150 && r.TimerMost < 300 && r.TimerLeast <= r.TimerMost) {
			t.Errorf("trial %d, probed %t: waits from %v to %v ms", r.Trial, r.Probed, r.TimerLeast, r.TimerMost)
		}
	}
	prevote := true
	cell.Settings.Raft.PreVote = &prevote
	if rows, _ := measure(t, cell, 1); rows[0].TimerMost == rows[0].TimerMost {
		t.Error("with PreVote who stands has asked before: nothing is to be measured")
	}
}

// A winner has the votes of a majority, whenever they were cast, and who is behind is refused.
func TestVotesOfWinnersAndRefusalsAreCounted(t *testing.T) {
	for _, system := range []string{"raft", "etcd"} {
		cell := failover(system, fault.PowerOff, 100)
		cell.Settings.Columns = []string{"votes_refused", "winner_votes"}
		cell.Settings.Cluster.Behind, cell.Settings.Network.Loss, cell.Settings.Probe.Interval = 2, 0.1, 0
		rows, _ := measure(t, cell, 1)
		refused, least := 0, results.Number(5)
		for _, r := range rows {
			if r.WinnerVotes > 5 {
				t.Errorf("%s, trial %d: %v votes", system, r.Trial, r.WinnerVotes)
			}
			if least = min(least, r.WinnerVotes); r.Refused > 0 {
				refused++
			}
		}
		if least != 3 || refused < 20 {
			t.Errorf("%s: the least votes of a winner are %v; votes were refused in %d trials", system, least, refused)
		}
	}
}

// Who is cut off to the end is not level; who came back is.
func TestLogsComeLevelWhenAllIsMended(t *testing.T) {
	for _, c := range []struct {
		mended Duration
		want   results.Number
	}{{0, 4}, {2000 * ms, 5}} {
		for _, system := range []string{"raft", "zab"} {
			cell := failover(system, fault.Isolate, 5)
			s := &cell.Settings
			s.Columns, s.Observe, s.Probe.Interval, s.Faults[0].For = []string{"level"}, 8000*ms, 50*ms, c.mended
			s.Network.Delay = random.Always(5 * Time(ms))
			rows, _ := measure(t, cell, 1)
			for _, r := range rows {
				if r.Level != c.want {
					t.Errorf("%s, mended after %v, trial %d: %v servers are level, want %v", system, c.mended, r.Trial, r.Level, c.want)
				}
			}
		}
	}
}

// A conversation is a row, the same each time.
func TestConversationsAreRows(t *testing.T) {
	for _, name := range []string{"raft", "zab"} {
		system, err := Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, conversation := range system.Conversations() {
			rows, _ := measure(t, &Cell{Scenario: "test", Mode: Conversation, System: name, Case: conversation, Trials: 1, Seed: 1}, 1)
			if len(rows) != 1 || rows[0].Outcome != results.OK || rows[0].ElectMS == rows[0].ElectMS || rows[0].Rounds < 1 {
				t.Errorf("%s %s: %+v", name, conversation, rows)
			}
		}
	}
	if etcd, _ := Lookup("etcd"); etcd.Conversations() != nil {
		t.Error("etcd has conversations")
	}
	w := player{&Cell{Mode: Conversation, System: "raft", Case: "nothing"}}
	if row, _, broken, _ := w.trial(0, false); row.Outcome != results.Violated || broken == nil {
		t.Errorf("what is not there goes as written: %+v, %v", row, broken)
	}
}
