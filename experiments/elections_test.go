package experiments

import (
	"math"
	"slices"
	"sync"
	"testing"

	"raftzab/bench/metric"
	"raftzab/bench/run"
	"raftzab/results"
)

// trialsOf runs a scenario with few trials and gathers its rows by a name that
// the test gives each cell.
func trialsOf(t *testing.T, file string, o Options, name func(c *run.Cell) string) map[string][]results.Trial {
	t.Helper()
	all := map[string][]results.Trial{}
	var mu sync.Mutex
	rows(t, file, o, func(c *run.Cell, r results.Trial) {
		mu.Lock()
		defer mu.Unlock()
		all[name(c)] = append(all[name(c)], r)
	})
	for _, trials := range all {
		slices.SortStableFunc(trials, func(a, b results.Trial) int { return a.Trial - b.Trial })
	}
	return all
}

// median is that of the trials with or without clients.
func median(trials []results.Trial, probed bool, of func(r *results.Trial) results.Number) float64 {
	var values []float64
	for i := range trials {
		if x := float64(of(&trials[i])); trials[i].Probed == probed && !math.IsNaN(x) {
			values = append(values, x)
		}
	}
	return metric.NewSample(values).Median()
}

// "Zab's votes are one-way and mesh-like": they grow faster than the ensemble. In
// Raft each server that is left votes once, and a message goes to each and back.
func TestVotesAndMessagesGrowAsMessageComplexitySays(t *testing.T) {
	all := trialsOf(t, "message-complexity.toml", Options{Trials: 200, Case: "delay-5-10ms"}, func(c *run.Cell) string {
		return c.System + " " + c.Swept[0].Value
	})
	votes := func(r *results.Trial) results.Number { return r.Votes }
	messages := func(r *results.Trial) results.Number { return r.Messages }
	for _, n := range []string{"3", "5", "7", "9"} {
		left := float64(n[0]-'0') - 1
		for _, system := range []string{"raft", "etcd"} {
			if got := median(all[system+" "+n], false, votes); got != left {
				t.Errorf("%s, %s servers: %v votes, want one of each of the %v that are left", system, n, got, left)
			}
			// RequestVote and AppendEntries to the left - 1 others, and the answers to both; etcd
			// tells followers of the commit at once.
			if got := median(all[system+" "+n], false, messages); system == "raft" && got != 4*(left-1) || got < 4*(left-1) || got > 5*(left-1)+1 {
				t.Errorf("%s, %s servers: %v messages", system, n, got)
			}
		}
		zab := all["zab "+n]
		// Each tells all the others of each of its votes: what is above that is discovery and
		// synchronisation.
		v, m := median(zab, false, votes), median(zab, false, messages)
		if v <= left || m < v*(left-1) || m > v*(left-1)+8*left {
			t.Errorf("zab, %s servers: %v votes, %v messages", n, v, m)
		}
		for _, r := range zab {
			if r.Rounds != 1 || r.BestLeader != 1 {
				t.Errorf("zab, %s servers, trial %d, probed %t: %v rounds, best %v", n, r.Trial, r.Probed, r.Rounds, r.BestLeader)
			}
		}
	}
	per := func(system, n string) float64 { return median(all[system+" "+n], false, messages) }
	if raft, zab := per("raft", "9")/per("raft", "3"), per("zab", "9")/per("zab", "3"); zab < 1.5*raft {
		t.Errorf("from 3 to 9 servers Raft's messages grow %.1f times and Zab's %.1f times", raft, zab)
	}
}

