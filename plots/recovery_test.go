package plots

import (
	"fmt"
	"testing"

	"raftzab/results"
)

// syntheticRecovery has the shape of the scenario recovery: it takes as long as the partition has
// lasted, and served is half of that.
func syntheticRecovery(trials int) *results.Data {
	v := invent()
	for _, kind := range []string{"isolate", "partition"} {
		for _, system := range []string{"zab", "raft"} {
			for _, most := range []string{"1s", "2m0s"} {
				for _, length := range []int{2, 8} {
					settings := fmt.Sprintf(`{"Timeouts":"matched","Cluster":{"Voters":5},"Network":{"Delay":"uniform(4ms, 6ms)"},"Raft":{"ElectionTimeout":"300ms-600ms","Heartbeat":"150ms"},"Zab":{"Tick":"90ms","SyncLimit":5,"FinalizeWait":"200ms"},
						"Probe":{"Interval":"50ms"},"Faults":[{"At":"2s","Kind":%q,"Target":"leader","For":"%ds"}]}`, kind, length)
					v.cell("sim", kind, system, pairs(lengthKey, fmt.Sprintf("%ds", length), "network.rto_max", most), settings, trials, func(i int, t *results.Trial) {
						t.FollowMS = results.Number(1000*length + i)
						if t.Probed {
							t.FollowMS, t.RecoverMS = 1, results.Number(500*length+i)
						}
					})
				}
			}
		}
	}
	return v.d
}

// syntheticSizes has the shape of election-size-delay.
func syntheticSizes(trials int) *results.Data {
	v := invent()
	for _, voters := range []int{3, 5} {
		for _, delay := range []int{5, 50} {
			for _, system := range []string{"zab", "raft"} {
				settings := fmt.Sprintf(`{"Timeouts":"matched","Cluster":{"Voters":%d},"Network":{"Delay":"uniform(%dms, %dms)"},"Disk":{"Fsync":"lognormal(1ms, 0.3)"},"Raft":{"ElectionTimeout":"1s-2s","Heartbeat":"500ms"},
					"Zab":{"Tick":"300ms","SyncLimit":5,"FinalizeWait":"200ms"},"Faults":[{"At":"2s","Kind":"power-off","Target":"leader"}]}`, voters, delay-1, delay+1)
				v.cell("sim", "", system, pairs("cluster.voters", fmt.Sprint(voters), "network.delay", fmt.Sprintf("uniform(%dms, %dms)", delay-1, delay+1)), settings, trials, func(i int, t *results.Trial) {
					t.DetectMS, t.ElectMS = 1000, results.Number(1000+4*delay+i)
				})
			}
		}
	}
	return v.d
}

func TestNumbersOfRecoveryAreThoseOfTestdata(t *testing.T) {
	d := syntheticRecovery(20)
	_, caption, _ := recovery(d)
	golden(t, "recovery", recoveryPanels(d), caption)
	d = syntheticSizes(20)
	_, caption, _ = electionSizeDelay(d)
	golden(t, "election-size-delay", sizePanels(d), caption)
}

func TestRecoveryIsShownByWhatIsCutOffAndByBackOff(t *testing.T) {
	var titles []string
	panels := recoveryPanels(syntheticRecovery(3))
	for _, p := range panels {
		titles = append(titles, p.Title)
	}
	want := []string{"(a) isolate, rto_max 1 s: all follow (ms)", "(b) isolate, rto_max 120 s: all follow (ms)", "(c) partition, rto_max 1 s: all follow (ms)",
		"(d) partition, rto_max 1 s: served (ms)", "(e) partition, rto_max 120 s: all follow (ms)", "(f) partition, rto_max 120 s: served (ms)"}
	if fmt.Sprint(titles) != fmt.Sprint(want) {
		t.Fatalf("%q", titles)
	}
	// Followed: of trials without clients. Served: of those with.
	if a, d := panels[0].Lines[0], panels[3].Lines[1]; a.Label != "raft" || a.Points[1].X != 8 || a.Points[1].Median != 8001 || d.Label != "zab" || d.Points[0].X != 2 || d.Points[0].Median != 1001 {
		t.Errorf("%+v and %+v", a, d)
	}
}

func TestRecoveryByTheFirstWaitIsShownWithClientsToo(t *testing.T) {
	v := invent()
	for _, wait := range []int{200, 300} {
		settings := fmt.Sprintf(`{"Cluster":{"Voters":5},"Network":{"RTOMin":"%dms"},"Faults":[{"At":"1s","Kind":"partition","For":"6s"}]}`, wait)
		v.cell("sim", "", "zab", pairs(rtoMinKey, fmt.Sprintf("%dms", wait)), settings, 3, func(i int, t *results.Trial) {
			if t.FollowMS = results.Number(wait); t.Probed {
				t.FollowMS, t.RecoverMS = results.Number(2*wait), results.Number(3*wait)
			}
		})
	}
	var got []string
	for _, p := range recoveryPanels(v.d) {
		x := p.Lines[0].Points[1]
		got = append(got, fmt.Sprintf("%s %g %g", p.Title, x.X, x.Median))
	}
	want := []string{"(a) all follow (ms) 300 300", "(b) all follow, with clients that write (ms) 300 600", "(c) served (ms) 300 900"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%q", got)
	}
}

func TestTimeToElectLeavesDetectionOut(t *testing.T) {
	if p := sizePanels(syntheticSizes(3)); len(p) != 2 || p[1].Title != "(b) 5 servers: time to elect (ms)" || p[1].Lines[0].Points[1].Median != 201 || p[1].Lines[0].Points[1].X != 50 {
		t.Errorf("%+v", p)
	}
}
