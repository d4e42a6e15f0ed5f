package clock

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"raftzab/protocols"
)

// A child that is asked for the time tells it and ends.
func TestMain(m *testing.M) {
	if os.Getenv("CLOCK_TEST_TELL") != "" {
		os.Stdout.WriteString(strconv.FormatInt(Monotonic(), 10))
		return
	}
	os.Exit(m.Run())
}

func TestProcessesReadOneClock(t *testing.T) {
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), "CLOCK_TEST_TELL=1")
	before := Monotonic()
	text, err := child.Output()
	after := Monotonic()
	if err != nil {
		t.Fatal(err)
	}
	told, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	const exact = int64(20 * time.Microsecond) // of each of the two, on a machine with better things to do
	if err != nil || told < before-exact || told > after+exact {
		t.Errorf("a process between %d and %d reads %d (%v)", before, after, told, err)
	}
}

func TestMonotonicIsTheSystemsClock(t *testing.T) {
	for range 100 {
		before := system()
		now := Monotonic()
		after := system()
		if exact := int64(20 * time.Microsecond); now < before-exact || now > after+exact {
			t.Fatalf("between %d and %d it is %d", before, after, now)
		}
	}
}

func TestTwoClocksOfOneStartAgree(t *testing.T) {
	a := At(Monotonic() - int64(time.Hour))
	b := At(a.Start())
	first, second, third := a.Now(), b.Now(), a.Now()
	if first > second || second > third || first < protocols.Time(time.Hour) {
		t.Errorf("%d, then %d, then %d", first, second, third)
	}
	if left := a.Until(third + protocols.Time(time.Hour)); left <= 0 || left > time.Hour {
		t.Errorf("an hour later is in %v", left)
	}
}

func TestAnAlarmRingsNoSoonerThanSet(t *testing.T) {
	a := alarm(t)
	for _, d := range []time.Duration{300 * time.Microsecond, 3 * time.Millisecond, 0, -time.Second} {
		start := Monotonic()
		if err := a.Set(d); err != nil {
			t.Fatal(err)
		}
		ring(t, a)
		if took := Monotonic() - start; took < int64(d) {
			t.Errorf("set to %v it rings after %v", d, time.Duration(took))
		}
	}
}

func TestSettingAnAlarmAnewTakesThePlaceOfWhatWasSet(t *testing.T) {
	a := alarm(t)
	for _, d := range []time.Duration{time.Hour, time.Millisecond} {
		if err := a.Set(d); err != nil {
			t.Fatal(err)
		}
	}
	ring(t, a)
	for _, d := range []time.Duration{20 * time.Millisecond, time.Hour} {
		if err := a.Set(d); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case <-a.C:
		t.Error("it rings for what is no longer set")
	case <-time.After(60 * time.Millisecond):
	}
}

func alarm(t *testing.T) *Alarm {
	a, err := NewAlarm()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

func ring(t *testing.T, a *Alarm) {
	t.Helper()
	select {
	case <-a.C:
	case <-time.After(10 * time.Second):
		t.Fatal("it does not ring")
	}
}
