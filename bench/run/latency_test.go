package run

import (
	"testing"
	"time"
)

func TestWhatTheMachineTakesIsSaidByQuantiles(t *testing.T) {
	var took []time.Duration
	for i := range 100 {
		took = append(took, time.Duration(100-i)*time.Millisecond)
	}
	if l, want := latencyOf(took), (Latency{51 * time.Millisecond, 96 * time.Millisecond, 100 * time.Millisecond, 100}); l != want {
		t.Errorf("%+v, want %+v", l, want)
	}
}

func TestTheMachineIsMeasured(t *testing.T) {
	for name, measure := range map[string]func() (Latency, error){
		"fsync": func() (Latency, error) { return FsyncLatency(t.TempDir()) }, "loopback": LoopbackDelay,
	} {
		if l, err := measure(); err != nil || l.Median < 0 || l.P95 < l.Median || l.Most < l.P95 || l.Most == 0 || l.N < 200 {
			t.Errorf("%s: %v, %v", name, l, err)
		}
	}
}