// What is lost where a vote may come before the news of the crash: with one other
// server left, who does not count it, a round of 200 ms; never the election.
func TestAVoteThatComesTooEarlyCostsTimeAndSeldomTheOffice(t *testing.T) {
	all := trialsOf(t, "message-complexity.toml", Options{Trials: 300, Case: "delay-0-10ms", Systems: []string{"zab"}}, func(c *run.Cell) string {
		return c.Swept[0].Value
	})
	for n, trials := range all {
		best, unheard := 0, 0
		for _, r := range trials {
			if r.Rounds != 1 {
				t.Errorf("%s servers, trial %d: %v rounds", n, r.Trial, r.Rounds)
			}
			if best += int(r.BestLeader); r.VotesUnheard > 0 {
				unheard++
			}
			if n == "3" && (r.VoteMS > 350) != (r.VotesUnheard > 0) {
				t.Errorf("3 servers, trial %d: the vote took %v ms, %v unheard", r.Trial, r.VoteMS, r.VotesUnheard)
			}
		}
		if unheard == 0 || float64(best) < 0.96*float64(len(trials)) || n == "3" && best < len(trials) {
			t.Errorf("%s servers: the best won %d of %d, in %d a vote of the winner was unheard", n, best, len(trials), unheard)
		}
	}
}

// Votes repeated within finalizeWait reach those who did not count them in time.
func TestRepeatedWithinTheWaitEveryVoteCounts(t *testing.T) {
	all := trialsOf(t, "message-complexity.toml", Options{Trials: 300, Case: "delay-0-10ms-repeat-100ms"}, func(c *run.Cell) string {
		return c.System + " " + c.Swept[0].Value
	})
	unheard := 0
	for n, trials := range all {
		for _, r := range trials {
			if r.Rounds != 1 || r.BestLeader != 1 {
				t.Errorf("%s servers, trial %d, probed %t: %v rounds, best %v", n, r.Trial, r.Probed, r.Rounds, r.BestLeader)
			}
			if r.VotesUnheard > 0 {
				unheard++
			}
		}
	}
	if len(all) != 7 || unheard == 0 {
		t.Errorf("%d cells, %d trials with an unheard vote: nothing to repeat", len(all), unheard)
	}
}

// Without a wait jitter lets another win, or sends a server round again; a wait
// beyond the repetition of votes lets the best win always.
func TestFinalizeWaitIsPaidInFullAndKeepsTheBest(t *testing.T) {
	all := trialsOf(t, "finalize-wait.toml", Options{Trials: 300}, func(c *run.Cell) string { return c.Case + " " + c.Swept[0].Value })
	vote := func(r *results.Trial) results.Number { return r.VoteMS }
	count := func(name string, is func(r *results.Trial) bool) (k int) {
		for i := range all[name] {
			if is(&all[name][i]) {
				k++
			}
		}
		return k
	}
	wrong := func(r *results.Trial) bool { return r.BestLeader == 0 }
	again := func(r *results.Trial) bool { return r.Rounds > 1 }
	waits := map[string]float64{"0s": 0, "20ms": 20, "50ms": 50, "100ms": 100, "200ms": 200, "400ms": 400}
	for name, wait := range waits {
		if got := median(all["no-jitter "+name], false, vote); math.Abs(got-wait-10) > 0.01 { // two delays and the wait
			t.Errorf("finalizeWait %s: the vote took %v ms", name, got)
		}
		if w, a := count("no-jitter "+name, wrong), count("no-jitter "+name, again); w+a > 0 {
			t.Errorf("finalizeWait %s, no jitter: another than the best won %d, %d took more than one round", name, w, a)
		}
		if got := median(all["jitter "+name], false, vote); got < wait || got > wait+25 {
			t.Errorf("finalizeWait %s, jitter: the vote took %v ms", name, got)
		}
	}
	if w, a := count("jitter 0s", wrong), count("jitter 0s", again); w == 0 || a == 0 {
		t.Errorf("finalizeWait 0, jitter: another than the best won %d, %d took more than one round", w, a)
	}
	if w := count("jitter 400ms", wrong); w > 0 {
		t.Errorf("finalizeWait 400 ms, jitter: another than the best won %d", w)
	}
	for _, in := range []string{"long-tail", "loss"} {
		if none, much := count(in+" 0s", wrong), count(in+" 200ms", wrong); none < 3*much/2 || none < 15 {
			t.Errorf("%s: another than the best won %d without a wait and %d with 200 ms", in, none, much)
		}
	}
}

