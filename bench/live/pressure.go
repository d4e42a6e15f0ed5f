package live

import (
	"os"
	"strconv"
	"strings"
	"time"

	"raftzab/bench/live/clock"
)

// A Pressure is a reading of how long, so far, something on this machine has
// waited for a core: the line "some" of the kernel's /proc/pressure/cpu.
type Pressure struct {
	at      int64 // clock.Monotonic
	stalled time.Duration
}

// ReadPressure takes a reading; false: this kernel has none.
func ReadPressure() (Pressure, bool) {
	text, err := os.ReadFile("/proc/pressure/cpu")
	if err != nil {
		return Pressure{}, false
	}
	stalled, ok := parsePressure(string(text))
	return Pressure{clock.Monotonic(), stalled}, ok
}

// parsePressure reads "some avg10=0.00 avg60=0.00 avg300=0.00 total=123", in
// microseconds.
func parsePressure(text string) (time.Duration, bool) {
	for line := range strings.Lines(text) {
		averages, ok := strings.CutPrefix(line, "some ")
		_, total, found := strings.Cut(averages, "total=")
		if !ok || !found {
			continue
		}
		us, err := strconv.ParseInt(strings.TrimSpace(total), 10, 64)
		return time.Duration(us) * time.Microsecond, err == nil
	}
	return 0, false
}

// Since returns in which share of the time since an earlier reading something
// waited for a core, from 0 to 1.
func (p Pressure) Since(earlier Pressure) float64 {
	if p.at <= earlier.at {
		return 0
	}
	return min(1, float64(p.stalled-earlier.stalled)/float64(p.at-earlier.at))
}
