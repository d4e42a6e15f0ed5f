package run

import (
	"slices"
	"testing"

	"raftzab/bench/fault"
	"raftzab/bench/random"
	"raftzab/results"
)

// between is a uniform distribution, in milliseconds.
func between(a, b Duration) *random.Distribution {
	return &random.Distribution{Shape: random.Uniform, A: (a * ms).Time(), B: (b * ms).Time()}
}

// flapping is the cell of a server whose links flap for 5 s, watched for 3 s more.
func flapping(system string, who fault.Target, trials int) *Cell {
	c := failover(system, fault.Flapping, trials)
	c.Settings.Faults[0] = Planned{At: random.Always(second), Kind: fault.Flapping, Target: who, For: 5000 * ms, Down: between(200, 300), Up: between(400, 500)}
	c.Settings.Observe, c.Settings.Probe.Interval = 8000*ms, 20*ms
	return c
}

// A cutter keeps in mind which links are down, as drivers do.
type cutter map[[2]NodeID]bool

func (c cutter) take(f fault.Fault, nodes NodeID) {
	for a := NodeID(1); a <= nodes; a++ {
		for b := NodeID(1); b <= nodes; b++ {
			hit := slices.Contains(f.From, a) && slices.Contains(f.To, b)
			switch {
			case a == b:
			case f.Kind == fault.Isolate && (slices.Contains(f.Nodes, a) || slices.Contains(f.Nodes, b)), f.Kind == fault.Cut && hit:
				c[[2]NodeID{a, b}] = true
			case f.Kind == fault.Heal && hit:
				delete(c, [2]NodeID{a, b})
			}
		}
	}
}

// The links go down and up in turn, each time for as long as is drawn from seed and
// trial, and are up when it is over. Whoever led at first is struck each time. Where it
// is called late it is late, and leaves links alone for a millisecond nonetheless.
func TestAFlapGoesDownAndUpAndEndsUp(t *testing.T) {
	server := flapping("raft", fault.Target{Who: fault.Leader}, 1)
	link := flapping("raft", fault.Target{}, 1)
	link.Settings.Faults[0].From, link.Settings.Faults[0].To = fault.Target{Who: fault.Leader}, fault.Target{Who: fault.Fixed, Node: 2}
	told := func(cell *Cell, trial int, late Time) (changes []Time) {
		down := cutter{{3, 4}: true} // by somebody else
		want := 1
		if cell == server {
			want = 8
		}
		a := newAgenda(cell, trial)
		for last := Time(0); ; {
			now := max(a.Next()+late, last)
			if last = now; a.Next() == 0 {
				if len(down) != 1 || !down[[2]NodeID{3, 4}] {
					t.Errorf("trial %d: when it is over these are down: %v", trial, down)
				}
				return changes
			}
			before := len(down)
			for f, ok := a.Due(now, 0, whole{}); ok; f, ok = a.Due(now, 0, whole{}) {
				down.take(f, 5)
			}
			if n := len(down) - 1; n != want && n != 0 || len(down) == before && late == 0 {
				t.Errorf("trial %d: %d links are down at %v", trial, n, now)
			}
			if len(down) != before {
				changes = append(changes, now)
			}
		}
	}
	for trial := range 50 {
		for _, cell := range []*Cell{server, link} {
			at := told(cell, trial, 0)
			if n := len(at); n%2 != 0 || n < 12 || at[0] != second || at[n-1] > 6*second {
				t.Fatalf("trial %d: changes at %v", trial, at)
			}
			for i, now := range at[1:] {
				least, most := 200*Time(ms), 300*Time(ms)
				if i%2 == 1 {
					least, most = 400*Time(ms), 500*Time(ms)
				}
				if stay := now - at[i]; stay > most || stay < least && now != 6*second {
					t.Errorf("trial %d: change %d comes after %v ns", trial, i+1, stay)
				}
			}
			if !slices.Equal(at, told(cell, trial, 0)) {
				t.Errorf("trial %d: another flap from the same seed", trial)
			}
			if at[1] == told(cell, trial+1, 0)[1] {
				t.Errorf("trial %d: the same flap as in the next", trial)
			}
		}
		server.Settings.Faults[0].Down, server.Settings.Faults[0].Up = between(0, 0), between(0, 0)
		at := told(server, trial, 700*Time(ms))
		for i := range at {
			if i > 0 && at[i]-at[i-1] < leastGap {
				t.Errorf("trial %d: links are left alone for %v ns", trial, at[i]-at[i-1])
			}
		}
		if len(at) < 2 {
			t.Errorf("trial %d: when late it does nothing", trial)
		}
		server.Settings.Faults[0].Down, server.Settings.Faults[0].Up = between(200, 300), between(400, 500)
	}
}

// A follower that is away for longer than an election timeout comes back with a
// greater term, each time; one that is away for less does not, nor does one that asks
// before (PreVote). Zab's leader stays: nobody believes a server that is alone.
func TestAFlappingFollowerCostsRaftItsLeaderUnlessItAsksBefore(t *testing.T) {
	follower := fault.Target{Who: fault.Follower}
	for _, c := range []struct {
		system      string
		down        *random.Distribution
		asks        bool
		least, most results.Number // leader_changes
	}{
		{"raft", between(600, 700), false, 2, 8},
		{"raft", between(40, 60), false, 0, 0},
		{"raft", between(600, 700), true, 0, 0},
		{"etcd", between(600, 700), false, 2, 8},
		{"etcd", between(600, 700), true, 0, 0},
		{"zab", between(600, 700), false, 0, 0},
		{"hashicorp", between(600, 700), true, 0, 0},
	} {
		cell := flapping(c.system, follower, 20)
		cell.Settings.Faults[0].Down = c.down
		cell.Settings.Network.RTOMin = 20 * ms // or what was lost in a short cut would come later than a timeout
		if c.system != "zab" {
			cell.Settings.Raft.PreVote = &c.asks
		}
		rows, _ := measure(t, cell, 1)
		var changes results.Number
		for _, r := range rows {
			if changes += r.LeaderChanges; r.Outcome != results.OK || r.LeaderChanges < c.least || r.LeaderChanges > c.most || r.Settled != results.Stable {
				t.Errorf("%s down %v, asks before: %t, trial %d: %v, %v new leaders, %s", c.system, c.down, c.asks, r.Trial, r.Outcome, r.LeaderChanges, r.Settled)
			}
		}
		if len(rows) != 20 || changes < 20*c.least {
			t.Errorf("%s down %v, asks before: %t: %d trials, %v new leaders", c.system, c.down, c.asks, len(rows), changes)
		}
	}
}

// A flap waits for whom it is aimed at, and comes to nothing if there is nobody.
func TestAFlapOfNobodyEnds(t *testing.T) {
	cell := flapping("raft", fault.Target{Who: fault.Observer}, 1)
	a := newAgenda(cell, 0)
	looks := 0
	for now := a.Next(); now != 0 && looks < 10_000; now = a.Next() {
		if f, ok := a.Due(now, 0, whole{}); ok {
			t.Fatalf("%v", f)
		}
		looks++
	}
	if looks < 4990 || looks > 5010 {
		t.Errorf("it looked %d times in 5 s", looks)
	}
}
