package wal

import (
	"testing"
)

// crashes lets a store live and die some times.
func (y *story) crashes(lives int) (problem string) {
	if problem := y.recover(true); problem != "" {
		return problem
	}
	for range lives {
		y.disk.fault, y.disk.after = fault(y.rng.IntN(3)), y.rng.IntN(60)
		if y.rng.IntN(2) == 0 {
			y.disk.left, y.disk.fault = y.rng.IntN(120), none
		}
		y.live(1 + y.rng.IntN(40))
		for power := false; ; y.counts["death in recovery"]++ {
			if y.disk.dies {
				y.counts["death in a call"]++
			}
			if y.rng.IntN(3) > 0 {
				power = true
				y.disk.powerOff()
			} else {
				y.disk.kill()
			}
			if y.rng.IntN(3) == 0 {
				y.disk.left = y.rng.IntN(30)
			}
			problem := y.recover(power)
			if y.disk.dies {
				continue
			}
			if problem != "" {
				return problem
			}
			y.disk.left = -1
			break
		}
	}
	return ""
}

// Whatever becomes of the process, the machine and single calls, what is found
// afterwards is the effect of some prefix of the writes, at least of those synced.
func TestCrashLeavesAPrefixOfTheWrites(t *testing.T) {
	t.Parallel()
	seeds, total := uint64(3000), map[string]int{}
	if testing.Short() {
		seeds = 400
	}
	for seed := range seeds {
		y := newStory(t, seed)
		if problem := y.crashes(4); problem != "" {
			y.fatalf("%s", problem)
		}
		for k, n := range y.counts {
			total[k] += n
		}
	}
	t.Logf("%v", total)
	for _, k := range []string{"truncation", "compaction", "image", "installation", "write lost", "fault", "death in a call", "death in recovery"} {
		if total[k] < int(seeds)/4 {
			t.Errorf("%s: %d times in %d seeds", k, total[k], seeds)
		}
	}
}

// A sync that says yes and does nothing cannot be helped, but it is seen: this
// test would find a store that does the same.
func TestLyingSyncIsSeenAsLoss(t *testing.T) {
	seen := 0
	for seed := range uint64(200) {
		y := newStory(t, seed)
		y.open(true)
		y.live(10)
		y.disk.lies = true
		y.live(20)
		y.disk.powerOff()
		if y.recover(true) != "" {
			seen++
		}
	}
	t.Logf("seen in %d of 200 seeds", seen)
	if seen < 50 {
		t.Errorf("of 200 seeds with a lying sync, %d were seen to lose what was synced", seen)
	}
}
