package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"raftzab/bench/live/lan"
	"raftzab/bench/run"
)

func TestEachLineOfTheDoctorSaysWhatItMeans(t *testing.T) {
	facts := examine(t.TempDir())
	names := map[string]bool{}
	for _, f := range facts {
		names[f.Name] = true
		if f.Name == "" || f.State == "" || f.Meaning == "" || strings.Contains(f.State+f.Meaning, "\n") {
			t.Errorf("%+v", f)
		}
	}
	for _, want := range []string{"Java", "ZooKeeper", "cores", "CPU pressure", "loopback"} {
		if !names[want] {
			t.Errorf("nothing is said of %s", want)
		}
	}
	for _, f := range lan.Facts() {
		if !names[f.Name] {
			t.Errorf("nothing is said of %s", f.Name)
		}
	}
	if len(names) != len(facts) {
		t.Errorf("%d facts have %d names", len(facts), len(names))
	}
}

func TestTheDoctorAlignsStatesAndPutsRemediesBelow(t *testing.T) {
	var out bytes.Buffer
	if err := prescribe(&out, []lan.Fact{{Name: "wheels", State: "two", Meaning: "it rolls"}, {Name: "a motor", State: "none", Meaning: "it hums", Remedy: "buy one\nor pedal"}}); err != nil {
		t.Fatal(err)
	}
	const want = `wheels   two; it rolls
a motor  none; it hums
         to mend it: buy one
                     or pedal
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

func TestWhatIsWrongHasARemedyAndWhatIsNotHasNone(t *testing.T) {
	worlds := []run.World{{Mode: run.Sim}, {Mode: run.Live}}
	missing := func(bad ...run.World) lan.Fact {
		return systemFact("raft", worlds, func(w run.World) string {
			if slices.Contains(bad, w) {
				return "no network"
			}
			return ""
		})
	}
	for _, c := range []struct {
		fact  lan.Fact
		state string
		wrong bool
	}{
		{missing(), "runs simulated, live", false},
		{missing(worlds[1]), "runs simulated, cannot run live", true},
		{missing(worlds...), "cannot run simulated, live", true},
		{coresFact(1), "1", true},
		{coresFact(2), "2", false},
		{pressureFact(0.1, true), "something waited for a core during 10 % of 500ms", false},
		{pressureFact(0.9, true), "something waited for a core during 90 % of 500ms", true},
		{pressureFact(0, false), "not counted here", true},
		{fsyncFact("nowhere"), "cannot be measured: ", true},
		{spaceFact("nowhere"), "unknown: ", true},
	} {
		if !strings.HasPrefix(c.fact.State, c.state) || (c.fact.Remedy != "") != c.wrong {
			t.Errorf("%+v, want the state %q and a remedy: %t", c.fact, c.state, c.wrong)
		}
	}
	for median, wrong := range map[time.Duration]bool{time.Microsecond: true, 200 * time.Microsecond: false, 30 * time.Millisecond: true} {
		if got := paceRemedy(median); (got != "") != wrong {
			t.Errorf("an fsync of %v: %q", median, got)
		}
	}
}
