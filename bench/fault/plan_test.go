package fault

import (
	"fmt"
	"slices"
	"testing"

	"raftzab/protocols"
)

// told carries a schedule out as a handler would, woken whenever it asks, and
// returns what came due and when. view may change with time.
func told(s *Schedule, until protocols.Time, view func(now protocols.Time) View) (said []string) {
	for now := s.Next(); now != 0 && now <= until; {
		for {
			f, ok := s.Due(now, view(now))
			if !ok {
				break
			}
			said = append(said, fmt.Sprintf("%d %v", now, f))
		}
		next := s.Next()
		if next != 0 && next <= now {
			return append(said, fmt.Sprintf("%d asks for %d", now, next))
		}
		now = next
	}
	return said
}

func always(e ensemble) func(protocols.Time) View {
	return func(protocols.Time) View { return e }
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("\n%q, want\n%q", got, want)
	}
}

var three = ensemble{1: follows(1, 1), 2: leads(3, true), 3: follows(1, 1)}

func TestScheduleGoesByTimeAndTakesBack(t *testing.T) {
	s := NewSchedule([]Plan{
		{At: 300, Fault: Fault{Kind: Heal}},
		{At: 100, For: 150, Fault: Fault{Kind: Crash}, Target: Target{Who: Leader}},
		{At: 200, For: 100, Fault: Fault{Kind: Pause, Nodes: ids{3}}},
		{At: 200, For: 20, Fault: Fault{Kind: Isolate, Nodes: ids{1}}},
		{At: 400, For: 10, Fault: Fault{Kind: Restart, Nodes: ids{2}}}, // nothing takes it back
	}, 3, 1, 0)
	expect(t, told(s, 10_000, always(three)),
		"100 crash [2]", "200 pause [3]", "200 isolate [1]", "220 heal", "250 restart [2]", "300 resume [3]", "300 heal", "400 restart [2]")
}

// One that is late all round still goes by time.
func TestLateScheduleKeepsItsOrder(t *testing.T) {
	s := NewSchedule([]Plan{
		{At: 100, For: 100, Fault: Fault{Kind: Crash, Nodes: ids{1}}},
		{At: 110, For: 20, Fault: Fault{Kind: Crash, Nodes: ids{2}}},
		{At: 150, Fault: Fault{Kind: Crash, Nodes: ids{3}}},
	}, 3, 1, 0)
	var got []string
	for _, now := range []protocols.Time{110, 1000} {
		for {
			f, ok := s.Due(now, three)
			if !ok {
				break
			}
			got = append(got, f.String())
		}
	}
	expect(t, got, "crash [1]", "crash [2]", "restart [2]", "crash [3]", "restart [1]")
	if s.Next() != 0 {
		t.Errorf("asks for %v when all is done", s.Next())
	}
}

// A fault at the very start is one too: zero would mean that there is none.
func TestScheduleAtZeroIsNotDone(t *testing.T) {
	s := NewSchedule([]Plan{{Fault: Fault{Kind: Heal}}}, 3, 1, 0)
	expect(t, told(s, 100, always(three)), "1 heal")
	if NewSchedule(nil, 3, 1, 0).Next() != 0 {
		t.Error("a schedule of nothing asks to be called")
	}
}

// A fault whose target is nobody looks again each millisecond, and those behind
// it wait; what is to be taken back does not.
func TestScheduleWaitsForATarget(t *testing.T) {
	const ms = 1_000_000
	s := NewSchedule([]Plan{
		{At: 1 * ms, For: 4 * ms, Fault: Fault{Kind: Pause, Nodes: ids{3}}},
		{At: 2 * ms, For: 2 * ms, Fault: Fault{Kind: Crash}, Target: Target{Who: Leader}},
		{At: 3 * ms, Fault: Fault{Kind: Heal}},
	}, 3, 1, 0)
	view := func(now protocols.Time) View {
		if now < 7*ms {
			return ensemble{1: follows(1, 1)}
		}
		return three
	}
	expect(t, told(s, 1000*ms, view), "1000000 pause [3]", "5000000 resume [3]", "7000000 crash [2]", "7000000 heal", "9000000 restart [2]")
}

