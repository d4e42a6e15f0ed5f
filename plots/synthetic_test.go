package plots

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"raftzab/results"
)

// synthetic returns invented results of the shape that a real scenario has.
// They are for tests only and never shown to anybody.
func synthetic(trials int) *results.Data {
	d := &results.Data{Manifest: results.Manifest{Scenario: "test", Seed: 1, Commit: "0123456789abcdef"}}
	rng := rand.New(rand.NewPCG(1, 2))
	cell := func(mode, name, system string, n, voters int, delay, kind string, detect, vote, activate func() float64) {
		c := results.Cell{Mode: mode, Case: name, System: system, Trials: n}
		c.Settings = json.RawMessage(fmt.Sprintf(`{"Timeouts":"matched","Limit":"30s","Cluster":{"Voters":%d},"Network":{"Delay":%q,"Loss":0},
			"Disk":{"Fsync":"lognormal(1ms, 0.3)"},"Raft":{"ElectionTimeout":"150ms-300ms","Heartbeat":"75ms"},
			"Zab":{"Tick":"45ms","SyncLimit":5,"FinalizeWait":"200ms"},"Probe":{"Interval":"2ms"},
			"Faults":[{"At":"uniform(1s, 1.075s)","Kind":%q,"Target":"leader"}]}`, voters, delay, kind))
		if system == "hashicorp" {
			c.Notes = []string{"its timeouts are always T to 2T"}
		}
		d.Manifest.Cells = append(d.Manifest.Cells, c)
		for i := range n {
			for _, probed := range []bool{false, true} {
				if mode == "live" && !probed {
					continue
				}
				t := results.NewTrial()
				t.Scenario, t.Case, t.Mode, t.System, t.Trial, t.Seed, t.Probed, t.Outcome = "test", name, mode, system, i, 1, probed, results.OK
				if i%200 == 199 && system == "hashicorp" {
					t.Outcome = results.Censored
				} else {
					t.DetectMS, t.VoteMS, t.ActivateMS = results.Number(detect()), results.Number(vote()), results.Number(activate())
					t.ElectMS = t.DetectMS + t.VoteMS + t.ActivateMS
					if probed {
						t.OutageMS = t.ElectMS + results.Number(10*rng.Float64())
					}
				}
				d.Trials = append(d.Trials, t)
			}
		}
	}
	uniform := func(low, high float64) func() float64 {
		return func() float64 { return low + (high-low)*rng.Float64() }
	}
	least := func(low, high float64) func() float64 { // of four
		return func() float64 {
			return low + (high-low)*(1-math.Pow(rng.Float64(), 0.25))
		}
	}
	retry := func(low, high float64) func() float64 {
		return func() float64 {
			x := low + (high-low)*rng.Float64()
			for rng.Float64() < 0.06 {
				x += 150 + 40*rng.Float64()
			}
			return x
		}
	}
	for _, c := range []struct {
		name, delay, kind string
		voters            int
		l                 float64
	}{{"crash", "uniform(4ms, 6ms)", "crash", 5, 5}, {"power-off", "uniform(4ms, 6ms)", "power-off", 5, 5},
		{"loopback-3", "constant(30µs)", "crash", 3, 0.03}, {"loopback-5", "constant(30µs)", "crash", 5, 0.03}} {
		zabDetect := uniform(0, 2*c.l)
		if c.kind == "power-off" {
			zabDetect = uniform(180, 225)
		}
		for _, system := range []string{"raft", "etcd"} {
			cell("sim", c.name, system, trials, c.voters, c.delay, c.kind, least(112, 300), retry(2*c.l+2, 3*c.l+4), uniform(2*c.l+1, 3*c.l+2))
		}
		cell("sim", c.name, "hashicorp", trials/10, c.voters, c.delay, c.kind, least(150, 600), retry(2*c.l+2, 3*c.l+4), uniform(2*c.l+1, 3*c.l+2))
		cell("sim", c.name, "zab", trials, c.voters, c.delay, c.kind, zabDetect, uniform(200+c.l, 200+3*c.l), uniform(6*c.l+4, 8*c.l+9))
		if c.l < 1 {
			cell("live", c.name, "zookeeper", 12, c.voters, "constant(0s)", c.kind, uniform(1, 9), uniform(202, 230), uniform(110, 225))
		}
	}
	return d
}

// saved writes the results into a folder, as a run does, and returns it.
func saved(t *testing.T, d *results.Data) string {
	t.Helper()
	dir := t.TempDir()
	f, err := results.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	writers, positions := map[string]*results.Writer[results.Trial]{}, map[string]int{}
	for _, row := range d.Trials {
		key := row.Mode + row.System
		if writers[key] == nil {
			if writers[key], err = f.Trials(row.Mode, row.System, nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := writers[key].Put(positions[key], row); err != nil {
			t.Fatal(err)
		}
		positions[key]++
	}
	if err := f.Finish(d.Manifest, d.Run); err != nil {
		t.Fatal(err)
	}
	return dir
}
