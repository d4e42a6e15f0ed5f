package host

import "raftzab/protocols"

// A bend is what the node takes for the time, given CLOCK_MONOTONIC: it was at own
// at since, and has run 1+drift times as fast from then on. It never goes back: each
// step of the arithmetic grows with now.
type bend struct {
	own   protocols.Time
	since int64
	drift float64
}

// begin starts the clock. To a replica zero is no time at all.
func (k *bend) begin(now int64) { *k = bend{own: 1, since: now} }

func (k *bend) read(now int64) protocols.Time {
	if k.drift == 0 {
		return k.own + protocols.Time(now-k.since)
	}
	return k.own + protocols.Time(float64(now-k.since)*(1+k.drift))
}

// when returns about the first instant at which the clock has reached t. It may be
// early by a rounding: alarms may.
func (k *bend) when(t protocols.Time) int64 {
	x := float64(t-k.own) / (1 + k.drift)
	if k.drift == 0 {
		return k.since + int64(t-k.own)
	}
	return k.since + int64(min(x, 1<<60))
}

// set has the clock jump forward by skew and drift from now on.
func (k *bend) set(now int64, skew protocols.Time, drift float64) {
	*k = bend{k.read(now) + skew, now, drift}
}
