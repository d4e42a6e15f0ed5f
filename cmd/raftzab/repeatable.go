package main

import (
	"math/rand/v2"
	"slices"
	"time"

	"raftzab/bench/run"
	"raftzab/experiments"
	"raftzab/results"
)

// A repeatable is a folder with cells that should come again byte by byte.
type repeatable struct {
	dir    string
	was    *results.Data
	s      *experiments.Scenario
	shard  [2]int
	cells  []int                 // their numbers in the scenario
	cost   map[int]time.Duration // what each took
	chosen map[int]bool
}

// choose draws what is run again, as long as the budget lasts; without one it is all.
func choose(list []*repeatable, budget time.Duration, rng *rand.Rand) {
	list = slices.Clone(list)
	rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	var took time.Duration
	take := func(r *repeatable, cells []int) bool {
		cells = slices.DeleteFunc(slices.Clone(cells), func(i int) bool { return r.chosen[i] })
		all := took
		for _, i := range cells {
			all += r.cost[i]
		}
		if budget > 0 && took > 0 && all > budget {
			return false
		}
		took = all
		for _, i := range cells {
			r.chosen[i] = true
		}
		return true
	}
	for _, r := range list {
		i := r.cells[rng.IntN(len(r.cells))]
		if r.s.Cells[i].Mode == run.Conversation { // has no checksum of its own
			take(r, r.of(i))
		} else {
			take(r, []int{i})
		}
	}
	for _, r := range list {
		if !take(r, r.cells) {
			for _, j := range rng.Perm(len(r.cells)) {
				take(r, r.of(r.cells[j]))
			}
		}
	}
}

// of are the cells of the same files as one of them.
func (r *repeatable) of(cell int) (cells []int) {
	for _, i := range r.cells {
		if a, b := &r.s.Cells[i], &r.s.Cells[cell]; a.Mode == b.Mode && a.System == b.System {
			cells = append(cells, i)
		}
	}
	return cells
}

// whole reports whether all cells of the same files as one of them are chosen.
func (r *repeatable) whole(cell int) bool {
	return !slices.ContainsFunc(r.of(cell), func(i int) bool { return !r.chosen[i] })
}
