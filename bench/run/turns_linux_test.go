package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"raftzab/results"
)

// servedCells are cells of all systems that can run here, whose clients read once locally
// and once in the way that each has to be sure of the present.
func servedCells(t *testing.T, trials int) (cells []*Cell) {
	t.Helper()
	for _, x := range [][2]string{{"raft", "readindex"}, {"hashicorp", "readindex"}, {"zab", "sync"}, {"zookeeper", "sync"}} {
		system, err := Lookup(x[0])
		if err != nil {
			t.Fatal(err)
		}
		if why := system.Missing(World{Mode: Live, Loopback: true}); why != "" {
			t.Logf("without %s: %s", x[0], why)
			continue
		}
		for _, mode := range []string{"local", x[1]} {
			c := liveCell(x[0], 1000*ms)
			c.Loopback, c.Turns, c.Trials = true, true, trials
			c.Settings.Warmup, c.Settings.Observe, c.Settings.Limit = 200*ms, 500*ms, 20_000*ms
			c.Settings.Workload = Workload{Clients: 6, Reads: 0.5, ReadMode: mode, Warmup: 1000 * ms}
			if lost := system.Check(Live, &c.Settings); lost != nil {
				t.Fatal(lost)
			}
			system.Complete(&c.Settings)
			cells = append(cells, c)
		}
	}
	if len(cells) == 0 {
		t.Skip("no system can run here")
	}
	return cells
}

// children are the processes that this one has started.
func children(t *testing.T) (pids []string) {
	t.Helper()
	tasks, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil || tasks == nil {
		t.Skip("this kernel does not tell")
	}
	for _, task := range tasks {
		text, _ := os.ReadFile(task) // a thread may have ended
		pids = append(pids, strings.Fields(string(text))...)
	}
	return pids
}

func TestCellsOfAllSystemsTakeTurnsOnCommonServers(t *testing.T) {
	cells := servedCells(t, 2)
	var order []string
	options := make([]Options, len(cells))
	for i, c := range cells {
		options[i] = Options{Ended: func(trial int, told *Told) {
			order = append(order, fmt.Sprint(trial, i))
			for _, r := range told.Rows {
				if r.System != c.System || r.Trial != trial || r.Outcome != results.OK || r.Reads < 1 || r.Writes < 1 || r.ReadsFailed+r.WritesFailed > r.Reads+r.Writes { // some fail where the machine is busy
					t.Errorf("%s: %+v", c, r)
				}
			}
			if reads := told.Reads; len(reads) == 0 || reads[0].ReadMode != c.Settings.Workload.ReadMode {
				t.Errorf("%s: %+v", c, reads)
			}
		}}
	}
	sums, err := Turns(t.Context(), cells, options)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for trial := range 2 {
		for i := range cells {
			want = append(want, fmt.Sprint(trial, i))
		}
	}
	if !slices.Equal(order, want) {
		t.Errorf("trials in the order %q", order)
	}
	for i, s := range sums {
		if s.Cell != cells[i] || s.Rows != 2 || s.Live == nil || s.Wall == 0 {
			t.Errorf("%s: %+v", cells[i], s)
		}
		if boots := strings.Count(strings.Join(s.Observed, "\n"), "fsync of"); boots != 1-i%2 {
			t.Errorf("%s: %d boots", cells[i], boots)
		}
	}
	if pids := children(t); pids != nil {
		t.Errorf("processes %q are left", pids)
	}
}

func TestTurnsThatAreInterruptedKeepWhatHadEndedAndLeaveNobody(t *testing.T) {
	cells := servedCells(t, 1000)[:2]
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	rows := 0
	options := make([]Options, len(cells))
	for i := range options {
		options[i].Ended = func(int, *Told) {
			if rows++; rows == 5 {
				cancel()
			}
		}
	}
	sums, err := Turns(ctx, cells, options)
	if !errors.Is(err, ErrInterrupted) || rows != 5 || len(sums) != len(cells) || sums[0].Rows < 2 {
		t.Errorf("%d rows, %v", rows, err)
	}
	if pids := children(t); pids != nil {
		t.Errorf("processes %q are left", pids)
	}
}

// What ends the servers of one system ends its cells, and the others go on.
func TestServersThatFailEndTheirCellsAlone(t *testing.T) {
	cells := servedCells(t, 2)
	cells = cells[:min(len(cells), 4)]
	cells[0].Settings.Raft.Heartbeat, cells[1].Settings.Raft.Heartbeat = -1, -1 // no node takes it
	sums, err := Turns(t.Context(), cells, make([]Options, len(cells)))
	if err == nil || strings.Count(err.Error(), cells[0].System+":") == 0 {
		t.Errorf("%v", err)
	}
	for i, s := range sums {
		if want := 2 * min(i/2, 1); s.Rows != want {
			t.Errorf("%s: %d rows", cells[i], s.Rows)
		}
	}
}

func TestCellsShareServersIfTheyDifferInWhatClientsAskFor(t *testing.T) {
	one := &turner{runner: newRunner(t.Context(), liveCell("zab", 1000*ms), Options{})}
	other := func(change func(c *Cell)) *turner {
		c := liveCell("zab", 1000*ms)
		change(c)
		return &turner{runner: newRunner(t.Context(), c, Options{})}
	}
	for name, c := range map[string]struct {
		change func(c *Cell)
		shared bool
	}{
		"reads":   {func(c *Cell) { c.Settings.Workload.Reads = 0.7 }, true},
		"mode":    {func(c *Cell) { c.Settings.Workload.ReadMode = "sync" }, true},
		"rate":    {func(c *Cell) { c.Settings.Workload.Rate = 10 }, true},
		"clients": {func(c *Cell) { c.Settings.Workload.Clients = 3 }, false},
		"keys":    {func(c *Cell) { c.Settings.Workload.Keys = 3 }, false},
		"tick":    {func(c *Cell) { c.Settings.Zab.Tick++ }, false},
		"system":  {func(c *Cell) { c.System = "zookeeper" }, false},
		"network": {func(c *Cell) { c.Loopback = true }, false},
		"flags":   {func(c *Cell) { c.Settings.Zab.JVM = []string{"-Xmx1g"} }, false},
	} {
		if got := other(c.change).host([]*turner{one}) != nil; got != c.shared {
			t.Errorf("another %s: shared is %t", name, got)
		}
	}
}
