package sim

// A clock is what a host takes for the time. It was at own when the run was at
// since, and has run 1+drift times as fast from then on. The zero clock is the
// run's. It is the machine's: no death sets it right.
type clock struct {
	own, since Time
	drift      float64
}

// read returns what the clock says at an instant of the run. It never goes back:
// each step of the arithmetic grows with now.
func (k *clock) read(now Time) Time {
	if k.drift == 0 {
		return k.own + now - k.since
	}
	return k.own + Time(float64(now-k.since)*(1+k.drift))
}

// when returns the first instant of the run, from now on, at which the clock has
// reached t.
func (k *clock) when(t, now Time) Time {
	if k.drift == 0 {
		return max(k.since+t-k.own, now)
	}
	return k.drifted(t, now)
}

func (k *clock) drifted(t, now Time) Time {
	x := float64(t-k.own) / (1 + k.drift)
	if x >= 1<<60 {
		return 1 << 60 // past the end of any run
	}
	at := max(k.since+Time(x), now)
	for k.read(at) < t { // rounded down
		at++
	}
	return at
}

// set has the clock jump forward by skew and drift from now on.
func (k *clock) set(now, skew Time, drift float64) {
	*k = clock{k.read(now) + skew, now, drift}
}
