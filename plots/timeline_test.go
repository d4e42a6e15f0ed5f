package plots

import (
	"fmt"
	"slices"
	"testing"

	"raftzab/results"
)

// syntheticMoments has the shape of the scenario partition: one trial of a Raft and of a Zab
// of three servers, of which the first leads and is cut off with nobody.
func syntheticMoments(mode string) *results.Data {
	v := invent()
	for _, system := range []string{"zab", "raft"} {
		settings := `{"Timeouts":"matched","Warmup":"1s","Cluster":{"Voters":3},"Network":{"Delay":"uniform(4ms, 6ms)"},"Raft":{"ElectionTimeout":"300ms-600ms","Heartbeat":"150ms"},
			"Zab":{"Tick":"90ms","SyncLimit":5,"FinalizeWait":"200ms"},"Probe":{"Interval":"25ms","Timeline":"100ms"},"Faults":[{"At":"1.5s","Kind":"partition","Target":"leader","Groups":[[1],[2,3]]}]}`
		v.cell(mode, "", system, nil, settings, 1, func(_ int, t *results.Trial) {
			if mode == "sim" && !t.Probed {
				return
			}
			for at := 0; at < 2000; at += 100 {
				for id := 1; id <= 3; id++ {
					m := results.NewMoment(t)
					m.At, m.Server, m.Role, m.Leader, m.Acknowledged = results.Number(at), id, "follower", 2, 4
					if id == 2 {
						m.Role = "leader"
					}
					switch at {
					case 500:
						m.Faults = "partition [[2] [3 1]]"
					case 1500:
						m.Faults = "heal"
					}
					if at >= 500 {
						m.Acknowledged, m.Refused, m.Unknown, m.Unanswered = 0, 2, 1, 1
					}
					if at >= 1000 {
						m.Role, m.Leader = "candidate", results.None
					}
					if at >= 1200 && id != 2 {
						m.Role, m.Leader = "follower", 3
					}
					v.d.Timeline = append(v.d.Timeline, m)
				}
			}
		})
	}
	return v.d
}

func TestNumbersOfTheTimelineAreThoseOfTestdata(t *testing.T) {
	d := syntheticMoments("live")
	_, caption, _ := timeline(d)
	panels := momentPanels(d)
	for i := range panels {
		for j, row := range panels[i].Moments { // what changes, and no more
			panels[i].Moments[j] = row[7:11]
		}
	}
	golden(t, "timeline", panels, caption)
}

func TestATimelineHasTheOldLeadersSideAboveTheOther(t *testing.T) {
	for mode, titles := range map[string][]string{"live": {"(a) live raft", "(b) live zab"}, "sim": {"(a) raft", "(b) zab"}} {
		panels := momentPanels(syntheticMoments(mode))
		var got []string
		for _, p := range panels {
			got = append(got, p.Title)
		}
		if !slices.Equal(got, titles) {
			t.Fatalf("%q", got)
		}
		p := &panels[0]
		if p.Old != 2 || !slices.Equal(p.Servers, []int{2, 1, 3}) || p.Gap != 1 {
			t.Errorf("old leader %d, servers %v, gap at %d", p.Old, p.Servers, p.Gap)
		}
		if want := []faultMark{{0, "partition"}, {1, "heal"}}; !slices.Equal(p.Faults, want) || fmt.Sprintf("%.1f", p.From) != "-0.3" {
			t.Errorf("%v from %v on", p.Faults, p.From)
		}
		// 0.3 s before the fault, 0.5 s with the old leader, 0.2 s with none, the rest with the new one.
		if first, last := p.Moments[2][0], p.Moments[2][len(p.Moments[2])-1]; first != (moment{2, false, [4]int{4, 0, 0, 0}}) || last != (moment{3, false, [4]int{0, 2, 1, 1}}) || p.Moments[2][8].Leader != 0 {
			t.Errorf("%+v and %+v", first, last)
		}
		if !p.Moments[0][0].Leads || p.Moments[0][8].Leads {
			t.Error("who leads is not who led")
		}
	}
}

func TestSidesAreReadFromTheTextOfAFault(t *testing.T) {
	for text, want := range map[string][]int{
		"partition [[4 2] [1 3 5]]": {4, 2},
		"partition [[1 3 5] [4 2]]": {4, 2},
		"isolate [4]":               {4},
		"crash [4]":                 {4},
		"heal":                      {4},
		"partition [[1 2] [3 5]]; partition [[4]]": {4},
	} {
		if got := sideOf(text, 4); !slices.Equal(got, want) {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestWithoutAFaultThereIsNoTimeline(t *testing.T) {
	d := syntheticMoments("live")
	for i := range d.Timeline {
		d.Timeline[i].Faults = ""
	}
	if _, _, ok := timeline(d); ok {
		t.Error("drawn")
	}
}
