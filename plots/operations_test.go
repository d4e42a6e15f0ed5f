package plots

import (
	"fmt"
	"strings"
	"testing"

	"raftzab/results"
)

// syntheticObservers has the shape of observers: three cases, simulated and live.
func syntheticObservers(trials int) *results.Data {
	v := invent()
	for _, c := range []struct{ name, workload string }{
		{"writes", `"Clients":100`}, {"latency", `"Clients":100,"Rate":200`}, {"reads", `"Clients":500,"Reads":1`},
	} {
		for _, x := range []struct{ mode, system, cpu string }{{"sim", "zab", `"Message":"50µs"`}, {"live", "zab", `"Quota":0.2`}, {"sim", "raft", `"Message":"50µs"`}} {
			for _, n := range []int{0, 8} {
				settings := fmt.Sprintf(`{"Cluster":{"Voters":3},"Network":{"Delay":"constant(1ms)"},"Disk":{"Fsync":"constant(1ms)"},"CPU":{%s},"Workload":{%s}}`, x.cpu, c.workload)
				v.cell(x.mode, c.name, x.system, pairs("cluster.observers", fmt.Sprint(n)), settings, trials, func(i int, t *results.Trial) {
					t.Throughput, t.CommitP50 = results.Number(3000/(1+n)+i), results.Number(4+0.1*float64(n))
					if c.name == "reads" {
						t.Throughput = results.Number(1000 * (3 + n))
					}
				})
			}
		}
	}
	return v.d
}

// syntheticObserverElections has the shape of observers-election.
func syntheticObserverElections(trials int) *results.Data {
	v := invent()
	for _, n := range []int{0, 8, 1000} {
		settings := `{"Cluster":{"Voters":3},"Network":{"Delay":"uniform(4ms, 6ms)"},"Disk":{"Fsync":"constant(1ms)"},"CPU":{"Message":"50µs"},"Faults":[{"Kind":"crash","Target":"leader"}]}`
		v.cell("sim", "crash", "zab", pairs("cluster.observers", fmt.Sprint(n)), settings, trials, func(i int, t *results.Trial) {
			t.ElectMS, t.Messages = results.Number(240+n/10+v.rng.IntN(9)), results.Number(30+5*n)
			if t.Probed {
				t.ElectMS = 9000
			}
		})
	}
	return v.d
}

// syntheticHops has the shape of hops.
func syntheticHops(trials int) *results.Data {
	v := invent()
	for _, c := range []struct {
		system, in, mode      string
		read, write, messages results.Number
	}{{"raft", "leader", "local", 2, 4, 6}, {"raft", "leader-readindex", "readindex", 4, 4, 6}, {"zab", "follower", "local", 2, 6, 8}} {
		settings := fmt.Sprintf(`{"Cluster":{"Voters":3,"Observers":1},"Network":{"Delay":"constant(5ms)"},"Workload":{"Clients":1,"ReadMode":%q}}`, c.mode)
		v.cell("sim", c.in, c.system, nil, settings, trials, func(i int, t *results.Trial) {
			if t.ReadHops, t.ReadMessages, t.WriteHops, t.WriteMessages = c.read, c.read-2, c.write, c.messages; t.Probed {
				t.ReadHops, t.WriteHops = results.None, results.None
			}
		})
	}
	return v.d
}

// syntheticFinding has the shape of find-leader.
func syntheticFinding(trials int) *results.Data {
	v := invent()
	for _, c := range []struct{ system, in string }{{"raft", "known"}, {"raft", "asked"}, {"zab", "any"}} {
		settings := `{"Limit":"30s","Cluster":{"Voters":5},"Network":{"Delay":"uniform(4ms, 6ms)"},"Workload":{"Clients":20,"Timeout":"100ms"},"Faults":[{"Kind":"crash","Target":"leader"}]}`
		v.cell("live", c.in, c.system, nil, settings, trials, func(i int, t *results.Trial) {
			t.ElectMS = results.Number(200 + v.rng.IntN(50))
			t.ResumeP50, t.ResumeMost = t.ElectMS+40, t.ElectMS+100
		})
	}
	return v.d
}

func init() {
	made["observers"], made["observers-election"] = syntheticObservers, syntheticObserverElections
	made["hops"], made["find-leader"] = syntheticHops, syntheticFinding
}

func TestNumbersOfFiguresOfOperationsAreTheseOfTestdata(t *testing.T) {
	d := syntheticObservers(20)
	_, caption, _ := observerThroughput(d)
	golden(t, "observers", throughputPanels(d), caption)
	d = syntheticObserverElections(20)
	_, caption, _ = observerElections(d)
	golden(t, "observers-election", observerElectionPanels(d), caption)
	d = syntheticHops(3)
	_, caption, _ = hops(d)
	panels, _ := hopPanels(d)
	golden(t, "hops", panels, caption)
	d = syntheticFinding(20)
	_, caption, _ = findLeader(d)
	panels, _ = findPanels(d)
	golden(t, "find-leader", panels, caption)
}

// Elections beside observers are those without clients, and the points of one system
// live and simulated stand apart.
func TestObserversArePointsOfTheirOwnRows(t *testing.T) {
	p := observerElectionPanels(syntheticObserverElections(20))
	if len(p) != 2 || len(p[0].Lines) != 1 || len(p[0].Lines[0].Points) != 3 {
		t.Fatalf("%+v", p)
	}
	if x := p[0].Lines[0].Points[2]; x.X != 1000 || x.N != 20 || x.High > 349 || x.Low < 340 {
		t.Errorf("%+v", x)
	}
	var labels []string
	for _, l := range throughputPanels(syntheticObservers(3))[0].Lines {
		labels = append(labels, l.Label)
	}
	if got := strings.Join(labels, ", "); got != "raft, zab, live zab" {
		t.Errorf("lines %s", got)
	}
}
