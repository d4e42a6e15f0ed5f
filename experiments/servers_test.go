package experiments

import (
	"testing"

	"raftzab/bench/run"
	"raftzab/results"
)

// shareWon is the share of trials that a server wins.
func shareWon(trials []results.Trial, server results.Number) float64 {
	won := 0
	for i := range trials {
		if trials[i].Leader == server {
			won++
		}
	}
	return float64(won) / float64(len(trials))
}

// In Raft who stands first wins; in Zab the best does, whenever it notices, and that costs
// time where it is not the time of the others.
func TestClocksAndTimeoutsDecideWhoLeadsInRaftAndHowLongItTakesInZab(t *testing.T) {
	all := trialsOf(t, "election-servers.toml", Options{Trials: 300}, func(c *run.Cell) string { return c.System + " " + c.Case })
	if len(all) != 13 {
		t.Errorf("%d cells", len(all))
	}
	for name, trials := range all {
		for _, r := range trials {
			if r.Outcome != results.OK {
				t.Errorf("%s, trial %d: %v", name, r.Trial, r.Outcome)
			}
		}
	}
	for _, system := range []string{"raft", "etcd"} {
		for in, most := range map[string][2]float64{"alike": {0.17, 0.33}, "fast-clock": {0.29, 0.46}, "slow-clock": {0.07, 0.22}, "short-timeout": {0.7, 0.9}, "long-timeout": {0, 0.04}} {
			if got := shareWon(all[system+" "+in], 5); got < most[0] || got > most[1] {
				t.Errorf("%s, %s: server 5 wins %.2f of the trials", system, in, got)
			}
		}
	}
	elect := func(r *results.Trial) results.Number { return r.ElectMS }
	for in, least := range map[string]float64{"alike": 440, "fast-clock": 620, "slow-clock": 560} {
		if won, took := shareWon(all["zab "+in], 5), median(all["zab "+in], false, elect); won < 0.99 || took < least || took > least+60 {
			t.Errorf("zab, %s: server 5 wins %.2f of the trials, in %.0f ms", in, won, took)
		}
	}
}

// A server that is ahead costs Raft a round, and etcd a leader that does not last; where a majority
// is ahead the two are alike.
func TestTermsThatDifferCostRounds(t *testing.T) {
	all := trialsOf(t, "initial-terms.toml", Options{Trials: 300}, func(c *run.Cell) string { return c.System + " " + c.Case })
	elect := func(r *results.Trial) results.Number { return r.ElectMS }
	for name, want := range map[string]struct{ rounds, least, most float64 }{
		"raft alike": {1, 180, 205}, "raft one-ahead": {2, 235, 275}, "raft three-ahead": {1, 190, 220},
		"etcd alike": {1, 180, 205}, "etcd one-ahead": {3, 400, 460}, "etcd three-ahead": {1, 190, 220},
	} {
		rounds := median(all[name], false, func(r *results.Trial) results.Number { return r.Rounds })
		if took := median(all[name], false, elect); rounds != want.rounds || took < want.least || took > want.most {
			t.Errorf("%s: %v rounds and %.0f ms in the median", name, rounds, took)
		}
	}
	if won := shareWon(all["raft one-ahead"], 5); won < 0.8 {
		t.Errorf("who is ahead wins %.2f of the trials", won)
	}
}

// At the leader a write costs two, three or four messages for each of the others.
func TestMessagesOfACommitGrowWithTheServers(t *testing.T) {
	all := trialsOf(t, "commit-messages.toml", Options{Trials: 2}, func(c *run.Cell) string { return c.System + " " + c.Case + " " + c.Swept[0].Value })
	for n, voters := range map[string]float64{"3": 3, "9": 9, "15": 15} {
		for system, each := range map[string]float64{"raft": 2, "zab": 3, "etcd": 4} {
			for _, in := range []string{"leader", "follower"} {
				more := 0.0
				if system == "zab" && in == "follower" {
					more = 1 // REQUEST
				}
				if got := median(all[system+" "+in+" "+n], false, func(r *results.Trial) results.Number { return r.WriteMessages }); got != each*(voters-1)+more {
					t.Errorf("%s, %s servers, %s: %v messages", system, n, in, got)
				}
			}
		}
	}
}
