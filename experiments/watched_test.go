package experiments

import (
	"flag"
	"sync"
	"testing"

	"raftzab/bench/run"
	"raftzab/results"
)

// watched is how many trials a cell of the tests below has; the scenarios ask for
// more.
var watched = flag.Int("watched", 10, "trials in each cell of the tests of what comes of a fault in the long run")

// outcomes runs a scenario and gathers its rows by case, system and options:
// "raft", "raft check_quorum", "raft check_quorum prevote", ...
func outcomes(t *testing.T, file string) map[string][]results.Trial {
	t.Helper()
	all := map[string][]results.Trial{}
	var mu sync.Mutex
	rows(t, file, Options{Trials: *watched}, func(c *run.Cell, r results.Trial) {
		mu.Lock()
		defer mu.Unlock()
		name := c.System
		if c.Case != "" {
			name = c.Case + " " + name
		}
		if c.System != "zab" {
			if *c.Settings.Raft.CheckQuorum {
				name += " check_quorum"
			}
			if *c.Settings.Raft.PreVote {
				name += " prevote"
			}
		}
		if r.Outcome != results.OK {
			t.Errorf("%s, trial %d: %v", name, r.Trial, r.Outcome)
		}
		all[name] = append(all[name], r)
	})
	return all
}

// "With the Pre-Vote extension, a server that was partitioned does not disrupt the
// cluster when it rejoins" (dissertation 9.6); without it, its term does.
func TestAReturningServerCausesANewTermUnlessItAsksBefore(t *testing.T) {
	all := outcomes(t, "prevote-rejoin.toml")
	for _, system := range []string{"raft", "etcd"} {
		for _, options := range []string{"", " check_quorum", " prevote", " check_quorum prevote"} {
			ran := all[system+options]
			if len(ran) != *watched {
				t.Errorf("%s%s: %d trials", system, options, len(ran))
			}
			for _, r := range ran {
				if asks := options == " prevote" || options == " check_quorum prevote"; asks && (r.Terms != 0 || r.LeaderChanges != 0 || r.DownMS != 0) {
					t.Errorf("%s%s, trial %d: %v terms, %v new leaders, %v ms without service", system, options, r.Trial, r.Terms, r.LeaderChanges, r.DownMS)
				} else if !asks && (r.Terms < 50 || r.LeaderChanges < 1 || r.DownMS <= 0) { // 30 s of elections in vain
					t.Errorf("%s%s, trial %d: %v terms, %v new leaders, %v ms without service", system, options, r.Trial, r.Terms, r.LeaderChanges, r.DownMS)
				}
				if r.Settled != results.Stable {
					t.Errorf("%s%s, trial %d: %s", system, options, r.Trial, r.Settled)
				}
			}
		}
	}
}

// What becomes of Omni-Paxos's three partial partitions; partial-partitions.toml
// says why.
func TestPartialPartitionsEndAsTheoryHasIt(t *testing.T) {
	all := outcomes(t, "partial-partitions.toml")
	cells := 0
	for want, names := range map[string][]string{
		results.Deadlock: {"quorum-loss raft prevote", "quorum-loss etcd prevote",
			"constrained-election raft prevote", "constrained-election etcd prevote",
			"constrained-election raft check_quorum prevote", "constrained-election etcd check_quorum prevote"},
		results.Livelock: {"quorum-loss zab", "constrained-election zab", "constrained-election raft", "constrained-election etcd",
			"constrained-election raft check_quorum", "constrained-election etcd check_quorum"},
		results.Stable: {"quorum-loss raft", "quorum-loss etcd", "quorum-loss raft check_quorum", "quorum-loss etcd check_quorum",
			"quorum-loss raft check_quorum prevote", "quorum-loss etcd check_quorum prevote", "chained zab",
			"chained raft", "chained etcd", "chained raft check_quorum", "chained etcd check_quorum", "chained raft prevote", "chained etcd prevote",
			"chained raft check_quorum prevote", "chained etcd check_quorum prevote"},
	} {
		for _, name := range names {
			cells++
			if len(all[name]) != *watched {
				t.Errorf("%s: %d trials", name, len(all[name]))
			}
			for _, r := range all[name] {
				if r.Settled != want {
					t.Errorf("%s, trial %d: %s, want %s", name, r.Trial, r.Settled, want)
				}
				if served := want == results.Stable; served != (r.Up > 0.5) {
					t.Errorf("%s, trial %d: served %v of the time", name, r.Trial, r.Up)
				}
			}
		}
	}
	if cells != len(all) || cells != 27 {
		t.Errorf("%d cells are judged, and %d ran", cells, len(all))
	}
}
