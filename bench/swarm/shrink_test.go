package swarm

import (
	"fmt"
	"slices"
	"testing"

	"raftzab/bench"
	"raftzab/bench/fault"
	"raftzab/protocols"
)

// reduce finds what a test needs, whatever it is, and no more.
func TestReduceLeavesWhatIsNeeded(t *testing.T) {
	all := make([]int, 100)
	for i := range all {
		all[i] = i
	}
	for _, needed := range [][]int{nil, {0}, {99}, {42}, {0, 99}, {3, 4, 5}, {10, 20, 30, 40, 50, 60}, all} {
		list, tries := all, 0
		reduce(list, func(left []int) bool {
			tries++
			for _, n := range needed {
				if !slices.Contains(left, n) {
					return false
				}
			}
			list = left
			return true
		}, func() []int { return list }, func(int) bool { return true })
		if !slices.Equal(list, needed) {
			t.Errorf("%v is left of a hundred, %v is needed", list, needed)
		}
		if most := 20*len(needed) + 1; len(needed) < 10 && tries > most {
			t.Errorf("%d tries to find %v; want %d at most", tries, needed, most)
		}
	}
}

func TestReduceTriesNoMoreThanItMay(t *testing.T) {
	tries := 0
	reduce(make([]int, 1000), func([]int) bool { tries++; return false }, func() []int { return nil }, func(n int) bool { return n <= 4 })
	if tries < 4 || tries > 8 {
		t.Errorf("%d tries", tries)
	}
}

// pretend breaks ElectionSafety where node 1 has crashed and come back, and
// session 2 has asked for something then; and nothing before.
func pretend(s *Story) *Report {
	r := &Report{System: s.System, Events: uint64(s.Voters * (10 + len(s.Faults) + len(s.Requests)))}
	stage := 0
	for _, x := range s.Faults {
		if x.Fault.Kind == fault.Crash && x.Fault.Nodes[0] == 1 {
			stage = 1
		} else if stage == 1 && x.Fault.Kind == fault.Restart && x.Fault.Nodes[0] == 1 {
			for _, q := range s.Requests {
				if q.At > x.At && q.Request.ID.Session == 2 {
					r.Violation, r.At = "ElectionSafety violated at 1s by node 1: x", q.At+5*ms
					return r
				}
			}
		} else if x.Fault.Kind == fault.Isolate {
			r.Violation, r.At = "VoteOnce violated at 1s by node 1: x", x.At
		}
	}
	return r
}

func TestShrinkKeepsWhatBreaksTheSame(t *testing.T) {
	s := &Story{System: "raft", Voters: 5, Learners: 2, Heal: 20 * second, End: 30 * second}
	for i := range 40 {
		at := Time(i) * 400 * ms
		kind := []fault.Kind{fault.Pause, fault.Crash, fault.Resume, fault.Restart}[i%4]
		s.Faults = append(s.Faults, Strike{at, fault.Fault{Kind: kind, Nodes: []NodeID{NodeID(1 + i%5)}}})
		s.Requests = append(s.Requests, Ask{at + ms, 3, bench.Request{Command: protocols.Command{ID: protocols.RequestID{Session: uint32(1 + i%4), Seq: uint32(i)}}}})
	}
	said := 0
	x := &shrinker{play: pretend, work: 1_000_000, progress: func(string, Size, int) { said++ }}
	got := x.shrink(s)
	if got.Before.Faults != 40 || got.Before.Nodes != 7 || got.Before.Requests != 40 {
		t.Errorf("before: %v", got.Before)
	}
	if a := got.After; a.Faults != 2 || a.Nodes != 1 || a.Requests != 1 || a.Length > 200*ms {
		t.Errorf("after: %v", a)
	}
	if got.Story.Heal != 0 || got.Story.End != got.Report.At || CaughtBy(got.Report) != "ElectionSafety" {
		t.Errorf("heals at %v, ends at %v: %+v", got.Story.Heal, got.Story.End, got.Report)
	}
	for _, f := range got.Story.Faults {
		if f.At%ms != 0 {
			t.Errorf("a fault at %v", f.At)
		}
	}
	if said == 0 || got.Runs == 0 {
		t.Errorf("%d words in %d runs", said, got.Runs)
	}
	if again := (&shrinker{play: pretend, work: 1_000_000}).shrink(s); fmt.Sprint(*again.Story) != fmt.Sprint(*got.Story) {
		t.Error("the second time it is something else")
	}
}

func TestShrinkStopsWhereWorkEnds(t *testing.T) {
	s, _ := Record("raft", 1)
	s.End = s.Heal + ms
	runs := 0
	x := &shrinker{play: func(s *Story) *Report { runs++; return s.Play(nil) }, work: 100_000}
	if got := x.shrink(s); CaughtBy(got.Report) != Progress || runs > 100 {
		t.Errorf("%d runs: %v", runs, got)
	}
	if whole, _ := Record("raft", 1); Shrink(whole, 1, nil) != nil {
		t.Error("what breaks nothing was shrunk")
	}
}
