package plots

import (
	"encoding/json"
	"strings"
	"testing"

	"raftzab/results"
)

// captions returns by name the captions of all figures that are of no scenario in particular.
func captions(t *testing.T, d *results.Data) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, f := range figures {
		_, text, ok := f.make(d)
		if _, special := made[f.name]; special {
			continue
		}
		if !ok {
			t.Fatalf("no %s", f.name)
		}
		all[f.name] = text
	}
	return all
}

// with gives the cells of a system other settings.
func with(d *results.Data, system, before, after string) *results.Data {
	for i := range d.Manifest.Cells {
		if c := &d.Manifest.Cells[i]; c.System == system {
			c.Settings = json.RawMessage(strings.Replace(string(c.Settings), before, after, 1))
		}
	}
	return d
}

func TestEveryCaptionSaysFromWhichTrialsItsFigureIs(t *testing.T) {
	const why = ": probes move Raft's detection, since their stream of AppendEntries resets the followers' timers all the time, so elect_ms must not be subtracted from outage_ms."
	sim := synthetic(10)
	for i := range sim.Manifest.Cells {
		if sim.Manifest.Cells[i].Mode == "live" {
			sim.Manifest.Cells[i].Case = "another" // has no rows
		}
	}
	for _, c := range []struct {
		d    *results.Data
		want map[string]string
	}{
		{synthetic(10), map[string]string{
			"election-latency": "Simulated elections were measured without probing clients, live ones with them, as all outages (another figure) were" + why,
			"election-phases":  "Simulated phases were measured without probing clients, live ones with them, as all outages (another figure) were" + why,
			"outage":           "Outages come from trials with probing clients, simulated elections (other figures) from trials without, live ones from trials with them" + why,
		}},
		{sim, map[string]string{
			"election-latency": "Simulated elections were measured without probing clients, outages (another figure) with them" + why,
			"election-phases":  "Simulated phases were measured without probing clients, outages (another figure) with them" + why,
			"outage":           "Outages come from trials with probing clients, simulated elections (other figures) from trials without" + why,
		}},
	} {
		for name, text := range captions(t, c.d) {
			if !strings.Contains(text, c.want[name]) {
				t.Errorf("the caption of %s lacks %q:\n%s", name, c.want[name], text)
			}
		}
	}
}

func TestCaptionExplainsMatchedAndNamesTheExceptionToIt(t *testing.T) {
	const matched = "Timeouts (matched: Zab's syncLimit times tick is the mean of Raft's election timeout): "
	const rest = "syncLimit 5, finalizeWait 200 ms"
	for _, c := range []struct {
		d    *results.Data
		want string
	}{
		{synthetic(10), matched + "raft, etcd, hashicorp: election timeout 150-300 ms, heartbeat 75 ms; zab, live zookeeper: tick 45 ms, " + rest + "."},
		{with(synthetic(10), "zookeeper", `"Tick":"45ms"`, `"Tick":"200ms"`),
			matched + "raft, etcd, hashicorp: election timeout 150-300 ms, heartbeat 75 ms; zab: tick 45 ms, " + rest + "; live zookeeper (the exception, not matched): tick 200 ms, " + rest + "."},
		{with(synthetic(10), "hashicorp", `"Heartbeat":"75ms"`, `"Heartbeat":"0s"`),
			matched + "raft, etcd: election timeout 150-300 ms, heartbeat 75 ms; hashicorp: election timeout 150-300 ms; zab, live zookeeper: "},
	} {
		for name, text := range captions(t, c.d) {
			if !strings.Contains(text, c.want) {
				t.Errorf("the caption of %s lacks %q:\n%s", name, c.want, text)
			}
		}
	}
}

func TestWhatOthersWroteStaysInOneParagraph(t *testing.T) {
	d := synthetic(10)
	d.Run.LeftOut = []results.LeftOut{{Mode: "live", System: "zookeeper", Reason: "no Java was found.\nInstall it:\n  apt install java"}}
	d.Run.Observed = []string{"flags of the JVMs: -Xmx64m\n", "fsync took 0.2 ms.", "fsync took 0.2 ms", "live: medians of steps, by the logs: a 1 ms"}
	for name, text := range captions(t, d) {
		for _, want := range []string{" zookeeper (live) did not run here: no Java was found. ", " Observed: flags of the JVMs: -Xmx64m; fsync took 0.2 ms; run.json has the medians of single steps. "} {
			if !strings.Contains(text, want) {
				t.Errorf("the caption of %s lacks %q:\n%s", name, want, text)
			}
		}
		if strings.Count(text, "\n") != 1 {
			t.Errorf("the caption of %s has several lines:\n%s", name, text)
		}
	}
}

func TestObservedIsSaidOnlyWhereLiveSystemsAre(t *testing.T) {
	d := rows("sim", [4]any{results.OK, false, 100, nil})
	d.Run.Observed = []string{"fsync took 0.2 ms"}
	if _, text, _ := electionLatency(d); strings.Contains(text, "Observed") {
		t.Error(text)
	}
}

func TestSharedDifferencesAreSaidOnce(t *testing.T) {
	d := synthetic(10)
	for i := range d.Manifest.Cells {
		switch c := &d.Manifest.Cells[i]; c.System {
		case "raft":
			c.Notes = []string{"no sockets."}
		case "etcd":
			c.Notes = []string{"no sockets", "timers of ours"}
		}
	}
	_, text, _ := electionLatency(d)
	if want := "Differences of raft and etcd: no sockets. Differences of etcd: timers of ours. Differences of hashicorp: "; !strings.Contains(text, want) {
		t.Errorf("no %q in\n%s", want, text)
	}
}

func TestSteepCurveBearsOneMarkerAndSmallSampleOneAStep(t *testing.T) {
	made := func(n int, step float64) *curve {
		s := series{System: "zab", N: n}
		for i := range n {
			s.sample = append(s.sample, 200+step*float64(i))
		}
		c := curveOf(&s)
		return &c
	}
	for _, c := range []struct {
		n    int
		step float64
		want int
	}{{10, 0, 10}, {1000, 0.001, 1}, {1000, 1, 3}} {
		if got := made(c.n, c.step).marked(); len(got) != c.want {
			t.Errorf("%d steps of %v: markers at %v", c.n, c.step, got)
		}
	}
}