// A deposed Zab leader stays for a tick at most when its first follower has left,
// and syncLimit has no part in it.
func TestTheOverlapOfTwoLeadersIsBoundedByTheTick(t *testing.T) {
	all := trialsOf(t, "stale-leader.toml", Options{Trials: 30}, func(c *run.Cell) string {
		s := &c.Settings
		if c.System == "raft" {
			if *s.Raft.CheckQuorum {
				return "raft checks " + s.Raft.ElectionTimeout.String()
			}
			return "raft " + s.Raft.ElectionTimeout.String()
		}
		return s.Zab.Tick.String() + " " + string(rune('0'+s.Zab.SyncLimit))
	})
	overlaps := func(name string) (x []float64) {
		for _, r := range all[name] {
			x = append(x, float64(r.OverlapMS))
		}
		return x
	}
	both := func(x []float64) (k int) {
		for _, o := range x {
			if o > 0 {
				k++
			}
		}
		return k
	}
	for tick, ms := range map[string]float64{"50ms": 50, "100ms": 100, "200ms": 200, "300ms": 300, "500ms": 500, "1s": 1000, "2s": 2000} {
		two, five := all[tick+" 2"], all[tick+" 5"]
		for i, r := range two {
			stay := float64(r.OverlapMS + r.VoteMS + r.ActivateMS)
			if r.Outcome != results.OK || stay > ms+12 || stay < -12 { // a delay there, a delay back
				t.Errorf("tick %s, trial %d: %v, it stayed for %.1f ms", tick, r.Trial, r.Outcome, stay)
			}
			if !r.Probed && math.Abs(float64(r.OverlapMS-five[i].OverlapMS)) > 1e-6 {
				t.Errorf("tick %s, trial %d: overlap %v ms with syncLimit 2, %v with 5", tick, r.Trial, r.OverlapMS, five[i].OverlapMS)
			}
		}
		switch k, n := both(overlaps(tick+" 2")), len(two); {
		case ms <= 200 && k > 0, ms >= 2000 && k < n*3/4:
			t.Errorf("tick %s: two leaders at a time in %d of %d", tick, k, n)
		}
	}
	for _, timeout := range []string{"150ms-300ms", "400ms-800ms", "1s-2s"} {
		if n := len(all["raft "+timeout]); n != 60 || slices.ContainsFunc(all["raft "+timeout], func(r results.Trial) bool { return r.Outcome != results.Censored }) {
			t.Errorf("raft, %s: not all of %d are in office to the end", timeout, n)
		}
		if k := both(overlaps("raft checks " + timeout)); k < 48 {
			t.Errorf("raft with CheckQuorum, %s: two leaders at a time in %d of 60", timeout, k)
		}
	}
}

// The simulated side of zab-phases.toml: steps of 200 ms and of 100.
func TestPhasesOfTheSimulatedZabComeInTheStepsOfItsHindrances(t *testing.T) {
	all := trialsOf(t, "zab-phases.toml", Options{Trials: 300, Systems: []string{"zab"}}, func(c *run.Cell) string { return c.System })
	retried, unheard := 0, 0
	for _, r := range all["zab"] {
		if r.DetectMS > 0.1 || (r.VoteMS > 399) != (r.VotesUnheard > 0) || (r.ActivateMS > 100) != (r.ConnectRetries > 0) {
			t.Errorf("trial %d: %v, %v, %v ms; %v unheard, %v retries", r.Trial, r.DetectMS, r.VoteMS, r.ActivateMS, r.VotesUnheard, r.ConnectRetries)
		}
		if r.VotesUnheard > 0 {
			unheard++
		}
		if r.ConnectRetries > 0 {
			retried++
		}
	}
	if n := len(all["zab"]); n != 600 || retried < n/4 || retried > n*3/4 || unheard == 0 || unheard > n/4 {
		t.Errorf("of %d, %d were refused and %d unheard", n, retried, unheard)
	}
}