// Ends of a link are found when the fault fires; the other end is all the
// others where it is not given, and the same two are mended.
func TestScheduleFindsBothEndsOfALink(t *testing.T) {
	s := NewSchedule([]Plan{
		{At: 1, For: 10, Fault: Fault{Kind: Cut}, From: Target{Who: Leader}},
		{At: 2, For: 10, Fault: Fault{Kind: Cut}, From: Target{Who: Leader}, To: Target{Fixed, 3}},
	}, 3, 1, 0)
	moved := func(now protocols.Time) View { // the leader is another one by the time of the mending
		if now > 5 {
			return ensemble{1: leads(9, true)}
		}
		return three
	}
	expect(t, told(s, 100, moved), "1 cut [2]->[1 3]", "2 cut [2]->[3]", "11 heal [2]->[1 3]", "12 heal [2]->[3]")
}

// A schedule that knows of observers finds them, and counts them to the others.
func TestScheduleKnowsObservers(t *testing.T) {
	e := ensemble{1: follows(1, 1), 2: leads(3, true), 3: follows(1, 1), 4: {Role: protocols.Observer}}
	plans := []Plan{
		{At: 1, For: 5, Fault: Fault{Kind: Clock, Drift: 0.5}, Target: Target{Who: Observer}},
		{At: 2, Fault: Fault{Kind: Cut}, From: Target{Who: Leader}},
	}
	expect(t, told(NewSchedule(plans, 3, 1, 0).Observers(1), 100, always(e)), "1 clock [4] skew 0s drift 0.5", "2 cut [2]->[1 3 4]", "6 clock [4] back")
	expect(t, told(NewSchedule(plans[1:], 3, 1, 0), 100, always(e)), "2 cut [2]->[1 3]")
}

func TestUndoIsTheOpposite(t *testing.T) {
	nodes, from, to := ids{1}, ids{1}, ids{2}
	for _, c := range []struct{ f, want Fault }{
		{Fault{Kind: Crash, Nodes: nodes}, Fault{Kind: Restart, Nodes: nodes}},
		{Fault{Kind: PowerOff, Nodes: nodes}, Fault{Kind: Restart, Nodes: nodes}},
		{Fault{Kind: Pause, Nodes: nodes}, Fault{Kind: Resume, Nodes: nodes}},
		{Fault{Kind: Partition, Groups: []ids{nodes}}, Fault{Kind: Heal}},
		{Fault{Kind: Isolate, Nodes: nodes}, Fault{Kind: Heal}},
		{Fault{Kind: Cut, From: from, To: to}, Fault{Kind: Heal, From: from, To: to}},
		{Fault{Kind: Link, From: from, To: to, Loss: 0.5}, Fault{Kind: Link, From: from, To: to, Back: true}},
		{Fault{Kind: Disk, Nodes: nodes}, Fault{Kind: Disk, Nodes: nodes, Back: true}},
		{Fault{Kind: Clock, Nodes: nodes, Skew: 5, Drift: 0.1}, Fault{Kind: Clock, Nodes: nodes, Back: true}},
	} {
		if got, ok := c.f.Undo(); !ok || fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", c.want) {
			t.Errorf("%v: %#v, %t; want %#v", c.f, got, ok, c.want)
		}
	}
	for _, f := range []Fault{{Kind: Restart}, {Kind: Resume}, {Kind: Heal}, {Kind: Transfer}, {Kind: Disk, Fail: true}} {
		if back, ok := f.Undo(); ok {
			t.Errorf("%v is undone by %v", f, back)
		}
	}
}

// The same seed and trial strike the same; another trial does not.
func TestScheduleIsDrawnFromItsTrial(t *testing.T) {
	strikes := func(trial int) []string {
		var plans []Plan
		for i := range 20 {
			plans = append(plans, Plan{At: protocols.Time(i + 1), Fault: Fault{Kind: Crash}, Target: Target{Who: Random}})
		}
		return told(NewSchedule(plans, 3, 1, trial), 100, always(three))
	}
	if a, b := strikes(1), strikes(1); !slices.Equal(a, b) {
		t.Errorf("trial 1: %v, then %v", a, b)
	}
	if a, b := strikes(1), strikes(2); slices.Equal(a, b) {
		t.Errorf("trials 1 and 2: %v", a)
	}
}
