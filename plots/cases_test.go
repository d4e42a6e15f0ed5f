package plots

import (
	"fmt"
	"strings"
	"testing"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"

	"raftzab/results"
)

// syntheticCases has the shape of election-conditions: each case takes 10 ms more than the one before, every
// fourth trial of the last two takes two rounds, and of the last one every fifth is censored.
func syntheticCases(trials int) *results.Data {
	v := invent()
	for n, in := range []string{"ideal", "loss", "datagrams", "far"} {
		for _, system := range []string{"zab", "raft"} {
			settings := fmt.Sprintf(`{"Timeouts":"matched","Cluster":{"Voters":5},"Network":{"Delay":"uniform(4ms, 6ms)","Loss":%g,"Channel":%q},"Disk":{"Fsync":"lognormal(1ms, 0.3)"},
				"Raft":{"ElectionTimeout":"150ms-300ms","Heartbeat":"75ms"},"Zab":{"Tick":"45ms","SyncLimit":5,"FinalizeWait":"200ms"},"Faults":[{"At":"2s","Kind":"power-off","Target":"leader"}]}`,
				[]float64{0, 0.05, 0.2, 0}[n], []string{"stream", "stream", "datagram", "stream"}[n])
			v.cell("sim", in, system, nil, settings, trials, func(i int, t *results.Trial) {
				switch {
				case t.Probed:
					t.ElectMS = 9999
				case n == 3 && i%5 == 4:
					t.Outcome = results.Censored
				default:
					t.ElectMS, t.DetectMS, t.VoteMS, t.ActivateMS, t.Rounds = results.Number(100+10*n+i), 50, results.Number(10*n+i), 50, 1
					if n > 1 && i%4 == 0 {
						t.Rounds = 2
					}
				}
			})
		}
	}
	return v.d
}

// syntheticWinners has the shape of election-servers: in Zab 4 wins, in Raft each of four in turn, but
// in the second case server 1.
func syntheticWinners(trials int) *results.Data {
	v := invent()
	for _, in := range []string{"alike", "eager"} {
		timeout := `"ClockSkew":"1ms"`
		if in == "eager" {
			timeout = `"Timeout":"100ms-200ms"`
		}
		for _, system := range []string{"zab", "raft"} {
			settings := fmt.Sprintf(`{"Timeouts":"matched","Cluster":{"Voters":5},"Network":{"Delay":"uniform(4ms, 6ms)"},"Nodes":[{"ID":[1],%s},{"ID":[4,5],"ClockDrift":-0.1}],
				"Raft":{"ElectionTimeout":"150ms-300ms","Heartbeat":"75ms"},"Zab":{"Tick":"45ms","SyncLimit":5,"FinalizeWait":"200ms"},"Faults":[{"At":"2s","Kind":"power-off","Target":"leader"}]}`, timeout)
			v.cell("sim", in, system, nil, settings, trials, func(i int, t *results.Trial) {
				switch {
				case t.Probed:
					t.Leader = 5
				case system == "zab":
					t.Leader = 4
				case in == "eager":
					t.Leader = 1
				default:
					t.Leader = results.Number(1 + i%4)
				}
			})
		}
	}
	return v.d
}

// syntheticJoins has the shape of late-joiner.
func syntheticJoins(trials int) *results.Data {
	v := invent()
	for _, in := range []string{"late", "crash"} {
		fault := `{"At":"2s","Kind":"start","Target":"node:5","For":"0s"}`
		if in == "crash" {
			fault = `{"At":"2s","Kind":"crash","Target":"leader","For":"2s"}`
		}
		for _, system := range []string{"zab", "raft"} {
			settings := fmt.Sprintf(`{"Timeouts":"matched","Cluster":{"Voters":5},"Network":{"Delay":"uniform(4ms, 6ms)"},"Disk":{"Fsync":"lognormal(1ms, 0.3)"},
				"Raft":{"ElectionTimeout":"150ms-300ms","Heartbeat":"75ms"},"Zab":{"Tick":"45ms","SyncLimit":5,"FinalizeWait":"200ms"},"Probe":{"Interval":"100ms"},"Faults":[%s]}`, fault)
			v.cell("sim", in, system, nil, settings, trials, func(i int, t *results.Trial) {
				t.ElectMS, t.OutageMS = 500, 600
				if t.Probed {
					t.JoinMS = results.Number(40 + i)
				}
			})
		}
	}
	return v.d
}

func TestNumbersByCaseAreThoseOfTestdata(t *testing.T) {
	d := syntheticCases(40)
	rows, _ := casePanels(d)
	_, caption, _ := electionCases(d)
	golden(t, "election-cases", rows, caption)
	d = syntheticWinners(40)
	_, caption, _ = winners(d)
	golden(t, "winners", winnerPanels(d), caption)
	d = syntheticJoins(20)
	_, caption, _ = joins(d)
	golden(t, "join", cdfPanels(joinPanels(d)), caption)
}

