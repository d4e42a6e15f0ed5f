package sim

import (
	"slices"
	"testing"

	"raftzab/bench/random"
	"raftzab/protocols"
	"raftzab/raft"
)

// A stopwatch notes when somebody stands.
type stopwatch struct {
	*world
	stood []Time
}

func (s *stopwatch) Observe(now Time, _ NodeID, e protocols.Event) {
	if e.Kind == protocols.RoundBegan {
		s.stood = append(s.stood, now)
	}
}

// stood returns when servers stand whose timers are late by d.
func stood(t *testing.T, n int, d random.Distribution, until Time) []Time {
	s := &stopwatch{world: ensemble(t, n, func(c *Config[raft.Message]) { c.Timer = d })}
	if err := s.Cluster.Run(s, until); err != nil {
		t.Fatal(err)
	}
	return s.stood
}

func TestTimersRingLateByTheDraw(t *testing.T) {
	sharp := stood(t, 1, random.Distribution{}, 1000*ms)
	for _, late := range []Time{ms, 40 * ms} {
		if got := stood(t, 1, random.Always(late), 1000*ms); len(sharp) == 0 || len(got) == 0 || got[0] != sharp[0]+late {
			t.Errorf("late by %v: stands at %v, and at %v if timers are sharp", late, got, sharp)
		}
	}
	drawn := random.Distribution{Shape: random.Uniform, A: 5 * ms, B: 50 * ms}
	if got := stood(t, 1, drawn, 1000*ms); got[0] < sharp[0]+5*ms || got[0] >= sharp[0]+50*ms || !slices.Equal(got, stood(t, 1, drawn, 1000*ms)) {
		t.Errorf("late by %v: stands at %v, and at %v if timers are sharp", drawn, got, sharp)
	}
}

// Timeouts are 150 ms at least and heartbeats come every 75 ms, 40 ms late: a timer
// that rings late, but has been set anew meanwhile, does not ring.
func TestALateTimerThatIsSetAnewDoesNotRing(t *testing.T) {
	first := stood(t, 5, random.Always(40*ms), 1000*ms)
	if later := stood(t, 5, random.Always(40*ms), 20_000*ms); len(first) == 0 || len(later) != len(first) {
		t.Errorf("servers stand %d times within a second, %d within twenty", len(first), len(later))
	}
}
