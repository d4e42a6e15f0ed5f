package plots

import (
	"fmt"
	"strings"
	"testing"

	"raftzab/results"
)

// syntheticReturns has the shape of returning-leader.
func syntheticReturns(trials int) *results.Data {
	v := invent()
	for _, kind := range []string{"crash", "pause"} {
		for _, run := range [][2]string{{"live", "zookeeper"}, {"sim", "zab"}, {"sim", "raft"}} {
			settings := fmt.Sprintf(`{"Timeouts":"matched","Cluster":{"Voters":5},"Network":{"Delay":"uniform(4ms, 6ms)"},"Raft":{"ElectionTimeout":"300ms-600ms","Heartbeat":"150ms"},"Zab":{"Tick":"90ms","SyncLimit":5,"FinalizeWait":"200ms"},
				"Faults":[{"At":"2s","Kind":%q,"Target":"leader","For":"2s"}]}`, kind)
			v.cell(run[0], kind, run[1], nil, settings, trials, func(i int, t *results.Trial) {
				t.FollowMS = results.Number(100 + i)
				if run[0] == "sim" {
					t.FollowVotes, t.FollowMessages = 1, 16
				}
				if run[0] == "sim" && t.Probed {
					t.FollowMS = 9000
				}
			})
		}
	}
	return v.d
}

// syntheticPlaces has the shape of wan-commits: server 2 leads in even trials, 1 in odd ones.
func syntheticPlaces(trials int) *results.Data {
	v := invent()
	for _, system := range []string{"raft", "zab"} {
		settings := `{"Timeouts":"matched","Cluster":{"Voters":3},"Network":{"Delay":"constant(5ms)"},"Links":[{"From":[1],"To":[2],"Delay":"constant(50ms)"}],"Clients":{"Delay":"constant(250us)"},"Raft":{"ElectionTimeout":"1s-2s","Heartbeat":"500ms"},
			"Zab":{"Tick":"300ms","SyncLimit":5,"FinalizeWait":"200ms"},"Workload":{"Clients":5,"Rate":20,"ReadMode":"local"}}`
		v.cell("sim", "", system, nil, settings, trials, func(i int, t *results.Trial) {
			if !t.Probed {
				t.Leader, t.CommitP50 = results.Number(2-i%2), results.Number(100*(2-i%2))
			}
		})
	}
	return v.d
}

func TestNumbersByPlaceAreThoseOfTestdata(t *testing.T) {
	d := syntheticReturns(10)
	panels, _ := returnPanels(d)
	_, caption, _ := returningLeader(d)
	golden(t, "returning-leader", panels, caption)
	d = syntheticPlaces(10)
	panels, _ = placePanels(d)
	_, caption, _ = wanCommits(d)
	golden(t, "wan-commits", panels, caption)
}

func TestTheReturnIsOfTrialsWithoutClientsWhereThereAreSuch(t *testing.T) {
	panels, cells := returnPanels(syntheticReturns(3))
	if len(panels) != 2 || len(cells) != 6 || panels[1].Title != "(b) pause" {
		t.Fatalf("%+v", panels)
	}
	raft, live := panels[0].Rows[0], panels[0].Rows[2]
	if raft.Label != "raft" || raft.Value != 101 || raft.Text != "101 ms; votes 1, messages 16" || live.Label != "live zookeeper" || live.Text != "101 ms" {
		t.Errorf("%+v and %+v", raft, live)
	}
}

func TestCommitsAreShownByWhoLeads(t *testing.T) {
	panels, _ := placePanels(syntheticPlaces(5))
	if len(panels) != 2 || len(panels[0].Rows) != 2 {
		t.Fatalf("%+v", panels)
	}
	if a, b := panels[0].Rows[0], panels[1].Rows[1]; a.Label != "server 1 leads" || a.Value != 100 || !strings.HasSuffix(a.Text, "(n = 2)") || b.Value != 200 || !strings.HasSuffix(b.Text, "(n = 3)") {
		t.Errorf("%+v and %+v", a, b)
	}
	d := syntheticPlaces(5)
	d.Manifest.Cells[0].Settings = []byte(strings.Replace(string(d.Manifest.Cells[0].Settings), `"Links"`, `"Nothing"`, 1))
	if _, _, ok := wanCommits(d); ok {
		t.Error("drawn though all links are the same")
	}
}

// syntheticCommits has the shape of commit-messages.
func syntheticCommits(trials int) *results.Data {
	v := invent()
	for _, system := range []string{"raft", "zab"} {
		for _, voters := range []int{3, 5} {
			settings := fmt.Sprintf(`{"Timeouts":"matched","Cluster":{"Voters":%d},"Network":{"Delay":"constant(5ms)"},"Raft":{"ElectionTimeout":"1s-2s","Heartbeat":"500ms"},"Zab":{"Tick":"300ms","SyncLimit":5,"FinalizeWait":"200ms"},
				"Workload":{"Clients":1,"ReadMode":"local"}}`, voters)
			v.cell("sim", "leader", system, pairs("cluster.voters", fmt.Sprint(voters)), settings, trials, func(i int, t *results.Trial) {
				if !t.Probed {
					t.WriteMessages = results.Number(2 * (voters - 1))
				}
			})
		}
	}
	return v.d
}

func TestNumbersOfCommitMessagesAreThoseOfTestdata(t *testing.T) {
	d := syntheticCommits(3)
	_, caption, _ := commitMessages(d)
	golden(t, "commit-messages", commitPanels(d), caption)
	if p := commitPanels(d); len(p) != 1 || len(p[0].Lines) != 2 || p[0].Lines[1].Points[1].Median != 8 || p[0].Lines[1].Points[1].X != 5 {
		t.Errorf("%+v", p)
	}
}
