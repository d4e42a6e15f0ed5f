package report

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"os"
	"path/filepath"

	"raftzab/bench/run"
	"raftzab/bench/trace"
	"raftzab/experiments"
	"raftzab/plots/spacetime"
)

// An Election is one trial of Raft and the same of Zab, to walk through.
type Election struct {
	Case, Says, Command string
	Diagram             template.HTML
}

// shown is the trial of election-latency whose elections the page shows, and how much
// before the fault and after the new leader being active.
const (
	shown  = 12
	around = 100 * 1_000_000
)

// Replay makes the elections that the page shows: the same trial of Raft and of Zab, of
// the scenario election-latency in files. Without that file there are none.
func (r *Report) Replay(files string) error {
	path := filepath.Join(files, "election-latency.toml")
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range []Election{
		{Case: "power-off", Says: "The leader's machine falls silent, and nobody is told: both protocols wait for a timeout."},
		{Case: "crash", Says: "The leader's process dies, and the kernel closes its connections: Zab's followers look at connections, Raft's do not."},
	} {
		scenarios, err := experiments.Load([]string{path}, experiments.Options{Systems: []string{"raft", "zab"}, Mode: string(run.Sim), Case: e.Case})
		if err != nil {
			return err
		}
		e.Command = fmt.Sprintf("raftzab replay experiments/election-latency.toml --system raft,zab --case %s --trial %d --trace html --out election.html", e.Case, shown)
		var titles []string
		var traces []*trace.Trace
		var from, to trace.Time
		cells := scenarios[0].Cells
		for i := range cells {
			t, broken, err := run.Record(&cells[i], shown, false)
			if err != nil {
				return err
			}
			begin, end, ok := t.Election(around, around)
			if broken != nil || !ok {
				return fmt.Errorf("%s has no election to show in trial %d; see it with: %s", &cells[i], shown, e.Command)
			}
			if i == 0 || begin < from {
				from = begin
			}
			to = max(to, end)
			titles, traces = append(titles, names[cells[i].System]), append(traces, t)
		}
		for i, t := range traces {
			traces[i] = t.Cut(from, to)
		}
		var b bytes.Buffer
		if err := spacetime.Fragment(&b, titles, traces); err != nil {
			return err
		}
		e.Diagram = template.HTML(b.String())
		r.Elections = append(r.Elections, e)
	}
	return nil
}

var names = map[string]string{"raft": "Raft", "zab": "Zab"}