func TestACaseHasItsMedianAndTheShareThatNeedsAnotherRound(t *testing.T) {
	d := syntheticCases(41)
	rows, _ := casePanels(d)
	if len(rows) != 2 || len(rows[0].Rows) != 4 || rows[0].Title != "(a) raft" {
		t.Fatalf("%+v", rows)
	}
	first, third, last := rows[0].Rows[0], rows[0].Rows[2], rows[0].Rows[3]
	if first.Value != 120 || first.Low != 102 || first.High != 138 || !strings.HasPrefix(first.Text, "120.0 ms (") || !strings.Contains(first.Text, "; rounds 1.00, again 0.0 % (0.0-8.6); n = 41") {
		t.Errorf("%+v", first)
	}
	if third.Value != 140 || !strings.Contains(third.Text, "; rounds 1.27, again 26.8 % (") { // 11 of 41
		t.Errorf("%+v", third)
	}
	if last.High != 170 || !strings.HasSuffix(last.Text, "; n = 41 (8 censored)") { // beyond the 95th percentile all are
		t.Errorf("%+v", last)
	}
	_, caption, _ := electionCases(d)
	for _, part := range []string{"Time from the fault to", "in loss loss 5 %", "in datagrams loss 20 %, and nothing is sent again"} {
		if !strings.Contains(caption, part) {
			t.Errorf("the caption lacks %q: %s", part, caption)
		}
	}
	for i := range d.Manifest.Cells {
		c := &d.Manifest.Cells[i]
		c.Settings = []byte(strings.Replace(string(c.Settings), `"Faults"`, `"None"`, 1))
	}
	if _, caption, _ = electionCases(d); !strings.Contains(caption, "Time from the start of all servers to") {
		t.Errorf("nothing goes wrong, and the caption says: %s", caption)
	}
	d.Manifest.Cells[0].Settings = syntheticCases(1).Manifest.Cells[0].Settings
	if _, _, drawn := electionCases(d); drawn {
		t.Error("drawn though one case has a fault and the others have none")
	}
}

func TestEachServersShareIsOfAllTrials(t *testing.T) {
	d := syntheticWinners(40)
	d.Trials[0].Leader, d.Trials[0].Outcome = results.None, results.Censored // of zab, alike
	p := winnerPanels(d)
	if len(p) != 2 || p[1].Title != "(b) eager: share won" || len(p[0].Lines) != 2 || len(p[0].Lines[0].Points) != 5 {
		t.Fatalf("%+v", p)
	}
	raft, zab := p[0].Lines[0], p[0].Lines[1]
	if x := raft.Points[2]; raft.Label != "raft" || x.X != 3 || x.N != 40 || x.Median != 0.25 || !(x.Low > 0.14 && x.Low < 0.15) {
		t.Errorf("%+v", raft)
	}
	if zab.Points[3].Median != 39.0/40 || zab.Points[4].Median != 0 || p[1].Lines[0].Points[0].Median != 1 {
		t.Errorf("%+v", zab)
	}
	_, caption, _ := winners(d)
	for _, part := range []string{"in (a) server 1 with a clock 1 ms ahead, servers 4-5 with a clock that is 10 % slow", "in (b) server 1 with an election timeout of 100-200 ms, servers 4-5 with a clock that is 10 % slow"} {
		if !strings.Contains(caption, part) {
			t.Errorf("the caption lacks %q: %s", part, caption)
		}
	}
	for i := range d.Manifest.Cells {
		c := &d.Manifest.Cells[i]
		c.Settings = []byte(strings.Replace(string(c.Settings), `"Nodes"`, `"None"`, 1))
	}
	if _, _, drawn := winners(d); drawn {
		t.Error("drawn though all servers are alike")
	}
}

// Where servers join a leader in office, elections are no matter of the figures.
func TestJoinsAreOfTrialsWithClientsAndTakeThePlaceOfElections(t *testing.T) {
	d := syntheticJoins(3)
	p := joinPanels(d)
	if len(p) != 2 || p[0].Case != "late" || len(p[0].Series) != 2 || fmt.Sprint(p[0].Series[0].sample) != "[40 41 42]" {
		t.Fatalf("%+v", p)
	}
	if latencyPanels(d) != nil || outagePanels(d) != nil {
		t.Error("elections are shown beside them")
	}
	_, caption, _ := joins(d)
	for _, part := range []string{"in (a) a server that was not there before is started", "in (b) the leader's process is killed and its connections close, undone after 2000 ms", "every 100 ms"} {
		if !strings.Contains(caption, part) {
			t.Errorf("the caption lacks %q: %s", part, caption)
		}
	}
}

func TestLinksAreToldWhereTheyDiffer(t *testing.T) {
	of := series{Mode: "sim", cell: &results.Cell{}}
	var s settings
	s.Network.Delay = "constant(5ms)"
	loss := 0.1
	for range 2 {
		s.Links = append(s.Links, override{[]int{1}, []int{2, 3}, "constant(5ms)", nil}, override{[]int{2}, []int{1}, "constant(50ms)", &loss})
	}
	if got, want := linksOf(&s, &of), "from 2 to 1 delay 50 ms, loss 10 %; from 2 to 1 delay 50 ms, loss 10 %"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	s.Links = append(s.Links, s.Links...)
	if got := linksOf(&s, &of); got != "links differ, and the scenario has their delays" {
		t.Errorf("%q", got)
	}
}

func TestLabelsThatWouldTouchGoAndDecadesStay(t *testing.T) {
	labels := func(apart vg.Length) (kept []string) {
		ticks := []plot.Tick{{Value: 0, Label: "50"}, {Value: 1, Label: "100"}, {Value: 2, Label: "200"}, {Value: 2.5}, {Value: 3, Label: "500"}, {Value: 4, Label: "1000"}}
		spaced(ticks, func(value float64) vg.Length { return vg.Length(value) * apart })
		for _, tick := range ticks {
			kept = append(kept, tick.Label)
		}
		return kept
	}
	for apart, want := range map[vg.Length]string{30: "[50 100 200  500 1000]", 12: "[ 100    1000]"} {
		if got := fmt.Sprint(labels(apart)); got != want {
			t.Errorf("%v apart: %s, want %s", apart, got, want)
		}
	}
}
